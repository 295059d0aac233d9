//! Synthetic hashes: always the same, as evenly spread as real ones, with counts as in public corpora.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::json;

use crate::Result;
use crate::cost::Cost;

/// Bytes of a hash.
pub(crate) const HASH_BYTES: usize = 20;

/// The hash with a number, and its count.
pub(crate) fn hash(number: u64) -> ([u8; HASH_BYTES], u32) {
    let mut state = number.wrapping_mul(0xd134_2543_de82_ef95);
    let mut bytes = [0; HASH_BYTES];
    for chunk in bytes.chunks_mut(8) {
        for (to, from) in chunk.iter_mut().zip(next(&mut state).to_be_bytes()) {
            *to = from;
        }
    }
    (bytes, count(next(&mut state)))
}

/// Half of the counts are 1, one in a hundred is 100 or more.
fn count(random: u64) -> u32 {
    let share = (random >> 11) as f64 / (1_u64 << 53) as f64;
    (1.0 / (1.0 - share)).min(50_000_000.0) as u32
}

/// SplitMix64.
pub(crate) fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The first `count` hashes in order.
pub(crate) fn sorted(count: u64) -> Vec<([u8; HASH_BYTES], u32)> {
    let mut hashes: Vec<_> = (0..count).map(hash).collect();
    hashes.sort_unstable();
    hashes
}

/// How the hashes of a file are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// By their numbers, which is at random.
    Mixed,
    /// As public corpora have them.
    Sorted,
    /// At random, in as many ranges as make [`ROWS_PER_RANGE`] rows each: as many as there are with two billion hashes.
    Dense,
}

/// Rows of a range of the largest public corpus.
const ROWS_PER_RANGE: u64 = 2000;

/// The prefix of the range that a hash is moved to, of `count` hashes.
fn move_to_range((mut hash, seen): ([u8; HASH_BYTES], u32), count: u64) -> ([u8; HASH_BYTES], u32) {
    let [first, second, third, ..] = &mut hash;
    let prefix = (u64::from(*first) << 16 | u64::from(*second) << 8 | u64::from(*third)) >> 4;
    let prefix = prefix % (count / ROWS_PER_RANGE).max(1);
    (*first, *second) = ((prefix >> 12) as u8, (prefix >> 4) as u8);
    *third = (prefix << 4) as u8 | *third & 15;
    (hash, seen)
}

/// Writes a file of `HASH:COUNT`.
pub(crate) fn write(path: &Path, count: u64, order: Order) -> Result<serde_json::Value> {
    let cost = Cost::begin();
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut line = Vec::new();
    let mut put = |(hash, count): ([u8; HASH_BYTES], u32)| -> Result<()> {
        line.clear();
        for byte in hash {
            line.extend(
                [byte >> 4, byte & 15].map(|nibble| b"0123456789ABCDEF".get(usize::from(nibble)).copied().unwrap_or(0)),
            );
        }
        writeln!(line, ":{count}")?;
        Ok(file.write_all(&line)?)
    };
    match order {
        Order::Mixed => (0..count).map(hash).try_for_each(&mut put)?,
        Order::Sorted => sorted(count).into_iter().try_for_each(&mut put)?,
        Order::Dense => (0..count)
            .map(|number| move_to_range(hash(number), count))
            .try_for_each(&mut put)?,
    }
    file.into_inner()?.sync_all()?;
    Ok(json!({ "lines": count, "bytes": std::fs::metadata(path)?.len(), "cost": cost.end() }))
}
