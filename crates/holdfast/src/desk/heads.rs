//! Signed heads of the ledger, where they are kept: beside the ledger, and beside the volumes' segments.

use std::path::Path;

use respond::ledger::{HEAD_NAME, SignedHead, read_head};
use volume::LEDGER_HEAD_FILE;

use crate::engine::VOLUMES_NAME;

/// Volumes whose heads are read, at most.
const VOLUMES_MAX: usize = 100_000;

/// What was found.
#[derive(Debug, Default)]
pub struct Kept {
    /// The heads, each once.
    pub heads: Vec<SignedHead>,
    /// Files that should have one and don't.
    pub problems: Vec<String>,
}

/// Reads all heads in a data folder. A volume that has none yet isn't missed: heads are written to a few at a time.
#[must_use]
pub fn kept(data: &Path) -> Kept {
    let mut kept = Kept::default();
    kept.read(&super::folder(data).join(HEAD_NAME));
    let volumes = std::fs::read_dir(data.join(VOLUMES_NAME));
    for volume in volumes.into_iter().flatten().take(VOLUMES_MAX).flatten() {
        kept.read(&volume.path().join(LEDGER_HEAD_FILE));
    }
    kept.heads.sort_by_key(|head| head.head.sequence);
    kept.heads.dedup();
    kept
}

/// Reads the heads that the next one replaces: beside the ledger, and beside some volumes.
#[must_use]
pub fn replaced(data: &Path, volumes: &[String]) -> Vec<SignedHead> {
    let mut kept = Kept::default();
    kept.read(&super::folder(data).join(HEAD_NAME));
    for volume in volumes {
        kept.read(&data.join(VOLUMES_NAME).join(volume).join(LEDGER_HEAD_FILE));
    }
    kept.heads
}

impl Kept {
    fn read(&mut self, path: &Path) {
        match read_head(path) {
            Ok(head) => self.heads.extend(head),
            Err(error) => self.problems.push(format!("{error}. The other heads are compared")),
        }
    }
}
