//! What a configuration means: defaults filled in, values checked against each other.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use guard::Fence;

use super::console_table::{self, ConsoleSettings};
use super::drill_table::{self, DrillSettings};
use super::exposure_table::{self, ExposureSettings};
use super::file::{ConfigFile, Tls, TlsMode, VolumeTable};
use super::guard_table::{self, GuardSettings};
use super::incident_file_table::{self, IncidentFileSettings};
use super::notices_table::{self, NoticesSettings};
use super::respond_table::{self, RespondSettings};
use super::threat_table::{self, ThreatSettings};
use crate::failure::{Failure, FailureCode};
use crate::names::is_name;
use crate::size::format_size;
use crate::span::format_span;

/// What to do about a file that can't be used.
pub(super) const HINT: &str = "`holdfast config default` prints every setting with its default";

/// A place to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A unix socket; relative paths are relative to the data folder.
    Unix(PathBuf),
    /// A TCP address.
    Tcp(SocketAddr),
}

impl Listen {
    /// From `unix:PATH` or `ADDRESS:PORT`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() {
                Err("`unix:` needs a path".to_owned())
            } else {
                Ok(Self::Unix(path.into()))
            };
        }
        let address = text.strip_prefix("tcp:").unwrap_or(text);
        address.parse().map(Self::Tcp).map_err(|_| {
            format!(
                "`{text}` is no place to listen at; write `unix:PATH` or an address with a port like `127.0.0.1:10809`"
            )
        })
    }
}

/// The settings of one volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeSettings {
    /// How far back every moment can be seen.
    pub retention: Duration,
    /// History younger than this is never dropped.
    pub retention_floor: Duration,
    /// Most bytes on disk.
    pub budget_bytes: Option<u64>,
    /// Memory for the map.
    pub map_cache_bytes: u64,
    /// Size of one file of the log.
    pub segment_bytes: u64,
    /// Age at which history is compressed.
    pub compress_after: Duration,
    /// zstd level.
    pub compression_level: i32,
    /// Age at which blocks that lie apart are brought together.
    pub defragment_after: Duration,
    /// How much may be stored once more to bring together what lies apart, in per cent of what clients write.
    pub defragment_percent: u32,
    /// Bytes of background work in a second.
    pub background_io_bytes: u64,
    /// Whether the disk is watched for encryption.
    pub guard: bool,
    /// What happens to writes once encryption was recognised.
    pub fence: Fence,
    /// Whether the schedule's drills are run on a fork of it.
    pub drill: bool,
}

impl Default for VolumeSettings {
    fn default() -> Self {
        Self {
            retention: Duration::from_secs(7 * 86_400),
            retention_floor: Duration::from_secs(86_400),
            budget_bytes: None,
            map_cache_bytes: 64 << 20,
            segment_bytes: 64 << 20,
            compress_after: Duration::from_secs(3_600),
            compression_level: 3,
            defragment_after: Duration::from_secs(3_600),
            defragment_percent: 50,
            background_io_bytes: 64 << 20,
            guard: true,
            fence: Fence::Divert,
            drill: true,
        }
    }
}

/// A configuration that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where to listen.
    pub listen: Vec<Listen>,
    /// Permissions of the unix sockets.
    pub socket_mode: u32,
    /// Connections at the same time.
    pub max_clients: u32,
    /// TLS, unless it is off.
    pub tls: Option<Tls>,
    /// What all guards share.
    pub guard: GuardSettings,
    /// When drills are run, and what they may cost.
    pub drill: DrillSettings,
    /// The breach monitor.
    pub exposure: ExposureSettings,
    /// The web pages and the API.
    pub console: ConsoleSettings,
    /// Who is told of alerts and incidents, and how.
    pub notices: NoticesSettings,
    /// What drafts and the paper pack need to know.
    pub incident_file: IncidentFileSettings,
    /// Where policies are, and what they may send and run.
    pub respond: RespondSettings,
    /// Which logs are followed, and by which rules.
    pub threat: ThreatSettings,
    defaults: VolumeSettings,
    volumes: BTreeMap<String, VolumeSettings>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![Listen::Unix("nbd.sock".into())],
            socket_mode: 0o600,
            max_clients: 256,
            tls: None,
            guard: GuardSettings::default(),
            drill: DrillSettings::default(),
            exposure: ExposureSettings::default(),
            console: ConsoleSettings::default(),
            notices: NoticesSettings::default(),
            incident_file: IncidentFileSettings::default(),
            respond: RespondSettings::default(),
            threat: ThreatSettings::default(),
            defaults: VolumeSettings::default(),
            volumes: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Reads and checks a file.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::new(FailureCode::Config, format!("can't read `{}`: {error}", path.display())))?;
        Self::resolve(&ConfigFile::parse(&text, path)?)
            .map_err(|message| Failure::new(FailureCode::Config, format!("`{}`: {message}", path.display())).hint(HINT))
    }

    /// Fills in the defaults and checks values against each other.
    pub fn resolve(file: &ConfigFile) -> Result<Self, String> {
        let ours = Self::default();
        let listen = match &file.server.listen {
            Some(places) => places
                .iter()
                .map(|place| Listen::parse(place))
                .collect::<Result<_, _>>()?,
            None => ours.listen,
        };
        let max_clients = file.server.max_clients.unwrap_or(ours.max_clients);
        if max_clients == 0 {
            return Err("[server] max_clients: `0` would refuse every client".to_owned());
        }
        let defaults = volume_settings("[defaults]", &file.defaults, &ours.defaults)?;
        let mut volumes = BTreeMap::new();
        for (name, table) in &file.volume {
            if !is_name(name) {
                return Err(format!("[volume.{name}]: `{name}` can't be a volume's name"));
            }
            volumes.insert(
                name.clone(),
                volume_settings(&format!("[volume.{name}]"), table, &defaults)?,
            );
        }
        Ok(Self {
            listen,
            socket_mode: file.server.socket_mode.map_or(ours.socket_mode, |mode| mode.0),
            max_clients,
            tls: resolve_tls(file.server.tls.as_ref())?,
            guard: guard_table::resolve(&file.guard)?,
            drill: drill_table::resolve(&file.drill)?,
            exposure: exposure_table::resolve(&file.exposure)?,
            console: console_table::resolve(&file.console)?,
            notices: notices_table::resolve_file(file).map_err(|(_, message)| message)?,
            incident_file: incident_file_table::resolve(&file.incident_file)?,
            respond: respond_table::resolve(&file.respond)?,
            threat: threat_table::resolve(&file.threat, &file.rules)?,
            defaults,
            volumes,
        })
    }

    /// The settings of a volume.
    #[must_use]
    pub fn volume(&self, name: &str) -> &VolumeSettings {
        self.volumes.get(name).unwrap_or(&self.defaults)
    }

    /// Gives a volume other settings.
    pub fn set_volume(&mut self, name: &str, settings: VolumeSettings) {
        self.volumes.insert(name.to_owned(), settings);
    }

    /// The volumes that have a table of their own.
    pub fn volumes_named(&self) -> impl Iterator<Item = &str> {
        self.volumes.keys().map(String::as_str)
    }
}

fn resolve_tls(tls: Option<&Tls>) -> Result<Option<Tls>, String> {
    let Some(tls) = tls.filter(|tls| tls.mode != TlsMode::Off) else {
        return Ok(None);
    };
    if tls.certificate.is_none() || tls.key.is_none() {
        return Err("[server.tls]: `certificate` and `key` are needed unless `mode` is \"off\"".to_owned());
    }
    Ok(Some(tls.clone()))
}

/// Lays a table over what it inherits, and checks the result.
fn volume_settings(place: &str, table: &VolumeTable, base: &VolumeSettings) -> Result<VolumeSettings, String> {
    let settings = VolumeSettings {
        retention: table.retention.map_or(base.retention, |span| span.0),
        retention_floor: table.retention_floor.map_or(base.retention_floor, |span| span.0),
        budget_bytes: table.budget.map_or(base.budget_bytes, |budget| budget.0),
        map_cache_bytes: table.map_cache.map_or(base.map_cache_bytes, |size| size.0),
        segment_bytes: table.segment_size.map_or(base.segment_bytes, |size| size.0),
        compress_after: table.compress_after.map_or(base.compress_after, |span| span.0),
        compression_level: table.compression_level.unwrap_or(base.compression_level),
        defragment_after: table.defragment_after.map_or(base.defragment_after, |span| span.0),
        defragment_percent: table.defragment.unwrap_or(base.defragment_percent),
        background_io_bytes: table.background_io.map_or(base.background_io_bytes, |size| size.0),
        guard: table.guard.unwrap_or(base.guard),
        fence: table.fence.unwrap_or(base.fence),
        drill: table.drill.unwrap_or(base.drill),
    };
    check(&settings).map_err(|message| format!("{place} {message}"))?;
    Ok(settings)
}

fn check(settings: &VolumeSettings) -> Result<(), String> {
    if settings.retention_floor > settings.retention {
        return Err(format!(
            "retention_floor: `{}` is longer than the retention of `{}`",
            format_span(settings.retention_floor),
            format_span(settings.retention)
        ));
    }
    within("map_cache", settings.map_cache_bytes, 1 << 20, 1 << 40)?;
    within("background_io", settings.background_io_bytes, 1 << 20, 1 << 40)?;
    within("segment_size", settings.segment_bytes, 1 << 20, 256 << 20)?;
    if let Some(budget_bytes) = settings.budget_bytes {
        within("budget", budget_bytes, 16 << 20, 1 << 60)?;
    }
    if !(1..=19).contains(&settings.compression_level) {
        return Err(format!(
            "compression_level: `{}` is not within 1 to 19",
            settings.compression_level
        ));
    }
    if settings.defragment_percent > 100 {
        return Err(format!(
            "defragment: `{}` is not within 0 to 100 (per cent of what is written; 0 moves nothing)",
            settings.defragment_percent
        ));
    }
    Ok(())
}

fn within(key: &str, bytes: u64, least: u64, most: u64) -> Result<(), String> {
    if (least..=most).contains(&bytes) {
        return Ok(());
    }
    Err(format!(
        "{key}: `{}` is not within {} to {}",
        format_size(bytes),
        format_size(least),
        format_size(most)
    ))
}

#[cfg(test)]
mod tests {
    use super::super::DEFAULT_TEXT;
    use super::*;

    fn resolve(text: &str) -> Result<Config, String> {
        Config::resolve(&ConfigFile::parse(text, Path::new("h.toml")).unwrap())
    }

    #[test]
    fn the_shipped_file_as_it_is_means_the_defaults() {
        assert_eq!(resolve(DEFAULT_TEXT), Ok(Config::default()));
    }

    #[test]
    fn the_shipped_file_shows_the_true_defaults() {
        let no_defaults = [
            "certificate =",
            "key =",
            "webhook",
            "model",
            "at =",
            "public_url",
            "resolver",
            "policies",
            "hosts",
            // Chosen, even if it is the one that would be taken: then it must be free.
            "listen = \"127.0.0.1:8480\"",
            "jurisdictions_folder",
            "templates_folder",
        ];
        let mut text = String::new();
        // A table that isn't there unless it is wanted is an example as a whole.
        let mut of_example = false;
        for line in DEFAULT_TEXT.lines().take_while(|line| !line.starts_with("#[volume.")) {
            of_example = (of_example && !line.is_empty()) || line.starts_with("#[");
            let setting = line
                .strip_prefix('#')
                .filter(|rest| !of_example && !rest.starts_with(' ') && !rest.is_empty());
            if let Some(setting) = setting.filter(|setting| !no_defaults.iter().any(|word| setting.starts_with(word))) {
                assert!(setting.contains(" = "), "{setting}");
                text.push_str(setting);
            } else if line.starts_with('[') {
                text.push_str(line);
            }
            text.push('\n');
        }
        assert_eq!(text.matches(" = ").count(), 28, "{text}");
        assert_eq!(resolve(&text), Ok(Config::default()));
    }

    #[test]
    fn the_examples_of_the_shipped_file_are_usable() {
        let text: String = DEFAULT_TEXT
            .lines()
            .map(|line| {
                line.strip_prefix('#')
                    .filter(|rest| !rest.starts_with(' '))
                    .unwrap_or(line)
                    .to_owned()
                    + "\n"
            })
            .collect();
        let config = resolve(&text).unwrap();
        assert_eq!(config.volume("disk").retention, Duration::from_secs(30 * 86_400));
        assert_eq!(config.volume("disk").budget_bytes, Some(500 << 30));
        assert_eq!(config.volume("other").retention, Duration::from_secs(7 * 86_400));
        assert_eq!(config.volume("disk").fence, Fence::Refuse);
        assert_eq!(config.tls.unwrap().mode, TlsMode::Require);
        assert!(config.guard.webhook.unwrap().secret_file.is_some());
        assert!(
            config
                .guard
                .model
                .unwrap()
                .signature_file()
                .ends_with("sentinel.model.minisig")
        );
    }

    #[test]
    fn a_volume_inherits_what_it_does_not_say() {
        let config = resolve("[defaults]\nretention = \"3d\"\n[volume.a]\ncompression_level = 9\n").unwrap();
        assert_eq!(config.volume("a").retention, Duration::from_secs(3 * 86_400));
        assert_eq!(config.volume("a").compression_level, 9);
        assert_eq!(config.volume("b").compression_level, 3);
        assert_eq!(config.volumes_named().collect::<Vec<_>>(), ["a"]);
        let config = resolve("[defaults]\nfence = \"pause\"\n[volume.a]\nguard = false\n").unwrap();
        assert_eq!(
            (config.volume("a").guard, config.volume("a").fence),
            (false, Fence::Pause)
        );
        assert!(config.volume("b").guard);
    }

    #[test]
    fn values_that_contradict_are_refused() {
        for (text, expected) in [
            (
                "[volume.a]\nretention = \"1h\"",
                "[volume.a] retention_floor: `1 d` is longer than the retention of `1 h`",
            ),
            (
                "[defaults]\nmap_cache = \"1K\"",
                "[defaults] map_cache: `1 KiB` is not within 1 MiB to 1 TiB",
            ),
            (
                "[defaults]\ncompression_level = 40",
                "[defaults] compression_level: `40` is not within 1 to 19",
            ),
            (
                "[defaults]\ndefragment = 101",
                "[defaults] defragment: `101` is not within 0 to 100 (per cent of what is written; 0 moves nothing)",
            ),
            (
                "[server]\nmax_clients = 0",
                "[server] max_clients: `0` would refuse every client",
            ),
            (
                "[server.tls]\nmode = \"allow\"",
                "[server.tls]: `certificate` and `key` are needed unless `mode` is \"off\"",
            ),
            (
                "[guard]\nwebhook = \"alerts.example.org\"",
                "[guard] webhook: `alerts.example.org` is no address of a web server; write it like \
                 `https://alerts.example.org/holdfast`",
            ),
            (
                "[guard]\nwebhook_secret_file = \"/x\"",
                "[guard]: `webhook_secret_file` signs nothing without `webhook`",
            ),
            (
                "[guard]\nmodel = \"/x\"",
                "[guard]: `model` and `model_key` are needed together",
            ),
            (
                "[guard]\nreads_kept = \"512K\"",
                "[guard] reads_kept: `512 KiB` is too little to tell anything; give 1 MiB or more, or 0 to keep nothing",
            ),
            ("[volume.\"a/b\"]", "[volume.a/b]: `a/b` can't be a volume's name"),
        ] {
            assert_eq!(resolve(text).unwrap_err(), expected);
        }
        assert!(
            resolve("[server]\nlisten = [\"localhost\"]")
                .unwrap_err()
                .starts_with("`localhost` is no place")
        );
    }

    #[test]
    fn how_much_is_kept_of_what_clients_read_can_be_chosen() {
        let kept = |text: &str| resolve(text).unwrap().guard.reads_kept_bytes;
        assert_eq!(kept(""), 64 << 20);
        assert_eq!(kept("[guard]\nreads_kept = \"1GiB\""), 1 << 30);
        assert_eq!(kept("[guard]\nreads_kept = \"0\""), 0);
    }

    #[test]
    fn places_to_listen_are_read() {
        assert_eq!(Listen::parse("unix:/run/x"), Ok(Listen::Unix("/run/x".into())));
        assert_eq!(
            Listen::parse("127.0.0.1:10809"),
            Ok(Listen::Tcp("127.0.0.1:10809".parse().unwrap()))
        );
        assert_eq!(
            Listen::parse("tcp:[::1]:1"),
            Ok(Listen::Tcp("[::1]:1".parse().unwrap()))
        );
        assert!(Listen::parse("unix:").is_err());
    }
}
