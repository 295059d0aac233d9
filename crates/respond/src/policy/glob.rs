//! Patterns for names: `*` stands for any characters, `?` for one. Case of ASCII letters doesn't count.

use std::fmt;

/// The longest pattern, in bytes.
const BYTES_MAX: usize = 256;

/// A pattern for a whole name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// One that is empty or longer than 256 bytes.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.len() {
            0 => Err("an empty pattern fits nothing; write a name, or `*` for all".to_owned()),
            1..=BYTES_MAX => Ok(Self(text.to_ascii_lowercase())),
            _ => Err(format!("a pattern has at most {BYTES_MAX} bytes")),
        }
    }

    /// Whether a name is as the pattern says. Takes time of at most the product of both lengths.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut at, mut seen) = (0, 0);
        // Where to go on if what follows the last `*` doesn't fit: one byte further.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match (pattern.get(at), name.get(seen)) {
                (Some(b'*'), _) => {
                    retry = Some((at + 1, seen));
                    at += 1;
                }
                (Some(b'?'), Some(_)) => {
                    at += 1;
                    // A character may have several bytes.
                    seen += 1;
                    while name.get(seen).is_some_and(|byte| byte & 0xc0 == 0x80) {
                        seen += 1;
                    }
                }
                (Some(wanted), Some(byte)) if *wanted == byte.to_ascii_lowercase() => {
                    at += 1;
                    seen += 1;
                }
                (None, None) => return true,
                _ => match retry {
                    Some((after, from)) if from < name.len() => {
                        retry = Some((after, from + 1));
                        (at, seen) = (after, from + 1);
                    }
                    _ => return false,
                },
            }
        }
    }

    /// The name, if the pattern fits one only.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        (!self.0.contains(['*', '?'])).then_some(self.0.as_str())
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, name: &str) -> bool {
        Glob::parse(pattern).unwrap().fits(name)
    }

    #[test]
    fn stars_and_question_marks_stand_for_what_they_say() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "disk"),
            ("db-*", "DB-7"),
            ("*-prod", "a-b-prod"),
            ("d?sk", "disk"),
            ("?", "\u{e4}"),
            ("a*b*c", "aXbYbZc"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("db-*", "web"),
            ("d?sk", "dsk"),
            ("a*b", "abc"),
            ("disk", "disk2"),
            ("?", ""),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_take_no_more_than_the_product_of_lengths() {
        assert!(!fits(&"*a".repeat(128), &format!("{}b", "a".repeat(100_000))));
    }

    #[test]
    fn patterns_of_no_use_are_refused() {
        assert!(Glob::parse("").is_err());
        assert!(Glob::parse(&"x".repeat(257)).is_err());
        assert_eq!(Glob::parse("Disk").unwrap().literal(), Some("disk"));
        assert_eq!(Glob::parse("d*").unwrap().literal(), None);
    }
}
