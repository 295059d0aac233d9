//! Logs of hosts from their bytes to events, as whoever follows a file does it; and how fast that is.
//!
//! `cargo test --release -p threat --test hosts -- --ignored --nocapture` prints events per second of processor time.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

#[path = "common/processor.rs"]
mod processor;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use threat::event::Event;
use threat::input::lines::{Lines, Unended};
use threat::normalise::Normaliser;

/// Twelve lines of ten kinds; `{n}` is a number that differs each time. One of them is of a program that nobody knows.
const LINES: [&str; 12] = [
    "<38>Mar  1 10:00:00 web01 sshd[{n}]: Failed password for invalid user user{n} from 198.51.100.7 port 4446 ssh2",
    "<86>Mar  1 10:00:00 web01 sudo:     anna : TTY=pts/4 ; PWD=/home/anna ; USER=root ; COMMAND=/usr/bin/tail -n {n} /var/log/messages",
    "<30>Mar  1 10:00:00 web01 systemd[1]: Started unit{n}.service - A unit.",
    "<13>Mar  1 10:00:00 web01 whatever[{n}]: nothing of interest",
    "<14>2026-03-01T10:00:00.123Z esx01 shell[{n}]: [root]: esxcli vm process kill --type=force --world-id={n}",
    "<166>2026-03-01T10:00:00.123Z esx01 Hostd: info hostd[{n}] [Originator@6876 sub=Vimsvc.ha-eventmgr opID=x user=root] Event {n} : vm{n} on esx01 in ha-datacenter is powered off",
    "<14>1 2026-03-01T10:00:00.123456+00:00 vcsa01 vpxd 58650 - -  Event [{n}] [1-1] [2026-03-01T10:00:00.26309Z] [vim.event.VmPoweredOffEvent] [info] [ACME\\anna] [Main] [{n}] [vm{n} on esx01 in Main is powered off]",
    "<166>Jun 22 2025 13:29:11 fw01 : %ASA-6-113039: Group <VPN> User <user{n}> IP <81.2.69.144> AnyConnect parent session started.",
    "<190>date=2026-02-21 time=14:06:38 devname=\"fw02\" devid=\"FG5H\" eventtime=1771682798959078891 tz=\"+0100\" logid=\"0101039424\" type=\"event\" subtype=\"vpn\" logdesc=\"SSL VPN tunnel up\" action=\"tunnel-up\" tunneltype=\"ssl-web\" remip=13.29.5.4 user=\"user{n}\"",
    "type=SYSCALL msg=audit(1772359200.640:{n}): arch=c000003e syscall=59 success=yes exit=0 a0=55f a1=55e items=2 ppid=3752 pid={n} auid=1000 uid=0 comm=\"curl\" exe=\"/usr/bin/curl\" key=\"x\"",
    "type=EXECVE msg=audit(1772359200.640:{n}): argc=3 a0=\"curl\" a1=\"-o\" a2=2F746D702F612062",
    "type=PROCTITLE msg=audit(1772359200.640:{n}): proctitle=6375726C002D6F",
];

fn log(times: usize) -> String {
    let mut log = String::new();
    for number in 0..times {
        for line in LINES {
            writeln!(log, "{}", line.replace("{n}", &number.to_string())).unwrap();
        }
    }
    log
}

fn events(log: &str, take: &mut dyn FnMut(Event)) {
    let received: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
    let mut lines = Lines::new(log.as_bytes(), "test".into(), Unended::AreALine);
    let mut normaliser = Normaliser::new();
    while let Some(line) = lines.read().unwrap() {
        normaliser.take(line.unwrap(), received, &mut |event| take(event.unwrap()));
    }
    normaliser.finish(&mut |event| take(event.unwrap()));
}

#[test]
fn every_line_of_a_mixed_log_becomes_one_event_of_its_source() {
    let mut sources: BTreeMap<String, usize> = BTreeMap::new();
    let mut records = Vec::new();
    events(&log(50), &mut |event| {
        let source = event.logsource;
        let name = format!(
            "{}/{}/{}",
            source.product,
            source.service.unwrap_or("-"),
            source.category.unwrap_or("-")
        );
        *sources.entry(name).or_default() += 1;
        records.push(event.origin.record);
    });
    records.sort_unstable();
    assert_eq!(records, (1..=600).collect::<Vec<u64>>());
    let found: Vec<(&str, usize)> = sources.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(
        found,
        [
            ("cisco/asa/-", 50),
            ("esxi/hostd/-", 50),
            ("fortigate/event/-", 50),
            ("linux/auditd/-", 100),
            ("linux/auditd/process_creation", 50),
            ("linux/esxi/process_creation", 50),
            ("linux/sshd/-", 50),
            ("linux/sudo/process_creation", 50),
            ("linux/syslog/-", 100),
            ("vcenter/event/-", 50),
        ]
    );
}

#[test]
#[ignore = "measures; run it with optimisation"]
#[expect(clippy::print_stdout, reason = "the figure is what it is run for")]
fn speed() {
    let log = log(40_000);
    let before = processor::seconds();
    let mut count = 0_u32;
    events(&log, &mut |_| count += 1);
    let seconds = processor::seconds() - before;
    println!(
        "{count} events of {} MB in {seconds:.2} CPU s: {:.0} events a second",
        log.len() / 1_000_000,
        f64::from(count) / seconds
    );
}
