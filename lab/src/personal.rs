//! What the finder of personal data finds in a corpus whose values are known, and how fast. See lab/personal/run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ::personal::{self as finder, Class, Limits, Report};
use serde_json::{Map, Value, json};

use crate::Failure;

/// Scans of each large file; the fastest counts.
const ROUNDS: u32 = 3;

/// Compares what is found in a folder with its `truth.jsonl`, and times the files in its folder `large`.
pub(crate) fn measure(folder: &Path) -> Result<String, Failure> {
    let truth = std::fs::read_to_string(folder.join("truth.jsonl"))?;
    let documents = truth
        .lines()
        .map(|line| compare(folder, &serde_json::from_str(line)?))
        .collect::<Result<Vec<_>, Failure>>()?;
    let mut speed = Map::new();
    let mut large: Vec<PathBuf> = std::fs::read_dir(folder.join("large"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    large.sort();
    for path in large {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        speed.insert(name, json!(megabytes_per_second(&path)?));
    }
    Ok(json!({ "documents": documents, "speed": speed }).to_string())
}

fn megabytes_per_second(path: &Path) -> Result<f64, Failure> {
    let bytes = std::fs::read(path)?;
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = busy_seconds()?;
        let report = finder::scan_reader(
            &path.to_string_lossy(),
            &mut bytes.as_slice(),
            &Limits::default(),
            &|| true,
        );
        best = best.min(busy_seconds()? - start);
        if !report.unread.is_empty() {
            return Err(format!("{} was not read to its end: {:?}", path.display(), report.unread).into());
        }
    }
    Ok(bytes.len() as f64 / 1e6 / best)
}

/// Seconds that this thread was on a processor: others may be at work on the machine.
fn busy_seconds() -> Result<f64, Failure> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds / 1e9)
}

/// One document: different values found by class, and of the known ones how many were found and how many weren't.
fn compare(folder: &Path, truth: &Value) -> Result<Value, Failure> {
    let path = truth
        .get("path")
        .and_then(Value::as_str)
        .ok_or("a line of truth.jsonl has no path")?;
    let bytes = std::fs::read(folder.join(path))?;
    let report = finder::scan(path, &bytes, &Limits::default());
    let distinct: BTreeMap<&str, u64> = report
        .findings
        .iter()
        .map(|(class, finding)| (class.name(), finding.distinct.count()))
        .collect();
    Ok(json!({
        "path": path,
        "format": report.format,
        "distinct": distinct,
        "values": counted(&report, truth.get("values")),
        "bare": counted(&report, truth.get("bare")),
        "unread": report.unread,
    }))
}

fn counted(report: &Report, known: Option<&Value>) -> BTreeMap<String, [u64; 2]> {
    let mut counts = BTreeMap::new();
    for (name, values) in known.and_then(Value::as_object).into_iter().flatten() {
        let Some(class) = Class::from_name(name) else { continue };
        let mut different: Vec<String> = values
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(|value| class.canonical(value))
            .collect();
        different.sort_unstable();
        different.dedup();
        let found = different.iter().filter(|value| report.holds(class, value)).count() as u64;
        counts.insert(name.clone(), [found, different.len() as u64 - found]);
    }
    counts
}
