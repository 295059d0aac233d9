//! `holdfast.toml`: its text, its types, and what they mean.

mod console_table;
mod drill_table;
mod exposure_table;
mod file;
mod guard_table;
mod identity;
mod incident_file_table;
mod notices_file;
mod notices_table;
mod notices_ways;
mod resolve;
mod respond_table;
mod threat_table;
mod values;
mod web_address;

pub use console_table::{ConsoleSettings, ConsoleTable, OidcTable};
pub use drill_table::DrillSettings;
pub use exposure_table::{
    CallbackSettings, Encryption, ExposureSettings, FeedsSettings, MailSettings, UpstreamQuestion, UpstreamSettings,
};
pub use file::{ConfigFile, DrillTable, GuardTable, Server, Tls, TlsMode, VolumeTable};
pub use guard_table::{GuardSettings, SignedModel, WebhookSettings};
pub use identity::tls;
pub use incident_file_table::{ContactTable, IncidentFileSettings, IncidentFileTable};
pub use notices_file::{FormatValue, NoticesTable, TransportValue, check_url};
pub use notices_table::NoticesSettings;
pub use notices_ways::{ChatForm, SyslogSettings, Url, WaySettings};
pub use resolve::{Config, Listen, VolumeSettings};
pub use respond_table::{CommandSettings, RespondSettings};
pub use threat_table::{HttpSettings, HttpTable, SyslogTlsTable, ThreatSettings};
pub use values::{Budget, FileMode, SizeValue, SpanValue};

/// The shipped configuration file: every setting, commented out, with its default.
pub const DEFAULT_TEXT: &str = include_str!("../../../../packaging/holdfast.toml");
