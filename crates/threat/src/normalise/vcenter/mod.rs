//! VMware vCenter: its events through syslog (`vpxd.event.syslog.enabled`) and as JSON, its audit of single sign-on and of authorisation, and
//! its appliance's administration.
//!
//! The machine of an event about a virtual machine is that virtual machine; of any other, vCenter. What its appliance's own Linux says
//! (sshd, systemd, passwd) is Linux'.

mod events;
mod reconfigured;

use jiff::Timestamp;
use serde_json::Value;

use super::syslog::Message;
use super::text::{Draft, after, at, between, first_at, logsource, machine, some, text_at};
use super::{Context, NotUnderstood};
use crate::event::{Activity, Event, Outcome};

/// The event of a message if vCenter wrote it.
pub(crate) fn read(message: &Message<'_>, context: &Context) -> Option<Event> {
    let written = Written::of(message)?;
    let mut draft = Draft::default();
    draft.put("vcenter", message.host.unwrap_or_default());
    draft.put("program", message.program);
    draft.put("message", message.text);
    draft.facts.machine = machine(message.host.unwrap_or_default());
    let mut time = message.time.unwrap_or(context.received);
    let service = match written {
        Written::Event(parts) => {
            time = parts.time.parse().unwrap_or(time);
            parts.tell(&mut draft);
            "event"
        }
        Written::SignOn(audit) => {
            single_sign_on(&mut draft, &audit);
            "sso"
        }
        Written::Authorisation(rest) => {
            authorisation(&mut draft, rest);
            "authorization"
        }
        Written::Administration => {
            administration(&mut draft, message.text);
            "appliance"
        }
        Written::Other => "vpxd",
    };
    Some(draft.event(time, logsource("vcenter", Some(service), None), context))
}

/// What a message of vCenter is: by its form, else by its program.
enum Written<'a> {
    Event(Parts<'a>),
    SignOn(Value),
    Authorisation(&'a str),
    Administration,
    Other,
}

impl<'a> Written<'a> {
    fn of(message: &Message<'a>) -> Option<Self> {
        if let Some(parts) = event_parts(message.text) {
            return Some(Self::Event(parts));
        }
        if let Some(audit) = sso_record(message.text) {
            return Some(Self::SignOn(audit));
        }
        if let Some(rest) = after(message.text, "Action performed by principal(name=") {
            return Some(Self::Authorisation(rest));
        }
        match message.program {
            program if program.starts_with("applmgmt") => Some(Self::Administration),
            "vpxd" | "vpxd-svcs" | "vmon" | "vmdird" | "vmafdd" | "updatemgr" | "vsphere-ui" | "sso"
            | "ssoadminserver" => Some(Self::Other),
            _ => None,
        }
    }
}

/// `Event [key] [part] [time] [type] [severity] [user] [entity] [chain] [message]`.
struct Parts<'a> {
    time: &'a str,
    kind: &'a str,
    severity: &'a str,
    user: &'a str,
    entity: &'a str,
    message: &'a str,
}

fn event_parts(text: &str) -> Option<Parts<'_>> {
    let rest = text.strip_prefix("Event [").or_else(|| after(text, " Event ["))?;
    // Only the message, which is last, can have brackets of its own; its end is cut off if it was too long.
    let mut parts = rest.splitn(9, "] [");
    let (_, _) = (parts.next()?, parts.next()?);
    let (time, kind, severity) = (parts.next()?, parts.next()?, parts.next()?);
    let (user, entity, _) = (parts.next()?, parts.next()?, parts.next()?);
    let message = parts.next()?.trim_end();
    Some(Parts {
        time,
        kind,
        severity,
        user,
        entity,
        message: message.strip_suffix(']').unwrap_or(message),
    })
}

impl Parts<'_> {
    fn tell(&self, draft: &mut Draft) {
        draft.put("eventTypeId", self.kind);
        draft.put("severity", self.severity);
        draft.put("userName", self.user);
        draft.put("entity", self.entity);
        draft.put("message", self.message);
        draft.by(self.user);
        events::tell(draft, self.kind, self.entity, self.message);
    }
}

/// Whether a document is an event of vCenter: as `Get-VIEvent`, `govc events -json` or the event broker export it.
pub(crate) fn is_event(document: &Value) -> bool {
    let inner = document.get("data").unwrap_or(document);
    ["FullFormattedMessage", "fullFormattedMessage"]
        .iter()
        .any(|name| inner.get(name).is_some())
}

pub(crate) fn read_event(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let inner = document
        .get("data")
        .filter(|inner| inner.is_object())
        .unwrap_or(&document);
    let first = |names: &[&str]| first_at(inner, names);
    let written = first(&["CreatedTime", "createdTime"]);
    let Some(time) = created(written) else {
        return Err(NotUnderstood {
            reason: format!("the time `{}` isn't understood", super::text::excerpt(written)),
        });
    };
    let mut kind = first(&["EventTypeId", "eventTypeId", "_typeName", "Type"]);
    if kind.is_empty() {
        kind = text_at(&document, "subject");
    }
    let message = first(&["FullFormattedMessage", "fullFormattedMessage"]);
    let mut draft = Draft::default();
    for (name, paths) in [
        ("userName", ["UserName", "userName"]),
        ("vm", ["Vm.Name", "vm.name"]),
        ("host", ["Host.Name", "host.name"]),
        ("datacenter", ["Datacenter.Name", "datacenter.name"]),
    ] {
        draft.put(name, first(&paths));
    }
    draft.put("eventTypeId", kind);
    draft.put("message", message);
    draft.facts.machine = machine(source_host(text_at(&document, "source")));
    let user = draft.field("userName").to_owned();
    draft.by(&user);
    events::tell(&mut draft, kind, "", message);
    if let Some(changes) = at(inner, "ConfigSpec.DeviceChange").or_else(|| at(inner, "configSpec.deviceChange")) {
        reconfigured::of_changes(&mut draft, changes);
    }
    Ok(draft.event(time, logsource("vcenter", Some("event"), None), &context))
}

/// Of `https://vcenter.acme.example/sdk`, the name.
fn source_host(source: &str) -> &str {
    let host = after(source, "://").unwrap_or(source);
    host.split(['/', ':']).next().unwrap_or(host)
}

/// RFC 3339, or as older PowerShell writes it: `/Date(1630939205753)/`.
fn created(written: &str) -> Option<Timestamp> {
    match between(written, "Date(", ")") {
        Some(millis) => Timestamp::from_millisecond(millis.parse().ok()?).ok(),
        None => written.parse().ok(),
    }
}

fn sso_record(text: &str) -> Option<Value> {
    let start = text.find("{\"user\"").filter(|_| text.contains("com.vmware.sso."))?;
    serde_json::from_str(text.get(start..)?).ok()
}

/// Whether a document is a record of the audit of single sign-on.
pub(crate) fn is_sso(document: &Value) -> bool {
    text_at(document, "type").starts_with("com.vmware.sso.") && document.get("description").is_some()
}

pub(crate) fn read_sso(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let written = text_at(&document, "timestamp");
    // `07/04/2018 17:18:00 GMT`, in UTC whatever it is called.
    let time = jiff::civil::DateTime::strptime("%m/%d/%Y %H:%M:%S", written.get(..19).unwrap_or_default());
    let time = time
        .ok()
        .and_then(|time| jiff::tz::Offset::UTC.to_timestamp(time).ok())
        .unwrap_or(context.received);
    let mut draft = Draft::default();
    single_sign_on(&mut draft, &document);
    Ok(draft.event(time, logsource("vcenter", Some("sso"), None), &context))
}

/// `{"user":..,"client":..,"description":..,"type":"com.vmware.sso.LoginFailure"}`.
fn single_sign_on(draft: &mut Draft, record: &Value) {
    let (kind, said) = (text_at(record, "type"), text_at(record, "description"));
    draft.put("eventTypeId", kind);
    draft.put("userName", text_at(record, "user"));
    draft.put("client", text_at(record, "client"));
    draft.put("description", said);
    draft.by(text_at(record, "user")).from(text_at(record, "client"));
    let target = between(said, "'", "'").unwrap_or_default();
    match kind.strip_prefix("com.vmware.sso.").unwrap_or(kind) {
        name @ ("LoginSuccess" | "LoginFailure") => {
            let outcome = if name == "LoginSuccess" {
                Outcome::Success
            } else {
                Outcome::Failure
            };
            draft.did(Activity::SignIn, outcome);
            // The session's user is `n/a` until they are signed in; the sentence has the name, and the address behind it.
            let named = after(said, "User ").map_or("", |user| super::text::word(user).0);
            let named = named
                .strip_suffix(&format!("@{}", text_at(record, "client")))
                .unwrap_or(named);
            draft.by(named);
        }
        "PrincipalManagement" => principal(draft, said, target),
        "PasswordPolicy" | "LockoutPolicy" | "ConfigurationManagement" => {
            draft.did(Activity::PolicyChange, Outcome::Success).with(said);
        }
        "IdentitySourceManagement" | "DomainManagement" | "CertificateManager" => {
            draft.did(Activity::TrustChange, Outcome::Success).with(said);
        }
        "RoleManagement" => {
            draft.did(Activity::RoleGrant, Outcome::Success).to(target).with(said);
        }
        _ => {}
    }
}

fn principal(draft: &mut Draft, said: &str, target: &str) {
    let activity = if said.starts_with("Creating local group") {
        Activity::GroupChange
    } else if said.starts_with("Creating") {
        Activity::AccountCreation
    } else if said.starts_with("Deleting") {
        Activity::AccountDeletion
    } else if said.starts_with("Resetting") {
        Activity::PasswordReset
    } else if said.contains("to local group") {
        Activity::GroupMemberAddition
    } else if said.contains("from local group") {
        Activity::GroupMemberRemoval
    } else if said.contains("able") || said.contains("lock") {
        Activity::AccountState
    } else {
        Activity::AccountChange
    };
    draft.did(activity, Outcome::Success);
    match activity {
        // Who was added isn't told.
        Activity::GroupMemberAddition | Activity::GroupMemberRemoval | Activity::GroupChange => draft.with(target),
        _ => draft.to(target),
    };
}

/// `VSPHERE.LOCAL\Administrator,isGroup=false):Add access control [ Principal=Name=ACME\anna,isGroup=false, roles=[...] ]`.
fn authorisation(draft: &mut Draft, rest: &str) {
    let Some((actor, did)) = rest.split_once("):") else {
        return;
    };
    let actor = actor.split(',').next().unwrap_or(actor);
    draft.put("userName", actor);
    draft.put("action", did);
    let target = between(did, "Name=", ",").unwrap_or_default();
    let lower = did.to_ascii_lowercase();
    draft.by(actor);
    if lower.contains("access control") {
        let adds = lower.trim_start().starts_with("add") || lower.trim_start().starts_with("update");
        let activity = if adds {
            Activity::RoleGrant
        } else {
            Activity::AccountChange
        };
        draft.did(activity, Outcome::Success).to(target).with(did);
    } else if lower.contains("role") {
        draft.did(Activity::PolicyChange, Outcome::Success).with(did);
    }
}

/// `... INFO Authorization Result: User=administrator@vsphere.local, priv=ModifyConfiguration, authorized=True`.
fn administration(draft: &mut Draft, text: &str) {
    let Some(user) = between(text, "User=", ",") else {
        return;
    };
    let outcome = if text.contains("authorized=True") {
        Outcome::Success
    } else {
        Outcome::Failure
    };
    let privilege = between(text, "priv=", ",").unwrap_or_default();
    draft.put("userName", user);
    draft.by(user);
    draft.facts.outcome = outcome;
    draft.facts.object = some(privilege);
    if privilege.starts_with("Modify") {
        draft.facts.activity = Activity::HostSetting;
    }
}

#[cfg(test)]
mod tests;
