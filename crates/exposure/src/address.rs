//! Mail addresses: how they are found in text, what they look like, and the key under which a person is kept.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;
use std::sync::LazyLock;

use sha1::{Digest, Sha1};

/// The longest part before the `@` (RFC 5321, 4.5.3.1.1), in bytes.
const ALIAS_BYTES_MAX: usize = 64;
/// The shortest and the longest domain: `a.co`, and what DNS can name.
const DOMAIN_BYTES: Range<usize> = 4..256;
/// The longest label of a domain.
const LABEL_BYTES_MAX: usize = 63;
/// The fewest digits of a telephone number with its country's code (E.164 has at most 15).
const PHONE_DIGITS: Range<usize> = 7..16;

/// The SHA-1 of a normalised address: what the API's range search is about, and the key of the tables of accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(pub [u8; Identity::BYTES]);

impl Identity {
    /// Bytes of a key.
    pub const BYTES: usize = 20;

    /// The key of an account as it is written: white space around it and case don't matter, as in the public API.
    #[must_use]
    pub fn of(account: &str) -> Self {
        Self::of_normalised(&[normalise(account).as_bytes()])
    }

    /// The key of an account that is normalised already, given in parts.
    pub(crate) fn of_normalised(parts: &[&[u8]]) -> Self {
        let mut hash = Sha1::new();
        for part in parts {
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

/// An account without white space around it, in lower case. A telephone number loses what is put between and before its digits, so that
/// `+44 (20) 7946-0000` and `00442079460000` are the same account.
#[must_use]
pub fn normalise(account: &str) -> String {
    let trimmed = account.trim();
    phone_digits(trimmed).unwrap_or_else(|| trimmed.to_lowercase())
}

/// The digits of a telephone number with its country's code; nothing if it isn't written like one (`+` or `00` first).
fn phone_digits(account: &str) -> Option<String> {
    let rest = account.strip_prefix('+').or_else(|| account.strip_prefix("00"))?;
    let is_between = |character: char| matches!(character, ' ' | '-' | '.' | '(' | ')' | '/');
    let is_phone = rest
        .chars()
        .all(|character| character.is_ascii_digit() || is_between(character));
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    (is_phone && PHONE_DIGITS.contains(&digits.len())).then_some(digits)
}

/// The top-level domains that an address can have: those that IANA listed in 2026, and further ones of one's own network.
///
/// Without a list `logo@2x.png` and `model@v2.bin` would be people. It ages slowly: a domain that is new since can be named in a
/// breach's file.
#[derive(Clone, Debug, Default)]
pub struct TopLevelDomains {
    further: BTreeSet<String>,
}

impl TopLevelDomains {
    /// The public ones and these.
    #[must_use]
    pub fn with(further: &[String]) -> Self {
        let further = further
            .iter()
            .map(|name| name.trim_start_matches('.').to_ascii_lowercase());
        Self {
            further: further.collect(),
        }
    }

    /// Whether a name in lower case is one of them.
    fn contain(&self, name: &str) -> bool {
        static PUBLIC: LazyLock<HashSet<&str>> =
            LazyLock::new(|| include_str!("top_level_domains.txt").lines().collect());
        PUBLIC.contains(name) || self.further.contains(name)
    }

    /// Whether a name in lower case is a domain: labels of letters, digits and inner hyphens, the last of them a top-level domain.
    #[must_use]
    pub fn has_domain(&self, name: &str) -> bool {
        let is_label = |label: &str| {
            let is_inside = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            is_inside
                && (1..=LABEL_BYTES_MAX).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let last = name.rsplit_once('.').map(|(_, last)| last);
        DOMAIN_BYTES.contains(&name.len())
            && name.split('.').all(is_label)
            && last.is_some_and(|last| self.contain(last))
    }
}

/// An address that was found, in lower case, in a buffer that is used again for the next.
#[derive(Debug, Default)]
pub struct Address {
    text: String,
    at: usize,
}

impl Address {
    /// The address.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn alias(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// What stands behind it.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }

    /// Takes over an address if it is one.
    fn set(&mut self, alias: &[u8], domain: &[u8], known: &TopLevelDomains) -> bool {
        self.text.clear();
        self.text
            .extend(alias.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
        self.at = self.text.len();
        self.text.push('@');
        self.text
            .extend(domain.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
        let alias = self.alias();
        let is_alias = (1..=ALIAS_BYTES_MAX).contains(&alias.len())
            && !alias.starts_with('.')
            && !alias.ends_with('.')
            && !alias.contains("..");
        is_alias && known.has_domain(self.domain())
    }
}

/// Visits the addresses in a text of whatever encoding that has ASCII in it, with where they are. `address` is a buffer.
///
/// An alias is 1 to 64 letters, digits, `_`, `+`, `.` and `-`, without a dot at an end or two in a row; an apostrophe belongs to it
/// between letters (`o'brien`). Where letters of other alphabets touch it, or another `@`, the address is somebody else's, or none, and is
/// left out rather than cut short.
pub fn find_addresses(
    text: &[u8],
    known: &TopLevelDomains,
    address: &mut Address,
    visit: &mut dyn FnMut(&Address, Range<usize>),
) {
    for at in memchr::memchr_iter(b'@', text) {
        let (before, behind) = (
            text.get(..at).unwrap_or_default(),
            text.get(at + 1..).unwrap_or_default(),
        );
        let start = alias_start(before);
        let length = behind
            .iter()
            .take(DOMAIN_BYTES.end)
            .take_while(|byte| is_domain_byte(**byte))
            .count();
        let touches = behind.get(length..).unwrap_or_default();
        let domain = behind.get(..length).unwrap_or_default();
        let end = domain
            .iter()
            .rposition(|byte| !matches!(byte, b'.' | b'-'))
            .map_or(0, |last| last + 1);
        let alias = before.get(start..).unwrap_or_default();
        let outside = before.get(..start).unwrap_or_default();
        if alias.is_empty() || end == 0 || touches.starts_with(b"@") || outside.ends_with(b"@") {
            continue;
        }
        if begins_with_letter(touches) || ends_with_letter(outside) {
            continue;
        }
        if address.set(alias, domain.get(..end).unwrap_or_default(), known) {
            visit(address, start..at + 1 + end);
        }
    }
}

/// Where the alias begins that ends with `before`.
fn alias_start(before: &[u8]) -> usize {
    let mut start = before.len();
    while let Some((byte, rest)) = before.get(..start).and_then(<[u8]>::split_last) {
        let is_apostrophe = *byte == b'\''
            && rest.last().is_some_and(u8::is_ascii_alphabetic)
            && before.get(start).is_some_and(u8::is_ascii_alphabetic);
        if !(is_alias_byte(*byte) || is_apostrophe) || before.len() - start > ALIAS_BYTES_MAX {
            break;
        }
        start -= 1;
    }
    let (outside, alias) = before.split_at(start);
    // What is left of an escaped character (`%20ann@`, `\nann@`) is not part of the alias.
    let hex = alias.iter().take(2).filter(|byte| byte.is_ascii_hexdigit()).count();
    match outside.last() {
        Some(b'%') if hex == 2 => start + 2,
        Some(b'\\') if matches!(alias.first(), Some(b'n' | b'r' | b't')) => start + 1,
        _ => start,
    }
}

const fn is_alias_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'.' | b'-')
}

const fn is_domain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')
}

/// Whether a byte can be part of an address: where a long text is cut, it isn't cut at one.
pub(crate) const fn is_address_byte(byte: u8) -> bool {
    is_alias_byte(byte) || matches!(byte, b'@' | b'\'') || byte >= 0x80
}

/// Whether the first character beyond ASCII, in UTF-8 or else in Latin-1, is a letter.
fn begins_with_letter(text: &[u8]) -> bool {
    let Some(first) = text.first().filter(|byte| **byte >= 0x80) else {
        return false;
    };
    let start = text.get(..text.len().min(4)).unwrap_or_default();
    let character = start
        .utf8_chunks()
        .next()
        .and_then(|chunk| chunk.valid().chars().next());
    character.unwrap_or(char::from(*first)).is_alphabetic()
}

/// Whether the last character beyond ASCII, in UTF-8 or else in Latin-1, is a letter.
fn ends_with_letter(text: &[u8]) -> bool {
    let Some(last) = text.last().filter(|byte| **byte >= 0x80) else {
        return false;
    };
    let character = (2..=4).find_map(|length| {
        let tail = text.get(text.len().checked_sub(length)?..)?;
        std::str::from_utf8(tail).ok()?.chars().next()
    });
    character.unwrap_or(char::from(*last)).is_alphabetic()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        found_in(text.as_bytes())
    }

    fn found_in(text: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        let known = TopLevelDomains::with(&[".Corp".to_owned()]);
        find_addresses(text, &known, &mut Address::default(), &mut |address, range| {
            assert_eq!(text[range].to_ascii_lowercase(), address.text().as_bytes());
            assert_eq!(format!("{}@{}", address.alias(), address.domain()), address.text());
            found.push(address.text().to_owned());
        });
        found
    }

    #[test]
    fn case_and_space_around_an_address_do_not_matter() {
        assert_eq!(Identity::of(" Test@Example.com\r\n"), Identity::of("test@example.com"));
        // `printf %s test@example.com | sha1sum`
        assert_eq!(Identity::of("test@example.com").0[..4], [0x56, 0x71, 0x59, 0xd6]);
    }

    #[test]
    fn a_telephone_number_is_the_same_however_it_is_written() {
        for written in ["+44 (20) 7946-0000", "00442079460000", " +442079460000 "] {
            assert_eq!(normalise(written), "442079460000", "{written}");
        }
        for other in ["+44 20 79x", "+1", "Ann", "007"] {
            assert_eq!(normalise(other), other.to_lowercase());
        }
    }

    #[test]
    fn addresses_are_found_among_whatever_surrounds_them() {
        for (text, expected) in [
            ("Ann.Lee+shop@Example.COM", &["ann.lee+shop@example.com"][..]),
            (
                "<ann@example.com>,\"ben@example.co.uk\";'cy@example.org'",
                &["ann@example.com", "ben@example.co.uk", "cy@example.org"],
            ),
            ("write to ann@example.com.", &["ann@example.com"]),
            ("mailto:ann@example.com?subject=x", &["ann@example.com"]),
            (
                "o'brien@example.ie 'ben@example.ie'",
                &["o'brien@example.ie", "ben@example.ie"],
            ),
            (
                "q=%20ann@example.com \\nben@example.com",
                &["ann@example.com", "ben@example.com"],
            ),
            ("\u{201c}ann@example.com\u{201d}", &["ann@example.com"]),
            (
                "ann@host.corp ann@xn--mller-kva.xn--p1ai",
                &["ann@host.corp", "ann@xn--mller-kva.xn--p1ai"],
            ),
            (
                "ann@example.com\u{7f}ben@example.com",
                &["ann@example.com", "ben@example.com"],
            ),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_an_address_is_none() {
        for text in [
            "logo@2x.png",
            "a@b",
            "@example.com",
            "ann@.com",
            ".ann@example.com",
            "ann.@example.com",
            "an..n@example.com",
            "ann@-example.com",
            "ann@exa_mple.com",
            "ann@example..com",
            "ann@example.com@example.org",
            "m\u{fc}ller@example.de",
            "ann@example.co\u{e9}",
            "ann at example.com",
            "ann@example.localdomain",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
        assert_eq!(found(&format!("{}@example.com", "a".repeat(65))), [""; 0]);
        assert_eq!(found(&format!("a@{}.com", "a".repeat(64))), [""; 0]);
        assert_eq!(found(&format!("{}@example.com", "a".repeat(64))).len(), 1);
        // Latin-1: u with two dots, and a pound sign.
        assert_eq!(found_in(b"m\xfcller@example.de \xa3ann@example.de"), ["ann@example.de"]);
    }
}
