//! Figures: totals, groups and the timeline.

use std::collections::BTreeMap;

use volume::Timestamp;

use super::types::{Bucket, FileReport, Group, Time, Totals};
use super::what::What;

/// Groups that are told apart; the rest is one.
const GROUPS_MAX: usize = 50;
/// Pieces of the timeline.
const BUCKETS_MAX: u64 = 120;

pub(crate) fn totals(files: &[FileReport], files_before: u64) -> Totals {
    let mut totals = Totals {
        files: files_before,
        ..Totals::default()
    };
    for file in files {
        *totals.by_what.entry(file.what.name()).or_default() += 1;
        let size = file.size_bytes.unwrap_or(0);
        if file.what.is_damage() {
            totals.damaged += 1;
            totals.damaged_bytes = totals.damaged_bytes.saturating_add(size);
        } else if file.what == What::Read {
            totals.read += 1;
            totals.read_bytes = totals.read_bytes.saturating_add(size);
        }
    }
    totals
}

/// Damaged and read files by a name.
pub(crate) fn group(files: &[FileReport], name: impl Fn(&FileReport) -> String) -> Vec<Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for file in files {
        let is_read = matches!(file.what, What::Read | What::ReadInPart);
        if !file.what.is_damage() && !is_read {
            continue;
        }
        let name = name(file);
        let group = groups.entry(name.clone()).or_insert_with(|| empty(name));
        if is_read {
            group.read += 1;
        } else {
            group.damaged += 1;
            group.damaged_bytes = group.damaged_bytes.saturating_add(file.size_bytes.unwrap_or(0));
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse((group.damaged, group.read)));
    if groups.len() > GROUPS_MAX {
        let rest = groups.split_off(GROUPS_MAX - 1);
        let mut others = empty(format!("{} others", rest.len()));
        for group in rest {
            others.damaged += group.damaged;
            others.damaged_bytes = others.damaged_bytes.saturating_add(group.damaged_bytes);
            others.read += group.read;
        }
        groups.push(others);
    }
    groups
}

const fn empty(name: String) -> Group {
    Group {
        name,
        damaged: 0,
        damaged_bytes: 0,
        read: 0,
    }
}

/// Bytes by second and damaged files as equal pieces of the window.
pub(crate) fn timeline(
    seconds: &BTreeMap<u64, (u64, u64)>,
    files: &[FileReport],
    from: Timestamp,
    to: Timestamp,
) -> Vec<Bucket> {
    let second = |time: Timestamp| time.as_unix_nanos() / 1_000_000_000;
    let damaged = || {
        files
            .iter()
            .filter(|file| file.what.is_damage())
            .filter_map(|file| file.first)
    };
    let active: Vec<u64> = [seconds.keys().next(), seconds.keys().next_back()]
        .into_iter()
        .flatten()
        .copied()
        .collect();
    let end = active.last().copied().unwrap_or(0).max(second(to));
    let first = active.first().copied().unwrap_or(end).min(end);
    // A quiet time before that is much longer than what follows would press that into a line.
    let start = second(from).max(first.saturating_sub((end - first) / 4 + 1)).min(first);
    let length = (end - start + 1).div_ceil(BUCKETS_MAX).max(1);
    let count = (end - start + 1).div_ceil(length);
    let mut buckets: Vec<Bucket> = (0..count)
        .map(|number| Bucket {
            time: Time(Timestamp::from_unix_seconds(start + number * length)),
            seconds: length,
            changed_bytes: 0,
            read_bytes: 0,
            damaged: 0,
        })
        .collect();
    let place = |second: u64| usize::try_from(second.saturating_sub(start) / length).unwrap_or(usize::MAX);
    for (second, (changed, read)) in seconds {
        if let Some(bucket) = buckets.get_mut(place(*second)) {
            bucket.changed_bytes = bucket.changed_bytes.saturating_add(*changed);
            bucket.read_bytes = bucket.read_bytes.saturating_add(*read);
        }
    }
    for time in damaged() {
        if let Some(bucket) = buckets.get_mut(place(second(time.0))) {
            bucket.damaged += 1;
        }
    }
    buckets
}
