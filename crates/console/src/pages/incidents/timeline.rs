//! What happened in an incident, from all layers, in order.

use maud::{Markup, html};
use respond::Time;
use respond::action::{Action, ActionState};
use respond::alert::{Alert, Severity};
use respond::ledger::Record;
use serde_json::Value;

use super::super::parts::{sentence, with_code};
use super::super::words::time;

/// Something that happened.
struct Entry {
    time: Time,
    tone: &'static str,
    text: Markup,
    by: String,
}

/// Everything, oldest first.
pub(super) fn list(alerts: &[Alert], actions: &[Action], records: &[Record]) -> Markup {
    let mut entries: Vec<Entry> = alerts.iter().map(of_alert).collect();
    entries.extend(actions.iter().map(of_action));
    entries.extend(records.iter().filter_map(of_record));
    entries.sort_by_key(|entry| entry.time);
    html! {
        ol class="timeline" {
            @for entry in &entries {
                li class=(entry.tone) {
                    div { (entry.text) }
                    p class="when" { (time(entry.time)) @if !entry.by.is_empty() { ", " (entry.by) } }
                }
            }
        }
    }
}

fn of_alert(alert: &Alert) -> Entry {
    let noticed = &alert.noticed;
    Entry {
        time: noticed.time,
        tone: if noticed.severity >= Severity::High {
            "bad"
        } else {
            "warn"
        },
        text: html! { p { a href={"/incidents/alerts/" (alert.id)} { (with_code(&sentence(&noticed.title))) } @if alert.count > 1 { " " (alert.count) " times." } } },
        by: String::new(),
    }
}

fn of_action(action: &Action) -> Entry {
    let (tone, how) = match &action.state {
        ActionState::Waiting => ("warn", "waits for an approval".to_owned()),
        ActionState::Planned => ("", "is about to be done".to_owned()),
        ActionState::Started => ("", "is being done".to_owned()),
        ActionState::Done { outcome } if outcome.is_empty() => ("good", "done".to_owned()),
        ActionState::Done { outcome } => ("good", format!("done: {outcome}")),
        ActionState::Failed { error } => ("bad", format!("failed: {error}")),
        ActionState::NotRun { why } => ("warn", format!("not done: {why}")),
        ActionState::Unknown => (
            "bad",
            "nobody knows whether it was done: Holdfast ended meanwhile".to_owned(),
        ),
    };
    Entry {
        time: action.planned,
        tone,
        text: html! {
            p { (with_code(&sentence(&action.kind.text()))) " " (with_code(&sentence(&how))) }
            @if let Some(request) = action.request { p { a href={"/approvals/" (request)} { "Request " (request) } } }
        },
        by: action.by.to_string(),
    }
}

/// What people did. Alerts and actions tell of themselves.
fn of_record(record: &Record) -> Option<Entry> {
    let text = |field: &str| {
        record
            .body
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (tone, words) = match record.kind.as_str() {
        "incident.opened" => ("", "The incident was opened".to_owned()),
        "incident.acknowledged" => ("good", "Somebody looks after it".to_owned()),
        "incident.assigned" => ("", "It was given to somebody".to_owned()),
        "incident.noted" => ("", text("text")),
        "incident.recovered" => ("good", "Everything is back".to_owned()),
        "incident.closed" => ("good", format!("Closed. {}", text("why"))),
        "incident.reopened" => ("warn", format!("Opened again. {}", text("why"))),
        "fact.set" => ("", "A fact was written down".to_owned()),
        "fact.approved" => ("good", "A fact was confirmed".to_owned()),
        _ => return None,
    };
    Some(Entry {
        time: record.time,
        tone,
        text: html! { @for line in words.lines().filter(|line| !line.trim().is_empty()) { p { (line) } } },
        by: record.actor.to_string(),
    })
}
