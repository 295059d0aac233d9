use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::alert::{Alert, Level};
use crate::entity::Directory;
use crate::event::{Activity, Event, Facts, Handle, HandleKind, Logsource, Origin, Outcome, Place};

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;
/// A Monday morning.
const START: i64 = 1_735_804_800;

struct Office {
    directory: Directory,
    behaviour: Behaviour,
}

impl Office {
    fn new() -> Self {
        Self {
            directory: Directory::new(),
            behaviour: Behaviour::new(),
        }
    }

    fn take(&mut self, time: i64, facts: Facts) -> Vec<Alert> {
        self.take_at(time, facts, &NoPlaces)
    }

    fn take_at(&mut self, time: i64, facts: Facts, places: &dyn Places) -> Vec<Alert> {
        let event = Event {
            time: Timestamp::from_second(time).unwrap(),
            logsource: Logsource {
                product: "okta",
                service: Some("okta"),
                category: None,
            },
            fields: serde_json::json!({}),
            facts,
            origin: Origin {
                source: Arc::from("okta.json"),
                record: time.unsigned_abs(),
            },
        };
        let parties = self.directory.learn(&event);
        self.behaviour.take(&event, &parties, &self.directory, places)
    }

    /// Forty days of people who sign in from the same network every morning.
    fn with_people(count: i64, days: i64) -> Self {
        let mut office = Self::new();
        for day in 0..days {
            for person in 0..count {
                let alerts = office.take(
                    START + day * DAY + person,
                    sign_in(&format!("p{person}"), "AS 1 (office)"),
                );
                assert!(alerts.is_empty(), "{alerts:?}");
            }
        }
        office
    }
}

fn person(name: &str) -> Vec<Handle> {
    vec![Handle::new(HandleKind::Mail, &format!("{name}@acme.example")).unwrap()]
}

fn machine(name: &str) -> Vec<Handle> {
    vec![Handle::new(HandleKind::Host, name).unwrap()]
}

fn sign_in(name: &str, network: &str) -> Facts {
    Facts {
        activity: Activity::SignIn,
        outcome: Outcome::Success,
        actor: person(name),
        place: Place {
            network: Some(network.to_owned()),
            ..Place::default()
        },
        ..Facts::default()
    }
}

fn reset(agent: &str, whom: i64) -> Facts {
    Facts {
        activity: Activity::PasswordReset,
        outcome: Outcome::Success,
        actor: person(agent),
        target: person(&format!("target{whom}")),
        ..Facts::default()
    }
}

fn models(alerts: &[Alert]) -> Vec<String> {
    alerts
        .iter()
        .map(|alert| {
            format!("{:?}", alert.finder)
                .replace("Behaviour(\"", "")
                .replace("\")", "")
        })
        .collect()
}

#[test]
fn a_sign_in_from_a_network_that_nobody_used_is_told_with_what_it_is_compared_with() {
    let mut office = Office::with_people(30, 20);
    let alerts = office.take(START + 20 * DAY, sign_in("p3", "AS 9009 (VPN provider)"));
    assert_eq!(models(&alerts), ["first-network"]);
    assert_eq!(
        alerts[0].words,
        "p3@acme.example signed in from AS 9009 (VPN provider), which none of 29 people did in 19 days; \
         p3@acme.example had 1 network in 19 days"
    );
    assert_eq!(alerts[0].level, Level::Medium);
    assert!(
        office
            .take(START + 21 * DAY, sign_in("p3", "AS 9009 (VPN provider)"))
            .is_empty()
    );
}

#[test]
fn what_many_others_do_too_is_hardly_worth_a_mention() {
    let mut office = Office::with_people(30, 20);
    for person in 10..20 {
        office.take(START + 20 * DAY, sign_in(&format!("p{person}"), "AS 2 (mobile)"));
    }
    let alerts = office.take(START + 20 * DAY + 1, sign_in("p3", "AS 2 (mobile)"));
    assert_eq!(alerts[0].level, Level::Informational);
    assert!(
        alerts[0].words.contains("which 10 of 29 people did"),
        "{}",
        alerts[0].words
    );
}

#[test]
fn nothing_is_said_of_who_is_not_known_yet() {
    let mut office = Office::with_people(30, 20);
    office.take(START + 20 * DAY, sign_in("novice", "AS 1 (office)"));
    assert!(
        office
            .take(START + 21 * DAY, sign_in("novice", "AS 9009 (VPN provider)"))
            .is_empty()
    );
}

#[test]
fn an_agent_who_resets_far_more_than_ever_and_than_others_is_told_once() {
    let mut office = Office::new();
    for day in 0..10 {
        for agent in 0..4 {
            for call in 0..2 {
                office.take(
                    START + day * DAY + agent * 60 + call * 600,
                    reset(&format!("agent{agent}"), agent * 10 + call),
                );
            }
        }
    }
    let mut told = Vec::new();
    for call in 0..7 {
        told.extend(office.take(START + 10 * DAY + call * 60, reset("agent1", 100 + call)));
    }
    assert_eq!(models(&told), ["many-resets"]);
    assert_eq!(
        told[0].words,
        "agent1@acme.example reset passwords or factors of 6 people within the hour; the busiest of 10 such hours of agent1@acme.example had 2, \
         and that of 3 others 2"
    );
}

#[test]
fn the_same_rate_is_not_told_where_others_have_it_too_or_before_enough_is_known() {
    let mut office = Office::new();
    for day in 0..10 {
        for call in 0..6 {
            let alerts = office.take(START + day * DAY + call * 60, reset("busy", call));
            assert!(alerts.is_empty(), "{alerts:?}");
        }
    }
    for call in 0..7 {
        let alerts = office.take(START + 10 * DAY + call * 60, reset("other", 100 + call));
        assert!(alerts.is_empty(), "{alerts:?}");
    }
}

#[test]
fn two_sign_ins_too_far_apart_are_told_with_distance_and_speed() {
    let mut office = Office::new();
    let at = |city: &str, point: (f64, f64)| Facts {
        place: Place {
            city: Some(city.to_owned()),
            point: Some(point),
            ..Place::default()
        },
        ..sign_in("anna", "AS 1")
    };
    assert!(office.take(START, at("London", (51.5074, -0.1278))).is_empty());
    let alerts = office.take(START + HOUR, at("New York", (40.7128, -74.0060)));
    assert_eq!(models(&alerts), ["impossible-travel"]);
    assert!(
        alerts[0]
            .words
            .contains("signed in from New York 60 minutes after London: 5570 km"),
        "{}",
        alerts[0].words
    );
    assert!(
        office
            .take(START + 20 * HOUR, at("London", (51.5074, -0.1278)))
            .is_empty()
    );
}

#[test]
fn a_machine_that_falls_silent_is_told_and_a_dead_collector_is_not_taken_for_many() {
    let mut office = Office::new();
    let beat = |name: &str| Facts {
        activity: Activity::Other,
        machine: machine(name),
        ..Facts::default()
    };
    let names = ["web1", "web2", "web3", "web4", "web5"];
    for minute in 0..5 * 24 * 6 {
        for name in names {
            office.take(START + minute * 600, beat(name));
        }
    }
    let stopped = START + 5 * DAY;
    let mut told = Vec::new();
    // A record that comes late is no reason to judge nobody.
    office.take(stopped - 6 * HOUR, beat("web2"));
    for minute in 0..18 {
        for name in ["web2", "web3", "web4", "web5"] {
            told.extend(office.take(stopped + minute * 600, beat(name)));
        }
    }
    assert_eq!(models(&told), ["silence"]);
    assert_eq!(told[0].facts.machine, machine("web1"));
    assert_eq!(told[0].level, Level::Medium);
    assert!(
        told[0].words.contains("4 machines with this log go on"),
        "{}",
        told[0].words
    );
    let collector = office.take(stopped + 10 * DAY, beat("web9"));
    assert!(
        collector.iter().all(|alert| alert.level == Level::Informational),
        "{collector:?}"
    );
}

#[test]
fn nobody_is_told_to_be_silent_while_old_logs_are_read() {
    let mut office = Office::new();
    let beat = |name: &str| Facts {
        activity: Activity::Other,
        machine: machine(name),
        ..Facts::default()
    };
    let mut told = Vec::new();
    for name in ["web1", "web2", "web3"] {
        for minute in 0..6 * 24 * 6 {
            told.extend(office.take(START + minute * 600, beat(name)));
        }
    }
    assert!(models(&told).is_empty(), "{told:?}");
}

#[test]
fn a_remote_tool_is_told_the_first_time_that_the_organisation_sees_it() {
    let mut office = Office::new();
    let run = |command: &str| Facts {
        activity: Activity::Process,
        machine: machine("desk1"),
        object: Some(command.to_owned()),
        ..Facts::default()
    };
    for day in 0..12 {
        office.take(
            START + day * DAY,
            run("\"C:\\Program Files\\TeamViewer\\TeamViewer.exe\" --tray"),
        );
    }
    let alerts = office.take(START + 12 * DAY, run("C:\\Users\\a\\AnyDesk.exe --install"));
    assert!(models(&alerts).contains(&"first-remote-tool".to_owned()), "{alerts:?}");
    assert!(
        !models(&office.take(START + 13 * DAY, run("C:\\Users\\b\\AnyDesk.exe")))
            .contains(&"first-remote-tool".to_owned())
    );
}

#[test]
fn habits_survive_being_saved() {
    let office = Office::with_people(5, 20);
    let bytes = serde_json::to_vec(&office.behaviour).unwrap();
    let mut office = Office {
        directory: office.directory,
        behaviour: serde_json::from_slice(&bytes).unwrap(),
    };
    assert!(office.take(START + 20 * DAY, sign_in("p3", "AS 1 (office)")).is_empty());
    assert_eq!(
        models(&office.take(START + 20 * DAY + 1, sign_in("p3", "AS 7"))),
        ["first-network"]
    );
}

#[test]
fn who_does_more_than_can_be_remembered_is_not_taken_for_doing_something_new() {
    let mut office = Office::new();
    let mut told = 0;
    // Sixty networks in turn, and ten others now and then.
    for event in 0..20_i64 * 100 {
        let network = if event % 20 == 0 {
            100 + event / 20 % 10
        } else {
            event % 60
        };
        told += office
            .take(START + event * 864, sign_in("roamer", &format!("AS {network}")))
            .len();
    }
    assert_eq!(told, 0);
}

/// Where the test's databases have Example Telecom in London, Example Cable in New York and Example Hosting nowhere.
const LONDON: &str = "203.0.113.7";
const NEW_YORK: &str = "198.51.100.7";
const RENTED: &str = "192.0.2.7";

fn databases() -> GeoDatabases {
    let all = [
        include_bytes!("../../tests/geo/city.mmdb").to_vec(),
        include_bytes!("../../tests/geo/asn.mmdb").to_vec(),
    ];
    GeoDatabases(all.into_iter().map(|bytes| GeoDatabase::new(bytes).unwrap()).collect())
}

fn sign_in_from(name: &str, address: &str) -> Facts {
    Facts {
        address: Some(address.parse().unwrap()),
        place: Place::default(),
        ..sign_in(name, "")
    }
}

#[test]
fn a_log_that_names_addresses_alone_shows_impossible_travel_with_a_database() {
    for (places, expected) in [(&databases() as &dyn Places, 1), (&NoPlaces, 0)] {
        let mut office = Office::new();
        assert!(office.take_at(START, sign_in_from("anna", LONDON), places).is_empty());
        let alerts = office.take_at(START + HOUR, sign_in_from("anna", NEW_YORK), places);
        assert_eq!(alerts.len(), expected);
        for alert in alerts {
            assert!(
                alert
                    .words
                    .contains("signed in from New York, US 60 minutes after London, GB: 5570 km"),
                "{}",
                alert.words
            );
        }
    }
}

#[test]
fn the_first_sign_in_by_way_of_rented_servers_is_told_with_whose_they_are() {
    let mut office = Office::new();
    let places = databases();
    for day in 0..20 {
        for name in ["anna", "bob", "carol"] {
            let alerts = office.take_at(START + day * DAY, sign_in_from(name, LONDON), &places);
            assert!(alerts.is_empty(), "{alerts:?}");
        }
    }
    let alerts = office.take_at(START + 20 * DAY, sign_in_from("anna", RENTED), &places);
    assert_eq!(models(&alerts), ["first-network", "first-network-kind"]);
    assert!(
        alerts[0]
            .words
            .contains("signed in from AS64502 Example Hosting, which none of 2 people did"),
        "{}",
        alerts[0].words
    );
    assert!(
        alerts[1]
            .words
            .contains("by way of a hosting provider (AS64502 Example Hosting), which none of 2 people did"),
        "{}",
        alerts[1].words
    );
    // The other way round it's somebody who came home.
    let alerts = office.take_at(START + 20 * DAY + HOUR, sign_in_from("bob", NEW_YORK), &places);
    assert_eq!(models(&alerts), ["first-network", "first-country"]);
}
