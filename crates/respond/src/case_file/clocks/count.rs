//! Counting: when each duty is due, and how it stands.

use jiff::tz::TimeZone;
use serde::Serialize;

use super::jurisdiction::{Duty, Force, Jurisdiction, Start};
use super::store::{Outcome, Started, Stopped};
use crate::time::Time;

/// How a duty stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockState {
    /// What it counts from hasn't happened, or isn't known.
    NotStarted,
    /// There is no figure: as soon as possible.
    NoFixedTime,
    /// There is time left.
    Running,
    /// The time is up.
    Overdue,
    /// It was done in time.
    Reported,
    /// It was done late.
    ReportedLate,
    /// Somebody decided that it isn't needed.
    NotNeeded,
}

impl ClockState {
    /// Whether somebody still has to do something.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::NotStarted | Self::NoFixedTime | Self::Running | Self::Overdue
        )
    }

    /// The name for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotStarted => "not-started",
            Self::NoFixedTime => "no-fixed-time",
            Self::Running => "running",
            Self::Overdue => "overdue",
            Self::Reported => "reported",
            Self::ReportedLate => "reported-late",
            Self::NotNeeded => "not-needed",
        }
    }

    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NotStarted => "not started",
            Self::NoFixedTime => "as soon as possible",
            Self::Running => "running",
            Self::Overdue => "OVERDUE",
            Self::Reported => "reported",
            Self::ReportedLate => "reported late",
            Self::NotNeeded => "not needed",
        }
    }
}

/// A duty, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Clock {
    /// Jurisdiction and duty, as they are named on the command line: `uk-gdpr/authority`.
    pub id: String,
    /// The law.
    pub law: String,
    /// Whether it is in force.
    pub force: Force,
    /// What it asks for.
    pub duty: Duty,
    /// How it stands.
    pub state: ClockState,
    /// When it started to count.
    pub started: Option<Time>,
    /// What it counts from, in words.
    pub starts: String,
    /// When it is due.
    pub due: Option<Time>,
    /// Milliseconds left; negative when it is overdue; `None` when nothing is open or due.
    pub left_millis: Option<i64>,
    /// What was done about it.
    pub stopped: Option<Stopped>,
    /// What has to be said with it.
    pub caveat: String,
}

/// All duties of a jurisdiction.
pub(super) fn count(
    law: &Jurisdiction,
    started: &Started,
    stops: &[Stopped],
    now: Time,
    zone: &TimeZone,
) -> Vec<Clock> {
    let mut clocks: Vec<Clock> = Vec::new();
    for duty in &law.duties {
        let stopped = stops.iter().find(|stopped| stopped.duty == duty.id).cloned();
        let (from, starts) = start(duty, started, &clocks);
        let due = due(duty, started, from, zone);
        let state = state(duty, stopped.as_ref(), from, due, now);
        let left_millis = due.filter(|_| state.is_open()).map(|due| due.millis_since(now));
        clocks.push(Clock {
            id: format!("{}/{}", law.id, duty.id),
            law: law.name.clone(),
            force: law.force.clone(),
            duty: duty.clone(),
            state,
            started: from,
            starts,
            due,
            left_millis,
            stopped,
            caveat: law.caveat.clone(),
        });
    }
    clocks
}

/// What it counts from. Where that is another duty which isn't done yet, it is taken for done when it is due.
fn start(duty: &Duty, started: &Started, before: &[Clock]) -> (Option<Time>, String) {
    match &duty.from {
        Start::Aware => (Some(started.aware), "from awareness".to_owned()),
        Start::Determined => {
            let words = match started.determined {
                Some(_) => "from the decision that it must be reported",
                None => "from the decision that it must be reported, which isn't recorded",
            };
            (started.determined, words.to_owned())
        }
        Start::Reported(id) => {
            let former = before.iter().find(|clock| clock.duty.id == *id);
            let reported = former.and_then(|clock| clock.stopped.as_ref());
            let reported = reported
                .filter(|stopped| stopped.outcome == Outcome::Reported)
                .map(|stopped| stopped.time);
            match reported {
                Some(time) => (Some(time), format!("from the report `{id}`")),
                None => (
                    former.and_then(|clock| clock.due),
                    format!("from the report `{id}`; until that is recorded, from when it is due"),
                ),
            }
        }
    }
}

/// The earlier of what its own start and awareness allow.
fn due(duty: &Duty, started: &Started, from: Option<Time>, zone: &TimeZone) -> Option<Time> {
    let own = from.and_then(|from| duty.within.after(from, zone));
    let at_most = duty.no_later_than.and_then(|within| within.after(started.aware, zone));
    match (own, at_most) {
        (Some(own), Some(at_most)) => Some(own.min(at_most)),
        (own, at_most) => own.or(at_most),
    }
}

fn state(duty: &Duty, stopped: Option<&Stopped>, from: Option<Time>, due: Option<Time>, now: Time) -> ClockState {
    if let Some(stopped) = stopped {
        return match (stopped.outcome, due) {
            (Outcome::NotNeeded, _) => ClockState::NotNeeded,
            (Outcome::Reported, Some(due)) if stopped.time > due => ClockState::ReportedLate,
            (Outcome::Reported, _) => ClockState::Reported,
        };
    }
    match due {
        Some(due) if now > due => ClockState::Overdue,
        Some(_) => ClockState::Running,
        None if from.is_some() && duty.within == super::Within::NoFixedTime => ClockState::NoFixedTime,
        None => ClockState::NotStarted,
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::built_in;
    use super::*;
    use crate::people::Actor;

    fn time(text: &str) -> Time {
        Time::from_unix_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn london() -> TimeZone {
        TimeZone::get("Europe/London").unwrap()
    }

    fn counted(law: &str, started: &Started, stops: &[Stopped], now: &str) -> Vec<Clock> {
        let all = built_in().unwrap();
        let law = all.iter().find(|one| one.id == law).unwrap();
        count(law, started, stops, time(now), &london())
    }

    fn started(aware: &str, determined: Option<&str>) -> Started {
        Started {
            jurisdiction: String::new(),
            aware: time(aware),
            determined: determined.map(time),
            by: Actor::Person("ann".to_owned()),
            recorded: time(aware),
        }
    }

    fn stopped(duty: &str, at: &str) -> Stopped {
        Stopped {
            duty: duty.to_owned(),
            outcome: Outcome::Reported,
            time: time(at),
            why: None,
            reference: None,
            by: Actor::Person("ann".to_owned()),
            recorded: time(at),
        }
    }

    #[test]
    fn the_regulator_of_the_uk_is_told_within_72_hours_of_awareness() {
        let clocks = counted(
            "uk-gdpr",
            &started("2026-11-23T10:15:00Z", None),
            &[],
            "2026-11-26T09:15:00Z",
        );
        let clock = clocks.iter().find(|clock| clock.id == "uk-gdpr/authority").unwrap();
        assert_eq!(clock.due, Some(time("2026-11-26T10:15:00Z")));
        assert_eq!((clock.state, clock.left_millis), (ClockState::Running, Some(3_600_000)));
        let people = clocks.iter().find(|clock| clock.id == "uk-gdpr/people").unwrap();
        assert_eq!((people.state, people.due), (ClockState::NoFixedTime, None));
    }

    #[test]
    fn what_is_done_late_is_late_and_what_is_not_done_is_overdue() {
        let began = started("2026-11-23T10:15:00Z", None);
        let now = "2026-11-26T10:15:01Z";
        let open = counted("uk-gdpr", &began, &[], now);
        assert_eq!(open.first().unwrap().state, ClockState::Overdue);
        assert_eq!(open.first().unwrap().left_millis, Some(-1_000));
        for (at, state) in [
            ("2026-11-26T10:15:00Z", ClockState::Reported),
            ("2026-11-26T10:15:01Z", ClockState::ReportedLate),
        ] {
            let done = counted("uk-gdpr", &began, &[stopped("authority", at)], now);
            assert_eq!(
                (done.first().unwrap().state, done.first().unwrap().left_millis),
                (state, None)
            );
        }
    }

    #[test]
    fn the_final_report_of_nis2_counts_from_the_notification_or_from_when_that_is_due() {
        let began = started("2026-11-23T10:00:00Z", None);
        let due = |stops: &[Stopped], id: &str| {
            let clocks = counted("nis2", &began, stops, "2026-11-23T11:00:00Z");
            clocks
                .into_iter()
                .find(|clock| clock.duty.id == id)
                .unwrap()
                .due
                .unwrap()
        };
        assert_eq!(due(&[], "early-warning"), time("2026-11-24T10:00:00Z"));
        assert_eq!(due(&[], "notification"), time("2026-11-26T10:00:00Z"));
        assert_eq!(due(&[], "final-report"), time("2026-12-26T10:00:00Z"));
        let early = [stopped("notification", "2026-11-24T08:00:00Z")];
        assert_eq!(due(&early, "final-report"), time("2026-12-24T08:00:00Z"));
    }

    #[test]
    fn the_first_report_of_dora_is_due_4_hours_after_the_decision_and_24_hours_after_awareness_at_most() {
        let first = |determined: Option<&str>| {
            let clocks = counted(
                "dora",
                &started("2026-11-23T10:00:00Z", determined),
                &[],
                "2026-11-23T11:00:00Z",
            );
            clocks.first().unwrap().due.unwrap()
        };
        assert_eq!(first(None), time("2026-11-24T10:00:00Z"));
        assert_eq!(first(Some("2026-11-23T12:00:00Z")), time("2026-11-23T16:00:00Z"));
        assert_eq!(first(Some("2026-11-24T09:00:00Z")), time("2026-11-24T10:00:00Z"));
    }

    #[test]
    fn a_clock_that_counts_from_a_decision_does_not_start_before_it() {
        let undecided = counted(
            "us-sec",
            &started("2026-11-23T10:00:00Z", None),
            &[],
            "2026-12-23T11:00:00Z",
        );
        assert_eq!(
            (undecided.first().unwrap().state, undecided.first().unwrap().due),
            (ClockState::NotStarted, None)
        );
    }
}
