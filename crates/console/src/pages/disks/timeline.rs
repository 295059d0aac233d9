//! A disk's history as a picture: how much was written when, how much of it looked random, and what was done. A list beside it
//! says the same.

use maud::{Markup, html};
use respond::Time;

use super::super::links::escaped;
use super::super::words::{minute, time_text};
use crate::site::{Activity, DiskEvent};

/// Units of the picture.
const WIDTH: u64 = 1000;
const HEIGHT: u64 = 150;
/// Room below the bars for the marks.
const FOOT: u64 = 22;
/// Marks that are drawn at most: the list has more.
const MARKS_MAX: usize = 200;

/// The picture, with a mark at the chosen moment.
pub(super) fn picture(volume: &str, activity: &Activity, chosen: Option<Time>) -> Markup {
    let bars = HEIGHT - FOOT;
    let most = activity
        .buckets
        .iter()
        .map(|bucket| bucket.written_bytes)
        .max()
        .unwrap_or(0)
        .max(1);
    let tall = |bytes: u64| scaled(bytes, most, bars);
    let width = scaled(activity.bucket_seconds.saturating_mul(1000), length(activity), WIDTH).max(2);
    html! {
        div class="scroll" role="region" tabindex="0" aria-label="The disk's history as a picture; the list below says the same" {
            svg class="history" viewBox={"0 0 " (WIDTH) " " (HEIGHT)} role="group" aria-label={"What was written to " (volume)} {
                line class="axis" x1="0" x2=(WIDTH) y1=(bars) y2=(bars) {}
                @for bucket in &activity.buckets {
                    @let x = place(activity, bucket.start);
                    rect class="written" x=(x) y=(bars - tall(bucket.written_bytes)) width=(width) height=(tall(bucket.written_bytes)) {}
                    rect class="random" x=(x) y=(bars - tall(bucket.random_bytes.min(bucket.written_bytes))) width=(width) height=(tall(bucket.random_bytes.min(bucket.written_bytes))) {}
                }
                @for event in activity.events.iter().rev().take(MARKS_MAX) { (mark(volume, activity, event)) }
                @if let Some(chosen) = chosen {
                    line class="chosen" x1=(place(activity, chosen)) x2=(place(activity, chosen)) y1="0" y2=(HEIGHT) {}
                }
            }
        }
        div class="head small quiet" { span { (minute(activity.from)) } span { (minute(activity.to)) } }
        ul class="key" {
            li { i class="written" {} "written" }
            li { i class="random" {} "looks random, as encrypted and compressed data do" }
            li { i {} "pins, restores, fences, drills" }
        }
    }
}

fn mark(volume: &str, activity: &Activity, event: &DiskEvent) -> Markup {
    let x = place(activity, event.moment.time);
    let top = HEIGHT - FOOT + 4;
    let points = format!("{x},{top} {},{HEIGHT} {},{HEIGHT}", x.saturating_sub(8), x + 8);
    let said = format!("{}: {}", time_text(event.moment.time), event.text);
    html! {
        a href=(at(volume, &format!("#{}", event.moment.sequence))) aria-label=(said) {
            title { (said) }
            polygon class={"mark " (tone(&event.kind))} points=(points) {}
        }
    }
}

/// The history at a moment.
pub(super) fn at(volume: &str, moment: &str) -> String {
    format!("/disks/{volume}/history?at={}", escaped(moment))
}

/// The colour of an event's mark.
pub(super) fn tone(kind: &str) -> &'static str {
    match kind {
        "fenced" | "bookmarked" | "diverted" | "refused" | "paused" => "bad",
        "restored" | "released" | "rolled-back" => "good",
        "pinned" | "drill" | "forked" => "info",
        _ => "",
    }
}

fn length(activity: &Activity) -> u64 {
    u64::try_from(activity.to.millis_since(activity.from))
        .unwrap_or(0)
        .max(1)
}

fn place(activity: &Activity, time: Time) -> u64 {
    let since = u64::try_from(time.millis_since(activity.from)).unwrap_or(0);
    scaled(since, length(activity), WIDTH)
}

/// `part` of `whole`, as so much of `room`.
fn scaled(part: u64, whole: u64, room: u64) -> u64 {
    let scaled = u128::from(part.min(whole)) * u128::from(room) / u128::from(whole.max(1));
    u64::try_from(scaled).unwrap_or(room)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::{ActivityBucket, Moment};

    #[test]
    fn nothing_is_drawn_outside_of_the_picture() {
        let at = |seconds: i64| Time::from_unix_millis(seconds * 1000);
        let bucket = |start, written_bytes, random_bytes| ActivityBucket {
            start: at(start),
            written_bytes,
            random_bytes,
            discarded_bytes: 0,
        };
        let event = |time| DiskEvent {
            moment: Moment {
                time: at(time),
                sequence: 7,
            },
            kind: "pinned".to_owned(),
            text: "pin <a>".to_owned(),
        };
        let activity = Activity {
            from: at(1000),
            to: at(2000),
            bucket_seconds: 10,
            buckets: vec![bucket(0, u64::MAX, 1), bucket(1500, 10, 20), bucket(9000, 0, 0)],
            events: vec![event(0), event(1500), event(i64::MAX / 1000)],
        };
        let drawn = picture("disk", &activity, Some(at(5000))).into_string();
        assert!(drawn.contains("x=\"500\"") && drawn.contains("x1=\"1000\""), "{drawn}");
        assert!(drawn.contains("pin &lt;a&gt;") && !drawn.contains("<a>"));
        assert!(drawn.contains("at=%237"));
        // A bucket can't look more random than it has bytes.
        assert_eq!(scaled(20, 10, 100), 100);
    }
}
