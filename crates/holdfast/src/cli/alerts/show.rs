//! `holdfast alerts show`

use respond::alert::{Alert, AlertId};

use crate::browse::text::printable;
use crate::cli::noted::{Noted, shown};
use crate::cli::output::{self, print};
use crate::failure::{EXIT_OK, Failure};

pub(super) fn run(noted: &Noted<'_>, number: i64) -> Result<u8, Failure> {
    let alert = noted.ask(|ledger| ledger.alert(AlertId(number)))?.flatten();
    let Some(alert) = alert else {
        return Err(Failure::not_found(format!("there is no alert `{number}`")).hint(
            "`holdfast alerts list` shows them; old ones are rolled up, and `holdfast ledger list` still has them",
        ));
    };
    if noted.common.json {
        return Ok(output::json(&alert));
    }
    print(text(&alert).as_bytes());
    Ok(EXIT_OK)
}

fn text(alert: &Alert) -> String {
    let noticed = &alert.noticed;
    let (title, told) = (printable(noticed.title.as_bytes()), printable(noticed.text.as_bytes()));
    let mut text = format!("alert {}: {title} ({})\n{told}\n\n", alert.id, noticed.severity);
    let mut line = |name: &str, value: &str| text += &format!("{name:<10}{}\n", printable(value.as_bytes()));
    line("noticed", &shown(noticed.time));
    if alert.count > 1 {
        line(
            "again",
            &format!("{} times in all, last {}", alert.count, shown(alert.last)),
        );
    }
    line("layer", noticed.layer.name());
    line("kind", &noticed.kind);
    for (name, value) in [
        ("volume", &noticed.volume),
        ("host", &noticed.host),
        ("identity", &noticed.identity),
    ] {
        if let Some(value) = value {
            line(name, value);
        }
    }
    if let Some(incident) = alert.incident {
        line("incident", &format!("{incident}; `holdfast incidents show {incident}`"));
    }
    for (name, value) in &noticed.facts {
        text += &format!("  {name}: {}\n", printable(value.to_string().as_bytes()));
    }
    text
}
