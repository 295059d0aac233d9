//! Options: the requests of the handshake, and the replies to them.

use super::bytes::ByteReader;
use super::numbers::{
    INFO_BLOCK_SIZE, INFO_DESCRIPTION, INFO_NAME, MAGIC_OPTION, MAGIC_OPTION_REPLY, OPT_ABORT, OPT_EXPORT_NAME,
    OPT_EXTENDED_HEADERS, OPT_GO, OPT_INFO, OPT_LIST, OPT_LIST_META_CONTEXT, OPT_SET_META_CONTEXT, OPT_STARTTLS,
    OPT_STRUCTURED_REPLY, STRING_LENGTH_MAX,
};
use super::request::ProtocolViolation;

/// The size in bytes of an option's header.
pub const OPTION_HEADER_SIZE: usize = 16;
/// The most queries in a request about metadata contexts.
const QUERIES_MAX: u32 = 32;
/// The most pieces of information a client can ask for about an export. The protocol knows four.
const INFO_REQUESTS_MAX: u16 = 32;

/// What comes before the data of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionHeader {
    /// The option's number.
    pub option: u32,
    /// How many bytes of data follow.
    pub length: u32,
}

impl OptionHeader {
    /// Understands a header.
    ///
    /// # Errors
    ///
    /// The connection must be ended when the stream can't be followed any further.
    pub fn decode(bytes: &[u8; OPTION_HEADER_SIZE]) -> Result<Self, ProtocolViolation> {
        let mut reader = ByteReader::new(bytes);
        let found = reader.take_u64().unwrap_or_default();
        if found != MAGIC_OPTION {
            return Err(ProtocolViolation::OptionMagic { found });
        }
        let option = reader.take_u32().unwrap_or_default();
        Ok(Self {
            option,
            length: reader.take_u32().unwrap_or_default(),
        })
    }
}

/// An option, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionRequest<'a> {
    /// Choose an export, without a way to report an error.
    ExportName(&'a str),
    /// End the session.
    Abort,
    /// List exports.
    List,
    /// Upgrade to TLS.
    StartTls,
    /// Describe an export.
    Info(InfoRequest<'a>),
    /// Choose an export.
    Go(InfoRequest<'a>),
    /// Use structured replies.
    StructuredReply,
    /// List metadata contexts.
    ListMetaContext(MetaContextQuery<'a>),
    /// Choose metadata contexts.
    SetMetaContext(MetaContextQuery<'a>),
    /// Use extended headers.
    ExtendedHeaders,
    /// An option this server doesn't know.
    Unknown,
}

/// The data of `OPT_INFO` and `OPT_GO`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InfoRequest<'a> {
    /// The export.
    pub export: &'a str,
    /// Whether the canonical name is asked for.
    pub wants_name: bool,
    /// Whether the description is asked for.
    pub wants_description: bool,
    /// Whether the size constraints are asked for.
    pub wants_block_size: bool,
}

/// The data of `OPT_LIST_META_CONTEXT` and `OPT_SET_META_CONTEXT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaContextQuery<'a> {
    /// The export.
    pub export: &'a str,
    /// The queries, at most 32.
    pub queries: Vec<&'a str>,
}

/// Why an option can't be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionError {
    /// The error to send.
    pub reply: OptionReply,
    /// A hint for people.
    pub message: &'static str,
}

/// Types of replies to options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum OptionReply {
    /// Done.
    Acknowledged = 1,
    /// One export of a list.
    Server = 2,
    /// A piece of information about an export.
    Info = 3,
    /// A metadata context.
    MetaContext = 4,
    /// The option is not known.
    Unsupported = (1 << 31) + 1,
    /// The option is forbidden.
    Policy = (1 << 31) + 2,
    /// The option is malformed, or makes no sense now.
    Invalid = (1 << 31) + 3,
    /// TLS must be used first.
    TlsRequired = (1 << 31) + 5,
    /// No such export.
    UnknownExport = (1 << 31) + 6,
    /// The server is being stopped.
    Shutdown = (1 << 31) + 7,
    /// The request is too large.
    TooBig = (1 << 31) + 9,
    /// Extended headers are in use and can't be given up.
    ExtendedHeadersRequired = (1 << 31) + 10,
}

impl<'a> OptionRequest<'a> {
    /// Understands an option from its number and its data.
    ///
    /// # Errors
    ///
    /// Malformed data is to be answered with the error returned; the stream itself is intact.
    pub fn decode(option: u32, data: &'a [u8]) -> Result<Self, OptionError> {
        let without_data = |request| {
            if data.is_empty() {
                Ok(request)
            } else {
                Err(invalid("unexpected data"))
            }
        };
        match option {
            OPT_EXPORT_NAME => text(data).map(Self::ExportName),
            OPT_ABORT => Ok(Self::Abort),
            OPT_LIST => without_data(Self::List),
            OPT_STARTTLS => without_data(Self::StartTls),
            OPT_INFO => InfoRequest::decode(data).map(Self::Info),
            OPT_GO => InfoRequest::decode(data).map(Self::Go),
            OPT_STRUCTURED_REPLY => without_data(Self::StructuredReply),
            OPT_LIST_META_CONTEXT => MetaContextQuery::decode(data).map(Self::ListMetaContext),
            OPT_SET_META_CONTEXT => MetaContextQuery::decode(data).map(Self::SetMetaContext),
            OPT_EXTENDED_HEADERS => without_data(Self::ExtendedHeaders),
            _ => Ok(Self::Unknown),
        }
    }
}

impl<'a> InfoRequest<'a> {
    fn decode(data: &'a [u8]) -> Result<Self, OptionError> {
        let mut reader = ByteReader::new(data);
        let export = take_text(&mut reader)?;
        let count = reader.take_u16().ok_or(TRUNCATED)?;
        if reader.rest().len() != usize::from(count) * 2 {
            return Err(invalid("the number of information requests doesn't match the length"));
        }
        if count > INFO_REQUESTS_MAX {
            return Err(OptionError {
                reply: OptionReply::TooBig,
                message: "too many information requests",
            });
        }
        let mut request = Self {
            export,
            wants_name: false,
            wants_description: false,
            wants_block_size: false,
        };
        while let Some(kind) = reader.take_u16() {
            match kind {
                INFO_NAME => request.wants_name = true,
                INFO_DESCRIPTION => request.wants_description = true,
                INFO_BLOCK_SIZE => request.wants_block_size = true,
                _ => {}
            }
        }
        Ok(request)
    }
}

impl<'a> MetaContextQuery<'a> {
    fn decode(data: &'a [u8]) -> Result<Self, OptionError> {
        let mut reader = ByteReader::new(data);
        let export = take_text(&mut reader)?;
        let count = reader.take_u32().ok_or(TRUNCATED)?;
        if count > QUERIES_MAX {
            return Err(OptionError {
                reply: OptionReply::TooBig,
                message: "too many queries",
            });
        }
        let mut queries = Vec::with_capacity(count as usize);
        for _ in 0..count {
            queries.push(take_text(&mut reader)?);
        }
        if !reader.rest().is_empty() {
            return Err(invalid("unexpected data after the last query"));
        }
        Ok(Self { export, queries })
    }
}

/// Appends a reply to an option.
pub fn encode_option_reply(out: &mut Vec<u8>, option: u32, reply: OptionReply, data: &[&[u8]]) {
    let length: usize = data.iter().map(|part| part.len()).sum();
    out.extend_from_slice(&MAGIC_OPTION_REPLY.to_be_bytes());
    out.extend_from_slice(&option.to_be_bytes());
    out.extend_from_slice(&(reply as u32).to_be_bytes());
    out.extend_from_slice(&(length as u32).to_be_bytes());
    for part in data {
        out.extend_from_slice(part);
    }
}

const TRUNCATED: OptionError = invalid("the data ends too early");

const fn invalid(message: &'static str) -> OptionError {
    OptionError {
        reply: OptionReply::Invalid,
        message,
    }
}

fn take_text<'a>(reader: &mut ByteReader<'a>) -> Result<&'a str, OptionError> {
    let length = reader.take_u32().ok_or(TRUNCATED)?;
    text(reader.take(length as usize).ok_or(TRUNCATED)?)
}

fn text(bytes: &[u8]) -> Result<&str, OptionError> {
    if bytes.len() > STRING_LENGTH_MAX {
        return Err(OptionError {
            reply: OptionReply::TooBig,
            message: "a string is longer than 4096 bytes",
        });
    }
    let text = str::from_utf8(bytes).map_err(|_| invalid("a string isn't UTF-8"))?;
    if text.contains('\0') {
        Err(invalid("a string contains NUL"))
    } else {
        Ok(text)
    }
}

#[cfg(test)]
#[path = "option_tests.rs"]
mod tests;
