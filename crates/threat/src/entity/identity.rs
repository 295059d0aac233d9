//! What of a name is an identity: an entity has at most one in each place.

use crate::event::{Handle, HandleKind};

use super::known::EntityKind;

/// Where a name is an identity: within one place two different names are two different accounts or machines.
///
/// A person has one account in each domain, one number with each provider, one user principal name in each mail domain.
pub(super) fn place(handle: &Handle) -> Option<String> {
    let name = handle.name.as_str();
    Some(match handle.kind {
        HandleKind::Sid => format!("sid {}", name.rsplit_once('-').map_or("", |(domain, _)| domain)),
        HandleKind::ProviderId => format!("id {}", provider(name)),
        HandleKind::Sam => format!("sam {}", name.split_once('\\').map_or("", |(domain, _)| domain)),
        HandleKind::Mail => format!("mail {}", name.split_once('@').map_or("", |(_, domain)| domain)),
        HandleKind::Arn => format!("arn {}", name.rsplit_once('/').map_or(name, |(account, _)| account)),
        HandleKind::Host if name.contains('.') => "fqdn".to_owned(),
        HandleKind::Host => "host".to_owned(),
        HandleKind::VirtualMachine => "vm".to_owned(),
        HandleKind::User
        | HandleKind::DisplayName
        | HandleKind::Group
        | HandleKind::Address
        | HandleKind::Datastore => return None,
    })
}

/// Numbers of one provider look alike: Okta's have twenty letters and digits and begin with `00u`, Entra's are GUIDs.
fn provider(id: &str) -> &'static str {
    match (id.len(), id.as_bytes().first()) {
        (36, _) if id.matches('-').count() == 4 => "guid",
        (20, Some(b'0')) => "okta",
        (_, Some(b'A')) => "aws",
        (_, Some(first)) if first.is_ascii_digit() => "number",
        _ => "other",
    }
}

/// What the names of an entity are of.
pub(super) fn kind(handle: &Handle) -> EntityKind {
    match handle.kind {
        HandleKind::Group | HandleKind::Datastore => EntityKind::Thing,
        HandleKind::Host | HandleKind::Address | HandleKind::VirtualMachine => EntityKind::Machine,
        HandleKind::Sam if handle.name.ends_with('$') => EntityKind::Machine,
        _ => EntityKind::Person,
    }
}

/// Whether records may join the name with others. Bare names, displayed names and what holds many may not.
pub(super) fn joins(handle: &Handle) -> bool {
    !matches!(
        handle.kind,
        HandleKind::User | HandleKind::DisplayName | HandleKind::Group | HandleKind::Datastore | HandleKind::Address
    )
}

/// How much a name tells people: the order in which an entity's names are shown.
pub(super) fn order(handle: &Handle) -> u8 {
    match handle.kind {
        HandleKind::Mail | HandleKind::Host => 0,
        HandleKind::Sam | HandleKind::VirtualMachine => 1,
        HandleKind::User => 2,
        HandleKind::DisplayName | HandleKind::Group | HandleKind::Datastore => 3,
        HandleKind::Arn => 4,
        HandleKind::Address => 5,
        HandleKind::ProviderId => 6,
        HandleKind::Sid => 7,
    }
}

/// How surely a name is of one account or machine: the higher, the surer. The lower of two is the one that is shared if they contradict.
pub(super) fn strength(handle: &Handle) -> u8 {
    match handle.kind {
        HandleKind::Sid | HandleKind::ProviderId | HandleKind::Arn => 4,
        HandleKind::Sam => 3,
        HandleKind::Mail | HandleKind::Host => 2,
        HandleKind::VirtualMachine => 1,
        HandleKind::User
        | HandleKind::DisplayName
        | HandleKind::Group
        | HandleKind::Address
        | HandleKind::Datastore => 0,
    }
}

/// The part of a name that is the account's or machine's without its domain.
pub(super) fn local(handle: &Handle) -> Option<&str> {
    let name = handle.name.as_str();
    match handle.kind {
        HandleKind::Sam => name.split_once('\\').map(|(_, account)| account),
        HandleKind::Mail => name.split_once('@').map(|(account, _)| account),
        HandleKind::Host | HandleKind::VirtualMachine => Some(name.split('.').next().unwrap_or(name)),
        _ => None,
    }
}
