//! Compares every file on the disk with what it should hold, byte for byte, by hash.

use super::files::Files;
use super::inventory::Inventory;
use super::stage::Stage;
use crate::failure::Failure;

/// What came of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// Files that are what they should be.
    pub(super) identical: usize,
    /// Files that hold something else, or can't be read, with their bytes.
    pub(super) different: Vec<(String, u64)>,
    /// Files that aren't there.
    pub(super) missing: Vec<String>,
    /// Files that shouldn't be there.
    pub(super) unexpected: Vec<String>,
}

impl Comparison {
    /// Whether the disk holds exactly what it should.
    pub(super) fn is_perfect(&self) -> bool {
        self.different.is_empty() && self.missing.is_empty() && self.unexpected.is_empty()
    }
}

/// Reads every file. What can't be read counts as different: that is a result, no failure of the comparison.
pub(super) fn compare(files: &Files, inventory: &Inventory, stage: &mut Stage<'_>) -> Result<Comparison, Failure> {
    let mut comparison = Comparison::default();
    let total = inventory.bytes();
    let mut done = 0;
    for (path, expected) in inventory.iter() {
        match files.read(path) {
            Ok(content) if blake3::hash(&content) == expected.hash => comparison.identical += 1,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => comparison.missing.push(path.to_owned()),
            _ => comparison.different.push((path.to_owned(), expected.bytes)),
        }
        done += expected.bytes;
        stage.progress(Some(files), done, total, path)?;
    }
    // Folders may be damaged beyond listing; then some of their files are missing already.
    let present = files.paths().unwrap_or_default();
    comparison.unexpected = present.into_iter().filter(|path| !inventory.contains(path)).collect();
    Ok(comparison)
}
