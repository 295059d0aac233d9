//! Volumes that an import is filling, or didn't finish filling. Such a disk is never a disk that somebody had: it isn't
//! served, and nothing is made of it.
//!
//! A pin marks the volume from before its first write until everything in it is durable, so that the mark survives a
//! crash. It is bookkeeping: neither the list of pins nor the history shows it, and no command can remove it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use volume::{EventKind, Volume};

use super::Engine;
use crate::control::ImportReport;
use crate::failure::Failure;

/// The pin of a volume whose import isn't complete.
pub(super) const UNFINISHED: &str = "import-unfinished";

/// The volumes that are being filled by this process.
#[derive(Debug, Default)]
pub(super) struct Imports {
    running: Mutex<BTreeSet<String>>,
}

/// An import that runs as long as this lives.
pub(super) struct RunningImport<'a> {
    imports: &'a Imports,
    name: &'a str,
}

impl Imports {
    /// Begins the import into a volume of that name, which doesn't exist yet. `None` if one runs already.
    pub(super) fn begin<'a>(&'a self, name: &'a str) -> Option<RunningImport<'a>> {
        self.locked()
            .insert(name.to_owned())
            .then_some(RunningImport { imports: self, name })
    }

    fn is_running(&self, name: &str) -> bool {
        self.locked().contains(name)
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RunningImport<'_> {
    fn drop(&mut self) {
        self.imports.locked().remove(self.name);
    }
}

impl Engine {
    /// Whether a volume is being filled by an import, or one didn't finish. `None` for every other volume.
    #[must_use]
    pub fn import_of(&self, volume: &Volume) -> Option<ImportReport> {
        if self.imports.is_running(volume.name()) {
            return Some(ImportReport::Running);
        }
        let is_marked = volume.pins().iter().any(|pin| pin.name == UNFINISHED);
        is_marked.then_some(ImportReport::Unfinished)
    }

    /// A volume that is what its name says: not one that an import hasn't filled, and not the fork of a drill.
    pub fn whole_volume(&self, name: &str) -> Result<Arc<Volume>, Failure> {
        if self.drills.is_fork(name) {
            return Err(Failure::refused(format!(
                "`{name}` is the fork of a drill, which is deleted when the drill is over"
            )));
        }
        if self.is_drill_fork(name) {
            return Err(
                Failure::refused(format!("`{name}` is the fork of a drill that was cut off")).hint(format!(
                    "the next drill deletes it; `holdfast volume delete {name}` does now"
                )),
            );
        }
        let volume = self.volume(name)?;
        match self.import_of(&volume) {
            None => Ok(volume),
            Some(import) => Err(unusable(name, import)),
        }
    }
}

/// Why a volume can't be used that an import hasn't filled.
pub(super) fn unusable(name: &str, import: ImportReport) -> Failure {
    match import {
        ImportReport::Running => Failure::refused(format!("volume `{name}` is being imported"))
            .hint("wait until the import is done; `holdfast volume list` shows when"),
        ImportReport::Unfinished => Failure::refused(format!(
            "the import that filled volume `{name}` was cut off, so the disk isn't whole"
        ))
        .hint(format!("`holdfast volume delete {name}`, then import it again")),
    }
}

/// Whether an event is the mark's, which is nobody's business.
pub(super) fn is_bookkeeping(event: &EventKind) -> bool {
    match event {
        EventKind::Pinned { name } | EventKind::Unpinned { name } => name == UNFINISHED,
        _ => false,
    }
}
