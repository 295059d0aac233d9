//! Changes what is loaded: one process at a time, and all at once.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::counts_file::{CountsWriter, Row};
use super::manifest::{self, Index, Manifest, Part};
use super::merge::Merge;
use super::range_file::{RangeFile, Totals};
use super::store::open_part;
use super::{ImportProgress, ImportStage, RangePrefix};
use crate::Error;
use crate::hash::HashKind;

const LOCK_NAME: &str = "lock";
/// Indexes of one kind beside each other, each of which costs a lookup one more page.
const INDEXES_MAX: usize = 4;
/// Small indexes are merged into the largest once they are together this part of it.
const SMALL_PART: u64 = 4;
/// Most sources of one kind, each of which costs an answer of the range API one more block.
const SOURCES_MAX: usize = 64;

/// The right to change the files of a folder, held by one process.
#[derive(Debug)]
pub(super) struct Exclusive {
    _lock: File,
    folder: PathBuf,
}

impl Exclusive {
    /// Makes the folder if it is missing, for its owner only, and takes the right.
    pub(super) fn take(folder: &Path) -> Result<Self, Error> {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(Error::io("make", folder))?;
        let path = folder.join(LOCK_NAME);
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(Error::io("make", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                _lock: lock,
                folder: folder.to_owned(),
            }),
            Err(TryLockError::WouldBlock) => Err(Error::Busy {
                path: folder.to_owned(),
            }),
            Err(TryLockError::Error(error)) => Err(Error::io("lock", &path)(error)),
        }
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Removes files that no manifest names: what interrupted changes left behind, and what was replaced.
    pub(super) fn clean(&self, manifest: &Manifest) -> Result<(), Error> {
        let entries = fs::read_dir(&self.folder).map_err(Error::io("read", &self.folder))?;
        for entry in entries {
            let entry = entry.map_err(Error::io("read", &self.folder))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let is_ours = [".range", ".counts", ".new"]
                .iter()
                .any(|ending| name.ends_with(ending));
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if is_ours && is_file && !manifest.names(name) {
                fs::remove_file(entry.path()).map_err(Error::io("remove", &entry.path()))?;
            }
        }
        Ok(())
    }

    /// Puts parts in place of those whose files' numbers are `removed`, builds the indexes that this needs, and makes all of it
    /// valid at once. The parts' files are there already.
    pub(super) fn publish(
        &self,
        mut manifest: Manifest,
        added: Vec<Part>,
        removed: &[u64],
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<(), Error> {
        manifest.parts.retain(|part| !removed.contains(&part.file));
        manifest.parts.extend(added);
        let mut indexes = Vec::new();
        for kind in HashKind::ALL {
            let parts: Vec<Part> = manifest
                .parts
                .iter()
                .filter(|part| part.kind == kind)
                .cloned()
                .collect();
            if parts.len() > SOURCES_MAX {
                return Err(Error::TooManySources { most: SOURCES_MAX });
            }
            let sizes: Vec<(u64, u64)> = parts.iter().map(|part| (part.file, part.hashes)).collect();
            let existing: Vec<&Index> = manifest.indexes.iter().filter(|index| index.kind == kind).collect();
            let sets = choose(&sizes, existing.iter().map(|index| index.parts.as_slice()));
            for set in sets {
                let same = existing.iter().find(|index| index.parts == set);
                let index = match same {
                    Some(index) => (*index).clone(),
                    None => {
                        let of_set: Vec<&Part> = parts.iter().filter(|part| set.contains(&part.file)).collect();
                        self.build_index(kind, &of_set, &mut manifest.next_file, progress)?
                    }
                };
                indexes.push(index);
            }
        }
        manifest.indexes = indexes;
        manifest.write(&self.folder)?;
        self.clean(&manifest)
    }

    fn build_index(
        &self,
        kind: HashKind,
        parts: &[&Part],
        next_file: &mut u64,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<Index, Error> {
        let file = *next_file;
        *next_file += 1;
        let files = parts.iter().map(|part| open_part(&self.folder, part));
        let files = files.collect::<Result<Vec<_>, _>>()?;
        let files: Vec<&RangeFile> = files.iter().collect();
        let path = self.folder.join(manifest::counts_file_name(file));
        let new = manifest::with_suffix(&path, ".new");
        let totals = totals(&files, progress)?;
        let mut writer = CountsWriter::create(kind, &new, &totals)?;
        let mut merge = Merge::new(&files)?;
        let mut prefix = 0;
        while let Some(records) = merge.next_prefix()? {
            for record in records {
                writer.push(Row {
                    key: record.high,
                    count: record.count,
                })?;
            }
            prefix += 1;
            told(progress, ImportStage::Indexing, prefix);
        }
        writer.finish()?;
        manifest::rename(&new, &path)?;
        Ok(Index {
            file,
            kind,
            parts: parts.iter().map(|part| part.file).collect(),
        })
    }
}

/// Tells progress now and then.
pub(super) fn told(progress: &mut dyn FnMut(ImportProgress), stage: ImportStage, prefix: u64) {
    if prefix.is_multiple_of(1 << 14) {
        progress(ImportProgress {
            stage,
            done: prefix,
            total: u64::from(RangePrefix::COUNT),
        });
    }
}

/// What files hold together, equal hashes counted once: as large as what is built from it.
fn totals(files: &[&RangeFile], progress: &mut dyn FnMut(ImportProgress)) -> Result<Totals, Error> {
    if let [file] = files {
        return Ok(*file.totals());
    }
    let mut totals = Totals::default();
    let mut merge = Merge::new(files)?;
    let mut prefix = 0;
    while let Some(records) = merge.next_prefix()? {
        for record in records {
            totals.add(record.count);
        }
        prefix += 1;
        told(progress, ImportStage::Counting, prefix);
    }
    Ok(totals)
}

/// Which parts are indexed together: each part once. `parts` are files' numbers and sizes; existing indexes stay as they are if all of
/// their parts are still there, until there are too many of them or the small ones are no longer small.
fn choose<'a>(parts: &[(u64, u64)], existing: impl Iterator<Item = &'a [u64]>) -> Vec<Vec<u64>> {
    let size = |set: &[u64]| -> u64 {
        let of_set = parts.iter().filter(|(file, _)| set.contains(file));
        of_set.map(|(_, hashes)| *hashes).sum()
    };
    let is_whole = |set: &&[u64]| set.iter().all(|file| parts.iter().any(|(other, _)| other == file));
    let mut sets: Vec<Vec<u64>> = existing.filter(is_whole).map(<[u64]>::to_vec).collect();
    let loose: Vec<u64> = parts
        .iter()
        .map(|(file, _)| *file)
        .filter(|file| !sets.iter().any(|set| set.contains(file)))
        .collect();
    if !loose.is_empty() {
        sets.push(loose);
    }
    sets.sort_by_key(|set| std::cmp::Reverse(size(set)));
    let Some((largest, small)) = sets.split_first() else {
        return sets;
    };
    let together = in_order(small.concat());
    if together.is_empty() {
        return sets;
    }
    if size(&together) >= size(largest) / SMALL_PART {
        return vec![in_order(sets.concat())];
    }
    if sets.len() > INDEXES_MAX {
        return vec![largest.clone(), together];
    }
    sets
}

fn in_order(mut files: Vec<u64>) -> Vec<u64> {
    files.sort_unstable();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(parts: &[(u64, u64)], existing: &[&[u64]]) -> Vec<Vec<u64>> {
        choose(parts, existing.iter().copied())
    }

    #[test]
    fn a_small_import_gets_an_index_of_its_own_and_a_large_one_is_merged() {
        assert_eq!(chosen(&[(1, 1000)], &[]), [vec![1]]);
        assert_eq!(chosen(&[(1, 1000), (2, 10)], &[&[1]]), [vec![1], vec![2]]);
        assert_eq!(chosen(&[(1, 1000), (2, 250)], &[&[1]]), [vec![1, 2]]);
        assert_eq!(chosen(&[], &[&[1]]), Vec::<Vec<u64>>::new());
    }

    #[test]
    fn what_is_left_of_an_index_whose_part_was_replaced_is_indexed_anew() {
        assert_eq!(chosen(&[(2, 10), (3, 1000)], &[&[1, 2]]), [vec![2, 3]]);
        assert_eq!(
            chosen(&[(2, 10), (3, 1000), (4, 20)], &[&[1, 2], &[4]]),
            [vec![2, 3], vec![4]]
        );
    }

    #[test]
    fn many_small_indexes_are_merged_with_each_other_but_not_with_a_large_one() {
        let parts: Vec<(u64, u64)> = (1..=6).map(|file| (file, if file == 1 { 10_000 } else { 1 })).collect();
        let existing: [&[u64]; 4] = [&[1], &[2], &[3], &[4]];
        assert_eq!(chosen(&parts[..4], &existing), [vec![1], vec![2], vec![3], vec![4]]);
        assert_eq!(chosen(&parts[..5], &existing), [vec![1], vec![2, 3, 4, 5]]);
    }

    #[test]
    fn a_folder_is_changed_by_one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let held = Exclusive::take(folder.path()).unwrap();
        assert!(matches!(Exclusive::take(folder.path()), Err(Error::Busy { .. })));
        drop(held);
        Exclusive::take(folder.path()).unwrap();
    }
}
