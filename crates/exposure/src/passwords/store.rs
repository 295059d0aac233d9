//! The store of passwords: what is asked of it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use super::counts_file::{CountsFile, Found};
use super::manifest::{Manifest, Part, Stamp};
use super::padding;
use super::range_file::{RangeFile, with_block};
use super::record::{Record, add_up};
use super::render;
use super::{CorpusStatistics, Encoding, Padding, RangePrefix, RangeTag, Reads};
use crate::Error;
use crate::hash::HashKind;

/// How often opening is tried: a file that a manifest named may be gone because an import replaced both meanwhile.
const OPENINGS_MAX: usize = 5;

/// Leaked passwords by their hashes. Shared between threads; reads with `pread`, so that a failing disk is an error and not a signal.
#[derive(Debug)]
pub struct Passwords {
    folder: PathBuf,
    state: RwLock<Arc<State>>,
}

/// What one manifest names, opened. Files that an import removes stay readable as long as they are open.
#[derive(Debug)]
struct State {
    stamp: Option<Stamp>,
    parts: Vec<(Part, RangeFile)>,
    indexes: Vec<OpenIndex>,
    /// The files' numbers of parts that are in no index: what was in one with a part that was replaced, until the next merge.
    loose: Vec<(HashKind, u64)>,
}

#[derive(Debug)]
struct OpenIndex {
    kind: HashKind,
    /// The parts, by their files' numbers.
    parts: Vec<u64>,
    counts: CountsFile,
}

impl Passwords {
    /// Opens the store in `folder`. One that is missing is empty.
    ///
    /// # Errors
    /// When the files can't be read or are damaged.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Ok(Self {
            folder: folder.to_owned(),
            state: RwLock::new(Arc::new(State::open(folder)?)),
        })
    }

    /// Notices what other processes imported. Costs a `stat` when nothing changed.
    ///
    /// # Errors
    /// As [`Passwords::open`]; what was open stays in use.
    pub fn refresh(&self) -> Result<(), Error> {
        if Manifest::stamp(&self.folder) == self.state().stamp {
            return Ok(());
        }
        let new = Arc::new(State::open(&self.folder)?);
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How often a password was seen; 0 if never. Counts of different sources add up. Reads one page for each index, of which there is
    /// one after a merge, and a block of each part that is in none.
    ///
    /// The first 64 bits of the hash are compared: with two billion hashes loaded, one that never leaked is taken for a leaked one with a
    /// chance of one in nine billion. [`Passwords::range`] compares every bit.
    ///
    /// # Errors
    /// When the hash is not [`HashKind::bytes`] long, a file can't be read or the page is damaged.
    pub fn count(&self, kind: HashKind, hash: &[u8]) -> Result<u64, Error> {
        let record = Record::new(kind, hash, 0).ok_or(Error::HashLength {
            expected: kind.bytes(),
            found: hash.len(),
        })?;
        let state = self.state();
        let mut sum = 0_u64;
        for index in state.indexes.iter().filter(|index| index.kind == kind) {
            let count = match index.counts.find(record.high)? {
                Found::Nothing => 0,
                Found::Count(count) => u64::from(count),
                Found::Several => state.exact_count(&index.parts, &record)?,
            };
            sum = sum.saturating_add(count);
        }
        let loose = state.loose(kind);
        if !loose.is_empty() {
            sum = sum.saturating_add(state.exact_count(&loose, &record)?);
        }
        Ok(sum)
    }

    /// Appends the body of a range to `body`: `SUFFIX:COUNT` in order, upper case, CRLF between the lines and none at the end. Counts
    /// of different sources add up, at most to 4,294,967,295.
    ///
    /// # Errors
    /// When a file can't be read or the block is damaged.
    pub fn range(
        &self,
        kind: HashKind,
        prefix: RangePrefix,
        encoding: Encoding,
        padding: Option<Padding>,
        body: &mut Vec<u8>,
    ) -> Result<RangeTag, Error> {
        let state = self.state();
        let mut buffer = Vec::new();
        let mut content = Content::default();
        let parts: Vec<&RangeFile> = state.of_kind(kind).map(|(_, file)| file).collect();
        if let ([file], None) = (parts.as_slice(), padding) {
            match file.block(prefix, &mut buffer)? {
                Some(block) => {
                    content.add(block.bytes);
                    render::body(&block, encoding, body);
                }
                None => render::empty_body(encoding, body),
            }
            return Ok(state.tag(kind, &content, encoding, None));
        }
        let mut records = Vec::new();
        for file in parts {
            if let Some(block) = file.block(prefix, &mut buffer)? {
                content.add(block.bytes);
                block.records(&mut records);
            }
        }
        records.sort_unstable();
        add_up(&mut records);
        if let Some(padding) = padding {
            padding::add(kind, prefix, padding, &mut records);
        }
        if records.is_empty() {
            render::empty_body(encoding, body);
        } else {
            with_block(kind, prefix.number(), &records, |block| {
                render::body(block, encoding, body);
            });
        }
        Ok(state.tag(kind, &content, encoding, padding))
    }

    /// What is loaded, by source.
    ///
    /// # Errors
    /// When the manifest can't be read.
    pub fn statistics(&self) -> Result<Vec<CorpusStatistics>, Error> {
        let state = self.state();
        let mut found: Vec<CorpusStatistics> = Vec::new();
        for (part, file) in &state.parts {
            let one = CorpusStatistics {
                kind: part.kind,
                source: part.source.clone(),
                hashes: file.totals().hashes,
                occurrences: file.totals().occurrences,
                range_bytes: file.size_bytes(),
                counts_bytes: state.counts_bytes(part),
                imported: part.imported,
                parts: 1,
            };
            let is_same = |other: &&mut CorpusStatistics| other.kind == one.kind && other.source == one.source;
            match found.iter_mut().find(is_same) {
                Some(other) => other.add(&one),
                None => found.push(one),
            }
        }
        Ok(found)
    }

    /// What a lookup of a kind reads.
    #[must_use]
    pub fn reads(&self, kind: HashKind) -> Reads {
        let state = self.state();
        Reads {
            indexes: state.indexes.iter().filter(|index| index.kind == kind).count(),
            parts: state.of_kind(kind).count(),
            loose_parts: state.loose(kind).len(),
        }
    }
}

impl State {
    fn open(folder: &Path) -> Result<Self, Error> {
        let mut tried = 1;
        loop {
            let stamp = Manifest::stamp(folder);
            let manifest = Manifest::read(folder)?;
            match Self::open_files(folder, &manifest, stamp) {
                Err(Error::Io { source, .. })
                    if source.kind() == std::io::ErrorKind::NotFound && tried < OPENINGS_MAX =>
                {
                    tried += 1;
                }
                result => return result,
            }
        }
    }

    fn open_files(folder: &Path, manifest: &Manifest, stamp: Option<Stamp>) -> Result<Self, Error> {
        let mut state = Self {
            stamp,
            parts: Vec::new(),
            indexes: Vec::new(),
            loose: Vec::new(),
        };
        for part in &manifest.parts {
            let file = open_part(folder, part)?;
            state.parts.push((part.clone(), file));
        }
        for index in &manifest.indexes {
            let path = folder.join(index.file_name());
            let counts = CountsFile::open(&path)?;
            check_kind(path, counts.kind(), index.kind)?;
            state.indexes.push(OpenIndex {
                kind: index.kind,
                parts: index.parts.clone(),
                counts,
            });
        }
        for kind in HashKind::ALL {
            state.loose.extend(manifest.loose(kind).map(|part| (kind, part.file)));
        }
        Ok(state)
    }

    fn of_kind(&self, kind: HashKind) -> impl Iterator<Item = &(Part, RangeFile)> {
        self.parts.iter().filter(move |(part, _)| part.kind == kind)
    }

    fn loose(&self, kind: HashKind) -> Vec<u64> {
        let loose = self.loose.iter().filter(|(of_kind, _)| *of_kind == kind);
        loose.map(|(_, file)| *file).collect()
    }

    /// The count of a hash in some parts, from every byte of it.
    #[cold]
    fn exact_count(&self, parts: &[u64], wanted: &Record) -> Result<u64, Error> {
        let Some(prefix) = RangePrefix::new(wanted.prefix()) else {
            return Ok(0);
        };
        let (mut buffer, mut records) = (Vec::new(), Vec::new());
        for (_, file) in self.parts.iter().filter(|(part, _)| parts.contains(&part.file)) {
            if let Some(block) = file.block(prefix, &mut buffer)? {
                block.records(&mut records);
            }
        }
        let found = records.iter().filter(|record| record.is_same_hash(wanted));
        Ok(found.map(|record| u64::from(record.count)).sum())
    }

    fn tag(&self, kind: HashKind, content: &Content, encoding: Encoding, padding: Option<Padding>) -> RangeTag {
        let encoding = match encoding {
            Encoding::Identity => "",
            Encoding::Gzip => "-gzip",
            Encoding::Brotli => "-br",
        };
        let padding = padding.map_or_else(String::new, |padding| format!("-{:x}", padding.seed));
        RangeTag {
            etag: format!("\"{RENDERING}-{}{padding}{encoding}\"", content.text()),
            last_modified: self.of_kind(kind).map(|(part, _)| part.imported).max().unwrap_or(0),
        }
    }

    /// A part's share of its index.
    fn counts_bytes(&self, part: &Part) -> u64 {
        let Some(index) = self.indexes.iter().find(|index| index.parts.contains(&part.file)) else {
            return 0;
        };
        let together: u64 = self
            .parts
            .iter()
            .filter(|(other, _)| index.parts.contains(&other.file))
            .map(|(_, file)| file.totals().hashes)
            .sum();
        let share = u128::from(index.counts.size_bytes()) * u128::from(part.hashes) / u128::from(together.max(1));
        share as u64
    }
}

/// Opens a part's range file, which must be of the kind that the manifest says.
pub(super) fn open_part(folder: &Path, part: &Part) -> Result<RangeFile, Error> {
    let path = folder.join(part.file_name());
    let file = RangeFile::open(&path)?;
    check_kind(path, file.kind(), part.kind)?;
    Ok(file)
}

fn check_kind(path: PathBuf, found: HashKind, expected: HashKind) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Damaged {
        path,
        offset: 0,
        what: "it holds another kind of hash than the manifest says",
    })
}

/// How bodies are written: changes when the same rows make another body, so that no cache mixes both.
const RENDERING: u32 = 1;

/// What identifies the rows of a body: two checksums of the blocks they come from, with different polynomials, and the blocks' length.
#[derive(Debug, Default)]
struct Content {
    castagnoli: u32,
    ieee: crc32fast::Hasher,
    length: usize,
}

impl Content {
    fn add(&mut self, block: &[u8]) {
        // A block begins with its CRC-32C.
        let sum = block.first_chunk::<4>().copied().unwrap_or_default();
        self.castagnoli = crc32c::crc32c_append(self.castagnoli, &sum);
        self.ieee.update(block);
        self.length += block.len();
    }

    fn text(&self) -> String {
        format!(
            "{:08x}{:08x}{:x}",
            self.castagnoli,
            self.ieee.clone().finalize(),
            self.length
        )
    }
}
