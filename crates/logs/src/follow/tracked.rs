//! One log that is followed: where it is, how far it was read, how far that was acknowledged.

use std::io;
use std::time::{Duration, Instant};

use threat::event::Origin;
use threat::input::lines::Unended;
use threat::input::{self, Record, Unreadable};

use super::checkpoint::{Copied, Cursor, Entry, FileKey};
use super::evtx;
use super::family::family;
use super::list::{Candidate, Seen};
use super::mark::{HEAD_BYTES, Mark, TAIL_BYTES};
use super::pieces::Layout;
use super::source::Source;
use super::{Position, Positioned};
use crate::counts::printable;
use crate::records;

/// Bytes of a log that are looked at together.
const WINDOW_BYTES: usize = 256 << 10;
/// Copies of a log that are remembered.
const COPIES_MAX: usize = 4;
/// How long a line's end is waited for in a log that was rotated: whoever writes it may not have noticed yet.
const PATIENCE: Duration = Duration::from_secs(10);

/// What may still be put into a batch.
pub(super) struct Room {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

impl Room {
    pub(super) fn is_used_up(&self) -> bool {
        self.records == 0 || self.bytes == 0
    }

    fn take(&mut self, bytes: usize) {
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// A line longer than may be, while its end is looked for.
struct Overlong {
    /// Up to where there was none.
    searched: u64,
    sample: String,
}

/// What is in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Lines,
    Events,
}

/// One log.
///
/// Invariant: `entry.at` is never ahead of `cursor`: what is acknowledged was read.
pub(super) struct Tracked {
    /// As the checkpoint has it.
    pub(super) entry: Entry,
    /// How far it was read.
    pub(super) cursor: Cursor,
    pub(super) family: String,
    pub(super) kind: Option<Kind>,
    pub(super) source: Option<Source>,
    pub(super) seen: Option<Seen>,
    /// Whether the last look found it in its place.
    pub(super) is_present: bool,
    /// Whether a newer log of the same name has begun.
    pub(super) is_superseded: bool,
    /// Whether there is nothing to be read until it changes.
    pub(super) is_idle: bool,
    /// Whether there is something that the checkpoint must know before more is given out.
    pub(super) is_unsaved: bool,
    /// Whether it was read to an end behind which nothing comes.
    pub(super) is_finished: bool,
    pub(super) changed: Instant,
    overlong: Option<Overlong>,
    layout: Layout,
}

impl Tracked {
    pub(super) fn new(entry: Entry) -> Option<Self> {
        Some(Self {
            cursor: entry.at.clone(),
            family: family(&entry.path)?,
            kind: None,
            source: None,
            seen: None,
            is_present: false,
            is_superseded: false,
            is_idle: false,
            is_unsaved: false,
            is_finished: entry.finished,
            changed: Instant::now(),
            overlong: None,
            layout: Layout::default(),
            entry,
        })
    }

    /// What lies behind the place up to which it was read; of packed logs and those of Windows that isn't known.
    pub(super) fn unread_bytes(&self) -> u64 {
        let is_plain = self.kind == Some(Kind::Lines) && !self.is_finished;
        let there = self.seen.filter(|_| is_plain && self.is_present);
        there.map_or(0, |seen| seen.bytes.saturating_sub(self.cursor.offset))
    }

    /// Whether a file that lies where this log was is still this log. Learns more of its beginning, if there is more.
    pub(super) fn is_still(&mut self, candidate: &Candidate) -> io::Result<bool> {
        if self.seen == Some(candidate.seen) {
            return Ok(true);
        }
        let mut source = candidate.open()?;
        let kind = source.kind();
        if self.kind.is_some_and(|known| known != kind) {
            return Ok(false);
        }
        if let Source::Events(file) = &source {
            self.kind = Some(kind);
            // Numbers begin again in a log that was cleared.
            return Ok(evtx::newest(file)? >= self.cursor.line);
        }
        let head = source.window(0, HEAD_BYTES)?;
        if !self.entry.head.begins(&head) || !holds(&mut source, &self.cursor)? {
            return Ok(false);
        }
        self.learn(&source, &head);
        // A packed log that has changed was still being written: it is read again up to where it was.
        if source.is_packed() && self.seen.is_some() {
            self.source = None;
        }
        Ok(true)
    }

    /// Learns by what the log is recognised. Half a line may be how many logs begin, so that it doesn't count until nothing can follow it.
    fn learn(&mut self, source: &Source, head: &[u8]) {
        self.kind = Some(source.kind());
        let is_enough = source.is_packed() || self.is_superseded || head.len() >= HEAD_BYTES || head.contains(&b'\n');
        if is_enough && head.len() > self.entry.head.bytes {
            self.entry.head = Mark::of(head);
            self.is_unsaved = true;
        }
    }

    /// Learns what a new log is.
    pub(super) fn begin(&mut self, source: &Source, head: &[u8], candidate: &Candidate) {
        match source.kind() {
            Kind::Events => self.kind = Some(Kind::Events),
            Kind::Lines => self.learn(source, head),
        }
        self.see(candidate);
    }

    /// Whether records may be given out: only once the log is known again after a restart, whatever becomes of its file.
    pub(super) fn is_readable(&self) -> bool {
        let is_known = self.kind == Some(Kind::Events) || self.entry.head.bytes > 0;
        is_known && !self.is_idle && !self.is_finished
    }

    /// Whether a file that begins with `head` may be a copy of this log.
    pub(super) fn may_be(&self, candidate: &Candidate, head: &[u8]) -> bool {
        if self.entry.head.bytes > 0 && self.entry.head.begins(head) {
            return true;
        }
        // A copy of a log that was short then, and has grown since.
        let is_known = |copy: &Copied| copy.file == candidate.file && copy.head.bytes > 0 && copy.head.begins(head);
        if self.is_present {
            !head.is_empty() && head.len() < HEAD_BYTES && head.len() < self.entry.head.bytes
        } else {
            self.entry.copies.iter().any(is_known)
        }
    }

    /// Remembers a copy of the log. False: it is known.
    pub(super) fn note_copy(&mut self, file: FileKey, head: &[u8]) -> bool {
        let copy = Copied {
            file,
            head: Mark::of(head),
        };
        if self.entry.copies.contains(&copy) {
            return false;
        }
        self.entry.copies.retain(|known| known.file != file);
        if self.entry.copies.len() >= COPIES_MAX {
            self.entry.copies.remove(0);
        }
        self.entry.copies.push(copy);
        true
    }

    /// The log as the checkpoint is to have it.
    pub(super) fn saved(&self) -> Entry {
        let mut entry = self.entry.clone();
        entry.finished |= self.is_finished && entry.at == self.cursor;
        entry
    }

    /// Notes where the log is now.
    pub(super) fn see(&mut self, candidate: &Candidate) {
        if self.seen != Some(candidate.seen) {
            // A plain file that was finished because it was a copy is read on if it grows.
            let is_growing = self.seen.is_some_and(|seen| candidate.seen.bytes > seen.bytes);
            self.is_finished &= !is_growing;
            self.entry.finished &= !is_growing;
            self.changed = Instant::now();
            self.is_idle = false;
        }
        self.entry.path.clone_from(&candidate.path);
        self.entry.file = Some(candidate.file);
        self.entry.gone_since = None;
        self.seen = Some(candidate.seen);
        self.is_present = true;
    }

    /// Reads on in a copy of the log, or in what it was packed into.
    pub(super) fn adopt(&mut self, candidate: &Candidate) {
        self.source = None;
        self.overlong = None;
        self.entry.finished = false;
        self.is_finished = false;
        self.seen = None;
        self.see(candidate);
    }

    /// The log isn't in its place any more. With `truncated`, what is open is no longer it either.
    pub(super) fn lose(&mut self, now: u64, truncated: bool) {
        self.entry.file = None;
        self.entry.gone_since = Some(now);
        self.is_present = false;
        self.is_idle = false;
        if truncated {
            self.source = None;
            self.overlong = None;
        }
    }

    /// Puts into a batch what is new, as far as there is room.
    pub(super) fn read(
        &mut self,
        line_bytes_max: usize,
        room: &mut Room,
        batch: &mut Vec<Positioned>,
    ) -> io::Result<()> {
        if self.kind == Some(Kind::Events) {
            return self.read_events(room, batch);
        }
        if self.source.is_none() && !self.open()? {
            return Ok(());
        }
        self.read_lines(line_bytes_max, room, batch).inspect_err(|_| {
            self.source = None;
            self.is_idle = true;
        })
    }

    /// Opens the log in its place. False: it isn't there, or is another one by now, which the next look will find out.
    fn open(&mut self) -> io::Result<bool> {
        self.is_idle = true;
        if !self.is_present {
            return Ok(false);
        }
        let Some(file) = self.entry.file else { return Ok(false) };
        match Source::open(&self.entry.path, file) {
            Ok(source) => self.source = Some(source),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        }
        self.is_idle = false;
        Ok(true)
    }

    fn read_lines(&mut self, line_bytes_max: usize, room: &mut Room, batch: &mut Vec<Positioned>) -> io::Result<()> {
        let name: input::Source = self.entry.path.display().to_string().into();
        if let Some(source) = &mut self.source {
            self.layout.learn(source)?;
        }
        let mut wanted = WINDOW_BYTES;
        while !room.is_used_up() {
            if self.overlong.is_some() {
                if !self.pass_overlong(&name, room, batch)? {
                    return Ok(());
                }
                continue;
            }
            let Some(window) = self.window(wanted)? else {
                return Ok(());
            };
            let before = self.cursor.tail.bytes;
            let fresh = window.get(before..).unwrap_or_default();
            let is_end = fresh.len() < wanted;
            let unended = if is_end && self.ends_here() {
                Unended::AreALine
            } else {
                Unended::AreLeft
            };
            let mut pieces = self
                .layout
                .pieces(fresh, name.clone(), unended, &self.cursor, line_bytes_max);
            let mut from = self.cursor.offset;
            while let Some(piece) = pieces.read()? {
                let end = pieces.offset();
                room.take(usize::try_from(end - from).unwrap_or(usize::MAX));
                from = end;
                batch.push(self.positioned(piece, end));
                if room.is_used_up() {
                    break;
                }
            }
            let consumed = usize::try_from(pieces.offset() - self.cursor.offset).unwrap_or(0);
            if consumed > 0 {
                self.cursor = Cursor {
                    offset: pieces.offset(),
                    line: pieces.number(),
                    tail: Mark::of_tail(window.get(..before + consumed).unwrap_or_default()),
                };
            } else if is_end {
                self.rest(fresh.is_empty());
                return Ok(());
            } else if wanted < line_bytes_max + 2 {
                wanted = line_bytes_max + 2;
            } else {
                self.overlong = Some(Overlong {
                    searched: self.cursor.offset,
                    sample: sample(fresh),
                });
            }
        }
        Ok(())
    }

    /// The bytes before the cursor that are marked, and `wanted` behind it as far as there are; none if they aren't what was read before.
    fn window(&mut self, wanted: usize) -> io::Result<Option<Vec<u8>>> {
        let Some(source) = &mut self.source else {
            return Ok(None);
        };
        let tail = self.cursor.tail.bytes;
        // With one read, since the log may be truncated and written to anew at any moment. Near its beginning that is looked at, too.
        let offset = usize::try_from(self.cursor.offset).unwrap_or(usize::MAX);
        let before = if offset <= HEAD_BYTES { offset } else { tail };
        let from = self.cursor.offset.saturating_sub(u64::try_from(before).unwrap_or(0));
        let mut window = source.window(from, before + wanted.max(HEAD_BYTES))?;
        let is_same_head = from > 0 || self.entry.head.begins(&window);
        let unmarked = before.saturating_sub(tail);
        window.drain(..unmarked.min(window.len()));
        if is_same_head && self.cursor.tail.begins(&window) {
            window.truncate(tail + wanted);
            return Ok(Some(window));
        }
        // It was truncated since the last look, and maybe written to again: the next look will see.
        self.is_idle = true;
        self.seen = None;
        Ok(None)
    }

    /// Whether what isn't ended by a line end now never will be.
    fn ends_here(&self) -> bool {
        let was_left = (self.is_superseded || !self.is_present) && self.changed.elapsed() > PATIENCE;
        was_left || self.source.as_ref().is_some_and(Source::has_ended)
    }

    /// Nothing is to be read for now.
    fn rest(&mut self, is_read_to_its_end: bool) {
        let waits_for_line_end = !is_read_to_its_end && (self.is_superseded || !self.is_present);
        self.is_idle = !waits_for_line_end;
        self.is_finished |= is_read_to_its_end && self.source.as_ref().is_some_and(Source::has_ended);
        if is_read_to_its_end && !self.is_present {
            self.source = None;
        }
    }

    fn positioned(&self, record: Result<Record, Unreadable>, end: u64) -> Positioned {
        Positioned {
            record,
            position: Position {
                log: self.entry.log,
                end,
            },
        }
    }

    /// Looks for the end of a line that is too long. False: it isn't there yet.
    fn pass_overlong(
        &mut self,
        name: &input::Source,
        room: &mut Room,
        batch: &mut Vec<Positioned>,
    ) -> io::Result<bool> {
        let (Some(overlong), Some(source)) = (&mut self.overlong, &mut self.source) else {
            return Ok(false);
        };
        let before = usize::try_from(overlong.searched).unwrap_or(TAIL_BYTES).min(TAIL_BYTES);
        let from = overlong.searched.saturating_sub(u64::try_from(before).unwrap_or(0));
        let window = source.window(from, before + WINDOW_BYTES)?;
        room.bytes = room.bytes.saturating_sub(window.len());
        let fresh = window.get(before..).unwrap_or_default();
        let Some(at) = memchr::memchr(b'\n', fresh) else {
            overlong.searched += u64::try_from(fresh.len()).unwrap_or(0);
            self.is_idle = fresh.len() < WINDOW_BYTES;
            return Ok(!self.is_idle);
        };
        let end = overlong.searched + u64::try_from(at).unwrap_or(0) + 1;
        let unreadable = Unreadable {
            origin: Origin {
                source: name.clone(),
                record: self.cursor.line + 1,
            },
            reason: format!("the line has {} bytes, more than are read", end - self.cursor.offset),
            sample: std::mem::take(&mut overlong.sample),
        };
        self.overlong = None;
        self.cursor = Cursor {
            offset: end,
            line: self.cursor.line + 1,
            tail: Mark::of_tail(window.get(..before + at + 1).unwrap_or_default()),
        };
        room.take(0);
        batch.push(self.positioned(Err(unreadable), end));
        Ok(true)
    }

    fn read_events(&mut self, room: &mut Room, batch: &mut Vec<Positioned>) -> io::Result<()> {
        self.is_idle = true;
        if !self.is_present {
            return Ok(());
        }
        let Some(Ok(Source::Events(file))) = self.entry.file.map(|file| Source::open(&self.entry.path, file)) else {
            return Ok(());
        };
        let Some(new) = evtx::after(&file, self.cursor.line)? else {
            return Ok(());
        };
        let name: input::Source = self.entry.path.display().to_string().into();
        let log = self.entry.log;
        let mut last = self.cursor.offset;
        room.bytes = room.bytes.saturating_sub(new.log.len());
        records::of_event_log(new.log, &name, &mut |record| {
            let number = match &record {
                Ok(record) => record.origin.record,
                Err(unreadable) => unreadable.origin.record,
            };
            if number > last {
                last = number;
                room.take(0);
                batch.push(Positioned {
                    record,
                    position: Position { log, end: number },
                });
            }
            room.records > 0
        });
        // Chunks of which there was no room for all records are read again.
        if room.records > 0 {
            self.cursor.line = new.reached;
        }
        self.is_idle = new.is_all && room.records > 0;
        self.cursor.offset = last;
        Ok(())
    }
}

/// Whether a file holds what was read of a log up to a place.
pub(super) fn holds(source: &mut Source, cursor: &Cursor) -> io::Result<bool> {
    let from = cursor
        .offset
        .saturating_sub(u64::try_from(cursor.tail.bytes).unwrap_or(0));
    Ok(cursor.tail.begins(&source.window(from, cursor.tail.bytes)?))
}

fn sample(bytes: &[u8]) -> String {
    printable(&String::from_utf8_lossy(bytes.get(..200).unwrap_or(bytes)), 200)
}
