//! A second look, at files. The sentinel judges blocks; where the disk isn't encrypted as a whole, its file systems tell which files
//! lost their content since. That takes time, so it is done beside everything else, by whoever calls [`Guard::examine`], and only once
//! blocks were written by which content could have been lost.
//!
//! Invariant: what counts was found lost by two examinations in a row. A file system that is in use is read as after a power cut: what a
//! file will hold is told before it is there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sentinel::{Assessment, Class, Level, Micros, Signals, Written};
use volume::{Sequence, Timestamp, Volume};

use crate::guard::Guard;
use crate::locks::lock;
use crate::watch::Suspect;

/// So many files that lost their content are bookmarked, and fenced: fewer are somebody's own encryption, a container in use, a
/// disk of a machine within the machine.
const BOOKMARK_FILES: usize = 4;
const FENCE_FILES: usize = 10;
/// So many fence if something else was suspected before, as a rule by the sentinel.
const FENCE_FILES_IF_SUSPECTED: usize = 5;
/// A file that lost its content where it lies counts once it is so for this long. Whoever shreds files deletes them then, which ntfs-3g
/// writes down some seconds later.
const IN_PLACE_MICROS: Micros = 15_000_000;
/// A file that was lost counts for so long: a day.
const COUNTED_MICROS: Micros = 24 * 3600 * 1_000_000;
/// Files that are counted at most; each is a path.
const COUNTED_MAX: usize = 4096;
/// Files that are named.
const NAMED: usize = 3;
/// So many blocks by which content could have been lost are worth an examination; fewer wait for the longer time.
const HINTS: u32 = 64;
const FEW_HINTS_MICROS: Micros = 60_000_000;
/// An examination takes a twentieth of the time at most, and a quarter once there is something to confirm.
const REST_FACTOR: u32 = 20;
const REST_FACTOR_IF_SUSPECTED: u32 = 4;
const REST_LEAST: Duration = Duration::from_millis(500);
const REST_MOST: Duration = Duration::from_secs(600);
/// How long a window grows before the next one begins: what lies within has to be gone through each time.
const WINDOW_MICROS: Micros = 600_000_000;
/// Where an examination takes longer than this, windows are kept short.
const LONG: Duration = Duration::from_secs(2);
const SHORT_WINDOW_MICROS: Micros = 60_000_000;
/// What led to it may have begun so much earlier.
const ONSET_MARGIN_MICROS: Micros = 3_000_000;
/// How long after a failure, or where no file system can be read, it is tried again.
const RETRY_MICROS: Micros = 60_000_000;

/// Reads file systems, which are foreign bytes: perhaps in a process of its own.
pub trait FileExaminer: Send + Sync {
    /// Which files lost their content after the batch `from` and up to `to`, and how long it took to find out.
    ///
    /// # Errors
    ///
    /// Why it can't be told, in words: no file system that is known, the history is gone.
    fn examine(&self, volume: &Arc<Volume>, from: Sequence, to: Sequence) -> Result<Examined, String>;
}

/// What an examination found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examined {
    /// Files that lost their content.
    pub lost: Vec<LostFile>,
    /// How long it took.
    pub took: Duration,
}

/// A file that lost its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostFile {
    /// Where it was.
    pub path: String,
    /// How, in words.
    pub how: String,
    /// Whether another file took its place. One that lost its content where it lies may be about to be deleted: shredded.
    pub is_replaced: bool,
    /// When it began.
    pub since: Option<Timestamp>,
}

/// A window under examination: the volume's newest batch at a time.
#[derive(Clone, Copy, Debug)]
struct Base {
    at: Micros,
    sequence: Sequence,
}

/// A lost file that counts.
#[derive(Debug)]
struct Counted {
    how: String,
    /// When it began.
    since: Micros,
    seen: Micros,
    /// The window in which it was found.
    window: Sequence,
}

/// What was found out so far.
#[derive(Debug, Default)]
pub(crate) struct Examining {
    base: Option<Base>,
    /// Not before.
    next: Micros,
    /// Found lost by the last examination, for others to confirm, and since when without a break.
    lost: BTreeMap<String, Micros>,
    counted: BTreeMap<String, Counted>,
    /// What the files that count led to.
    done: Option<Level>,
    /// Whether something else was suspected before: files don't make themselves more suspicious.
    is_suspected: bool,
    /// The generation of the watch that this belongs to.
    generation: u64,
}

/// How many of a run's blocks could take a file's content away: those that hold random bytes, or one value, or another kind of bytes than what
/// was there.
pub(crate) fn hints(blocks: &[Written]) -> u32 {
    let is_hint = |block: &&Written| {
        let (class, former) = (block.look.class, block.former);
        matches!(class, Class::Random | Class::Mixed | Class::Armoured)
            || former.is_stored && former.class != class && former.class != Class::Unknown
    };
    blocks.iter().filter(is_hint).count() as u32
}

impl Examining {
    /// Takes what an examination of a window found that began at `now`. Lost files that the one before had found, too, count from here on;
    /// those that it doesn't find any more were on their way out: shredded, then deleted.
    fn take(&mut self, now: Micros, window: Sequence, found: Vec<LostFile>, since: impl Fn(&LostFile) -> Micros) {
        let before = std::mem::take(&mut self.lost);
        for file in found {
            let found_first = before.get(&file.path).copied();
            let confirms = if file.is_replaced { 0 } else { IN_PLACE_MICROS };
            let is_confirmed = found_first.is_some_and(|first| now.saturating_sub(first) >= confirms);
            if is_confirmed && self.counted.len() < COUNTED_MAX {
                let counted = Counted {
                    how: file.how.clone(),
                    since: since(&file),
                    seen: now,
                    window,
                };
                self.counted.entry(file.path.clone()).or_insert(counted);
            }
            self.lost.insert(file.path, found_first.unwrap_or(now));
        }
        let is_lost_still = |path: &String, file: &Counted| file.window != window || self.lost.contains_key(path);
        self.counted
            .retain(|path, file| is_lost_still(path, file) && now.saturating_sub(file.seen) < COUNTED_MICROS);
    }

    /// Whether the next examination has something to confirm.
    fn has_unconfirmed(&self) -> bool {
        self.lost.keys().any(|path| !self.counted.contains_key(path))
    }

    /// What the files that count call for now, if that is more than was done.
    fn verdict(&mut self) -> Option<Level> {
        let fence_files = if self.is_suspected {
            FENCE_FILES_IF_SUSPECTED
        } else {
            FENCE_FILES
        };
        let level = match self.counted.len() {
            count if count >= fence_files => Level::Fence,
            count if count >= BOOKMARK_FILES => Level::Bookmark,
            _ => return None,
        };
        let is_more = self.done.is_none_or(|done| level > done);
        is_more.then(|| *self.done.insert(level))
    }

    /// In words.
    fn reason(&self) -> String {
        let named = self.counted.iter().take(NAMED);
        let named: Vec<String> = named
            .map(|(path, file)| format!("`{}` ({})", path.escape_debug(), file.how))
            .collect();
        let count = self.counted.len();
        let others = match count.saturating_sub(named.len()) {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        format!("{count} files lost their content: {}{others}", named.join(", "))
    }

    fn rest(&mut self, ended: Micros, took: Duration, is_to_confirm: bool) {
        let factor = if is_to_confirm || self.is_suspected {
            REST_FACTOR_IF_SUSPECTED
        } else {
            REST_FACTOR
        };
        let rest = took.saturating_mul(factor).clamp(REST_LEAST, REST_MOST);
        self.next = ended.saturating_add(u64::try_from(rest.as_micros()).unwrap_or(u64::MAX));
    }
}

impl Guard {
    /// Examines the disk's files, if there is a reason to and it is due. To be called about twice a
    /// second, by a thread that nobody waits for.
    pub fn examine(&self, examiner: &dyn FileExaminer) {
        let mut examining = lock(&self.examining);
        let Some(base) = self.begin_examination(&mut examining) else {
            return;
        };
        let newest = self.volume.newest().sequence;
        let began = self.uptime.micros();
        let examined = examiner.examine(&self.volume, base.sequence, newest);
        let now = self.uptime.micros();
        let Ok(examined) = examined else {
            *examining = Examining {
                next: now.saturating_add(RETRY_MICROS),
                generation: examining.generation,
                ..Examining::default()
            };
            return;
        };
        let wall = self.clock.now();
        examining.take(began, base.sequence, examined.lost, |file| {
            file.since
                .map_or(base.at, |since| uptime_at(since, now, wall))
                .max(base.at)
        });
        let is_to_confirm = examining.has_unconfirmed();
        examining.rest(now, examined.took, is_to_confirm);
        let window = match examined.took > LONG {
            true => SHORT_WINDOW_MICROS,
            false => WINDOW_MICROS,
        };
        if !is_to_confirm && now.saturating_sub(base.at) >= window {
            examining.base = Some(Base {
                at: began,
                sequence: newest,
            });
            examining.lost.clear();
        }
        if let Some(level) = examining.verdict() {
            self.act_on_lost_files(&examining, level);
        }
    }

    /// The window to examine; `None` if it isn't due.
    fn begin_examination(&self, examining: &mut Examining) -> Option<Base> {
        let state = lock(&self.state);
        let is_fenced = state.fence.is_some();
        let is_episode = state.episode.is_some();
        drop(state);
        let now = self.uptime.micros();
        let newest = self.volume.newest().sequence;
        let mut watch = lock(&self.watch);
        if examining.generation != watch.generation
            || !is_episode && (examining.done.is_some() || examining.is_suspected)
        {
            // All of that is explained.
            watch.lost_files = None;
            *examining = Examining {
                generation: watch.generation,
                ..Examining::default()
            };
        }
        examining.is_suspected |= is_episode && examining.done.is_none();
        let base = *examining.base.get_or_insert(Base {
            at: now,
            sequence: newest,
        });
        let is_due = watch.hints >= HINTS
            || watch.hints > 0 && now.saturating_sub(base.at) >= FEW_HINTS_MICROS
            || examining.has_unconfirmed();
        if is_fenced || !self.is_watching() || now < examining.next || !is_due {
            return None;
        }
        watch.hints = 0;
        Some(base)
    }

    fn act_on_lost_files(&self, examining: &Examining, level: Level) {
        let _operation = lock(&self.operations);
        let since = examining.counted.values().map(|file| file.since).min();
        let now = self.uptime.micros();
        let mut watch = lock(&self.watch);
        if watch.generation != examining.generation {
            return;
        }
        let now = watch.time(now);
        watch.lost_files = Some(examining.reason());
        // The episode that begins now must not end because all was calm before.
        watch.zero_since = watch.zero_since.map(|_| now);
        let percent = watch.suspicion_percent();
        let suspect = Suspect {
            assessment: Assessment {
                level,
                score: 0,
                suspicion: watch.sentinel.suspicion(),
                onset: since.unwrap_or(now).saturating_sub(ONSET_MARGIN_MICROS),
                signals: Signals::default(),
            },
            percent: match level {
                Level::Fence => percent.max(100),
                _ => percent.max(u32::try_from(examining.counted.len() * 100 / FENCE_FILES).unwrap_or(100)),
            },
            generation: watch.generation,
        };
        drop(watch);
        self.consider(suspect);
    }
}

/// When it was so late by the wall clock, which reads `wall` at `now`.
fn uptime_at(time: Timestamp, now: Micros, wall: Timestamp) -> Micros {
    let behind = u64::try_from(wall.since(time).as_micros()).unwrap_or(u64::MAX);
    now.saturating_sub(behind)
}
