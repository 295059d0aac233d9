//! The links by which people answer a mail: each carries what it is about and a tag that only this ledger can make.
//!
//! Nothing is kept for a link, so one that was mailed years ago still works after the watch it came from is gone.
//!
//! ```text
//! c  16 hex: watch                 40 hex: tag     confirms a watch
//! d  16 hex: domain                40 hex: tag     proves that a domain is ours
//! o  40 hex: key of the address    40 hex: tag     opts a person out
//! f  16 hex: domain                40 hex: tag     the feed of a domain's notices
//! ```
//!
//! The tag is the first 20 bytes of the HMAC-SHA256 of everything before it and of a *purpose*: the second at which the watch was asked
//! for, or the proof asked of the domain, so that a link dies with what it was made for.

use std::fmt;

use ring::hmac;

use crate::address::Identity;
use crate::hexadecimal;

/// Bytes of a tag: as many as nobody guesses, few enough for a link in one line.
const TAG_BYTES: usize = 20;

/// What a link is about, not yet believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Somebody wants to be told; the number of the watch.
    Confirm(i64),
    /// Somebody can read the mail of a domain; its number.
    Domain(i64),
    /// Somebody doesn't want to be told any more.
    OptOut(Identity),
    /// Somebody reads the feed of a domain; its number.
    Feed(i64),
}

impl Link {
    fn body(&self) -> String {
        match self {
            Self::Confirm(number) => format!("c{number:016x}"),
            Self::Domain(number) => format!("d{number:016x}"),
            Self::Feed(number) => format!("f{number:016x}"),
            Self::OptOut(identity) => format!("o{}", hexadecimal::lower(&identity.0)),
        }
    }

    /// What a token claims to be about, and whether it has the form of one; [`LinkSecret::made`] tells whether it may be believed.
    #[must_use]
    pub fn of(token: &str) -> Option<Self> {
        let body = token
            .len()
            .checked_sub(2 * TAG_BYTES)
            .and_then(|end| token.get(..end))?;
        let kind = body.chars().next()?;
        let value = body.get(1..)?;
        if !token.is_ascii() || value.bytes().any(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let number = || {
            (value.len() == 16)
                .then(|| i64::from_str_radix(value, 16).ok())
                .flatten()
        };
        match kind {
            'c' => number().map(Self::Confirm),
            'd' => number().map(Self::Domain),
            'f' => number().map(Self::Feed),
            'o' => hexadecimal::bytes(value).map(|key| Self::OptOut(Identity(key))),
            _ => None,
        }
    }
}

/// The key of all links of a ledger.
pub struct LinkSecret(hmac::Key);

impl LinkSecret {
    /// Bytes of the secret.
    pub const BYTES: usize = 32;

    /// From its bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The token of a link: what stands behind the last slash.
    #[must_use]
    pub fn token(&self, link: &Link, purpose: &str) -> String {
        let body = link.body();
        let tag = self.tag(&body, purpose);
        body + &tag
    }

    /// Whether a token was made here, for this purpose.
    #[must_use]
    pub fn made(&self, token: &str, link: &Link, purpose: &str) -> bool {
        let expected = self.token(link, purpose);
        // Takes as long for any wrong tag: the time tells nothing of the right one.
        let difference = expected
            .bytes()
            .zip(token.bytes())
            .fold(0, |difference, (ours, theirs)| difference | (ours ^ theirs));
        expected.len() == token.len() && difference == 0
    }

    fn tag(&self, body: &str, purpose: &str) -> String {
        let tag = hmac::sign(&self.0, format!("{body}\0{purpose}").as_bytes());
        hexadecimal::lower(tag.as_ref().get(..TAG_BYTES).unwrap_or_default())
    }
}

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_believed_only_as_they_were_made() {
        let secret = LinkSecret::new(&[7; LinkSecret::BYTES]);
        let links = [
            Link::Confirm(1),
            Link::Domain(i64::MAX),
            Link::Feed(0),
            Link::OptOut(Identity::of("a@example.com")),
        ];
        for link in links {
            let token = secret.token(&link, "then");
            assert_eq!(Link::of(&token), Some(link));
            assert!(secret.made(&token, &link, "then"));
            assert!(!secret.made(&token, &link, "now"));
            assert!(!LinkSecret::new(&[8; LinkSecret::BYTES]).made(&token, &link, "then"));
            for index in 0..token.len() {
                let mut changed = token.clone().into_bytes();
                changed[index] = if changed[index] == b'0' { b'1' } else { b'0' };
                let changed = String::from_utf8(changed).unwrap();
                let believed = Link::of(&changed).is_some_and(|link| secret.made(&changed, &link, "then"));
                assert!(!believed, "{changed}");
            }
        }
    }

    #[test]
    fn what_is_no_token_is_about_nothing() {
        let long = "c".repeat(4000);
        for text in [
            "",
            "c",
            "c00",
            "x0000000000000001",
            &"0".repeat(57),
            &"\u{fc}".repeat(57),
            &long,
            "c-000000000000001",
        ] {
            assert_eq!(Link::of(text), None, "{text}");
        }
    }
}
