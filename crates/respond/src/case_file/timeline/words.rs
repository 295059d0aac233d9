//! Records in words.

use serde_json::Value;

use crate::ledger::Record;

/// Longest text of a field that is shown.
const FIELD_MAX: usize = 400;

/// Where a record comes from: the part of its kind before the dot.
pub(super) fn from(kind: &str) -> &str {
    kind.split_once('.').map_or(kind, |(part, _)| part)
}

/// What a record says.
pub(super) fn sentence(record: &Record) -> String {
    let body = &record.body;
    let text = |name: &str| field(body, name);
    let number = |name: &str| body.get(name).and_then(Value::as_u64).unwrap_or(0);
    match record.kind.as_str() {
        "alert.noticed" => joined(&[&text("title"), &text("text")], ". "),
        "alert.repeated" => format!("{}: noticed {} times by now", named(&record.subject), number("count")),
        "incident.opened" => format!(
            "Incident opened: {} ({}, score {})",
            text("title"),
            text("severity"),
            number("score")
        ),
        "incident.joined" => format!(
            "{} more alerts joined the incident ({}, score {})",
            number("alert_count"),
            text("severity"),
            number("score")
        ),
        "incident.acknowledged" => "Somebody looks after the incident".to_owned(),
        "incident.assigned" => match actor(body.get("to")) {
            Some(to) => format!("Assigned to {to}"),
            None => "Assigned to nobody any more".to_owned(),
        },
        "incident.noted" => format!("Note: {}", text("text")),
        "incident.recovered" => joined(&["What was damaged is back", &text("how")], ": "),
        "incident.reopened" => joined(&["The incident was opened again", &text("why")], ": "),
        "incident.closed" if body.get("false_alarm") == Some(&Value::Bool(true)) => {
            joined(&["Closed as a false alarm", &text("why")], ": ")
        }
        "incident.closed" => joined(&["Closed", &text("why")], ": "),
        kind if kind.starts_with("action.") => action(record, kind),
        kind if kind.starts_with("approval.") => approval(record, kind),
        kind if kind.starts_with("notice.") => notice(record, kind),
        "fact.set" => fact_set(body),
        "fact.approved" => {
            let confirmed = body.get("confirmed") == Some(&Value::Bool(true));
            let state = if confirmed { "; it is confirmed" } else { "" };
            format!(
                "Fact approved: {} in `{}` {}{state}",
                text("class"),
                text("system"),
                text("answer").replace('-', " ")
            )
        }
        "clock.started" => format!("Clock of {} started: aware since {}", text("law"), text("aware")),
        "clock.stopped" => clock_stopped(body),
        "draft.filled" => format!("Filled in for drafts: {}", text("name")),
        "draft.made" => format!("Draft {} made: {}", number("draft"), text("kind")),
        "draft.approved" => {
            let is_final = body.get("final") == Some(&Value::Bool(true));
            format!(
                "Draft {} ({}) approved{}",
                number("draft"),
                text("kind"),
                if is_final { "; it is final" } else { "" }
            )
        }
        "draft.sent" => format!("Draft {} ({}) went out", number("draft"), text("kind")),
        kind => format!("{kind}: {}", compact(body)),
    }
}

fn action(record: &Record, kind: &str) -> String {
    let body = &record.body;
    let what = action_words(body.get("action"));
    let what = if what.is_empty() { named(&record.subject) } else { what };
    let why = joined(
        &[
            &field(body, "outcome"),
            &field(body, "why"),
            &field(body, "because"),
            &field(body, "again"),
        ],
        "; ",
    );
    let state = match kind {
        "action.planned" => "Planned",
        "action.waiting" => "Waits for approval",
        "action.started" => "Started",
        "action.done" => "Done",
        "action.failed" => "Failed",
        "action.not-run" => "Not run",
        "action.unknown" => "Interrupted, and nobody knows whether it was done",
        other => other,
    };
    joined(&[&format!("{state}: {what}"), &why], " - ")
}

/// "fence shop (refuse)"
pub(super) fn action_words(action: Option<&Value>) -> String {
    let Some(action) = action.filter(|action| action.is_object()) else {
        return String::new();
    };
    let what = [
        field(action, "do"),
        field(action, "volume"),
        field(action, "name"),
        field(action, "target"),
        field(action, "group"),
    ];
    let what: Vec<&str> = what.iter().map(String::as_str).collect();
    let how = field(action, "how");
    let how = if how.is_empty() { how } else { format!("({how})") };
    joined(&[&joined(&what, " "), &how], " ")
}

fn approval(record: &Record, kind: &str) -> String {
    let body = &record.body;
    let about = joined(
        &[
            &field(body, "operation"),
            &field(body, "subject"),
            &field(body, "detail"),
        ],
        " ",
    );
    let about = if about.is_empty() {
        named(&record.subject)
    } else {
        about
    };
    let why = joined(
        &[&field(body, "because"), &field(body, "why"), &field(body, "note")],
        "; ",
    );
    let state = match kind {
        "approval.asked" => "Approval asked for",
        "approval.given" => "Approval given",
        "approval.approved" => "Approved by enough people",
        "approval.refused" => "Approval refused",
        "approval.withdrawn" => "Request withdrawn",
        "approval.expired" => "Request expired",
        "approval.used" => "Approval used",
        "approval.begun" => "What was approved begins",
        "approval.done" => "What was approved is done",
        "approval.unknown" => "NOT KNOWN whether what was approved was done",
        "approval.break-glass" => "GLASS BROKEN: done without approval",
        other => other,
    };
    joined(&[&format!("{state}: {about}"), &why], " - ")
}

fn notice(record: &Record, kind: &str) -> String {
    let body = &record.body;
    let by = joined(&[&field(body, "way"), &field(body, "to")], " to ");
    let title = field(body, "title");
    let error = joined(&[&field(body, "error"), &field(body, "answer")], "; ");
    match kind {
        "notice.planned" => joined(&["Notice planned", &by, &title], ": "),
        "notice.sent" => joined(&["Notice sent", &by], ": "),
        "notice.failed" => joined(&["Notice failed", &by, &error], ": "),
        "notice.acknowledged" => "Notice acknowledged".to_owned(),
        other => joined(&[other, &by], ": "),
    }
}

fn fact_set(body: &Value) -> String {
    let text = |name: &str| field(body, name);
    let formerly = text("formerly").replace('-', " ");
    let formerly = if formerly.is_empty() {
        formerly
    } else {
        format!(" (formerly {formerly})")
    };
    let letters = body.get("after_letters").and_then(Value::as_array).map_or(0, Vec::len);
    let letters = if letters > 0 {
        "; it differs from what went out"
    } else {
        ""
    };
    format!(
        "Fact set: {} in `{}` {}{formerly}, because: {}{letters}",
        text("class"),
        text("system"),
        text("answer").replace('-', " "),
        text("evidence")
    )
}

fn clock_stopped(body: &Value) -> String {
    let text = |name: &str| field(body, name);
    let state = match (text("outcome").as_str(), body.get("late") == Some(&Value::Bool(true))) {
        ("not-needed", _) => "Decided that it isn't needed".to_owned(),
        (_, true) => format!("Done late ({})", text("at")),
        _ => format!("Done ({})", text("at")),
    };
    joined(
        &[
            &format!("{state}: {} - {}", text("title"), text("tell")),
            &text("why"),
            &text("reference"),
        ],
        "; ",
    )
}

/// "action/3" as "action 3"
fn named(subject: &str) -> String {
    subject.replacen('/', " ", 1)
}

fn actor(value: Option<&Value>) -> Option<String> {
    let actor: crate::people::Actor = serde_json::from_value(value?.clone()).ok()?;
    Some(actor.to_string())
}

fn joined(parts: &[&str], separator: &str) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    parts.join(separator)
}

/// A field as text: empty if it isn't there, shortened if it is long.
fn field(body: &Value, name: &str) -> String {
    match body.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => shortened(text),
        Some(other) => compact(other),
    }
}

fn compact(value: &Value) -> String {
    shortened(&value.to_string())
}

fn shortened(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(FIELD_MAX + 1)
        .collect();
    if plain.chars().count() <= FIELD_MAX {
        return plain;
    }
    plain.chars().take(FIELD_MAX).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Sequence;
    use crate::people::Actor;
    use crate::time::Time;

    fn words(kind: &str, body: Value) -> String {
        sentence(&Record {
            sequence: Sequence(1),
            time: Time::default(),
            actor: Actor::Person("ann".to_owned()),
            kind: kind.to_owned(),
            subject: "approval/3".to_owned(),
            body,
        })
    }

    #[test]
    fn records_are_told_in_words() {
        use serde_json::json;
        for (kind, body, expected) in [
            (
                "alert.noticed",
                json!({"title": "Encryption stopped", "text": "Writes are diverted"}),
                "Encryption stopped. Writes are diverted",
            ),
            (
                "action.done",
                json!({"action": {"do": "fence", "volume": "shop", "how": "refuse"}, "outcome": "fenced"}),
                "Done: fence shop (refuse) - fenced",
            ),
            (
                "approval.given",
                json!({"note": "go"}),
                "Approval given: approval 3 - go",
            ),
            (
                "incident.closed",
                json!({"false_alarm": true, "why": "a backup"}),
                "Closed as a false alarm: a backup",
            ),
            (
                "incident.assigned",
                json!({"to": {"kind": "person", "name": "bob"}}),
                "Assigned to bob",
            ),
            ("unheard.of", json!({"a": 1}), "unheard.of: {\"a\":1}"),
            (
                "fact.set",
                json!({"class": "iban", "system": "shop", "answer": "taken", "formerly": "unknown", "evidence": "logs", "after_letters": [4]}),
                "Fact set: iban in `shop` taken (formerly unknown), because: logs; it differs from what went out",
            ),
        ] {
            assert_eq!(words(kind, body), expected);
        }
    }

    #[test]
    fn texts_of_foreign_origin_are_shortened_and_have_no_control_characters() {
        let long = words(
            "incident.noted",
            serde_json::json!({ "text": "x\u{1b}[2J".repeat(1_000) }),
        );
        assert!(long.len() < 420 && !long.contains('\u{1b}'), "{long}");
    }
}
