//! The daemon's log: one line an event, for people or as JSON. Each message says what happened, what it means and,
//! where there is something, what to do next.

use std::fmt::Display;
use std::io::Write;
use std::sync::Mutex;

use volume::Timestamp;

use crate::browse::text::printable;
use crate::clock::wall_clock;
use crate::when::{local_short, utc};

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Everyday events, shown on demand.
    Detail,
    /// What an operator wants to find in a log.
    Info,
    /// What an operator should see, and need not act on.
    Notice,
    /// What will become a problem.
    Warning,
    /// What is a problem.
    Error,
    /// What somebody has to be woken up for.
    Critical,
}

/// The shape of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Time, level and message.
    Plain,
    /// For the journal of systemd: a priority, no time.
    Journal,
    /// A JSON object.
    Json,
}

impl Style {
    /// JSON where it is wanted, else what standard error leads to.
    #[must_use]
    pub fn of_surroundings(json: bool) -> Self {
        if json {
            Self::Json
        } else if std::env::var_os("JOURNAL_STREAM").is_some() {
            Self::Journal
        } else {
            Self::Plain
        }
    }
}

impl Level {
    /// The level as the log writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Detail => "detail",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    /// The priority of syslog.
    const fn priority(self) -> u8 {
        match self {
            Self::Detail => 7,
            Self::Info => 6,
            Self::Notice => 5,
            Self::Warning => 4,
            Self::Error => 3,
            Self::Critical => 2,
        }
    }
}

/// A log that goes to standard error.
#[derive(Debug)]
pub struct Log {
    style: Style,
    least: Level,
    /// Keeps lines whole.
    turn: Mutex<()>,
}

impl Log {
    /// A log of the given shape; with `verbose` details too.
    #[must_use]
    pub fn new(style: Style, verbose: bool) -> Self {
        let least = if verbose { Level::Detail } else { Level::Info };
        Self {
            style,
            least,
            turn: Mutex::new(()),
        }
    }

    /// Writes a line. `subject` is the volume or client it is about; may be empty.
    pub fn write(&self, level: Level, subject: &str, message: impl Display) {
        if (level as u8) >= (self.least as u8) {
            self.write_line(&line(
                self.style,
                wall_clock(),
                level,
                subject,
                &message.to_string(),
                None,
            ));
        }
    }

    /// Writes a line about an event whose facts programs get one by one: in JSON as the field `event`.
    pub fn write_event(&self, level: Level, subject: &str, message: &str, event: &serde_json::Value) {
        if (level as u8) >= (self.least as u8) {
            self.write_line(&line(self.style, wall_clock(), level, subject, message, Some(event)));
        }
    }

    fn write_line(&self, line: &str) {
        let _turn = self.turn.lock();
        // A log that can't be written has nobody to tell.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }

    /// Whether a person may be reading what this process prints.
    #[must_use]
    pub fn is_for_people(&self) -> bool {
        self.style == Style::Plain
    }

    /// Writes a line of level [`Level::Info`].
    pub fn info(&self, subject: &str, message: impl Display) {
        self.write(Level::Info, subject, message);
    }
}

fn line(
    style: Style,
    now: Timestamp,
    level: Level,
    subject: &str,
    message: &str,
    event: Option<&serde_json::Value>,
) -> String {
    let separator = if subject.is_empty() { "" } else { ": " };
    // Names that clients choose, and those of files, come from outside: nothing may start a line of its own, or steer a terminal.
    let message = printable(message.replace('\n', "; ").as_bytes());
    match style {
        Style::Plain => format!(
            "{} {:<7} {subject}{separator}{message}\n",
            local_short(now),
            level.name()
        ),
        Style::Journal => format!("<{}>{subject}{separator}{message}\n", level.priority()),
        Style::Json => {
            let mut object = serde_json::json!({ "time": utc(now), "level": level.name(), "message": message });
            if let (false, Some(fields)) = (subject.is_empty(), object.as_object_mut()) {
                fields.insert("subject".to_owned(), subject.into());
            }
            if let (Some(event), Some(fields)) = (event, object.as_object_mut()) {
                fields.insert("event".to_owned(), event.clone());
            }
            object.to_string() + "\n"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_shape_that_is_asked_for() {
        let time = Timestamp::from_unix_seconds(1_795_428_900);
        let of = |style, subject| line(style, time, Level::Warning, subject, "two\nlines", None);
        assert_eq!(of(Style::Journal, "disk"), "<4>disk: two; lines\n");
        assert_eq!(of(Style::Journal, ""), "<4>two; lines\n");
        assert_eq!(
            of(Style::Json, "disk"),
            "{\"time\":\"2026-11-23T10:15:00.000000000Z\",\"level\":\"warning\",\"message\":\"two; lines\",\
             \"subject\":\"disk\"}\n"
        );
        assert_eq!(
            line(Style::Journal, time, Level::Info, "", "\u{1b}[2J\u{e4}\r\u{202e}", None),
            "<6>\\u{1b}[2J\u{e4}\\u{d}\\u{202e}\n"
        );
        let event = serde_json::json!({ "kind": "fenced" });
        assert_eq!(
            line(Style::Json, time, Level::Critical, "", "x", Some(&event)),
            "{\"time\":\"2026-11-23T10:15:00.000000000Z\",\"level\":\"critical\",\"message\":\"x\",\
             \"event\":{\"kind\":\"fenced\"}}\n"
        );
        assert!(of(Style::Plain, "disk").ends_with(" warning disk: two; lines\n"));
    }
}
