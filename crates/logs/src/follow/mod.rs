//! Files and folders followed over rotation, truncation and restart: every record at least once, each with a position by which repeats are
//! known, so that a consumer that keeps positions with its results has each exactly once.
//!
//! ```text
//! next -> a batch of records with positions -> the consumer makes its results durable -> acknowledge -> the checkpoint moves
//! ```
//!
//! Order of effects: a new log gets its number, and that is saved, before any of its records is given out; a batch is given out; what came of
//! it is the consumer's; the batch is acknowledged, and that is saved. Killed between any two of these, the next run gives out again what
//! wasn't acknowledged, under the same numbers and positions. Nothing is read ahead of the consumer: a slow one leaves the logs unread.

mod checkpoint;
mod discover;
mod evtx;
mod family;
mod list;
mod mark;
mod pieces;
mod source;
#[cfg(test)]
mod tests;
mod tracked;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use threat::event::Origin;
use threat::input::{Record, Unreadable};

use self::checkpoint::{Checkpoint, Cursor, FileKey};
use self::list::Seen;
use self::tracked::{Room, Tracked};
use crate::{Counts, Error};

/// Files that are kept open: a quarter of what processes may open unless told otherwise.
const OPEN_MAX: usize = 256;

/// What is followed, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Files, over their rotation, and folders, with all logs in them and in those below them.
    pub paths: Vec<PathBuf>,
    /// The file in which it is kept how far each log was acknowledged. Its folder must exist.
    pub checkpoint: PathBuf,
    /// Where to begin with what is there when a checkpoint is new. What appears later is read from its beginning.
    pub start: Start,
    /// How often it is looked for new bytes and new files.
    pub every: Duration,
    /// How much at once.
    pub limits: Limits,
}

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the oldest record. Of a file that is named, not with those that it was before its last rotation.
    Beginning,
    /// With what is appended from now on.
    End,
}

/// How much is held at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Records of a batch.
    pub batch_records_max: usize,
    /// Bytes of a batch, as they are in the logs.
    pub batch_bytes_max: usize,
    /// Bytes of a line. What is longer is told as unreadable.
    pub line_bytes_max: usize,
    /// Files that are followed.
    pub logs_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_records_max: 4096,
            batch_bytes_max: 4 << 20,
            line_bytes_max: threat::input::lines::LINE_BYTES_MAX,
            logs_max: 4096,
        }
    }
}

impl Settings {
    /// Follows `paths` from their beginning, twice a second.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>, checkpoint: PathBuf) -> Self {
        Self {
            paths,
            checkpoint,
            start: Start::Beginning,
            every: Duration::from_millis(500),
            limits: Limits::default(),
        }
    }
}

/// A place in a log that is the same after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// The log's number in the checkpoint. A log keeps it when it is renamed, copied and truncated, or packed.
    pub log: u64,
    /// Where the record ends: a record whose end isn't beyond the last one that was seen of its log is a repeat.
    pub end: u64,
}

/// A record, or what is none, and where it is.
#[derive(Debug, Clone)]
pub struct Positioned {
    /// The record.
    pub record: Result<Record, Unreadable>,
    /// Where it is.
    pub position: Position,
}

/// Records that are acknowledged together.
#[derive(Debug)]
pub struct Batch {
    /// At least one, those of a log in its order.
    pub records: Vec<Positioned>,
    number: u64,
}

/// Follows logs.
///
/// Invariants: numbers of logs are never given twice; what the checkpoint says was acknowledged.
pub struct Follower {
    settings: Settings,
    checkpoint: Checkpoint,
    identity: String,
    logs: BTreeMap<u64, Tracked>,
    next: u64,
    /// Whether there is something that the checkpoint must know before records are given out.
    is_unsaved: bool,
    /// Whether what lies there was looked at with this checkpoint, now or in an earlier run.
    has_looked: bool,
    looked: Option<Instant>,
    /// Files that are passed over until they change: copies of what is followed, and what is no log.
    passed: HashMap<FileKey, Seen>,
    /// Logs that the present look found truncated, and the files in which they were.
    truncated: HashMap<u64, FileKey>,
    outstanding: VecDeque<Outstanding>,
    batches: u64,
    /// The family that is read first next time.
    turn: String,
    problems: Counts,
}

struct Outstanding {
    number: u64,
    reached: Vec<(u64, Cursor)>,
}

impl Follower {
    /// Reads the checkpoint and goes on from it, or begins a new one.
    ///
    /// # Errors
    ///
    /// The checkpoint can't be read, is damaged, or is in use.
    pub fn open(settings: Settings) -> Result<Self, Error> {
        let (checkpoint, state) = Checkpoint::open(&settings.checkpoint)?;
        let has_looked = state.is_some();
        let (identity, next, entries) = state.map_or_else(
            || (checkpoint::new_identity(), 1, Vec::new()),
            |state| (state.identity, state.next, state.logs),
        );
        Ok(Self {
            identity,
            logs: entries
                .into_iter()
                .filter_map(|entry| Some((entry.log, Tracked::new(entry)?)))
                .collect(),
            settings,
            checkpoint,
            next,
            is_unsaved: !has_looked,
            has_looked,
            looked: None,
            passed: HashMap::new(),
            truncated: HashMap::new(),
            outstanding: VecDeque::new(),
            batches: 0,
            turn: String::new(),
            problems: Counts::default(),
        })
    }

    /// The next records; none if there were none for as long as `wait`. Several batches may be outstanding, as many as the consumer holds.
    ///
    /// # Errors
    ///
    /// The checkpoint can't be written. What can't be read of logs is counted instead: [`Follower::problems`].
    pub fn next(&mut self, wait: Duration) -> Result<Option<Batch>, Error> {
        let deadline = Instant::now() + wait;
        loop {
            if self.looked.is_none_or(|looked| looked.elapsed() >= self.settings.every) {
                self.discover();
                self.looked = Some(Instant::now());
            }
            if self.is_unsaved {
                self.save()?;
            }
            let (batch, has_worked) = self.fill();
            if batch.is_some() {
                return Ok(batch);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            if !has_worked {
                std::thread::sleep(left.min(self.settings.every));
            }
        }
    }

    /// Moves the checkpoint behind a batch. Batches are acknowledged in the order in which they were given.
    ///
    /// # Errors
    ///
    /// An older batch is outstanding, or the checkpoint can't be written.
    pub fn acknowledge(&mut self, batch: &Batch) -> Result<(), Error> {
        self.acknowledge_all([batch])
    }

    /// Moves the checkpoint behind several batches at once.
    ///
    /// # Errors
    ///
    /// As of [`Follower::acknowledge`]; batches before the one that is out of turn are acknowledged.
    pub fn acknowledge_all<'a>(&mut self, batches: impl IntoIterator<Item = &'a Batch>) -> Result<(), Error> {
        let (mut moved, mut in_turn) = (false, Ok(()));
        for batch in batches {
            let Some(oldest) = self.outstanding.pop_front_if(|oldest| oldest.number == batch.number) else {
                in_turn = Err(Error::OutOfTurn { number: batch.number });
                break;
            };
            moved = true;
            for (log, cursor) in oldest.reached {
                if let Some(log) = self.logs.get_mut(&log) {
                    log.entry.at = cursor;
                }
            }
        }
        if moved {
            self.save()?;
        }
        in_turn
    }

    /// Which checkpoint it is: positions that were kept with results hold for this one alone. Whoever begins a checkpoint anew gets another.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Whether the number is that of a log that is still known: no other position is ever asked for again.
    #[must_use]
    pub fn knows(&self, log: u64) -> bool {
        self.logs.contains_key(&log)
    }

    /// Files that can't be read or followed, by reason.
    #[must_use]
    pub fn problems(&self) -> &Counts {
        &self.problems
    }

    /// Bytes of plain logs that lie there and weren't read when it was looked last.
    #[must_use]
    pub fn unread_bytes(&self) -> u64 {
        self.logs.values().map(Tracked::unread_bytes).sum()
    }

    fn problem(&mut self, path: &str, reason: &str) {
        let origin = Origin {
            source: path.into(),
            record: 0,
        };
        self.problems.add(&origin, reason, "");
    }

    fn save(&mut self) -> Result<(), Error> {
        let logs = self.logs.values().map(Tracked::saved).collect();
        self.checkpoint.save(&self.identity, self.next, logs)?;
        self.is_unsaved = false;
        Ok(())
    }

    /// Reads on in the logs: of each family the oldest that has something new, a share of each, another one first each time. Says, too, whether
    /// anything was looked at: the end of a very long line may be looked for without a record.
    fn fill(&mut self) -> (Option<Batch>, bool) {
        let limits = self.settings.limits;
        let mut records = Vec::new();
        let mut left = Room {
            records: limits.batch_records_max,
            bytes: limits.batch_bytes_max,
        };
        let mut reached = Vec::new();
        let mut done = HashSet::new();
        for number in self.turns() {
            if left.is_used_up() {
                break;
            }
            let Some(log) = self.logs.get_mut(&number).filter(|log| !done.contains(&log.family)) else {
                continue;
            };
            // A quarter each, so that one busy log doesn't hold the others up.
            let mut room = Room {
                records: left.records.min((limits.batch_records_max / 4).max(1)),
                bytes: left.bytes.min((limits.batch_bytes_max / 4).max(1)),
            };
            let before = (log.cursor.clone(), room.records, room.bytes);
            let result = log.read(limits.line_bytes_max, &mut room, &mut records);
            left.records = left.records.saturating_sub(before.1 - room.records);
            left.bytes = left.bytes.saturating_sub(before.2 - room.bytes);
            if log.cursor != before.0 {
                reached.push((number, log.cursor.clone()));
            }
            if !log.is_idle {
                done.insert(log.family.clone());
            }
            self.turn.clone_from(&log.family);
            if let Err(error) = result {
                let path = log.entry.path.display().to_string();
                self.problem(&path, &error.to_string());
            }
        }
        self.close_some();
        let has_worked = left.bytes < limits.batch_bytes_max;
        if records.is_empty() {
            return (None, has_worked);
        }
        self.batches += 1;
        self.outstanding.push_back(Outstanding {
            number: self.batches,
            reached,
        });
        let batch = Batch {
            records,
            number: self.batches,
        };
        (Some(batch), has_worked)
    }

    /// Keeps no more files open than a process may have. Those that are read to their end and in their places can be opened again.
    fn close_some(&mut self) {
        let open = self.logs.values().filter(|log| log.source.is_some()).count();
        let closable = self
            .logs
            .values_mut()
            .filter(|log| log.source.is_some() && log.is_idle && log.is_present);
        for log in closable.take(open.saturating_sub(OPEN_MAX)) {
            log.source = None;
        }
    }

    /// The logs that may have something new: by families, the one after the last one that was read first; of each the oldest first.
    fn turns(&self) -> Vec<u64> {
        let mut waiting: Vec<_> = self
            .logs
            .values()
            .filter(|log| log.is_readable())
            .map(|log| {
                (
                    log.family.as_str() <= self.turn.as_str(),
                    log.family.as_str(),
                    log.entry.log,
                )
            })
            .collect();
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, _, log)| log).collect()
    }
}
