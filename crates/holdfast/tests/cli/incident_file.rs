//! The file of an incident with the real program: facts from a report, clocks, drafts, lists, the paper pack, and all of it in a folder.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use respond::alert::{Layer, NewAlert, Severity};
use respond::case_file::{approve_fact, drafts, facts};
use respond::incident::IncidentId;
use respond::intake::{Rules, take_in};
use respond::{Actor, Ledger, Time};

use super::support::{Place, tool};

/// 2026-11-23 10:15 UTC.
fn start() -> Time {
    Time::from_unix_millis(1_795_428_900_000)
}

/// A place with an incident about a disk in it, for which clocks began on 23 November 2026, 10:15 UTC.
fn place(name: &str) -> Place {
    let place = Place::new(name);
    place.ok(&["volume", "create", "shop", "4M"]);
    let mut ledger = ledger(&place);
    let alert = NewAlert {
        time: start(),
        layer: Layer::Guard,
        kind: "fenced".to_owned(),
        severity: Severity::Critical,
        volume: Some("shop".to_owned()),
        host: None,
        identity: None,
        title: "Encryption was stopped".to_owned(),
        text: "Writes are refused".to_owned(),
        facts: serde_json::Map::new(),
    };
    ledger
        .write(|w| take_in(w, start(), &Rules::default(), vec![alert]))
        .unwrap();
    place
}

fn ledger(place: &Place) -> Ledger {
    Ledger::open(&place.data().join("respond")).unwrap()
}

/// What would be the same for every test, shortened.
fn file(place: &Place, words: &[&str]) -> String {
    place.ok(&[&["incidents", "file", "1"], words].concat())
}

fn refused(place: &Place, words: &[&str]) -> (i32, String) {
    place.fails(&[&["incidents", "file", "1"], words].concat())
}

const REPORT: &str = r#"{"version":1,"volume":"shop","from":{"sequence":1,"time":"2026-11-23T09:00:00Z"},
"to":{"sequence":9,"time":"2026-11-23T10:00:00Z"},"files":[],"personal":{"classes":{
"email-address":{"title":"E-mail address","found":9,"files":3,"taken":1,"not_taken":2,"unknown":0,"examples":[]},
"iban":{"title":"IBAN","found":9,"files":3,"taken":0,"not_taken":3,"unknown":0,"examples":[]}},
"searched":7,"not_searched":0,"unread":0}}"#;

const CONFIG: &str = "\
[incident_file]
jurisdictions = [\"uk-gdpr\"]
restore_order = [[\"gone\"], [\"shop\"]]
[incident_file.values]
organisation = \"Example Ltd\"
[[incident_file.contacts]]
role = \"Incident lead\"
name = \"\u{160}t\u{11b}p\u{e1}n \u{141}uk\"
phone = \"+44 20 7946 0001\"
";

#[test]
fn facts_come_from_a_report_and_people_confirm_them() {
    let place = place("facts");
    std::fs::write(place.path("report.json"), REPORT).unwrap();
    let text = file(&place, &["facts", "import", "report.json"]);
    assert_eq!(
        text,
        "fact 1.1: email-address in `volume shop`: taken\nfact 2.1: iban in `volume shop`: not taken\n"
    );
    let (code, error) = refused(&place, &["facts", "approve", "1"]);
    assert_eq!(code, 4);
    assert!(error.contains("others approve it"), "{error}");
    let text = file(
        &place,
        &[
            "facts",
            "set",
            "crm",
            "Date of birth",
            "unknown",
            "--evidence",
            "nobody looked yet",
        ],
    );
    assert_eq!(text, "fact 3.1: date-of-birth in `crm`: not known yet\n");
    confirm_all(&place);
    let text = file(&place, &["facts", "list"]);
    assert!(
        text.contains("confirmed (bob, eve)") && !text.contains("not confirmed"),
        "{text}"
    );
    let text = file(
        &place,
        &[
            "facts",
            "set",
            "crm",
            "date-of-birth",
            "taken",
            "--evidence",
            "the server's log",
        ],
    );
    assert_eq!(
        text,
        "fact 3.2: date-of-birth in `crm`: taken\nit was approved before: that counts no more (2 approvals)\n"
    );
    assert!(file(&place, &["facts", "versions", "3"]).contains("3.1  not known yet"));
    let (code, error) = refused(&place, &["facts", "set", "crm", "x", "maybe", "--evidence", "y"]);
    assert!(code == 2 && error.contains("invalid value 'maybe'"), "{error}");
    let (code, error) = place.fails(&["incidents", "file", "9", "facts", "list"]);
    assert_eq!(
        (code, error.as_str()),
        (
            3,
            "error: there is no incident `9`\nhint: `holdfast incidents list` shows them\n"
        )
    );
}

/// Two people with accounts stand by every fact.
fn confirm_all(place: &Place) {
    let mut ledger = ledger(place);
    for fact in facts(&ledger, IncidentId(1)).unwrap() {
        for who in ["bob", "eve"] {
            let who = Actor::Person(who.to_owned());
            ledger
                .write(|w| approve_fact(w, start(), &who, fact.id, fact.version))
                .unwrap();
        }
    }
}

#[test]
fn clocks_say_when_whom_has_to_be_told() {
    let place = place("clocks");
    let words = [
        "clocks",
        "--aware",
        "2026-11-23T10:15:00Z",
        "--jurisdiction",
        "uk-gdpr",
        "--jurisdiction",
        "nis2",
    ];
    let text = file(&place, &words);
    for clock in [
        "nis2/early-warning",
        "nis2/notification",
        "nis2/final-report",
        "uk-gdpr/authority",
        "uk-gdpr/people",
    ] {
        assert!(text.contains(clock), "{clock}:\n{text}");
    }
    assert!(text.contains("Check with counsel"), "{text}");
    let clocks = place.json(&["incidents", "file", "1", "clocks"]);
    let due = |id: &str| {
        let clocks = clocks["clocks"].as_array().unwrap();
        clocks.iter().find(|clock| clock["id"] == id).unwrap()["due"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(due("uk-gdpr/authority"), "2026-11-26T10:15:00Z");
    assert_eq!(due("nis2/early-warning"), "2026-11-24T10:15:00Z");
    let words = ["reported", "nis2/early-warning", "--at", "2026-11-24T10:16:00Z"];
    assert!(refused(&place, &words).1.contains("needs a reason"), "{words:?}");
    let text = file(&place, &[&words[..], &["--because", "the office was cut off"]].concat());
    assert_eq!(text, "nis2/early-warning: reported late\n");
    assert!(file(&place, &["clocks"]).contains("reported late: the office was cut off"));
    let known = file(&place, &["clocks", "--known", "--jurisdiction", "uk-csr-bill"]);
    assert!(known.contains("Not in force as far as known"), "{known}");
    assert!(
        refused(&place, &["clocks", "--aware", "now", "--jurisdiction", "mars"])
            .1
            .contains("no jurisdiction is named `mars`")
    );
}

#[test]
fn drafts_list_what_is_missing_and_are_not_approved_before() {
    let place = place("drafts");
    std::fs::write(place.path("h.toml"), CONFIG).unwrap();
    file(
        &place,
        &["facts", "set", "shop", "name", "taken", "--evidence", "the log"],
    );
    let text = file(&place, &["drafts", "make", "letter"]);
    assert!(
        text.starts_with("Example Ltd\n") && text.contains("- your name\n"),
        "{text}"
    );
    assert!(
        text.contains("[FILL IN: what happened, in two or three plain sentences]"),
        "{text}"
    );
    assert!(
        text.contains("5 things to fill in:\n  what-happened: what happened"),
        "{text}"
    );
    assert!(
        text.contains("1 of 1 facts in it are not confirmed by two people"),
        "{text}"
    );
    std::fs::write(place.path("what.txt"), "Attackers locked our files.\n").unwrap();
    let filled = [
        "drafts",
        "fill",
        "what-happened=@what.txt",
        "what-we-did=We cut them off.",
        "contact-name=Ann",
        "contact-email=a@example.com",
    ];
    file(&place, &filled);
    assert!(file(&place, &["drafts", "make", "letter"]).contains("1 thing to fill in:\n  contact-phone"));
    let list = file(&place, &["drafts", "list"]);
    assert!(
        list.contains("replaced")
            && list.contains("1 thing to fill in: contact-phone; fact 1 (name in `shop`) isn't confirmed"),
        "{list}"
    );
    let (code, error) = refused(&place, &["drafts", "sent", "letter"]);
    assert!(code == 4 && error.contains("is not final"), "{error}");
    let (code, error) = refused(&place, &["drafts", "fill", "colour=red"]);
    assert!(code == 4 && error.contains("no draft asks for `colour`"), "{error}");
    let mine = std::fs::create_dir(place.path("templates"))
        .map(|()| place.path("templates/letter.txt"))
        .unwrap();
    std::fs::write(&mine, "Dear all,\n{{ value(\"sizes\") }}\n").unwrap();
    std::fs::write(
        place.path("h.toml"),
        format!("[incident_file]\ntemplates_folder = \"{}\"\n", place.path("templates")),
    )
    .unwrap();
    let (code, error) = refused(&place, &["drafts", "make", "letter"]);
    assert!(
        code != 0 && error.contains("letter.txt` line 2, column 1: there is no value `sizes`"),
        "{error}"
    );
}

#[test]
fn a_list_of_resets_has_those_first_whose_account_is_elsewhere() {
    let place = place("resets");
    for (name, about, rows) in [
        (
            "Ours",
            "name = 'Ours'\ntitle = 'Ours'\nbreach_date = '2026-11-23'\n",
            "email\nann@example.com\nben@example.com\ncy@example.com\n",
        ),
        (
            "Other",
            "name = 'Other'\ntitle = 'Other'\nbreach_date = '2020-01-01'\n",
            "email,password\nann@example.com,hunter-of-tests\n",
        ),
    ] {
        std::fs::write(place.path("about.toml"), about).unwrap();
        std::fs::write(place.path(&format!("{name}.csv")), rows).unwrap();
        place.ok(&[
            "exposure",
            "import",
            "breach",
            "--about",
            "about.toml",
            &format!("{name}.csv"),
        ]);
    }
    let text = file(&place, &["resets", "--breach", "ours", "--to", "resets.csv"]);
    assert!(text.starts_with("wrote 3 accounts into `resets.csv`"), "{text}");
    let list = std::fs::read_to_string(place.path("resets.csv")).unwrap();
    assert!(list.contains("ann@example.com,2,not given,1,Other\r\n"), "{list}");
    assert!(list.contains("ben@example.com,4,not given,0,\r\n"), "{list}");
    let mode = |name: &str| std::fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("resets.csv"), 0o600, "it is a list of people");
    // Also in the place of a file that everybody can read.
    std::fs::write(place.path("pack.pdf"), "").unwrap();
    std::fs::set_permissions(place.path("pack.pdf"), std::fs::Permissions::from_mode(0o644)).unwrap();
    file(&place, &["paper", "pack.pdf", "--force"]);
    assert_eq!(mode("pack.pdf"), 0o600);
    std::fs::write(
        place.path("list.txt"),
        "ann@example.com\nnobody\n\nzoe@example.com,0000000000000000000000000000000000000000\n",
    )
    .unwrap();
    let text = file(&place, &["resets", "--addresses", "list.txt", "--to", "again.csv"]);
    assert!(
        text.contains("wrote 2 accounts") && text.contains("note: 1 line had no address"),
        "{text}"
    );
    assert!(
        refused(&place, &["resets", "--addresses", "list.txt", "--to", "again.csv"])
            .1
            .contains("exists already")
    );
}

#[test]
fn everything_is_in_one_folder_that_tells_whether_it_is_whole() {
    let place = place("export");
    std::fs::write(place.path("h.toml"), CONFIG).unwrap();
    file(
        &place,
        &["facts", "set", "shop", "name", "taken", "--evidence", "the log"],
    );
    file(&place, &["clocks", "--aware", "2026-11-23T10:15:00Z"]);
    place.ok(&["pin", "shop", "before-cleaning"]);
    let text = file(&place, &["export", "case"]);
    assert!(text.starts_with("wrote 15 files into `case`"), "{text}");
    let mode = std::fs::metadata(place.path("case")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let folder = place.path("case");
    let checked = Command::new("sha256sum")
        .args(["--check", "--strict", "SHA256SUMS"])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(checked.status.success(), "{checked:?}");
    let timeline = std::fs::read_to_string(place.path("case/timeline.txt")).unwrap();
    assert!(
        timeline.contains("disk's history: shop: pinned") && timeline.contains("Fact set: name in `shop` taken"),
        "{timeline}"
    );
    let paper = tool("pdftotext", &["-layout", &place.path("case/paper-pack.pdf"), "-"]);
    for words in [
        "\u{160}t\u{11b}p\u{e1}n \u{141}uk",
        "Example Ltd",
        "no such volume",
        "holdfast restore shop",
        "your name",
    ] {
        assert!(paper.contains(words), "{words}:\n{paper}");
    }
    let (code, error) = refused(&place, &["export", "case"]);
    assert!(code == 4 && error.contains("make `case`"), "{error}");
    place.ok(&["incidents", "paper", "before.pdf"]);
    assert!(tool("pdftotext", &["-layout", &place.path("before.pdf"), "-"]).contains("for the day when nothing works"));
    assert!(file(&place, &["timeline", "--html", "t.html", "--csv", "t.csv"]).contains("Encryption was stopped"));
    assert!(drafts::drafts(&ledger(&place), IncidentId(1)).unwrap().is_empty());
}
