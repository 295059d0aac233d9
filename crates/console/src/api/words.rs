//! Words that the API takes, described by the lists that they are parsed by.

use respond::alert::{Layer, Severity};
use respond::approval::{Operation, RequestState};
use respond::case_file::clocks::Outcome;
use respond::case_file::drafts::{DraftKind, VALUES, asks_for};
use respond::case_file::facts::Answer;
use respond::notice::NoticeState;
use respond::people::Scope;
use serde::de::Error as _;
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
pub(super) fn request_states() -> Object {
    one_of(RequestState::ALL.map(RequestState::name))
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

/// What may have become of a class of data.
pub(super) fn answers() -> Object {
    one_of(Answer::ALL.map(Answer::name))
}

/// What may have been done about a duty.
pub(super) fn outcomes() -> Object {
    one_of([Outcome::Reported, Outcome::NotNeeded].map(Outcome::name))
}

/// What may be drafted.
pub(super) fn draft_kinds() -> Object {
    one_of(DraftKind::ALL.map(DraftKind::name))
}

/// The name of something that drafts ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ValueName(pub(super) String);

impl<'de> Deserialize<'de> for ValueName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if asks_for(&name).is_none() {
            return Err(D::Error::custom(format!("no draft asks for `{name}`")));
        }
        Ok(Self(name))
    }
}

impl PartialSchema for ValueName {
    fn schema() -> RefOr<Schema> {
        one_of(VALUES.iter().map(|(name, _)| *name)).into()
    }
}

impl ToSchema for ValueName {}

/// Characters of what is filled in, at most.
const VALUE_MOST: usize = 4000;

/// What is filled in.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ValueText(#[serde(deserialize_with = "text::<_, VALUE_MOST>")] pub(super) String);

impl PartialSchema for ValueText {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String);
        text.min_length(Some(1)).max_length(Some(VALUE_MOST)).build().into()
    }
}

impl ToSchema for ValueText {}

/// A text of 1 to `MOST` characters.
pub(super) fn text<'de, D: Deserializer<'de>, const MOST: usize>(deserializer: D) -> Result<String, D::Error> {
    bounded::<D, MOST>(String::deserialize(deserializer)?)
}

/// A text of 1 to `MOST` characters, or none.
pub(super) fn text_if<'de, D: Deserializer<'de>, const MOST: usize>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let given = Option::<String>::deserialize(deserializer)?;
    given.map(bounded::<D, MOST>).transpose()
}

fn bounded<'de, D: Deserializer<'de>, const MOST: usize>(text: String) -> Result<String, D::Error> {
    let count = text.chars().count();
    if count == 0 || count > MOST {
        return Err(D::Error::custom(format!(
            "a text has {count} characters; it may have 1 to {MOST}"
        )));
    }
    Ok(text)
}

/// The number of a version, from 1.
pub(super) fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = whole(deserializer)?;
    let version = u32::try_from(number).ok().filter(|version| *version > 0);
    version.ok_or_else(|| D::Error::custom(format!("{number} is no version")))
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
    whole.ok_or_else(|| D::Error::custom(format!("{number} is no whole number that can be used here")))
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
        for (name, _) in VALUES {
            let value: ValueName = serde_json::from_value((*name).into()).unwrap();
            assert_eq!(value.0, *name);
        }
        for answer in Answer::ALL {
            assert_eq!(serde_json::to_value(answer).unwrap(), answer.name());
        }
        for outcome in [Outcome::Reported, Outcome::NotNeeded] {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.name());
        }
        for kind in DraftKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        for state in RequestState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }

    #[test]
    fn texts_are_counted_in_characters() {
        let parse = |text: &str| text_if::<_, 3>(serde_json::json!(text)).ok().flatten();
        assert_eq!(parse("\u{e4}\u{f6}\u{fc}").as_deref(), Some("\u{e4}\u{f6}\u{fc}"));
        assert_eq!((parse(""), parse("abcd")), (None, None));
        assert_eq!(text_if::<_, 3>(serde_json::Value::Null).unwrap(), None);
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
