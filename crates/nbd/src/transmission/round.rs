//! Executes requests. All that arrived together are one round: their writes are one batch of the disk, their flushes
//! one flush, and their replies are sent together.
//!
//! Within a round, reads come after the writes of the round, and flushes last. Requests in flight have no order by the
//! protocol, so that this is allowed; and a client that relies on the order of a pipeline finds its writes done.

use std::sync::Arc;
use std::time::Instant;

use volume::{Error, Wait, WriteRequest};

use crate::clients::Traffic;
use crate::events::{RequestKind, RequestSummary};
use crate::protocol::numbers::{ErrorCode, PAYLOAD_SIZE_MAX};
use crate::protocol::{
    Command, Decoded, Dialect, MetaContext, ProtocolViolation, Rejection, ReplyBuffer, ReplyTo, Request, decode_request,
};
use crate::transmission::connection::{Connection, Load};
use crate::transmission::failure::{Failure, past_the_end};
use crate::transmission::read::PendingRead;
use crate::transmission::write::{Batch, Outcome, PendingWrite, Settling};
use crate::transport::Patience;
use crate::workers::WorkerPool;

/// Reads collected before they are executed.
const READS_LENGTH: usize = 64;
/// Flushes expected in one round; more are possible.
const FLUSHES_LENGTH: usize = 64;
/// Replies are sent once they are this long, so that the client has something to do.
pub(super) const REPLIES_SIZE: usize = 128 << 10;
/// Longer reads go to a worker, unless they are alone.
const INLINE_READ_LENGTH_MAX: u32 = 1 << 20;
/// After a round of several requests, so many rounds of one are needed until the client is taken for one that sends
/// one request at a time.
pub(super) const CROWDED_ROUNDS: u32 = 64;

const SHUTTING_DOWN: Rejection = Rejection {
    code: ErrorCode::Shutdown,
    message: "the server is being stopped",
};
const READ_ONLY: Rejection = Rejection {
    code: ErrorCode::NotPermitted,
    message: "the export is read-only",
};

/// Executes the requests of one connection, on its thread.
pub(super) struct Executor {
    pub(super) connection: Arc<Connection>,
    pub(super) workers: Arc<WorkerPool>,
    pub(super) contexts: Vec<MetaContext>,
    /// Whether every request is answered with an error because the server is being stopped.
    pub(super) refuses_all: bool,
    pub(super) out: ReplyBuffer,
    reads: Vec<PendingRead>,
    /// Requests that are answered after the flush at the end of the round.
    pub(super) flushes: Vec<ReplyTo>,
    traffic: Traffic,
    /// The disk's size at the start of the round.
    pub(super) size: u64,
    /// Rounds from now on in which the client is taken for one that has many requests in flight.
    pub(super) crowded_rounds: u32,
    /// Whether other threads helped lately, and buffers of theirs may be kept.
    pub(super) has_helpers: bool,
}

/// What a round came to.
pub(super) struct RoundEnd {
    /// Bytes of the window that were dealt with.
    pub(super) consumed: usize,
    /// What to do next.
    pub(super) next: NextStep,
}

pub(super) enum NextStep {
    /// Receive until so many bytes of the next request are there.
    Receive { needed: usize },
    /// Skip bytes and then answer with an error.
    Skip {
        length: u64,
        to: ReplyTo,
        rejection: Rejection,
    },
    /// End the connection: the client said goodbye.
    Disconnect,
    /// End the connection: the stream makes no sense.
    Abandon(ProtocolViolation),
}

impl Executor {
    pub(super) fn new(connection: Arc<Connection>, workers: Arc<WorkerPool>, contexts: Vec<MetaContext>) -> Self {
        Self {
            connection,
            workers,
            contexts,
            refuses_all: false,
            out: ReplyBuffer::new(),
            reads: Vec::with_capacity(READS_LENGTH),
            flushes: Vec::with_capacity(FLUSHES_LENGTH),
            traffic: Traffic::default(),
            size: 0,
            crowded_rounds: 0,
            has_helpers: false,
        }
    }

    /// Executes all complete requests in `window`.
    pub(super) fn round(&mut self, window: &[u8]) -> RoundEnd {
        let started = Instant::now();
        self.size = self.connection.device.size_bytes();
        let mut batch = Batch::new();
        let mut consumed = 0;
        let mut requests = 0_usize;
        let mut last = RequestSummary {
            kind: RequestKind::Flush,
            offset: 0,
            length: 0,
        };
        let next = loop {
            let rest = window.get(consumed..).unwrap_or_default();
            match decode_request(rest, self.connection.dialect) {
                Ok(Decoded::Incomplete { needed }) => break NextStep::Receive { needed },
                Err(violation) => break NextStep::Abandon(violation),
                Ok(Decoded::Complete { request, size, skipped }) => {
                    consumed += size;
                    requests += 1;
                    last = summary(&request);
                    self.count(&request.command);
                    match request.command {
                        Command::Disconnect => break NextStep::Disconnect,
                        Command::Rejected(rejection) if skipped > 0 => {
                            break NextStep::Skip {
                                length: skipped,
                                to: self.reply_to(&request),
                                rejection,
                            };
                        }
                        _ => self.take(&request, &mut batch),
                    }
                }
            }
        };
        let alone = self.is_alone(requests, consumed == window.len());
        let is_lone_write = alone && last.kind == RequestKind::Write;
        self.run_batch(&mut batch, if is_lone_write { Settling::Later } else { Settling::Now });
        self.run_reads(alone);
        self.run_flushes(alone);
        if is_lone_write {
            self.send_and_settle();
        } else {
            self.send();
        }
        if requests > 0 {
            self.connection.reporter.took(last, started);
        }
        self.connection.client.add(&std::mem::take(&mut self.traffic));
        RoundEnd { consumed, next }
    }

    pub(super) fn workers(&self) -> &Arc<WorkerPool> {
        &self.workers
    }

    /// Answers a request with an error, and sends that.
    pub(super) fn answer_rejected(&mut self, to: &ReplyTo, rejection: Rejection) {
        self.reject(to, rejection);
        self.send();
        self.connection.client.add(&std::mem::take(&mut self.traffic));
    }

    /// Executes a request, or puts it with those of its kind.
    fn take<'a>(&mut self, request: &Request<'a>, batch: &mut Batch<'a>) {
        let to = self.reply_to(request);
        if let Err(rejection) = self.check(request) {
            return self.reject(&to, rejection);
        }
        match request.command {
            Command::Write { data, durable } => {
                if batch.is_full() {
                    self.run_batch(batch, Settling::Now);
                }
                batch.push(
                    WriteRequest {
                        offset: request.offset,
                        data,
                    },
                    PendingWrite { to, durable },
                );
            }
            Command::Read { length: 0, .. } => to.nothing_read(&mut self.out),
            Command::Read { length, unfragmented } => {
                if self.reads.len() == READS_LENGTH {
                    self.run_batch(batch, Settling::Now);
                    self.run_reads(false);
                }
                // The cast loses nothing: the length was checked against that of a payload.
                self.reads.push(PendingRead {
                    to,
                    length: length as u32,
                    unfragmented,
                });
            }
            Command::Flush => self.flushes.push(to),
            _ => {
                self.run_batch(batch, Settling::Now);
                self.run_other(request, &to);
            }
        }
    }

    /// Whether a round is the only request in flight, and its client seems to send one at a time.
    fn is_alone(&mut self, requests: usize, is_all: bool) -> bool {
        if requests > 1 {
            self.crowded_rounds = CROWDED_ROUNDS;
            return false;
        }
        let was_crowded = self.crowded_rounds > 0;
        self.crowded_rounds = self.crowded_rounds.saturating_sub(1);
        is_all && !was_crowded && self.connection.is_idle()
    }

    fn count(&mut self, command: &Command<'_>) {
        let counter = match command {
            Command::Read { .. } => &mut self.traffic.reads,
            Command::Write { .. } => &mut self.traffic.writes,
            Command::Flush => &mut self.traffic.flushes,
            Command::Disconnect => return,
            _ => &mut self.traffic.others,
        };
        *counter += 1;
    }

    pub(super) fn reply_to(&self, request: &Request<'_>) -> ReplyTo {
        ReplyTo {
            dialect: self.connection.dialect,
            cookie: request.cookie,
            offset: request.offset,
        }
    }

    /// Finds what is wrong with a request, as far as that doesn't need the disk.
    pub(super) fn check(&self, request: &Request<'_>) -> Result<(), Rejection> {
        if self.refuses_all {
            return Err(SHUTTING_DOWN);
        }
        let summary = summary(request);
        let changes = matches!(
            summary.kind,
            RequestKind::Write | RequestKind::WriteZeroes | RequestKind::Trim
        );
        if let Command::Rejected(rejection) = request.command {
            return Err(rejection);
        }
        if changes && self.connection.device.is_read_only() {
            return Err(READ_ONLY);
        }
        if summary
            .offset
            .checked_add(summary.length)
            .is_none_or(|end| end > self.size)
        {
            return Err(Rejection {
                code: past_the_end(summary.kind),
                message: "past the end of the disk",
            });
        }
        if summary.kind == RequestKind::Read && summary.length > u64::from(PAYLOAD_SIZE_MAX) {
            // Clients that can't choose how a reply is cut aren't told this error.
            let code = match self.connection.dialect {
                Dialect::Simple => ErrorCode::Invalid,
                Dialect::Structured | Dialect::Extended => ErrorCode::Overflow,
            };
            return Err(Rejection {
                code,
                message: "read longer than the largest payload advertised",
            });
        }
        Ok(())
    }

    pub(super) fn reject(&mut self, to: &ReplyTo, rejection: Rejection) {
        self.traffic.errors += 1;
        to.error(&mut self.out, rejection.code, rejection.message, None);
    }

    /// Executes the writes collected so far.
    fn run_batch(&mut self, batch: &mut Batch<'_>, settling: Settling) {
        let Self {
            connection,
            out,
            flushes,
            traffic,
            ..
        } = self;
        batch.execute(connection, settling, &mut Outcome { out, flushes, traffic });
    }

    pub(super) fn fail(&mut self, to: &ReplyTo, summary: RequestSummary, error: &Error) {
        self.traffic.errors += 1;
        self.connection.reporter.failed(summary, error);
        Failure::of(error, summary.kind).reply(&mut self.out, to, summary.offset, summary.length);
    }

    /// Executes the reads collected so far, as far as that needs no waiting; workers do the others. A read that is
    /// `alone` may wait: nobody else would use the time, and a worker would have to be woken.
    fn run_reads(&mut self, alone: bool) {
        for index in 0..self.reads.len() {
            let Some(read) = self.reads.get(index).copied() else {
                break;
            };
            if self.out.len() >= REPLIES_SIZE {
                self.send_with_help(read.length);
                self.send();
            }
            let is_short = read.length <= INLINE_READ_LENGTH_MAX;
            if is_short && read.answer(&self.connection, &mut self.out, &mut self.traffic, Wait::Never) {
                continue;
            }
            let waits_here = alone;
            if !waits_here {
                self.send();
            }
            if waits_here || !self.connection.read_later(read, &self.workers) {
                read.answer(&self.connection, &mut self.out, &mut self.traffic, Wait::Allowed);
            }
        }
        if let Some(read) = self.reads.last() {
            self.send_with_help(read.length);
        }
        self.reads.clear();
    }

    /// Makes everything durable, and then answers who waits for that. A worker does it, unless the request is `alone`
    /// and nobody else would be held up.
    fn run_flushes(&mut self, alone: bool) {
        if self.flushes.is_empty() {
            return;
        }
        if alone {
            self.connection.flush_now(&self.flushes, &mut self.out);
            self.flushes.clear();
        } else {
            self.send();
            self.connection.flush_later(&mut self.flushes, &self.workers);
        }
    }

    /// Answers a write that is alone, and has the disk do then what the client doesn't wait for, whether it takes the reply or not.
    fn send_and_settle(&mut self) {
        if !self.out.is_empty() {
            self.connection
                .deliver(self.out.filled(), Load::default(), Patience::Never);
            self.out.clear();
        }
        self.connection.device.settle();
        // A client that takes no replies gets no more of them than there is room for.
        self.connection.deliver(&[], Load::default(), Patience::Wait);
    }

    /// Sends the replies collected so far.
    pub(super) fn send(&mut self) {
        if !self.out.is_empty() {
            self.connection
                .deliver(self.out.filled(), Load::default(), Patience::Wait);
            self.out.clear();
        }
    }
}

/// What a request asked for, for the operator.
pub(super) fn summary(request: &Request<'_>) -> RequestSummary {
    let (kind, length) = match request.command {
        Command::Read { length, .. } => (RequestKind::Read, length),
        Command::Write { data, .. } => (RequestKind::Write, data.len() as u64),
        Command::WriteZeroes { length, .. } => (RequestKind::WriteZeroes, length),
        Command::Trim { length, .. } => (RequestKind::Trim, length),
        Command::Cache { length } => (RequestKind::Cache, length),
        Command::BlockStatus { length, .. } => (RequestKind::BlockStatus, length),
        Command::Flush | Command::Disconnect | Command::Rejected(_) => (RequestKind::Flush, 0),
    };
    RequestSummary {
        kind,
        offset: request.offset,
        length,
    }
}
