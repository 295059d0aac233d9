//! One file read: its logs cut into records, records into events, events into batches.

use std::io::Read;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;

use threat::event::Event;
use threat::input::Source;

use super::board::{Batch, Board};
use crate::events::Events;
use crate::open::{self, Found, Limits, Problem, Sink};

/// Events of a batch.
const BATCH_EVENTS: usize = 128;

/// Reads a file and sends its events.
pub(super) fn read(file: usize, found: &Found, limits: &Limits, board: &Board, sender: &SyncSender<Batch>) {
    let mut reading = Reading {
        events: Events::of(found),
        batches: Batches {
            file,
            number: 0,
            events: Vec::new(),
            board,
            sender,
        },
    };
    let progress = |bytes| {
        board.bytes.fetch_add(bytes, Ordering::Relaxed);
        !board.is_stopped()
    };
    open::read(found, limits, &progress, &mut reading);
    reading.batches.send();
    let Events { counts, problems, .. } = reading.events;
    board.end_file(file, reading.batches.number, counts, problems);
}

struct Reading<'a> {
    events: Events,
    batches: Batches<'a>,
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
        let Self { events, batches } = self;
        let board = batches.board;
        board.logs.fetch_add(1, Ordering::Relaxed);
        let goes_on = || {
            board.records.fetch_add(1, Ordering::Relaxed);
            !board.is_stopped()
        };
        events.of_log(&name, content, &goes_on, &mut |event| batches.add(event));
        !board.is_stopped()
    }

    fn problem(&mut self, problem: Problem) {
        self.events.problems.push(problem);
    }
}
