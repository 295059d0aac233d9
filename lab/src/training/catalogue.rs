//! The traces in a folder: what each holds, after one look at all of its records.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use sentinel::{Class, Micros, Written};
use serde_json::Value;

use crate::Failure;
use crate::trace::{ATTACK_BEGINS, ATTACK_ENDS, Event, TraceReader};

/// Blocks that an attack must have damaged while it was recorded: on a busy machine, what one writes may stay in caches above the disk.
const DAMAGED_LEAST: u64 = 256;

/// The lab's layer of encryption between file system and disk, as descriptions of traces have it.
const ENCRYPTED: &str = "xts";

/// A trace that can be replayed.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub(crate) path: PathBuf,
    /// The behaviour recorded.
    pub(crate) case: String,
    pub(crate) is_attack: bool,
    pub(crate) file_system: String,
    /// Of the volume: fresh, aged, nearly full; with the layer of encryption between file system and disk, if there is one.
    pub(crate) state: String,
    /// Replayed as if the guest had encrypted its disk: see [`veil`](super::veil::veil).
    pub(crate) is_veiled: bool,
    /// Work that an administrator announces to the guard, which then fences nothing.
    pub(crate) is_announced: bool,
    /// From its start to its last record.
    pub(crate) micros: Micros,
    pub(crate) start: Micros,
    /// Blocks written.
    pub(crate) written: u64,
    /// Blocks read.
    pub(crate) read: u64,
}

impl Trace {
    /// Looks at a whole trace. `None` if it shows nothing that could be learned from: an attack without its mark, or no
    /// writes at all.
    fn look(path: &Path) -> Result<Option<Self>, Failure> {
        let mut reader = open(path)?;
        let header = reader.header().clone();
        let word = |name: &str| {
            header
                .description
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or("")
                .to_owned()
        };
        let state = match word("layer") {
            layer if layer.is_empty() || layer == "plain" => word("state"),
            layer => format!("{}-{layer}", word("state")),
        };
        let mut trace = Self {
            path: path.to_owned(),
            case: word("case"),
            is_attack: word("kind") == "attack",
            file_system: word("file_system"),
            state,
            is_veiled: false,
            is_announced: header.description.get("announced").and_then(Value::as_bool) == Some(true),
            micros: 0,
            start: header.start,
            written: 0,
            read: 0,
        };
        let (mut is_marked, mut is_attacked, mut cleared, mut damaged) = (false, false, 0, 0);
        for record in &mut reader {
            let record = record?;
            trace.micros = record.time.saturating_sub(trace.start);
            match record.event {
                Event::Write { blocks, .. } => {
                    trace.written += blocks.len() as u64;
                    let harmful = blocks.iter().filter(|block| is_damage(block)).count();
                    damaged += if is_attacked { harmful as u64 } else { 0 };
                }
                Event::Read { count, .. } => trace.read += u64::from(count),
                Event::Zero { count, stored, .. } | Event::Trim { count, stored, .. } => {
                    cleared += count;
                    damaged += if is_attacked { stored } else { 0 };
                }
                Event::Mark(text) if text == ATTACK_BEGINS => (is_marked, is_attacked) = (true, true),
                Event::Mark(text) if text == ATTACK_ENDS => is_attacked = false,
                _ => {}
            }
        }
        let shows_it = !trace.is_attack || damaged >= DAMAGED_LEAST;
        Ok((trace.written + cleared > 0 && is_marked == trace.is_attack && shows_it).then_some(trace))
    }

    /// The same trace as it would have been on an encrypted disk; `None` if it was recorded on one.
    pub(crate) fn veiled(&self) -> Option<Self> {
        let mut veiled = self.clone();
        veiled.is_veiled = true;
        veiled.state = format!("{}-{ENCRYPTED}", self.state);
        (!self.state.ends_with(ENCRYPTED)).then_some(veiled)
    }

    /// Whether two traces were recorded on volumes of one kind.
    pub(crate) fn is_of_group(&self, other: &Self) -> bool {
        self.file_system == other.file_system && self.state == other.state
    }
}

/// Whether a block that an attack wrote may be its damage: it changes something, and looks random or replaces something that wasn't just written.
fn is_damage(block: &Written) -> bool {
    let former = &block.former;
    let is_old = former.is_stored && former.age_seconds.is_none_or(|age| age >= 60);
    !former.is_same && (is_old || matches!(block.look.class, Class::Armoured | Class::Mixed | Class::Random))
}

/// Opens a trace.
pub(crate) fn open(path: &Path) -> Result<TraceReader<BufReader<File>>, Failure> {
    let file = File::open(path).map_err(|error| format!("can't open {}: {error}", path.display()))?;
    TraceReader::new(BufReader::new(file)).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// All traces in a folder, in the order of their names. Those that can't be used are told of and left out: one may still be
/// being recorded.
pub(crate) fn catalogue(folder: &Path) -> Result<Vec<Trace>, Failure> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| format!("can't read {}: {error}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "trace") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut traces = Vec::new();
    for path in paths {
        match Trace::look(&path) {
            Ok(Some(trace)) => traces.push(trace),
            Ok(None) => eprintln!(
                "lab: left out {}: no changes, marks that don't fit its kind, or an attack that hardly reached the disk",
                path.display()
            ),
            Err(error) => eprintln!("lab: left out {}: {error}", path.display()),
        }
    }
    if traces.is_empty() {
        return Err(format!("no usable trace in {}", folder.display()).into());
    }
    Ok(traces)
}
