//! Requests to others' web servers: one client, with the authorities that this machine trusts, bounded in time.

use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::failure::{Failure, FailureCode};

/// A client for an address. `setting` is what needs it (`[guard] webhook`), for the failure. Statuses are answers, not errors.
pub(crate) fn agent(url: &str, setting: &str, patience: Duration, redirects: u32) -> Result<Agent, Failure> {
    agent_trusting(url, patience, redirects, || trusted(setting))
}

/// The same, trusting the authorities that `trusted` gives if it is `https`.
pub(crate) fn agent_trusting(
    url: &str,
    patience: Duration,
    redirects: u32,
    trusted: impl FnOnce() -> Result<RootCerts, Failure>,
) -> Result<Agent, Failure> {
    let mut tls =
        TlsConfig::builder().unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()));
    if url.starts_with("https://") {
        tls = tls.root_certs(trusted()?);
    }
    let config = Agent::config_builder()
        .tls_config(tls.build())
        .timeout_global(Some(patience))
        .max_redirects(redirects)
        // What begins with `https` doesn't lead to where others can change it.
        .https_only(url.starts_with("https://"))
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(config.new_agent())
}

/// The authorities that this machine trusts. Some that can't be read don't matter as long as there are others.
fn trusted(setting: &str) -> Result<RootCerts, Failure> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let why = found
            .errors
            .first()
            .map_or_else(String::new, |error| format!(": {error}"));
        return Err(Failure::new(
            FailureCode::Config,
            format!("{setting}: this machine trusts no authority for https{why}"),
        )
        .hint("install `ca-certificates`, or name a file with `SSL_CERT_FILE`"));
    }
    let certificates: Vec<_> = found
        .certs
        .iter()
        .map(|certificate| Certificate::from_der(certificate).to_owned())
        .collect();
    Ok(RootCerts::Specific(Arc::new(certificates)))
}
