//! Events of the Open Cybersecurity Schema Framework, version 1.8.0.
//!
//! An alert is a detection finding (2004). Where encryption was recognised, the same is told as file system activity too (1001,
//! activity 10: encrypt; the file is the volume, a block device), and what was done about it as a file remediation (7002:
//! isolate or restore). An incident is an incident finding (2005). What policies had done is a remediation (7001), once it has ended.

use serde_json::{Map, Value, json};

use super::{Deed, Origin};
use crate::action::{Action, ActionKind, ActionState};
use crate::alert::{Alert, Severity};
use crate::incident::{Incident, IncidentId, IncidentState};
use crate::people::Actor;
use crate::time::Time;

/// The schema's version.
pub const VERSION: &str = "1.8.0";

/// `class_uid` of the events.
const FILE_ACTIVITY: u32 = 1001;
const DETECTION_FINDING: u32 = 2004;
const INCIDENT_FINDING: u32 = 2005;
const REMEDIATION: u32 = 7001;
const FILE_REMEDIATION: u32 = 7002;
/// `activity_id` of remediations, and the tactics of MITRE D3FEND that they are named after.
const ISOLATE: u32 = 1;
const RESTORE: u32 = 3;
const HARDEN: u32 = 4;
const DETECT: u32 = 5;
/// `activity_id` and `status_id` of what the schema has no number for.
const OTHER: u32 = 99;
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
    correlate(&mut event, alert.incident);
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

/// An action as a remediation, once it has ended: done, failed, not run, or nobody knows.
#[must_use]
pub fn of_action(action: &Action, origin: &Origin) -> Option<Value> {
    let (status, severity) = match action.state {
        ActionState::Waiting | ActionState::Planned | ActionState::Started => return None,
        ActionState::Done { .. } => (1, Severity::Informational),
        ActionState::Failed { .. } => (2, Severity::Medium),
        ActionState::NotRun { .. } => (OTHER, Severity::Low),
        ActionState::Unknown => (0, Severity::Medium),
    };
    let (activity, tactic) = countermeasure(&action.kind);
    let ended = action.ended.unwrap_or(action.planned);
    let uid = format!("action/{}", action.id);
    let mut event = base(REMEDIATION, activity, ended, severity, &uid, origin);
    set_in(&mut event, "metadata", "log_name", "actions");
    set(
        &mut event,
        "message",
        format!("{}: {}", action.state.name(), action.kind.text()),
    );
    // A name that what was done is marked with, as pins and fences are.
    set(&mut event, "command_uid", action.mark());
    set(
        &mut event,
        "start_time",
        action.started.unwrap_or(action.planned).unix_millis(),
    );
    set(&mut event, "end_time", ended.unix_millis());
    set(&mut event, "status_id", status);
    set(&mut event, "status", action.state.name());
    if let Some(outcome) = action.state.outcome().filter(|outcome| !outcome.is_empty()) {
        set(&mut event, "status_detail", outcome);
    }
    match tactic {
        Some(tactic) => set(
            &mut event,
            "countermeasures",
            json!([{ "d3f_tactic": { "name": tactic } }]),
        ),
        None => set(&mut event, "activity_name", action.kind.name()),
    }
    set(&mut event, "remediation", json!({ "desc": action.because }));
    set(&mut event, "actor", actor(&action.by));
    set(&mut event, "device", device(&origin.host));
    if let Some(volume) = action.kind.volume() {
        // Another class would have a place for what it was done to; 38: name of a resource.
        let volume = json!({ "name": "unmapped.action.volume", "type_id": 38, "value": volume });
        set(&mut event, "observables", json!([volume]));
    }
    correlate(&mut event, action.incident);
    let unmapped = json!({ "action": action.kind, "state": action.state.name(), "alert": action.alert, "request": action.request });
    set(&mut event, "unmapped", unmapped);
    Some(Value::Object(event))
}

/// What an action is among remediations: its activity, and its tactic of D3FEND where it has one.
const fn countermeasure(kind: &ActionKind) -> (u32, Option<&'static str>) {
    match kind {
        ActionKind::Fence { .. } => (ISOLATE, Some("Isolate")),
        ActionKind::Release { .. } => (RESTORE, Some("Restore")),
        ActionKind::Pin { .. } => (HARDEN, Some("Harden")),
        ActionKind::Sensitivity { .. } => (DETECT, Some("Detect")),
        ActionKind::Drill { .. }
        | ActionKind::Notify { .. }
        | ActionKind::Webhook { .. }
        | ActionKind::Command { .. } => (OTHER, None),
    }
}

/// Who had something done.
fn actor(by: &Actor) -> Value {
    match by {
        Actor::System(part) => json!({ "app_name": "Holdfast", "invoked_by": part }),
        Actor::Token(name) => json!({ "app_name": name }),
        Actor::Person(name) | Actor::Local(name) => json!({ "user": { "name": name } }),
    }
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
        Deed::Refused | Deed::Diverted | Deed::FencedByHand => ISOLATE,
        Deed::Released | Deed::Restored => RESTORE,
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
        Deed::Noticed | Deed::FencedByHand | Deed::Released | Deed::Restored => return,
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

/// Joins an event to the others of its incident.
fn correlate(event: &mut Map<String, Value>, incident: Option<IncidentId>) {
    if let Some(incident) = incident {
        set_in(event, "metadata", "correlation_uid", format!("incident/{incident}"));
    }
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
        for (kind, remediation) in [
            ("fenced-by-hand", 700_201),
            ("released", 700_203),
            ("rolled-back", 700_203),
        ] {
            alert.noticed.kind = kind.to_owned();
            let events = events_of_alert(&alert, &sample::origin());
            assert_eq!(
                (events.len(), &events[1]["type_uid"]),
                (2, &json!(remediation)),
                "{kind}"
            );
        }
    }

    #[test]
    fn an_action_is_a_remediation_once_it_has_ended() {
        let mut action = sample::action();
        let done = of_action(&action, &sample::origin()).unwrap();
        assert_eq!((&done["type_uid"], &done["status_id"]), (&json!(700_101), &json!(1)));
        assert_eq!(done["metadata"]["correlation_uid"], "incident/2");
        assert_eq!(done["command_uid"], "action-5-20261126100000");
        assert_eq!(done["actor"]["invoked_by"], "policy night-shift");
        action.state = ActionState::NotRun {
            why: "too late".to_owned(),
        };
        let not_run = of_action(&action, &sample::origin()).unwrap();
        assert_eq!(
            (&not_run["status_id"], &not_run["status"]),
            (&json!(99), &json!("not-run"))
        );
        action.state = ActionState::Unknown;
        assert_eq!(of_action(&action, &sample::origin()).unwrap()["status_id"], 0);
        for state in [ActionState::Waiting, ActionState::Planned, ActionState::Started] {
            action.state = state;
            assert_eq!(of_action(&action, &sample::origin()), None, "nothing has ended");
        }
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
