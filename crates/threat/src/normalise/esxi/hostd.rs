//! hostd, which does what the web client, vCenter and the shell ask for: `[Originator@6876 sub=... user=root] Event 406 : ...`.

use crate::event::{Activity, Outcome};
use crate::normalise::text::{Draft, after, between, pairs, word};

/// Tasks that no event tells of, by the method's name.
const TASKS: &[(&str, Activity)] = &[
    ("vim.VirtualMachine.removeAllSnapshots", Activity::SnapshotDeletion),
    ("vim.vm.Snapshot.remove", Activity::SnapshotDeletion),
    ("vim.VirtualMachine.createSnapshot", Activity::SnapshotCreation),
    ("vim.VirtualMachine.exportVm", Activity::MachineCopy),
    ("vim.HostSystem.exitLockdownMode", Activity::DefenceChange),
    ("vim.host.HostAccessManager.changeLockdownMode", Activity::DefenceChange),
    ("vim.option.OptionManager.updateValues", Activity::HostSetting),
    ("vim.host.FirewallSystem.disableRuleset", Activity::HostSetting),
    ("vim.host.FirewallSystem.enableRuleset", Activity::HostSetting),
    ("vim.VirtualDiskManager.deleteVirtualDisk", Activity::FileDeletion),
    ("vim.FileManager.deleteFile", Activity::FileDeletion),
];

/// What ends the name of a virtual machine in a sentence, and what was done to it.
const MACHINES: &[(&str, Activity)] = &[
    (" is powered off", Activity::PowerOff),
    (" is stopping", Activity::Other),
    (" is suspended", Activity::PowerOff),
    (" is powered on", Activity::PowerOn),
];

pub(super) fn tell(draft: &mut Draft, text: &str) {
    // Over the wire the header of the file stands once more before the text.
    let head = between(text, "[Originator@6876", "]").unwrap_or_default();
    let said = after(text, "[Originator@6876")
        .and_then(|rest| after(rest, "] "))
        .unwrap_or(text);
    for (name, value) in pairs(head) {
        if matches!(name, "sub" | "opID" | "user" | "sid") {
            draft.put(name, &value);
        }
    }
    // vCenter works as `vpxuser`; behind the colon is who asked for it there.
    let user = draft.field("user").to_owned();
    draft.by(user.strip_prefix("vpxuser:").unwrap_or(&user));
    if let Some((number, event)) = said.strip_prefix("Event ").and_then(|rest| rest.split_once(" : ")) {
        draft.put("event_number", number.trim());
        return sentence(draft, event.trim());
    }
    if let Some(task) = after(said, "Task Created : ") {
        return task_created(draft, task);
    }
    sentence(draft, said);
}

fn task_created(draft: &mut Draft, task: &str) {
    // `haTask-12-vim.VirtualMachine.removeAllSnapshots-1234`: the number is that of the machine.
    let Some((_, named)) = task.split_once("-vim.") else {
        return;
    };
    let method = format!("vim.{}", named.rsplit_once('-').map_or(named, |(method, _)| method));
    draft.put("task", &method);
    if let Some((_, activity)) = TASKS.iter().find(|(known, _)| *known == method) {
        draft.did(*activity, Outcome::Success).with(task);
    }
}

/// What is told in words, here and by vobd. Attempts that are told twice count once: as the event, not as what the session manager says.
pub(crate) fn sentence(draft: &mut Draft, text: &str) {
    if signed_in(draft, text) || account(draft, text) || file(draft, text) {
        return;
    }
    for (end, activity) in MACHINES {
        if let Some((names, _)) = text.split_once(end) {
            return machine(draft, names, *activity);
        }
    }
    if let Some((service, _)) = text
        .split_once(" for the host ")
        .filter(|_| text.ends_with("has been enabled"))
    {
        draft.did(Activity::ServiceStart, Outcome::Success).with(service);
    } else if text.starts_with("SSH access has been enabled") {
        draft.did(Activity::ServiceStart, Outcome::Success).with("SSH");
    } else if text.contains("command line shell has been enabled") || text.contains("ESXi Shell has been enabled") {
        draft.did(Activity::ServiceStart, Outcome::Success).with("ESXi Shell");
    } else if text.starts_with("Administrator access to the host")
        && (text.contains("restored") || text.contains("enabled"))
    {
        draft
            .did(Activity::DefenceChange, Outcome::Success)
            .with("lockdown mode off");
    } else if text.contains("acceptance level changed") {
        draft
            .did(Activity::DefenceChange, Outcome::Success)
            .with("acceptance level");
    } else if let Some(path) = between(text, "Execution of unknown (non VIB installed) binary ", " prevented") {
        draft
            .did(Activity::Process, Outcome::Failure)
            .with(path.trim_matches('\''));
    } else if text.starts_with("Removed ") && text.contains(" from ") {
        let names = text.strip_prefix("Removed ").unwrap_or_default();
        machine(draft, names, Activity::MachineDeletion);
    } else if let Some(name) = after(text, "Create Snapshot: ") {
        draft.did(Activity::SnapshotCreation, Outcome::Success).with(name);
    }
}

/// `web01 on esx01.acme.example in ha-datacenter`.
fn machine(draft: &mut Draft, names: &str, activity: Activity) {
    let vm = names.split_once(" on ").map_or(names, |(vm, _)| vm);
    draft.put("vm", vm);
    draft.did(activity, Outcome::Success).with(vm);
}

fn signed_in(draft: &mut Draft, text: &str) -> bool {
    let (who, outcome, device) = if let Some((who, device)) = text
        .strip_prefix("User ")
        .and_then(|rest| rest.split_once(" logged in as "))
    {
        (who, Outcome::Success, device)
    } else if let Some(who) = between(text, "SSH session was opened for '", "'") {
        (who, Outcome::Success, "ssh")
    } else if let Some(who) = text.strip_prefix("Cannot login ") {
        (word(who).0, Outcome::Failure, "")
    } else if let Some((who, place)) = between(text, "Rejected password for user ", " - ")
        .or_else(|| after(text, "Rejected password for user "))
        .and_then(|rest| rest.split_once(" from "))
    {
        draft.did(Activity::Other, Outcome::Failure).by(who).from(word(place).0);
        return true;
    } else if let Some(user) = between(text, "Remote access for ESXi local user account '", "'") {
        draft
            .did(Activity::AccountState, Outcome::Success)
            .to(user)
            .with("locked");
        return true;
    } else {
        return false;
    };
    let (user, place) = who.rsplit_once('@').unwrap_or((who, ""));
    draft.did(Activity::SignIn, outcome).by(user).from(place);
    draft.facts.device = super::super::text::some(device);
    draft.put("user", user);
    draft.put("src_ip", place);
    true
}

fn account(draft: &mut Draft, text: &str) -> bool {
    let (user, activity) = if let Some((user, _)) = text
        .strip_prefix("Account ")
        .and_then(|rest| rest.split_once(" was created"))
    {
        (user, Activity::AccountCreation)
    } else if let Some((user, _)) = text
        .strip_prefix("Account ")
        .and_then(|rest| rest.split_once(" was removed"))
    {
        (user, Activity::AccountDeletion)
    } else if let Some(rest) = text.strip_prefix("Password was changed for account ") {
        (word(rest).0, Activity::PasswordReset)
    } else if let Some(user) = between(text, "Login password for user ", " has been changed") {
        (user, Activity::PasswordReset)
    } else if let Some((user, role)) = text
        .strip_prefix("Permission created for ")
        .and_then(|rest| Some((rest.split_once(" on ")?.0, between(rest, "role is ", ",")?)))
    {
        draft.did(Activity::RoleGrant, Outcome::Success).to(user).with(role);
        return true;
    } else {
        return false;
    };
    draft.did(activity, Outcome::Success).to(user.trim_matches('\''));
    true
}

/// `File download from path '[datastore1] a/a.vmdk' was initiated from '...'`, `Deletion of file or directory [datastore1] a/a.vmdk ...`.
fn file(draft: &mut Draft, text: &str) -> bool {
    let kinds = [
        ("File download from path ", Activity::FileRead),
        ("File upload to path ", Activity::FileWrite),
        ("Deletion of file or directory ", Activity::FileDeletion),
    ];
    let Some((rest, activity)) = kinds
        .iter()
        .find_map(|(mark, activity)| Some((text.strip_prefix(mark)?, *activity)))
    else {
        return false;
    };
    let path = between(rest, "'", "'")
        .or_else(|| rest.split_once(" was initiated").map(|(path, _)| path))
        .unwrap_or(rest);
    draft.put("path", path);
    let outcome = match between(rest, "with status '", "'") {
        Some("Success") => Outcome::Success,
        Some(_) => Outcome::Failure,
        None => Outcome::Unknown,
    };
    draft.did(activity, outcome).with(path);
    true
}
