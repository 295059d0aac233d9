//! Sign-ins to Entra: of people, interactive or not, and of service principals and managed identities.

use serde_json::{Map, Value, json};

use super::azure::{self, AzureRecord};
use super::document::{at, first, scalar};
use super::{Context, DocumentSource, NotUnderstood};
use crate::event::{Activity, Event, Facts, Logsource, Outcome};

/// Entra's sign-in logs.
pub(super) const SOURCE: DocumentSource = DocumentSource { is, read };

const LOGSOURCE: Logsource = Logsource {
    product: "azure",
    service: Some("signinlogs"),
    category: None,
};

/// Names by which rules look for what the log has under another.
const ALIASES: [(&str, &str); 21] = [
    ("ResultSignature", "resultSignature"),
    ("AuthenticationRequirement", "authenticationRequirement"),
    ("AuthenticationProtocol", "authenticationProtocol"),
    ("RiskState", "riskState"),
    ("RiskLevelDuringSignIn", "riskLevelDuringSignIn"),
    ("ResourceDisplayName", "resourceDisplayName"),
    ("ConditionalAccessStatus", "conditionalAccessStatus"),
    ("conditionalAccessStatus", "conditionalAccessStatus"),
    ("UserPrincipalName", "userPrincipalName"),
    ("userPrincipalName", "userPrincipalName"),
    ("Username", "userPrincipalName"),
    ("AppDisplayName", "appDisplayName"),
    ("AppId", "appId"),
    ("IPAddress", "ipAddress"),
    ("ClientAppUsed", "clientAppUsed"),
    ("ClientApp", "clientAppUsed"),
    ("UserAgent", "userAgent"),
    ("userAgent", "userAgent"),
    ("DeviceDetail.deviceId", "deviceDetail.deviceId"),
    ("DeviceDetail.trusttype", "deviceDetail.trustType"),
    ("DeviceDetail.isCompliant", "deviceDetail.isCompliant"),
];

/// Codes of a sign-in that ask for a second factor or for its enrolment.
const FACTOR_ASKED: [&str; 5] = ["50072", "50074", "50076", "50079", "50158"];
/// Codes of a sign-in that goes on elsewhere: an account to be chosen, a silent attempt that has to show itself, a device or consent that is
/// asked for.
const INTERRUPTED: [&str; 12] = [
    "16000", "16001", "16003", "50058", "50097", "50125", "50127", "50129", "50140", "50143", "50199", "65001",
];
/// The code of a second factor that was refused or not given.
const FACTOR_REFUSED: &str = "500121";

fn is(document: &Value) -> bool {
    let category = first(document, &["category", "type"]).unwrap_or_default();
    if category.ends_with("SignInLogs") || category.ends_with("SigninLogs") {
        return true;
    }
    if first(document, &["operationName"]) == Some("Sign-in activity") {
        return true;
    }
    // Of the Graph API: no envelope, but what no other record has.
    document.get("createdDateTime").is_some()
        && document.get("appId").is_some()
        && (document.get("conditionalAccessStatus").is_some()
            || document.get("signInEventTypes").is_some()
            || document.get("clientAppUsed").is_some())
}

fn read(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let record = AzureRecord::new(document).ok_or_else(super::unknown)?;
    let time = super::document::time(
        record.document(),
        &["createdDateTime", "time", "TimeGenerated", "p_event_time"],
        &context,
    )?;
    let code = scalar(record.document(), "status.errorCode").or_else(|| scalar(record.document(), "resultType"));
    let (facts, extra) = (facts(&record, code.as_deref()), extra(&record, code.as_deref()));
    Ok(context.event(time, LOGSOURCE, record.into_fields(&ALIASES, extra), facts))
}

fn facts(record: &AzureRecord, code: Option<&str>) -> Facts {
    let refused = details(record).is_some_and(|details| details.to_lowercase().contains("mfa denied"));
    let (activity, outcome) = match code {
        Some(FACTOR_REFUSED) => (Activity::FactorChallenge, Outcome::Failure),
        _ if refused => (Activity::FactorChallenge, Outcome::Failure),
        Some(code) if FACTOR_ASKED.contains(&code) => (Activity::FactorChallenge, Outcome::Unknown),
        Some(code) if INTERRUPTED.contains(&code) => (Activity::SignIn, Outcome::Unknown),
        Some("0") => (Activity::SignIn, Outcome::Success),
        Some(code) => match azure::outcome(Some(code)) {
            Outcome::Unknown => (Activity::SignIn, Outcome::Failure),
            known => (Activity::SignIn, known),
        },
        None => (Activity::SignIn, Outcome::Unknown),
    };
    let person = azure::user(
        record.text("userPrincipalName"),
        record.text("userId"),
        record.text("userDisplayName"),
    );
    Facts {
        activity,
        outcome,
        actor: if person.is_empty() {
            azure::application(record.text("servicePrincipalId"), record.text("servicePrincipalName"))
        } else {
            person
        },
        address: record.address(&["ipAddress", "callerIpAddress"]),
        device: record
            .first(&["deviceDetail.displayName", "userAgent", "deviceDetail.browser"])
            .map(str::to_owned),
        place: record.place(),
        object: record
            .first(&["appDisplayName", "resourceDisplayName"])
            .map(str::to_owned),
        ..Facts::default()
    }
}

fn details(record: &AzureRecord) -> Option<&str> {
    record.first(&["status.additionalDetails", "mfaDetail.authDetail"])
}

/// What rules expect in words or form that the log doesn't have.
fn extra(record: &AzureRecord, code: Option<&str>) -> Map<String, Value> {
    let mut extra = Map::new();
    let mut enter = |name: &str, value: Value| extra.insert(name.to_owned(), value);
    if let Some(code) = code {
        enter("ResultType", json!(code));
    }
    if let Some(reason) = record.first(&["status.failureReason", "resultDescription"]) {
        enter("ResultDescription", json!(reason));
    }
    // The portal's words, which rules are written with.
    let status = match code {
        Some("0") => "Success",
        _ => details(record).unwrap_or("Failure"),
    };
    enter("Status", json!(status));
    enter("ActivityDetails", json!("Sign-ins"));
    match record.text("authenticationProtocol") {
        Some("deviceCode") => drop(enter("properties.message", json!("Device Code"))),
        Some("ropc") => drop(enter("properties.message", json!("ROPC"))),
        _ => {}
    }
    if let Some(networks) = at(record.document(), "networkLocationDetails") {
        enter("NetworkLocationDetails", json!(super::document::written(networks)));
    }
    extra
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::document::tests::{names, read, read_all};

    /// A sign-in as the Graph API documents it.
    fn graph() -> Value {
        json!({
            "id": "66ea54eb", "createdDateTime": "2025-04-22T09:20:00Z", "userDisplayName": "Anna", "userPrincipalName": "Anna@acme.example",
            "userId": "4782e723-f4f4-4af3-a76e-25e3bab0d896", "appId": "c44b4083", "appDisplayName": "Azure Portal",
            "ipAddress": "203.0.113.7", "clientAppUsed": "Browser", "conditionalAccessStatus": "notApplied", "isInteractive": true,
            "authenticationRequirement": "singleFactorAuthentication", "autonomousSystemNumber": 9009, "riskState": "atRisk",
            "resourceDisplayName": "Windows Azure Service Management API", "userAgent": "axios/1.7", "authenticationProtocol": "deviceCode",
            "status": {"errorCode": 0, "failureReason": "Other.", "additionalDetails": "MFA requirement satisfied by claim in the token"},
            "deviceDetail": {"deviceId": "", "displayName": null, "operatingSystem": "Windows", "browser": "Edge 80", "isCompliant": false, "trustType": ""},
            "location": {"city": "Leeds", "state": "England", "countryOrRegion": "GB", "geoCoordinates": {"latitude": 53.8, "longitude": -1.5}},
            "networkLocationDetails": []
        })
    }

    /// The same as a diagnostic setting sends it.
    fn diagnostic() -> Value {
        let mut properties = graph();
        let category = "SignInLogs";
        properties["resultDescription"] = json!("");
        json!({"time": "2025-04-22T09:25:00Z", "resourceId": "/tenants/x/providers/Microsoft.aadiam", "operationName": "Sign-in activity",
            "category": category, "resultType": "0", "callerIpAddress": "203.0.113.7", "identity": "Anna", "location": "GB", "properties": properties})
    }

    #[test]
    fn every_form_of_a_sign_in_has_the_same_facts_and_fields() {
        let analytics = json!({"TimeGenerated": "2025-04-22T09:20:00Z", "Type": "SigninLogs", "UserPrincipalName": "anna@acme.example",
            "UserId": "4782e723-f4f4-4af3-a76e-25e3bab0d896", "UserDisplayName": "Anna", "AppDisplayName": "Azure Portal", "ResultType": "0",
            "IPAddress": "203.0.113.7", "Location": "GB", "UserAgent": "axios/1.7", "AuthenticationRequirement": "singleFactorAuthentication",
            "AutonomousSystemNumber": "9009", "AuthenticationProtocol": "deviceCode", "RiskState": "atRisk",
            "LocationDetails": "{\"city\":\"Leeds\",\"countryOrRegion\":\"GB\",\"geoCoordinates\":{\"latitude\":53.8,\"longitude\":-1.5}}",
            "DeviceDetail": "{\"deviceId\":\"\",\"isCompliant\":false,\"trustType\":\"\"}", "NetworkLocationDetails": "[]",
            "Status": "{\"errorCode\":0,\"additionalDetails\":\"\"}"});
        for document in [graph(), diagnostic(), analytics] {
            let event = read(document);
            assert_eq!(event.logsource, LOGSOURCE);
            assert_eq!(event.time.to_string(), "2025-04-22T09:20:00Z");
            let facts = &event.facts;
            assert_eq!((facts.activity, facts.outcome), (Activity::SignIn, Outcome::Success));
            assert_eq!(
                names(&facts.actor),
                ["anna@acme.example", "4782e723-f4f4-4af3-a76e-25e3bab0d896", "anna"]
            );
            assert_eq!(facts.place.country.as_deref(), Some("GB"));
            assert_eq!(facts.place.city.as_deref(), Some("Leeds"));
            assert_eq!(facts.place.point, Some((53.8, -1.5)));
            assert_eq!(facts.place.network.as_deref(), Some("AS9009"));
            assert_eq!(facts.object.as_deref(), Some("Azure Portal"));
            for (name, value) in [
                ("ResultType", json!("0")),
                ("Status", json!("Success")),
                ("userAgent", json!("axios/1.7")),
                ("RiskState", json!("atRisk")),
                ("AuthenticationRequirement", json!("singleFactorAuthentication")),
                ("properties.message", json!("Device Code")),
                ("DeviceDetail.deviceId", json!("")),
                ("DeviceDetail.trusttype", json!("")),
                ("NetworkLocationDetails", json!("[]")),
                ("DeviceDetail.isCompliant", json!(false)),
            ] {
                assert_eq!(event.fields.get(name), Some(&value), "{name}");
            }
        }
    }

    #[test]
    fn codes_tell_refused_and_asked_factors_from_refused_sign_ins() {
        for (code, details, activity, outcome) in [
            (
                500_121,
                "MFA denied; user declined the authentication",
                Activity::FactorChallenge,
                Outcome::Failure,
            ),
            (50_074, "", Activity::FactorChallenge, Outcome::Unknown),
            (50_053, "", Activity::SignIn, Outcome::Failure),
            (50_140, "", Activity::SignIn, Outcome::Unknown),
            (50_126, "", Activity::SignIn, Outcome::Failure),
        ] {
            let mut document = graph();
            document["status"] = json!({"errorCode": code, "failureReason": "why", "additionalDetails": details});
            let event = read(document);
            assert_eq!(
                (event.facts.activity, event.facts.outcome),
                (activity, outcome),
                "{code}"
            );
            assert_eq!(event.fields["ResultDescription"], "why");
            assert_eq!(event.fields["ResultType"], code.to_string());
        }
    }

    #[test]
    fn a_service_principal_signs_in_under_its_own_name() {
        let event = read(
            json!({"time": "2023-07-26 23:00:20.889", "category": "ServicePrincipalSignInLogs", "operationname": "Sign-in activity",
            "resulttype": 7_000_215, "calleripaddress": "203.0.113.7",
            "properties": {"servicePrincipalId": "b1c34143", "servicePrincipalName": "backup", "status": {"errorCode": 7_000_215}}}),
        );
        assert_eq!(names(&event.facts.actor), ["b1c34143", "backup"]);
        assert_eq!(event.facts.outcome, Outcome::Failure);
    }

    #[test]
    fn pages_of_both_interfaces_are_unwrapped() {
        assert_eq!(
            read_all(json!({"@odata.context": "x", "value": [graph(), graph()]})).len(),
            2
        );
        assert_eq!(read_all(json!({"records": [diagnostic()]})).len(), 1);
    }
}
