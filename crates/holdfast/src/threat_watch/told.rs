//! Findings as alerts of the ledger: one for each disk that is concerned, or one that concerns none.

use std::collections::BTreeMap;

use jiff::Timestamp;
use respond::Time;
use respond::alert::{Layer, NewAlert, Severity};
use serde_json::{Map, Value, json};
use threat::alert::{Alert, Finder, Level};
use threat::detection::Detection;
use threat::entity::{Entity, EntityKind};
use threat::event::{Facts, Handle, HandleKind, Logsource};
use threat::story::{Change, ChangeKind, Story};

use super::concerned::volumes;
use super::known::KEY;

/// The fact of an alert that numbers those whom it concerns.
pub(super) const ENTITIES: &str = "entities";
/// The fact of an alert that has the fields that matched.
pub const MATCHED: &str = "matched";
/// Characters of a value that matched.
const VALUE_MAX: usize = 200;
/// Disks that one finding is told of, at most: on more than that, policies for many volumes act anyway.
const VOLUMES_MAX: usize = 256;
/// Records and techniques that an alert names.
const NAMED_MAX: usize = 16;
/// Characters of a text.
const TEXT_MAX: usize = 4000;

/// A finding that is to be told.
#[derive(Debug)]
pub struct Told {
    /// Names the record that it was made of and what found it.
    pub key: String,
    /// What the ledger is told.
    pub alerts: Vec<NewAlert>,
}

/// Whether people and policies are told: of stories once they are weighty, of what belongs to one then, and of what is grave by itself.
#[must_use]
pub fn is_told(alert: &Alert, change: Option<Change>) -> bool {
    match change {
        Some(change) if change.told => change.kind == ChangeKind::Told || alert.level >= Level::Medium,
        _ => alert.level >= Level::High,
    }
}

/// What the ledger is told of a finding.
#[must_use]
pub fn of(
    alert: &Alert,
    change: Option<Change>,
    detection: &Detection,
    machines: &BTreeMap<String, Vec<String>>,
    all: &[String],
) -> Told {
    let story = change
        .filter(|change| change.told)
        .and_then(|change| detection.story(change.story));
    let begins = change.is_some_and(|change| change.kind == ChangeKind::Told);
    let concerned = Concerned::of(alert, detection);
    let key = key(alert);
    let noticed = NewAlert {
        time: Time::from_unix_millis(alert.time.as_millisecond()),
        layer: Layer::Threat,
        kind: if begins { "attack" } else { "finding" }.to_owned(),
        severity: severity(alert, begins, story.as_ref()),
        volume: None,
        host: concerned.machine.map(|machine| machine.name().to_owned()),
        identity: concerned.person.map(|person| person.name().to_owned()),
        title: title(alert, begins, story.as_ref()),
        text: text(alert, story.as_ref()),
        facts: facts(alert, &key, story.as_ref(), detection),
    };
    let names = concerned
        .machine
        .map_or(concerned.names, |machine| machine.names.as_slice());
    let tiers = concerned.machine.map_or(&[][..], |machine| machine.tiers.as_slice());
    let disks = volumes(names, tiers, machines, all);
    let alerts = if disks.is_empty() {
        vec![noticed]
    } else {
        let about = |volume| NewAlert {
            volume: Some(volume),
            ..noticed.clone()
        };
        disks.into_iter().take(VOLUMES_MAX).map(about).collect()
    };
    Told { key, alerts }
}

/// What a guard told, as a finding on the machine whose disk it is.
#[must_use]
pub(super) fn of_guard(told: &NewAlert, machines: &BTreeMap<String, Vec<String>>) -> Alert {
    let volume = told.volume.as_deref().unwrap_or_default();
    let owners = machines
        .iter()
        .filter(|(_, volumes)| volumes.iter().any(|name| name == volume))
        .map(|(machine, _)| machine.as_str());
    let mut machine: Vec<Handle> = owners.filter_map(|name| Handle::new(HandleKind::Host, name)).collect();
    machine.extend(Handle::new(HandleKind::VirtualMachine, volume));
    let facts = Facts {
        machine,
        object: Some(volume.to_owned()),
        ..Facts::default()
    };
    Alert {
        time: Timestamp::from_millisecond(told.time.unix_millis()).unwrap_or_default(),
        finder: Finder::Behaviour("guard".into()),
        title: told.title.as_str().into(),
        level: Level::Critical,
        attack: ["impact", "t1486"].map(Box::from).into(),
        words: told.text.clone(),
        logsource: Logsource {
            product: "holdfast",
            service: Some("guard"),
            category: None,
        },
        facts,
        matched: Vec::new(),
        evidence: Vec::new(),
        count: 1,
    }
}

/// Whom a finding concerns.
struct Concerned<'a> {
    machine: Option<&'a Entity>,
    person: Option<&'a Entity>,
    /// Of the machine, if it is known by nothing else.
    names: &'a [Handle],
}

impl<'a> Concerned<'a> {
    fn of(alert: &'a Alert, detection: &'a Detection) -> Self {
        let directory = detection.directory();
        let parties = directory.parties(&alert.facts, alert.time.as_second());
        let known = |id: Option<threat::entity::EntityId>| id.and_then(|id| directory.get(id));
        let is_person = |entity: &&Entity| entity.kind == EntityKind::Person;
        Self {
            machine: known(parties.machine),
            person: known(parties.target)
                .filter(is_person)
                .or_else(|| known(parties.actor).filter(is_person)),
            names: &alert.facts.machine,
        }
    }
}

/// The record that a finding was made of last, and a digest of what found it, when and in which records: the same in every version of the program,
/// since the ledger keeps it.
fn key(alert: &Alert) -> String {
    let found = json!([alert.finder, alert.time.to_string(), alert.evidence]).to_string();
    let digest = blake3::hash(found.as_bytes()).to_hex();
    let digest = digest.get(..16).unwrap_or_default();
    match alert.evidence.last() {
        Some(origin) => format!("{}#{} {digest}", origin.source, origin.record),
        None => digest.to_owned(),
    }
}

fn severity(alert: &Alert, begins: bool, story: Option<&Story>) -> Severity {
    let level = match (begins, story) {
        (true, Some(story)) => story.level.max(Level::High),
        _ => alert.level,
    };
    match level {
        Level::Informational => Severity::Informational,
        Level::Low => Severity::Low,
        Level::Medium => Severity::Medium,
        Level::High => Severity::High,
        Level::Critical => Severity::Critical,
    }
}

fn title(alert: &Alert, begins: bool, story: Option<&Story>) -> String {
    match story {
        Some(story) if begins => {
            let names: Vec<&str> = story
                .entities
                .iter()
                .take(3)
                .map(|entity| entity.name.as_str())
                .collect();
            format!("An attack shows in the logs: {} ({})", alert.title, names.join(", "))
        }
        _ => alert.title.to_string(),
    }
}

fn text(alert: &Alert, story: Option<&Story>) -> String {
    let told = match story {
        Some(story) => format!("{}\n{}", alert.words, story.words()),
        None => alert.words.clone(),
    };
    let told = told.trim();
    if told.chars().count() <= TEXT_MAX {
        return told.to_owned();
    }
    told.chars().take(TEXT_MAX).chain("...".chars()).collect()
}

fn facts(alert: &Alert, key: &str, story: Option<&Story>, detection: &Detection) -> Map<String, Value> {
    let records: Vec<String> = alert
        .evidence
        .iter()
        .take(NAMED_MAX)
        .map(|origin| format!("{}#{}", origin.source, origin.record))
        .collect();
    let (by, rule) = match &alert.finder {
        Finder::Rule(id) => ("rule", id),
        Finder::Correlation(id) => ("correlation", id),
        Finder::Behaviour(name) => ("behaviour", name),
    };
    let attack: Vec<&str> = alert.attack.iter().take(NAMED_MAX).map(AsRef::as_ref).collect();
    let mut facts = Map::new();
    facts.insert(KEY.to_owned(), json!(key));
    facts.insert("by".to_owned(), json!(by));
    facts.insert("rule".to_owned(), json!(rule));
    facts.insert("attack".to_owned(), json!(attack));
    facts.insert("records".to_owned(), json!(records));
    facts.insert("events".to_owned(), json!(alert.count));
    facts.insert(MATCHED.to_owned(), matched(alert));
    facts.insert(ENTITIES.to_owned(), json!(entities(alert, detection)));
    if let Some(story) = story {
        facts.insert("story".to_owned(), json!(story.id));
        facts.insert("score".to_owned(), json!(story.score.round()));
        facts.insert("next".to_owned(), json!(story.next));
    }
    facts
}

/// The fields that matched and their values.
fn matched(alert: &Alert) -> Value {
    let shortened = |value: &str| json!(value.chars().take(VALUE_MAX).collect::<String>());
    let fields = alert.matched.iter().take(NAMED_MAX);
    let fields: Map<String, Value> = fields
        .map(|(name, value)| (name.to_string(), shortened(value)))
        .collect();
    Value::Object(fields)
}

/// The numbers of all whom a finding concerns.
fn entities(alert: &Alert, detection: &Detection) -> Vec<threat::entity::EntityId> {
    let parties = detection.directory().parties(&alert.facts, alert.time.as_second());
    let mut entities: Vec<_> = [parties.actor, parties.target, parties.machine, parties.from]
        .into_iter()
        .flatten()
        .collect();
    entities.sort_unstable();
    entities.dedup();
    entities
}
