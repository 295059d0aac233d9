//! The passwords of a breach: their hashes become a source of the store of passwords, which has the breach's name.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::accounts::{Sorted, VisitCount};
use crate::hash::HashKind;
use crate::passwords::{Existing, Format, ImportOptions, Input, Passwords, import, remove};

/// What the sources of breaches begin with.
const SOURCE_BEGINS: &str = "breach-";
/// What their import needs in memory, in bytes: they are sorted already.
const MEMORY_BYTES: u64 = 64 << 20;

/// Hashes of the passwords that are in a breach, and how often each is there.
#[derive(Debug)]
pub struct PasswordCounts {
    /// Where files may be written that are removed later.
    pub(super) folder: PathBuf,
    pub(super) sha1: Option<Sorted>,
    pub(super) ntlm: Option<Sorted>,
}

impl PasswordCounts {
    /// Visits all hashes of a kind in order, each with how often it is there, until `visit` breaks.
    ///
    /// # Errors
    /// When what was gathered can't be read, or `visit` fails.
    pub fn visit(&self, kind: HashKind, visit: &mut VisitCount<'_>) -> Result<(), Error> {
        let sorted = match kind {
            HashKind::Sha1 => &self.sha1,
            HashKind::Ntlm => &self.ntlm,
        };
        sorted.as_ref().map_or(Ok(()), |sorted| sorted.visit(visit))
    }

    /// Makes them the passwords of a breach in the store in `passwords`, in the place of those of an earlier import. `now` is in seconds
    /// since 1970.
    ///
    /// # Errors
    /// When the store is being changed by another command, or files can't be read or written.
    pub fn keep(&self, passwords: &Path, breach: &str, now: i64) -> Result<(), Error> {
        let source = format!("{SOURCE_BEGINS}{breach}");
        let before = if passwords.exists() {
            Passwords::open(passwords)?.statistics()?
        } else {
            Vec::new()
        };
        let mut written = Vec::new();
        for kind in HashKind::ALL {
            let path = self.folder.join(format!("{}.txt", kind.name()));
            if self.write(kind, &path)? > 0 {
                written.push((kind, path));
            }
        }
        let is_gone = |kind: HashKind| written.iter().all(|(written, _)| *written != kind);
        if before
            .iter()
            .any(|corpus| corpus.source == source && is_gone(corpus.kind))
        {
            remove(passwords, &source, &mut |_| ())?;
        }
        for (kind, path) in written {
            let options = ImportOptions {
                source: Some(source.clone()),
                kind: Some(kind),
                format: Some(Format::Hashes),
                memory_bytes: MEMORY_BYTES,
                existing: Existing::ReplaceWithLess,
                now,
            };
            import(passwords, Input::Path(path), &options, &mut |_| ())?;
        }
        Ok(())
    }

    /// Writes the hashes of a kind as lines `HASH:COUNT`: how many.
    fn write(&self, kind: HashKind, path: &Path) -> Result<u64, Error> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path);
        let mut out = BufWriter::new(file.map_err(Error::io("make", path))?);
        let mut lines = 0;
        self.visit(kind, &mut |hash, count| {
            lines += 1;
            write_line(&mut out, hash, count).map_err(Error::io("write", path))?;
            Ok(ControlFlow::Continue(()))
        })?;
        out.flush().map_err(Error::io("write", path))?;
        Ok(lines)
    }
}

fn write_line(out: &mut BufWriter<File>, hash: &[u8], count: u64) -> io::Result<()> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in hash {
        let digits = [byte >> 4, byte & 15].map(|digit| DIGITS.get(usize::from(digit)).copied().unwrap_or(b'0'));
        out.write_all(&digits)?;
    }
    writeln!(out, ":{count}")
}
