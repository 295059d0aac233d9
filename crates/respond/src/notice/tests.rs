//! Notices with a real ledger: floods, chains, servers that are down, restarts.

mod configuration;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::civil;
use jiff::tz::TimeZone;
use tempfile::TempDir;

use super::*;
use crate::alert::{Layer, NewAlert, Severity};
use crate::incident;
use crate::intake::{Rules, take_in};
use crate::{Actor, Ledger, Page, Time};

const MINUTE: i64 = 60_000;

/// Noon of Thursday, 26 November 2026, UTC.
fn minutes(count: i64) -> Time {
    Time::from_unix_millis(1_795_694_400_000).plus_millis(count * MINUTE)
}

fn recipient(way: &str, name: &str) -> Recipient {
    Recipient {
        way: way.to_owned(),
        name: name.to_owned(),
        address: format!("{name}@example.org"),
    }
}

fn settings() -> Settings {
    let step = |after: u64, to: &[(&str, &str)]| Step {
        after: Duration::from_secs(60 * after),
        to: to.iter().map(|(way, name)| recipient(way, name)).collect(),
    };
    let operators = Group {
        least: Severity::Low,
        zone: TimeZone::UTC,
        quiet: Vec::new(),
        breaks_quiet: Severity::Critical,
        digest: Some(Digest {
            at: civil::time(14, 0, 0, 0),
            most: Severity::Low,
        }),
        steps: vec![
            step(0, &[("mail", "anna"), ("pager", "anna")]),
            step(10, &[("mail", "ben")]),
        ],
        escalates: Severity::High,
        repeat_every: None,
    };
    Settings {
        ways: BTreeMap::from([("mail".to_owned(), Severity::Low), ("pager".to_owned(), Severity::High)]),
        groups: BTreeMap::from([("operators".to_owned(), operators)]),
        default_group: Some("operators".to_owned()),
        public_url: Some("https://console.example".to_owned()),
        ..Settings::default()
    }
}

fn about(subject: &str, severity: Severity, news: &str) -> About {
    About {
        subject: subject.to_owned(),
        group: None,
        severity,
        title: format!("trouble with {subject}"),
        text: "What it means and what to do next.".to_owned(),
        news: Some(news.to_owned()),
        count: 1,
        concerns: vec!["volume disk".to_owned()],
        alert: None,
        incident: None,
        time: minutes(0),
        is_over: false,
    }
}

struct Bench {
    folder: TempDir,
    ledger: Ledger,
    settings: Settings,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        Self {
            folder,
            ledger,
            settings: settings(),
        }
    }

    fn hear(&mut self, now: Time, what: &About) {
        self.hear_all(now, std::iter::once(what.clone()));
    }

    fn hear_all(&mut self, now: Time, all: impl IntoIterator<Item = About>) {
        let settings = &self.settings;
        let heard = self
            .ledger
            .write(|w| all.into_iter().try_for_each(|what| plan(w, now, settings, &what)));
        heard.unwrap();
    }

    /// Everything that is decided until then, as time goes on.
    fn advance_to(&mut self, until: Time) {
        let mut now = minutes(0);
        while let Some(next) = next(&self.ledger, now).unwrap().filter(|next| *next <= until) {
            now = now.max(next);
            self.ledger.write(|w| advance(w, now, &self.settings)).unwrap();
        }
    }

    /// What waits by a way: its numbers, in order.
    fn due(&self, now: Time, way: &str) -> Vec<NoticeId> {
        due(&self.ledger, now, way, 1000).unwrap()
    }

    fn attempt(&mut self, now: Time, id: NoticeId, outcome: Result<&str, NotTaken>) -> Option<WayChange> {
        let due = self.ledger.write(|w| attempting(w, id)).unwrap();
        assert!(due.is_some(), "it waits");
        self.ledger
            .write(|w| match outcome {
                Ok(answer) => delivered(w, now, id, answer),
                Err(why) => failed(w, now, id, &why),
            })
            .unwrap()
    }

    fn all(&self) -> Vec<Notice> {
        let mut all = self.ledger.notices(&Filter::default(), Page::newest(1000)).unwrap();
        all.reverse();
        all
    }

    /// Why, by which way and to whom, oldest first.
    fn told(&self) -> Vec<(Telling, String, String)> {
        let all = self.all().into_iter();
        all.map(|notice| (notice.telling, notice.way, notice.name)).collect()
    }

    fn lines(&self, id: NoticeId) -> Vec<String> {
        self.ledger.notice(id).unwrap().unwrap().1.lines
    }
}

fn told(telling: Telling, way: &str, name: &str) -> (Telling, String, String) {
    (telling, way.to_owned(), name.to_owned())
}

#[test]
fn ways_are_used_for_what_is_bad_enough_and_news_are_told_later() {
    let mut bench = Bench::new();
    bench.hear(minutes(0), &about("incident/1", Severity::Medium, "one"));
    bench.advance_to(minutes(0));
    assert_eq!(bench.told(), [told(Telling::First, "mail", "anna")]);
    for _ in 0..3 {
        bench.hear(minutes(1), &about("incident/1", Severity::Medium, "two"));
    }
    bench.advance_to(minutes(4));
    assert_eq!(bench.told().len(), 1, "not yet");
    bench.advance_to(minutes(5));
    assert_eq!(bench.told()[1], told(Telling::Update, "mail", "anna"));
    assert_eq!(bench.lines(NoticeId(2)), ["2026-11-26T12:00:00Z medium: two (3 times)"]);
    bench.hear(minutes(6), &about("incident/1", Severity::High, "three"));
    bench.advance_to(minutes(6));
    assert_eq!(
        bench.told()[2..],
        [
            told(Telling::Worse, "mail", "anna"),
            told(Telling::Worse, "pager", "anna")
        ]
    );
    assert_eq!(
        bench.all()[3].title,
        "Incident/1 is high now: trouble with incident/1".replace("Incident/1", "Incident 1")
    );
}

#[test]
fn a_flood_about_one_thing_is_one_notice_and_a_flood_of_things_a_few() {
    let mut bench = Bench::new();
    let critical = |number: u32, news: &str| about(&format!("incident/{number}"), Severity::Critical, news);
    bench.hear_all(
        minutes(0),
        (0..2000).map(|number| critical(1, &format!("alert {}", number % 50))),
    );
    bench.advance_to(minutes(0));
    assert_eq!(bench.told().len(), 2, "one by mail, one to the pager");
    let (_, content) = bench.ledger.notice(NoticeId(1)).unwrap().unwrap();
    assert_eq!((content.lines.len(), content.more), (8, 1680));
    bench.hear_all(minutes(1), (2..1000).map(|number| critical(number, "encryption")));
    bench.advance_to(minutes(1));
    assert_eq!(
        bench.told()[2..],
        [
            told(Telling::Bundle, "mail", "anna"),
            told(Telling::Bundle, "pager", "anna")
        ]
    );
    assert_eq!(bench.all()[2].title, "998 things at once, the worst is critical");
    // More of the same within minutes isn't told before these are over; then everything that nobody has acknowledged is.
    bench.hear_all(minutes(2), (1000..1100).map(|number| critical(number, "encryption")));
    bench.advance_to(minutes(5));
    assert_eq!(bench.told().len(), 4);
    bench.advance_to(minutes(60));
    assert!(bench.told().len() < 20, "{}", bench.told().len());
}

#[test]
fn ten_thousand_alerts_in_a_second_are_taken_in_and_told_in_a_few_notices() {
    let mut bench = Bench::new();
    let rules = Rules {
        notices: settings(),
        ..Rules::default()
    };
    let alerts: Vec<NewAlert> = (0..10_000)
        .map(|number| NewAlert {
            time: minutes(0).plus_millis(number / 10),
            volume: Some(format!("disk-{}", number % 100)),
            title: format!("Encryption recognised, sign {}", number % 70),
            ..alert()
        })
        .collect();
    let began = Instant::now();
    for batch in alerts.chunks(1000) {
        let now = batch[batch.len() - 1].time;
        bench.ledger.write(|w| take_in(w, now, &rules, batch.to_vec())).unwrap();
        bench.ledger.write(|w| advance(w, now, &rules.notices)).unwrap();
    }
    let incidents = bench
        .ledger
        .incidents(&incident::Filter::default(), Page::newest(1000))
        .unwrap()
        .len();
    eprintln!(
        "{incidents} incidents, {} notices in {:?}",
        bench.told().len(),
        began.elapsed()
    );
    assert!(
        bench.told().len() <= 4 * incidents.min(12),
        "{} notices",
        bench.told().len()
    );
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}

fn alert() -> NewAlert {
    NewAlert {
        time: minutes(0),
        layer: Layer::Guard,
        kind: "fenced".to_owned(),
        severity: Severity::Critical,
        volume: Some("disk".to_owned()),
        host: None,
        identity: None,
        title: "Encryption recognised".to_owned(),
        text: "Writes are stopped".to_owned(),
        facts: serde_json::Map::new(),
    }
}

#[test]
fn an_incident_that_is_acknowledged_stops_the_chain() {
    let mut bench = Bench::new();
    let rules = Rules {
        notices: settings(),
        ..Rules::default()
    };
    let taken = bench.ledger.write(|w| take_in(w, minutes(0), &rules, vec![alert()]));
    let incident = taken.unwrap().alerts[0].alert.incident.unwrap();
    bench.advance_to(minutes(0));
    assert_eq!(bench.told().len(), 2);
    let anna = Actor::Person("anna".to_owned());
    let acknowledged = bench
        .ledger
        .write(|w| incident::acknowledge(w, minutes(3), &anna, incident));
    acknowledged.unwrap();
    bench.advance_to(minutes(600));
    let acknowledged = [
        told(Telling::Acknowledged, "mail", "anna"),
        told(Telling::Acknowledged, "pager", "anna"),
    ];
    assert_eq!(bench.told()[2..], acknowledged);
    let (notice, content) = bench.ledger.notice(NoticeId(3)).unwrap().unwrap();
    assert!(content.text[0].starts_with("anna looks after it"), "{:?}", content.text);
    assert_eq!(
        content.link.unwrap(),
        format!("https://console.example/incidents/{incident}")
    );
    assert!(notice.title.len() < 80, "{}", notice.title);
}

#[test]
fn nobody_answers_so_that_the_next_one_is_called_and_acknowledging_by_the_notice_ends_it() {
    let mut bench = Bench::new();
    bench.hear(minutes(0), &about("alert/7", Severity::High, "one"));
    bench.advance_to(minutes(11));
    assert_eq!(bench.told()[2], told(Telling::Escalation, "mail", "ben"));
    let ben = Actor::Local("ben".to_owned());
    bench
        .ledger
        .write(|w| acknowledge(w, minutes(12), &ben, "alert/7"))
        .unwrap();
    bench.advance_to(minutes(600));
    assert_eq!(
        bench.told().len(),
        6,
        "all three learn of it, and nobody is called again: {:?}",
        bench.told()
    );
    let unknown = bench.ledger.write(|w| acknowledge(w, minutes(12), &ben, "alert/8"));
    assert!(unknown.unwrap_err().to_string().contains("`alert/8`"));
}

#[test]
fn whoever_may_approve_is_told_of_a_request_until_it_is_decided() {
    let mut bench = Bench::new();
    let (anna, system) = (Actor::Person("anna".to_owned()), Actor::System("policy x".to_owned()));
    let asked = |operation: &str| {
        serde_json::json!({
            "operation": operation, "subject": "disk", "detail": "", "because": "it is old", "expires": minutes(60),
        })
    };
    let recorded = bench.ledger.write(|w| {
        w.record(
            minutes(0),
            &anna,
            "approval.asked",
            "approval/3",
            &asked("delete-volume"),
        )?;
        w.record(
            minutes(0),
            &system,
            "approval.asked",
            "approval/4",
            &asked("policy-action"),
        )
    });
    recorded.unwrap();
    bench.advance_to(minutes(0));
    assert_eq!(bench.told().len(), 2, "one request, by mail and to the pager");
    let (notice, content) = bench.ledger.notice(NoticeId(1)).unwrap().unwrap();
    assert_eq!(notice.title, "Approval 3 (high): approval wanted: delete-volume disk");
    assert!(
        content.text[0].contains("`holdfast approvals approve 3`"),
        "{:?}",
        content.text
    );
    assert_eq!(content.link.as_deref(), Some("https://console.example/approvals"));
    let decided = bench.ledger.write(|w| {
        w.record(
            minutes(5),
            &anna,
            "approval.refused",
            "approval/3",
            &serde_json::json!({}),
        )
    });
    decided.unwrap();
    bench.advance_to(minutes(600));
    let over = [
        told(Telling::Over, "mail", "anna"),
        told(Telling::Over, "pager", "anna"),
    ];
    assert_eq!(bench.told()[2..], over);
}

#[test]
fn little_things_are_one_digest_a_day() {
    let mut bench = Bench::new();
    for number in 0..40 {
        bench.hear(minutes(0), &about(&format!("alert/{number}"), Severity::Low, "dust"));
    }
    bench.advance_to(minutes(119));
    assert!(bench.told().is_empty());
    bench.advance_to(minutes(120));
    assert_eq!(bench.told(), [told(Telling::Digest, "mail", "anna")]);
    let (notice, content) = bench.ledger.notice(NoticeId(1)).unwrap().unwrap();
    assert_eq!(notice.title, "digest: 40 things, the worst is low");
    assert_eq!((content.lines.len(), content.more), (30, 10));
    bench.advance_to(minutes(10_000));
    assert_eq!(bench.told().len(), 1, "nothing new");
}

#[test]
fn a_server_that_is_down_loses_nothing_and_is_told_of_once() {
    let mut bench = Bench::new();
    bench.hear(minutes(0), &about("incident/1", Severity::High, "one"));
    bench.advance_to(minutes(0));
    let id = bench.due(minutes(0), "mail")[0];
    let down = || Err(NotTaken::Down("connection refused".to_owned()));
    let mut now = minutes(0);
    let mut changes = Vec::new();
    for _ in 0..12 {
        assert_eq!(bench.due(now, "mail")[0], id);
        changes.extend(bench.attempt(now, id, down()));
        assert!(bench.due(now, "mail").is_empty(), "the way rests");
        assert_eq!(bench.due(now, "pager").len(), 1, "another way doesn't");
        now = next_due(&bench.ledger, "mail").unwrap().unwrap();
    }
    assert_eq!(changes, [WayChange::Fails("connection refused".to_owned())]);
    assert_eq!(bench.ledger.notices_failing().unwrap(), 1);
    // What is new meanwhile is one more notice, not one every five minutes.
    for minute in 1..90 {
        bench.hear(
            minutes(minute),
            &about("incident/1", Severity::High, &format!("at {minute}")),
        );
        bench.advance_to(minutes(minute));
    }
    let updates = bench
        .told()
        .iter()
        .filter(|told| **told == self::told(Telling::Update, "mail", "anna"))
        .count();
    assert_eq!(updates, 1);
    assert_eq!(bench.attempt(now, id, Ok("250 ok")), Some(WayChange::Works));
    assert!(!bench.due(now, "mail").is_empty());
}

#[test]
fn what_was_tried_and_not_settled_is_tried_again_after_a_restart_with_the_same_key() {
    let mut bench = Bench::new();
    bench.hear(minutes(0), &about("incident/1", Severity::High, "one"));
    bench.advance_to(minutes(0));
    let id = bench.due(minutes(0), "mail")[0];
    let before = bench.ledger.write(|w| attempting(w, id)).unwrap().unwrap();
    bench.ledger = Ledger::open(bench.folder.path()).unwrap();
    assert_eq!(bench.due(minutes(0), "mail"), [id]);
    let after = bench.ledger.write(|w| attempting(w, id)).unwrap().unwrap();
    assert_eq!(
        (after.key.as_str(), after.attempts),
        (before.key.as_str(), 1),
        "it may have arrived"
    );
    assert_eq!(after.content, before.content);
    bench.ledger.write(|w| delivered(w, minutes(0), id, "ok")).unwrap();
    assert!(
        bench.ledger.write(|w| attempting(w, id)).unwrap().is_none(),
        "sent is sent"
    );
    assert_eq!(bench.all()[0].attempts, 2, "that was no attempt");
}

#[test]
fn notices_about_the_same_thing_go_on_from_the_first() {
    let mut bench = Bench::new();
    bench.hear(minutes(0), &about("incident/1", Severity::Medium, "one"));
    bench.advance_to(minutes(0));
    bench.hear(minutes(1), &about("incident/1", Severity::Medium, "two"));
    bench.advance_to(minutes(10));
    let ids = bench.due(minutes(10), "mail");
    let first = bench.ledger.write(|w| attempting(w, ids[0])).unwrap().unwrap();
    let second = bench.ledger.write(|w| attempting(w, ids[1])).unwrap().unwrap();
    assert_eq!((first.answers, second.answers), (None, Some(first.key)));
}

#[test]
fn what_is_refused_is_a_dead_letter_that_is_told_of_once_and_can_be_tried_again() {
    let mut bench = Bench::new();
    let refused = || Err(NotTaken::Refused("550".to_owned()));
    bench.hear(minutes(0), &about("incident/1", Severity::Medium, "one"));
    bench.hear(minutes(0), &about("incident/2", Severity::Medium, "one"));
    bench.advance_to(minutes(0));
    let ids = bench.due(minutes(0), "mail");
    let first = bench.attempt(minutes(0), ids[0], refused());
    assert!(
        matches!(&first, Some(WayChange::Refuses { why, .. }) if why == "550"),
        "{first:?}"
    );
    assert_eq!(bench.attempt(minutes(0), ids[1], refused()), None, "it is known");
    let dead = Filter {
        state: Some(NoticeState::Dead),
        ..Filter::default()
    };
    assert_eq!(bench.ledger.notices(&dead, Page::newest(10)).unwrap().len(), 2);
    let anna = Actor::Person("anna".to_owned());
    bench.ledger.write(|w| retry(w, minutes(1), &anna, ids[0])).unwrap();
    assert_eq!(bench.due(minutes(1), "mail"), [ids[0]]);
    let again = bench.ledger.write(|w| retry(w, minutes(1), &anna, ids[0]));
    assert!(again.unwrap_err().to_string().contains("waits to be sent anyway"));
}

#[test]
fn notices_of_long_ago_go_when_something_new_is_told() {
    let mut bench = Bench::new();
    bench.hear(minutes(0), &about("alert/1", Severity::Medium, "one"));
    bench.advance_to(minutes(0));
    let id = bench.due(minutes(0), "mail")[0];
    bench.attempt(minutes(0), id, Ok("250"));
    let later = minutes(91 * 24 * 60);
    bench.hear(later, &about("alert/2", Severity::Medium, "two"));
    bench.advance_to(later);
    let left: Vec<String> = bench.all().into_iter().map(|notice| notice.subject).collect();
    assert_eq!(left, ["alert/2"]);
}

#[test]
fn what_is_not_taken_for_three_days_is_not_tried_any_more() {
    let mut bench = Bench::new();
    bench.hear(minutes(0), &about("incident/1", Severity::Medium, "one"));
    bench.advance_to(minutes(0));
    let id = bench.due(minutes(0), "mail")[0];
    let later = || Err(NotTaken::Later("451".to_owned()));
    bench.attempt(minutes(3 * 24 * 60 - 1), id, later());
    assert_eq!(bench.all()[0].state, NoticeState::Waiting);
    bench.attempt(minutes(3 * 24 * 60), id, later());
    assert_eq!(bench.all()[0].state, NoticeState::Dead);
}

#[test]
fn a_trial_reaches_everybody_whom_a_name_stands_for_once() {
    let mut bench = Bench::new();
    let mut whom = |name: &str| {
        let made = bench.ledger.write(|w| test(w, minutes(0), &bench.settings, name));
        made.map(|made| {
            made.into_iter()
                .map(|(to, _)| format!("{} {}", to.way, to.name))
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(whom("mail").unwrap(), ["mail anna", "mail ben"]);
    assert_eq!(whom("operators").unwrap(), ["mail anna", "pager anna", "mail ben"]);
    assert_eq!(whom("ben").unwrap(), ["mail ben"]);
    assert!(whom("zoe").unwrap_err().to_string().contains("`zoe`"));
    assert!(bench.due(minutes(0), "mail").is_empty(), "whoever made it sends it");
    assert_eq!(bench.due(minutes(10), "mail").len(), 5, "unless that was cut off");
}

#[test]
fn records_have_no_address() {
    let mut bench = Bench::new();
    bench.hear(minutes(0), &about("incident/1", Severity::High, "one"));
    bench.advance_to(minutes(0));
    let records = bench.ledger.records(&crate::ledger::Filter::default(), 100).unwrap();
    assert!(!records.is_empty());
    assert!(!serde_json::to_string(&records).unwrap().contains("example.org"));
}
