//! An import from its beginning to its end.

use std::fs;
use std::path::{Path, PathBuf};

use super::files::Files;
use super::format::Format;
use super::journal::Journal;
use super::read::{Reading, unite};
use super::{Existing, ImportOptions, ImportProgress, ImportReport, Input};
use crate::files::{remove_folder, sync_folder};
use crate::hash::HashKind;
use crate::passwords::manifest::{self, Index, Manifest, Part};
use crate::passwords::merging::merge;
use crate::passwords::publish::{Importing, Publication};
use crate::passwords::range_file::RangeFile;
use crate::passwords::write::{telling, write_index};
use crate::passwords::{CorpusStatistics, Passwords};
use crate::{Error, MergeScope};

/// The source of corpora that don't name themselves.
const DEFAULT_SOURCE: &str = "pwned-passwords";
/// Longest name of a source.
const SOURCE_CHARACTERS_MAX: usize = 64;

/// Imports hashes of leaked passwords into the store in `folder`. What is loaded changes at the end, all at once. An import that was
/// interrupted goes on where it was when it is started again.
///
/// # Errors
/// When the input can't be read or used, when another import is running, or when the store can't be written.
pub fn import(
    folder: &Path,
    input: Input,
    options: &ImportOptions,
    progress: &mut dyn FnMut(ImportProgress),
) -> Result<ImportReport, Error> {
    if let Some(source) = &options.source {
        check_name(source)?;
    }
    let files = Files::find(input, options)?;
    let source = options.source.clone().unwrap_or_else(|| default_source(&files));
    let importing = Importing::begin(folder)?;
    let manifest = Publication::begin(folder)?.manifest;
    let work = work_folder(folder, &source);
    let (format, kinds, identity) = (files.format, files.kinds.clone(), files.identity());
    let was_added = Journal::taken_over(&work, &identity, &manifest, &source);
    let (tally, resumed, replaced) = match was_added.filter(|_| options.existing == Existing::Add) {
        Some(journal) => (journal.tally, true, 0),
        None => {
            let (journal, resumed) = Journal::resume(&work, identity)?;
            let imported = read(files, &work, journal, options, progress).and_then(|journal| {
                let mut arrival = Arrival {
                    importing: &importing,
                    journal,
                    work: &work,
                    source: &source,
                    kinds: &kinds,
                    options,
                };
                let replaced = arrival.take_over(&manifest, progress)?;
                Ok((arrival.journal.tally, resumed, replaced))
            });
            imported.inspect_err(|_| Journal::tidy(&work))?
        }
    };
    Journal::remove(&work)?;
    bound_reads(folder, progress)?;
    let is_own = |one: &CorpusStatistics| one.source == source && kinds.contains(&one.kind);
    let statistics = Passwords::open(folder)?.statistics()?;
    Ok(ImportReport {
        format,
        tally,
        resumed,
        sources: statistics.into_iter().filter(is_own).collect(),
        replaced,
    })
}

/// Where the runs of a source's import are.
pub(in crate::passwords) fn work_folder(folder: &Path, source: &str) -> PathBuf {
    folder.join(format!("import-{source}"))
}

/// The numbers of the parts that the import in a folder became, if it has not said yet that it ended.
pub(in crate::passwords) fn pending(work: &Path) -> Vec<u64> {
    Journal::pending(work)
}

/// Merges where a question would have to read too much, unless somebody merges already.
fn bound_reads(folder: &Path, progress: &mut dyn FnMut(ImportProgress)) -> Result<(), Error> {
    match merge(folder, MergeScope::TooMany, &mut telling(progress)) {
        Ok(_) | Err(Error::Busy { .. }) => Ok(()),
        // Questions read more than they could until there is room again.
        Err(error) if error.is_disk_full() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Reads what wasn't read yet.
fn read(
    files: Files,
    work: &Path,
    journal: Journal,
    options: &ImportOptions,
    progress: &mut dyn FnMut(ImportProgress),
) -> Result<Journal, Error> {
    let journal = Reading::new(files, work, journal, options.memory_bytes, progress).run();
    journal.inspect_err(|error| {
        // What was read so far is of no use if the input is. If the disk was full, the next attempt goes on with it.
        if matches!(
            error,
            Error::Unusable { .. } | Error::Truncated { .. } | Error::TooManyAlike { .. }
        ) {
            let _ = fs::remove_dir_all(work);
        }
    })
}

/// Removes a source, of both kinds, and what an interrupted import of it left. Returns how many hashes it had.
///
/// # Errors
/// When there is no such source, another import is running, or the store can't be written.
pub fn remove(folder: &Path, source: &str, progress: &mut dyn FnMut(ImportProgress)) -> Result<u64, Error> {
    check_name(source)?;
    let no_such = || Error::NoSuchSource {
        name: source.to_owned(),
    };
    if !folder.exists() {
        return Err(no_such());
    }
    let importing = Importing::begin(folder)?;
    let work = work_folder(folder, source);
    let is_interrupted = work.exists();
    remove_folder(&work)?;
    let mut publication = Publication::begin(importing.folder())?;
    let (removed, kept) = std::mem::take(&mut publication.manifest.parts)
        .into_iter()
        .partition::<Vec<Part>, _>(|part| part.source == source);
    if removed.is_empty() && !is_interrupted {
        return Err(no_such());
    }
    publication.manifest.parts = kept;
    publication.manifest.drop_broken_indexes();
    publication.publish()?;
    bound_reads(folder, progress)?;
    Ok(removed.iter().map(|part| part.hashes).sum())
}

/// What an import read, about to be made part of the store.
struct Arrival<'a> {
    importing: &'a Importing,
    journal: Journal,
    /// The folder of the runs.
    work: &'a Path,
    source: &'a str,
    kinds: &'a [HashKind],
    options: &'a ImportOptions,
}

/// A part and its index, finished but without their names in the store.
struct Finished {
    kind: HashKind,
    part: PathBuf,
    index: PathBuf,
    hashes: u64,
}

impl Arrival<'_> {
    /// Makes one part of all runs of each kind, in place of what the source had, or beside it. Nothing larger than what was read is written: it
    /// is merged with the rest later. Returns how many hashes were replaced.
    fn take_over(&mut self, manifest: &Manifest, progress: &mut dyn FnMut(ImportProgress)) -> Result<u64, Error> {
        let mut finished = Vec::new();
        for kind in self.kinds {
            let part = self.work.join(format!("{}.range", kind.name()));
            self.unite(*kind, &part, progress)?;
            let file = RangeFile::open(&part)?;
            let hashes = file.totals().hashes;
            self.check_size(manifest.of(*kind, self.source).map(|part| part.hashes).sum(), hashes)?;
            let index = self.work.join(format!("{}.counts", kind.name()));
            // It is never ended by its steps.
            let _ = write_index(*kind, &[&file], &index, &mut telling(progress))?;
            finished.push(Finished {
                kind: *kind,
                part,
                index,
                hashes,
            });
        }
        self.publish(&finished)
    }

    /// One file of all runs. A single one gets a second name: the journal still needs the first, should this be interrupted.
    fn unite(&self, kind: HashKind, path: &Path, progress: &mut dyn FnMut(ImportProgress)) -> Result<(), Error> {
        let runs = self.journal.runs_of(kind, self.work);
        if let [run] = runs.as_slice()
            && fs::hard_link(run, path).is_ok()
        {
            return sync_folder(self.work);
        }
        unite(kind, &runs, path, progress)
    }

    /// Refuses to replace a corpus with a few hashes by mistake.
    fn check_size(&self, before: u64, after: u64) -> Result<(), Error> {
        if self.options.existing != Existing::Replace || after >= before / 2 {
            return Ok(());
        }
        Err(Error::WouldShrink {
            source_name: self.source.to_owned(),
            before,
            after,
        })
    }

    fn publish(&mut self, finished: &[Finished]) -> Result<u64, Error> {
        let mut publication = Publication::begin(self.importing.folder())?;
        let numbers = publication.reserve(2 * finished.len() as u64)?;
        let is_kept = |part: &Part| {
            self.options.existing == Existing::Add || part.source != self.source || !self.kinds.contains(&part.kind)
        };
        let (kept, replaced) = std::mem::take(&mut publication.manifest.parts)
            .into_iter()
            .partition::<Vec<Part>, _>(is_kept);
        publication.manifest.parts = kept;
        publication.manifest.drop_broken_indexes();
        for (finished, file) in finished.iter().zip((numbers..).step_by(2)) {
            publication.manifest.parts.push(Part {
                file,
                kind: finished.kind,
                source: self.source.to_owned(),
                imported: self.options.now,
                hashes: finished.hashes,
            });
            publication.manifest.indexes.push(Index {
                file: file + 1,
                kind: finished.kind,
                parts: vec![file],
            });
        }
        publication.manifest.check_bounds()?;
        // From the moment that the manifest names these files, their runs must not be added to them once more.
        self.journal.becomes = (numbers..).step_by(2).take(finished.len()).collect();
        self.journal.write(self.work)?;
        for (finished, file) in finished.iter().zip((numbers..).step_by(2)) {
            publication.adopt(&finished.part, &manifest::range_file_name(file))?;
            publication.adopt(&finished.index, &manifest::counts_file_name(file + 1))?;
        }
        publication.publish()?;
        Ok(replaced.iter().map(|part| part.hashes).sum())
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins_well && name.len() <= SOURCE_CHARACTERS_MAX && name.chars().all(is_plain) {
        return Ok(());
    }
    Err(Error::SourceName { name: name.to_owned() })
}

/// A list of passwords has the name of its file; hashes of passwords are most often all that are known.
fn default_source(files: &Files) -> String {
    if files.format != Format::Passwords {
        return DEFAULT_SOURCE.to_owned();
    }
    let name = files.path.file_stem().unwrap_or_default().to_string_lossy();
    let plain = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    let plain: String = plain.take(SOURCE_CHARACTERS_MAX).collect();
    match plain.trim_matches('-') {
        "" => "passwords".to_owned(),
        plain => plain.to_owned(),
    }
}
