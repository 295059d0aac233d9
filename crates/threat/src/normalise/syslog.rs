//! Headers of syslog, as RFC 3164 and RFC 5424 describe them and as Linux, ESXi and Cisco write them in files and over the wire.
//!
//! A time without a zone is taken as UTC. One without a year is completed with that year which brings it nearest to, and no more than a
//! day after, the time at which the message came in.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

use super::text::{Draft, after, machine, pairs, word};

/// A message of syslog.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// From `<...>`, or of a file of ESXi 8 from `In(...)`: eight times the facility, and the severity.
    pub(crate) priority: Option<u8>,
    pub(crate) time: Option<Timestamp>,
    pub(crate) host: Option<&'a str>,
    /// The program that wrote it, without its number and what stands in brackets behind its name.
    pub(crate) program: &'a str,
    pub(crate) process: Option<&'a str>,
    /// Structured data of RFC 5424, with its brackets.
    pub(crate) data: &'a str,
    pub(crate) text: &'a str,
}

impl Message<'_> {
    /// The program's number for the kind of its messages: 4 and 10 are those of authentication.
    pub(crate) fn facility(&self) -> Option<u8> {
        self.priority.map(|priority| priority >> 3)
    }

    /// A draft with what the header says, and the text.
    pub(crate) fn draft(&self) -> Draft {
        let host = self.host.unwrap_or_default();
        let mut draft = Draft::default();
        draft.put("host", host);
        draft.put("program", self.program);
        draft.put("pid", self.process.unwrap_or_default());
        draft.put("message", self.text);
        draft.facts.machine = machine(host);
        draft
    }

    /// A parameter of an element of structured data: `parameter("shell.cmd@6876", "command")`.
    pub(crate) fn parameter(&self, element: &str, name: &str) -> Option<String> {
        let elements = if self.data.is_empty() { self.text } else { self.data };
        let body = after(elements, &format!("[{element}"))?;
        let found = pairs(body).into_iter().find(|(found, _)| *found == name)?;
        Some(found.1.into_owned())
    }
}

/// The message of a line; none if it has neither a priority nor a time at its front.
pub(crate) fn parse(line: &str, received: Timestamp) -> Option<Message<'_>> {
    let (priority, rest) = priority(line);
    if priority.is_some()
        && let Some(rest) = rest.strip_prefix("1 ")
        && let Some(message) = structured(rest)
    {
        return Some(Message { priority, ..message });
    }
    let Some((time, rest)) = time(rest, received) else {
        return priority.map(|priority| untimed(priority, rest));
    };
    let mut message = Message {
        priority,
        time: Some(time),
        ..Message::default()
    };
    let mut rest = rest.trim_start_matches(':').trim_start();
    if let Some((own, tail)) = esxi_priority(rest) {
        message.priority = message.priority.or(Some(own));
        rest = tail;
    } else if let Some(tail) = esxi_level(rest) {
        rest = tail;
    } else if tag(rest).is_none() && !rest.starts_with('[') {
        let (host, tail) = word(rest);
        message.host = Some(host);
        rest = tail.trim_start();
    }
    if let Some((program, process, tail)) = tag(rest) {
        message.program = program;
        message.process = process;
        rest = tail;
    }
    message.text = rest.trim_start_matches(": ").trim();
    Some(message)
}

fn untimed(priority: u8, rest: &str) -> Message<'_> {
    let (program, process, text) = tag(rest).unwrap_or(("", None, rest));
    Message {
        priority: Some(priority),
        program,
        process,
        text: text.trim(),
        ..Message::default()
    }
}

fn priority(line: &str) -> (Option<u8>, &str) {
    let found = line
        .strip_prefix('<')
        .and_then(|rest| rest.split_once('>'))
        .and_then(|(number, rest)| {
            let number: u8 = number.parse().ok()?;
            (number < 192).then_some((number, rest))
        });
    match found {
        Some((number, rest)) => (Some(number), rest.trim_start()),
        None => (None, line.trim_start_matches('\u{feff}').trim_start()),
    }
}

/// What is behind `<n>1 ` of RFC 5424.
fn structured(rest: &str) -> Option<Message<'_>> {
    let (time, rest) = word(rest);
    let (host, rest) = word(rest);
    let (program, rest) = word(rest);
    let (process, rest) = word(rest);
    let (_, rest) = word(rest);
    let time = match time {
        "-" => None,
        time => Some(zoned(time)?),
    };
    let (data, text) = structured_data(rest);
    let given = |text| (text != "-").then_some(text);
    Some(Message {
        priority: None,
        time,
        host: given(host),
        program: given(program).unwrap_or_default(),
        process: given(process),
        data,
        text: text.trim_start_matches('\u{feff}').trim(),
    })
}

/// Cuts the elements off: each in brackets, with quoted values in which a backslash takes the next letter for itself.
fn structured_data(rest: &str) -> (&str, &str) {
    if let Some(text) = rest.strip_prefix('-') {
        return ("", text);
    }
    let (mut inside, mut quoted, mut escaped) = (false, false, false);
    for (at, letter) in rest.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if inside => quoted = !quoted,
            '[' if !quoted => inside = true,
            ']' if !quoted => inside = false,
            _ if inside => {}
            _ => return rest.split_at_checked(at).unwrap_or(("", rest)),
        }
    }
    if inside { ("", rest) } else { (rest, "") }
}

/// `program[number]: text`, `program: text` or, of ESXi, `program[number] [Originator@6876 ...`.
fn tag(rest: &str) -> Option<(&str, Option<&str>, &str)> {
    let end = rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || "-_./()".contains(letter)))?;
    let (program, tail) = rest.split_at_checked(end)?;
    let (process, tail) = match tail.strip_prefix('[').and_then(|tail| tail.split_once(']')) {
        Some((process, tail)) if process.len() <= 16 && !process.contains(' ') => (Some(process), tail),
        _ => (None, tail),
    };
    let text = match tail.strip_prefix(':') {
        // `10:22` is a time, and `fe80::1` an address.
        Some(text) if process.is_some() || text.is_empty() || text.starts_with([' ', '\t']) => text,
        None if process.is_some() && tail.starts_with(" [") => tail,
        _ => return None,
    };
    let program = program.split_once('(').map_or(program, |(program, _)| program);
    (!program.is_empty()).then_some((program, process, text.trim_start()))
}

/// `In(166) ` of the files of ESXi 8: the letters name the severity again.
fn esxi_priority(rest: &str) -> Option<(u8, &str)> {
    let (mark, tail) = word(rest);
    let (level, number) = mark.strip_suffix(')')?.split_once('(')?;
    if level.len() > 2 || !level.chars().all(|letter| letter.is_ascii_alphabetic()) {
        return None;
    }
    Some((number.parse().ok()?, tail.trim_start()))
}

/// `info hostd[...] [` of the files of ESXi 6 and 7.
fn esxi_level(rest: &str) -> Option<&str> {
    let (level, tail) = word(rest);
    let is_level = ["info", "warning", "error", "verbose", "trivia", "panic"].contains(&level);
    (is_level && tag(tail).is_some()).then_some(tail.trim_start())
}

/// A time at the front, and what is behind it.
fn time(rest: &str, received: Timestamp) -> Option<(Timestamp, &str)> {
    let first = rest.chars().next()?;
    if first.is_ascii_digit() {
        let (found, tail) = word(rest);
        let found = found.strip_suffix(':').unwrap_or(found);
        return Some((zoned(found)?, tail));
    }
    let (name, tail) = word(rest);
    let month = month(name)?;
    let (day, tail) = word(tail);
    let day: i8 = day.parse().ok()?;
    let (mut clock, mut tail) = word(tail);
    let mut year = None;
    if clock.len() == 4 && !clock.contains(':') {
        year = Some(clock.parse().ok()?);
        (clock, tail) = word(tail);
    }
    let time = clock_time(clock.trim_end_matches(':'))?;
    let found = match year {
        Some(year) => utc(Date::new(year, month, day).ok()?, time)?,
        None => completed(month, day, time, received)?,
    };
    Some((found, tail))
}

/// A time of RFC 3339; without a zone it is UTC.
fn zoned(text: &str) -> Option<Timestamp> {
    if !text.contains('T') {
        return None;
    }
    text.parse::<Timestamp>().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        Offset::UTC.to_timestamp(local).ok()
    })
}

pub(crate) fn utc(date: Date, time: Time) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(date.to_datetime(time)).ok()
}

pub(crate) fn clock_time(text: &str) -> Option<Time> {
    if text.len() < 7 || !text.contains(':') {
        return None;
    }
    text.parse().ok()
}

fn completed(month: i8, day: i8, time: Time, received: Timestamp) -> Option<Timestamp> {
    let latest = received.as_second().saturating_add(86_400);
    let year = Offset::UTC.to_datetime(received).year();
    // A leap day may be four years back; the next year's first hours may be here already.
    [1, 0, -1, -2, -3, -4].into_iter().find_map(|back| {
        let found = utc(Date::new(year.checked_add(back)?, month, day).ok()?, time)?;
        (found.as_second() <= latest).then_some(found)
    })
}

fn month(name: &str) -> Option<i8> {
    const NAMES: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let at = NAMES.iter().position(|known| *known == name)?;
    i8::try_from(at + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str, received: &str) -> String {
        let message = parse(line, received.parse().unwrap()).unwrap();
        format!(
            "{}|{}|{}|{}|{}|{}",
            message.priority.map(|number| number.to_string()).unwrap_or_default(),
            message.time.map(|time| time.to_string()).unwrap_or_default(),
            message.host.unwrap_or_default(),
            message.program,
            message.process.unwrap_or_default(),
            message.text,
        )
    }

    #[test]
    fn headers_as_linux_esxi_and_cisco_write_them_are_understood() {
        let lines = [
            (
                "<38>Apr 27 15:22:23 niban sshd[12]: hi",
                "38|2026-04-27T15:22:23Z|niban|sshd|12|hi",
            ),
            (
                "Jun  5 15:51:13 precise32 sudo:     mike : TTY=pts/0",
                "|2026-06-05T15:51:13Z|precise32|sudo||mike : TTY=pts/0",
            ),
            (
                "Apr 27 15:22:23 niban su(pam_unix)[23164]: x",
                "|2026-04-27T15:22:23Z|niban|su|23164|x",
            ),
            (
                "2026-03-01T10:00:00.5+02:00 web CRON[7]: (root) CMD (x)",
                "|2026-03-01T08:00:00.5Z|web|CRON|7|(root) CMD (x)",
            ),
            (
                "<14>1 2021-09-06T14:40:13.263383+00:00 vcenter vpxd 58650 - -  Event [575792]",
                "14|2021-09-06T14:40:13.263383Z|vcenter|vpxd|58650|Event [575792]",
            ),
            (
                "<166>2022-11-04T15:01:58.230Z ESXI Hostd: info hostd[1053970] [Originator@6876 sub=x] y",
                "166|2022-11-04T15:01:58.23Z|ESXI|Hostd||info hostd[1053970] [Originator@6876 sub=x] y",
            ),
            (
                "2023-12-05T17:36:17.835Z In(14) shell[1053659]: [root]: vim-cmd vmsvc/getallvms",
                "14|2023-12-05T17:36:17.835Z||shell|1053659|[root]: vim-cmd vmsvc/getallvms",
            ),
            (
                "2020-05-02T08:00:00.001Z info hostd[2099] [Originator@6876 sub=x] y",
                "|2020-05-02T08:00:00.001Z||hostd|2099|[Originator@6876 sub=x] y",
            ),
            (
                "2020-05-02T08:00:00.001Z: [UserLevelCorrelator] 3us: [esx.audit.ssh.enabled] SSH access has been enabled.",
                "|2020-05-02T08:00:00.001Z||||[UserLevelCorrelator] 3us: [esx.audit.ssh.enabled] SSH access has been enabled.",
            ),
            (
                "<166>Jun 22 2022 13:29:11 single : %ASA-6-113039: Group",
                "166|2022-06-22T13:29:11Z|single|||%ASA-6-113039: Group",
            ),
            ("<166>%ASA-6-113039: Group", "166|||||%ASA-6-113039: Group"),
            (
                "Oct  1 08:02:11 PA-3220 1,2026/10/01 08:02:11,0162",
                "|2026-10-01T08:02:11Z|PA-3220|||1,2026/10/01 08:02:11,0162",
            ),
        ];
        for (line, expected) in lines {
            assert_eq!(told(line, "2026-11-26T12:00:00Z"), expected, "{line}");
        }
    }

    #[test]
    fn a_year_is_completed_so_that_the_time_is_not_in_the_future() {
        let year = |line, received| told(line, received)[1..5].to_owned();
        assert_eq!(year("Dec 31 23:59:59 a b: c", "2026-01-01T00:00:05Z"), "2025");
        assert_eq!(year("Jan  1 00:00:05 a b: c", "2025-12-31T23:59:59Z"), "2026");
        assert_eq!(year("Feb 29 10:00:00 a b: c", "2026-03-01T00:00:00Z"), "2024");
        assert_eq!(year("Nov 27 10:00:00 a b: c", "2026-11-26T12:00:00Z"), "2026");
        assert_eq!(year("Nov 28 10:00:00 a b: c", "2026-11-26T12:00:00Z"), "2025");
    }

    #[test]
    fn structured_data_ends_outside_of_its_quotes() {
        let line = r#"<110>1 2022-11-04T15:25:46.186Z esx shell 1 - [shell.cmd@6876 subject="root" command="echo \"]\" x" status="0"][b c="d"] text ]"#;
        let message = parse(line, "2026-11-26T12:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(
            message.parameter("shell.cmd@6876", "command").as_deref(),
            Some(r#"echo "]" x"#)
        );
        assert_eq!(message.text, "text ]");
    }

    #[test]
    fn what_has_neither_priority_nor_time_is_no_syslog() {
        for line in [
            "",
            "hello world",
            "<999>x",
            "May the force",
            "2023 was a year",
            "Jan 99 10:00:00 a b: c",
        ] {
            assert_eq!(parse(line, "2026-11-26T12:00:00Z".parse().unwrap()), None, "{line}");
        }
    }
}
