//! Ways of `[notices]`: how each is reached.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::exposure_table::{MailSettings, host_and_port, mail};
use super::notices_file::{FormatValue, KindValue, NoticesTable, TransportValue, WayTable};
use super::notices_table::{MAIL, Wrong, check_name};

/// The ports of syslog: RFC 5426, 6587 and 5425.
const PORT_SYSLOG: u16 = 514;
const PORT_SYSLOG_TLS: u16 = 6514;
/// `local0`, for use by whoever runs the machine.
const FACILITY: u8 = 16;

/// How a way is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaySettings {
    /// By mail, and where the server's settings stand.
    Mail(MailSettings, &'static str),
    /// A signed JSON object by HTTP.
    Webhook {
        /// Where.
        url: Url,
        /// File with the secret that signs it.
        secret_file: Option<PathBuf>,
    },
    /// What a chat or a telephone understands, by HTTP.
    Chat {
        /// Where.
        url: Url,
        /// File with the token to log in with.
        token_file: Option<PathBuf>,
        /// Whose form it has.
        form: ChatForm,
    },
    /// Syslog.
    Syslog(SyslogSettings),
}

/// Where something is sent to by HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Url {
    /// There.
    Given(String),
    /// Where the file says.
    File(PathBuf),
}

/// Forms of messages for chats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatForm {
    /// Slack's, and of what understands the same.
    Slack,
    /// An Adaptive Card, as workflows of Microsoft Teams take.
    Teams,
    /// ntfy's.
    Ntfy,
}

/// A server of syslog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogSettings {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How messages travel.
    pub transport: TransportValue,
    /// PEM file with the authority of its certificate, beside those that this machine trusts.
    pub authority: Option<PathBuf>,
    /// PEM files with our certificate and key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// What messages say.
    pub format: FormatValue,
    /// The facility's number.
    pub facility: u8,
}

/// All ways, mail among them if there is a server.
pub(super) fn ways(
    table: &NoticesTable,
    breach_mail: Option<&MailSettings>,
) -> Result<BTreeMap<String, WaySettings>, Wrong> {
    let mut ways = BTreeMap::new();
    if let Some(own) = &table.mail {
        if own.digest_at.is_some() {
            return Err((
                None,
                "[notices.mail] digest_at: each group says when its own is, as `digest`".to_owned(),
            ));
        }
        let settings = mail("[notices.mail]", own).map_err(|message| (None, message))?;
        ways.insert(MAIL.to_owned(), WaySettings::Mail(settings, "[notices.mail]"));
    } else if let Some(settings) = breach_mail {
        ways.insert(MAIL.to_owned(), WaySettings::Mail(settings.clone(), "[exposure.mail]"));
    }
    for (name, way) in &table.way {
        let place = way.span().start;
        check_name("way", name, place)?;
        let wrong = |message: String| (Some(place), format!("[notices.way.{name}] {message}"));
        let way = way.get_ref();
        if (name == MAIL) != (way.kind == KindValue::Mail) {
            return Err(wrong(format!(
                "kind: the way `{MAIL}`, and only that one, is of the kind `mail`"
            )));
        }
        if name != MAIL {
            ways.insert(name.clone(), resolve_way(way).map_err(wrong)?);
        } else if ways.contains_key(MAIL) {
            needless(way).map_err(wrong)?;
        } else {
            return Err(wrong(
                "kind: there is no mail server; [notices.mail] names one".to_owned(),
            ));
        }
    }
    Ok(ways)
}

fn resolve_way(way: &WayTable) -> Result<WaySettings, String> {
    needless(way)?;
    let chat = |form| {
        Ok(WaySettings::Chat {
            url: url(way)?,
            token_file: way.token_file.clone(),
            form,
        })
    };
    match way.kind {
        KindValue::Webhook => Ok(WaySettings::Webhook {
            url: url(way)?,
            secret_file: way.secret_file.clone(),
        }),
        KindValue::Slack => chat(ChatForm::Slack),
        KindValue::Teams => chat(ChatForm::Teams),
        KindValue::Ntfy => chat(ChatForm::Ntfy),
        KindValue::Syslog => syslog(way).map(WaySettings::Syslog),
        KindValue::Mail => Err("kind: mail has its settings in [notices.mail]".to_owned()),
    }
}

fn url(way: &WayTable) -> Result<Url, String> {
    match (&way.url, &way.url_file) {
        (Some(url), None) => Ok(Url::Given(url.0.clone())),
        (None, Some(file)) => Ok(Url::File(file.clone())),
        (None, None) => Err("`url` or `url_file` is needed".to_owned()),
        (Some(_), Some(_)) => Err("`url` and `url_file` are the same thing: give one of them".to_owned()),
    }
}

fn syslog(way: &WayTable) -> Result<SyslogSettings, String> {
    let transport = way.transport.unwrap_or(TransportValue::Tls);
    let server = way
        .server
        .as_ref()
        .ok_or("`server` is needed, like `logs.example.com:6514`")?;
    let port = match transport {
        TransportValue::Tls => PORT_SYSLOG_TLS,
        TransportValue::Udp | TransportValue::Tcp => PORT_SYSLOG,
    };
    let (host, port) = host_and_port(server, port)
        .ok_or_else(|| format!("server: `{server}` is no server; write it like `logs.example.com:6514`"))?;
    let has_certificates = way.authority.is_some() || way.certificate.is_some() || way.key.is_some();
    if has_certificates && transport != TransportValue::Tls {
        return Err("`authority`, `certificate` and `key` need `transport = \"tls\"`".to_owned());
    }
    let identity = match (&way.certificate, &way.key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
        _ => return Err("`certificate` and `key` are needed together".to_owned()),
    };
    Ok(SyslogSettings {
        host,
        port,
        transport,
        authority: way.authority.clone(),
        identity,
        format: way.format.unwrap_or(FormatValue::Text),
        facility: way.facility.map_or(FACILITY, |facility| facility.0),
    })
}

/// A setting that means nothing for this kind of way is a mistake: whoever wrote it expects something of it.
fn needless(way: &WayTable) -> Result<(), String> {
    let is_http = !matches!(way.kind, KindValue::Mail | KindValue::Syslog);
    let is_syslog = way.kind == KindValue::Syslog;
    let given = [
        ("url", way.url.is_some(), is_http),
        ("url_file", way.url_file.is_some(), is_http),
        ("secret_file", way.secret_file.is_some(), way.kind == KindValue::Webhook),
        ("token_file", way.token_file.is_some(), way.kind == KindValue::Ntfy),
        ("server", way.server.is_some(), is_syslog),
        ("transport", way.transport.is_some(), is_syslog),
        ("authority", way.authority.is_some(), is_syslog),
        ("certificate", way.certificate.is_some(), is_syslog),
        ("key", way.key.is_some(), is_syslog),
        ("format", way.format.is_some(), is_syslog),
        ("facility", way.facility.is_some(), is_syslog),
    ];
    match given
        .into_iter()
        .find(|(_, is_given, has_meaning)| *is_given && !has_meaning)
    {
        Some((name, ..)) => Err(format!("{name}: means nothing for this kind of way")),
        None => Ok(()),
    }
}
