//! An action from its decision to its end, with the program killed at every step.

use jiff::tz::TimeZone;

use super::*;
use crate::alert::{Alert, AlertId, Layer, NewAlert, Severity};
use crate::approval::{self, RequestState};
use crate::error::Error;
use crate::people::Actor;
use crate::policy::{Decision, InMemory, Known, Policies};
use crate::time::Time;
use crate::{Ledger, Page};

fn at(second: i64) -> Time {
    Time::from_unix_millis(1_795_428_900_000 + 1000 * second)
}

fn alert(id: i64, volume: &str) -> Alert {
    Alert {
        id: AlertId(id),
        noticed: NewAlert {
            time: at(0),
            layer: Layer::Guard,
            kind: "fenced".to_owned(),
            severity: Severity::Critical,
            volume: Some(volume.to_owned()),
            host: None,
            identity: None,
            title: "Encryption recognised".to_owned(),
            text: "Encryption recognised on a disk.".to_owned(),
            facts: serde_json::Map::new(),
        },
        last: at(0),
        count: 1,
        incident: None,
        part_of: None,
        parts: crate::alert::Parts::default(),
    }
}

/// What a policy with these actions decides on a site of `a` to `e`.
fn decisions(then: &str, more: &str, alert: &Alert) -> Vec<Decision> {
    let text = format!("[[policy]]\nname = \"p\"\nwhen = {{ kind = \"fenced\" }}\nthen = [{then}]\n{more}\n");
    let known = Known {
        volumes: ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec(),
        ..Known::default()
    };
    let policies = Policies::parse(&text, "p.toml").unwrap().knowing(known);
    policies
        .decide(alert, None, &InMemory::default(), at(0), &TimeZone::UTC)
        .unwrap()
}

fn plan_all(ledger: &mut Ledger, second: i64, then: &str, more: &str, alert: &Alert) -> Vec<Option<ActionId>> {
    let decisions = decisions(then, more, alert);
    let planned = ledger.write(|w| {
        decisions
            .iter()
            .map(|decision| plan(w, at(second), decision, alert, None))
            .collect()
    });
    planned.unwrap()
}

fn states(ledger: &Ledger) -> Vec<String> {
    let mut actions = ledger.actions(&Filter::default(), Page::default()).unwrap();
    actions.reverse();
    actions
        .iter()
        .map(|action| format!("{}: {}", action.kind.text(), action.state.name()))
        .collect()
}

fn kinds(ledger: &Ledger) -> Vec<String> {
    let records = ledger.records(&crate::ledger::Filter::default(), 999).unwrap();
    let of_actions = records.into_iter().filter(|record| record.kind.starts_with("action."));
    of_actions
        .map(|record| format!("{} {}", record.subject, record.kind))
        .collect()
}

#[test]
fn an_action_is_planned_started_and_done() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let planned = plan_all(
        &mut ledger,
        0,
        "{ do = \"pin\" }, { do = \"fence\" }",
        "",
        &alert(1, "a"),
    );
    assert_eq!(planned, [Some(ActionId(1)), Some(ActionId(2))]);
    let first = next(&ledger, Lane::Volumes).unwrap().unwrap();
    assert_eq!(first.kind.name(), "fence", "fences go first");
    assert!(next(&ledger, Lane::Drills).unwrap().is_none());
    let started = ledger.write(|w| start(w, at(1), first.id)).unwrap().unwrap();
    assert_eq!(started.mark(), "action-2-20261123101500");
    assert!(ledger.write(|w| start(w, at(1), first.id)).is_err(), "once");
    let done = ActionState::Done {
        outcome: "fenced".to_owned(),
    };
    ledger.write(|w| finish(w, at(2), first.id, done.clone())).unwrap();
    assert!(
        ledger.write(|w| finish(w, at(2), first.id, done.clone())).is_err(),
        "once"
    );
    assert!(
        ledger.write(|w| finish(w, at(2), ActionId(1), done)).is_err(),
        "it wasn't started"
    );
    assert_eq!(
        states(&ledger),
        ["keep the newest moment of `a`: planned", "fence `a` (divert): done"]
    );
    let expected = [
        "1 action.planned",
        "2 action.planned",
        "2 action.started",
        "2 action.done",
    ];
    assert_eq!(kinds(&ledger), expected.map(|kind| format!("action/{kind}")));
}

#[test]
fn the_same_is_not_done_twice_within_the_cooldown_but_what_failed_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let fence = |ledger: &mut Ledger, second, how: &str| {
        plan_all(
            ledger,
            second,
            &format!("{{ do = \"fence\", how = \"{how}\" }}"),
            "cooldown = \"5m\"",
            &alert(1, "a"),
        )[0]
    };
    assert!(fence(&mut ledger, 0, "divert").is_some());
    assert_eq!(
        fence(&mut ledger, 1000, "refuse"),
        None,
        "it waits still, however it is done"
    );
    ledger.write(|w| start(w, at(1001), ActionId(1))).unwrap().unwrap();
    let failed = ActionState::Failed { error: "no".to_owned() };
    ledger.write(|w| finish(w, at(1002), ActionId(1), failed)).unwrap();
    assert!(fence(&mut ledger, 1003, "refuse").is_some());
    ledger.write(|w| start(w, at(1004), ActionId(2))).unwrap().unwrap();
    ledger
        .write(|w| finish(w, at(1005), ActionId(2), ActionState::Unknown))
        .unwrap();
    assert_eq!(fence(&mut ledger, 1200, "refuse"), None);
    assert!(fence(&mut ledger, 1310, "refuse").is_some());
}

#[test]
fn what_was_done_while_the_clock_was_wrong_holds_nothing_up_for_years() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let year = 366 * 86_400;
    let fence_all = "{ do = \"fence\", on = \"all\" }";
    plan_all(&mut ledger, year, fence_all, "", &alert(1, "a"));
    let done = ActionState::Done {
        outcome: "fenced".to_owned(),
    };
    ledger
        .write(|w| {
            for id in 1..=3 {
                start(w, at(year), ActionId(id))?;
                finish(w, at(year), ActionId(id), done.clone())?;
            }
            Ok(())
        })
        .unwrap();
    let planned = plan_all(&mut ledger, 0, "{ do = \"fence\" }", "", &alert(2, "a"))[0];
    let action = ledger.action(planned.unwrap()).unwrap().unwrap();
    assert_eq!(action.state, ActionState::Planned);
}

#[test]
fn what_is_too_much_waits_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    plan_all(&mut ledger, 0, "{ do = \"fence\", on = \"all\" }", "", &alert(1, "a"));
    let waiting = |names: &[&str]| {
        names
            .iter()
            .map(|name| format!("fence `{name}` (divert): waiting"))
            .collect::<Vec<_>>()
    };
    let planned = |names: &[&str]| {
        names
            .iter()
            .map(|name| format!("fence `{name}` (divert): planned"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        states(&ledger),
        [planned(&["a", "b", "c"]), waiting(&["d", "e"])].concat()
    );
    assert_eq!(tell_waiting(&ledger).unwrap().len(), 2);
    ledger.write(|w| told(w, ActionId(4))).unwrap();
    assert_eq!(tell_waiting(&ledger).unwrap().len(), 1);
    let request = ledger.action(ActionId(4)).unwrap().unwrap().request.unwrap();
    let asked = ledger.request(request).unwrap().unwrap();
    assert!(
        asked.because.ends_with("a false alarm must not cut off a whole site"),
        "{}",
        asked.because
    );
    // Approvals are off: whoever owns the data folder decides.
    let owner = Actor::Local("root".to_owned());
    let approved = ledger
        .write(|w| approval::approve(w, at(5), &owner, request, "do it"))
        .unwrap();
    assert_eq!(approved.state, RequestState::Used, "by the action");
    let other = ledger.action(ActionId(5)).unwrap().unwrap().request.unwrap();
    ledger
        .write(|w| approval::refuse(w, at(6), &owner, other, "no"))
        .unwrap();
    assert_eq!(
        states(&ledger)[3..],
        ["fence `d` (divert): planned", "fence `e` (divert): not-run"]
    );
}

#[test]
fn what_nobody_can_be_asked_about_any_more_is_not_run_and_holds_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let planned = ledger.write(|w| {
        for id in 1..=1001 {
            let alert = alert(id, &format!("v{id}"));
            for decision in decisions("{ do = \"pin\" }", "approval = true", &alert) {
                plan(w, at(0), &decision, &alert, None)?;
            }
        }
        Ok(())
    });
    planned.unwrap();
    let filter = Filter {
        state: Some("not-run".to_owned()),
        ..Filter::default()
    };
    let not_run = ledger.actions(&filter, Page::default()).unwrap();
    let [action] = not_run.as_slice() else {
        panic!("{not_run:?}")
    };
    assert_eq!(action.kind.volume(), Some("v1001"));
    let why = action.state.outcome().unwrap();
    assert!(
        why.starts_with("nobody can be asked to approve it: 1000 requests wait already"),
        "{why}"
    );
}

#[test]
fn a_policys_own_limit_counts_its_actions() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let limit = "limit = { most = 2, within = \"1h\" }";
    plan_all(&mut ledger, 0, "{ do = \"pin\", on = \"all\" }", limit, &alert(1, "a"));
    let waiting = states(&ledger)
        .iter()
        .filter(|state| state.ends_with("waiting"))
        .count();
    assert_eq!(waiting, 3);
    ledger.write(|w| approval::expire(w, at(86_400))).unwrap();
    let not_run = states(&ledger)
        .iter()
        .filter(|state| state.ends_with("not-run"))
        .count();
    assert_eq!(not_run, 3, "nobody approved in time");
}

#[test]
fn what_wants_approval_waits_and_a_fence_is_not_taken_down_by_another_policy() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    plan_all(
        &mut ledger,
        0,
        "{ do = \"drill\" }",
        "approval = { quorum = 1, expires = \"1h\" }",
        &alert(1, "a"),
    );
    assert_eq!(states(&ledger), ["run a drill on a fork of `a`: waiting"]);
    let expires = ledger.request(approval::RequestId(1)).unwrap().unwrap().expires;
    assert_eq!(expires, at(3600));
    plan_all(
        &mut ledger,
        1,
        "{ do = \"fence\" }, { do = \"release\" }",
        "",
        &alert(2, "b"),
    );
    assert_eq!(
        states(&ledger)[1..],
        ["fence `b` (divert): planned", "take down the fence of `b`: not-run"]
    );
}

#[test]
fn whoever_owns_the_data_folder_approves_a_release_too_where_approvals_are_off() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    plan_all(
        &mut ledger,
        0,
        "{ do = \"release\" }",
        "approval = true",
        &alert(1, "a"),
    );
    let request = ledger.action(ActionId(1)).unwrap().unwrap().request.unwrap();
    let owner = Actor::Local("root".to_owned());
    let approved = ledger
        .write(|w| approval::approve(w, at(5), &owner, request, "do it"))
        .unwrap();
    assert_eq!(approved.state, RequestState::Used, "by the action");
    assert_eq!(states(&ledger), ["take down the fence of `a`: planned"]);
}

#[test]
fn what_was_decided_too_long_ago_is_not_begun() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    plan_all(
        &mut ledger,
        0,
        "{ do = \"fence\" }, { do = \"notify\" }",
        "",
        &alert(1, "a"),
    );
    assert!(ledger.write(|w| start(w, at(3601), ActionId(1))).unwrap().is_none());
    assert!(
        ledger.write(|w| start(w, at(3601), ActionId(2))).unwrap().is_some(),
        "people want to know all the same"
    );
    assert_eq!(states(&ledger), ["fence `a` (divert): not-run", "tell people: started"]);
}

/// The world on which actions have effects.
#[derive(Default)]
struct World {
    done: Vec<String>,
}

/// Where the program is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kill {
    BeforeStart,
    WithinStart,
    BeforeEffect,
    AfterEffect,
    WithinFinish,
    AfterFinish,
}

/// Runs one action as whoever carries actions out does, until the program is killed.
fn run(ledger: &mut Ledger, world: &mut World, kill: Kill) -> Result<(), Error> {
    let killed = || {
        Err(Error::Refused {
            what: "killed".to_owned(),
        })
    };
    let action = next(ledger, Lane::Volumes)?.expect("something is planned");
    if kill == Kill::BeforeStart {
        return killed();
    }
    // A transaction that isn't committed leaves nothing.
    ledger.write(|w| {
        start(w, at(1), action.id)?;
        if kill == Kill::WithinStart { killed() } else { Ok(()) }
    })?;
    if kill == Kill::BeforeEffect {
        return killed();
    }
    world.done.push(action.mark());
    if kill == Kill::AfterEffect {
        return killed();
    }
    ledger.write(|w| {
        finish(
            w,
            at(2),
            action.id,
            ActionState::Done {
                outcome: "kept".to_owned(),
            },
        )?;
        if kill == Kill::WithinFinish { killed() } else { Ok(()) }
    })?;
    killed()
}

#[test]
fn killed_at_any_moment_an_action_runs_once_and_says_so() {
    use Kill::{AfterEffect, AfterFinish, BeforeEffect, BeforeStart, WithinFinish, WithinStart};
    for kill in [
        BeforeStart,
        WithinStart,
        BeforeEffect,
        AfterEffect,
        WithinFinish,
        AfterFinish,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut world = World::default();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        plan_all(&mut ledger, 0, "{ do = \"pin\" }", "", &alert(1, "a"));
        run(&mut ledger, &mut world, kill).unwrap_err();
        drop(ledger);
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let look = &mut |action: &Action| match world.done.contains(&action.mark()) {
            true => Found::Done("kept".to_owned()),
            false => Found::NotDone,
        };
        ledger.write(|w| after_restart(w, at(10), look)).unwrap();
        if next(&ledger, Lane::Volumes).unwrap().is_some() {
            run(&mut ledger, &mut world, AfterFinish).unwrap_err();
        }
        assert_eq!(world.done.len(), 1, "{kill:?}");
        assert_eq!(states(&ledger), ["keep the newest moment of `a`: done"], "{kill:?}");
    }
}

#[test]
fn what_nobody_can_look_up_is_not_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let then = "{ do = \"webhook\", target = \"t\" }, { do = \"drill\" }, { do = \"release\" }";
    plan_all(&mut ledger, 0, then, "", &alert(1, "a"));
    ledger
        .write(|w| (1..=3).try_for_each(|id| start(w, at(1), ActionId(id)).map(drop)))
        .unwrap();
    let look = &mut |action: &Action| match action.kind.name() {
        "webhook" => Found::Unknown,
        _ => Found::NotDone,
    };
    let looked = ledger.write(|w| after_restart(w, at(2), look)).unwrap();
    assert_eq!(looked.len(), 3);
    assert_eq!(
        states(&ledger),
        [
            "send a signed message to `t`: unknown",
            "run a drill on a fork of `a`: not-run",
            "take down the fence of `a`: not-run"
        ]
    );
    for lane in Lane::ALL {
        assert!(next(&ledger, lane).unwrap().is_none());
    }
}
