//! What the thread of a connection and the workers share, and what is in flight between them.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use volume::Device;

use crate::clients::{Client, Traffic};
use crate::events::{RequestKind, RequestSummary};
use crate::limits::Limits;
use crate::protocol::{Dialect, ReplyBuffer, ReplyTo};
use crate::sync::lock;
use crate::transmission::failure::Failure;
use crate::transmission::read::PendingRead;
use crate::transmission::reporter::Reporter;
use crate::transmission::write::WriteJob;
use crate::transport::{Link, Patience};
use crate::workers::{Job, WorkerPool};

/// Buffers of each kind that are kept for reuse.
const SPARE_BUFFERS: usize = 3;
/// Larger buffers aren't kept.
const SPARE_SIZE_MAX: usize = 4 << 20;

/// A connection in transmission.
pub(crate) struct Connection {
    pub(crate) link: Link,
    pub(crate) device: Arc<dyn Device>,
    pub(crate) dialect: Dialect,
    pub(crate) client: Arc<Client>,
    pub(crate) reporter: Reporter,
    limits: Limits,
    pub(super) flow: Mutex<Flow>,
    changed: Condvar,
}

/// What a request weighs while it is in flight.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    pub(crate) requests: usize,
    pub(crate) bytes: usize,
}

/// Invariant: `waiting` is empty unless `sending`.
#[derive(Default)]
pub(super) struct Flow {
    /// Requests that workers have.
    load: Load,
    /// Replies for the thread that sends.
    pub(super) waiting: VecDeque<ReplyBuffer>,
    /// Bytes in `waiting`, and those that the thread that sends holds because the client didn't take them.
    pub(super) waiting_bytes: usize,
    /// Whether a thread sends, or is about to.
    pub(super) sending: bool,
    /// Whether sending failed: nothing will be sent any more.
    pub(super) broken: bool,
    /// Empty buffers for replies.
    spare_replies: Vec<ReplyBuffer>,
    /// Buffers into which requests can be received.
    spare_inboxes: Vec<Vec<u8>>,
    /// Whether a defect of this program aborted a request.
    panicked: bool,
    /// Requests that the next flush answers.
    flushes: Vec<ReplyTo>,
    /// Whether a worker flushes, or is about to.
    flushing: bool,
    /// Whether the thread of the connection waits for a change.
    watched: bool,
}

impl Connection {
    pub(crate) fn new(
        link: Link,
        device: Arc<dyn Device>,
        dialect: Dialect,
        client: Arc<Client>,
        reporter: Reporter,
        limits: Limits,
    ) -> Self {
        let (flow, changed) = (Mutex::default(), Condvar::new());
        Self {
            link,
            device,
            dialect,
            client,
            reporter,
            limits,
            flow,
            changed,
        }
    }

    /// Whether nothing can be sent any more.
    pub(crate) fn is_broken(&self) -> bool {
        lock(&self.flow).broken
    }

    /// Whether no request is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        let flow = lock(&self.flow);
        flow.load.requests == 0 && !flow.sending
    }

    /// Waits until everything in flight was answered, or given up.
    pub(crate) fn wait_until_idle(&self) {
        let mut flow = lock(&self.flow);
        while flow.load.requests > 0 || flow.sending {
            flow = self.wait(flow);
        }
    }

    /// Waits until there is room for one more request in flight, and takes it.
    pub(super) fn admit(&self, load: Load) {
        let mut flow = lock(&self.flow);
        while flow.load.requests >= self.limits.requests_in_flight_max || !self.has_room(&flow, load.bytes) {
            flow = self.wait(flow);
        }
        flow.load.requests += load.requests;
        flow.load.bytes += load.bytes;
    }

    /// Waits until there is room for one more request without data in flight, and takes as many of `wanted` as there is
    /// room for.
    fn admit_some(&self, wanted: usize) -> usize {
        let mut flow = lock(&self.flow);
        while flow.load.requests >= self.limits.requests_in_flight_max || !self.has_room(&flow, 0) {
            flow = self.wait(flow);
        }
        let admitted = wanted.min(self.limits.requests_in_flight_max - flow.load.requests);
        flow.load.requests += admitted;
        admitted
    }

    pub(super) fn has_room(&self, flow: &Flow, bytes: usize) -> bool {
        let taken = flow.load.bytes + flow.waiting_bytes;
        taken == 0 || flow.broken || taken.saturating_add(bytes) <= self.limits.bytes_in_flight_max
    }

    pub(super) fn wait<'a>(&self, mut flow: MutexGuard<'a, Flow>) -> MutexGuard<'a, Flow> {
        flow.watched = true;
        let mut flow = self.changed.wait(flow).unwrap_or_else(PoisonError::into_inner);
        flow.watched = false;
        flow
    }

    /// Wakes the thread of the connection, if it waits. Others never wait.
    pub(super) fn notify(&self, flow: &Flow) {
        if flow.watched {
            self.changed.notify_one();
        }
    }

    /// Gives the connection up after a request was aborted: it will never be answered, and its load never relieved.
    pub(crate) fn abort(&self) {
        let mut flow = lock(&self.flow);
        flow.panicked = true;
        let load = flow.load;
        drop(flow);
        self.break_off(load);
    }

    /// Whether a request was aborted.
    pub(crate) fn is_aborted(&self) -> bool {
        lock(&self.flow).panicked
    }

    pub(super) fn relieve(&self, flow: &mut Flow, load: Load) {
        // After an abort the load of requests that are still with workers was relieved already.
        flow.load.requests = flow.load.requests.saturating_sub(load.requests);
        flow.load.bytes = flow.load.bytes.saturating_sub(load.bytes);
        if load.requests > 0 {
            self.notify(flow);
        }
    }

    /// Has a worker answer a read. `false` if all are busy: the caller then does it.
    pub(crate) fn read_later(self: &Arc<Self>, read: PendingRead, workers: &Arc<WorkerPool>) -> bool {
        self.admit(read.load());
        let accepted = workers.submit(Job::Read {
            connection: Arc::clone(self),
            read,
        });
        if !accepted {
            self.relieve(&mut lock(&self.flow), read.load());
        }
        accepted
    }

    /// Has a worker flush and then answer `requests`, which it empties. All that come while a flush is under way are
    /// answered by the next one together. Flushes itself if all workers are busy.
    pub(crate) fn flush_later(self: &Arc<Self>, requests: &mut Vec<ReplyTo>, workers: &Arc<WorkerPool>) {
        while !requests.is_empty() {
            // Those beyond the limit wait for those before them, which must be on their way by then.
            let admitted = self.admit_some(requests.len());
            {
                let mut flow = lock(&self.flow);
                flow.flushes.extend(requests.drain(..admitted));
                if std::mem::replace(&mut flow.flushing, true) {
                    continue;
                }
            }
            if !workers.submit(Job::Flush {
                connection: Arc::clone(self),
            }) {
                self.flush_all();
            }
        }
    }

    /// Has a worker execute writes. Does it itself if all are busy.
    pub(crate) fn write_later(self: &Arc<Self>, job: WriteJob, workers: &Arc<WorkerPool>) {
        self.admit(job.load());
        if let Err(Job::Write { job, .. }) = workers.submit_if_free(Job::Write {
            connection: Arc::clone(self),
            job,
        }) && job.work(self)
        {
            self.flush_all();
        }
    }

    /// Answers writes that must be durable, on the worker that executed them. Their load was admitted before. Says
    /// whether more wait, as [`Connection::flush`] does.
    #[must_use]
    pub(super) fn flush_for(self: &Arc<Self>, requests: &mut Vec<ReplyTo>) -> bool {
        {
            let mut flow = lock(&self.flow);
            flow.flushes.append(requests);
            if flow.flushing || flow.flushes.is_empty() {
                return false;
            }
            flow.flushing = true;
        }
        self.flush()
    }

    /// Flushes until nobody waits for it any more; only on the connection's own thread.
    fn flush_all(self: &Arc<Self>) {
        while self.flush() {}
    }

    /// Flushes once for all who wait for it. Says whether others have come meanwhile: then it must be called again, by
    /// a worker after what waits for one, so that clients who always flush leave workers to others.
    #[must_use]
    pub(crate) fn flush(self: &Arc<Self>) -> bool {
        let (mut requests, mut out) = {
            let mut flow = lock(&self.flow);
            (std::mem::take(&mut flow.flushes), flow.spare_replies())
        };
        if !self.is_broken() {
            self.flush_now(&requests, &mut out);
        }
        let load = Load {
            requests: requests.len(),
            bytes: 0,
        };
        self.deliver(out.filled(), load, Patience::Never);
        requests.clear();
        let mut flow = lock(&self.flow);
        flow.keep_replies(out);
        if flow.flushes.is_empty() {
            flow.flushing = false;
            flow.flushes = requests;
        }
        flow.flushing
    }

    /// Flushes and appends the replies to `requests`.
    pub(crate) fn flush_now(&self, requests: &[ReplyTo], out: &mut ReplyBuffer) {
        let started = std::time::Instant::now();
        let result = self.device.flush();
        let mut traffic = Traffic::default();
        let summary = RequestSummary {
            kind: RequestKind::Flush,
            offset: 0,
            length: 0,
        };
        match result {
            Ok(()) => requests.iter().for_each(|to| to.success(out)),
            Err(error) => {
                self.reporter.failed(summary, &error);
                let failure = Failure::of(&error, RequestKind::Flush);
                requests.iter().for_each(|to| failure.reply(out, to, 0, 0));
                traffic.errors = requests.len() as u64;
            }
        }
        self.client.add(&traffic);
        self.reporter.took(summary, started);
    }
}

impl Flow {
    /// An empty buffer for replies.
    pub(super) fn spare_replies(&mut self) -> ReplyBuffer {
        self.spare_replies.pop().unwrap_or_default()
    }

    /// Keeps a buffer for later, if it isn't one too many.
    pub(super) fn keep_replies(&mut self, mut buffer: ReplyBuffer) {
        if self.spare_replies.len() < SPARE_BUFFERS && buffer.capacity() <= SPARE_SIZE_MAX {
            buffer.clear();
            self.spare_replies.push(buffer);
        }
    }

    /// A buffer into which requests can be received, if there is one.
    pub(super) fn spare_inbox(&mut self) -> Option<Vec<u8>> {
        self.spare_inboxes.pop()
    }

    /// Keeps a buffer for later, if it isn't one too many.
    pub(super) fn keep_inbox(&mut self, buffer: Vec<u8>) {
        if self.spare_inboxes.len() < SPARE_BUFFERS && buffer.len() <= SPARE_SIZE_MAX {
            self.spare_inboxes.push(buffer);
        }
    }

    /// Gives all memory back that isn't in use.
    pub(super) fn drop_spares(&mut self) {
        self.spare_replies = Vec::new();
        self.spare_inboxes = Vec::new();
    }
}
