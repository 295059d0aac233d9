//! Joins the records of one event.
//!
//! Records of one number follow each other closely, but those of several processors interleave. A record waits until its event is known to be
//! whole (PROCTITLE is the last of the kernel's, EOE says so), until records two seconds younger come in, until nothing came for that
//! long, or until too much waits. Then all records of the event are given, in the order in which they came: each exactly once.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::record::AuditRecord;
use super::{Companions, Number, event};
use crate::event::{Event, Origin};
use crate::normalise::{Context, NotUnderstood};

/// Events that wait at most.
const WAITING_MAX: usize = 256;
/// Records of an event at most; further ones start it anew.
const RECORDS_MAX: usize = 128;
/// Bytes of lines that wait at most.
const BYTES_MAX: usize = 4 << 20;
/// How long a record waits for others, by the log's time and by that of this machine: as long as `ausearch` waits.
const PATIENCE: SignedDuration = SignedDuration::from_secs(2);
/// Running programs that are remembered to name parents.
const PARENTS_MAX: usize = 4096;
/// Characters that are kept of a parent's names and command line.
const PARENT_COMMAND_CHARS: usize = 1024;

/// Records that wait for the others of their event.
///
/// Invariant: every record that was taken is in `waiting` or was given, never both.
#[derive(Debug, Default)]
pub(in crate::normalise) struct Assembler {
    waiting: VecDeque<Group>,
    bytes: usize,
    parents: Parents,
}

#[derive(Debug)]
struct Group {
    number: Number,
    records: Vec<(AuditRecord, Context)>,
    bytes: usize,
}

impl Assembler {
    /// Takes a line if it is a record of the audit daemon, and gives the events that are whole by then. False if it is none.
    pub(in crate::normalise) fn take(
        &mut self,
        line: &str,
        context: &Context,
        give: &mut dyn FnMut(Result<Event, NotUnderstood>),
    ) -> bool {
        if !super::is(line) {
            return false;
        }
        let record = match AuditRecord::parse(line, context.received) {
            None => return false,
            Some(Err(reason)) => {
                give(Err(NotUnderstood { reason }));
                return true;
            }
            Some(Ok(record)) => record,
        };
        if record.stands_alone() {
            let event = event(record, &Companions::default(), context);
            give(Ok(event));
            return true;
        }
        let number = record.number();
        self.give_older(&number, context, give);
        let last = matches!(record.kind.as_str(), "PROCTITLE" | "EOE");
        self.keep(&number, record, context, line.len());
        if last && let Some(at) = self.waiting.iter().position(|group| group.number == number) {
            self.give_at(at, give);
        }
        while self.waiting.len() > WAITING_MAX || self.bytes > BYTES_MAX {
            self.give_at(0, give);
        }
        true
    }

    /// Gives the events of which nothing has come in for two seconds.
    pub(in crate::normalise) fn expire(&mut self, now: Timestamp, give: &mut dyn FnMut(Result<Event, NotUnderstood>)) {
        while self
            .waiting
            .front()
            .is_some_and(|group| now.duration_since(group.newest()) >= PATIENCE)
        {
            self.give_at(0, give);
        }
    }

    /// Gives all that waits.
    pub(in crate::normalise) fn finish(&mut self, give: &mut dyn FnMut(Result<Event, NotUnderstood>)) {
        while !self.waiting.is_empty() {
            self.give_at(0, give);
        }
    }

    /// The records that wait: none of them may be taken as done with.
    pub(in crate::normalise) fn waiting(&self) -> impl Iterator<Item = &Origin> {
        self.waiting
            .iter()
            .flat_map(|group| group.records.iter().map(|(_, context)| &context.origin))
    }

    fn give_older(&mut self, than: &Number, context: &Context, give: &mut dyn FnMut(Result<Event, NotUnderstood>)) {
        // Of the same log only: others may be read at the same time, from long before.
        let is_old = |group: &Group| {
            group.number.host == than.host
                && than.time.duration_since(group.number.time) > PATIENCE
                && group
                    .records
                    .iter()
                    .any(|(_, kept)| kept.origin.source == context.origin.source)
        };
        while let Some(at) = self.waiting.iter().position(is_old) {
            self.give_at(at, give);
        }
    }

    fn keep(&mut self, number: &Number, record: AuditRecord, context: &Context, bytes: usize) {
        self.bytes += bytes;
        let kept = (record, context.clone());
        let found = self
            .waiting
            .iter_mut()
            .find(|group| &group.number == number && group.records.len() < RECORDS_MAX);
        match found {
            Some(group) => {
                group.bytes += bytes;
                group.records.push(kept);
            }
            None => self.waiting.push_back(Group {
                number: number.clone(),
                records: vec![kept],
                bytes,
            }),
        }
    }

    fn give_at(&mut self, at: usize, give: &mut dyn FnMut(Result<Event, NotUnderstood>)) {
        let Some(group) = self.waiting.remove(at) else { return };
        self.bytes -= group.bytes;
        let companions = self.companions(&group);
        for (record, context) in group.records {
            if record.kind != "EOE" {
                give(Ok(event(record, &companions, &context)));
            }
        }
    }

    fn companions(&mut self, group: &Group) -> Companions {
        let mut found = Companions::default();
        let mut command = String::new();
        for (record, _) in &group.records {
            match record.kind.as_str() {
                "SYSCALL" => {
                    record.field("exe").clone_into(&mut found.image);
                    record.user(&["auid", "uid"]).clone_into(&mut found.user);
                    record.field("pid").clone_into(&mut found.process);
                    record.field("ppid").clone_into(&mut found.parent);
                    record.syscall().clone_into(&mut found.syscall);
                    found.success = record.field("success") == "yes";
                }
                "CWD" => record.field("cwd").clone_into(&mut found.folder),
                "EXECVE" => {
                    found.executes = true;
                    command = record.command_line();
                }
                _ => {}
            }
        }
        if let Some(parent) = self.parents.find(&group.number.host, &found.parent) {
            (found.parent_image, found.parent_command) = parent;
        }
        if found.executes && found.success {
            self.parents
                .remember(&group.number.host, &found.process, &found.image, &command);
        }
        found
    }
}

impl Group {
    fn newest(&self) -> Timestamp {
        self.records
            .iter()
            .map(|(_, context)| context.received)
            .max()
            .unwrap_or(Timestamp::MIN)
    }
}

/// Which program a process was last seen to run.
#[derive(Debug, Default)]
struct Parents {
    programs: HashMap<(String, String), (String, String)>,
    /// In the order in which they were seen: the oldest is forgotten first.
    seen: VecDeque<(String, String)>,
}

impl Parents {
    fn remember(&mut self, host: &str, process: &str, image: &str, command: &str) {
        if process.is_empty() {
            return;
        }
        let cut = |text: &str| text.chars().take(PARENT_COMMAND_CHARS).collect::<String>();
        let key = (cut(host), cut(process));
        if self.programs.insert(key.clone(), (cut(image), cut(command))).is_none() {
            self.seen.push_back(key);
        }
        if self.seen.len() > PARENTS_MAX
            && let Some(oldest) = self.seen.pop_front()
        {
            self.programs.remove(&oldest);
        }
    }

    fn find(&self, host: &str, process: &str) -> Option<(String, String)> {
        self.programs.get(&(host.to_owned(), process.to_owned())).cloned()
    }
}
