//! Records of identity and cloud services in which every part in turn is replaced by something else: an event or a reason, never a panic.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use threat::event::Origin;
use threat::input::{Body, Record};
use threat::normalise::normalise_each;

/// One record of each source, short but with all that its mapping looks into.
fn samples() -> Vec<Value> {
    vec![
        json!({"eventType": "group.privilege.grant", "published": "2025-04-22T09:15:00Z", "outcome": {"result": "SUCCESS"},
            "actor": {"id": "a", "alternateId": "a@b.c", "displayName": "A", "type": "User"}, "target": [{"type": "UserGroup", "displayName": "G"}],
            "client": {"ipAddress": "203.0.113.7", "geographicalContext": {"city": "L", "geolocation": {"lat": 1, "lon": 2}}},
            "debugContext": {"debugData": {"behaviors": {"New Device": "POSITIVE"}}}, "securityContext": {"asNumber": 1}}),
        json!({"Records": [{"eventSource": "iam.amazonaws.com", "eventName": "CreateUser", "eventTime": "2025-05-01T10:00:00Z", "awsRegion": "r",
            "userIdentity": {"arn": "arn:aws:sts::1:assumed-role/R/s@b.c"}, "requestParameters": {"instancesSet": {"items": [{"instanceId": "i"}]}}}]}),
        json!({"Operations": "x", "AuditData": "{\"Operation\":\"New-InboxRule\",\"Workload\":\"Exchange\",\"RecordType\":1}"}),
        json!({"Operation": "Add member to role.", "Workload": "AzureActiveDirectory", "RecordType": 8, "UserId": "a@b.c", "CreationTime": "2025-04-23T08:00:00",
            "Target": [{"ID": "b@b.c", "Type": 5}], "Parameters": [{"Name": "n", "Value": "v"}], "Members": [{"UPN": "u@b.c"}],
            "ModifiedProperties": [{"Name": "Role.DisplayName", "NewValue": "Admin"}], "ExtendedProperties": "[]"}),
        json!({"time": "2025-04-22T09:25:00Z", "category": "SignInLogs", "properties": {"status": {"errorCode": 500_121, "additionalDetails": "MFA denied"},
            "location": {"geoCoordinates": {"latitude": 1.0, "longitude": 2.0}}, "networkLocationDetails": [], "deviceDetail": {"trustType": ""}}}),
        json!({"category": "AuditLogs", "properties": {"activityDisplayName": "Update user", "initiatedBy": {"user": {"userPrincipalName": "a@b.c"}},
            "targetResources": [{"type": "User", "modifiedProperties": [{"displayName": "AccountEnabled", "newValue": "[]"}]}],
            "additionalDetails": [{"key": "k", "value": "v"}]}}),
        json!({"riskEventType": "leakedCredentials", "location": {"city": "L"}, "activityDateTime": "2025-04-22T09:25:00Z"}),
        json!({"operationName": {"value": "Microsoft.Compute/virtualMachines/start/action"}, "resourceId": "/subscriptions/1/virtualMachines/v",
            "claims": "{\"name\":\"n\"}", "properties": {"requestbody": "{}"}, "statusCode": 200}),
        json!({"id": {"applicationName": "admin", "time": "2025-04-22T09:25:00Z"}, "actor": {"email": "a@b.c"},
            "events": [{"name": "CHANGE_PASSWORD", "parameters": [{"name": "USER_EMAIL", "multiValue": ["b@b.c"]}]}, {"name": "x"}]}),
        json!({"logName": "l", "protoPayload": {"methodName": "SetIamPolicy", "serviceName": "s",
            "serviceData": {"policyDelta": {"bindingDeltas": [{"action": "ADD", "member": "user:e@f.g"}]}}}}),
        json!({"event_type": "authentication", "access_device": {"ip": "203.0.113.7"}, "result": "denied", "user": {"name": "u"}, "timestamp": 1}),
        json!({"action": "user_update", "description": "{\"status\":\"Bypass\"}", "username": "u", "timestamp": 1, "object": "o"}),
        json!({"activity_id": "a", "action": {"name": "n"}, "actor": {"name": "a"}, "target": {"type": "user", "name": "t"}, "ts": "2025-04-22T09:25:00Z"}),
        json!({"event_type_id": 11, "user_id": 1, "user_name": "U", "actor_user_id": 2, "created_at": "2025-04-22T09:25:00Z"}),
    ]
}

/// What parts are replaced by.
fn oddities() -> Vec<Value> {
    let deep = (0..100).fold(json!([]), |inner, _| json!([inner]));
    vec![
        Value::Null,
        json!(""),
        json!("\u{e9}*{[,:/\\@"),
        json!("{\"a\":"),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(true),
        json!([]),
        json!({}),
        json!([null, {}, [], "x"]),
        json!({"value": {"name": [1]}}),
        deep,
    ]
}

/// Gives every document that has one part of it replaced, down to the leaves.
fn each_mangled(document: &Value, with: &Value, give: &mut dyn FnMut(Value)) {
    let keys: Vec<String> = match document {
        Value::Object(object) => object.keys().cloned().collect(),
        Value::Array(elements) => (0..elements.len()).map(|index| index.to_string()).collect(),
        _ => return,
    };
    for key in keys {
        let pointer = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
        let part = document.pointer(&pointer).expect("a key that was listed");
        let replaced = |new: Value| {
            let mut copy = document.clone();
            if let Some(place) = copy.pointer_mut(&pointer) {
                *place = new;
            }
            copy
        };
        give(replaced(with.clone()));
        each_mangled(part, with, &mut |inner| give(replaced(inner)));
    }
}

fn outcomes(document: Value) -> (usize, usize) {
    let (mut events, mut reasons) = (0, 0);
    let origin = Origin {
        source: Arc::from("test"),
        record: 1,
    };
    let record = Record {
        body: Body::Document(document),
        origin,
    };
    normalise_each(record, Timestamp::UNIX_EPOCH, &mut |event| match event {
        Ok(event) => {
            assert!(event.fields.is_object());
            events += 1;
        }
        Err(error) => {
            assert!(!error.reason.is_empty());
            reasons += 1;
        }
    });
    (events, reasons)
}

#[test]
fn a_record_with_any_part_replaced_gives_an_event_or_a_reason() {
    let mut seen = (0, 0);
    for sample in samples() {
        assert!(outcomes(sample.clone()).0 > 0, "{sample}");
        for oddity in oddities() {
            each_mangled(&sample, &oddity, &mut |mangled| {
                let (events, reasons) = outcomes(mangled);
                seen = (seen.0 + events, seen.1 + reasons);
            });
        }
    }
    assert!(seen.0 > 1000 && seen.1 > 50, "{seen:?}");
}

#[test]
fn a_large_record_is_read_in_time_that_grows_with_its_length_alone() {
    let many = |count: usize| -> Value {
        let names: serde_json::Map<String, Value> =
            (0..count).map(|number| (format!("Name{number}"), json!("x"))).collect();
        json!({"Operation": "New-InboxRule", "Workload": "Exchange", "Parameters": names, "ModifiedProperties": vec![json!({"Name": "n", "Value": "v"}); count]})
    };
    let started = std::time::Instant::now();
    assert_eq!(outcomes(many(100_000)), (1, 0));
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
