//! What survives a restart: the windows, the timeline and the suspicion. What was read lately does not.
//!
//! Times are saved as ages, because the clock begins anew with the program.

use crate::Micros;
use crate::counters::{COUNTS, WINDOWS};
use crate::onset::Entry;
use crate::sentinel::Sentinel;

const MAGIC: [u8; 4] = *b"HFSS";
const VERSION: u32 = 2;
const ENTRIES: usize = 256 + 512;
/// Bytes of a saved sentinel: magic, version, suspicion, calm age; counts; two timelines with their numbers of entries.
pub const SAVED_BYTES: usize = 4 + 4 + 4 + 8 + 8 * COUNTS * (WINDOWS + 1) + 2 * 4 + 16 * ENTRIES;

/// Why saved bytes can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SavedError {
    /// Of another version.
    OtherVersion,
    /// Cut off, or not a saved sentinel at all.
    Damaged,
}

impl core::fmt::Display for SavedError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::OtherVersion => "saved by another version",
            Self::Damaged => "damaged",
        })
    }
}

impl core::error::Error for SavedError {}

struct Writer<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        if let Some(slot) = self.out.get_mut(self.at..end) {
            slot.copy_from_slice(bytes);
        }
        self.at = end;
    }

    fn entries(&mut self, entries: &[Entry], begun: u32, now: Micros) {
        self.put(&begun.to_le_bytes());
        for entry in entries {
            self.put(&now.saturating_sub(entry.began).to_le_bytes());
            self.put(&entry.suspicious.to_le_bytes());
            self.put(&entry.written.to_le_bytes());
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn take<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], SavedError> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or(SavedError::Damaged)?;
        self.bytes = rest;
        Ok(*taken)
    }

    fn u32(&mut self) -> Result<u32, SavedError> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, SavedError> {
        self.take().map(u64::from_le_bytes)
    }

    fn entries(&mut self, entries: &mut [Entry], now: Micros) -> Result<u32, SavedError> {
        let begun = self.u32()?;
        for entry in entries {
            *entry = Entry {
                began: now.saturating_sub(self.u64()?),
                suspicious: self.u32()?,
                written: self.u32()?,
            };
        }
        Ok(begun)
    }
}

impl Sentinel {
    /// Saves what must survive a restart.
    pub fn save(&self, now: Micros, out: &mut [u8; SAVED_BYTES]) {
        let mut writer = Writer { out, at: 0 };
        writer.put(&MAGIC);
        writer.put(&VERSION.to_le_bytes());
        writer.put(&self.suspicion.to_le_bytes());
        writer.put(&now.saturating_sub(self.calm_until).to_le_bytes());
        for window in &self.counters.windows {
            for count in window {
                writer.put(&count.to_le_bytes());
            }
        }
        let (fine, coarse) = (&self.timeline.fine, &self.timeline.coarse);
        writer.entries(&fine.entries, fine.begun, now);
        writer.entries(&coarse.entries, coarse.begun, now);
    }

    /// Continues from what was saved. `pause` is the time for which nothing was seen; `now` must be at least as far from
    /// the clock's beginning as the history that is to be kept (`timeline` entries older than that begin at zero).
    pub fn restore(&mut self, now: Micros, pause: Micros, saved: &[u8]) -> Result<(), SavedError> {
        let mut reader = Reader { bytes: saved };
        if reader.take()? != MAGIC {
            return Err(SavedError::Damaged);
        }
        if reader.u32()? != VERSION {
            return Err(SavedError::OtherVersion);
        }
        if saved.len() != SAVED_BYTES {
            return Err(SavedError::Damaged);
        }
        let then = now.saturating_sub(pause);
        self.suspicion = i32::from_le_bytes(reader.take()?).max(0);
        self.calm_until = then.saturating_sub(reader.u64()?);
        for window in &mut self.counters.windows {
            for count in window {
                // Sums of products of counts must not overflow, whatever the file says.
                *count = reader.u64()?.min(1 << 52);
            }
        }
        self.counters.slice_began = then;
        self.timeline.fine.begun = reader.entries(&mut self.timeline.fine.entries, then)?;
        self.timeline.coarse.begun = reader.entries(&mut self.timeline.coarse.entries, then)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::{Class, Former, Look, Written};
    use std::boxed::Box;
    use std::vec;

    const SECOND: Micros = 1_000_000;

    fn busy() -> Box<Sentinel> {
        let mut sentinel = Box::new(Sentinel::new());
        let look = Look {
            class: Class::Random,
            distinct: 160,
        };
        let former = Former {
            class: Class::Text,
            is_stored: true,
            age_seconds: Some(9999),
            ..Former::default()
        };
        let blocks = vec![Written { look, former }; 100];
        for second in 10_000..10_100 {
            sentinel.read(second * SECOND, second * 100, 100);
            sentinel.write(second * SECOND, second * 100, &blocks);
            let _ = sentinel.assess(second * SECOND, &crate::Model::shipped());
        }
        sentinel
    }

    #[test]
    fn a_saved_sentinel_goes_on_where_it_was() {
        let before = busy();
        let mut saved = Box::new([0; SAVED_BYTES]);
        before.save(10_100 * SECOND, &mut saved);
        let mut after = Box::new(Sentinel::new());
        // The clock of the next run stands elsewhere.
        after.restore(900_000 * SECOND, 0, &*saved).unwrap();
        assert_eq!(after.features(), before.features());
        assert_eq!(after.suspicion, before.suspicion);
        let shift = 900_000 * SECOND - 10_100 * SECOND;
        assert_eq!(
            after.timeline.onset(900_000 * SECOND),
            before.timeline.onset(10_100 * SECOND) + shift
        );
    }

    #[test]
    fn damaged_bytes_are_refused_and_forged_counts_do_no_harm() {
        let mut saved = Box::new([0; SAVED_BYTES]);
        busy().save(0, &mut saved);
        let mut sentinel = Box::new(Sentinel::new());
        assert_eq!(sentinel.restore(0, 0, &saved[..100]), Err(SavedError::Damaged));
        assert_eq!(sentinel.restore(0, 0, &[]), Err(SavedError::Damaged));
        saved[4] = 9;
        assert_eq!(sentinel.restore(0, 0, &*saved), Err(SavedError::OtherVersion));
        saved[4] = VERSION as u8;
        saved[8..].fill(0xff);
        sentinel.restore(5, 0, &*saved).unwrap();
        let _ = sentinel.features();
        sentinel.write(10 * SECOND, 0, &[Written::default(); 200]);
        let _ = sentinel.assess(10 * SECOND, &crate::Model::shipped());
    }
}
