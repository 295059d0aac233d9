//! The directory: what was read of it and what was changed in it.

use super::account::{self, SUBJECT};
use super::{View, of};
use crate::event::{Activity, Facts, Handle, HandleKind};

/// 4661, 4662: an object was read or used, 5136 to 5141: it was changed, made, undeleted, moved or deleted.
pub(super) fn facts(view: &View<'_>) -> Facts {
    let actor = account::named(view, SUBJECT);
    if matches!(view.id, 4661 | 4662) {
        return Facts {
            actor,
            // Rights of replication stand among the properties, as GUIDs.
            object: view.object(&["ObjectType", "ObjectName", "Properties"]),
            ..of(Activity::DirectoryRead)
        };
    }
    let class = view.text("ObjectClass").unwrap_or_default();
    let name = view.text("ObjectDN").or_else(|| view.text("NewObjectDN"));
    Facts {
        actor,
        target: name.map_or_else(Vec::new, |name| target(class, name)),
        object: view.object(&["ObjectDN", "AttributeLDAPDisplayName", "AttributeValue"]),
        ..of(activity(view.id, class))
    }
}

fn activity(id: u32, class: &str) -> Activity {
    match (class, id) {
        ("user" | "computer" | "inetOrgPerson" | "msDS-GroupManagedServiceAccount", 5137) => Activity::AccountCreation,
        ("user" | "computer" | "inetOrgPerson" | "msDS-GroupManagedServiceAccount", 5141) => Activity::AccountDeletion,
        ("user" | "computer" | "inetOrgPerson" | "msDS-GroupManagedServiceAccount", _) => Activity::AccountChange,
        ("group", _) => Activity::GroupChange,
        ("trustedDomain", _) => Activity::TrustChange,
        _ => Activity::PolicyChange,
    }
}

fn target(class: &str, distinguished: &str) -> Vec<Handle> {
    let kind = match class {
        "group" => HandleKind::Group,
        "user" | "inetOrgPerson" => HandleKind::DisplayName,
        "computer" => HandleKind::Host,
        _ => return Vec::new(),
    };
    let name = account::common_name(distinguished).and_then(|name| Handle::new(kind, name));
    name.into_iter().collect()
}
