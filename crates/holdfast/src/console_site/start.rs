//! Starting the console with the daemon.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use console::{Server, Settings};
use respond::people::{self, LinkFor, Secret};
use respond::{Actor, Desk, Time};

use super::certificate;
use super::site::ConsoleSite;
use crate::config::ConsoleSettings;
use crate::control::Hypertext;
use crate::desk;
use crate::failure::{Failure, FailureCode};
use crate::log::{Level, Log};

/// A console that answers.
pub struct Started {
    server: Server,
    /// The address that browsers use, if it listens.
    pub address: Option<String>,
    /// The link by which the first administrator sets up how they sign in, if there is nobody yet.
    pub link: Option<String>,
}

/// Begins to answer. A port that is taken is a failure only where somebody chose it: disks are served without pages, too.
///
/// # Errors
/// When the chosen address can't be listened on, or the certificate can't be used.
pub fn start(site: &Arc<ConsoleSite>, settings: &ConsoleSettings, log: &Log) -> Result<Arc<Started>, Failure> {
    let failed = |error: console::Error| {
        let code = if matches!(error, console::Error::Listen { .. }) {
            FailureCode::Refused
        } else {
            FailureCode::Config
        };
        Failure::new(code, error.to_string())
    };
    let now = desk::time(site.engine.now());
    let mut resolved = Settings {
        listen: settings.is_enabled.then_some(settings.listen),
        public_url: settings.address(settings.listen),
        hosts: settings.hosts.clone(),
        certificate: certificate::files(settings, site.engine.data(), now)?,
        own_certificate: (settings.is_tls && settings.certificate_and_key.is_none())
            .then(|| (certificate::own(site.engine.data()), certificate::names(settings))),
        oidc: settings.oidc.clone(),
        idle: settings.idle,
        lasting: settings.session,
        ..Settings::default()
    };
    if settings.listen.port() != 0 && !settings.listen.ip().is_loopback() {
        resolved.hosts.push(crate::webhook::host());
        resolved.hosts.push(settings.listen.ip().to_string());
    }
    let shared = || Arc::clone(site) as Arc<dyn console::Site>;
    let server = match console::serve(resolved.clone(), shared()) {
        Err(error @ console::Error::Listen { .. }) if !settings.is_listen_chosen => {
            let message = format!("{error}; disks are served without it, and `holdfast` commands work as before");
            log.write(Level::Warning, "console", message);
            resolved.listen = None;
            console::serve(resolved, shared()).map_err(failed)?
        }
        served => served.map_err(failed)?,
    };
    let address = server.address().map(|_| server.state().settings.public_url.clone());
    let link = match &address {
        Some(address) => first_link(&site.desk, now, address)?,
        None => None,
    };
    if let Some(address) = &address {
        let hint = if link.is_some() {
            "; nobody has an account yet: `holdfast console link` prints the way in"
        } else {
            ""
        };
        log.info("console", format!("answers at {address}{hint}"));
    }
    Ok(Arc::new(Started { server, address, link }))
}

impl Started {
    /// Reads the certificate again.
    pub fn reload(&self, log: &Log) {
        if let Err(error) = self.server.reload() {
            let message = format!("the certificate is left as it was: {error}");
            log.write(Level::Error, "console", message);
        }
    }

    /// Ends it. How many connections had to be cut off.
    pub fn stop(self: Arc<Self>, patience: Duration) -> usize {
        // Commands that are still answered hold it, too; the process ends with them.
        Arc::into_inner(self).map_or(0, |started| started.server.stop(patience))
    }
}

impl Hypertext for Started {
    fn adopt(&self, stream: UnixStream, who: Actor) -> std::io::Result<()> {
        self.server.adopt(stream, who).map_err(std::io::Error::other)
    }
}

impl std::fmt::Debug for Started {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Started")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// A link for the first administrator, unless there is an account.
fn first_link(desk: &Desk, now: Time, address: &str) -> Result<Option<String>, Failure> {
    let failed = |error: respond::Error| desk::failed(&error);
    if desk.read(people::has_accounts).map_err(failed)? {
        return Ok(None);
    }
    let random = random()?;
    let by = Actor::System("console".to_owned());
    let secret = desk
        .write(|w| people::make_link(w, now, &by, LinkFor::NewAdmin, None, random))
        .map_err(failed)?;
    Ok(Some(set_up_link(address, &secret)))
}

/// Random bytes for a secret.
pub fn random() -> Result<[u8; people::SECRET_BYTES], Failure> {
    use ring::rand::{SecureRandom, SystemRandom};
    let mut random = [0; people::SECRET_BYTES];
    SystemRandom::new().fill(&mut random).map_err(|_| {
        Failure::new(
            FailureCode::Failure,
            "the system has no random numbers to make a secret from",
        )
    })?;
    Ok(random)
}

/// The address of a set-up link.
#[must_use]
pub fn set_up_link(address: &str, secret: &Secret) -> String {
    format!("{address}/set-up/{}", secret.reveal())
}
