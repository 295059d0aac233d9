//! Azure's activity log and the resource logs of storage and vaults: who did what to which resource.

use serde_json::{Map, Value, json};

use super::azure::{self, AzureRecord};
use super::document::{self, Activities, at, first, text};
use super::{Context, DocumentSource, NotUnderstood};
use crate::event::{Activity, Event, Facts, Handle, HandleKind, Logsource, Outcome};

/// Azure's activity and resource logs.
pub(super) const SOURCE: DocumentSource = DocumentSource { is, read };

const LOGSOURCE: Logsource = Logsource {
    product: "azure",
    service: Some("activitylogs"),
    category: None,
};

const ALIASES: [(&str, &str); 3] = [
    ("ResourceId", "resourceId"),
    ("Caller", "caller"),
    ("CallerIpAddress", "callerIpAddress"),
];

/// The claim that has a person's principal name.
const PRINCIPAL_CLAIM: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";
/// The claim that has the identifier of whoever it is.
const OBJECT_CLAIM: &str = "http://schemas.microsoft.com/identity/claims/objectidentifier";

/// Of operations in lower case.
const ACTIVITIES: Activities = &[
    (
        Activity::RoleGrant,
        "*/roleassignments/write, */elevateaccess/action, \
         */roleeligibilityschedulerequests/write, */roleassignmentschedulerequests/write, \
         */clusterrolebindings/write, */rolebindings/write",
    ),
    (
        Activity::LogClearing,
        "*/diagnosticsettings/delete, */eventhubs/delete, */networkwatchers/delete, \
         */flowlogs/delete, microsoft.operationalinsights/workspaces/delete",
    ),
    (
        Activity::DefenceChange,
        "*/alertssuppressionrules/write, */securitycontacts/*, */locks/delete, \
         */alertrules/delete, */metricalerts/delete, */actiongroups/delete, */activitylogalerts/delete, \
         */pricings/write, */azurefirewalls/delete, */firewallpolicies/*delete, \
         */ddosprotectionplans/delete, */backupconfig/*, */backupresourcevaultconfigs/write, \
         */policyassignments/delete, */webapplicationfirewallpolicies/delete",
    ),
    (
        Activity::SnapshotDeletion,
        "*/snapshots/delete, */restorepointcollections/delete, \
         */restorepoints/delete, microsoft.recoveryservices/*, */backupvaults/delete, \
         */backupinstances/delete",
    ),
    (
        Activity::SnapshotCreation,
        "*/snapshots/write, */restorepointcollections/write, \
         */restorepoints/write",
    ),
    (
        Activity::MachineCopy,
        "*/begingetaccess/action, */capture/action, */images/write",
    ),
    (
        Activity::Script,
        "*/runcommand/action, */runcommands/write, \
         microsoft.compute/virtualmachines/extensions/write, */hostruntime/host/action, \
         */virtualmachinescalesets/extensions/write",
    ),
    (Activity::PowerOff, "*/deallocate/action, */poweroff/action"),
    (Activity::PowerOn, "*/virtualmachines/start/action"),
    (
        Activity::MachineDeletion,
        "microsoft.compute/virtualmachines/delete, \
         microsoft.compute/virtualmachinescalesets/delete",
    ),
    (
        Activity::MachineCreation,
        "microsoft.compute/virtualmachines/write, \
         microsoft.compute/virtualmachinescalesets/write",
    ),
    (
        Activity::MachineChange,
        "microsoft.compute/disks/write, microsoft.compute/virtualmachines/*",
    ),
    (
        Activity::AccessGrant,
        "*/listkeys/action, */regeneratekey/action, */listaccountsas/action, \
         */vaults/accesspolicies/write, */publishxml/action, */listclusteradmincredential/action, \
         */listclusterusercredential/action, */federatedidentitycredentials/write",
    ),
    (
        Activity::FileRead,
        "*/getsecret/action, */vaults/keys/read*, */secrets/read, secretget, keyget, \
         getblob, getfile, */fileservices/shares/read, */blobs/read",
    ),
    (
        Activity::FileWrite,
        "putblob, putblock*, createfile, putrange, copyblob*, setblob*, */blobs/write",
    ),
    (
        Activity::FileDeletion,
        "deleteblob, deletefile, deletecontainer, */blobs/delete",
    ),
    (
        Activity::Persistence,
        "microsoft.automation/automationaccounts/*write, \
         microsoft.logic/workflows/write, microsoft.web/sites/functions/write, */cronjobs/write, \
         */jobs/write",
    ),
    (
        Activity::PolicyChange,
        "microsoft.authorization/*, microsoft.network/*write, \
         microsoft.network/*action, */networksecuritygroups/*, microsoft.security/*, \
         microsoft.insights/*write, */storageaccounts/write, */blobservices/*write, \
         */fileservices/*write, */vaults/write, */vaults/keys/*, */vaults/secrets/*, \
         */admissionregistration.k8s.io/*",
    ),
    (Activity::FileDeletion, "*/delete"),
    (Activity::DirectoryRead, "*/read"),
];

fn is(document: &Value) -> bool {
    let Some(operation) = operation(document) else {
        return false;
    };
    let begins = |text: &str, with: &str| {
        text.get(..with.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(with))
    };
    (operation.contains('/') && begins(operation, "microsoft."))
        || text(document, "resourceId").is_some_and(|resource| begins(resource, "/subscriptions/"))
        || matches!(
            text(document, "category"),
            Some("StorageRead" | "StorageWrite" | "StorageDelete" | "AuditEvent")
        )
}

/// The operation: in Log Analytics under a name of its own, from the management interface with its translation.
fn operation(document: &Value) -> Option<&str> {
    first(
        document,
        &["operationNameValue", "operationName", "operationName.value"],
    )
}

fn read(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    // Before properties are lifted: they may have an operation of their own.
    let operation = operation(&document).unwrap_or_default().to_owned();
    let category = first(&document, &["categoryValue", "category", "category.value"])
        .unwrap_or_default()
        .to_owned();
    let record = AzureRecord::new(document).ok_or_else(super::unknown)?;
    let time = document::time(
        record.document(),
        &["time", "eventTimestamp", "TimeGenerated"],
        &context,
    )?;
    let facts = facts(&record, &operation);
    let provider = record
        .first(&[
            "resourceProviderValue",
            "resourceProviderName.value",
            "resourceProviderName",
        ])
        .or_else(|| operation.split('/').next())
        .unwrap_or_default();
    let extra: Map<String, Value> = [
        ("operationName", operation.as_str()),
        ("OperationNameValue", operation.as_str()),
        ("CategoryValue", category.as_str()),
        ("ResourceProviderValue", provider),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), json!(value)))
    .collect();
    Ok(context.event(time, LOGSOURCE, record.into_fields(&ALIASES, extra), facts))
}

fn facts(record: &AzureRecord, operation: &str) -> Facts {
    let activity = document::activity(ACTIVITIES, operation);
    let request = first(record.document(), &["requestbody"]).and_then(document::json);
    let resource = record.text("resourceId");
    let machine = matches!(
        activity,
        Activity::MachineCreation
            | Activity::MachineChange
            | Activity::MachineDeletion
            | Activity::PowerOn
            | Activity::PowerOff
            | Activity::Script
    )
    .then(|| machine_of(resource?))
    .flatten();
    let mut facts = Facts {
        activity,
        outcome: outcome(record),
        actor: actor(record),
        target: Vec::new(),
        machine: document::handles(&[(HandleKind::VirtualMachine, machine.as_deref())]),
        address: record.address(&["callerIpAddress", "httpRequest.clientIpAddress", "claims.ipaddr"]),
        device: record.first(&["userAgentHeader", "userAgent"]).map(str::to_owned),
        object: resource.or_else(|| place_of_object(record)).map(str::to_owned),
        ..Facts::default()
    };
    if activity == Activity::RoleGrant {
        let request = request.unwrap_or_default();
        facts.target = document::handles(&[(
            HandleKind::ProviderId,
            first(&request, &["properties.principalId", "principalId"]),
        )]);
        let role = first(&request, &["properties.roleDefinitionId", "roleDefinitionId"])
            .and_then(|role| role.rsplit('/').next());
        facts.object = role
            .or_else(|| {
                operation
                    .to_lowercase()
                    .contains("elevateaccess")
                    .then_some("User Access Administrator")
            })
            .map(str::to_owned);
    }
    facts
}

/// A stored object's address, without the signature that grants access to it.
fn place_of_object(record: &AzureRecord) -> Option<&str> {
    record.first(&["uri", "objectKey"])?.split('?').next()
}

/// The name behind `/virtualMachines/` in a resource's path.
fn machine_of(resource: &str) -> Option<String> {
    let mut parts = resource
        .split('/')
        .skip_while(|part| !part.eq_ignore_ascii_case("virtualMachines"));
    parts.nth(1).map(str::to_owned)
}

fn actor(record: &AzureRecord) -> Vec<Handle> {
    let claims = at(record.document(), "identity.claims")
        .or_else(|| at(record.document(), "claims"))
        .unwrap_or(&Value::Null);
    // Claims are named by addresses, which have dots.
    let claim = |name: &str| claims.get(name).and_then(Value::as_str);
    let principal = claim(PRINCIPAL_CLAIM)
        .or_else(|| record.text("caller"))
        .or_else(|| {
            record
                .first(&["identity.UserPrincipalName", "identity.tokenHash"])
                .filter(|name| name.contains('@'))
        })
        .or_else(|| text(claims, "name").filter(|name| name.contains('@')));
    azure::user(
        principal,
        claim(OBJECT_CLAIM)
            .or_else(|| record.text("identity.authorization.evidence.principalId"))
            .or_else(|| claim("appid")),
        claim("name").filter(|name| !name.contains('@')),
    )
}

fn outcome(record: &AzureRecord) -> Outcome {
    let known = azure::outcome(record.first(&["activityStatusValue", "status.value", "resultType", "statusText"]));
    if known != Outcome::Unknown {
        return known;
    }
    match at(record.document(), "statusCode").and_then(|code| code.as_i64().or_else(|| code.as_str()?.parse().ok())) {
        Some(200..=299) => Outcome::Success,
        Some(400..) => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::document::tests::{names, read};

    #[test]
    fn every_form_of_an_activity_has_the_same_facts_and_fields() {
        let resource = "/subscriptions/1/resourceGroups/g/providers/Microsoft.Compute/snapshots/s";
        let claims = json!({PRINCIPAL_CLAIM: "anna@acme.example", OBJECT_CLAIM: "4782e723", "name": "Anna"});
        for document in [
            json!({"time": "2025-05-01T10:00:00Z", "resourceId": resource, "operationName": "MICROSOFT.COMPUTE/SNAPSHOTS/DELETE", "category": "Administrative",
                "resultType": "Success", "callerIpAddress": "203.0.113.7", "identity": {"claims": claims}}),
            json!({"eventTimestamp": "2025-05-01T10:00:00Z", "resourceId": resource, "operationName": {"value": "Microsoft.Compute/snapshots/delete",
                "localizedValue": "Delete Snapshot"}, "category": {"value": "Administrative"}, "status": {"value": "Succeeded"}, "caller": "anna@acme.example",
                "claims": claims, "httpRequest": {"clientIpAddress": "203.0.113.7"}}),
            json!({"TimeGenerated": "2025-05-01T10:00:00Z", "ResourceId": resource, "OperationNameValue": "MICROSOFT.COMPUTE/SNAPSHOTS/DELETE",
                "OperationName": "Delete Snapshot", "CategoryValue": "Administrative", "ActivityStatusValue": "Success", "Caller": "anna@acme.example",
                "CallerIpAddress": "203.0.113.7", "Claims": claims.to_string()}),
        ] {
            let event = read(document);
            assert_eq!(event.logsource, LOGSOURCE);
            assert_eq!(event.time.to_string(), "2025-05-01T10:00:00Z");
            assert_eq!(
                (event.facts.activity, event.facts.outcome),
                (Activity::SnapshotDeletion, Outcome::Success)
            );
            assert_eq!(names(&event.facts.actor), ["anna@acme.example", "4782e723", "anna"]);
            assert_eq!(event.facts.address.unwrap().to_string(), "203.0.113.7");
            assert!(
                event.fields["operationName"]
                    .as_str()
                    .unwrap()
                    .eq_ignore_ascii_case("Microsoft.Compute/snapshots/delete")
            );
            assert_eq!(event.fields["CategoryValue"], "Administrative");
            assert_eq!(event.fields["ResourceId"], resource);
        }
    }

    #[test]
    fn a_role_grant_names_who_has_it_and_which_it_is() {
        let facts = read(json!({"time": "2024-12-17T10:30:00Z", "resourceId": "/subscriptions/1/providers/Microsoft.Authorization/roleAssignments/a",
            "operationName": "Microsoft.Authorization/roleAssignments/write", "category": "Administrative", "resultType": "Start",
            "properties": {"requestbody": "{\"Properties\":{\"PrincipalId\":\"770797c4\",\"RoleDefinitionId\":\"/providers/x/roleDefinitions/8e3af657\"}}"}}))
        .facts;
        assert_eq!(facts.activity, Activity::RoleGrant);
        assert_eq!(names(&facts.target), ["770797c4"]);
        assert_eq!(facts.object.as_deref(), Some("8e3af657"));
        assert_eq!(facts.outcome, Outcome::Unknown);
    }

    #[test]
    fn machines_and_resource_logs_are_understood() {
        let event = read(
            json!({"time": "2025-01-28T17:00:00Z", "resourceId": "/SUBSCRIPTIONS/1/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.COMPUTE/VIRTUALMACHINES/DC01",
            "operationName": "MICROSOFT.COMPUTE/VIRTUALMACHINES/RUNCOMMAND/ACTION", "category": "Administrative", "resultType": "Accept"}),
        );
        assert_eq!(event.facts.activity, Activity::Script);
        assert_eq!(names(&event.facts.machine), ["dc01"]);
        let blob = read(
            json!({"time": "2025-01-28T17:00:00Z", "category": "StorageRead", "operationName": "GetBlob", "callerIpAddress": "203.0.113.9:5555",
            "statusCode": 403, "uri": "https://a.blob.core.windows.net/c/f?sig=secret"}),
        );
        assert_eq!(
            (blob.facts.activity, blob.facts.outcome),
            (Activity::FileRead, Outcome::Failure)
        );
        assert_eq!(
            blob.facts.object.as_deref(),
            Some("https://a.blob.core.windows.net/c/f")
        );
        assert_eq!(blob.facts.address.unwrap().to_string(), "203.0.113.9");
    }
}
