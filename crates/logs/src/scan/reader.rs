//! One file read: its logs cut into records, records into events, events into batches.

use std::fs;
use std::io::Read;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;

use jiff::Timestamp;
use threat::event::Event;
use threat::input::{Record, Source, Unreadable};
use threat::normalise::{Normaliser, NotUnderstood};

use super::board::{Batch, Board};
use crate::Counts;
use crate::open::{self, Found, Limits, Problem, Sink};
use crate::records;

/// Events of a batch.
const BATCH_EVENTS: usize = 128;

/// Reads a file and sends its events.
pub(super) fn read(file: usize, found: &Found, limits: &Limits, board: &Board, sender: &SyncSender<Batch>) {
    let mut reading = Reading {
        received: modified(found),
        batches: Batches {
            file,
            number: 0,
            events: Vec::new(),
            board,
            sender,
        },
        counts: Counts::default(),
        problems: Vec::new(),
    };
    let progress = |bytes| {
        board.bytes.fetch_add(bytes, Ordering::Relaxed);
        !board.is_stopped()
    };
    open::read(found, limits, &progress, &mut reading);
    reading.batches.send();
    board.end_file(file, reading.batches.number, reading.counts, reading.problems);
}

/// When a file was last written: completes times without a year.
pub(crate) fn modified(found: &Found) -> Timestamp {
    let modified = fs::metadata(&found.path).and_then(|metadata| metadata.modified());
    modified
        .ok()
        .and_then(|time| Timestamp::try_from(time).ok())
        .unwrap_or_else(Timestamp::now)
}

struct Reading<'a> {
    received: Timestamp,
    batches: Batches<'a>,
    counts: Counts,
    problems: Vec<Problem>,
}

struct Batches<'a> {
    file: usize,
    number: u64,
    events: Vec<Event>,
    board: &'a Board,
    sender: &'a SyncSender<Batch>,
}

impl Batches<'_> {
    fn add(&mut self, event: Event) {
        self.events.push(event);
        if self.events.len() >= BATCH_EVENTS {
            self.send();
        }
    }

    fn send(&mut self) {
        if self.events.is_empty() {
            return;
        }
        self.board.wait_for_room(self.file);
        let events = std::mem::take(&mut self.events);
        self.board
            .events
            .fetch_add(u64::try_from(events.len()).unwrap_or(0), Ordering::Relaxed);
        let batch = Batch {
            file: self.file,
            number: self.number,
            events,
        };
        // Nobody detects any more only where a detector broke, which ends everything.
        if self.sender.send(batch).is_ok() {
            self.number += 1;
        }
    }
}

impl Sink for Reading<'_> {
    fn log(&mut self, name: Source, content: &mut dyn Read) -> bool {
        let Self {
            received,
            batches,
            counts,
            problems,
        } = self;
        let board = batches.board;
        board.logs.fetch_add(1, Ordering::Relaxed);
        let mut normaliser = Normaliser::new();
        let read = records::of_log(content, &name, &mut |record: Result<Record, Unreadable>| {
            board.records.fetch_add(1, Ordering::Relaxed);
            match record {
                Ok(record) => {
                    let (origin, sample) = (record.origin.clone(), records::sample_of(&record));
                    let mut give = |event: Result<Event, NotUnderstood>| match event {
                        Ok(event) => batches.add(event),
                        Err(not) => counts.add(&origin, &not.reason, &sample),
                    };
                    normaliser.take(record, *received, &mut give);
                }
                Err(unreadable) => counts.unreadable(&unreadable),
            }
            !board.is_stopped()
        });
        normaliser.finish(&mut |event| {
            if let Ok(event) = event {
                batches.add(event);
            }
        });
        match read {
            // An error of the reader itself is told by whoever opened the file.
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => problems.push(Problem {
                name: name.to_string(),
                reason: error.to_string(),
            }),
            _ => {}
        }
        !board.is_stopped()
    }

    fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}
