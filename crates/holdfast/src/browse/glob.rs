//! Patterns for names: `*` any characters, `?` one, `[a-z]` one of a set, `[!a-z]` one that isn't; `\` takes the next as it is.

use crate::failure::Failure;

/// A pattern for a whole name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    parts: Vec<Part>,
    ignores_case: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Any,
    One,
    Exactly(char),
    Set {
        ranges: Vec<(char, char)>,
        is_negated: bool,
    },
}

impl Glob {
    /// Reads a pattern.
    pub fn parse(text: &str, ignores_case: bool) -> Result<Self, Failure> {
        let folded = if ignores_case {
            text.to_lowercase()
        } else {
            text.to_owned()
        };
        let mut rest = folded.chars();
        let mut parts = Vec::new();
        while let Some(character) = rest.next() {
            parts.push(match character {
                // Several in a row are one: they would only take time.
                '*' if parts.last() == Some(&Part::Any) => continue,
                '*' => Part::Any,
                '?' => Part::One,
                '\\' => Part::Exactly(rest.next().ok_or_else(|| unusable(text))?),
                '[' => set(&mut rest).ok_or_else(|| unusable(text))?,
                other => Part::Exactly(other),
            });
        }
        Ok(Self { parts, ignores_case })
    }

    /// Whether a name is as the pattern says. Bytes that are no UTF-8 count as one character each, or a few.
    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        let text = String::from_utf8_lossy(name);
        let name: Vec<char> = if self.ignores_case {
            text.to_lowercase().chars().collect()
        } else {
            text.chars().collect()
        };
        let (mut part, mut at) = (0, 0);
        // Where to go on if what follows the last `*` doesn't fit: one character further.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match (self.parts.get(part), name.get(at)) {
                (Some(Part::Any), _) => {
                    retry = Some((part + 1, at));
                    part += 1;
                }
                (Some(one), Some(character)) if one.fits(*character) => {
                    part += 1;
                    at += 1;
                }
                (None, None) => return true,
                _ => match retry {
                    Some((after, from)) if from < name.len() => {
                        retry = Some((after, from + 1));
                        part = after;
                        at = from + 1;
                    }
                    _ => return false,
                },
            }
        }
    }
}

impl Part {
    fn fits(&self, character: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Exactly(wanted) => *wanted == character,
            Self::Set { ranges, is_negated } => {
                let is_in = ranges.iter().any(|(first, last)| (*first..=*last).contains(&character));
                is_in != *is_negated
            }
        }
    }
}

/// Reads a set behind its bracket; `None` if it has no end or is empty.
fn set(rest: &mut std::str::Chars<'_>) -> Option<Part> {
    let mut ranges = Vec::new();
    let mut next = rest.next()?;
    let is_negated = matches!(next, '!' | '^');
    if is_negated {
        next = rest.next()?;
    }
    loop {
        let first = if next == '\\' { rest.next()? } else { next };
        let mut last = first;
        next = rest.next()?;
        if next == '-' {
            next = rest.next()?;
            if next == ']' {
                ranges.push((first, first));
                ranges.push(('-', '-'));
                break;
            }
            last = next;
            next = rest.next()?;
        }
        ranges.push((first, last));
        if next == ']' {
            break;
        }
    }
    Some(Part::Set { ranges, is_negated })
}

fn unusable(text: &str) -> Failure {
    Failure::usage(format!("`{text}` is no pattern")).hint("write it like '*.docx', 'report-202?.pdf' or '[a-c]*'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Glob::parse(pattern, false).unwrap().matches(name.as_bytes())
    }

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, fits, fits_not) in [
            (
                "*.docx",
                &["a.docx", ".docx", "a.b.docx"][..],
                &["a.docx.x", "docx"][..],
            ),
            ("a*b*c", &["abc", "aXbYc", "abbcc"], &["ab", "acb"]),
            ("report-202?.pdf", &["report-2026.pdf"], &["report-202.pdf"]),
            ("[a-c]x", &["ax", "cx"], &["dx", "x"]),
            ("[!a-c]x", &["dx"], &["ax"]),
            ("[]x]y", &["]y", "xy"], &["ay"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("\\*", &["*"], &["a"]),
            ("", &[""], &["a"]),
            ("**", &["", "a"], &[]),
        ] {
            for name in fits {
                assert!(matches(pattern, name), "{pattern} {name}");
            }
            for name in fits_not {
                assert!(!matches(pattern, name), "{pattern} {name}");
            }
        }
        let glob = Glob::parse("*.TXT", true).unwrap();
        assert!(glob.matches(b"a.txt") && glob.matches(b"B.Txt"));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = "*a".repeat(100) + "b";
        assert!(!matches(&pattern, &"a".repeat(5000)));
    }

    #[test]
    fn sets_without_an_end_are_refused() {
        for pattern in ["[abc", "[", "[!", "a\\", "[a-"] {
            assert!(Glob::parse(pattern, false).is_err(), "{pattern}");
        }
    }
}
