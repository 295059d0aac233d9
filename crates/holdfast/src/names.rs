//! Names of volumes and pins, and `NAME@MOMENT`.

use jiff::ZonedDateTime;

use crate::failure::Failure;
use crate::when::{When, parse_when};

/// Whether a volume or pin can have this name. The volume checks again; this decides what a text can mean.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    text.len() <= 64
        && characters.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// Splits `NAME@MOMENT` into the volume's name and the moment; without `@` the moment is `None`.
pub fn split_moment(text: &str, now: &ZonedDateTime) -> Result<(String, Option<When>), Failure> {
    match text.split_once('@') {
        None => Ok((text.to_owned(), None)),
        Some((name, moment)) => Ok((name.to_owned(), Some(parse_when(moment, now)?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_digits_and_a_few_marks() {
        for name in ["disk", "vm-7.root", "A_1", "7", &"x".repeat(64)] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            "-disk",
            ".hidden",
            "a/b",
            "a b",
            "disk@now",
            "\u{e4}",
            "#1",
            &"x".repeat(65),
        ] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn a_moment_follows_the_first_at_sign() {
        let now: ZonedDateTime = "2026-11-23T10:30:00[UTC]".parse().unwrap();
        assert_eq!(split_moment("disk", &now), Ok(("disk".to_owned(), None)));
        assert_eq!(
            split_moment("disk@nightly", &now),
            Ok(("disk".to_owned(), Some(When::Pin("nightly".to_owned()))))
        );
        assert!(split_moment("disk@", &now).is_err());
        assert!(split_moment("disk@a@b", &now).is_err());
    }
}
