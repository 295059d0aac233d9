//! What `[exposure]` means: where the breach monitor answers, whom it asks and how it tells.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::Time;

use super::drill_table::time_of_day;
use super::file::{CallbackTable, ExposureTable, FeedsTable, MailTable, UpstreamTable};
use super::guard_table::WebhookSettings;
use super::web_address::{web_address, webhook};
use crate::span::format_span;

/// The fewest identities that `hidden_among` may ask for: with one there is nobody to hide among.
const HIDDEN_AMONG_LEAST: u64 = 2;
/// The shortest time between two readings of the feeds: their servers are others'.
const FEEDS_EVERY_LEAST: Duration = Duration::from_secs(300);
/// The port of mail submission (RFC 6409), with STARTTLS, and the one with TLS from the start (RFC 8314).
const PORT_SUBMISSION: u16 = 587;
const PORT_TLS: u16 = 465;
/// The port of mail between servers, which is what a server without encryption is asked at.
const PORT_PLAIN: u16 = 25;

/// The breach monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExposureSettings {
    /// Where the API is answered.
    pub listen: SocketAddr,
    /// The address under which others reach it, without a slash at its end.
    pub public_url: Option<String>,
    /// PEM files with the server's certificate and key, for `https`.
    pub certificate_and_key: Option<(PathBuf, PathBuf)>,
    /// The fewest identities that a private question hides among.
    pub hidden_among: u64,
    /// The DNS server that is asked for TXT records; the system's if `None`.
    pub resolver: Option<SocketAddr>,
    /// The server that takes mail.
    pub mail: Option<MailSettings>,
    /// Where notices are sent to as well.
    pub webhook: Option<WebhookSettings>,
    /// Who is called back about prefixes.
    pub callback: Option<CallbackSettings>,
    /// Another server with the same API.
    pub upstream: Option<UpstreamSettings>,
    /// Posts of leak sites.
    pub feeds: FeedsSettings,
}

impl Default for ExposureSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8471)),
            public_url: None,
            certificate_and_key: None,
            hidden_among: 400,
            resolver: None,
            mail: None,
            webhook: None,
            callback: None,
            upstream: None,
            feeds: FeedsSettings::default(),
        }
    }
}

/// How the connection to a mail server is kept from others' eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// TLS after a greeting in clear; without TLS nothing is sent.
    StartTls,
    /// TLS from the start.
    Tls,
    /// None: for a server on this machine.
    None,
}

/// The server that takes mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailSettings {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub encryption: Encryption,
    /// The user to log in as, and the file with the password.
    pub login: Option<(String, PathBuf)>,
    /// PEM file with the authority of the server's certificate, beside those that this machine trusts.
    pub authority: Option<PathBuf>,
    /// The sender: `Name <address>` or an address.
    pub from: String,
    /// The time of day, here, at which the digest is sent.
    pub digest_at: Time,
}

/// Who is called back about prefixes that keys are subscribed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackSettings {
    /// The address of their web server.
    pub url: String,
    /// File with the token that is sent with each call.
    pub token_file: PathBuf,
}

/// How another server is asked about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamQuestion {
    /// By the first six digits of the address's SHA-1: it learns neither the address nor the answer for sure.
    Range,
    /// By the address itself.
    Account,
}

/// Another server with the same API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSettings {
    /// The address before `/breachedaccount`, without a slash at its end.
    pub url: String,
    /// File with the key.
    pub key_file: PathBuf,
    /// How it is asked.
    pub ask_by: UpstreamQuestion,
}

/// Posts of leak sites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedsSettings {
    /// Files and addresses.
    pub sources: Vec<String>,
    /// How often they are read.
    pub every: Duration,
    /// Names of one's own.
    pub names: Vec<String>,
    /// Names of suppliers.
    pub suppliers: Vec<String>,
    /// Who gets a mail about a post.
    pub tell: Vec<String>,
}

impl Default for FeedsSettings {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            every: Duration::from_secs(3600),
            names: Vec::new(),
            suppliers: Vec::new(),
            tell: Vec::new(),
        }
    }
}

/// Checks `[exposure]`.
pub(super) fn resolve(table: &ExposureTable) -> Result<ExposureSettings, String> {
    let ours = ExposureSettings::default();
    let certificate_and_key = match (&table.certificate, &table.key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
        _ => return Err("[exposure]: `certificate` and `key` are needed together".to_owned()),
    };
    let hidden_among = table.hidden_among.unwrap_or(ours.hidden_among);
    if hidden_among < HIDDEN_AMONG_LEAST {
        return Err(format!(
            "[exposure] hidden_among: `{hidden_among}` hides nobody; give {HIDDEN_AMONG_LEAST} or more"
        ));
    }
    let settings = ExposureSettings {
        listen: match &table.listen {
            Some(text) => socket("listen", text, "127.0.0.1:8471")?,
            None => ours.listen,
        },
        public_url: table
            .public_url
            .as_deref()
            .map(|url| web("public_url", url))
            .transpose()?,
        certificate_and_key,
        hidden_among,
        resolver: table
            .resolver
            .as_deref()
            .map(|text| socket("resolver", text, "192.0.2.53:53"))
            .transpose()?,
        mail: table
            .mail
            .as_ref()
            .map(|table| mail("[exposure.mail]", table))
            .transpose()?,
        webhook: webhook(
            "[exposure]",
            table.webhook.as_deref(),
            table.webhook_secret_file.as_deref(),
        )?,
        callback: table.callback.as_ref().map(callback).transpose()?,
        upstream: table.upstream.as_ref().map(upstream).transpose()?,
        feeds: feeds(&table.feeds)?,
    };
    if settings.mail.is_some() && settings.public_url.is_none() {
        return Err(
            "[exposure]: `public_url` is needed with [exposure.mail]: every mail has a link by which to opt out"
                .to_owned(),
        );
    }
    if !settings.feeds.tell.is_empty() && settings.mail.is_none() {
        return Err("[exposure.feeds] tell: nothing can be mailed without [exposure.mail]".to_owned());
    }
    Ok(settings)
}

fn socket(key: &str, text: &str, example: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("[exposure] {key}: `{text}` is no address with a port; write it like `{example}`"))
}

/// An address on the web, without a slash at its end.
fn web(key: &str, url: &str) -> Result<String, String> {
    let host = ["https://", "http://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    let is_plain = |host: &str| {
        !host.is_empty()
            && !host.starts_with('/')
            && host
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"?#<>\"@".contains(&byte))
    };
    if !host.is_some_and(is_plain) {
        return Err(format!(
            "[exposure] {key}: `{url}` is no address on the web; write it like `https://breaches.example.com`"
        ));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

/// Checks the settings of a mail server, which stand in `section`.
pub(super) fn mail(section: &str, table: &MailTable) -> Result<MailSettings, String> {
    let encryption = match table.encryption.as_deref() {
        None | Some("starttls") => Encryption::StartTls,
        Some("tls") => Encryption::Tls,
        Some("none") => Encryption::None,
        Some(other) => {
            return Err(format!(
                "{section} encryption: `{other}` is none of `starttls`, `tls`, `none`"
            ));
        }
    };
    let port = match encryption {
        Encryption::StartTls => PORT_SUBMISSION,
        Encryption::Tls => PORT_TLS,
        Encryption::None => PORT_PLAIN,
    };
    let (host, port) = host_and_port(&table.server, port).ok_or_else(|| {
        format!(
            "{section} server: `{}` is no server; write it like `mail.example.com:587`",
            table.server
        )
    })?;
    let login = match (&table.user, &table.password_file) {
        (None, None) => None,
        (Some(user), Some(file)) => Some((user.clone(), file.clone())),
        _ => return Err(format!("{section}: `user` and `password_file` are needed together")),
    };
    if login.is_some() && encryption == Encryption::None {
        return Err(format!(
            "{section}: a password isn't sent in clear; give `encryption`, or leave out `user`"
        ));
    }
    address(&table.from).map_err(|()| {
        format!(
            "{section} from: `{}` is no sender; write it like `Example Ltd <privacy@example.com>`",
            table.from
        )
    })?;
    let digest_at = table.digest_at.as_deref().unwrap_or("08:00");
    Ok(MailSettings {
        host,
        port,
        encryption,
        login,
        authority: table.authority.clone(),
        from: table.from.clone(),
        digest_at: time_of_day(&format!("{section} digest_at"), digest_at)?,
    })
}

/// A server's name or address, and its port, which is `port` if none is given. `None` if it is neither.
pub(super) fn host_and_port(server: &str, port: u16) -> Option<(String, u16)> {
    // An IPv6 address has colons of its own, so it stands in brackets.
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().ok().filter(|port| *port > 0)?)
        }
        _ => (server, port),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:_".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_host) {
        return None;
    }
    Some((host.to_owned(), port))
}

/// Whether a text is `address` or `Name <address>`, without anything that could begin a header of its own.
fn address(text: &str) -> Result<(), ()> {
    let inner = match text.split_once('<') {
        Some((_, rest)) => rest.strip_suffix('>').ok_or(())?,
        None => text,
    };
    if text.contains(char::is_control) {
        return Err(());
    }
    exposure::watch::MailAddress::parse(inner).map(drop).map_err(|_| ())
}

fn callback(table: &CallbackTable) -> Result<CallbackSettings, String> {
    Ok(CallbackSettings {
        url: web_address("[exposure.callback] url", &table.url)?,
        token_file: table.token_file.clone(),
    })
}

fn upstream(table: &UpstreamTable) -> Result<UpstreamSettings, String> {
    Ok(UpstreamSettings {
        url: web("upstream.url", &table.url)?,
        key_file: table.key_file.clone(),
        ask_by: match table.ask_by.as_deref() {
            None | Some("range") => UpstreamQuestion::Range,
            Some("account") => UpstreamQuestion::Account,
            Some(other) => {
                return Err(format!(
                    "[exposure.upstream] ask_by: `{other}` is none of `range`, `account`"
                ));
            }
        },
    })
}

fn feeds(table: &FeedsTable) -> Result<FeedsSettings, String> {
    let ours = FeedsSettings::default();
    let every = table.every.map_or(ours.every, |span| span.0);
    if every < FEEDS_EVERY_LEAST {
        return Err(format!(
            "[exposure.feeds] every: `{}` is shorter than {}",
            format_span(every),
            format_span(FEEDS_EVERY_LEAST)
        ));
    }
    for (key, names) in [("names", &table.names), ("suppliers", &table.suppliers)] {
        if let Some(name) = names.iter().find(|name| !exposure::feeds::is_matchable(name)) {
            return Err(format!(
                "[exposure.feeds] {key}: `{name}` is too short or too common to be looked for; give the full name, or the domain"
            ));
        }
    }
    if let Some(recipient) = table.tell.iter().find(|recipient| address(recipient).is_err()) {
        return Err(format!("[exposure.feeds] tell: `{recipient}` is no mail address"));
    }
    Ok(FeedsSettings {
        sources: table.sources.clone(),
        every,
        names: table.names.clone(),
        suppliers: table.suppliers.clone(),
        tell: table.tell.clone(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, ConfigFile};

    fn resolve(text: &str) -> Result<ExposureSettings, String> {
        let file = ConfigFile::parse(text, Path::new("h.toml")).map_err(|failure| failure.message)?;
        Config::resolve(&file).map(|config| config.exposure)
    }

    #[test]
    fn nothing_is_needed_to_answer_on_this_machine() {
        assert_eq!(resolve("").unwrap(), ExposureSettings::default());
    }

    #[test]
    fn every_setting_is_taken_over() {
        let settings = resolve(
            "[exposure]\nlisten = \"[::1]:443\"\npublic_url = \"https://b.example/\"\ncertificate = \"c\"\nkey = \"k\"\n\
             hidden_among = 1000\nresolver = \"127.0.0.1:5353\"\nwebhook = \"http://h.example/x\"\nwebhook_secret_file = \"s\"\n\
             [exposure.mail]\nserver = \"[2001:db8::1]\"\nencryption = \"tls\"\nuser = \"u\"\npassword_file = \"p\"\n\
             from = \"Us <us@b.example>\"\ndigest_at = \"18:30\"\nauthority = \"a\"\n\
             [exposure.callback]\nurl = \"https://m.example/breached?v=1\"\ntoken_file = \"t\"\n\
             [exposure.upstream]\nurl = \"https://haveibeenpwned.com/api/v3/\"\nkey_file = \"f\"\nask_by = \"account\"\n\
             [exposure.feeds]\nsources = [\"posts.json\"]\nevery = \"2h\"\nnames = [\"Example Ltd\"]\nsuppliers = [\"b.example\"]\n\
             tell = [\"soc@b.example\"]\n",
        )
        .unwrap();
        assert_eq!(settings.public_url.as_deref(), Some("https://b.example"));
        assert_eq!(settings.listen.port(), 443);
        let mail = settings.mail.unwrap();
        assert_eq!(
            (mail.host.as_str(), mail.port, mail.encryption),
            ("2001:db8::1", 465, Encryption::Tls)
        );
        assert_eq!(mail.digest_at, jiff::civil::time(18, 30, 0, 0));
        let callback = settings.callback.unwrap();
        assert_eq!(callback.url, "https://m.example/breached?v=1");
        let upstream = settings.upstream.unwrap();
        assert_eq!(
            (upstream.url.as_str(), upstream.ask_by),
            ("https://haveibeenpwned.com/api/v3", UpstreamQuestion::Account)
        );
        assert_eq!(settings.feeds.every, Duration::from_secs(7200));
    }

    fn refused(text: &str, expected: &str) {
        let error = resolve(text).unwrap_err();
        assert!(error.starts_with(expected), "{text}: {error}");
    }

    #[test]
    fn what_cannot_work_is_refused_with_advice() {
        let mail = "[exposure]\npublic_url = \"https://b.example\"\n[exposure.mail]\nfrom = \"a@b.example\"\nserver = ";
        for (text, expected) in [
            (
                "[exposure]\nlisten = \"8471\"",
                "[exposure] listen: `8471` is no address with a port",
            ),
            (
                "[exposure]\nresolver = \"dns.example\"",
                "[exposure] resolver: `dns.example` is no address",
            ),
            (
                "[exposure]\nkey = \"k\"",
                "[exposure]: `certificate` and `key` are needed together",
            ),
            (
                "[exposure]\nhidden_among = 1",
                "[exposure] hidden_among: `1` hides nobody",
            ),
            (
                "[exposure]\npublic_url = \"b.example\"",
                "[exposure] public_url: `b.example` is no address on the web",
            ),
            (
                "[exposure]\npublic_url = \"https://b.example/?x\"",
                "[exposure] public_url:",
            ),
            (
                "[exposure]\nwebhook_secret_file = \"s\"",
                "[exposure]: `webhook_secret_file` signs nothing",
            ),
            (
                "[exposure.mail]\nserver = \"m\"\nfrom = \"a@b.example\"",
                "[exposure]: `public_url` is needed",
            ),
            (
                &format!("{mail}\"m:port\""),
                "[exposure.mail] server: `m:port` is no server",
            ),
            (&format!("{mail}\"m:0\""), "[exposure.mail] server: `m:0` is no server"),
            (
                &format!("{mail}\"m\"\nencryption = \"ssl\""),
                "[exposure.mail] encryption: `ssl` is none of",
            ),
            (
                &format!("{mail}\"m\"\nuser = \"u\""),
                "[exposure.mail]: `user` and `password_file`",
            ),
            (
                &format!("{mail}\"m\"\ndigest_at = \"8\""),
                "[exposure.mail] digest_at: `8` is no time of day",
            ),
            (
                &format!("{mail}\"m\"\nencryption = \"none\"\nuser = \"u\"\npassword_file = \"p\""),
                "[exposure.mail]: a password isn't sent in clear",
            ),
        ] {
            refused(text, expected);
        }
    }

    #[test]
    fn what_cannot_work_in_other_tables_is_refused_with_advice() {
        for (text, expected) in [
            (
                "[exposure.upstream]\nurl = \"https://u.example\"\nkey_file = \"k\"\nask_by = \"hash\"",
                "[exposure.upstream] ask_by: `hash` is none of",
            ),
            (
                "[exposure.feeds]\nevery = \"1m\"",
                "[exposure.feeds] every: `1 min` is shorter than 5 min",
            ),
            (
                "[exposure.feeds]\nnames = [\"Ltd\"]",
                "[exposure.feeds] names: `Ltd` is too short or too common",
            ),
            (
                "[exposure.feeds]\ntell = [\"soc\"]",
                "[exposure.feeds] tell: `soc` is no mail address",
            ),
            (
                "[exposure.feeds]\ntell = [\"a@b.example\"]",
                "[exposure.feeds] tell: nothing can be mailed",
            ),
            (
                "[exposure]\nmail_server = \"m\"",
                "`h.toml` line 2, column 1: unknown field",
            ),
        ] {
            refused(text, expected);
        }
    }
}
