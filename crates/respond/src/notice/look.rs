//! What is to be told of a thing, and when: pure, from what is known of it, the group's wishes and the time.

use std::time::Duration;

use super::hours::{digest_after, quiet_until};
use super::settings::{Group, Recipient};
use super::vocabulary::Telling;
use crate::alert::Severity;
use crate::time::Time;

/// What is known of a thing that a group is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// The worst so far.
    pub(super) severity: Severity,
    /// When it was first heard of.
    pub(super) opened: Time,
    /// The worst that was told.
    pub(super) told_severity: Option<Severity>,
    /// When something was told last.
    pub(super) told: Option<Time>,
    /// Steps of the chain that were told.
    pub(super) steps: usize,
    /// When the newest of them was.
    pub(super) step_time: Option<Time>,
    /// When the first thing happened that wasn't told.
    pub(super) news_since: Option<Time>,
    /// When somebody acknowledged it, and whether that was told.
    pub(super) acknowledged: Option<(Time, bool)>,
    /// When nothing was left to do about it, and whether that was told.
    pub(super) over: Option<(Time, bool)>,
}

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Something is told now.
    Tell(Telling),
    /// Look again then.
    Wait(Time),
    /// Nothing, until something happens.
    Nothing,
}

/// Decides.
pub(super) fn look(known: &Known, group: &Group, update_every: Duration, now: Time) -> Look {
    let mut due: Option<(Time, Telling)> = None;
    for (time, telling) in wanted(known, group, update_every) {
        let time = undisturbed(known, group, telling, time.max(now));
        if time <= now {
            return Look::Tell(telling);
        }
        if due.is_none_or(|(earliest, _)| time < earliest) {
            due = Some((time, telling));
        }
    }
    due.map_or(Look::Nothing, |(time, _)| Look::Wait(time))
}

/// What is known once this was told.
pub(super) fn told(known: &Known, group: &Group, telling: Telling, now: Time) -> Known {
    let mut after = Known {
        told: Some(now),
        told_severity: Some(known.severity),
        news_since: None,
        ..*known
    };
    match telling {
        // The time in which somebody is to acknowledge begins anew when it gets worse.
        Telling::First | Telling::Worse | Telling::Digest => {
            after.steps = known.steps.max(1);
            after.step_time = Some(now);
        }
        Telling::Escalation => {
            after.steps = (known.steps + 1).min(group.steps.len());
            after.step_time = Some(now);
        }
        Telling::Acknowledged => after.acknowledged = known.acknowledged.map(|(time, _)| (time, true)),
        Telling::Over => after.over = known.over.map(|(time, _)| (time, true)),
        Telling::Update | Telling::Bundle | Telling::Test => {}
    }
    // Whoever hears of it for the first time is told that it is acknowledged or over, if it is.
    if telling == Telling::First {
        after.acknowledged = after.acknowledged.map(|(time, _)| (time, true));
        after.over = after.over.map(|(time, _)| (time, true));
    }
    after
}

/// Who is told.
pub(super) fn recipients<'a>(known: &Known, group: &'a Group, telling: Telling) -> Vec<&'a Recipient> {
    let steps = match telling {
        Telling::Escalation if known.steps < group.steps.len() => known.steps..known.steps + 1,
        // Nobody answered, not even the last: everybody hears of it again.
        Telling::Escalation => 0..group.steps.len(),
        // Somebody looks after it: those who were called because nobody did aren't told of every detail.
        Telling::Update if known.acknowledged.is_some() => 0..1,
        _ => 0..known.steps.max(1),
    };
    let steps = group.steps.get(steps).unwrap_or_default();
    let mut recipients: Vec<&Recipient> = Vec::new();
    for recipient in steps.iter().flat_map(|step| &step.to) {
        if !recipients.contains(&recipient) {
            recipients.push(recipient);
        }
    }
    recipients
}

/// What could be told, the most important first, and from when on.
fn wanted(known: &Known, group: &Group, update_every: Duration) -> Vec<(Time, Telling)> {
    if known.severity < group.least {
        return Vec::new();
    }
    if let Some(digest) = group.digest.filter(|digest| known.severity <= digest.most) {
        let digest = known
            .news_since
            .map(|since| (digest_after(&digest, &group.zone, since), Telling::Digest));
        return digest.into_iter().collect();
    }
    let Some((told_severity, told)) = known.told_severity.zip(known.told) else {
        return vec![(known.opened, Telling::First)];
    };
    if let Some((time, is_told)) = known.over {
        return if is_told {
            Vec::new()
        } else {
            vec![(time, Telling::Over)]
        };
    }
    let mut wanted = Vec::new();
    if known.severity > told_severity {
        wanted.push((known.news_since.unwrap_or(told), Telling::Worse));
    }
    if let Some((time, false)) = known.acknowledged {
        wanted.push((time, Telling::Acknowledged));
    }
    if known.acknowledged.is_none()
        && known.severity >= group.escalates
        && let Some(after) = next_step(known, group)
    {
        wanted.push((plus(known.step_time.unwrap_or(told), after), Telling::Escalation));
    }
    if let Some(since) = known.news_since {
        wanted.push((plus(told, update_every).max(since), Telling::Update));
    }
    wanted
}

/// How long after the newest step the next one is told; `None` if there is none.
fn next_step(known: &Known, group: &Group) -> Option<Duration> {
    match group.steps.get(known.steps) {
        Some(step) => Some(step.after),
        None => group.repeat_every,
    }
}

/// When this may be told, if not before `time`.
fn undisturbed(known: &Known, group: &Group, telling: Telling, time: Time) -> Time {
    let breaks_through = known.severity >= group.breaks_quiet
        && match telling {
            Telling::First | Telling::Worse | Telling::Escalation | Telling::Acknowledged => true,
            Telling::Update => known.acknowledged.is_none(),
            // A digest is at a time that was chosen.
            Telling::Over | Telling::Digest | Telling::Bundle | Telling::Test => false,
        };
    if breaks_through || telling == Telling::Digest {
        return time;
    }
    quiet_until(&group.quiet, &group.zone, time).unwrap_or(time)
}

pub(super) fn plus(time: Time, span: Duration) -> Time {
    time.plus_millis(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::settings::{Digest, Quiet, Step};
    use super::*;
    use jiff::civil;
    use jiff::tz::TimeZone;

    const MINUTE: i64 = 60_000;
    const EVERY: Duration = Duration::from_secs(300);

    /// Midnight of Thursday, 26 November 2026, UTC.
    fn midnight() -> Time {
        Time::from_unix_millis(1_795_651_200_000)
    }

    fn minutes(count: i64) -> Time {
        midnight().plus_millis(12 * 60 * MINUTE + count * MINUTE)
    }

    fn step(minutes: u64, names: &[&str]) -> Step {
        let to = names.iter().map(|name| Recipient {
            way: "mail".to_owned(),
            name: (*name).to_owned(),
            address: format!("{name}@example.org"),
        });
        Step {
            after: Duration::from_secs(60 * minutes),
            to: to.collect(),
        }
    }

    fn group() -> Group {
        Group {
            least: Severity::Low,
            zone: TimeZone::UTC,
            quiet: Vec::new(),
            breaks_quiet: Severity::Critical,
            digest: None,
            steps: vec![step(0, &["anna"]), step(10, &["ben"]), step(20, &["cleo"])],
            escalates: Severity::High,
            repeat_every: Some(Duration::from_secs(1800)),
        }
    }

    fn fresh(severity: Severity) -> Known {
        Known {
            severity,
            opened: minutes(0),
            told_severity: None,
            told: None,
            steps: 0,
            step_time: None,
            news_since: Some(minutes(0)),
            acknowledged: None,
            over: None,
        }
    }

    /// What is told, and when (in minutes after noon) until `end`, if nothing else happens.
    fn story(mut known: Known, group: &Group, end: i64) -> Vec<(i64, Telling, Vec<String>)> {
        let mut now = known.opened.max(known.told.unwrap_or(known.opened));
        let mut story = Vec::new();
        loop {
            match look(&known, group, EVERY, now) {
                Look::Tell(telling) => {
                    let to = recipients(&known, group, telling);
                    let names = to.iter().map(|recipient| recipient.name.clone()).collect();
                    story.push((now.millis_since(minutes(0)) / MINUTE, telling, names));
                    known = told(&known, group, telling, now);
                }
                Look::Wait(time) if time < minutes(end) => {
                    assert!(time > now, "time goes on");
                    now = time;
                }
                Look::Wait(_) | Look::Nothing => return story,
            }
        }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_chain_is_told_step_by_step_and_again_until_somebody_acknowledges() {
        let expected = [
            (0, Telling::First, names(&["anna"])),
            (10, Telling::Escalation, names(&["ben"])),
            (30, Telling::Escalation, names(&["cleo"])),
            (60, Telling::Escalation, names(&["anna", "ben", "cleo"])),
            (90, Telling::Escalation, names(&["anna", "ben", "cleo"])),
        ];
        assert_eq!(story(fresh(Severity::High), &group(), 100), expected);
    }

    #[test]
    fn nothing_is_escalated_that_is_not_bad_enough() {
        assert_eq!(
            story(fresh(Severity::Medium), &group(), 1000),
            [(0, Telling::First, names(&["anna"]))]
        );
    }

    #[test]
    fn acknowledging_stops_the_chain_and_those_who_were_told_learn_of_it() {
        let known = told(&fresh(Severity::High), &group(), Telling::First, minutes(0));
        let known = told(&known, &group(), Telling::Escalation, minutes(10));
        let known = Known {
            acknowledged: Some((minutes(12), false)),
            ..known
        };
        assert_eq!(
            story(known, &group(), 1000),
            [(12, Telling::Acknowledged, names(&["anna", "ben"]))]
        );
    }

    #[test]
    fn news_are_told_at_most_every_few_minutes_and_worse_at_once() {
        let known = told(&fresh(Severity::Medium), &group(), Telling::First, minutes(0));
        let known = Known {
            news_since: Some(minutes(1)),
            ..known
        };
        assert_eq!(look(&known, &group(), EVERY, minutes(1)), Look::Wait(minutes(5)));
        assert_eq!(look(&known, &group(), EVERY, minutes(5)), Look::Tell(Telling::Update));
        let worse = Known {
            severity: Severity::Critical,
            ..known
        };
        assert_eq!(look(&worse, &group(), EVERY, minutes(1)), Look::Tell(Telling::Worse));
    }

    #[test]
    fn what_is_over_is_told_once_and_then_nothing() {
        let known = told(&fresh(Severity::High), &group(), Telling::First, minutes(0));
        let known = Known {
            over: Some((minutes(3), false)),
            news_since: Some(minutes(2)),
            ..known
        };
        assert_eq!(look(&known, &group(), EVERY, minutes(3)), Look::Tell(Telling::Over));
        let known = told(&known, &group(), Telling::Over, minutes(3));
        assert_eq!(look(&known, &group(), EVERY, minutes(30)), Look::Nothing);
    }

    fn quiet_at_noon() -> Group {
        Group {
            quiet: vec![Quiet {
                days: [true; 7],
                from: civil::time(11, 0, 0, 0),
                until: civil::time(13, 0, 0, 0),
            }],
            ..group()
        }
    }

    #[test]
    fn quiet_hours_put_off_what_can_wait() {
        assert_eq!(
            story(fresh(Severity::High), &quiet_at_noon(), 100),
            [
                (60, Telling::First, names(&["anna"])),
                (70, Telling::Escalation, names(&["ben"])),
                (90, Telling::Escalation, names(&["cleo"])),
            ]
        );
    }

    #[test]
    fn what_is_critical_breaks_through_quiet_hours_its_escalation_too() {
        assert_eq!(
            story(fresh(Severity::Critical), &quiet_at_noon(), 20),
            [
                (0, Telling::First, names(&["anna"])),
                (10, Telling::Escalation, names(&["ben"])),
            ]
        );
    }

    #[test]
    fn what_was_over_before_anybody_could_be_told_is_told_once() {
        let known = Known {
            over: Some((minutes(5), false)),
            ..fresh(Severity::High)
        };
        assert_eq!(
            story(known, &quiet_at_noon(), 1000),
            [(60, Telling::First, names(&["anna"]))]
        );
    }

    #[test]
    fn little_things_wait_for_the_digest_and_are_told_at_once_when_they_get_worse() {
        let group = Group {
            digest: Some(Digest {
                at: civil::time(14, 0, 0, 0),
                most: Severity::Low,
            }),
            ..quiet_at_noon()
        };
        assert_eq!(
            story(fresh(Severity::Low), &group, 10_000),
            [(120, Telling::Digest, names(&["anna"]))]
        );
        let known = told(&fresh(Severity::Low), &group, Telling::Digest, minutes(120));
        let worse = Known {
            severity: Severity::Medium,
            news_since: Some(minutes(121)),
            ..known
        };
        assert_eq!(look(&worse, &group, EVERY, minutes(121)), Look::Tell(Telling::Worse));
    }

    #[test]
    fn a_group_is_not_told_of_what_is_below_its_least() {
        let group = Group {
            least: Severity::Critical,
            ..group()
        };
        assert_eq!(look(&fresh(Severity::High), &group, EVERY, minutes(0)), Look::Nothing);
    }

    #[test]
    fn after_a_long_pause_it_is_told_at_once_but_not_in_quiet_hours() {
        let long_ago = Known {
            opened: midnight().plus_millis(-MINUTE),
            ..fresh(Severity::High)
        };
        assert_eq!(look(&long_ago, &group(), EVERY, minutes(0)), Look::Tell(Telling::First));
        assert_eq!(
            look(&long_ago, &quiet_at_noon(), EVERY, minutes(0)),
            Look::Wait(minutes(60))
        );
    }
}
