//! The certificate of the console: one that was given, or one of its own.

use std::net::SocketAddr;
use std::path::Path;

use console::{CertificateFiles, OwnCertificate};
use respond::Time;

use crate::config::ConsoleSettings;
use crate::failure::{Failure, FailureCode};

/// The folder of the console in the data folder.
const FOLDER: &str = "console";

/// The console's own certificate in a data folder.
pub fn own(data: &Path) -> OwnCertificate {
    OwnCertificate::new(&data.join(FOLDER))
}

/// The names that its own certificate has.
pub fn names(settings: &ConsoleSettings) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let host = settings
        .public_url
        .as_deref()
        .and_then(|url| url.split_once("://"))
        .map(|(_, rest)| rest);
    let host = host.map(|rest| match rest.parse::<SocketAddr>() {
        Ok(address) => address.ip().to_string(),
        Err(_) => rest.split(':').next().unwrap_or(rest).to_owned(),
    });
    names.extend(host);
    names.extend(settings.hosts.iter().cloned());
    if !settings.listen.ip().is_unspecified() {
        names.push(settings.listen.ip().to_string());
    }
    names.push(crate::webhook::host());
    names.retain(|name| !name.is_empty());
    names.sort();
    names.dedup();
    names
}

/// The files to be used; its own are made if they are missing.
pub(super) fn files(settings: &ConsoleSettings, data: &Path, now: Time) -> Result<Option<CertificateFiles>, Failure> {
    if !settings.is_tls {
        return Ok(None);
    }
    if let Some((certificate, key)) = settings.certificate_and_key.clone() {
        return Ok(Some(CertificateFiles { certificate, key }));
    }
    let own = own(data);
    own.prepare(&names(settings), now)
        .map_err(|error| Failure::new(FailureCode::Failure, error.to_string()))?;
    Ok(Some(own.files()))
}
