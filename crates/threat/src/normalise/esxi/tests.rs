//! Lines of ESXi 7 and 8 as public write-ups and parsers' samples show them; those of 6.7 and of rarer events are written in the same form.

use super::super::text::testing::{line, source, told};

#[test]
fn commands_of_the_shell_are_processes_that_rules_for_esxcli_can_see() {
    let lines = [
        "2023-12-05T17:38:21.798Z In(14) shell[1053659]: [root]: esxcli vm process list",
        "<14>2023-12-05T17:38:21.798Z esx01 shell[1053659]: [root]: esxcli vm process list",
        "<14>2023-12-05T17:38:21.798Z esx01 ESXShell: [root]: esxcli vm process list",
        r#"<110>2023-12-05T17:38:21.798Z esx01 shell[1231448]: [shell.cmd@6876 subject="root" object="shell" command="esxcli vm process list" result="success" status="0"]"#,
        r#"<110>1 2023-12-05T17:38:21.798Z esx01 shell 1231448 - [shell.cmd@6876 subject="root" object="shell" command="esxcli vm process list" result="success" status="0"]"#,
    ];
    for text in lines {
        let event = line(text);
        assert_eq!(source(&event), "linux/esxi/process_creation", "{text}");
        assert_eq!(event.fields["Image"], "/bin/esxcli");
        assert_eq!(event.fields["CommandLine"], "esxcli vm process list");
        assert_eq!(event.fields["User"], "root");
        assert_eq!(event.time.to_string(), "2023-12-05T17:38:21.798Z");
    }
    assert_eq!(
        told(&line(lines[1])),
        "Process Unknown by=root to= on=esx01 from= with=esxcli vm process list"
    );
}

/// Commands, what they do, and where ESXi has the program.
const COMMANDS: &[(&str, &str, &str)] = &[
    ("vim-cmd vmsvc/power.off 12", "PowerOff", "/bin/vim-cmd"),
    (
        "esxcli vm process kill --type=force --world-id=12",
        "PowerOff",
        "/bin/esxcli",
    ),
    (
        "for i in $(vim-cmd vmsvc/getallvms | awk '{print $1}'); do vim-cmd vmsvc/power.off $i; done",
        "PowerOff",
        "/bin/vim-cmd",
    ),
    (
        "vim-cmd vmsvc/snapshot.removeall 12",
        "SnapshotDeletion",
        "/bin/vim-cmd",
    ),
    ("vim-cmd hostsvc/enable_ssh", "ServiceStart", "/bin/vim-cmd"),
    (
        "vim-cmd -U dcui vimsvc/auth/lockdown_mode_exit",
        "DefenceChange",
        "/bin/vim-cmd",
    ),
    (
        "esxcli system settings encryption set --require-exec-installed-only=F",
        "DefenceChange",
        "/bin/esxcli",
    ),
    (
        "esxcli system settings advanced set -o /User/execInstalledOnly -i 0",
        "DefenceChange",
        "/bin/esxcli",
    ),
    (
        "esxcli system account add -i evil -p x -c x",
        "AccountCreation",
        "/bin/esxcli",
    ),
    (
        "esxcli system account set -i root -p x -c x",
        "PasswordReset",
        "/bin/esxcli",
    ),
    (
        "esxcli system permission set --id evil -r Admin",
        "RoleGrant",
        "/bin/esxcli",
    ),
    (
        "esxcli network firewall set --enabled false",
        "DefenceChange",
        "/bin/esxcli",
    ),
    (
        "esxcli system syslog config set --loghost=''",
        "DefenceChange",
        "/bin/esxcli",
    ),
    (
        "esxcfg-advcfg -s 0 /User/execInstalledOnly",
        "DefenceChange",
        "/sbin/esxcfg-advcfg",
    ),
    ("vmdumper -l", "Process", "/bin/vmdumper"),
    ("/tmp/encrypt /vmfs/volumes 10", "Process", "/tmp/encrypt"),
    ("rm -rf /vmfs/volumes/ds/vm/vm.vmdk", "FileDeletion", "/bin/rm"),
];

#[test]
fn what_a_command_does_is_told_by_its_words() {
    for (command, activity, image) in COMMANDS {
        let event = line(&format!("2023-12-05T17:38:21.798Z In(14) shell[1]: [root]: {command}"));
        assert_eq!(event.fields["Image"], *image, "{command}");
        assert!(
            told(&event).starts_with(&format!("{activity} ")),
            "{command}: {}",
            told(&event)
        );
        assert_eq!(event.facts.object.as_deref(), Some(*command));
    }
}

#[test]
fn a_line_of_the_shell_that_is_no_command_is_of_esxi() {
    let event = line("2023-12-05T17:36:10.000Z In(14) shell[1053659]: Interactive shell session started");
    assert_eq!(source(&event), "esxi/shell/-");
    let event = line("2023-12-05T17:36:10.000Z In(14) shell[1053659]: [root]: cd /tmp");
    assert!(event.fields.get("Image").is_none());
}

#[test]
fn hostd_tells_who_signed_in_and_what_was_done_to_host_and_machines() {
    let cases = [
        (
            "[Originator@6876 sub=Vimsvc.ha-eventmgr opID=esxui-8c02-9b39 sid=52f0e556] Event 99 : User root@192.168.127.10 logged in as Mozilla/5.0 (Windows NT 10.0)",
            "SignIn Success by=root to= on=esx01 from=192.168.127.10 with=",
        ),
        (
            "[Originator@6876 sub=Vimsvc.ha-eventmgr opID=x] Event 7 : Cannot login root@10.0.0.9",
            "SignIn Failure by=root to= on=esx01 from=10.0.0.9 with=",
        ),
        (
            "[Originator@6876 sub=Vimsvc.HaSessionManager opID=x] Accepted password for user root from 192.168.127.10 - session=52f0",
            "Other Unknown by= to= on=esx01 from= with=",
        ),
        (
            "[Originator@6876 sub=Vimsvc.ha-eventmgr] Event 129 : SSH access has been enabled.",
            "ServiceStart Success by= to= on=esx01 from= with=SSH",
        ),
        (
            "[Originator@6876 sub=Vimsvc.ha-eventmgr opID=esxui-42e-a241 sid=52f0e556 user=root] Event 130 : SSH for the host esx01 has been enabled",
            "ServiceStart Success by=root to= on=esx01 from= with=SSH",
        ),
        (
            r"[Originator@6876 sub=Vimsvc.ha-eventmgr opID=x user=vpxuser:ACME\anna] Event 406 : DC01 on esx01 in ha-datacenter is powered off",
            r"PowerOff Success by=acme\anna to= on=esx01 from= with=DC01",
        ),
        (
            "[Originator@6876 sub=Vimsvc.TaskManager opID=x user=root] Task Created : haTask-12-vim.VirtualMachine.removeAllSnapshots-1234",
            "SnapshotDeletion Success by=root to= on=esx01 from= with=haTask-12-vim.VirtualMachine.removeAllSnapshots-1234",
        ),
        (
            "[Originator@6876 sub=x user=root] Event 9 : Account evil was created on host esx01",
            "AccountCreation Success by=root to=evil on=esx01 from= with=",
        ),
        (
            "[Originator@6876 sub=x user=root] Event 9 : Password was changed for account root on host esx01",
            "PasswordReset Success by=root to=root on=esx01 from= with=",
        ),
        (
            "[Originator@6876 sub=x] Event 9 : Administrator access to the host esx01 has been restored",
            "DefenceChange Success by= to= on=esx01 from= with=lockdown mode off",
        ),
        (
            "[Originator@6876 sub=x user=root] Event 9 : File download from path '[ds1] DC01/DC01-flat.vmdk' was initiated from 'Mozilla@10.0.0.9' and completed with status 'Success'",
            "FileRead Success by=root to= on=esx01 from= with=[ds1] DC01/DC01-flat.vmdk",
        ),
    ];
    for (text, expected) in cases {
        let wire = line(&format!(
            "<166>2022-11-04T15:01:58.230Z esx01 Hostd: info hostd[1053970] {text}"
        ));
        assert_eq!(source(&wire), "esxi/hostd/-");
        assert_eq!(told(&wire), expected, "{text}");
        // The same in the files of the host, of 8 and of 7, which name no host.
        for head in [
            "2022-11-04T15:01:58.230Z In(166) Hostd[1053970]:",
            "2022-11-04T15:01:58.230Z info hostd[1053970]",
        ] {
            let file = line(&format!("{head} {text}"));
            assert_eq!(told(&file), expected.replace("on=esx01", "on="), "{head}");
        }
    }
}

#[test]
fn observations_of_vobd_tell_of_access_and_defences() {
    let cases = [
        (
            "[esx.audit.ssh.enabled] SSH access has been enabled.",
            "ServiceStart Success by= to= on=esx01 from= with=SSH",
        ),
        (
            "[esx.audit.ssh.session.opened] SSH session was opened for 'root@10.0.0.9'.",
            "SignIn Success by=root to= on=esx01 from=10.0.0.9 with=",
        ),
        (
            "[esx.audit.account.locked] Remote access for ESXi local user account 'root' has been locked for 900 seconds after 12 failed login attempts.",
            "AccountState Success by= to=root on=esx01 from= with=locked",
        ),
        (
            "[esx.audit.dcui.login.passwd.changed] Login password for user root has been changed.",
            "PasswordReset Success by= to=root on=esx01 from= with=DCUI",
        ),
        (
            "[esx.audit.lockdownmode.disabled] Administrator access to the host has been enabled.",
            "DefenceChange Success by= to= on=esx01 from= with=lockdown mode off",
        ),
        (
            "[vob.user.ssh.session.opened] SSH session was opened for 'root@10.0.0.9'.",
            "Other Unknown by= to= on=esx01 from= with=",
        ),
    ];
    for (text, expected) in cases {
        let event = line(&format!(
            "<14>2026-03-01T10:00:00.000Z esx01 vobd[2097999]: [UserLevelCorrelator] 327555108910us: {text}"
        ));
        assert_eq!(source(&event), "esxi/vobd/-");
        assert_eq!(told(&event), expected, "{text}");
    }
    let event = line(
        "2020-05-02T08:00:00.001Z: [UserLevelCorrelator] 3us: [esx.audit.ssh.enabled] SSH access has been enabled.",
    );
    assert_eq!(event.fields["event_id"], "esx.audit.ssh.enabled");
}

#[test]
fn the_console_the_kernel_and_ssh_are_told() {
    let cases = [
        (
            "DCUI: User root logged in",
            "SignIn Success by=root to= on=esx01 from= with=",
        ),
        (
            "DCUI: password changed for user root",
            "PasswordReset Success by=root to=root on=esx01 from= with=console",
        ),
        (
            "vmkernel: cpu1:2099)VisorFSTar: sh: exec denied: /tmp/encrypt",
            "Process Failure by= to= on=esx01 from= with=/tmp/encrypt",
        ),
        (
            "SSH[1053644]: SSH login enabled",
            "ServiceStart Success by= to= on=esx01 from= with=SSH",
        ),
        (
            "sshd[1053654]: Accepted keyboard-interactive/pam for root from 192.168.127.10 port 58470 ssh2",
            "SignIn Success by=root to= on=esx01 from=192.168.127.10 with=",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(
            told(&line(&format!("<13>2026-03-01T10:00:00Z esx01 {text}"))),
            expected,
            "{text}"
        );
    }
}
