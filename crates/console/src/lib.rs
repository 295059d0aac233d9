//! The HTTP API and the web pages: what the command line can do, for browsers and programs, with accounts, roles and approvals.
//!
//! An adapter: what disks are and do is asked of a [`Site`], which the binary implements; everything else is in the ledger
//! ([`respond::Desk`]).
//!
//! A request's way: [`serve`] accepts a connection and bounds it -> `headers` checks the host and adds what keeps pages to
//! themselves -> `auth` finds out who asks and refuses what other websites cause -> a handler of `api` or `pages` checks the
//! role, and asks the site or the ledger on a thread that may wait ([`State::ask`]).

mod api;
mod assets;
pub mod auth;
mod base64;
mod compression;
mod error;
mod events;
mod headers;
mod incident_file;
mod limits;
mod metrics;
mod overview;
mod own_certificate;
pub mod pages;
pub mod problem;
mod random;
mod router;
mod server;
mod settings;
mod site;
pub mod state;
mod stream;
mod tls;

pub use error::Error;
pub use limits::Limits;
pub use own_certificate::OwnCertificate;
pub use router::{openapi, router};
pub use server::{Server, serve};
pub use settings::{CertificateFiles, OidcSettings, Settings};
pub use site::{
    Activity, ActivityBucket, DiskEvent, DrillView, ExposureView, FileRow, Files, GuardState, Health,
    IncidentFileSettings, LogInputView, LogsView, MarkView, MarkWish, Marked, Moment, PinView, Problem, ProblemKind,
    ProviderQuestion, RestorePreview, Restored, Site, VolumeView,
};
pub use state::{Shared, State};
