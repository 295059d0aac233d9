//! Values of the configuration file that are more than a TOML type: sizes, spans, modes.

use std::time::Duration;

use serde::Deserialize;

use crate::size::parse_size;
use crate::span::parse_span;

/// A size such as `"64MiB"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SizeValue(pub u64);

impl TryFrom<String> for SizeValue {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        parse_size(&text).map(Self).map_err(|error| error.to_string())
    }
}

/// A span of time such as `"7d"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SpanValue(pub Duration);

impl TryFrom<String> for SpanValue {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        parse_span(&text).map(Self).map_err(|error| error.to_string())
    }
}

/// A size, or `"none"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Budget(pub Option<u64>);

impl TryFrom<String> for Budget {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        parse_size(&text)
            .map(|bytes| Self(Some(bytes)))
            .map_err(|error| format!("{error}, or `none`"))
    }
}

/// Permissions of a file in octal, such as `"0660"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct FileMode(pub u32);

impl TryFrom<String> for FileMode {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let mode = u32::from_str_radix(&text, 8).ok().filter(|mode| *mode <= 0o777);
        mode.map(Self)
            .ok_or_else(|| format!("`{text}` is not a mode; write it in octal like `0660`"))
    }
}
