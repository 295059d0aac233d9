//! Events of the Open Cybersecurity Schema Framework, in the same pages as what they tell of.

use respond::action::{self, ActionState, Lane};
use respond::alert::{Layer, NewAlert, Severity};
use respond::intake::{Rules, take_in};
use respond::people::Role;
use respond::policy::Policies;
use serde_json::{Map, Value, json};

use crate::support::{Browser, Console};

const PIN: &str = "[[policy]]\nname = \"keep\"\nwhen = { kind = \"fenced\" }\nthen = [{ do = \"pin\" }]\n";

/// Two disks are fenced, one after the other; a policy wants their moments kept.
fn attacked(console: &Console) {
    let rules = Rules {
        policies: Policies::parse(PIN, "keep.toml").unwrap(),
        ..Rules::default()
    };
    for volume in ["disk", "other"] {
        let now = console.now();
        let alert = NewAlert {
            time: now,
            layer: Layer::Guard,
            kind: "fenced".to_owned(),
            severity: Severity::Critical,
            volume: Some(volume.to_owned()),
            host: None,
            identity: None,
            title: format!("Encryption of {volume} was stopped"),
            text: "Writes are refused".to_owned(),
            facts: Map::new(),
        };
        let desk = &console.site.desk;
        desk.write(|w| take_in(w, now, &rules, vec![alert])).unwrap();
        console.site.pass_seconds(10);
    }
}

/// The types of events that a path gives, and the path of the next page.
fn types(browser: &mut Browser<'_>, path: &str) -> (Vec<Value>, Option<String>) {
    let reply = browser.get(path);
    let events = reply.json();
    let link = reply
        .header("link")
        .strip_prefix('<')
        .and_then(|link| link.split('>').next());
    let types = events.as_array().unwrap().iter().map(|event| event["type_uid"].clone());
    (types.collect(), link.map(str::to_owned))
}

#[test]
fn alerts_incidents_and_actions_are_events_in_the_same_pages() {
    let console = Console::new();
    attacked(&console);
    let mut ann = console.signed_in("ann", Role::Viewer);
    let three = [json!(200_401), json!(100_110), json!(700_201)];
    let (first, next) = types(&mut ann, "/api/v1/alerts/ocsf?most=1");
    assert_eq!(first, three);
    assert_eq!(types(&mut ann, &next.unwrap()).0, three, "the other alert");
    let (of_one, _) = types(&mut ann, "/api/v1/alerts/ocsf?volume=disk");
    assert_eq!(of_one, three);
    let incidents = ann.get("/api/v1/incidents/ocsf").json();
    assert_eq!(incidents[0]["class_uid"], 2005);
    assert_eq!(incidents[0]["finding_info_list"].as_array().unwrap().len(), 2);
    assert_eq!(incidents[0]["metadata"]["log_provider"], "store");
}

#[test]
fn an_action_is_told_of_once_it_has_ended() {
    let console = Console::new();
    attacked(&console);
    let mut ann = console.signed_in("ann", Role::Viewer);
    assert!(
        types(&mut ann, "/api/v1/actions/ocsf").0.is_empty(),
        "nothing has ended"
    );
    let (desk, now) = (&console.site.desk, console.now());
    let planned = desk
        .read(|ledger| action::next(ledger, Lane::Volumes))
        .unwrap()
        .unwrap();
    let outcome = "kept as `action-1`".to_owned();
    let end = |w: &mut respond::Writing<'_>| {
        action::start(w, now, planned.id)?;
        action::finish(w, now, planned.id, ActionState::Done { outcome })
    };
    desk.write(end).unwrap();
    let events = ann.get("/api/v1/actions/ocsf").json();
    assert_eq!(events.as_array().unwrap().len(), 1, "the other one is planned yet");
    assert_eq!(
        (&events[0]["type_uid"], &events[0]["status_id"]),
        (&json!(700_104), &json!(1))
    );
    assert_eq!(events[0]["status_detail"], "kept as `action-1`");
}
