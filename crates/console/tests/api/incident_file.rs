//! The file of an incident by the API: what a page can do, a program can.

use axum::http::StatusCode;
use respond::alert::{Layer, NewAlert, Severity};
use respond::case_file::drafts::VALUES;
use respond::intake::{Rules, take_in};
use respond::people::Role;
use serde_json::{Value, json};

use crate::support::{Browser, Console, Reply};

/// An incident about the disk, and where its file is.
fn incident(console: &Console, host: &str) -> String {
    let now = console.now();
    let alert = NewAlert {
        time: now,
        layer: Layer::Guard,
        kind: "fenced".to_owned(),
        severity: Severity::Critical,
        volume: (host == "disk").then(|| "disk".to_owned()),
        host: (host != "disk").then(|| host.to_owned()),
        identity: None,
        title: format!("Encryption of {host} was stopped"),
        text: "Writes are refused".to_owned(),
        facts: serde_json::Map::new(),
    };
    let taken = console
        .site
        .desk
        .write(|w| take_in(w, now, &Rules::default(), vec![alert]))
        .unwrap();
    let id = taken.alerts.first().unwrap().alert.incident.unwrap();
    // One about the same sort of thing within a minute would be the same incident.
    console.site.pass_seconds(120);
    format!("/api/v1/incidents/{id}/file")
}

fn fact(answer: &str) -> Value {
    json!({ "system": "shop", "class": "Email address", "answer": answer, "evidence": "report 4", "reference": "r.pdf" })
}

/// Everything that drafts ask for.
fn values() -> Value {
    let each = VALUES.iter().map(|(name, _)| {
        let text = match *name {
            "monitor-url" => "https://breaches.example.com".to_owned(),
            "what-happened" => "Attackers got into our systems and locked some files.".to_owned(),
            name => format!("the {}", name.replace('-', " ")),
        };
        ((*name).to_owned(), json!(text))
    });
    Value::Object(each.collect())
}

/// Three people who work on an incident.
fn people(console: &Console) -> [Browser<'_>; 3] {
    ["ann", "bob", "eve"].map(|name| console.signed_in(name, Role::Operator))
}

fn good(reply: Reply) -> Value {
    assert!(reply.status.is_success(), "{} {}", reply.status, reply.json());
    reply.json()
}

#[test]
fn a_fact_is_confirmed_by_two_others_and_a_change_takes_that_away() {
    let console = Console::new();
    let file = incident(&console, "disk");
    let [mut ann, mut bob, mut eve] = people(&console);
    let set = good(ann.post(&format!("{file}/facts"), &fact("taken")));
    assert_eq!(
        (&set["changed"], &set["fact"]["class"]),
        (&json!(true), &json!("email-address"))
    );
    let approve = format!("{file}/facts/{}/approve", set["fact"]["id"]);
    let first = json!({ "version": 1.0 });
    assert_eq!(ann.post(&approve, &first).problem(), "refused", "one's own");
    assert_eq!(good(bob.post(&approve, &first))["confirmed"], json!(false));
    assert_eq!(bob.post(&approve, &first).problem(), "refused", "twice");
    assert_eq!(good(eve.post(&approve, &first))["confirmed"], json!(true));
    let changed = good(ann.post(&format!("{file}/facts"), &fact("not-taken")));
    assert_eq!(
        (&changed["fact"]["version"], &changed["approvals_lost"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(
        bob.post(&approve, &first).problem(),
        "refused",
        "another version is the newest"
    );
    let versions = good(bob.get(&format!("{file}/facts/{}", set["fact"]["id"])));
    let approvals = |version: usize| versions[version]["approvals"].as_array().unwrap().len();
    assert_eq!((approvals(0), approvals(1)), (2, 0));
    assert_eq!(good(bob.get(&file))["facts"][0]["answer"], json!("not-taken"));
}

#[test]
fn clocks_are_started_and_stopped() {
    let console = Console::new();
    let file = incident(&console, "disk");
    let mut ann = console.signed_in("ann", Role::Operator);
    let laws = good(ann.get("/api/v1/incidents/laws"));
    let uk = laws
        .as_array()
        .unwrap()
        .iter()
        .find(|law| law["id"] == "uk-gdpr")
        .unwrap();
    assert_eq!((&uk["chosen"], &uk["not_in_force"]), (&json!(true), &Value::Null));
    let aware = console.now().plus_millis(-60_000);
    let start = format!("{file}/clocks");
    let future = json!({ "law": "uk-gdpr", "aware": console.now().plus_millis(1000) });
    assert_eq!(ann.post(&start, &future).problem(), "refused");
    assert_eq!(ann.post(&start, &json!({ "law": "uk-gdpr" })).problem(), "refused");
    assert_eq!(
        ann.post(&start, &json!({ "law": "x", "aware": aware })).problem(),
        "not-found"
    );
    let clocks = good(ann.post(&start, &json!({ "law": "uk-gdpr", "aware": aware })));
    let authority = clocks
        .as_array()
        .unwrap()
        .iter()
        .find(|clock| clock["id"] == "uk-gdpr/authority");
    assert_eq!(authority.unwrap()["state"], json!("running"));
    assert_eq!(authority.unwrap()["due"], json!(aware.plus_millis(72 * 3_600_000)));
    let stop = format!("{file}/clocks/stop");
    let mut done = json!({ "law": "uk-gdpr", "duty": "authority", "outcome": "not-needed" });
    assert_eq!(ann.post(&stop, &done).problem(), "refused", "needs a reason");
    done["outcome"] = json!("reported");
    done["reference"] = json!("IC-1");
    let stopped = good(ann.post(&stop, &done));
    assert_eq!(
        (&stopped["state"], &stopped["stopped"]["reference"]),
        (&json!("reported"), &json!("IC-1"))
    );
}

#[test]
fn a_letter_is_made_filled_in_approved_and_sent() {
    let console = Console::new();
    let file = incident(&console, "disk");
    let [mut ann, mut bob, mut eve] = people(&console);
    let set = good(ann.post(&format!("{file}/facts"), &fact("taken")));
    for browser in [&mut bob, &mut eve] {
        let approve = format!("{file}/facts/{}/approve", set["fact"]["id"]);
        good(browser.post(&approve, &json!({ "version": 1 })));
    }
    let make = format!("{file}/drafts");
    let empty = good(ann.post(&make, &json!({ "kind": "letter" })));
    assert!(empty["text"].as_str().unwrap().contains("[FILL IN: "), "{empty}");
    assert!(!empty["to_fill"].as_array().unwrap().is_empty());
    let of = |draft: &Value, what: &str| format!("{file}/drafts/{}/{what}", draft["id"]);
    assert_eq!(bob.post(&of(&empty, "approve"), &json!({})).problem(), "refused");
    let filled = good(ann.post(&format!("{file}/values"), &values()));
    assert_eq!(filled["contact-name"], json!("the contact name"));
    let made = ann.post(&make, &json!({ "kind": "letter" }));
    assert_eq!(made.status, StatusCode::CREATED);
    let draft = made.json();
    assert_eq!(
        (&draft["to_fill"], &draft["obstacles"]),
        (&json!([]), &json!([])),
        "{draft}"
    );
    assert_eq!(
        bob.post(&of(&draft, "sent"), &json!({})).problem(),
        "refused",
        "not final"
    );
    assert_eq!(
        ann.post(&of(&draft, "approve"), &json!({})).problem(),
        "refused",
        "one's own"
    );
    assert_eq!(
        good(bob.post(&of(&draft, "approve"), &json!({})))["state"],
        json!("made")
    );
    assert_eq!(
        good(eve.post(&of(&draft, "approve"), &json!({})))["state"],
        json!("final")
    );
    let sent = good(ann.post(&of(&draft, "sent"), &json!({})));
    assert_eq!(
        (&sent["state"], sent["approvals"].as_array().unwrap().len()),
        (&json!("sent"), 2)
    );
    let drafts = good(ann.get(&file))["drafts"].clone();
    let states: Vec<&Value> = drafts.as_array().unwrap().iter().map(|draft| &draft["state"]).collect();
    assert_eq!(states, [&json!("sent"), &json!("replaced")]);
    good(ann.post(&format!("{file}/facts"), &fact("unknown")));
    let facts = good(ann.get(&file))["facts"].clone();
    assert_eq!(
        facts[0]["after_letters"],
        json!([draft["id"]]),
        "the letter may have to be corrected"
    );
}

#[test]
fn the_timeline_has_all_layers_and_the_paper_is_a_pdf() {
    let console = Console::new();
    let file = incident(&console, "disk");
    let mut ann = console.signed_in("ann", Role::Operator);
    good(ann.post(&format!("{file}/facts"), &fact("taken")));
    let timeline = good(ann.get(&format!("{file}/timeline")));
    let entries = timeline["entries"].as_array().unwrap();
    let sources: std::collections::BTreeSet<&str> =
        entries.iter().map(|entry| entry["from"].as_str().unwrap()).collect();
    assert!(
        ["alert", "disk", "fact"].iter().all(|from| sources.contains(from)),
        "{sources:?}"
    );
    assert_eq!(entries[0]["what"], json!("disk: pinned `nightly`"));
    let paper = ann.get(&format!("{file}/paper"));
    assert_eq!(
        (paper.status, paper.header("content-type")),
        (StatusCode::OK, "application/pdf")
    );
    assert!(paper.body.starts_with(b"%PDF-") && paper.body.len() > 10_000);
    // A volume that is gone has no history any more.
    let gone = incident(&console, "laptop-7").replace("file", "file/timeline");
    assert_eq!(good(ann.get(&gone))["remarks"], json!([]));
}

#[test]
fn what_belongs_to_another_incident_is_not_found() {
    let console = Console::new();
    let (file, other) = (incident(&console, "disk"), incident(&console, "laptop-7"));
    assert_ne!(file, other);
    let [mut ann, mut bob, _] = people(&console);
    let set = good(ann.post(&format!("{file}/facts"), &fact("taken")));
    let draft = good(ann.post(&format!("{file}/drafts"), &json!({ "kind": "faq" })));
    let (fact, draft) = (&set["fact"]["id"], &draft["id"]);
    let one = json!({ "version": 1 });
    for (path, body) in [
        (format!("{other}/facts/{fact}/approve"), &one),
        (format!("{other}/drafts/{draft}/approve"), &json!({})),
        (format!("{other}/drafts/{draft}/sent"), &json!({})),
    ] {
        assert_eq!(bob.post(&path, body).problem(), "not-found", "{path}");
    }
    for path in [format!("{other}/facts/{fact}"), format!("{other}/drafts/{draft}")] {
        assert_eq!(bob.get(&path).problem(), "not-found", "{path}");
    }
    assert_eq!(
        good(bob.get(&file))["facts"][0]["approvals"],
        json!([]),
        "nothing of it was done"
    );
    let nowhere = "/api/v1/incidents/999/file";
    for path in ["", "/timeline", "/paper"] {
        assert_eq!(bob.get(&format!("{nowhere}{path}")).problem(), "not-found", "{path}");
    }
    assert_eq!(
        bob.post(&format!("{nowhere}/values"), &json!({})).problem(),
        "not-found"
    );
}

#[test]
fn what_the_description_does_not_allow_is_refused() {
    let console = Console::new();
    let file = incident(&console, "disk");
    let mut ann = console.signed_in("ann", Role::Operator);
    let long = "x".repeat(101);
    let with = |name: &str, value: Value| {
        let mut body = fact("taken");
        body[name] = value;
        body
    };
    for (path, body) in [
        ("facts", with("system", json!(long))),
        ("facts", with("system", json!(""))),
        ("facts", with("answer", json!("perhaps"))),
        ("facts", with("more", json!(1))),
        ("facts/1/approve", json!({ "version": 0 })),
        ("facts/1/approve", json!({ "version": 1.5 })),
        ("clocks", json!({ "law": "uk-gdpr", "aware": "yesterday" })),
        (
            "clocks/stop",
            json!({ "law": "uk-gdpr", "duty": "x", "outcome": "forgotten" }),
        ),
        ("values", json!({ "colour": "red" })),
        ("values", json!({ "organisation": "x".repeat(4001) })),
        ("drafts", json!({ "kind": "poem" })),
    ] {
        let reply = ann.post(&format!("{file}/{path}"), &body);
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {body}");
        assert_eq!(reply.problem(), "unprocessable");
    }
}

#[test]
fn a_draft_that_is_asked_for_twice_with_one_key_is_made_once() {
    let console = Console::new();
    let file = incident(&console, "disk");
    let mut ann = console.signed_in("ann", Role::Operator);
    let mut ask = |kind: &str| {
        let mut request = ann.request("POST", &format!("{file}/drafts"), Some(&json!({ "kind": kind })));
        request.headers_mut().insert("idempotency-key", "k1".parse().unwrap());
        ann.send(request)
    };
    let (first, again) = (ask("letter"), ask("letter"));
    assert_eq!((first.status, first.json()), (again.status, again.json()));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(ask("faq").problem(), "key-reused");
    assert_eq!(good(ann.get(&file))["drafts"].as_array().unwrap().len(), 1);
}
