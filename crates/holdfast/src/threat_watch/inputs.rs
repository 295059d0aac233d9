//! The ways on which logs come in: how much, how much of it is lost, and whether it is read at all.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use logs::listen::{Dropped, Way};

use crate::config::ThreatSettings;
use crate::control::{LogInputReport, LogsReport};

/// How long a file that is named may be away: rotation takes it away for a moment.
const AWAY: Duration = Duration::from_secs(10);
/// So much in a row of which nothing could be used isn't what a log looks like that is read.
const LOST_IN_A_ROW: u64 = 100;
/// The way of files.
const FILES: &str = "files";

/// What is counted of each way, and what is looked at.
#[derive(Debug)]
pub(super) struct Inputs {
    ways: BTreeMap<&'static str, Input>,
    follow: Vec<PathBuf>,
    /// Since when a path can't be read.
    away: BTreeMap<PathBuf, Instant>,
    /// Why work stands still, where it does.
    still: BTreeMap<Work, String>,
}

#[derive(Debug, Default)]
struct Input {
    told: LogInputReport,
    /// Events that were understood, and how many there were at the last look.
    events: u64,
    events_then: u64,
    /// What was lost when the last event had been understood.
    lost_then: u64,
}

/// What is done with logs, all of which stands still where one of it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    /// Reading what is followed.
    Reading,
    /// Writing into the ledger what was found.
    Noting,
    /// Saving what is known, and how far was read.
    Saving,
}

/// How much waits where.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Waiting {
    pub(super) unread_bytes: u64,
    pub(super) messages: u64,
    /// Whether something that should listen has ended.
    pub(super) is_down: bool,
}

impl Inputs {
    /// Those that the configuration names.
    pub(super) fn new(settings: &ThreatSettings) -> Self {
        let named = [
            (FILES, !settings.follow.is_empty()),
            (of(Way::Udp), settings.syslog.is_some()),
            (of(Way::Tcp), settings.syslog.is_some()),
            (of(Way::Tls), settings.syslog_tls.is_some()),
            (of(Way::Http), settings.http.is_some()),
        ];
        let named = named.into_iter().filter(|(_, is_named)| *is_named);
        Self {
            ways: named.map(|(way, _)| (way, Input::default())).collect(),
            follow: settings.follow.clone(),
            away: BTreeMap::new(),
            still: BTreeMap::new(),
        }
    }

    /// Work stands still, and why. Whether that is news.
    pub(super) fn stands_still(&mut self, work: Work, why: &str) -> bool {
        self.still.insert(work, why.to_owned()).is_none()
    }

    /// It goes on.
    pub(super) fn goes_on(&mut self, work: Work) {
        self.still.remove(&work);
    }

    fn way(&mut self, source: &str) -> &mut Input {
        let ways = [Way::Udp, Way::Tcp, Way::Tls, Way::Http];
        let way = ways.into_iter().find(|way| source.starts_with(prefix(*way)));
        self.ways.entry(way.map_or(FILES, of)).or_default()
    }

    pub(super) fn record(&mut self, source: &str, received: Timestamp) {
        let told = &mut self.way(source).told;
        told.records += 1;
        told.last_record = Some(received.as_second());
    }

    pub(super) fn event(&mut self, source: &str, behind_seconds: i64) {
        let input = self.way(source);
        input.events += 1;
        input.told.behind_seconds = Some(behind_seconds);
    }

    pub(super) fn not_understood(&mut self, source: &str) {
        self.way(source).told.not_understood += 1;
    }

    pub(super) fn unreadable_file(&mut self) {
        self.way(FILES).told.unreadable += 1;
    }

    /// How it is now.
    pub(super) fn report(&mut self, dropped: &Dropped, waiting: Waiting, now: Instant) -> LogsReport {
        for (way, lost) in &dropped.by_way {
            let told = &mut self.ways.entry(of(*way)).or_default().told;
            (told.dropped, told.unreadable) = (lost.dropped, lost.unreadable);
        }
        let mut problems: Vec<String> = self.still.values().cloned().collect();
        if waiting.is_down {
            problems.push("a thread that takes logs from the network has ended: start the daemon again".to_owned());
        }
        problems.extend(self.unread_paths(now));
        for (name, input) in &mut self.ways {
            if input.events != input.events_then || input.told.records == 0 && input.told.lost() == 0 {
                (input.events_then, input.lost_then) = (input.events, input.told.lost());
            }
            let lost = input.told.lost().saturating_sub(input.lost_then);
            if lost >= LOST_IN_A_ROW {
                problems.push(format!(
                    "of what comes in as `{name}` nothing was understood lately: {lost} in a row were dropped, unreadable or not understood; \
                     `holdfast threat status` has samples"
                ));
            }
        }
        LogsReport {
            inputs: self
                .ways
                .iter()
                .map(|(name, input)| ((*name).to_owned(), input.told.clone()))
                .collect(),
            dropped: dropped
                .by_reason
                .iter()
                .map(|(why, count)| ((*why).to_owned(), *count))
                .collect(),
            unread_bytes: waiting.unread_bytes,
            waiting_messages: waiting.messages,
            problems,
        }
    }

    /// What is named and can't be read, not only for a moment.
    fn unread_paths(&mut self, now: Instant) -> Vec<String> {
        let mut problems = Vec::new();
        for path in &self.follow {
            let Err(error) = readable(path) else {
                self.away.remove(path);
                continue;
            };
            let since = *self.away.entry(path.clone()).or_insert(now);
            if now.duration_since(since) >= AWAY {
                problems.push(format!("`{}` isn't read: {error}", path.display()));
            }
        }
        problems
    }
}

/// Whether a file or folder can be read.
fn readable(path: &Path) -> std::io::Result<()> {
    if fs::metadata(path)?.is_dir() {
        fs::read_dir(path).map(drop)
    } else {
        File::open(path).map(drop)
    }
}

/// How reports and figures name a way.
const fn of(way: Way) -> &'static str {
    match way {
        Way::Udp => "syslog-udp",
        Way::Tcp => "syslog-tcp",
        Way::Tls => "syslog-tls",
        Way::Http => "http",
    }
}

/// How the names of its sources begin; those of files are paths.
const fn prefix(way: Way) -> &'static str {
    match way {
        Way::Udp => "syslog udp ",
        Way::Tcp => "syslog tcp ",
        Way::Tls => "syslog tls ",
        Way::Http => "http ",
    }
}

#[cfg(test)]
mod tests {
    use logs::listen::Lost;

    use super::*;

    fn inputs(follow: &[&Path]) -> Inputs {
        Inputs::new(&ThreatSettings {
            follow: follow.iter().map(|path| path.to_path_buf()).collect(),
            syslog: Some("127.0.0.1:514".parse().unwrap()),
            ..ThreatSettings::default()
        })
    }

    fn report(inputs: &mut Inputs) -> LogsReport {
        inputs.report(&Dropped::default(), Waiting::default(), Instant::now())
    }

    #[test]
    fn each_way_has_its_own_counts_and_those_that_are_configured_are_there_from_the_start() {
        let mut inputs = inputs(&[]);
        assert_eq!(
            report(&mut inputs).inputs.keys().collect::<Vec<_>>(),
            ["syslog-tcp", "syslog-udp"]
        );
        let received = Timestamp::from_second(1_000).unwrap();
        inputs.record("syslog udp 10.0.0.1", received);
        inputs.event("syslog udp 10.0.0.1", 7);
        inputs.record("/var/log/syslog udp 1", received);
        inputs.not_understood("/var/log/syslog udp 1");
        let told = report(&mut inputs);
        let (udp, files) = (&told.inputs["syslog-udp"], &told.inputs["files"]);
        assert_eq!(
            (udp.records, udp.behind_seconds, udp.last_record),
            (1, Some(7), Some(1_000))
        );
        assert_eq!((files.records, files.not_understood, files.lost()), (1, 1, 1));
        assert_eq!(told.inputs["syslog-tcp"], LogInputReport::default());
    }

    #[test]
    fn a_file_that_is_away_for_longer_than_rotation_takes_is_told_until_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("auth.log");
        let mut inputs = inputs(&[folder.path(), &log]);
        let start = Instant::now();
        let mut problems = |after: Duration| {
            inputs
                .report(&Dropped::default(), Waiting::default(), start + after)
                .problems
        };
        assert!(problems(Duration::ZERO).is_empty());
        let told = problems(AWAY);
        assert!(told.len() == 1 && told[0].contains("auth.log"), "{told:?}");
        fs::write(&log, "").unwrap();
        assert!(problems(AWAY * 2).is_empty());
        fs::remove_file(&log).unwrap();
        assert!(problems(AWAY * 3).is_empty(), "for a moment");
    }

    #[test]
    fn what_is_all_lost_is_told_until_something_is_understood() {
        let mut inputs = inputs(&[]);
        let from = "syslog udp 10.0.0.1";
        inputs.record(from, Timestamp::UNIX_EPOCH);
        inputs.event(from, 0);
        assert!(report(&mut inputs).problems.is_empty());
        for _ in 0..LOST_IN_A_ROW {
            inputs.record(from, Timestamp::UNIX_EPOCH);
            inputs.not_understood(from);
        }
        let told = report(&mut inputs).problems;
        assert!(told.len() == 1 && told[0].contains("syslog-udp"), "{told:?}");
        inputs.event(from, 0);
        assert!(report(&mut inputs).problems.is_empty());
    }

    #[test]
    fn what_is_dropped_before_anything_was_taken_is_told() {
        let mut dropped = Dropped::default();
        let lost = Lost {
            dropped: LOST_IN_A_ROW,
            unreadable: 0,
        };
        dropped.by_way.insert(Way::Tcp, lost);
        let mut inputs = inputs(&[]);
        let told = inputs.report(&dropped, Waiting::default(), Instant::now());
        assert_eq!(told.inputs["syslog-tcp"].dropped, LOST_IN_A_ROW);
        assert!(told.problems.len() == 1, "{:?}", told.problems);
    }

    #[test]
    fn what_stands_still_and_what_has_ended_is_told() {
        let mut inputs = inputs(&[]);
        assert!(inputs.stands_still(Work::Noting, "the ledger can't be written"));
        assert!(
            !inputs.stands_still(Work::Noting, "the ledger can't be written"),
            "no news"
        );
        let waiting = Waiting {
            is_down: true,
            ..Waiting::default()
        };
        assert_eq!(
            inputs
                .report(&Dropped::default(), waiting, Instant::now())
                .problems
                .len(),
            2
        );
        inputs.goes_on(Work::Noting);
        assert!(report(&mut inputs).problems.is_empty());
    }
}
