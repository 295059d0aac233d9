//! The system and application logs, and those of single services.

use super::{View, account, of, shortened, sign_in};
use crate::event::{Activity, Facts, Outcome};

pub(super) fn facts(view: &View<'_>) -> Facts {
    match view.service {
        "system" => system(view),
        "application" => application(view),
        "windefend" => defender(view),
        "taskscheduler" => match view.id {
            106 | 140 => Facts {
                actor: account::whole(view.text("UserContext").or_else(|| view.text("UserName"))),
                object: view.object(&["TaskName"]),
                ..of(Activity::Persistence)
            },
            _ => named(view, Activity::Other, &["TaskName", "Path"]),
        },
        "terminalservices-remoteconnectionmanager" if view.id == 1149 => sign_in::terminal(view),
        "terminalservices-localsessionmanager" if matches!(view.id, 21 | 25) => sign_in::terminal(view),
        "remotedesktopservices-rdpcorets" => Facts {
            address: view.address(&["ClientIP"]),
            ..named(view, Activity::Connection, &["ClientIP"])
        },
        "openssh" => sign_in::ssh(view),
        "bits-client" => named(view, Activity::Connection, &["url", "RemoteName", "LocalName"]),
        "dns-client" => named(view, Activity::NameLookup, &["QueryName"]),
        "wmi" if view.id == 5861 => named(view, Activity::Persistence, &["ESS", "CONSUMER", "PossibleCause"]),
        "firewall-as" => firewall(view),
        "msexchange-management" => exchange(view),
        // A library that the server runs with all its rights, also on domain controllers.
        "dns-server" if matches!(view.id, 150 | 770 | 771) => {
            named(view, Activity::Persistence, &["param1", "DllName"])
        }
        "codeintegrity-operational" => named(view, Activity::Other, &["FileNameBuffer"]),
        "appxdeployment-server" => named(view, Activity::Other, &["Path", "PackageFullName"]),
        "smbserver-connectivity" | "smbserver-security" => Facts {
            address: view.address(&["ClientAddress", "ClientName"]),
            ..of(Activity::Other)
        },
        _ => of(Activity::Other),
    }
}

fn named(view: &View<'_>, activity: Activity, names: &[&str]) -> Facts {
    Facts {
        object: view.object(names),
        ..of(activity)
    }
}

fn system(view: &View<'_>) -> Facts {
    match (view.provider, view.id) {
        ("Service Control Manager", 7045) => named(view, Activity::Persistence, &["ServiceName", "ImagePath"]),
        ("Service Control Manager", 7034 | 7036 | 7040) => {
            named(view, Activity::Other, &["param1", "param2", "param3"])
        }
        ("Service Control Manager", _) => named(view, Activity::Other, &["param1"]),
        ("Microsoft-Windows-Eventlog", 104) => named(view, Activity::LogClearing, &["Channel"]),
        ("EventLog" | "Microsoft-Windows-Kernel-General", 6005 | 12) => of(Activity::PowerOn),
        ("EventLog" | "Microsoft-Windows-Kernel-General" | "Microsoft-Windows-Kernel-Power", 6006 | 6008 | 13 | 41) => {
            of(Activity::PowerOff)
        }
        ("User32", 1074) => Facts {
            actor: account::whole(view.text("param7")),
            ..named(view, Activity::PowerOff, &["param1", "param5"])
        },
        ("volsnap" | "Volsnap", 25 | 33) => named(view, Activity::SnapshotDeletion, &["DeviceName", "Origin"]),
        ("Microsoft-Windows-Backup", 524) => of(Activity::SnapshotDeletion),
        ("Microsoft-Windows-FilterManager", 1) => named(view, Activity::Other, &["DeviceName", "FinalStatus"]),
        _ => of(Activity::Other),
    }
}

fn application(view: &View<'_>) -> Facts {
    match view.id {
        216 | 325..=327 if view.provider == "ESENT" || view.provider.contains("NTDS") => database_file(view),
        18453 | 18454 | 18456 if view.provider.contains("MSSQL") => sign_in::database(view),
        // An option of the server was changed, `xp_cmdshell` among them.
        15457 if view.provider.contains("MSSQL") => Facts {
            object: view.unnamed(0).map(shortened),
            ..of(Activity::HostSetting)
        },
        33205 if view.provider.contains("MSSQL") => sql_audit(view),
        524 if view.provider == "Microsoft-Windows-Backup" => of(Activity::SnapshotDeletion),
        1033 | 11707 if view.provider == "MsiInstaller" => Facts {
            object: view.unnamed(0).map(shortened),
            ..of(Activity::Other)
        },
        _ => of(Activity::Other),
    }
}

/// The engine beneath the directory: a database was made (325), attached (326), detached (327), or came to another place (216). Made is what
/// `ntdsutil` does to take the directory away.
fn database_file(view: &View<'_>) -> Facts {
    let paths = (0..8)
        .filter_map(|at| view.unnamed(at))
        .filter(|text| text.contains('\\'));
    let object: Vec<&str> = paths.collect();
    let activity = match view.id {
        325 | 216 => Activity::FileWrite,
        _ => Activity::FileRead,
    };
    Facts {
        outcome: Outcome::Success,
        object: (!object.is_empty()).then(|| shortened(&object.join(" "))),
        ..of(activity)
    }
}

/// SQL Server's audit: one text of `name:value` lines.
fn sql_audit(view: &View<'_>) -> Facts {
    let text = view.unnamed(0).unwrap_or_default();
    let value = |name: &str| {
        text.lines()
            .find_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
            .filter(|value| !value.is_empty())
    };
    let activity = match value("action_id") {
        Some("LGIS" | "LGIF") => Activity::SignIn,
        Some("AUSC") => Activity::LogClearing,
        _ => Activity::Other,
    };
    let outcome = match value("succeeded") {
        Some("true") => Outcome::Success,
        Some("false") => Outcome::Failure,
        _ => Outcome::Unknown,
    };
    let person = value("session_server_principal_name").or_else(|| value("server_principal_name"));
    Facts {
        outcome,
        actor: account::whole(person),
        object: value("statement").or_else(|| value("object_name")).map(shortened),
        ..of(activity)
    }
}

fn defender(view: &View<'_>) -> Facts {
    match view.id {
        1006..=1008 | 1015 | 1116..=1119 => Facts {
            actor: account::whole(view.text("Detection User").or_else(|| view.text("User"))),
            object: view.object(&["Threat Name", "Path"]),
            ..of(Activity::MalwareFound)
        },
        // Its settings were changed; 5013: somebody tried to and was refused.
        5004 | 5007 | 5013 => Facts {
            outcome: if view.id == 5013 {
                Outcome::Failure
            } else {
                Outcome::Success
            },
            ..named(view, Activity::DefenceChange, &["New Value", "Value", "Old Value"])
        },
        // Scanning or protection was switched off or has failed.
        3002 | 5001 | 5008 | 5010 | 5012 => named(view, Activity::DefenceChange, &["Feature Name", "Reason"]),
        _ => of(Activity::Other),
    }
}

fn firewall(view: &View<'_>) -> Facts {
    let off = view.id == 2003
        && matches!(view.text("SettingValueString"), Some("No"))
        && view.number("SettingType") == Some(1);
    let activity = match view.id {
        _ if off => Activity::DefenceChange,
        2003..=2009 | 2032 | 2033 | 2052 | 2059 | 2060 | 2071 | 2073 | 2082 | 2097 | 2099 => Activity::PolicyChange,
        _ => Activity::Other,
    };
    Facts {
        actor: account::whole(view.text("ModifyingUser")),
        ..named(
            view,
            activity,
            &[
                "RuleName",
                "ApplicationPath",
                "SettingValueString",
                "ModifyingApplication",
            ],
        )
    }
}

/// Exchange's commands: their name, their parameters, who gave them.
fn exchange(view: &View<'_>) -> Facts {
    let command = view.unnamed(0).unwrap_or_default();
    let parameters = view.unnamed(1).unwrap_or_default();
    let forwards = parameters.contains("Forwarding");
    let activity = match command {
        "New-InboxRule" | "Set-InboxRule" | "New-TransportRule" | "Set-TransportRule" => Activity::MailRule,
        "Set-Mailbox" if forwards => Activity::MailRule,
        "New-ManagementRoleAssignment" | "Add-RoleGroupMember" => Activity::RoleGrant,
        "Add-MailboxPermission" => Activity::AccessGrant,
        "New-MailboxExportRequest" => Activity::FileRead,
        _ => Activity::Other,
    };
    Facts {
        outcome: match view.id {
            1 => Outcome::Success,
            6 => Outcome::Failure,
            _ => Outcome::Unknown,
        },
        actor: account::whole(view.unnamed(2).and_then(|person| person.rsplit('/').next())),
        object: (!command.is_empty()).then(|| shortened(&format!("{command} {parameters}"))),
        ..of(activity)
    }
}
