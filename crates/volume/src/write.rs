//! Changing the live disk: writes, zeros and trims, from request to log and map.

use std::borrow::Cow;
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;

use crate::device::{Hole, WriteRequest};
use crate::error::Error;
use crate::format::{BLOCK_BYTES, Entry, Record, RecordKind, SLOT_BYTES, payload_crc};
use crate::locks::{lock, read_lock, write_lock};
use crate::log::{Appended, Appender, Purpose};
use crate::observer::Observer;
use crate::reader::check_range;
use crate::storage::Wait;
use crate::time::{Sequence, Timestamp};
use crate::volume::Volume;

const BLOCK: u64 = BLOCK_BYTES as u64;

impl Volume {
    /// Applies all writes, in order, as one batch (or several, if they don't fit into one).
    pub fn write(&self, writes: &[WriteRequest<'_>], now: Timestamp) -> Result<Sequence, Error> {
        self.write_in_epoch(writes, now, None, None)
    }

    /// Makes a range read as zeros.
    pub fn zero(&self, offset: u64, length: u64, hole: Hole, now: Timestamp) -> Result<Sequence, Error> {
        let kind = if hole == Hole::Allowed {
            RecordKind::Hole
        } else {
            RecordKind::Zero
        };
        self.clear_in_epoch(offset, length, kind, now, None)
    }

    /// Drops a range, which reads as zeros afterwards. Its past is kept.
    pub fn trim(&self, offset: u64, length: u64, now: Timestamp) -> Result<Sequence, Error> {
        self.clear_in_epoch(offset, length, RecordKind::Hole, now, None)
    }

    pub(crate) fn write_in_epoch(
        &self,
        writes: &[WriteRequest<'_>],
        now: Timestamp,
        epoch: Option<u64>,
        observer: Option<&mut dyn Observer>,
    ) -> Result<Sequence, Error> {
        for write in writes {
            check_range(write.offset, write.data.len() as u64, self.size_bytes())?;
        }
        self.relieve_memory(now)?;
        let mut batch = PendingBatch::new(self, now, epoch);
        batch.observer = observer;
        for write in writes {
            batch.put(write.offset, write.data)?;
        }
        batch.finish()
    }

    pub(crate) fn clear_in_epoch(
        &self,
        offset: u64,
        length: u64,
        kind: RecordKind,
        now: Timestamp,
        epoch: Option<u64>,
    ) -> Result<Sequence, Error> {
        let size = self.size_bytes();
        check_range(offset, length, size)?;
        self.relieve_memory(now)?;
        let mut batch = PendingBatch::new(self, now, epoch);
        let end = offset + length;
        if end == size && !size.is_multiple_of(BLOCK) {
            // The disk must not grow into its last block before that is cleared. Sizes change under the appender.
            batch.lock_appender()?;
            if self.size_bytes() != size {
                drop(batch);
                return self.clear_in_epoch(offset, length, kind, now, epoch);
            }
        }
        let first_whole = offset.div_ceil(BLOCK);
        // The disk's last block counts as whole even if the disk ends within it.
        let last_whole = if end == size { end.div_ceil(BLOCK) } else { end / BLOCK };
        let zeros = [0; BLOCK_BYTES];
        if first_whole > last_whole || (first_whole == last_whole && length < BLOCK) {
            let within = zeros.get(..usize::try_from(length).unwrap_or(0)).unwrap_or_default();
            put_zeros(&mut batch, offset, within)?;
            return batch.finish();
        }
        put_zeros(
            &mut batch,
            offset,
            zeros.get(..(first_whole * BLOCK - offset) as usize).unwrap_or_default(),
        )?;
        batch.clear(first_whole, last_whole, kind)?;
        let tail = end.saturating_sub(last_whole * BLOCK) as usize;
        put_zeros(&mut batch, last_whole * BLOCK, zeros.get(..tail).unwrap_or_default())?;
        batch.finish()
    }

    /// Writes a checkpoint first if the changes since the last one fill the memory set aside for them, or if a crash
    /// now would take long to recover from. Normally `maintain` did so long before.
    fn relieve_memory(&self, now: Timestamp) -> Result<(), Error> {
        if !self.is_checkpoint_due() {
            return Ok(());
        }
        if !self.has_rung.swap(true, Ordering::Relaxed) {
            self.doorbell.ring();
        }
        if !self.is_checkpoint_overdue() {
            return Ok(());
        }
        let mut control = lock(&self.control);
        if self.is_checkpoint_overdue() {
            self.checkpoint_locked(&mut control, now)
        } else {
            Ok(())
        }
    }

    fn is_checkpoint_overdue(&self) -> bool {
        self.is_checkpoint_due_at(2)
    }
}

/// Writes zeros into the blocks at a range's ends; a range may span two partial blocks.
fn put_zeros<'d>(batch: &mut PendingBatch<'_, 'd, '_>, offset: u64, zeros: &'d [u8]) -> Result<(), Error> {
    if zeros.is_empty() {
        Ok(())
    } else {
        batch.put(offset, zeros)
    }
}

/// Records and payloads that will be appended together.
///
/// The appender is locked when the first block needs its former content (a write of a part of it), because nobody may
/// change the block between the read and the append; otherwise only for the append itself.
struct PendingBatch<'v, 'd, 'o> {
    volume: &'v Volume,
    now: Timestamp,
    epoch: Option<u64>,
    appender: Option<MutexGuard<'v, Appender>>,
    records: Vec<Record>,
    payloads: Vec<Cow<'d, [u8]>>,
    payload_bytes: usize,
    payload_bytes_max: usize,
    last: Option<Sequence>,
    observer: Option<&'o mut dyn Observer>,
}

impl<'v, 'd> PendingBatch<'v, 'd, '_> {
    fn new(volume: &'v Volume, now: Timestamp, epoch: Option<u64>) -> Self {
        let payload_bytes_max = volume.batch_bytes_max;
        Self {
            volume,
            now,
            epoch,
            appender: None,
            records: Vec::new(),
            payloads: Vec::new(),
            payload_bytes: 0,
            payload_bytes_max,
            last: None,
            observer: None,
        }
    }

    fn put(&mut self, mut offset: u64, mut data: &'d [u8]) -> Result<(), Error> {
        while !data.is_empty() {
            let within = (offset % BLOCK) as usize;
            let space = self.payload_bytes_max - self.payload_bytes;
            if space < BLOCK_BYTES {
                self.commit()?;
                continue;
            }
            let whole = data.len().min(space) / BLOCK_BYTES * BLOCK_BYTES;
            let count = if within == 0 && whole > 0 {
                whole
            } else {
                (BLOCK_BYTES - within).min(data.len())
            };
            let Some((part, rest)) = data.split_at_checked(count) else {
                break;
            };
            if within == 0 && whole > 0 {
                self.push_blocks(offset / BLOCK, Cow::Borrowed(part));
            } else {
                self.put_part(offset / BLOCK, within, part)?;
            }
            offset += count as u64;
            data = rest;
        }
        Ok(())
    }

    fn push_blocks(&mut self, first: u64, data: Cow<'d, [u8]>) {
        for (block, bytes) in (first..).zip(data.chunks(BLOCK_BYTES)) {
            // First: it reads the block in order, which is then in the processor's cache for an observer that looks here and there.
            let crc = payload_crc(bytes);
            let class = self.observer.as_mut().map_or(0, |observer| observer.classify(bytes));
            self.records.push(Record {
                kind: RecordKind::Write,
                class,
                payload_length: BLOCK_BYTES as u32,
                address: block,
                count: 1,
                crc,
            });
        }
        self.payload_bytes += data.len();
        self.payloads.push(data);
    }

    /// Merges a part of a block with its former content.
    fn put_part(&mut self, block: u64, within: usize, part: &[u8]) -> Result<(), Error> {
        // What is pending may be the former content: the map must know it first.
        if self.records.iter().any(|record| record.address == block) {
            self.commit()?;
        }
        self.lock_appender()?;
        let mut whole = vec![0; BLOCK_BYTES];
        self.volume.read_whole_block(block, &mut whole)?;
        if let Some(target) = whole.get_mut(within..within + part.len()) {
            target.copy_from_slice(part);
        }
        self.push_blocks(block, Cow::Owned(whole));
        Ok(())
    }

    /// Clears whole blocks, in as many records as their number needs.
    fn clear(&mut self, first: u64, end: u64, kind: RecordKind) -> Result<(), Error> {
        let mut start = first;
        while start < end {
            let count = u32::try_from(end - start).unwrap_or(u32::MAX);
            self.commit()?;
            self.records.push(Record {
                kind,
                class: 0,
                payload_length: 0,
                address: start,
                count,
                crc: 0,
            });
            start += u64::from(count);
        }
        Ok(())
    }

    fn lock_appender(&mut self) -> Result<(), Error> {
        if self.appender.is_some() {
            return Ok(());
        }
        let appender = self.volume.log.appender()?;
        if self.epoch.is_some_and(|epoch| epoch != self.volume.epoch()) {
            return Err(Error::StaleEpoch);
        }
        self.appender = Some(appender);
        Ok(())
    }

    /// Appends what is pending and makes the map know it.
    fn commit(&mut self) -> Result<(), Error> {
        if self.records.is_empty() {
            return Ok(());
        }
        let before = self.observer.is_some().then(|| self.volume.before(&self.records));
        self.lock_appender()?;
        self.check_size()?;
        let Some(appender) = &mut self.appender else {
            return Err(Error::Poisoned);
        };
        let payloads: Vec<&[u8]> = self.payloads.iter().map(AsRef::as_ref).collect();
        let appended = appender
            .append(Purpose::Client, &self.records, &payloads, self.now)
            .inspect_err(|error| self.volume.log.note_failure(error))?;
        self.volume.apply(&self.records, &appended);
        self.volume.client_batches.fetch_add(1, Ordering::Relaxed);
        if let (Some(observer), Some(mut before)) = (&mut self.observer, before) {
            before.note(&appended);
            observer.written(before, self.now);
        }
        self.last = Some(appended.sequence);
        self.records.clear();
        self.payloads.clear();
        self.payload_bytes = 0;
        Ok(())
    }

    /// The disk may have become smaller since the request was checked.
    fn check_size(&self) -> Result<(), Error> {
        let size = self.volume.size_bytes();
        let blocks = size.div_ceil(BLOCK);
        match self
            .records
            .iter()
            .find(|record| record.address + u64::from(record.count) > blocks)
        {
            Some(record) => Err(Error::OutOfRange {
                offset: record.address * BLOCK,
                length: u64::from(record.count) * BLOCK,
                size,
            }),
            None => Ok(()),
        }
    }

    fn finish(mut self) -> Result<Sequence, Error> {
        self.commit()?;
        // An empty request: checked for the epoch and the volume's health all the same.
        self.lock_appender()?;
        let Some(mut appender) = self.appender.take() else {
            return Err(Error::Poisoned);
        };
        let newest = Sequence(appender.next().0 - 1);
        let write_behind = appender.take_write_behind();
        drop(appender);
        if let Some(write_behind) = write_behind {
            write_behind.start();
        }
        Ok(self.last.unwrap_or(newest))
    }
}

impl Volume {
    /// Before a disk that ends within a block grows: zeros what the block's rest still holds of a time when the disk
    /// was larger. Until then nobody can read that rest.
    pub(crate) fn clear_hidden_tail(&self, new_size_bytes: u64, now: Timestamp) -> Result<(), Error> {
        let size = self.size_bytes();
        if new_size_bytes <= size || size.is_multiple_of(BLOCK) {
            return Ok(());
        }
        let zeros = [0; BLOCK_BYTES];
        let rest = zeros.get((size % BLOCK) as usize..).unwrap_or_default();
        let mut batch = PendingBatch::new(self, now, None);
        batch.put(size, rest)?;
        batch.finish().map(|_| ())
    }

    /// One block as it is now, to its end even if the disk ends within it.
    fn read_whole_block(&self, block: u64, buffer: &mut [u8]) -> Result<(), Error> {
        let partial = read_lock(&self.map).partial(block, 1);
        let entries = partial.complete(&self.nodes, Wait::Allowed)?;
        crate::reader::read_blocks(&self.segments, &entries, block * BLOCK, buffer, Wait::Allowed)
    }

    /// Makes the map know a batch that was appended. The caller holds the appender.
    pub(crate) fn apply(&self, records: &[Record], appended: &Appended) {
        let mut location = appended.payload;
        let mut written = 0;
        let mut map = write_lock(&self.map);
        for record in records {
            let first = record.address;
            let end = first + u64::from(record.count);
            match record.kind {
                RecordKind::Write => {
                    written += 1;
                    map.delta
                        .set(first, Entry::data(location, record.class, record.crc, appended.time));
                }
                RecordKind::Zero => map.delta.fill(first, end, Entry::zero(appended.time)),
                RecordKind::Hole => map.delta.fill(first, end, Entry::hole(appended.time)),
                RecordKind::Node | RecordKind::Checkpoint | RecordKind::Moved => {}
            }
            location.slot.0 += (record.stored_bytes() / SLOT_BYTES) as u32;
        }
        drop(map);
        self.written_since_checkpoint.fetch_add(written, Ordering::Relaxed);
        self.records_since_checkpoint
            .fetch_add(records.len() as u64, Ordering::Relaxed);
    }
}
