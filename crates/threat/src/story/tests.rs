mod news;

use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::alert::{Alert, Finder, Level};
use crate::entity::{Directory, EntityId, Tier};
use crate::event::{Facts, Handle, HandleKind, Logsource, Origin};

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
const START: i64 = 1_735_804_800;

/// Said an hour after the start, for ten days.
fn said(by: &str) -> Dismissal<'_> {
    Dismissal {
        by,
        because: "known",
        now: START + HOUR,
        seconds: 10 * DAY,
        even_grave: false,
    }
}

struct Watch {
    directory: Directory,
    stories: Stories,
    record: u64,
}

impl Watch {
    fn new() -> Self {
        Self {
            directory: Directory::new(),
            stories: Stories::new(),
            record: 0,
        }
    }

    fn take(&mut self, time: i64, rule: &str, level: Level, tag: &str, facts: Facts) -> Option<Change> {
        let tags: &[&str] = if tag.is_empty() { &[] } else { &[tag] };
        let alert = self.alert(time, rule, level, tags, facts);
        self.stories.take(&alert, &mut self.directory).change()
    }

    fn alert(&mut self, time: i64, rule: &str, level: Level, tags: &[&str], facts: Facts) -> Alert {
        self.record += 1;
        Alert {
            time: Timestamp::from_second(time).unwrap(),
            finder: Finder::Rule(Arc::from(rule)),
            title: Arc::from(rule),
            level,
            attack: tags.iter().copied().map(Box::from).collect(),
            words: String::new(),
            logsource: Logsource {
                product: "windows",
                service: None,
                category: None,
            },
            facts,
            matched: Vec::new(),
            evidence: vec![Origin {
                source: Arc::from("log"),
                record: self.record,
            }],
            count: 1,
        }
    }

    fn list(&self) -> Vec<Story> {
        self.stories.incidents(&self.directory)
    }

    /// A week in which `hum` comes on each machine in every hour, and ends.
    fn after_a_week(machines: &[&str]) -> Self {
        let mut watch = Self::new();
        for hour in 0..7 * 24 {
            for machine in machines {
                watch.take(START + hour * HOUR, "hum", Level::Medium, "", on(machine));
            }
        }
        watch
    }
}

const LATER: i64 = START + 7 * DAY + HOUR / 2;

fn on(machine: &str) -> Facts {
    Facts {
        machine: vec![Handle::new(HandleKind::Host, machine).unwrap()],
        ..Facts::default()
    }
}

fn by(person: &str, machine: &str) -> Facts {
    Facts {
        actor: vec![Handle::new(HandleKind::Mail, &format!("{person}@acme.example")).unwrap()],
        ..on(machine)
    }
}

#[test]
fn a_flood_of_light_stories_pushes_out_none_that_is_about_to_be_told() {
    let mut watch = Watch::new();
    watch.take(START, "phish", Level::High, "initial-access", on("desk1"));
    watch.take(START + MINUTE, "dump", Level::High, "credential-access", on("desk1"));
    for number in 0..2_000 {
        watch.take(
            START + 2 * MINUTE,
            "noise",
            Level::Medium,
            "",
            on(&format!("made-up{number}")),
        );
    }
    let change = watch.take(START + HOUR, "spread", Level::High, "lateral-movement", on("desk1"));
    let change = change.unwrap();
    assert_eq!(change.kind, ChangeKind::Told, "{change:?}");
    assert!(watch.list().len() <= bounds::STORIES_MAX);
}

#[test]
fn decoys_in_a_story_keep_out_nobody_who_weighs_more() {
    let mut watch = Watch::new();
    for number in 0..80 {
        watch.take(
            START + number,
            "lure",
            Level::Medium,
            "",
            by("anna", &format!("made-up{number}")),
        );
    }
    watch.take(START + 90, "encrypt", Level::Critical, "impact", by("anna", "files"));
    let stories = watch.list();
    let names: Vec<_> = stories[0].entities.iter().map(|entity| entity.name.as_str()).collect();
    assert!(names.contains(&"files"), "{names:?}");
    assert!(names.len() <= bounds::ENTITIES_MAX);
}

#[test]
fn hours_that_take_turns_teach_no_habit() {
    let mut watch = Watch::after_a_week(&["web1", "web2"]);
    for turn in 0..400 {
        watch.take(
            LATER - (turn % 2) * HOUR,
            "backups",
            Level::Medium,
            "impact",
            on("web1"),
        );
    }
    let next = watch.take(LATER + 2 * DAY, "backups", Level::Medium, "impact", on("web1"));
    assert!(next.is_some(), "it is still unusual");
}

#[test]
fn alerts_on_one_machine_are_one_story_in_order_and_others_are_not() {
    let mut watch = Watch::new();
    watch.take(START, "phish", Level::High, "initial-access", on("desk1"));
    watch.take(
        START + 10 * MINUTE,
        "dump",
        Level::High,
        "credential-access",
        on("desk1"),
    );
    watch.take(START + 5 * HOUR, "other", Level::High, "discovery", on("web1"));
    let stories = watch.list();
    assert_eq!(stories.len(), 2);
    assert_eq!(
        stories[0].stages.iter().map(|stage| &*stage.title).collect::<Vec<_>>(),
        ["phish", "dump"]
    );
    assert_eq!(
        stories[0].evidence().map(|origin| origin.record).collect::<Vec<_>>(),
        [1, 2]
    );
}

#[test]
fn a_person_carries_a_story_from_machine_to_machine() {
    let mut watch = Watch::new();
    watch.take(START, "phish", Level::High, "initial-access", by("anna", "desk1"));
    watch.take(
        START + 30 * MINUTE,
        "move",
        Level::High,
        "lateral-movement",
        by("anna", "srv1"),
    );
    watch.take(
        START + 50 * MINUTE,
        "dump",
        Level::High,
        "credential-access",
        on("srv1"),
    );
    let stories = watch.list();
    assert_eq!(stories.len(), 1);
    assert_eq!(
        stories[0]
            .entities
            .iter()
            .map(|entity| entity.name.as_str())
            .collect::<std::collections::BTreeSet<_>>(),
        ["anna@acme.example", "desk1", "srv1"].into()
    );
}

#[test]
fn what_comes_every_hour_is_no_story_and_the_same_finding_where_it_never_came_is() {
    let mut watch = Watch::after_a_week(&["web1", "web2"]);
    let before = watch.list().iter().map(|story| story.alerts).sum::<u64>();
    assert!(watch.take(LATER, "hum", Level::Medium, "", on("web1")).is_none());
    assert!(watch.take(LATER, "crash", Level::Medium, "", on("web1")).is_some());
    let after = watch.list();
    assert_eq!(after.iter().map(|story| story.alerts).sum::<u64>(), before + 1);
    let crash = after
        .iter()
        .flat_map(|story| &story.stages)
        .find(|stage| &*stage.title == "crash")
        .unwrap();
    assert_eq!(crash.unusual, "never before on web1 in 150 hours, nor anywhere else");
}

#[test]
fn steps_in_the_order_of_an_attack_weigh_more_than_the_same_steps_in_reverse() {
    let score = |tags: [&str; 3]| {
        let mut watch = Watch::new();
        for (number, tag) in (0..).zip(tags) {
            watch.take(START + number * 10 * MINUTE, tag, Level::High, tag, on("srv1"));
        }
        watch.list()[0].score
    };
    let (forward, backward) = (
        score(["initial-access", "discovery", "impact"]),
        score(["impact", "discovery", "initial-access"]),
    );
    assert!(forward > backward * 1.25, "{forward} {backward}");
}

#[test]
fn two_grave_stages_on_a_domain_controller_wake_people_and_one_on_a_desk_does_not() {
    let mut watch = Watch::new();
    let mut told = Vec::new();
    for machine in ["dc1", "desk1"] {
        let facts = on(machine);
        watch.directory.learn_facts(
            &facts,
            START,
            &Origin {
                source: Arc::from("log"),
                record: 0,
            },
        );
        let id = watch.directory.resolve(&facts.machine, START).unwrap();
        if machine == "dc1" {
            watch.directory.add_tier(id, Tier::DomainController);
        }
    }
    told.push(
        watch
            .take(START, "move", Level::High, "lateral-movement", on("desk1"))
            .unwrap(),
    );
    told.push(
        watch
            .take(START + HOUR, "reset", Level::High, "privilege-escalation", on("dc1"))
            .unwrap(),
    );
    told.push(
        watch
            .take(
                START + HOUR + 10 * MINUTE,
                "ntds",
                Level::High,
                "credential-access",
                on("dc1"),
            )
            .unwrap(),
    );
    assert_eq!(
        told.iter().map(|change| change.told).collect::<Vec<_>>(),
        [false, false, true]
    );
    assert_eq!(told[2].kind, ChangeKind::Told);
    let words = watch.list()[0].words();
    assert!(
        words.contains("1. 2025-01-02T09:00:00Z More rights: reset on dc1, 1 times"),
        "{words}"
    );
    assert!(words.contains("With dc1, domain controller."), "{words}");
    assert!(words.contains("Next: dc1: whoever has this has everything."), "{words}");
}

#[test]
fn one_critical_finding_wakes_people_from_the_first_minute() {
    let mut watch = Watch::new();
    let change = watch
        .take(START, "chain", Level::Critical, "initial-access", by("anna", "desk1"))
        .unwrap();
    assert!(change.told && change.kind == ChangeKind::Told);
}

#[test]
fn the_same_rare_finding_on_two_machines_within_minutes_is_one_story() {
    let machines = ["web1", "web2"];
    let mut watch = Watch::after_a_week(&machines);
    let began = watch.list().len();
    watch.take(LATER, "scan", Level::Medium, "", on("web1"));
    watch.take(LATER + 3 * MINUTE, "scan", Level::Medium, "", on("web2"));
    assert_eq!(watch.list().len(), began + 1, "{:#?}", watch.list());
    watch.take(LATER + 20 * HOUR, "probe", Level::Medium, "", on("web1"));
    watch.take(LATER + 22 * HOUR, "probe", Level::Medium, "", on("web2"));
    assert_eq!(
        watch
            .list()
            .iter()
            .filter(|story| story.stages.iter().any(|stage| &*stage.title == "probe"))
            .count(),
        2
    );
}

#[test]
fn an_address_that_a_crowd_comes_from_joins_nobody() {
    let mut watch = Watch::new();
    for person in 0..12_i64 {
        let facts = Facts {
            address: Some("203.0.113.7".parse().unwrap()),
            ..by(&format!("p{person}"), &format!("desk{person}"))
        };
        watch.take(START + person * MINUTE, "habit", Level::Low, "", facts);
    }
    let from_there = |person: &str, machine: &str| Facts {
        address: Some("203.0.113.7".parse().unwrap()),
        ..by(person, machine)
    };
    watch.take(START + 13 * HOUR, "dump", Level::High, "", from_there("p1", "desk1"));
    watch.take(
        START + 13 * HOUR + 30 * MINUTE,
        "phish",
        Level::High,
        "",
        from_there("p2", "desk2"),
    );
    assert_eq!(watch.list().len(), 2);
}

#[test]
fn a_slow_attack_is_one_story_if_its_steps_are_grave_and_none_if_they_are_light() {
    let stories = |level: Level| {
        let mut watch = Watch::new();
        for (number, tag) in (0..).zip(["initial-access", "persistence", "discovery", "lateral-movement"]) {
            for part in 0..3 {
                watch.take(
                    START + number * 4 * DAY + part * 10 * MINUTE,
                    &format!("{tag}{part}"),
                    level,
                    tag,
                    on("srv1"),
                );
            }
        }
        watch.list().len()
    };
    assert_eq!(stories(Level::High), 1);
    assert_eq!(stories(Level::Medium), 4);
}

#[test]
fn a_story_stays_where_nothing_of_it_can_be_marked() {
    let mut watch = Watch::new();
    watch.take(START, "psexec", Level::High, "", on("admin1"));
    let other = Finder::Rule("other".into());
    let mut number = 1_000_000;
    while watch
        .stories
        .mark(&other, "Other", EntityId(number), &said("carol"))
        .is_some()
    {
        number += 1;
    }
    let story = watch.list()[0].id;
    assert_eq!(
        watch.stories.mark_false_positive(story, &said("carol")),
        Some(Vec::new())
    );
    assert_eq!(watch.list().len(), 1, "it is gone, and nothing holds it back");
}

#[test]
fn a_false_positive_is_kept_out_on_that_entity_alone_visible_and_taken_back() {
    let mut watch = Watch::new();
    watch.take(START, "psexec", Level::High, "", on("admin1"));
    let story = watch.list()[0].id;
    let marks = watch.stories.mark_false_positive(story, &said("carol")).unwrap();
    assert_eq!((marks.len(), watch.list().len()), (1, 0));
    assert!(
        watch
            .take(START + 2 * HOUR, "psexec", Level::High, "", on("admin1"))
            .is_none()
    );
    assert!(
        watch
            .take(START + 2 * HOUR, "dump", Level::High, "", on("admin1"))
            .is_some()
    );
    assert!(
        watch
            .take(START + 2 * HOUR, "psexec", Level::High, "", on("srv1"))
            .is_some()
    );
    let mark = watch.stories.marks()[0].clone();
    assert_eq!(
        (mark.by.as_str(), mark.kept_out, mark.until),
        ("carol", 1, START + HOUR + 10 * DAY)
    );
    assert!(
        watch
            .take(START + 20 * DAY, "psexec", Level::High, "", on("admin1"))
            .is_some()
    );
    assert_eq!(watch.stories.revoke_mark(mark.id), Some(mark));
    assert!(watch.stories.marks().is_empty());
}

#[test]
fn what_is_critical_on_tier_zero_is_held_back_only_by_a_mark_that_was_meant_for_it() {
    let mut watch = Watch::new();
    let dump = |watch: &mut Watch, hour: i64, level| watch.take(START + hour * HOUR, "dump", level, "", on("dc1"));
    dump(&mut watch, 0, Level::High);
    let entity = watch.directory.entities().next().unwrap().id;
    watch.directory.add_tier(entity, Tier::DomainController);
    let finder = Finder::Rule(Arc::from("dump"));
    watch.stories.mark(&finder, "dump", entity, &said("carol")).unwrap();
    assert!(
        dump(&mut watch, 2, Level::High).is_none(),
        "what is only high is held back"
    );
    assert!(dump(&mut watch, 4, Level::Critical).is_some());
    let grave = Dismissal {
        even_grave: true,
        ..said("dora")
    };
    watch.stories.mark(&finder, "dump", entity, &grave).unwrap();
    assert!(dump(&mut watch, 6, Level::Critical).is_none());
    let mark = &watch.stories.marks()[0];
    assert_eq!(
        (mark.kept_out, mark.last, watch.stories.marks().len()),
        (2, Some(START + 6 * HOUR), 1)
    );
}

#[test]
fn a_story_can_be_split_by_hand_and_stays_whole_in_sum() {
    let mut watch = Watch::new();
    watch.take(START, "phish", Level::High, "initial-access", on("desk1"));
    watch.take(START + MINUTE, "phish", Level::High, "initial-access", on("desk2"));
    let story = watch.list()[0].clone();
    assert_eq!(story.entities.len(), 2);
    let entity = story.entities[1].id;
    let new = watch.stories.split(story.id, entity, &watch.directory).unwrap();
    let part = watch.stories.incident(new, &watch.directory).unwrap();
    let rest = watch.stories.incident(story.id, &watch.directory).unwrap();
    assert_eq!(
        (part.entities[0].id, part.entities.len(), rest.entities.len()),
        (entity, 1, 1)
    );
}

#[test]
fn stories_marks_and_what_is_usual_survive_being_saved() {
    let mut watch = Watch::after_a_week(&["web1"]);
    watch.take(LATER, "crash", Level::Medium, "impact", on("web1"));
    watch.take(LATER + MINUTE, "hum", Level::Medium, "", on("web1"));
    let bytes = serde_json::to_vec(&watch.stories).unwrap();
    let stories: Stories = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(stories.incidents(&watch.directory), watch.list());
    let mut again = Watch {
        stories,
        directory: watch.directory.clone(),
        record: watch.record,
    };
    let next = |watch: &mut Watch| watch.take(LATER + 2 * HOUR, "odd", Level::Medium, "", on("web1"));
    assert_eq!(next(&mut again), next(&mut watch));
}

#[test]
fn a_flood_of_different_alerts_leaves_stories_within_their_bounds() {
    let mut watch = Watch::new();
    for number in 0..4_000_i64 {
        watch.take(
            START + number,
            &format!("rule{}", number % 700),
            Level::High,
            "impact",
            on(&format!("m{}", number % 300)),
        );
    }
    for story in watch.list() {
        assert!(
            story.stages.len() <= 128 && story.entities.len() <= 64,
            "{} {}",
            story.stages.len(),
            story.entities.len()
        );
        assert!(story.stages.iter().all(|stage| stage.evidence.len() <= 8));
    }
}

#[test]
fn the_first_few_records_of_a_kind_are_named_and_each_time_when_it_comes_back() {
    let records = |seconds: &[i64]| -> Vec<u64> {
        let mut watch = Watch::new();
        for second in seconds {
            watch.take(START + second, "dump", Level::High, "credential-access", on("desk1"));
        }
        watch.list()[0].evidence().map(|origin| origin.record).collect()
    };
    assert_eq!(records(&[0, 10, 20]), [1, 2, 3]);
    // A flood doesn't take the place of what comes back.
    let mut flood: Vec<i64> = (0..40).collect();
    flood.extend([300, 301, 600]);
    assert_eq!(records(&flood), [1, 2, 3, 4, 41, 43]);
}

#[test]
fn a_record_from_the_far_future_neither_wipes_what_is_usual_nor_silences_what_comes_then() {
    let mut watch = Watch::after_a_week(&["web1"]);
    watch.take(LATER + 4_000 * DAY, "hum", Level::Medium, "", on("web1"));
    assert!(watch.take(LATER, "hum", Level::Medium, "", on("web1")).is_none());
    assert!(watch.take(LATER, "crash", Level::Medium, "", on("web1")).is_some());
    watch.take(LATER + 20 * DAY, "dump", Level::Medium, "", on("web1"));
    assert!(
        watch
            .take(LATER + 2 * DAY, "dump", Level::Medium, "", on("web1"))
            .is_some()
    );
}

/// Events through everything but rules, as the binary does it.
fn live(watch: &mut Watch, behaviour: &mut crate::behaviour::Behaviour, time: i64, facts: Facts) -> Vec<Change> {
    watch.record += 1;
    let event = crate::event::Event {
        time: Timestamp::from_second(time).unwrap(),
        logsource: Logsource {
            product: "okta",
            service: None,
            category: None,
        },
        fields: serde_json::json!({}),
        facts,
        origin: Origin {
            source: Arc::from("okta"),
            record: watch.record,
        },
    };
    let parties = watch.directory.learn(&event);
    let alerts = behaviour.take(&event, &parties, &watch.directory, &crate::behaviour::NoPlaces);
    alerts
        .iter()
        .filter_map(|alert| watch.stories.take(alert, &mut watch.directory).change())
        .collect()
}

#[test]
fn an_account_that_is_taken_over_is_told_from_its_behaviour_alone_and_ordinary_weeks_are_not() {
    use crate::event::{Activity, Outcome, Place};
    let (mut watch, mut behaviour) = (Watch::new(), crate::behaviour::Behaviour::new());
    let sign_in = |name: &str, network: &str, country: &str, device: &str| Facts {
        activity: Activity::SignIn,
        outcome: Outcome::Success,
        device: Some(device.to_owned()),
        place: Place {
            network: Some(network.to_owned()),
            country: Some(country.to_owned()),
            ..Place::default()
        },
        ..by(name, "okta")
    };
    let act = |activity: Activity| Facts {
        activity,
        outcome: Outcome::Success,
        ..by("p3", "okta")
    };
    let mut ordinary = Vec::new();
    for day in 0..20 {
        for person in 0..40_i64 {
            let name = format!("p{person}");
            let time = START + day * DAY + person * 10 * MINUTE;
            ordinary.extend(live(
                &mut watch,
                &mut behaviour,
                time,
                sign_in(&name, "AS 1", "GB", &format!("laptop {person}")),
            ));
        }
        ordinary.extend(live(
            &mut watch,
            &mut behaviour,
            START + day * DAY + 9 * HOUR,
            act(Activity::GroupMemberAddition),
        ));
    }
    // One who travels with a new telephone is a light story that nobody is told of.
    ordinary.extend(live(
        &mut watch,
        &mut behaviour,
        START + 20 * DAY,
        sign_in("p7", "AS 5", "GB", "phone"),
    ));
    assert!(ordinary.iter().all(|change| !change.told), "{ordinary:?}");
    let night = START + 20 * DAY + 18 * HOUR;
    let mut told = live(
        &mut watch,
        &mut behaviour,
        night,
        sign_in("p3", "AS 9009", "RO", "curl"),
    );
    for (minute, activity) in [
        (9, Activity::FactorReset),
        (25, Activity::RoleGrant),
        (40, Activity::TrustChange),
        (55, Activity::SnapshotDeletion),
    ] {
        told.extend(live(&mut watch, &mut behaviour, night + minute * MINUTE, act(activity)));
    }
    assert!(told.iter().any(|change| change.kind == ChangeKind::Told), "{told:?}");
    let words = watch.list()[0].words();
    assert!(
        words.contains("p3@acme.example signed in from AS 9009, which none of 39 people did in 20 days"),
        "{words}"
    );
}
