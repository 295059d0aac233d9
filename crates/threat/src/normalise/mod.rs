//! Records into events: one file per source, each with the lines that its mapping was tested against.

mod alert_feeds;
mod audit;
mod azure;
mod azure_activity;
mod backup;
mod cloudtrail;
mod document;
mod duo;
mod ecs;
mod entra_audit;
mod entra_risk;
mod entra_sign_in;
mod envelope;
mod esxi;
mod exports;
mod gcp_audit;
mod google_workspace;
mod linux;
mod messages;
mod microsoft365;
mod ocsf;
mod okta;
mod onelogin;
mod stream;
mod syslog;
mod table;
mod text;
mod vcenter;
mod vpn;
mod windows;
mod zeek;

use jiff::Timestamp;
use serde_json::Value;

use crate::event::{Event, Facts, Logsource, Origin};
use crate::input::{Body, Record};
pub(crate) use document::place;
pub use stream::{Give, Normaliser};

/// Why a record didn't become an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotUnderstood {
    /// As a fragment: `no source that is known`, `the time `x` isn't understood`.
    pub reason: String,
}

/// What a mapping is given besides the record.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) origin: Origin,
    /// When the record came in: completes times without a year, and stands in where a record has none.
    pub(crate) received: Timestamp,
}

impl Context {
    /// The event that a record became.
    pub(crate) fn event(self, time: Timestamp, logsource: Logsource, fields: Value, facts: Facts) -> Event {
        Event {
            time,
            logsource,
            fields,
            facts,
            origin: self.origin,
        }
    }
}

/// A source of JSON documents: whether a document is of it, and what it means.
pub(crate) struct DocumentSource {
    pub(crate) is: fn(&Value) -> bool,
    pub(crate) read: fn(Value, Context) -> Result<Event, NotUnderstood>,
}

/// A source of lines: what a line means, or none if it isn't of this source.
pub(crate) struct LineSource {
    pub(crate) read: fn(&str, &Context) -> Option<Result<Event, NotUnderstood>>,
}

/// In the order in which they are asked: the more specific first.
const DOCUMENTS: &[DocumentSource] = &[
    windows::DOCUMENTS,
    okta::SOURCE,
    exports::OKTA,
    exports::ENTRA_SIGN_INS,
    exports::ENTRA_AUDIT,
    cloudtrail::SOURCE,
    microsoft365::SOURCE,
    entra_risk::SOURCE,
    entra_sign_in::SOURCE,
    entra_audit::SOURCE,
    azure_activity::SOURCE,
    google_workspace::SOURCE,
    gcp_audit::SOURCE,
    duo::AUTHENTICATION,
    duo::ADMINISTRATION,
    duo::ACTIVITY,
    onelogin::SOURCE,
    DocumentSource {
        is: linux::is_journal,
        read: linux::read_journal,
    },
    DocumentSource {
        is: ocsf::is,
        read: ocsf::read,
    },
    DocumentSource {
        is: alert_feeds::is_wazuh,
        read: alert_feeds::read_wazuh,
    },
    DocumentSource {
        is: alert_feeds::is_suricata,
        read: alert_feeds::read_suricata,
    },
    DocumentSource {
        is: vcenter::is_sso,
        read: vcenter::read_sso,
    },
    DocumentSource {
        is: vcenter::is_event,
        read: vcenter::read_event,
    },
    DocumentSource {
        is: zeek::is,
        read: zeek::read,
    },
    DocumentSource {
        is: ecs::is,
        read: ecs::read,
    },
    DocumentSource {
        is: alert_feeds::is_row,
        read: alert_feeds::read_row,
    },
    table::SOURCE,
];

/// In the order in which they are asked: the more specific first.
const LINES: &[LineSource] = &[
    windows::LINES,
    LineSource { read: audit::read },
    LineSource { read: messages::read },
    LineSource { read: vpn::read_line },
    LineSource {
        read: messages::read_json,
    },
];

/// What a record means that tells of one event.
///
/// # Errors
///
/// [`NotUnderstood`] if no source is known that the record could be of, if a part that must be there isn't, or if it tells of several
/// events, for which there is [`normalise_each`].
pub fn normalise(record: Record, received: Timestamp) -> Result<Event, NotUnderstood> {
    let mut found = None;
    normalise_each(record, received, &mut |event| {
        found = Some(match found.take() {
            None => event,
            Some(_) => Err(NotUnderstood {
                reason: "a record of several events where one is wanted".to_owned(),
            }),
        });
    });
    found.unwrap_or_else(|| Err(unknown()))
}

/// What a record means: gives each of its events, or why a part of it isn't understood. Most records tell of one event; an envelope of
/// records, or one of Google's activities, of several. All have the origin of the record.
pub fn normalise_each(record: Record, received: Timestamp, take: &mut dyn FnMut(Result<Event, NotUnderstood>)) {
    let context = Context {
        origin: record.origin,
        received,
    };
    match record.body {
        Body::Document(document) => Reading { context, take }.document(document, envelope::NESTED_MAX),
        Body::Line(line) => take(of_line(&line, &context).unwrap_or_else(|| Err(unknown()))),
    }
}

/// What a line means; none if no source knows it.
fn of_line(line: &str, context: &Context) -> Option<Result<Event, NotUnderstood>> {
    LINES.iter().find_map(|source| (source.read)(line, context))
}

/// Documents of one record on their way to who takes their events.
struct Reading<'a> {
    context: Context,
    take: &'a mut dyn FnMut(Result<Event, NotUnderstood>),
}

impl Reading<'_> {
    /// Gives the events of a document, or of what it wraps.
    fn document(&mut self, document: Value, nested: usize) {
        if let Some(source) = DOCUMENTS.iter().find(|source| (source.is)(&document)) {
            return (self.take)((source.read)(document, self.context.clone()));
        }
        let opened = match nested.checked_sub(1) {
            Some(left) => envelope::open(document).map(|parts| (left, parts)),
            None => Err(document),
        };
        match opened {
            Ok((left, parts)) => parts.for_each(|part| self.document(part, left)),
            Err(document) => {
                let event = envelope::line(&document).and_then(|carried| self.carried(&carried));
                (self.take)(event.ok_or_else(unknown));
            }
        }
    }

    /// The event of a line that a shipper has put into a document.
    fn carried(&self, carried: &envelope::Carried<'_>) -> Option<Event> {
        let mut event = of_line(carried.line, &self.context)?.ok()?;
        if event.facts.machine.is_empty() {
            event.facts.machine = text::machine(carried.host);
        }
        Some(event)
    }
}

fn unknown() -> NotUnderstood {
    NotUnderstood {
        reason: "of no source that is known".to_owned(),
    }
}
