//! The configuration file as it is written: one type per table, nothing resolved, unknown keys refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use guard::Fence;
use serde::Deserialize;
use threat::rules::Choices;

use super::console_table::ConsoleTable;
use super::incident_file_table::IncidentFileTable;
use super::notices_file::NoticesTable;
use super::resolve::HINT;
use super::respond_table::RespondTable;
use super::threat_table::ThreatTable;
use super::values::{Budget, FileMode, SizeValue, SpanValue};
use crate::failure::{Failure, FailureCode};

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// `[server]`
    pub server: Server,
    /// `[guard]`
    pub guard: GuardTable,
    /// `[drill]`
    pub drill: DrillTable,
    /// `[exposure]`
    pub exposure: ExposureTable,
    /// `[console]`
    pub console: ConsoleTable,
    /// `[notices]`
    pub notices: NoticesTable,
    /// `[incident_file]`
    pub incident_file: IncidentFileTable,
    /// `[respond]`
    pub respond: RespondTable,
    /// `[threat]`
    pub threat: ThreatTable,
    /// `[rules]`
    pub rules: Choices,
    /// `[defaults]`
    pub defaults: VolumeTable,
    /// `[volume.NAME]`
    pub volume: BTreeMap<String, VolumeTable>,
}

/// `[server]`: how clients reach the volumes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Where to listen.
    pub listen: Option<Vec<String>>,
    /// Permissions of the unix sockets.
    pub socket_mode: Option<FileMode>,
    /// Connections at the same time.
    pub max_clients: Option<u32>,
    /// `[server.tls]`
    pub tls: Option<Tls>,
}

/// `[server.tls]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Whether clients may or must use TLS.
    pub mode: TlsMode,
    /// PEM file with the server's certificate and its chain.
    pub certificate: Option<PathBuf>,
    /// PEM file with the certificate's key.
    pub key: Option<PathBuf>,
    /// PEM file with the authority that signs clients' certificates.
    pub client_ca: Option<PathBuf>,
}

/// Whether clients may or must use TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// No TLS.
    Off,
    /// A client may ask for TLS.
    Allow,
    /// A client without TLS is turned away.
    Require,
}

/// `[guard]`: what all guards share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardTable {
    /// Where events are sent to.
    pub webhook: Option<String>,
    /// File with the secret that signs what is sent.
    pub webhook_secret_file: Option<PathBuf>,
    /// File with another model than the one that is built in.
    pub model: Option<PathBuf>,
    /// The key that must have signed it, as minisign writes it.
    pub model_key: Option<String>,
    /// Most bytes a volume in which is kept what clients read.
    pub reads_kept: Option<SizeValue>,
}

/// `[drill]`: when drills are run, and what they may cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DrillTable {
    /// The time of day, like `02:30`.
    pub at: Option<String>,
    /// The attack, or `rotate`.
    pub case: Option<String>,
    /// Bytes that a drill may read and write in a second.
    pub io: Option<SizeValue>,
    /// How long after the last drill of a volume the next one is missed.
    pub overdue_after: Option<SpanValue>,
}

/// `[exposure]`: the breach monitor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExposureTable {
    /// Where the API is answered, like `127.0.0.1:8471`.
    pub listen: Option<String>,
    /// The address under which others reach it, like `https://breaches.example.com`: for links in mails and feeds.
    pub public_url: Option<String>,
    /// PEM file with the server's certificate and its chain.
    pub certificate: Option<PathBuf>,
    /// PEM file with the certificate's key.
    pub key: Option<PathBuf>,
    /// The fewest identities that a private question hides among.
    pub hidden_among: Option<u64>,
    /// The DNS server that is asked for TXT records, like `192.0.2.53:53`; the system's if none is named.
    pub resolver: Option<String>,
    /// `[exposure.mail]`
    pub mail: Option<MailTable>,
    /// Where notices are sent to as well.
    pub webhook: Option<String>,
    /// File with the secret that signs what is sent.
    pub webhook_secret_file: Option<PathBuf>,
    /// `[exposure.callback]`
    pub callback: Option<CallbackTable>,
    /// `[exposure.upstream]`
    pub upstream: Option<UpstreamTable>,
    /// `[exposure.feeds]`
    pub feeds: FeedsTable,
}

/// `[exposure.mail]`: the server that takes mail to those concerned.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailTable {
    /// Host and port, like `mail.example.com:587`.
    pub server: String,
    /// `starttls` (if none is given), `tls` or `none`.
    pub encryption: Option<String>,
    /// The user to log in as.
    pub user: Option<String>,
    /// File with the user's password.
    pub password_file: Option<PathBuf>,
    /// PEM file with the authority that signed the server's certificate, if this machine doesn't trust it.
    pub authority: Option<PathBuf>,
    /// The sender, like `Example Ltd <privacy@example.com>`.
    pub from: String,
    /// The time of day of the digest, like `08:00`.
    pub digest_at: Option<String>,
}

/// `[exposure.callback]`: who is called back about prefixes that keys are subscribed to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallbackTable {
    /// The address of a web server, like `https://monitor.example.com/breached`.
    pub url: String,
    /// File with the token that is sent with each call (`Authorization: Bearer`).
    pub token_file: PathBuf,
}

/// `[exposure.upstream]`: Have I Been Pwned itself, or another server that speaks its API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamTable {
    /// The address before `/breachedaccount`, like `https://haveibeenpwned.com/api/v3`.
    pub url: String,
    /// File with the key.
    pub key_file: PathBuf,
    /// `range` (if none is given) or `account`.
    pub ask_by: Option<String>,
}

/// `[exposure.feeds]`: posts of leak sites.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedsTable {
    /// Files and addresses of feeds.
    pub sources: Vec<String>,
    /// How often they are read.
    pub every: Option<SpanValue>,
    /// Names of one's own: companies, brands, domains.
    pub names: Vec<String>,
    /// Names of suppliers.
    pub suppliers: Vec<String>,
    /// Who gets a mail about a post that has one of the names.
    pub tell: Vec<String>,
}

/// `[defaults]` and `[volume.NAME]`: what isn't given is taken from the defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VolumeTable {
    /// How far back every moment can be seen.
    pub retention: Option<SpanValue>,
    /// History younger than this is never dropped.
    pub retention_floor: Option<SpanValue>,
    /// Most bytes on disk.
    pub budget: Option<Budget>,
    /// Memory for the map.
    pub map_cache: Option<SizeValue>,
    /// Size of one file of the log.
    pub segment_size: Option<SizeValue>,
    /// Age at which history is compressed.
    pub compress_after: Option<SpanValue>,
    /// zstd level.
    pub compression_level: Option<i32>,
    /// Age at which blocks that lie apart are brought together.
    pub defragment_after: Option<SpanValue>,
    /// How much may be stored once more to bring together what lies apart, in per cent of what clients write.
    pub defragment: Option<u32>,
    /// Bytes of background work in a second.
    pub background_io: Option<SizeValue>,
    /// Whether the disk is watched for encryption.
    pub guard: Option<bool>,
    /// What happens to writes once encryption was recognised.
    pub fence: Option<Fence>,
    /// Whether the schedule's drills are run on a fork of it.
    pub drill: Option<bool>,
}

impl ConfigFile {
    /// Parses a file's text. Errors name the path, the line and the column.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Failure> {
        let wrong = |offset: Option<usize>, message: &str| {
            let place = offset.map_or_else(String::new, |offset| {
                let (line, column) = line_and_column(text, offset);
                format!(" line {line}, column {column}")
            });
            Failure::new(FailureCode::Config, format!("`{}`{place}: {message}", path.display())).hint(HINT)
        };
        let file: Self = toml::from_str(text).map_err(|error: toml::de::Error| {
            let message = error.message().trim().replace('\n', ", ");
            wrong(error.span().map(|span| span.start), &message)
        })?;
        // Names that must exist elsewhere in the file are looked up here, where their place is known.
        super::notices_table::resolve_file(&file).map_err(|(offset, message)| wrong(offset, &message))?;
        Ok(file)
    }
}

/// Line and column, both from 1, of a byte offset.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConfigFile, String> {
        ConfigFile::parse(text, Path::new("h.toml")).map_err(|failure| failure.message)
    }

    #[test]
    fn an_empty_file_is_a_configuration() {
        assert_eq!(parse(""), Ok(ConfigFile::default()));
    }

    #[test]
    fn unknown_keys_are_named_with_their_place() {
        let error = parse("[defaults]\nretention = \"7d\"\nretenton_floor = \"1h\"\n").unwrap_err();
        assert!(
            error.starts_with("`h.toml` line 3, column 1: unknown field `retenton_floor`, expected one of"),
            "{error}"
        );
    }

    #[test]
    fn bad_values_are_named_with_their_place() {
        for (text, expected) in [
            (
                "[defaults]\nretention = \"7x\"",
                "`h.toml` line 2, column 13: `7x` is not a span of time",
            ),
            (
                "[defaults]\nbudget = \"lots\"",
                "`h.toml` line 2, column 10: `lots` is not a size",
            ),
            (
                "[server]\nsocket_mode = \"rw\"",
                "`h.toml` line 2, column 15: `rw` is not a mode",
            ),
            (
                "[server.tls]\nmode = \"maybe\"",
                "`h.toml` line 2, column 8: unknown variant `maybe`, expected",
            ),
            ("[defaults\n", "`h.toml` line 1, column 10: "),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
