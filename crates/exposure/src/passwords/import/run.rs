//! An import from its beginning to its end.

use std::fs;
use std::path::{Path, PathBuf};

use super::files::Files;
use super::format::Format;
use super::journal::Journal;
use super::read::{Reading, merge_files};
use super::{Existing, ImportOptions, ImportProgress, ImportReport, Input};
use crate::Error;
use crate::hash::HashKind;
use crate::passwords::manifest::{self, Manifest, Part};
use crate::passwords::publish::Exclusive;
use crate::passwords::range_file::RangeFile;
use crate::passwords::{CorpusStatistics, Passwords};

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
    let exclusive = Exclusive::take(folder)?;
    let manifest = Manifest::read(folder)?;
    exclusive.clean(&manifest)?;
    let work = folder.join(format!("import-{source}"));
    let (format, kinds, identity) = (files.format, files.kinds.clone(), files.identity());
    let was_added = Journal::taken_over(&work, &identity, &manifest, &source);
    let (tally, resumed, replaced) = match was_added.filter(|_| options.existing == Existing::Add) {
        Some(journal) => (journal.tally, true, 0),
        None => {
            let (journal, resumed) = Journal::resume(&work, identity)?;
            let mut arrival = Arrival {
                exclusive: &exclusive,
                journal: read(files, &work, journal, options, progress)?,
                work: &work,
                source: &source,
                kinds: &kinds,
                options,
            };
            let replaced = arrival.take_over(manifest, progress)?;
            (arrival.journal.tally, resumed, replaced)
        }
    };
    Journal::remove(&work)?;
    let is_own = |one: &CorpusStatistics| one.source == source && kinds.contains(&one.kind);
    Ok(ImportReport {
        format,
        tally,
        resumed,
        sources: Passwords::open(folder)?
            .statistics()?
            .into_iter()
            .filter(is_own)
            .collect(),
        replaced,
    })
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

/// Removes a source, of both kinds. Returns how many hashes it had.
///
/// # Errors
/// When there is no such source, another import is running, or the store can't be written.
pub fn remove(folder: &Path, source: &str, progress: &mut dyn FnMut(ImportProgress)) -> Result<u64, Error> {
    let no_such = || Error::NoSuchSource {
        name: source.to_owned(),
    };
    if !folder.exists() {
        return Err(no_such());
    }
    let exclusive = Exclusive::take(folder)?;
    let manifest = Manifest::read(folder)?;
    let parts: Vec<&Part> = manifest.parts.iter().filter(|part| part.source == source).collect();
    if parts.is_empty() {
        return Err(no_such());
    }
    let hashes = parts.iter().map(|part| part.hashes).sum();
    let files: Vec<u64> = parts.iter().map(|part| part.file).collect();
    exclusive.publish(manifest, Vec::new(), &files, progress)?;
    Ok(hashes)
}

/// What an import read, about to be made part of the store.
struct Arrival<'a> {
    exclusive: &'a Exclusive,
    journal: Journal,
    /// The folder of the runs.
    work: &'a Path,
    source: &'a str,
    kinds: &'a [HashKind],
    options: &'a ImportOptions,
}

impl Arrival<'_> {
    /// Makes one part of all runs of each kind, in place of what the source had. Returns how many hashes that were.
    fn take_over(&mut self, mut manifest: Manifest, progress: &mut dyn FnMut(ImportProgress)) -> Result<u64, Error> {
        let (mut added, mut removed, mut replaced) = (Vec::new(), Vec::new(), 0);
        let folder = self.exclusive.folder();
        for kind in self.kinds {
            let is_before = |part: &&Part| part.kind == *kind && part.source == self.source;
            let before = manifest.parts.iter().find(is_before).cloned();
            let mut inputs = self.journal.runs_of(*kind, self.work);
            if let (Some(before), Existing::Add) = (&before, self.options.existing) {
                inputs.push(folder.join(before.file_name()));
            }
            let file = manifest.next_file;
            manifest.next_file += 1;
            let path = folder.join(manifest::range_file_name(file));
            unite(*kind, &inputs, &path, progress)?;
            let hashes = RangeFile::open(&path)?.totals().hashes;
            if let Some(before) = before {
                self.check_size(before.hashes, hashes)?;
                replaced += before.hashes;
                removed.push(before.file);
            }
            added.push(Part {
                file,
                kind: *kind,
                source: self.source.to_owned(),
                imported: self.options.now,
                hashes,
            });
        }
        // From the moment that the manifest names these files, their runs must not be added to them once more.
        self.journal.becomes = added.iter().map(|part| part.file).collect();
        self.journal.write(self.work)?;
        self.exclusive.publish(manifest, added, &removed, progress)?;
        Ok(replaced)
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
}

/// One file of several. A single one gets a second name: the journal still needs the first, should this be interrupted.
fn unite(
    kind: HashKind,
    inputs: &[PathBuf],
    path: &Path,
    progress: &mut dyn FnMut(ImportProgress),
) -> Result<(), Error> {
    if let [input] = inputs
        && fs::hard_link(input, path).is_ok()
    {
        return manifest::sync_folder(path.parent().unwrap_or(Path::new(".")));
    }
    merge_files(kind, inputs, path, progress)
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
