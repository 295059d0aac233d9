//! Objects that are no records themselves but have them in an array.

use serde_json::{Map, Value};

/// Names of arrays of records: of CloudTrail; of Azure's diagnostic settings; of Microsoft Graph and the management APIs; of Google's reports.
const ARRAYS: [&str; 4] = ["Records", "records", "value", "items"];

/// Whether a member may stand beside the array of a wrapping. One with others, such as a time, is a record.
fn is_companion(name: &str) -> bool {
    name.starts_with("@odata.")
        || matches!(
            name,
            "kind" | "etag" | "nextPageToken" | "nextLink" | "odata.metadata" | "odata.nextLink" | "count" | "total"
        )
}

/// How many bytes an opening wrapping takes up to the bracket of its array, the bracket included; none if this is none.
pub(super) fn opening(ahead: &[u8]) -> Option<usize> {
    let mut rest = Rest(ahead).after(b'{')?;
    loop {
        let (name, behind) = rest.text()?;
        rest = behind.after(b':')?;
        if ARRAYS.contains(&name) {
            let elements = rest.after(b'[')?;
            let next = elements.trimmed().0.first()?;
            return matches!(next, b'{' | b']').then(|| ahead.len() - elements.0.len());
        }
        if !is_companion(name) {
            return None;
        }
        rest = rest.scalar()?.after(b',')?;
    }
}

/// Takes the records out of a wrapping; none if this is none.
pub(super) fn elements(object: &mut Map<String, Value>) -> Option<Vec<Value>> {
    let name = ARRAYS
        .into_iter()
        .find(|name| object.get(*name).is_some_and(Value::is_array))?;
    let is_wrapping = object.keys().all(|other| other == name || is_companion(other))
        && object
            .get(name)
            .and_then(Value::as_array)
            .is_some_and(|elements| elements.iter().all(Value::is_object));
    if !is_wrapping {
        return None;
    }
    match object.remove(name) {
        Some(Value::Array(elements)) => Some(elements),
        _ => None,
    }
}

/// Bytes of JSON that are still to be looked at.
#[derive(Clone, Copy)]
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn trimmed(self) -> Self {
        Self(self.0.trim_ascii_start())
    }

    fn after(self, byte: u8) -> Option<Self> {
        let (first, rest) = self.trimmed().0.split_first()?;
        (*first == byte).then_some(Self(rest))
    }

    /// A text without escapes.
    fn text(self) -> Option<(&'a str, Self)> {
        let inner = self.after(b'"')?;
        let end = inner.0.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        let (text, behind) = inner.0.split_at_checked(end)?;
        Some((std::str::from_utf8(text).ok()?, Self(behind).after(b'"')?))
    }

    /// Passes over a text or a number.
    fn scalar(self) -> Option<Self> {
        let trimmed = self.trimmed();
        if trimmed.0.first() != Some(&b'"') {
            let end = trimmed.0.iter().position(|byte| *byte == b',')?;
            let (number, behind) = trimmed.0.split_at_checked(end)?;
            let is_plain = number
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b".+- \r\n\t".contains(byte));
            return is_plain.then_some(Self(behind));
        }
        let (_, mut rest) = trimmed.0.split_first()?;
        loop {
            let (byte, behind) = rest.split_first()?;
            rest = behind;
            match byte {
                b'"' => return Some(Self(rest)),
                b'\\' => rest = rest.split_first()?.1,
                _ => {}
            }
        }
    }
}
