//! Documents of the Elastic Common Schema, version 8.17: for search engines that know it. What it has no field for is below
//! `holdfast`.

use serde_json::{Map, Value, json};

use super::{Deed, Origin};
use crate::alert::{Alert, Severity};

/// The schema's version.
pub const VERSION: &str = "8.17.0";

/// An alert as a document.
#[must_use]
pub fn of_alert(alert: &Alert, origin: &Origin) -> Value {
    let noticed = &alert.noticed;
    let deed = Deed::of(alert);
    let mut document = Map::new();
    let mut set = |name: &str, value: Value| document.insert(name.to_owned(), value);
    set("@timestamp", json!(alert.last));
    set("ecs", json!({ "version": VERSION }));
    set("message", json!(noticed.title));
    set("event", event(alert, deed));
    set("log", json!({ "level": noticed.severity }));
    let observer =
        json!({ "vendor": "Holdfast", "product": "Holdfast", "version": origin.version, "hostname": origin.host });
    set("observer", observer);
    if let Some(host) = &noticed.host {
        set("host", json!({ "name": host }));
    }
    if let Some(identity) = &noticed.identity {
        set("user", json!({ "name": identity }));
    }
    if deed.is_encryption() {
        let threat = json!({
            "framework": "MITRE ATT&CK",
            "tactic": { "id": ["TA0040"], "name": ["Impact"] },
            "technique": { "id": ["T1486"], "name": ["Data Encrypted for Impact"] },
        });
        set("threat", threat);
    }
    let own = json!({
        "alert": alert.id, "incident": alert.incident, "layer": noticed.layer, "volume": noticed.volume, "count": alert.count,
        "facts": noticed.facts,
    });
    set("holdfast", own);
    Value::Object(document)
}

fn event(alert: &Alert, deed: Deed) -> Value {
    let noticed = &alert.noticed;
    let category = if deed.is_encryption() { "malware" } else { "host" };
    let kind = match deed {
        Deed::Refused | Deed::Diverted => "denied",
        Deed::Allowed => "allowed",
        Deed::FencedByHand | Deed::Released | Deed::Restored => "change",
        Deed::Noticed => "info",
    };
    let is_alert = noticed.severity >= Severity::Medium;
    json!({
        "kind": if is_alert { "alert" } else { "event" },
        "category": [category],
        "type": [kind],
        "action": noticed.kind,
        "severity": noticed.severity as u32,
        "id": format!("alert/{}", alert.id),
        "module": "holdfast",
        "dataset": format!("holdfast.{}", noticed.layer),
        "reason": noticed.text,
        "start": noticed.time,
        "end": alert.last,
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn fields_are_where_the_schema_has_them() {
        let document = of_alert(&sample::alert(), &sample::origin());
        assert_eq!(document["@timestamp"], "2026-11-26T10:01:00Z");
        assert_eq!(document["event"]["kind"], "alert");
        assert_eq!(document["event"]["type"], json!(["denied"]));
        assert_eq!(
            (&document["host"]["name"], &document["user"]["name"]),
            (&json!("web"), &json!("ann"))
        );
        assert_eq!(document["holdfast"]["volume"], "disk");
    }
}
