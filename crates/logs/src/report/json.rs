//! One JSON object, written alert by alert.

use std::io::{self, Write};

use serde_json::{Value, json};
use threat::alert::Alert;

use super::{About, finder_id, level_name, shown, sources};

/// Writes the report as one JSON object in a line.
///
/// # Errors
///
/// Those of `out`.
pub fn json(about: &About<'_>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"{\"alerts\":[")?;
    for (number, alert) in about.outcome.alerts.iter().enumerate() {
        if number > 0 {
            out.write_all(b",")?;
        }
        serde_json::to_writer(&mut *out, &json_of_alert(alert))?;
    }
    let rest = rest(about).to_string();
    // The object goes on behind the list.
    out.write_all(b"],")?;
    out.write_all(rest.strip_prefix('{').unwrap_or(&rest).as_bytes())?;
    out.write_all(b"\n")
}

/// One alert.
#[must_use]
pub fn json_of_alert(alert: &Alert) -> Value {
    let facts = &alert.facts;
    json!({
        "time": alert.time.to_string(),
        "level": level_name(alert.level),
        "title": &*alert.title,
        "finder": alert.finder,
        "words": alert.words,
        "attack": alert.attack,
        "logsource": alert.logsource,
        "activity": facts.activity,
        "outcome": facts.outcome,
        "machine": shown(&facts.machine),
        "actor": shown(&facts.actor),
        "target": shown(&facts.target),
        "address": facts.address,
        "object": facts.object,
        "matched": alert.matched.iter().map(|(field, value)| json!({"field": field, "value": value})).collect::<Vec<_>>(),
        "evidence": alert.evidence,
        "count": alert.count,
    })
}

fn rest(about: &About<'_>) -> Value {
    let outcome = about.outcome;
    let fired: Vec<_> = outcome
        .fired
        .iter()
        .map(|fired| json!({"id": finder_id(&fired.finder), "title": &*fired.title, "level": level_name(fired.level), "count": fired.count}))
        .collect();
    let sources: Vec<_> = sources(outcome)
        .into_iter()
        .map(|(log, events)| json!({"log": log, "events": events}))
        .collect();
    let not_understood: Vec<_> = outcome
        .not_understood
        .by_count()
        .into_iter()
        .map(|(reason, tally)| json!({"reason": reason, "count": tally.count, "samples": tally.samples}))
        .collect();
    json!({
        "alerts_not_kept": outcome.not_kept,
        "fired": fired,
        "rules": about.rules,
        "read": {
            "files": outcome.files,
            "bytes": outcome.bytes,
            "logs": outcome.logs,
            "records": outcome.records,
            "events": outcome.events,
            "sources": sources,
            "given_up": outcome.was_given_up,
        },
        "not_understood": not_understood,
        "unreadable": outcome.problems,
        "unreadable_count": outcome.problem_count,
        "made": about.made.to_string(),
        "program": about.program,
    })
}
