//! From what was typed behind `holdfast files` to what it means.

use std::ffi::OsStr;
use std::path::PathBuf;

use files::{NodeKind, Time};
use jiff::ZonedDateTime;
use volume::Timestamp;

use super::arguments::{Cat, Cp, Diff, FilesCommand, Find, History, Kind, Ls, Place};
use crate::browse::list::Listing;
use crate::browse::target::{FORM, Target};
use crate::failure::Failure;
use crate::size::parse_size;
use crate::when::{When, parse_when};

/// What is to be done about files.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) enum FilesTask {
    /// List.
    Ls(LsTask),
    /// Print.
    Cat(CatTask),
    /// Copy.
    Cp(CpTask),
    /// Find.
    Find(FindTask),
    /// Tell versions.
    History(HistoryTask),
    /// Compare.
    Diff(DiffTask),
}

/// A place on a disk, and the area if it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct At {
    pub(super) target: Target,
    pub(super) area: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) struct LsTask {
    pub(super) at: At,
    pub(super) listing: Listing,
    pub(super) long: bool,
    pub(super) exact: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) struct CatTask {
    pub(super) at: At,
    pub(super) offset: u64,
    pub(super) length: Option<u64>,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) struct CpTask {
    pub(super) at: At,
    pub(super) to: CopyTo,
    pub(super) overwrite: bool,
    pub(super) privileged: bool,
}

/// Where a copy goes.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) enum CopyTo {
    /// A folder, or a name in one.
    Path(PathBuf),
    /// An archive.
    Archive(PathBuf),
    /// An archive, to the standard output.
    Stdout,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) struct FindTask {
    pub(super) at: At,
    pub(super) names: Vec<String>,
    pub(super) ignore_case: bool,
    pub(super) kinds: Vec<NodeKind>,
    pub(super) size_min: Option<u64>,
    pub(super) size_max: Option<u64>,
    pub(super) newer: Option<Time>,
    pub(super) older: Option<Time>,
    pub(super) owner: Option<u32>,
    pub(super) blocks: Vec<u64>,
    pub(super) long: bool,
    pub(super) exact: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) struct HistoryTask {
    pub(super) at: At,
    pub(super) since: Option<When>,
    pub(super) hash: bool,
    pub(super) looks: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) struct DiffTask {
    pub(super) old: At,
    pub(super) new: At,
    pub(super) brief: bool,
}

/// What a command means for someone for whom it is `now`.
pub(in crate::cli) fn resolve(command: FilesCommand, now: &ZonedDateTime) -> Result<FilesTask, Failure> {
    Ok(match command {
        FilesCommand::Ls(ls) => FilesTask::Ls(resolve_ls(ls, now)?),
        FilesCommand::Cat(cat) => FilesTask::Cat(resolve_cat(cat, now)?),
        FilesCommand::Cp(cp) => FilesTask::Cp(resolve_cp(cp, now)?),
        FilesCommand::Find(find) => FilesTask::Find(resolve_find(find, now)?),
        FilesCommand::History(history) => FilesTask::History(resolve_history(history, now)?),
        FilesCommand::Diff(diff) => FilesTask::Diff(resolve_diff(diff, now)?),
    })
}

fn at(place: Place, now: &ZonedDateTime) -> Result<At, Failure> {
    Ok(At {
        target: Target::parse(&place.place, now)?,
        area: place.area,
    })
}

fn size(text: &str) -> Result<u64, Failure> {
    parse_size(text).map_err(|error| Failure::usage(error.to_string()))
}

fn resolve_ls(ls: Ls, now: &ZonedDateTime) -> Result<LsTask, Failure> {
    Ok(LsTask {
        at: at(ls.at, now)?,
        listing: Listing {
            recursive: ls.recursive,
            with_metadata: ls.long,
        },
        long: ls.long,
        exact: ls.bytes,
    })
}

fn resolve_cat(cat: Cat, now: &ZonedDateTime) -> Result<CatTask, Failure> {
    Ok(CatTask {
        at: at(cat.at, now)?,
        offset: cat.offset.as_deref().map(size).transpose()?.unwrap_or_default(),
        length: cat.length.as_deref().map(size).transpose()?,
    })
}

fn resolve_cp(cp: Cp, now: &ZonedDateTime) -> Result<CpTask, Failure> {
    let is_archive = cp.tar || cp.to.extension().is_some_and(|extension| extension == "tar");
    let to = if cp.to.as_os_str() == "-" {
        CopyTo::Stdout
    } else if is_archive {
        CopyTo::Archive(cp.to)
    } else {
        CopyTo::Path(cp.to)
    };
    Ok(CpTask {
        at: at(cp.at, now)?,
        to,
        overwrite: cp.overwrite,
        privileged: cp.privileged,
    })
}

fn resolve_find(find: Find, now: &ZonedDateTime) -> Result<FindTask, Failure> {
    let mut task = FindTask {
        at: at(find.at, now)?,
        names: find.name,
        ignore_case: find.ignore_case,
        kinds: find.kind.iter().flat_map(|kind| kinds(*kind)).copied().collect(),
        size_min: None,
        size_max: None,
        newer: find.newer.as_deref().map(|text| time(text, now)).transpose()?,
        older: find.older.as_deref().map(|text| time(text, now)).transpose()?,
        owner: find.owner,
        blocks: find.block,
        long: find.long,
        exact: find.bytes,
    };
    for text in &find.size {
        match text.strip_prefix('-') {
            Some(most) => task.size_max = Some(size(most)?),
            None => task.size_min = Some(size(text.strip_prefix('+').unwrap_or(text))?),
        }
    }
    Ok(task)
}

const fn kinds(kind: Kind) -> &'static [NodeKind] {
    match kind {
        Kind::File => &[NodeKind::File],
        Kind::Folder => &[NodeKind::Folder],
        Kind::Symlink => &[NodeKind::Symlink],
        Kind::Other => &[
            NodeKind::Fifo,
            NodeKind::Socket,
            NodeKind::CharacterDevice,
            NodeKind::BlockDevice,
        ],
    }
}

/// A moment as a time of this machine's clock, with which times on a file system are compared.
fn time(text: &str, now: &ZonedDateTime) -> Result<Time, Failure> {
    let here = Timestamp::from_unix_nanos(u64::try_from(now.timestamp().as_nanosecond()).unwrap_or_default());
    match parse_when(text, now)?.resolve(here)? {
        volume::Moment::At(time) => Ok(Time(i128::from(time.as_unix_nanos()))),
        _ => Err(Failure::usage(format!("`{text}` is no time"))
            .hint("files have times, such as `-1h` or `2026-11-23 10:15`")),
    }
}

fn resolve_history(history: History, now: &ZonedDateTime) -> Result<HistoryTask, Failure> {
    Ok(HistoryTask {
        at: at(history.at, now)?,
        since: history.since.map(|text| parse_when(&text, now)).transpose()?,
        hash: history.hash,
        looks: history.looks as usize,
    })
}

fn resolve_diff(diff: Diff, now: &ZonedDateTime) -> Result<DiffTask, Failure> {
    let old = Target::parse(&diff.old, now)?;
    let new = match diff
        .new
        .as_deref()
        .map(|text: &OsStr| Target::parse(text, now))
        .transpose()?
    {
        Some(new) if new.path.is_empty() => Target {
            path: old.path.clone(),
            ..new
        },
        Some(new) => new,
        None if old.when.is_none() => {
            return Err(Failure::usage("a place is compared with itself").hint(FORM));
        }
        None => Target {
            when: None,
            ..old.clone()
        },
    };
    let area = diff.area;
    let at = |target| At {
        target,
        area: area.clone(),
    };
    Ok(DiffTask {
        old: at(old),
        new: at(new),
        brief: diff.brief,
    })
}
