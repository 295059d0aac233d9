//! Drafts, with what was told to customers after the incident of 2025 as the worked example.

use respond::Actor;
use respond::case_file::DraftKind;
use respond::case_file::clocks::{built_in, start_clocks};
use respond::case_file::drafts::{DraftState, approve_draft, fill, mark_sent, values};
use respond::case_file::facts::{Answer, NewFact};

use super::support::{Case, HOUR, at, new_fact, person, said};

/// What was taken, and what wasn't.
fn worked_example() -> Vec<NewFact> {
    let taken = [
        "name",
        "email-address",
        "postal-address",
        "phone-number",
        "date-of-birth",
        "order-history",
        "household-information",
        "masked-card-number",
        "customer-reference",
    ];
    let not_taken = ["payment-details", "account-password"];
    let facts = taken.iter().map(|class| new_fact("online shop", class, Answer::Taken));
    facts
        .chain(
            not_taken
                .iter()
                .map(|class| new_fact("online shop", class, Answer::NotTaken)),
        )
        .collect()
}

fn example() -> Case {
    let mut case = Case::new();
    let law = built_in().unwrap().into_iter().find(|law| law.id == "uk-gdpr").unwrap();
    let incident = case.incident;
    case.ledger
        .write(|w| start_clocks(w, at(HOUR), &person("ann"), incident, &law, Some(at(0)), None))
        .unwrap();
    case.fill_all();
    case.confirm(&worked_example());
    case
}

/// The chapter of a letter under a heading.
fn chapter<'a>(letter: &'a str, heading: &str) -> &'a str {
    let (_, rest) = letter
        .split_once(heading)
        .unwrap_or_else(|| panic!("no `{heading}` in:\n{letter}"));
    let is_heading = |line: &&str| line.len() > 8 && line.chars().all(|c| c.is_uppercase() || c == ' ');
    let end = rest.lines().skip(1).find(is_heading).and_then(|line| rest.find(line));
    rest.get(..end.unwrap_or(rest.len())).unwrap()
}

#[test]
fn the_letter_says_rightly_what_was_taken_and_what_was_not() {
    let letter = example().render(DraftKind::Letter).unwrap();
    assert_eq!(letter.to_fill, Vec::<String>::new());
    let taken = chapter(&letter.text, "WHAT WAS TAKEN");
    let not_taken = chapter(&letter.text, "WHAT WAS NOT TAKEN");
    for words in [
        "your name",
        "your email address",
        "your postal address",
        "your phone number",
        "your date of birth",
        "what you ordered from us",
        "information about your household",
        "a part of your payment card number",
        "your customer reference number",
    ] {
        assert!(
            taken.contains(&format!("- {words}")) && !not_taken.contains(words),
            "{words}:\n{}",
            letter.text
        );
    }
    for words in ["usable card or payment details", "your account password"] {
        assert!(
            not_taken.contains(&format!("- {words}")) && !taken.contains(words),
            "{words}:\n{}",
            letter.text
        );
    }
    assert!(chapter(&letter.text, "WHAT WE DO NOT KNOW YET").contains("We have an answer for all the data we checked"));
}

#[test]
fn the_letter_says_what_to_do_about_phishing_and_where_to_check() {
    let letter = example().render(DraftKind::Letter).unwrap().text;
    assert!(chapter(&letter, "WHAT COULD HAPPEN").contains("say they are from us, your bank or the police"));
    let advice = chapter(&letter, "WHAT YOU CAN DO");
    for words in [
        "never ask for your password",
        "report@phishing.gov.uk",
        "7726",
        "credit file",
    ] {
        assert!(advice.contains(words), "{words}:\n{advice}");
    }
    let check = chapter(&letter, "WHERE TO CHECK");
    assert!(check.contains("https://breaches.example.com") && check.contains("haveibeenpwned.com"));
    assert!(!letter.to_lowercase().contains("no action"), "{letter}");
    // Nobody's password was taken: nobody is told that it was.
    assert!(!letter.contains("Change your password"), "{letter}");
}

#[test]
fn nobody_is_told_to_do_nothing() {
    let mut case = example();
    case.values.insert(
        "what-we-did".to_owned(),
        "Rest assured, you do not need to take any action.".to_owned(),
    );
    let error = said(case.render(DraftKind::Letter));
    assert!(error.contains("would say `not need to take any`"), "{error}");
}

#[test]
fn that_no_password_was_taken_is_said_of_passwords_only() {
    let mut case = Case::new();
    case.fill_all();
    case.confirm(&[new_fact("shop", "password-hint", Answer::NotTaken)]);
    let text = |case: &Case| case.render(DraftKind::Faq).unwrap().text;
    let about_password = |text: &str| text.split("Was my password taken?\n").nth(1).unwrap().to_owned();
    assert!(
        about_password(&text(&case)).starts_with("We do not know yet."),
        "{}",
        text(&case)
    );
    case.confirm(&[new_fact("shop", "password", Answer::NotTaken)]);
    assert!(about_password(&text(&case)).starts_with("No. "), "{}", text(&case));
}

#[test]
fn what_is_not_known_is_said_to_be_unknown() {
    let mut case = Case::new();
    case.fill_all();
    let letter = case.render(DraftKind::Letter).unwrap().text;
    assert!(
        chapter(&letter, "WHAT WAS TAKEN").contains("We do not know yet."),
        "{letter}"
    );
    assert!(
        chapter(&letter, "WHAT WAS NOT TAKEN").contains("We can not rule anything out yet."),
        "{letter}"
    );
    assert!(
        chapter(&letter, "WHAT YOU CAN DO").contains("Be careful with messages"),
        "{letter}"
    );
    case.set("ann", &new_fact("shop", "password", Answer::Unknown)).unwrap();
    let letter = case.render(DraftKind::Letter).unwrap().text;
    assert!(
        chapter(&letter, "WHAT WE DO NOT KNOW YET").contains("- your password\nPlease act as if it was."),
        "{letter}"
    );
    assert!(
        chapter(&letter, "WHAT YOU CAN DO").contains("Change your password with us"),
        "{letter}"
    );
    // One system where it was taken decides, whatever others say.
    case.set("ann", &new_fact("till", "password", Answer::Taken)).unwrap();
    case.set("ann", &new_fact("crm", "password", Answer::NotTaken)).unwrap();
    let letter = case.render(DraftKind::Letter).unwrap().text;
    assert!(
        chapter(&letter, "WHAT WAS TAKEN").contains("- your password"),
        "{letter}"
    );
    assert!(!chapter(&letter, "WHAT WAS NOT TAKEN").contains("password"), "{letter}");
}

#[test]
fn the_form_keeps_the_order_of_the_regulator_and_names_what_is_missing() {
    let mut case = Case::new();
    let form = case.render(DraftKind::RegulatorForm).unwrap().text;
    assert!(
        form.contains("No fact is in the register yet.") && !form.contains("All facts are confirmed"),
        "{form}"
    );
    case.set("ann", &new_fact("shop", "iban", Answer::Taken)).unwrap();
    case.set("ann", &new_fact("shop", "health", Answer::Unknown)).unwrap();
    let form = case.render(DraftKind::RegulatorForm).unwrap();
    let questions = [
        "What has happened?",
        "How did it occur?",
        "How did you discover it?",
        "When did it happen?",
        "Categories of personal data",
        "How many people could be affected?",
        "Harm to people",
        "3. CYBER INCIDENT",
        "4. TAKING ACTION",
        "5. ABOUT YOU",
    ];
    let places: Vec<usize> = questions.iter().map(|text| form.text.find(text).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(
        form.text.contains("[x] Economic and financial data") && form.text.contains("[?] Special category data"),
        "{}",
        form.text
    );
    assert!(
        form.text.contains("[FILL IN: the name of the organisation]"),
        "{}",
        form.text
    );
    assert!(form.to_fill.contains(&"organisation".to_owned()), "{:?}", form.to_fill);
    assert!(
        form.text
            .contains("How many people could be affected?\n  Not yet known."),
        "{}",
        form.text
    );
    assert!(
        form.text.matches("[FILL IN:").count() >= form.to_fill.len(),
        "{}",
        form.text
    );
}

#[test]
fn a_draft_is_final_only_when_its_facts_are_confirmed_and_two_others_approved_it() {
    let mut case = example();
    let open = case.set("ann", &new_fact("crm", "name", Answer::Unknown)).unwrap().fact;
    let draft = case.draft("ann", DraftKind::Letter);
    let approve = |case: &mut Case, who: &str, id| case.ledger.write(|w| approve_draft(w, at(HOUR), &person(who), id));
    assert!(said(approve(&mut case, "bob", draft.id)).contains("(name in `crm`) isn't confirmed by two people"));
    for who in ["bob", "eve"] {
        case.approve(who, &open).unwrap();
    }
    assert!(said(approve(&mut case, "ann", draft.id)).contains("is by ann: others approve it"));
    assert_eq!(approve(&mut case, "bob", draft.id).unwrap().state, DraftState::Made);
    assert!(said(approve(&mut case, "bob", draft.id)).contains("approved by bob already"));
    let send = |case: &mut Case| case.ledger.write(|w| mark_sent(w, at(HOUR), &person("ann"), draft.id));
    assert!(said(send(&mut case)).contains("is not final: 2 people have to approve it first"));
    assert_eq!(approve(&mut case, "eve", draft.id).unwrap().state, DraftState::Final);
    let token = case
        .ledger
        .write(|w| approve_draft(w, at(HOUR), &Actor::Token("x".to_owned()), draft.id));
    assert!(said(token).contains("is final already"));
    // A fact that changes between approval and sending keeps it from going out.
    case.set("bob", &new_fact("crm", "name", Answer::Taken)).unwrap();
    assert!(said(send(&mut case)).contains("has changed since the draft was made"));
    let kinds = case.kinds();
    assert_eq!(
        kinds.iter().filter(|kind| kind.starts_with("draft.")).count(),
        3,
        "{kinds:?}"
    );
}

#[test]
fn a_draft_with_gaps_is_not_approved_and_a_newer_one_takes_its_place() {
    let mut case = example();
    case.values.remove("contact-phone");
    let gaps = case.draft("ann", DraftKind::Letter);
    assert_eq!(gaps.to_fill, ["contact-phone"]);
    let approved = case
        .ledger
        .write(|w| approve_draft(w, at(HOUR), &person("bob"), gaps.id));
    assert!(said(approved).contains("1 thing to fill in: contact-phone"));
    case.fill_all();
    let newer = case.draft("ann", DraftKind::Letter);
    assert!(newer.to_fill.is_empty());
    let approved = case
        .ledger
        .write(|w| approve_draft(w, at(HOUR), &person("bob"), gaps.id));
    assert!(said(approved).contains("a newer draft took the place"));
}

#[test]
fn every_draft_can_be_made_whatever_is_known() {
    let mut case = Case::new();
    for round in 0..3 {
        for kind in DraftKind::ALL {
            let made = case.render(kind).unwrap();
            assert!(!made.text.contains("{{") && !made.text.contains("{%"), "{}", made.text);
            assert_eq!(
                made.to_fill.is_empty(),
                !made.text.contains("[FILL IN:"),
                "{kind:?}: {}",
                made.text
            );
        }
        match round {
            0 => case.confirm(&worked_example()),
            _ => case.fill_all(),
        }
    }
}

#[test]
fn letters_are_written_in_plain_language() {
    let case = example();
    // The status is mostly a list of data, whose names are as long as they are.
    let kinds = [
        (DraftKind::Letter, 70.0),
        (DraftKind::Faq, 70.0),
        (DraftKind::StaffNote, 70.0),
        (DraftKind::CustomerStatus, 60.0),
    ];
    for (kind, least) in kinds {
        let text = case.render(kind).unwrap().text;
        let score = reading_ease(&text);
        assert!(score >= least, "{kind:?} scores {score:.0}:\n{text}");
    }
}

/// Flesch's reading ease (1948): 206.835 - 1.015 words a sentence - 84.6 syllables a word. 60 to 70 is plain English, 100 very easy.
/// Points of lists and headings count as sentences.
fn reading_ease(text: &str) -> f64 {
    let mut sentences = 0_u32;
    let (mut words, mut syllables) = (0_u32, 0_u32);
    for line in text
        .lines()
        .filter(|line| !line.contains("http") && !line.contains('@'))
    {
        let line = line.trim_start_matches("- ");
        for sentence in line.split_inclusive(['.', '!', '?', ':']) {
            let of_sentence: Vec<&str> = sentence
                .split(|c: char| !c.is_alphabetic() && c != '\'')
                .filter(|word| !word.is_empty())
                .collect();
            if of_sentence.is_empty() {
                continue;
            }
            sentences += 1;
            words += u32::try_from(of_sentence.len()).unwrap();
            syllables += of_sentence.iter().map(|word| syllables_of(word)).sum::<u32>();
        }
    }
    206.835 - 1.015 * f64::from(words) / f64::from(sentences) - 84.6 * f64::from(syllables) / f64::from(words)
}

/// Groups of vowels, without a silent `e` at the end.
fn syllables_of(word: &str) -> u32 {
    let word = word.to_lowercase();
    let mut count = 0;
    let mut was_vowel = false;
    for c in word.chars() {
        let is_vowel = "aeiouy".contains(c);
        count += u32::from(is_vowel && !was_vowel);
        was_vowel = is_vowel;
    }
    let is_silent = word.ends_with('e') && !word.ends_with("le") && count > 1;
    (count - u32::from(is_silent)).max(1)
}

#[test]
fn what_people_fill_in_is_used_and_not_repeated_in_records() {
    let mut case = Case::new();
    let incident = case.incident;
    let value = "Zo\u{eb} Example, 020 7946 0000";
    case.ledger
        .write(|w| fill(w, at(HOUR), &person("ann"), incident, "reporter", value))
        .unwrap();
    assert_eq!(values(&case.ledger, incident).unwrap().get("reporter").unwrap(), value);
    let filter = respond::ledger::Filter::default();
    let records = case.ledger.records(&filter, 1000).unwrap();
    assert!(records.iter().any(|record| record.kind == "draft.filled"));
    assert!(
        !records
            .iter()
            .any(|record| record.body.to_string().contains("Example, 020"))
    );
    let unknown = case
        .ledger
        .write(|w| fill(w, at(HOUR), &person("ann"), incident, "colour", "red"));
    assert!(said(unknown).contains("no draft asks for `colour`: there are organisation, "));
}
