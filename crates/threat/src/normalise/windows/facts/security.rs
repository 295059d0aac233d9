//! The security log, besides sign-ins and the directory.

use super::account::{self, SUBJECT, TARGET, TARGET_USER};
use super::{View, directory, of, sign_in};
use crate::event::{Activity, Facts, Handle, HandleKind, Outcome};

pub(super) fn facts(view: &View<'_>) -> Facts {
    match view.id {
        4624 | 4625 => sign_in::on_machine(view),
        4648 => sign_in::with_other_credentials(view),
        4768 | 4771 | 4772 | 4776 | 4777 => sign_in::checked(view),
        4769 | 4770 | 4773 => sign_in::ticket(view),
        4778 | 4779 => sign_in::session(view),
        4662 | 5136..=5139 | 5141 | 4661 => directory::facts(view),
        4728 | 4732 | 4746 | 4751 | 4756 | 4761 => member(view, Activity::GroupMemberAddition),
        4729 | 4733 | 4747 | 4752 | 4757 | 4762 => member(view, Activity::GroupMemberRemoval),
        4688 => process(view),
        4657 => simple(view, Activity::RegistryChange, &["TargetObject"]),
        4656 | 4663 | 5145 => access(view),
        5156 | 5157 => connection(view),
        4697 => simple(view, Activity::Persistence, &["ServiceName", "ServiceFileName"]),
        4698 | 4700 | 4702 => simple(view, Activity::Persistence, &["TaskName"]),
        5140 => Facts {
            address: view.address(&["IpAddress"]),
            ..simple(view, Activity::DirectoryRead, &["ShareName"])
        },
        1102 | 517 => simple(view, Activity::LogClearing, &[]),
        4719 => policy_of_audit(view),
        _ => match change_of_account(view) {
            Some(facts) => facts,
            None => other(view),
        },
    }
}

/// The subject did something to what these data name.
fn simple(view: &View<'_>, activity: Activity, names: &[&str]) -> Facts {
    Facts {
        actor: account::named(view, SUBJECT),
        object: view.object(names),
        ..of(activity)
    }
}

/// The subject changed the target account or group.
fn change_of_account(view: &View<'_>) -> Option<Facts> {
    let (activity, object) = match view.id {
        4720 | 4741 => (Activity::AccountCreation, None),
        4722 => (Activity::AccountState, Some("enabled")),
        4725 => (Activity::AccountState, Some("disabled")),
        4740 => (Activity::AccountState, Some("locked out")),
        4767 => (Activity::AccountState, Some("unlocked")),
        4723 => (Activity::PasswordChange, None),
        4724 => (Activity::PasswordReset, None),
        // The account by which a domain controller is started for repair.
        4794 => (Activity::PasswordReset, Some("directory services restore mode")),
        4726 | 4743 => (Activity::AccountDeletion, None),
        4738 | 4742 => (Activity::AccountChange, None),
        4765 | 4766 => (Activity::AccountChange, Some("history of security identifiers")),
        4780 => (Activity::AccountChange, Some("permissions of an administrator")),
        4781 => (Activity::AccountChange, Some("renamed")),
        4704 | 4717 => (Activity::RoleGrant, None),
        4727 | 4731 | 4754 | 4744 | 4749 | 4759 => (Activity::GroupChange, Some("made")),
        4730 | 4734 | 4758 | 4748 | 4753 | 4763 => (Activity::GroupChange, Some("deleted")),
        4735 | 4737 | 4755 | 4764 => (Activity::GroupChange, Some("changed")),
        _ => return None,
    };
    let mut target = match view.id {
        // In place of the domain it has the machine on which the passwords were wrong.
        4740 => account::of(view.text("TargetSid"), None, view.text("TargetUserName")),
        _ => account::named(view, TARGET),
    };
    if activity == Activity::GroupChange {
        target.extend(
            view.text("TargetUserName")
                .and_then(|name| Handle::new(HandleKind::Group, name)),
        );
    }
    if view.id == 4781 {
        let domain = view.text("TargetDomainName");
        target.extend(account::of(None, domain, view.text("NewTargetUserName")));
        target.extend(account::of(None, domain, view.text("OldTargetUserName")));
    }
    let said = match view.id {
        4704 => view.object(&["PrivilegeList"]),
        4717 => view.object(&["AccessGranted"]),
        _ => None,
    };
    Some(Facts {
        actor: account::named(view, SUBJECT),
        target,
        device: view
            .text(if view.id == 4740 {
                "TargetDomainName"
            } else {
                "Workstation"
            })
            .map(str::to_owned),
        object: said.or_else(|| object.map(str::to_owned)),
        ..of(activity)
    })
}

/// The target is the group, the member stands by itself: by its identifier, and in a domain by its distinguished name.
fn member(view: &View<'_>, activity: Activity) -> Facts {
    let mut target = account::of(view.text("MemberSid"), None, None);
    let name = view.text("MemberName").and_then(account::common_name);
    target.extend(name.and_then(|name| Handle::new(HandleKind::DisplayName, name)));
    Facts {
        actor: account::named(view, SUBJECT),
        target,
        object: view.text("TargetUserName").map(str::to_owned),
        ..of(activity)
    }
}

fn process(view: &View<'_>) -> Facts {
    Facts {
        // Whom it runs as, if it was started as somebody else.
        target: account::named(view, TARGET_USER),
        ..simple(view, Activity::Process, &[])
    }
    .with_object(
        view.object(&["CommandLine"])
            .or_else(|| view.object(&["NewProcessName"])),
    )
}

impl Facts {
    fn with_object(self, object: Option<String>) -> Self {
        Self { object, ..self }
    }
}

/// 4656, 4663, 5145: a file or another object, here or on a share. What was done is in the mask.
fn access(view: &View<'_>) -> Facts {
    const WRITE_DATA: u64 = 0x2;
    const APPEND_DATA: u64 = 0x4;
    const DELETE: u64 = 0x1_0000;
    let is_file = view.id == 5145 || view.text("ObjectType") == Some("File");
    let mask = view.number("AccessMask").unwrap_or_default();
    let activity = if !is_file || view.id == 4656 {
        Activity::Other
    } else if mask & DELETE != 0 && mask & (WRITE_DATA | APPEND_DATA) == 0 {
        Activity::FileDeletion
    } else if mask & (WRITE_DATA | APPEND_DATA) != 0 {
        Activity::FileWrite
    } else {
        Activity::FileRead
    };
    let object = match view.id {
        5145 => share(view),
        _ => view.object(&["ObjectName"]),
    };
    Facts {
        address: view.address(&["IpAddress"]),
        ..simple(view, activity, &[]).with_object(object)
    }
}

fn share(view: &View<'_>) -> Option<String> {
    let share = view.text("ShareName")?;
    Some(match view.text("RelativeTargetName") {
        Some(name) => super::shortened(&format!("{share}\\{name}")),
        None => share.to_owned(),
    })
}

fn connection(view: &View<'_>) -> Facts {
    let inbound = view.text("Direction") == Some("%%14592");
    let (remote, port) = if inbound {
        ("SourceAddress", "SourcePort")
    } else {
        ("DestAddress", "DestPort")
    };
    let to = match (view.text(remote), view.number(port)) {
        (Some(address), Some(port)) => Some(format!("{address}:{port}")),
        (address, _) => address.map(str::to_owned),
    };
    Facts {
        outcome: if view.id == 5157 {
            Outcome::Failure
        } else {
            Outcome::Success
        },
        address: view.address(&["SourceAddress"]).filter(|_| inbound),
        object: to,
        ..of(Activity::Connection)
    }
}

/// 4719: what is recorded was changed. To record less is to hide.
fn policy_of_audit(view: &View<'_>) -> Facts {
    let changes = view.text("AuditPolicyChanges").unwrap_or_default();
    let records_less = changes.contains("%%8448") || changes.contains("%%8450");
    let activity = if records_less {
        Activity::LogClearing
    } else {
        Activity::PolicyChange
    };
    let words = [
        ("%%8448", "success is no longer recorded"),
        ("%%8449", "success is recorded"),
        ("%%8450", "failure is no longer recorded"),
        ("%%8451", "failure is recorded"),
    ];
    let said = words.into_iter().filter(|(code, _)| changes.contains(code));
    let said: Vec<&str> = said.map(|(_, words)| words).collect();
    let category = view.text("SubcategoryGuid").unwrap_or_default();
    simple(view, activity, &[]).with_object(Some(format!("{category} {}", said.join(", "))))
}

fn other(view: &View<'_>) -> Facts {
    let (activity, names): (Activity, &[&str]) = match view.id {
        4706 | 4716 => (Activity::TrustChange, &["DomainName"]),
        4707 => (Activity::TrustChange, &["DomainName"]),
        4713 | 4739 | 4908 | 4912 | 4715 => (Activity::PolicyChange, &["DomainPolicyChanged", "KerberosPolicyChange"]),
        4946..=4948 | 4950 => (Activity::PolicyChange, &["RuleName", "SettingType", "SettingValue"]),
        5025 | 5034 => (Activity::DefenceChange, &[]),
        4672 => (Activity::Other, &["PrivilegeList"]),
        4673 | 4674 => (Activity::Other, &["ProcessName", "PrivilegeList"]),
        4699 | 4701 => (Activity::Other, &["TaskName"]),
        4798 | 4799 => (Activity::DirectoryRead, &["TargetUserName"]),
        4886..=4888 => (Activity::AccessGrant, &["Requester", "Attributes"]),
        5142..=5144 => (Activity::HostSetting, &["ShareName", "ShareLocalPath"]),
        5379 | 5381 | 5382 => (Activity::Other, &["TargetName", "SchemaFriendlyName"]),
        4964 => (Activity::Other, &["SidList"]),
        _ => (Activity::Other, &["ObjectName", "ProcessName"]),
    };
    let mut facts = simple(view, activity, names);
    facts.target = if view.id == 4799 {
        // Whose members were listed is a group.
        let group = view
            .text("TargetUserName")
            .and_then(|name| Handle::new(HandleKind::Group, name));
        group.into_iter().collect()
    } else {
        account::named(view, TARGET_USER)
    };
    facts.address = view.address(&["IpAddress", "ClientAddress"]);
    facts
}
