//! The part of an event log of Windows that is new: whole chunks, found by the numbers in their headers ([MS-EVEN6] 2.2.17; chunks of 64
//! KiB behind a header of 4 KiB, as libevtx documents them), so that little is read of a large log for a few new records.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// What the file begins with.
pub(super) const FILE_MAGIC: &[u8; 8] = b"ElfFile\0";
const CHUNK_MAGIC: &[u8] = b"ElfChnk\0";
const HEADER_BYTES: u64 = 4096;
const CHUNK_BYTES: u64 = 64 << 10;
/// Chunks that are read at once: two megabytes.
const CHUNKS_AT_ONCE: usize = 32;
/// Chunks of a log that are looked at: 16 GiB of them.
const CHUNKS_MAX: u64 = 1 << 18;

/// What is new in a log.
#[derive(Debug)]
pub(super) struct New {
    /// A log by itself: the header and the next chunks.
    pub(super) log: Vec<u8>,
    /// Whether all chunks with new records are in it.
    pub(super) is_all: bool,
}

struct Chunk {
    at: u64,
    first: u64,
    last: u64,
}

/// The chunks with records after the one numbered `last`; none if there are none.
pub(super) fn after(file: &File, last: u64) -> io::Result<Option<New>> {
    let mut chunks = chunks(file)?;
    chunks.sort_by_key(|chunk| chunk.first);
    chunks.retain(|chunk| chunk.last > last);
    if chunks.is_empty() {
        return Ok(None);
    }
    let is_all = chunks.len() <= CHUNKS_AT_ONCE;
    let mut log = bytes(file, 0, HEADER_BYTES)?;
    for chunk in chunks.iter().take(CHUNKS_AT_ONCE) {
        log.extend(bytes(file, chunk.at, CHUNK_BYTES)?);
    }
    Ok(Some(New { log, is_all }))
}

fn chunks(file: &File) -> io::Result<Vec<Chunk>> {
    let length = file.metadata()?.len();
    let count = (length.saturating_sub(HEADER_BYTES) / CHUNK_BYTES).min(CHUNKS_MAX);
    let mut chunks = Vec::new();
    for number in 0..count {
        let at = HEADER_BYTES + number * CHUNK_BYTES;
        let mut head = [0; 40];
        file.read_exact_at(&mut head, at)?;
        let identifier = |at: usize| {
            head.get(at..)
                .and_then(|rest| rest.first_chunk::<8>())
                .copied()
                .map_or(0, u64::from_le_bytes)
        };
        let (first, last) = (identifier(24), identifier(32));
        // A chunk that nothing was written to yet has numbers that can't be.
        if head.starts_with(CHUNK_MAGIC) && first <= last && last < u64::MAX {
            chunks.push(Chunk { at, first, last });
        }
    }
    Ok(chunks)
}

fn bytes(file: &File, at: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

/// The number of the newest record of a log; 0 if it has none.
pub(super) fn newest(file: &File) -> io::Result<u64> {
    Ok(chunks(file)?.iter().map(|chunk| chunk.last).max().unwrap_or(0))
}
