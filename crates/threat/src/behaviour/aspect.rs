//! What is asked of events: whose habit it is, and what of the event belongs to the habit.

use serde::{Deserialize, Serialize};

use super::places::{Located, NetworkKind, operator};
use crate::alert::Level;
use crate::entity::{EntityId, Parties};
use crate::event::{Activity, Event, Outcome};

/// A habit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Aspect {
    Network,
    NetworkKind,
    Country,
    Device,
    Machine,
    AdminAction,
    Program,
    RemoteTool,
}

/// How a habit is spoken of.
pub(super) struct Words {
    pub(super) model: &'static str,
    pub(super) title: &'static str,
    pub(super) level: Level,
    pub(super) attack: &'static [&'static str],
    /// `signed in from` what.
    pub(super) did: &'static str,
    /// `used 2` of these `in 41 days`.
    pub(super) thing: (&'static str, &'static str),
    pub(super) subjects: (&'static str, &'static str),
}

/// All habits, in the order in which they are looked at.
pub(super) const ASPECTS: [Aspect; 8] = [
    Aspect::Network,
    Aspect::NetworkKind,
    Aspect::Country,
    Aspect::Device,
    Aspect::Machine,
    Aspect::AdminAction,
    Aspect::Program,
    Aspect::RemoteTool,
];

/// Habits of where sign-ins come from.
pub(super) const PLACES: [Aspect; 3] = [Aspect::Network, Aspect::NetworkKind, Aspect::Country];

/// Tools by which machines are steered from afar, as they are called in programs, services and host names. In an organisation that has
/// one, the second one is the attacker's.
const REMOTE_TOOLS: &[&str] = &[
    "anydesk",
    "teamviewer",
    "screenconnect",
    "connectwise",
    "splashtop",
    "atera",
    "fleetdeck",
    "tacticalrmm",
    "level.io",
    "rustdesk",
    "pulseway",
    "ngrok",
    "teleport",
    "tailscale",
    "cloudflared",
    "dwagent",
    "action1",
    "simplehelp",
    "ultraviewer",
    "meshagent",
    "supremo",
    "remoteutilities",
    "zohoassist",
    "logmein",
    "gotoassist",
    "netsupport",
    "ammyy",
    "itarian",
    "syncro",
    "ninjarmm",
    "kaseya",
    "parsec",
    "twingate",
    "zerotier",
];

const PEOPLE: (&str, &str) = ("person", "people");

impl Aspect {
    /// Whose habit it is and what it is of, if the event is of this habit; an empty text if it could have been and wasn't.
    pub(super) fn of(self, event: &Event, parties: &Parties, located: &Located) -> Option<(EntityId, String)> {
        let facts = &event.facts;
        let person = parties.actor.or(parties.target);
        let signed_in = facts.activity == Activity::SignIn && facts.outcome == Outcome::Success;
        let value = match self {
            Self::Network if signed_in => located.place.network.as_deref().map(|name| operator(name).to_owned()),
            Self::NetworkKind if signed_in => located.kind.map(|kind| kind.words().to_owned()),
            Self::Country if signed_in => located.place.country.clone(),
            Self::Device if signed_in => facts.device.clone(),
            Self::Machine if signed_in => parties.machine.map(|machine| machine.0.to_string()),
            // What isn't administration counts as an occasion on which it could have been.
            Self::AdminAction if facts.outcome != Outcome::Failure => {
                let words = administration(facts.activity).map(|_| activity_words(facts.activity));
                return Some((parties.actor?, words.unwrap_or_default()));
            }
            Self::Program if facts.activity == Activity::Process => {
                return Some((parties.machine?, program(facts.object.as_deref()?)?));
            }
            // Without a tool it still counts as a day on which one could have been seen.
            Self::RemoteTool => return Some((EntityId(0), remote_tool(event)?.unwrap_or_default().to_owned())),
            _ => None,
        };
        let value = shorten(&value?)?;
        Some((person?, value))
    }

    /// What people call the value.
    pub(super) fn shown(self, value: &str, located: &Located) -> String {
        match (self, &located.place.network) {
            (Self::Network, Some(network)) => network.clone(),
            (Self::NetworkKind, Some(network)) => format!("{value} ({network})"),
            _ => value.to_owned(),
        }
    }

    /// Whether a first time is worth a word: who always came by way of rented servers may come from home.
    pub(super) fn is_news(self, located: &Located) -> bool {
        self != Self::NetworkKind || located.kind != Some(NetworkKind::Ordinary)
    }

    pub(super) const fn words(self) -> Words {
        match self {
            Self::Network => of_sign_in(
                "first-network",
                "Sign-in from a network that is new for the person",
                "signed in from",
                ("network", "networks"),
            ),
            Self::NetworkKind => of_sign_in(
                "first-network-kind",
                "Sign-in by way of a kind of network that is new for the person",
                "signed in by way of",
                ("kind of network", "kinds of network"),
            ),
            Self::Country => of_sign_in(
                "first-country",
                "Sign-in from a country that is new for the person",
                "signed in from",
                ("country", "countries"),
            ),
            Self::Device => Words {
                level: Level::Low,
                ..of_sign_in(
                    "first-device",
                    "Sign-in with a device that is new for the person",
                    "signed in with",
                    ("device", "devices"),
                )
            },
            Self::Machine => Words {
                model: "first-machine",
                title: "Sign-in to a machine that is new for the person",
                level: Level::Low,
                attack: &["lateral-movement", "t1021"],
                did: "signed in to",
                thing: ("machine", "machines"),
                subjects: PEOPLE,
            },
            Self::AdminAction => Words {
                model: "first-admin-action",
                title: "Kind of administration that is new for the person",
                level: Level::Medium,
                attack: &["privilege-escalation", "t1098"],
                did: "did",
                thing: ("kind of administration", "kinds of administration"),
                subjects: PEOPLE,
            },
            Self::Program => Words {
                model: "first-program",
                title: "Program that is new on the machine",
                level: Level::Low,
                attack: &["execution", "t1059"],
                did: "ran",
                thing: ("program", "programs"),
                subjects: ("machine", "machines"),
            },
            Self::RemoteTool => Words {
                model: "first-remote-tool",
                title: "Remote-control tool that is new in the organisation",
                level: Level::High,
                attack: &["command-and-control", "t1219"],
                did: "used",
                thing: ("remote-control tool", "remote-control tools"),
                subjects: ("organisation", "organisations"),
            },
        }
    }
}

const fn of_sign_in(
    model: &'static str,
    title: &'static str,
    did: &'static str,
    thing: (&'static str, &'static str),
) -> Words {
    Words {
        model,
        title,
        level: Level::Medium,
        attack: &["initial-access", "t1078"],
        did,
        thing,
        subjects: PEOPLE,
    }
}

/// What an attacker does a kind of administration for, in ATT&CK's words; none of what isn't administration.
pub(super) const fn administration(activity: Activity) -> Option<&'static [&'static str]> {
    use Activity as A;
    Some(match activity {
        A::PasswordReset => &["initial-access", "t1656"],
        A::FactorReset => &["credential-access", "t1556.006"],
        A::AccountCreation => &["persistence", "t1136"],
        A::GroupMemberAddition | A::RoleGrant | A::AccessGrant => &["privilege-escalation", "t1098.003"],
        A::GroupChange => &["persistence", "t1098"],
        A::TrustChange => &["privilege-escalation", "t1484.002"],
        A::PolicyChange => &["defense-evasion", "t1556.009"],
        A::LogClearing => &["defense-evasion", "t1070.001"],
        A::DefenceChange => &["defense-evasion", "t1562.001"],
        A::MachineChange | A::MachineCopy => &["credential-access", "t1006"],
        A::MachineCreation => &["defense-evasion", "t1578.002"],
        A::ServiceStart => &["persistence", "t1021.004"],
        A::HostSetting => &["defense-evasion", "t1562"],
        A::AccountDeletion => &["impact", "t1531"],
        A::MachineDeletion => &["impact", "t1485"],
        A::SnapshotDeletion => &["impact", "t1490"],
        A::PowerOff => &["impact", "t1529"],
        _ => return None,
    })
}

/// `role_grant` as `role grant`.
fn activity_words(activity: Activity) -> String {
    let name = serde_json::to_value(activity).ok();
    name.as_ref()
        .and_then(|name| name.as_str())
        .unwrap_or("other")
        .replace('_', " ")
}

/// The program's name of a command line, without its folder.
fn program(command: &str) -> Option<String> {
    let command = command.trim();
    let path = match command.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => command.split_whitespace().next(),
    }?;
    let name = path.rsplit(['\\', '/']).next()?;
    shorten(&name.to_lowercase())
}

/// The tool that an event is of, if it's an event that could be of one.
fn remote_tool(event: &Event) -> Option<Option<&'static str>> {
    let of_interest = matches!(
        event.facts.activity,
        Activity::Process
            | Activity::Persistence
            | Activity::NameLookup
            | Activity::Connection
            | Activity::AccessGrant
            | Activity::ServiceStart
    );
    if !of_interest {
        return None;
    }
    let object: String = event
        .facts
        .object
        .as_deref()?
        .chars()
        .take(512)
        .collect::<String>()
        .to_lowercase();
    Some(REMOTE_TOOLS.iter().find(|tool| object.contains(**tool)).copied())
}

/// What is remembered of a text that a log has; none if it is empty.
pub(super) fn shorten(value: &str) -> Option<String> {
    let value: String = value
        .trim()
        .chars()
        .filter(|character| !character.is_control())
        .take(96)
        .collect();
    (!value.is_empty()).then_some(value)
}
