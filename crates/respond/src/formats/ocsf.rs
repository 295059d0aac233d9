//! Events of the Open Cybersecurity Schema Framework, version 1.8.0.
//!
//! An alert is a detection finding (2004). Where encryption was recognised, the same is told as file system activity too (1001,
//! activity 10: encrypt; the file is the volume, a block device), and what was done about it as a file remediation (7002:
//! isolate or restore). An incident is an incident finding (2005).

use serde_json::{Map, Value, json};

use super::{Deed, Origin};
use crate::alert::{Alert, Severity};
use crate::incident::{Incident, IncidentState};
use crate::time::Time;

/// The schema's version.
pub const VERSION: &str = "1.8.0";

/// `class_uid` of the events.
const FILE_ACTIVITY: u32 = 1001;
const DETECTION_FINDING: u32 = 2004;
const INCIDENT_FINDING: u32 = 2005;
const FILE_REMEDIATION: u32 = 7002;
/// `type_id` of a block device.
const BLOCK_DEVICE: u32 = 4;
/// `classification_ids` of ransomware.
const RANSOMWARE: u32 = 10;
/// Alerts that an incident finding lists, at most.
pub const FINDINGS_MAX: usize = 100;

/// An alert as a detection finding.
#[must_use]
pub fn of_alert(alert: &Alert, origin: &Origin) -> Value {
    let noticed = &alert.noticed;
    let deed = Deed::of(alert);
    let activity = if alert.count > 1 { 2 } else { 1 };
    let uid = format!("alert/{}", alert.id);
    let mut event = base(DETECTION_FINDING, activity, alert.last, noticed.severity, &uid, origin);
    set(&mut event, "message", noticed.title.clone());
    set(&mut event, "count", alert.count);
    set(&mut event, "start_time", noticed.time.unix_millis());
    set(&mut event, "end_time", alert.last.unix_millis());
    set(&mut event, "is_alert", noticed.severity >= Severity::Medium);
    // New, as far as this event knows.
    set(&mut event, "status_id", 1);
    set(&mut event, "finding_info", finding(alert));
    if let Some(volume) = &noticed.volume {
        set(
            &mut event,
            "resources",
            json!([{ "name": volume, "uid": volume, "type": "Volume" }]),
        );
    }
    if let Some(host) = &noticed.host {
        set(&mut event, "device", device(host));
    }
    if let Some(identity) = &noticed.identity {
        set(
            &mut event,
            "evidences",
            json!([{ "name": "identity", "user": { "name": identity } }]),
        );
    }
    if let Some(observables) = observables(alert) {
        set(&mut event, "observables", observables);
    }
    if deed.is_encryption() {
        set(
            &mut event,
            "malware",
            json!([{ "name": "ransomware", "classification_ids": [RANSOMWARE] }]),
        );
    }
    control(&mut event, deed);
    if let Some(incident) = alert.incident {
        set_in(
            &mut event,
            "metadata",
            "correlation_uid",
            format!("incident/{incident}"),
        );
    }
    let unmapped = json!({ "layer": noticed.layer, "kind": noticed.kind, "facts": noticed.facts });
    set(&mut event, "unmapped", unmapped);
    Value::Object(event)
}

/// All events that tell of an alert: the finding, the encryption that was recognised, and what was done about it.
#[must_use]
pub fn events_of_alert(alert: &Alert, origin: &Origin) -> Vec<Value> {
    let deed = Deed::of(alert);
    let activity = deed.is_encryption().then(|| encryption(alert, deed, origin)).flatten();
    let all = [
        Some(of_alert(alert, origin)),
        activity,
        remediation(alert, deed, origin),
    ];
    all.into_iter().flatten().collect()
}

/// An incident as an incident finding; `alerts` are its newest, [`FINDINGS_MAX`] of which are listed.
#[must_use]
pub fn of_incident(incident: &Incident, alerts: &[Alert], origin: &Origin) -> Value {
    let activity = match incident.state {
        IncidentState::Closed | IncidentState::FalseAlarm => 3,
        _ if incident.updated == incident.began => 1,
        _ => 2,
    };
    let uid = format!("incident/{}", incident.id);
    let mut event = base(
        INCIDENT_FINDING,
        activity,
        incident.updated,
        incident.severity,
        &uid,
        origin,
    );
    let why: Vec<&str> = incident.score_parts.iter().map(|part| part.because.as_str()).collect();
    set(&mut event, "message", incident.title.clone());
    set(&mut event, "desc", why.join("; "));
    set(&mut event, "start_time", incident.began.unix_millis());
    set(&mut event, "end_time", incident.updated.unix_millis());
    set(&mut event, "is_alert", incident.severity >= Severity::Medium);
    set(&mut event, "impact_score", incident.score);
    let (status, verdict) = match incident.state {
        IncidentState::Open => (1, None),
        IncidentState::Acknowledged => (2, None),
        IncidentState::Recovered => (4, Some(2)),
        IncidentState::Closed => (5, Some(2)),
        IncidentState::FalseAlarm => (5, Some(1)),
    };
    set(&mut event, "status_id", status);
    if let Some(verdict) = verdict {
        set(&mut event, "verdict_id", verdict);
    }
    // From critical (4) down to low (1); what is informational has none.
    set(&mut event, "priority_id", incident.severity as u32 - 1);
    let listed = alerts.iter().take(FINDINGS_MAX);
    let mut findings: Vec<Value> = listed.map(finding).collect();
    if findings.is_empty() {
        findings.push(json!({ "uid": uid, "title": incident.title }));
    }
    set(&mut event, "finding_info_list", findings);
    // One of the two must be there.
    match &incident.assigned {
        Some(person) => set(&mut event, "assignee", json!({ "name": person.to_string() })),
        None => set(&mut event, "assignee_group", json!({ "name": "unassigned" })),
    }
    let unmapped = json!({
        "volumes": incident.volumes, "hosts": incident.hosts, "identities": incident.identities, "alerts": incident.alerts,
        "score_parts": incident.score_parts,
    });
    set(&mut event, "unmapped", unmapped);
    Value::Object(event)
}

/// Encryption of a volume, as file system activity.
fn encryption(alert: &Alert, deed: Deed, origin: &Origin) -> Option<Value> {
    let noticed = &alert.noticed;
    let volume = noticed.volume.as_ref()?;
    let uid = format!("alert/{}/activity", alert.id);
    let mut event = base(FILE_ACTIVITY, 10, alert.last, noticed.severity, &uid, origin);
    set(&mut event, "message", noticed.title.clone());
    set(&mut event, "start_time", noticed.time.unix_millis());
    set(&mut event, "end_time", alert.last.unix_millis());
    let actor = match &noticed.identity {
        Some(identity) => json!({ "user": { "name": identity } }),
        // All that is known: who writes to a disk is behind its transport.
        None => json!({ "app_name": "NBD client" }),
    };
    set(&mut event, "actor", actor);
    set(
        &mut event,
        "device",
        device(noticed.host.as_deref().unwrap_or(&origin.host)),
    );
    set(&mut event, "file", file(volume));
    control(&mut event, deed);
    Some(Value::Object(event))
}

/// What was done about encryption, or with a disk after it.
fn remediation(alert: &Alert, deed: Deed, origin: &Origin) -> Option<Value> {
    let activity = match deed {
        Deed::Refused | Deed::Diverted => 1,
        Deed::Restored => 3,
        Deed::Noticed | Deed::Allowed => return None,
    };
    let noticed = &alert.noticed;
    let volume = noticed.volume.as_ref()?;
    let uid = format!("alert/{}/remediation", alert.id);
    let mut event = base(FILE_REMEDIATION, activity, alert.last, noticed.severity, &uid, origin);
    set(&mut event, "message", noticed.title.clone());
    set(&mut event, "command_uid", uid);
    set(&mut event, "file", file(volume));
    // Success: these are told after the fact.
    set(&mut event, "status_id", 1);
    Some(Value::Object(event))
}

/// What every event has.
fn base(class: u32, activity: u32, time: Time, severity: Severity, uid: &str, origin: &Origin) -> Map<String, Value> {
    let event = json!({
        "class_uid": class,
        "category_uid": class / 1000,
        "activity_id": activity,
        "type_uid": class * 100 + activity,
        "time": time.unix_millis(),
        "severity_id": severity as u32,
        "metadata": {
            "version": VERSION,
            "uid": uid,
            "log_name": "alerts",
            "profiles": ["host", "security_control"],
            "product": { "name": "Holdfast", "vendor_name": "Holdfast", "version": origin.version },
            "log_provider": origin.host,
        },
    });
    event.as_object().cloned().unwrap_or_default()
}

/// What an alert found.
fn finding(alert: &Alert) -> Value {
    let noticed = &alert.noticed;
    let mut finding = Map::new();
    set(&mut finding, "uid", format!("alert/{}", alert.id));
    set(&mut finding, "title", noticed.title.clone());
    set(&mut finding, "desc", noticed.text.clone());
    set(&mut finding, "types", json!([noticed.kind]));
    set(&mut finding, "data_sources", json!([noticed.layer]));
    set(&mut finding, "created_time", noticed.time.unix_millis());
    set(&mut finding, "first_seen_time", noticed.time.unix_millis());
    set(&mut finding, "last_seen_time", alert.last.unix_millis());
    if Deed::of(alert).is_encryption() {
        let attack = json!({
            "tactic": { "uid": "TA0040", "name": "Impact" },
            "technique": { "uid": "T1486", "name": "Data Encrypted for Impact" },
        });
        set(&mut finding, "attacks", json!([attack]));
        // Behavioural: what is written is judged, not by whom.
        set(
            &mut finding,
            "analytic",
            json!({ "name": "Holdfast guard", "type_id": 2 }),
        );
    }
    Value::Object(finding)
}

/// What the profile of security controls says: what was done, and what came of it.
fn control(event: &mut Map<String, Value>, deed: Deed) {
    let (action, disposition) = match deed {
        Deed::Noticed | Deed::Restored => return,
        // Allowed; detected.
        Deed::Allowed => (1, 15),
        // Denied; blocked.
        Deed::Refused => (2, 2),
        // Modified; isolated.
        Deed::Diverted => (4, 4),
    };
    set(event, "action_id", action);
    set(event, "disposition_id", disposition);
}

fn device(host: &str) -> Value {
    json!({ "name": host, "type_id": 0 })
}

fn file(volume: &str) -> Value {
    json!({ "name": volume, "uid": volume, "type_id": BLOCK_DEVICE, "type": "Block Device" })
}

/// What one can search for.
fn observables(alert: &Alert) -> Option<Value> {
    let noticed = &alert.noticed;
    // 38: name of a resource; 1: host name; 4: user name.
    let all = [
        ("resources.name", 38, &noticed.volume),
        ("device.name", 1, &noticed.host),
        ("evidences.user.name", 4, &noticed.identity),
    ];
    let named = all
        .into_iter()
        .filter_map(|(name, kind, value)| Some((name, kind, value.as_ref()?)));
    let observables: Vec<Value> = named
        .map(|(name, kind, value)| json!({ "name": name, "type_id": kind, "value": value }))
        .collect();
    (!observables.is_empty()).then(|| observables.into())
}

fn set(event: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    event.insert(name.to_owned(), value.into());
}

fn set_in(event: &mut Map<String, Value>, object: &str, name: &str, value: impl Into<Value>) {
    if let Some(Value::Object(object)) = event.get_mut(object) {
        set(object, name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_fence_is_a_finding_an_encryption_and_an_isolation() {
        let events = events_of_alert(&sample::alert(), &sample::origin());
        let types: Vec<u64> = events.iter().filter_map(|event| event["type_uid"].as_u64()).collect();
        assert_eq!(types, [200_402, 100_110, 700_201]);
        let finding = &events[0];
        assert_eq!(finding["metadata"]["correlation_uid"], "incident/2");
        assert_eq!(
            (&finding["action_id"], &finding["disposition_id"]),
            (&json!(2), &json!(2))
        );
        assert_eq!(finding["finding_info"]["attacks"][0]["technique"]["uid"], "T1486");
        assert_eq!(finding["unmapped"]["facts"]["fence"], "refuse");
    }

    #[test]
    fn what_only_was_noticed_is_only_a_finding() {
        let mut alert = sample::alert();
        alert.noticed.kind = "bookmarked".to_owned();
        assert_eq!(events_of_alert(&alert, &sample::origin()).len(), 1);
        alert.noticed.kind = "rolled-back".to_owned();
        let events = events_of_alert(&alert, &sample::origin());
        assert_eq!(events[1]["type_uid"], 700_203);
    }

    #[test]
    fn an_incident_is_told_with_its_state_and_verdict() {
        let mut incident = sample::incident();
        let told = |incident: &Incident| {
            let event = of_incident(incident, &[sample::alert()], &sample::origin());
            (
                event["type_uid"].clone(),
                event["status_id"].clone(),
                event.get("verdict_id").cloned(),
            )
        };
        assert_eq!(told(&incident), (json!(200_502), json!(1), None));
        incident.state = IncidentState::FalseAlarm;
        assert_eq!(told(&incident), (json!(200_503), json!(5), Some(json!(1))));
    }
}
