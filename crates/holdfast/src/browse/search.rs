//! `holdfast files find`: names by what they are like, and files by a block of the disk.

use files::{Error, FileSystem, Flow, Found, Metadata, NodeId, NodeKind, Onward, Step, Time, walk};

use super::failures::{failure, reason};
use super::glob::Glob;
use super::list::Line;
use super::opened::Inside;
use super::row::Row;
use crate::failure::Failure;

/// Bytes of a block of the disk.
pub const BLOCK_BYTES: u64 = volume::BLOCK_BYTES as u64;

/// What is looked for: everything that is named here has to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// One of these patterns fits the name.
    pub names: Vec<Glob>,
    /// It is one of these.
    pub kinds: Vec<NodeKind>,
    /// At least this long.
    pub size_min: Option<u64>,
    /// At most this long.
    pub size_max: Option<u64>,
    /// Changed at this time or later.
    pub newer: Option<Time>,
    /// Changed before this time.
    pub older: Option<Time>,
    /// Owned by this number.
    pub owner: Option<u32>,
    /// It has a part in one of these blocks of the disk.
    pub blocks: Vec<u64>,
    /// Whether sizes and times are shown.
    pub with_metadata: bool,
}

impl Wanted {
    const fn needs_metadata(&self) -> bool {
        self.size_min.is_some()
            || self.size_max.is_some()
            || self.newer.is_some()
            || self.older.is_some()
            || self.owner.is_some()
    }

    fn fits_name(&self, found: &Found<'_>) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&found.kind))
            && (self.names.is_empty() || self.names.iter().any(|glob| glob.matches(found.name)))
    }

    fn fits_metadata(&self, metadata: &Metadata) -> bool {
        // A file is as new as the newest of its times: who changes its content may set the other back.
        let newest = metadata.modified.max(metadata.changed);
        self.size_min.is_none_or(|min| metadata.size_bytes >= min)
            && self.size_max.is_none_or(|max| metadata.size_bytes <= max)
            && self.newer.is_none_or(|newer| newest.is_some_and(|time| time >= newer))
            && self.older.is_none_or(|older| newest.is_some_and(|time| time < older))
            && self.owner.is_none_or(|owner| metadata.owner == Some(owner))
    }
}

/// Shows what is like that below a path, or at it. The visitor says whether to go on.
pub fn search(inside: &Inside, wanted: &Wanted, visit: &mut dyn FnMut(Line<'_>) -> bool) -> Result<(), Failure> {
    let places = places(inside, &wanted.blocks)?;
    let fs = inside.fs.as_ref();
    let start = inside.node()?;
    let failed = |error| failure(&inside.path, error);
    let kind = fs.metadata(start).map_err(failed)?.kind;
    let mut look = |found: &Found<'_>| {
        if !wanted.fits_name(found) {
            return true;
        }
        match fits(fs, found.node, wanted, &places) {
            Ok(false) => true,
            Ok(true) => visit(Line::Row(&Row::of(fs, found, wanted.with_metadata))),
            Err(error) => visit(Line::Unreadable {
                path: found.path,
                reason: reason(error),
            }),
        }
    };
    let itself = Found {
        path: &inside.path,
        name: inside.name(),
        node: start,
        kind,
    };
    if !look(&itself) || kind != NodeKind::Folder {
        return Ok(());
    }
    let mut unreadable = Vec::new();
    walk(fs, start, &inside.path, &mut |step| {
        let goes_on = match step {
            Step::Found(found) => look(&found),
            Step::Unreadable { path, error, .. } => {
                unreadable.push((path.to_vec(), reason(error)));
                unreadable.len() < UNREADABLE_MAX
            }
        };
        if goes_on { Onward::Into } else { Onward::Stop }
    })
    .map_err(failed)?;
    for (path, reason) in unreadable {
        visit(Line::Unreadable { path: &path, reason });
    }
    Ok(())
}

/// Folders that can't be read, of one search: with more of them the file system is damaged as a whole.
const UNREADABLE_MAX: usize = 1 << 16;

fn fits(fs: &dyn FileSystem, node: NodeId, wanted: &Wanted, places: &[(u64, u64)]) -> Result<bool, Error> {
    if wanted.needs_metadata() && !wanted.fits_metadata(&fs.metadata(node)?) {
        return Ok(false);
    }
    if wanted.blocks.is_empty() {
        return Ok(true);
    }
    let mut has = false;
    let result = fs.extents(node, &mut |extent| {
        let end = extent.physical.saturating_add(extent.length);
        has = places
            .iter()
            .any(|(start, until)| extent.physical < *until && *start < end);
        if has { Flow::Break(()) } else { Flow::Continue(()) }
    });
    match result {
        // Device nodes and the like have no content.
        Err(Error::NotA(..)) => Ok(false),
        Err(error) if !has => Err(error),
        _ => Ok(has),
    }
}

/// Where blocks of the disk are on the file system, as ranges of bytes.
fn places(inside: &Inside, blocks: &[u64]) -> Result<Vec<(u64, u64)>, Failure> {
    let mut places = Vec::new();
    for block in blocks {
        let start = block
            .checked_mul(BLOCK_BYTES)
            .filter(|start| *start < inside.moment.disk.size_bytes());
        let start = start.ok_or_else(|| {
            Failure::usage(format!("the disk has no block `{block}`"))
                .hint("blocks of 4096 bytes are counted from 0 at the start of the disk")
        })?;
        let end = start.saturating_add(BLOCK_BYTES);
        // A file system needn't begin at a multiple of 4096 bytes: a block may be in two pieces of it.
        for piece in &inside.area.pieces {
            let (from, until) = (
                start.max(piece.physical),
                end.min(piece.physical.saturating_add(piece.length)),
            );
            if from < until {
                let shift = |offset: u64| (offset - piece.physical).saturating_add(piece.logical);
                places.push((shift(from), shift(until)));
            }
        }
    }
    Ok(places)
}
