//! Events of every kind, held against the schema by a program of another project.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use respond::action::{Action, ActionId, ActionKind, ActionState};
use respond::alert::{AlertId, Layer, Severity};
use respond::incident::{IncidentId, IncidentState};
use respond::{Actor, Origin, Page, Time, ocsf};

use super::support::{Bench, about};

/// Kinds of alerts that say that something was done, and one that doesn't.
const KINDS: [&str; 8] = [
    "fenced",
    "fenced-by-hand",
    "released",
    "diverted",
    "still-fenced",
    "would-fence",
    "rolled-back",
    "bookmarked",
];

/// Every kind of action, each with another end.
fn actions() -> Vec<Action> {
    let volume = || "disk".to_owned();
    let kinds = [
        ActionKind::Pin { volume: volume() },
        ActionKind::Fence {
            volume: volume(),
            how: "divert".to_owned(),
        },
        ActionKind::Release {
            volume: volume(),
            diverted: Some("keep".to_owned()),
        },
        ActionKind::Sensitivity {
            volume: volume(),
            percent: 50,
            seconds: 3600,
        },
        ActionKind::Drill { volume: volume() },
        ActionKind::Notify { group: None },
        ActionKind::Webhook {
            target: "siem".to_owned(),
        },
        ActionKind::Command {
            name: "isolate-host".to_owned(),
        },
    ];
    let name = || "ann".to_owned();
    let deciders = [
        Actor::System("policy night-shift".to_owned()),
        Actor::Person(name()),
        Actor::Token(name()),
        Actor::Local(name()),
    ];
    let ends = [
        ActionState::Done {
            outcome: "kept as `action-1`".to_owned(),
        },
        ActionState::Failed {
            error: "the disk is full".to_owned(),
        },
        ActionState::NotRun {
            why: "it was decided more than an hour ago".to_owned(),
        },
        ActionState::Unknown,
        ActionState::Done { outcome: String::new() },
    ];
    let of_kinds = (1..)
        .zip(kinds)
        .zip(deciders.into_iter().cycle())
        .zip(ends.into_iter().cycle());
    let of_kinds = of_kinds.map(|(((id, kind), by), state)| Action {
        id: ActionId(id),
        kind,
        by,
        because: "encryption was recognised on `disk`".to_owned(),
        alert: Some(AlertId(1)),
        incident: (id % 2 == 0).then_some(IncidentId(1)),
        request: None,
        planned: Time::from_unix_millis(1_795_687_200_000),
        started: (id % 3 == 0).then(|| Time::from_unix_millis(1_795_687_201_000)),
        ended: Some(Time::from_unix_millis(1_795_687_202_000)),
        state,
    });
    of_kinds.collect()
}

/// Every kind of alert, severity and state of an incident, and every kind of action, as events.
fn events() -> Vec<String> {
    let mut bench = Bench::new();
    let mut alerts = Vec::new();
    for (number, (kind, severity)) in (0..).zip(KINDS.into_iter().zip(Severity::ALL.into_iter().cycle())) {
        for layer in Layer::ALL {
            let mut noticed = about(number, layer, kind, severity, "disk");
            noticed.host = (number % 2 == 0).then(|| "web".to_owned());
            noticed.identity = (number % 3 == 0).then(|| "ann".to_owned());
            noticed.volume = noticed.volume.filter(|_| number != 5);
            alerts.push(noticed.clone());
            alerts.push(noticed);
        }
    }
    bench.take(alerts);
    let origin = Origin {
        version: "0.1.0".to_owned(),
        host: "store".to_owned(),
    };
    let noticed = bench.alerts();
    let of_alerts = noticed.iter().flat_map(|alert| ocsf::events_of_alert(alert, &origin));
    let mut all: Vec<String> = of_alerts.map(|event| event.to_string()).collect();
    for mut incident in bench.incidents() {
        for state in IncidentState::ALL {
            incident.state = state;
            incident.assigned = Some(Actor::Person("ann".to_owned()));
            all.push(ocsf::of_incident(&incident, &noticed, &origin).to_string());
            incident.assigned = None;
            all.push(ocsf::of_incident(&incident, &[], &origin).to_string());
        }
    }
    all.extend(
        actions()
            .iter()
            .map(|action| ocsf::of_action(action, &origin).unwrap().to_string()),
    );
    assert!(
        bench
            .ledger
            .alerts(&respond::alert::Filter::default(), Page::newest(1))
            .is_ok()
    );
    all
}

/// `HOLDFAST_OCSF=1 cargo test -p respond formats`
#[test]
fn events_fit_the_schema() {
    let events = events();
    assert!(events.len() > 50, "{}", events.len());
    // The schema comes from a package registry: where none is wanted, the check isn't made.
    if std::env::var_os("HOLDFAST_OCSF").is_none() {
        return;
    }
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ocsf/check");
    let mut check = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    check
        .stdin
        .take()
        .unwrap()
        .write_all(events.join("\n").as_bytes())
        .unwrap();
    let output = check.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
}
