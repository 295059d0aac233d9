//! Values behind words like "password", as settings, code and notes have them: `password = "..."`, `pwd: ...`, `"passwd":"..."`.

use crate::detect::chain::{at, before};
use crate::detect::context::boundary_at_least;

/// Longest value.
const VALUE_MAX: usize = 256;
/// Longest rest of a name behind the word: `password_hash`, `passwordConfirmation`.
const NAME_MAX: usize = 16;

/// Rests of names that are about passwords, and aren't one: `password_policy`, `passwordField`.
const ABOUT_PASSWORDS: &[&str] = &[
    "policy", "field", "length", "expire", "expiry", "changed", "updated", "reset", "hint", "prompt", "label", "error",
    "required", "enabled", "file", "path", "strength", "_at", "attempt", "manager", "less", "type", "input",
];

/// What stands for a value that isn't there.
const PLACEHOLDERS: &[&str] = &[
    "null",
    "none",
    "nil",
    "true",
    "false",
    "undefined",
    "string",
    "str",
    "text",
    "password",
    "passwd",
    "pwd",
    "secret",
    "required",
    "optional",
    "redacted",
    "hidden",
    "masked",
    "changeme",
    "change_me",
    "example",
    "your_password",
    "yourpassword",
    "your-password",
    "xxx",
    "xxxx",
    "xxxxx",
    "xxxxxx",
    "xxxxxxxx",
    "empty",
    "unset",
    "default",
    "prompt",
    "input",
    "hash",
    "forgot",
    "reset",
    "expired",
    "incorrect",
    "invalid",
    "wrong",
    "missing",
    "authentication",
    "file",
    "auth",
    "self",
    "this",
    "the",
    "a",
    "is",
    "must",
    "for",
    "field",
    "char",
    "varchar",
    "object",
    "bool",
    "boolean",
    "int",
    "integer",
    "any",
    "n/a",
    "tbd",
    "todo",
    "yes",
    "no",
    "ok",
];

/// The value behind a name that ends (or goes on) at `position`: behind `=`, `:`, `=>` or `:=`, with or without quotes.
pub(crate) fn value(text: &str, position: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let name_start = position;
    let mut position = name_end(bytes, position)?;
    let rest_of_name = text.get(name_start..position)?.to_ascii_lowercase();
    if ABOUT_PASSWORDS.iter().any(|word| rest_of_name.contains(word)) {
        return None;
    }
    // `<password>...</password>`, in text that isn't XML as a whole.
    if at(bytes, position) == b'>' {
        return Some(extent(text, position + 1)).filter(|(from, to)| to > from);
    }
    let mut is_assigned = false;
    // Quotes, spaces, and one sign of assignment.
    for _ in 0..12 {
        match at(bytes, position) {
            b' ' | b'\t' | b'"' | b'\'' | b'`' | b']' if !is_assigned => position += 1,
            b'=' | b':' if !is_assigned => {
                is_assigned = true;
                position += 1;
                if matches!(at(bytes, position), b'=' | b'>') && at(bytes, position - 1) != at(bytes, position) {
                    position += 1;
                }
            }
            b' ' | b'\t' if is_assigned => position += 1,
            _ => break,
        }
    }
    if !is_assigned {
        return None;
    }
    Some(extent(text, position)).filter(|(from, to)| to > from)
}

/// The end of the name, of which the word is a part.
fn name_end(bytes: &[u8], position: usize) -> Option<usize> {
    let rest = bytes.get(position..)?;
    let length = rest
        .iter()
        .take(NAME_MAX + 1)
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_' || **byte == b'-')
        .count();
    (length <= NAME_MAX).then_some(position + length)
}

/// Where the value at a position begins and ends.
fn extent(text: &str, position: usize) -> (usize, usize) {
    let bytes = text.as_bytes();
    let quote = at(bytes, position);
    let is_quoted = matches!(quote, b'"' | b'\'' | b'`');
    let from = position + usize::from(is_quoted);
    let limit = boundary_at_least(text, (from + VALUE_MAX).min(text.len()));
    let rest = text.get(from..limit).unwrap_or_default();
    let ends = |character: char| {
        if is_quoted {
            character == char::from(quote) || character == '\n'
        } else {
            character.is_whitespace() || matches!(character, '"' | '\'' | ';' | ',' | '<' | '&' | ')' | '}' | '|')
        }
    };
    (from, from + rest.find(ends).unwrap_or(rest.len()))
}

/// Whether a value is a password, and not what code and prose have in its place.
pub(crate) fn is_password(text: &str, from: usize, to: usize) -> bool {
    let Some(value) = text.get(from..to).map(str::trim) else {
        return false;
    };
    let bytes = text.as_bytes();
    let is_quoted = matches!(before(bytes, from), b'"' | b'\'' | b'`');
    let is_placeholder = PLACEHOLDERS.iter().any(|known| value.eq_ignore_ascii_case(known));
    let is_reference = value.starts_with(['$', '{', '<', '%', '[', '(', '*', '&', '@', '/', '?', '\\'])
        || value.contains("://")
        || value.contains("${")
        || value.contains("{{")
        || value.ends_with('(');
    let is_masked = value
        .bytes()
        .all(|byte| matches!(byte, b'*' | b'x' | b'X' | b'.' | b'-' | b'_' | b'#'))
        || value.starts_with('\u{2022}');
    if value.chars().count() < 4 || is_placeholder || is_reference && !super::is_hash_of_password(value) || is_masked {
        return false;
    }
    let has_digit_or_sign = value
        .bytes()
        .any(|byte| byte.is_ascii_digit() || b"!@#$%^&*+?~".contains(&byte));
    // Names, calls and words of prose: only a quoted value, or one that doesn't look like a word, is taken.
    let is_code = value.contains('.')
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte))
        && !has_digit_or_sign;
    let is_call = at(bytes, to) == b'('
        || value.ends_with('[')
        || value.contains('(') && value.ends_with(')')
        || value.contains("()");
    let is_prose = is_quoted && value.contains(' ') && !has_digit_or_sign
        || value.ends_with(['.', ':', ',']) && !has_digit_or_sign;
    let ends_line = matches!(at(bytes, to), 0 | b'\n' | b'\r' | b';' | b'&' | b'<');
    let is_word = !has_digit_or_sign && value.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    !is_code && !is_call && !is_prose && (is_quoted || !is_word || ends_line)
}

/// The value behind a word like "token", if it looks like one: long, and made of letters and digits.
pub(crate) fn token_value(text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    let is_bearer = text.get(start..end)?.eq_ignore_ascii_case("bearer ");
    let (from, to) = if is_bearer {
        extent(text, end)
    } else {
        value(text, end)?
    };
    let value = text.get(from..to)?;
    let is_made_of = value
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-.~".contains(&byte));
    let (digits, letters) = (
        value.bytes().filter(u8::is_ascii_digit).count(),
        value.bytes().filter(u8::is_ascii_alphabetic).count(),
    );
    let is_long = (20..=VALUE_MAX).contains(&value.len());
    // Paths and names have few digits; numbers, dates and versions have few letters; UUIDs name things.
    (is_long && is_made_of && digits >= 3 && letters >= 6 && !value.starts_with('/') && !is_uuid(value))
        .then_some((from, to))
}

fn is_uuid(value: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    value.split('-').count() == lengths.len()
        && value
            .split('-')
            .zip(lengths)
            .all(|(part, length)| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The password in `scheme://user:password@host`.
pub(crate) fn password_in_address(text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    if !before(text.as_bytes(), start).is_ascii_alphanumeric() {
        return None;
    }
    let rest = text.get(end..boundary_at_least(text, (end + VALUE_MAX).min(text.len())))?;
    let length = rest
        .find(|character: char| character.is_whitespace() || matches!(character, '/' | '"' | '\'' | '<' | '>' | '`'))
        .unwrap_or(rest.len());
    let authority = rest.get(..length)?;
    let sign = authority.rfind('@')?;
    let colon = authority.get(..sign)?.find(':')?;
    let (from, to) = (end + colon + 1, end + sign);
    let host_follows = text
        .as_bytes()
        .get(to + 1)
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'[');
    let value = text.get(from..to)?;
    let is_reference = value.starts_with(['$', '{', '<', '%', '[', '*']) && !value.starts_with("%4")
        || PLACEHOLDERS.iter().any(|known| value.eq_ignore_ascii_case(known));
    (to > from && host_follows && !is_reference).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::{is_password, password_in_address, value};

    fn password(text: &str) -> Option<&str> {
        let end = ["password", "pwd", "Passwort"]
            .iter()
            .find_map(|word| text.find(word).map(|start| start + word.len()))?;
        let (from, to) = value(text, end)?;
        is_password(text, from, to).then(|| &text[from..to])
    }

    #[test]
    fn passwords_are_found_in_settings_code_and_notes() {
        for (text, expected) in [
            ("password=hunter2", "hunter2"),
            ("db_password: \"correct horse 7\"", "correct horse 7"),
            ("{\"password\": \"Tr0ub4dor\"}", "Tr0ub4dor"),
            ("Server=x;pwd=S3cret!;Database=y", "S3cret!"),
            ("Passwort: Sommer2024", "Sommer2024"),
            ("password => 'letmein'", "letmein"),
            ("password = monkey\n", "monkey"),
        ] {
            assert_eq!(password(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_code_and_prose_have_in_their_place_is_none() {
        for text in [
            "password = os.environ[\"X\"]",
            "password: ${DB_PASSWORD}",
            "password: string",
            "password: ********",
            "password = getpass()",
            "password:",
            "Your password: it must have",
            "password = config.database.password",
            "password=\"\"",
            "reset your password here",
            "password: {{ vault }}",
            "password = None",
        ] {
            assert_eq!(password(text), None, "{text}");
        }
    }

    #[test]
    fn an_address_with_a_password_is_told_from_one_with_a_port() {
        let within = |text: &str| {
            let start = text.find("://").unwrap();
            password_in_address(text, start, start + 3).map(|(from, to)| text[from..to].to_owned())
        };
        assert_eq!(within("postgres://app:s3cr3t@db:5432/x").as_deref(), Some("s3cr3t"));
        assert_eq!(within("https://user:p%40ss@example.com").as_deref(), Some("p%40ss"));
        assert_eq!(within("http://example.com:8080/@x"), None);
        assert_eq!(within("http://user@example.com"), None);
        assert_eq!(within("amqp://$USER:$PASS@host"), None);
    }
}
