//! The files of a volume's directory beside its segments.

use std::io::{self, IoSlice};

use crate::chain::CHAIN_FILE;
use crate::error::Error;
use crate::format::{SEGMENT_HEADER_BYTES, SegmentHeader, VOLUME_FILE_COPY_BYTES, VolumeFile, VolumeVersion};
use crate::log::RESERVE_FILE;
use crate::segment::{file_error, parse_file_name};
use crate::sidecar::{LEDGER_HEAD_FILE, LEDGER_HEAD_FILE_NEW, SIDE_PIECE_PREFIX, SIDECAR_FILE, SIDECAR_FILE_NEW};
use crate::storage::{Directory, File, Wait};

pub(crate) const VOLUME_FILE: &str = "volume";
pub(crate) const VOLUME_FILE_NEW: &str = "volume.new";
pub(crate) fn no_volume(name: &str, source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::NoSuchVolume(name.to_owned()),
        _ => file_error("open", name, source),
    }
}

/// Writes a new volume's file, which makes the directory a volume, durably.
pub(crate) fn write_volume_file(directory: &dyn Directory, volume: &VolumeFile) -> Result<(), Error> {
    let error = |source| file_error("create", VOLUME_FILE, source);
    let file = directory.create(VOLUME_FILE_NEW).map_err(error)?;
    file.write_at(0, &mut [IoSlice::new(&volume.encode())]).map_err(error)?;
    file.sync().map_err(error)?;
    directory.rename(VOLUME_FILE_NEW, VOLUME_FILE).map_err(error)?;
    directory.sync().map_err(error)
}

/// What a volume's file says, by whichever copy is whole.
pub(crate) fn read_volume_file(directory: &dyn Directory, name: &str) -> Result<VolumeFile, Error> {
    let file = directory.open(VOLUME_FILE).map_err(|source| no_volume(name, source))?;
    let copies = [read_copy(&*file, 0), read_copy(&*file, 1)];
    let whole: Vec<&VolumeFile> = copies.iter().flatten().flatten().collect();
    if !whole.is_empty() {
        return owner(directory, &whole, name);
    }
    match copies.into_iter().find_map(Result::err) {
        // What can't be read now may be readable later: it isn't known to be damaged.
        Some(source) => Err(file_error("read", &in_volume(name, VOLUME_FILE), source)),
        None => Err(bad_volume_file(
            name,
            "both copies in it are damaged, or of a version that this program doesn't know",
        )),
    }
}

/// Writes the copies of a volume's file that aren't whole anew, each in its place: the other one is never touched, so
/// that a power failure costs nothing.
pub(crate) fn mend_volume_file(directory: &dyn Directory, volume: &VolumeFile) -> io::Result<()> {
    let file = directory.open(VOLUME_FILE)?;
    for index in 0..2 {
        if !read_copy(&*file, index).is_ok_and(|copy| copy.as_ref() == Some(volume)) {
            file.write_at(copy_offset(index), &mut [IoSlice::new(&volume.encode_copy())])?;
            file.sync()?;
        }
    }
    Ok(())
}

/// Makes sure, durably, that programs which don't know `version` refuse the volume from now on.
pub(crate) fn require_version(directory: &dyn Directory, name: &str, version: VolumeVersion) -> Result<(), Error> {
    let mut file = read_volume_file(directory, name)?;
    file.version = file.version.max(version);
    // Both copies, whatever one of them says already: the other may have failed to be written.
    mend_volume_file(directory, &file).map_err(|source| file_error("write", VOLUME_FILE, source))
}

/// One copy of a volume's file, if it is whole. Read on its own: an unreadable sector must not hide the other copy.
fn read_copy(file: &dyn File, index: u64) -> io::Result<Option<VolumeFile>> {
    let mut bytes = [0; VOLUME_FILE_COPY_BYTES];
    match file.read_at(copy_offset(index), &mut bytes, Wait::Allowed) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        read => read.map(|()| VolumeFile::parse_copy(&bytes)),
    }
}

const fn copy_offset(index: u64) -> u64 {
    index * VOLUME_FILE_COPY_BYTES as u64
}

/// Which of the whole copies belongs to the segments beside it. One that landed here instead of where it belongs must
/// not be believed, since recovery removes segments that aren't the volume's.
fn owner(directory: &dyn Directory, copies: &[&VolumeFile], name: &str) -> Result<VolumeFile, Error> {
    let mut has_others = false;
    for segment in directory.list().map_err(|source| file_error("list", name, source))? {
        if parse_file_name(&segment).is_none() {
            continue;
        }
        let headers = directory.open(&segment).map(|file| read_segment_headers(&*file));
        for header in headers.into_iter().flatten() {
            if let Some(owner) = copies.iter().find(|copy| copy.id == header.volume) {
                return Ok((*owner).clone());
            }
            has_others = true;
        }
    }
    match copies {
        // No segment tells anything; recovery says what that means.
        [copy] if !has_others => Ok((*copy).clone()),
        [first, second] if !has_others && first == second => Ok((*first).clone()),
        _ => Err(bad_volume_file(name, "it is not the one of the segments beside it")),
    }
}

/// The copies of a segment's header that are whole.
fn read_segment_headers(file: &dyn File) -> Vec<SegmentHeader> {
    let half = SEGMENT_HEADER_BYTES / 2;
    let read = |offset| {
        let mut bytes = vec![0; half as usize];
        file.read_at(offset, &mut bytes, Wait::Allowed).ok()?;
        SegmentHeader::parse(&bytes)
    };
    [0, half].into_iter().filter_map(read).collect()
}

/// A file as errors name it: a segment's number alone could be that of any volume.
fn in_volume(name: &str, file: &str) -> String {
    format!("{name}/{file}")
}

/// An error that came up in a volume's directory, with its files named by the volume, too.
pub(crate) fn name_volume(name: &str, error: Error) -> Error {
    match error {
        Error::BadFile { file, reason } if !file.contains('/') => Error::BadFile {
            file: in_volume(name, &file),
            reason,
        },
        Error::Io {
            operation,
            file,
            source,
        } if !file.contains('/') => Error::Io {
            operation,
            file: in_volume(name, &file),
            source,
        },
        other => other,
    }
}

pub(crate) fn bad_volume_file(name: &str, reason: &'static str) -> Error {
    Error::BadFile {
        file: in_volume(name, VOLUME_FILE),
        reason,
    }
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
    matches!(
        name,
        VOLUME_FILE_NEW
            | RESERVE_FILE
            | CHAIN_FILE
            | SIDECAR_FILE
            | SIDECAR_FILE_NEW
            | LEDGER_HEAD_FILE
            | LEDGER_HEAD_FILE_NEW
    ) || name.contains(".segment")
        || name.starts_with(SIDE_PIECE_PREFIX)
        || name == "segment.new"
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
