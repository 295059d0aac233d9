//! Duo: authentications, what administrators did, and the activity log that has both.

use serde_json::{Map, Value};

use super::document::{self, Activities, at, first, text};
use super::{Context, DocumentSource, NotUnderstood};
use crate::event::{Activity, Event, Facts, Handle, HandleKind, Logsource, Outcome};

/// The authentication log.
pub(super) const AUTHENTICATION: DocumentSource = DocumentSource {
    is: is_authentication,
    read: read_authentication,
};
/// The administrator log.
pub(super) const ADMINISTRATION: DocumentSource = DocumentSource {
    is: is_administration,
    read: read_administration,
};
/// The activity log of the newer interface.
pub(super) const ACTIVITY: DocumentSource = DocumentSource {
    is: is_activity,
    read: read_activity,
};

const LOGSOURCE: Logsource = Logsource {
    product: "cisco",
    service: Some("duo"),
    category: None,
};

const ACTIVITIES: Activities = &[
    (
        Activity::FactorEnrolment,
        "bypass_create, *phone_create, *phone_associate, *phone_activation*, \
         *hardtoken_create, hardtoken_associate, *webauthncredential_create, \
         *webauthncredential_register, *u2ftoken_create, *u2f_create, *verification_push_create, \
         user_send_enroll*, *enroll*, desktop_authenticator_create, *mobile_activation*",
    ),
    (
        Activity::FactorReset,
        "*phone_delete, *phone_disassociate, *hardtoken_delete, \
         hardtoken_disassociate, *webauthncredential_delete, *u2ftoken_delete, bypass_delete",
    ),
    (
        Activity::FileRead,
        "bypass_view, *_skey_view, *skey_bulk_view, log_export*, *report_export*",
    ),
    (Activity::PasswordReset, "admin_reset_password, admin_password_reset*"),
    (Activity::SignIn, "admin_login, admin_login_error, admin_login_success"),
    (
        Activity::FactorChallenge,
        "admin_2fa_error, user_verification*, admin_push*",
    ),
    (
        Activity::AccountCreation,
        "user_create, admin_create, user_import, user_bulk_create",
    ),
    (
        Activity::AccountDeletion,
        "user_delete, admin_delete, user_bulk_delete, user_pending_delete",
    ),
    (
        Activity::AccountState,
        "admin_lockout, user_lock*, user_unlock*, admin_unlock*, \
         admin_self_activate, admin_activate*, user_restore, deregister*",
    ),
    (
        Activity::TrustChange,
        "*single_sign_on*, *saml*, *idp*, azure_directory_*, ad_sync*, \
         *directory_create, *directory_update, *authentication_source*, *permitted_domains*",
    ),
    (
        Activity::AccessGrant,
        "integration_create, *_skey_regenerate, integration_group_policy_add",
    ),
    (
        Activity::PolicyChange,
        "*policy*, *factor_restrictions*, integration_*, *settings*, \
         *_update_global*, customize*, feature_*, trusted_endpoints*",
    ),
    (Activity::GroupChange, "group_*, admin_unit*"),
    (
        Activity::AccountChange,
        "user_update, admin_update, user_adminunit*, *user_bulk*",
    ),
    (Activity::Warning, "trust_monitor*, *fraud*"),
];

fn is_authentication(document: &Value) -> bool {
    document.get("event_type").is_some_and(Value::is_string)
        && ["access_device", "auth_device", "txid"]
            .iter()
            .any(|name| document.get(name).is_some())
        && (document.get("factor").is_some() || document.get("result").is_some())
}

fn is_administration(document: &Value) -> bool {
    let Some(action) = document.get("action").and_then(Value::as_str) else {
        return false;
    };
    // Many logs have an action, a description and a name; without Duo's own name of the time, the action must be one of its.
    document.get("description").is_some()
        && document.get("username").is_some()
        && (document.get("isotimestamp").is_some()
            || document.get("timestamp").is_some() && document::activity(ACTIVITIES, action) != Activity::Other)
}

fn is_activity(document: &Value) -> bool {
    document.get("activity_id").is_some()
        && action(document).is_some()
        && document.get("actor").is_some_and(Value::is_object)
}

fn read_authentication(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let time = document::time(&document, &["isotimestamp", "timestamp"], &context)?;
    let enrols = text(&document, "event_type") == Some("enrollment");
    let place = document::place(
        first(&document, &["access_device.location.country"]),
        first(&document, &["access_device.location.city"]),
        None,
        None,
    );
    let facts = Facts {
        activity: if enrols {
            Activity::FactorEnrolment
        } else {
            Activity::FactorChallenge
        },
        outcome: match text(&document, "result") {
            Some("success" | "SUCCESS") => Outcome::Success,
            Some(_) => Outcome::Failure,
            None => Outcome::Unknown,
        },
        actor: person(&document),
        address: text(&document, "access_device.ip").and_then(document::address),
        device: first(&document, &["factor", "auth_device.name"]).map(str::to_owned),
        place,
        object: text(&document, "application.name").map(str::to_owned),
        ..Facts::default()
    };
    Ok(context.event(time, LOGSOURCE, document, facts))
}

fn person(document: &Value) -> Vec<Handle> {
    let name = text(document, "user.name").or_else(|| text(document, "username"));
    document::handles(&[
        document::by_form(name),
        (HandleKind::Mail, text(document, "email")),
        (HandleKind::ProviderId, text(document, "user.key")),
    ])
}

fn read_administration(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let time = document::time(&document, &["isotimestamp", "timestamp"], &context)?;
    let action = text(&document, "action").unwrap_or_default();
    let details = text(&document, "description")
        .and_then(document::json)
        .unwrap_or_default();
    let mut activity = document::activity(ACTIVITIES, action);
    if action == "user_update" && text(&details, "status").is_some_and(|status| status.eq_ignore_ascii_case("bypass")) {
        // From now on the user is let in without any factor.
        activity = Activity::FactorReset;
    }
    if action == "admin_2fa_error" && text(&details, "error").is_some_and(|error| error.contains("fraud")) {
        activity = Activity::Warning;
    }
    let target = text(&document, "object").filter(|_| is_about_account(action));
    let facts = Facts {
        activity,
        outcome: if action.ends_with("_error") {
            Outcome::Failure
        } else {
            Outcome::Success
        },
        actor: administrator(
            text(&document, "username"),
            text(&details, "email").filter(|_| action.starts_with("admin_login") || action == "admin_2fa_error"),
        ),
        target: account_named(target, text(&details, "email").filter(|_| action == "admin_create")),
        address: text(&details, "ip_address").and_then(document::address),
        device: first(&details, &["factor", "device"]).map(str::to_owned),
        object: first(&details, &["role", "name", "raw_type"])
            .or_else(|| text(&document, "object"))
            .map(str::to_owned),
        ..Facts::default()
    };
    Ok(context.event(time, LOGSOURCE, with_details(document, details), facts))
}

/// Whether the object of an action is the name of an account.
fn is_about_account(action: &str) -> bool {
    ["user_", "bypass_", "admin_", "phone_", "hardtoken_"]
        .iter()
        .any(|begin| action.starts_with(begin))
}

/// Administrators are known by the name that is displayed, or by a mail address.
fn administrator(name: Option<&str>, mail: Option<&str>) -> Vec<Handle> {
    let kind = |name: &str| {
        if name.contains('@') {
            HandleKind::Mail
        } else {
            HandleKind::DisplayName
        }
    };
    document::handles(&[
        (name.map_or(HandleKind::DisplayName, kind), name),
        (HandleKind::Mail, mail),
    ])
}

fn account_named(name: Option<&str>, mail: Option<&str>) -> Vec<Handle> {
    let kind = name.map_or(HandleKind::User, document::kind_of_person);
    document::handles(&[(kind, name), (HandleKind::Mail, mail)])
}

/// The record with what its description says as fields too.
fn with_details(document: Value, details: Value) -> Value {
    match document {
        Value::Object(mut object) => {
            if details.is_object() {
                let text = object.get("description").cloned();
                document::flatten("description", details, &mut object);
                object.extend(text.map(|text| ("description".to_owned(), text)));
            }
            Value::Object(object)
        }
        other => other,
    }
}

fn action(document: &Value) -> Option<&str> {
    first(document, &["action.name", "action"])
}

fn read_activity(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let time = document::time(&document, &["ts", "isotimestamp", "timestamp"], &context)?;
    let name = action(&document).unwrap_or_default().to_owned();
    let of = |who: &str| {
        let who = at(&document, who).unwrap_or(&Value::Null);
        let name = text(who, "name");
        document::handles(&[
            (
                name.map_or(HandleKind::User, |name| {
                    if name.contains(' ') {
                        HandleKind::DisplayName
                    } else {
                        document::kind_of_account(name)
                    }
                }),
                name,
            ),
            (HandleKind::Mail, first(who, &["email", "details.email"])),
            (HandleKind::ProviderId, text(who, "key")),
        ])
    };
    let about_account =
        text(&document, "target.type").is_some_and(|kind| kind.contains("user") || kind.contains("admin"));
    let facts = Facts {
        activity: document::activity(ACTIVITIES, &name),
        outcome: if name.ends_with("_error") {
            Outcome::Failure
        } else {
            Outcome::Success
        },
        actor: of("actor"),
        target: if about_account { of("target") } else { Vec::new() },
        address: first(&document, &["access_device.ip.address", "access_device.ip"]).and_then(document::address),
        device: first(&document, &["access_device.browser"]).map(str::to_owned),
        place: document::place(
            text(&document, "access_device.location.country"),
            text(&document, "access_device.location.city"),
            None,
            None,
        ),
        object: first(&document, &["target.name", "application.name"]).map(str::to_owned),
        ..Facts::default()
    };
    let mut extra = Map::new();
    extra.insert("action".to_owned(), Value::String(name));
    let fields = document::with(document, extra);
    Ok(context.event(time, LOGSOURCE, fields, facts))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::normalise::document::tests::{names, read, read_all};

    /// A record of the authentication log as Duo documents it.
    fn authentication(result: &str, reason: &str) -> Value {
        json!({"access_device": {"browser": "Chrome", "hostname": null, "ip": "203.0.113.7", "location": {"city": "Leeds", "country": "United Kingdom", "state": "England"}},
            "alias": "", "application": {"key": "DIY231", "name": "VPN"}, "auth_device": {"ip": "198.51.100.4", "name": "+44 20 0000"}, "email": "anna@acme.example",
            "event_type": "authentication", "factor": "duo_push", "isotimestamp": "2025-04-22T09:18:00.123456+00:00", "timestamp": 1_745_313_480, "reason": reason,
            "result": result, "txid": "x", "user": {"groups": [], "key": "DU3KC", "name": "anna"}})
    }

    #[test]
    fn pushes_that_were_approved_denied_or_bypassed() {
        for (result, reason, outcome) in [
            ("success", "user_approved", Outcome::Success),
            ("denied", "no_response", Outcome::Failure),
            ("fraud", "user_marked_fraud", Outcome::Failure),
            ("success", "bypass_user", Outcome::Success),
        ] {
            let event = read(authentication(result, reason));
            assert_eq!(event.logsource, LOGSOURCE);
            assert_eq!(
                (event.facts.activity, event.facts.outcome),
                (Activity::FactorChallenge, outcome),
                "{reason}"
            );
            assert_eq!(names(&event.facts.actor), ["anna", "anna@acme.example", "DU3KC"]);
            assert_eq!(event.facts.place.city.as_deref(), Some("Leeds"));
            assert_eq!(event.facts.device.as_deref(), Some("duo_push"));
            assert_eq!(event.fields["reason"], reason);
        }
        let mut enrolment = authentication("success", "");
        enrolment["event_type"] = json!("enrollment");
        assert_eq!(read(enrolment).facts.activity, Activity::FactorEnrolment);
    }

    #[test]
    fn an_administrator_makes_a_bypass_code_for_somebody() {
        let event = read(
            json!({"action": "bypass_create", "description": "{\"count\": 1, \"remaining_uses\": 1, \"user_id\": \"D12345\"}",
            "isotimestamp": "2022-12-14 21:17:54", "object": "anna@acme.example", "timestamp": "2022-12-14 21:17:54", "username": "Help Desk"}),
        );
        assert_eq!(event.facts.activity, Activity::FactorEnrolment);
        assert_eq!(
            event.facts.actor,
            [Handle {
                kind: HandleKind::DisplayName,
                name: "help desk".to_owned()
            }]
        );
        assert_eq!(names(&event.facts.target), ["anna@acme.example"]);
        assert_eq!(event.fields["description.remaining_uses"], 1);
        assert!(event.fields["description"].as_str().unwrap().starts_with('{'));
    }

    #[test]
    fn actions_of_administrators_are_told_apart() {
        for (action, description, activity) in [
            ("admin_login", "{\"ip_address\": \"203.0.113.7\"}", Activity::SignIn),
            (
                "admin_create",
                "{\"email\": \"new@acme.example\", \"role\": \"Owner\"}",
                Activity::AccountCreation,
            ),
            ("user_update", "{\"status\": \"Bypass\"}", Activity::FactorReset),
            ("user_update", "{\"phones\": \"\"}", Activity::AccountChange),
            ("phone_associate", "{}", Activity::FactorEnrolment),
            ("admin_single_sign_on_update", "{}", Activity::TrustChange),
            ("update_admin_factor_restrictions", "{}", Activity::PolicyChange),
            ("integration_create", "{}", Activity::AccessGrant),
            (
                "admin_2fa_error",
                "{\"error\": \"Login request reported as fraudulent.\"}",
                Activity::Warning,
            ),
        ] {
            let facts = read(json!({"action": action, "description": description, "timestamp": 1_745_313_480, "object": "x", "username": "Help Desk"})).facts;
            assert_eq!(facts.activity, activity, "{action}");
        }
    }

    #[test]
    fn answers_of_the_interface_and_the_newer_log_are_read() {
        assert_eq!(read_all(json!({"stat": "OK", "response": {"authlogs": [authentication("success", "user_approved")], "metadata": {}}})).len(), 1);
        // Built from Duo's documentation of the activity log.
        let activity = json!({"activity_id": "a", "action": {"name": "phone_create", "details": null}, "actor": {"name": "Help Desk", "key": "DE1", "type": "admin"},
            "target": {"name": "anna", "key": "DU1", "type": "user"}, "access_device": {"ip": {"address": "203.0.113.7"}}, "ts": "2025-04-22T09:18:00+00:00"});
        let event = read(json!({"stat": "OK", "response": {"items": [activity]}}));
        assert_eq!(event.facts.activity, Activity::FactorEnrolment);
        assert_eq!(names(&event.facts.target), ["anna", "DU1"]);
        assert_eq!(event.facts.address.unwrap().to_string(), "203.0.113.7");
        assert_eq!(event.fields["action"], "phone_create");
    }
}
