//! Who is told of what guards and drills do: the log, the webhook, and the ledger.

use std::sync::{Arc, OnceLock};

use guard::{Event, EventKind, Events, Unfenced};
use serde_json::Value;

use crate::desk::{Front, sources};
use crate::drills::DrillEvent;
use crate::hex::hex;
use crate::log::{Level, Log};
use crate::webhook::{Webhook, host};

/// The version of the messages.
const VERSION: u32 = 1;

/// Tells log and webhook; nobody until a daemon has set them, because a command tells what it did itself. The ledger is told
/// by whoever has one open.
#[derive(Debug, Default)]
pub struct Told {
    daemon: OnceLock<(Arc<Log>, Arc<Webhook>)>,
    front: Arc<Front>,
}

impl Told {
    /// Sets who is told. Only the first call counts.
    pub fn set(&self, log: Arc<Log>, webhook: Arc<Webhook>) {
        // Only the daemon that made the engine calls this, once.
        let _ = self.daemon.set((log, webhook));
    }
}

impl Told {
    /// The way to the ledger.
    #[must_use]
    pub const fn front(&self) -> &Arc<Front> {
        &self.front
    }

    /// Tells of a drill.
    pub fn drill(&self, event: &DrillEvent) {
        self.front.tell(sources::of_drill(event));
        self.tell(event.level(), &event.volume, &event.text(), event);
    }

    fn tell(&self, level: Level, volume: &str, text: &str, event: &impl serde::Serialize) {
        let Some((log, webhook)) = self.daemon.get() else {
            return;
        };
        let fields = serde_json::to_value(event).unwrap_or_default();
        log.write_event(level, volume, text, &fields);
        webhook.send(|| message(level, text, fields).to_string());
    }
}

impl Events for Told {
    fn note(&self, event: &Event) {
        self.front.tell(sources::of_guard(event));
        self.tell(level(&event.kind), &event.volume, &event.text(), event);
    }
}

/// How important an event is.
const fn level(kind: &EventKind) -> Level {
    match kind {
        EventKind::Fenced { .. }
        | EventKind::Diverted { .. }
        | EventKind::StillFenced { .. }
        | EventKind::WouldFence {
            because: Unfenced::Alert,
        } => Level::Critical,
        EventKind::FencedByHand { .. } => Level::Critical,
        EventKind::Failed { .. } => Level::Error,
        EventKind::WouldFence {
            because: Unfenced::Announced,
        }
        | EventKind::Forgotten { .. } => Level::Warning,
        EventKind::Calmed | EventKind::BookmarkExpired { .. } => Level::Info,
        _ => Level::Notice,
    }
}

/// An event as the webhook gets it: its fields, who says so, how important it is, and the same in words.
fn message(level: Level, text: &str, mut fields: Value) -> Value {
    if let Some(object) = fields.as_object_mut() {
        object.insert("version".to_owned(), VERSION.into());
        object.insert("id".to_owned(), identity().into());
        object.insert("host".to_owned(), host().into());
        object.insert("severity".to_owned(), level.name().into());
        object.insert("message".to_owned(), text.into());
    }
    fields
}

/// A number that no other message has, by which one that arrives twice is known.
fn identity() -> String {
    hex(&volume::os_random())
}

#[cfg(test)]
mod tests {
    use super::*;
    use guard::Fence;
    use serde_json::json;
    use volume::Timestamp;

    fn event(kind: EventKind) -> Event {
        Event {
            volume: "disk".to_owned(),
            time: Timestamp::from_unix_seconds(1_795_428_900),
            kind,
            pin: Some("before-attack-1".to_owned()),
            pinned: Some(Timestamp::from_unix_seconds(1_795_428_880)),
            onset: Some(Timestamp::from_unix_seconds(1_795_428_890)),
            cause: guard::Cause::Encryption,
            suspicion_percent: Some(100),
            reasons: vec!["blocks turned random".to_owned()],
            counts: guard::Counts::default(),
        }
    }

    #[test]
    fn a_message_has_the_fields_that_are_documented() {
        let event = event(EventKind::Fenced { fence: Fence::Pause });
        let fields = serde_json::to_value(&event).unwrap();
        let message = message(level(&event.kind), &event.text(), fields);
        let mut names: Vec<&str> = message.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        let expected = [
            "cause",
            "counts",
            "fence",
            "host",
            "id",
            "kind",
            "message",
            "onset",
            "pin",
            "pinned",
            "reasons",
            "severity",
            "suspicion_percent",
            "time",
            "version",
            "volume",
        ];
        assert_eq!(names, expected);
        assert_eq!(message["kind"], json!("fenced"));
        assert_eq!(message["severity"], json!("critical"));
        assert_eq!(message["time"], json!("2026-11-23T10:15:00Z"));
        assert_eq!(message["id"].as_str().unwrap().len(), 32);
    }

    #[test]
    fn what_needs_somebody_now_is_critical_and_what_does_not_is_not() {
        let of = |kind| level(&kind);
        assert_eq!(of(EventKind::Bookmarked { moved: false }), Level::Notice);
        assert_eq!(of(EventKind::Calmed), Level::Info);
        for kind in [
            EventKind::Fenced { fence: Fence::Refuse },
            EventKind::Diverted { fork: "f".to_owned() },
            EventKind::WouldFence {
                because: Unfenced::Alert,
            },
        ] {
            assert_eq!(of(kind), Level::Critical);
        }
        let because = Unfenced::Announced;
        assert_eq!(of(EventKind::WouldFence { because }), Level::Warning);
    }
}
