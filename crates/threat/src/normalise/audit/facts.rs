//! What a record of the audit daemon tells.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Companions;
use super::record::{AuditRecord, bytes};
use crate::event::{Activity, Outcome};
use crate::normalise::linux::is_protection;
use crate::normalise::text::{Draft, machine};

/// Fills in the facts and the fields of Sigma's categories; gives the category.
pub(super) fn tell(draft: &mut Draft, record: &AuditRecord, with: &Companions) -> Option<&'static str> {
    draft.facts.machine = machine(&record.host);
    let user = match with.user.as_str() {
        "" => record.user(&["auid", "uid"]),
        user => user,
    };
    draft.by(user);
    draft.facts.outcome = outcome(record, with);
    match record.kind.as_str() {
        "EXECVE" => execution(draft, record, with),
        "PATH" => path(draft, record, with),
        "SOCKADDR" => connection(draft, record, with),
        "USER_CMD" => command(draft, record),
        "SYSCALL" => {
            syscall(draft, record, with);
            None
        }
        _ => {
            reported(draft, record);
            None
        }
    }
}

fn outcome(record: &AuditRecord, with: &Companions) -> Outcome {
    let said = match (record.field("res"), record.field("success")) {
        ("", said) => said,
        (said, _) => said,
    };
    match said {
        "success" | "yes" | "1" => Outcome::Success,
        "failed" | "no" | "0" => Outcome::Failure,
        _ if with.success => Outcome::Success,
        _ => Outcome::Unknown,
    }
}

fn execution(draft: &mut Draft, record: &AuditRecord, with: &Companions) -> Option<&'static str> {
    let line = record.command_line();
    draft.put("CommandLine", &line);
    if with.image.is_empty() && record.field("a0").starts_with('/') {
        draft.put("Image", record.field("a0"));
    }
    draft.did(Activity::Process, draft.facts.outcome).with(&line);
    Some("process_creation")
}

/// What `sudo` was asked to run.
fn command(draft: &mut Draft, record: &AuditRecord) -> Option<&'static str> {
    let line = record.field("cmd").to_owned();
    draft.put("CommandLine", &line);
    if let Some(image) = line.split(' ').next().filter(|image| image.starts_with('/')) {
        draft.put("Image", image);
    }
    draft.put("CurrentDirectory", record.field("cwd"));
    draft.did(Activity::Process, draft.facts.outcome).with(&line);
    Some("process_creation")
}

fn path(draft: &mut Draft, record: &AuditRecord, with: &Companions) -> Option<&'static str> {
    // Older kernels call it `objtype`.
    let kind = match record.field("nametype") {
        "" => record.field("objtype"),
        kind => kind,
    };
    let activity = match kind {
        "CREATE" => Activity::FileWrite,
        "DELETE" => Activity::FileDeletion,
        _ => return None,
    };
    let name = record.field("name");
    let whole = if name.starts_with('/') || with.folder.is_empty() {
        name.to_owned()
    } else {
        format!(
            "{}/{}",
            with.folder.trim_end_matches('/'),
            name.trim_start_matches("./")
        )
    };
    draft.did(activity, draft.facts.outcome).with(&whole);
    draft.put("TargetFilename", &whole);
    let category = if activity == Activity::FileWrite {
        "file_event"
    } else {
        "file_delete"
    };
    Some(category)
}

/// Where a program connected to: the address is that of the other side.
fn connection(draft: &mut Draft, record: &AuditRecord, with: &Companions) -> Option<&'static str> {
    if !matches!(with.syscall.as_str(), "connect" | "sendto" | "") {
        return None;
    }
    let named = || Some((record.field("laddr").to_owned(), record.field("lport").parse().ok()?));
    let (address, port) = internet_address(record.field("saddr")).or_else(named)?;
    draft.put("DestinationIp", &address);
    draft.put("DestinationPort", &port.to_string());
    draft.put("Initiated", "true");
    draft
        .did(Activity::Connection, draft.facts.outcome)
        .with(&format!("{address}:{port}"));
    Some("network_connection")
}

/// `sockaddr_in` and `sockaddr_in6`: the family as this machine orders bytes, the port as networks do.
fn internet_address(saddr: &str) -> Option<(String, u16)> {
    let bytes = bytes(saddr)?;
    let (family, rest) = bytes.split_first_chunk::<2>()?;
    let (port, rest) = rest.split_first_chunk::<2>()?;
    let address = match family {
        [2, 0] => Ipv4Addr::from(*rest.first_chunk::<4>()?).to_string(),
        [10, 0] => Ipv6Addr::from(*rest.get(4..)?.first_chunk::<16>()?)
            .to_canonical()
            .to_string(),
        _ => return None,
    };
    Some((address, u16::from_be_bytes(*port)))
}

fn syscall(draft: &mut Draft, record: &AuditRecord, with: &Companions) {
    let outcome = draft.facts.outcome;
    let what = record.field("exe").to_owned();
    match record.syscall() {
        "init_module" | "finit_module" => draft.did(Activity::Persistence, outcome),
        "execve" | "execveat" if !with.executes => draft.did(Activity::Process, outcome),
        _ => return,
    };
    draft.with(&what);
}

/// Records that programs write: sshd, su, useradd, systemd, and the daemon itself.
fn reported(draft: &mut Draft, record: &AuditRecord) {
    let outcome = draft.facts.outcome;
    let account = match record.field("acct") {
        "" => record.user(&["id"]),
        account => account,
    };
    match record.kind.as_str() {
        "USER_LOGIN" => {
            draft
                .did(Activity::SignIn, outcome)
                .by(account)
                .from(record.field("addr"));
            draft.facts.device = super::super::text::some(record.field("terminal"));
        }
        "USER_AUTH" if record.field("exe").ends_with("/su") => {
            draft.did(Activity::SignIn, outcome).to(account);
        }
        "ADD_USER" => {
            draft.did(Activity::AccountCreation, outcome).to(account);
        }
        "DEL_USER" => {
            draft.did(Activity::AccountDeletion, outcome).to(account);
        }
        "ADD_GROUP" | "DEL_GROUP" | "GRP_MGMT" => {
            draft.did(Activity::GroupChange, outcome).with(account);
        }
        "USER_MGMT" => managed(draft, record, account),
        "USER_CHAUTHTOK" => credentials(draft, record, account),
        "ACCT_LOCK" | "ACCT_UNLOCK" => {
            draft.did(Activity::AccountState, outcome).to(account);
        }
        "SERVICE_START" | "SERVICE_STOP" => service(draft, record),
        "CONFIG_CHANGE" => configured(draft, record),
        "DAEMON_END" | "DAEMON_ABORT" => {
            draft.did(Activity::LogClearing, outcome).with("auditd");
        }
        "KERN_MODULE" => {
            draft.did(Activity::Persistence, outcome).with(record.field("name"));
        }
        _ => {}
    }
}

/// Despite its name also what `usermod` does to an account otherwise.
fn credentials(draft: &mut Draft, record: &AuditRecord, account: &str) {
    let (outcome, operation) = (draft.facts.outcome, record.field("op"));
    let of_password = operation.contains("passw") || operation.contains("chauthtok");
    if !of_password {
        return managed(draft, record, account);
    }
    let own = record.user(&["auid", "uid"]) == account;
    let activity = if own {
        Activity::PasswordChange
    } else {
        Activity::PasswordReset
    };
    draft.did(activity, outcome).to(account);
}

/// Rules are added at every start of the machine; that they are taken away, or recording switched off, is another matter.
fn configured(draft: &mut Draft, record: &AuditRecord) {
    let operation = record.field("op");
    let off = record.field("audit_enabled") == "0" || operation.contains("remove");
    let activity = if off {
        Activity::DefenceChange
    } else {
        Activity::HostSetting
    };
    draft
        .did(activity, draft.facts.outcome)
        .with(&format!("auditd: {operation}"));
}

fn managed(draft: &mut Draft, record: &AuditRecord, account: &str) {
    let (outcome, operation) = (draft.facts.outcome, record.field("op"));
    let group = record.field("grp").to_owned();
    let activity = if operation.contains("add") && operation.contains("group") {
        Activity::GroupMemberAddition
    } else if operation.contains("delet") && operation.contains("group") {
        Activity::GroupMemberRemoval
    } else if operation.contains("lock") {
        Activity::AccountState
    } else {
        Activity::AccountChange
    };
    draft.did(activity, outcome).to(account).with(&group);
}

fn service(draft: &mut Draft, record: &AuditRecord) {
    let unit = record.field("unit").to_owned();
    let activity = match record.kind.as_str() {
        "SERVICE_START" => Activity::ServiceStart,
        _ if is_protection(&unit) => Activity::DefenceChange,
        _ => Activity::Other,
    };
    draft.did(activity, draft.facts.outcome).with(&unit);
}
