//! Messages that wait to be taken: a lane for each sender, emptied in turn.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use threat::input::Unreadable;

use super::{Dropped, Limits, Lost, Message, Way};
use crate::Counts;

/// A lane's share of all that may wait: one in so many.
const SHARE: usize = 8;
/// What a message takes up besides its text.
const MESSAGE_BYTES: usize = 256;

/// Who sends. Senders of datagrams can lie about their address, so that theirs aren't those of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Sender {
    Datagrams(IpAddr),
    Connection(IpAddr),
    /// The holder of a token, from wherever.
    Token(u64),
}

impl Sender {
    const fn is_of_datagrams(self) -> bool {
        matches!(self, Self::Datagrams(_))
    }
}

/// Messages that wait.
pub(super) struct Queue {
    limits: Limits,
    state: Mutex<State>,
    /// There is a message.
    filled: Condvar,
    /// There is room.
    emptied: Condvar,
}

#[derive(Default)]
struct State {
    lanes: HashMap<Sender, Lane>,
    /// Senders with messages, the one whose turn it is first. Each once.
    turns: VecDeque<Sender>,
    total: Amount,
    datagrams: Amount,
    is_closed: bool,
    by_reason: BTreeMap<&'static str, u64>,
    by_way: BTreeMap<Way, Lost>,
    unreadable: Counts,
}

#[derive(Default)]
struct Lane {
    messages: VecDeque<(Message, usize)>,
    amount: Amount,
}

#[derive(Debug, Default, Clone, Copy)]
struct Amount {
    messages: usize,
    bytes: usize,
}

impl Amount {
    fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes;
    }

    fn remove(&mut self, bytes: usize) {
        self.messages = self.messages.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Whether one part in `share` of what may wait is used up.
    fn is_full(self, limits: &Limits, share: usize) -> bool {
        self.messages >= (limits.waiting_max / share).max(1) || self.bytes >= limits.waiting_bytes_max / share
    }
}

/// The queue is closed.
pub(super) struct Closed;

/// There is no room for all.
pub(super) struct Full;

impl Queue {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: Mutex::default(),
            filled: Condvar::new(),
            emptied: Condvar::new(),
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a message in, once there is room for it.
    pub(super) fn wait_to_put(&self, sender: Sender, message: Message, bytes: usize) -> Result<(), Closed> {
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return Err(Closed);
            }
            if state.fullness(sender, &self.limits).is_none() {
                state.put(sender, message, bytes);
                self.filled.notify_one();
                return Ok(());
            }
            state = self.emptied.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Puts a datagram's message in if there is room, and counts it as dropped if there isn't.
    pub(super) fn put_or_drop(&self, sender: Sender, message: Message, bytes: usize) {
        let mut state = self.lock();
        match state.fullness(sender, &self.limits) {
            Some(why) => state.drop_for(Way::Udp, why),
            None => {
                state.put(sender, message, bytes);
                self.filled.notify_one();
            }
        }
    }

    /// Puts all messages in, or none. A sender of whom nothing waits may put in as many as a request has, whatever the length of its lane.
    pub(super) fn put_all(&self, sender: Sender, messages: Vec<(Message, usize)>) -> Result<(), Full> {
        let mut state = self.lock();
        let waits = state.lanes.get(&sender).map(|lane| lane.amount).unwrap_or_default();
        let all = messages.iter().fold(waits, |mut all, (_, bytes)| {
            all.add(bytes + MESSAGE_BYTES);
            all
        });
        let has_room = waits.messages == 0 || !all.is_full(&self.limits, SHARE);
        if state.is_closed || !has_room || state.total.is_full(&self.limits, 1) {
            return Err(Full);
        }
        for (message, bytes) in messages {
            state.put(sender, message, bytes);
        }
        self.filled.notify_one();
        Ok(())
    }

    /// Whether nobody can put anything in.
    pub(super) fn is_full(&self) -> bool {
        self.lock().total.is_full(&self.limits, 1)
    }

    /// Counts what can't be read of a request.
    pub(super) fn unreadable_all(&self, way: Way, pieces: Counts) {
        let mut state = self.lock();
        state.by_way.entry(way).or_default().unreadable += pieces.total();
        state.unreadable.merge(pieces);
    }

    /// Counts something that isn't taken.
    pub(super) fn drop_for(&self, way: Way, reason: &'static str) {
        self.lock().drop_for(way, reason);
    }

    /// Counts what can't be read.
    pub(super) fn unreadable(&self, way: Way, piece: &Unreadable) {
        let mut state = self.lock();
        state.by_way.entry(way).or_default().unreadable += 1;
        state.unreadable.unreadable(piece);
    }

    pub(super) fn dropped(&self) -> Dropped {
        let state = self.lock();
        Dropped {
            by_way: state.by_way.clone(),
            by_reason: state.by_reason.clone(),
            unreadable: state.unreadable.clone(),
        }
    }

    pub(super) fn take(&self, count: usize, wait: Duration) -> Vec<Message> {
        let deadline = Instant::now() + wait;
        let mut state = self.lock();
        while state.turns.is_empty() && !state.is_closed {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Vec::new();
            }
            state = self
                .filled
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        let messages: Vec<_> = std::iter::from_fn(|| state.next()).take(count).collect();
        drop(state);
        if !messages.is_empty() {
            self.emptied.notify_all();
        }
        messages
    }

    /// Messages that wait.
    pub(super) fn waiting(&self) -> usize {
        self.lock().total.messages
    }

    /// Lets nobody wait any more.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.filled.notify_all();
        self.emptied.notify_all();
    }
}

impl State {
    fn drop_for(&mut self, way: Way, reason: &'static str) {
        *self.by_reason.entry(reason).or_default() += 1;
        self.by_way.entry(way).or_default().dropped += 1;
    }

    /// Why there is no room for a sender's message.
    fn fullness(&self, sender: Sender, limits: &Limits) -> Option<&'static str> {
        let lane = self.lanes.get(&sender).map(|lane| lane.amount).unwrap_or_default();
        if lane.is_full(limits, SHARE) {
            return Some("more from one sender than could be taken");
        }
        // Addresses of datagrams are easily forged: all together have half.
        if sender.is_of_datagrams() && self.datagrams.is_full(limits, 2) {
            return Some("more datagrams than could be taken");
        }
        self.total
            .is_full(limits, 1)
            .then_some("more messages than could be taken")
    }

    fn put(&mut self, sender: Sender, message: Message, bytes: usize) {
        let bytes = bytes + MESSAGE_BYTES;
        let lane = self.lanes.entry(sender).or_default();
        if lane.messages.is_empty() {
            self.turns.push_back(sender);
        }
        lane.messages.push_back((message, bytes));
        lane.amount.add(bytes);
        self.total.add(bytes);
        if sender.is_of_datagrams() {
            self.datagrams.add(bytes);
        }
    }

    fn next(&mut self) -> Option<Message> {
        let sender = self.turns.pop_front()?;
        let lane = self.lanes.get_mut(&sender)?;
        let (message, bytes) = lane.messages.pop_front()?;
        lane.amount.remove(bytes);
        self.total.remove(bytes);
        if sender.is_of_datagrams() {
            self.datagrams.remove(bytes);
        }
        if lane.messages.is_empty() {
            self.lanes.remove(&sender);
        } else {
            self.turns.push_back(sender);
        }
        Some(message)
    }
}
