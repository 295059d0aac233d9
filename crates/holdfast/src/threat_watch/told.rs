//! Findings as alerts of the ledger: one for each disk that is concerned, or one that concerns none, or all: of a hypervisor's the kind says so.

use std::collections::BTreeMap;

use jiff::Timestamp;
use logs::report::finder_id;
use respond::Time;
use respond::alert::{ADDS_TO_STORY, Layer, NewAlert, STORY, Severity, TELLS_STORY};
use serde_json::{Map, Value, json};
use threat::alert::{Alert, Finder, Level};
use threat::detection::Detection;
use threat::entity::{Entity, EntityKind, Tier};
use threat::event::{Facts, Handle, HandleKind, Logsource};
use threat::story::{Change, ChangeKind, New, News, Story};

use super::concerned::{is_hypervisor, volumes};
use super::known::KEY;

/// The fact of an alert that numbers those whom it concerns.
pub(super) const ENTITIES: &str = "entities";
/// The fact of an alert that has the fields that matched.
pub const MATCHED: &str = "matched";
/// Characters of a value that matched.
const VALUE_MAX: usize = 200;
/// Disks that one finding is told of, at most: on more than that, policies for many volumes act anyway.
const VOLUMES_MAX: usize = 256;
/// The kinds of alerts that tell of a story that became weighty: of machines, and where every disk is concerned.
pub(super) const ATTACKS: [&str; 2] = ["attack", "hypervisor-attack"];
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

/// Whether the ledger and policies are told: of stories once they are weighty, of what wasn't found in one before, and of what is grave by itself.
#[must_use]
pub fn is_told(alert: &Alert, change: Option<Change>) -> bool {
    match change {
        Some(change) if change.kind == ChangeKind::Told => true,
        Some(change) if change.told => change.news != News::Again && alert.level >= Level::High,
        Some(_) => alert.level >= Level::High,
        // Seen on the same entity within the hour, or marked as no attack.
        None => false,
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
    let tiers = concerned.machine.map_or(&[][..], |machine| machine.tiers.as_slice());
    let noticed = NewAlert {
        time: Time::from_unix_millis(alert.time.as_millisecond()),
        layer: Layer::Threat,
        kind: kind(begins, tiers).to_owned(),
        severity: severity(alert, begins, story.as_ref()),
        volume: None,
        host: concerned.machine.map(|machine| machine.name().to_owned()),
        identity: concerned.person.map(|person| person.name().to_owned()),
        title: title(alert, begins, story.as_ref()),
        text: text(alert, story.as_ref()),
        facts: facts(alert, &key, change, story.as_ref(), detection),
    };
    if is_hypervisor(tiers) {
        let alerts = vec![noticed];
        return Told { key, alerts };
    }
    let names = concerned
        .machine
        .map_or(concerned.names, |machine| machine.names.as_slice());
    let disks = volumes(names, machines, all);
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
        // A group that was made or changed has the names of an account, but is nobody.
        let is_group = |name: &Handle| name.kind == HandleKind::Group;
        let target = parties.target.filter(|_| !alert.facts.target.iter().any(is_group));
        Self {
            machine: known(parties.machine),
            person: known(target)
                .filter(is_person)
                .or_else(|| known(parties.actor).filter(is_person)),
            names: &alert.facts.machine,
        }
    }
}

/// The record that a finding was made of last, and a digest of what found it, when, in which records and on whom: the same in every version of the
/// program, since the ledger keeps it. Records alone wouldn't do: messages of different connections have the same numbers.
fn key(alert: &Alert) -> String {
    let facts = &alert.facts;
    let whom = json!([facts.actor, facts.target, facts.machine, facts.address, facts.object]);
    let found = json!([
        alert.finder,
        alert.time.to_string(),
        alert.evidence,
        whom,
        alert.matched
    ])
    .to_string();
    let digest = blake3::hash(found.as_bytes()).to_hex();
    let digest = digest.get(..16).unwrap_or_default();
    match alert.evidence.last() {
        Some(origin) => format!("{}#{} {digest}", origin.source, origin.record),
        None => digest.to_owned(),
    }
}

/// What policies know an alert by: whether it makes a story an attack, and whether every disk is concerned.
fn kind(begins: bool, tiers: &[Tier]) -> &'static str {
    let [attack, hypervisor_attack] = ATTACKS;
    match (begins, is_hypervisor(tiers)) {
        (true, false) => attack,
        (false, false) => "finding",
        (true, true) => hypervisor_attack,
        (false, true) => "hypervisor-finding",
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

fn facts(
    alert: &Alert,
    key: &str,
    change: Option<Change>,
    story: Option<&Story>,
    detection: &Detection,
) -> Map<String, Value> {
    let records: Vec<String> = alert
        .evidence
        .iter()
        .take(NAMED_MAX)
        .map(|origin| format!("{}#{}", origin.source, origin.record))
        .collect();
    let attack: Vec<&str> = alert.attack.iter().take(NAMED_MAX).map(AsRef::as_ref).collect();
    let mut facts = Map::new();
    facts.insert(KEY.to_owned(), json!(key));
    facts.insert("by".to_owned(), json!(found_by(&alert.finder)));
    facts.insert("rule".to_owned(), json!(finder_id(&alert.finder)));
    facts.insert("attack".to_owned(), json!(attack));
    facts.insert("records".to_owned(), json!(records));
    facts.insert("events".to_owned(), json!(alert.count));
    // Also of a story that nobody was told of yet: what belongs to it is one incident of the ledger.
    if let Some(change) = change {
        facts.insert(STORY.to_owned(), json!(change.story));
        match change.news {
            _ if change.kind == ChangeKind::Told => facts.insert(TELLS_STORY.to_owned(), json!(true)),
            News::New(New::Story) => None,
            News::New(new) => facts.insert("new".to_owned(), json!(new.words())),
            News::More | News::Again => facts.insert(ADDS_TO_STORY.to_owned(), json!(true)),
        };
    }
    facts.insert(MATCHED.to_owned(), matched(alert));
    facts.insert(ENTITIES.to_owned(), json!(entities(alert, detection)));
    if let Some(story) = story {
        facts.insert("score".to_owned(), json!(story.score.round()));
        facts.insert("next".to_owned(), json!(story.next));
    }
    facts
}

/// What found something, as facts and marks name it.
pub(super) const fn found_by(finder: &Finder) -> &'static str {
    match finder {
        Finder::Rule(_) => "rule",
        Finder::Correlation(_) => "correlation",
        Finder::Behaviour(_) => "behaviour",
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use threat::story::StoryId;

    fn finding(level: Level) -> Alert {
        let told = NewAlert {
            time: Time::from_unix_millis(0),
            layer: Layer::Guard,
            kind: "fenced".to_owned(),
            severity: Severity::Critical,
            volume: Some("fs01".to_owned()),
            host: None,
            identity: None,
            title: "Encryption".to_owned(),
            text: String::new(),
            facts: Map::new(),
        };
        Alert {
            level,
            ..of_guard(&told, &BTreeMap::new())
        }
    }

    fn change(kind: ChangeKind, told: bool, news: News) -> Change {
        Change {
            story: StoryId(1),
            kind,
            score: 50.0,
            level: Level::High,
            told,
            news,
        }
    }

    #[test]
    fn what_is_grave_or_new_in_a_story_is_told_and_what_comes_again_is_not() {
        let is_told = |level, change| is_told(&finding(level), change);
        let first = News::New(New::Story);
        assert!(is_told(Level::High, Some(change(ChangeKind::Began, false, first))));
        assert!(!is_told(Level::Medium, Some(change(ChangeKind::Began, false, first))));
        assert!(is_told(Level::Low, Some(change(ChangeKind::Told, true, first))));
        for news in [News::New(New::Critical), News::More] {
            assert!(is_told(Level::High, Some(change(ChangeKind::Grew, true, news))));
            assert!(!is_told(Level::Medium, Some(change(ChangeKind::Grew, true, news))));
        }
        assert!(!is_told(
            Level::Critical,
            Some(change(ChangeKind::Grew, true, News::Again))
        ));
        assert!(!is_told(Level::Critical, None), "within the hour, or marked");
    }

    #[test]
    fn what_is_no_news_is_told_as_a_part_of_what_told_of_the_story() {
        let detection = Detection::new(threat::rules::Engine::new(
            threat::rules::load([]),
            threat::rules::Settings::default(),
        ));
        let facts = |kind, news| {
            let told = of(
                &finding(Level::High),
                Some(change(kind, true, news)),
                &detection,
                &BTreeMap::new(),
                &[],
            );
            let facts = &told.alerts[0].facts;
            [TELLS_STORY, ADDS_TO_STORY, "new"].map(|name| facts.contains_key(name))
        };
        assert_eq!(facts(ChangeKind::Told, News::New(New::Story)), [true, false, false]);
        assert_eq!(facts(ChangeKind::Grew, News::More), [false, true, false]);
        assert_eq!(facts(ChangeKind::Grew, News::New(New::Critical)), [false, false, true]);
    }

    #[test]
    fn policies_know_by_the_kind_whether_every_disk_is_concerned() {
        assert_eq!(kind(true, &[Tier::DomainController]), "attack");
        assert_eq!(kind(true, &[Tier::Backup, Tier::Vcenter]), "hypervisor-attack");
        assert_eq!(kind(false, &[Tier::Hypervisor]), "hypervisor-finding");
        assert_eq!(kind(false, &[]), "finding");
    }

    #[test]
    fn messages_of_two_connections_are_two_findings() {
        let of = |volume: &str| {
            let told = NewAlert {
                time: Time::from_unix_millis(1_795_428_900_000),
                layer: Layer::Guard,
                kind: "fenced".to_owned(),
                severity: Severity::Critical,
                volume: Some(volume.to_owned()),
                host: None,
                identity: None,
                title: "Encryption recognised".to_owned(),
                text: String::new(),
                facts: Map::new(),
            };
            let mut alert = of_guard(&told, &BTreeMap::new());
            alert.evidence = vec![threat::event::Origin {
                source: "syslog tcp 10.0.0.1".into(),
                record: 1,
            }];
            key(&alert)
        };
        assert_eq!(of("files"), of("files"));
        assert_ne!(of("files"), of("mail"));
    }
}
