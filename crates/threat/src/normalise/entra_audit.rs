//! Entra's audit log: who changed which account, factor, role, application, policy or domain.

use serde_json::{Map, Value, json};

use super::azure::{self, AzureRecord};
use super::document::{self, Activities, at, elements, first, named, text};
use super::{Context, DocumentSource, NotUnderstood};
use crate::event::{Activity, Event, Facts, Handle, HandleKind, Logsource};

/// Entra's audit log.
pub(super) const SOURCE: DocumentSource = DocumentSource { is, read };

const LOGSOURCE: Logsource = Logsource {
    product: "azure",
    service: Some("auditlogs"),
    category: None,
};

const ALIASES: [(&str, &str); 12] = [
    ("OperationName", "activityDisplayName"),
    ("operationName", "activityDisplayName"),
    ("ActivityDisplayName", "activityDisplayName"),
    ("ActivityType", "activityDisplayName"),
    ("activityType", "activityDisplayName"),
    ("Category", "category"),
    ("LoggedByService", "loggedByService"),
    ("OperationType", "operationType"),
    ("Result", "result"),
    ("ResultReason", "resultReason"),
    ("failure_status_reason", "resultReason"),
    ("CorrelationId", "correlationId"),
];

const ACTIVITIES: Activities = &[
    (
        Activity::PasswordReset,
        "reset user password, reset password (by admin), reset password, \
         set force change user password, admin started password reset",
    ),
    (
        Activity::PasswordChange,
        "change user password, change password (self-service), \
         reset password (self-service), user started password*, \
         self-service password reset flow activity progress",
    ),
    (
        Activity::FactorReset,
        "admin deleted security info, user deleted security info, \
         disable strong authentication, delete all available strong authentication devices, \
         delete hardware oath token",
    ),
    (
        Activity::FactorEnrolment,
        "admin registered security info, admin updated security info, \
         user registered security info, user registered all required security info, \
         user updated security info, user changed default security info, enable strong authentication, \
         create temporary access pass*, assign hardware oath token, add passkey*, add windows hello*, \
         add fido2*, register totp secret",
    ),
    (
        Activity::DeviceEnrolment,
        "register device, add device, add registered owner to device, \
         add registered users to device",
    ),
    (
        Activity::AccountCreation,
        "add user, create user, invite external user, bulk create users*, \
         bulk invite users*",
    ),
    (
        Activity::AccountDeletion,
        "delete user, hard delete user, bulk delete users*, delete device",
    ),
    (
        Activity::AccountState,
        "disable account, enable account, unlock user account (self-service), restore user, add blocked user, \
         add bypass user, block user*, unblock user*, bulk restore*",
    ),
    (
        Activity::RoleGrant,
        "*member to role*, add eligible member*, add scoped member to role*, \
         assigns the caller to user access admin, user has elevated their access*",
    ),
    (
        Activity::GroupMemberAddition,
        "add member to group, add owner to group, bulk import group members*, add member from group",
    ),
    (
        Activity::GroupMemberRemoval,
        "remove member from group, bulk remove group members*",
    ),
    (
        Activity::AccessGrant,
        "consent to application, add delegated permission grant, \
         add oauth2permissiongrant, add app role assignment*, add service principal*, add application*, \
         add owner to application, add owner to service principal, \
         *certificates and secrets management*, add password credential*, add key credential*, \
         add v2 application permissions",
    ),
    (
        Activity::TrustChange,
        "*federation*, *domain authentication*, *unverified domain*, \
         *verified domain*, verify domain*, *identity provider*, set company information, \
         *certificate authorit*, *partner to company*, *cross-tenant*, *cross tenant*, update domain, \
         remove domain*, *desktop sso*, *passthrough authentication*, federate with*",
    ),
    (
        Activity::DefenceChange,
        "disable pim alert, delete conditional access policy, device no longer*, \
         *security defaults*, authentication methods policy reset",
    ),
    (
        Activity::PolicyChange,
        "*policy*, *policies*, *named location*, *role setting*, update role, \
         *role definition*, *conditional access*, *authentication strength*, update application*, \
         update service principal*, *feature rollout*, set company*, *authorization*",
    ),
    (
        Activity::GroupChange,
        "add group, create group*, update group, delete group, hard delete group, \
         restore group, *group settings*",
    ),
    (
        Activity::AccountChange,
        "update user, update stsrefreshtokenvalidfrom*, remove member from role*, \
         remove eligible member*, convert federated user*, change user license, set user manager",
    ),
    (
        Activity::FileRead,
        "read bitlocker key, recover device local administrator password, download*, \
         export*",
    ),
    (Activity::Warning, "fraud reported*, suspicious activity reported"),
    (
        Activity::AccountDeletion,
        "delete application*, hard delete application, \
         remove service principal*, delete administrative unit",
    ),
];

/// What an action of Entra's means, by the name that it has here and, with a full stop behind it, in the unified audit log.
pub(super) fn activity_of(name: &str) -> Activity {
    document::activity(ACTIVITIES, name.trim().trim_end_matches('.'))
}

fn is(document: &Value) -> bool {
    if matches!(first(document, &["category", "type"]), Some("AuditLogs")) {
        return true;
    }
    [Some(document), at(document, "properties")]
        .into_iter()
        .flatten()
        .any(|level| {
            text(level, "activityDisplayName").is_some()
                && ["initiatedBy", "targetResources", "loggedByService"]
                    .iter()
                    .any(|name| at(level, name).is_some())
        })
}

fn read(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let record = AzureRecord::new(document).ok_or_else(super::unknown)?;
    let time = document::time(
        record.document(),
        &["activityDateTime", "time", "TimeGenerated"],
        &context,
    )?;
    let name = record
        .first(&["activityDisplayName", "operationName"])
        .unwrap_or_default()
        .trim()
        .to_owned();
    let (facts, extra) = (facts(&record, &name), extra(&record, &name));
    Ok(context.event(time, LOGSOURCE, record.into_fields(&ALIASES, extra), facts))
}

fn facts(record: &AzureRecord, name: &str) -> Facts {
    let targets = elements(record.document(), "targetResources");
    let changed: Vec<&Value> = targets
        .iter()
        .flat_map(|target| elements(target, "modifiedProperties"))
        .collect();
    let person = azure::user(
        record.text("initiatedBy.user.userPrincipalName"),
        record.text("initiatedBy.user.id"),
        record.text("initiatedBy.user.displayName"),
    );
    let actor = if person.is_empty() {
        azure::application(
            record.first(&["initiatedBy.app.servicePrincipalId", "initiatedBy.app.appId"]),
            record.text("initiatedBy.app.displayName"),
        )
    } else {
        person
    };
    let mut activity = activity_of(name);
    if activity == Activity::AccountChange {
        activity = of_changes(changed.iter().copied()).unwrap_or(activity);
    }
    let target = targets
        .iter()
        .find(|target| text(target, "type") == Some("User"))
        .or_else(|| targets.first());
    Facts {
        activity,
        outcome: azure::outcome(record.first(&["result", "resultType", "resultSignature"])),
        actor,
        target: target.map(handles).unwrap_or_default(),
        address: record.address(&["initiatedBy.user.ipAddress", "ipAddress", "callerIpAddress"]),
        device: record.text("userAgent").map(str::to_owned).or_else(|| {
            let agent = named(elements(record.document(), "additionalDetails"), "User-Agent")?;
            agent.as_str().map(str::to_owned)
        }),
        object: object(record, activity, targets, &changed),
        ..Facts::default()
    }
}

fn handles(target: &Value) -> Vec<Handle> {
    if matches!(text(target, "type"), None | Some("User")) {
        azure::user(
            text(target, "userPrincipalName"),
            text(target, "id"),
            text(target, "displayName"),
        )
    } else {
        document::handles(&[
            (HandleKind::ProviderId, text(target, "id")),
            (HandleKind::Group, text(target, "displayName")),
        ])
    }
}

/// What an update of a user is, by the properties that it changed.
pub(super) fn of_changes<'a>(changed: impl IntoIterator<Item = &'a Value>) -> Option<Activity> {
    changed.into_iter().find_map(|property| {
        let name = first(property, &["displayName", "name"])?;
        let new: String = text(property, "newValue")
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        match name {
            "StrongAuthenticationMethod" | "StrongAuthenticationPhoneAppDetail"
                if matches!(new.as_str(), "" | "[]") =>
            {
                Some(Activity::FactorReset)
            }
            "StrongAuthenticationRequirement" if new.contains("State\":0") || new == "[]" => {
                Some(Activity::FactorReset)
            }
            "StrongAuthenticationMethod"
            | "StrongAuthenticationPhoneAppDetail"
            | "StrongAuthenticationUserDetails"
            | "SearchableDeviceKey" => Some(Activity::FactorEnrolment),
            "AccountEnabled" => Some(Activity::AccountState),
            _ => None,
        }
    })
}

/// The role or group, the factor, the application, or what else was changed.
fn object(record: &AzureRecord, activity: Activity, targets: &[Value], changed: &[&Value]) -> Option<String> {
    let property = |wanted: &str| {
        changed
            .iter()
            .find(|property| text(property, "displayName") == Some(wanted))
            .and_then(|property| {
                text(property, "newValue")
                    .filter(|new| *new != "\"\"" && *new != "null")
                    .or_else(|| text(property, "oldValue"))
            })
            .map(|value| value.trim_matches('"').to_owned())
    };
    let target = |wanted: &str| {
        targets
            .iter()
            .find(|target| text(target, "type") == Some(wanted))
            .and_then(|target| text(target, "displayName"))
    };
    match activity {
        Activity::RoleGrant => property("Role.DisplayName").or_else(|| target("Role").map(str::to_owned)),
        Activity::GroupMemberAddition | Activity::GroupMemberRemoval => {
            property("Group.DisplayName").or_else(|| target("Group").map(str::to_owned))
        }
        Activity::FactorEnrolment | Activity::FactorReset => record.text("resultReason").map(str::to_owned),
        _ => None,
    }
    .or_else(|| {
        targets
            .iter()
            .find(|target| text(target, "type") != Some("User"))
            .and_then(|target| text(target, "displayName"))
            .map(str::to_owned)
    })
}

/// What rules expect in words or form that the log doesn't have.
fn extra(record: &AzureRecord, name: &str) -> Map<String, Value> {
    let mut extra = Map::new();
    let targets = elements(record.document(), "targetResources");
    let result = record.first(&["result", "resultType"]).unwrap_or("Success");
    // Rules look for the result and for its reason under this one name.
    let status = match record.first(&["resultReason", "resultDescription"]) {
        Some(reason) => json!([result, reason]),
        None => json!(result),
    };
    for (field, value) in [
        ("properties.message", json!(name)),
        ("Status", status),
        ("Initiatedby", json!(record.text("initiatedBy.user.userPrincipalName"))),
        (
            "Target",
            json!(
                targets
                    .iter()
                    .find_map(|target| first(target, &["userPrincipalName", "displayName"]))
            ),
        ),
        (
            "targetResources.type",
            targets
                .iter()
                .filter_map(|target| spaced(text(target, "type")?))
                .collect(),
        ),
    ] {
        extra.insert(field.to_owned(), value);
    }
    if let Some(whole) = at(record.document(), "targetResources") {
        let whole = json!(document::written(whole));
        extra.insert("TargetResources".to_owned(), whole.clone());
        extra.insert("properties.targetResources".to_owned(), whole);
    }
    changes(targets, &mut extra);
    document::spread(
        "additionalDetails",
        elements(record.document(), "additionalDetails"),
        &mut extra,
    );
    extra
}

/// A type in the words of the portal: `ServicePrincipal` is `Service Principal`.
fn spaced(kind: &str) -> Option<Value> {
    let mut words = String::with_capacity(kind.len() + 2);
    for character in kind.chars() {
        if character.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(character);
    }
    (!words.is_empty()).then_some(Value::String(words))
}

/// What was changed, under each of the names that rules have for it.
fn changes(targets: &[Value], extra: &mut Map<String, Value>) {
    let changed: Vec<&Value> = targets
        .iter()
        .flat_map(|target| elements(target, "modifiedProperties"))
        .collect();
    let each = |name: &str| {
        changed
            .iter()
            .filter_map(|property| at(property, name))
            .cloned()
            .collect::<Value>()
    };
    let (names, values) = (each("displayName"), each("newValue"));
    let texts: Value = changed
        .iter()
        .map(|property| Value::String(document::written(property)))
        .collect();
    for (field, value) in [
        ("TargetResources.modifiedProperties", &texts),
        ("TargetResources.modifiedProperties.displayName", &names),
        ("TargetResources.modifiedProperties.newValue", &values),
        ("TargetResources.ModifiedProperties.DisplayName", &names),
        ("TargetResources.ModifiedProperties.NewValue", &values),
    ] {
        extra.insert(field.to_owned(), value.clone());
    }
    for property in changed {
        if let Some(name @ ("ConsentContext.IsAdminConsent" | "ConsentContext.OnBehalfOfAll")) =
            text(property, "displayName")
        {
            let value = text(property, "newValue").unwrap_or_default().trim_matches('"');
            extra.insert(name.to_owned(), json!(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Outcome;
    use crate::normalise::document::tests::{names, read};

    /// A record as the Graph API documents it.
    fn graph(name: &str, target: &Value) -> Value {
        json!({
            "id": "x", "category": "UserManagement", "correlationId": "y", "result": "success", "resultReason": "",
            "activityDisplayName": name, "activityDateTime": "2025-04-22T09:16:00Z", "loggedByService": "Core Directory", "operationType": "Update",
            "initiatedBy": {"app": null, "user": {"id": "11111111-0000-0000-0000-000000000000", "displayName": null,
                "userPrincipalName": "agent@acme.example", "ipAddress": "203.0.113.7"}},
            "targetResources": [target], "additionalDetails": [{"key": "User-Agent", "value": "Mozilla/5.0"}]
        })
    }

    fn anna(modified: &Value) -> Value {
        json!({"id": "22222222-0000-0000-0000-000000000000", "displayName": "Anna", "type": "User", "userPrincipalName": "anna@acme.example",
            "modifiedProperties": modified})
    }

    #[test]
    fn a_reset_by_an_agent_is_the_same_in_every_form() {
        let graph = graph("Reset password (by admin)", &anna(&json!([])));
        let diagnostic = json!({"time": "2025-04-22T09:16:09Z", "resourceId": "/tenants/x/providers/Microsoft.aadiam",
            "operationName": "Reset password (by admin)", "category": "AuditLogs", "resultSignature": "None", "properties": graph});
        let analytics = json!({"TimeGenerated": "2025-04-22T09:16:00Z", "Type": "AuditLogs", "OperationName": "Reset password (by admin)",
            "ActivityDisplayName": "Reset password (by admin)", "Category": "UserManagement", "Result": "success", "LoggedByService": "Core Directory",
            "InitiatedBy": graph["initiatedBy"].to_string(), "TargetResources": graph["targetResources"].to_string()});
        for document in [graph, diagnostic, analytics] {
            let event = read(document);
            assert_eq!(event.logsource, LOGSOURCE);
            assert_eq!(event.time.to_string(), "2025-04-22T09:16:00Z");
            assert_eq!(
                (event.facts.activity, event.facts.outcome),
                (Activity::PasswordReset, Outcome::Success)
            );
            assert_eq!(
                names(&event.facts.actor),
                ["agent@acme.example", "11111111-0000-0000-0000-000000000000"]
            );
            assert_eq!(
                names(&event.facts.target),
                ["anna@acme.example", "22222222-0000-0000-0000-000000000000", "anna"]
            );
            assert_eq!(event.facts.address.unwrap().to_string(), "203.0.113.7");
            for (name, value) in [
                ("OperationName", "Reset password (by admin)"),
                ("operationName", "Reset password (by admin)"),
                ("Category", "UserManagement"),
                ("LoggedByService", "Core Directory"),
                ("properties.message", "Reset password (by admin)"),
                ("Status", "success"),
            ] {
                assert_eq!(event.fields.get(name), Some(&json!(value)), "{name}");
            }
        }
    }

    #[test]
    fn the_names_of_the_chain_are_told_apart() {
        for (name, activity) in [
            ("Reset user password", Activity::PasswordReset),
            ("Change password (self-service)", Activity::PasswordChange),
            ("Admin registered security info", Activity::FactorEnrolment),
            ("User registered security info", Activity::FactorEnrolment),
            ("Admin deleted security info", Activity::FactorReset),
            ("Disable Strong Authentication", Activity::FactorReset),
            ("Register device", Activity::DeviceEnrolment),
            ("Add member to role", Activity::RoleGrant),
            (
                "Add eligible member to role in PIM completed (permanent)",
                Activity::RoleGrant,
            ),
            ("Add member to group", Activity::GroupMemberAddition),
            ("Consent to application", Activity::AccessGrant),
            (
                "Update application \u{2013} Certificates and secrets management",
                Activity::AccessGrant,
            ),
            ("Add service principal credentials", Activity::AccessGrant),
            ("Set federation settings on domain", Activity::TrustChange),
            ("Set domain authentication", Activity::TrustChange),
            ("Set Company Information", Activity::TrustChange),
            ("Delete conditional access policy", Activity::DefenceChange),
            ("Update conditional access policy", Activity::PolicyChange),
            ("Add user", Activity::AccountCreation),
            ("Disable account", Activity::AccountState),
            ("Read BitLocker key", Activity::FileRead),
            ("Import", Activity::Other),
        ] {
            assert_eq!(read(graph(name, &anna(&json!([])))).facts.activity, activity, "{name}");
            assert_eq!(activity_of(&format!("{name}.")), activity, "{name}.");
        }
    }

    #[test]
    fn a_temporary_access_pass_shows_in_the_reason() {
        let mut document = graph("Admin registered security info", &anna(&json!([])));
        document["resultReason"] = json!("Admin registered temporary access pass method for user");
        let event = read(document);
        assert_eq!(
            event.fields["Status"],
            json!(["success", "Admin registered temporary access pass method for user"])
        );
        assert_eq!(
            event.facts.object.as_deref(),
            Some("Admin registered temporary access pass method for user")
        );
    }

    #[test]
    fn an_update_of_a_user_is_told_by_what_it_changed() {
        for (property, new, activity) in [
            ("StrongAuthenticationMethod", "[]", Activity::FactorReset),
            (
                "StrongAuthenticationMethod",
                "[{\"MethodType\":6}]",
                Activity::FactorEnrolment,
            ),
            (
                "StrongAuthenticationRequirement",
                "[{\"State\":0}]",
                Activity::FactorReset,
            ),
            ("AccountEnabled", "[false]", Activity::AccountState),
            ("DisplayName", "[\"A\"]", Activity::AccountChange),
        ] {
            let modified = json!([{"displayName": property, "oldValue": "[]", "newValue": new}]);
            let event = read(graph("Update user", &anna(&modified)));
            assert_eq!(event.facts.activity, activity, "{property} {new}");
            assert_eq!(
                event.fields["TargetResources.ModifiedProperties.DisplayName"],
                json!([property])
            );
            assert_eq!(
                event.fields["TargetResources.ModifiedProperties.NewValue"],
                json!([new])
            );
        }
    }

    #[test]
    fn a_granted_role_is_the_object_and_its_number_is_found_as_text() {
        let modified = json!([{"displayName": "Role.DisplayName", "oldValue": null, "newValue": "\"Global Administrator\""},
            {"displayName": "Role.TemplateId", "oldValue": null, "newValue": "\"62e90394-69f5-4237-9190-012177145e10\""}]);
        let event = read(graph("Add member to role", &anna(&modified)));
        assert_eq!(event.facts.object.as_deref(), Some("Global Administrator"));
        assert!(
            event.fields["TargetResources"]
                .as_str()
                .unwrap()
                .contains("62e90394-69f5-4237-9190-012177145e10")
        );
    }

    #[test]
    fn consent_and_details_are_fields_of_their_own() {
        let app = json!({"id": "x", "displayName": "Mail helper", "type": "ServicePrincipal",
            "modifiedProperties": [{"displayName": "ConsentContext.IsAdminConsent", "oldValue": null, "newValue": "\"False\""}]});
        let event = read(graph("Consent to application", &app));
        assert_eq!(event.fields["ConsentContext.IsAdminConsent"], "False");
        assert_eq!(event.fields["additionalDetails.User-Agent"], "Mozilla/5.0");
        assert_eq!(event.fields["targetResources.type"], json!(["Service Principal"]));
        assert_eq!(event.facts.object.as_deref(), Some("Mail helper"));
        assert_eq!(event.facts.device.as_deref(), Some("Mozilla/5.0"));
    }
}
