//! Which files count: `MANIFEST`, a line of JSON and a line with its CRC-32C, replaced as a whole.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::files::sync_folder;
use crate::hash::HashKind;

const NAME: &str = "MANIFEST";
/// What is put behind the name of a file that is being written.
pub(super) const NEW: &str = ".new";
/// The newest version that is understood.
const VERSION: u32 = 1;
/// Most sources of one kind, each of which costs an answer of the range API one more block.
const SOURCES_MAX: usize = 64;
/// Most parts of one kind: what was added to sources is merged long before there are so many.
const PARTS_MAX: usize = 256;
/// A manifest is some kilobytes.
const BYTES_MAX: u64 = 16 << 20;

/// What is loaded. Each part is in one index of its kind, or in none: then its range file is asked itself. A source has one part of a
/// kind, and another for each time that something was added to it, until they are merged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    version: u32,
    /// The number of the next file.
    pub(super) next_file: u64,
    pub(super) parts: Vec<Part>,
    pub(super) indexes: Vec<Index>,
}

/// What one source holds of one kind, or what was added to it later: a range file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    /// The number in the file's name.
    pub(super) file: u64,
    #[serde(with = "kind_name")]
    pub(super) kind: HashKind,
    pub(super) source: String,
    /// Seconds since 1970.
    pub(super) imported: i64,
    pub(super) hashes: u64,
}

/// The counts of some parts, added up: a counts file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Index {
    /// The number in the file's name.
    pub(super) file: u64,
    #[serde(with = "kind_name")]
    pub(super) kind: HashKind,
    /// The parts, by their files' numbers.
    pub(super) parts: Vec<u64>,
}

/// By which a changed manifest is recognised without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    modified_ns: i128,
    size_bytes: u64,
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            version: VERSION,
            next_file: 1,
            parts: Vec::new(),
            indexes: Vec::new(),
        }
    }
}

impl Manifest {
    /// Reads the manifest of a folder. One that is missing is empty.
    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(NAME);
        let bytes = match fs::metadata(&path).map(|metadata| metadata.len()) {
            Ok(length) if length > BYTES_MAX => return Err(damaged(&path, "it is too large")),
            Ok(_) => fs::read(&path).map_err(Error::io("read", &path))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged(&path, "it isn't text"))?;
        let (json, sum) = text.split_once('\n').ok_or_else(|| damaged(&path, "it is cut off"))?;
        if sum.trim_end() != checksum(json) {
            return Err(damaged(&path, "the checksum is wrong"));
        }
        let manifest: Self = serde_json::from_str(json).map_err(|_| damaged(&path, "it can't be understood"))?;
        if manifest.version > VERSION {
            return Err(Error::StoreVersion {
                path,
                found: manifest.version,
                known: VERSION,
            });
        }
        Ok(manifest)
    }

    /// Replaces the manifest of a folder, durably.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(NAME);
        let json = serde_json::to_string(self).map_err(|error| Error::io("write", &path)(error.into()))?;
        replace(&path, format!("{json}\n{}\n", checksum(&json)).as_bytes())
    }

    /// Tells a manifest from another; `None` if there is none.
    pub(super) fn stamp(folder: &Path) -> Option<Stamp> {
        let metadata = fs::metadata(folder.join(NAME)).ok()?;
        Some(Stamp {
            inode: metadata.ino(),
            modified_ns: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
            size_bytes: metadata.len(),
        })
    }

    /// The parts of a source and kind.
    pub(super) fn of(&self, kind: HashKind, source: &str) -> impl Iterator<Item = &Part> {
        let is_of = move |part: &&Part| part.kind == kind && part.source == source;
        self.parts.iter().filter(is_of)
    }

    /// Takes out the indexes that count what isn't there any more: the rest of what was in them is asked for in the range files.
    pub(super) fn drop_broken_indexes(&mut self) {
        let parts = &self.parts;
        let is_there = |file: &u64| parts.iter().any(|part| part.file == *file);
        self.indexes.retain(|index| index.parts.iter().all(is_there));
    }

    /// Parts of a kind that are in no index.
    pub(super) fn loose(&self, kind: HashKind) -> impl Iterator<Item = &Part> {
        let is_loose =
            move |part: &&Part| part.kind == kind && !self.indexes.iter().any(|index| index.parts.contains(&part.file));
        self.parts.iter().filter(is_loose)
    }

    /// Refuses more parts than are read side by side.
    pub(super) fn check_bounds(&self) -> Result<(), Error> {
        for kind in HashKind::ALL {
            let of_kind = || self.parts.iter().filter(move |part| part.kind == kind);
            let mut sources: Vec<&str> = of_kind().map(|part| part.source.as_str()).collect();
            sources.sort_unstable();
            sources.dedup();
            if sources.len() > SOURCES_MAX {
                return Err(Error::TooManySources { most: SOURCES_MAX });
            }
            if of_kind().count() > PARTS_MAX {
                return Err(Error::TooManyParts { most: PARTS_MAX });
            }
        }
        Ok(())
    }

    /// Whether a file of the folder is one that counts.
    pub(super) fn names(&self, file_name: &str) -> bool {
        file_name == NAME
            || self.parts.iter().any(|part| part.file_name() == file_name)
            || self.indexes.iter().any(|index| index.file_name() == file_name)
    }
}

impl Part {
    pub(super) fn file_name(&self) -> String {
        range_file_name(self.file)
    }
}

impl Index {
    pub(super) fn file_name(&self) -> String {
        counts_file_name(self.file)
    }
}

pub(super) fn range_file_name(file: u64) -> String {
    format!("{file:08}.range")
}

pub(super) fn counts_file_name(file: u64) -> String {
    format!("{file:08}.counts")
}

fn checksum(json: &str) -> String {
    format!("{:08x}", crc32c::crc32c(json.as_bytes()))
}

fn damaged(path: &Path, what: &'static str) -> Error {
    Error::Damaged {
        path: path.to_owned(),
        offset: 0,
        what,
    }
}

/// Replaces a file so that after a crash either the old or the new one is there, whole.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let new = with_suffix(path, NEW);
    let write = || {
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(Error::io("write", &new))?;
    rename(&new, path)
}

/// Renames a file, durably.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(Error::io("rename", from))?;
    let folder = to.parent().unwrap_or(Path::new("."));
    sync_folder(folder)
}

/// The path with something behind its name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Kinds by their names.
pub(super) mod kind_name {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::hash::HashKind;

    pub(in crate::passwords) fn serialize<S: Serializer>(kind: &HashKind, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(kind.name())
    }

    pub(in crate::passwords) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HashKind, D::Error> {
        let name = String::deserialize(deserializer)?;
        HashKind::named(&name).ok_or_else(|| D::Error::custom("unknown kind of hash"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_comes_back_and_a_damaged_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), Manifest::default());
        let manifest = Manifest {
            parts: vec![Part {
                file: 7,
                kind: HashKind::Ntlm,
                source: "police".to_owned(),
                imported: 1_764_000_000,
                hashes: 3,
            }],
            ..Manifest::default()
        };
        manifest.write(folder.path()).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), manifest);
        assert!(manifest.names("00000007.range") && !manifest.names("00000007.counts"));
        let path = folder.path().join(NAME);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() - 1 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert!(
                matches!(Manifest::read(folder.path()), Err(Error::Damaged { .. })),
                "{at}"
            );
        }
    }

    #[test]
    fn a_newer_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = Manifest {
            version: VERSION + 1,
            ..Manifest::default()
        };
        manifest.write(folder.path()).unwrap();
        assert!(matches!(Manifest::read(folder.path()), Err(Error::StoreVersion { .. })));
    }
}
