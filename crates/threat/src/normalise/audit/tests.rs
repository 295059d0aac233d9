//! Records in the form that the audit daemon's documentation and public write-ups show.

use jiff::{SignedDuration, Timestamp};

use super::super::stream::Normaliser;
use super::super::text::testing::{line, origin, received, source, told};
use crate::event::Event;
use crate::input::{Body, Record};

const EVENT: [&str; 6] = [
    r#"type=SYSCALL msg=audit(1718231602.640:256): arch=c000003e syscall=59 success=yes exit=0 a0=55f a1=55e a2=55d a3=8 items=2 ppid=3752 pid=3888 auid=1000 uid=0 gid=0 euid=0 tty=pts1 ses=3 comm="curl" exe="/usr/bin/curl" subj=unconfined key="susp_activity""#,
    r#"type=EXECVE msg=audit(1718231602.640:256): argc=3 a0="curl" a1="-o" a2=2F746D702F612062"#,
    r#"type=CWD msg=audit(1718231602.640:256): cwd="/root""#,
    r#"type=PATH msg=audit(1718231602.640:256): item=0 name="/usr/bin/curl" inode=1 mode=0100755 nametype=NORMAL"#,
    r#"type=PATH msg=audit(1718231602.640:256): item=1 name="out.sh" inode=2 nametype=CREATE"#,
    r#"type=PROCTITLE msg=audit(1718231602.640:256): proctitle=6375726C002D6F"#,
];

fn taken(normaliser: &mut Normaliser, lines: &[(u64, &str)], at: Timestamp) -> Vec<Event> {
    let mut found = Vec::new();
    for (number, line) in lines {
        let record = Record {
            body: Body::Line((*line).to_owned()),
            origin: origin(*number),
        };
        normaliser.take(record, at, &mut |event| found.push(event.unwrap()));
    }
    found
}

fn numbered(lines: &[&'static str]) -> Vec<(u64, &'static str)> {
    (1..).zip(lines.iter().copied()).collect()
}

#[test]
fn a_record_by_itself_has_its_own_fields_decoded_and_its_call_named() {
    let event = line(EVENT[0]);
    assert_eq!(source(&event), "linux/auditd/-");
    assert_eq!(event.time.to_string(), "2024-06-12T22:33:22.64Z");
    for (name, value) in [
        ("type", "SYSCALL"),
        ("SYSCALL", "execve"),
        ("comm", "curl"),
        ("key", "susp_activity"),
        ("euid", "0"),
        ("a0", "55f"),
    ] {
        assert_eq!(event.fields[name], value, "{name}");
    }
    let event = line(EVENT[1]);
    assert_eq!(event.fields["a2"], "/tmp/a b");
    assert_eq!(event.fields["CommandLine"], "curl -o /tmp/a b");
    assert_eq!(line(EVENT[5]).fields["proctitle"], "curl -o");
}

#[test]
fn records_of_one_event_learn_from_each_other() {
    let mut normaliser = Normaliser::new();
    let events = taken(&mut normaliser, &numbered(&EVENT), received());
    assert_eq!(events.len(), EVENT.len());
    let execution = &events[1];
    assert_eq!(source(execution), "linux/auditd/process_creation");
    for (name, value) in [
        ("Image", "/usr/bin/curl"),
        ("CommandLine", "curl -o /tmp/a b"),
        ("User", "1000"),
        ("CurrentDirectory", "/root"),
        ("ProcessId", "3888"),
    ] {
        assert_eq!(execution.fields[name], value, "{name}");
    }
    assert_eq!(
        told(execution),
        "Process Success by=1000 to= on= from= with=curl -o /tmp/a b"
    );
    // The program was started once, whatever the number of records.
    let processes = events.iter().filter(|event| told(event).starts_with("Process")).count();
    assert_eq!(processes, 1);
    let written = &events[4];
    assert_eq!(source(written), "linux/auditd/file_event");
    assert_eq!(written.fields["TargetFilename"], "/root/out.sh");
    assert_eq!(written.fields["Image"], "/usr/bin/curl");
}

#[test]
fn a_parent_is_known_once_it_was_seen_to_start() {
    let child = [
        r#"type=SYSCALL msg=audit(1718231603.000:257): arch=c00000b7 syscall=221 success=yes exit=0 ppid=3888 pid=3900 auid=1000 uid=0 comm="sh" exe="/bin/sh" key=(null)"#,
        r#"type=EXECVE msg=audit(1718231603.000:257): argc=1 a0="sh""#,
        "type=EOE msg=audit(1718231603.000:257): ",
    ];
    let mut normaliser = Normaliser::new();
    taken(&mut normaliser, &numbered(&EVENT), received());
    let events = taken(&mut normaliser, &numbered(&child), received());
    assert_eq!(events[1].fields["ParentImage"], "/usr/bin/curl");
    assert_eq!(events[1].fields["ParentCommandLine"], "curl -o /tmp/a b");
}

#[test]
fn nothing_is_lost_or_repeated_however_events_interleave_and_wherever_they_end() {
    // Three events whose records come in turns, the last of them never finished, among records that stand alone.
    let mut lines = Vec::new();
    for (number, text) in EVENT.iter().enumerate() {
        for serial in [256, 300, 301] {
            if serial != 301 || number < 4 {
                lines.push(text.replace(":256)", &format!(":{serial})")));
            }
        }
        lines.push(format!("type=USER_LOGIN msg=audit(1718231602.700:{number}): pid=1 uid=0 auid=0 ses=1 msg='op=login acct=\"root\" res=success'"));
    }
    let mut normaliser = Normaliser::new();
    let mut found = Vec::new();
    for (number, text) in (1..).zip(&lines) {
        found.extend(taken(&mut normaliser, &[(number, text)], received()));
        let known = found.len() + normaliser.waiting().count();
        assert_eq!(known as u64, number, "after line {number}");
    }
    assert_eq!(normaliser.waiting().count(), 4);
    normaliser.expire(received() + SignedDuration::from_secs(1), &mut |_| {
        panic!("given too early")
    });
    normaliser.expire(received() + SignedDuration::from_secs(2), &mut |event| {
        found.push(event.unwrap())
    });
    assert_eq!(normaliser.waiting().count(), 0);
    normaliser.finish(&mut |_| panic!("given twice"));
    let mut numbers: Vec<u64> = found.iter().map(|event| event.origin.record).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=lines.len() as u64).collect::<Vec<_>>());
}

#[test]
fn unfinished_events_are_given_when_the_log_has_moved_on_or_too_many_wait() {
    let mut normaliser = Normaliser::new();
    assert!(taken(&mut normaliser, &[(1, EVENT[0])], received()).is_empty());
    let later = EVENT[0].replace("1718231602.640:256", "1718231604.641:300");
    assert_eq!(taken(&mut normaliser, &[(2, &later)], received()).len(), 1);
    let mut given = 1;
    for number in 0..1000_u64 {
        let text = EVENT[0].replace("1718231602.640:256", &format!("1718231604.641:{}", 1000 + number));
        given += taken(&mut normaliser, &[(3 + number, &text)], received()).len();
        assert!(normaliser.waiting().count() <= 256);
    }
    normaliser.finish(&mut |_| given += 1);
    assert_eq!(given, 1002);
}

#[test]
fn what_programs_report_is_told() {
    let cases = [
        (
            r#"type=USER_LOGIN msg=audit(1718231602.1:1): pid=9 uid=0 auid=1000 ses=2 msg='op=login id=1000 exe="/usr/sbin/sshd" hostname=h addr=198.51.100.7 terminal=/dev/pts/0 res=success'UID="root" AUID="anna" ID="anna""#,
            "SignIn Success by=anna to= on= from=198.51.100.7 with=",
        ),
        (
            r#"type=USER_LOGIN msg=audit(1718231602.1:1): pid=9 uid=0 auid=4294967295 ses=4294967295 msg='op=login acct="admin" exe="/usr/sbin/sshd" hostname=? addr=198.51.100.7 terminal=ssh res=failed'"#,
            "SignIn Failure by=admin to= on= from=198.51.100.7 with=",
        ),
        (
            r#"type=ADD_USER msg=audit(1718231602.1:1): pid=9 uid=0 auid=1000 ses=1 msg='op=adding user acct="backdoor" exe="/usr/sbin/useradd" res=success'"#,
            "AccountCreation Success by=1000 to=backdoor on= from= with=",
        ),
        (
            r#"type=SERVICE_STOP msg=audit(1718231602.1:1): pid=1 uid=0 auid=4294967295 msg='unit=auditd comm="systemd" exe="/usr/lib/systemd/systemd" res=success'"#,
            "DefenceChange Success by=root to= on= from= with=auditd",
        ),
        (
            r#"node=web01 type=USER_CMD msg=audit(1718231602.1:1): pid=9 uid=1000 auid=1000 ses=1 msg='cwd="/home/anna" cmd=636174202F6574632F736861646F77 exe="/usr/bin/sudo" terminal=pts/0 res=success'"#,
            "Process Success by=1000 to= on=web01 from= with=cat /etc/shadow",
        ),
        (
            "type=USER_CHAUTHTOK msg=audit(1718231602.1:1): pid=9 uid=0 auid=1005 msg='op=adding user to shadow group acct=\"anna\" exe=\"/usr/sbin/usermod\" res=success'",
            "GroupMemberAddition Success by=1005 to=anna on= from= with=",
        ),
        (
            "type=USER_CHAUTHTOK msg=audit(1718231602.1:1): pid=9 uid=0 auid=1007 msg='op=updating-password id=20002 exe=\"/usr/sbin/usermod\" res=success'UID=\"root\" AUID=\"admin\" ID=\"anna\"",
            "PasswordReset Success by=admin to=anna on= from= with=",
        ),
        (
            "type=CONFIG_CHANGE msg=audit(1718231602.1:1): auid=1000 ses=3 op=\"add_rule\" key=(null) list=4 res=1",
            "HostSetting Success by=1000 to= on= from= with=auditd: add_rule",
        ),
        (
            "type=CONFIG_CHANGE msg=audit(1718231602.1:1): op=set audit_enabled=0 old=1 auid=1000 ses=3 res=1",
            "DefenceChange Success by=1000 to= on= from= with=auditd: set",
        ),
        (
            "type=SOCKADDR msg=audit(1718231602.1:1): saddr=zzSADDR={ saddr_fam=inet laddr=198.51.100.7 lport=443 }",
            "Connection Unknown by= to= on= from= with=198.51.100.7:443",
        ),
        (
            "type=SOCKADDR msg=audit(1718231602.1:1): saddr=020001BBC63364070000000000000000",
            "Connection Unknown by= to= on= from= with=198.51.100.7:443",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(told(&line(text)), expected, "{text}");
    }
}

#[test]
fn records_through_syslog_have_the_machine_of_its_header() {
    let event = line(
        r#"<134>2026-03-01T10:00:00Z NTNX-1-CVM audispd[77]: node=ntnx-1-cvm type=SYSCALL msg=audit(1651176975.464:2828209): arch=c000003e syscall=2 success=yes exit=6 pid=4684 auid=1000 uid=0 comm="sshd" exe="/usr/sbin/sshd""#,
    );
    assert_eq!(event.fields["SYSCALL"], "open");
    assert_eq!(told(&event), "Other Success by=1000 to= on=ntnx-1-cvm from= with=");
}

#[test]
fn long_arguments_that_come_in_pieces_are_joined() {
    let event = line("type=EXECVE msg=audit(1.0:1): argc=2 a0=\"sh\" a1_len=4 a1[0]=\"ab\" a1[1]=\"cd\"");
    assert_eq!(event.fields["CommandLine"], "sh abcd");
}

#[test]
fn quotes_in_quotes_are_read_without_going_deeper_and_deeper() {
    let deep = "x='".repeat(100_000);
    let event = line(&format!(
        "type=USER_LOGIN msg=audit(1.0:1): {deep}{}",
        "'".repeat(100_000)
    ));
    assert!(event.fields.as_object().unwrap().len() < 10);
    assert_eq!(
        line("type=EXECVE msg=audit(1.0:1): argc=10 a0=\"ls\"").fields["argc"],
        "10"
    );
}

#[test]
fn times_at_the_end_of_the_calendar_are_times_like_others() {
    let mut normaliser = Normaliser::new();
    let last = EVENT[0].replace("1718231602.640", "253402207200.000");
    taken(&mut normaliser, &[(1, &last), (2, EVENT[0])], received());
    let mut given = 0;
    normaliser.finish(&mut |_| given += 1);
    assert_eq!(given, 2);
}
