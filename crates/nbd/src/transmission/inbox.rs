//! The buffer into which requests are received.

use std::time::Duration;

/// Room for many small requests. Larger ones make the buffer grow.
const SIZE: usize = 256 << 10;
/// The buffer grows in steps of this size.
const GROWTH: usize = 64 << 10;
/// At most so much memory, or as much as has arrived, is set aside for bytes that were announced. A header alone must
/// not cost more than it is worth.
const AHEAD: usize = 1 << 20;
/// A buffer that had to grow is given back after a silence of this length.
pub(super) const IDLE: Duration = Duration::from_secs(5);

/// Bytes that have arrived and weren't understood yet.
///
/// Invariant: `start <= end <= bytes.len()`.
pub(super) struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self {
            bytes: vec![0; SIZE],
            start: 0,
            end: 0,
        }
    }

    /// What has arrived.
    pub(super) fn window(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Drops bytes from the front.
    pub(super) fn consume(&mut self, length: usize) {
        self.start = self.end.min(self.start + length);
        if self.start == self.end {
            // Starting at the front again keeps the memory in use small, and so in the cache.
            self.start = 0;
            self.end = 0;
        }
    }

    /// Gives away the buffer with the first `length` bytes of the window at the place returned, and goes on with
    /// `spare`, to which the rest of the window is moved.
    pub(super) fn detach(&mut self, length: usize, spare: Option<Vec<u8>>) -> (Vec<u8>, usize) {
        let rest = self.window().get(length..).unwrap_or_default();
        let mut fresh = spare.unwrap_or_default();
        fresh.resize(fresh.len().max(SIZE).max(rest.len()), 0);
        if let Some(place) = fresh.get_mut(..rest.len()) {
            place.copy_from_slice(rest);
        }
        let start = self.start;
        self.end = rest.len();
        self.start = 0;
        (std::mem::replace(&mut self.bytes, fresh), start)
    }

    /// Makes room for `needed` bytes from the front of the window, or for some of them where that is much, and says
    /// how many can be waited for.
    pub(super) fn make_room(&mut self, needed: usize) -> usize {
        let present = self.end - self.start;
        let needed = needed.clamp(present + 1, present + present.max(AHEAD));
        if self.start + needed > self.bytes.len() {
            self.bytes.copy_within(self.start..self.end, 0);
            self.start = 0;
            self.end = present;
        }
        if needed > self.bytes.len() {
            let length = needed.next_multiple_of(GROWTH);
            self.bytes.reserve_exact(length - self.bytes.len());
            self.bytes.resize(length, 0);
        }
        needed - present
    }

    /// The free part behind the window.
    pub(super) fn free(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// Bytes were received into the free part.
    pub(super) fn received(&mut self, length: usize) {
        self.end = self.bytes.len().min(self.end + length);
    }

    /// Whether the buffer had to grow.
    pub(super) fn is_grown(&self) -> bool {
        self.bytes.len() > SIZE
    }

    /// Gives memory back, as far as it isn't in use.
    pub(super) fn shrink(&mut self) {
        let used = self.end - self.start;
        if self.is_grown() && used <= SIZE {
            self.bytes.copy_within(self.start..self.end, 0);
            self.start = 0;
            self.end = used;
            self.bytes.truncate(SIZE);
            self.bytes.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(inbox: &mut Inbox, bytes: &[u8]) {
        inbox.free()[..bytes.len()].copy_from_slice(bytes);
        inbox.received(bytes.len());
    }

    #[test]
    fn a_large_request_makes_it_grow_and_keeps_what_has_arrived() {
        let mut inbox = Inbox::new();
        receive(&mut inbox, &[9; 100]);
        receive(&mut inbox, &[7; 28]);
        inbox.consume(100);
        assert_eq!(inbox.make_room(SIZE * 2), SIZE * 2 - 28);
        assert_eq!(inbox.window(), &[7; 28]);
        assert!(inbox.is_grown());
        assert!(inbox.free().len() >= SIZE * 2 - 28);
        inbox.shrink();
        assert!(!inbox.is_grown());
        assert_eq!(inbox.window(), &[7; 28]);
    }

    #[test]
    fn memory_follows_what_arrives_and_not_what_is_announced() {
        let mut inbox = Inbox::new();
        let announced = 48 << 20;
        receive(&mut inbox, &[7; 28]);
        let mut steps = 0;
        while inbox.window().len() < announced {
            let missing = inbox.make_room(announced);
            let arrived = inbox.window().len();
            assert!(inbox.bytes.capacity() <= arrived + arrived.max(1 << 20) + GROWTH);
            inbox.received(missing);
            steps += 1;
        }
        assert_eq!(inbox.window().len(), announced);
        assert!(steps < 10, "{steps} steps");
    }

    #[test]
    fn a_buffer_is_given_away_with_its_front_and_the_rest_is_kept() {
        let mut inbox = Inbox::new();
        receive(&mut inbox, &[1; 10]);
        receive(&mut inbox, &[2; 20]);
        receive(&mut inbox, &[3; 30]);
        inbox.consume(10);
        let (bytes, start) = inbox.detach(20, Some(vec![9; 5]));
        assert_eq!(bytes[start..start + 20], [2; 20]);
        assert_eq!(inbox.window(), [3; 30]);
        assert_eq!(inbox.free().len(), SIZE - 30);
    }

    #[test]
    fn an_emptied_buffer_starts_at_the_front_again() {
        let mut inbox = Inbox::new();
        receive(&mut inbox, &[1; 50]);
        inbox.consume(50);
        assert_eq!(inbox.free().len(), SIZE);
        assert_eq!(inbox.make_room(28), 28);
    }
}
