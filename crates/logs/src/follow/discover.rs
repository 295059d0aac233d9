//! One look at what lies where logs are followed: what moved, what was truncated or replaced, what is a copy of what was read, what is new.
//!
//! A log is the same as long as its file (device and inode) is the same, begins as it did, and has before the place up to which it was read
//! what it had then. A log whose file is gone or was truncated goes on in a copy: another file of its name, or what it was packed into, that
//! begins as it did. A copy of a log that is still in its place is passed over. What can't be told yet is left to the next look: a number that
//! was given to a copy would have all of it come twice.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::checkpoint::{Cursor, Entry, FileKey};
use super::evtx;
use super::list::{Candidate, candidate, list};
use super::mark::{HEAD_BYTES, Mark, TAIL_BYTES};
use super::source::Source;
use super::tracked::{Kind, Tracked, holds};
use super::{Follower, Start};

/// Logs that are gone and whose copies are still recognised.
const GONE_MAX: usize = 1024;
/// How long those are recognised, in seconds: longer than logs that are rotated monthly wait to be packed.
const GONE_SECONDS_MAX: u64 = 40 * 24 * 3600;

/// What a candidate is to what is known.
enum Kin {
    /// A copy of a log that is in its place.
    Shadow(u64),
    /// The log goes on here.
    Continuation(u64),
    /// A copy of a part that was read.
    Read,
    /// Nothing.
    Stranger,
}

impl Follower {
    /// Looks.
    pub(super) fn discover(&mut self) {
        let (mut candidates, problems) = list(&self.settings.paths, self.settings.limits.logs_max);
        if candidates.len() >= self.settings.limits.logs_max {
            self.add_what_is_followed(&mut candidates);
        }
        for problem in problems {
            self.problem(&problem.name, &problem.reason);
        }
        let strangers = self.recognise(candidates);
        let is_first = !self.has_looked;
        for candidate in strangers {
            match self.take_in(&candidate, is_first) {
                Ok(()) => {}
                // It was moved since it was listed: the next look finds it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    self.problem(&candidate.path.display().to_string(), &error.to_string());
                    self.passed.insert(candidate.file, candidate.seen);
                }
            }
        }
        self.has_looked = true;
        self.tell_what_is_lost();
        self.mark_superseded();
        self.forget();
    }

    /// More files than are followed are a new one's trouble, not that of those that are followed: names of files may be what senders say.
    fn add_what_is_followed(&self, candidates: &mut Vec<Candidate>) {
        let listed: HashSet<_> = candidates.iter().map(|candidate| candidate.file).collect();
        let is_asked = |path: &Path| self.settings.paths.iter().any(|asked| path.starts_with(asked));
        for log in self.logs.values().filter(|log| is_asked(&log.entry.path)) {
            let Some(file) = log.entry.file.filter(|file| !listed.contains(file)) else {
                continue;
            };
            candidates.extend(candidate(log.entry.path.clone(), false).filter(|found| found.file == file));
        }
    }

    /// Finds the logs that are where they were, or were renamed. Gives the other files.
    fn recognise(&mut self, candidates: Vec<Candidate>) -> Vec<Candidate> {
        let now = seconds();
        let by_file: HashMap<_, _> = self
            .logs
            .values()
            .filter_map(|log| Some((log.entry.file?, log.entry.log)))
            .collect();
        for log in self.logs.values_mut() {
            log.is_present = false;
        }
        let mut strangers = Vec::new();
        let mut problems = Vec::new();
        for candidate in candidates {
            let Some(log) = by_file.get(&candidate.file).and_then(|log| self.logs.get_mut(log)) else {
                strangers.push(candidate);
                continue;
            };
            match log.is_still(&candidate) {
                Ok(true) => {
                    log.see(&candidate);
                    self.is_unsaved |= std::mem::take(&mut log.is_unsaved);
                }
                Ok(false) => {
                    log.lose(now, true);
                    self.truncated.insert(log.entry.log, candidate.file);
                    self.passed.clear();
                    self.is_unsaved = true;
                    strangers.push(candidate);
                }
                Err(error) => {
                    log.is_present = true;
                    if error.kind() != io::ErrorKind::NotFound {
                        problems.push((candidate.path, error));
                    }
                }
            }
        }
        for log in self
            .logs
            .values_mut()
            .filter(|log| !log.is_present && log.entry.file.is_some())
        {
            log.lose(now, false);
            self.passed.clear();
            self.is_unsaved = true;
        }
        for (path, error) in problems {
            self.problem(&path.display().to_string(), &error.to_string());
        }
        strangers
    }

    /// Finds out what a file is that no log is known to be in.
    pub(super) fn take_in(&mut self, candidate: &Candidate, is_first: bool) -> io::Result<()> {
        if self.passed.get(&candidate.file) == Some(&candidate.seen) {
            return Ok(());
        }
        let mut source = candidate.open()?;
        let head = source.window(0, HEAD_BYTES)?;
        // A copy has nothing in it at first, by which it would be known as one. Its number would be another than that of what it is a copy of.
        if head.is_empty() && candidate.may_be_copy && !source.is_packed() {
            return Ok(());
        }
        let kin = match &source {
            Source::Events(file) => self.kin_of_events(candidate, evtx::newest(file)?),
            Source::Plain(_) | Source::Packed(_) => self.kin_of_lines(candidate, &mut source, &head)?,
        };
        match kin {
            Kin::Shadow(log) => {
                self.passed.insert(candidate.file, candidate.seen);
                self.is_unsaved |= self
                    .logs
                    .get_mut(&log)
                    .is_some_and(|log| log.note_copy(candidate.file, &head));
            }
            Kin::Continuation(log) => {
                if let Some(log) = self.logs.get_mut(&log) {
                    log.adopt(candidate);
                    log.kind = Some(source.kind());
                }
                self.truncated.remove(&log);
                self.is_unsaved = true;
            }
            Kin::Read => self.begin(candidate, &mut source, &head, true)?,
            Kin::Stranger => {
                let was_there = is_first && (candidate.is_rotated || self.settings.start == Start::End);
                self.begin(candidate, &mut source, &head, was_there)?;
            }
        }
        Ok(())
    }

    /// A log of Windows that was replaced by a newer copy of itself goes on by its records' numbers.
    fn kin_of_events(&self, candidate: &Candidate, newest: u64) -> Kin {
        let before = self.logs.values().rfind(|log| {
            let is_events = log.entry.head.bytes == 0 && log.cursor.offset > 0;
            is_events && !log.is_present && log.entry.path == candidate.path && newest >= log.cursor.line
        });
        before.map_or(Kin::Stranger, |log| Kin::Continuation(log.entry.log))
    }

    fn kin_of_lines(&self, candidate: &Candidate, source: &mut Source, head: &[u8]) -> io::Result<Kin> {
        let packed = source.is_packed();
        let relatives = self
            .logs
            .values()
            .filter(|log| log.family == candidate.family && log.may_be(candidate, head));
        let mut kin = Kin::Stranger;
        for log in relatives {
            if log.is_present {
                if is_prefix(candidate, source, head, log)? {
                    return Ok(Kin::Shadow(log.entry.log));
                }
                continue;
            }
            // Where the file was truncated and begins as before, it isn't a copy, but begins so again.
            if self.truncated.get(&log.entry.log) == Some(&candidate.file) {
                continue;
            }
            if holds(source, &log.cursor)? {
                return Ok(Kin::Continuation(log.entry.log));
            }
            if packed || candidate.seen.bytes < log.cursor.offset {
                kin = Kin::Read;
            }
        }
        Ok(kin)
    }

    /// Begins to follow a file: at its beginning, or with what is appended from now on.
    fn begin(&mut self, candidate: &Candidate, source: &mut Source, head: &[u8], at_end: bool) -> io::Result<()> {
        if self.logs.len() >= self.settings.limits.logs_max.saturating_add(GONE_MAX) {
            return Err(io::Error::other("more logs than are followed at once"));
        }
        let (at, finished) = match (at_end, &source) {
            (false, _) => (Cursor::default(), false),
            (true, Source::Packed(_)) => (Cursor::default(), true),
            (true, Source::Plain(_)) => (end_of_lines(candidate, source)?, false),
            (true, Source::Events(file)) => {
                let newest = evtx::newest(file)?;
                let at = Cursor {
                    offset: newest,
                    line: newest,
                    tail: Mark::default(),
                };
                (at, false)
            }
        };
        let entry = Entry {
            log: self.next,
            path: candidate.path.clone(),
            file: Some(candidate.file),
            head: Mark::default(),
            at,
            copies: Vec::new(),
            finished,
            gone_since: None,
        };
        if let Some(mut log) = Tracked::new(entry) {
            log.begin(source, head, candidate);
            self.logs.insert(self.next, log);
            self.next += 1;
            self.is_unsaved = true;
        }
        Ok(())
    }

    /// Counts logs that were truncated before they were read to their end.
    fn tell_what_is_lost(&mut self) {
        let lost: Vec<_> = self
            .truncated
            .keys()
            .filter_map(|log| self.logs.get(log))
            .filter(|log| log.seen.is_some_and(|seen| seen.bytes > log.cursor.offset) && log.kind == Some(Kind::Lines))
            .map(|log| log.entry.path.display().to_string())
            .collect();
        self.truncated.clear();
        for path in lost {
            self.problem(
                &path,
                "it was truncated before it was read to its end, and no copy of it was found",
            );
        }
    }

    fn mark_superseded(&mut self) {
        let mut newest: HashMap<String, u64> = HashMap::new();
        for log in self
            .logs
            .values()
            .filter(|log| log.seen.is_some_and(|seen| seen.bytes > 0))
        {
            newest.insert(log.family.clone(), log.entry.log);
        }
        for log in self.logs.values_mut() {
            log.is_superseded = newest.get(&log.family).is_some_and(|newest| *newest > log.entry.log);
        }
    }

    /// Forgets logs that are gone for long, the longest gone first.
    fn forget(&mut self) {
        let now = seconds();
        let mut gone: Vec<_> = self
            .logs
            .values()
            .filter(|log| log.source.is_none())
            .filter_map(|log| Some((log.entry.gone_since?, log.entry.log)))
            .collect();
        gone.sort_unstable();
        let too_many = gone.len().saturating_sub(GONE_MAX);
        for (number, (since, log)) in gone.into_iter().enumerate() {
            if number < too_many || now.saturating_sub(since) > GONE_SECONDS_MAX {
                self.logs.remove(&log);
                self.is_unsaved = true;
            }
        }
        let listed: HashSet<_> = self.logs.values().filter_map(|log| log.entry.file).collect();
        if self.passed.len() > self.settings.limits.logs_max {
            self.passed.retain(|file, _| !listed.contains(file));
        }
    }
}

/// Whether a file begins as the log in its place does, and ends as that does at that length: a copy, or one that is being made.
///
/// # Errors
///
/// `NotFound` if the log isn't any more what the present look found: the next look will see more clearly.
fn is_prefix(candidate: &Candidate, source: &mut Source, head: &[u8], log: &Tracked) -> io::Result<bool> {
    // A restart knows of it only where it was, and the look didn't come to see it there: its file was moved, or is another's by now. What is
    // compared to it may be where it goes on.
    let (Some(seen), Some(file)) = (log.seen, log.entry.file) else {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the log wasn't seen yet"));
    };
    let mut original = Source::open(&log.entry.path, file)?;
    let beginning = original.window(0, HEAD_BYTES)?;
    if !log.entry.head.begins(&beginning) || !holds(&mut original, &log.cursor)? {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the log changes at this moment",
        ));
    }
    if !beginning.starts_with(head) || source.is_packed() {
        return Ok(beginning.starts_with(head));
    }
    let bytes = candidate.seen.bytes;
    if original.is_packed() {
        // A packed log is read from its beginning, and was read further than that by now. Behind a damaged place of it nothing is known to be
        // the same: that is rather read twice than lost.
        let mut again = Source::open(&log.entry.path, file)?;
        return Ok(has_same_end(bytes, source, &mut again).unwrap_or(false));
    }
    let is_same = bytes <= seen.bytes && has_same_end(bytes, source, &mut original)?;
    if is_same {
        return Ok(true);
    }
    // Both may have grown since they were listed, one after the other; or the log was truncated while they were compared.
    let now = std::fs::metadata(&log.entry.path)?;
    if FileKey::of(&now) != file || now.len() != seen.bytes {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(false)
}

/// Whether both have the same before a place.
fn has_same_end(bytes: u64, one: &mut Source, other: &mut Source) -> io::Result<bool> {
    let length = usize::try_from(bytes).unwrap_or(TAIL_BYTES).min(TAIL_BYTES);
    let from = bytes.saturating_sub(u64::try_from(length).unwrap_or(0));
    Ok(one.window(from, length)? == other.window(from, length)?)
}

/// The end of the last whole line.
fn end_of_lines(candidate: &Candidate, source: &mut Source) -> io::Result<Cursor> {
    let from = candidate.seen.bytes.saturating_sub(HEAD_BYTES as u64);
    let last = source.window(from, HEAD_BYTES)?;
    let whole = memchr::memrchr(b'\n', &last).map_or(0, |at| at + 1);
    Ok(Cursor {
        offset: from + u64::try_from(whole).unwrap_or(0),
        line: 0,
        tail: Mark::of_tail(last.get(..whole).unwrap_or_default()),
    })
}

fn seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
