//! What a kernel's page cache does for a client, in small: blocks that were read stay for a while, written ones are kept
//! back, sorted, joined and sent later. Without it the guard would see what no real client sends: every byte at once.
//!
//! Invariant: a block that waits to be written is never dropped, except with the whole cache.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::client::Client;
use super::meter::Meter;

/// Bytes of a block.
pub(super) const BLOCK_BYTES: usize = 4096;
/// Blocks held at most: 8 MiB.
const HELD_MOST: usize = 2048;
/// Blocks that may wait to be written: 1 MiB. Then all of them are sent.
const WAITING_MOST: usize = 256;
/// How long a block may wait to be written.
const WAITING_LONGEST: Duration = Duration::from_secs(1);
/// Blocks that one request carries at most: 128 KiB.
const REQUEST_BLOCKS: u64 = 32;

type Block = Box<[u8; BLOCK_BYTES]>;

/// The cache of one connection.
pub(super) struct Cache {
    client: Client,
    meter: Rc<RefCell<Meter>>,
    blocks: BTreeMap<u64, Held>,
    /// Blocks that wait to be written.
    waiting: BTreeSet<u64>,
    waiting_since: Instant,
    /// Counts accesses; the block that wasn't accessed for the longest time goes first.
    accesses: u64,
    /// The block after those read last, and how far to read ahead.
    next_read: u64,
    ahead: u64,
    /// Why a write was refused. As with a kernel, it is too late then to tell whoever wrote; whoever writes next is told.
    refused: Option<io::ErrorKind>,
}

struct Held {
    bytes: Block,
    accessed: u64,
}

impl Cache {
    pub(super) fn new(client: Client, meter: Rc<RefCell<Meter>>) -> Self {
        Self {
            client,
            meter,
            blocks: BTreeMap::new(),
            waiting: BTreeSet::new(),
            waiting_since: Instant::now(),
            accesses: 0,
            next_read: u64::MAX,
            ahead: 1,
            refused: None,
        }
    }

    /// Sends everything that waits, and has it made durable.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.write_back()?;
        self.client.flush()
    }

    /// Sends what has waited long enough. A refusal is told to whoever writes next.
    pub(super) fn age(&mut self) {
        if !self.waiting.is_empty() && self.waiting_since.elapsed() >= WAITING_LONGEST {
            let _ = self.write_back();
        }
    }

    /// A block, from the disk unless it is held.
    fn block(&mut self, number: u64) -> io::Result<&mut Held> {
        if !self.blocks.contains_key(&number) {
            self.fetch(number)?;
        }
        self.accesses += 1;
        let accessed = self.accesses;
        let held = self.blocks.get_mut(&number);
        let held = held.ok_or_else(|| io::Error::other("a block that was just read is gone"))?;
        held.accessed = accessed;
        Ok(held)
    }

    /// Reads a block from the disk; with it, where blocks are read in order, more and more of those behind it.
    fn fetch(&mut self, number: u64) -> io::Result<()> {
        self.ahead = if number == self.next_read {
            (self.ahead * 2).min(REQUEST_BLOCKS)
        } else {
            1
        };
        let end = self.client.size_bytes() / BLOCK_BYTES as u64;
        let count = (number..end.min(number + self.ahead))
            .take_while(|block| !self.blocks.contains_key(block))
            .count();
        let mut buffer = vec![0; count.max(1) * BLOCK_BYTES];
        self.make_room(count)?;
        self.client.read(number * BLOCK_BYTES as u64, &mut buffer)?;
        self.meter.borrow_mut().read(number, &buffer);
        for (block, bytes) in (number..).zip(buffer.chunks_exact(BLOCK_BYTES)) {
            self.insert(block, bytes);
        }
        self.next_read = number + count as u64;
        Ok(())
    }

    fn insert(&mut self, number: u64, content: &[u8]) {
        let mut bytes = Box::new([0; BLOCK_BYTES]);
        for (to, from) in bytes.iter_mut().zip(content) {
            *to = *from;
        }
        let accessed = self.accesses;
        self.blocks.insert(number, Held { bytes, accessed });
    }

    /// Drops the blocks that weren't accessed for the longest time, an eighth of all, if there is no room for `more`.
    fn make_room(&mut self, more: usize) -> io::Result<()> {
        if self.blocks.len() + more <= HELD_MOST {
            return Ok(());
        }
        self.write_back()?;
        let mut order: Vec<_> = self
            .blocks
            .iter()
            .map(|(number, held)| (held.accessed, *number))
            .collect();
        order.sort_unstable();
        for (_, number) in order.iter().take(HELD_MOST / 8 + more) {
            self.blocks.remove(number);
        }
        Ok(())
    }

    fn write_part(&mut self, number: u64, start: usize, data: &[u8]) -> io::Result<()> {
        if let Some(kind) = self.refused {
            return Err(kind.into());
        }
        if data.len() == BLOCK_BYTES && !self.blocks.contains_key(&number) {
            self.make_room(1)?;
            self.insert(number, data);
        }
        let held = self.block(number)?;
        for (to, from) in held.bytes.iter_mut().skip(start).zip(data) {
            *to = *from;
        }
        if self.waiting.is_empty() {
            self.waiting_since = Instant::now();
        }
        self.waiting.insert(number);
        if self.waiting.len() >= WAITING_MOST {
            self.write_back()?;
        }
        Ok(())
    }

    /// Sends everything that waits, in the disk's order, neighbours together.
    pub(super) fn write_back(&mut self) -> io::Result<()> {
        while let Some(first) = self.waiting.first().copied() {
            let run: Vec<u64> = (first..first + REQUEST_BLOCKS)
                .take_while(|block| self.waiting.contains(block))
                .collect();
            let held = run.iter().filter_map(|block| self.blocks.get(block));
            let bytes: Vec<u8> = held.flat_map(|held| held.bytes.iter().copied()).collect();
            if let Err(error) = self.client.write(first * BLOCK_BYTES as u64, &bytes) {
                self.refused = Some(error.kind());
                return Err(error);
            }
            self.meter.borrow_mut().wrote(first, &bytes);
            for block in run {
                self.waiting.remove(&block);
            }
        }
        Ok(())
    }
}

/// The disk as the file system sees it: a stream of bytes with a position, on a cache that others see too.
pub(super) struct Handle {
    cache: Rc<RefCell<Cache>>,
    position: u64,
}

impl Handle {
    pub(super) const fn new(cache: Rc<RefCell<Cache>>) -> Self {
        Self { cache, position: 0 }
    }

    /// The block at the position, the place within it, and how many of `length` bytes lie in it.
    fn part(&self, length: usize) -> (u64, usize, usize) {
        let start = (self.position % BLOCK_BYTES as u64) as usize;
        let left = self.cache.borrow().client.size_bytes().saturating_sub(self.position);
        let within = (BLOCK_BYTES - start).min(length);
        let within = usize::try_from(left).map_or(within, |left| left.min(within));
        (self.position / BLOCK_BYTES as u64, start, within)
    }
}

impl Read for Handle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (number, start, length) = self.part(buffer.len());
        if length > 0 {
            let mut cache = self.cache.borrow_mut();
            let held = cache.block(number)?;
            for (to, from) in buffer.iter_mut().zip(held.bytes.iter().skip(start)) {
                *to = *from;
            }
        }
        self.position += length as u64;
        Ok(length)
    }
}

impl Write for Handle {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let (number, start, length) = self.part(data.len());
        if let Some(data) = data.get(..length).filter(|data| !data.is_empty()) {
            self.cache.borrow_mut().write_part(number, start, data)?;
        }
        self.position += length as u64;
        Ok(length)
    }

    /// Closing a file doesn't make it durable: [`Cache::sync`] does.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Handle {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let size = self.cache.borrow().client.size_bytes();
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
            SeekFrom::End(distance) => size.checked_add_signed(distance),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
