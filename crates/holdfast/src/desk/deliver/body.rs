//! What messages of syslog say.

use respond::alert::AlertId;

use respond::incident::IncidentId;
use respond::notice::Content;
use respond::{Desk, Ledger, Origin, cef, ocsf};

use super::text::lines;
use crate::config::FormatValue;

/// Alerts that an incident is told with: more wouldn't fit into a message.
const ALERTS_MAX: usize = 2;

/// The body: a sentence, or the alert or incident in a form that other programs read, if it has at most `bytes_max` bytes. What is
/// about neither is a sentence.
pub(super) fn of(desk: &Desk, content: &Content, format: FormatValue, host: &str, bytes_max: usize) -> String {
    let origin = Origin {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: host.to_owned(),
    };
    // A ledger that can't be read keeps nobody from being told.
    let structured = match format {
        FormatValue::Text => None,
        FormatValue::Cef => desk.read(|ledger| in_cef(ledger, content, &origin)).ok().flatten(),
        FormatValue::Ocsf => desk.read(|ledger| in_ocsf(ledger, content, &origin)).ok().flatten(),
    };
    structured
        .filter(|body| body.len() <= bytes_max)
        .unwrap_or_else(|| sentence(content))
}

fn in_cef(ledger: &Ledger, content: &Content, origin: &Origin) -> Result<Option<String>, respond::Error> {
    let alert = content.alert.map(|id| ledger.alert(AlertId(id))).transpose()?.flatten();
    Ok(alert.map(|alert| cef::of_alert(&alert, origin)))
}

fn in_ocsf(ledger: &Ledger, content: &Content, origin: &Origin) -> Result<Option<String>, respond::Error> {
    if let Some(id) = content.incident.map(IncidentId)
        && let Some(incident) = ledger.incident(id)?
    {
        let alerts = ledger.newest_alerts_of(id, ALERTS_MAX)?;
        return Ok(Some(ocsf::of_incident(&incident, &alerts, origin).to_string()));
    }
    let alert = content.alert.map(|id| ledger.alert(AlertId(id))).transpose()?.flatten();
    Ok(alert.map(|alert| ocsf::of_alert(&alert, origin).to_string()))
}

fn sentence(content: &Content) -> String {
    let mut parts = vec![content.title.clone()];
    parts.extend(content.text.iter().cloned());
    parts.extend(lines(content));
    parts.join(" | ")
}
