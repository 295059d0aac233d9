//! A ledger with one incident in it, and the people who work on it.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use respond::alert::{Layer, NewAlert, Severity};
use respond::case_file::clocks::{Clock, Jurisdiction, built_in, clocks};
use respond::case_file::drafts::{self, Draft, DraftKind, Material, Rendered, Templates, make_draft, render};
use respond::case_file::facts::{self, Answer, Fact, FactChange, NewFact};
use respond::incident::IncidentId;
use respond::intake::{Rules, take_in};
use respond::people::{self, NewAccount, Role};
use respond::{Actor, Error, Ledger, Time};
use tempfile::TempDir;

/// 2026-11-23 10:15 UTC.
const START: i64 = 1_795_428_900_000;
pub(super) const MINUTE: i64 = 60_000;
pub(super) const HOUR: i64 = 60 * MINUTE;

/// So many milliseconds after the start.
pub(super) fn at(millis: i64) -> Time {
    Time::from_unix_millis(START + millis)
}

pub(super) fn person(name: &str) -> Actor {
    Actor::Person(name.to_owned())
}

pub(super) fn london() -> TimeZone {
    TimeZone::get("Europe/London").unwrap()
}

pub(super) fn new_fact(system: &str, class: &str, answer: Answer) -> NewFact {
    NewFact {
        system: system.to_owned(),
        class: class.to_owned(),
        answer,
        evidence: "the forensic report, chapter 4".to_owned(),
        reference: Some("report-4.pdf".to_owned()),
    }
}

/// A ledger with incident 1.
pub(super) struct Case {
    _folder: TempDir,
    pub(super) ledger: Ledger,
    pub(super) incident: IncidentId,
    pub(super) values: BTreeMap<String, String>,
}

impl Case {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let alert = NewAlert {
            time: at(0),
            layer: Layer::Guard,
            kind: "fenced".to_owned(),
            severity: Severity::Critical,
            volume: Some("shop".to_owned()),
            host: None,
            identity: None,
            title: "Encryption of shop was stopped".to_owned(),
            text: "Writes are refused".to_owned(),
            facts: serde_json::Map::new(),
        };
        let taken = ledger
            .write(|w| take_in(w, at(0), &Rules::default(), vec![alert]))
            .unwrap();
        let incident = taken.alerts.first().unwrap().alert.incident.unwrap();
        Self {
            _folder: folder,
            ledger,
            incident,
            values: BTreeMap::new(),
        }
    }

    pub(super) fn set(&mut self, who: &str, fact: &NewFact) -> Result<FactChange, Error> {
        let incident = self.incident;
        self.ledger
            .write(|w| facts::set_fact(w, at(MINUTE), &person(who), incident, fact))
    }

    pub(super) fn approve(&mut self, who: &str, fact: &Fact) -> Result<Fact, Error> {
        self.ledger
            .write(|w| facts::approve_fact(w, at(2 * MINUTE), &person(who), fact.id, fact.version))
    }

    pub(super) fn facts(&self) -> Vec<Fact> {
        facts::facts(&self.ledger, self.incident).unwrap()
    }

    /// Sets facts, and has two people approve each.
    pub(super) fn confirm(&mut self, new: &[NewFact]) {
        for fact in new {
            let fact = self.set("ann", fact).unwrap().fact;
            for who in ["bob", "eve"] {
                self.approve(who, &fact).unwrap();
            }
        }
    }

    /// Fills in everything that any draft asks for.
    pub(super) fn fill_all(&mut self) {
        for (name, _) in drafts::VALUES {
            self.values
                .insert((*name).to_owned(), format!("the {}", name.replace('-', " ")));
        }
        let plain = [
            (
                "what-happened",
                "Attackers got into our systems and locked some of our files.",
            ),
            (
                "what-we-did",
                "We cut off the systems that were hit. We told the police.",
            ),
            ("monitor-url", "https://breaches.example.com"),
            ("greeting", "Dear customer"),
        ];
        self.values
            .extend(plain.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    pub(super) fn clocks(&self, laws: &[Jurisdiction], millis: i64) -> Vec<Clock> {
        clocks(&self.ledger, self.incident, at(millis), laws, &london()).unwrap()
    }

    pub(super) fn render(&self, kind: DraftKind) -> Result<Rendered, Error> {
        let incident = self.ledger.incident(self.incident).unwrap().unwrap();
        let material = Material {
            incident: &incident,
            facts: &self.facts(),
            clocks: &self.clocks(&built_in().unwrap(), 3 * MINUTE),
            done: &["fenced shop".to_owned()],
            values: &self.values,
            now: at(3 * MINUTE),
            zone: &london(),
        };
        render(kind, &Templates::default(), &material)
    }

    pub(super) fn draft(&mut self, who: &str, kind: DraftKind) -> Draft {
        let rendered = self.render(kind).unwrap();
        let (facts, incident) = (self.facts(), self.incident);
        let made = self
            .ledger
            .write(|w| make_draft(w, at(3 * MINUTE), &person(who), incident, kind, &rendered, &facts));
        made.unwrap()
    }

    /// Gives somebody an account of an administrator.
    pub(super) fn add_account(&mut self, name: &str) {
        let account = NewAccount {
            name: name.to_owned(),
            display_name: String::new(),
            role: Role::Admin,
            handle: [u8::try_from(name.len()).unwrap() + name.as_bytes().first().unwrap(); 32],
            provider: None,
        };
        let by = Actor::Local("root".to_owned());
        self.ledger.write(|w| people::add(w, at(0), &by, &account)).unwrap();
    }

    pub(super) fn kinds(&self) -> Vec<String> {
        let filter = respond::ledger::Filter {
            subject: Some(format!("incident/{}", self.incident)),
            ..respond::ledger::Filter::default()
        };
        let records = self.ledger.records(&filter, 1000).unwrap();
        records.into_iter().map(|record| record.kind).collect()
    }
}

/// What an error says.
pub(super) fn said<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().to_string()
}
