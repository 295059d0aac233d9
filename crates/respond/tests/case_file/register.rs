//! The fact register.

use respond::Actor;
use respond::case_file::drafts::{DraftKind, approve_draft, mark_sent};
use respond::case_file::facts::{Answer, fact_versions, set_fact};

use super::support::{Case, HOUR, at, new_fact, person, said};

#[test]
fn a_fact_is_confirmed_when_two_others_stand_by_it() {
    let mut case = Case::new();
    let fact = case
        .set("ann", &new_fact("shop", "IBAN", Answer::Unknown))
        .unwrap()
        .fact;
    assert_eq!(
        (fact.version, fact.said.class.as_str(), fact.is_confirmed()),
        (1, "iban", false)
    );
    assert!(said(case.approve("ann", &fact)).contains("is by ann: others approve it"));
    assert!(!case.approve("bob", &fact).unwrap().is_confirmed());
    assert!(said(case.approve("bob", &fact)).contains("approved by bob already"));
    assert!(case.approve("eve", &fact).unwrap().is_confirmed());
    assert_eq!(case.kinds().iter().filter(|kind| kind.starts_with("fact.")).count(), 3);
}

#[test]
fn programs_do_not_stand_by_facts() {
    let mut case = Case::new();
    let fact = case
        .set("ann", &new_fact("shop", "iban", Answer::Unknown))
        .unwrap()
        .fact;
    for actor in [Actor::System("guard".to_owned()), Actor::Token("backup".to_owned())] {
        let approved = case
            .ledger
            .write(|w| respond::case_file::approve_fact(w, at(0), &actor, fact.id, fact.version));
        assert!(said(approved).contains("is approved by people"));
    }
}

#[test]
fn a_change_takes_approvals_away_and_the_versions_stay() {
    let mut case = Case::new();
    case.confirm(&[new_fact("shop", "iban", Answer::NotTaken)]);
    let same = case.set("eve", &new_fact("shop", "iban", Answer::NotTaken)).unwrap();
    assert!(!same.is_changed && same.fact.is_confirmed(), "{same:?}");
    let former = same.fact;
    let changed = case.set("eve", &new_fact("shop", "iban", Answer::Taken)).unwrap();
    assert_eq!(
        (
            changed.fact.version,
            changed.approvals_lost,
            changed.fact.is_confirmed()
        ),
        (2, 2, false)
    );
    assert!(said(case.approve("bob", &former)).contains("is at version 2, not 1"));
    let versions = fact_versions(&case.ledger, former.id).unwrap();
    assert_eq!(
        versions.iter().map(|one| one.said.answer).collect::<Vec<_>>(),
        [Answer::NotTaken, Answer::Taken]
    );
    assert_eq!(versions.first().unwrap().approvals.len(), 2);
    // Going back to what it was is a change, too.
    let back = case.set("ann", &new_fact("shop", "iban", Answer::NotTaken)).unwrap();
    assert_eq!((back.fact.version, back.fact.approvals.len()), (3, 0));
}

#[test]
fn a_change_after_the_letter_went_out_says_so() {
    let mut case = Case::new();
    case.fill_all();
    case.confirm(&[
        new_fact("shop", "iban", Answer::NotTaken),
        new_fact("shop", "name", Answer::Taken),
    ]);
    let letter = case.draft("ann", DraftKind::Letter);
    for who in ["bob", "eve"] {
        case.ledger
            .write(|w| approve_draft(w, at(HOUR), &person(who), letter.id))
            .unwrap();
    }
    case.ledger
        .write(|w| mark_sent(w, at(2 * HOUR), &person("ann"), letter.id))
        .unwrap();
    assert!(case.facts().iter().all(|fact| fact.after_letters.is_empty()));
    let changed = case.set("eve", &new_fact("shop", "iban", Answer::Taken)).unwrap();
    assert_eq!(changed.fact.after_letters, [letter.id]);
    let untouched = case.facts().into_iter().find(|fact| fact.said.class == "name").unwrap();
    assert!(untouched.after_letters.is_empty() && untouched.is_confirmed());
}

#[test]
fn what_can_not_be_a_fact_is_refused() {
    let mut case = Case::new();
    for (fact, expected) in [
        (new_fact("shop", "n\u{e4}me", Answer::Taken), "names no class of data"),
        (new_fact(" ", "name", Answer::Taken), "a system's name is empty"),
        (new_fact("a\nb", "name", Answer::Taken), "line breaks"),
        (new_fact(&"x".repeat(101), "name", Answer::Taken), "at most 100"),
    ] {
        let error = said(case.set("ann", &fact));
        assert!(error.contains(expected), "{error}");
    }
    let missing = respond::incident::IncidentId(99);
    let fact = new_fact("shop", "name", Answer::Taken);
    let set = case
        .ledger
        .write(|w| set_fact(w, at(0), &person("ann"), missing, &fact));
    assert_eq!(said(set), "there is no incident `99`");
}

#[test]
fn one_person_does_not_count_twice_by_using_the_command_line_as_well() {
    let mut case = Case::new();
    let fact = case
        .set("ann", &new_fact("shop", "iban", Answer::Unknown))
        .unwrap()
        .fact;
    let local = |case: &mut Case, name: &str| {
        let actor = Actor::Local(name.to_owned());
        case.ledger
            .write(|w| respond::case_file::approve_fact(w, at(0), &actor, fact.id, fact.version))
    };
    // Without accounts, names of the machine tell people apart.
    assert!(said(local(&mut case, "Ann")).contains("is by ann: others approve it"));
    local(&mut case, "bob").unwrap();
    case.add_account("bob");
    assert!(said(local(&mut case, "root")).contains("sign in to the console"));
    assert!(said(case.approve("bob", &fact)).contains("approved by bob on this machine already"));
    assert!(case.approve("eve", &fact).unwrap().is_confirmed());
}
