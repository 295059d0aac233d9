//! FortiGate: `date=2019-05-13 time=11:20:54 logid="0100032001" type="event" subtype="system" ...`.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use crate::event::{Activity, Event, Outcome};
use crate::normalise::Context;
use crate::normalise::syslog::{Message, clock_time};
use crate::normalise::text::{Draft, between, logsource, machine, pairs, some};

pub(super) fn read(message: &Message<'_>, context: &Context) -> Option<Event> {
    let text = message.text;
    if !(text.contains("logid=") || text.contains("log_id="))
        || !text.contains("type=")
        || !(text.contains("date=") || text.contains("devname="))
    {
        return None;
    }
    let mut draft = super::draft(message);
    for (name, value) in pairs(text) {
        if value != "N/A" {
            draft.put(name, &value);
        }
    }
    if !draft.field("devname").is_empty() {
        draft.facts.machine = machine(draft.field("devname"));
    }
    let user = draft.field("user").to_owned();
    let place = ["remip", "srcip", "src"]
        .iter()
        .map(|name| draft.field(name))
        .find(|place| !place.is_empty());
    let place = place
        .or_else(|| between(draft.field("ui"), "(", ")"))
        .unwrap_or_default()
        .to_owned();
    draft.by(&user).from(&place);
    draft.facts.place.country = some(draft.field("srccountry")).filter(|country| country != "Reserved");
    let (service, category) = match draft.field("type") {
        "traffic" => (Some("traffic"), Some("firewall")),
        "utm" => (Some("utm"), None),
        _ => (Some("event"), None),
    };
    match service {
        Some("traffic") => traffic(&mut draft),
        Some("utm") => threat(&mut draft),
        _ => event(&mut draft),
    }
    let time = time(&draft).or(message.time).unwrap_or(context.received);
    Some(draft.event(time, logsource("fortigate", service, category), context))
}

fn event(draft: &mut Draft) {
    let failed = draft.field("status").starts_with("fail") || draft.field("action").ends_with("-fail");
    let outcome = if failed { Outcome::Failure } else { Outcome::Success };
    let (subtype, action) = (draft.field("subtype").to_owned(), draft.field("action").to_owned());
    let path = draft.field("cfgpath").to_owned();
    if !path.is_empty() {
        return configured(draft, &path, &action);
    }
    match (subtype.as_str(), action.as_str()) {
        ("vpn", "tunnel-up" | "ssl-login-fail") | ("system", "login") | ("user", "authentication" | "auth-logon") => {
            draft.did(Activity::SignIn, outcome);
            let device = if subtype == "vpn" {
                draft.field("tunneltype")
            } else {
                draft.field("ui")
            };
            draft.facts.device = some(device);
        }
        ("user", "FSSO-logon") => {
            draft.did(Activity::SignIn, outcome);
        }
        _ => {
            draft.facts.outcome = if draft.field("status").is_empty() {
                Outcome::Unknown
            } else {
                outcome
            }
        }
    }
    draft.facts.object = some(draft.field("logdesc"));
}

/// Somebody changed the firewall's own settings; `cfgobj` is what was changed.
fn configured(draft: &mut Draft, path: &str, action: &str) {
    let object = draft.field("cfgobj").to_owned();
    let activity = match (path, action) {
        ("system.admin" | "user.local", "Add") => Activity::AccountCreation,
        ("system.admin" | "user.local", "Delete") => Activity::AccountDeletion,
        ("system.admin" | "user.local", _) if draft.field("cfgattr").contains("password") => Activity::PasswordReset,
        ("system.admin" | "user.local", _) => Activity::AccountChange,
        ("user.group", _) => Activity::GroupChange,
        _ if path.starts_with("firewall.") || path.starts_with("vpn.") || path.starts_with("user.") => {
            Activity::PolicyChange
        }
        _ if path.starts_with("log.") || path.starts_with("antivirus") || path.starts_with("ips.") => {
            Activity::DefenceChange
        }
        _ => Activity::HostSetting,
    };
    draft.did(activity, Outcome::Success);
    if path == "system.admin" || path == "user.local" {
        draft.to(&object);
    }
    draft.with(&format!("{action} {path} {object}"));
}

fn traffic(draft: &mut Draft) {
    let outcome = match draft.field("action") {
        "deny" | "block" | "blocked" => Outcome::Failure,
        _ => Outcome::Success,
    };
    for (name, own) in [
        ("src_ip", "srcip"),
        ("dst_ip", "dstip"),
        ("src_port", "srcport"),
        ("dst_port", "dstport"),
    ] {
        let value = draft.field(own).to_owned();
        draft.put(name, &value);
    }
    let object = format!("{}:{}", draft.field("dstip"), draft.field("dstport"));
    draft.did(Activity::Connection, outcome).with(&object);
}

fn threat(draft: &mut Draft) {
    let (activity, object) = match draft.field("subtype") {
        "virus" => (Activity::MalwareFound, draft.field("virus")),
        "ips" | "anomaly" => (Activity::Warning, draft.field("attack")),
        _ => (Activity::Connection, draft.field("hostname")),
    };
    let object = object.to_owned();
    let outcome = if draft.field("action").starts_with("block") || draft.field("action") == "dropped" {
        Outcome::Failure
    } else {
        Outcome::Success
    };
    draft.did(activity, outcome).with(&object);
}

/// `eventtime` is in seconds or, of later versions, in nanoseconds; older ones have the device's local date and time alone.
fn time(draft: &Draft) -> Option<Timestamp> {
    let ticks = draft.field("eventtime");
    let number: Option<i64> = ticks.parse().ok();
    let found = match (number, ticks.len()) {
        (Some(number), 10) => Timestamp::from_second(number).ok(),
        (Some(number), 13) => Timestamp::from_millisecond(number).ok(),
        (Some(number), 16) => Timestamp::from_microsecond(number).ok(),
        (Some(number), 19) => Timestamp::from_nanosecond(number.into()).ok(),
        _ => None,
    };
    found.or_else(|| {
        let date: Date = draft.field("date").parse().ok()?;
        let time = clock_time(draft.field("time"))?;
        zone(draft.field("tz")).to_timestamp(date.to_datetime(time)).ok()
    })
}

/// `-0700`, `+0300`; without one it is UTC.
fn zone(text: &str) -> Offset {
    let parsed = text
        .strip_prefix(['+', '-'])
        .and_then(|digits| digits.replace(':', "").parse::<i32>().ok())
        .filter(|number| (0..=2600).contains(number));
    let seconds = parsed.map_or(0, |number| (number / 100) * 3600 + (number % 100) * 60);
    Offset::from_seconds(if text.starts_with('-') { -seconds } else { seconds }).unwrap_or(Offset::UTC)
}
