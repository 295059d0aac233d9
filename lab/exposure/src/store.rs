//! The breach monitor's own store.

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use exposure::hash::HashKind;
use exposure::passwords::{Encoding, Existing, ImportOptions, Input, Passwords, RangePrefix, import};
use serde_json::{Value, json};

use crate::Result;
use crate::cost::{Cost, device_bytes};
use crate::hashes::{hash, next};

const LOOKUPS: u64 = 1_000_000;
const COLD_LOOKUPS: u64 = 2000;
const RANGES: u32 = 20_000;

/// Imports a file: time, memory, and bytes for each hash.
pub(crate) fn import_file(file: &Path, folder: &Path, memory_bytes: u64) -> Result<Value> {
    let options = ImportOptions {
        source: None,
        kind: None,
        format: None,
        memory_bytes,
        existing: Existing::ReplaceWithLess,
        now: 0,
    };
    let cost = Cost::begin();
    let mut stages: Vec<(String, f64)> = Vec::new();
    let report = import(folder, Input::Path(file.to_owned()), &options, &mut |progress| {
        let stage = format!("{:?}", progress.stage);
        if stages.last().is_none_or(|(last, _)| *last != stage) {
            stages.push((stage, cost.seconds()));
        }
    })?;
    let corpus = report.sources.first().ok_or("nothing was imported")?;
    let hashes = corpus.hashes as f64;
    Ok(json!({
        "hashes": corpus.hashes,
        "ranges_bytes_per_hash": corpus.range_bytes as f64 / hashes,
        "counts_bytes_per_hash": corpus.counts_bytes as f64 / hashes,
        "stages_began": stages,
        "cost": cost.end(),
    }))
}

/// Looks up hashes that are there and others, everything in the page cache.
pub(crate) fn warm(folder: &Path, count: u64) -> Result<Value> {
    let passwords = Passwords::open(folder)?;
    let there = sample(&passwords, 0, count, LOOKUPS / 10)?;
    if there.2 != 0 {
        return Err(format!("{} counts are wrong", there.2).into());
    }
    let (hits, hit_reads, _) = sample(&passwords, 0, count, LOOKUPS)?;
    let (misses, miss_reads, found) = sample(&passwords, count, count, LOOKUPS)?;
    Ok(json!({
        "hit_ns": hits, "miss_ns": misses, "reads_per_hit": hit_reads, "reads_per_miss": miss_reads,
        "found_of_misses": LOOKUPS - found,
    }))
}

/// Looks up some of `count` hashes from number `first` on: nanoseconds of processor time and reads for each, and how many have another count.
fn sample(passwords: &Passwords, first: u64, count: u64, lookups: u64) -> Result<(f64, f64, u64)> {
    let mut state = 7;
    let wanted: Vec<_> = (0..lookups).map(|_| hash(first + next(&mut state) % count)).collect();
    let (cost, mut wrong) = (Cost::begin(), 0);
    for (hash, count) in &wanted {
        wrong += u64::from(passwords.count(HashKind::Sha1, hash)? != u64::from(*count));
    }
    // The lookups of `/proc` themselves are a few reads.
    let reads = cost.reads() as f64 / lookups as f64;
    Ok((cost.processor() * 1e9 / lookups as f64, reads, wrong))
}

/// Looks up hashes, nothing in the page cache at the beginning.
pub(crate) fn cold(folder: &Path, count: u64) -> Result<Value> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            // Asks the system to forget the file's pages.
            let argument = format!("if={}", path.display());
            let done = Command::new("dd")
                .args([&argument, "iflag=nocache", "count=0", "status=none"])
                .status()?;
            if !done.success() {
                return Err("dd failed".into());
            }
        }
    }
    let passwords = Passwords::open(folder)?;
    let mut state = 99;
    let wanted: Vec<_> = (0..COLD_LOOKUPS).map(|_| hash(next(&mut state) % count)).collect();
    let before = device_bytes();
    let cost = Cost::begin();
    let mut times = Vec::new();
    for (hash, _) in &wanted {
        let started = Instant::now();
        black_box(passwords.count(HashKind::Sha1, hash)?);
        times.push(started.elapsed().as_nanos() as u64);
    }
    let reads = cost.reads() as f64 / COLD_LOOKUPS as f64;
    let bytes = (device_bytes() - before) as f64 / COLD_LOOKUPS as f64;
    times.sort_unstable();
    let percentile = |percent: usize| times.get(times.len() * percent / 100).copied();
    Ok(json!({
        "p50_ns": percentile(50), "p99_ns": percentile(99), "reads_per_lookup": reads, "device_bytes_per_lookup": bytes,
    }))
}

/// Answers some of the first `count` ranges in every encoding.
pub(crate) fn ranges(folder: &Path, count: u32) -> Result<Value> {
    let passwords = Passwords::open(folder)?;
    let mut figures = serde_json::Map::new();
    let mut body = Vec::new();
    for (name, encoding) in [
        ("identity", Encoding::Identity),
        ("gzip", Encoding::Gzip),
        ("brotli", Encoding::Brotli),
    ] {
        // Once to bring the files into the page cache.
        for is_measured in [false, true] {
            let (mut state, mut bytes, mut rows) = (5, 0_u64, 0_u64);
            let cost = Cost::begin();
            for _ in 0..RANGES {
                let prefix = RangePrefix::new((next(&mut state) >> 44) as u32 % count).ok_or("no prefix")?;
                body.clear();
                passwords.range(HashKind::Sha1, prefix, encoding, None, &mut body)?;
                bytes += body.len() as u64;
                if encoding == Encoding::Identity && !is_measured {
                    rows += body.iter().filter(|byte| **byte == b':').count() as u64;
                }
            }
            let seconds = cost.processor();
            if is_measured {
                figures.insert(
                    name.to_owned(),
                    json!({
                        "bytes_per_body": bytes as f64 / f64::from(RANGES),
                        "us_per_body": seconds * 1e6 / f64::from(RANGES),
                        "gigabytes_per_second": bytes as f64 / seconds / 1e9,
                    }),
                );
            } else if encoding == Encoding::Identity {
                figures.insert("rows_per_body".to_owned(), json!(rows as f64 / f64::from(RANGES)));
            }
        }
    }
    Ok(figures.into())
}
