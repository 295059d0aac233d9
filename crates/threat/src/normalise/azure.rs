//! What the logs of Azure and Entra have in common. The same record comes from a diagnostic setting (an envelope with `properties`), from the
//! Graph API (the properties alone, in camel case) and from Log Analytics (columns in Pascal case, objects kept as JSON in a text).

use serde_json::{Map, Value};

use super::document::{self, at, first, scalar, text};
use crate::event::{Handle, HandleKind, Outcome, Place};

/// Columns and members that hold JSON as text in some of the forms.
const FOLDED: [&str; 15] = [
    "properties",
    "initiatedBy",
    "targetResources",
    "additionalDetails",
    "locationDetails",
    "location",
    "deviceDetail",
    "status",
    "authenticationDetails",
    "identity",
    "authorization",
    "claims",
    "networkLocationDetails",
    "httpRequest",
    "modifiedProperties",
];

/// A record, whichever form it had.
pub(super) struct AzureRecord {
    /// The record with what lies in `properties` on its own level too.
    document: Value,
}

impl AzureRecord {
    /// Reads what is folded into text, and lifts the properties to the envelope's level, where they come before what the envelope says.
    pub(super) fn new(document: Value) -> Option<Self> {
        let Value::Object(mut object) = document else {
            return None;
        };
        document::unfold(&mut object, &FOLDED);
        let lifted = match object.get("properties") {
            Some(Value::Object(properties)) => properties.clone(),
            _ => Map::new(),
        };
        for (name, value) in lifted {
            if !value.is_null() && value.as_str() != Some("") {
                object.insert(name, value);
            }
        }
        Some(Self {
            document: Value::Object(object),
        })
    }

    pub(super) const fn document(&self) -> &Value {
        &self.document
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        text(&self.document, path)
    }

    pub(super) fn first(&self, paths: &[&str]) -> Option<&str> {
        first(&self.document, paths)
    }

    /// Where the address is. Log Analytics has the country alone under the name that elsewhere has all.
    pub(super) fn place(&self) -> Place {
        let of = ["location", "locationDetails"]
            .into_iter()
            .find(|name| at(&self.document, name).is_some_and(Value::is_object))
            .unwrap_or("location");
        let inner = |name: &str| format!("{of}.{name}");
        let place = document::place(
            self.text(&inner("countryOrRegion")).or_else(|| self.text("location")),
            self.text(&inner("city")),
            at(&self.document, &inner("geoCoordinates.latitude")),
            at(&self.document, &inner("geoCoordinates.longitude")),
        );
        let network = scalar(&self.document, "autonomousSystemNumber").filter(|number| number != "0");
        Place {
            network: network.map(|number| format!("AS{number}")),
            ..place
        }
    }

    /// The address that it came from.
    pub(super) fn address(&self, paths: &[&str]) -> Option<std::net::IpAddr> {
        document::address(self.first(paths)?)
    }

    /// The record as rules look into it: its own names, and those of `aliases` for what their paths lead to, each alias unless it is there.
    pub(super) fn into_fields(self, aliases: &[(&str, &str)], extra: Map<String, Value>) -> Value {
        let mut found: Map<String, Value> = aliases
            .iter()
            .filter_map(|(alias, path)| Some(((*alias).to_owned(), at(&self.document, path)?.clone())))
            .collect();
        found.extend(extra);
        document::with(self.document, found)
    }
}

/// Handles of a user of Entra.
pub(super) fn user(principal: Option<&str>, id: Option<&str>, name: Option<&str>) -> Vec<Handle> {
    document::handles(&[
        document::by_form(principal),
        (HandleKind::ProviderId, id),
        (HandleKind::DisplayName, name),
    ])
}

/// Handles of an application.
pub(super) fn application(id: Option<&str>, name: Option<&str>) -> Vec<Handle> {
    document::handles(&[(HandleKind::ProviderId, id), (HandleKind::Group, name)])
}

/// What the words for a result mean.
pub(super) fn outcome(result: Option<&str>) -> Outcome {
    match result.map(str::to_lowercase).as_deref() {
        Some("success" | "succeeded" | "0" | "accept" | "accepted" | "true" | "partiallysucceeded") => Outcome::Success,
        Some("failure" | "failed" | "false" | "timeout" | "clienterror") => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}
