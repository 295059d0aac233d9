//! Alerts that others have raised: Wazuh, Suricata, and lists of alerts as tables. Each is an event whose object is the signature, so that
//! stories can be made of them.

use jiff::Timestamp;
use serde_json::Value;

use super::text::{Draft, address, first_at, logsource, machine, number_at, some, text_at};
use super::{Context, NotUnderstood};
use crate::event::{Activity, Event, Handle, HandleKind, Outcome};

/// Whether a document is an alert of Wazuh.
pub(crate) fn is_wazuh(document: &Value) -> bool {
    document
        .get("rule")
        .is_some_and(|rule| rule.get("description").is_some() && rule.get("level").is_some())
}

pub(crate) fn read_wazuh(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let time = stamped(&document, &["timestamp", "@timestamp"])?;
    let mut draft = Draft::default();
    if let Some(host) = some(first_at(&document, &["predecoder.hostname", "agent.name"])) {
        draft.facts.machine = machine(&host);
    }
    same_machine(&mut draft, text_at(&document, "agent.ip"));
    let user = first_at(
        &document,
        &["data.dstuser", "data.srcuser", "data.win.eventdata.targetUserName"],
    )
    .to_owned();
    draft
        .did(Activity::Warning, Outcome::Unknown)
        .by(&user)
        .from(first_at(&document, &["data.srcip", "data.src_ip"]));
    draft.with(text_at(&document, "rule.description"));
    draft.put("signature", text_at(&document, "rule.description"));
    draft.put("rule_id", first_at(&document, &["rule.id", "rule.sid"]));
    if let Some(level) = number_at(&document, "rule.level") {
        draft.put("level", &level.to_string());
    }
    draft.keep(document);
    Ok(draft.event(time, logsource("wazuh", Some("alert"), None), &context))
}

/// Whether a document is an entry of Suricata's EVE log.
pub(crate) fn is_suricata(document: &Value) -> bool {
    document.get("event_type").is_some()
        && document.get("timestamp").is_some()
        && (document.get("src_ip").is_some() || document.get("flow_id").is_some())
}

pub(crate) fn read_suricata(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let time = stamped(&document, &["timestamp"])?;
    let mut draft = Draft::default();
    draft.facts.machine = machine(text_at(&document, "dest_ip"));
    draft.facts.address = address(text_at(&document, "src_ip"));
    let (service, activity, object) = match text_at(&document, "event_type") {
        "alert" => ("alert", Activity::Warning, text_at(&document, "alert.signature")),
        "dns" => (
            "dns",
            Activity::NameLookup,
            first_at(&document, &["dns.rrname", "dns.query.rrname"]),
        ),
        "http" => ("http", Activity::Connection, text_at(&document, "http.hostname")),
        "tls" => ("tls", Activity::Connection, text_at(&document, "tls.sni")),
        "flow" => ("flow", Activity::Connection, ""),
        "anomaly" => ("anomaly", Activity::Other, text_at(&document, "anomaly.event")),
        _ => ("other", Activity::Other, ""),
    };
    let blocked = text_at(&document, "alert.action") == "blocked";
    draft
        .did(activity, if blocked { Outcome::Failure } else { Outcome::Unknown })
        .with(object);
    draft.put("signature", text_at(&document, "alert.signature"));
    draft.put("dst_ip", text_at(&document, "dest_ip"));
    if service == "dns" {
        draft.put("query", object);
    }
    let category = (service == "dns").then_some("dns");
    draft.keep(document);
    Ok(draft.event(time, logsource("suricata", Some(service), category), &context))
}

/// Whether a document is a row of a list of alerts: when, what, and on which machine.
pub(crate) fn is_row(document: &Value) -> bool {
    ["time", "name", "host", "ip"]
        .iter()
        .all(|name| document.get(name).is_some())
}

/// Columns `time` (seconds since 1970), `name`, `ip`, `host` and `short`, a shorter name. Further ones, such as labels, are left out.
pub(crate) fn read_row(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let Some(time) = number_at(&document, "time").and_then(|seconds| Timestamp::from_second(seconds).ok()) else {
        return Err(not_a_time("time"));
    };
    let name = text_at(&document, "name");
    let (product, signature) = match name.split_once(": ") {
        Some(("Wazuh", rest)) => ("wazuh", rest),
        Some(("Suricata", rest)) => ("suricata", rest.strip_prefix("Alert - ").unwrap_or(rest)),
        Some(("AMiner", rest)) => ("aminer", rest),
        _ => ("alerts", name),
    };
    let mut draft = Draft::default();
    draft.facts.machine = machine(text_at(&document, "host"));
    same_machine(&mut draft, text_at(&document, "ip"));
    draft.did(Activity::Warning, Outcome::Unknown).with(signature);
    draft.put("signature", signature);
    for column in ["name", "ip", "host", "short"] {
        draft.put(column, text_at(&document, column));
    }
    Ok(draft.event(time, logsource(product, Some("alert"), None), &context))
}

/// Adds a machine's address to its name.
fn same_machine(draft: &mut Draft, ip: &str) {
    let known = address(ip).filter(|address| !address.is_loopback() && !address.is_unspecified());
    let handle = known.and_then(|address| Handle::new(HandleKind::Address, &address.to_string()));
    if let Some(handle) = handle
        && !draft.facts.machine.contains(&handle)
    {
        draft.facts.machine.push(handle);
    }
}

/// RFC 3339, also with a zone without a colon: `2016-05-02T17:46:48.515262+0000`.
fn stamped(document: &Value, names: &[&str]) -> Result<Timestamp, NotUnderstood> {
    let text = first_at(document, names);
    let found = text
        .parse::<Timestamp>()
        .ok()
        .or_else(|| Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text).ok());
    found.ok_or_else(|| not_a_time(names.first().copied().unwrap_or_default()))
}

fn not_a_time(name: &str) -> NotUnderstood {
    NotUnderstood {
        reason: format!("`{name}` is no time"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::testing::{document, source, told};

    // As their documentation shows alerts.
    #[test]
    fn an_alert_of_wazuh_has_its_rule_as_object_and_its_agent_as_machine() {
        let event = document(
            r#"{"timestamp":"2026-03-01T10:00:00.123+0000","rule":{"level":5,"description":"sshd: authentication failed.","id":"5760","mitre":{"id":["T1110.001"]}},
            "agent":{"id":"001","name":"web01","ip":"10.0.0.5"},"data":{"srcip":"198.51.100.7","dstuser":"root"},"decoder":{"name":"sshd"}}"#,
        );
        assert_eq!(source(&event), "wazuh/alert/-");
        assert_eq!(
            told(&event),
            "Warning Unknown by=root to= on=web01,10.0.0.5 from=198.51.100.7 with=sshd: authentication failed."
        );
        assert_eq!(event.fields["rule"]["mitre"]["id"][0], "T1110.001");
    }

    #[test]
    fn an_alert_of_suricata_has_its_signature_as_object() {
        let event = document(
            r#"{"timestamp":"2016-05-02T17:46:48.515262+0000","flow_id":1234,"event_type":"alert","src_ip":"16.10.10.10","src_port":5555,"dest_ip":"16.10.10.11","dest_port":80,
            "alert":{"action":"blocked","signature_id":2019236,"signature":"ET WEB_SERVER Possible CVE-2014-6271 Attempt"}}"#,
        );
        assert_eq!(source(&event), "suricata/alert/-");
        assert_eq!(
            told(&event),
            "Warning Failure by= to= on=16.10.10.11 from=16.10.10.10 with=ET WEB_SERVER Possible CVE-2014-6271 Attempt"
        );
    }

    #[test]
    fn a_row_of_a_list_is_an_alert_of_who_raised_it_and_labels_do_not_come_along() {
        let event = document(
            r#"{"time":"1642218339","name":"Suricata: Alert - ET POLICY Some Policy","ip":"10.35.32.1","host":"inet-firewall","short":"S-Flw","time_label":"x","event_label":"y"}"#,
        );
        assert_eq!(source(&event), "suricata/alert/-");
        assert_eq!(
            told(&event),
            "Warning Unknown by= to= on=inet-firewall,10.35.32.1 from= with=ET POLICY Some Policy"
        );
        assert!(event.fields.get("event_label").is_none());
    }
}
