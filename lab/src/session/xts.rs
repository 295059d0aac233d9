//! Full-disk encryption between a disk's clients and the disk, as LUKS and BitLocker have it: AES-256-XTS in sectors of
//! 4096 bytes, tweaked with the sector's number.
//!
//! What was never written reads as noise, as on a real disk. Zeros are written as what they encrypt to; a trim passes
//! through, as with `discard` allowed. Keys come from a seed: this layer hides nothing, it only makes disks look so.

use std::sync::{Arc, PoisonError, RwLock};

use aes::Aes256;
use aes::cipher::KeyInit as _;
use volume::{Device, Error, Extent, ExtentKind, Hole, Wait, WriteRequest};
use xts_mode::{Xts128, get_tweak_default};

use crate::chance::Chance;

const SECTOR: usize = 4096;
const SECTOR_BYTES: u64 = SECTOR as u64;
/// Zeros are encrypted and written in pieces of this size.
const PIECE_BYTES: u64 = 1 << 20;

/// A disk whose content is encrypted.
pub struct Xts {
    below: Arc<dyn Device>,
    cipher: Xts128<Aes256>,
    /// Held for writing while a part of a sector is replaced: nobody may change the sector between its being read and
    /// written.
    parts: RwLock<()>,
}

impl Xts {
    /// Encrypts what goes to `below`, whose size must be a multiple of 4096 bytes, with keys made of `seed`.
    #[must_use]
    pub fn new(below: Arc<dyn Device>, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let mut key = || {
            let mut key = [0; 32];
            for word in key.chunks_exact_mut(8) {
                word.copy_from_slice(&chance.next().to_le_bytes());
            }
            Aes256::new(&key.into())
        };
        let cipher = Xts128::new(key(), key());
        Self {
            below,
            cipher,
            parts: RwLock::new(()),
        }
    }

    fn encrypt(&self, offset: u64, bytes: &mut [u8]) {
        let sector = u128::from(offset / SECTOR_BYTES);
        self.cipher.encrypt_area(bytes, SECTOR, sector, get_tweak_default);
    }

    fn decrypt(&self, offset: u64, bytes: &mut [u8]) {
        let sector = u128::from(offset / SECTOR_BYTES);
        self.cipher.decrypt_area(bytes, SECTOR, sector, get_tweak_default);
    }

    /// The sectors that a range touches, as they are, and where the range begins in them.
    fn read_sectors(&self, offset: u64, length: usize, wait: Wait) -> Result<(u64, Vec<u8>, usize), Error> {
        let start = offset - offset % SECTOR_BYTES;
        let skipped = (offset - start) as usize;
        let mut sectors = vec![0; (skipped + length).next_multiple_of(SECTOR)];
        self.below.read(start, &mut sectors, wait)?;
        self.decrypt(start, &mut sectors);
        Ok((start, sectors, skipped))
    }

    fn write_part(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        let _alone = self.parts.write().unwrap_or_else(PoisonError::into_inner);
        let (start, mut sectors, skipped) = self.read_sectors(offset, data.len(), Wait::Allowed)?;
        if let Some(part) = sectors.get_mut(skipped..skipped + data.len()) {
            part.copy_from_slice(data);
        }
        self.encrypt(start, &mut sectors);
        let (offset, data) = (start, sectors.as_slice());
        self.below.write(&[WriteRequest { offset, data }])
    }
}

const fn is_whole(offset: u64, length: usize) -> bool {
    offset.is_multiple_of(SECTOR_BYTES) && length.is_multiple_of(SECTOR)
}

impl Device for Xts {
    fn size_bytes(&self) -> u64 {
        self.below.size_bytes()
    }

    fn is_read_only(&self) -> bool {
        self.below.is_read_only()
    }

    fn read(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<(), Error> {
        if is_whole(offset, buffer.len()) {
            self.below.read(offset, buffer, wait)?;
            self.decrypt(offset, buffer);
            return Ok(());
        }
        let (_, sectors, skipped) = self.read_sectors(offset, buffer.len(), wait)?;
        if let Some(part) = sectors.get(skipped..skipped + buffer.len()) {
            buffer.copy_from_slice(part);
        }
        Ok(())
    }

    fn write(&self, writes: &[WriteRequest<'_>]) -> Result<(), Error> {
        if !writes.iter().all(|write| is_whole(write.offset, write.data.len())) {
            // Order counts where writes overlap, so that all of them go one by one.
            return writes
                .iter()
                .try_for_each(|write| self.write_part(write.offset, write.data));
        }
        let _together = self.parts.read().unwrap_or_else(PoisonError::into_inner);
        let encrypted: Vec<(u64, Vec<u8>)> = writes
            .iter()
            .map(|write| {
                let mut data = write.data.to_vec();
                self.encrypt(write.offset, &mut data);
                (write.offset, data)
            })
            .collect();
        let writes: Vec<WriteRequest<'_>> = encrypted
            .iter()
            .map(|(offset, data)| WriteRequest { offset: *offset, data })
            .collect();
        self.below.write(&writes)
    }

    fn zero(&self, offset: u64, length: u64, _: Hole) -> Result<(), Error> {
        let end = offset.saturating_add(length);
        if end > self.size_bytes() {
            let size = self.size_bytes();
            return Err(Error::OutOfRange { offset, length, size });
        }
        let mut at = offset;
        while at < end {
            // Pieces end at multiples of their size, so that all but the first and the last are whole sectors.
            let stop = end.min((at / PIECE_BYTES + 1) * PIECE_BYTES);
            let zeros = vec![0; (stop - at) as usize];
            let (offset, data) = (at, zeros.as_slice());
            self.write(&[WriteRequest { offset, data }])?;
            at = stop;
        }
        Ok(())
    }

    fn trim(&self, offset: u64, length: u64) -> Result<(), Error> {
        // Sectors that aren't trimmed as a whole must keep their other part.
        let first = offset.next_multiple_of(SECTOR_BYTES);
        let end = offset.saturating_add(length) / SECTOR_BYTES * SECTOR_BYTES;
        if end > first {
            self.below.trim(first, end - first)?;
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), Error> {
        self.below.flush()
    }

    fn prefetch(&self, offset: u64, length: u64) -> Result<(), Error> {
        self.below.prefetch(offset, length)
    }

    fn extents(&self, offset: u64, length: u64, _: usize) -> Result<Vec<Extent>, Error> {
        let size = self.size_bytes();
        if offset.checked_add(length).is_none_or(|end| end > size) {
            return Err(Error::OutOfRange { offset, length, size });
        }
        // Nothing here reads as zeros.
        let all = Extent {
            length,
            kind: ExtentKind::Data,
            written: None,
        };
        Ok(if length > 0 { vec![all] } else { Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sentinel::{Class, Look};
    use volume::{OsDirectory, Settings, Store, Timestamp, os_random};

    struct Still;

    impl volume::Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_seconds(1)
        }
    }

    fn disks() -> (tempfile::TempDir, Arc<dyn Device>, Xts) {
        let folder = tempfile::tempdir().unwrap();
        let directory = Arc::new(OsDirectory::open(folder.path()).unwrap());
        let store = Store::open(directory, Box::new(|_| Settings::default()), Box::new(os_random));
        let disk = store.create("disk", 4 << 20, Timestamp::from_unix_seconds(1)).unwrap();
        let below: Arc<dyn Device> = Arc::new(disk.attach(Arc::new(Still)));
        let xts = Xts::new(Arc::clone(&below), 7);
        (folder, below, xts)
    }

    fn read(disk: &dyn Device, offset: u64, length: usize) -> Vec<u8> {
        let mut buffer = vec![0; length];
        disk.read(offset, &mut buffer, Wait::Allowed).unwrap();
        buffer
    }

    /// Every kind of request, compared with a disk in memory. What was never written is noise: so all is written first.
    #[test]
    fn an_encrypted_disk_holds_what_was_written_to_it() {
        let (_folder, below, xts) = disks();
        let size = 2 << 20;
        let mut model = vec![0x41; size];
        xts.write(&[WriteRequest {
            offset: 0,
            data: &model,
        }])
        .unwrap();
        let mut chance = Chance::new(1);
        for number in 0..300_u64 {
            let is_aligned = number % 3 > 0;
            let unit = if is_aligned { 4096 } else { 1 };
            let offset = chance.below(size as u64 / unit) * unit;
            let length = (chance.below(20_000 / unit) + 1) * unit;
            let length = length.min(size as u64 - offset) as usize;
            let range = offset as usize..offset as usize + length;
            match number % 4 {
                0 => {
                    xts.zero(offset, length as u64, Hole::Allowed).unwrap();
                    model[range].fill(0);
                }
                1 => assert_eq!(read(&xts, offset, length), model[range]),
                _ => {
                    let mut data = vec![0; length];
                    chance.fill(&mut data);
                    let second = WriteRequest {
                        offset,
                        data: b"overlaps",
                    };
                    xts.write(&[WriteRequest { offset, data: &data }, second])
                        .unwrap_or_default();
                    if range.len() >= 8 {
                        data[..8].copy_from_slice(b"overlaps");
                        model[range].copy_from_slice(&data);
                    } else {
                        model = read(&xts, 0, size);
                    }
                }
            }
        }
        assert!(read(&xts, 0, size) == model);
        let random =
            (0..size as u64 / 4096).filter(|block| Look::at(&read(&*below, block * 4096, 4096)).class == Class::Random);
        assert!(random.count() > 490, "all is noise below");
    }

    #[test]
    fn equal_sectors_encrypt_to_different_ones_and_equal_seeds_to_equal_keys() {
        let (_folder, below, xts) = disks();
        xts.write(&[WriteRequest {
            offset: 0,
            data: &[1; 8192],
        }])
        .unwrap();
        assert_ne!(read(&*below, 0, 4096), read(&*below, 4096, 4096));
        assert_eq!(read(&Xts::new(Arc::clone(&below), 7), 0, 8192), [1; 8192]);
        assert_ne!(read(&Xts::new(Arc::clone(&below), 8), 0, 8192), [1; 8192]);
    }

    #[test]
    fn what_was_trimmed_or_never_written_reads_as_noise() {
        let (_folder, below, xts) = disks();
        assert_eq!(Look::at(&read(&xts, 65_536, 4096)).class, Class::Random);
        xts.write(&[WriteRequest {
            offset: 0,
            data: &[1; 12_288],
        }])
        .unwrap();
        xts.trim(1, 8191).unwrap();
        assert_eq!(read(&xts, 0, 4096), [1; 4096], "trimmed in part only");
        assert_eq!(Look::at(&read(&xts, 4096, 4096)).class, Class::Random);
        assert_eq!(read(&*below, 4096, 4096), [0; 4096]);
        assert_eq!(xts.extents(0, 65_536, 9).unwrap().len(), 1);
        assert!(xts.zero(4 << 20, 1, Hole::Allowed).is_err());
    }
}
