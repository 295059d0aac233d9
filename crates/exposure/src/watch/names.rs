//! Names of domains and addresses of mail, as a person types them, in the one form in which they are kept.

use std::fmt;

use crate::address::{Identity, normalise};

/// Bytes of a domain's name at most (RFC 1035, section 2.3.4: 255 on the wire, 253 as it is written).
const DOMAIN_BYTES_MAX: usize = 253;
/// Bytes of a label at most (RFC 1035).
const LABEL_BYTES_MAX: usize = 63;
/// Bytes before the `@` at most (RFC 5321, section 4.5.3.1.1).
const ALIAS_BYTES_MAX: usize = 64;

/// Why a name isn't one. Says nothing of the name itself, which may be somebody's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// No domain.
    #[error("that is no domain: write it like `example.com`, names with other letters in their `xn--` form")]
    Domain,
    /// No address.
    #[error("that is no mail address: write it like `name@example.com`")]
    Address,
}

/// A domain in lower case, with two labels or more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(String);

impl DomainName {
    /// Reads a domain; a dot at its end and case don't matter.
    ///
    /// # Errors
    /// [`NameError::Domain`] if it has fewer than two labels, or a character other than letters, digits and hyphens.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_label = |label: &str| {
            (1..=LABEL_BYTES_MAX).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        // The last label of a name is never a number: `192.0.2.1` is an address of a machine.
        let is_named = name
            .rsplit('.')
            .next()
            .is_some_and(|last| last.bytes().any(|byte| byte.is_ascii_alphabetic()));
        if name.len() > DOMAIN_BYTES_MAX || !name.contains('.') || !is_named || !name.split('.').all(is_label) {
            return Err(NameError::Domain);
        }
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is a domain below `other`.
    #[must_use]
    pub fn is_below(&self, other: &Self) -> bool {
        self.0.strip_suffix(&other.0).is_some_and(|rest| rest.ends_with('.'))
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A mail address, without white space around it and in lower case.
///
/// It has no `Display`, so that it doesn't end in a log by accident.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailAddress(String);

impl MailAddress {
    /// Reads an address.
    ///
    /// # Errors
    /// [`NameError::Address`] if it isn't `alias@domain`, or has white space or control characters inside.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let address = normalise(text);
        let (alias, domain) = address.rsplit_once('@').ok_or(NameError::Address)?;
        let is_alias = |character: char| {
            !character.is_control() && !character.is_whitespace() && !"<>()[]\\,;:\"@".contains(character)
        };
        let is_dotted = alias.starts_with('.') || alias.ends_with('.') || alias.contains("..");
        if alias.is_empty() || alias.len() > ALIAS_BYTES_MAX || is_dotted || !alias.chars().all(is_alias) {
            return Err(NameError::Address);
        }
        let domain = DomainName::parse(domain).map_err(|_| NameError::Address)?;
        Ok(Self(format!("{alias}@{domain}")))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key under which the person is kept.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity::of(&self.0)
    }
}

impl fmt::Debug for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailAddress(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_read_in_one_form() {
        for (text, expected) in [
            (" Example.COM. ", "example.com"),
            ("xn--mller-kva.example", "xn--mller-kva.example"),
            ("a.b.c.d", "a.b.c.d"),
        ] {
            assert_eq!(DomainName::parse(text).unwrap().as_str(), expected);
        }
        let long = format!("{}.com", "a".repeat(64));
        for text in [
            "",
            "com",
            ".com",
            "a..com",
            "-a.com",
            "a-.com",
            "a b.com",
            "m\u{fc}ller.example",
            "192.0.2.1",
            "a.com/..",
            "*.com",
            &long,
        ] {
            assert_eq!(DomainName::parse(text), Err(NameError::Domain), "{text}");
        }
    }

    #[test]
    fn a_domain_is_below_another_only_at_a_dot() {
        let domain = |text| DomainName::parse(text).unwrap();
        assert!(domain("mail.example.com").is_below(&domain("example.com")));
        assert!(!domain("badexample.com").is_below(&domain("example.com")));
        assert!(!domain("example.com").is_below(&domain("example.com")));
    }

    #[test]
    fn addresses_are_read_in_one_form_and_not_shown() {
        let address = MailAddress::parse(" Jane.Doe+x@Example.com\n").unwrap();
        assert_eq!(address.as_str(), "jane.doe+x@example.com");
        assert_eq!(format!("{address:?}"), "MailAddress(..)");
        assert_eq!(address.identity(), Identity::of("jane.doe+x@example.com"));
        let long = format!("{}@example.com", "a".repeat(65));
        for text in [
            "",
            "a",
            "@example.com",
            "a@",
            "a@b@example.com",
            "a b@example.com",
            "a@example",
            ".a@example.com",
            "a..b@example.com",
            "a\r\nbcc:x@example.com",
            "<a@example.com>",
            "a,b@example.com",
            &long,
        ] {
            assert!(MailAddress::parse(text).is_err(), "{text}");
        }
    }
}
