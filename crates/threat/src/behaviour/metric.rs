//! What is counted by the hour.

use serde::{Deserialize, Serialize};

use crate::alert::Level;
use crate::entity::{EntityId, Parties};
use crate::event::{Activity, Event, Outcome};

/// Something that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Metric {
    Resets,
    FailedSignIns,
    AccountsTried,
    DeniedFactors,
    FileReads,
    FileDeletions,
    ServiceTickets,
    MachinesEntered,
    PowerOffs,
    SnapshotsDeleted,
    Searches,
}

/// How it is spoken of, and from how many on it's of interest.
pub(super) struct Words {
    pub(super) metric: Metric,
    pub(super) model: &'static str,
    pub(super) title: &'static str,
    pub(super) level: Level,
    pub(super) attack: &'static [&'static str],
    /// `reset 14 passwords or factors`: what stands before and behind the number.
    pub(super) did: (&'static str, &'static str),
    pub(super) least: u32,
}

/// All metrics.
pub(super) static METRICS: [Words; 11] = [
    Words {
        metric: Metric::Resets,
        model: "many-resets",
        title: "More passwords and factors reset than usual",
        level: Level::High,
        attack: &["initial-access", "t1656"],
        did: ("reset passwords or factors of", "people"),
        least: 5,
    },
    Words {
        metric: Metric::FailedSignIns,
        model: "many-failed-sign-ins",
        title: "More failed sign-ins than usual",
        level: Level::Low,
        attack: &["credential-access", "t1110"],
        did: ("was refused", "times"),
        least: 20,
    },
    Words {
        metric: Metric::AccountsTried,
        model: "many-accounts-tried",
        title: "More accounts tried from one place than usual",
        level: Level::Medium,
        attack: &["credential-access", "t1110.003"],
        did: ("was the source of failed sign-ins of", "accounts"),
        least: 8,
    },
    Words {
        metric: Metric::DeniedFactors,
        model: "many-denied-factors",
        title: "More second factors denied than usual",
        level: Level::High,
        attack: &["credential-access", "t1621"],
        did: ("denied or missed", "requests for a second factor"),
        least: 5,
    },
    Words {
        metric: Metric::FileReads,
        model: "many-file-reads",
        title: "More files read than usual",
        level: Level::Medium,
        attack: &["collection", "t1213"],
        did: ("read", "files"),
        least: 100,
    },
    Words {
        metric: Metric::FileDeletions,
        model: "many-file-deletions",
        title: "More files deleted than usual",
        level: Level::Medium,
        attack: &["impact", "t1485"],
        did: ("deleted", "files"),
        least: 100,
    },
    Words {
        metric: Metric::ServiceTickets,
        model: "many-service-tickets",
        title: "Tickets for more services than usual",
        level: Level::Medium,
        attack: &["credential-access", "t1558.003"],
        did: ("asked for tickets of", "services"),
        least: 15,
    },
    Words {
        metric: Metric::MachinesEntered,
        model: "many-machines",
        title: "Sign-ins to more machines than usual",
        level: Level::Medium,
        attack: &["lateral-movement", "t1021"],
        did: ("signed in to", "machines"),
        least: 6,
    },
    Words {
        metric: Metric::PowerOffs,
        model: "many-power-offs",
        title: "More machines stopped than usual",
        level: Level::High,
        attack: &["impact", "t1529"],
        did: ("stopped", "machines"),
        least: 5,
    },
    Words {
        metric: Metric::SnapshotsDeleted,
        model: "many-snapshots-deleted",
        title: "More snapshots and backups deleted than usual",
        level: Level::High,
        attack: &["impact", "t1490"],
        did: ("deleted", "snapshots or backups"),
        least: 5,
    },
    Words {
        metric: Metric::Searches,
        model: "many-searches",
        title: "More searches than usual",
        level: Level::Low,
        attack: &["collection", "t1213"],
        did: ("searched", "times"),
        least: 50,
    },
];

impl Metric {
    /// Whose count it is, and what must be different to count, if the event is counted.
    pub(super) fn of(self, event: &Event, parties: &Parties) -> Option<(EntityId, Option<u64>)> {
        let facts = &event.facts;
        let failed = facts.outcome == Outcome::Failure;
        let person = parties.actor.or(parties.target);
        let once = |subject: Option<EntityId>| Some((subject?, None));
        match (self, facts.activity) {
            (Self::Resets, Activity::PasswordReset | Activity::FactorReset) if !failed => {
                Some((parties.actor?, Some(parties.target?.0)))
            }
            (Self::FailedSignIns, Activity::SignIn) if failed => once(parties.target.or(parties.actor)),
            (Self::AccountsTried, Activity::SignIn) if failed => {
                let name = facts.actor.first().or(facts.target.first());
                Some((parties.from?, Some(fingerprint(&name?.name))))
            }
            (Self::DeniedFactors, Activity::FactorChallenge) if failed => once(person),
            (Self::FileReads, Activity::FileRead) => once(person),
            (Self::FileDeletions, Activity::FileDeletion) => once(person),
            (Self::ServiceTickets, _) if is_service_ticket(event) => {
                Some((person?, Some(fingerprint(facts.object.as_deref()?))))
            }
            (Self::MachinesEntered, Activity::SignIn) if facts.outcome == Outcome::Success => {
                Some((person?, Some(parties.machine?.0)))
            }
            (Self::PowerOffs, Activity::PowerOff) => Some((person.or(parties.machine)?, None)),
            (Self::SnapshotsDeleted, Activity::SnapshotDeletion) => Some((person.or(parties.machine)?, None)),
            (Self::Searches, Activity::Search) => once(person),
            _ => None,
        }
    }
}

fn is_service_ticket(event: &Event) -> bool {
    let id = event.fields.get("EventID");
    let id = id.and_then(|id| id.as_u64().or_else(|| id.as_str()?.parse().ok()));
    event.logsource.product == "windows" && id == Some(4769)
}

/// FNV-1a: the same after every restart and in every version, which the standard library's hash doesn't promise.
fn fingerprint(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().take(256).fold(0xcbf2_9ce4_8422_2325, step)
}
