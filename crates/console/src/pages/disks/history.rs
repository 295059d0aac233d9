//! The time slider: a disk's history, and what can be done at one of its moments.

use maud::{Markup, html};
use respond::Time;
use respond::people::Role;
use serde::Deserialize;

use super::super::layout::Page;
use super::super::links::escaped;
use super::super::parts::{Tone, csrf, empty, pill, sentence, with_code};
use super::super::visitor::Visitor;
use super::super::words::{bytes, minute, seconds_since, span, time, zone};
use super::Tab;
use super::files::unreadable;
use super::timeline::{self, at};
use crate::problem::Refusal;
use crate::site::{Activity, Site, VolumeView};

/// Parts of the picture.
const BUCKETS: u32 = 200;
/// Steps of the slider.
const STEPS: i64 = 1000;
/// Events in the list.
const EVENTS_MAX: usize = 100;
const SPANS: [(&str, &str, i64); 5] = [
    ("15m", "15 minutes", 15 * 60),
    ("1h", "1 hour", 3600),
    ("1d", "1 day", 24 * 3600),
    ("1w", "1 week", 7 * 24 * 3600),
    ("all", "all that is kept", i64::MAX / 1000),
];

/// Which part of the history, and which moment.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// `15m`, `1h`, `1d`, `1w` or `all`.
    #[serde(default)]
    span: String,
    /// The chosen moment.
    #[serde(default)]
    at: String,
    /// Where the slider stands, of the thousand steps between `from` and `to` (milliseconds since the epoch).
    position: Option<i64>,
    from: Option<i64>,
    to: Option<i64>,
}

impl Asked {
    /// The time that the slider stands at, if that is what was sent.
    fn slid(&self) -> Option<Time> {
        let (from, to) = (self.from?, self.to?);
        let part = i128::from(to.checked_sub(from)?) * i128::from(self.position?.clamp(0, STEPS)) / i128::from(STEPS);
        Some(Time::from_unix_millis(from.saturating_add(i64::try_from(part).ok()?)))
    }

    /// The chosen moment as the engine takes it.
    fn moment(&self) -> Option<String> {
        let slid = self.slid().map(|time| time.to_string());
        slid.or_else(|| (!self.at.trim().is_empty()).then(|| self.at.trim().to_owned()))
    }
}

pub(super) fn page(site: &dyn Site, visitor: &Visitor, name: &str, asked: &Asked) -> Result<Page, Refusal> {
    let volume = site.volume(name)?;
    let moment = asked.moment();
    // What the moment is, told by what a restore to it would do.
    let preview = moment.as_deref().map(|moment| site.preview_restore(name, moment));
    let chosen = preview
        .as_ref()
        .and_then(|preview| preview.as_ref().ok())
        .map(|preview| preview.to);
    let (from, to) = range(site.now(), &volume, asked, chosen.map(|moment| moment.time));
    let activity = site.activity(name, from, to, BUCKETS)?;
    let body = html! {
        section class="card" {
            header { h2 { "Every moment of this disk" } (spans(name, asked)) }
            (timeline::picture(name, &activity, chosen.map(|moment| moment.time)))
            (slider(name, asked, &activity, chosen.map(|moment| moment.time)))
        }
        @match &preview {
            None => (empty("Choose a moment.", &html! { "With the slider, in the list below, or by name: a time, " code { "-15m" } ", a pin." })),
            Some(Err(problem)) => (unreadable(problem)),
            Some(Ok(preview)) => (chosen_moment(site.now(), visitor, &volume, preview)),
        }
        (events(name, &activity))
    };
    Ok(super::page(&volume, visitor.signed_in.role, Tab::History, &body))
}

/// The span that is shown: as asked for, so far as there is something in it; around the chosen moment if that lies outside.
fn range(now: Time, volume: &VolumeView, asked: &Asked, chosen: Option<Time>) -> (Time, Time) {
    let oldest = volume.oldest.map_or(now, |moment| moment.time);
    if let (Some(from), Some(to)) = (asked.from, asked.to)
        && from < to
    {
        return (Time::from_unix_millis(from), Time::from_unix_millis(to));
    }
    let seconds = SPANS
        .iter()
        .find(|(name, ..)| *name == asked.span)
        .map(|(.., seconds)| *seconds);
    let seconds = seconds.unwrap_or_else(|| fitting(now, chosen.unwrap_or(oldest)));
    let from = now.plus_millis(-seconds.saturating_mul(1000)).max(oldest);
    let from = chosen.map_or(from, |chosen| from.min(chosen));
    (from.min(now.plus_millis(-60_000)), now)
}

/// The smallest of the spans that reaches back to a time.
fn fitting(now: Time, back_to: Time) -> i64 {
    let needed = i64::try_from(seconds_since(now, back_to)).unwrap_or(i64::MAX);
    SPANS
        .iter()
        .map(|(.., seconds)| *seconds)
        .find(|seconds| *seconds >= needed)
        .unwrap_or(i64::MAX / 1000)
}

fn spans(name: &str, asked: &Asked) -> Markup {
    html! {
        nav aria-label="How much of the past" {
            ul class="key" {
                @for (short, words, _) in SPANS {
                    li { a href={"/disks/" (name) "/history?span=" (short) @if !asked.at.is_empty() { "&at=" (escaped(&asked.at)) }} aria-current=[(asked.span == short).then_some("true")] { (words) } }
                }
            }
        }
    }
}

fn slider(name: &str, asked: &Asked, activity: &Activity, chosen: Option<Time>) -> Markup {
    let (from, to) = (activity.from.unix_millis(), activity.to.unix_millis());
    let place = chosen.map_or(STEPS, |chosen| {
        chosen.millis_since(activity.from).saturating_mul(STEPS) / (to - from).max(1)
    });
    html! {
        form method="get" action={"/disks/" (name) "/history"} {
            input type="hidden" name="from" value=(from);
            input type="hidden" name="to" value=(to);
            label for="position" { "Moment: " output id="slid" for="position" class="strong" { @if let Some(chosen) = chosen { (time(chosen)) } @else { "now" } } }
            input type="range" id="position" name="position" min="0" max=(STEPS) value=(place) data-shows="slid" data-from=(from) data-to=(to) data-zone=(zone());
            div class="buttons" { button { "Look at this moment" } }
        }
        form class="inline" method="get" action={"/disks/" (name) "/history"} {
            div { label for="at" { "Or by name " span class="hint" { "a time, -15m, a pin, #number" } } input id="at" name="at" value=(asked.at) placeholder="-15m"; }
            button { "Look" }
        }
    }
}

fn chosen_moment(now: Time, visitor: &Visitor, volume: &VolumeView, preview: &crate::site::RestorePreview) -> Markup {
    let exact = format!("#{}", preview.to.sequence);
    let query = escaped(&exact);
    let name = &volume.name;
    html! {
        section class="card info" {
            header { h2 { (time(preview.to.time)) } span class="quiet mono" { (exact) } }
            p { "The disk as it was " (span(seconds_since(now, preview.to.time))) " ago. Since then " (bytes(preview.written_bytes)) " were written." }
            @if visitor.signed_in.role.may(Role::Operator) {
                div class="buttons" {
                    a class="button primary" href={"/disks/" (name) "/files?at=" (query)} { "Look at its files" }
                    a class="button danger" href={"/disks/" (name) "/restore?at=" (query)} { "Restore to this moment" }
                }
                div class="grid two" {
                    form class="inline" method="post" action={"/disks/" (name) "/pins"} {
                        (csrf(&visitor.signed_in.csrf))
                        input type="hidden" name="at" value=(exact);
                        div { label for="pin" { "Keep it under a name" } input id="pin" name="pin" required maxlength="64"; }
                        button { "Pin" }
                    }
                    form class="inline" method="post" action={"/disks/" (name) "/forks"} {
                        (csrf(&visitor.signed_in.csrf))
                        input type="hidden" name="at" value=(exact);
                        div { label for="fork" { "A writable copy from here" } input id="fork" name="fork" required maxlength="64"; }
                        button { "Fork" }
                    }
                }
                p class="hint" { "A pin keeps the moment however old it gets. A fork is a disk of its own that shares what hasn't changed; writing to it leaves this disk as it is." }
            }
        }
    }
}

fn events(name: &str, activity: &Activity) -> Markup {
    html! {
        section class="card" {
            h2 { "What was done, newest first" }
            @if activity.events.is_empty() { p class="quiet" { "Nothing in this span." } }
            ol class="timeline" reversed {
                @for event in activity.events.iter().rev().take(EVENTS_MAX) {
                    li class=(timeline::tone(&event.kind)) {
                        p { (with_code(&sentence(&event.text))) }
                        p class="when" { (minute(event.moment.time)) " " a href=(at(name, &format!("#{}", event.moment.sequence))) { "Look at this moment" span class="visually-hidden" { ": " (event.text) } } }
                    }
                }
            }
            @if activity.events.len() > EVENTS_MAX { p class="quiet" { (pill(Tone::Quiet, "older")) " Choose a shorter span to see what was done before." } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slider_names_a_time_between_its_ends() {
        let asked = |from, to, position| Asked {
            from: Some(from),
            to: Some(to),
            position: Some(position),
            ..Asked::default()
        };
        assert_eq!(asked(1000, 3000, 500).slid(), Some(Time::from_unix_millis(2000)));
        assert_eq!(asked(1000, 3000, 99_999).slid(), Some(Time::from_unix_millis(3000)));
        assert_eq!(asked(i64::MIN, i64::MAX, 500).slid(), None);
        assert_eq!(
            Asked {
                at: " -15m ".to_owned(),
                ..Asked::default()
            }
            .moment()
            .as_deref(),
            Some("-15m")
        );
    }
}
