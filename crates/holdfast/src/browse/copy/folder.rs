//! Copies into a folder of this machine.
//!
//! Invariant: nothing is made, opened, linked or removed but by a single name in a folder that is held open, and no link is followed on
//! the way: whatever the copied disk says, everything stays below the folder that the copy began in.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use files::{Flow, Metadata, NodeKind, Time};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Timestamps, Uid, XattrFlags, chownat, fchmod, fchown, fsetxattr, fstat,
    ftruncate, futimens, linkat, makedev, mkdirat, mknodat, openat, renameat, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;
use rustix::time::Timespec;

use super::{Item, NotPut, Put, Sink};
use crate::browse::content::{chunks, stored};
use crate::browse::failures::reason;
use crate::failure::{Failure, FailureCode};

/// Permissions of what is being copied: nobody else sees it before it is complete.
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);
const FOLDER_MODE: Mode = Mode::RWXU;
const OPEN_FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// `UTIME_OMIT`: leaves a time as it is.
const OMIT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: rustix::fs::UTIME_OMIT,
};

/// What is kept of what is copied.
#[derive(Clone, Debug)]
pub struct FolderOptions {
    /// Whether what exists already is replaced.
    pub overwrite: bool,
    /// Whether what gives rights is kept: set-user-id bits, capabilities, device nodes.
    pub privileged: bool,
    /// Set when the copy is to be broken off.
    pub interrupted: Arc<AtomicBool>,
}

/// A folder that is copied into.
pub struct Folder {
    /// The folders that are entered, the one that the copy began in first.
    open: Vec<OwnedFd>,
    /// Folders that were there before (device and inode): theirs is what they have, unless all is overwritten.
    existing: HashSet<(u64, u64)>,
    /// Permissions that the user takes from new files, for file systems that have none.
    umask: Mode,
    options: FolderOptions,
    is_root: bool,
    buffer: Vec<u8>,
}

impl Folder {
    /// Copies into a folder that exists.
    pub fn open(path: &Path, options: FolderOptions) -> Result<Self, Failure> {
        // Deep trees hold many folders open.
        raise_open_files();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|error| Failure::io(format!("open the folder `{}`", path.display()), &error.into()))?;
        Ok(Self {
            open: vec![folder],
            existing: HashSet::new(),
            umask: umask(),
            options,
            is_root: rustix::process::geteuid().is_root(),
            buffer: Vec::new(),
        })
    }

    fn here(&self) -> Result<&OwnedFd, NotPut> {
        self.open
            .last()
            .ok_or_else(|| NotPut::Problem("its folder was left".to_owned()))
    }

    /// Makes room for something that isn't a folder.
    fn make_room(&self, name: &[u8]) -> Result<(), NotPut> {
        let here = self.here()?;
        match statat(here, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(not_put("look for it", error)),
            Ok(_) if !self.options.overwrite => Err(exists()),
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {
                Err(NotPut::Problem("a folder of this name exists already".to_owned()))
            }
            Ok(_) => unlinkat(here, name, AtFlags::empty()).map_err(|error| not_put("replace it", error)),
        }
    }

    fn file(&mut self, name: &[u8], item: &Item<'_>) -> Result<Put, NotPut> {
        let replaces = self.options.overwrite && statat(self.here()?, name, AtFlags::SYMLINK_NOFOLLOW).is_ok();
        let replacement = format!(".holdfast-{}", std::process::id()).into_bytes();
        let written = if replaces { replacement.as_slice() } else { name };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match openat(self.here()?, written, flags, FILE_MODE) {
            Ok(file) => file,
            Err(Errno::EXIST) => return Err(exists()),
            Err(error) => return Err(not_put("make it", error)),
        };
        let copied = self.fill(&file, item).and_then(|bytes| {
            let missing = self.keep_metadata(&file, item)?;
            if replaces {
                let here = self.here()?;
                renameat(here, written, here, name).map_err(|error| not_put("replace what is there", error))?;
            }
            Ok(done(bytes, missing))
        });
        if copied.is_err() {
            // What is there is no copy of anything.
            let _ = unlinkat(self.here()?, written, AtFlags::empty());
        }
        copied
    }

    /// Writes the content; holes stay holes.
    fn fill(&mut self, file: &OwnedFd, item: &Item<'_>) -> Result<u64, NotPut> {
        let size = item.metadata.size_bytes;
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut written = 0;
        let mut trouble = None;
        let interrupted = &self.options.interrupted;
        let result = stored(item.fs, item.node, size, &mut |start, length| {
            let read = chunks(item.fs, item.node, start, length, &mut buffer, &mut |offset, bytes| {
                if interrupted.load(Ordering::Relaxed) {
                    trouble = Some(NotPut::Problem("broken off".to_owned()));
                } else if let Err(error) = write_all_at(file, bytes, offset) {
                    trouble = Some(not_put("write it", error));
                }
                written += bytes.len() as u64;
                if trouble.is_some() {
                    Flow::Break(())
                } else {
                    Flow::Continue(())
                }
            });
            if let Err(error) = read {
                trouble = Some(NotPut::Problem(reason(error)));
            }
            if trouble.is_some() {
                Flow::Break(())
            } else {
                Flow::Continue(())
            }
        });
        self.buffer = buffer;
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        result.map_err(|error| NotPut::Problem(reason(error)))?;
        ftruncate(file, size).map_err(|error| not_put("give it its size", error))?;
        Ok(written)
    }

    /// Owner, permissions, attributes and times, in the order in which one doesn't undo another. Tells what couldn't be kept.
    fn keep_metadata(&self, file: &OwnedFd, item: &Item<'_>) -> Result<Option<String>, NotPut> {
        let metadata = item.metadata;
        let mut missing = Vec::new();
        let owners = if self.is_root { owners(metadata) } else { (None, None) };
        if owners != (None, None)
            && let Err(error) = fchown(file, owners.0, owners.1)
        {
            missing.push(format!("its owner ({error})"));
        }
        missing.extend(self.keep_attributes(file, item));
        if let Err(error) = fchmod(file, self.mode(metadata)) {
            missing.push(format!("its permissions ({error})"));
        }
        if let Some(times) = times(metadata)
            && let Err(error) = futimens(file, &times)
        {
            missing.push(format!("its times ({error})"));
        }
        Ok((!missing.is_empty()).then(|| format!("without {}", missing.join(", "))))
    }

    fn keep_attributes(&self, file: &OwnedFd, item: &Item<'_>) -> Option<String> {
        let attributes = match item.fs.attributes(item.node) {
            Ok(attributes) => attributes,
            Err(error) => return Some(format!("its attributes ({})", reason(error))),
        };
        let mut failed = 0;
        for (name, value) in attributes {
            let gives_rights = !name.starts_with("user.") && !name.starts_with("system.posix_acl_");
            if gives_rights && !self.options.privileged {
                continue;
            }
            let set = fsetxattr(file, name.as_str(), &value, XattrFlags::empty());
            failed += usize::from(set.is_err());
        }
        (failed > 0).then(|| format!("{failed} of its attributes"))
    }

    /// Permissions, without what would give rights on this machine that its owner there had.
    fn mode(&self, metadata: &Metadata) -> Mode {
        let is_folder = metadata.kind == NodeKind::Folder;
        let keeps_all = self.options.privileged && self.is_root || is_folder;
        let kept = if keeps_all { 0o7777 } else { 0o1777 };
        match metadata.mode {
            Some(mode) => Mode::from_raw_mode(u32::from(mode & kept)),
            None if is_folder => (Mode::RWXU | Mode::RWXG | Mode::RWXO).difference(self.umask),
            None => Mode::from_raw_mode(0o666).difference(self.umask),
        }
    }

    fn symlink(&self, name: &[u8], item: &Item<'_>) -> Result<Put, NotPut> {
        let target = item.fs.link_target(item.node);
        let target = target.map_err(|error| NotPut::Problem(reason(error)))?;
        self.make_room(name)?;
        let here = self.here()?;
        symlinkat(target.as_slice(), here, name).map_err(|error| not_put("make the link", error))?;
        let missing = self.keep_owner_and_times(name, item.metadata)?;
        Ok(done(0, missing))
    }

    /// Of something that isn't opened.
    fn keep_owner_and_times(&self, name: &[u8], metadata: &Metadata) -> Result<Option<String>, NotPut> {
        let here = self.here()?;
        let mut missing = Vec::new();
        let (owner, group) = if self.is_root { owners(metadata) } else { (None, None) };
        if let Err(error) = chownat(here, name, owner, group, AtFlags::SYMLINK_NOFOLLOW) {
            missing.push(format!("its owner ({error})"));
        }
        if let Some(times) = times(metadata)
            && let Err(error) = utimensat(here, name, &times, AtFlags::SYMLINK_NOFOLLOW)
        {
            missing.push(format!("its times ({error})"));
        }
        Ok((!missing.is_empty()).then(|| format!("without {}", missing.join(", "))))
    }

    fn special(&self, name: &[u8], item: &Item<'_>) -> Result<Put, NotPut> {
        let (kind, device) = match (item.metadata.kind, item.metadata.device) {
            (NodeKind::Fifo, _) => (FileType::Fifo, 0),
            (NodeKind::Socket, _) => return Ok(Put::LeftOut("sockets are made by the programs that listen on them")),
            (kind, Some((major, minor))) if self.options.privileged => {
                let is_block = kind == NodeKind::BlockDevice;
                let file_type = if is_block {
                    FileType::BlockDevice
                } else {
                    FileType::CharacterDevice
                };
                (file_type, makedev(major, minor))
            }
            _ => {
                return Ok(Put::LeftOut(
                    "a device of this machine would be reached by it; `--privileged` copies it",
                ));
            }
        };
        self.make_room(name)?;
        let mode = self.mode(item.metadata);
        mknodat(self.here()?, name, kind, mode, device).map_err(|error| not_put("make it", error))?;
        let missing = self.keep_owner_and_times(name, item.metadata)?;
        Ok(done(0, missing))
    }
}

impl Sink for Folder {
    fn make_folder(&mut self, name: &[u8], _item: &Item<'_>) -> Result<(), NotPut> {
        let here = self.here()?;
        match mkdirat(here, name, FOLDER_MODE) {
            // What is in an existing folder stays; what is copied is added.
            Err(Errno::EXIST) => {
                let stat =
                    statat(here, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| not_put("look for it", error))?;
                if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                    return Err(NotPut::Problem("what has this name here isn't a folder".to_owned()));
                }
                self.existing.insert((stat.st_dev, stat.st_ino));
                Ok(())
            }
            made => made.map_err(|error| not_put("make it", error)),
        }
    }

    fn enter(&mut self, name: &[u8]) -> Result<(), NotPut> {
        let folder = openat(self.here()?, name, OPEN_FOLDER, Mode::empty());
        self.open.push(folder.map_err(|error| not_put("open it", error))?);
        Ok(())
    }

    fn leave(&mut self, item: &Item<'_>) -> Result<Option<String>, NotPut> {
        let folder = self
            .open
            .pop()
            .ok_or_else(|| NotPut::Problem("it was left before".to_owned()))?;
        if !self.existing.is_empty() && !self.options.overwrite {
            let stat = fstat(&folder).map_err(|error| not_put("look at it", error))?;
            if self.existing.contains(&(stat.st_dev, stat.st_ino)) {
                return Ok(None);
            }
        }
        self.keep_metadata(&folder, item)
    }

    fn put(&mut self, name: &[u8], item: &Item<'_>) -> Result<Put, NotPut> {
        match item.metadata.kind {
            NodeKind::File => self.file(name, item),
            NodeKind::Symlink => self.symlink(name, item),
            NodeKind::Folder => Err(NotPut::Problem("it is a folder".to_owned())),
            _ => self.special(name, item),
        }
    }

    fn link(&mut self, name: &[u8], first: &[Vec<u8>]) -> Result<(), NotPut> {
        self.make_room(name)?;
        let (first_name, folders) = first
            .split_last()
            .ok_or_else(|| NotPut::Problem("its first name is gone".to_owned()))?;
        let mut folder: Option<OwnedFd> = None;
        for part in folders {
            let from = folder.as_ref().or(self.open.first());
            let from = from.ok_or_else(|| NotPut::Problem("its folder was left".to_owned()))?;
            let opened = openat(from, part.as_slice(), OPEN_FOLDER, Mode::empty());
            folder = Some(opened.map_err(|error| not_put("find its first name", error))?);
        }
        let from = folder.as_ref().or(self.open.first());
        let from = from.ok_or_else(|| NotPut::Problem("its folder was left".to_owned()))?;
        linkat(from, first_name.as_slice(), self.here()?, name, AtFlags::empty())
            .map_err(|error| not_put("give it a second name", error))
    }

    fn finish(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

fn done(bytes: u64, missing: Option<String>) -> Put {
    match missing {
        None => Put::Copied { bytes },
        Some(missing) => Put::Incomplete { bytes, missing },
    }
}

fn exists() -> NotPut {
    NotPut::Problem("exists already; `--overwrite` replaces it".to_owned())
}

/// A system call that failed. Where no more can be written, nothing more is tried.
fn not_put(what: &str, error: Errno) -> NotPut {
    match error {
        Errno::NOSPC | Errno::DQUOT => NotPut::Fatal(
            Failure::new(FailureCode::NoSpace, error.to_string())
                .hint("copy to a disk with more room; what was copied is there"),
        ),
        Errno::ROFS => {
            NotPut::Fatal(Failure::refused(error.to_string()).hint("choose a folder that can be written to"))
        }
        error => NotPut::Problem(format!("can't {what}: {error}")),
    }
}

fn write_all_at(file: &OwnedFd, bytes: &[u8], offset: u64) -> Result<(), Errno> {
    let mut rest = bytes;
    let mut offset = offset;
    while !rest.is_empty() {
        match rustix::io::pwrite(file, rest, offset) {
            Ok(0) => return Err(Errno::IO),
            Ok(written) => {
                rest = rest.get(written..).unwrap_or_default();
                offset += written as u64;
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Numbers that mean "unchanged" to the system aren't anybody's.
fn owners(metadata: &Metadata) -> (Option<Uid>, Option<Gid>) {
    let number = |number: Option<u32>| number.filter(|number| *number != u32::MAX);
    (
        number(metadata.owner).map(Uid::from_raw),
        number(metadata.group).map(Gid::from_raw),
    )
}

fn times(metadata: &Metadata) -> Option<Timestamps> {
    let modified = metadata.modified?;
    Some(Timestamps {
        last_access: metadata.accessed.map_or(OMIT, timespec),
        last_modification: timespec(modified),
    })
}

/// Times that no clock tells are cut to the nearest one that it does.
fn timespec(time: Time) -> Timespec {
    const SECOND: i128 = 1_000_000_000;
    let seconds = time.0.div_euclid(SECOND);
    Timespec {
        tv_sec: i64::try_from(seconds).unwrap_or(if seconds < 0 { i64::MIN } else { i64::MAX }),
        tv_nsec: time.0.rem_euclid(SECOND) as i64,
    }
}

/// The permissions that new files lose. It can only be read by setting it; nothing is made meanwhile.
fn umask() -> Mode {
    let mask = rustix::process::umask(Mode::empty());
    rustix::process::umask(mask);
    mask
}

/// As many open files as this process may have. With fewer, deeper folders are told as problems.
fn raise_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_the_epoch_have_nanoseconds_of_their_second() {
        let spec = timespec(Time(-1));
        assert_eq!((spec.tv_sec, spec.tv_nsec), (-1, 999_999_999));
        assert_eq!(timespec(Time(i128::MIN)).tv_sec, i64::MIN);
    }

    #[test]
    fn nobody_is_given_a_file_by_a_number_that_means_unchanged() {
        let metadata = Metadata {
            owner: Some(u32::MAX),
            group: Some(7),
            ..Metadata::of(NodeKind::File)
        };
        assert_eq!(owners(&metadata), (None, Some(Gid::from_raw(7))));
    }
}
