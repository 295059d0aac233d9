//! The control protocol: what commands ask, what they are told, and how both travel.
//!
//! Over `<data>/holdfast.sock` a message is a line of JSON. The command sends `{"version":1,"request":...}`, with at
//! most one open file beside it; the daemon answers with any number of `{"progress":...}` and then one
//! `{"done":...}` or `{"failed":...}`. A connection may carry several requests, one after the other; one that looks into the
//! past is the last, and what follows its answer is that of `crate::past::protocol`.
//!
//! A connection that doesn't begin with `{` is HTTP, and is the console's: by it the owner of the data folder may do everything.

mod client;
mod line;
mod protocol;
mod report;
mod report_drill;
mod report_guard;
mod report_incidents;
mod report_logs;
mod report_threat;
mod server;

pub use client::Client;
pub use line::LINE_BYTES_MAX;
pub(crate) use line::LineReader;
pub use protocol::{
    AnnouncedWork, Answer, DivertedWrites, Envelope, Looked, Progress, Request, VERSION, is_image_request,
};
pub use report::{
    BucketReport, ClientReport, CopyReport, DaemonReport, DamageReport, EventReport, ForkReport, HistoryReport,
    ImportReport, LookReport, LostReport, MomentReport, PinReport, RepairReport, Response, RestoreReport,
    SettingsReport, SpaceReport, StatusReport, Time, VerifyReport, VolumeDetails, VolumeListReport, VolumeReport,
};
pub use report_drill::{DrillListReport, DrillSummary, DrillVolumeReport, ScheduleReport};
pub use report_guard::{AfterReport, GuardListReport, GuardReport, GuardSummary, ReleaseReport};
pub use report_incidents::{IncidentsReport, OpenIncident};
pub use report_logs::{LogInputReport, LogsReport};
pub use report_threat::{MarkOrder, MarkReport, Marked, MarksReport};
pub use server::{ControlServer, Execute, Hypertext};

/// The control socket's name in the data folder.
pub const SOCKET_NAME: &str = "holdfast.sock";
