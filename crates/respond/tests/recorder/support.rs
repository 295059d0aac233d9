//! A ledger in a folder of its own, and alerts to put in.

use respond::alert::{Alert, Layer, NewAlert, Severity};
use respond::incident::{self, Incident, IncidentId};
use respond::intake::{Rules, TakenIn, take_in};
use respond::{Ledger, Page, Time};
use tempfile::TempDir;

/// 2026-11-26 10:00 UTC.
pub(super) const START: i64 = 1_795_687_200_000;
pub(super) const SECOND: i64 = 1000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;

/// So long after [`START`], in milliseconds.
pub(super) fn at(millis: i64) -> Time {
    Time::from_unix_millis(START + millis)
}

/// Something about a volume.
pub(super) fn about(millis: i64, layer: Layer, kind: &str, severity: Severity, volume: &str) -> NewAlert {
    NewAlert {
        time: at(millis),
        layer,
        kind: kind.to_owned(),
        severity,
        volume: Some(volume.to_owned()),
        host: None,
        identity: None,
        title: format!("{kind} happened"),
        text: format!("`{kind}` happened on `{volume}`; look at it"),
        facts: serde_json::Map::new(),
    }
}

/// A guard stopped the writes to a volume.
pub(super) fn fenced(millis: i64, volume: &str) -> NewAlert {
    about(millis, Layer::Guard, "fenced", Severity::Critical, volume)
}

/// A ledger in a folder of its own.
pub(super) struct Bench {
    pub(super) folder: TempDir,
    pub(super) ledger: Ledger,
}

impl Bench {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        Self { folder, ledger }
    }

    /// Takes a batch in at the time of its last alert.
    pub(super) fn take(&mut self, alerts: Vec<NewAlert>) -> TakenIn {
        let now = alerts.last().unwrap().time;
        self.ledger
            .write(|w| take_in(w, now, &Rules::default(), alerts))
            .unwrap()
    }

    pub(super) fn alerts(&self) -> Vec<Alert> {
        self.ledger
            .alerts(&respond::alert::Filter::default(), Page::newest(1000))
            .unwrap()
    }

    pub(super) fn incidents(&self) -> Vec<Incident> {
        self.ledger
            .incidents(&incident::Filter::default(), Page::newest(1000))
            .unwrap()
    }

    pub(super) fn incident(&self, id: i64) -> Incident {
        self.ledger.incident(IncidentId(id)).unwrap().unwrap()
    }

    /// The kinds of all records about something, in order.
    pub(super) fn kinds(&self, subject: &str) -> Vec<String> {
        let filter = respond::ledger::Filter {
            subject: Some(subject.to_owned()),
            ..respond::ledger::Filter::default()
        };
        let records = self.ledger.records(&filter, 1000).unwrap();
        records.into_iter().map(|record| record.kind).collect()
    }
}
