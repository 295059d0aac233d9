//! The NBD protocol as pure functions from bytes to types and back. Nothing here knows a socket, a thread or a disk,
//! so that all of it can be fuzzed.
//!
//! Every length is bounded before it is used, and nothing is allocated for a request. The description followed is
//! `doc/proto.md` of the reference implementation, with its extension for extended headers.

mod bytes;
mod context;
pub mod numbers;
mod option;
mod reply;
mod request;

pub use bytes::ByteReader;
pub use context::MetaContext;
pub use option::{
    InfoRequest, MetaContextQuery, OPTION_HEADER_SIZE, OptionError, OptionHeader, OptionReply, OptionRequest,
    encode_option_reply,
};
pub use reply::{ReadReply, ReplyBuffer, ReplyTo};
pub use request::{
    Command, ContextSelection, Cookie, Decoded, Dialect, ProtocolViolation, Rejection, Request, decode_request,
};
