//! Days of birth: dates in the ways in which people write them, next to a word for birth.

use crate::class::Class;
use crate::detect::chain::{at, before, is_joined_before, is_joined_behind};
use crate::detect::checks::is_day;
use crate::detect::context::Surroundings;
use crate::detect::hints::Hint;
use crate::detect::number::Place;
use crate::detect::{Certainty, Match};

/// Years that people alive may be born in. The core has no clock; what is dated later isn't a birth anyway.
const YEARS: std::ops::RangeInclusive<u64> = 1900..=2035;

/// First letters of the months, in the languages of western Europe.
const MONTHS: [&[&str]; 12] = [
    &["jan", "gen", "ene", "sty", "led"],
    &["feb", "fev", "f\u{e9}v", "helm"],
    &["mar", "m\u{e4}r", "maa", "mrt"],
    &["apr", "avr", "abr", "kwi"],
    &["may", "mai", "mei", "mag", "maj"],
    &["jun", "juin", "giu", "cze"],
    &["jul", "juil", "lug", "lip"],
    &["aug", "aou", "ao\u{fb}", "ago", "sie"],
    &["sep", "set", "wrz"],
    &["oct", "okt", "ott", "out", "paz"],
    &["nov", "lis"],
    &["dec", "d\u{e9}c", "dez", "dic", "des", "gru"],
];

/// A date in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Written {
    start: usize,
    end: usize,
    /// It can be nothing else: the year has four digits, and there are separators or a month's name.
    is_plain: bool,
}

/// Looks for a date whose first digit is at `start`. Tells where it ends, if it is a date for certain or a birthday.
pub(crate) fn find(place: Place<'_>, start: usize, visit: &mut dyn FnMut(Match)) -> Option<usize> {
    let bytes = place.text.as_bytes();
    if is_joined_before(bytes, start) {
        return None;
    }
    let date = written(place.text, start)?;
    let surroundings = Surroundings::of(place.text, date.start, date.end, place.context);
    if surroundings.names_exactly(Hint::Birth) {
        visit(Match {
            class: Class::DateOfBirth,
            start: date.start,
            end: date.end,
            certainty: Certainty::Certain,
        });
        return Some(date.end);
    }
    date.is_plain.then_some(date.end)
}

/// Digits at a position, at most `most`, and their number.
fn digits(bytes: &[u8], position: usize, most: usize) -> Option<(usize, u64)> {
    let mut value = 0;
    let mut length = 0;
    while at(bytes, position + length).is_ascii_digit() {
        if length == most {
            return None;
        }
        value = value * 10 + u64::from(at(bytes, position + length) - b'0');
        length += 1;
    }
    (length > 0).then_some((length, value))
}

fn written(text: &str, start: usize) -> Option<Written> {
    let bytes = text.as_bytes();
    let (length, first) = digits(bytes, start, 8)?;
    let end = start + length;
    let separator = at(bytes, end);
    match length {
        8 => {
            let is_one = is_in_years(first / 10_000, first / 100 % 100, first % 100)
                || is_in_years(first % 10_000, first / 10_000 % 100, first / 1_000_000);
            (is_one && !at(bytes, end).is_ascii_alphanumeric() && !is_joined_behind(bytes, end)).then_some(Written {
                start,
                end,
                is_plain: false,
            })
        }
        4 if matches!(separator, b'-' | b'/' | b'.') => {
            let (month_length, month) = digits(bytes, end + 1, 2)?;
            let second = end + 1 + month_length;
            let (day_length, day) = digits(bytes, second + 1, 2)?;
            let end = second + 1 + day_length;
            // What follows may be a time: `1980-03-12T00:00:00Z`.
            let is_closed = !at(bytes, end).is_ascii_digit() && at(bytes, end) != b'-';
            (at(bytes, second) == separator && is_in_years(first, month, day) && is_closed).then_some(Written {
                start,
                end,
                is_plain: true,
            })
        }
        1 | 2 if matches!(separator, b'-' | b'/' | b'.') && at(bytes, end + 1).is_ascii_digit() => {
            with_separators(bytes, start, end, first)
        }
        1 | 2 if separator == b'.' && at(bytes, end + 1) == b' ' && at(bytes, end + 2).is_ascii_digit() => {
            with_dots_and_spaces(bytes, start, end, first)
        }
        1 | 2 => with_month_name(text, start, end, first),
        _ => None,
    }
}

fn is_in_years(year: u64, month: u64, day: u64) -> bool {
    YEARS.contains(&year) && is_day(year, month, day)
}

/// `12.03.1980`, `3/12/80`: whichever of the first two is the month.
fn with_separators(bytes: &[u8], start: usize, first_end: usize, first: u64) -> Option<Written> {
    let separator = at(bytes, first_end);
    let (length, second) = digits(bytes, first_end + 1, 2)?;
    let second_end = first_end + 1 + length;
    if at(bytes, second_end) != separator {
        return None;
    }
    let (length, year) = digits(bytes, second_end + 1, 4)?;
    dated(bytes, start, second_end + 1 + length, [first, second], length, year)
}

/// `12. 3. 1980`, as in Czech and Finnish.
fn with_dots_and_spaces(bytes: &[u8], start: usize, first_end: usize, first: u64) -> Option<Written> {
    let (length, second) = digits(bytes, first_end + 2, 2)?;
    let second_end = first_end + 2 + length;
    if at(bytes, second_end) != b'.' || at(bytes, second_end + 1) != b' ' {
        return None;
    }
    let (length, year) = digits(bytes, second_end + 2, 4)?;
    dated(bytes, start, second_end + 2 + length, [first, second], length, year)
}

fn dated(
    bytes: &[u8],
    start: usize,
    end: usize,
    [first, second]: [u64; 2],
    year_length: usize,
    year: u64,
) -> Option<Written> {
    let year = match year_length {
        4 => year,
        2 => 1900 + year,
        _ => return None,
    };
    let is_date = is_in_years(year, second, first) || is_in_years(year, first, second);
    (is_date && !is_joined_behind(bytes, end)).then_some(Written {
        start,
        end,
        is_plain: year_length == 4,
    })
}

/// `12 March 1980`, `12th of March, 1980`, `12. Maerz 1980`, `12-Mar-1980`, `March 12, 1980`.
fn with_month_name(text: &str, start: usize, day_end: usize, day: u64) -> Option<Written> {
    let bytes = text.as_bytes();
    let rest = text.get(day_end..)?;
    let rest = ["st", "nd", "rd", "th", "er"]
        .iter()
        .find_map(|ending| rest.strip_prefix(ending))
        .unwrap_or(rest);
    if let Some((month, behind)) = month_at(skip_small_words(rest)) {
        let behind = skip_small_words(behind);
        let year_start = text.len() - behind.len();
        let (length, year) = digits(bytes, year_start, 4)?;
        let end = year_start + length;
        let is_closed = length == 4 && !at(bytes, end).is_ascii_alphanumeric();
        return (is_closed && is_in_years(year, month, day)).then_some(Written {
            start,
            end,
            is_plain: true,
        });
    }
    let behind = skip_small_words(rest);
    let year_start = text.len() - behind.len();
    let (length, year) = digits(bytes, year_start, 4)?;
    if length != 4 || year_start == day_end || before(bytes, start) != b' ' {
        return None;
    }
    let head = text.get(..start - 1)?;
    let name_start = head
        .rfind(|character: char| !character.is_alphabetic() && character != '.')
        .map_or(0, |position| position + 1);
    let name_start = super::context::boundary_at_least(text, name_start);
    let (month, _) = month_at(text.get(name_start..start)?)?;
    let end = year_start + length;
    is_in_years(year, month, day).then_some(Written {
        start: name_start,
        end,
        is_plain: true,
    })
}

/// Behind separators and words like "of" and "de".
fn skip_small_words(text: &str) -> &str {
    let is_separator = |character: char| matches!(character, ' ' | '.' | ',' | '-' | '/');
    let mut rest = text.trim_start_matches(is_separator);
    for word in ["of ", "de ", "di ", "del ", "d'"] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    // Further than this it isn't one date.
    if text.len() - rest.len() > 6 { text } else { rest }
}

/// The month whose name a text begins with, and what follows the name.
fn month_at(text: &str) -> Option<(u64, &str)> {
    let length = text
        .find(|character: char| !character.is_alphabetic())
        .unwrap_or(text.len());
    let name = text
        .get(..length)
        .filter(|name| (3..=14).contains(&name.len()))?
        .to_lowercase();
    let month = MONTHS
        .iter()
        .position(|beginnings| beginnings.iter().any(|beginning| name.starts_with(beginning)))?;
    // "juin" and "juil" both begin with "jui", and are told apart by their own entries above.
    Some((month as u64 + 1, text.get(length..)?))
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn dates_are_read_as_people_write_them() {
        for text in [
            "1980-03-12",
            "1980/3/12",
            "12.03.1980",
            "3/12/1980",
            "12-03-80",
            "12 March 1980",
            "12th of March, 1980",
            "12. M\u{e4}rz 1980",
            "12-Mar-1980",
            "12 de marzo de 1980",
            "19800312",
            "12. 3. 1980",
            "12031980",
        ] {
            let found = written(text, 0).map(|date| (date.start, date.end));
            assert_eq!(found, Some((0, text.len())), "{text}");
        }
        assert_eq!(
            written("March 12, 1980", 6).map(|date| (date.start, date.end)),
            Some((0, 14))
        );
    }

    #[test]
    fn what_is_no_day_is_no_date() {
        for text in [
            "1980-13-12",
            "31.02.1980",
            "12.03",
            "192.168.1.1",
            "1.2.3",
            "12 monkeys 1980",
            "2500-01-01",
            "99999999",
        ] {
            assert_eq!(written(text, 0), None, "{text}");
        }
    }
}
