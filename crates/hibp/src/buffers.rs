//! Buffers for bodies, used again: a range has tens of kilobytes, and there may be tens of thousands a second.

use std::cell::RefCell;

use hyper::body::Bytes;

/// Buffers that a thread keeps.
const SPARE_MAX: usize = 16;
/// A buffer that has grown beyond this isn't kept.
const SPARE_BYTES_MAX: usize = 1 << 20;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer.
pub(crate) fn take() -> Vec<u8> {
    SPARE.with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// A body from a buffer, without a copy. The buffer is used again when the body was sent.
pub(crate) fn body(buffer: Vec<u8>) -> Bytes {
    Bytes::from_owner(Lent(buffer))
}

/// Gives a buffer back that wasn't sent.
pub(crate) fn give_back(mut buffer: Vec<u8>) {
    SPARE.with_borrow_mut(|spare| {
        if spare.len() < SPARE_MAX && buffer.capacity() <= SPARE_BYTES_MAX {
            buffer.clear();
            spare.push(buffer);
        }
    });
}

/// A buffer on its way to a client.
struct Lent(Vec<u8>);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        give_back(std::mem::take(&mut self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_empty_when_its_body_was_sent() {
        let mut buffer = take();
        buffer.extend_from_slice(&[7; 5000]);
        let at = buffer.as_ptr();
        let sent = body(buffer);
        assert_eq!(sent.len(), 5000);
        drop(sent);
        let again = take();
        assert_eq!((again.as_ptr(), again.len()), (at, 0));
        give_back(Vec::with_capacity(SPARE_BYTES_MAX + 1));
        assert_eq!(take().capacity(), 0);
    }
}
