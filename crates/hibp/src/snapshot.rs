//! What a server knows of the ledger: catalogue, keys and verified domains, read again when the ledger changed.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use exposure::Error;
use exposure::accounts::{Breach, BreachId};
use exposure::ledger::{ApiKey, KeyDigest, Ledger};
use exposure::watch::DomainName;

/// The ledger at one moment. Replaced as a whole, so that an answer is of one moment too.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) catalogue: Catalogue,
    pub(crate) keys: HashMap<KeyDigest, Arc<ApiKey>>,
    /// Those that were shown to be ours.
    pub(crate) domains: BTreeSet<DomainName>,
}

impl Snapshot {
    /// Reads the ledger.
    pub(crate) fn read(ledger: &Ledger) -> Result<Self, Error> {
        let verified = ledger.domains()?.into_iter().filter(|domain| domain.verified.is_some());
        let keys = ledger.keys_in_use()?.into_iter();
        Ok(Self {
            catalogue: Catalogue::new(ledger.breaches()?),
            keys: keys.map(|(digest, key)| (digest, Arc::new(key))).collect(),
            domains: verified
                .filter_map(|domain| DomainName::parse(&domain.name).ok())
                .collect(),
        })
    }

    /// Whether a domain was shown to be ours.
    pub(crate) fn is_verified(&self, domain: &DomainName) -> bool {
        self.domains.contains(domain)
    }
}

/// All breaches.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    /// By title.
    breaches: Vec<Breach>,
    by_id: HashMap<BreachId, usize>,
}

impl Catalogue {
    fn new(mut breaches: Vec<(BreachId, Breach)>) -> Self {
        breaches.sort_by(|(_, left), (_, right)| {
            let title = |breach: &Breach| breach.title.to_lowercase();
            title(left).cmp(&title(right)).then_with(|| left.name.cmp(&right.name))
        });
        let by_id = breaches
            .iter()
            .enumerate()
            .map(|(index, (id, _))| (*id, index))
            .collect();
        Self {
            breaches: breaches.into_iter().map(|(_, breach)| breach).collect(),
            by_id,
        }
    }

    /// All of them, by title.
    pub(crate) fn breaches(&self) -> &[Breach] {
        &self.breaches
    }

    /// A breach that an account is in. Nothing for one that was loaded a moment ago and isn't known here yet.
    pub(crate) fn of(&self, id: BreachId) -> Option<&Breach> {
        self.by_id.get(&id).and_then(|index| self.breaches.get(*index))
    }

    /// A breach by its name, whatever its case.
    pub(crate) fn named(&self, name: &str) -> Option<&Breach> {
        self.breaches
            .iter()
            .find(|breach| breach.name.eq_ignore_ascii_case(name))
    }

    /// The breach that was added last.
    pub(crate) fn latest(&self) -> Option<&Breach> {
        self.breaches
            .iter()
            .max_by(|left, right| left.added_date.cmp(&right.added_date))
    }

    /// Everything that was ever taken, in order.
    pub(crate) fn data_classes(&self) -> Vec<&str> {
        let mut classes: Vec<&str> = self
            .breaches
            .iter()
            .flat_map(|breach| &breach.data_classes)
            .map(String::as_str)
            .collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }
}

/// The names of breaches, sorted, without those that were taken back and those that `is_told` leaves out.
pub(crate) fn names<'a>(catalogue: &'a Catalogue, ids: &[BreachId], is_told: impl Fn(&Breach) -> bool) -> Vec<&'a str> {
    let breaches = ids.iter().filter_map(|id| catalogue.of(*id));
    let told = breaches.filter(|breach| !breach.is_retired && is_told(breach));
    let mut names: Vec<&str> = told.map(|breach| breach.name.as_str()).collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breach(name: &str, title: &str, added: &str) -> Breach {
        Breach {
            name: name.to_owned(),
            title: title.to_owned(),
            added_date: added.to_owned(),
            data_classes: vec!["Passwords".to_owned(), name.to_owned()],
            ..Breach::default()
        }
    }

    #[test]
    fn breaches_are_sorted_by_title_and_found_by_number_and_name() {
        let catalogue = Catalogue::new(vec![
            (BreachId(7), breach("B", "zebra", "2020-01-01T00:00:00Z")),
            (BreachId(3), breach("A", "Alpha", "2019-01-01T00:00:00Z")),
        ]);
        let titles: Vec<&str> = catalogue
            .breaches()
            .iter()
            .map(|breach| breach.title.as_str())
            .collect();
        assert_eq!(titles, ["Alpha", "zebra"]);
        assert_eq!(catalogue.of(BreachId(7)).unwrap().name, "B");
        assert_eq!(catalogue.of(BreachId(8)), None);
        assert_eq!(catalogue.named("a").unwrap().title, "Alpha");
        assert_eq!(catalogue.latest().unwrap().name, "B");
        assert_eq!(catalogue.data_classes(), ["A", "B", "Passwords"]);
        assert_eq!(
            names(&catalogue, &[BreachId(7), BreachId(3), BreachId(9)], |_| true),
            ["A", "B"]
        );
    }
}
