//! Names that many machines have, and that hence say nothing of who it is.

use std::net::IpAddr;

use crate::event::{Handle, HandleKind};

/// Accounts that every system or many organisations have. They are somebody only together with a machine.
const ACCOUNTS: &[&str] = &[
    "admin",
    "administrator",
    "administrateur",
    "anonymous",
    "anonymous logon",
    "backup",
    "bin",
    "daemon",
    "dcui",
    "default",
    "defaultaccount",
    "everyone",
    "guest",
    "guests",
    "local service",
    "local system",
    "localsystem",
    "mail",
    "n/a",
    "network service",
    "nobody",
    "none",
    "null",
    "oracle",
    "postgres",
    "root",
    "service",
    "support",
    "sync",
    "sys",
    "system",
    "test",
    "ubuntu",
    "unknown",
    "user",
    "users",
    "vpxuser",
    "wdagutilityaccount",
    "www-data",
    "ec2-user",
    "krbtgt",
    "kadmin/changepw",
    "sa",
    "(unknown user)",
    "invalid user",
    "not registered",
];

/// Domains whose accounts are of the machine.
const DOMAINS: &[&str] = &[
    "nt authority",
    "builtin",
    "nt service",
    "window manager",
    "font driver host",
    "iis apppool",
    "nt virtual machine",
    "workgroup",
    "localhost",
    "autorite nt",
    "nt-autoritaet",
    "vordefiniert",
    ".",
];

const MACHINES: &[&str] = &[
    "localhost",
    "localhost.localdomain",
    "unknown",
    "workstation",
    "n/a",
    "none",
    "null",
    "local",
    "(none)",
    "host",
];

/// Whether a name says nothing of who it is.
pub(super) fn is_generic(handle: &Handle) -> bool {
    let name = handle.name.as_str();
    match handle.kind {
        HandleKind::Sid => !name.starts_with("s-1-5-21-") && !name.starts_with("s-1-12-1-") || well_known_number(name),
        HandleKind::Sam => name
            .split_once('\\')
            .is_none_or(|(domain, account)| DOMAINS.contains(&domain) || ACCOUNTS.contains(&account)),
        HandleKind::Mail => name
            .split_once('@')
            .is_none_or(|(account, _)| ACCOUNTS.contains(&account)),
        HandleKind::User => {
            ACCOUNTS.contains(&name) || name.len() < 2 || name.starts_with("dwm-") || name.starts_with("umfd-")
        }
        HandleKind::ProviderId => name.len() < 6 || name.starts_with("00000000-0000-0000-0000"),
        HandleKind::Host | HandleKind::VirtualMachine => MACHINES.contains(&name),
        HandleKind::Address => name.parse().map_or(true, |address| is_nowhere(&address)),
        HandleKind::Arn | HandleKind::DisplayName | HandleKind::Group | HandleKind::Datastore => false,
    }
}

/// The last part of a domain's identifiers below a thousand is the same in every domain: 500 is the administrator, 502 the Kerberos
/// account.
fn well_known_number(sid: &str) -> bool {
    sid.starts_with("s-1-5-21-")
        && sid
            .rsplit('-')
            .next()
            .and_then(|last| last.parse::<u64>().ok())
            .is_some_and(|last| last < 1000)
}

/// Addresses that many machines have at once.
pub(super) fn is_nowhere(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_loopback() || address.is_unspecified() || address.is_link_local() || address.is_broadcast()
        }
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unicast_link_local()
                || address
                    .to_ipv4_mapped()
                    .is_some_and(|mapped| is_nowhere(&IpAddr::V4(mapped)))
        }
    }
}
