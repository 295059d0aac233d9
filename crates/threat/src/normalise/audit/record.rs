//! One record: `type=SYSCALL msg=audit(1718230992.098:90): arch=c000003e syscall=59 ...`.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{Number, syscalls};
use crate::normalise::syslog;
use crate::normalise::text::{FIELDS_MAX, between, excerpt, word};

/// A record's parts, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AuditRecord {
    pub(super) kind: String,
    /// The machine's name by the record itself or by the header of syslog; empty if neither has it.
    pub(super) host: String,
    pub(super) time: Timestamp,
    pub(super) serial: u64,
    pub(super) fields: Vec<(String, String)>,
}

impl AuditRecord {
    /// Reads a line; none if it is no such record after all.
    ///
    /// # Errors
    ///
    /// A fragment that says what can't be understood.
    pub(super) fn parse(line: &str, received: Timestamp) -> Option<Result<Self, String>> {
        let mut host = "";
        let mut text = line.trim();
        if !text.starts_with("type=") && !text.starts_with("node=") {
            let message = syslog::parse(text, received)?;
            host = message.host.unwrap_or_default();
            text = text
                .find("node=")
                .or_else(|| text.find("type="))
                .and_then(|at| text.get(at..))?;
        }
        if let Some(rest) = text.strip_prefix("node=") {
            (host, text) = word(rest);
        }
        let (kind, text) = word(text.trim_start().strip_prefix("type=")?);
        let stamp = between(text, "audit(", ")")?;
        let body = text
            .split_once(')')
            .map_or("", |(_, body)| body)
            .trim_start_matches([':', ' ']);
        let Some((time, serial)) = numbered(stamp) else {
            return Some(Err(format!(
                "the time and number `{}` aren't understood",
                excerpt(stamp)
            )));
        };
        let kind = syscalls::kind(kind).to_owned();
        let mut fields = Vec::new();
        read_fields(&kind, body, false, &mut fields);
        Some(Ok(Self {
            kind,
            host: host.to_owned(),
            time,
            serial,
            fields,
        }))
    }

    pub(super) fn number(&self) -> Number {
        Number {
            time: self.time,
            serial: self.serial,
            host: self.host.clone(),
        }
    }

    /// A field's value; empty if it isn't there or says nothing.
    pub(super) fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !is_nothing(value))
            .unwrap_or_default()
    }

    /// A user by name, as `log_format = ENRICHED` has it, else by number.
    pub(super) fn user(&self, names: &[&str]) -> &str {
        for name in names {
            let named = self.field(&name.to_ascii_uppercase());
            let found = if named.is_empty() || named == "unset" {
                self.field(name)
            } else {
                named
            };
            match found {
                "" | "4294967295" | "-1" | "unset" => {}
                "0" => return "root",
                found => return found,
            }
        }
        ""
    }

    /// The name of a system call, also where the record has but its number.
    pub(super) fn syscall(&self) -> &str {
        if self.kind != "SYSCALL" {
            return "";
        }
        match self.field("SYSCALL") {
            "" => syscalls::name(self.field("arch"), self.field("syscall")),
            named => named,
        }
    }

    /// The arguments of an EXECVE, joined with blanks.
    pub(super) fn command_line(&self) -> String {
        let mut found = String::new();
        for (name, value) in &self.fields {
            let is_argument = name
                .strip_prefix('a')
                .is_some_and(|number| number.parse::<u16>().is_ok());
            if is_argument {
                if !found.is_empty() {
                    found.push(' ');
                }
                found.push_str(value);
            }
        }
        found
    }

    /// Whether nothing else belongs to it: what programs report, not the kernel.
    pub(super) fn stands_alone(&self) -> bool {
        const OF_THE_KERNEL: [&str; 16] = [
            "SYSCALL",
            "EXECVE",
            "PATH",
            "CWD",
            "PROCTITLE",
            "SOCKADDR",
            "SOCKETCALL",
            "IPC",
            "FD_PAIR",
            "OBJ_PID",
            "MMAP",
            "BPRM_FCAPS",
            "CAPSET",
            "KERN_MODULE",
            "EOE",
            "AVC",
        ];
        !OF_THE_KERNEL.contains(&self.kind.as_str())
            && !self.kind.starts_with("MQ_")
            && !self.kind.starts_with("NETFILTER")
    }
}

fn is_nothing(value: &str) -> bool {
    matches!(value, "" | "?" | "(null)" | "(none)" | "(unknown)")
}

/// `1718230992.098:90`.
fn numbered(stamp: &str) -> Option<(Timestamp, u64)> {
    let (time, serial) = stamp.split_once(':')?;
    let (seconds, part) = time.split_once('.').unwrap_or((time, "0"));
    let seconds: i64 = seconds.parse().ok()?;
    let millis: i64 = part.parse().ok().filter(|part| (0..1000).contains(part))?;
    let time = Timestamp::from_millisecond(seconds.checked_mul(1000)?.checked_add(millis)?).ok()?;
    Some((time, serial.parse().ok()?))
}

/// Fields between blanks. What stands in single quotes are fields of the program that reported, with names of their own; within them
/// single quotes are quotes like others.
fn read_fields(kind: &str, body: &str, inside_quotes: bool, found: &mut Vec<(String, String)>) {
    let mut rest = body;
    while found.len() < FIELDS_MAX {
        // The enriched part stands behind a group separator.
        rest = rest.trim_start_matches([' ', '\t', '\u{1d}', ',']);
        let Some((name, tail)) = rest.split_once('=') else {
            return;
        };
        let name = name.rsplit([' ', '\u{1d}']).next().unwrap_or(name);
        let (value, tail) = match tail.chars().next() {
            Some('\'') if !inside_quotes => {
                // The reporting program's own text may have quotes within; its end is the line's.
                let inside = tail.get(1..).unwrap_or_default();
                let (inner, tail) = inside.rsplit_once('\'').unwrap_or((inside, ""));
                read_fields(kind, inner, true, found);
                rest = tail;
                continue;
            }
            Some(quote @ ('"' | '\'')) => {
                let inside = tail.get(1..).unwrap_or_default();
                let (value, tail) = inside.split_once(quote).unwrap_or((inside, ""));
                (Cow::Borrowed(value), tail)
            }
            _ => {
                let end = if name == "op" {
                    phrase(tail)
                } else {
                    tail.find([' ', '\u{1d}'])
                };
                let end = end.unwrap_or(tail.len());
                let (value, tail) = tail.split_at_checked(end).unwrap_or((tail, ""));
                (decoded(kind, name, value), tail)
            }
        };
        keep(name, &value, found);
        rest = tail;
    }
}

/// The end of `adding user to group acct=...`: an operation is told in words without quotes, up to the next name.
fn phrase(text: &str) -> Option<usize> {
    let until = text.find('=')?;
    text.get(..until)?.rfind(' ')
}

fn keep(name: &str, value: &str, found: &mut Vec<(String, String)>) {
    // An argument of more than a page comes in pieces: `a1_len=9000 a1[0]=... a1[1]=...`.
    if let Some((argument, _)) = name.split_once('[')
        && let Some((_, whole)) = found.iter_mut().find(|(known, _)| known == argument)
    {
        whole.push_str(value);
        return;
    }
    let name = name.split_once('[').map_or(name, |(argument, _)| argument);
    if !name.is_empty() && !name.ends_with("_len") && !found.iter().any(|(known, _)| known == name) {
        found.push((name.to_owned(), value.to_owned()));
    }
}

/// Texts that a user can choose are written as hexadecimal if they have blanks, quotes or control characters.
fn decoded<'a>(kind: &str, name: &str, value: &'a str) -> Cow<'a, str> {
    let number = name.strip_prefix('a').and_then(|rest| rest.chars().next());
    let is_argument = kind == "EXECVE" && number.is_some_and(|digit| digit.is_ascii_digit());
    let is_text = is_argument
        || [
            "proctitle",
            "comm",
            "exe",
            "name",
            "cwd",
            "cmd",
            "acct",
            "data",
            "key",
            "vm",
            "id",
        ]
        .contains(&name);
    // A user's number is hexadecimal too by its looks.
    if !is_text || (name == "id" && value.len() < 8) {
        return Cow::Borrowed(value);
    }
    match bytes(value) {
        Some(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            Cow::Owned(text.trim_end_matches('\0').replace(['\0', '\u{1}'], " "))
        }
        None => Cow::Borrowed(value),
    }
}

/// The bytes of a text of pairs of digits, as the kernel writes them: in capitals.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    if text.len() < 2 || !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    pairs
        .iter()
        .map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?))
        .collect()
}
