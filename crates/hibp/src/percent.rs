//! Percent-encoding of paths and queries (RFC 3986, section 2.1), read strictly.

use std::borrow::Cow;

/// The text that a part of an address stands for; nothing if an escape is cut short or no digits, or the bytes aren't UTF-8, or the text
/// has control characters in it. A `+` is a plus: addresses have it, and it means a space in bodies of forms only.
pub(crate) fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return (!text.chars().any(char::is_control)).then_some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            bytes.push((digit(rest.next()?)? << 4) | digit(rest.next()?)?);
        } else {
            bytes.push(byte);
        }
    }
    let decoded = String::from_utf8(bytes).ok()?;
    (!decoded.chars().any(char::is_control)).then_some(Cow::Owned(decoded))
}

/// The value of a hexadecimal digit.
pub(crate) fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        b'A'..=b'F' => Some(character - b'A' + 10),
        _ => None,
    }
}

/// The value of a parameter in a query, its name compared without case, as the public API does. The first one counts.
///
/// `Err` if the value can't be decoded.
pub(crate) fn parameter<'a>(query: &'a str, name: &str) -> Result<Option<Cow<'a, str>>, ()> {
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if key.eq_ignore_ascii_case(name) {
            return decode(value).map(Some).ok_or(());
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_strictly() {
        for (text, expected) in [
            ("a%40b.com", Some("a@b.com")),
            ("a+b", Some("a+b")),
            ("%C3%a9", Some("\u{e9}")),
            ("%2F", Some("/")),
            ("", Some("")),
            ("%", None),
            ("%4", None),
            ("%zz", None),
            ("%+1", None),
            ("%ff", None),
            ("%00", None),
            ("a%0d%0ab", None),
        ] {
            assert_eq!(decode(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_first_parameter_of_a_name_counts_whatever_its_case() {
        assert_eq!(
            parameter("a=1&Mode=ntlm&mode=sha1", "mode").unwrap().as_deref(),
            Some("ntlm")
        );
        assert_eq!(parameter("mode", "mode").unwrap().as_deref(), Some(""));
        assert_eq!(parameter("", "mode"), Ok(None));
        assert_eq!(parameter("mode=%", "mode"), Err(()));
    }
}
