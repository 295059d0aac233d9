//! Reads an input from where the journal says, and writes sorted runs.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::files::{Files, prefix};
use super::format::{Format, password, record_bytes, without_mark};
use super::journal::{Journal, Position, Run};
use super::lines::{Chunk, Lines};
use super::rows::{self, Line};
use super::sort::Sorter;
use super::tally::Reason;
use super::{ImportProgress, ImportStage};
use crate::Error;
use crate::hash::HashKind;
use crate::passwords::RangePrefix;
use crate::passwords::range_file::RangeFile;
use crate::passwords::record::Record;
use crate::passwords::write::{telling, write_part};

/// Memory that isn't for records: buffers of reading and writing, and what the allocator keeps.
const OTHER_MEMORY_BYTES: u64 = 24 << 20;
/// The least memory for sorting, whatever was asked for.
const MEMORY_BYTES_MIN: u64 = 1 << 20;
/// Runs of one kind, after which they are merged into one: each is an open file and a buffer in the last merge.
const RUNS_MAX: usize = 100;
/// Lines before it is judged whether the input makes sense.
const JUDGED_LINES: u64 = 1000;
/// Most bytes of a password.
const PASSWORD_BYTES_MAX: usize = 1000;

/// An input being read.
pub(super) struct Reading<'a> {
    files: Files,
    work: &'a Path,
    pub(super) journal: Journal,
    sorters: Vec<Sorter>,
    progress: &'a mut dyn FnMut(ImportProgress),
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        files: Files,
        work: &'a Path,
        journal: Journal,
        memory_bytes: u64,
        progress: &'a mut dyn FnMut(ImportProgress),
    ) -> Self {
        let memory_bytes = memory_bytes.max(MEMORY_BYTES_MIN);
        let other = OTHER_MEMORY_BYTES.min(memory_bytes / 4);
        let for_records = (memory_bytes - other) / files.kinds.len().max(1) as u64;
        let for_records = usize::try_from(for_records).unwrap_or(usize::MAX);
        let sorters = files.kinds.iter().map(|kind| Sorter::new(*kind, for_records)).collect();
        Self {
            files,
            work,
            journal,
            sorters,
            progress,
        }
    }

    /// Reads all that wasn't read yet. Afterwards the journal names the runs of everything.
    pub(super) fn run(mut self) -> Result<Journal, Error> {
        while !self.journal.is_complete && self.journal.position.file < self.files.count() {
            let Position { file, offset, .. } = self.journal.position;
            match self.files.open(file, offset)? {
                Some(reader) => self.read_file(reader)?,
                None => self.journal.tally.files_missing += 1,
            }
            self.journal.position = Position {
                file: file + 1,
                ..Position::default()
            };
            if self.files.count() > 1 && file % 512 == 0 {
                self.tell();
            }
        }
        self.judge()?;
        if !self.journal.is_complete {
            self.journal.is_complete = true;
            self.checkpoint()?;
        }
        Ok(self.journal)
    }

    fn read_file(&mut self, reader: Box<dyn Read>) -> Result<(), Error> {
        if self.files.format == Format::Binary {
            return self.read_binary(reader);
        }
        let file = self.journal.position.file;
        let name = self.files.name(file);
        let mut lines = Lines::new(reader, self.journal.position.offset);
        loop {
            match lines.next().map_err(|error| self.files.unreadable(file, error))? {
                None => return Ok(()),
                Some(Chunk::Lines(text, offset)) => self.take_lines(text, offset, &name)?,
                Some(Chunk::TooLong(next)) => {
                    self.journal.position.offset = next;
                    self.next_line();
                    self.leave_out(&name, Reason::TooLong);
                }
            }
            self.judge_early()?;
            if self.files.count() == 1 {
                self.tell();
            }
        }
    }

    /// Takes lines that begin at `offset` of the file.
    fn take_lines(&mut self, text: &[u8], offset: u64, name: &str) -> Result<(), Error> {
        let mut rest = if offset == 0 { without_mark(text) } else { text };
        let (format, kind) = (self.files.format, self.files.kinds.first().copied());
        while !rest.is_empty() {
            if self.sorters.iter().any(Sorter::is_full) {
                self.journal.position.offset = offset + (text.len() - rest.len()) as u64;
                self.checkpoint()?;
            }
            self.next_line();
            if let (Format::Hashes, Some(kind)) = (format, kind)
                && let Some((record, length)) = rows::usual_line(kind, rest)
            {
                self.take(record);
                rest = rest.get(length..).unwrap_or_default();
                continue;
            }
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest.get(..end).unwrap_or_default();
            rest = rest.get(end + 1..).unwrap_or_default();
            self.take_line(line, name);
        }
        self.journal.position.offset = offset + text.len() as u64;
        Ok(())
    }

    /// Takes a line without its end.
    fn take_line(&mut self, line: &[u8], name: &str) {
        if self.files.format == Format::Passwords {
            return self.take_password(line);
        }
        let Some(kind) = self.files.kinds.first().copied() else {
            return;
        };
        let parsed = if self.files.format == Format::Ranges {
            range_line(kind, prefix(self.journal.position.file), line)
        } else {
            rows::line(kind, line)
        };
        match parsed {
            Ok(Line::Record(record)) => self.take(record),
            Ok(Line::Blank) => self.journal.tally.blank += 1,
            Err(reason) => self.leave_out(name, reason),
        }
    }

    fn take_password(&mut self, line: &[u8]) {
        if line.is_empty() || line == b"\r" {
            self.journal.tally.blank += 1;
            return;
        }
        if line.len() > PASSWORD_BYTES_MAX {
            return self.leave_out("", Reason::TooLong);
        }
        match password(line) {
            Err(reason) => self.leave_out("", reason),
            Ok(password) => {
                self.journal.tally.taken += 1;
                for sorter in &mut self.sorters {
                    let hash = sorter.kind().hash(&password);
                    if let Some(record) = Record::new(sorter.kind(), &hash, 1) {
                        sorter.push(record);
                    }
                }
            }
        }
    }

    /// Takes records of a hash and a count, four bytes little-endian, signed.
    fn read_binary(&mut self, mut reader: Box<dyn Read>) -> Result<(), Error> {
        let Some(kind) = self.files.kinds.first().copied() else {
            return Ok(());
        };
        let mut records = vec![0; record_bytes(kind) * 4096];
        loop {
            let read = read_full(&mut reader, &mut records);
            let length = read.map_err(|error| self.files.unreadable(0, error))?;
            let chunks = records.get(..length).unwrap_or_default().chunks(record_bytes(kind));
            for bytes in chunks {
                if self.sorters.iter().any(Sorter::is_full) {
                    self.checkpoint()?;
                }
                self.next_line();
                match binary_record(kind, bytes) {
                    Ok(record) if record.count == 0 => self.journal.tally.blank += 1,
                    Ok(record) => self.take(record),
                    Err(reason) => self.leave_out("", reason),
                }
                self.journal.position.offset += bytes.len() as u64;
            }
            self.judge_early()?;
            self.tell();
            if length < records.len() {
                return Ok(());
            }
        }
    }

    fn next_line(&mut self) {
        self.journal.position.line += 1;
        self.journal.tally.lines += 1;
    }

    #[inline]
    fn take(&mut self, record: Record) {
        self.journal.tally.taken += 1;
        if let Some(sorter) = self.sorters.first_mut() {
            sorter.push(record);
        }
    }

    fn leave_out(&mut self, name: &str, reason: Reason) {
        self.journal.tally.leave_out(name, self.journal.position.line, reason);
    }

    fn tell(&mut self) {
        let (done, total) = if self.files.count() > 1 {
            (self.journal.position.file, self.files.count())
        } else {
            (self.files.bytes_read.load(Ordering::Relaxed), self.files.size_bytes())
        };
        (self.progress)(ImportProgress {
            stage: ImportStage::Reading,
            done,
            total,
        });
    }

    fn judge_early(&self) -> Result<(), Error> {
        if self.journal.tally.lines < JUDGED_LINES {
            return Ok(());
        }
        self.judge()
    }

    /// Refuses an input of which most is malformed: it is something else.
    fn judge(&self) -> Result<(), Error> {
        let tally = &self.journal.tally;
        if tally.malformed <= tally.taken && (tally.taken > 0 || !self.is_at_end()) {
            return Ok(());
        }
        let what = match tally.first_malformed.first() {
            Some(first) => format!(
                "{} of the first {} lines are malformed, `{}` line {} is {}",
                tally.malformed, tally.lines, first.file, first.line, first.reason
            )
            .replace("`` ", ""),
            None => "it holds no hash".to_owned(),
        };
        Err(Error::Unusable {
            path: self.files.path.clone(),
            what,
        })
    }

    const fn is_at_end(&self) -> bool {
        self.journal.position.file == self.files.count()
    }

    /// Writes what is in memory as runs, then the journal, which makes them count.
    fn checkpoint(&mut self) -> Result<(), Error> {
        for sorter in self.sorters.iter_mut().filter(|sorter| !sorter.is_empty()) {
            let name = self.journal.new_run();
            sorter.write_run(&self.work.join(&name))?;
            let kind = sorter.kind();
            self.journal.runs.push(Run { kind, name });
        }
        self.journal.write(self.work)?;
        for kind in self.files.kinds.clone() {
            self.merge_many(kind)?;
        }
        Ok(())
    }

    /// Merges the runs of a kind into one if they are too many.
    fn merge_many(&mut self, kind: HashKind) -> Result<(), Error> {
        let old = self.journal.runs_of(kind, self.work);
        if old.len() < RUNS_MAX {
            return Ok(());
        }
        let name = self.journal.new_run();
        unite(kind, &old, &self.work.join(&name), self.progress)?;
        self.journal.runs.retain(|run| run.kind != kind);
        self.journal.runs.push(Run { kind, name });
        self.journal.write(self.work)?;
        for path in old {
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
        Ok(())
    }
}

/// Merges runs into one at `path`, durably.
pub(super) fn unite(
    kind: HashKind,
    runs: &[PathBuf],
    path: &Path,
    progress: &mut dyn FnMut(ImportProgress),
) -> Result<(), Error> {
    let files = runs.iter().map(|run| RangeFile::open(run));
    let files = files.collect::<Result<Vec<_>, _>>()?;
    let files: Vec<&RangeFile> = files.iter().collect();
    // It is never ended by its steps.
    write_part(kind, &files, path, &mut telling(progress)).map(drop)
}

/// A row of a range: the hash without the prefix.
fn range_line(kind: HashKind, prefix: RangePrefix, text: &[u8]) -> Result<Line, Reason> {
    let text = without_mark(text).trim_ascii();
    if text.is_empty() {
        return Ok(Line::Blank);
    }
    // Longer lines are malformed anyway.
    let mut whole = [0; 64];
    let digits = prefix.to_string();
    let length = digits.len() + text.len();
    let place = whole.get_mut(..length).ok_or(Reason::NotAHash)?;
    for (to, from) in place.iter_mut().zip(digits.bytes().chain(text.iter().copied())) {
        *to = from;
    }
    rows::line(kind, place)
}

fn binary_record(kind: HashKind, bytes: &[u8]) -> Result<Record, Reason> {
    let (hash, count) = bytes.split_at_checked(kind.bytes()).ok_or(Reason::CutOff)?;
    let count = i32::from_le_bytes(count.try_into().map_err(|_| Reason::CutOff)?);
    let count = u32::try_from(count).map_err(|_| Reason::NegativeCount)?;
    Record::new(kind, hash, count).ok_or(Reason::CutOff)
}

/// Reads until the buffer is full or the input ends.
fn read_full(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(buffer.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
