//! Alerts made of what layers tell.

use guard::{Cause, Event, EventKind, Unfenced};
use respond::Time;
use respond::alert::{Layer, NewAlert, Severity};
use respond::approval::Request;
use respond::ledger::SignedHead;
use serde_json::{Map, Value, json};
use volume::NoSpace;

use super::time;
use crate::clock::Tick;
use crate::drills::DrillEvent;
use crate::log::Level;
use crate::size::format_size;
use crate::span::format_span;

/// Something that a guard tells.
#[must_use]
pub fn of_guard(event: &Event) -> NewAlert {
    let (severity, title) = guard_words(&event.kind);
    let title = match event.cause {
        Cause::Encryption => title.to_owned(),
        Cause::Destruction => title
            .replace("Encryption", "Destruction")
            .replace("Suspicious", "Destructive"),
    };
    let facts = facts(event);
    let kind = facts.get("kind").and_then(Value::as_str).unwrap_or("event").to_owned();
    NewAlert {
        title,
        text: event.text(),
        facts,
        ..about_volume(time(event.time), Layer::Guard, &kind, severity, &event.volume)
    }
}

/// How bad an event of a guard is, and what it is in a few words.
const fn guard_words(kind: &EventKind) -> (Severity, &'static str) {
    match kind {
        EventKind::Bookmarked { .. } => (Severity::Medium, "Suspicious writes"),
        EventKind::Calmed => (Severity::Informational, "Writes are ordinary again"),
        EventKind::BookmarkExpired { .. } => (Severity::Informational, "A bookmark was given up"),
        EventKind::WouldFence {
            because: Unfenced::Announced,
        } => (Severity::Medium, "Encryption recognised during announced work"),
        EventKind::WouldFence {
            because: Unfenced::Alert,
        } => (Severity::Critical, "Encryption recognised, and nothing is stopped"),
        EventKind::Fenced { .. } => (Severity::Critical, "Encryption recognised, writes are stopped"),
        EventKind::Diverted { .. } => (Severity::Critical, "Encryption recognised, writes are diverted"),
        EventKind::FencedByHand { .. } => (Severity::High, "A fence was put up by hand or by a policy"),
        EventKind::SensitivityRaised { .. } => (Severity::Low, "A guard acts at less suspicion than usual"),
        EventKind::StillFenced { .. } => (Severity::High, "A fence from before the restart is in force"),
        EventKind::Released { .. } => (Severity::Low, "A fence was taken down"),
        EventKind::RolledBack { .. } => (Severity::Low, "The disk was returned to the past"),
        EventKind::SettingsChanged { .. } => (Severity::Low, "A guard's settings changed"),
        EventKind::Announced { .. } => (Severity::Low, "Work was announced"),
        EventKind::AnnouncementEnded { .. } => (Severity::Informational, "Announced work is over"),
        EventKind::ModelChanged { .. } => (Severity::Informational, "Another model judges what is written"),
        EventKind::Forgotten { .. } => (Severity::Medium, "A guard begins anew"),
        EventKind::Failed { .. } => (Severity::High, "Something that a guard tried failed"),
        _ => (Severity::Informational, "A guard tells something"),
    }
}

/// Something about a drill.
#[must_use]
pub fn of_drill(event: &DrillEvent) -> NewAlert {
    let severity = match event.level() {
        Level::Error | Level::Critical => Severity::High,
        Level::Warning => Severity::Medium,
        Level::Notice => Severity::Low,
        Level::Info | Level::Detail => Severity::Informational,
    };
    let title = match event.kind {
        "drill-passed" => "A drill passed",
        "drill-failed" => "A drill failed",
        "drill-inconclusive" => "A drill had no result",
        "drill-not-run" => "A drill couldn't be carried out",
        _ => "A drill is overdue",
    };
    NewAlert {
        title: title.to_owned(),
        text: event.text(),
        facts: facts(event),
        ..about_volume(time(event.time.0), Layer::Drill, event.kind, severity, &event.volume)
    }
}

/// A volume refuses writes for lack of space; `text` is what the log says.
#[must_use]
pub fn no_space(now: Time, volume: &str, why: NoSpace, text: &str) -> NewAlert {
    let (title, full) = match why {
        NoSpace::Budget { budget_bytes } => {
            let title = format!(
                "Writes are refused: the budget of {} is full",
                format_size(budget_bytes)
            );
            (title, json!({ "full": "budget", "budget_bytes": budget_bytes }))
        }
        NoSpace::Disk => (
            "Writes are refused: the disk below is full".to_owned(),
            json!({ "full": "disk" }),
        ),
    };
    NewAlert {
        title,
        text: text.to_owned(),
        facts: facts(&full),
        ..about_volume(now, Layer::Volume, "no-space", Severity::High, volume)
    }
}

/// A volume takes writes again.
#[must_use]
pub fn space_again(now: Time, volume: &str, text: &str) -> NewAlert {
    NewAlert {
        title: "Writes aren't refused any more".to_owned(),
        text: text.to_owned(),
        ..about_volume(now, Layer::Volume, "space-again", Severity::Informational, volume)
    }
}

/// Something stored is damaged.
#[must_use]
pub fn damage(now: Time, volume: &str, text: &str) -> NewAlert {
    NewAlert {
        title: "Stored bytes are damaged".to_owned(),
        text: text.to_owned(),
        ..about_volume(now, Layer::Volume, "damage", Severity::High, volume)
    }
}

/// The disk below a volume fails.
#[must_use]
pub fn disk_failing(now: Time, volume: &str, text: &str) -> NewAlert {
    NewAlert {
        title: "The disk below fails".to_owned(),
        text: text.to_owned(),
        ..about_volume(now, Layer::Volume, "disk-failing", Severity::High, volume)
    }
}

/// A volume whose disk failed is served again.
#[must_use]
pub fn reopened(now: Time, volume: &str, text: &str) -> NewAlert {
    NewAlert {
        title: "A volume whose disk failed is served again".to_owned(),
        text: text.to_owned(),
        ..about_volume(now, Layer::Volume, "reopened", Severity::Medium, volume)
    }
}

/// The system's clock jumped; `None` if it didn't.
#[must_use]
pub fn clock(now: Time, tick: &Tick) -> Option<NewAlert> {
    let (way, by) = match tick {
        Tick::JumpedAhead(by) => ("ahead", by),
        Tick::JumpedBack(by) => ("back", by),
        Tick::Steady | Tick::Returned => return None,
    };
    let by_text = format_span(*by);
    let title = format!("The system's clock jumped {way} by {by_text}");
    let text = format!(
        "the system's clock jumped {way} by {by_text}; it is followed slowly, so that retention drops no history because of it. \
         Attackers set clocks to have history thrown away: find out who or what set it. If the new time is right, restart the \
         daemon"
    );
    let facts = json!({ "way": way, "seconds": by.as_secs() });
    Some(NewAlert {
        time: now,
        layer: Layer::Volume,
        kind: "clock-jumped".to_owned(),
        severity: Severity::Medium,
        volume: None,
        host: None,
        identity: None,
        title,
        text,
        facts: self::facts(&facts),
    })
}

/// Alerts came faster than they could be noted, or while none could.
#[must_use]
pub fn lost(now: Time, count: u64) -> NewAlert {
    NewAlert {
        time: now,
        layer: Layer::Respond,
        kind: "alerts-lost".to_owned(),
        severity: Severity::High,
        volume: None,
        host: None,
        identity: None,
        title: format!("{count} alerts couldn't be noted"),
        text: format!(
            "{count} alerts came faster than the ledger could note them, or while it couldn't be written, and aren't in it; the log \
             has what guards and drills told, and since when the ledger wasn't written. Look at what else was noticed at this time"
        ),
        facts: facts(&json!({ "alerts": count })),
    }
}

/// A signed head says that the ledger isn't what it was.
#[must_use]
pub fn ledger_cut(now: Time, signed: &SignedHead) -> NewAlert {
    let sequence = signed.head.sequence;
    NewAlert {
        time: now,
        layer: Layer::Respond,
        kind: "ledger-cut".to_owned(),
        severity: Severity::High,
        volume: None,
        host: None,
        identity: None,
        title: "The ledger's end was cut off, or it was replaced".to_owned(),
        text: format!(
            "a signed head of the ledger names record {sequence} with a hash that isn't there: the end of the ledger was cut off, it \
             was changed, or another ledger was put in its place. If you put a backup or a new ledger there yourself, this is why. If \
             not, somebody hides what they did: look for it in an export, a backup and the log, and find out who could write the file"
        ),
        facts: facts(&json!({ "head": signed })),
    }
}

/// The program ended while something ran that a request allowed.
#[must_use]
pub fn cut_off(now: Time, request: &Request) -> NewAlert {
    let Request {
        id, operation, subject, ..
    } = request;
    NewAlert {
        time: now,
        layer: Layer::Respond,
        kind: "approval-unknown".to_owned(),
        severity: Severity::Medium,
        volume: None,
        host: None,
        identity: None,
        title: format!("Not known whether it was done: {operation} {subject}"),
        text: format!(
            "request {id} was approved and used, and the program ended before it was known to be done: {} ({subject}). Look whether it was \
             (`holdfast approvals show {id}` says what exactly). If it wasn't, ask for it anew: a request is good for once",
            operation.text()
        ),
        facts: facts(&json!({ "request": id })),
    }
}

fn about_volume(time: Time, layer: Layer, kind: &str, severity: Severity, volume: &str) -> NewAlert {
    NewAlert {
        time,
        layer,
        kind: kind.to_owned(),
        severity,
        volume: Some(volume.to_owned()),
        host: None,
        identity: None,
        title: String::new(),
        text: String::new(),
        facts: Map::new(),
    }
}

/// What an event says, field by field.
fn facts(event: &impl serde::Serialize) -> Map<String, Value> {
    match serde_json::to_value(event) {
        Ok(Value::Object(mut facts)) => {
            facts.retain(|_, value| !value.is_null());
            facts
        }
        _ => Map::new(),
    }
}
