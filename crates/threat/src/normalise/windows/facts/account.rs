//! Accounts by all the names that an event has for them.

use super::View;
use crate::event::{Handle, HandleKind};

/// Fields that name one account: its security identifier, domain and name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    pub(super) sid: &'static str,
    pub(super) domain: &'static str,
    pub(super) name: &'static str,
}

pub(super) const SUBJECT: Names = Names {
    sid: "SubjectUserSid",
    domain: "SubjectDomainName",
    name: "SubjectUserName",
};

/// Whom a sign-in is about.
pub(super) const TARGET_USER: Names = Names {
    sid: "TargetUserSid",
    domain: "TargetDomainName",
    name: "TargetUserName",
};

/// Whom a change of an account or group is about.
pub(super) const TARGET: Names = Names {
    sid: "TargetSid",
    domain: "TargetDomainName",
    name: "TargetUserName",
};

pub(super) fn named(view: &View<'_>, names: Names) -> Vec<Handle> {
    of(view.text(names.sid), view.text(names.domain), view.text(names.name))
}

/// Names of one account from its parts, each of which may be missing.
pub(super) fn of(sid: Option<&str>, domain: Option<&str>, name: Option<&str>) -> Vec<Handle> {
    let sid = sid.and_then(self::sid);
    let name = name.and_then(|name| self::name(domain, name));
    sid.into_iter().chain(name).collect()
}

/// A security identifier that is somebody's.
fn sid(text: &str) -> Option<Handle> {
    let text = text.trim_start_matches("%{").trim_end_matches('}');
    if !text.starts_with("S-1-") || text == "S-1-0-0" {
        return None;
    }
    Handle::new(HandleKind::Sid, text)
}

/// `ACME\anna`, `anna@acme.example`, or a name whose domain stands elsewhere or nowhere.
fn name(domain: Option<&str>, name: &str) -> Option<Handle> {
    if name.contains('@') {
        return Handle::new(HandleKind::Mail, name);
    }
    let (domain, name) = match name.split_once('\\') {
        Some((domain, name)) => (Some(domain), name),
        None => (domain, name),
    };
    match domain.map(str::trim) {
        None | Some("" | "-" | "." | "(NULL)") => Handle::new(HandleKind::User, name),
        // Kerberos writes a domain's name in DNS: with it, a name is a user principal name.
        Some(domain) if domain.contains('.') => Handle::new(HandleKind::Mail, &format!("{name}@{domain}")),
        Some(domain) => Handle::new(HandleKind::Sam, &format!("{domain}\\{name}")),
    }
}

/// An account that stands in one field, as Sysmon and many services write it.
pub(super) fn whole(text: Option<&str>) -> Vec<Handle> {
    match text {
        Some(text) if text.starts_with("S-1-") => of(Some(text), None, None),
        text => of(None, None, text),
    }
}

/// Who did it, where only what is written everywhere tells: the subject, a field for users, or under whom the event was written.
pub(super) fn actor(view: &View<'_>) -> Vec<Handle> {
    let subject = named(view, SUBJECT);
    if !subject.is_empty() {
        return subject;
    }
    let user = whole(view.text("User").or_else(|| view.text("UserName")));
    if !user.is_empty() {
        return user;
    }
    view.user
        .filter(|sid| !is_built_in(sid))
        .map_or_else(Vec::new, |sid| of(Some(sid), None, None))
}

/// Whether this is an account that every machine has for itself: the system, its services, its window manager and font drivers.
pub(super) fn is_built_in(sid: &str) -> bool {
    matches!(sid, "S-1-5-18" | "S-1-5-19" | "S-1-5-20") || sid.starts_with("S-1-5-90-") || sid.starts_with("S-1-5-96-")
}

/// The name in a distinguished name: `anna` of `CN=anna,OU=people,DC=acme,DC=example`.
pub(super) fn common_name(distinguished: &str) -> Option<&str> {
    let (_, rest) = distinguished.split_once('=')?;
    let end = rest
        .char_indices()
        .find(|(at, character)| *character == ',' && !rest.get(..*at).is_some_and(|before| before.ends_with('\\')))
        .map_or(rest.len(), |(at, _)| at);
    rest.get(..end).filter(|name| !name.is_empty())
}
