//! Events in the form of vCenter's stream through syslog, of which samples are public; sentences are those of the vendor's catalogue of events.

use super::super::text::testing::{document, line, source, told};

fn event(kind: &str, user: &str, entity: &str, said: &str) -> crate::event::Event {
    line(&format!(
        "<14>1 2026-03-01T10:00:01.263383+00:00 vcsa01 vpxd 58650 - -  Event [575792] [1-1] [2026-03-01T10:00:00.26309Z] [{kind}] [info] [{user}] [{entity}] [575792] [{said}]"
    ))
}

#[test]
fn events_about_machines_name_the_machine_who_did_it_and_what() {
    let cases = [
        (
            "vim.event.VmPoweredOffEvent",
            "DC01 on esx01.acme.example in Main is powered off",
            "PowerOff Success by=acme\\anna to= on=dc01 from= with=",
        ),
        (
            "vim.event.VmClonedEvent",
            "DC01 cloned to copy on esx01 in Main",
            "MachineCopy Success by=acme\\anna to= on=dc01 from= with=DC01 cloned to copy on esx01 in Main",
        ),
        (
            "vim.event.VmRemovedEvent",
            "Removed DC01 on esx01 from Main",
            "MachineDeletion Success by=acme\\anna to= on=dc01 from= with=",
        ),
        (
            "vim.event.VmCreatedEvent",
            "Created virtual machine new on esx01 in Main",
            "MachineCreation Success by=acme\\anna to= on=new from= with=",
        ),
    ];
    for (kind, said, expected) in cases {
        let event = event(kind, r"ACME\anna", "Main", said);
        assert_eq!(source(&event), "vcenter/event/-");
        assert_eq!(told(&event), expected, "{said}");
        assert_eq!(event.time.to_string(), "2026-03-01T10:00:00.26309Z");
    }
    let off = event(cases[0].0, r"ACME\anna", "Main", cases[0].1);
    for (name, value) in [
        ("vm", "DC01"),
        ("host", "esx01.acme.example"),
        ("datacenter", "Main"),
        ("userName", r"ACME\anna"),
    ] {
        assert_eq!(off.fields[name], value);
    }
}

#[test]
fn a_disk_of_another_machine_that_is_attached_or_detached_is_told() {
    let attached = event(
        "vim.event.VmReconfiguredEvent",
        r"ACME\anna",
        "Main",
        r#"Reconfigured jump on esx01 in Main.  Modified:  config.hardware.device(1000).device: (2000) -> (2000, 2001);  Added:  config.hardware.device(2001): (key = 2001, deviceInfo = (label = "Hard disk 2", summary = "67,108,864 KB"), backing = (fileName = "ds:///vmfs/volumes/63584ea1-58b41a5c/DC01/DC01.vmdk", diskMode = "persistent"));  Deleted:  "#,
    );
    assert_eq!(
        told(&attached),
        r"MachineChange Success by=acme\anna to= on=jump from= with=attached ds:///vmfs/volumes/63584ea1-58b41a5c/DC01/DC01.vmdk"
    );
    for (name, value) in [
        ("change", "attached"),
        ("disk_folder", "DC01"),
        ("disk_of_other", "true"),
        ("vm", "jump"),
    ] {
        assert_eq!(attached.fields[name], value);
    }
    let detached = event(
        "vim.event.VmReconfiguredEvent",
        r"ACME\anna",
        "Main",
        r#"Reconfigured DC01 on esx01 in Main.  Modified:  x;  Added:  Deleted:  config.hardware.device(2000): (key = 2000, deviceInfo = (label = "Hard disk 1"))"#,
    );
    assert_eq!(
        told(&detached),
        r"MachineChange Success by=acme\anna to= on=dc01 from= with=detached Hard disk 1"
    );
    let own = event(
        "vim.event.VmReconfiguredEvent",
        "",
        "Main",
        r#"Reconfigured DC01 on esx01 in Main. Modified: Added: config.hardware.device(2001): (backing = (fileName = "[ds1] DC01_1/DC01_2.vmdk"))"#,
    );
    assert_eq!(own.fields["disk_folder"], "DC01_1");
    assert!(own.fields.get("disk_of_other").is_none());
}

#[test]
fn sign_ins_permissions_roles_and_tasks_are_told() {
    let cases = [
        (
            "vim.event.UserLoginSessionEvent",
            r"User VSPHERE.LOCAL\Administrator@10.100.10.190 logged in as Go-http-client/1.1",
            r"SignIn Success by=vsphere.local\administrator to= on=vcsa01 from=10.100.10.190 with=",
        ),
        (
            "vim.event.BadUsernameSessionEvent",
            "Cannot login root@10.0.0.9",
            "SignIn Failure by=root to= on=vcsa01 from=10.0.0.9 with=",
        ),
        (
            "vim.event.EventEx",
            "Failed login administrator@vsphere.local from 10.0.0.9 at 03/01/2026 10:00:00 GMT in SSO",
            "SignIn Failure by=administrator@vsphere.local to= on=vcsa01 from=10.0.0.9 with=",
        ),
        (
            "vim.event.EventEx",
            "SSH session was opened for 'root@10.0.0.9'.",
            "SignIn Success by=root to= on=vcsa01 from=10.0.0.9 with=",
        ),
        (
            "vim.event.PermissionAddedEvent",
            r"Permission created for ACME\evil on Datacenters, role is Admin, propagation is true",
            r"RoleGrant Success by=acme\anna to=acme\evil on=vcsa01 from= with=Admin",
        ),
        (
            "vim.event.RoleAddedEvent",
            "New role x created",
            r"PolicyChange Success by=acme\anna to= on=vcsa01 from= with=New role x created",
        ),
        (
            "vim.event.TaskEvent",
            "Task: Remove all snapshots",
            r"SnapshotDeletion Success by=acme\anna to= on=dc01 from= with=Remove all snapshots",
        ),
        (
            "vim.event.TaskEvent",
            "Task: Export OVF template",
            r"MachineCopy Success by=acme\anna to= on=dc01 from= with=Export OVF template",
        ),
        (
            "esx.audit.ssh.enabled",
            "SSH access has been enabled",
            r"ServiceStart Success by=acme\anna to= on=vcsa01 from= with=SSH",
        ),
        (
            "vim.event.UserPasswordChanged",
            "Password was changed for account root on host esx01",
            r"PasswordReset Success by=acme\anna to=root on=esx01 from= with=",
        ),
        (
            "vim.event.DatastoreFileDownloadEvent",
            "File or directory DC01/DC01-flat.vmdk downloaded from datastore ds1",
            r"FileRead Success by=acme\anna to= on=vcsa01 from= with=DC01/DC01-flat.vmdk",
        ),
    ];
    for (kind, said, expected) in cases {
        assert_eq!(told(&event(kind, r"ACME\anna", "DC01", said)), expected, "{said}");
    }
}

#[test]
fn a_message_that_was_cut_off_and_one_with_brackets_are_read() {
    let event = line(
        "<14>1 2021-09-06T14:40:30.285831+00:00 vcenter vpxd 58650 - -  Event [575800] [1-1] [2021-09-06T14:40:29.187973Z] [vim.event.GeneralHostWarningEvent] [warning] [] [Home] [575800] [Issue detected on esxi01 in Home: vmsyslog [x] lost 156959 log messages",
    );
    assert_eq!(
        event.fields["message"],
        "Issue detected on esxi01 in Home: vmsyslog [x] lost 156959 log messages"
    );
    assert_eq!(told(&event), "Other Unknown by= to= on=vcenter from= with=");
}

#[test]
fn the_audit_of_single_sign_on_and_of_authorisation_is_told() {
    let sso = |user: &str, description: &str, kind: &str| {
        line(&format!(
            r#"<86>1 2026-03-01T10:00:00Z vcsa01 sso-audit 1 - - 2026-03-01T10:00:00.000Z {{"user":"{user}","client":"10.0.0.9","timestamp":"03/01/2026 10:00:00 UTC","description":"{description}","eventSeverity":"INFO","type":"com.vmware.sso.{kind}"}}"#
        ))
    };
    let failed = sso(
        "n/a",
        "User root@acme.example@10.0.0.9 failed to log in with response code 401",
        "LoginFailure",
    );
    assert_eq!(source(&failed), "vcenter/sso/-");
    assert_eq!(
        told(&failed),
        "SignIn Failure by=root@acme.example to= on=vcsa01 from=10.0.0.9 with="
    );
    let actor = "Administrator@VSPHERE.LOCAL";
    let cases = [
        (
            "Creating local person user 'evil' with details ('x')",
            "AccountCreation Success by=administrator@vsphere.local to=evil on=vcsa01 from=10.0.0.9 with=",
        ),
        (
            "Resetting local person user 'anna' password",
            "PasswordReset Success by=administrator@vsphere.local to=anna on=vcsa01 from=10.0.0.9 with=",
        ),
        (
            "Adding users to local group 'Administrators'",
            "GroupMemberAddition Success by=administrator@vsphere.local to= on=vcsa01 from=10.0.0.9 with=Administrators",
        ),
    ];
    for (description, expected) in cases {
        assert_eq!(told(&sso(actor, description, "PrincipalManagement")), expected);
    }
    let granted = line(
        r"<14>1 2026-03-01T10:00:00Z vcsa01 vpxd-svcs 1 - - 2026-03-01T10:00:00.000Z [tomcat-exec-20  INFO  AuthorizationService.AuditLog  opId=x] Action performed by principal(name=VSPHERE.LOCAL\Administrator,isGroup=false):Add access control [ Principal=Name=ACME\evil,isGroup=false, roles=[-1], propagating=true ]",
    );
    assert_eq!(source(&granted), "vcenter/authorization/-");
    assert!(told(&granted).starts_with(r"RoleGrant Success by=vsphere.local\administrator to=acme\evil on=vcsa01"));
}

#[test]
fn the_administration_of_the_appliance_is_told() {
    let event = line(
        "<14>1 2021-09-06T14:40:05.802908+00:00 vcenter applmgmt-audit - - -  2021-09-06T14:40:05.802: INFO Authorization Result: User=administrator@vsphere.local, priv=ModifyConfiguration, authorized=True",
    );
    assert_eq!(source(&event), "vcenter/appliance/-");
    assert_eq!(
        told(&event),
        "HostSetting Success by=administrator@vsphere.local to= on=vcenter from= with=ModifyConfiguration"
    );
}

#[test]
fn exports_as_json_tell_the_same() {
    let off = document(
        r#"{"Key":1,"CreatedTime":"2026-03-01T10:00:00Z","UserName":"ACME\\anna","Vm":{"Name":"DC01"},"Host":{"Name":"esx01"},"EventTypeId":"vim.event.VmPoweredOffEvent","FullFormattedMessage":"DC01 on esx01 in Main is powered off"}"#,
    );
    assert_eq!(told(&off), r"PowerOff Success by=acme\anna to= on=dc01 from= with=");
    let attached = document(
        r#"{"source":"https://vcsa01.acme.example/sdk","subject":"VmReconfiguredEvent","data":{"CreatedTime":"/Date(1772359200000)/","UserName":"ACME\\anna","Vm":{"Name":"jump"},"FullFormattedMessage":"Reconfigured jump on esx01 in Main",
        "ConfigSpec":{"DeviceChange":[{"Operation":"add","Device":{"Backing":{"FileName":"[ds1] DC01/DC01.vmdk"}}}]}}}"#,
    );
    assert_eq!(
        told(&attached),
        r"MachineChange Success by=acme\anna to= on=jump from= with=attached [ds1] DC01/DC01.vmdk"
    );
    assert_eq!(attached.fields["disk_of_other"], "true");
    assert_eq!(attached.time.to_string(), "2026-03-01T10:00:00Z");
    let reset = document(
        r#"{"user":"Administrator@VSPHERE.LOCAL","client":"","timestamp":"03/01/2026 10:00:00 UTC","description":"Resetting local person user 'anna' password","eventSeverity":"INFO","type":"com.vmware.sso.PrincipalManagement"}"#,
    );
    assert_eq!(reset.time.to_string(), "2026-03-01T10:00:00Z");
}
