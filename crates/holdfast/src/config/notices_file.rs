//! `[notices]` as it is written. Values that can be judged by themselves are checked where they are read, so that what is wrong
//! is named with its line and column; names that must exist elsewhere keep their place for the same reason.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use respond::alert::Severity;
use respond::notice::Quiet;
use serde::Deserialize;
use toml::Spanned;

use super::file::MailTable;
use super::values::SpanValue;
use super::web_address::web_address;

/// A name with its place in the file.
pub(super) type Named = Spanned<String>;

/// `[notices]`: who is told of alerts and incidents, by which ways and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoticesTable {
    /// The short way: these are told of everything by mail.
    pub to: Vec<Spanned<AddressValue>>,
    /// The group that is told unless a policy names another one.
    pub default: Option<Named>,
    /// The shortest time between two notices about the same thing, unless it got worse.
    pub update_every: Option<SpanValue>,
    /// `[notices.mail]`; that of the breach monitor if there is none.
    pub mail: Option<MailTable>,
    /// `[notices.way.NAME]`
    pub way: BTreeMap<String, Spanned<WayTable>>,
    /// `[notices.person.NAME]`
    pub person: BTreeMap<String, Spanned<PersonTable>>,
    /// `[notices.group.NAME]`
    pub group: BTreeMap<String, Spanned<GroupTable>>,
}

/// `[notices.way.NAME]`: how notices travel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WayTable {
    /// What sort of way.
    pub kind: KindValue,
    /// The least severity that it is used for.
    pub severity: Option<Severity>,
    /// Where, by HTTP.
    pub url: Option<UrlValue>,
    /// File with the address, where the address itself is a secret.
    pub url_file: Option<PathBuf>,
    /// File with the secret that signs what is sent.
    pub secret_file: Option<PathBuf>,
    /// File with the token to log in with.
    pub token_file: Option<PathBuf>,
    /// Where, by syslog: host and port.
    pub server: Option<String>,
    /// How, by syslog.
    pub transport: Option<TransportValue>,
    /// PEM file with the authority of the server's certificate.
    pub authority: Option<PathBuf>,
    /// PEM file with our certificate.
    pub certificate: Option<PathBuf>,
    /// PEM file with its key.
    pub key: Option<PathBuf>,
    /// What messages of syslog say.
    pub format: Option<FormatValue>,
    /// The facility of syslog.
    pub facility: Option<FacilityValue>,
}

/// `[notices.person.NAME]`: somebody who is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PersonTable {
    /// The mail address.
    pub mail: Option<AddressValue>,
    /// Ways of this person's own, beside mail.
    pub ways: Vec<Named>,
}

/// `[notices.group.NAME]`: people and ways that are told together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupTable {
    /// Who is told at once.
    pub people: Vec<Named>,
    /// Ways that are used at once.
    pub ways: Vec<Named>,
    /// The least severity that the group is told of.
    pub severity: Option<Severity>,
    /// The time zone of its hours; that of this machine if none is named.
    pub zone: Option<ZoneValue>,
    /// When it isn't disturbed.
    pub quiet: Vec<QuietValue>,
    /// The least severity that breaks through that.
    pub quiet_breaks: Option<Severity>,
    /// The time of day of its digest.
    pub digest: Option<TimeValue>,
    /// The worst severity that waits for the digest.
    pub digest_most: Option<Severity>,
    /// Who is told when nobody has acknowledged in time, one step after the other.
    pub escalate: Vec<StepTable>,
    /// The least severity for which that is done.
    pub escalate_from: Option<Severity>,
    /// How often everybody is told again after the last step.
    pub repeat: Option<RepeatValue>,
}

/// A step of `escalate`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepTable {
    /// How long after the step before.
    pub after: SpanValue,
    /// Who is told.
    #[serde(default)]
    pub people: Vec<Named>,
    /// Which ways are used.
    #[serde(default)]
    pub ways: Vec<Named>,
}

/// What sort of way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KindValue {
    /// Mail, by the server of `[notices.mail]`.
    Mail,
    /// A signed JSON object by HTTP.
    Webhook,
    /// An incoming webhook of Slack, or of what understands the same (Mattermost, Rocket.Chat).
    Slack,
    /// A workflow's webhook of Microsoft Teams.
    Teams,
    /// A topic of ntfy.
    Ntfy,
    /// A server of syslog.
    Syslog,
}

/// How messages of syslog travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransportValue {
    /// One datagram each (RFC 5426).
    Udp,
    /// With their length in front (RFC 6587).
    Tcp,
    /// The same in TLS (RFC 5425).
    Tls,
}

/// What messages of syslog say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FormatValue {
    /// A sentence.
    Text,
    /// A line of the Common Event Format.
    Cef,
    /// An object of the Open Cybersecurity Schema Framework.
    Ocsf,
}

/// A mail address.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AddressValue(pub String);

impl TryFrom<String> for AddressValue {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match exposure::watch::MailAddress::parse(&text) {
            Ok(_) => Ok(Self(text)),
            Err(_) => Err(format!("`{text}` is no mail address; write it like `it@example.com`")),
        }
    }
}

/// An address on the web.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct UrlValue(pub String);

impl TryFrom<String> for UrlValue {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        check_url(&text).map(|()| Self(text))
    }
}

/// Whether a text is an address of a web server.
pub fn check_url(text: &str) -> Result<(), String> {
    // The address may be a secret, so it isn't repeated.
    let wrong =
        |_| "this is no address of a web server; write it like `https://alerts.example.org/holdfast`".to_owned();
    web_address("url", text).map(drop).map_err(wrong)
}

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TimeValue(pub Time);

impl TryFrom<String> for TimeValue {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        time(&text).map(Self)
    }
}

/// `22:00`, or `22:00:30`.
fn time(text: &str) -> Result<Time, String> {
    let has_shape = text.len() >= 5 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    let parsed = has_shape.then(|| text.parse().ok()).flatten();
    parsed.ok_or_else(|| format!("`{text}` is no time of day; write it like `08:00`"))
}

/// A time zone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ZoneValue(pub TimeZone);

impl TryFrom<String> for ZoneValue {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        TimeZone::get(&text).map(Self).map_err(|_| {
            format!("`{text}` is no time zone that this machine knows; write it like `Europe/London` or `UTC`")
        })
    }
}

/// How often something is told again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct RepeatValue(pub Option<SpanValue>);

impl TryFrom<String> for RepeatValue {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self(None));
        }
        let span = SpanValue::try_from(text).map_err(|error| format!("{error}, or `never`"))?;
        Ok(Self(Some(span)))
    }
}

/// Quiet hours: `22:00-07:00`, `fri 22:00-07:00`, `mon-fri 12:00-13:00`, `sat-sun`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct QuietValue(pub Quiet);

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl TryFrom<String> for QuietValue {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` are no hours; write them like `22:00-07:00`, `mon-fri 12:00-13:00` or `sat-sun` (whole days)"
            )
        };
        let (days, hours) = match text.split_once(' ') {
            Some((days, hours)) => (Some(days), Some(hours.trim())),
            None if text.starts_with(|first: char| first.is_ascii_digit()) => (None, Some(text.as_str())),
            None => (Some(text.as_str()), None),
        };
        let days = match days {
            Some(days) => days_of(days).ok_or_else(wrong)?,
            None => [true; 7],
        };
        let (from, until) = match hours {
            Some(hours) => {
                let (from, until) = hours.split_once('-').ok_or_else(wrong)?;
                // The end of a day is the beginning of the next one.
                let until = if until == "24:00" { "00:00" } else { until };
                (time(from).map_err(|_| wrong())?, time(until).map_err(|_| wrong())?)
            }
            None => (Time::midnight(), Time::midnight()),
        };
        Ok(Self(Quiet { days, from, until }))
    }
}

/// `fri`, or a span of days, which may go over the weekend.
fn days_of(text: &str) -> Option<[bool; 7]> {
    let index = |day: &str| DAYS.iter().position(|name| *name == day);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (index(first)?, index(last)?);
    let mut days = [false; 7];
    let length = (last + 7 - first) % 7;
    for (day, is_on) in days.iter_mut().enumerate() {
        *is_on = (day + 7 - first) % 7 <= length;
    }
    Some(days)
}

/// A facility of syslog (RFC 5424, 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct FacilityValue(pub u8);

const FACILITIES: [(&str, u8); 12] = [
    ("user", 1),
    ("daemon", 3),
    ("auth", 4),
    ("authpriv", 10),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];

impl TryFrom<String> for FacilityValue {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let found = FACILITIES.iter().find(|(name, _)| *name == text);
        found.map(|(_, code)| Self(*code)).ok_or_else(|| {
            let names: Vec<&str> = FACILITIES.iter().map(|(name, _)| *name).collect();
            format!("`{text}` is none of {}", names.join(", "))
        })
    }
}
