//! `[threat]`: which logs are followed, by which rules, and whose disks are here.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use threat::rules::Choices;

use crate::names::is_name;

/// Paths of one kind, at most.
const PATHS_MAX: usize = 256;
/// Databases of addresses, each of which is held in memory.
const DATABASES_MAX: usize = 8;

/// `[threat]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ThreatTable {
    /// Files and folders that are followed.
    pub follow: Vec<PathBuf>,
    /// Whether what lies there at the first start is read, too.
    pub from_beginning: Option<bool>,
    /// Where syslog is taken, by UDP and TCP.
    pub syslog: Option<SocketAddr>,
    /// Where syslog is taken by TLS.
    pub syslog_tls: Option<SyslogTlsTable>,
    /// Where logs are taken by HTTP.
    pub http: Option<HttpTable>,
    /// Files and folders with Sigma rules.
    pub rules: Vec<PathBuf>,
    /// Whether Holdfast's own rules are used.
    pub own_rules: Option<bool>,
    /// A CSV file with people and machines.
    pub entities: Option<PathBuf>,
    /// Files in MaxMind's format with places and networks of addresses.
    pub geo: OneOrMore,
    /// A machine's name, and the volumes that are its disks.
    pub machines: BTreeMap<String, Vec<String>>,
}

/// A path, or several in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore {
    /// A path.
    One(PathBuf),
    /// Several.
    More(Vec<PathBuf>),
}

impl Default for OneOrMore {
    fn default() -> Self {
        Self::More(Vec::new())
    }
}

impl OneOrMore {
    fn all(&self) -> &[PathBuf] {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::More(paths) => paths,
        }
    }
}

/// `[threat.syslog_tls]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogTlsTable {
    /// Where to listen.
    pub listen: SocketAddr,
    /// PEM file with the certificate and its chain.
    pub certificate: PathBuf,
    /// PEM file with its key.
    pub key: PathBuf,
    /// PEM file with the authority that signs senders' certificates; without it any sender is heard.
    pub client_ca: Option<PathBuf>,
}

/// `[threat.http]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpTable {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The file of tokens; in the data folder if none is named.
    pub tokens: Option<PathBuf>,
    /// PEM file with the certificate and its chain.
    pub certificate: Option<PathBuf>,
    /// PEM file with its key.
    pub key: Option<PathBuf>,
}

/// What `[threat.http]` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The file of tokens; in the data folder if none is named.
    pub tokens: Option<PathBuf>,
    /// Certificate and key; without them only this machine may ask.
    pub certificate_and_key: Option<(PathBuf, PathBuf)>,
}

/// What `[threat]` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreatSettings {
    /// Files and folders that are followed.
    pub follow: Vec<PathBuf>,
    /// Whether what lies there at the first start is read, too.
    pub from_beginning: bool,
    /// Where syslog is taken, by UDP and TCP.
    pub syslog: Option<SocketAddr>,
    /// Where syslog is taken by TLS.
    pub syslog_tls: Option<SyslogTlsTable>,
    /// Where logs are taken by HTTP.
    pub http: Option<HttpSettings>,
    /// Files and folders with Sigma rules.
    pub rules: Vec<PathBuf>,
    /// Whether Holdfast's own rules are used.
    pub own_rules: bool,
    /// A CSV file with people and machines.
    pub entities: Option<PathBuf>,
    /// Files in MaxMind's format with places and networks of addresses, the preferred one first.
    pub geo: Vec<PathBuf>,
    /// Machines' names in lower case, and the volumes that are their disks.
    pub machines: BTreeMap<String, Vec<String>>,
    /// Which rules are on, and where they are excepted.
    pub choices: Choices,
}

impl Default for ThreatSettings {
    fn default() -> Self {
        Self {
            follow: Vec::new(),
            from_beginning: false,
            syslog: None,
            syslog_tls: None,
            http: None,
            rules: Vec::new(),
            own_rules: true,
            entities: None,
            geo: Vec::new(),
            machines: BTreeMap::new(),
            choices: Choices::default(),
        }
    }
}

impl ThreatSettings {
    /// Whether there is any log to be read.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.follow.is_empty() || self.syslog.is_some() || self.syslog_tls.is_some() || self.http.is_some()
    }
}

/// Checks `[threat]` and `[rules]`.
pub(super) fn resolve(table: &ThreatTable, choices: &Choices) -> Result<ThreatSettings, String> {
    paths("follow", &table.follow)?;
    paths("rules", &table.rules)?;
    if let Some(entities) = &table.entities {
        whole("entities", entities)?;
    }
    paths("geo", table.geo.all())?;
    if table.geo.all().len() > DATABASES_MAX {
        return Err(format!(
            "[threat] geo: more than {DATABASES_MAX}; one with places and one with networks are enough"
        ));
    }
    let mut machines = BTreeMap::new();
    for (machine, volumes) in &table.machines {
        if let Some(wrong) = volumes.iter().find(|volume| !is_name(volume)) {
            return Err(format!(
                "[threat.machines] {machine}: `{wrong}` can't be a volume's name"
            ));
        }
        if machines.insert(machine.to_lowercase(), volumes.clone()).is_some() {
            return Err(format!(
                "[threat.machines] `{machine}` is there twice, if capitals don't count"
            ));
        }
    }
    let own_rules = table.own_rules.unwrap_or(true);
    let settings = ThreatSettings {
        follow: table.follow.clone(),
        from_beginning: table.from_beginning.unwrap_or(false),
        syslog: table.syslog,
        syslog_tls: table.syslog_tls.clone(),
        http: table.http.as_ref().map(http).transpose()?,
        rules: table.rules.clone(),
        own_rules,
        entities: table.entities.clone(),
        geo: table.geo.all().to_vec(),
        machines,
        choices: choices.clone(),
    };
    if settings.is_on() && !own_rules && settings.rules.is_empty() {
        return Err("[threat]: logs are followed, but by no rule: name `rules`, or leave `own_rules` on".to_owned());
    }
    Ok(settings)
}

fn http(table: &HttpTable) -> Result<HttpSettings, String> {
    if let Some(tokens) = &table.tokens {
        whole("http.tokens", tokens)?;
    }
    let certificate_and_key = match (&table.certificate, &table.key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
        _ => return Err("[threat.http]: `certificate` and `key` are needed together".to_owned()),
    };
    if certificate_and_key.is_none() && !table.listen.ip().is_loopback() {
        return Err(format!(
            "[threat.http] listen: without TLS only this machine may send logs, and `{}` isn't loopback; name `certificate` and `key`",
            table.listen
        ));
    }
    Ok(HttpSettings {
        listen: table.listen,
        tokens: table.tokens.clone(),
        certificate_and_key,
    })
}

fn paths(key: &str, paths: &[PathBuf]) -> Result<(), String> {
    if paths.len() > PATHS_MAX {
        return Err(format!(
            "[threat] {key}: more than {PATHS_MAX}; name folders instead of files"
        ));
    }
    paths.iter().try_for_each(|path| whole(key, path))
}

fn whole(key: &str, path: &Path) -> Result<(), String> {
    if path.is_absolute() {
        return Ok(());
    }
    Err(format!(
        "[threat] {key}: `{}` is no whole path; write it from `/` on",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> Result<ThreatSettings, String> {
        resolve(&toml::from_str(text).unwrap(), &Choices::default())
    }

    #[test]
    fn nothing_is_followed_unless_it_is_named() {
        assert!(!resolved("").unwrap().is_on());
        assert!(resolved("syslog = '127.0.0.1:5514'").unwrap().is_on());
        assert!(resolved("follow = ['/var/log/remote']").unwrap().is_on());
        assert!(resolved("http = { listen = '[::1]:8088' }").unwrap().is_on());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, expected) in [
            ("follow = ['var/log']", "no whole path"),
            ("follow = ['/var/log']\nown_rules = false", "by no rule"),
            ("[http]\nlisten = '0.0.0.0:8088'", "isn't loopback"),
            ("[http]\nlisten = '127.0.0.1:8088'\nkey = '/k'", "are needed together"),
            ("[http]\nlisten = '127.0.0.1:8088'\ntokens = 'k'", "no whole path"),
            ("geo = 'City.mmdb'", "[threat] geo: `City.mmdb` is no whole path"),
            ("geo = ['/a','/b','/c','/d','/e','/f','/g','/h','/i']", "more than 8"),
            ("[machines]\nfs01 = ['../x']", "can't be a volume's name"),
            ("[machines]\nfs01 = []\nFS01 = []", "is there twice"),
        ] {
            let message = resolved(text).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn one_database_of_addresses_needs_no_brackets() {
        assert_eq!(
            resolved("geo = '/a'").unwrap().geo,
            resolved("geo = ['/a']").unwrap().geo
        );
        assert_eq!(resolved("geo = ['/a', '/b']").unwrap().geo.len(), 2);
        assert!(resolved("").unwrap().geo.is_empty());
    }

    #[test]
    fn machines_are_known_whatever_their_capitals() {
        let settings = resolved("[machines]\nFS01 = ['files', 'mail']").unwrap();
        assert_eq!(settings.machines["fs01"], ["files", "mail"]);
    }
}
