//! What the keyed function gave for each identity, kept so that a new index costs work for new people only. As secret as the key: who
//! has it can open the index. Readable by its owner only.
//!
//! ```text
//! magic "HFSEED01" || public key, 32 || rows, u64 || CRC-32C of the rows, u32 || CRC-32C of these 52 bytes, u32
//! rows, sorted: identity, 20 || seed, 32
//! ```
//!
//! It is only a cache: whatever is wrong with it, it is left aside, and everybody's seed is computed again.

use std::cmp::Ordering;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::protocol::{PublicKey, Seed};
use crate::Error;
use crate::address::Identity;

const MAGIC: &[u8; 8] = b"HFSEED01";
const HEADER_BYTES: usize = 56;
const CRC_AT: usize = 52;
const ROW_BYTES: usize = Identity::BYTES + Seed::BYTES;

fn header(key: &PublicKey, rows: u64, rows_crc: u32) -> [u8; HEADER_BYTES] {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(key.as_bytes());
    bytes.extend_from_slice(&rows.to_le_bytes());
    bytes.extend_from_slice(&rows_crc.to_le_bytes());
    debug_assert_eq!(bytes.len(), CRC_AT);
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    let mut header = [0; HEADER_BYTES];
    header.copy_from_slice(&bytes);
    header
}

/// Earlier seeds, walked through in the order of the identities.
pub(super) struct SeedReader {
    rows: Option<BufReader<File>>,
    next: Option<(Identity, Seed)>,
}

impl SeedReader {
    /// No earlier seeds.
    pub(super) const fn nothing() -> Self {
        Self { rows: None, next: None }
    }

    /// The seeds in a file, if it is whole and of this key; else none.
    pub(super) fn open(path: &Path, key: &PublicKey) -> Self {
        let Ok(Some(rows)) = checked(path, key) else {
            return Self::nothing();
        };
        let mut reader = Self {
            rows: Some(rows),
            next: None,
        };
        reader.step();
        reader
    }

    /// The seed of an identity. Identities must be asked for in ascending order.
    pub(super) fn seed(&mut self, identity: Identity) -> Option<Seed> {
        while let Some((next, seed)) = self.next {
            match next.cmp(&identity) {
                Ordering::Less => self.step(),
                Ordering::Equal => return Some(seed),
                Ordering::Greater => return None,
            }
        }
        None
    }

    fn step(&mut self) {
        let mut identity = [0; Identity::BYTES];
        let mut seed = [0; Seed::BYTES];
        self.next = self.rows.as_mut().and_then(|rows| {
            rows.read_exact(&mut identity).ok()?;
            rows.read_exact(&mut seed).ok()?;
            Some((Identity(identity), Seed(seed)))
        });
    }
}

/// Reads the whole file once: a seed that was damaged would make a person vanish from the index without a word.
fn checked(path: &Path, key: &PublicKey) -> std::io::Result<Option<BufReader<File>>> {
    let mut rows = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut found = [0; HEADER_BYTES];
    rows.read_exact(&mut found)?;
    let (mut checksum, mut bytes) = (0, 0_u64);
    let mut piece = vec![0; ROW_BYTES * 4096];
    loop {
        let read = rows.read(&mut piece)?;
        let Some(piece) = piece.get(..read).filter(|piece| !piece.is_empty()) else {
            break;
        };
        checksum = crc32c::crc32c_append(checksum, piece);
        bytes += read as u64;
    }
    if found != header(key, bytes / ROW_BYTES as u64, checksum) || bytes % ROW_BYTES as u64 != 0 {
        return Ok(None);
    }
    rows.seek(SeekFrom::Start(HEADER_BYTES as u64))?;
    Ok(Some(rows))
}

/// Writes seeds in the order of the identities.
pub(super) struct SeedWriter {
    path: PathBuf,
    file: BufWriter<File>,
    rows: u64,
    checksum: u32,
}

impl SeedWriter {
    /// Makes the file, which must not be there.
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(Error::io("make", path))?;
        let mut file = BufWriter::with_capacity(1 << 20, file);
        file.write_all(&[0; HEADER_BYTES]).map_err(Error::io("write", path))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            rows: 0,
            checksum: 0,
        })
    }

    pub(super) fn push(&mut self, identity: Identity, seed: &Seed) -> Result<(), Error> {
        let mut row = [0; ROW_BYTES];
        let (left, right) = row.split_at_mut(Identity::BYTES);
        left.copy_from_slice(&identity.0);
        right.copy_from_slice(&seed.0);
        self.checksum = crc32c::crc32c_append(self.checksum, &row);
        self.rows += 1;
        self.file.write_all(&row).map_err(Error::io("write", &self.path))
    }

    pub(super) fn finish(self, key: &PublicKey) -> Result<(), Error> {
        let path = self.path;
        let file = self
            .file
            .into_inner()
            .map_err(|error| Error::io("write", &path)(error.into_error()))?;
        file.write_all_at(&header(key, self.rows, self.checksum), 0)
            .and_then(|()| file.sync_all())
            .map_err(Error::io("write", &path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oblivious::ServerKey;

    #[test]
    fn seeds_are_found_again_unless_a_single_bit_differs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seeds");
        let random = ring::rand::SystemRandom::new();
        let key = ServerKey::generate(&random).unwrap().public();
        let mut writer = SeedWriter::create(&path).unwrap();
        for number in [1, 3, 5] {
            writer.push(Identity([number; 20]), &Seed([number; 32])).unwrap();
        }
        writer.finish(&key).unwrap();
        let mut reader = SeedReader::open(&path, &key);
        let found: Vec<_> = (0..7).map(|number| reader.seed(Identity([number; 20]))).collect();
        assert_eq!(found.iter().flatten().count(), 3);
        assert_eq!(found[3], Some(Seed([3; 32])));

        let other = ServerKey::generate(&random).unwrap().public();
        assert_eq!(
            SeedReader::open(&path, &other).seed(Identity([1; 20])),
            None,
            "another key's"
        );
        let whole = std::fs::read(&path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, changed).unwrap();
            assert_eq!(SeedReader::open(&path, &key).seed(Identity([1; 20])), None, "bit {bit}");
        }
        std::fs::write(&path, &whole[..whole.len() - ROW_BYTES]).unwrap();
        assert_eq!(SeedReader::open(&path, &key).seed(Identity([1; 20])), None, "cut short");
    }
}
