//! A map that holds no more than it may: who has not been seen for longest goes first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

/// Keys with a value and the second at which they were last seen. At most `max` of them; those over it go in lots of a sixteenth, so that
/// making room costs the same for each insertion however large the map is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Saved<K, V>")]
#[serde(bound(
    serialize = "K: Ord + Clone + Serialize, V: Clone + Serialize",
    deserialize = "K: Ord + Clone + Deserialize<'de>, V: Clone + Deserialize<'de>"
))]
pub(crate) struct Recent<K: Ord + Clone, V: Clone> {
    max: usize,
    #[serde(serialize_with = "as_triples")]
    entries: BTreeMap<K, (i64, V)>,
}

/// As it is saved: JSON has no keys but text.
#[derive(Deserialize)]
struct Saved<K, V> {
    max: usize,
    entries: Vec<(K, i64, V)>,
}

fn as_triples<S: Serializer, K: Serialize, V: Serialize>(
    entries: &BTreeMap<K, (i64, V)>,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_seq(entries.iter().map(|(key, (time, value))| (key, time, value)))
}

impl<K: Ord + Clone, V: Clone> From<Saved<K, V>> for Recent<K, V> {
    fn from(saved: Saved<K, V>) -> Self {
        let mut map = Self::new(saved.max);
        for (key, time, value) in saved.entries.into_iter().take(saved.max) {
            map.entries.insert(key, (time, value));
        }
        map
    }
}

impl<K: Ord + Clone, V: Clone> Recent<K, V> {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max: max.max(1),
            entries: BTreeMap::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// The value without counting this as a sight of the key.
    pub(crate) fn peek_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(_, value)| value)
    }

    /// Whether others have to go if this key is seen.
    pub(crate) fn makes_room_for(&self, key: &K) -> bool {
        self.entries.len() >= self.max && !self.entries.contains_key(key)
    }

    /// The value of a key that is seen now, made if it's new.
    pub(crate) fn see(&mut self, key: &K, now: i64, make: impl FnOnce() -> V) -> &mut V {
        if self.makes_room_for(key) {
            self.make_room();
        }
        let (time, value) = self.entries.entry(key.clone()).or_insert_with(|| (now, make()));
        *time = (*time).max(now);
        value
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.entries.remove(key).map(|(_, value)| value)
    }

    /// Forgets what was last seen before a second.
    pub(crate) fn expire(&mut self, before: i64) {
        self.entries.retain(|_, (time, _)| *time >= before);
    }

    /// In the order of the keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, i64, &V)> {
        self.entries.iter().map(|(key, (time, value))| (key, *time, value))
    }

    /// Keys from one to another, both included.
    pub(crate) fn range(&self, from: K, to: K) -> impl Iterator<Item = (&K, i64, &V)> {
        self.entries
            .range(from..=to)
            .map(|(key, (time, value))| (key, *time, value))
    }

    fn make_room(&mut self) {
        let mut times: Vec<i64> = self.entries.values().map(|(time, _)| *time).collect();
        let lot = (self.max / 16).max(1).min(times.len());
        let (_, oldest_kept, _) = times.select_nth_unstable(lot - 1);
        let until = *oldest_kept;
        let mut left = lot;
        self.entries.retain(|_, (time, _)| {
            let goes = *time <= until && left > 0;
            left -= usize::from(goes);
            !goes
        });
    }
}

/// Maps whose keys JSON can't have, saved as pairs.
pub(crate) mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer, K: Serialize, V: Serialize>(
        map: &BTreeMap<K, V>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(map.iter())
    }

    pub(crate) fn deserialize<'de, D, K, V>(from: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        D: Deserializer<'de>,
        K: Ord + Deserialize<'de>,
        V: Deserialize<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(from)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_map_forgets_who_was_not_seen_for_longest() {
        let mut map: Recent<u32, u32> = Recent::new(32);
        for key in 0..32 {
            map.see(&key, i64::from(key), || key);
        }
        map.see(&0, 100, || 0);
        map.see(&99, 101, || 99);
        assert_eq!(map.len(), 31);
        assert!(map.get(&0).is_some() && map.get(&99).is_some());
        assert!(map.get(&1).is_none() && map.get(&2).is_none() && map.get(&3).is_some());
    }

    #[test]
    fn what_is_saved_comes_back_and_what_expired_does_not() {
        let mut map: Recent<u32, u32> = Recent::new(8);
        map.see(&1, 10, || 5);
        map.see(&2, 20, || 6);
        map.expire(15);
        let text = serde_json::to_string(&map).unwrap();
        assert_eq!(text, r#"{"max":8,"entries":[[2,20,6]]}"#);
        let back: Recent<u32, u32> = serde_json::from_str(&text).unwrap();
        assert_eq!(back.iter().collect::<Vec<_>>(), [(&2, 20, &6)]);
    }
}
