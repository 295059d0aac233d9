//! The way back to the client.
//!
//! At most one thread sends at a time. Who comes while another sends leaves its bytes with it, so that no worker
//! waits for another. A worker doesn't wait for the client either: when the client takes no more, a thread made for
//! the purpose goes on sending, and ends when everything is sent.

use std::sync::Arc;

use crate::protocol::ReplyBuffer;
use crate::sync::lock;
use crate::transmission::connection::{Connection, Flow, Load};
use crate::transport::{Patience, Rest, Sent};
use crate::workers::{Job, WorkerPool};

/// Replies left with a sender are collected in buffers of this size.
const COLLECTED_SIZE: usize = 128 << 10;

impl Connection {
    /// Sends replies, or leaves them with the thread that is sending. `load` is what they relieve the connection of.
    /// With [`Patience::Wait`] (only on the connection's own thread) may wait for the client.
    pub(crate) fn deliver(self: &Arc<Self>, replies: &[u8], load: Load, patience: Patience) {
        let mut flow = lock(&self.flow);
        while patience == Patience::Wait && flow.sending && !self.has_room(&flow, replies.len()) {
            flow = self.wait(flow);
        }
        if flow.broken {
            return self.relieve(&mut flow, load);
        }
        if flow.sending {
            flow.leave(replies);
            return self.relieve(&mut flow, load);
        }
        flow.sending = true;
        drop(flow);
        match self.link.send(replies, patience) {
            Ok(Sent::All) => self.finish_sending(load, patience),
            Ok(Sent::Stalled(rest)) => self.send_in_background(rest, load),
            Err(_) => self.break_off(load),
        }
    }

    /// Has a worker send `replies`, and exchanges them for an empty buffer. Sends itself if all workers are busy.
    /// Only on the connection's own thread.
    pub(crate) fn deliver_later(self: &Arc<Self>, replies: &mut ReplyBuffer, workers: &Arc<WorkerPool>) {
        {
            let mut flow = lock(&self.flow);
            while flow.sending && !self.has_room(&flow, replies.len()) {
                flow = self.wait(flow);
            }
            if flow.broken {
                return replies.clear();
            }
            let spare = flow.spare_replies();
            flow.waiting_bytes += replies.len();
            flow.waiting.push_back(std::mem::replace(replies, spare));
            if std::mem::replace(&mut flow.sending, true) {
                return;
            }
        }
        if workers
            .submit_if_free(Job::Send {
                connection: Arc::clone(self),
            })
            .is_err()
        {
            self.finish_sending(Load::default(), Patience::Wait);
        }
    }

    /// Sends what was left by others, until there is no more.
    pub(crate) fn finish_sending(self: &Arc<Self>, load: Load, patience: Patience) {
        let mut load = load;
        let mut sent = None;
        loop {
            let replies = {
                let mut flow = lock(&self.flow);
                self.relieve(&mut flow, std::mem::take(&mut load));
                if let Some(sent) = sent.take() {
                    flow.keep_replies(sent);
                }
                let Some(replies) = flow.waiting.pop_front() else {
                    flow.sending = false;
                    return self.notify(&flow);
                };
                flow.waiting_bytes -= replies.len();
                self.notify(&flow);
                replies
            };
            match self.link.send(replies.filled(), patience) {
                Ok(Sent::All) => sent = Some(replies),
                Ok(Sent::Stalled(rest)) => return self.send_in_background(rest, Load::default()),
                Err(_) => return self.break_off(Load::default()),
            }
        }
    }

    /// Goes on sending in a thread of its own, which may wait for the client. What it holds counts like replies that
    /// wait to be sent.
    fn send_in_background(self: &Arc<Self>, rest: Rest, load: Load) {
        let held = rest.len();
        {
            let mut flow = lock(&self.flow);
            flow.waiting_bytes += held;
            self.relieve(&mut flow, load);
        }
        let connection = Arc::clone(self);
        let spawned = std::thread::Builder::new().name("nbd-send".to_owned()).spawn(move || {
            match connection.link.resume(rest, Patience::Wait) {
                Ok(_) => {
                    // After an abort nothing is counted any more.
                    let mut flow = lock(&connection.flow);
                    flow.waiting_bytes = flow.waiting_bytes.saturating_sub(held);
                    drop(flow);
                    connection.finish_sending(Load::default(), Patience::Wait);
                }
                Err(_) => connection.break_off(Load::default()),
            }
        });
        if spawned.is_err() {
            self.break_off(Load::default());
        }
    }

    /// Gives the connection up after sending failed. Its own thread learns of it from the socket.
    pub(super) fn break_off(&self, load: Load) {
        let mut flow = lock(&self.flow);
        flow.broken = true;
        flow.sending = false;
        flow.waiting.clear();
        flow.waiting_bytes = 0;
        self.relieve(&mut flow, load);
        self.notify(&flow);
        self.link.socket().shut_down();
    }
}

impl Flow {
    /// Leaves replies for the thread that is sending.
    fn leave(&mut self, replies: &[u8]) {
        self.waiting_bytes += replies.len();
        match self.waiting.back_mut() {
            Some(last) if last.len() + replies.len() <= COLLECTED_SIZE => last.put(replies),
            _ => {
                let mut buffer = self.spare_replies();
                buffer.put(replies);
                self.waiting.push_back(buffer);
            }
        }
    }
}
