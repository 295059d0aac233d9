//! A second look, at files. The sentinel judges blocks; where the disk isn't encrypted as a whole, its file systems tell which files
//! lost their content since. That takes time, so it is done beside everything else, by whoever calls [`Guard::examine`], and only once
//! blocks were written by which content could have been lost.
//!
//! Invariant: what counts was found lost by two examinations in a row. A file system that is in use is read as after a power cut: what a
//! file will hold is told before it is there.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use sentinel::{Class, Level, Micros, Written};
use volume::{Sequence, Volume};

use crate::guard::Guard;
use crate::locks::lock;

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
const REST_LEAST_IF_HELD_BACK: Duration = Duration::from_millis(100);
const REST_MOST: Duration = Duration::from_secs(3600);
/// How long a window grows before a later one is begun, by how long an examination takes: what lies within has to be gone through each time, and
/// a longer one shows more of what happens slowly.
const WINDOWS: [(Duration, Micros); 3] = [
    (Duration::from_secs(2), 150_000_000),
    (Duration::from_millis(500), 600_000_000),
    (Duration::ZERO, COUNTED_MICROS),
];
/// The next window begins so long before the end of the last one: what happened to a file may be known only when its times are on the disk, or
/// it has stayed lost for a while.
const OVERLAP_MICROS: Micros = 80_000_000;
/// Beginnings of windows to come that are remembered, and the least time between them.
const BEGINNINGS_MAX: usize = 256;
const BEGINNINGS_MICROS: Micros = 30_000_000;
/// What led to it may have begun so much earlier: three seconds, and the time between two marks of the trail.
const ONSET_MARGIN_MICROS: Micros = 5_000_000;
/// Random bytes in free space, and what was read being trimmed, count against a disk only once so many files are gone or lost (or a twentieth of all,
/// if that is less), or so many bytes in files. Provided that an examination takes at most so long, and that less than one file in four is new:
/// those that are both new and gone aren't seen.
const GONE_FEW: u64 = 5;
const GONE_SHARE: u64 = 20;
const GONE_BYTES: u64 = 64 << 20;
/// While files are moved, more may be gone for so long, and longer if as many were moved meanwhile: file systems write down that a file was deleted
/// before they write what its copy holds, or the archive with it.
const MOVING_MICROS: Micros = 5_000_000;
const TELLS_WITHIN: Duration = Duration::from_secs(1);
const CREATED_SHARE: u64 = 4;
/// How long after a failure, or where no file system can be read, it is tried again.
const RETRY_MICROS: Micros = 60_000_000;

/// Reads file systems, which are foreign bytes: perhaps in a process of its own.
pub trait FileExaminer: Send + Sync {
    /// Which files lost their content after the batch `from` and up to `to`.
    fn examine(&self, volume: &Arc<Volume>, from: Sequence, to: Sequence) -> Examined;
}

/// Why files can't be examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unexamined {
    /// There is no file system that is known.
    NoFileSystem,
    /// In words.
    Failed(String),
}

/// What an examination found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// What became of the files.
    pub losses: Result<Losses, Unexamined>,
    /// How long it took.
    pub took: Duration,
}

/// What became of the files in a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Files that lost their content.
    pub lost: Vec<LostFile>,
    /// Files at its end.
    pub files: u64,
    /// Of these, those that weren't there at its beginning, in this place or another.
    pub created: u64,
    /// Files of its beginning that are gone or lost most of what they were, whatever there is beside them, and that don't lie
    /// elsewhere as they were.
    pub gone: u64,
    /// The bytes in those.
    pub gone_bytes: u64,
    /// Files that are gone from where they were and lie elsewhere as they were.
    pub moved: u64,
    /// Whether one seemed to lie elsewhere that doesn't.
    pub is_contradicted: bool,
    /// Whether the files of nearly the whole disk could be read.
    pub is_whole: bool,
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
    /// The batch with which it began.
    pub first: Option<Sequence>,
}

/// What has to be examined.
#[derive(Clone, Copy, Debug)]
pub struct ExaminationWindow {
    /// The last batch before it.
    pub from: Sequence,
    /// Its last batch.
    pub to: Sequence,
    from_time: Micros,
    began: Micros,
    generation: u64,
}

/// Where windows begin: the volume's newest batch at a time.
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
    /// Where later windows may begin, oldest first.
    beginnings: VecDeque<Base>,
    /// When the last examination ended.
    ended: Micros,
    /// How long it took.
    took: Duration,
    /// Whether it failed.
    is_failing: bool,
    /// Not before.
    next: Micros,
    /// Found lost by the last examination, for others to confirm, and since when without a break.
    lost: BTreeMap<String, Micros>,
    counted: BTreeMap<String, Counted>,
    /// What the files that count led to.
    done: Option<Level>,
    /// Files that were gone, and their bytes, while nothing was suspected.
    usually_gone: (u64, u64),
    /// Since when too many are gone while others are moved, and how many have to be moved by its end for it to begin anew.
    moving: Option<(Micros, u64)>,
    /// When a file seemed moved that wasn't: nothing that files tell is believed for a day.
    contradicted: Option<Micros>,
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
        let is_other_kind = former.is_stored && former.class != class && former.class != Class::Unknown;
        !former.is_same && (matches!(class, Class::Random | Class::Mixed | Class::Armoured) || is_other_kind)
    };
    blocks.iter().filter(is_hint).count() as u32
}

impl Examining {
    /// Takes what an examination of a window found that began at `now`. Lost files that the one before had found, too, count from here on;
    /// those that it doesn't find any more were on their way out: shredded, then deleted.
    fn take(&mut self, window: &ExaminationWindow, found: Vec<LostFile>, since: impl Fn(&LostFile) -> Micros) {
        let now = window.began;
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
                    window: window.from,
                };
                self.counted.entry(file.path.clone()).or_insert(counted);
            }
            self.lost.insert(file.path, found_first.unwrap_or(now));
        }
        let is_lost_still = |path: &String, file: &Counted| file.window != window.from || self.lost.contains_key(path);
        self.counted
            .retain(|path, file| is_lost_still(path, file) && now.saturating_sub(file.seen) < COUNTED_MICROS);
    }

    /// Whether the files tell that random bytes in free space harm nobody.
    fn do_tell(&mut self, losses: &Losses, took: Duration, is_suspected: bool, now: Micros) -> bool {
        let gone = (losses.gone, losses.gone_bytes);
        // What is gone becomes fewer when another window begins.
        self.usually_gone = match is_suspected {
            true => (gone.0.min(self.usually_gone.0), gone.1.min(self.usually_gone.1)),
            false => gone,
        };
        let few = GONE_FEW.min(losses.files / GONE_SHARE).max(1);
        let lost = losses.lost.len() as u64;
        if losses.is_contradicted {
            self.contradicted = Some(now);
        }
        let is_believed = |contradicted: Micros| now.saturating_sub(contradicted) >= COUNTED_MICROS;
        let excess = gone.0 - self.usually_gone.0;
        self.moving.take_if(|_| excess < few);
        took <= TELLS_WITHIN
            && losses.is_whole
            && losses.created.saturating_mul(CREATED_SHARE) < losses.files
            && (excess < few || self.is_under_way(losses.moved, excess, now))
            && gone.1 - self.usually_gone.1 < GONE_BYTES
            && lost < few
            && self.contradicted.is_none_or(is_believed)
            && losses.lost.iter().all(|file| file.is_replaced)
    }

    /// Whether so many that are gone may be on their way, while others were moved.
    fn is_under_way(&mut self, moved: u64, gone: u64, now: Micros) -> bool {
        if moved == 0 {
            return false;
        }
        let (since, enough) = *self.moving.get_or_insert((now, moved.saturating_add(gone)));
        let is_in_time = now.saturating_sub(since) < MOVING_MICROS;
        if !is_in_time && moved >= enough {
            self.moving = Some((now, moved.saturating_add(gone)));
        }
        is_in_time || moved >= enough
    }

    /// Whether the next examination has something to confirm.
    fn has_unconfirmed(&self) -> bool {
        self.counted.len() < COUNTED_MAX && self.lost.keys().any(|path| !self.counted.contains_key(path))
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

    fn rest(&mut self, ended: Micros, took: Duration) {
        let factor = if self.is_suspected || self.has_unconfirmed() {
            REST_FACTOR_IF_SUSPECTED
        } else {
            REST_FACTOR
        };
        (self.ended, self.took) = (ended, took);
        self.next = self.rested(factor, REST_LEAST);
    }

    /// The end of a rest of so many times as long as the last examination took.
    fn rested(&self, factor: u32, least: Duration) -> Micros {
        let rest = self.took.saturating_mul(factor).clamp(least, REST_MOST);
        self.ended.saturating_add(micros(rest))
    }

    /// It can't be told: begins anew after a while, with another window. What counts goes on to count.
    fn fail(&mut self, ended: Micros, took: Duration) {
        self.next = ended.saturating_add(micros(took.saturating_mul(REST_FACTOR)).max(RETRY_MICROS));
        (self.ended, self.base, self.moving) = (ended, None, None);
        self.lost.clear();
        self.beginnings.clear();
    }

    /// Remembers the end of a window: a later one may begin there.
    fn note(&mut self, window: &ExaminationWindow) {
        let newest = self.beginnings.back();
        if newest.is_some_and(|newest| window.began.saturating_sub(newest.at) < BEGINNINGS_MICROS) {
            return;
        }
        self.beginnings.push_back(Base {
            at: window.began,
            sequence: window.to,
        });
        if self.beginnings.len() > BEGINNINGS_MAX {
            self.beginnings.pop_front();
        }
    }

    /// Has the next window begin later, as far as it may.
    fn advance(&mut self, began: Micros) {
        let old_enough = |base: &Base| base.at.saturating_add(OVERLAP_MICROS) <= began;
        while let Some(base) = self.beginnings.front().copied().filter(old_enough) {
            self.base = Some(base);
            self.beginnings.pop_front();
        }
    }
}

fn micros(span: Duration) -> Micros {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

impl Guard {
    /// Examines the disk's files, if there is a reason to and it is due. To be called some times a second, by a thread that nobody waits for.
    pub fn examine(&self, examiner: &dyn FileExaminer) {
        if let Some(window) = self.begin_examination() {
            self.end_examination(&window, examiner.examine(&self.volume, window.from, window.to));
        }
    }

    /// Which window has to be examined now, if any. For those who don't keep the guard meanwhile.
    pub fn begin_examination(&self) -> Option<ExaminationWindow> {
        let state = lock(&self.state);
        let is_fenced = state.fence.is_some();
        let is_episode = state.episode.is_some();
        let is_suspected = state.episode.as_ref().is_some_and(|episode| episode.is_seen_in_blocks);
        drop(state);
        let now = self.uptime.micros();
        let newest = self.volume.newest().sequence;
        let mut examining = lock(&self.examining);
        let mut watch = lock(&self.watch);
        // Four files that were followed by nothing go on to count for ten.
        let is_over = !is_episode && examining.done == Some(Level::Fence);
        if examining.generation != watch.generation || is_over {
            // All of that is explained.
            watch.lost_files = None;
            *examining = Examining {
                generation: watch.generation,
                ..Examining::default()
            };
        }
        examining.is_suspected = is_suspected;
        let is_gone = examining
            .base
            .is_some_and(|base| base.sequence < self.volume.oldest().sequence);
        examining.base.take_if(|_| is_gone);
        let base = *examining.base.get_or_insert(Base {
            at: now,
            sequence: newest,
        });
        let is_due = watch.hints >= HINTS
            || watch.hints > 0 && now.saturating_sub(examining.ended.max(base.at)) >= FEW_HINTS_MICROS
            || examining.has_unconfirmed()
            || watch.held_back.is_some()
                && (examining.moving.is_some() || watch.files_told.is_none_or(|(_, seen)| seen != newest));
        // Whoever is held back waits for it.
        let next = match watch.held_back.is_some() {
            true => (examining.next).min(examining.rested(REST_FACTOR_IF_SUSPECTED, REST_LEAST_IF_HELD_BACK)),
            false => examining.next,
        };
        if is_fenced || !self.is_watching() || now < next || !is_due {
            return None;
        }
        watch.hints = 0;
        Some(ExaminationWindow {
            from: base.sequence,
            to: newest,
            from_time: base.at,
            began: now,
            generation: watch.generation,
        })
    }

    /// Takes what the examination of a window found, and acts upon it.
    pub fn end_examination(&self, window: &ExaminationWindow, examined: Examined) {
        let is_episode = lock(&self.state).episode.is_some();
        let mut examining = lock(&self.examining);
        // Another guard may have come in this one's place, of another volume of that name.
        let is_this = examining
            .base
            .is_some_and(|base| (base.at, base.sequence) == (window.from_time, window.from));
        if !is_this || examining.generation != window.generation {
            return;
        }
        let now = self.uptime.micros();
        let losses = match examined.losses {
            Ok(losses) => losses,
            Err(why) => {
                examining.fail(now, examined.took);
                let was_failing = std::mem::replace(&mut examining.is_failing, true);
                drop(examining);
                self.hear_of_files(window, false);
                if let (Unexamined::Failed(reason), false) = (why, was_failing) {
                    self.tell_failure("looking at the disk's files (its blocks are watched)", &reason);
                }
                return;
            }
        };
        examining.is_failing = false;
        let mut watch = lock(&self.watch);
        let counted = examining.counted.len();
        let is_suspected = is_episode || watch.held_back.is_some() || watch.zero_since.is_none();
        let do_tell = examining.do_tell(&losses, examined.took, is_suspected, window.began);
        examining.take(window, losses.lost, |file| {
            let since = file.first.map(|first| watch.trail.written_by(first.0).unwrap_or(now));
            since.unwrap_or(window.from_time).max(window.from_time)
        });
        if examining.counted.len() > counted {
            // It goes on: an episode doesn't end meanwhile.
            watch.zero_since = watch.zero_since.map(|_| watch.time(now));
        }
        drop(watch);
        examining.rest(now, examined.took);
        examining.note(window);
        let fitting = WINDOWS.iter().find(|(took, _)| examined.took >= *took);
        let longest = fitting.map_or(COUNTED_MICROS, |(_, longest)| *longest);
        if !examining.has_unconfirmed() && now.saturating_sub(window.from_time) >= longest {
            examining.advance(window.began);
        }
        let verdict = examining.verdict();
        let since = examining.counted.values().map(|file| file.since).min().unwrap_or(now);
        let (reason, count) = (examining.reason(), examining.counted.len());
        drop(examining);
        if let Some(level) = verdict {
            self.act_on_lost_files(level, since, reason, count, window.generation);
        }
        self.hear_of_files(window, do_tell);
    }

    /// Hears whether the files of a window tell that random bytes in free space harm nobody. If not, what was held back isn't any more.
    fn hear_of_files(&self, window: &ExaminationWindow, do_tell: bool) {
        let state = lock(&self.state);
        let mut watch = lock(&self.watch);
        if watch.generation == window.generation && state.settings.enabled && state.fence.is_none() {
            watch.files_told = do_tell.then_some((window.began, window.to));
        }
        let is_held_back = watch.held_back.is_some();
        drop((watch, state));
        if is_held_back {
            let _operation = lock(&self.operations);
            self.put_right();
        }
    }

    /// Fences what was held back because of what files told, if they don't tell it any more. The caller holds `operations`.
    pub(crate) fn put_right(&self) {
        if lock(&self.watch).held_back.is_none() {
            return;
        }
        // Without the lock: this waits for whoever is appending to the log.
        let newest = self.volume.newest().sequence;
        let mut watch = lock(&self.watch);
        let now = watch.time(self.uptime.micros());
        let suspect = watch.no_longer_held_back(now, newest);
        drop(watch);
        if let Some(suspect) = suspect {
            self.consider(suspect);
        }
    }

    fn act_on_lost_files(&self, level: Level, since: Micros, reason: String, count: usize, generation: u64) {
        let _operation = lock(&self.operations);
        let now = self.uptime.micros();
        let mut watch = lock(&self.watch);
        if watch.generation != generation {
            return;
        }
        let now = watch.time(now);
        watch.lost_files = Some(reason);
        let percent = match level {
            Level::Fence => 100,
            _ => u32::try_from(count * 100 / FENCE_FILES).unwrap_or(100),
        };
        let suspect = watch.suspect_beside(now, level, since.saturating_sub(ONSET_MARGIN_MICROS), percent);
        drop(watch);
        self.consider(suspect);
    }
}
