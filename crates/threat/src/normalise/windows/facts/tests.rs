//! Who did what, on data of EVTX-to-MITRE-Attack (CC0) where it has the event; others have the fields that Microsoft documents, with
//! names of our own.

use serde_json::json;

use super::*;
use crate::event::HandleKind::{Address, DisplayName, Group, Host, Mail, Sam, Sid, User};

fn facts_of(service: &str, provider: &str, id: u32, data: Value) -> Facts {
    let Value::Object(data) = data else { panic!("an object") };
    let mut head = Map::new();
    head.insert("Keywords".to_owned(), json!("0x8020000000000000"));
    facts(&View {
        id,
        service,
        provider,
        computer: "rootdc1.offsec.lan",
        user: Some("S-1-5-21-1-2-3-1111"),
        head: &head,
        data: &data,
    })
}

fn security(id: u32, data: Value) -> Facts {
    facts_of("security", "Microsoft-Windows-Security-Auditing", id, data)
}

fn handles(named: &[Handle]) -> Vec<(HandleKind, &str)> {
    named.iter().map(|handle| (handle.kind, handle.name.as_str())).collect()
}

fn subject(more: Value) -> Value {
    let mut data =
        json!({"SubjectUserSid": "S-1-5-21-1-2-3-1111", "SubjectUserName": "admmig", "SubjectDomainName": "OFFSEC"});
    let (Value::Object(all), Value::Object(more)) = (&mut data, more) else {
        panic!("objects")
    };
    all.extend(more);
    data
}

#[test]
fn a_sign_in_names_who_came_from_where() {
    let facts = security(
        4624,
        json!({"SubjectUserSid": "S-1-0-0", "SubjectUserName": "-", "TargetUserSid": "S-1-5-21-1-2-3-1111", "TargetUserName": "admmig",
            "TargetDomainName": "OFFSEC.LAN", "LogonType": "3", "AuthenticationPackageName": "Kerberos", "WorkstationName": "-",
            "IpAddress": "::ffff:10.23.23.9"}),
    );
    assert_eq!(facts.activity, Activity::SignIn);
    assert_eq!(facts.outcome, Outcome::Success);
    assert_eq!(
        handles(&facts.actor),
        [(Sid, "s-1-5-21-1-2-3-1111"), (Mail, "admmig@offsec.lan")]
    );
    assert_eq!(handles(&facts.machine), [(Host, "rootdc1.offsec.lan")]);
    assert_eq!(facts.address, Some("10.23.23.9".parse().unwrap()));
    assert_eq!(facts.device, None);
    assert_eq!(facts.object.as_deref(), Some("network, by Kerberos"));
}

#[test]
fn a_refused_sign_in_is_a_failure() {
    let facts = security(
        4625,
        json!({"TargetUserSid": "S-1-0-0", "TargetUserName": "eva", "TargetDomainName": "ACME", "LogonType": 10, "WorkstationName": "WS5",
            "IpAddress": "127.0.0.1"}),
    );
    assert_eq!((facts.activity, facts.outcome), (Activity::SignIn, Outcome::Failure));
    assert_eq!(handles(&facts.actor), [(Sam, "acme\\eva")]);
    assert_eq!(facts.address, None, "its own address says nothing");
    assert_eq!(facts.device.as_deref(), Some("WS5"));
}

#[test]
fn services_of_the_machine_do_not_sign_in() {
    let own = json!({"TargetUserSid": "S-1-5-18", "TargetUserName": "SYSTEM", "TargetDomainName": "NT AUTHORITY", "LogonType": 5});
    assert_eq!(security(4624, own).activity, Activity::Other);
}

#[test]
fn domain_controllers_tell_of_tickets_and_passwords() {
    let asked = security(
        4768,
        json!({"TargetUserName": "rootdc1", "TargetDomainName": "OFFSEC", "TargetSid": "S-1-5-21-1-2-3-1296", "ServiceName": "krbtgt",
            "Status": "0x0", "TicketEncryptionType": "0x12", "IpAddress": "::ffff:10.23.123.11"}),
    );
    assert_eq!((asked.activity, asked.outcome), (Activity::SignIn, Outcome::Success));
    assert_eq!(
        handles(&asked.actor),
        [(Sid, "s-1-5-21-1-2-3-1296"), (Sam, "offsec\\rootdc1")]
    );
    let refused = security(
        4768,
        json!({"TargetUserName": "nobody", "Status": "0x6", "TicketEncryptionType": "0xffffffff"}),
    );
    assert_eq!(refused.outcome, Outcome::Failure);
    assert_eq!(handles(&refused.actor), [(User, "nobody")]);
    let ticket = security(
        4769,
        json!({"TargetUserName": "rootdc1@OFFSEC.LAN", "TargetDomainName": "OFFSEC.LAN", "ServiceName": "ROOTDC1$", "Status": "0x0"}),
    );
    assert_eq!(ticket.activity, Activity::TicketRequest);
    assert_eq!(handles(&ticket.actor), [(Mail, "rootdc1@offsec.lan")]);
    assert_eq!(ticket.object.as_deref(), Some("ROOTDC1$"));
    let checked = security(
        4776,
        json!({"TargetUserName": "hack1", "Workstation": "attacker", "Status": "0xc000006a"}),
    );
    assert_eq!(
        (checked.activity, checked.outcome),
        (Activity::SignIn, Outcome::Failure)
    );
    assert_eq!(checked.device.as_deref(), Some("attacker"));
    assert_eq!(
        security(4771, json!({"TargetUserName": "eva", "Status": "0x18"})).outcome,
        Outcome::Failure
    );
}

#[test]
fn a_reset_by_somebody_else_is_no_change_of_ones_own() {
    let target = json!({"TargetUserName": "eva", "TargetDomainName": "ACME", "TargetSid": "S-1-5-21-1-2-3-1200"});
    let reset = security(4724, subject(target.clone()));
    assert_eq!(
        (reset.activity, reset.outcome),
        (Activity::PasswordReset, Outcome::Success)
    );
    assert_eq!(
        handles(&reset.actor),
        [(Sid, "s-1-5-21-1-2-3-1111"), (Sam, "offsec\\admmig")]
    );
    assert_eq!(
        handles(&reset.target),
        [(Sid, "s-1-5-21-1-2-3-1200"), (Sam, "acme\\eva")]
    );
    assert_eq!(security(4723, subject(target)).activity, Activity::PasswordChange);
}

#[test]
fn every_change_of_an_account_has_its_word() {
    for (id, activity, object) in [
        (4720, Activity::AccountCreation, None),
        (4722, Activity::AccountState, Some("enabled")),
        (4725, Activity::AccountState, Some("disabled")),
        (4726, Activity::AccountDeletion, None),
        (4738, Activity::AccountChange, None),
        (4741, Activity::AccountCreation, None),
        (4743, Activity::AccountDeletion, None),
        (4767, Activity::AccountState, Some("unlocked")),
    ] {
        let facts = security(
            id,
            subject(json!({"TargetUserName": "eva", "TargetDomainName": "ACME"})),
        );
        assert_eq!((facts.activity, facts.object.as_deref()), (activity, object), "{id}");
        assert_eq!(handles(&facts.target), [(Sam, "acme\\eva")], "{id}");
    }
}

#[test]
fn a_locked_account_is_named_without_the_machine_that_asked() {
    let facts = security(
        4740,
        subject(json!({"TargetUserName": "eva", "TargetDomainName": "WS5", "TargetSid": "S-1-5-21-1-2-3-1200"})),
    );
    assert_eq!(handles(&facts.target), [(Sid, "s-1-5-21-1-2-3-1200"), (User, "eva")]);
    assert_eq!(
        (facts.device.as_deref(), facts.object.as_deref()),
        (Some("WS5"), Some("locked out"))
    );
}

#[test]
fn nobody_signs_in_in_place_of_somebody_without_a_name() {
    let facts = security(
        4625,
        subject(json!({"TargetUserSid": "S-1-0-0", "TargetUserName": "-", "LogonType": 10})),
    );
    assert_eq!(facts.actor, []);
}

#[test]
fn lists_are_laid_on_one_line() {
    let facts = security(
        4672,
        subject(json!({"PrivilegeList": "SeSecurityPrivilege\r\n\t\t\tSeBackupPrivilege"})),
    );
    assert_eq!(facts.object.as_deref(), Some("SeSecurityPrivilege SeBackupPrivilege"));
}

#[test]
fn a_renamed_account_has_both_of_its_names() {
    let names = json!({"OldTargetUserName": "compnay-88$", "NewTargetUserName": "rootdc1", "TargetDomainName": "OFFSEC",
        "TargetSid": "S-1-5-21-1-2-3-1296"});
    let facts = security(4781, subject(names));
    assert_eq!(
        handles(&facts.target),
        [
            (Sid, "s-1-5-21-1-2-3-1296"),
            (Sam, "offsec\\rootdc1"),
            (Sam, "offsec\\compnay-88$")
        ]
    );
}

#[test]
fn who_joins_a_group_is_the_target_and_the_group_the_object() {
    let data = json!({"MemberName": "CN=Eva M\u{fc}ller\\, Dr.,OU=people,DC=acme,DC=example", "MemberSid": "S-1-5-21-1-2-3-1008",
        "TargetUserName": "ESX Admins", "TargetDomainName": "ACME", "TargetSid": "S-1-5-21-1-2-3-513"});
    let facts = security(4728, subject(data.clone()));
    assert_eq!(facts.activity, Activity::GroupMemberAddition);
    assert_eq!(
        handles(&facts.target),
        [(Sid, "s-1-5-21-1-2-3-1008"), (DisplayName, "eva m\u{fc}ller\\, dr.")]
    );
    assert_eq!(facts.object.as_deref(), Some("ESX Admins"));
    assert_eq!(security(4733, subject(data)).activity, Activity::GroupMemberRemoval);
    let made = security(
        4727,
        subject(json!({"TargetUserName": "ESX Admins", "TargetDomainName": "ACME"})),
    );
    assert_eq!(made.activity, Activity::GroupChange);
    assert_eq!(
        handles(&made.target),
        [(Sam, "acme\\esx admins"), (Group, "esx admins")]
    );
}

#[test]
fn the_directory_is_read_and_changed() {
    let read = security(
        4662,
        subject(
            json!({"ObjectType": "%{19195a5b-6da0-11d0-afd3-00c04fd930c9}", "ObjectName": "%{7a2a}", "AccessMask": "0x100",
            "Properties": "%%7688\r\n\t\t{1131f6ad-9c07-11d1-f79f-00c04fc2dcd2}"}),
        ),
    );
    assert_eq!(read.activity, Activity::DirectoryRead);
    assert!(read.object.unwrap().contains("1131f6ad-9c07-11d1-f79f-00c04fc2dcd2"));
    let changed = security(
        5136,
        subject(
            json!({"ObjectDN": "CN=eva,CN=Users,DC=offsec,DC=lan", "ObjectClass": "user",
            "AttributeLDAPDisplayName": "servicePrincipalName", "AttributeValue": "MSSQL/x"}),
        ),
    );
    assert_eq!(changed.activity, Activity::AccountChange);
    assert_eq!(handles(&changed.target), [(DisplayName, "eva")]);
}

#[test]
fn what_is_done_to_a_file_is_in_its_mask() {
    for (mask, activity) in [
        ("0x120196", Activity::FileWrite),
        ("0x120089", Activity::FileRead),
        ("0x10000", Activity::FileDeletion),
    ] {
        let data = json!({"ObjectType": "File", "IpAddress": "10.23.42.22", "ShareName": "\\\\*\\ADMIN$",
            "RelativeTargetName": "PSEXESVC.exe", "AccessMask": mask});
        let facts = security(5145, subject(data));
        assert_eq!(facts.activity, activity, "{mask}");
        assert_eq!(facts.object.as_deref(), Some("\\\\*\\ADMIN$\\PSEXESVC.exe"));
        assert_eq!(facts.address, Some("10.23.42.22".parse().unwrap()));
    }
}

#[test]
fn what_lasts_is_named_as_persistence() {
    let service = security(
        4697,
        subject(json!({"ServiceName": "PSEXESVC", "ServiceFileName": "%SystemRoot%\\PSEXESVC.exe"})),
    );
    assert_eq!(service.activity, Activity::Persistence);
    assert_eq!(service.object.as_deref(), Some("PSEXESVC %SystemRoot%\\PSEXESVC.exe"));
    let service = facts_of(
        "system",
        "Service Control Manager",
        7045,
        json!({"ServiceName": "x", "ImagePath": "c:\\x.exe"}),
    );
    assert_eq!(
        (service.activity, handles(&service.actor)),
        (Activity::Persistence, vec![(Sid, "s-1-5-21-1-2-3-1111")])
    );
    let task = security(4698, subject(json!({"TaskName": "\\updater"})));
    assert_eq!(
        (task.activity, task.object.as_deref()),
        (Activity::Persistence, Some("\\updater"))
    );
}

#[test]
fn clearing_logs_and_recording_less_are_the_same_activity() {
    assert_eq!(security(1102, subject(json!({}))).activity, Activity::LogClearing);
    let cleared = facts_of(
        "system",
        "Microsoft-Windows-Eventlog",
        104,
        subject(json!({"Channel": "System"})),
    );
    assert_eq!(
        (cleared.activity, cleared.object.as_deref()),
        (Activity::LogClearing, Some("System"))
    );
    let less = security(
        4719,
        subject(json!({"SubcategoryGuid": "{0cce9210}", "AuditPolicyChanges": "%%8448, %%8450"})),
    );
    assert_eq!(less.activity, Activity::LogClearing);
    assert_eq!(
        less.object.as_deref(),
        Some("{0cce9210} success is no longer recorded, failure is no longer recorded")
    );
    let more = security(4719, subject(json!({"AuditPolicyChanges": "%%8449"})));
    assert_eq!(more.activity, Activity::PolicyChange);
}

#[test]
fn the_database_of_the_directory_is_seen_where_it_goes() {
    let data = json!({"Data": ["NTDS", "7148", "", "2", "c:\\hacker\\Active Directory\\ntds.dit", "0", "[1] 0.000"]});
    let made = facts_of("application", "ESENT", 325, data);
    assert_eq!(made.activity, Activity::FileWrite);
    assert_eq!(made.object.as_deref(), Some("c:\\hacker\\Active Directory\\ntds.dit"));
}

#[test]
fn remote_desktops_are_signed_in_to() {
    let rdp = facts_of(
        "terminalservices-remoteconnectionmanager",
        "",
        1149,
        json!({"Param1": "admmig", "Param3": "10.23.123.11"}),
    );
    assert_eq!(rdp.activity, Activity::SignIn);
    assert_eq!(handles(&rdp.actor), [(User, "admmig")]);
    assert_eq!(rdp.address, Some("10.23.123.11".parse().unwrap()));
    let session = |address: &str| {
        let data = json!({"User": "OFFSEC\\admmig", "SessionID": 2, "Address": address});
        facts_of("terminalservices-localsessionmanager", "", 21, data)
    };
    assert_eq!(session("10.1.1.1").activity, Activity::SignIn);
    assert_eq!(session("LOCAL").activity, Activity::Other);
    let tcp = facts_of(
        "remotedesktopservices-rdpcorets",
        "",
        131,
        json!({"ConnType": "TCP", "ClientIP": "10.23.123.11:36160"}),
    );
    assert_eq!(tcp.address, Some("10.23.123.11".parse().unwrap()));
}

#[test]
fn ssh_and_databases_are_signed_in_to() {
    let ssh = |line: &str| facts_of("openssh", "OpenSSH", 4, json!({"process": "sshd", "payload": line}));
    let failed = ssh("Failed password for invalid user eva from 10.23.23.9 port 56589 ssh2");
    assert_eq!((failed.activity, failed.outcome), (Activity::SignIn, Outcome::Failure));
    assert_eq!(handles(&failed.actor), [(User, "eva")]);
    assert_eq!(failed.address, Some("10.23.23.9".parse().unwrap()));
    let key = ssh("Accepted publickey for offsec\\admmig from 10.23.23.9 port 1 ssh2: RSA SHA256:x");
    assert_eq!(
        (key.outcome, key.object.as_deref()),
        (Outcome::Success, Some("SSH, publickey"))
    );
    assert_eq!(handles(&key.actor), [(Sam, "offsec\\admmig")]);
    assert_eq!(
        ssh("Connection closed by authenticating user admmig 10.23.23.9 port 56589 [preauth]").activity,
        Activity::Other
    );
    let database = facts_of(
        "application",
        "MSSQL$RADAR",
        18456,
        json!({"Data": ["unexisting-user", " Reason: An attempt to login using SQL authentication failed.", " [CLIENT: 10.23.23.9]"]}),
    );
    assert_eq!(
        (database.activity, database.outcome),
        (Activity::SignIn, Outcome::Failure)
    );
    assert_eq!(database.address, Some("10.23.23.9".parse().unwrap()));
}

#[test]
fn defences_that_fall_are_told() {
    let defender = |id: u32, data: Value| facts_of("windefend", "Microsoft-Windows-Windows Defender", id, data);
    let found = defender(
        1116,
        json!({"Threat Name": "HackTool:Win64/Mikatz!dha", "Path": "file:_C:\\x.sys", "Detection User": "OFFSEC\\admmig"}),
    );
    assert_eq!(found.activity, Activity::MalwareFound);
    assert_eq!(handles(&found.actor), [(Sam, "offsec\\admmig")]);
    assert_eq!(
        found.object.as_deref(),
        Some("HackTool:Win64/Mikatz!dha file:_C:\\x.sys")
    );
    assert_eq!(defender(5001, json!({})).activity, Activity::DefenceChange);
    assert_eq!(defender(5013, json!({"Value": "x"})).outcome, Outcome::Failure);
    let firewall = |value: &str| {
        let data = json!({"SettingType": "1", "SettingValueString": value, "ModifyingUser": "S-1-5-21-1-2-3-1111"});
        facts_of("firewall-as", "", 2003, data).activity
    };
    assert_eq!(firewall("No"), Activity::DefenceChange);
    assert_eq!(firewall("Yes"), Activity::PolicyChange);
}

#[test]
fn connections_give_a_machine_its_address() {
    let data = |initiated: Value| {
        json!({"User": "NT AUTHORITY\\SYSTEM", "Initiated": initiated, "SourceIp": "10.0.0.5", "SourcePort": 50000,
            "DestinationIp": "203.0.113.9", "DestinationHostname": "-", "DestinationPort": 443})
    };
    let sysmon = |initiated| facts_of("sysmon", "Microsoft-Windows-Sysmon", 3, data(initiated));
    for out in [sysmon(json!(true)), sysmon(json!("true"))] {
        assert_eq!(out.object.as_deref(), Some("203.0.113.9:443"));
        assert_eq!(
            handles(&out.machine),
            [(Host, "rootdc1.offsec.lan"), (Address, "10.0.0.5")]
        );
        assert_eq!(out.address, None);
    }
    let inward = sysmon(json!(false));
    assert_eq!(inward.address, Some("10.0.0.5".parse().unwrap()));
    assert_eq!(
        handles(&inward.machine),
        [(Host, "rootdc1.offsec.lan"), (Address, "203.0.113.9")]
    );
}

#[test]
fn sysmon_names_what_it_saw() {
    for (id, data, activity, object) in [
        (
            1,
            json!({"CommandLine": "whoami /all", "Image": "w"}),
            Activity::Process,
            "whoami /all",
        ),
        (
            6,
            json!({"ImageLoaded": "C:\\k.sys"}),
            Activity::Persistence,
            "C:\\k.sys",
        ),
        (7, json!({"ImageLoaded": "C:\\k.dll"}), Activity::Other, "C:\\k.dll"),
        (11, json!({"TargetFilename": "C:\\f"}), Activity::FileWrite, "C:\\f"),
        (
            13,
            json!({"TargetObject": "HKLM\\a", "Details": "1"}),
            Activity::RegistryChange,
            "HKLM\\a 1",
        ),
        (22, json!({"QueryName": "x.example"}), Activity::NameLookup, "x.example"),
        (23, json!({"TargetFilename": "C:\\f"}), Activity::FileDeletion, "C:\\f"),
    ] {
        let facts = facts_of("sysmon", "Microsoft-Windows-Sysmon", id, data);
        assert_eq!(
            (facts.activity, facts.object.as_deref()),
            (activity, Some(object)),
            "{id}"
        );
    }
}

#[test]
fn scripts_have_their_text_and_their_author() {
    let script = facts_of(
        "powershell",
        "",
        4104,
        json!({"ScriptBlockText": "Get-ADUser -Filter *"}),
    );
    assert_eq!(
        (script.activity, script.object.as_deref()),
        (Activity::Script, Some("Get-ADUser -Filter *"))
    );
    assert_eq!(handles(&script.actor), [(Sid, "s-1-5-21-1-2-3-1111")]);
    let context = "\tSequenceNumber=301\r\n\tUserId=OFFSEC\\admmig\r\n\tHostApplication=powershell.exe -enc AAAA\r\n";
    let classic = facts_of("powershell-classic", "PowerShell", 800, json!({"Data": ["", context]}));
    assert_eq!(classic.object.as_deref(), Some("powershell.exe -enc AAAA"));
    assert!(handles(&classic.actor).contains(&(Sam, "offsec\\admmig")));
    let long = facts_of(
        "powershell",
        "",
        4104,
        json!({"ScriptBlockText": "\u{e4}".repeat(10_000)}),
    );
    assert_eq!(long.object.unwrap().chars().count(), OBJECT_CHARACTERS_MAX);
}

#[test]
fn audits_tell_success_by_bit_or_by_word() {
    let outcome = |keywords: Value| {
        let (mut head, data) = (Map::new(), Map::new());
        head.insert("Keywords".to_owned(), keywords);
        facts(&View {
            id: 4674,
            service: "security",
            provider: "",
            computer: "",
            user: None,
            head: &head,
            data: &data,
        })
        .outcome
    };
    for success in [
        json!("0x8020000000000000"),
        json!(-9_214_364_837_600_034_816_i64),
        json!(["Audit Success"]),
        json!("Audit Success"),
    ] {
        assert_eq!(outcome(success.clone()), Outcome::Success, "{success}");
    }
    for failure in [
        json!("0x8010000000000000"),
        json!(-9_218_868_437_227_405_312_i64),
        json!("Audit Failure"),
    ] {
        assert_eq!(outcome(failure.clone()), Outcome::Failure, "{failure}");
    }
    assert_eq!(outcome(json!("nonsense")), Outcome::Unknown);
}
