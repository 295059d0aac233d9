//! The hashes of files as earlier drills found them, by which silent corruption is noticed.
//!
//! A file is known by where its content lies and when each of these blocks was last written, which the volume's map tells. Two
//! files known by the same are the same bytes, at whatever moment they are looked at: if their hashes differ, bytes changed
//! that nobody wrote. Names and times inside the file system alone wouldn't do: a guest writes content before it writes down
//! that it did.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use volume::{Device, ExtentKind, Timestamp};

use crate::error::Error;
use crate::keep::{read_lines, write_lines};
use crate::noise::{Noise, mixed};
use crate::survey::{FileSeen, KnownFile, Survey};

/// Files remembered of one volume.
const FILES_MAX: usize = 20_000;
/// Runs of blocks that are asked for at a time.
const RUNS: usize = 256;
/// Most runs of one file.
const RUNS_MAX: usize = 1 << 16;

/// A file that was hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    area: String,
    path: String,
    node: u64,
    generation: u64,
    size_bytes: u64,
    modified: i64,
    /// Where its blocks lie and when they were written, in one number.
    layout: String,
    hashed_bytes: u64,
    hash: String,
    /// When it was first hashed and when last, in seconds since 1970.
    first: u64,
    last: u64,
}

type Key = (String, u64, u64, u64, i64, String, u64);

/// The files remembered of one volume.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: HashMap<Key, Entry>,
    /// Lines that couldn't be understood.
    pub(crate) unreadable: usize,
}

/// What became of showing a survey to the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Differences {
    /// Files that were known, as they were or not.
    pub(crate) known: u64,
    /// What changed that nobody wrote, in sentences.
    pub(crate) problems: Vec<String>,
}

/// What became of showing a file to the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Compared {
    /// It can't be compared: just written, or not stored plainly.
    NotComparable,
    /// It wasn't known.
    New,
    /// It is as it was.
    Same,
    /// It isn't, and nobody wrote it.
    Different {
        /// When it was first hashed, in seconds since 1970.
        first: u64,
    },
}

impl Ledger {
    pub(crate) fn read(folder: &Path, volume: &str) -> Result<Self, Error> {
        let (entries, unreadable) = read_lines::<Entry>(&file_of(folder, volume))?;
        let entries = entries.into_iter().map(|entry| (entry.key(), entry)).collect();
        Ok(Self { entries, unreadable })
    }

    /// Writes it down. Those that were looked at least lately give way.
    pub(crate) fn write(&self, folder: &Path, volume: &str) -> Result<(), Error> {
        let mut entries: Vec<&Entry> = self.entries.values().collect();
        entries.sort_by_key(|entry| (std::cmp::Reverse(entry.last), entry.node));
        entries.truncate(FILES_MAX);
        write_lines(&file_of(folder, volume), entries)
    }

    /// Some of the files, chosen by a seed, to be looked for.
    pub(crate) fn some(&self, seed: u64, files_max: usize, bytes_max: u64) -> Vec<KnownFile> {
        let mut files: Vec<&Entry> = self.entries.values().collect();
        files.sort_by_key(|entry| (mixed(seed ^ mixed(entry.node)), entry.last, &entry.layout));
        let mut chosen: Vec<KnownFile> = Vec::new();
        let mut bytes = 0_u64;
        for entry in files {
            bytes = bytes.saturating_add(entry.hashed_bytes);
            if chosen.len() >= files_max || bytes > bytes_max {
                break;
            }
            let known = KnownFile {
                area: entry.area.clone(),
                node: entry.node,
                hashed_bytes: entry.hashed_bytes,
            };
            if chosen.last() != Some(&known) {
                chosen.push(known);
            }
        }
        chosen
    }

    /// Compares the files of a survey with what is known of them, and remembers those of which nothing is. `whole` is a time up to
    /// which the device has everything that was written.
    pub(crate) fn differences(
        &mut self,
        device: &dyn Device,
        whole: Timestamp,
        survey: &Survey,
        now: Timestamp,
    ) -> Result<Differences, Error> {
        let mut differences = Differences::default();
        for file in survey.files.iter().chain(survey.known.iter().flatten()) {
            match self.compare(device, whole, file, now)? {
                Compared::NotComparable | Compared::New => {}
                Compared::Same => differences.known += 1,
                Compared::Different { first } => {
                    differences.known += 1;
                    let name = self.name_of(file);
                    let first = Timestamp::from_unix_seconds(first);
                    let problem = format!("{name} isn't what it was on {first}, though nobody wrote it since");
                    differences.problems.push(problem);
                }
            }
        }
        Ok(differences)
    }

    /// Compares a file with what is known of it, and remembers it if nothing is.
    fn compare(
        &mut self,
        device: &dyn Device,
        whole: Timestamp,
        file: &FileSeen,
        now: Timestamp,
    ) -> Result<Compared, Error> {
        let Some(hash) = &file.hash else {
            return Ok(Compared::NotComparable);
        };
        let Some(layout) = layout(device, whole, file)? else {
            return Ok(Compared::NotComparable);
        };
        let now = seconds(now);
        let entry = Entry {
            area: file.area.clone(),
            path: file.path.clone(),
            node: file.node,
            generation: file.generation,
            size_bytes: file.size_bytes,
            modified: file.modified,
            layout,
            hashed_bytes: file.hashed_bytes,
            hash: hash.clone(),
            first: now,
            last: now,
        };
        let Some(known) = self.entries.get_mut(&entry.key()) else {
            self.entries.insert(entry.key(), entry);
            return Ok(Compared::New);
        };
        known.last = now;
        Ok(if known.hash == *hash {
            Compared::Same
        } else {
            Compared::Different { first: known.first }
        })
    }

    /// A file in words: its path, or that under which it is known.
    fn name_of(&self, file: &FileSeen) -> String {
        let mut paths = std::iter::once(&file.path).chain(self.entries.values().filter_map(|entry| {
            let is_it = entry.area == file.area && entry.node == file.node;
            is_it.then_some(&entry.path)
        }));
        let path = paths.find(|path| !path.is_empty());
        path.map_or_else(|| format!("the file of node {}", file.node), |path| format!("`{path}`"))
    }
}

impl Entry {
    fn key(&self) -> Key {
        (
            self.area.clone(),
            self.node,
            self.generation,
            self.size_bytes,
            self.modified,
            self.layout.clone(),
            self.hashed_bytes,
        )
    }
}

/// Where a file's blocks lie and when they were written, as one number. `None` if that doesn't tell its content: something
/// of it lies elsewhere, or was written in the last second that isn't over, in which it may be written again.
fn layout(device: &dyn Device, whole: Timestamp, file: &FileSeen) -> Result<Option<String>, Error> {
    let stored: u64 = file.pieces.iter().map(|piece| piece.length).sum();
    if stored < file.hashed_bytes {
        return Ok(None);
    }
    let mut runs: Vec<(u64, u64, u8, u64)> = Vec::new();
    for piece in &file.pieces {
        let end = piece.physical.saturating_add(piece.length).min(device.size_bytes());
        let mut offset = piece.physical;
        while offset < end {
            for extent in device.extents(offset, end - offset, RUNS)? {
                let written = extent.written.map_or(0, seconds);
                if written >= seconds(whole) || runs.len() >= RUNS_MAX {
                    return Ok(None);
                }
                let kind = match extent.kind {
                    ExtentKind::Data => 0,
                    ExtentKind::Zero => 1,
                    ExtentKind::Hole => 2,
                };
                match runs.last_mut() {
                    Some(run) if (run.0 + run.1, run.2, run.3) == (offset, kind, written) => run.1 += extent.length,
                    _ => runs.push((offset, extent.length, kind, written)),
                }
                offset = offset.saturating_add(extent.length.max(1));
            }
        }
    }
    let mut hasher = blake3::Hasher::new();
    for piece in &file.pieces {
        hasher.update(&piece.logical.to_le_bytes());
    }
    for (offset, length, kind, written) in runs {
        hasher.update(&offset.to_le_bytes());
        hasher.update(&length.to_le_bytes());
        hasher.update(&[kind]);
        hasher.update(&written.to_le_bytes());
    }
    Ok(Some(hasher.finalize().to_hex().chars().take(32).collect()))
}

const fn seconds(time: Timestamp) -> u64 {
    time.as_unix_nanos() / 1_000_000_000
}

/// Moments of a span of time, chosen by a seed.
pub(crate) fn moments(oldest: Timestamp, newest: Timestamp, count: usize, seed: u64) -> Vec<Timestamp> {
    let span = newest.as_unix_nanos().saturating_sub(oldest.as_unix_nanos());
    let mut noise = Noise::new(seed);
    let mut moments: Vec<Timestamp> = (0..count)
        .map(|_| Timestamp::from_unix_nanos(oldest.as_unix_nanos().saturating_add(noise.below(span))))
        .collect();
    moments.sort_unstable();
    moments.dedup();
    moments
}

pub(crate) fn file_of(folder: &Path, volume: &str) -> PathBuf {
    folder.join(format!("{volume}.files"))
}
