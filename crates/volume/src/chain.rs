//! The hash chain file of a volume: reading it at the start, continuing it as segments are sealed and rewritten.

use std::io::IoSlice;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::error::Error;
use crate::format::{CHAIN_RECORD_BYTES, ChainEvent, ChainLink, ChainRecord, Segment};
use crate::segment::{file_error, file_name};
use crate::storage::{Directory, File, Wait};
use crate::time::Timestamp;

pub(crate) const CHAIN_FILE: &str = "chain";
/// Space kept ready, so that removing segments from a full disk, which is recorded first, works.
const AHEAD_BYTES: u64 = 64 << 10;
/// Bytes hashed at a time.
const HASH_BYTES: usize = 1 << 20;

/// What the chain says a segment may contain.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Expected {
    pub(crate) newest: Option<ChainLink>,
    /// Before a rewrite that may not have taken place.
    pub(crate) before: Option<ChainLink>,
}

/// The chain of one volume.
#[derive(Debug)]
pub(crate) struct Chain {
    file: Arc<dyn File>,
    head: ChainLink,
    records: u64,
    expected: FxHashMap<Segment, Expected>,
    /// Whether every record that was read continued the one before it.
    pub(crate) intact: bool,
    is_space_ready: bool,
}

impl Chain {
    /// Opens the chain, which starts from a hash of the volume's id, creating it if there is none. A torn last record is overwritten by the next.
    pub(crate) fn open(directory: &Arc<dyn Directory>, volume: &[u8; 16]) -> Result<Self, Error> {
        let file = match directory.open(CHAIN_FILE) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => directory.create(CHAIN_FILE),
            opened => opened,
        };
        let file = file.map_err(|source| file_error("open", CHAIN_FILE, source))?;
        // What a failed sync left in the system's cache only must not be taken for written.
        file.forget_cache();
        let mut chain = Self {
            file,
            head: blake3::hash(volume).into(),
            records: 0,
            expected: FxHashMap::default(),
            intact: true,
            is_space_ready: false,
        };
        chain.load()?;
        // A record that a killed process wrote and didn't sync is continued from here on: it must not be lost.
        chain
            .file
            .sync()
            .map_err(|source| file_error("sync", CHAIN_FILE, source))?;
        Ok(chain)
    }

    /// Reserves space for more records, once. Where the disk is full already, what was kept ready before has to do.
    pub(crate) fn keep_space_ready(&mut self) {
        if !self.is_space_ready {
            let bytes = self.records * CHAIN_RECORD_BYTES as u64 + AHEAD_BYTES;
            self.is_space_ready = self.file.allocate(bytes).is_ok();
        }
    }

    fn load(&mut self) -> Result<(), Error> {
        let length = self
            .file
            .length()
            .map_err(|source| file_error("read", CHAIN_FILE, source))?;
        let count = length / CHAIN_RECORD_BYTES as u64;
        for index in 0..count {
            match self.read(index) {
                // Like one that doesn't parse: old bytes of the disk, where the record was lost in a crash.
                Some(record) if index + 1 == count && !record.continues(&self.head) => {}
                Some(record) => {
                    self.intact &= record.continues(&self.head);
                    self.note(&record);
                    self.records = index + 1;
                }
                // The last record may be torn; one in the middle was changed.
                None if index + 1 == count => {}
                None => {
                    self.intact = false;
                    self.records = index + 1;
                }
            }
        }
        Ok(())
    }

    /// A record, if it is whole. One that can't be read is damaged like one that reads wrong: neither may keep a volume
    /// from being opened. Some errors pass, so it is asked for twice.
    fn read(&self, index: u64) -> Option<ChainRecord> {
        let mut bytes = [0; CHAIN_RECORD_BYTES];
        let offset = index * CHAIN_RECORD_BYTES as u64;
        let mut read = || self.file.read_at(offset, &mut bytes, Wait::Allowed);
        read().or_else(|_| read()).ok()?;
        ChainRecord::parse(&bytes)
    }

    fn note(&mut self, record: &ChainRecord) {
        self.head = record.link;
        if record.event == ChainEvent::Removed {
            self.expected.remove(&record.segment);
            return;
        }
        let expected = self.expected.entry(record.segment).or_default();
        expected.before = expected.newest.filter(|_| record.event == ChainEvent::Rewritten);
        expected.newest = Some(record.content);
    }

    /// Appends a record and makes it durable.
    pub(crate) fn append(
        &mut self,
        event: ChainEvent,
        segment: Segment,
        content: ChainLink,
        now: Timestamp,
    ) -> Result<(), Error> {
        let record = ChainRecord::new(&self.head, event, segment, now, content);
        let offset = self.records * CHAIN_RECORD_BYTES as u64;
        let bytes = record.encode();
        let written = self
            .file
            .write_at(offset, &mut [IoSlice::new(&bytes)])
            .and_then(|()| self.file.sync());
        written.map_err(|source| file_error("write", CHAIN_FILE, source))?;
        self.note(&record);
        self.records += 1;
        Ok(())
    }

    /// Before a segment is rewritten once more: if the last rewrite that was announced never took place, says again what
    /// the segment holds. Otherwise two of them that a crash cut off would leave its content unknown.
    pub(crate) fn restate(&mut self, segment: Segment, file: &dyn File, now: Timestamp) -> Result<(), Error> {
        let expected = self.expected(segment);
        let Some(before) = expected.before.filter(|before| Some(*before) != expected.newest) else {
            return Ok(());
        };
        if hash_file(file, &file_name(segment))? == before {
            self.append(ChainEvent::Sealed, segment, before, now)?;
        }
        Ok(())
    }

    pub(crate) fn head(&self) -> ChainLink {
        self.head
    }

    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// Every segment that must be there.
    pub(crate) fn segments(&self) -> impl Iterator<Item = Segment> {
        self.expected.keys().copied()
    }

    pub(crate) fn expected(&self, segment: Segment) -> Expected {
        self.expected.get(&segment).copied().unwrap_or_default()
    }
}

/// BLAKE3 of a whole file.
pub(crate) fn hash_file(file: &dyn File, name: &str) -> Result<ChainLink, Error> {
    let error = |source| file_error("read", name, source);
    let length = file.length().map_err(error)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; HASH_BYTES];
    let mut offset = 0;
    while offset < length {
        let count = usize::try_from(length - offset).unwrap_or(usize::MAX).min(HASH_BYTES);
        let part = buffer.get_mut(..count).unwrap_or_default();
        file.read_at(offset, part, Wait::Allowed).map_err(error)?;
        hasher.update(part);
        offset += count as u64;
    }
    Ok(hasher.finalize().into())
}
