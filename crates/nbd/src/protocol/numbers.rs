//! The numbers of the protocol, under the names its description gives them (without `NBD_`).

/// First word of the server's greeting.
pub const MAGIC_GREETING: u64 = 0x4e42_444d_4147_4943;
/// Second word of the greeting, and first of every option.
pub const MAGIC_OPTION: u64 = 0x4948_4156_454f_5054;
/// First word of every reply to an option.
pub const MAGIC_OPTION_REPLY: u64 = 0x0003_e889_0455_65a9;
/// First word of a compact request.
pub const MAGIC_REQUEST: u32 = 0x2560_9513;
/// First word of an extended request.
pub const MAGIC_EXTENDED_REQUEST: u32 = 0x21e4_1c71;
/// First word of a simple reply.
pub const MAGIC_SIMPLE_REPLY: u32 = 0x6744_6698;
/// First word of a structured reply chunk.
pub const MAGIC_STRUCTURED_REPLY: u32 = 0x668e_33ef;
/// First word of an extended reply chunk.
pub const MAGIC_EXTENDED_REPLY: u32 = 0x6e8a_278c;

/// Handshake flag: fixed newstyle.
pub const FLAG_FIXED_NEWSTYLE: u16 = 1;
/// Handshake flag: the reply to `OPT_EXPORT_NAME` may come without padding.
pub const FLAG_NO_ZEROES: u16 = 1 << 1;

/// Transmission flag: the field is meaningful.
pub const FLAG_HAS_FLAGS: u16 = 1;
/// Transmission flag: the export can't be written.
pub const FLAG_READ_ONLY: u16 = 1 << 1;
/// Transmission flag: `CMD_FLUSH`.
pub const FLAG_SEND_FLUSH: u16 = 1 << 2;
/// Transmission flag: `CMD_FLAG_FUA`.
pub const FLAG_SEND_FUA: u16 = 1 << 3;
/// Transmission flag: `CMD_TRIM`.
pub const FLAG_SEND_TRIM: u16 = 1 << 5;
/// Transmission flag: `CMD_WRITE_ZEROES`.
pub const FLAG_SEND_WRITE_ZEROES: u16 = 1 << 6;
/// Transmission flag: `CMD_FLAG_DF`.
pub const FLAG_SEND_DF: u16 = 1 << 7;
/// Transmission flag: a flush on one connection covers all.
pub const FLAG_CAN_MULTI_CONN: u16 = 1 << 8;
/// Transmission flag: `CMD_CACHE`.
pub const FLAG_SEND_CACHE: u16 = 1 << 10;
/// Transmission flag: `CMD_FLAG_FAST_ZERO`.
pub const FLAG_SEND_FAST_ZERO: u16 = 1 << 11;
/// Transmission flag: `CMD_BLOCK_STATUS` with a payload.
pub const FLAG_BLOCK_STATUS_PAYLOAD: u16 = 1 << 12;

/// Option: choose an export, without a way to report an error.
pub const OPT_EXPORT_NAME: u32 = 1;
/// Option: end the session.
pub const OPT_ABORT: u32 = 2;
/// Option: list exports.
pub const OPT_LIST: u32 = 3;
/// Option: upgrade to TLS.
pub const OPT_STARTTLS: u32 = 5;
/// Option: describe an export.
pub const OPT_INFO: u32 = 6;
/// Option: choose an export.
pub const OPT_GO: u32 = 7;
/// Option: use structured replies.
pub const OPT_STRUCTURED_REPLY: u32 = 8;
/// Option: list metadata contexts.
pub const OPT_LIST_META_CONTEXT: u32 = 9;
/// Option: choose metadata contexts.
pub const OPT_SET_META_CONTEXT: u32 = 10;
/// Option: use extended headers.
pub const OPT_EXTENDED_HEADERS: u32 = 11;

/// Information: size and transmission flags.
pub const INFO_EXPORT: u16 = 0;
/// Information: the canonical name.
pub const INFO_NAME: u16 = 1;
/// Information: a description for people.
pub const INFO_DESCRIPTION: u16 = 2;
/// Information: size constraints.
pub const INFO_BLOCK_SIZE: u16 = 3;

/// Command: read.
pub const CMD_READ: u16 = 0;
/// Command: write.
pub const CMD_WRITE: u16 = 1;
/// Command: disconnect.
pub const CMD_DISC: u16 = 2;
/// Command: flush.
pub const CMD_FLUSH: u16 = 3;
/// Command: trim.
pub const CMD_TRIM: u16 = 4;
/// Command: read ahead.
pub const CMD_CACHE: u16 = 5;
/// Command: write zeros.
pub const CMD_WRITE_ZEROES: u16 = 6;
/// Command: describe a range.
pub const CMD_BLOCK_STATUS: u16 = 7;

/// Command flag: reply only once durable.
pub const CMD_FLAG_FUA: u16 = 1;
/// Command flag: zeros must stay allocated.
pub const CMD_FLAG_NO_HOLE: u16 = 1 << 1;
/// Command flag: answer a read in one piece.
pub const CMD_FLAG_DF: u16 = 1 << 2;
/// Command flag: describe one extent only.
pub const CMD_FLAG_REQ_ONE: u16 = 1 << 3;
/// Command flag: fail rather than write zeros slowly.
pub const CMD_FLAG_FAST_ZERO: u16 = 1 << 4;
/// Command flag: the length is that of a payload.
pub const CMD_FLAG_PAYLOAD_LEN: u16 = 1 << 5;

/// Reply flag: last chunk.
pub const REPLY_FLAG_DONE: u16 = 1;
/// Chunk: nothing.
pub const REPLY_TYPE_NONE: u16 = 0;
/// Chunk: data at an offset.
pub const REPLY_TYPE_OFFSET_DATA: u16 = 1;
/// Chunk: zeros at an offset.
pub const REPLY_TYPE_OFFSET_HOLE: u16 = 2;
/// Chunk: extents with 32-bit fields.
pub const REPLY_TYPE_BLOCK_STATUS: u16 = 5;
/// Chunk: extents with 64-bit fields.
pub const REPLY_TYPE_BLOCK_STATUS_EXT: u16 = 6;
/// Chunk: an error.
pub const REPLY_TYPE_ERROR: u16 = (1 << 15) + 1;
/// Chunk: an error at an offset.
pub const REPLY_TYPE_ERROR_OFFSET: u16 = (1 << 15) + 2;

/// Status in `base:allocation`: not allocated.
pub const STATE_HOLE: u32 = 1;
/// Status in `base:allocation`: reads as zeros.
pub const STATE_ZERO: u32 = 1 << 1;

/// The largest payload of a read or write. Clients may rely on half of it without asking; some that never ask send
/// more.
pub const PAYLOAD_SIZE_MAX: u32 = 64 << 20;
/// The largest payload that is skipped with an error; a larger one ends the connection.
pub const PAYLOAD_SIZE_SKIPPED_MAX: u64 = 128 << 20;
/// The longest string the protocol allows.
pub const STRING_LENGTH_MAX: usize = 4096;
/// The smallest unit in which an export can be addressed.
pub const BLOCK_SIZE_MIN: u32 = 1;
/// The unit in which requests are cheapest.
pub const BLOCK_SIZE_PREFERRED: u32 = 4096;

/// The error values of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ErrorCode {
    /// `EPERM`: not permitted.
    NotPermitted = 1,
    /// `EIO`: input/output error.
    InputOutput = 5,
    /// `EINVAL`: invalid argument.
    Invalid = 22,
    /// `ENOSPC`: no space left.
    NoSpace = 28,
    /// `EOVERFLOW`: value too large.
    Overflow = 75,
    /// `ENOTSUP`: not supported.
    NotSupported = 95,
    /// `ESHUTDOWN`: the server is being stopped.
    Shutdown = 108,
}
