//! What is told of the logs that a daemon reads. Fields are added, never renamed or removed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The logs that a daemon reads, and what is lost of them, since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogsReport {
    /// By the way on which they come: `files`, `syslog-udp`, `syslog-tcp`, `syslog-tls`, `http`.
    pub inputs: BTreeMap<String, LogInputReport>,
    /// What was sent and not taken, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Bytes of files that lie there and weren't read yet.
    pub unread_bytes: u64,
    /// Messages that came in and weren't judged yet.
    pub waiting_messages: u64,
    /// Why logs that should be read aren't, in words; none if all are.
    pub problems: Vec<String>,
}

/// Logs of one way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogInputReport {
    /// Records that came in.
    pub records: u64,
    /// Those of which nothing could be made.
    pub not_understood: u64,
    /// Pieces that are no records.
    pub unreadable: u64,
    /// Messages, requests and connections that weren't taken.
    pub dropped: u64,
    /// When the last record came in, in seconds since 1970.
    pub last_record: Option<i64>,
    /// How old the last event that was understood was when it came in, in seconds.
    pub behind_seconds: Option<i64>,
}

impl LogInputReport {
    /// What came in and could not be used.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.not_understood
            .saturating_add(self.unreadable)
            .saturating_add(self.dropped)
    }
}
