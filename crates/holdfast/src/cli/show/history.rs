//! `history` as text: a row a bucket with a bar, and what was done with the volume in between.

use std::time::Duration;

use super::super::table::{Align, Table};
use super::moment;
use crate::control::{BucketReport, EventReport, HistoryReport};
use crate::size::format_size;
use crate::span::format_span;
use crate::when::{local, local_short};

/// Width of the longest bar.
const BAR_CELLS: u64 = 24;

pub(super) fn text(report: &HistoryReport) -> String {
    let mut text = format!(
        "{} to {}, rows of {}\n",
        local(report.since.0),
        local(report.until.0),
        span(report)
    );
    text += &format!("every moment since {} can be restored\n\n", moment(&report.oldest));
    if report.buckets.is_empty() && report.events.is_empty() {
        return text + &explain_nothing(report);
    }
    text + &rows(report)
}

fn span(report: &HistoryReport) -> String {
    format_span(Duration::from_secs(report.bucket_seconds))
}

/// Why there is nothing to be seen.
fn explain_nothing(report: &HistoryReport) -> String {
    if report.newest.sequence == 0 {
        return "nothing was ever written\n".to_owned();
    }
    if report.until.0 < report.oldest.time.0 {
        return format!(
            "nothing is kept from that time: the oldest moment is {}\n",
            moment(&report.oldest)
        );
    }
    format!(
        "nothing was written in that time; the newest moment is {}\n",
        moment(&report.newest)
    )
}

fn rows(report: &HistoryReport) -> String {
    let mut table = Table::new(&[
        ("FROM", Align::Left),
        ("WRITTEN", Align::Right),
        ("ZEROED", Align::Right),
        ("TRIMMED", Align::Right),
        ("MOMENT", Align::Right),
        ("", Align::Left),
    ]);
    let most = report.buckets.iter().map(volume_of_writing).max().unwrap_or(0);
    let mut events = report.events.iter().peekable();
    let mut expected = None;
    for bucket in &report.buckets {
        push_events(&mut table, &mut events, |event| event.moment.time < bucket.start);
        if let Some(gap) = expected.and_then(|end| silence(end, bucket)) {
            table.row(vec![format!("  nothing for {gap}")]);
        }
        table.row(vec![
            local_short(bucket.start.0),
            amount(bucket.bytes_written),
            amount(bucket.bytes_zeroed),
            amount(bucket.bytes_trimmed),
            String::new(),
            bar(volume_of_writing(bucket), most),
        ]);
        let end = bucket
            .start
            .0
            .saturating_add(Duration::from_secs(report.bucket_seconds));
        push_events(&mut table, &mut events, |event| event.moment.time.0 < end);
        expected = Some(end);
    }
    push_events(&mut table, &mut events, |_| true);
    table.render()
}

fn push_events<'a>(
    table: &mut Table,
    events: &mut std::iter::Peekable<impl Iterator<Item = &'a EventReport>>,
    belongs: impl Fn(&EventReport) -> bool,
) {
    while let Some(event) = events.next_if(|event| belongs(event)) {
        let when = local_short(event.moment.time.0);
        table.row(vec![
            when,
            String::new(),
            String::new(),
            String::new(),
            format!("#{}", event.moment.sequence),
            format!("* {}", event.text),
        ]);
    }
}

/// How long nothing was written before a bucket, if that is longer than a row.
fn silence(end: volume::Timestamp, bucket: &BucketReport) -> Option<String> {
    let gap = bucket.start.0.since(end);
    (!gap.is_zero()).then(|| format_span(gap))
}

fn volume_of_writing(bucket: &BucketReport) -> u64 {
    bucket.bytes_written
}

fn amount(bytes: u64) -> String {
    if bytes == 0 { "-".to_owned() } else { format_size(bytes) }
}

/// A bar in eighths of a cell; the smallest amount that isn't nothing shows.
fn bar(bytes: u64, most: u64) -> String {
    if bytes == 0 || most == 0 {
        return String::new();
    }
    let eighths = u128::from(bytes) * u128::from(BAR_CELLS) * 8 / u128::from(most);
    let eighths = u32::try_from(eighths).unwrap_or(0).max(1);
    let mut bar = "\u{2588}".repeat(usize::try_from(eighths / 8).unwrap_or(0));
    // The partial blocks run from seven eighths (U+2589) down to one eighth (U+258F).
    bar.extend(char::from_u32(0x2590 - eighths % 8).filter(|_| !eighths.is_multiple_of(8)));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{MomentReport, Time};
    use volume::Timestamp;

    fn at(seconds: u64, sequence: u64) -> MomentReport {
        MomentReport {
            time: Time(Timestamp::from_unix_seconds(seconds)),
            sequence,
        }
    }

    fn bucket(seconds: u64, bytes_written: u64) -> BucketReport {
        let start = Time(Timestamp::from_unix_seconds(seconds));
        BucketReport {
            start,
            batches: 1,
            bytes_written,
            bytes_random: 0,
            bytes_zeroed: 0,
            bytes_trimmed: 4096,
        }
    }

    fn report(buckets: Vec<BucketReport>, events: Vec<EventReport>) -> HistoryReport {
        HistoryReport {
            volume: "disk".to_owned(),
            since: Time(Timestamp::from_unix_seconds(0)),
            until: Time(Timestamp::from_unix_seconds(600)),
            bucket_seconds: 60,
            oldest: at(0, 1),
            newest: at(600, 9),
            buckets,
            events,
        }
    }

    #[test]
    fn bars_are_proportional_and_never_hide_a_write() {
        assert_eq!(bar(0, 100), "");
        assert_eq!(bar(100, 100), "\u{2588}".repeat(24));
        assert_eq!(bar(50, 100), "\u{2588}".repeat(12));
        assert_eq!(bar(1, 1_000_000), "\u{258f}");
        assert_eq!(bar(1, 24 * 8).chars().count(), 1);
        assert_eq!(bar(7, 24 * 8), "\u{2589}");
    }

    #[test]
    fn rows_bars_gaps_and_events_are_in_order() {
        let event = |seconds, text: &str| EventReport {
            moment: at(seconds, 3),
            kind: "pinned".to_owned(),
            text: text.to_owned(),
            undo: false,
        };
        let buckets = vec![bucket(0, 1 << 20), bucket(60, 2 << 20), bucket(300, 0)];
        let text = text(&report(buckets, vec![event(70, "pinned `p`")]));
        let ends: Vec<&str> = text
            .lines()
            .skip(4)
            .map(|line| line.get(19..).unwrap_or("").trim())
            .collect();
        assert_eq!(
            ends,
            [
                "1 MiB       -    4 KiB          \u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}",
                "2 MiB       -    4 KiB          \u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}\u{2588}",
                "#3  * pinned `p`",
                "",
                "-       -    4 KiB",
            ]
        );
        assert!(text.contains("\n  nothing for 3 min\n"), "{text}");
    }

    #[test]
    fn emptiness_is_explained() {
        let mut report = report(Vec::new(), Vec::new());
        assert!(text(&report).contains("nothing was written in that time; the newest moment is "));
        report.newest.sequence = 0;
        assert!(text(&report).ends_with("nothing was ever written\n"));
        report.newest.sequence = 1;
        report.oldest = at(10_000, 5);
        assert!(text(&report).contains("nothing is kept from that time: the oldest moment is"));
    }
}
