//! Merging: one index in the place of all, and one part in the place of what was added to a source, while imports and questions go on.
//!
//! What is merged is written into a folder of its own. It counts from the moment that the manifest names it; until then it can be ended, killed
//! or thrown away, and nothing is lost but time. Whoever replaced something of what it is made of meanwhile has made it worthless: it is begun anew.

use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::Path;

use super::ImportProgress;
use super::import::{pending, work_folder};
use super::manifest::{self, Index, Manifest, Part};
use super::publish::{Merging, Publication};
use super::range_file::RangeFile;
use super::store::open_part;
use super::write::{Step, write_index, write_part};
use crate::files::{make_folder, remove_folder};
use crate::hash::HashKind;
use crate::{Error, MergeScope};

const WORK_NAME: &str = "merge";
/// Pieces, indexes and parts that are in none, of one kind, each of which costs a lookup another read; and parts of one source.
const PIECES_MAX: usize = 8;
/// Small pieces are merged with the largest once they are together this part of it.
const SMALL_PART: u64 = 4;
/// How often a merge is begun anew because something of what it is made of was replaced, before that is left to the next.
const OVERTAKEN_MAX: u32 = 20;

/// What a merge did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MergeReport {
    /// Indexes that were written in the place of others.
    pub indexes: u64,
    /// Parts that were written in the place of others.
    pub parts: u64,
    /// Whether it was ended by its steps, or left because imports go on replacing what it is made of.
    pub is_unfinished: bool,
}

/// Merges what is loaded in the store in `folder`. `step` is told how far a file is, many times a second; it ends the merge by breaking, and
/// may wait to leave the machine to others. Memory is bounded by 128 MiB for hashes that are spread evenly, as those of passwords are: all that
/// begin with the same 20 bits are held at once, of each part at most as many as a block holds (64 MiB).
///
/// # Errors
/// [`Error::Busy`] when another process merges; otherwise when files can't be read or written, or are damaged. What is loaded stays.
pub fn merge(folder: &Path, scope: MergeScope, step: &mut Step<'_>) -> Result<MergeReport, Error> {
    let mut report = MergeReport::default();
    let work = folder.join(WORK_NAME);
    // What a merge that was killed left may be large, and of a source that was removed since.
    if !needs(folder, scope)? && !work.exists() {
        return Ok(report);
    }
    let _merging = Merging::begin(folder)?;
    let mut overtaken = 0;
    let result = loop {
        remove_folder(&work)?;
        let Some(task) = Task::choose(folder, &Publication::begin(folder)?.manifest, scope) else {
            return Ok(report);
        };
        make_folder(&work)?;
        match (task.carry_out(folder, &work, step), &task) {
            (Ok(Outcome::Published), Task::Index { .. }) => report.indexes += 1,
            (Ok(Outcome::Published), Task::Part { .. }) => report.parts += 1,
            (Ok(Outcome::Overtaken), _) if overtaken < OVERTAKEN_MAX => overtaken += 1,
            (Ok(Outcome::Overtaken | Outcome::Ended), _) => break Ok(()),
            (Err(error), _) => break Err(error),
        }
    };
    report.is_unfinished = true;
    remove_folder(&work)?;
    result.map(|()| report)
}

/// Whether [`merge`] would find anything to do; reads the manifest only.
///
/// # Errors
/// When it can't be read.
pub fn needs_merge(folder: &Path) -> Result<bool, Error> {
    needs(folder, MergeScope::Everything)
}

fn needs(folder: &Path, scope: MergeScope) -> Result<bool, Error> {
    let manifest = Manifest::read(folder)?;
    Ok(Task::choose(folder, &manifest, scope).is_some())
}

/// One file that is to be written in the place of others.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Task {
    /// An index of parts that are in others, or in none.
    Index { kind: HashKind, parts: Vec<Part> },
    /// A part in the place of others of the same source.
    Part { kind: HashKind, parts: Vec<Part> },
}

enum Outcome {
    Published,
    /// What it is made of was replaced meanwhile.
    Overtaken,
    /// A step ended it.
    Ended,
}

impl Task {
    /// What is to be done next. Indexes come first: afterwards all parts of a source are in one, which a merged part can take the place of.
    fn choose(folder: &Path, manifest: &Manifest, scope: MergeScope) -> Option<Self> {
        let mut kinds = HashKind::ALL.into_iter();
        kinds.find_map(|kind| Self::index(manifest, kind, scope).or_else(|| Self::part(folder, manifest, kind, scope)))
    }

    fn index(manifest: &Manifest, kind: HashKind, scope: MergeScope) -> Option<Self> {
        let size = |files: &[u64]| -> u64 {
            let parts = manifest.parts.iter().filter(|part| files.contains(&part.file));
            parts.map(|part| part.hashes).sum()
        };
        let indexes = manifest.indexes.iter().filter(|index| index.kind == kind);
        let mut pieces: Vec<Vec<u64>> = indexes.map(|index| index.parts.clone()).collect();
        let is_one_index = pieces.len() == 1;
        pieces.extend(manifest.loose(kind).map(|part| vec![part.file]));
        if pieces.is_empty() || pieces.len() == 1 && is_one_index {
            return None;
        }
        let pieces = pieces.into_iter().map(|files| (size(&files), files)).collect();
        let files = chosen(scope, pieces)?.concat();
        let parts = manifest.parts.iter().filter(|part| files.contains(&part.file));
        Some(Self::Index {
            kind,
            parts: parts.cloned().collect(),
        })
    }

    fn part(folder: &Path, manifest: &Manifest, kind: HashKind, scope: MergeScope) -> Option<Self> {
        for index in manifest.indexes.iter().filter(|index| index.kind == kind) {
            let within = || manifest.parts.iter().filter(|part| index.parts.contains(&part.file));
            for first in within() {
                let of_source: Vec<&Part> = within().filter(|part| part.source == first.source).collect();
                if of_source.len() < 2 {
                    continue;
                }
                // An import that was interrupted after it was published knows its parts by their numbers.
                let pending = pending(&work_folder(folder, &first.source));
                if of_source.iter().any(|part| pending.contains(&part.file)) {
                    continue;
                }
                let pieces = of_source.into_iter().map(|part| (part.hashes, part.clone())).collect();
                if let Some(parts) = chosen(scope, pieces) {
                    return Some(Self::Part { kind, parts });
                }
            }
        }
        None
    }

    fn parts(&self) -> &[Part] {
        let (Self::Index { parts, .. } | Self::Part { parts, .. }) = self;
        parts
    }

    /// Whether all that it is made of is still there, and nothing else was made of it.
    fn is_current(&self, manifest: &Manifest) -> bool {
        let is_ours = |file: &u64| self.parts().iter().any(|part| part.file == *file);
        let is_there = self.parts().iter().all(|part| manifest.parts.contains(part));
        let is_apart = |index: &Index| index.parts.iter().all(is_ours) || !index.parts.iter().any(is_ours);
        let holds_all = |index: &Index| self.parts().iter().all(|part| index.parts.contains(&part.file));
        is_there
            && match self {
                Self::Index { .. } => manifest.indexes.iter().all(is_apart),
                Self::Part { .. } => manifest.indexes.iter().any(holds_all),
            }
    }

    fn carry_out(&self, folder: &Path, work: &Path, step: &mut Step<'_>) -> Result<Outcome, Error> {
        let file = work.join("merged");
        match self.write(folder, &file, step) {
            Ok(Outcome::Published) => self.publish(folder, &file),
            // Somebody took away a file before it was opened.
            Err(Error::Io { source, .. })
                if source.kind() == ErrorKind::NotFound && !self.is_current(&Manifest::read(folder)?) =>
            {
                Ok(Outcome::Overtaken)
            }
            other => other,
        }
    }

    fn write(&self, folder: &Path, path: &Path, step: &mut Step<'_>) -> Result<Outcome, Error> {
        let files = self.parts().iter().map(|part| open_part(folder, part));
        let files = files.collect::<Result<Vec<_>, _>>()?;
        let files: Vec<&RangeFile> = files.iter().collect();
        let mut stamp = Manifest::stamp(folder);
        let mut overtaken = Ok(false);
        let mut watching = |progress: ImportProgress| {
            let now = Manifest::stamp(folder);
            if now != stamp {
                stamp = now;
                overtaken = Manifest::read(folder).map(|manifest| !self.is_current(&manifest));
            }
            match overtaken {
                Ok(false) => step(progress),
                _ => ControlFlow::Break(()),
            }
        };
        let flow = match self {
            Self::Index { kind, .. } => write_index(*kind, &files, path, &mut watching)?,
            Self::Part { kind, .. } => write_part(*kind, &files, path, &mut watching)?,
        };
        Ok(match (flow, overtaken?) {
            (ControlFlow::Continue(()), _) => Outcome::Published,
            (ControlFlow::Break(()), true) => Outcome::Overtaken,
            (ControlFlow::Break(()), false) => Outcome::Ended,
        })
    }

    fn publish(&self, folder: &Path, path: &Path) -> Result<Outcome, Error> {
        let mut publication = Publication::begin(folder)?;
        if !self.is_current(&publication.manifest) {
            return Ok(Outcome::Overtaken);
        }
        let file = publication.reserve(1)?;
        let is_ours = |file: &u64| self.parts().iter().any(|part| part.file == *file);
        match self {
            Self::Index { kind, parts } => {
                publication.adopt(path, &manifest::counts_file_name(file))?;
                let indexes = &mut publication.manifest.indexes;
                indexes.retain(|index| !index.parts.iter().all(is_ours));
                indexes.push(Index {
                    file,
                    kind: *kind,
                    parts: parts.iter().map(|part| part.file).collect(),
                });
            }
            Self::Part { kind, parts } => {
                publication.adopt(path, &manifest::range_file_name(file))?;
                let name = manifest::range_file_name(file);
                let hashes = RangeFile::open(&folder.join(name))?.totals().hashes;
                let newest = parts.iter().map(|part| part.imported).max().unwrap_or(0);
                let source = parts.first().map(|part| part.source.clone()).unwrap_or_default();
                publication.manifest.parts.retain(|part| !is_ours(&part.file));
                publication.manifest.parts.push(Part {
                    file,
                    kind: *kind,
                    source,
                    imported: newest,
                    hashes,
                });
                // Counts add up the same, in one part or in several.
                let indexes = publication.manifest.indexes.iter_mut();
                for index in indexes.filter(|index| index.parts.iter().any(is_ours)) {
                    index.parts.retain(|part| !is_ours(part));
                    index.parts.push(file);
                }
            }
        }
        publication.publish()?;
        Ok(Outcome::Published)
    }
}

/// Which pieces are merged, given their sizes; `None` if they are left as they are.
fn chosen<T>(scope: MergeScope, mut pieces: Vec<(u64, T)>) -> Option<Vec<T>> {
    if scope == MergeScope::TooMany {
        if pieces.len() <= PIECES_MAX {
            return None;
        }
        pieces.sort_by_key(|(size, _)| *size);
        let largest = pieces.last().map_or(0, |(size, _)| *size);
        let all: u64 = pieces.iter().map(|(size, _)| *size).sum();
        if all - largest < largest / SMALL_PART {
            pieces.pop();
        }
    }
    Some(pieces.into_iter().map(|(_, piece)| piece).collect())
}

#[cfg(test)]
mod tests;
