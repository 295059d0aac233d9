//! Messages that wait to be taken: a lane for each sender, emptied in turn.
//!
//! A lane may hold as much as a third of the room that is left. Whoever floods alone hence gets a quarter of the room, and many who flood get
//! the less each the more they are: eight leave more than a quarter of it free, twenty an eighth, five hundred still some. So there is always
//! room for who sends little, without any room that is set aside for nobody. Datagrams, connections and tokens have rooms of their own: who
//! floods by one way takes nothing from those who come by another.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use threat::input::Unreadable;

use super::{Dropped, Limits, Lost, Message, Way};
use crate::Counts;

/// A lane may hold one part in so many of the room that is left.
const SHARE: usize = 3;
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
    const fn way_in(self) -> WayIn {
        match self {
            Self::Datagrams(_) => WayIn::Datagrams,
            Self::Connection(_) => WayIn::Connections,
            Self::Token(_) => WayIn::Tokens,
        }
    }
}

/// Which room a sender's messages wait in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum WayIn {
    /// Nobody can be made to wait: half of what syslog may have waiting.
    Datagrams,
    /// Senders wait: the other half.
    Connections,
    /// Senders are told to come again: as much as syslog altogether, since a request is taken as a whole.
    Tokens,
}

impl WayIn {
    /// One part in so many of all that may wait.
    const fn part(self) -> usize {
        match self {
            Self::Datagrams | Self::Connections => 2,
            Self::Tokens => 1,
        }
    }

    /// Why a message is dropped where nobody has room.
    const fn full(self) -> &'static str {
        match self {
            Self::Datagrams => "more datagrams than could be taken",
            Self::Connections | Self::Tokens => "more messages than could be taken",
        }
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
    /// What waits in each room.
    rooms: HashMap<WayIn, Amount>,
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

    /// Whether it's all that may wait in a room.
    fn fills(self, way: WayIn, limits: &Limits) -> bool {
        let left = self.left(way, limits);
        left.messages == 0 || left.bytes == 0
    }

    /// The room that is left beside it.
    fn left(self, way: WayIn, limits: &Limits) -> Self {
        Self {
            messages: (limits.waiting_max / way.part()).max(1).saturating_sub(self.messages),
            bytes: (limits.waiting_bytes_max / way.part())
                .max(1)
                .saturating_sub(self.bytes),
        }
    }

    /// Whether it's more than a lane may hold where so much is left.
    const fn exceeds_share_of(self, left: Self) -> bool {
        self.messages >= left.messages.div_ceil(SHARE) || self.bytes >= left.bytes.div_ceil(SHARE)
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
        let room = state.room(WayIn::Tokens);
        let has_share = waits.messages == 0 || !all.exceeds_share_of(room.left(WayIn::Tokens, &self.limits));
        if state.is_closed || !has_share || room.fills(WayIn::Tokens, &self.limits) {
            return Err(Full);
        }
        for (message, bytes) in messages {
            state.put(sender, message, bytes);
        }
        self.filled.notify_one();
        Ok(())
    }

    /// Whether no holder of a token can put anything in.
    pub(super) fn is_full(&self) -> bool {
        self.lock().room(WayIn::Tokens).fills(WayIn::Tokens, &self.limits)
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
        self.lock().rooms.values().map(|amount| amount.messages).sum()
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
        let (way, room) = (sender.way_in(), self.room(sender.way_in()));
        if room.fills(way, limits) {
            return Some(way.full());
        }
        lane.exceeds_share_of(room.left(way, limits))
            .then_some("more from one sender than could be taken")
    }

    fn room(&self, way: WayIn) -> Amount {
        self.rooms.get(&way).copied().unwrap_or_default()
    }

    fn put(&mut self, sender: Sender, message: Message, bytes: usize) {
        let bytes = bytes + MESSAGE_BYTES;
        let lane = self.lanes.entry(sender).or_default();
        if lane.messages.is_empty() {
            self.turns.push_back(sender);
        }
        lane.messages.push_back((message, bytes));
        lane.amount.add(bytes);
        self.rooms.entry(sender.way_in()).or_default().add(bytes);
    }

    fn next(&mut self) -> Option<Message> {
        let sender = self.turns.pop_front()?;
        let lane = self.lanes.get_mut(&sender)?;
        let (message, bytes) = lane.messages.pop_front()?;
        lane.amount.remove(bytes);
        self.rooms.entry(sender.way_in()).or_default().remove(bytes);
        if lane.messages.is_empty() {
            self.lanes.remove(&sender);
        } else {
            self.turns.push_back(sender);
        }
        Some(message)
    }
}
