//! Copies into a tar archive: POSIX headers with PAX records for what they can't hold, which GNU tar, bsdtar and Python read. Holes are
//! kept as GNU tar's sparse format 1.0 has them (<https://www.gnu.org/software/tar/manual/html_node/PAX-1.html>): a map of decimal
//! numbers before the content.

use std::io::{self, Cursor, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use answers::member::{self, Records, put_name};
use files::{NodeKind, Time};
use tar::{Builder, EntryType, Header};

use super::source::{Runs, runs};
use super::{Item, NotPut, Put, Sink};
use crate::browse::failures::reason;
use crate::failure::{Failure, FailureCode};

/// Bytes of a tar block.
const BLOCK_BYTES: usize = 512;

/// An archive that is copied into.
pub struct Archive<W: Write> {
    builder: Builder<W>,
    /// The path of the present folder, with a slash at its end unless it is empty.
    path: Vec<u8>,
    /// Where the paths of the folders above end.
    levels: Vec<usize>,
    interrupted: Arc<AtomicBool>,
}

impl<W: Write> Archive<W> {
    /// Begins an archive.
    pub fn new(to: W, interrupted: Arc<AtomicBool>) -> Self {
        Self {
            builder: Builder::new(to),
            path: Vec::new(),
            levels: Vec::new(),
            interrupted,
        }
    }

    /// What was written to, once the archive is finished.
    pub fn into_inner(self) -> io::Result<W> {
        self.builder.into_inner()
    }

    fn path_of(&self, name: &[u8]) -> Vec<u8> {
        [&self.path, name].concat()
    }

    fn append(
        &mut self,
        header: &mut Header,
        path: &[u8],
        mut records: Records,
        data: impl Read,
    ) -> Result<(), NotPut> {
        put_name(&mut header.as_old_mut().name, path, "path", &mut records);
        self.append_named(header, records, data)
    }

    /// Writes an entry whose header has its name.
    fn append_named(&mut self, header: &mut Header, records: Records, data: impl Read) -> Result<(), NotPut> {
        member::append(&mut self.builder, header, records, data).map_err(|error| NotPut::Fatal(archive_failure(&error)))
    }

    fn file(&mut self, path: &[u8], item: &Item<'_>) -> Result<Put, NotPut> {
        let size = item.metadata.size_bytes;
        let runs = runs(item.fs, item.node, size).map_err(|error| NotPut::Problem(reason(error)))?;
        let stored: u64 = runs.iter().map(|(_, length)| length).sum();
        let (mut header, mut records, missing) = self.describe(item);
        header.set_entry_type(EntryType::Regular);
        let mut content = Runs::new(item.fs, item.node, &runs);
        if stored == size {
            header.set_size(size);
            self.append(&mut header, path, records, &mut content)?;
        } else {
            let map = sparse_map(&runs, size);
            header.set_size(map.len() as u64 + stored);
            for (name, value) in [("major", "1"), ("minor", "0"), ("realsize", &size.to_string())] {
                records.push((format!("GNU.sparse.{name}"), value.as_bytes().to_vec()));
            }
            records.push(("GNU.sparse.name".to_owned(), path.to_vec()));
            put_name(
                &mut header.as_old_mut().name,
                b"GNUSparseFile.0/file",
                "path",
                &mut records,
            );
            self.append_named(&mut header, records, Cursor::new(map).chain(&mut content))?;
        }
        let missing: Vec<String> = content.trouble.take().into_iter().chain(missing).collect();
        Ok(if missing.is_empty() {
            Put::Copied { bytes: stored }
        } else {
            Put::Incomplete {
                bytes: stored,
                missing: missing.join(", "),
            }
        })
    }

    /// Header and records of what is known of a node; and what couldn't be read of it.
    fn describe(&self, item: &Item<'_>) -> (Header, Records, Option<String>) {
        let metadata = item.metadata;
        let mut header = Header::new_ustar();
        header.set_mode(u32::from(metadata.mode.unwrap_or(default_mode(metadata.kind))));
        header.set_uid(u64::from(metadata.owner.unwrap_or_default()));
        header.set_gid(u64::from(metadata.group.unwrap_or_default()));
        header.set_size(0);
        let mut records = Records::new();
        if let Some(time) = metadata.modified {
            let seconds = time.0.div_euclid(1_000_000_000);
            header.set_mtime(u64::try_from(seconds).unwrap_or_default());
            records.push(("mtime".to_owned(), pax_time(time)));
        }
        if let Some(time) = metadata.accessed {
            records.push(("atime".to_owned(), pax_time(time)));
        }
        let missing = match item.fs.attributes(item.node) {
            Ok(attributes) => {
                // A record's name ends at its first `=`.
                let named = attributes.into_iter().filter(|(name, _)| !name.contains('='));
                records.extend(named.map(|(name, value)| (format!("SCHILY.xattr.{name}"), value)));
                None
            }
            Err(error) => Some(format!("without its attributes ({})", reason(error))),
        };
        (header, records, missing)
    }

    fn simple(&mut self, path: &[u8], item: &Item<'_>, kind: EntryType) -> Result<Put, NotPut> {
        let (mut header, records, missing) = self.describe(item);
        header.set_entry_type(kind);
        if let Some((major, minor)) = item.metadata.device {
            let set = header
                .set_device_major(major)
                .and_then(|()| header.set_device_minor(minor));
            set.map_err(|error| NotPut::Problem(error.to_string()))?;
        }
        self.append(&mut header, path, records, io::empty())?;
        Ok(match missing {
            None => Put::Copied { bytes: 0 },
            Some(missing) => Put::Incomplete { bytes: 0, missing },
        })
    }

    fn symlink(&mut self, path: &[u8], item: &Item<'_>) -> Result<Put, NotPut> {
        let target = item.fs.link_target(item.node);
        let target = target.map_err(|error| NotPut::Problem(reason(error)))?;
        let (mut header, mut records, _) = self.describe(item);
        header.set_entry_type(EntryType::Symlink);
        put_name(&mut header.as_old_mut().linkname, &target, "linkpath", &mut records);
        self.append(&mut header, path, records, io::empty())?;
        Ok(Put::Copied { bytes: 0 })
    }
}

impl<W: Write> Sink for Archive<W> {
    fn make_folder(&mut self, name: &[u8], item: &Item<'_>) -> Result<(), NotPut> {
        let path = [&self.path, name, b"/"].concat();
        self.simple(&path, item, EntryType::Directory).map(|_| ())
    }

    fn enter(&mut self, name: &[u8]) -> Result<(), NotPut> {
        self.levels.push(self.path.len());
        self.path.extend_from_slice(name);
        self.path.push(b'/');
        Ok(())
    }

    fn leave(&mut self, _item: &Item<'_>) -> Result<Option<String>, NotPut> {
        self.path.truncate(self.levels.pop().unwrap_or_default());
        Ok(None)
    }

    fn put(&mut self, name: &[u8], item: &Item<'_>) -> Result<Put, NotPut> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(NotPut::Problem("broken off".to_owned()));
        }
        let path = self.path_of(name);
        match item.metadata.kind {
            NodeKind::File => self.file(&path, item),
            NodeKind::Symlink => self.symlink(&path, item),
            NodeKind::Fifo => self.simple(&path, item, EntryType::Fifo),
            NodeKind::CharacterDevice => self.simple(&path, item, EntryType::Char),
            NodeKind::BlockDevice => self.simple(&path, item, EntryType::Block),
            NodeKind::Socket => Ok(Put::LeftOut("archives have no sockets")),
            NodeKind::Folder => Err(NotPut::Problem("it is a folder".to_owned())),
        }
    }

    fn link(&mut self, name: &[u8], first: &[Vec<u8>]) -> Result<(), NotPut> {
        let mut header = Header::new_ustar();
        let mut records = Records::new();
        header.set_entry_type(EntryType::Link);
        header.set_size(0);
        header.set_mode(0o644);
        let target = first.join(&b'/');
        put_name(&mut header.as_old_mut().linkname, &target, "linkpath", &mut records);
        let path = self.path_of(name);
        self.append(&mut header, &path, records, io::empty())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.builder
            .finish()
            .and_then(|()| self.builder.get_mut().flush())
            .map_err(|error| archive_failure(&error))
    }
}

/// Permissions where a file system has none.
const fn default_mode(kind: NodeKind) -> u16 {
    match kind {
        NodeKind::Folder => 0o755,
        _ => 0o644,
    }
}

/// The map of GNU's sparse format 1.0: how many runs, then start and length of each, a line each, padded to a block. A hole at the end
/// is an empty run.
fn sparse_map(runs: &[(u64, u64)], size: u64) -> Vec<u8> {
    let end = runs.last().map_or(0, |(start, length)| start + length);
    let last = (end < size).then_some((size, 0));
    let count = runs.len() + usize::from(last.is_some());
    let mut map = format!("{count}\n");
    for (start, length) in runs.iter().chain(last.as_ref()) {
        map += &format!("{start}\n{length}\n");
    }
    let mut map = map.into_bytes();
    map.resize(map.len().next_multiple_of(BLOCK_BYTES), 0);
    map
}

/// Seconds since the epoch with a fraction, negative before it.
fn pax_time(time: Time) -> Vec<u8> {
    let sign = if time.0 < 0 { "-" } else { "" };
    let nanos = time.0.unsigned_abs();
    format!("{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000).into_bytes()
}

fn archive_failure(error: &io::Error) -> Failure {
    let failure = Failure::io("write the archive", error);
    match failure.code {
        FailureCode::NoSpace => failure.hint("write it to a disk with more room"),
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_of_a_sparse_file_ends_with_its_size() {
        let map = sparse_map(&[(4096, 8192), (1 << 20, 1)], 2 << 20);
        assert_eq!(map.len(), BLOCK_BYTES);
        assert!(map.starts_with(b"3\n4096\n8192\n1048576\n1\n2097152\n0\n\0"));
        assert!(sparse_map(&[], 5).starts_with(b"1\n5\n0\n\0"));
        assert!(sparse_map(&[(3, 2)], 5).starts_with(b"1\n3\n2\n\0"));
    }

    #[test]
    fn times_are_decimal_numbers() {
        assert_eq!(pax_time(Time(1_500_000_000)), b"1.500000000");
        assert_eq!(pax_time(Time(-1_500_000_000)), b"-1.500000000");
    }
}
