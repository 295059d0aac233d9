//! Sign-ins: on machines, at domain controllers, over RDP, SSH and to databases.

use super::account::{self, SUBJECT, TARGET, TARGET_USER};
use super::{View, address, of};
use crate::event::{Activity, Facts, Outcome};

/// 4624, 4625: a sign-in on this machine. Those of the machine's own services are no sign-in of anybody.
pub(super) fn on_machine(view: &View<'_>) -> Facts {
    let own = view.text("TargetUserSid").is_some_and(account::is_built_in);
    let kind = view.number("LogonType").unwrap_or_default();
    let starts_machine = own || kind == 0 && view.data.contains_key("LogonType");
    Facts {
        activity: if starts_machine {
            Activity::Other
        } else {
            Activity::SignIn
        },
        outcome: if view.id == 4625 {
            Outcome::Failure
        } else {
            Outcome::Success
        },
        actor: account::named(view, TARGET_USER),
        address: view.address(&["IpAddress"]),
        device: view.text("WorkstationName").map(str::to_owned),
        object: Some(with_package(kind, view.text("AuthenticationPackageName"))),
        ..Facts::default()
    }
}

fn with_package(kind: u64, package: Option<&str>) -> String {
    let kind = match kind {
        2 => "interactive",
        3 => "network",
        4 => "batch",
        5 => "service",
        7 => "unlock",
        8 => "network, in clear text",
        9 => "new credentials",
        10 => "remote interactive",
        11 => "interactive, from the cache",
        12 => "remote interactive, from the cache",
        13 => "unlock, from the cache",
        _ => "of another kind",
    };
    match package {
        Some(package) => format!("{kind}, by {package}"),
        None => kind.to_owned(),
    }
}

/// 4648: somebody gave another account's password.
pub(super) fn with_other_credentials(view: &View<'_>) -> Facts {
    let server = view.text("TargetServerName").unwrap_or("localhost");
    Facts {
        actor: account::named(view, SUBJECT),
        target: account::named(view, TARGET_USER),
        address: view.address(&["IpAddress"]),
        object: Some(format!("with other credentials, to {server}")),
        ..of(Activity::SignIn)
    }
}

/// 4768, 4771, 4776: a domain controller, or for local accounts the machine, checked a password, certificate or answer.
pub(super) fn checked(view: &View<'_>) -> Facts {
    let failed = view.id == 4771 || view.number("Status").is_some_and(|status| status != 0);
    let object = match view.id {
        4776 => Some("NTLM".to_owned()),
        _ => Some(match view.text("TicketEncryptionType").filter(|_| !failed) {
            Some(kind) => format!("Kerberos, encryption {kind}"),
            None => "Kerberos".to_owned(),
        }),
    };
    Facts {
        outcome: if failed { Outcome::Failure } else { Outcome::Success },
        actor: account::named(view, TARGET),
        address: view.address(&["IpAddress"]),
        device: view.text("Workstation").map(str::to_owned),
        object,
        ..of(Activity::SignIn)
    }
}

/// 4769, 4770, 4773: a ticket for a service.
pub(super) fn ticket(view: &View<'_>) -> Facts {
    let failed = view.id == 4773 || view.number("Status").is_some_and(|status| status != 0);
    Facts {
        outcome: if failed { Outcome::Failure } else { Outcome::Success },
        actor: account::named(view, TARGET_USER),
        address: view.address(&["IpAddress"]),
        object: view.text("ServiceName").map(str::to_owned),
        ..of(Activity::TicketRequest)
    }
}

/// 4778, 4779: a session was taken up or left.
pub(super) fn session(view: &View<'_>) -> Facts {
    Facts {
        outcome: Outcome::Success,
        actor: account::of(None, view.text("AccountDomain"), view.text("AccountName")),
        address: view.address(&["ClientAddress"]),
        device: view.text("ClientName").map(str::to_owned),
        object: Some("remote interactive, taken up again".to_owned()),
        ..of(if view.id == 4778 {
            Activity::SignIn
        } else {
            Activity::Other
        })
    }
}

/// 1149 of the connection manager, 21 and 25 of the session manager of terminal services.
pub(super) fn terminal(view: &View<'_>) -> Facts {
    let (actor, from) = if view.id == 1149 {
        let actor = account::of(None, view.text("Param2"), view.text("Param1"));
        (actor, view.address(&["Param3"]))
    } else {
        (account::whole(view.text("User")), view.address(&["Address"]))
    };
    // A session at the machine's own console is told with `LOCAL` in place of the address, as 4624 has told before.
    let is_remote = view.id == 1149 || view.text("Address").is_some_and(|from| from != "LOCAL");
    Facts {
        outcome: Outcome::Success,
        actor,
        address: from,
        object: Some("remote interactive".to_owned()),
        ..of(if is_remote { Activity::SignIn } else { Activity::Other })
    }
}

/// OpenSSH's own log: `Accepted password for anna from 10.0.0.5 port 50211 ssh2`.
pub(super) fn ssh(view: &View<'_>) -> Facts {
    let Some(line) = view.text("payload") else {
        return of(Activity::Other);
    };
    let (outcome, rest) = if let Some(rest) = line.strip_prefix("Accepted ") {
        (Outcome::Success, rest)
    } else if let Some(rest) = line.strip_prefix("Failed ") {
        (Outcome::Failure, rest)
    } else {
        return Facts {
            object: Some(super::shortened(line)),
            ..of(Activity::Other)
        };
    };
    let mut words = rest.split(' ');
    let method = words.next().map(|method| format!("SSH, {method}"));
    let account = rest
        .split_once(" for ")
        .and_then(|(_, behind)| behind.trim_start_matches("invalid user ").rsplit_once(" from "));
    let (name, from) = account.unwrap_or_default();
    Facts {
        outcome,
        actor: account::whole(Some(name)),
        address: from.split(' ').next().and_then(address),
        object: method,
        ..of(Activity::SignIn)
    }
}

/// SQL Server's 18453, 18454 and 18456: the name, the reason, `[CLIENT: 10.0.0.5]`.
pub(super) fn database(view: &View<'_>) -> Facts {
    let client = (0..4).find_map(|at| {
        let (_, behind) = view.unnamed(at)?.split_once("[CLIENT: ")?;
        behind.split_once(']').map(|(client, _)| client)
    });
    Facts {
        outcome: if view.id == 18456 {
            Outcome::Failure
        } else {
            Outcome::Success
        },
        actor: account::whole(view.unnamed(0)),
        address: client.and_then(address),
        object: Some(view.provider.to_owned()),
        ..of(Activity::SignIn)
    }
}
