//! The list of breaches that an index's entries point into: public, the same for everybody, so that fetching it tells nothing.

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::accounts::Breach;

/// Breaches in the list at most: entries point into it with 16 bits.
pub(super) const BREACHES_MAX: usize = 1 << 16;

/// What is told about a breach. Names of fields as in the public API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AskedBreach {
    /// Its unique name.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// The domain of whom it was taken from; may be empty.
    #[serde(default)]
    pub domain: String,
    /// The day of the breach, ISO 8601.
    pub breach_date: String,
    /// What was taken.
    #[serde(default)]
    pub data_classes: Vec<String>,
    /// Whether it was found to be genuine.
    #[serde(default)]
    pub is_verified: bool,
}

impl AskedBreach {
    /// What may be told of a breach without proof of who asks; `None` if it is sensitive or retired.
    #[must_use]
    pub fn of(breach: &Breach) -> Option<Self> {
        if breach.is_sensitive || breach.is_retired {
            return None;
        }
        Some(Self {
            name: breach.name.clone(),
            title: breach.title.clone(),
            domain: breach.domain.clone(),
            breach_date: breach.breach_date.clone(),
            data_classes: breach.data_classes.clone(),
            is_verified: breach.is_verified,
        })
    }
}

/// Reads the list as a server hands it out.
///
/// # Errors
/// When it isn't such a list, or is too long.
pub fn read_breaches(json: &[u8]) -> Result<Vec<AskedBreach>, Error> {
    let breaches: Vec<AskedBreach> = serde_json::from_slice(json).map_err(|_| Error::Protocol {
        what: "the list of breaches can't be understood",
    })?;
    if breaches.len() > BREACHES_MAX {
        return Err(Error::Protocol {
            what: "the list of breaches is too long",
        });
    }
    Ok(breaches)
}
