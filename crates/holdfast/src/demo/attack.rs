//! The attack: what ransomware does to a disk, without what makes it dangerous.
//!
//! It reads each file of the scratch disk and writes noise over the same blocks. There is no cipher, no key and nothing to
//! ask for; and it has only the scratch disk's file system in hand, never a path of the host.

use std::io;

use super::files::Files;
use super::random::Noise;
use super::stage::Stage;
use crate::failure::Failure;

/// How far it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attacked {
    /// Files that were begun.
    pub(super) files: usize,
    /// Whether the disk refused its writes.
    pub(super) was_refused: bool,
}

/// Overwrites the files at `paths`, one after the other, until the disk refuses it or all are done. `total` is how many
/// bytes they have.
pub(super) fn attack(files: &Files, paths: &[String], total: u64, stage: &mut Stage<'_>) -> Result<Attacked, Failure> {
    let mut noise = Noise::new();
    let mut attacked = Attacked::default();
    let mut done = 0;
    for path in paths {
        attacked.files += 1;
        match files.change_in_place(path, |piece| noise.fill(piece)) {
            Ok(bytes) => done += bytes,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                attacked.was_refused = true;
                return Ok(attacked);
            }
            Err(error) => return Err(Failure::io(format!("overwrite `{path}` on the scratch disk"), &error)),
        }
        stage.progress(Some(files), done, total, path)?;
    }
    attacked.was_refused = match files.sync() {
        Ok(()) => false,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => true,
        Err(error) => return Err(Failure::io("write to the scratch disk", &error)),
    };
    Ok(attacked)
}
