//! What Entra's identity protection and privileged identity management warn of.

use serde_json::{Map, Value, json};

use super::azure::{self, AzureRecord};
use super::document::text;
use super::{Context, DocumentSource, NotUnderstood};
use crate::event::{Activity, Event, Facts, Logsource, Outcome};

/// Entra's risk detections and alerts about privileged roles.
pub(super) const SOURCE: DocumentSource = DocumentSource { is, read };

const RISK: Logsource = Logsource {
    product: "azure",
    service: Some("riskdetection"),
    category: None,
};
const PRIVILEGED: Logsource = Logsource {
    product: "azure",
    service: Some("pim"),
    category: None,
};

/// How the types of alerts about privileged roles end, wherever they stand.
const PRIVILEGED_END: &str = "AlertIncident";

fn is(document: &Value) -> bool {
    ["riskEventType", "properties.riskEventType"]
        .iter()
        .any(|path| text(document, path).is_some())
        || matches!(
            text(document, "category"),
            Some("UserRiskEvents" | "ServicePrincipalRiskEvents")
        )
        || graph_type(document).is_some_and(|kind| kind.ends_with(PRIVILEGED_END))
}

/// The type that the Graph API gives to a resource, whose name has a dot.
fn graph_type(document: &Value) -> Option<&str> {
    document.get("@odata.type")?.as_str()
}

fn read(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let record = AzureRecord::new(document).ok_or_else(super::unknown)?;
    let times = ["activityDateTime", "detectedDateTime", "time", "TimeGenerated"];
    let time = super::document::time(record.document(), &times, &context)?;
    let kind = record
        .text("riskEventType")
        .or_else(|| graph_type(record.document())?.rsplit('.').next())
        .unwrap_or_default()
        .to_owned();
    let facts = Facts {
        activity: Activity::Warning,
        outcome: Outcome::Unknown,
        actor: azure::user(
            record.first(&["userPrincipalName", "assigneeUserPrincipalName"]),
            record.first(&["userId", "assigneeId"]),
            record.first(&["userDisplayName", "assigneeDisplayName"]),
        ),
        address: record.address(&["ipAddress", "callerIpAddress"]),
        place: record.place(),
        object: Some(kind.clone()),
        ..Facts::default()
    };
    let logsource = if kind.ends_with(PRIVILEGED_END) {
        PRIVILEGED
    } else {
        RISK
    };
    let extra: Map<String, Value> = [("riskEventType".to_owned(), json!(kind))].into_iter().collect();
    Ok(context.event(time, logsource, record.into_fields(&[], extra), facts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::document::tests::{names, read};

    // Both are built from the documented properties of the Graph API's resources.

    #[test]
    fn a_risk_detection_warns_of_the_person_and_the_place() {
        let event = read(
            json!({"id": "6a5874ca", "riskEventType": "unfamiliarFeatures", "riskState": "atRisk", "riskLevel": "medium",
            "ipAddress": "203.0.113.7", "activityDateTime": "2025-04-22T09:20:00Z", "userId": "4782e723", "userPrincipalName": "anna@acme.example",
            "location": {"city": "Leeds", "countryOrRegion": "GB"}}),
        );
        assert_eq!(event.logsource, RISK);
        assert_eq!(event.facts.activity, Activity::Warning);
        assert_eq!(names(&event.facts.actor), ["anna@acme.example", "4782e723"]);
        assert_eq!(event.facts.object.as_deref(), Some("unfamiliarFeatures"));
        assert_eq!(event.facts.place.city.as_deref(), Some("Leeds"));
    }

    #[test]
    fn an_alert_about_roles_is_of_its_own_log() {
        let event = read(
            json!({"@odata.type": "#microsoft.graph.tooManyGlobalAdminsAssignedToTenantAlertIncident", "id": "x",
            "assigneeId": "4782e723", "assigneeUserPrincipalName": "anna@acme.example"}),
        );
        assert_eq!(event.logsource, PRIVILEGED);
        assert_eq!(
            event.fields["riskEventType"],
            "tooManyGlobalAdminsAssignedToTenantAlertIncident"
        );
    }
}
