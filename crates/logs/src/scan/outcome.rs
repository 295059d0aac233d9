//! What a search found.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use threat::alert::{Alert, Finder, Level};
use threat::rules::FieldsSeen;

use super::Plan;
use super::board::Board;
use crate::Counts;
use crate::open::{Found, Problem};

/// What a search found, and in what.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Alerts, in the order of their times: all, or as many as are kept of each rule and altogether.
    pub alerts: Vec<Alert>,
    /// All that fired, the most severe and then the most frequent first.
    pub fired: Vec<Fired>,
    /// Alerts that were counted and not kept.
    pub not_kept: u64,
    /// Files that there are.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Logs in them: files, and members of archives.
    pub logs: u64,
    /// Records in those.
    pub records: u64,
    /// Events that they were understood as.
    pub events: u64,
    /// The logs that events are of, and their fields.
    pub seen: FieldsSeen,
    /// Records that couldn't be read or understood.
    pub not_understood: Counts,
    /// Files and members that couldn't be read, or not to their end: the first ones.
    pub problems: Vec<Problem>,
    /// How many those are.
    pub problem_count: u64,
    /// Whether the search was ended before its end.
    pub was_given_up: bool,
    pub(crate) by_finder: HashMap<Finder, Fired>,
    pub(crate) kept_max: usize,
    pub(crate) kept_per_rule_max: usize,
}

/// How often something fired.
#[derive(Debug, Clone)]
pub struct Fired {
    /// What.
    pub finder: Finder,
    /// What it finds.
    pub title: Arc<str>,
    /// How bad that is.
    pub level: Level,
    /// ATT&CK techniques and tactics.
    pub attack: Arc<[Box<str>]>,
    /// How often.
    pub count: u64,
}

impl Outcome {
    pub(super) fn new(plan: &Plan, files: &[Found], problems: Vec<Problem>) -> Self {
        Self {
            files: u64::try_from(files.len()).unwrap_or(u64::MAX),
            bytes: files.iter().map(|found| found.bytes).sum(),
            problem_count: u64::try_from(problems.len()).unwrap_or(u64::MAX),
            problems,
            kept_max: plan.alerts_max,
            kept_per_rule_max: plan.alerts_per_rule_max,
            ..Self::default()
        }
    }

    pub(super) fn keep(&mut self, alert: Alert) {
        let fired = self.by_finder.entry(alert.finder.clone()).or_insert_with(|| Fired {
            finder: alert.finder.clone(),
            title: Arc::clone(&alert.title),
            level: alert.level,
            attack: Arc::clone(&alert.attack),
            count: 0,
        });
        fired.count += 1;
        let is_one_too_many = usize::try_from(fired.count).is_ok_and(|count| count > self.kept_per_rule_max);
        if is_one_too_many || self.alerts.len() >= self.kept_max {
            self.not_kept += 1;
        } else {
            self.alerts.push(alert);
        }
    }

    /// Puts everything in its order.
    pub(super) fn end(&mut self, board: Board, seen: Mutex<FieldsSeen>) {
        self.seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.logs = board.logs.load(Ordering::Relaxed);
        self.records = board.records.load(Ordering::Relaxed);
        self.events = board.events.load(Ordering::Relaxed);
        let (counts, problems, problem_count) = board.into_counts();
        self.not_understood = counts;
        self.problems.extend(problems);
        self.problem_count += problem_count;
        self.alerts.sort_by(|one, other| {
            let key = |alert: &Alert| {
                (
                    alert.time,
                    std::cmp::Reverse(alert.level),
                    alert
                        .evidence
                        .first()
                        .map(|origin| (Arc::clone(&origin.source), origin.record)),
                )
            };
            key(one).cmp(&key(other)).then_with(|| one.finder.cmp(&other.finder))
        });
        self.fired = std::mem::take(&mut self.by_finder).into_values().collect();
        self.fired.sort_by(|one, other| {
            let key = |fired: &Fired| std::cmp::Reverse((fired.level, fired.count));
            key(one).cmp(&key(other)).then_with(|| one.finder.cmp(&other.finder))
        });
    }
}
