//! What was told already: a kill has records read again, and nothing is told twice.

use std::collections::{HashSet, VecDeque};

use respond::alert::{Filter, Layer};
use respond::{Desk, Page};

use crate::desk;
use crate::failure::Failure;

/// Alerts that are remembered. Those of the last minute are what a kill can repeat.
const REMEMBERED_MAX: usize = 100_000;
/// Alerts that are looked up in the ledger at a start, at most.
const LOOKED_UP_MAX: usize = 10_000;
/// The fact of an alert that names the record that it was made of.
pub(super) const KEY: &str = "record";

/// Keys of alerts that are in the ledger.
#[derive(Debug, Default)]
pub(super) struct Known {
    keys: HashSet<String>,
    order: VecDeque<String>,
}

impl Known {
    /// Those that the ledger has.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub(super) fn of(desk: &Desk) -> Result<Self, Failure> {
        let mut known = Self::default();
        let filter = Filter {
            layer: Some(Layer::Threat),
            ..Filter::default()
        };
        let mut page = Page::newest(respond::PAGE_MAX);
        while known.keys.len() < LOOKED_UP_MAX {
            let alerts = desk
                .read(|ledger| ledger.alerts(&filter, page))
                .map_err(|error| desk::failed(&error))?;
            for alert in &alerts {
                if let Some(key) = alert.noticed.facts.get(KEY).and_then(serde_json::Value::as_str) {
                    known.note(key);
                }
            }
            let Some(last) = alerts.last().filter(|_| page.is_filled_by(alerts.len())) else {
                break;
            };
            page.before = Some(last.id.0);
        }
        Ok(known)
    }

    /// Whether this is new; it isn't the next time.
    pub(super) fn note(&mut self, key: &str) -> bool {
        if !self.keys.insert(key.to_owned()) {
            return false;
        }
        self.order.push_back(key.to_owned());
        if self.order.len() > REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_known() {
        let mut known = Known::default();
        assert!(known.note("a"));
        assert!(!known.note("a"));
        assert!(known.note("b"));
    }
}
