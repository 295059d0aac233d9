//! What happened to a volume in a span of time.

use std::time::Duration;

use volume::{Moment, Timestamp, Volume};

use super::Engine;
use super::failures::failure;
use super::imports::is_bookkeeping;
use super::volumes::moment_report;
use crate::control::{BucketReport, EventReport, HistoryReport, MomentReport, Time};
use crate::failure::Failure;
use crate::size::format_size;
use crate::span::format_span;
use crate::when::{When, local_short};

/// Rows shown when their length isn't given.
const BUCKETS_WANTED: u64 = 24;
/// Most rows of a history.
const BUCKETS_MAX: u64 = 100_000;
/// Lengths of a row that read well, in seconds.
const ROUND_SECONDS: [u64; 17] = [
    1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400,
];

impl Engine {
    pub(super) fn history(
        &self,
        name: &str,
        since: Option<&When>,
        until: Option<&When>,
        bucket_seconds: Option<u64>,
    ) -> Result<HistoryReport, Failure> {
        let volume = self.volume(name)?;
        let now = self.now();
        let since = since.map_or_else(|| Ok(volume.oldest().time), |when| time_of(&volume, when, now))?;
        let until = until.map_or(Ok(now), |when| time_of(&volume, when, now))?;
        if since > until {
            return Err(
                Failure::usage(format!("`{}` is after `{}`", local_short(since), local_short(until)))
                    .hint("`--since` is the earlier one; without `--until` it is now"),
            );
        }
        // Before the oldest moment there is nothing to be shown.
        let oldest = volume.oldest().time;
        let since = if until > oldest { since.max(oldest) } else { since };
        let span = until.since(since);
        let bucket_seconds = bucket_seconds.unwrap_or_else(|| round_bucket(span));
        if span.as_secs() / bucket_seconds > BUCKETS_MAX {
            return Err(Failure::usage(format!(
                "rows of `{}` over `{}` would be too many",
                format_span(Duration::from_secs(bucket_seconds)),
                format_span(span)
            ))
            .hint("choose a longer `--bucket` or a later `--since`"));
        }
        let start =
            Timestamp::from_unix_seconds(since.as_unix_nanos() / 1_000_000_000 / bucket_seconds * bucket_seconds);
        let history = volume
            .history(start, until, Duration::from_secs(bucket_seconds))
            .map_err(|error| failure(name, &error))?;
        Ok(HistoryReport {
            volume: name.to_owned(),
            since: Time(since),
            until: Time(until),
            bucket_seconds,
            oldest: moment_report(volume.oldest()),
            newest: moment_report(volume.newest()),
            buckets: history
                .buckets
                .iter()
                .filter(|bucket| bucket.batches > 0)
                .map(bucket_report)
                .collect(),
            events: history
                .events
                .iter()
                .filter(|event| !is_bookkeeping(&event.kind))
                .map(event_report)
                .collect(),
        })
    }
}

/// The time that is meant, which for a pin or a sequence number is that of its moment.
fn time_of(volume: &Volume, when: &When, now: Timestamp) -> Result<Timestamp, Failure> {
    match when.resolve(now)? {
        Moment::At(time) => Ok(time),
        moment => Ok(volume
            .resolve(&moment)
            .map_err(|error| failure(volume.name(), &error))?
            .time),
    }
}

/// The round length that makes about [`BUCKETS_WANTED`] rows of a span.
fn round_bucket(span: Duration) -> u64 {
    let wanted = span.as_secs().div_ceil(BUCKETS_WANTED).max(1);
    ROUND_SECONDS
        .into_iter()
        .find(|seconds| *seconds >= wanted)
        .unwrap_or_else(|| wanted.next_multiple_of(86_400))
}

/// Bytes of a bucket whose content looked random, as ciphertext and compressed data do.
fn random_bytes(bucket: &volume::Bucket) -> u64 {
    bucket
        .bytes_by_class
        .get(sentinel::Class::Random as usize)
        .copied()
        .unwrap_or(0)
}

fn bucket_report(bucket: &volume::Bucket) -> BucketReport {
    BucketReport {
        start: Time(bucket.start),
        batches: bucket.batches,
        bytes_written: bucket.bytes_written,
        bytes_random: random_bytes(bucket),
        bytes_zeroed: bucket.bytes_zeroed,
        bytes_trimmed: bucket.bytes_trimmed,
    }
}

fn event_report(event: &volume::Event) -> EventReport {
    use volume::EventKind;
    let (kind, text) = match &event.kind {
        EventKind::Created => ("created", "created".to_owned()),
        EventKind::Pinned { name } => ("pinned", format!("pinned `{name}`")),
        EventKind::Unpinned { name } => ("unpinned", format!("removed pin `{name}`")),
        EventKind::RolledBack { to, undo: false, .. } => ("restored", format!("restored to {}", short(to))),
        EventKind::RolledBack { to, undo: true, .. } => ("restored", format!("took a restore back, to {}", short(to))),
        EventKind::RestoredInPart { blocks, .. } => {
            let bytes = format_size(blocks.saturating_mul(volume::BLOCK_BYTES as u64));
            (
                "restored-in-part",
                format!("restored in part: {bytes} returned to earlier moments"),
            )
        }
        EventKind::Resized { to_bytes, .. } => ("resized", format!("resized to {}", format_size(*to_bytes))),
        EventKind::HistoryDropped { oldest } => {
            ("history-dropped", format!("dropped history before {}", short(oldest)))
        }
        EventKind::Repaired => ("repaired", "damage in the log was passed over".to_owned()),
        _ => ("other", "changed".to_owned()),
    };
    EventReport {
        moment: MomentReport {
            time: Time(event.time),
            sequence: event.sequence.0,
        },
        kind: kind.to_owned(),
        text,
        undo: matches!(&event.kind, EventKind::RolledBack { undo: true, .. }),
    }
}

fn short(moment: &volume::MomentInfo) -> String {
    format!("{} (#{})", local_short(moment.time), moment.sequence.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_of_round_lengths_and_few() {
        for (seconds, bucket) in [
            (0, 1),
            (24, 1),
            (25, 2),
            (3600, 300),
            (86_400, 3600),
            (7 * 86_400, 43_200),
        ] {
            assert_eq!(round_bucket(Duration::from_secs(seconds)), bucket, "{seconds}");
        }
        assert_eq!(round_bucket(Duration::from_secs(365 * 86_400)), 16 * 86_400);
    }
}
