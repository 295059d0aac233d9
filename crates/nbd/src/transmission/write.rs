//! Writes.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use volume::{Error, WriteRequest};

use crate::clients::Traffic;
use crate::events::{RequestKind, RequestSummary};
use crate::protocol::{ReplyBuffer, ReplyTo};
use crate::sync::lock;
use crate::transmission::connection::{Connection, Load};
use crate::transmission::failure::Failure;
use crate::transport::Patience;

/// Writes in a batch.
const BATCH_LENGTH: usize = 64;

/// A write that isn't answered yet. Its range was checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingWrite {
    pub(super) to: ReplyTo,
    pub(super) durable: bool,
}

/// Writes that are executed together; their data still lies where it was received.
///
/// Invariant: `length <= BATCH_LENGTH`.
pub(super) struct Batch<'a> {
    writes: [WriteRequest<'a>; BATCH_LENGTH],
    pending: [Option<PendingWrite>; BATCH_LENGTH],
    length: usize,
}

/// Where the outcome of writes goes.
pub(super) struct Outcome<'a> {
    pub(super) out: &'a mut ReplyBuffer,
    /// Writes that are answered after a flush.
    pub(super) flushes: &'a mut Vec<ReplyTo>,
    pub(super) traffic: &'a mut Traffic,
}

impl<'a> Batch<'a> {
    pub(super) fn new() -> Self {
        let nothing = WriteRequest { offset: 0, data: &[] };
        Self {
            writes: [nothing; BATCH_LENGTH],
            pending: [None; BATCH_LENGTH],
            length: 0,
        }
    }

    /// Adds a write; there must be room.
    pub(super) fn push(&mut self, write: WriteRequest<'a>, pending: PendingWrite) {
        assert!(!self.is_full(), "a batch has at most {BATCH_LENGTH} writes");
        if let (Some(place), Some(ticket)) = (self.writes.get_mut(self.length), self.pending.get_mut(self.length)) {
            *place = write;
            *ticket = Some(pending);
            self.length += 1;
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.length == BATCH_LENGTH
    }

    /// Executes all writes and forgets them. Of those that are [`Settling::Later`], the disk must be settled once they are answered.
    pub(super) fn execute(&mut self, connection: &Connection, settling: Settling, outcome: &mut Outcome<'_>) {
        let writes = self.writes.get(..self.length).unwrap_or_default();
        if writes.is_empty() {
            return;
        }
        let result = match settling {
            Settling::Now => connection.device.write(writes),
            Settling::Later => connection.device.write_unsettled(writes),
        };
        for (write, pending) in writes.iter().zip(self.pending.iter().flatten()) {
            let result = match &result {
                // The disk shrank just now, and one write must not fail the others.
                Err(Error::OutOfRange { .. }) if writes.len() > 1 => connection
                    .device
                    .write(std::slice::from_ref(write))
                    .map_err(Failed::Alone),
                Err(error) => Err(Failed::Together(error)),
                Ok(()) => Ok(()),
            };
            outcome.settle(connection, write, pending, result);
        }
        self.length = 0;
    }
}

/// When the disk does what nobody has to wait for. A client that takes no replies must not put it off for ever, so that later is only
/// where sending waits for nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settling {
    Now,
    Later,
}

/// The error of one write.
enum Failed<'a> {
    Alone(Error),
    Together(&'a Error),
}

impl Outcome<'_> {
    fn settle(
        &mut self,
        connection: &Connection,
        write: &WriteRequest<'_>,
        pending: &PendingWrite,
        result: Result<(), Failed<'_>>,
    ) {
        let length = write.data.len() as u64;
        let error = match &result {
            Ok(()) => {
                self.traffic.bytes_written += length;
                if pending.durable {
                    self.flushes.push(pending.to);
                } else {
                    pending.to.success(self.out);
                }
                return;
            }
            Err(Failed::Alone(error)) => error,
            Err(Failed::Together(error)) => error,
        };
        self.traffic.errors += 1;
        let summary = RequestSummary {
            kind: RequestKind::Write,
            offset: write.offset,
            length,
        };
        connection.reporter.failed(summary, error);
        Failure::of(error, RequestKind::Write).reply(self.out, &pending.to, write.offset, length);
    }
}

/// Large writes that a worker executes, with the buffer into which they were received.
pub(crate) struct WriteJob {
    pub(super) bytes: Vec<u8>,
    pub(super) writes: Vec<PlacedWrite>,
}

/// A write whose data lies in the buffer of a job.
pub(super) struct PlacedWrite {
    pub(super) pending: PendingWrite,
    pub(super) data: Range<usize>,
}

impl WriteJob {
    /// What it weighs until it is answered.
    pub(super) fn load(&self) -> Load {
        Load {
            requests: self.writes.len(),
            bytes: self.bytes.len(),
        }
    }

    /// Executes and answers them. Says whether the connection must be flushed once more.
    #[must_use]
    pub(crate) fn work(self, connection: &Arc<Connection>) -> bool {
        let started = Instant::now();
        let mut load = self.load();
        let mut out = lock(&connection.flow).spare_replies();
        let mut flushes = Vec::new();
        let mut traffic = Traffic::default();
        let mut outcome = Outcome {
            out: &mut out,
            flushes: &mut flushes,
            traffic: &mut traffic,
        };
        let mut batch = Batch::new();
        let mut last = RequestSummary {
            kind: RequestKind::Write,
            offset: 0,
            length: 0,
        };
        for PlacedWrite { pending, data } in &self.writes {
            if batch.is_full() {
                batch.execute(connection, Settling::Now, &mut outcome);
            }
            let data = self
                .bytes
                .get(data.clone())
                .expect("the range was found in this buffer");
            last = RequestSummary {
                offset: pending.to.offset,
                length: data.len() as u64,
                ..last
            };
            batch.push(
                WriteRequest {
                    offset: pending.to.offset,
                    data,
                },
                *pending,
            );
        }
        batch.execute(connection, Settling::Now, &mut outcome);
        connection.client.add(&traffic);
        connection.reporter.took(last, started);
        load.requests -= flushes.len();
        connection.deliver(out.filled(), load, Patience::Never);
        {
            let mut flow = lock(&connection.flow);
            flow.keep_replies(out);
            flow.keep_inbox(self.bytes);
        }
        connection.flush_for(&mut flushes)
    }
}
