//! Where and how the console answers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::limits::Limits;
use crate::own_certificate::OwnCertificate;

/// The settings of a console.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens; `None` where only the control socket is answered.
    pub listen: Option<SocketAddr>,
    /// The address that browsers use, like `https://holdfast.example.com`, without a slash at its end. Passkeys are bound to its
    /// host.
    pub public_url: String,
    /// Other names and addresses, beside the public one and loopback, that a request's `Host` may have.
    pub hosts: Vec<String>,
    /// The certificate; plain HTTP if there is none, which is for loopback only.
    pub certificate: Option<CertificateFiles>,
    /// What makes that certificate anew before it ends, and the names in it, where it is one of one's own.
    pub own_certificate: Option<(OwnCertificate, Vec<String>)>,
    /// Sign-in by another service.
    pub oidc: Option<OidcSettings>,
    /// A session ends when nothing was asked for so long.
    pub idle: Duration,
    /// A session ends after so long, whatever happens.
    pub lasting: Duration,
    /// How long ago somebody may have signed in to do what is dangerous.
    pub recent: Duration,
    /// Bounds.
    pub limits: Limits,
}

/// PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The server's certificate, then those between it and the root.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// `[console.oidc]`: an OpenID provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcSettings {
    /// The issuer, like `https://login.example.com/realms/main`.
    pub issuer: String,
    /// This console's name there.
    pub client_id: String,
    /// File with its secret there.
    pub client_secret_file: Option<PathBuf>,
    /// PEM file with the authority of the provider's certificate, if this machine doesn't trust it.
    pub authority: Option<PathBuf>,
    /// The claim that has somebody's groups.
    pub groups_claim: String,
    /// Roles of groups, the first that fits counts.
    pub roles: Vec<(String, respond::people::Role)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 8480))),
            public_url: "http://localhost:8480".to_owned(),
            hosts: Vec::new(),
            certificate: None,
            own_certificate: None,
            oidc: None,
            idle: Duration::from_secs(30 * 60),
            lasting: Duration::from_secs(12 * 3600),
            recent: Duration::from_secs(15 * 60),
            limits: Limits::default(),
        }
    }
}

impl Settings {
    /// Whether browsers reach it by TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// The public address's host without its port: what passkeys are bound to.
    #[must_use]
    pub fn host(&self) -> &str {
        host_of(self.authority())
    }

    /// The public address's host and port.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.public_url.split_once("://").map_or("", |(_, rest)| rest)
    }

    /// Whether a request may name this host: another name would be that of a website that was made to lead here.
    #[must_use]
    pub fn is_host(&self, named: &str) -> bool {
        let named = host_of(named);
        named.eq_ignore_ascii_case(self.host())
            || matches!(named, "localhost" | "127.0.0.1" | "[::1]")
            || self.hosts.iter().any(|host| named.eq_ignore_ascii_case(host))
    }
}

/// A host without its port.
fn host_of(authority: &str) -> &str {
    if authority.starts_with('[') {
        return authority
            .find(']')
            .and_then(|end| authority.get(..=end))
            .unwrap_or(authority);
    }
    authority.split(':').next().unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_hosts_may_be_named() {
        let settings = Settings {
            public_url: "https://hold.example.com:8443".to_owned(),
            hosts: vec!["10.0.0.7".to_owned()],
            ..Settings::default()
        };
        assert_eq!(settings.host(), "hold.example.com");
        for host in [
            "hold.example.com:8443",
            "HOLD.example.com",
            "10.0.0.7:8480",
            "[::1]:8480",
            "localhost",
        ] {
            assert!(settings.is_host(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "hold.example.com.evil.example",
            "10.0.0.70",
            "[::2]",
        ] {
            assert!(!settings.is_host(host), "{host}");
        }
    }
}
