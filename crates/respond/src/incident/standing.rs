//! What an incident concerns, and what became of it.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

use crate::alert::{Layer, NewAlert};

/// What alerts can have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum EntityKind {
    Volume,
    Host,
    Identity,
    /// A story of threat detection, by its number.
    Story,
}

impl EntityKind {
    const ALL: [Self; 4] = [Self::Volume, Self::Host, Self::Identity, Self::Story];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::Host => "host",
            Self::Identity => "identity",
            Self::Story => "story",
        }
    }
}

/// What became of a volume, by the last that was heard of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Standing {
    /// Nothing is known to be encrypted.
    Concerned,
    /// It is being encrypted, and nothing stops that.
    Encrypting,
    /// Encryption was recognised and is stopped.
    Contained,
    /// The fence was taken down: writes go on.
    Released,
    /// It was returned to a moment before.
    Recovered,
}

impl Standing {
    const ALL: [Self; 5] = [
        Self::Concerned,
        Self::Encrypting,
        Self::Contained,
        Self::Released,
        Self::Recovered,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Concerned => "concerned",
            Self::Encrypting => "encrypting",
            Self::Contained => "contained",
            Self::Released => "released",
            Self::Recovered => "recovered",
        }
    }

    /// What an alert says about its volume; `None` if nothing.
    pub(super) fn said_by(alert: &NewAlert) -> Option<Self> {
        match (alert.layer, alert.kind.as_str()) {
            (Layer::Guard, "would-fence") => Some(Self::Encrypting),
            (Layer::Guard, "fenced" | "diverted" | "still-fenced") => Some(Self::Contained),
            (Layer::Guard, "released") => Some(Self::Released),
            (Layer::Guard, "rolled-back") | (Layer::Drill, "drill-passed") => Some(Self::Recovered),
            (Layer::Drill, "drill-failed") => Some(Self::Concerned),
            _ => None,
        }
    }

    /// What is known after `self` was known and `next` is heard.
    pub(super) const fn then(self, next: Self) -> Self {
        match (self, next) {
            // A guard that only suspected something has no fence to take down.
            (Self::Concerned, Self::Released) => self,
            _ => next,
        }
    }
}

macro_rules! as_text {
    ($type:ty) => {
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.name().to_sql()
            }
        }

        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let name = value.as_str()?;
                let found = Self::ALL.into_iter().find(|known| known.name() == name);
                found.ok_or(FromSqlError::InvalidType)
            }
        }
    };
}

as_text!(EntityKind);
as_text!(Standing);

/// What an alert is about, for alerts on several volumes at once to be one incident.
pub(crate) fn class(alert: &NewAlert) -> String {
    match (alert.layer, alert.kind.as_str()) {
        (Layer::Guard, "fenced" | "diverted" | "still-fenced" | "would-fence") => "encryption".to_owned(),
        (Layer::Drill, _) => DRILL_CLASS.to_owned(),
        (layer, kind) => format!("{layer}/{kind}"),
    }
}

/// The class of drills. What a drill shows is no attack: its alerts have incidents of their own.
pub(crate) const DRILL_CLASS: &str = "drill";
