//! `holdfast incidents show`

use respond::incident::{Incident, IncidentId};
use respond::ledger::{self, Record};
use respond::{Page, alert};
use serde_json::{Value, json};

use crate::browse::text::printable;
use crate::cli::noted::{Noted, shown};
use crate::cli::output::{self, print};
use crate::failure::{EXIT_OK, Failure};

/// Alerts and records that are shown.
const SHOWN_MAX: usize = 200;

pub(super) fn run(noted: &Noted<'_>, number: i64) -> Result<u8, Failure> {
    let id = IncidentId(number);
    let of_incident = alert::Filter {
        incident: Some(id),
        ..alert::Filter::default()
    };
    let about = ledger::Filter {
        subject: Some(format!("incident/{id}")),
        ..ledger::Filter::default()
    };
    let found = noted.ask(|ledger| {
        let Some(incident) = ledger.incident(id)? else {
            return Ok(None);
        };
        let alerts = ledger.alerts(&of_incident, Page::newest(SHOWN_MAX))?;
        Ok(Some((incident, alerts, ledger.records(&about, SHOWN_MAX)?)))
    })?;
    let Some((incident, alerts, records)) = found.flatten() else {
        return Err(
            Failure::not_found(format!("there is no incident `{number}`")).hint("`holdfast incidents list` shows them")
        );
    };
    if noted.common.json {
        let all = json!({ "incident": incident, "alerts": alerts, "records": records });
        return Ok(output::json(&all));
    }
    let mut text = heading(&incident);
    text += "\nwhat was noticed:\n";
    for alert in alerts.iter().rev() {
        let (noticed, times) = (&alert.noticed, alert.count);
        let again = if times > 1 {
            format!(" ({times} times)")
        } else {
            String::new()
        };
        text += &format!(
            "  {}  {:<13}  {}{again}\n",
            shown(noticed.time),
            noticed.severity,
            printable(noticed.text.as_bytes())
        );
    }
    text += "\nwhat was done:\n";
    for record in &records {
        text += &format!(
            "  {}  {}: {}{}\n",
            shown(record.time),
            printable(record.actor.to_string().as_bytes()),
            record.kind,
            detail(record)
        );
    }
    print(text.as_bytes());
    Ok(EXIT_OK)
}

fn heading(incident: &Incident) -> String {
    let title = printable(incident.title.as_bytes());
    let mut text = format!("incident {}: {title}\n", incident.id);
    text += &format!(
        "{}, {}, score {} of 100:\n",
        incident.state, incident.severity, incident.score
    );
    for part in &incident.score_parts {
        text += &format!("  {:>3}  {}\n", part.points, part.because);
    }
    text += &format!("began {}, updated {}\n", shown(incident.began), shown(incident.updated));
    for (what, names) in [
        ("volumes", &incident.volumes),
        ("hosts", &incident.hosts),
        ("people and accounts", &incident.identities),
    ] {
        if !names.is_empty() {
            text += &format!("{what}: {}\n", printable(names.join(", ").as_bytes()));
        }
    }
    if let Some(assigned) = &incident.assigned {
        text += &format!("{} looks after it\n", printable(assigned.to_string().as_bytes()));
    }
    text
}

/// What a person wrote, if a record has that.
fn detail(record: &Record) -> String {
    let texts = ["text", "why", "how"].into_iter();
    let said = texts.filter_map(|name| record.body.get(name)).find_map(Value::as_str);
    said.map_or_else(String::new, |said| format!(" ({})", printable(said.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use respond::{Actor, Sequence, Time};

    #[test]
    fn a_note_cannot_command_the_terminal() {
        let record = Record {
            sequence: Sequence(1),
            time: Time::default(),
            actor: Actor::Person("ann".to_owned()),
            kind: "incident.noted".to_owned(),
            subject: "incident/1".to_owned(),
            body: json!({ "text": "all is well\u{1b}[2J\nroot: closed" }),
        };
        assert_eq!(detail(&record), " (all is well\\u{1b}[2J\\nroot: closed)");
    }
}
