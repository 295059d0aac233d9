//! What vCenter's events tell, by type and, where the type says too little, by their sentence.

use super::reconfigured;
use crate::event::{Activity, Handle, HandleKind, Outcome};
use crate::normalise::esxi;
use crate::normalise::text::{Draft, after, between, some, word};

/// Events about a virtual machine, and where its name stands in their sentence: before or behind the mark.
const MACHINES: &[(&str, Activity, Name)] = &[
    ("VmPoweredOffEvent", Activity::PowerOff, Name::Before(" on ")),
    ("VmPoweredOnEvent", Activity::PowerOn, Name::Before(" on ")),
    ("VmSuspendedEvent", Activity::PowerOff, Name::Before(" on ")),
    (
        "VmGuestShutdownEvent",
        Activity::PowerOff,
        Name::Behind("Guest OS shut down for "),
    ),
    ("DrsVmPoweredOnEvent", Activity::PowerOn, Name::Before(" on ")),
    (
        "VmReconfiguredEvent",
        Activity::MachineChange,
        Name::Behind("Reconfigured "),
    ),
    ("VmClonedEvent", Activity::MachineCopy, Name::Before(" cloned to ")),
    ("VmBeingClonedEvent", Activity::MachineCopy, Name::Behind("Cloning ")),
    (
        "VmBeingClonedNoFolderEvent",
        Activity::MachineCopy,
        Name::Behind("Cloning "),
    ),
    (
        "VmMigratedEvent",
        Activity::MachineCopy,
        Name::Behind("Virtual machine "),
    ),
    (
        "VmRelocatedEvent",
        Activity::MachineCopy,
        Name::Behind("Virtual machine "),
    ),
    (
        "VmCreatedEvent",
        Activity::MachineCreation,
        Name::Behind("Created virtual machine "),
    ),
    (
        "VmRegisteredEvent",
        Activity::MachineCreation,
        Name::Behind("Registered "),
    ),
    ("VmDeployedEvent", Activity::MachineCreation, Name::Behind("Template ")),
    ("VmRemovedEvent", Activity::MachineDeletion, Name::Behind("Removed ")),
    ("VmAcquiredTicketEvent", Activity::Other, Name::Behind("A ticket for ")),
    (
        "VmAcquiredMksTicketEvent",
        Activity::Other,
        Name::Behind("Acquired ticket for "),
    ),
    ("VmDisconnectedEvent", Activity::Other, Name::Before(" on ")),
];

#[derive(Debug, Clone, Copy)]
enum Name {
    Before(&'static str),
    Behind(&'static str),
}

/// Tasks, by words of their description. The machine is the event's entity.
const TASKS: &[(&str, Activity)] = &[
    ("Remove all snapshots", Activity::SnapshotDeletion),
    ("Remove snapshot", Activity::SnapshotDeletion),
    ("Create virtual machine snapshot", Activity::SnapshotCreation),
    ("Export OVF", Activity::MachineCopy),
    ("Clone virtual machine", Activity::MachineCopy),
    ("Delete file", Activity::FileDeletion),
    ("Exit lockdown mode", Activity::DefenceChange),
    ("Disable lockdown", Activity::DefenceChange),
    ("Start service", Activity::ServiceStart),
    ("Update option values", Activity::HostSetting),
    ("Disconnect host", Activity::HostSetting),
    ("Remove host", Activity::HostSetting),
];

pub(super) fn tell(draft: &mut Draft, kind: &str, entity: &str, said: &str) {
    let name = kind.strip_prefix("vim.event.").unwrap_or(kind);
    if let Some((_, activity, place)) = MACHINES.iter().find(|(known, ..)| *known == name) {
        return virtual_machine(draft, *activity, *place, said);
    }
    match name {
        "TaskEvent" => task(draft, entity, said),
        "EventEx" | "ExtendedEvent" => sentence(draft, said),
        "UserLoginSessionEvent" | "BadUsernameSessionEvent" | "NoAccessUserEvent" => esxi::sentence(draft, said),
        "AccountCreatedEvent" | "AccountRemovedEvent" | "UserPasswordChanged" => on_host(draft, said),
        "AdminEnabledEvent" | "HostAdminEnableEvent" => {
            draft
                .did(Activity::DefenceChange, Outcome::Success)
                .with("lockdown mode off");
        }
        _ if name.starts_with("Permission") || name.starts_with("com.vmware.cis.") => permission(draft, name, said),
        _ if name.starts_with("Role") && name.ends_with("Event") => {
            draft.did(Activity::PolicyChange, Outcome::Success).with(said);
        }
        _ if name.starts_with("DatastoreFile") => datastore_file(draft, name, said),
        _ if name.starts_with("esx.") => {
            draft.put("event_id", name);
            esxi::observed(draft, name, said);
        }
        _ if name.starts_with("com.vmware.sso.") => sentence(draft, said),
        "com.vmware.vc.guestOperations.GuestOperation" => guest_operation(draft, said),
        _ if name.contains("IdentityProvider") || name.contains("VcTrusts") => {
            draft.did(Activity::TrustChange, Outcome::Success).with(said);
        }
        _ => {}
    }
}

fn virtual_machine(draft: &mut Draft, activity: Activity, place: Name, said: &str) {
    let named = match place {
        Name::Before(mark) => said.split_once(mark).map(|(name, _)| name),
        Name::Behind(mark) => after(said, mark).map(|rest| {
            let ends = [
                " on ",
                " from ",
                " in ",
                " migrated ",
                " of type ",
                " to ",
                " deployed ",
            ];
            let end = ends.iter().filter_map(|end| rest.find(end)).min();
            end.and_then(|end| rest.get(..end)).unwrap_or(rest)
        }),
    };
    draft.put_new("vm", named.unwrap_or_default());
    // ` on <host> in <datacenter>`.
    if let Some(rest) = after(said, " on ") {
        draft.put_new(
            "host",
            word(rest.strip_prefix("host ").unwrap_or(rest)).0.trim_end_matches(','),
        );
        draft.put_new(
            "datacenter",
            between(rest, " in ", " is ")
                .or_else(|| between(rest, " in ", "."))
                .unwrap_or_default(),
        );
    }
    of_machine(draft, activity);
    match activity {
        Activity::MachineChange => reconfigured::of_sentence(draft, said),
        Activity::MachineCopy => draft.facts.object = some(said),
        _ => {}
    }
}

fn of_machine(draft: &mut Draft, activity: Activity) {
    draft.did(activity, Outcome::Success);
    if let Some(handle) = Handle::new(HandleKind::VirtualMachine, draft.field("vm")) {
        draft.facts.machine = vec![handle];
    }
}

fn task(draft: &mut Draft, entity: &str, said: &str) {
    let description = said.strip_prefix("Task: ").unwrap_or(said);
    draft.put("task", description);
    let Some((_, activity)) = TASKS.iter().find(|(known, _)| description.starts_with(known)) else {
        return;
    };
    let about_machine = matches!(
        activity,
        Activity::SnapshotDeletion | Activity::SnapshotCreation | Activity::MachineCopy
    );
    if about_machine {
        draft.put_new("vm", entity);
        of_machine(draft, *activity);
    } else {
        draft.did(*activity, Outcome::Success);
    }
    draft.with(description);
}

/// Events whose type says nothing: of single sign-on, and what hosts observed.
fn sentence(draft: &mut Draft, said: &str) {
    let attempt = [
        ("Successful login ", Outcome::Success),
        ("Failed login ", Outcome::Failure),
    ]
    .iter()
    .find_map(|(mark, outcome)| Some((said.strip_prefix(mark)?, *outcome)));
    if let Some((rest, outcome)) = attempt {
        let (user, rest) = rest.split_once(" from ").unwrap_or((rest, ""));
        draft.did(Activity::SignIn, outcome).by(user).from(word(rest).0);
        draft.put("userName", user);
        draft.put("src_ip", word(rest).0);
        return;
    }
    esxi::sentence(draft, said);
}

/// `Account anna was created on host esx01`, `Password was changed for account root on host esx01`.
fn on_host(draft: &mut Draft, said: &str) {
    let actor = std::mem::take(&mut draft.facts.actor);
    esxi::sentence(draft, said);
    draft.facts.actor = actor;
    if let Some(host) = after(said, " on host ") {
        draft.put_new("host", word(host).0);
        draft.facts.machine = crate::normalise::text::machine(word(host).0.trim_end_matches('.'));
    }
}

/// `Permission created for ACME\anna on Datacenters, role is Admin, propagation is true`.
fn permission(draft: &mut Draft, name: &str, said: &str) {
    let principal = after(said, " for ").map(|rest| rest.split_once(" on ").map_or(rest, |(principal, _)| principal));
    let principal = principal.unwrap_or_default().trim_matches('\'');
    let role = between(said, "role is ", ",")
        .or_else(|| after(said, "role is "))
        .unwrap_or(said);
    let removed = name.contains("Remove");
    draft.put("principal", principal);
    draft.put("role", if removed { "" } else { role });
    let activity = if removed {
        Activity::AccountChange
    } else {
        Activity::RoleGrant
    };
    draft.did(activity, Outcome::Success).to(principal).with(role);
}

fn datastore_file(draft: &mut Draft, name: &str, said: &str) {
    let activity = match name {
        "DatastoreFileDownloadEvent" => Activity::FileRead,
        "DatastoreFileDeletedEvent" => Activity::FileDeletion,
        _ => Activity::FileWrite,
    };
    let path = after(said, "File or directory ").map_or(said, |rest| {
        let end = [
            " uploaded",
            " downloaded",
            " deleted",
            " copied",
            " moved",
            " has been",
            " was ",
            " from ",
        ]
        .iter()
        .filter_map(|end| rest.find(end))
        .min();
        end.and_then(|end| rest.get(..end)).unwrap_or(rest)
    });
    draft.put("path", path);
    draft.did(activity, Outcome::Success).with(path);
}

/// `Guest operation StartProgram performed on Virtual machine web01.`
fn guest_operation(draft: &mut Draft, said: &str) {
    let operation = between(said, "Guest operation ", " performed")
        .unwrap_or(said)
        .to_owned();
    draft.put_new(
        "vm",
        after(said, "irtual machine ").unwrap_or_default().trim_end_matches('.'),
    );
    of_machine(draft, Activity::Process);
    draft.with(&operation);
}
