//! A volume's month of ordinary work, composed of recorded traces (as they are, and as on an encrypted disk) by a plausible schedule and replayed with a model: what would
//! have been bookmarked and fenced.
//!
//! Every case has a habit, found by words in its name. The time between the traces is idle time, in which windows decay, as they
//! would on a disk whose users are away. The same trace is replayed on many days: the month shows how habits, hours and
//! carried state act together; it holds no more different work than there are traces.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use sentinel::Micros;

use super::catalogue::{Trace, catalogue};
use super::stream::{Part, STREAM_BEGINS, replay};
use super::tally::{First, Tally};
use super::watch::Watch;
use crate::Failure;
use crate::chance::Chance;
use crate::replayed::load_model;
use crate::trace::Event;

const HOUR: Micros = 3_600_000_000;
const DAY: Micros = 24 * HOUR;

/// How often a case is met.
#[derive(Clone, Copy, Debug)]
enum Habit {
    /// So many times between 8 and 18 o'clock, on five days of seven.
    OfficeHours(u64),
    /// So many times, spread over day and night.
    AllDay(u64),
    /// Once, between 22 and 4 o'clock.
    Nightly,
    /// On Sundays, between 2 and 6 o'clock.
    Weekly,
    /// Once in the month.
    Once,
}

/// Habits by words in a case's name; the first that fits. What fits none is done twice in office hours.
const HABITS: [(&[&str], Habit); 5] = [
    (
        &[
            "resize",
            "restore",
            "secure-deletion",
            "large-deletion",
            "bulk-load",
            "conversion",
            "snapshot",
            "image-copy",
        ],
        Habit::Once,
    ),
    (
        &[
            "defragmentation",
            "fstrim",
            "vacuum",
            "reindex",
            "upgrade",
            "git-gc",
            "check",
            "dump",
            "compaction",
        ],
        Habit::Weekly,
    ),
    (&["backup", "log", "rsync"], Habit::Nightly),
    (
        &[
            "pgbench",
            "postgres-reads",
            "sqlite",
            "mail",
            "virtual",
            "container-in-use",
            "idle",
        ],
        Habit::AllDay(12),
    ),
    (&["office", "browser", "file-sync"], Habit::OfficeHours(8)),
];

fn habit(case: &str) -> Habit {
    let fits = |words: &[&str]| words.iter().any(|word| case.contains(word));
    HABITS
        .iter()
        .find(|(words, _)| fits(words))
        .map_or(Habit::OfficeHours(2), |(_, habit)| *habit)
}

/// Replays a month for every kind of volume (file system and state) of which there are ordinary traces.
pub(crate) fn month(traces: &Path, model: &Path, days: u64, seed: u64) -> Result<String, Failure> {
    let mut traces = catalogue(traces)?;
    traces.retain(|trace| !trace.is_attack && !trace.is_announced);
    traces.extend(traces.iter().filter_map(Trace::veiled).collect::<Vec<_>>());
    let model = load_model(Some(model))?;
    let mut groups: Vec<Trace> = Vec::new();
    for trace in &traces {
        if !groups.iter().any(|group| group.is_of_group(trace)) {
            groups.push(trace.clone());
        }
    }
    let mut out = String::from("[");
    for (number, group) in groups.iter().enumerate() {
        let members: Vec<Trace> = traces
            .iter()
            .filter(|trace| trace.is_of_group(group))
            .cloned()
            .collect();
        let mut month = Month {
            watch: Watch::new(model.clone()),
            cases: BTreeMap::new(),
            whole: Tally::default(),
        };
        let all: Vec<usize> = (0..members.len()).collect();
        let parts = schedule(&members, &all, days, &mut Chance::new(seed + number as u64));
        month.run(&members, &parts)?;
        let separator = if number == 0 { "\n" } else { ",\n" };
        write!(
            out,
            r#"{separator}{{"file_system": {:?}, "state": {:?}, "days": {days}, "seed": {seed}, "bookmarks": {}, "fences": {}, "suspicion_max": {:.2}, "cases": {{{}}}}}"#,
            group.file_system,
            group.state,
            month.whole.bookmarks,
            month.whole.fences,
            f64::from(month.whole.suspicion_max) / 1024.0,
            month.cases_json()?,
        )?;
        eprintln!("lab: {} of {} volumes", number + 1, groups.len());
    }
    out.push_str("\n]");
    Ok(out)
}

/// When each of the chosen traces begins. Traces may overlap, as work does.
pub(crate) fn schedule(traces: &[Trace], chosen: &[usize], days: u64, chance: &mut Chance) -> Vec<Part> {
    let mut parts = Vec::new();
    let chosen = chosen.iter().filter_map(|index| Some((*index, traces.get(*index)?)));
    for (index, trace) in chosen {
        let habit = habit(&trace.case);
        let only_day = chance.below(days.max(1));
        for day in 0..days {
            let is_working_day = day % 7 < 5;
            let (times, from, hours) = match habit {
                Habit::OfficeHours(times) if is_working_day => (times, 8, 10),
                Habit::AllDay(times) => (times, 0, 24),
                Habit::Nightly => (1, 22, 6),
                Habit::Weekly if day % 7 == 6 => (1, 2, 4),
                Habit::Once if day == only_day => (1, 8, 10),
                Habit::OfficeHours(_) | Habit::Weekly | Habit::Once => (0, 0, 1),
            };
            for _ in 0..times {
                let begins = STREAM_BEGINS + day * DAY + from * HOUR + chance.below(hours * HOUR);
                parts.push(Part {
                    trace: index,
                    begins,
                    pace: 1,
                });
            }
        }
    }
    parts
}

/// What was counted of a case.
#[derive(Default)]
struct Case {
    runs: u64,
    written: u64,
    read: u64,
    micros: Micros,
    bookmarks: u64,
    fences: u64,
    suspicion_max: i32,
}

struct Month {
    watch: Watch,
    cases: BTreeMap<String, Case>,
    whole: Tally,
}

impl Month {
    fn run(&mut self, traces: &[Trace], parts: &[Part]) -> Result<(), Failure> {
        for trace in parts.iter().filter_map(|part| traces.get(part.trace)) {
            let case = self.cases.entry(trace.case.clone()).or_default();
            case.runs += 1;
            case.micros += trace.micros;
        }
        replay(traces, parts, |trace, record| {
            let Some(case) = traces.get(trace).and_then(|trace| self.cases.get_mut(&trace.case)) else {
                return Ok(());
            };
            match &record.event {
                Event::Write { blocks, .. } => case.written += blocks.len() as u64,
                Event::Read { count, .. } => case.read += u64::from(*count),
                _ => {}
            }
            if let Some(assessment) = self.watch.take(record) {
                let before = self.whole;
                let here = First {
                    micros: record.time - STREAM_BEGINS,
                    blocks: 0,
                };
                self.whole.take(&assessment, &mut self.watch, record.time, here);
                case.bookmarks += self.whole.bookmarks - before.bookmarks;
                case.fences += self.whole.fences - before.fences;
                case.suspicion_max = case.suspicion_max.max(assessment.suspicion);
            }
            Ok(())
        })
    }

    fn cases_json(&self) -> Result<String, Failure> {
        let mut out = String::new();
        for (index, (name, case)) in self.cases.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(
                out,
                r#"{separator}{name:?}: {{"runs": {}, "hours": {:.3}, "written_mib": {:.1}, "read_mib": {:.1}, "bookmarks": {}, "fences": {}, "suspicion_max": {:.2}}}"#,
                case.runs,
                case.micros as f64 / HOUR as f64,
                case.written as f64 / 256.0,
                case.read as f64 / 256.0,
                case.bookmarks,
                case.fences,
                f64::from(case.suspicion_max) / 1024.0,
            )?;
        }
        Ok(out)
    }
}
