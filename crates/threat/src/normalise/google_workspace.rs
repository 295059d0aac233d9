//! Google Workspace: activities of the Reports API, one event each, flattened ones of shippers, and the same in Google Cloud's audit log.

use serde_json::{Map, Value, json};

use super::document::{self, Activities, at, elements, first, plain, text};
use super::{Context, DocumentSource, NotUnderstood};
use crate::event::{Activity, Event, Facts, Handle, Logsource, Outcome};

/// Google Workspace's audit logs.
pub(super) const SOURCE: DocumentSource = DocumentSource { is, read };

/// Applications that have a log, and its name in rules.
const SERVICES: [(&str, &str); 15] = [
    ("admin", "google_workspace.admin"),
    ("login", "google_workspace.login"),
    ("drive", "google_workspace.drive"),
    ("token", "google_workspace.token"),
    ("groups", "google_workspace.groups"),
    ("groups_enterprise", "google_workspace.groups"),
    ("user_accounts", "google_workspace.user_accounts"),
    ("mobile", "google_workspace.mobile"),
    ("calendar", "google_workspace.calendar"),
    ("saml", "google_workspace.saml"),
    ("rules", "google_workspace.rules"),
    ("gmail", "google_workspace.gmail"),
    ("chat", "google_workspace.chat"),
    ("meet", "google_workspace.meet"),
    ("access_transparency", "google_workspace.access_transparency"),
];

const ACTIVITIES: Activities = &[
    // Of files in a drive, where all other changes of that beginning are of accounts.
    (Activity::FileWrite, "change_user_access*"),
    (
        Activity::Warning,
        "suspicious_*, gov_attack_warning, account_disabled_*, \
         device_compromised_event, suspicious_activity_event, *_alert, rule_match, action_complete",
    ),
    (
        Activity::FactorChallenge,
        "login_challenge, login_verification, passkey_*challenge",
    ),
    (
        Activity::SignIn,
        "login_success, login_failure, login_blocked*, risky_sensitive_action*",
    ),
    (
        Activity::PasswordReset,
        "change_password, change_password_on_next_login, bulk_upload_password*",
    ),
    (Activity::PasswordChange, "password_edit"),
    (
        Activity::FactorReset,
        "unenroll_user_from_strong_auth, turn_off_2_step_verification, \
         revoke_security_key, passkey_revoked, 2sv_disable, delete_2sv_scratch_codes, revoke_asp, \
         2sv_change, unenroll_user_from_titan*",
    ),
    (
        Activity::FactorEnrolment,
        "2sv_enroll, generate_2sv_scratch_codes, \
         security_key_registered_for_user, passkey_enrolled, user_enrolled_in_two_step_verification, \
         titanium_enroll, recovery_secret_qa_edit",
    ),
    (
        Activity::DeviceEnrolment,
        "device_register_unregister_event, mobile_device_approve, \
         device_sync_event",
    ),
    (Activity::AccountCreation, "create_user"),
    (Activity::AccountDeletion, "delete_user"),
    (
        Activity::AccountState,
        "suspend_user, unsuspend_user, undelete_user, archive_user, \
         unarchive_user, unblock_user_session, temporarily_disable*, reset_signin_cookies",
    ),
    (
        Activity::RoleGrant,
        "assign_role, grant_admin_privilege, grant_delegated_admin_privileges, \
         add_privilege",
    ),
    (
        Activity::AccountChange,
        "recovery_*_edit, change_recovery_*, rename_user, add_nickname, \
         change_user_*, unassign_role, revoke_admin_privilege, move_user_to_org_unit",
    ),
    (
        Activity::GroupMemberAddition,
        "add_group_member, add_member, add_user, accept_invitation, join, \
         approve_join_request",
    ),
    (
        Activity::GroupMemberRemoval,
        "remove_group_member, remove_member, remove_user, leave",
    ),
    (
        Activity::AccessGrant,
        "authorize, authorize_api_client_access, add_application, \
         add_application_to_whitelist, add_to_trusted_oauth2_apps, *domain_wide_delegation*, \
         create_service_account_key",
    ),
    (
        Activity::MailRule,
        "email_forwarding_out_of_domain, *email_monitor*, *_email_forwarding*, \
         create_email_route*, *_filter_*, grant_delegate*, *email_delegat*",
    ),
    (
        Activity::TrustChange,
        "*sso*, *_domain, *_domains, *domain_alias*, *inbound_saml*, \
         *trusted_domain*, change_saml*",
    ),
    (
        Activity::Search,
        "email_log_search, *_search, security_investigation_query, search_*",
    ),
    (
        Activity::FileRead,
        "download, view, preview, copy, source_copy, print, export*, *takeout*, \
         create_data_transfer_request, download_*, access, attachment_downloaded",
    ),
    (Activity::FileDeletion, "delete, trash, purge, empty_trash"),
    (
        Activity::FileWrite,
        "edit, create, upload, rename, move, change_owner*, change_acl*, \
         change_document_*, change_visibility*, add_to_folder, shared_drive_*, team_drive_*, \
         attachment_uploaded, transfer_*",
    ),
    (
        Activity::LogClearing,
        "*audit_log*, change_data_retention*, delete_vault*",
    ),
    (
        Activity::DefenceChange,
        "titanium_unenroll, *alert_center_*disable*, disable_*, toggle_*security*",
    ),
    (
        Activity::GroupChange,
        "create_group, delete_group, change_group_*, create_org_unit, \
         change_info_setting, *_identity_setting",
    ),
    (
        Activity::PolicyChange,
        "*_setting, *_settings, *_strong_authentication*, *_role, \
         remove_privilege, update_*, remove_application*, change_*, toggle_*, *_policy, create_*_rule*, \
         delete_*_rule*, enforce_*, allow_*, *2sv*",
    ),
];

fn is(document: &Value) -> bool {
    if at(document, "id.applicationName").is_some_and(Value::is_string) {
        // One with several events is opened first.
        return document
            .get("events")
            .is_none_or(|events| events.as_array().is_none_or(|events| events.len() < 2));
    }
    is_of_cloud(document)
}

/// The same events in Google Cloud's audit log.
fn is_of_cloud(document: &Value) -> bool {
    matches!(
        text(document, "protoPayload.serviceName"),
        Some("admin.googleapis.com" | "login.googleapis.com" | "cloudidentity.googleapis.com")
    ) && !elements(document, "protoPayload.metadata.event").is_empty()
}

fn read(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let time = document::time(
        &document,
        &[
            "id.time",
            "protoPayload.metadata.activityId.timeUsec",
            "timestamp",
            "p_event_time",
        ],
        &context,
    )?;
    let told = Told::of(&document);
    let facts = facts(&document, &told);
    let service = SERVICES
        .iter()
        .find(|(name, _)| *name == told.application)
        .map_or("google_workspace", |(_, service)| service);
    let logsource = Logsource {
        product: "gcp",
        service: Some(service),
        category: None,
    };
    let extra = extra(&told);
    let fields = document::with(document, extra);
    Ok(context.event(time, logsource, fields, facts))
}

/// What an event tells, wherever its form has it.
struct Told {
    application: String,
    name: String,
    kind: Option<String>,
    parameters: Map<String, Value>,
}

impl Told {
    fn of(document: &Value) -> Self {
        let event = elements(document, "events")
            .first()
            .or_else(|| elements(document, "protoPayload.metadata.event").first())
            .unwrap_or(document);
        let parameters = at(event, "parameters").or_else(|| at(event, "parameter"));
        let own = |paths: &[&str]| first(event, paths).map(str::to_owned);
        let of_cloud = text(document, "protoPayload.serviceName").and_then(|service| service.split('.').next());
        Self {
            application: text(document, "id.applicationName")
                .or(of_cloud)
                .unwrap_or_default()
                .to_owned(),
            name: own(&["name", "eventName"]).unwrap_or_default(),
            kind: own(&["type", "eventType"]),
            parameters: parameters.map(by_name).unwrap_or_default(),
        }
    }

    /// The first of the parameters that is there.
    fn parameter(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| {
            let (_, value) = self.parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
            value
                .as_str()
                .or_else(|| value.as_array()?.first()?.as_str())
                .filter(|text| !text.is_empty())
        })
    }
}

/// Parameters by their names: Google lists them with the kind of their value, shippers make an object of them.
fn by_name(parameters: &Value) -> Map<String, Value> {
    match parameters {
        Value::Object(object) => object.clone(),
        Value::Array(list) => list
            .iter()
            .filter_map(|parameter| {
                let value = [
                    "value",
                    "boolValue",
                    "intValue",
                    "multiValue",
                    "multiIntValue",
                    "multiStrValue",
                    "messageValue",
                ]
                .iter()
                .find_map(|kind| parameter.get(*kind))?;
                Some((text(parameter, "name")?.to_owned(), value.clone()))
            })
            .collect(),
        _ => Map::new(),
    }
}

fn facts(document: &Value, told: &Told) -> Facts {
    let mail = first(
        document,
        &["actor.email", "protoPayload.authenticationInfo.principalEmail"],
    );
    let mut actor = document::account(mail);
    let number = first(document, &["actor.profileId"]).or_else(|| text(document, "actor.key"));
    actor.extend(number.and_then(|number| Handle::new(crate::event::HandleKind::ProviderId, number)));
    let subject = told.parameter(&[
        "USER_EMAIL",
        "affected_email_address",
        "target_user",
        "new_owner",
        "email",
        "member",
    ]);
    let mut target = document::account(subject);
    if told.application == "login" {
        // The person is who signs in, not somebody to whom it is done.
        actor = if actor.is_empty() {
            std::mem::take(&mut target)
        } else {
            actor
        };
        target.retain(|handle| !actor.contains(handle));
    }
    Facts {
        activity: activity(told),
        outcome: outcome(told),
        actor,
        target,
        machine: Vec::new(),
        address: first(document, &["ipAddress", "protoPayload.requestMetadata.callerIp"]).and_then(document::address),
        device: told
            .parameter(&["DEVICE_MODEL", "login_challenge_method", "login_type", "user_agent"])
            .or_else(|| text(document, "protoPayload.requestMetadata.callerSuppliedUserAgent"))
            .map(str::to_owned),
        place: document::place(first(document, &["networkInfo.regionCode"]), None, None, None),
        object: told
            .parameter(&[
                "ROLE_NAME",
                "GROUP_EMAIL",
                "group_email",
                "doc_title",
                "app_name",
                "APPLICATION_NAME",
                "API_CLIENT_NAME",
                "SETTING_NAME",
                "email_forwarding_destination_address",
                "DOMAIN_NAME",
                "PRIVILEGE_NAME",
            ])
            .map(str::to_owned),
    }
}

fn activity(told: &Told) -> Activity {
    // A setting that takes the second factor away from everybody.
    if told.name.ends_with("_STRONG_AUTHENTICATION")
        && told
            .parameter(&["NEW_VALUE"])
            .is_some_and(|value| value.eq_ignore_ascii_case("false"))
    {
        return Activity::DefenceChange;
    }
    match told.name.as_str() {
        "" => match (told.application.as_str(), told.kind.as_deref()) {
            ("login", Some("login")) => Activity::SignIn,
            ("access_transparency", _) => Activity::FileRead,
            _ => Activity::Other,
        },
        name => document::activity(ACTIVITIES, name),
    }
}

fn outcome(told: &Told) -> Outcome {
    let failed = ["_failure", "_blocked", "_failed"]
        .iter()
        .any(|end| told.name.to_lowercase().ends_with(end));
    match told.parameter(&["login_challenge_status"]) {
        _ if failed => Outcome::Failure,
        Some(status) if status.to_lowercase().contains("incorrect") || status.to_lowercase().contains("fail") => {
            Outcome::Failure
        }
        _ => Outcome::Success,
    }
}

/// Names that rules have for what the forms have elsewhere.
fn extra(told: &Told) -> Map<String, Value> {
    let service = format!("{}.googleapis.com", told.application);
    let mut extra: Map<String, Value> = told
        .parameters
        .iter()
        .filter_map(|(name, value)| Some((name.to_lowercase(), Value::String(plain(value)?))))
        .collect();
    for (name, value) in [
        ("eventService", service.as_str()),
        ("eventName", told.name.as_str()),
        ("protoPayload.serviceName", service.as_str()),
        ("protoPayload.Servicename", service.as_str()),
        ("protoPayload.metadata.event.eventName", told.name.as_str()),
    ] {
        extra.insert(name.to_owned(), json!(value));
    }
    extra
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::document::tests::{names, read, read_all};

    /// An activity as the Reports API documents it.
    fn activity_of(application: &str, events: &Value) -> Value {
        json!({"kind": "admin#reports#activity", "etag": "x", "ipAddress": "203.0.113.7",
            "id": {"time": "2025-04-22T09:18:00.123Z", "uniqueQualifier": "-1", "applicationName": application, "customerId": "C0"},
            "actor": {"callerType": "USER", "email": "Agent@acme.example", "profileId": "117"}, "events": events})
    }

    fn reset() -> Value {
        json!({"type": "USER_SETTINGS", "name": "CHANGE_PASSWORD", "parameters": [{"name": "USER_EMAIL", "value": "anna@acme.example"}]})
    }

    fn unenrol() -> Value {
        json!({"type": "USER_SETTINGS", "name": "UNENROLL_USER_FROM_STRONG_AUTH", "parameters": [{"name": "USER_EMAIL", "value": "anna@acme.example"}]})
    }

    #[test]
    fn one_activity_of_several_events_gives_several() {
        let events = read_all(
            json!({"kind": "admin#reports#activities", "items": [activity_of("admin", &json!([reset(), unenrol()]))]}),
        );
        let activities: Vec<Activity> = events.iter().map(|event| event.facts.activity).collect();
        assert_eq!(activities, [Activity::PasswordReset, Activity::FactorReset]);
        for event in events {
            assert_eq!(event.time.to_string(), "2025-04-22T09:18:00.123Z");
            assert_eq!(names(&event.facts.actor), ["agent@acme.example", "117"]);
            assert_eq!(names(&event.facts.target), ["anna@acme.example"]);
            assert_eq!(event.facts.address.unwrap().to_string(), "203.0.113.7");
        }
    }

    #[test]
    fn the_flattened_and_the_cloud_form_are_the_same_to_rules() {
        let setting = json!({"type": "SECURITY_SETTINGS", "name": "ENFORCE_STRONG_AUTHENTICATION", "parameters": [{"name": "NEW_VALUE", "value": "false"}, {"name": "SETTING_NAME", "value": "s"}]});
        let flat = json!({"id": {"applicationName": "admin", "time": "2025-04-22 09:18:00.123"}, "actor": {"email": "agent@acme.example"},
            "name": "ENFORCE_STRONG_AUTHENTICATION", "type": "SECURITY_SETTINGS", "parameters": {"NEW_VALUE": "false", "SETTING_NAME": "s"}});
        let cloud = json!({"logName": "organizations/1/logs/cloudaudit.googleapis.com%2Factivity", "timestamp": "2025-04-22T09:18:00.123Z", "resource": {"type": "audited_resource"},
            "protoPayload": {"@type": "type.googleapis.com/google.cloud.audit.AuditLog", "serviceName": "admin.googleapis.com",
                "authenticationInfo": {"principalEmail": "agent@acme.example"}, "requestMetadata": {"callerIp": "203.0.113.7"},
                "metadata": {"event": [{"eventName": "ENFORCE_STRONG_AUTHENTICATION", "eventType": "SECURITY_SETTINGS",
                    "parameter": [{"name": "NEW_VALUE", "value": "false"}, {"name": "SETTING_NAME", "value": "s"}]}]}}});
        for document in [activity_of("admin", &json!([setting])), flat, cloud] {
            let event = read(document);
            assert_eq!(event.logsource.service, Some("google_workspace.admin"));
            assert_eq!(event.time.to_string(), "2025-04-22T09:18:00.123Z");
            assert_eq!(event.facts.activity, Activity::DefenceChange);
            assert_eq!(names(&event.facts.actor).first(), Some(&"agent@acme.example"));
            assert_eq!(event.fields["eventService"], "admin.googleapis.com");
            assert_eq!(event.fields["eventName"], "ENFORCE_STRONG_AUTHENTICATION");
            assert_eq!(event.fields["new_value"], "false");
            assert_eq!(event.fields["setting_name"], "s");
        }
    }

    #[test]
    fn names_are_told_apart() {
        for (application, name, activity) in [
            ("login", "login_success", Activity::SignIn),
            ("login", "login_failure", Activity::SignIn),
            ("login", "login_challenge", Activity::FactorChallenge),
            ("login", "suspicious_login", Activity::Warning),
            ("login", "email_forwarding_out_of_domain", Activity::MailRule),
            ("user_accounts", "2sv_enroll", Activity::FactorEnrolment),
            ("user_accounts", "2sv_disable", Activity::FactorReset),
            ("user_accounts", "password_edit", Activity::PasswordChange),
            ("admin", "ASSIGN_ROLE", Activity::RoleGrant),
            ("admin", "AUTHORIZE_API_CLIENT_ACCESS", Activity::AccessGrant),
            ("admin", "CHANGE_SSO_SETTINGS", Activity::TrustChange),
            ("admin", "ADD_GROUP_MEMBER", Activity::GroupMemberAddition),
            ("admin", "CHANGE_APPLICATION_SETTING", Activity::PolicyChange),
            ("admin", "CREATE_USER", Activity::AccountCreation),
            ("drive", "download", Activity::FileRead),
            ("drive", "change_user_access", Activity::FileWrite),
            ("token", "authorize", Activity::AccessGrant),
            ("login", "logout", Activity::Other),
        ] {
            let event = read(activity_of(application, &json!([{"type": "t", "name": name}])));
            assert_eq!(event.facts.activity, activity, "{name}");
        }
        assert_eq!(
            read(activity_of("login", &json!([{"name": "login_failure"}])))
                .facts
                .outcome,
            Outcome::Failure
        );
    }

    #[test]
    fn values_of_every_kind_are_parameters() {
        let event = read(activity_of(
            "login",
            &json!([{"name": "login_success", "parameters": [{"name": "is_suspicious", "boolValue": true},
            {"name": "login_challenge_method", "multiValue": ["google_prompt"]}, {"name": "n", "intValue": "5"}]}]),
        ));
        assert_eq!(event.fields["is_suspicious"], "true");
        assert_eq!(event.fields["n"], "5");
        assert_eq!(event.facts.device.as_deref(), Some("google_prompt"));
    }
}
