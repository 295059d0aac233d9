//! Records into events, where records belong together: those of one event of the audit daemon, and rows of a table with its head.

use jiff::Timestamp;

use super::audit::Assembler;
use super::zeek::Table;
use super::{Context, NotUnderstood, messages, normalise_each};
use crate::event::{Event, Origin};
use crate::input::{Body, Record};

/// Tables that are read at the same time at most.
const TABLES_MAX: usize = 64;

/// Who takes events.
pub type Give<'a> = dyn FnMut(Result<Event, NotUnderstood>) + 'a;

/// Makes events of records of any number of logs, one after another.
///
/// Invariant: each record that was taken gives what it gives exactly once: at once, or when its companions are there, or when they have
/// been waited for long enough. What still waits, and for which a log's place must not be moved on, is in [`Normaliser::waiting`].
#[derive(Debug, Default)]
pub struct Normaliser {
    audit: Assembler,
    /// The one that was used last stands last.
    tables: Vec<Table>,
}

impl Normaliser {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a record and gives the events that are whole by then: none, one or several. `received` is when it came in.
    pub fn take(&mut self, mut record: Record, received: Timestamp, give: &mut Give<'_>) {
        let context = Context {
            origin: record.origin.clone(),
            received,
        };
        if let Body::Line(line) = &record.body {
            if self.audit.take(line, &context, give) {
                return;
            }
            if line.starts_with('#') && self.head(line, &context) {
                return;
            }
            if let Some(row) = self.row(line, &context) {
                record.body = Body::Document(row);
            } else if carried(line, &context, give) {
                return;
            }
        }
        normalise_each(record, received, give);
    }

    /// Gives what has waited for companions for two seconds by this machine's time. To be called now and then while a log is followed.
    pub fn expire(&mut self, now: Timestamp, give: &mut Give<'_>) {
        self.audit.expire(now, give);
    }

    /// Gives all that waits: the logs have ended.
    pub fn finish(&mut self, give: &mut Give<'_>) {
        self.audit.finish(give);
    }

    /// The records that were taken and not yet given.
    pub fn waiting(&self) -> impl Iterator<Item = &Origin> {
        self.audit.waiting()
    }

    /// Learns a line of a table's head.
    fn head(&mut self, line: &str, context: &Context) -> bool {
        if !Table::is_head(line) {
            return false;
        }
        let known = self
            .tables
            .iter()
            .position(|table| table.source == context.origin.source);
        let mut table = match known {
            // A head begins with the separator; what an earlier one said ends there.
            Some(at) if !line.starts_with("#separator") => self.tables.remove(at),
            Some(at) => {
                self.tables.remove(at);
                Table::new(context.origin.source.clone())
            }
            None => Table::new(context.origin.source.clone()),
        };
        table.learn(line);
        self.tables.push(table);
        if self.tables.len() > TABLES_MAX {
            self.tables.remove(0);
        }
        true
    }

    fn row(&self, line: &str, context: &Context) -> Option<serde_json::Value> {
        let table = self
            .tables
            .iter()
            .rfind(|table| table.source == context.origin.source)?;
        table.document(line)
    }
}

/// Gives the events of a document that a line carries, of which there can be several. False if none of it is understood.
fn carried(line: &str, context: &Context, give: &mut Give<'_>) -> bool {
    let Some(document) = messages::document(line, context.received) else {
        return false;
    };
    let record = Record {
        body: Body::Document(document),
        origin: context.origin.clone(),
    };
    let mut found = Vec::new();
    normalise_each(record, context.received, &mut |event| found.push(event));
    // Of a document without a header of syslog nothing else can be made: why it isn't understood is told as it is.
    let understood = found.iter().any(Result::is_ok) || line.trim_start().starts_with('{');
    if understood {
        found.into_iter().for_each(give);
    }
    understood
}

#[cfg(test)]
mod tests {
    use super::super::text::testing::{origin, received, source};
    use super::*;

    #[test]
    fn rows_of_a_table_are_read_with_the_head_of_their_own_log() {
        let mut normaliser = Normaliser::new();
        let mut found = Vec::new();
        for (number, line) in [
            "#separator \\x09",
            "#path\tdns",
            "#fields\tts\tuid\tid.orig_h\tid.resp_h\tquery",
            "1591367999.3\tC1\t10.0.0.1\t10.0.0.2\texample.com",
            "#close\t2020-06-05",
            "Mar  1 10:00:00 web01 sshd[1]: x",
        ]
        .into_iter()
        .enumerate()
        {
            let record = Record {
                body: Body::Line(line.to_owned()),
                origin: origin(number as u64 + 1),
            };
            normaliser.take(record, received(), &mut |event| found.push(event.unwrap()));
        }
        assert_eq!(
            found.iter().map(source).collect::<Vec<_>>(),
            ["zeek/dns/dns", "linux/sshd/-"]
        );
        assert_eq!(found[0].origin.record, 4);
    }

    #[test]
    fn a_record_or_a_line_of_several_events_gives_them_all() {
        let login = r#"{"eventName":"ConsoleLogin","eventSource":"signin.amazonaws.com","eventTime":"2026-03-01T10:00:00Z","userIdentity":{"type":"IAMUser","userName":"anna"},"eventVersion":"1.08"}"#;
        let records = format!(r#"{{"Records":[{login},{login}]}}"#);
        let bodies = [
            Body::Document(serde_json::from_str(&records).unwrap()),
            Body::Line(records.clone()),
            Body::Line(format!("<13>Mar  1 10:00:00 relay01 forwarder: {records}")),
        ];
        for body in bodies {
            let mut found = Vec::new();
            let record = Record {
                body,
                origin: origin(1),
            };
            Normaliser::new().take(record, received(), &mut |event| found.push(source(&event.unwrap())));
            assert_eq!(found, ["aws/cloudtrail/-", "aws/cloudtrail/-"]);
        }
    }

    #[test]
    fn a_line_that_a_shipper_put_into_a_document_is_read_as_that_line() {
        let line = "<38>Mar  1 10:00:00 web01 sshd[1]: Failed password for root from 10.0.0.9 port 22 ssh2";
        for name in ["message", "log", "_raw"] {
            let mut found = Vec::new();
            let document = serde_json::json!({name: line, "source_type": "file", "host": "relay"});
            let record = Record {
                body: Body::Line(document.to_string()),
                origin: origin(1),
            };
            Normaliser::new().take(record, received(), &mut |event| found.push(event.unwrap()));
            assert_eq!(found.iter().map(source).collect::<Vec<_>>(), ["linux/sshd/-"]);
            assert_eq!(found[0].facts.machine[0].name, "web01");
        }
    }

    #[test]
    fn why_a_document_is_not_understood_is_told() {
        let mut found = Vec::new();
        let record = Record {
            body: Body::Line(r#"{"eventType":"user.session.start","published":"7 o'clock"}"#.to_owned()),
            origin: origin(1),
        };
        Normaliser::new().take(record, received(), &mut |event| found.push(event.unwrap_err().reason));
        assert_eq!(found, ["the time `\"7 o'clock\"` isn't understood"]);
    }

    #[test]
    fn a_document_that_nobody_knows_is_still_a_message() {
        let mut found = Vec::new();
        let record = Record {
            body: Body::Line(r#"<13>Mar  1 10:00:00 web01 app[7]: {"level":"info"}"#.to_owned()),
            origin: origin(1),
        };
        Normaliser::new().take(record, received(), &mut |event| found.push(event.unwrap()));
        assert_eq!(found.iter().map(source).collect::<Vec<_>>(), ["linux/syslog/-"]);
        assert_eq!(found[0].fields["message"], r#"{"level":"info"}"#);
    }
}
