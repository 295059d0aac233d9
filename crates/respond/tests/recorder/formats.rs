//! Events of every kind, held against the schema by a program of another project.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use respond::alert::{Layer, Severity};
use respond::incident::IncidentState;
use respond::{Origin, Page, ocsf};

use super::support::{Bench, about};

/// Kinds of alerts that say that something was done, and one that doesn't.
const KINDS: [&str; 6] = [
    "fenced",
    "diverted",
    "still-fenced",
    "would-fence",
    "rolled-back",
    "bookmarked",
];

/// Every kind of alert, severity and state of an incident, as events.
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
            incident.assigned = Some(respond::Actor::Person("ann".to_owned()));
            all.push(ocsf::of_incident(&incident, &noticed, &origin).to_string());
            incident.assigned = None;
            all.push(ocsf::of_incident(&incident, &[], &origin).to_string());
        }
    }
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
