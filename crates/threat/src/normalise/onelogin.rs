//! OneLogin's events, from its API and its broadcasters. What happened is a number, listed in OneLogin's documentation of event types.

use serde_json::Value;

use super::document::{self, at, first, scalar, text};
use super::{Context, DocumentSource, NotUnderstood};
use crate::event::{Activity, Event, Facts, Handle, HandleKind, Logsource, Outcome};

/// OneLogin's events.
pub(super) const SOURCE: DocumentSource = DocumentSource { is, read };

const LOGSOURCE: Logsource = Logsource {
    product: "onelogin",
    service: Some("onelogin.events"),
    category: None,
};

/// Event types by what they mean.
const ACTIVITIES: [(Activity, &[u64]); 20] = [
    (
        Activity::SignIn,
        &[
            3, 5, 6, 8, 9, 68, 69, 77, 78, 85, 86, 90, 122, 123, 129, 130, 140, 141, 153, 154, 515,
        ],
    ),
    (Activity::FactorChallenge, &[105, 527, 528]),
    (Activity::PasswordReset, &[18, 145, 510, 511, 517, 518]),
    (Activity::PasswordChange, &[10, 11]),
    (Activity::FactorReset, &[24, 36, 172]),
    (Activity::FactorEnrolment, &[22, 40, 170]),
    (Activity::AccountCreation, &[13, 33, 48, 115, 533]),
    (Activity::AccountDeletion, &[17, 28, 530]),
    (
        Activity::AccountState,
        &[12, 15, 16, 19, 21, 32, 120, 531, 532, 551, 553],
    ),
    (Activity::AccountChange, &[14, 110, 173, 512, 529]),
    (Activity::RoleGrant, &[4, 72, 147, 149, 151, 513]),
    (Activity::AccessGrant, &[1, 34, 70, 137, 177, 179, 181, 206]),
    (
        Activity::TrustChange,
        &[74, 75, 76, 112, 119, 126, 127, 161, 162, 163, 175, 176, 198, 199],
    ),
    (
        Activity::PolicyChange,
        &[
            156, 157, 158, 164, 165, 166, 171, 174, 183, 184, 185, 189, 190, 191, 192, 193, 197,
        ],
    ),
    (Activity::FileRead, &[87, 240, 208]),
    (Activity::FileWrite, &[88]),
    (Activity::FileDeletion, &[89]),
    (Activity::DirectoryRead, &[501, 502, 503]),
    (Activity::DeviceEnrolment, &[27]),
    (Activity::Warning, &[20, 35, 128]),
];

/// Types that tell of a failure.
const FAILURES: [u64; 24] = [
    6, 9, 49, 69, 77, 85, 86, 90, 105, 111, 116, 123, 129, 138, 141, 154, 401, 517, 518, 522, 524, 526, 527, 534,
];

fn is(document: &Value) -> bool {
    document.get("event_type_id").is_some()
        && ["user_id", "user_name", "actor_user_id", "account_id", "actor_system"]
            .iter()
            .any(|name| document.get(name).is_some())
}

fn read(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let time = document::time(&document, &["created_at", "event_timestamp"], &context)?;
    let kind = kind(&document);
    let mut activity = kind.map_or(Activity::Other, activity);
    let (actor, target) = (who(&document, "actor_user"), who(&document, "user"));
    if activity == Activity::PasswordChange && !actor.is_empty() && !target.is_empty() && actor != target {
        activity = Activity::PasswordReset;
    }
    let same = actor.is_empty() || actor == target;
    let signs_in = matches!(activity, Activity::SignIn | Activity::FactorChallenge);
    let facts = Facts {
        activity,
        outcome: match kind {
            Some(kind) if FAILURES.contains(&kind) => Outcome::Failure,
            Some(_) => Outcome::Success,
            None => Outcome::Unknown,
        },
        actor: if actor.is_empty() { target.clone() } else { actor },
        // Who signs in does it to nobody else.
        target: if same && signs_in { Vec::new() } else { target },
        address: first(&document, &["ipaddr", "proxy_ip"]).and_then(document::address),
        device: first(&document, &["otp_device_name", "user_agent"]).map(str::to_owned),
        object: first(
            &document,
            &[
                "privilege_name",
                "role_name",
                "app_name",
                "trusted_idp_name",
                "policy_name",
                "group_name",
            ],
        )
        .map(str::to_owned),
        ..Facts::default()
    };
    Ok(context.event(time, LOGSOURCE, document, facts))
}

fn kind(document: &Value) -> Option<u64> {
    let kind = at(document, "event_type_id")?;
    kind.as_u64().or_else(|| kind.as_str()?.trim().parse().ok())
}

fn activity(kind: u64) -> Activity {
    ACTIVITIES
        .iter()
        .find(|(_, kinds)| kinds.contains(&kind))
        .map_or(Activity::Other, |(activity, _)| *activity)
}

/// The account that fields of this beginning name.
fn who(document: &Value, begin: &str) -> Vec<Handle> {
    let name = text(document, &format!("{begin}_name"));
    let login = if begin == "user" {
        first(document, &["login_name", "user_email"])
    } else {
        None
    };
    // The numbers are small, and those of other services' people may be the same.
    let number = scalar(document, &format!("{begin}_id")).map(|number| format!("onelogin:{number}"));
    document::handles(&[
        (name.map_or(HandleKind::DisplayName, document::kind_of_person), name),
        (login.map_or(HandleKind::Mail, document::kind_of_person), login),
        (HandleKind::ProviderId, number.as_deref()),
    ])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::normalise::document::tests::{names, read, read_all};

    fn event(kind: &Value) -> Value {
        json!({"id": 1, "created_at": "2025-04-22T09:18:00.000Z", "account_id": 9, "event_type_id": kind, "user_id": 2, "user_name": "Anna Berg",
            "actor_user_id": 3, "actor_user_name": "Help Desk", "ipaddr": "203.0.113.7", "notes": null, "otp_device_name": "Protect"})
    }

    #[test]
    fn types_are_told_apart_whether_numbers_or_texts() {
        for (kind, activity, outcome) in [
            (json!(5), Activity::SignIn, Outcome::Success),
            (json!("6"), Activity::SignIn, Outcome::Failure),
            (json!(11), Activity::PasswordReset, Outcome::Success),
            (json!(511), Activity::PasswordReset, Outcome::Success),
            (json!(24), Activity::FactorReset, Outcome::Success),
            (json!(22), Activity::FactorEnrolment, Outcome::Success),
            (json!(74), Activity::TrustChange, Outcome::Success),
            (json!(72), Activity::RoleGrant, Outcome::Success),
            (json!(179), Activity::AccessGrant, Outcome::Success),
            (json!(531), Activity::AccountState, Outcome::Success),
            (json!(26), Activity::Other, Outcome::Success),
            (json!("x"), Activity::Other, Outcome::Unknown),
        ] {
            let facts = read(event(&kind)).facts;
            assert_eq!((facts.activity, facts.outcome), (activity, outcome), "{kind}");
            assert_eq!(names(&facts.actor), ["help desk", "onelogin:3"]);
            assert_eq!(names(&facts.target), ["anna berg", "onelogin:2"]);
        }
    }

    #[test]
    fn the_own_password_is_changed_and_not_reset() {
        let mut own = event(&json!(11));
        own["actor_user_id"] = json!(2);
        own["actor_user_name"] = json!("Anna Berg");
        assert_eq!(read(own).facts.activity, Activity::PasswordChange);
    }

    #[test]
    fn pages_of_the_interface_and_lists_of_broadcasters_are_unwrapped() {
        assert_eq!(
            read_all(
                json!({"status": {"error": false}, "pagination": {}, "data": [event(&json!(5)), event(&json!(6))]})
            )
            .len(),
            2
        );
        assert_eq!(read_all(json!([event(&json!(5))])).len(), 1);
    }
}
