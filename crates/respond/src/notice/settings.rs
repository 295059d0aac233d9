//! Who is told, by which ways and when: what the configuration means, without the ways' addresses and secrets.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil;
use jiff::tz::TimeZone;

use crate::alert::Severity;

/// Between two notices about the same thing lie at least five minutes, unless it got worse.
pub const UPDATE_EVERY: Duration = Duration::from_secs(300);

/// Who is told, by which ways and when. Nobody is, as long as there is no group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The ways, each with the least severity that it is used for.
    pub ways: BTreeMap<String, Severity>,
    /// The groups.
    pub groups: BTreeMap<String, Group>,
    /// The group that is told unless another one is named.
    pub default_group: Option<String>,
    /// The console's address, without a slash at its end: for links.
    pub public_url: Option<String>,
    /// The shortest time between two notices about the same thing, unless it got worse.
    pub update_every: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ways: BTreeMap::new(),
            groups: BTreeMap::new(),
            default_group: None,
            public_url: None,
            update_every: UPDATE_EVERY,
        }
    }
}

/// People and programs that are told together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The least severity that the group is told of.
    pub least: Severity,
    /// The time zone of its quiet hours and of its digest.
    pub zone: TimeZone,
    /// When it isn't disturbed.
    pub quiet: Vec<Quiet>,
    /// The least severity that breaks through quiet hours.
    pub breaks_quiet: Severity,
    /// What isn't told one by one.
    pub digest: Option<Digest>,
    /// Who is told: the first at once, each other one when nobody has acknowledged in time. Never empty.
    pub steps: Vec<Step>,
    /// The least severity for which the second step and those after it are told.
    pub escalates: Severity,
    /// After the last step it is told again as often as this, until somebody acknowledges.
    pub repeat_every: Option<Duration>,
}

/// A step of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How long after the step before; nothing for the first.
    pub after: Duration,
    /// Who is told.
    pub to: Vec<Recipient>,
}

/// Somebody who is told by a way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipient {
    /// The way's name.
    pub way: String,
    /// Who it is: a name that may stand in records. Empty if the way itself says who.
    pub name: String,
    /// Where by this way: a mail address. Empty if the way itself says where.
    pub address: String,
}

/// Hours on some days of the week in which only what can't wait is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// The days on which they begin, Monday first.
    pub days: [bool; 7],
    /// When they begin.
    pub from: civil::Time,
    /// When they end: on the next day unless it is later than `from`.
    pub until: civil::Time,
}

/// Little things, told once a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// When.
    pub at: civil::Time,
    /// The worst severity that waits for it.
    pub most: Severity,
}
