//! What a client is told about an error of the disk.

use volume::Error;

use crate::events::RequestKind;
use crate::protocol::ReplyBuffer;
use crate::protocol::ReplyTo;
use crate::protocol::numbers::ErrorCode;

/// Size in bytes of the block that [`Error::CorruptBlock`] counts in.
const BLOCK_SIZE: u64 = 4096;

/// An error as the protocol tells it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) code: ErrorCode,
    pub(super) message: String,
    /// The first byte concerned, where it is known.
    pub(super) at: Option<u64>,
}

impl Failure {
    /// Translates an error. Names of files and places in them stay on the server.
    pub(super) fn of(error: &Error, kind: RequestKind) -> Self {
        let code = match error {
            Error::ReadOnly | Error::StaleEpoch | Error::Fenced => ErrorCode::NotPermitted,
            Error::OutOfRange { .. } => past_the_end(kind),
            Error::NoSpace(_) | Error::Paused => ErrorCode::NoSpace,
            _ => ErrorCode::InputOutput,
        };
        let message = match error {
            Error::CorruptBlock { block, .. } => format!("block {block} is damaged on the server"),
            Error::Poisoned => "an earlier write failed on the server; the disk must be opened again there".to_owned(),
            _ if code == ErrorCode::InputOutput => "the disk of the server failed".to_owned(),
            _ => error.to_string(),
        };
        let at = match error {
            Error::CorruptBlock { block, .. } => block.checked_mul(BLOCK_SIZE),
            _ => None,
        };
        Self { code, message, at }
    }

    /// Appends the reply to a request for `length` bytes from `offset` on.
    pub(super) fn reply(&self, out: &mut ReplyBuffer, to: &ReplyTo, offset: u64, length: u64) {
        // The place told must lie within the request, whose first block may start before it.
        let at = self.at.map(|at| at.max(offset)).filter(|at| at - offset < length);
        to.error(out, self.code, &self.message, at);
    }
}

/// The error for a range that reaches past the end of the disk.
pub(super) fn past_the_end(kind: RequestKind) -> ErrorCode {
    match kind {
        RequestKind::Write | RequestKind::WriteZeroes => ErrorCode::NoSpace,
        _ => ErrorCode::Invalid,
    }
}

/// Whether an error is due to what the client asked for, or to a fence of which the guard told once: no news for the
/// operator.
pub(super) fn is_fault_of_client(error: &Error) -> bool {
    matches!(
        error,
        Error::OutOfRange { .. } | Error::ReadOnly | Error::Fenced | Error::Paused
    )
}

#[cfg(test)]
mod tests {
    use volume::{NoSpace, Timestamp};

    use super::*;

    fn code(error: &Error, kind: RequestKind) -> ErrorCode {
        Failure::of(error, kind).code
    }

    #[test]
    fn errors_are_mapped_as_the_protocol_demands() {
        let past_end = Error::OutOfRange {
            offset: 1,
            length: 2,
            size: 1,
        };
        assert_eq!(code(&past_end, RequestKind::Write), ErrorCode::NoSpace);
        assert_eq!(code(&past_end, RequestKind::WriteZeroes), ErrorCode::NoSpace);
        assert_eq!(code(&past_end, RequestKind::Read), ErrorCode::Invalid);
        assert_eq!(code(&past_end, RequestKind::Trim), ErrorCode::Invalid);
        assert_eq!(
            code(&Error::NoSpace(NoSpace::Disk), RequestKind::Write),
            ErrorCode::NoSpace
        );
        assert_eq!(code(&Error::ReadOnly, RequestKind::Write), ErrorCode::NotPermitted);
        assert_eq!(code(&Error::Fenced, RequestKind::Trim), ErrorCode::NotPermitted);
        assert_eq!(code(&Error::Paused, RequestKind::Write), ErrorCode::NoSpace);
        assert_eq!(code(&Error::StaleEpoch, RequestKind::Read), ErrorCode::NotPermitted);
        assert_eq!(code(&Error::Poisoned, RequestKind::Flush), ErrorCode::InputOutput);
    }

    #[test]
    fn file_names_are_not_told_to_clients() {
        let source = std::io::Error::other("secret");
        let error = Error::Io {
            operation: "write",
            file: "secret".to_owned(),
            source,
        };
        assert!(!Failure::of(&error, RequestKind::Write).message.contains("secret"));
    }

    #[test]
    fn the_place_of_damage_is_told_only_within_the_request() {
        let error = Error::CorruptBlock {
            block: 2,
            segment: 0,
            offset: 0,
            written: Timestamp::ZERO,
        };
        let failure = Failure::of(&error, RequestKind::Read);
        assert_eq!(failure.at, Some(8192));
        let reply = |offset, length| {
            let mut out = ReplyBuffer::new();
            let to = ReplyTo {
                dialect: crate::protocol::Dialect::Structured,
                cookie: crate::protocol::Cookie(1),
                offset,
            };
            failure.reply(&mut out, &to, offset, length);
            (out.filled()[7], u64::from_be_bytes(*out.filled().last_chunk().unwrap()))
        };
        assert_eq!(reply(0, 65536), (2, 8192));
        assert_eq!(reply(9000, 4096), (2, 9000));
        assert_eq!(reply(0, 4096).0, 1);
    }
}
