//! Replies of the transmission phase, written one after the other into a [`ReplyBuffer`].

use volume::Extent;

use super::context::MetaContext;
use super::numbers::{
    ErrorCode, MAGIC_EXTENDED_REPLY, MAGIC_SIMPLE_REPLY, MAGIC_STRUCTURED_REPLY, REPLY_FLAG_DONE,
    REPLY_TYPE_BLOCK_STATUS, REPLY_TYPE_BLOCK_STATUS_EXT, REPLY_TYPE_ERROR, REPLY_TYPE_ERROR_OFFSET, REPLY_TYPE_NONE,
    REPLY_TYPE_OFFSET_DATA, REPLY_TYPE_OFFSET_HOLE, STRING_LENGTH_MAX,
};
use super::request::{Cookie, Dialect};

/// Zeros within a read are looked for in units of this many bytes.
const HOLE_UNIT: usize = 4096;
/// Shorter runs of zeros within a read are sent as data: a chunk of its own costs the client more.
const HOLE_LENGTH_MIN: usize = 32 << 10;

/// The longest extent that a descriptor with 32-bit fields can tell, in whole sectors.
const COMPACT_EXTENT_LENGTH_MAX: u32 = 0xffff_fe00;

/// Bytes to be sent. Its memory is initialised once and then reused, so that data can be read straight into it.
///
/// Invariant: `filled <= bytes.len()`.
#[derive(Debug, Default)]
pub struct ReplyBuffer {
    bytes: Vec<u8>,
    filled: usize,
}

impl ReplyBuffer {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What was written.
    #[must_use]
    pub fn filled(&self) -> &[u8] {
        self.bytes
            .get(..self.filled)
            .expect("the filled part lies within the buffer")
    }

    /// How many bytes were written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.filled
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Forgets what was written, keeping the memory.
    pub fn clear(&mut self) {
        self.filled = 0;
    }

    /// Gives memory above `capacity` back; only while empty.
    pub fn shrink(&mut self, capacity: usize) {
        if self.filled == 0 && self.bytes.len() > capacity {
            self.bytes.truncate(capacity);
            self.bytes.shrink_to_fit();
        }
    }

    /// How many bytes of memory the buffer holds.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Appends bytes.
    pub fn put(&mut self, bytes: &[u8]) {
        self.space(bytes.len()).copy_from_slice(bytes);
    }

    /// Appends `length` bytes of unspecified content, to be overwritten by the caller.
    pub fn space(&mut self, length: usize) -> &mut [u8] {
        let start = self.filled;
        let end = start + length;
        if end > self.bytes.len() {
            // Doubling keeps the cost of growing in proportion to what is written.
            self.bytes.resize(end.max(2 * self.bytes.len()), 0);
        }
        self.filled = end;
        self.bytes
            .get_mut(start..end)
            .expect("the buffer was grown to hold the range")
    }

    fn truncate(&mut self, length: usize) {
        assert!(
            length <= self.filled,
            "a buffer of {} bytes can't be cut to {length}",
            self.filled
        );
        self.filled = length;
    }

    fn overwrite(&mut self, position: usize, bytes: &[u8]) {
        let end = position + bytes.len();
        self.bytes
            .get_mut(position..end)
            .expect("the range was written before")
            .copy_from_slice(bytes);
    }

    /// Appends bytes that lie further on in the memory of this buffer.
    fn append_from_later(&mut self, position: usize, length: usize) {
        assert!(
            position >= self.filled,
            "bytes at {position} were overwritten up to {}",
            self.filled
        );
        if position != self.filled {
            self.bytes.copy_within(position..position + length, self.filled);
        }
        self.filled += length;
    }
}

/// Whom a reply is for: everything that its header repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    /// The headers in use.
    pub dialect: Dialect,
    /// The client's name for the request.
    pub cookie: Cookie,
    /// The offset in the request's header.
    pub offset: u64,
}

impl ReplyTo {
    /// Appends a reply that says no more than that the request succeeded.
    pub fn success(&self, out: &mut ReplyBuffer) {
        match self.dialect {
            // With structured replies, a simple one is allowed where there is no payload, and is the shortest.
            Dialect::Simple | Dialect::Structured => self.simple(out, 0),
            Dialect::Extended => self.chunk_header(out, REPLY_TYPE_NONE, REPLY_FLAG_DONE, 0),
        }
    }

    /// Appends the reply to a read of nothing.
    pub fn nothing_read(&self, out: &mut ReplyBuffer) {
        match self.dialect {
            Dialect::Simple => self.simple(out, 0),
            Dialect::Structured | Dialect::Extended => self.chunk_header(out, REPLY_TYPE_NONE, REPLY_FLAG_DONE, 0),
        }
    }

    /// Appends a reply that says that the request failed, and where it is known (`at`), at which byte.
    pub fn error(&self, out: &mut ReplyBuffer, code: ErrorCode, message: &str, at: Option<u64>) {
        if self.dialect == Dialect::Simple {
            return self.simple(out, code as u32);
        }
        let message = message.get(..boundary(message)).unwrap_or_default().as_bytes();
        let (kind, extra) = if at.is_some() {
            (REPLY_TYPE_ERROR_OFFSET, 8)
        } else {
            (REPLY_TYPE_ERROR, 0)
        };
        self.chunk_header(out, kind, REPLY_FLAG_DONE, 6 + message.len() + extra);
        out.put(&(code as u32).to_be_bytes());
        out.put(&(message.len() as u16).to_be_bytes());
        out.put(message);
        if let Some(at) = at {
            out.put(&at.to_be_bytes());
        }
    }

    /// Appends the chunk that describes a range in one context. Neighbours of equal status are merged. With `single`
    /// only the first run is sent. `last` marks the last chunk of the reply.
    pub fn block_status(
        &self,
        out: &mut ReplyBuffer,
        context: MetaContext,
        extents: &[Extent],
        single: bool,
        last: bool,
    ) {
        let start = out.len();
        let extended = self.dialect == Dialect::Extended;
        let (kind, fixed, each) = if extended {
            (REPLY_TYPE_BLOCK_STATUS_EXT, 8, 16)
        } else {
            (REPLY_TYPE_BLOCK_STATUS, 4, 8)
        };
        self.chunk_header(out, kind, 0, 0);
        out.put(&context.id().to_be_bytes());
        if extended {
            out.put(&[0; 4]);
        }
        let mut count = 0_u32;
        for (length, status) in merged(context, extents) {
            if extended {
                out.put(&length.to_be_bytes());
                out.put(&u64::from(status).to_be_bytes());
            } else {
                // A longer extent can only follow from a request of nearly 4 GiB; the client asks again for the rest.
                out.put(&u32::try_from(length).unwrap_or(COMPACT_EXTENT_LENGTH_MAX).to_be_bytes());
                out.put(&status.to_be_bytes());
            }
            count += 1;
            if single || (!extended && u32::try_from(length).is_err()) {
                break;
            }
        }
        let end = out.len();
        out.truncate(start);
        let flags = if last { REPLY_FLAG_DONE } else { 0 };
        self.chunk_header(out, kind, flags, fixed + each * count as usize);
        if extended {
            let position = out.len() + 4;
            out.overwrite(position, &count.to_be_bytes());
        }
        let body = out.len();
        out.append_from_later(body, end - body);
    }

    fn simple(&self, out: &mut ReplyBuffer, error: u32) {
        let mut writer = [0; 16];
        for (to, from) in writer.iter_mut().zip(
            MAGIC_SIMPLE_REPLY
                .to_be_bytes()
                .into_iter()
                .chain(error.to_be_bytes())
                .chain(self.cookie.0.to_be_bytes()),
        ) {
            *to = from;
        }
        out.put(&writer);
    }

    fn chunk_header(&self, out: &mut ReplyBuffer, kind: u16, flags: u16, length: usize) {
        let extended = self.dialect == Dialect::Extended;
        let magic = if extended {
            MAGIC_EXTENDED_REPLY
        } else {
            MAGIC_STRUCTURED_REPLY
        };
        out.put(&magic.to_be_bytes());
        out.put(&flags.to_be_bytes());
        out.put(&kind.to_be_bytes());
        out.put(&self.cookie.0.to_be_bytes());
        if extended {
            out.put(&self.offset.to_be_bytes());
            out.put(&(length as u64).to_be_bytes());
        } else {
            out.put(&(length as u32).to_be_bytes());
        }
    }

    /// The size of a chunk's header.
    const fn chunk_header_size(&self) -> usize {
        match self.dialect {
            Dialect::Simple => 16,
            Dialect::Structured => 20,
            Dialect::Extended => 32,
        }
    }

    /// The bytes of a reply to a read before its data.
    const fn read_header_size(&self) -> usize {
        match self.dialect {
            Dialect::Simple => self.chunk_header_size(),
            Dialect::Structured | Dialect::Extended => self.chunk_header_size() + 8,
        }
    }
}

/// A reply to a read whose data is being fetched into its place in the buffer. It must be the last one in the buffer
/// until it is finished or abandoned.
#[derive(Debug)]
#[must_use]
pub struct ReadReply {
    to: ReplyTo,
    start: usize,
    length: usize,
}

impl ReadReply {
    /// Makes room for the header and `length > 0` bytes of data.
    pub fn begin(out: &mut ReplyBuffer, to: ReplyTo, length: u32) -> Self {
        let start = out.len();
        let length = length as usize;
        out.space(to.read_header_size() + length);
        Self { to, start, length }
    }

    /// The place for the data.
    pub fn data<'a>(&self, out: &'a mut ReplyBuffer) -> &'a mut [u8] {
        let start = self.start + self.to.read_header_size();
        out.bytes
            .get_mut(start..start + self.length)
            .expect("room was made for the data")
    }

    /// Removes everything this reply put into the buffer.
    pub fn abandon(self, out: &mut ReplyBuffer) {
        out.truncate(self.start);
    }

    /// Completes the reply once the data is in its place. Long runs of zeros are sent as holes, except where the
    /// client wants one piece or doesn't understand holes.
    pub fn finish(self, out: &mut ReplyBuffer, unfragmented: bool) {
        let end = out.len();
        out.truncate(self.start);
        if self.to.dialect == Dialect::Simple {
            self.to.simple(out, 0);
            let body = out.len();
            return out.append_from_later(body, self.length);
        }
        let data_start = self.start + self.to.read_header_size();
        let mut position = 0;
        while position < self.length {
            // Beyond what is filled, the buffer still holds the data that wasn't moved yet.
            let data = out.bytes.get(data_start..end).unwrap_or_default();
            let hole = if unfragmented {
                None
            } else {
                find_hole(data, self.to.offset, position)
            };
            let hole = hole.unwrap_or(self.length..self.length);
            if hole.start > position {
                let length = hole.start - position;
                let flags = if hole.start == self.length { REPLY_FLAG_DONE } else { 0 };
                self.to.chunk_header(out, REPLY_TYPE_OFFSET_DATA, flags, 8 + length);
                out.put(&(self.to.offset + position as u64).to_be_bytes());
                out.append_from_later(data_start + position, length);
            }
            if !hole.is_empty() {
                let flags = if hole.end == self.length { REPLY_FLAG_DONE } else { 0 };
                self.to.chunk_header(out, REPLY_TYPE_OFFSET_HOLE, flags, 12);
                out.put(&(self.to.offset + hole.start as u64).to_be_bytes());
                out.put(&(hole.len() as u32).to_be_bytes());
            }
            position = hole.end;
        }
    }
}

/// Where to cut a message so that it isn't longer than a string may be.
fn boundary(message: &str) -> usize {
    let limit = message.len().min(STRING_LENGTH_MAX);
    (0..=limit)
        .rev()
        .find(|position| message.is_char_boundary(*position))
        .unwrap_or_default()
}

/// Merges neighbours that have the same status in `context`.
fn merged(context: MetaContext, extents: &[Extent]) -> impl Iterator<Item = (u64, u32)> {
    extents
        .chunk_by(move |a, b| context.status(a) == context.status(b))
        .filter_map(move |run| {
            let length = run.iter().map(|extent| extent.length).fold(0, u64::saturating_add);
            run.first().map(|first| (length, context.status(first)))
        })
}

/// Finds the first run of zeros in `data` from `from` on that is worth a chunk of its own: a long one, or all of the
/// data. `offset` is where `data` lies on the disk; runs within the data start and end at multiples of [`HOLE_UNIT`].
fn find_hole(data: &[u8], offset: u64, from: usize) -> Option<std::ops::Range<usize>> {
    let is_hole =
        |run: &std::ops::Range<usize>| run.len() >= HOLE_LENGTH_MIN || (run.len() == data.len() && !run.is_empty());
    let mut run = from..from;
    let mut position = from;
    while position < data.len() {
        let misalignment = (offset.wrapping_add(position as u64) % HOLE_UNIT as u64) as usize;
        let next = data.len().min(position + HOLE_UNIT - misalignment);
        if data.get(position..next).is_some_and(is_zero) {
            run.end = next;
        } else if is_hole(&run) {
            return Some(run);
        } else {
            run = next..next;
        }
        position = next;
    }
    is_hole(&run).then_some(run)
}

/// Whether all bytes are zero. Whole groups are combined before they are looked at, which the compiler vectorises.
fn is_zero(bytes: &[u8]) -> bool {
    bytes
        .chunks(128)
        .all(|group| group.iter().fold(0, |all, byte| all | byte) == 0)
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
