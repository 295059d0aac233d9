//! Alerts of the breach monitor, which runs in processes of its own: they write into the ledger themselves, if there is one.
//!
//! No person is named: the ledger is never changed, and who was erased from the breach monitor must be in it nowhere.

use std::path::Path;

use respond::alert::{Layer, NewAlert, Severity};
use respond::intake::{Rules, take_in};
use respond::{Ledger, Time};
use serde_json::{Map, Value, json};

use crate::clock::wall_clock;

/// A breach was loaded that concerns people or domains that are watched.
#[must_use]
pub fn breach(now: Time, name: &str, watches: u64, domains: u64) -> NewAlert {
    let mut alert = alert(now, "breach", Severity::Medium);
    alert.title = format!("People who are watched are in the breach `{name}`");
    alert.text = format!(
        "the breach `{name}` concerns {watches} watched people and domains ({domains} verified domains); they are told. Have the \
         passwords of those concerned changed: `holdfast exposure watch` and `holdfast exposure check` tell whose"
    );
    alert.facts = facts(json!({ "breach": name, "watches": watches, "domains": domains }));
    alert
}

/// Posts of leak sites may be about the company or a supplier.
#[must_use]
pub fn leak_site(now: Time, source: &str, posts: u64) -> NewAlert {
    let mut alert = alert(now, "leak-site", Severity::High);
    alert.title = format!("{posts} posts of leak sites may be about us or a supplier");
    alert.text = format!(
        "{posts} new posts in `{source}` match the names that are looked for. If they mean us, data was stolen: \
         `holdfast exposure feeds list --matched` shows them"
    );
    alert.facts = facts(json!({ "source": source, "posts": posts }));
    alert
}

/// Writes an alert into the ledger beside the breach monitor's `folder`; does nothing where no ledger is.
///
/// # Errors
/// When the ledger can't be written.
pub fn tell(folder: &Path, alert: NewAlert) -> Result<(), respond::Error> {
    let Some(data) = folder.parent() else { return Ok(()) };
    let Some(mut ledger) = Ledger::open_existing(&super::folder(data))? else {
        return Ok(());
    };
    // The daemon tells people, by its own settings: what it plans by itself are the built-in policies.
    let taken = ledger.write(|w| take_in(w, now(), &Rules::default(), vec![alert]));
    taken.map(drop)
}

/// The time.
#[must_use]
pub fn now() -> Time {
    super::time(wall_clock())
}

fn alert(now: Time, kind: &str, severity: Severity) -> NewAlert {
    NewAlert {
        time: now,
        layer: Layer::Exposure,
        kind: kind.to_owned(),
        severity,
        volume: None,
        host: None,
        identity: None,
        title: String::new(),
        text: String::new(),
        facts: Map::new(),
    }
}

fn facts(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(facts) => facts,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use respond::{Page, alert::Filter};

    #[test]
    fn a_breach_is_noted_where_there_is_a_ledger_and_names_nobody() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("exposure");
        let alert = breach(now(), "Acme", 3, 1);
        tell(&folder, alert.clone()).unwrap();
        assert!(!super::super::folder(data.path()).exists(), "no ledger is made");
        drop(Ledger::open(&super::super::folder(data.path())).unwrap());
        tell(&folder, alert).unwrap();
        let ledger = Ledger::open(&super::super::folder(data.path())).unwrap();
        let alerts = ledger.alerts(&Filter::default(), Page::default()).unwrap();
        assert_eq!((alerts.len(), alerts[0].noticed.identity.as_ref()), (1, None));
        assert!(alerts[0].noticed.title.contains("`Acme`"));
    }
}
