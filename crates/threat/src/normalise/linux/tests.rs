//! Lines as the programs write them; those of sshd, sudo, su, doas and PAM have the form in which public rule sets quote them.

use super::super::text::testing::{document, line, source, told};

#[test]
fn sign_ins_by_ssh_are_told_once_each_with_user_address_and_method() {
    let cases = [
        (
            "Mar  1 10:00:00 web01 sshd[12]: Accepted publickey for anna from 198.51.100.7 port 5022 ssh2: ED25519 SHA256:x",
            "SignIn Success by=anna to= on=web01 from=198.51.100.7 with=",
        ),
        (
            "Mar  1 10:00:00 web01 sshd[12]: Failed password for invalid user admin from 198.51.100.7 port 4446 ssh2",
            "SignIn Failure by=admin to= on=web01 from=198.51.100.7 with=",
        ),
        (
            "Mar  1 10:00:00 web01 sshd-session[12]: error: PAM: Authentication failure for root from 198.51.100.7",
            "SignIn Failure by=root to= on=web01 from=198.51.100.7 with=",
        ),
        (
            "Mar  1 10:00:00 web01 sshd[12]: error: maximum authentication attempts exceeded for invalid user x from 198.51.100.7 port 1 ssh2 [preauth]",
            "SignIn Failure by=x to= on=web01 from=198.51.100.7 with=",
        ),
        (
            "Mar  1 10:00:00 web01 sshd[12]: Invalid user x from 10.0.0.1 from 198.51.100.7 port 40",
            "Other Failure by=x from 10.0.0.1 to= on=web01 from=198.51.100.7 with=",
        ),
        (
            "Mar  1 10:00:00 web01 sshd[12]: pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)",
            "Other Unknown by= to= on=web01 from= with=",
        ),
        (
            "Mar  1 10:00:00 web01 sshd[12]: Read error from remote host 192.168.1.1: Connection reset by peer",
            "Other Unknown by= to= on=web01 from= with=",
        ),
    ];
    for (text, expected) in cases {
        let event = line(text);
        assert_eq!(source(&event), "linux/sshd/-", "{text}");
        assert_eq!(told(&event), expected, "{text}");
    }
}

#[test]
fn su_and_console_sign_ins_name_who_became_whom() {
    let cases = [
        (
            "su[234]: BAD SU ger to fwmaster on /dev/ttyp0",
            "SignIn Failure by=ger to=fwmaster",
        ),
        ("su[234]: (to root) anna on pts/1", "SignIn Success by=anna to=root"),
        (
            "su[234]: FAILED SU (to root) anna on pts/1",
            "SignIn Failure by=anna to=root",
        ),
        (
            "su[234]: Successful su for root by anna",
            "SignIn Success by=anna to=root",
        ),
        (
            "login[9]: pam_unix(login:session): session opened for user anna(uid=1000) by LOGIN(uid=0)",
            "SignIn Success by=anna to=",
        ),
        (
            "gdm-password][9]: pam_unix(gdm-password:auth): authentication failure; logname= uid=0 euid=0 tty=/dev/tty1 ruser= rhost=  user=anna",
            "",
        ),
        (
            "vsftpd: pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=anna rhost=198.51.100.7  user=anna",
            "SignIn Failure by=anna",
        ),
    ];
    for (text, expected) in cases {
        let told = told(&line(&format!("Apr 27 15:22:23 niban {text}")));
        assert!(told.starts_with(expected), "{text}: {told}");
    }
}

#[test]
fn a_failure_that_pam_tells_names_user_and_place_but_is_no_second_attempt() {
    let cases = [
        (
            "sshd[9]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=198.51.100.7  user=anna",
            "by=anna to= on=combo from=198.51.100.7",
        ),
        (
            "sshd[9]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=198.51.100.7 ",
            "by= to= on=combo from=198.51.100.7",
        ),
        (
            "sshd(pam_unix)[9]: authentication failure; logname= uid=0 euid=0 tty=NODEVssh ruser= rhost=198.51.100.7  user=anna",
            "by=anna to= on=combo from=198.51.100.7",
        ),
        (
            "sudo: pam_unix(sudo:auth): authentication failure; logname=anna uid=1001 euid=0 tty=/dev/pts/1 ruser=anna rhost=  user=anna",
            "by=anna to= on=combo from=",
        ),
    ];
    for (text, expected) in cases {
        let told = told(&line(&format!("Jun 14 15:16:01 combo {text}")));
        assert_eq!(told, format!("Other Failure {expected} with="), "{text}");
    }
}

#[test]
fn what_sudo_ran_is_a_process_and_what_it_refused_is_none() {
    let event = line(
        "Apr 27 15:22:23 niban sudo:     dcid : TTY=pts/4 ; PWD=/home/dcid ; USER=root ; COMMAND=/usr/bin/tail /var/log/snort/alert.fast",
    );
    assert_eq!(source(&event), "linux/sudo/process_creation");
    assert_eq!(
        told(&event),
        "Process Success by=dcid to=root on=niban from= with=/usr/bin/tail /var/log/snort/alert.fast"
    );
    assert_eq!(event.fields["Image"], "/usr/bin/tail");
    assert_eq!(event.fields["USER"], "root");
    assert_eq!(event.fields["CurrentDirectory"], "/home/dcid");
    for reason in ["3 incorrect password attempts", "user NOT in sudoers"] {
        let event = line(&format!(
            "Jun 25 16:15:45 web01 sudo:     mike : {reason} ; TTY=pts/0 ; PWD=/root ; USER=root ; COMMAND=/bin/ls"
        ));
        assert_eq!(source(&event), "linux/sudo/-");
        assert_eq!(
            told(&event),
            "Process Failure by=mike to=root on=web01 from= with=/bin/ls"
        );
    }
}

#[test]
fn accounts_groups_and_passwords_that_change_are_told() {
    let cases = [
        (
            "useradd[9]: new user: name=backdoor, UID=0, GID=0, home=/home/backdoor, shell=/bin/bash, from=/dev/pts/0",
            "AccountCreation Success by= to=backdoor on=web01 from= with=",
        ),
        (
            "userdel[9]: delete user 'anna'",
            "AccountDeletion Success by= to=anna on=web01 from= with=",
        ),
        (
            "usermod[9]: add 'anna' to group 'sudo'",
            "GroupMemberAddition Success by= to=anna on=web01 from= with=sudo",
        ),
        (
            "gpasswd[9]: user anna added by root to group wheel",
            "GroupMemberAddition Success by=root to=anna on=web01 from= with=wheel",
        ),
        (
            "gpasswd[9]: user anna removed by root from group wheel",
            "GroupMemberRemoval Success by=root to=anna on=web01 from= with=wheel",
        ),
        (
            "groupadd[9]: group added to /etc/group: name=ops, GID=1002",
            "GroupChange Success by= to= on=web01 from= with=ops",
        ),
        (
            "groupdel[9]: group 'ops' removed",
            "GroupChange Success by= to= on=web01 from= with=ops",
        ),
        (
            "groupadd[9]: new group: name=ops, GID=1002",
            "GroupChange Success by= to= on=web01 from= with=ops",
        ),
        (
            "usermod[9]: lock user 'anna' password",
            "AccountState Success by= to=anna on=web01 from= with=",
        ),
        (
            "usermod[9]: change user 'anna' UID from '1000' to '0'",
            "AccountChange Success by= to=anna on=web01 from= with=",
        ),
        (
            "chpasswd[9]: pam_unix(chpasswd:chauthtok): password changed for root",
            "PasswordReset Success by= to=root on=web01 from= with=",
        ),
        (
            "passwd[9]: pam_unix(passwd:chauthtok): password changed for root",
            "PasswordChange Success by= to=root on=web01 from= with=",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(
            told(&line(&format!("Mar  1 10:00:00 web01 {text}"))),
            expected,
            "{text}"
        );
    }
}

#[test]
fn what_is_made_to_start_by_itself_is_told_and_what_guards_the_machine_when_it_stops() {
    let cases = [
        (
            "CRON[7]: (root) CMD (/usr/local/bin/x -y)",
            "Process Success by=root to= on=web01 from= with=/usr/local/bin/x -y",
        ),
        (
            "crontab[7]: (anna) REPLACE (root)",
            "Persistence Success by=anna to=root on=web01 from= with=crontab",
        ),
        (
            "systemctl[7]: Created symlink /etc/systemd/system/multi-user.target.wants/teleport.service \u{2192} /etc/systemd/system/teleport.service.",
            "Persistence Success by= to= on=web01 from= with=teleport.service",
        ),
        (
            "systemd[1]: Started teleport.service - Teleport Service.",
            "ServiceStart Success by= to= on=web01 from= with=teleport.service",
        ),
        (
            "systemd[1]: Started Session 12 of user root.",
            "Other Unknown by= to= on=web01 from= with=",
        ),
        (
            "systemd[1]: Stopped falcon-sensor.service - CrowdStrike Falcon Sensor.",
            "DefenceChange Success by= to= on=web01 from= with=falcon-sensor.service",
        ),
        (
            "systemd[1]: Stopped nginx.service - A web server.",
            "Other Unknown by= to= on=web01 from= with=",
        ),
        (
            "kernel: Command line: BOOT_IMAGE=/boot/vmlinuz root=/dev/sda4 rw init=/bin/bash",
            "DefenceChange Success by= to= on=web01 from= with=started with init=/bin/bash",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(
            told(&line(&format!("Mar  1 10:00:00 web01 {text}"))),
            expected,
            "{text}"
        );
    }
}

#[test]
fn an_entry_of_the_journal_is_read_like_the_line_of_syslog() {
    let event = document(
        r#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1772359200000000","_HOSTNAME":"web01","_COMM":"sshd","SYSLOG_IDENTIFIER":"sshd","SYSLOG_FACILITY":"4","_PID":"12",
        "MESSAGE":"Failed password for root from 198.51.100.7 port 4446 ssh2"}"#,
    );
    assert_eq!(source(&event), "linux/sshd/-");
    assert_eq!(event.time.to_string(), "2026-03-01T10:00:00Z");
    assert_eq!(
        told(&event),
        "SignIn Failure by=root to= on=web01 from=198.51.100.7 with="
    );
    let event = document(r#"{"__REALTIME_TIMESTAMP":"1772359200000000","_COMM":"x","MESSAGE":[104,105,255]}"#);
    assert_eq!(event.fields["message"], "hi\u{fffd}");
}

#[test]
fn a_message_of_an_unknown_program_keeps_its_text_for_rules_without_a_service() {
    let event = line("<86>Mar  1 10:00:00 web01 whatever: connection refused");
    assert_eq!(source(&event), "linux/auth/-");
    assert_eq!(event.fields["message"], "connection refused");
    assert_eq!(source(&line("Mar  1 10:00:00 web01 whatever: x")), "linux/syslog/-");
}
