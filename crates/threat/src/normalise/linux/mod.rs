//! Linux: what sshd, sudo, su, useradd, cron and systemd write, through syslog or from the journal.
//!
//! Events are of product `linux` and of the service that Sigma's rules name. Commands that `sudo` ran are of category `process_creation` as
//! well, since many machines have no other record of them.

mod accounts;
mod commands;
mod sessions;

use jiff::Timestamp;
use serde_json::Value;

use super::syslog::Message;
use super::text::{Draft, logsource, machine, number_at, text_at};
use super::{Context, NotUnderstood};
use crate::event::{Event, Logsource};

/// Names of services without which nobody is told of an attack.
const PROTECTIONS: &[&str] = &[
    "auditd",
    "rsyslog",
    "syslog-ng",
    "systemd-journald",
    "ufw",
    "firewalld",
    "iptables",
    "nftables",
    "apparmor",
    "fail2ban",
    "clamav",
    "freshclam",
    "falcon-sensor",
    "mdatp",
    "sentinelone",
    "sentinelctl",
    "cbagent",
    "cbdaemon",
    "ds_agent",
    "xagt",
    "wazuh-agent",
    "ossec",
    "auditbeat",
    "filebeat",
    "elastic-agent",
    "elastic-endpoint",
    "osqueryd",
    "falco",
    "sysmon",
    "splunk",
    "nxlog",
    "veeamservice",
    "crowdsec",
];

/// Whether a service guards or watches its machine.
pub(crate) fn is_protection(service: &str) -> bool {
    let service = service.to_ascii_lowercase();
    PROTECTIONS.iter().any(|known| service.starts_with(known))
}

/// A message of syslog that no other source has taken.
pub(crate) fn read(message: &Message<'_>, context: &Context) -> Event {
    let mut draft = message.draft();
    let source = interpret(&mut draft, message.program, message.facility(), message.text);
    draft.event(message.time.unwrap_or(context.received), source, context)
}

/// Whether a document is an entry of the journal, as `journalctl -o json` exports it.
pub(crate) fn is_journal(document: &Value) -> bool {
    document.get("__REALTIME_TIMESTAMP").is_some() && document.get("MESSAGE").is_some()
}

/// An entry of the journal.
pub(crate) fn read_journal(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let time =
        number_at(&document, "_SOURCE_REALTIME_TIMESTAMP").or_else(|| number_at(&document, "__REALTIME_TIMESTAMP"));
    let Some(time) = time.and_then(|micros| Timestamp::from_microsecond(micros).ok()) else {
        return Err(NotUnderstood {
            reason: "`__REALTIME_TIMESTAMP` is no time".to_owned(),
        });
    };
    let text = journal_message(&document);
    let program = match text_at(&document, "SYSLOG_IDENTIFIER") {
        "" => text_at(&document, "_COMM"),
        named => named,
    }
    .to_owned();
    let host = text_at(&document, "_HOSTNAME").to_owned();
    let facility = number_at(&document, "SYSLOG_FACILITY").and_then(|number| u8::try_from(number).ok());
    let mut draft = Draft::default();
    if let Value::Object(fields) = document {
        draft.fields = fields;
    }
    draft.put("host", &host);
    draft.put("program", &program);
    draft.put("message", &text);
    draft.facts.machine = machine(&host);
    let source = interpret(&mut draft, &program, facility, &text);
    Ok(draft.event(time, source, &context))
}

/// A message that is no UTF-8 is exported as a list of its bytes.
fn journal_message(document: &Value) -> String {
    match document.get("MESSAGE") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) => {
            let bytes: Vec<u8> = list
                .iter()
                .filter_map(|byte| u8::try_from(byte.as_u64()?).ok())
                .collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        _ => String::new(),
    }
}

/// What a program's message tells, and which source of Sigma's it is of.
pub(crate) fn interpret(draft: &mut Draft, program: &str, facility: Option<u8>, text: &str) -> Logsource {
    let program = program.rsplit('/').next().unwrap_or(program);
    sessions::pam(draft, program, text);
    let (service, category) = match program {
        "sshd" | "sshd-session" | "sshd-auth" | "dropbear" => {
            sessions::sshd(draft, text);
            ("sshd", None)
        }
        "sudo" => ("sudo", commands::sudo(draft, text)),
        "su" => {
            sessions::su(draft, text);
            ("auth", None)
        }
        "login" | "gdm-password]" | "gdm-password" | "systemd-logind" | "polkitd" | "pkexec" | "doas" => ("auth", None),
        "useradd" | "usermod" | "userdel" | "groupadd" | "groupmod" | "groupdel" | "gpasswd" | "passwd"
        | "chpasswd" | "chage" | "chfn" => {
            accounts::changed(draft, program, text);
            ("auth", None)
        }
        "CRON" | "cron" | "crond" | "crontab" | "anacron" | "atd" => {
            commands::cron(draft, text);
            ("cron", None)
        }
        "systemd" | "systemctl" => {
            commands::systemd(draft, text);
            ("syslog", None)
        }
        "kernel" => {
            commands::kernel(draft, text);
            ("syslog", None)
        }
        "clamd" | "clamav" | "freshclam" | "clamscan" => ("clamav", None),
        "vsftpd" => ("vsftpd", None),
        "guacd" | "guacamole" => ("guacamole", None),
        _ if matches!(facility, Some(4 | 10)) => ("auth", None),
        _ => ("syslog", None),
    };
    logsource("linux", Some(service), category)
}

#[cfg(test)]
mod tests;
