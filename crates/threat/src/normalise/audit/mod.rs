//! Records of Linux' audit daemon, from its own file, from `audispd` through syslog or from the kernel's log.
//!
//! One event of the kernel is several records: SYSCALL, EXECVE, CWD, PATH, PROCTITLE. Each record becomes an event of its own, since
//! that is how Sigma's rules for auditd are written (`type: EXECVE`, `a0: ...`); the [`Assembler`] waits for the others of the same number and
//! gives each record what the others say: who, with which program, started by which.

mod assembler;
mod facts;
mod record;
mod syscalls;

use jiff::Timestamp;

use super::text::Draft;
use super::{Context, NotUnderstood};
use crate::event::Event;

pub(super) use assembler::Assembler;
use record::AuditRecord;

/// Whether a line may be a record of the audit daemon.
pub(crate) fn is(line: &str) -> bool {
    line.contains("audit(") && line.contains("type=")
}

/// One record without its companions.
pub(crate) fn read(line: &str, context: &Context) -> Option<Result<Event, NotUnderstood>> {
    if !is(line) {
        return None;
    }
    let record = match AuditRecord::parse(line, context.received)? {
        Ok(record) => record,
        Err(reason) => return Some(Err(NotUnderstood { reason })),
    };
    Some(Ok(event(record, &Companions::default(), context)))
}

/// What the records of one event say together.
#[derive(Debug, Clone, Default)]
struct Companions {
    image: String,
    user: String,
    folder: String,
    process: String,
    parent: String,
    parent_image: String,
    parent_command: String,
    syscall: String,
    success: bool,
    /// Whether one of the records is an EXECVE, so that the SYSCALL tells no second process.
    executes: bool,
}

fn event(record: AuditRecord, with: &Companions, context: &Context) -> Event {
    let mut draft = Draft::default();
    for (name, value) in &record.fields {
        draft.put(name, value);
    }
    draft.put("type", &record.kind);
    draft.put_new("SYSCALL", record.syscall());
    draft.put("node", &record.host);
    for (name, value) in [
        ("Image", &with.image),
        ("User", &with.user),
        ("CurrentDirectory", &with.folder),
        ("ProcessId", &with.process),
        ("ParentProcessId", &with.parent),
        ("ParentImage", &with.parent_image),
        ("ParentCommandLine", &with.parent_command),
    ] {
        draft.put(name, value);
    }
    let category = facts::tell(&mut draft, &record, with);
    draft.event(
        record.time,
        super::text::logsource("linux", Some("auditd"), category),
        context,
    )
}

/// What tells the records of one event from those of another, of one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Number {
    time: Timestamp,
    serial: u64,
    host: String,
}

#[cfg(test)]
mod tests;
