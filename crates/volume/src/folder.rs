//! The files of a volume's directory beside its segments.

use crate::chain::CHAIN_FILE;
use crate::error::Error;
use crate::format::VolumeFile;
use crate::log::RESERVE_FILE;
use crate::segment::file_error;
use crate::storage::{Directory, Wait};

pub(crate) const VOLUME_FILE: &str = "volume";
pub(crate) const VOLUME_FILE_NEW: &str = "volume.new";
/// A volume file is a few hundred bytes at most.
const VOLUME_FILE_BYTES_MAX: u64 = 4096;

pub(crate) fn no_volume(name: &str, source: std::io::Error) -> Error {
    match source.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Error::NoSuchVolume(name.to_owned()),
        _ => file_error("open", name, source),
    }
}

pub(crate) fn read_volume_file(directory: &dyn Directory, name: &str) -> Result<VolumeFile, Error> {
    let file = directory.open(VOLUME_FILE).map_err(|source| no_volume(name, source))?;
    let error = |source| file_error("read", VOLUME_FILE, source);
    let length = file.length().map_err(error)?.min(VOLUME_FILE_BYTES_MAX);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    file.read_at(0, &mut bytes, Wait::Allowed).map_err(error)?;
    let reason = "it is damaged, or of a version that this program doesn't know";
    VolumeFile::parse(&bytes).ok_or_else(|| Error::BadFile {
        file: VOLUME_FILE.to_owned(),
        reason,
    })
}

/// Removes what a compaction or creation that was cut off left behind.
pub(crate) fn remove_leftovers(directory: &dyn Directory) -> Result<(), Error> {
    let names = directory.list().map_err(|source| file_error("list", ".", source))?;
    for name in names.iter().filter(|name| name.ends_with(".new")) {
        directory
            .remove(name)
            .map_err(|source| file_error("remove", name, source))?;
    }
    Ok(())
}

/// Whether a file is one of a volume's, other than the one that makes it a volume.
pub(crate) fn is_our_file(name: &str) -> bool {
    matches!(name, VOLUME_FILE_NEW | RESERVE_FILE | CHAIN_FILE) || name.contains(".segment") || name == "segment.new"
}

/// Removes all files of a directory.
pub(crate) fn clear(directory: &dyn Directory) -> Result<(), Error> {
    for name in directory.list().map_err(|source| file_error("list", ".", source))? {
        directory
            .remove(&name)
            .map_err(|source| file_error("remove", &name, source))?;
    }
    Ok(())
}
