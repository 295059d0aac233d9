//! Palo Alto: GlobalProtect and system logs, which are columns without names.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::event::{Activity, Event, Outcome};
use crate::normalise::Context;
use crate::normalise::syslog::Message;
use crate::normalise::text::{Draft, after, columns, logsource, some};

/// Columns of the GLOBALPROTECT log, as of PAN-OS 9.1.
const GLOBALPROTECT: [(usize, &str); 19] = [
    (2, "serial"),
    (8, "eventid"),
    (9, "stage"),
    (10, "auth_method"),
    (11, "tunnel_type"),
    (12, "srcuser"),
    (13, "srcregion"),
    (14, "machinename"),
    (15, "public_ip"),
    (17, "private_ip"),
    (19, "hostid"),
    (21, "client_ver"),
    (22, "client_os"),
    (23, "client_os_ver"),
    (25, "reason"),
    (26, "error"),
    (28, "status"),
    (31, "connect_method"),
    (33, "portal"),
];

pub(super) fn read(message: &Message<'_>, context: &Context) -> Option<Event> {
    let text = message.text;
    let starts = text.starts_with("1,") || text.starts_with(",") || text.starts_with("0,");
    if !starts || !(text.contains(",GLOBALPROTECT,") || text.contains(",SYSTEM,")) {
        return None;
    }
    let columns = columns(text);
    let column = |at: usize| columns.get(at).map(Cow::as_ref).unwrap_or_default();
    let mut draft = super::draft(message);
    let service = match column(3) {
        "GLOBALPROTECT" => {
            for (at, name) in GLOBALPROTECT {
                draft.put(name, column(at));
            }
            global_protect(&mut draft);
            "globalprotect"
        }
        "SYSTEM" => {
            draft.put("subtype", column(4));
            draft.put("eventid", column(8));
            draft.put("object", column(9));
            draft.put("description", column(14));
            system(&mut draft, column(8), column(14));
            if column(4) == "globalprotect" {
                "globalprotect"
            } else {
                "system"
            }
        }
        _ => return None,
    };
    let time = device_time(column(6))
        .or_else(|| device_time(column(1)))
        .or(message.time)
        .unwrap_or(context.received);
    Some(draft.event(time, logsource("paloalto", Some(service), None), context))
}

/// Stages after authentication are the same sign-in.
fn global_protect(draft: &mut Draft) {
    let outcome = match draft.field("status") {
        "success" => Outcome::Success,
        "failure" => Outcome::Failure,
        _ => Outcome::Unknown,
    };
    let (event, user) = (draft.field("eventid").to_owned(), draft.field("srcuser").to_owned());
    let place = draft.field("public_ip").to_owned();
    let is_attempt = event.ends_with("-auth") && user != "pre-logon";
    let activity = if is_attempt { Activity::SignIn } else { Activity::Other };
    draft.did(activity, outcome).by(&user).from(&place).with(&event);
    draft.facts.device = some(draft.field("machinename"));
    draft.facts.place.country = some(draft.field("srcregion"));
}

/// `GlobalProtect gateway user authentication succeeded. Login from: 198.51.100.7, User name: anna, Auth type: ...`, and administrators'.
fn system(draft: &mut Draft, event: &str, said: &str) {
    let outcome = if event.ends_with("-succ") || event == "auth-success" {
        Outcome::Success
    } else if event.ends_with("-fail") {
        Outcome::Failure
    } else {
        return;
    };
    if !event.contains("auth") {
        return;
    }
    let until = |rest: &str| {
        rest.split([',', ' '])
            .next()
            .unwrap_or_default()
            .trim_end_matches('.')
            .to_owned()
    };
    let user = after(said, "User name: ")
        .map(until)
        .or_else(|| super::super::text::between(said, "for user '", "'").map(str::to_owned));
    let place = after(said, "Login from: ").or_else(|| after(said, "From: ")).map(until);
    draft
        .did(Activity::SignIn, outcome)
        .by(&user.unwrap_or_default())
        .from(&place.unwrap_or_default())
        .with(event);
}

/// `2026/10/01 08:02:10`, in the device's own zone, which isn't told: as UTC.
fn device_time(text: &str) -> Option<Timestamp> {
    let time = DateTime::strptime("%Y/%m/%d %H:%M:%S", text).ok()?;
    Offset::UTC.to_timestamp(time).ok()
}
