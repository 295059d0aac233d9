//! Events of every activity, held against OCSF's schema by a program of another project.

#![expect(clippy::unwrap_used, reason = "a test that fails shall panic")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use serde_json::{Value, json};
use threat::event::{Activity, Event, Facts, Handle, HandleKind, Logsource, Origin, Outcome, ocsf};
use threat::input::{Body, Record};
use threat::normalise::normalise_each;

/// Every activity, by the names that JSON has.
const ACTIVITIES: &str = "sign_in ticket_request factor_challenge password_reset password_change factor_reset factor_enrolment device_enrolment
    account_creation account_deletion account_state account_change group_change group_member_addition group_member_removal role_grant access_grant
    trust_change policy_change mail_rule search file_read file_write file_deletion process script persistence registry_change connection name_lookup
    directory_read log_clearing defence_change malware_found warning power_on power_off machine_change machine_copy machine_creation machine_deletion
    snapshot_creation snapshot_deletion service_start host_setting other";

fn event(activity: Activity, facts: Facts) -> Event {
    Event {
        time: Timestamp::from_second(1_795_687_200).unwrap(),
        logsource: Logsource {
            product: "windows",
            service: Some("security"),
            category: None,
        },
        fields: json!({"EventID": 4688, "ProcessId": "0x1f4", "CommandLine": "whoami /all", "Image": "C:\\Windows\\System32\\whoami.exe"}),
        facts: Facts { activity, ..facts },
        origin: Origin {
            source: "Security.evtx".into(),
            record: 7,
        },
    }
}

fn full(outcome: Outcome) -> Facts {
    let handle = |kind, name: &str| Handle::new(kind, name).unwrap();
    Facts {
        outcome,
        actor: vec![
            handle(HandleKind::Sam, "acme\\anna"),
            handle(HandleKind::Sid, "S-1-5-21-1-2-3-1104"),
        ],
        target: vec![
            handle(HandleKind::Mail, "bert@acme.example"),
            handle(HandleKind::DisplayName, "Bert B."),
        ],
        machine: vec![
            handle(HandleKind::Host, "dc01.acme.example"),
            handle(HandleKind::Address, "10.0.0.7"),
        ],
        address: Some("192.0.2.7".parse().unwrap()),
        object: Some("C:\\Windows\\System32\\whoami.exe".to_owned()),
        ..Facts::default()
    }
}

fn activities() -> impl Iterator<Item = Activity> {
    ACTIVITIES
        .split_whitespace()
        .map(|name| serde_json::from_value(json!(name)).unwrap())
}

/// Each activity with all facts, with none, and with a machine's name that is none.
fn events() -> Vec<Value> {
    let odd = Facts {
        machine: vec![Handle::new(HandleKind::VirtualMachine, "a machine, with \"names\"").unwrap()],
        object: Some("fs01.acme.example".to_owned()),
        ..full(Outcome::Failure)
    };
    let facts = [full(Outcome::Success), odd, Facts::default()];
    activities()
        .flat_map(|activity| {
            facts
                .iter()
                .map(move |facts| ocsf(&event(activity, facts.clone()), "0.1.0"))
        })
        .collect()
}

/// `HOLDFAST_OCSF=1 cargo test -p threat --test ocsf`
#[test]
fn events_fit_the_schema() {
    let events = events();
    // The schema comes from a package registry: where none is wanted, the check isn't made.
    if std::env::var_os("HOLDFAST_OCSF").is_none() {
        return;
    }
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
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
        .write_all(lines.join("\n").as_bytes())
        .unwrap();
    let output = check.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn what_is_told_fills_its_class_and_what_is_not_is_a_base_event() {
    let class = |activity, facts| ocsf(&event(activity, facts), "0.1.0")["class_uid"].clone();
    let expected = [
        (Activity::SignIn, 3002),
        (Activity::PasswordReset, 3001),
        (Activity::GroupMemberAddition, 3006),
        (Activity::RoleGrant, 3005),
        (Activity::Process, 1007),
        (Activity::FileDeletion, 1001),
        (Activity::Connection, 4001),
        (Activity::SnapshotDeletion, 6003),
        (Activity::LogClearing, 0),
    ];
    for (activity, number) in expected {
        assert_eq!(class(activity, full(Outcome::Success)), number, "{activity:?}");
        assert_eq!(class(activity, Facts::default()), 0, "{activity:?}");
    }
}

#[test]
fn an_event_that_was_written_is_read_as_what_it_was() {
    for activity in [
        Activity::SignIn,
        Activity::PasswordReset,
        Activity::Process,
        Activity::FileDeletion,
    ] {
        let written = ocsf(&event(activity, full(Outcome::Success)), "0.1.0");
        let record = Record {
            body: Body::Document(written),
            origin: Origin {
                source: "events.ndjson".into(),
                record: 1,
            },
        };
        let mut read = Vec::new();
        normalise_each(record, Timestamp::UNIX_EPOCH, &mut |event| read.extend(event));
        assert_eq!(read.len(), 1);
        let facts = &read[0].facts;
        assert_eq!((facts.activity, facts.outcome), (activity, Outcome::Success));
        assert!(
            facts.actor.iter().any(|name| name.name == "s-1-5-21-1-2-3-1104"),
            "{facts:?}"
        );
        assert!(
            facts.machine.iter().any(|name| name.name == "dc01.acme.example"),
            "{facts:?}"
        );
    }
}
