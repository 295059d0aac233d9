//! What `[console]` means: where the web pages and the API are answered, and how people sign in.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use respond::people::Role;
use serde::Deserialize;

use super::values::SpanValue;
use crate::span::format_span;

/// Where it listens if nobody says.
const LISTEN: ([u8; 4], u16) = ([127, 0, 0, 1], 8480);
/// The shortest and the longest that a session may last.
const SESSION: std::ops::RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(30 * 86_400);

/// `[console]`: the web pages and the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsoleTable {
    /// Whether it is answered over a network.
    pub enabled: Option<bool>,
    /// Where, like `127.0.0.1:8480`.
    pub listen: Option<String>,
    /// The address that browsers use, like `https://holdfast.example.com`.
    pub public_url: Option<String>,
    /// Other names and addresses that it is asked by.
    pub hosts: Vec<String>,
    /// Whether TLS is used on loopback, too.
    pub tls: Option<bool>,
    /// PEM file with the server's certificate and its chain.
    pub certificate: Option<PathBuf>,
    /// PEM file with the certificate's key.
    pub key: Option<PathBuf>,
    /// How long a session lasts without anything being asked.
    pub idle: Option<SpanValue>,
    /// How long a session lasts at most.
    pub session: Option<SpanValue>,
    /// `[console.oidc]`
    pub oidc: Option<OidcTable>,
}

/// `[console.oidc]`: sign-in by another service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcTable {
    /// The issuer, like `https://login.example.com/realms/main`.
    pub issuer: String,
    /// The console's name there.
    pub client_id: String,
    /// File with its secret there.
    pub client_secret_file: Option<PathBuf>,
    /// PEM file with the authority of the provider's certificate.
    pub authority: Option<PathBuf>,
    /// The claim that has somebody's groups.
    pub groups_claim: Option<String>,
    /// Groups of each role, by the role's name.
    pub roles: std::collections::BTreeMap<String, Vec<String>>,
}

/// The web pages and the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleSettings {
    /// Whether they are answered over a network; over the control socket they always are.
    pub is_enabled: bool,
    /// Where.
    pub listen: SocketAddr,
    /// Whether somebody chose that.
    pub is_listen_chosen: bool,
    /// The address that browsers use; made of `listen` if `None`.
    pub public_url: Option<String>,
    /// Other names and addresses.
    pub hosts: Vec<String>,
    /// Whether TLS is used.
    pub is_tls: bool,
    /// The certificate and its key; one of one's own if `None`.
    pub certificate_and_key: Option<(PathBuf, PathBuf)>,
    /// How long a session lasts without anything being asked.
    pub idle: Duration,
    /// How long a session lasts at most.
    pub session: Duration,
    /// Sign-in by another service.
    pub oidc: Option<console::OidcSettings>,
}

impl Default for ConsoleSettings {
    fn default() -> Self {
        let console = console::Settings::default();
        Self {
            is_enabled: true,
            listen: LISTEN.into(),
            is_listen_chosen: false,
            public_url: None,
            hosts: Vec::new(),
            is_tls: false,
            certificate_and_key: None,
            idle: console.idle,
            session: console.lasting,
            oidc: None,
        }
    }
}

impl ConsoleSettings {
    /// The address that browsers use, given where it listens.
    #[must_use]
    pub fn address(&self, listening: SocketAddr) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        let scheme = if self.is_tls { "https" } else { "http" };
        // Browsers take passkeys for a name only, and treat this one as secure.
        if listening.ip().is_loopback() {
            return format!("{scheme}://localhost:{}", listening.port());
        }
        format!("{scheme}://{listening}")
    }
}

/// Checks `[console]`.
pub(super) fn resolve(table: &ConsoleTable) -> Result<ConsoleSettings, String> {
    let ours = ConsoleSettings::default();
    let listen = match &table.listen {
        Some(text) => text.parse().map_err(|_| {
            format!("[console] listen: `{text}` is no address with a port; write it like `127.0.0.1:8480`")
        })?,
        None => ours.listen,
    };
    let certificate_and_key = match (&table.certificate, &table.key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
        _ => return Err("[console]: `certificate` and `key` are needed together".to_owned()),
    };
    let is_loopback = listen.ip().is_loopback();
    let is_tls = table.tls.unwrap_or(!is_loopback || certificate_and_key.is_some());
    if !is_tls && !is_loopback {
        return Err(format!(
            "[console] tls: without TLS only this machine may ask, and `{listen}` isn't loopback; leave `tls` out"
        ));
    }
    let idle = span("idle", table.idle, ours.idle)?;
    let session = span("session", table.session, ours.session)?;
    Ok(ConsoleSettings {
        is_enabled: table.enabled.unwrap_or(true),
        listen,
        is_listen_chosen: table.listen.is_some(),
        public_url: table.public_url.as_deref().map(public_url).transpose()?,
        hosts: table.hosts.clone(),
        is_tls,
        certificate_and_key,
        idle,
        session,
        oidc: table.oidc.as_ref().map(oidc).transpose()?,
    })
}

fn span(key: &str, value: Option<SpanValue>, default: Duration) -> Result<Duration, String> {
    let span = value.map_or(default, |value| value.0);
    if SESSION.contains(&span) {
        return Ok(span);
    }
    Err(format!(
        "[console] {key}: `{}` is not within `{}` and `{}`",
        format_span(span),
        format_span(*SESSION.start()),
        format_span(*SESSION.end())
    ))
}

/// An address with a name and nothing behind it.
fn public_url(url: &str) -> Result<String, String> {
    let url = url.trim_end_matches('/');
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_plain = |host: &str| {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.:[]".contains(&byte);
        !host.is_empty() && host.bytes().all(is_plain)
    };
    if rest.is_some_and(is_plain) {
        return Ok(url.to_owned());
    }
    Err(format!(
        "[console] public_url: `{url}` is no address of a website in small letters without a path, like \
         `https://holdfast.example.com`"
    ))
}

fn oidc(table: &OidcTable) -> Result<console::OidcSettings, String> {
    let issuer = table.issuer.trim_end_matches('/');
    let is_local = ["http://127.0.0.1", "http://localhost", "http://[::1]"]
        .iter()
        .any(|start| issuer.starts_with(start));
    if !issuer.starts_with("https://") && !is_local {
        return Err(format!("[console.oidc] issuer: `{issuer}` must begin with `https://`"));
    }
    let mut roles = Vec::new();
    for (name, groups) in &table.roles {
        let role: Role = name.parse().map_err(|()| {
            format!("[console.oidc.roles]: `{name}` is no role; there are viewer, operator, admin and auditor")
        })?;
        roles.extend(groups.iter().map(|group| (group.clone(), role)));
    }
    if roles.is_empty() {
        return Err("[console.oidc]: `roles` must give a group to one role at least, or nobody may come in".to_owned());
    }
    // Who is in several groups may do the most.
    roles.sort_by_key(|(_, role)| std::cmp::Reverse(rank(*role)));
    Ok(console::OidcSettings {
        issuer: issuer.to_owned(),
        client_id: table.client_id.clone(),
        client_secret_file: table.client_secret_file.clone(),
        authority: table.authority.clone(),
        groups_claim: table.groups_claim.clone().unwrap_or_else(|| "groups".to_owned()),
        roles,
    })
}

const fn rank(role: Role) -> u8 {
    match role {
        Role::Viewer => 0,
        Role::Auditor => 1,
        Role::Operator => 2,
        Role::Admin => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConsoleSettings, String> {
        resolve(&toml::from_str(text).unwrap())
    }

    #[test]
    fn by_default_this_machine_alone_may_ask() {
        let settings = parse("").unwrap();
        assert_eq!(settings, ConsoleSettings::default());
        assert_eq!(settings.address(settings.listen), "http://localhost:8480");
    }

    #[test]
    fn other_machines_must_use_tls() {
        assert!(parse("listen = \"0.0.0.0:8480\"").unwrap().is_tls);
        assert!(parse("listen = \"0.0.0.0:8480\"\ntls = false").is_err());
        assert!(parse("tls = true").unwrap().is_tls);
        assert!(parse("certificate = \"c.pem\"").is_err());
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (text, expected) in [
            ("listen = \"8480\"", "`8480` is no address with a port"),
            ("public_url = \"https://a.example/x\"", "without a path"),
            ("public_url = \"holdfast\"", "without a path"),
            ("idle = \"1s\"", "is not within"),
            (
                "[oidc]\nissuer = \"http://a.example\"\nclient_id = \"h\"\nroles = { admin = [\"a\"] }",
                "must begin with `https://`",
            ),
            (
                "[oidc]\nissuer = \"https://a.example\"\nclient_id = \"h\"\nroles = { root = [\"a\"] }",
                "`root` is no role",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
