//! Okta's System Log, as its API gives it: `GET /api/v1/logs`, event hooks, log streaming, and the same with its top level in lower case.

use serde_json::{Map, Value};

use super::document::{self, Activities, at, elements, first, scalar, text};
use super::{Context, DocumentSource, NotUnderstood};
use crate::event::{Activity, Event, Facts, Handle, HandleKind, Logsource, Outcome, Place};

/// Okta's System Log.
pub(super) const SOURCE: DocumentSource = DocumentSource { is, read };

const LOGSOURCE: Logsource = Logsource {
    product: "okta",
    service: Some("okta"),
    category: None,
};

/// The top level as Okta writes it; some shippers write it in lower case.
const NAMES: [&str; 16] = [
    "actor",
    "client",
    "device",
    "authenticationContext",
    "displayMessage",
    "eventType",
    "outcome",
    "published",
    "securityContext",
    "severity",
    "debugContext",
    "legacyEventType",
    "transaction",
    "uuid",
    "request",
    "target",
];

/// What rules written for the lower-case form look for, and where that is.
const LOWER_CASE: [(&str, &str); 7] = [
    ("eventtype", "eventType"),
    ("legacyeventtype", "legacyEventType"),
    ("displaymessage", "displayMessage"),
    ("securitycontext.isproxy", "securityContext.isProxy"),
    ("debugcontext.debugdata.requesturi", "debugContext.debugData.requestUri"),
    ("debugcontext.debugdata.behaviors", "debugContext.debugData.behaviors"),
    (
        "debugcontext.debugdata.logonlysecuritydata",
        "debugContext.debugData.logOnlySecurityData",
    ),
];

const ACTIVITIES: Activities = &[
    (
        Activity::FactorChallenge,
        "user.authentication.auth_via_mfa, user.mfa.okta_verify*, \
         user.mfa.attempt_bypass, user.mfa.factor.verify, system.push.send_factor_verify_push, \
         system.sms.send_factor_verify_message, system.voice.send_mfa_challenge_call, \
         system.email.send_factor_verify_message",
    ),
    (
        Activity::SignIn,
        "user.session.start, user.authentication.sso, user.authentication.auth*, \
         user.authentication.verify, user.session.access_admin_app, user.account.access_super_user_app, \
         app.oauth2.signon, policy.evaluate_sign_on, app.generic.unauth_app_access_attempt, \
         application.policy.sign_on.deny_access, user.session.impersonation.initiate, \
         user.authentication.dsso*",
    ),
    (
        Activity::PasswordReset,
        "user.account.reset_password, user.account.update_password, \
         user.account.expire_password",
    ),
    (
        Activity::FactorReset,
        "user.mfa.factor.deactivate, user.mfa.factor.reset_all, \
         user.mfa.factor.suspend, credential.revoke",
    ),
    (
        Activity::FactorEnrolment,
        "user.mfa.factor.activate, user.mfa.factor.update, \
         user.mfa.factor.unsuspend, credential.register, user.account.generate_one_time_code",
    ),
    (
        Activity::DeviceEnrolment,
        "device.enrollment.create, device.user.add, device.lifecycle.activate",
    ),
    (Activity::AccountCreation, "user.lifecycle.create"),
    (Activity::AccountDeletion, "user.lifecycle.delete*"),
    (
        Activity::AccountState,
        "user.lifecycle.*, user.account.lock*, user.account.unlock*",
    ),
    (
        Activity::RoleGrant,
        "user.account.privilege.grant, group.privilege.grant, \
         iam.resourceset.bindings.add",
    ),
    (
        Activity::AccountChange,
        "user.account.update_*, user.account.privilege.revoke, \
         group.privilege.revoke",
    ),
    (
        Activity::GroupMemberAddition,
        "group.user_membership.add, group.application_assignment.add",
    ),
    (
        Activity::GroupMemberRemoval,
        "group.user_membership.remove, group.application_assignment.remove",
    ),
    (Activity::GroupChange, "group.lifecycle.*, group.profile.update"),
    (
        Activity::TrustChange,
        "system.idp.lifecycle.*, system.idp.key.*, org.domain.*, \
         system.custom_url_domain.*, pki.*, security.trusted_origin.*, system.agent.ad.*, \
         system.org.partner.*, support.org.update",
    ),
    (
        Activity::AccessGrant,
        "system.api_token.create, app.oauth2.as.consent.grant*, \
         app.oauth2.consent.grant*, app.oauth2.client.lifecycle.create, \
         app.oauth2.client.lifecycle.update, oauth2.scope.created, application.user_membership.add, \
         user.session.impersonation.grant, user.session.impersonation.extend, \
         app.oauth2.admin.consent.grant*",
    ),
    (
        Activity::LogClearing,
        "system.log_stream.lifecycle.deactivate, \
         system.log_stream.lifecycle.delete, event_hook.deactivated, event_hook.deleted",
    ),
    (
        Activity::DefenceChange,
        "security.authenticator.lifecycle.deactivate, zone.deactivate, \
         zone.delete, security.events.provider.deactivate",
    ),
    (
        Activity::PolicyChange,
        "policy.lifecycle.*, policy.rule.*, application.policy.*, zone.*, \
         security.authenticator.*, security.threat.configuration.*, application.lifecycle.*, iam.role.*, \
         iam.resourceset.*, system.feature.*, app.saml.*, oauth2.as.*",
    ),
    (
        Activity::Warning,
        "security.threat.detected, security.attack.*, \
         security.breached_credential.detected, security.request.blocked, \
         user.account.report_suspicious_activity_by_enduser, user.risk.*, app.oauth2.token.detect_reuse, \
         app.token.reuse, policy.auth_reevaluate.fail, policy.entity_risk.*",
    ),
    (
        Activity::FileRead,
        "application.user_membership.show_password, \
         app.oauth2.client.read_client_secret, system.idp.lifecycle.read_client_secret, \
         analytics.reports.export.download, app.audit_report.download, pam.secret.reveal, \
         pam.service_account.password.reveal",
    ),
];

/// What Okta itself calls a success, but is the refusal that the event's name tells of.
const REFUSALS: [&str; 4] = [
    "deny_push",
    "unauth_app_access_attempt",
    "deny_access",
    "deny_push_upgrade_needed",
];

fn is(document: &Value) -> bool {
    let Some(kind) = document
        .get("eventType")
        .or_else(|| document.get("eventtype"))
        .and_then(Value::as_str)
    else {
        return false;
    };
    // CloudTrail's `eventType` has no dots.
    kind.contains('.')
        && [
            "published",
            "outcome",
            "legacyEventType",
            "legacyeventtype",
            "displayMessage",
            "actor",
        ]
        .iter()
        .any(|name| document.get(name).is_some())
}

fn read(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let Value::Object(mut object) = document else {
        return Err(super::unknown());
    };
    document::respell(&mut object, &NAMES);
    let document = Value::Object(object);
    let time = document::time(&document, &["published"], &context)?;
    let facts = facts(&document);
    Ok(context.event(time, LOGSOURCE, fields(document), facts))
}

fn facts(document: &Value) -> Facts {
    let kind = text(document, "eventType").unwrap_or_default();
    let actor = at(document, "actor").map(handles).unwrap_or_default();
    let targets = elements(document, "target");
    let mut activity = document::activity(ACTIVITIES, kind);
    // Who signs in to an application is a target too, by the name that the application knows.
    let signs_in = matches!(activity, Activity::SignIn | Activity::FactorChallenge);
    let person = targets.iter().find(|target| is_person(target, signs_in));
    let group = targets.iter().find(|target| text(target, "type") == Some("UserGroup"));
    let target = match (person, group) {
        (Some(person), _) => handles(person),
        (None, Some(group)) => document::handles(&[(HandleKind::Group, first(group, &["displayName", "alternateId"]))]),
        (None, None) => Vec::new(),
    };
    if activity == Activity::PasswordReset && is_same(&actor, &target) {
        activity = Activity::PasswordChange;
    }
    Facts {
        activity,
        outcome: outcome(document, kind),
        actor,
        target,
        machine: Vec::new(),
        address: text(document, "client.ipAddress").and_then(document::address),
        device: first(
            document,
            &["device.name", "client.userAgent.rawUserAgent", "client.device"],
        )
        .map(str::to_owned),
        place: place(document),
        object: object(document, activity, targets),
    }
}

/// Whether two lists name the same account.
fn is_same(actor: &[Handle], target: &[Handle]) -> bool {
    actor
        .iter()
        .any(|handle| handle.kind != HandleKind::DisplayName && target.contains(handle))
}

fn is_person(target: &Value, of_okta_alone: bool) -> bool {
    match text(target, "type") {
        Some("User") => true,
        Some("AppUser") => !of_okta_alone,
        _ => false,
    }
}

fn handles(who: &Value) -> Vec<Handle> {
    // Of a threat that has no account, the address stands in all places.
    let says = |name: &&str| *name != "unknown" && document::address(name).is_none();
    let alternate = text(who, "alternateId").filter(says);
    document::handles(&[
        document::by_form(alternate),
        (HandleKind::ProviderId, text(who, "id").filter(says)),
        (HandleKind::DisplayName, text(who, "displayName").filter(says)),
    ])
}

fn outcome(document: &Value, kind: &str) -> Outcome {
    if REFUSALS.iter().any(|refusal| kind.ends_with(refusal)) {
        return Outcome::Failure;
    }
    match text(document, "outcome.result") {
        Some("SUCCESS" | "ALLOW") => Outcome::Success,
        Some("FAILURE" | "DENY" | "UNANSWERED" | "ABANDONED" | "RATE_LIMIT") => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

fn place(document: &Value) -> Place {
    let told = at(document, "client.geographicalContext").unwrap_or(&Value::Null);
    let place = document::place(
        text(told, "country"),
        text(told, "city"),
        at(told, "geolocation.lat"),
        at(told, "geolocation.lon"),
    );
    let number = scalar(document, "securityContext.asNumber").filter(|number| number != "0");
    Place {
        network: number
            .map(|number| format!("AS{number}"))
            .or_else(|| text(document, "securityContext.asOrg").map(str::to_owned)),
        ..place
    }
}

/// The role, group, application or factor.
fn object(document: &Value, activity: Activity, targets: &[Value]) -> Option<String> {
    let of_type = |wanted: fn(&str) -> bool| {
        targets
            .iter()
            .find(|target| text(target, "type").is_some_and(wanted))
            .and_then(|target| first(target, &["displayName", "alternateId"]))
    };
    let found = match activity {
        Activity::RoleGrant => text(document, "debugContext.debugData.privilegeGranted")
            .or_else(|| of_type(|kind| kind.to_lowercase().contains("role"))),
        Activity::FactorReset | Activity::FactorEnrolment | Activity::FactorChallenge => first(
            document,
            &["debugContext.debugData.factor", "authenticationContext.credentialType"],
        )
        .or_else(|| of_type(|kind| kind.contains("Factor") || kind.contains("Authenticator"))),
        _ => None,
    };
    found
        .or_else(|| of_type(|kind| !matches!(kind, "User" | "AppUser")))
        .map(str::to_owned)
}

/// The record, with what rules search as text in text.
fn fields(document: Value) -> Value {
    let mut extra = Map::new();
    for name in ["behaviors", "logOnlySecurityData"] {
        let path = format!("debugContext.debugData.{name}");
        if let Some(value) = at(&document, &path).filter(|value| value.is_object() || value.is_array()) {
            extra.insert(path, Value::String(document::written(value)));
        }
    }
    for (lower, path) in LOWER_CASE {
        if let Some(value) = extra
            .get(path)
            .or_else(|| at(&document, path))
            .filter(|value| !value.is_object())
        {
            extra.insert(lower.to_owned(), value.clone());
        }
    }
    document::with(document, extra)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::normalise::document::tests::{names, read, read_all};

    /// A System Log record with the parts that Okta documents for every event.
    fn record(kind: &str, target: Value) -> Value {
        json!({
            "actor": {"id": "00uagent", "type": "User", "alternateId": "Agent@Acme.example", "displayName": "Help Desk"},
            "client": {
                "userAgent": {"rawUserAgent": "Mozilla/5.0", "os": "Windows", "browser": "CHROME"}, "device": "Computer",
                "ipAddress": "203.0.113.7", "zone": "null",
                "geographicalContext": {"city": "Leeds", "state": "England", "country": "United Kingdom", "postalCode": "LS1",
                    "geolocation": {"lat": 53.8, "lon": -1.55}}
            },
            "authenticationContext": {"authenticationStep": 0, "externalSessionId": "x"},
            "displayMessage": "shown", "eventType": kind, "outcome": {"result": "SUCCESS", "reason": null},
            "published": "2025-04-22T09:15:00.123Z",
            "securityContext": {"asNumber": 9009, "asOrg": "m247", "isp": "m247", "domain": null, "isProxy": true},
            "severity": "INFO", "debugContext": {"debugData": {"requestUri": "/api/v1/users/x", "behaviors": "{New Device=POSITIVE}"}},
            "legacyEventType": "core.x", "transaction": {"type": "WEB", "id": "x", "detail": {}}, "uuid": "x", "version": "0",
            "request": {"ipChain": []}, "target": target
        })
    }

    fn anna() -> Value {
        json!([{"id": "00uanna", "type": "User", "alternateId": "anna@acme.example", "displayName": "Anna"}])
    }

    #[test]
    fn a_help_desk_reset_names_agent_person_and_place() {
        let event = read(record("user.account.reset_password", anna()));
        assert_eq!(event.logsource, LOGSOURCE);
        assert_eq!(event.time.to_string(), "2025-04-22T09:15:00.123Z");
        assert_eq!(
            (event.facts.activity, event.facts.outcome),
            (Activity::PasswordReset, Outcome::Success)
        );
        assert_eq!(
            names(&event.facts.actor),
            ["agent@acme.example", "00uagent", "help desk"]
        );
        assert_eq!(names(&event.facts.target), ["anna@acme.example", "00uanna", "anna"]);
        assert_eq!(event.facts.address.unwrap().to_string(), "203.0.113.7");
        assert_eq!(event.facts.place.point, Some((53.8, -1.55)));
        assert_eq!(event.facts.place.network.as_deref(), Some("AS9009"));
        assert_eq!(event.facts.place.city.as_deref(), Some("Leeds"));
    }

    #[test]
    fn a_reset_of_the_own_password_is_a_change() {
        let mut own = record("user.account.reset_password", anna());
        own["actor"] = own["target"][0].clone();
        assert_eq!(read(own).facts.activity, Activity::PasswordChange);
    }

    #[test]
    fn the_chain_of_a_help_desk_attack_is_told_apart() {
        for (kind, activity) in [
            ("user.mfa.factor.reset_all", Activity::FactorReset),
            ("user.mfa.factor.deactivate", Activity::FactorReset),
            ("user.mfa.factor.activate", Activity::FactorEnrolment),
            ("device.enrollment.create", Activity::DeviceEnrolment),
            ("system.push.send_factor_verify_push", Activity::FactorChallenge),
            ("user.authentication.auth_via_mfa", Activity::FactorChallenge),
            ("user.session.start", Activity::SignIn),
            ("user.authentication.sso", Activity::SignIn),
            ("system.idp.lifecycle.create", Activity::TrustChange),
            ("user.account.privilege.grant", Activity::RoleGrant),
            ("system.api_token.create", Activity::AccessGrant),
            ("user.lifecycle.create", Activity::AccountCreation),
            ("user.lifecycle.suspend", Activity::AccountState),
            ("zone.delete", Activity::DefenceChange),
            ("policy.rule.update", Activity::PolicyChange),
            ("security.threat.detected", Activity::Warning),
            ("user.session.end", Activity::Other),
        ] {
            assert_eq!(read(record(kind, anna())).facts.activity, activity, "{kind}");
        }
    }

    #[test]
    fn a_refused_push_failed_though_recording_it_succeeded() {
        assert_eq!(
            read(record("user.mfa.okta_verify.deny_push", anna())).facts.outcome,
            Outcome::Failure
        );
    }

    #[test]
    fn the_name_that_an_application_knows_is_no_target_of_a_sign_in() {
        let target = json!([{"id": "0oa", "type": "AppInstance", "displayName": "vCenter"}, {"id": "0ua", "type": "AppUser", "alternateId": "anna@acme.example"}]);
        let facts = read(record("user.authentication.sso", target.clone())).facts;
        assert_eq!((facts.target, facts.object.as_deref()), (Vec::new(), Some("vCenter")));
        assert_eq!(
            names(&read(record("application.user_membership.add", target)).facts.target),
            ["anna@acme.example", "0ua"]
        );
    }

    #[test]
    fn a_role_is_the_object_and_a_group_can_be_the_target() {
        let mut grant = record(
            "group.privilege.grant",
            json!([{"type": "UserGroup", "displayName": "Desk", "id": "00g"}]),
        );
        grant["debugContext"]["debugData"]["privilegeGranted"] = json!("Super administrator");
        let facts = read(grant).facts;
        assert_eq!(facts.object.as_deref(), Some("Super administrator"));
        assert_eq!(names(&facts.target), ["desk"]);
    }

    #[test]
    fn lower_case_records_have_the_same_fields_and_rules_of_both_spellings_find_them() {
        let mut lower = record("user.session.start", json!([]));
        let object = lower.as_object_mut().unwrap();
        for name in [
            "eventType",
            "securityContext",
            "debugContext",
            "legacyEventType",
            "displayMessage",
        ] {
            let value = object.remove(name).unwrap();
            object.insert(name.to_lowercase(), value);
        }
        let event = read(lower);
        let fields = event.fields.as_object().unwrap();
        assert_eq!(fields["eventType"], "user.session.start");
        assert_eq!(fields["eventtype"], "user.session.start");
        assert_eq!(at(&event.fields, "securityContext.isProxy"), Some(&json!(true)));
        assert_eq!(fields["securitycontext.isproxy"], json!(true));
        assert_eq!(event.facts.place.network.as_deref(), Some("AS9009"));
    }

    #[test]
    fn behaviours_given_as_an_object_are_searched_as_text() {
        let mut record = record("policy.evaluate_sign_on", json!([]));
        record["debugContext"]["debugData"]["behaviors"] = json!({"New Device": "POSITIVE"});
        let event = read(record);
        assert_eq!(
            event.fields["debugContext.debugData.behaviors"],
            "{\"New Device\":\"POSITIVE\"}"
        );
    }

    #[test]
    fn hooks_and_streams_are_unwrapped() {
        let hook = json!({"eventType": "com.okta.event_hook", "source": "https://acme.okta.com", "eventTypeVersion": "1.0",
            "data": {"events": [record("user.session.start", json!([])), record("user.session.end", json!([]))]}});
        assert_eq!(read_all(hook).len(), 2);
        let stream = json!({"version": "0", "detail-type": "SystemLog", "source": "aws.partner/okta.com/acme/1", "time": "x",
            "detail": record("user.session.start", json!([]))});
        assert_eq!(read(stream).facts.activity, Activity::SignIn);
    }
}
