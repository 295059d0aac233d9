//! Records as lines.

use respond::Time;
use serde_json::Value;

use super::text;
use crate::browse::text::printable_line;
use crate::cli::noted::shown;

/// Layers whose alerts are about an attack.
const LAYERS: [&str; 2] = ["threat", "guard"];

/// Whether a record has to do with an attack: alerts of logs and guards, and what came of alerts.
pub(super) fn is_meant(record: &Value) -> bool {
    let kind = text(record, "kind");
    let layer = record.get("body").map(|body| text(body, "layer")).unwrap_or_default();
    kind != "alert.noticed" || LAYERS.contains(&layer)
}

/// One record in a line.
pub(super) fn line(record: &Value) -> String {
    let none = Value::Null;
    let body = record.get("body").unwrap_or(&none);
    let (kind, subject) = (text(record, "kind"), text(record, "subject").replace('/', " "));
    let what = match kind {
        "alert.noticed" => alert(body),
        "alert.repeated" => format!("noticed {} times by now", number(body, "count")),
        "incident.opened" | "incident.joined" => format!(
            "{}, {}, score {}: {}",
            kind.trim_start_matches("incident."),
            text(body, "severity"),
            number(body, "score"),
            text(body, "title")
        ),
        kind if kind.starts_with("action.") => action(kind, body),
        "threat.marked" | "threat.unmarked" => {
            let mark = body.get("mark").unwrap_or(&none);
            format!(
                "{}: {} on {}",
                kind.trim_start_matches("threat."),
                text(mark, "title"),
                text(mark, "entity")
            )
        }
        _ => other(kind, body),
    };
    printable_line(&format!("{}  {subject}: {what}", time(record)))
}

fn alert(body: &Value) -> String {
    let mut line = format!("{}  {}", text(body, "severity"), text(body, "title"));
    for name in ["host", "identity", "volume"] {
        let value = text(body, name);
        if !value.is_empty() {
            line += &format!("  {name} {value}");
        }
    }
    if body.get("part_of").is_some() {
        line += &format!("  added to alert {}", number(body, "part_of"));
    }
    if let Some(facts) = body.get("facts").filter(|facts| facts.get("story").is_some()) {
        line += &format!("  story {}, {} points", number(facts, "story"), number(facts, "score"));
    }
    line
}

/// What is done, on which disk, and how far it is.
fn action(kind: &str, body: &Value) -> String {
    let none = Value::Null;
    let action = body.get("action").unwrap_or(&none);
    let what = [text(action, "do"), text(action, "volume")];
    let what: Vec<&str> = what.into_iter().filter(|part| !part.is_empty()).collect();
    format!("{} {}", what.join(" "), other(kind, body))
}

/// What of a record says most, whatever it is.
fn other(kind: &str, body: &Value) -> String {
    let said = ["text", "outcome", "error", "why", "because"]
        .iter()
        .map(|name| text(body, name))
        .find(|said| !said.is_empty());
    let what = kind.split_once('.').map_or(kind, |(_, what)| what);
    said.map_or_else(|| what.to_owned(), |said| format!("{what}: {said}"))
}

fn number(body: &Value, name: &str) -> String {
    match body.get(name) {
        Some(Value::Number(number)) => format!("{:.0}", number.as_f64().unwrap_or_default()),
        _ => "?".to_owned(),
    }
}

fn time(record: &Value) -> String {
    let time = text(record, "time").parse::<jiff::Timestamp>();
    time.map_or_else(
        |_| "?".to_owned(),
        |time| shown(Time::from_unix_millis(time.as_millisecond())),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_alert_is_one_line_with_its_story_and_commands_no_terminal() {
        let record = json!({
            "time": "2026-03-01T10:00:00Z", "kind": "alert.noticed", "subject": "alert/3",
            "body": {"layer": "threat", "severity": "high", "title": "Many\u{1b}[2J", "host": "web1", "facts": {"story": 7, "score": 52.4}},
        });
        let line = line(&record);
        assert!(is_meant(&record));
        assert!(line.contains("alert 3: high  Many"), "{line}");
        assert!(line.contains("host web1  story 7, 52 points"), "{line}");
        assert!(!line.contains('\u{1b}') && line.lines().count() == 1, "{line:?}");
    }

    #[test]
    fn alerts_of_other_layers_are_not_meant() {
        let of = |kind: &str, layer: &str| json!({"kind": kind, "body": {"layer": layer}});
        assert!(is_meant(&of("alert.noticed", "guard")) && is_meant(&of("incident.opened", "")));
        assert!(!is_meant(&of("alert.noticed", "drill")));
    }
}
