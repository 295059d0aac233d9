//! The HTTP API and the web pages: what the command line can do, for browsers and programs, with accounts, roles and approvals.
//!
//! An adapter: what disks are and do is asked of a [`Site`], which the binary implements; everything else is in the ledger
//! ([`respond::Desk`]).

mod site;

pub use site::{
    Activity, ActivityBucket, DiskEvent, DrillView, ExposureView, FileRow, Files, GuardState, Health, Moment, PinView,
    Problem, ProblemKind, RestorePreview, Restored, Site, VolumeView,
};
