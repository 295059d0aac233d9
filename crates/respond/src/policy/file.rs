//! A file of policies as it is written: nothing resolved, unknown keys refused, each value with its place.

use std::ops::Range;

use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::Spanned;

use super::glob::Glob;
use super::resolve;
use super::values::{Day, DaySpan, Name, One, OneOrMore, Span};
use super::vocabulary::Policy;
use crate::alert::{Layer, Severity};
use crate::error::Error;

/// The longest file, in bytes.
const BYTES_MAX: usize = 1 << 20;
/// Policies of one file.
const POLICIES_MAX: usize = 256;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    policy: Vec<Spanned<PolicyTable>>,
}

/// `[[policy]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyTable {
    pub(super) name: Spanned<One<Name>>,
    #[serde(default)]
    pub(super) description: String,
    pub(super) enabled: Option<bool>,
    pub(super) when: Option<Spanned<WhenTable>>,
    pub(super) then: Option<Vec<Spanned<StepTable>>>,
    pub(super) approval: Option<ApprovalValue>,
    pub(super) limit: Option<LimitTable>,
    pub(super) cooldown: Option<One<Span>>,
}

/// `when = { ... }`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WhenTable {
    pub(super) layer: OneOrMore<Layer>,
    pub(super) kind: OneOrMore<Glob>,
    pub(super) severity: Option<One<Severity>>,
    pub(super) score: Option<Spanned<u32>>,
    pub(super) volume: OneOrMore<Glob>,
    pub(super) host: OneOrMore<Glob>,
    pub(super) identity: OneOrMore<Glob>,
    pub(super) hours: Option<One<DaySpan>>,
    pub(super) weekdays: OneOrMore<Day>,
    pub(super) zone: Option<Spanned<One<TimeZone>>>,
    pub(super) count: Option<Spanned<u32>>,
    pub(super) within: Option<Spanned<One<Span>>>,
    pub(super) of: Option<Spanned<String>>,
}

/// One of `then = [{ ... }, ...]`: which keys belong to which action is checked afterwards, where errors can name the key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepTable {
    #[serde(rename = "do")]
    pub(super) what: Spanned<String>,
    pub(super) on: Option<Spanned<String>>,
    pub(super) how: Option<Spanned<String>>,
    pub(super) diverted: Option<Spanned<String>>,
    pub(super) percent: Option<Spanned<u32>>,
    #[serde(rename = "for")]
    pub(super) lasting: Option<Spanned<One<Span>>>,
    pub(super) group: Option<Spanned<One<Name>>>,
    pub(super) target: Option<Spanned<One<Name>>>,
    pub(super) name: Option<Spanned<One<Name>>>,
}

/// `approval = true` or `approval = { ... }`
#[derive(Debug)]
pub(super) enum ApprovalValue {
    Plain(bool),
    Table(ApprovalTable),
}

/// `approval = { ... }`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ApprovalTable {
    pub(super) quorum: Option<Spanned<u32>>,
    pub(super) expires: Option<One<Span>>,
}

/// `limit = { ... }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitTable {
    pub(super) most: Spanned<u32>,
    pub(super) within: One<Span>,
}

impl<'de> Deserialize<'de> for ApprovalValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> serde::de::Visitor<'de> for Either {
            type Value = ApprovalValue;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`true`, `false` or a table like `{ quorum = 2, expires = \"4h\" }`")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Ok(ApprovalValue::Plain(value))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let table = serde::de::value::MapAccessDeserializer::new(map);
                ApprovalTable::deserialize(table).map(ApprovalValue::Table)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Something wrong, and where, in bytes of the text.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) at: Range<usize>,
    pub(super) cause: String,
}

impl Wrong {
    pub(super) fn at<T>(value: &Spanned<T>, cause: impl Into<String>) -> Self {
        Self {
            at: value.span(),
            cause: cause.into(),
        }
    }
}

/// Reads a file's text; `name` is what errors call it.
pub(super) fn parse(text: &str, name: &str) -> Result<Vec<Policy>, Error> {
    if text.len() > BYTES_MAX {
        return Err(wrong(
            text,
            name,
            0,
            format!("a file of policies has at most {BYTES_MAX} bytes"),
        ));
    }
    let file: File = toml::from_str(text).map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        wrong(text, name, start, error.message().trim().replace('\n', ", "))
    })?;
    if let Some(table) = file.policy.get(POLICIES_MAX) {
        return Err(wrong(
            text,
            name,
            table.span().start,
            format!("a file has at most {POLICIES_MAX} policies"),
        ));
    }
    let mut policies: Vec<Policy> = Vec::with_capacity(file.policy.len());
    for table in &file.policy {
        let policy = resolve::policy(table, name).map_err(|Wrong { at, cause }| wrong(text, name, at.start, cause))?;
        if policies.iter().any(|known| known.name == policy.name) {
            let at = table.get_ref().name.span().start;
            let cause = format!(
                "another policy of this file is named `{}`; expected a name of its own",
                policy.name
            );
            return Err(wrong(text, name, at, cause));
        }
        policies.push(policy);
    }
    Ok(policies)
}

fn wrong(text: &str, file: &str, at: usize, cause: String) -> Error {
    let (line, column) = line_and_column(text, at);
    Error::Policy {
        file: file.to_owned(),
        line,
        column,
        cause,
    }
}

/// Line and column, both from 1, of a byte offset.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}
