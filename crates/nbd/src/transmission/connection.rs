//! What the thread of a connection and the workers share: the way back to the client, and what is in flight.
//!
//! At most one thread sends at a time. Who comes while another sends leaves its bytes with it, so that no worker
//! waits for another. A worker doesn't wait for the client either: when the client takes no more, a thread made for
//! the purpose goes on sending, and ends when everything is sent.

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
use crate::transport::{Link, Patience, Rest, Sent};
use crate::workers::{Job, WorkerPool};

/// Replies collected behind a sender reuse its memory up to this size.
const WAITING_SIZE_KEPT: usize = 1 << 20;

/// A connection in transmission.
pub(crate) struct Connection {
    pub(crate) link: Link,
    pub(crate) device: Arc<dyn Device>,
    pub(crate) dialect: Dialect,
    pub(crate) client: Arc<Client>,
    pub(crate) reporter: Reporter,
    limits: Limits,
    flow: Mutex<Flow>,
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
struct Flow {
    /// Requests that workers have.
    load: Load,
    /// Replies for the thread that sends.
    waiting: Vec<u8>,
    /// Whether a thread sends.
    sending: bool,
    /// Whether sending failed: nothing will be sent any more.
    broken: bool,
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
    fn admit(&self, load: Load) {
        let mut flow = lock(&self.flow);
        while flow.load.requests >= self.limits.requests_in_flight_max || !self.has_room(&flow, load.bytes) {
            flow = self.wait(flow);
        }
        flow.load.requests += load.requests;
        flow.load.bytes += load.bytes;
    }

    fn has_room(&self, flow: &Flow, bytes: usize) -> bool {
        let taken = flow.load.bytes + flow.waiting.len();
        taken == 0 || flow.broken || taken.saturating_add(bytes) <= self.limits.bytes_in_flight_max
    }

    fn wait<'a>(&self, mut flow: MutexGuard<'a, Flow>) -> MutexGuard<'a, Flow> {
        flow.watched = true;
        let mut flow = self.changed.wait(flow).unwrap_or_else(PoisonError::into_inner);
        flow.watched = false;
        flow
    }

    /// Wakes the thread of the connection, if it waits. Others never wait.
    fn notify(&self, flow: &Flow) {
        if flow.watched {
            self.changed.notify_one();
        }
    }

    /// Sends replies, or leaves them with the thread that is sending. `load` is what they relieve the connection of.
    /// With [`Patience::Wait`] (only on the connection's own thread) may wait for the client.
    pub(crate) fn deliver(self: &Arc<Self>, replies: &[u8], load: Load, patience: Patience) {
        let mut flow = lock(&self.flow);
        if flow.broken || flow.sending {
            while patience == Patience::Wait && flow.sending && !self.has_room(&flow, replies.len()) {
                flow = self.wait(flow);
            }
            if flow.sending || flow.broken {
                if !flow.broken {
                    flow.waiting.extend_from_slice(replies);
                }
                return self.relieve(&mut flow, load);
            }
        }
        flow.sending = true;
        drop(flow);
        match self.link.send(replies, patience) {
            Ok(Sent::All) => self.finish_sending(load, patience),
            Ok(Sent::Stalled(rest)) => {
                self.relieve(&mut lock(&self.flow), load);
                self.send_in_background(rest);
            }
            Err(_) => self.break_off(load),
        }
    }

    /// Sends what was left by others meanwhile, until there is no more.
    fn finish_sending(self: &Arc<Self>, load: Load, patience: Patience) {
        let mut batch = Vec::new();
        let mut load = load;
        loop {
            {
                let mut flow = lock(&self.flow);
                self.relieve(&mut flow, std::mem::take(&mut load));
                if flow.waiting.is_empty() {
                    flow.sending = false;
                    if batch.capacity() <= WAITING_SIZE_KEPT {
                        flow.waiting = batch;
                    }
                    self.notify(&flow);
                    return;
                }
                std::mem::swap(&mut flow.waiting, &mut batch);
                self.notify(&flow);
            }
            match self.link.send(&batch, patience) {
                Ok(Sent::All) => batch.clear(),
                Ok(Sent::Stalled(rest)) => return self.send_in_background(rest),
                Err(_) => return self.break_off(Load::default()),
            }
        }
    }

    /// Goes on sending in a thread of its own, which may wait for the client.
    fn send_in_background(self: &Arc<Self>, rest: Rest) {
        let connection = Arc::clone(self);
        let spawned = std::thread::Builder::new().name("nbd-send".to_owned()).spawn(move || {
            match connection.link.resume(rest, Patience::Wait) {
                Ok(_) => connection.finish_sending(Load::default(), Patience::Wait),
                Err(_) => connection.break_off(Load::default()),
            }
        });
        if spawned.is_err() {
            self.break_off(Load::default());
        }
    }

    /// Gives the connection up after sending failed. Its own thread learns of it from the socket.
    fn break_off(&self, load: Load) {
        let mut flow = lock(&self.flow);
        flow.broken = true;
        flow.sending = false;
        flow.waiting = Vec::new();
        self.relieve(&mut flow, load);
        self.notify(&flow);
        self.link.socket().shut_down();
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

    fn relieve(&self, flow: &mut Flow, load: Load) {
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
        for request in requests.drain(..) {
            self.admit(Load { requests: 1, bytes: 0 });
            lock(&self.flow).flushes.push(request);
        }
        {
            let mut flow = lock(&self.flow);
            if flow.flushing || flow.flushes.is_empty() {
                return;
            }
            flow.flushing = true;
        }
        if !workers.submit(Job::Flush {
            connection: Arc::clone(self),
        }) {
            self.flush_all();
        }
    }

    /// Flushes until nobody waits for it any more.
    pub(crate) fn flush_all(self: &Arc<Self>) {
        let mut requests = Vec::new();
        let mut out = ReplyBuffer::new();
        loop {
            {
                let mut flow = lock(&self.flow);
                if flow.flushes.is_empty() {
                    flow.flushing = false;
                    flow.flushes = requests;
                    return;
                }
                std::mem::swap(&mut flow.flushes, &mut requests);
            }
            if !self.is_broken() {
                self.flush_now(&requests, &mut out);
            }
            let load = Load {
                requests: requests.len(),
                bytes: 0,
            };
            self.deliver(out.filled(), load, Patience::Never);
            requests.clear();
            out.clear();
        }
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
