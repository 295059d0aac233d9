//! Long lists, printed while they are found: lines for people, or one JSON object whose lists grow.

use std::io::{self, BufWriter, StdoutLock, Write};

use serde::Serialize;

use crate::browse::text::{PathText, printable};
use crate::failure::{EXIT_OK, Failure, FailureCode};

/// What couldn't be read that is listed at the end; more is counted.
const LISTED_MAX: usize = 1000;

/// Prints a list.
pub(super) struct Lines {
    out: BufWriter<StdoutLock<'static>>,
    json: bool,
    /// What JSON begins with, until it is printed: a command that fails before prints its error alone.
    opening: String,
    is_empty: bool,
    is_broken: bool,
    unreadable: Vec<Unreadable>,
    unreadable_count: u64,
}

/// Something that couldn't be read.
#[derive(Clone, Debug, Serialize)]
struct Unreadable {
    #[serde(flatten)]
    path: PathText,
    reason: String,
}

impl Lines {
    /// Begins a list, which in JSON has a name, with further fields before it.
    pub(super) fn begin(json: bool, name: &str, fields: &serde_json::Value) -> Self {
        let mut opening = String::from("{");
        for (field, value) in fields.as_object().into_iter().flatten() {
            opening += &format!("{}:{value},", serde_json::json!(field));
        }
        opening += &format!("{}:[", serde_json::json!(name));
        Self {
            out: BufWriter::with_capacity(1 << 16, io::stdout().lock()),
            json,
            opening,
            is_empty: true,
            is_broken: false,
            unreadable: Vec::new(),
            unreadable_count: 0,
        }
    }

    /// A line for people; false once nobody reads any more.
    pub(super) fn text(&mut self, line: &str) -> bool {
        if !self.json {
            self.write(line);
            self.is_empty = false;
        }
        !self.is_broken
    }

    /// An item in JSON.
    pub(super) fn item(&mut self, item: &impl Serialize) -> bool {
        if self.json {
            self.open();
            let comma = if self.is_empty { "\n" } else { ",\n" };
            let text = serde_json::to_string(item)
                .unwrap_or_else(|error| serde_json::json!({ "error": error.to_string() }).to_string());
            self.write(comma);
            self.write(&text);
            self.is_empty = false;
        }
        !self.is_broken
    }

    /// Something that couldn't be read.
    pub(super) fn unreadable(&mut self, path: &[u8], reason: String) -> bool {
        self.unreadable_count += 1;
        if self.unreadable.len() < LISTED_MAX {
            let path = PathText::new(path);
            self.unreadable.push(Unreadable { path, reason });
        }
        !self.is_broken
    }

    pub(super) const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether nothing was printed.
    pub(super) const fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Ends the list, and chooses the exit code: what couldn't be read is damage. A failure before the first line is the command's; one
    /// after it is told behind the list.
    pub(super) fn end(mut self, result: Result<(), Failure>) -> Result<u8, Failure> {
        let failure = match result {
            Err(failure) if self.is_empty && self.unreadable_count == 0 => return Err(failure),
            result => result.err(),
        };
        if self.json {
            self.open();
            let unreadable = serde_json::json!(self.unreadable);
            let count = self.unreadable_count;
            let error = failure
                .as_ref()
                .map(|failure| format!(",\"error\":{}", serde_json::json!(failure)));
            let error = error.unwrap_or_default();
            self.write(&format!(
                "],\"unreadable_count\":{count},\"unreadable\":{unreadable}{error}}}\n"
            ));
        }
        // A reader that went away is no failure.
        let _ = self.out.flush();
        if !self.json {
            let _ = io::stderr()
                .lock()
                .write_all(self.warnings(failure.as_ref()).as_bytes());
        }
        Ok(match failure {
            Some(failure) => failure.code.exit_code(),
            None if self.unreadable_count > 0 => FailureCode::Damage.exit_code(),
            None => EXIT_OK,
        })
    }

    fn warnings(&self, failure: Option<&Failure>) -> String {
        let mut text = String::new();
        for unreadable in &self.unreadable {
            let path = printable(unreadable.path.path.as_bytes());
            text += &format!("warning: `{path}` can't be read: {}\n", unreadable.reason);
        }
        let more = self.unreadable_count - self.unreadable.len() as u64;
        if more > 0 {
            text += &format!("warning: {more} more can't be read\n");
        }
        if let Some(failure) = failure {
            text += &format!("error: {}\n", failure.with_hint());
        }
        text
    }

    fn open(&mut self) {
        let opening = std::mem::take(&mut self.opening);
        self.write(&opening);
    }

    fn write(&mut self, text: &str) {
        if !self.is_broken && self.out.write_all(text.as_bytes()).is_err() {
            self.is_broken = true;
        }
    }
}
