//! Words that the API takes, described by the lists that they are parsed by.

use respond::alert::{Layer, Severity};
use respond::approval::{Operation, RequestState};
use respond::notice::NoticeState;
use respond::people::Scope;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::{Object, ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// One of these words.
fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> Object {
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(names))
        .build()
}

/// Layers that notice something.
pub(super) fn layers() -> Object {
    one_of(Layer::ALL.map(Layer::name))
}

/// How bad something may be.
pub(super) fn severities() -> Object {
    one_of(Severity::ALL.map(Severity::name))
}

/// How far a request may be.
pub(super) const REQUEST_STATES: [RequestState; 6] = [
    RequestState::Waiting,
    RequestState::Approved,
    RequestState::Used,
    RequestState::Refused,
    RequestState::Withdrawn,
    RequestState::Expired,
];

/// How far a request may be.
pub(super) fn request_states() -> Object {
    one_of(REQUEST_STATES.map(RequestState::name))
}

/// How far a notice may be.
pub(super) fn notice_states() -> Object {
    one_of([NoticeState::Waiting, NoticeState::Sent, NoticeState::Dead].map(NoticeState::name))
}

/// The same words, or null, which stands for a member that isn't given.
fn or_null(mut words: Object) -> Object {
    words.schema_type = [Type::String, Type::Null].into_iter().collect();
    words.enum_values.get_or_insert_default().push(serde_json::Value::Null);
    words
}

/// What becomes of diverted writes.
pub(super) fn diverted() -> Object {
    or_null(one_of(["keep", "drop"]))
}

/// What a fence may do.
pub(super) fn fences() -> Object {
    or_null(one_of(["refuse", "pause", "divert", "alert"]))
}

/// Operations that may need an approval.
pub(super) fn operations() -> Object {
    one_of(Operation::ALL.map(Operation::name))
}

/// A part of the API, as a token's scope.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct ScopeName(pub(super) Scope);

impl PartialSchema for ScopeName {
    fn schema() -> RefOr<Schema> {
        one_of(Scope::ALL.map(Scope::name)).into()
    }
}

impl ToSchema for ScopeName {}

/// An operation, as the name of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct OperationName(pub(super) Operation);

impl PartialSchema for OperationName {
    fn schema() -> RefOr<Schema> {
        operations().into()
    }
}

impl ToSchema for OperationName {}

/// A whole number: in JSON 5.0 is one, too.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let fraction = number
        .as_f64()
        .filter(|value| value.fract() == 0.0 && (0.0..9e15).contains(value));
    // Within these bounds every float is a whole number that fits.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let whole = number.as_u64().or(fraction.map(|value| value as u64));
    whole.ok_or_else(|| serde::de::Error::custom(format!("{number} is no whole number that can be used here")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_that_are_parsed() {
        for operation in Operation::ALL {
            let name: OperationName = serde_json::from_value(operation.name().into()).unwrap();
            assert_eq!(name.0, operation);
        }
        for scope in Scope::ALL {
            let name: ScopeName = serde_json::from_value(scope.name().into()).unwrap();
            assert_eq!(name.0, scope);
        }
        for state in REQUEST_STATES {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }

    #[test]
    fn whole_numbers_may_have_a_point() {
        let parse = |text: &str| whole(&mut serde_json::Deserializer::from_str(text)).ok();
        assert_eq!(parse("5"), Some(5));
        assert_eq!(parse("5.0"), Some(5));
        assert_eq!(parse("18446744073709551615"), Some(u64::MAX));
        for text in ["5.5", "-1", "-1.0", "1e300", "\"5\"", "null"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
