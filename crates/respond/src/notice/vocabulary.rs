//! The vocabulary of notices.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::alert::Severity;
use crate::time::Time;

/// A notice's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NoticeId(pub i64);

impl fmt::Display for NoticeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a notice is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Telling {
    /// It is new.
    First,
    /// It got worse.
    Worse,
    /// More happened.
    Update,
    /// Nobody has acknowledged it in time.
    Escalation,
    /// Somebody has acknowledged it.
    Acknowledged,
    /// There is nothing left to do about it.
    Over,
    /// Little things of a day.
    Digest,
    /// So much happened at once that it is told together.
    Bundle,
    /// Somebody tries the way out.
    Test,
}

impl Telling {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Worse => "worse",
            Self::Update => "update",
            Self::Escalation => "escalation",
            Self::Acknowledged => "acknowledged",
            Self::Over => "over",
            Self::Digest => "digest",
            Self::Bundle => "bundle",
            Self::Test => "test",
        }
    }

    /// Whether nobody has to do anything about it, however bad what it is about is.
    #[must_use]
    pub const fn is_calm(self) -> bool {
        matches!(self, Self::Acknowledged | Self::Over | Self::Digest | Self::Test)
    }
}

/// How far a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeState {
    /// It waits to be sent, for the first time or again.
    Waiting,
    /// Whoever takes it said so.
    Sent,
    /// It isn't tried any more: refused, too old, or its way is gone. Somebody may have it tried again.
    Dead,
}

impl NoticeState {
    /// The word for it, which the ledger stores as well.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Dead => "dead",
        }
    }

    pub(super) fn of(name: &str) -> Self {
        match name {
            "sent" => Self::Sent,
            "dead" => Self::Dead,
            _ => Self::Waiting,
        }
    }
}

/// A notice: one message to one recipient by one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its number.
    pub id: NoticeId,
    /// What it is about, as records have it; of several things `digest/GROUP`.
    pub subject: String,
    /// Why it is sent.
    pub telling: Telling,
    /// The group that is told.
    pub group: String,
    /// The way.
    pub way: String,
    /// Who it is for, if the way doesn't say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// How bad it is.
    pub severity: Severity,
    /// Its first line.
    pub title: String,
    /// When it was made.
    pub created: Time,
    /// How far it is.
    pub state: NoticeState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, if it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Time>,
    /// When it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Time>,
    /// What whoever takes it said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// Which notices are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those about this.
    pub subject: Option<String>,
    /// Only those by this way.
    pub way: Option<String>,
    /// Only those that are so far.
    pub state: Option<NoticeState>,
    /// Only those made since.
    pub since: Option<Time>,
    /// Only those made until.
    pub until: Option<Time>,
}

/// A notice that is to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The notice.
    pub id: NoticeId,
    /// The same every time that it is tried: one that arrives twice is known by it.
    pub key: String,
    /// The key of the first notice about the same thing to the same recipient, if this isn't the first.
    pub answers: Option<String>,
    /// Where, if the way doesn't say: a mail address.
    pub address: String,
    /// How often it was tried before. It may have arrived then.
    pub attempts: u32,
    /// What it says.
    pub content: Content,
}

/// What a notice says. It doesn't change between attempts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Why it is sent.
    pub telling: Telling,
    /// What it is about, as records have it.
    pub subject: String,
    /// The group that is told.
    pub group: String,
    /// How bad it is.
    pub severity: Severity,
    /// When it happened.
    pub time: Time,
    /// One short line.
    pub title: String,
    /// What happened, what it means and what to do next, in paragraphs.
    pub text: Vec<String>,
    /// Single things: what is new, or what a digest is made of.
    pub lines: Vec<String>,
    /// How many more there are.
    pub more: u64,
    /// What it concerns: `volume disk`, `host web1`.
    pub concerns: Vec<String>,
    /// How to acknowledge it; nothing if it needn't be.
    pub acknowledge: Option<String>,
    /// The page of the console.
    pub link: Option<String>,
    /// The newest alert.
    pub alert: Option<i64>,
    /// The incident.
    pub incident: Option<i64>,
}

/// Why a notice wasn't taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// It never will be: an address that doesn't exist, a message that is refused.
    Refused(String),
    /// This one isn't taken now.
    Later(String),
    /// The way takes nothing now.
    Down(String),
}

/// News about a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WayChange {
    /// The first time that it fails after it worked; what it said.
    Fails(String),
    /// It refused a notice, for the first time since it took one for the same recipient.
    Refuses {
        /// The recipient's name; empty if it has none.
        recipient: String,
        /// What it said.
        why: String,
    },
    /// It took a notice again.
    Works,
}
