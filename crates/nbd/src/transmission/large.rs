//! Large requests of clients that have several in flight. Most of their cost is copying, so that it pays to let another
//! thread do a part of it: a worker sends what was read, and executes what was received.

use crate::clients::Traffic;
use crate::protocol::{Command, Decoded, decode_request};
use crate::sync::lock;
use crate::transmission::round::{CROWDED_ROUNDS, Executor};
use crate::transmission::write::{PendingWrite, PlacedWrite};

/// Writes and reads of this length are large: where a client has several in flight, another thread helps with them.
const LARGE: usize = 32 << 10;
/// Helping is worth waking a thread from this many bytes on.
const HELP_SIZE_MIN: usize = 64 << 10;
/// Large writes are handed over from this many bytes on.
const HANDOVER_SIZE_MIN: usize = 128 << 10;
/// Memory for replies that is kept when nothing happens.
const REPLIES_SIZE_KEPT: usize = 256 << 10;

impl Executor {
    /// Takes large writes from the front of `window`, to be executed by a worker while more is received. Says how many
    /// bytes they take. `None` where that isn't worth it.
    pub(super) fn take_large_writes(&mut self, window: &[u8]) -> Option<(usize, Vec<PlacedWrite>)> {
        if window.len() < HANDOVER_SIZE_MIN || self.refuses_all {
            return None;
        }
        self.size = self.connection.device.size_bytes();
        let mut writes = Vec::new();
        let mut consumed = 0;
        while let Ok(Decoded::Complete {
            request,
            size,
            skipped: 0,
        }) = decode_request(window.get(consumed..).unwrap_or_default(), self.connection.dialect)
        {
            match request.command {
                Command::Write { data, durable } if data.len() >= LARGE && self.check(&request).is_ok() => {
                    consumed += size;
                    let pending = PendingWrite {
                        to: self.reply_to(&request),
                        durable,
                    };
                    writes.push(PlacedWrite {
                        pending,
                        data: consumed - data.len()..consumed,
                    });
                }
                _ => break,
            }
        }
        if consumed < HANDOVER_SIZE_MIN {
            return None;
        }
        // Where there is room for one only, the socket knows whether more are on their way.
        let is_crowded = self.crowded_rounds > 0
            || writes.len() > 1
            || consumed < window.len()
            || self.connection.link.socket().has_more();
        if !is_crowded {
            return None;
        }
        self.crowded_rounds = CROWDED_ROUNDS;
        self.has_helpers = true;
        self.connection.client.add(&Traffic {
            writes: writes.len() as u64,
            ..Traffic::default()
        });
        Some((consumed, writes))
    }

    /// Whether it holds more memory than it should keep while nothing happens.
    pub(super) fn is_grown(&self) -> bool {
        self.has_helpers || self.out.capacity() > REPLIES_SIZE_KEPT
    }

    /// Gives memory back.
    pub(super) fn shrink(&mut self) {
        self.has_helpers = false;
        self.out.shrink(REPLIES_SIZE_KEPT);
        lock(&self.connection.flow).drop_spares();
    }

    /// Sends the replies to reads of about `length` bytes. Large ones are sent by a worker while more are read.
    pub(super) fn send_with_help(&mut self, length: u32) {
        if length as usize >= LARGE && self.out.len() >= HELP_SIZE_MIN && self.crowded_rounds > 0 {
            self.has_helpers = true;
            self.connection.deliver_later(&mut self.out, &self.workers);
        }
    }
}
