//! Requests of the transmission phase.

use volume::Hole;

use super::bytes::ByteReader;
use super::numbers::{
    CMD_BLOCK_STATUS, CMD_CACHE, CMD_DISC, CMD_FLAG_DF, CMD_FLAG_FAST_ZERO, CMD_FLAG_FUA, CMD_FLAG_NO_HOLE,
    CMD_FLAG_PAYLOAD_LEN, CMD_FLAG_REQ_ONE, CMD_FLUSH, CMD_READ, CMD_TRIM, CMD_WRITE, CMD_WRITE_ZEROES, ErrorCode,
    MAGIC_EXTENDED_REQUEST, MAGIC_REQUEST, PAYLOAD_SIZE_MAX, PAYLOAD_SIZE_SKIPPED_MAX,
};

/// The most context numbers in the payload of a block status request. It is small because there are few contexts.
const SELECTED_CONTEXTS_MAX: u64 = 16;

/// Which headers both sides use, and with that which flags are meaningful.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Compact requests, simple replies.
    Simple,
    /// Compact requests, structured replies.
    Structured,
    /// Extended requests and replies.
    Extended,
}

impl Dialect {
    /// The size in bytes of a request's header.
    #[must_use]
    pub const fn request_header_size(self) -> usize {
        match self {
            Self::Simple | Self::Structured => 28,
            Self::Extended => 32,
        }
    }
}

/// The client's name for a request, opaque to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cookie(pub u64);

/// A request, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The client's name for it.
    pub cookie: Cookie,
    /// First byte concerned. Extended replies repeat it.
    pub offset: u64,
    /// What to do.
    pub command: Command<'a>,
}

/// What a request asks for. `durable` is `CMD_FLAG_FUA`: reply only once the change is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// Read `length` bytes.
    Read {
        /// Bytes to read.
        length: u64,
        /// Whether the reply must be one piece.
        unfragmented: bool,
    },
    /// Write the payload.
    Write {
        /// The payload.
        data: &'a [u8],
        /// `CMD_FLAG_FUA`.
        durable: bool,
    },
    /// Write zeros.
    WriteZeroes {
        /// Bytes to zero.
        length: u64,
        /// `CMD_FLAG_FUA`.
        durable: bool,
        /// Whether the range may become a hole.
        hole: Hole,
    },
    /// Drop a range.
    Trim {
        /// Bytes to drop.
        length: u64,
        /// `CMD_FLAG_FUA`.
        durable: bool,
    },
    /// Make durable what was completed before.
    Flush,
    /// Read ahead.
    Cache {
        /// Bytes to read ahead.
        length: u64,
    },
    /// Describe a range.
    BlockStatus {
        /// Bytes to describe.
        length: u64,
        /// Whether one extent per context is enough.
        single: bool,
        /// The contexts asked for.
        contexts: ContextSelection<'a>,
    },
    /// End the session.
    Disconnect,
    /// A request that can't be served, to be answered with an error.
    Rejected(Rejection),
}

/// Why a request is answered with an error without being tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The error to send.
    pub code: ErrorCode,
    /// A hint for people.
    pub message: &'static str,
}

/// The metadata contexts that a block status request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextSelection<'a> {
    /// All that were negotiated.
    Negotiated,
    /// Those whose numbers are listed, each as four bytes.
    Listed(&'a [u8]),
}

impl<'a> ContextSelection<'a> {
    /// The numbers listed, or `None` for all that were negotiated.
    pub fn listed(self) -> Option<impl Iterator<Item = u32> + Clone + 'a> {
        match self {
            Self::Negotiated => None,
            Self::Listed(bytes) => {
                let mut reader = ByteReader::new(bytes);
                Some(std::iter::from_fn(move || reader.take_u32()))
            }
        }
    }
}

/// What [`decode_request`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// More bytes are needed before anything can be done.
    Incomplete {
        /// How many bytes, counted from the start of the request.
        needed: usize,
    },
    /// A request.
    Complete {
        /// The request.
        request: Request<'a>,
        /// Bytes it takes, header and payload.
        size: usize,
        /// Bytes after it that belong to it and must be skipped before it is answered. Only rejected requests have
        /// such.
        skipped: u64,
    },
}

/// Something after which the byte stream can't be understood any more, or that is abuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolViolation {
    /// A request doesn't start with the right number.
    #[error("a request starts with `{found:#010x}` instead of `{expected:#010x}`")]
    RequestMagic {
        /// What was found.
        found: u32,
        /// What should be there.
        expected: u32,
    },
    /// A payload is too large even to be skipped.
    #[error("a request has a payload of {length} bytes")]
    PayloadTooLarge {
        /// The length announced.
        length: u64,
    },
    /// An option doesn't start with the right number.
    #[error("an option starts with `{found:#018x}` instead of `{MAGIC_OPTION:#018x}`", MAGIC_OPTION = super::numbers::MAGIC_OPTION)]
    OptionMagic {
        /// What was found.
        found: u64,
    },
}

struct Header {
    flags: u16,
    kind: u16,
    cookie: Cookie,
    offset: u64,
    length: u64,
}

/// Understands the first request in `bytes`.
///
/// # Errors
///
/// The connection must be ended when the stream can't be followed any further.
pub fn decode_request(bytes: &[u8], dialect: Dialect) -> Result<Decoded<'_>, ProtocolViolation> {
    let header_size = dialect.request_header_size();
    let mut reader = ByteReader::new(bytes);
    let Some(header) = take_header(&mut reader, dialect)? else {
        return Ok(Decoded::Incomplete { needed: header_size });
    };
    let payload_length = payload_length(&header, dialect)?;
    let request = |command| Request {
        cookie: header.cookie,
        offset: header.offset,
        command,
    };
    if let Err(rejection) = check(&header, dialect, payload_length) {
        let request = request(Command::Rejected(rejection));
        return Ok(Decoded::Complete {
            request,
            size: header_size,
            skipped: payload_length,
        });
    }
    // The cast loses nothing: `check` bounds the payload by `PAYLOAD_SIZE_MAX`.
    let size = header_size + payload_length as usize;
    match reader.take(payload_length as usize) {
        None => Ok(Decoded::Incomplete { needed: size }),
        Some(payload) => Ok(Decoded::Complete {
            request: request(command(&header, payload)),
            size,
            skipped: 0,
        }),
    }
}

fn take_header(reader: &mut ByteReader<'_>, dialect: Dialect) -> Result<Option<Header>, ProtocolViolation> {
    let expected = match dialect {
        Dialect::Simple | Dialect::Structured => MAGIC_REQUEST,
        Dialect::Extended => MAGIC_EXTENDED_REQUEST,
    };
    // The magic number is checked as soon as it is there, not to wait for more from a stream gone wrong.
    let Some(found) = reader.take_u32() else {
        return Ok(None);
    };
    if found != expected {
        return Err(ProtocolViolation::RequestMagic { found, expected });
    }
    Ok(take_fields(reader, dialect))
}

fn take_fields(reader: &mut ByteReader<'_>, dialect: Dialect) -> Option<Header> {
    Some(Header {
        flags: reader.take_u16()?,
        kind: reader.take_u16()?,
        cookie: Cookie(reader.take_u64()?),
        offset: reader.take_u64()?,
        length: match dialect {
            Dialect::Simple | Dialect::Structured => u64::from(reader.take_u32()?),
            Dialect::Extended => reader.take_u64()?,
        },
    })
}

/// How many bytes follow the header.
fn payload_length(header: &Header, dialect: Dialect) -> Result<u64, ProtocolViolation> {
    let (has_payload, limit) = match dialect {
        Dialect::Simple | Dialect::Structured => (header.kind == CMD_WRITE, PAYLOAD_SIZE_SKIPPED_MAX),
        // Writes without the flag come from clients (of QEMU) that send their payload all the same.
        Dialect::Extended => (
            header.kind == CMD_WRITE || header.flags & CMD_FLAG_PAYLOAD_LEN != 0,
            u64::from(PAYLOAD_SIZE_MAX),
        ),
    };
    let length = if has_payload { header.length } else { 0 };
    if length > limit {
        return Err(ProtocolViolation::PayloadTooLarge { length });
    }
    Ok(length)
}

/// Finds what is wrong with a request, as far as its header tells.
fn check(header: &Header, dialect: Dialect, payload_length: u64) -> Result<(), Rejection> {
    let extended = dialect == Dialect::Extended;
    let invalid = |message| {
        Err(Rejection {
            code: ErrorCode::Invalid,
            message,
        })
    };
    let extra_flags = match header.kind {
        CMD_READ if dialect != Dialect::Simple => CMD_FLAG_DF,
        CMD_READ | CMD_FLUSH | CMD_TRIM | CMD_CACHE => 0,
        CMD_WRITE if extended => CMD_FLAG_PAYLOAD_LEN,
        CMD_WRITE => 0,
        CMD_WRITE_ZEROES => CMD_FLAG_NO_HOLE | CMD_FLAG_FAST_ZERO,
        CMD_BLOCK_STATUS if extended => CMD_FLAG_REQ_ONE | CMD_FLAG_PAYLOAD_LEN,
        CMD_BLOCK_STATUS => CMD_FLAG_REQ_ONE,
        CMD_DISC => return Ok(()),
        _ => return invalid("unknown command"),
    };
    if header.flags & !(extra_flags | CMD_FLAG_FUA) != 0 {
        return invalid("unknown command flag");
    }
    match header.kind {
        CMD_WRITE if payload_length > u64::from(PAYLOAD_SIZE_MAX) => invalid("payload larger than advertised"),
        CMD_FLUSH if header.offset != 0 || header.length != 0 => invalid("flush with an offset or a length"),
        CMD_BLOCK_STATUS if header.flags & CMD_FLAG_PAYLOAD_LEN != 0 => match payload_length.checked_sub(8) {
            Some(list) if list.is_multiple_of(4) && list / 4 <= SELECTED_CONTEXTS_MAX => Ok(()),
            _ => invalid("malformed list of metadata contexts"),
        },
        _ => Ok(()),
    }
}

/// Builds the command of a request that [`check`] found nothing wrong with.
fn command<'a>(header: &Header, payload: &'a [u8]) -> Command<'a> {
    let length = header.length;
    let durable = header.flags & CMD_FLAG_FUA != 0;
    match header.kind {
        CMD_READ => Command::Read {
            length,
            unfragmented: header.flags & CMD_FLAG_DF != 0,
        },
        CMD_WRITE => Command::Write { data: payload, durable },
        CMD_FLUSH => Command::Flush,
        CMD_TRIM => Command::Trim { length, durable },
        CMD_CACHE => Command::Cache { length },
        CMD_WRITE_ZEROES => {
            // `CMD_FLAG_FAST_ZERO` needs no attention: zeroing is always faster than writing.
            let hole = if header.flags & CMD_FLAG_NO_HOLE == 0 {
                Hole::Allowed
            } else {
                Hole::Refused
            };
            Command::WriteZeroes { length, durable, hole }
        }
        CMD_BLOCK_STATUS => {
            let single = header.flags & CMD_FLAG_REQ_ONE != 0;
            let mut reader = ByteReader::new(payload);
            match reader.take_u64() {
                Some(length) => Command::BlockStatus {
                    length,
                    single,
                    contexts: ContextSelection::Listed(reader.rest()),
                },
                None => Command::BlockStatus {
                    length,
                    single,
                    contexts: ContextSelection::Negotiated,
                },
            }
        }
        CMD_DISC => Command::Disconnect,
        _ => Command::Rejected(Rejection {
            code: ErrorCode::Invalid,
            message: "unknown command",
        }),
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
