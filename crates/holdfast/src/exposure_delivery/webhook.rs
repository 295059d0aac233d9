//! Messages to the webhook: what happened, in numbers; never an address.

use exposure::Error;
use exposure::ledger::{About, Ledger, Outgoing};
use serde_json::{Value, json};

use crate::webhook::host;

/// The version of the messages' form, as that of the guards' messages.
const VERSION: u32 = 1;

/// The body of a message; `None` if what it is about is gone.
pub(super) fn body(ledger: &Ledger, message: &Outgoing) -> Result<Option<String>, Error> {
    let detail: Value = serde_json::from_str(&message.detail).unwrap_or_default();
    let fields = match &message.about {
        About::BreachWebhook { breach } => ledger.breach_numbered(*breach)?.map(|breach| {
            json!({
                "kind": "breach",
                "severity": "warning",
                "message": format!("a breach was loaded: {}", breach.title),
                "breach": breach,
                "notices": detail.get("watches"),
                "domains": detail.get("domains"),
            })
        }),
        About::PostWebhook { post } => ledger.seen_post(post)?.map(|seen| {
            json!({
                "kind": "leak-site-post",
                "severity": "critical",
                "message": format!("a leak site may name us: {}", seen.post.title),
                "post": seen.post,
                "source": seen.source,
                "matches": detail,
            })
        }),
        _ => None,
    };
    Ok(fields.map(|mut fields| {
        if let Some(object) = fields.as_object_mut() {
            object.insert("version".to_owned(), VERSION.into());
            // The same each time that it is tried: one that arrives twice is known by it.
            object.insert(
                "id".to_owned(),
                format!("exposure-{}-{}", message.id, message.created).into(),
            );
            object.insert("time".to_owned(), time(message.created).into());
            object.insert("host".to_owned(), host().into());
        }
        fields.to_string()
    }))
}

fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |time| time.to_string())
}
