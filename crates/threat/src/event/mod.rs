//! One event of a log, in the model that everything behind the normalisers works on.
//!
//! An event says the same twice. `fields` is the log's own record in the field names that Sigma's rules are written with, which for cloud
//! services are the service's own. `facts` is what entities, behaviour and stories look at: who did what to whom, where from, and
//! whether it succeeded, in the same words for every source.

mod activity;
mod handle;
mod ocsf;

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use activity::Activity;
pub use handle::{Handle, HandleKind};
pub use ocsf::ocsf;

/// One event of a log.
#[derive(Debug, Clone)]
pub struct Event {
    /// When it happened, by the log's own word.
    pub time: Timestamp,
    /// Where it is from, as Sigma's rules name it.
    pub logsource: Logsource,
    /// What rules look into: always an object, its names as Sigma has them.
    pub fields: Value,
    /// Who did what, in words common to all sources.
    pub facts: Facts,
    /// Where the record is found again.
    pub origin: Origin,
}

/// What kind of log an event is of. A rule applies if each of the parts that it names is the same here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Logsource {
    /// Such as `windows`, `okta`, `linux`.
    pub product: &'static str,
    /// Such as `security`, `sysmon`, `signinlogs`.
    pub service: Option<&'static str>,
    /// Such as `process_creation`. An event can have both a service and a category: Sysmon's first is of service `sysmon` and of
    /// category `process_creation`.
    pub category: Option<&'static str>,
}

impl Logsource {
    /// Whether an event of this kind is of a category. Some are of two: rules for `registry_event` are for every way in which the registry is
    /// changed, those for `registry_set` for one of them.
    #[must_use]
    pub fn is_of(&self, category: &str) -> bool {
        match self.category {
            Some(own) if own == category => true,
            Some(own) => category == "registry_event" && own.starts_with("registry_"),
            None => false,
        }
    }

    /// As people read it: `windows / security`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let parts = [Some(self.product), self.service, self.category];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" / ")
    }
}

/// Where a record was found.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// A file's path, or a listener's or service's name.
    pub source: Arc<str>,
    /// The record's number in it: EVTX record identifiers, else lines or array elements from 1.
    pub record: u64,
}

/// Who did what to whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// What was done.
    pub activity: Activity,
    /// Whether it succeeded.
    pub outcome: Outcome,
    /// Names of the one account that did it.
    pub actor: Vec<Handle>,
    /// Names of the one account, group or role that it was done to.
    pub target: Vec<Handle>,
    /// Names of the one machine that it happened on, virtual machines among them.
    pub machine: Vec<Handle>,
    /// Where the actor came from.
    pub address: Option<IpAddr>,
    /// The device, user agent or factor that was used, as the log has it.
    pub device: Option<String>,
    /// The network, country or city of the address, if the log names them.
    pub place: Place,
    /// What it was done with or to, if that is no account or machine: a program, command, service, role, file, application.
    pub object: Option<String>,
}

/// Characters of a text of facts that an alert keeps.
const TEXT_CHARACTERS_MAX: usize = 4096;

impl Facts {
    /// What an alert keeps: thousands of them may be held, and a command line can have a megabyte.
    #[must_use]
    pub(crate) fn kept(&self) -> Self {
        let cut = |text: &Option<String>| {
            let text = text.as_ref()?;
            let end = text.char_indices().nth(TEXT_CHARACTERS_MAX).map(|(end, _)| end);
            Some(end.and_then(|end| text.get(..end)).unwrap_or(text).to_owned())
        };
        Self {
            device: cut(&self.device),
            place: Place {
                country: cut(&self.place.country),
                city: cut(&self.place.city),
                point: self.place.point,
                network: cut(&self.place.network),
            },
            object: cut(&self.object),
            actor: self.actor.clone(),
            target: self.target.clone(),
            machine: self.machine.clone(),
            ..*self
        }
    }
}

/// Where an address is, as the log says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place {
    /// ISO 3166-1 alpha-2, or the name that the log has.
    pub country: Option<String>,
    /// A city's name.
    pub city: Option<String>,
    /// Latitude and longitude in degrees.
    pub point: Option<(f64, f64)>,
    /// Who runs the network: a number or name of an autonomous system.
    pub network: Option<String>,
}

// Degrees from logs are finite; equality is only of interest in tests.
impl Eq for Place {}

/// Whether something succeeded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did.
    Success,
    /// It was tried.
    Failure,
    /// The log doesn't say.
    #[default]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_keeps_the_beginning_of_an_endless_command() {
        let facts = Facts {
            object: Some("\u{e4}".repeat(1 << 20)),
            device: Some("phone".to_owned()),
            ..Facts::default()
        };
        let kept = facts.kept();
        assert_eq!(kept.object.unwrap().chars().count(), TEXT_CHARACTERS_MAX);
        assert_eq!(kept.device.as_deref(), Some("phone"));
    }
}
