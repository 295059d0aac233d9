//! The timeline, over all layers.

use respond::approval::{self, Operation, Rule, Rules, Wish};
use respond::case_file::DraftKind;
use respond::case_file::drafts::{approve_draft, mark_sent, wish};
use respond::case_file::facts::Answer;
use respond::case_file::timeline::{DiskEvent, as_csv, as_text, timeline};
use respond::{Page, incident};

use super::support::{Case, HOUR, MINUTE, at, london, new_fact, person, said};

fn disk() -> Vec<DiskEvent> {
    let event = |millis, text: &str| DiskEvent {
        time: at(millis),
        volume: "shop".to_owned(),
        text: text.to_owned(),
    };
    vec![
        event(90_000, "restored to 10:14"),
        event(-MINUTE, "pinned as before-attack-1"),
    ]
}

#[test]
fn what_all_layers_say_is_told_in_order_and_with_who_did_it() {
    let mut case = Case::new();
    let id = case.incident;
    case.ledger
        .write(|w| incident::acknowledge(w, at(1000), &person("bob"), id))
        .unwrap();
    case.set("ann", &new_fact("shop", "iban", Answer::Taken)).unwrap();
    let told = timeline(&case.ledger, id, &disk()).unwrap();
    assert!(told.entries.is_sorted_by_key(|entry| entry.time), "{told:?}");
    let text = as_text(&told, &london());
    for line in [
        "2026-11-23 10:14:00 +00:00  disk      disk's history: shop: pinned as before-attack-1",
        "alert     holdfast (guard): Encryption of shop was stopped. Writes are refused",
        "2026-11-23 10:15:01 +00:00  incident  bob: Somebody looks after the incident",
        "action    holdfast (policy encryption-recognised): Done: notify",
        "fact      ann: Fact set: iban in `shop` taken, because: the forensic report, chapter 4",
        "disk's history: shop: restored to 10:14",
    ] {
        assert!(text.contains(line), "`{line}` is not in:\n{text}");
    }
    let places: Vec<usize> = [
        "pinned as before",
        "Writes are refused",
        "Somebody looks",
        "Fact set",
        "restored to",
    ]
    .iter()
    .map(|part| text.find(part).unwrap())
    .collect();
    assert!(places.is_sorted(), "{text}");
    assert_eq!(as_csv(&told).lines().count(), told.entries.len() + 1);
}

#[test]
fn what_is_left_out_is_counted_and_is_not_what_was_done() {
    let mut case = Case::new();
    let alert = case
        .ledger
        .alerts(&respond::alert::Filter::default(), Page::newest(1))
        .unwrap()
        .remove(0);
    let repeated = case.ledger.write(|w| {
        (0..1_000).try_for_each(|count| {
            let body = serde_json::json!({ "count": count });
            w.record(
                at(MINUTE),
                &person("ann"),
                "alert.repeated",
                &format!("alert/{}", alert.id),
                &body,
            )
            .map(drop)
        })
    });
    repeated.unwrap();
    let told = timeline(&case.ledger, case.incident, &[]).unwrap();
    assert_eq!(told.left_out, 1, "one of its records doesn't fit");
    // Full with what happened to a disk, there is no room for alerts first.
    let full = vec![disk().remove(0); 20_000 - 200];
    let told = timeline(&case.ledger, case.incident, &full).unwrap();
    assert!(told.left_out > 500, "{}", told.left_out);
    assert!(
        told.entries.iter().any(|entry| entry.from == "action"),
        "what was done is there"
    );
    assert_eq!(told.entries.len(), 20_000);
}

#[test]
fn what_belongs_to_another_incident_is_not_in_it() {
    let case = Case::new();
    let told = timeline(&case.ledger, case.incident, &[]).unwrap();
    let own: Vec<&str> = told.entries.iter().map(|entry| entry.from.as_str()).collect();
    assert!(own.contains(&"alert") && own.contains(&"incident"), "{own:?}");
    let missing = timeline(&case.ledger, incident::IncidentId(9), &[]);
    assert_eq!(said(missing), "there is no incident `9`");
}

#[test]
fn a_rule_of_approvals_for_letters_holds_when_one_is_sent() {
    let mut case = Case::new();
    case.fill_all();
    case.confirm(&[new_fact("shop", "name", Answer::Taken)]);
    let draft = case.draft("ann", DraftKind::Letter);
    for who in ["bob", "eve"] {
        case.ledger
            .write(|w| approve_draft(w, at(HOUR), &person(who), draft.id))
            .unwrap();
    }
    for who in ["ann", "bob", "eve"] {
        case.add_account(who);
    }
    let mut rules = Rules::default();
    rules.0.insert(Operation::SendLetter, Rule::default());
    case.ledger
        .write(|w| approval::enable(w, at(HOUR), &person("ann"), &rules))
        .unwrap();
    let send = |case: &mut Case| {
        case.ledger
            .write(|w| mark_sent(w, at(HOUR + MINUTE), &person("ann"), draft.id))
    };
    assert!(send(&mut case).is_err(), "nobody approved that it is sent");
    let wish = Wish {
        because: "those concerned have to know".to_owned(),
        ..wish(&draft)
    };
    let request = case
        .ledger
        .write(|w| approval::ask(w, at(HOUR), &person("ann"), &wish))
        .unwrap();
    case.ledger
        .write(|w| approval::approve(w, at(HOUR), &person("bob"), request, ""))
        .unwrap();
    send(&mut case).unwrap();
    let told = as_text(&timeline(&case.ledger, case.incident, &[]).unwrap(), &london());
    assert!(
        told.contains("approval  bob: Approval given") && told.contains("went out"),
        "{told}"
    );
}
