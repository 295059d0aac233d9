//! The files that `[server.tls]` names, read and checked: a configuration is usable only with them.

use nbd::{Tls, TlsIdentity};

use super::file::TlsMode;
use super::resolve::Config;
use crate::failure::{Failure, FailureCode};

/// TLS as the configuration wants it, with its certificates and key.
pub fn tls(config: &Config) -> Result<Tls, Failure> {
    let Some(settings) = &config.tls else {
        return Ok(Tls::Off);
    };
    let (Some(certificate), Some(key)) = (&settings.certificate, &settings.key) else {
        return Ok(Tls::Off);
    };
    let identity = TlsIdentity::load(certificate, key, settings.client_ca.as_deref()).map_err(|error| {
        Failure::new(FailureCode::Config, format!("[server.tls]: {error}"))
            .hint("`certificate`, `key` and `client_ca` are PEM files that the user of the daemon can read")
    })?;
    Ok(if settings.mode == TlsMode::Require {
        Tls::Required(identity)
    } else {
        Tls::Allowed(identity)
    })
}
