//! The paper pack, read back with the tools of another project (poppler).

use std::process::Command;

use jiff::tz::TimeZone;
use respond::case_file::clocks::{built_in, start_clocks};
use respond::case_file::facts::Answer;
use respond::case_file::paper::{self, Contact, Pack, RestoreStep, paper};
use respond::case_file::timeline::{Entry, Timeline};
use respond::case_file::{DraftKind, Jurisdiction};

use super::support::{Case, HOUR, at, london, new_fact, person};

/// Names as people in Europe have them.
const NAMES: &[&str] = &[
    "Zo\u{eb} M\u{fc}ller",
    "\u{141}ukasz Wi\u{15b}niewski",
    "\u{160}t\u{11b}p\u{e1}nka Dvo\u{159}\u{e1}kov\u{e1}",
    "\u{de}\u{f3}rd\u{ed}s Gu\u{f0}mundsd\u{f3}ttir",
    "\u{218}tefan Ni\u{21b}\u{103}",
    "\u{11e}\u{fc}l \u{130}nci",
    "\u{391}\u{3bb}\u{3ad}\u{3be}\u{3b9}\u{3bf}\u{3c2}",
    "\u{418}\u{432}\u{430}\u{43d} \u{408}\u{43e}\u{432}\u{438}\u{45b}",
    "S\u{ed}le N\u{ed} Bhriain",
    "Gw\u{1e81}en",
    "\u{10dc}\u{10d8}\u{10dc}\u{10dd}",
    "\u{531}\u{580}\u{561}\u{574}",
];

fn contacts() -> Vec<Contact> {
    let each = NAMES.iter().map(|name| Contact {
        role: "Incident lead".to_owned(),
        name: (*name).to_owned(),
        phone: "+44 20 7946 0000".to_owned(),
        other: "Signal, and the radio in the plant".to_owned(),
    });
    each.collect()
}

fn steps() -> Vec<RestoreStep> {
    let step = |tier, volume: &str| RestoreStep {
        tier,
        volume: volume.to_owned(),
        state: "40 GiB; restore point from before the attack".to_owned(),
        command: format!("holdfast restore {volume} --before-attack"),
    };
    vec![step(1, "directory"), step(1, "tills"), step(2, "shop")]
}

fn laws() -> Vec<Jurisdiction> {
    built_in()
        .unwrap()
        .into_iter()
        .filter(|law| ["uk-gdpr", "nis2"].contains(&law.id.as_str()))
        .collect()
}

/// A timeline that is longer than a page.
fn timeline(case: &Case) -> Timeline {
    let entry = |number: i64| Entry {
        time: at(number * 1000),
        from: "alert".to_owned(),
        who: "holdfast (guard)".to_owned(),
        what: format!(
            "Event {number}: {}",
            "something happened that takes more than a line to tell, ".repeat(3)
        ),
        record: None,
        volume: None,
    };
    Timeline {
        incident: case.incident,
        title: "Encryption of shop was stopped".to_owned(),
        entries: (0..80).map(entry).collect(),
        left_out: 0,
    }
}

/// Makes a pack, and runs `program` on it.
fn read_back(pdf: &[u8], program: &str, words: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pack.pdf");
    std::fs::write(&path, pdf).unwrap();
    let output = Command::new(program).arg(&path).args(words).output();
    let output = output.unwrap_or_else(|error| panic!("`{program}` (poppler-utils) must be installed: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{program}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn pack_of_an_incident() -> Vec<u8> {
    let mut case = Case::new();
    case.fill_all();
    case.confirm(&[
        new_fact("shop", "name", Answer::Taken),
        new_fact("shop", "iban", Answer::NotTaken),
    ]);
    let incident = case.incident;
    for law in laws() {
        case.ledger
            .write(|w| start_clocks(w, at(HOUR), &person("ann"), incident, &law, Some(at(0)), None))
            .unwrap();
    }
    let letter = case.render(DraftKind::Letter).unwrap().text;
    let pack = Pack {
        organisation: "Example Caf\u{e9} & S\u{f6}hne Ltd",
        contacts: &contacts(),
        restore: &steps(),
        jurisdictions: &laws(),
        case: Some(paper::Case {
            timeline: &timeline(&case),
            facts: &case.facts(),
            clocks: &case.clocks(&laws(), HOUR),
            letter: &letter,
        }),
        now: at(HOUR),
        zone: &london(),
    };
    paper(&pack).unwrap()
}

#[test]
fn the_pack_can_be_read_and_any_european_name_is_in_it() {
    let pdf = pack_of_an_incident();
    if let Ok(kept) = std::env::var("PAPER_PACK") {
        std::fs::write(kept, &pdf).unwrap();
    }
    let text = read_back(&pdf, "pdftotext", &["-layout", "-"]);
    for name in NAMES {
        assert!(text.contains(name), "{name}:\n{text}");
    }
    for words in [
        "Example Caf\u{e9} & S\u{f6}hne Ltd",
        "Isolate what is hit",
        "holdfast restore directory --before-attack",
        "Tier 2",
        "Event 79",
        "10:15 GMT",
        "WHAT WAS TAKEN",
        "holdfast approvals break-glass",
        "UK GDPR, Article",
        "Page 1 of ",
    ] {
        assert!(text.contains(words), "{words}:\n{text}");
    }
    let fonts = read_back(&pdf, "pdffonts", &[]);
    let embedded: Vec<&str> = fonts.lines().skip(2).collect();
    assert!(
        embedded.len() == 2
            && embedded
                .iter()
                .all(|line| line.contains("CID TrueType") && line.contains("yes yes yes")),
        "{fonts}"
    );
    assert!(read_back(&pdf, "pdfinfo", &[]).contains("Tagged:          yes"));
    assert!(pdf.len() < 400_000, "{} bytes", pdf.len());
}

#[test]
fn what_reads_aloud_meets_headings_tables_and_text_in_order() {
    let structure = read_back(&pack_of_an_incident(), "pdfinfo", &["-struct-text"]);
    let places: Vec<usize> = [
        "\"Paper pack: incident 1\"",
        "\"Whom to call\"",
        "\"Telephone\"",
        "\"What to restore, in this order\"",
        "\"Log\"",
    ]
    .iter()
    .map(|text| structure.find(text).unwrap_or_else(|| panic!("{text}:\n{structure}")))
    .collect();
    assert!(places.is_sorted(), "{places:?}");
    for role in ["H1", "H2", "Table", "TR", "TH", "TD"] {
        assert!(
            structure.lines().any(|line| line.trim().starts_with(role)),
            "{role}:\n{structure}"
        );
    }
    // Page numbers are of no use there.
    assert!(!structure.contains("Page 1 of"));
}

#[test]
fn a_pack_can_be_printed_before_anything_happens() {
    let pack = Pack {
        organisation: "",
        contacts: &[],
        restore: &[],
        jurisdictions: &[],
        case: None,
        now: at(0),
        zone: &TimeZone::UTC,
    };
    let text = read_back(&paper(&pack).unwrap(), "pdftotext", &["-layout", "-"]);
    for words in [
        "for the day when nothing works",
        "Write them in by hand",
        "There are no volumes.",
        "Initials",
    ] {
        assert!(text.contains(words), "{words}:\n{text}");
    }
}

#[test]
fn what_the_font_does_not_have_is_shown_as_such_and_breaks_nothing() {
    let contacts = [Contact {
        name: "\u{674e}\u{660e}\u{7}".to_owned(),
        ..Contact::default()
    }];
    let pack = Pack {
        organisation: &"X".repeat(3_000),
        contacts: &contacts,
        restore: &[],
        jurisdictions: &[],
        case: None,
        now: at(0),
        zone: &TimeZone::UTC,
    };
    assert!(read_back(&paper(&pack).unwrap(), "pdftotext", &["-"]).contains('\u{fffd}'));
}
