//! What every file on the disk should hold: hashes, kept in memory, beside the disk.

use std::collections::BTreeMap;

use blake3::Hash;

/// A file as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) hash: Hash,
    pub(super) bytes: u64,
}

/// The files of a disk by their paths.
#[derive(Clone, Debug, Default)]
pub(super) struct Inventory {
    files: BTreeMap<String, Expected>,
}

impl Inventory {
    /// Notes what a file holds from now on.
    pub(super) fn note(&mut self, path: &str, content: &[u8]) {
        let expected = Expected {
            hash: blake3::hash(content),
            bytes: content.len() as u64,
        };
        self.files.insert(path.to_owned(), expected);
    }

    /// A file is gone from now on.
    pub(super) fn forget(&mut self, path: &str) {
        self.files.remove(path);
    }

    pub(super) fn contains(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    pub(super) fn count(&self) -> usize {
        self.files.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.bytes).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Expected)> {
        self.files.iter().map(|(path, expected)| (path.as_str(), *expected))
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }
}
