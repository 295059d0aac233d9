//! Where records come from: logs that are followed, and listeners.

use std::path::Path;

use logs::follow::{Follower, Start};
use logs::listen::Listener;
use logs::listen::http::{Http, Tokens};
use nbd::TlsIdentity;

use super::memory::FOLDER;
use crate::config::{HttpSettings, ThreatSettings};
use crate::failure::{Failure, FailureCode};
use crate::log::{Level, Log};

pub(super) fn follower(folder: &Path, settings: &ThreatSettings) -> Result<Option<Follower>, Failure> {
    if settings.follow.is_empty() {
        return Ok(None);
    }
    let mut wanted = logs::follow::Settings::new(settings.follow.clone(), folder.join("followed"));
    if !settings.from_beginning {
        wanted.start = Start::End;
    }
    Follower::open(wanted).map(Some).map_err(|error| failed(&error))
}

pub(super) fn listener(data: &Path, settings: &ThreatSettings) -> Result<Option<Listener>, Failure> {
    if settings.syslog.is_none() && settings.syslog_tls.is_none() && settings.http.is_none() {
        return Ok(None);
    }
    let tls = settings.syslog_tls.as_ref().map(|tls| {
        TlsIdentity::load(&tls.certificate, &tls.key, tls.client_ca.as_deref())
            .map(|identity| (tls.listen, identity.config()))
    });
    let wanted = logs::listen::Settings {
        udp: settings.syslog,
        tcp: settings.syslog,
        tls: tls.transpose().map_err(|error| failed(&error))?,
        http: settings.http.as_ref().map(|http| posted(data, http)).transpose()?,
        ..logs::listen::Settings::default()
    };
    Listener::start(wanted).map(Some).map_err(|error| failed(&error))
}

fn posted(data: &Path, settings: &HttpSettings) -> Result<Http, Failure> {
    let tls = settings
        .certificate_and_key
        .as_ref()
        .map(|(certificate, key)| TlsIdentity::load(certificate, key, None).map(|identity| identity.config()))
        .transpose();
    Ok(Http {
        address: settings.listen,
        tls: tls.map_err(|error| failed(&error))?,
        tokens: tokens_file(data, settings),
    })
}

/// The file of tokens: what the configuration names, or one in the data folder.
#[must_use]
pub fn tokens_file(data: &Path, settings: &HttpSettings) -> std::path::PathBuf {
    let ours = || data.join(FOLDER).join("tokens");
    settings.tokens.clone().unwrap_or_else(ours)
}

/// Says where it is listened.
pub(super) fn say_where(listener: &Listener, settings: &ThreatSettings, data: &Path, log: &Log) {
    let addresses = listener.addresses();
    let places = [("udp", addresses.udp), ("tcp", addresses.tcp), ("tls", addresses.tls)];
    for (way, address) in places {
        if let Some(address) = address {
            log.info("threat", format!("syslog is taken on {way}:{address}"));
        }
    }
    let (Some(address), Some(http)) = (addresses.http, &settings.http) else {
        return;
    };
    let scheme = if http.certificate_and_key.is_some() {
        "https"
    } else {
        "http"
    };
    log.info("threat", format!("logs can be posted to {scheme}://{address}/v1/logs"));
    let tokens = tokens_file(data, http);
    let message = match Tokens::read(&tokens) {
        Ok(known) if !known.is_empty() => return,
        Ok(_) => "nobody has a token to post logs with yet: `holdfast threat tokens add NAME` makes one".to_owned(),
        Err(error) => format!(
            "[threat.http] tokens: `{}` can't be used: {error}; until it can, nobody may post logs",
            tokens.display()
        ),
    };
    log.write(Level::Warning, "threat", message);
}

fn failed(error: &dyn std::error::Error) -> Failure {
    Failure::new(FailureCode::Failure, format!("[threat] {error}"))
}
