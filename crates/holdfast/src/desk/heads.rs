//! Signed heads of the ledger, where they are kept: beside the ledger, and beside the volumes' segments.

use std::io::Read;
use std::path::Path;

use respond::ledger::{HEAD_BYTES_MAX, HEAD_NAME, SignedHead};
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

impl Kept {
    fn read(&mut self, path: &Path) {
        let Ok(file) = std::fs::File::open(path) else { return };
        let mut bytes = Vec::new();
        let read = file.take(HEAD_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
        match read.ok().and_then(|_| SignedHead::parse(&bytes)) {
            Some(head) => self.heads.push(head),
            None => self.problems.push(format!(
                "`{}` is no head of a ledger: it was changed or damaged, and proves nothing; the other heads do",
                path.display()
            )),
        }
    }
}
