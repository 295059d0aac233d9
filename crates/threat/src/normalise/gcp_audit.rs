//! Google Cloud's audit log: calls of its interfaces.

use serde_json::{Map, Value, json};

use super::document::{self, Activities, at, elements, first, text};
use super::{Context, DocumentSource, NotUnderstood};
use crate::event::{Activity, Event, Facts, HandleKind, Logsource, Outcome};

/// Google Cloud's audit log.
pub(super) const SOURCE: DocumentSource = DocumentSource { is, read };

const LOGSOURCE: Logsource = Logsource {
    product: "gcp",
    service: Some("gcp.audit"),
    category: None,
};

const ACTIVITIES: Activities = &[
    (
        Activity::RoleGrant,
        "*setiampolicy, *rolebindings.*, *createrole, *updaterole",
    ),
    (
        Activity::AccessGrant,
        "*createserviceaccountkey, *serviceaccountkeys.create, \
         *uploadserviceaccountkey, *generateaccesstoken, *signblob, *signjwt, *importsshpublickey",
    ),
    (
        Activity::AccountCreation,
        "*createserviceaccount, *serviceaccounts.create, *users.insert",
    ),
    (
        Activity::AccountDeletion,
        "*deleteserviceaccount, *serviceaccounts.delete, *users.delete",
    ),
    (
        Activity::AccountState,
        "*disableserviceaccount, *enableserviceaccount, *serviceaccounts.disable, \
         *serviceaccounts.enable, *serviceaccounts.undelete",
    ),
    (
        Activity::AccountChange,
        "*serviceaccounts.patch, *serviceaccounts.update, *updateserviceaccount, \
         *patchserviceaccount",
    ),
    (Activity::PasswordReset, "*cloudsql.users.update"),
    (
        Activity::LogClearing,
        "*deletesink, *updatesink, *deletelog, *deletebucket, *createexclusion, \
         *updatecmeksettings",
    ),
    (
        Activity::TrustChange,
        "*workloadidentitypool*, *inboundsamlsso*, *workforcepool*",
    ),
    (
        Activity::DefenceChange,
        "*accesscontextmanager*delete*, *deletealertpolicy, \
         *securitycenter*mute*, *deletenotificationchannel",
    ),
    (
        Activity::SnapshotDeletion,
        "*snapshots.delete, *backupruns.delete, *deletebackup*",
    ),
    (
        Activity::SnapshotCreation,
        "*snapshots.insert, *disks.createsnapshot, *backupruns.insert",
    ),
    (
        Activity::MachineCopy,
        "*images.insert, *instances.export, *images.setiampolicy",
    ),
    (
        Activity::MachineCreation,
        "*compute.instances.insert, *cloudsql.instances.create",
    ),
    (
        Activity::MachineDeletion,
        "*compute.instances.delete, *cloudsql.instances.delete",
    ),
    (
        Activity::PowerOff,
        "*compute.instances.stop, *compute.instances.reset, *compute.instances.suspend",
    ),
    (Activity::PowerOn, "*compute.instances.start, *compute.instances.resume"),
    (Activity::MachineChange, "*compute.instances.*"),
    (
        Activity::FileRead,
        "*objects.get, *accesssecretversion, *.decrypt, *secrets.get",
    ),
    (
        Activity::FileWrite,
        "*objects.create, *secrets.create, *secrets.update, *secrets.patch",
    ),
    (
        Activity::FileDeletion,
        "*objects.delete, *buckets.delete, *secrets.delete, *deletesecret, \
         *deleteproject, *destroycryptokeyversion",
    ),
    (
        Activity::Persistence,
        "*createfunction, *updatefunction, *cronjob*, *batch.v*.job*, \
         *webhookconfigurations*, *createjob",
    ),
    (
        Activity::PolicyChange,
        "*firewalls.*, *firewallpolicies.*, *buckets.update, *buckets.patch, \
         *buckets.insert, *vpntunnels.*, *managedzones.*, *packetmirrorings.*, *setorgpolicy, \
         *accesscontextmanager*, *routes.*",
    ),
    (Activity::DirectoryRead, "*.list*, *.get, *list, *.get*, *search*"),
];

fn is(document: &Value) -> bool {
    let payloads = ["protoPayload", "data.protoPayload"].map(|path| at(document, path));
    let says = |name: &str| payloads.iter().flatten().any(|payload| text(payload, name).is_some());
    says("methodName") && (says("serviceName") || document.get("logName").is_some())
}

fn read(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    // Rules look for it as it comes from a topic, where all lies in `data`.
    let document = match document {
        Value::Object(mut object)
            if object
                .get("data")
                .is_some_and(|data| data.get("protoPayload").is_some()) =>
        {
            object.remove("data").unwrap_or_default()
        }
        other => other,
    };
    let time = document::time(&document, &["timestamp", "receiveTimestamp"], &context)?;
    let method = text(&document, "protoPayload.methodName")
        .unwrap_or_default()
        .to_owned();
    let principal = first(
        &document,
        &[
            "protoPayload.authenticationInfo.principalEmail",
            "protoPayload.authenticationInfo.principalSubject",
        ],
    );
    let facts = Facts {
        activity: document::activity(ACTIVITIES, &method),
        outcome: outcome(&document),
        actor: document::account(principal),
        target: document::handles(&[(HandleKind::Mail, granted(&document))]),
        address: text(&document, "protoPayload.requestMetadata.callerIp").and_then(document::address),
        device: text(&document, "protoPayload.requestMetadata.callerSuppliedUserAgent").map(str::to_owned),
        object: first(&document, &["protoPayload.resourceName"]).map(str::to_owned),
        ..Facts::default()
    };
    Ok(context.event(time, LOGSOURCE, fields(document, &method), facts))
}

fn outcome(document: &Value) -> Outcome {
    match at(document, "protoPayload.status.code").and_then(Value::as_i64) {
        None | Some(0) => Outcome::Success,
        Some(_) => Outcome::Failure,
    }
}

/// The first account that a change of a policy gave a role to.
fn granted(document: &Value) -> Option<&str> {
    elements(document, "protoPayload.serviceData.policyDelta.bindingDeltas")
        .iter()
        .find(|delta| text(delta, "action") == Some("ADD"))
        .and_then(|delta| text(delta, "member")?.split_once(':'))
        .map(|(_, member)| member)
}

fn fields(document: Value, method: &str) -> Value {
    let mut extra = Map::new();
    extra.insert("gcp.audit.method_name".to_owned(), json!(method));
    for name in ["serviceName", "methodName", "resource.type", "logName"] {
        let value = at(&document, &format!("protoPayload.{name}")).or_else(|| at(&document, name));
        extra.extend(value.map(|value| (format!("data.protoPayload.{name}"), value.clone())));
    }
    let permissions = elements(&document, "protoPayload.authorizationInfo");
    for name in ["permission", "granted"] {
        let values: Value = permissions
            .iter()
            .filter_map(|permission| at(permission, name))
            .cloned()
            .collect();
        extra.insert(format!("data.protoPayload.authorizationInfo.{name}"), values);
    }
    document::with(document, extra)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::document::tests::{names, read};

    // Built from Google's documentation of audit log entries.

    fn entry(method: &str) -> Value {
        json!({"logName": "projects/p/logs/cloudaudit.googleapis.com%2Factivity", "timestamp": "2025-05-01T10:00:00Z", "resource": {"type": "k8s_cluster"},
            "protoPayload": {"@type": "type.googleapis.com/google.cloud.audit.AuditLog", "serviceName": "iam.googleapis.com", "methodName": method, "resourceName": "projects/p",
                "authenticationInfo": {"principalEmail": "anna@acme.example"}, "requestMetadata": {"callerIp": "203.0.113.7", "callerSuppliedUserAgent": "gcloud"},
                "authorizationInfo": [{"permission": "resourcemanager.projects.setIamPolicy", "granted": true}],
                "serviceData": {"policyDelta": {"bindingDeltas": [{"action": "ADD", "role": "roles/owner", "member": "user:eve@evil.example"}]}}}})
    }

    #[test]
    fn a_grant_names_who_gave_what_to_whom_as_an_entry_and_from_a_topic() {
        for document in [
            entry("SetIamPolicy"),
            json!({"insertId": "x", "data": entry("SetIamPolicy")}),
        ] {
            let event = read(document);
            assert_eq!(event.logsource, LOGSOURCE);
            assert_eq!(
                (event.facts.activity, event.facts.outcome),
                (Activity::RoleGrant, Outcome::Success)
            );
            assert_eq!(names(&event.facts.actor), ["anna@acme.example"]);
            assert_eq!(names(&event.facts.target), ["eve@evil.example"]);
            assert_eq!(event.fields["gcp.audit.method_name"], "SetIamPolicy");
            assert_eq!(
                event.fields["data.protoPayload.authorizationInfo.granted"],
                json!([true])
            );
            assert_eq!(event.fields["data.protoPayload.resource.type"], "k8s_cluster");
        }
    }

    #[test]
    fn methods_are_told_apart() {
        for (method, activity) in [
            ("google.iam.admin.v1.CreateServiceAccountKey", Activity::AccessGrant),
            ("v1.compute.snapshots.delete", Activity::SnapshotDeletion),
            ("v1.compute.instances.stop", Activity::PowerOff),
            ("storage.buckets.delete", Activity::FileDeletion),
            ("v1.compute.firewalls.patch", Activity::PolicyChange),
            ("google.logging.v2.ConfigServiceV2.DeleteSink", Activity::LogClearing),
            ("storage.buckets.list", Activity::DirectoryRead),
        ] {
            assert_eq!(read(entry(method)).facts.activity, activity, "{method}");
        }
    }
}
