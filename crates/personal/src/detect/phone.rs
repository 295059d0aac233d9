//! Phone numbers: international ones (ITU-T E.164) by their country code, national ones by their grouping or a word nearby.

use crate::class::Class;
use crate::detect::chain::{at, before, is_joined_behind, is_letter_beyond_ascii, separator_at};
use crate::detect::context::{Evidence, Surroundings};
use crate::detect::hints::Hint;
use crate::detect::number::Place;
use crate::detect::{Certainty, Match};

/// E.164 has 15; a national number is written with up to two zeros before it.
const DIGITS_MAX: usize = 17;
const GROUPS_MAX: usize = 8;
/// Fewest digits that a word alone makes a phone number: extensions and short codes reach nobody from outside.
const DIGITS_MIN: usize = 7;

/// Digits in groups, as they are written.
#[derive(Clone, Copy, Debug, Default)]
struct Written {
    has_plus: bool,
    digits: [u8; DIGITS_MAX],
    count: usize,
    groups: [u8; GROUPS_MAX],
    group_ends: [usize; GROUPS_MAX],
    group_count: usize,
    /// The only kind of separator between groups, 0 if there are several.
    separator: u8,
    /// The first group, or the one behind the country code, is in parentheses.
    has_parentheses: bool,
}

/// Looks for a phone number whose first digit is at `digit_start`. Tells where it ends.
pub(crate) fn find(place: Place<'_>, digit_start: usize, visit: &mut dyn FnMut(Match)) -> Option<usize> {
    let bytes = place.text.as_bytes();
    let start = start_of(bytes, digit_start)?;
    let written = read(bytes, start)?;
    if let Some(end) = international(&written, bytes).filter(|_| written.has_plus) {
        let end = end + extension_bytes(bytes, end);
        visit(Match {
            class: Class::PhoneNumber,
            start,
            end,
            certainty: Certainty::Certain,
        });
        return Some(end);
    }
    let end = written.end()?;
    if written.count < DIGITS_MIN || is_joined_behind(bytes, end) {
        return None;
    }
    let evidence = Surroundings::of(place.text, start, end, place.context).of_kind(Hint::Phone);
    let is_phone = match evidence {
        Evidence::For => written.count <= 15 && !written.is_one_digit(),
        Evidence::Silent => !written.has_plus && is_national(&written),
        Evidence::Against => false,
    };
    if !is_phone {
        return None;
    }
    let end = end + extension_bytes(bytes, end);
    visit(Match {
        class: Class::PhoneNumber,
        start,
        end,
        certainty: Certainty::Certain,
    });
    Some(end)
}

/// With a plus or a parenthesis before the first digit. None if the number has begun earlier.
fn start_of(bytes: &[u8], digit_start: usize) -> Option<usize> {
    let mut start = digit_start;
    if before(bytes, start) == b'(' {
        start -= 1;
    }
    if before(bytes, start) == b'+' {
        start -= 1;
    }
    let previous = before(bytes, start);
    let is_inside = previous.is_ascii_alphanumeric()
        || matches!(previous, b'_' | b'@' | b'#' | b'$' | b'%' | b'=' | b'+' | b'*') && !is_assigned(bytes, start);
    let is_behind = matches!(previous, b'-' | b'.' | b'/' | b',' | b':')
        && start
            .checked_sub(2)
            .is_some_and(|earlier| at(bytes, earlier).is_ascii_digit());
    let is_path = matches!(previous, b'/' | b'-')
        && start
            .checked_sub(2)
            .is_some_and(|earlier| at(bytes, earlier).is_ascii_alphanumeric());
    let is_letter = start
        .checked_sub(2)
        .is_some_and(|earlier| is_letter_beyond_ascii(bytes, earlier))
        && previous >= 0x80;
    (!is_inside && !is_behind && !is_path && !is_letter).then_some(start)
}

/// The length of an extension: `x123`, ` ext. 123`.
fn extension_bytes(bytes: &[u8], position: usize) -> usize {
    let rest = bytes.get(position..).unwrap_or_default();
    let beginning = ["x", " x", " ext. ", " ext ", "ext"]
        .iter()
        .find(|beginning| rest.starts_with(beginning.as_bytes()));
    let Some(beginning) = beginning else { return 0 };
    let digits = rest
        .get(beginning.len()..)
        .unwrap_or_default()
        .iter()
        .take(7)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let is_closed = !at(rest, beginning.len() + digits).is_ascii_alphanumeric();
    if (1..=6).contains(&digits) && is_closed {
        beginning.len() + digits
    } else {
        0
    }
}

/// `phone=...`, as in queries and settings.
fn is_assigned(bytes: &[u8], start: usize) -> bool {
    before(bytes, start) == b'='
}

fn read(bytes: &[u8], start: usize) -> Option<Written> {
    let mut written = Written::default();
    let mut position = start;
    if at(bytes, position) == b'+' {
        written.has_plus = true;
        position += 1;
    }
    let mut separators = 0_usize;
    let mut kind = None;
    loop {
        let byte = at(bytes, position);
        if byte.is_ascii_digit() {
            if !written.push(byte, separators > 0 || written.count == 0, position) {
                break;
            }
            separators = 0;
            position += 1;
        } else if byte == b'(' && separators <= 1 && !written.has_parentheses && written.group_count <= 2 {
            written.has_parentheses = true;
            separators += 1;
            position += 1;
        } else if byte == b')' && written.has_parentheses && separators == 0 && written.count > 0 {
            separators += 1;
            position += 1;
        } else if let Some((length, separator)) =
            separator_at(bytes, position).filter(|_| separators < 2 && written.count > 0)
        {
            kind = match kind {
                None => Some(separator),
                Some(known) if known == separator => Some(known),
                Some(_) => Some(0),
            };
            separators += 1;
            position += length;
        } else {
            break;
        }
    }
    // What is joined to letters is a name, not a number.
    let is_name = separators == 0
        && extension_bytes(bytes, position) == 0
        && (at(bytes, position).is_ascii_alphanumeric() || is_letter_beyond_ascii(bytes, position));
    written.separator = kind.unwrap_or(0);
    (!is_name && written.count > 0).then_some(written)
}

impl Written {
    /// Adds a digit. False if there is no room: then it is left out, with all that follows.
    fn push(&mut self, byte: u8, is_new_group: bool, position: usize) -> bool {
        if is_new_group {
            let Some(group) = self.groups.get_mut(self.group_count) else {
                return false;
            };
            *group = 0;
            self.group_count += 1;
        }
        let (Some(slot), Some(group), Some(end)) = (
            self.digits.get_mut(self.count),
            self.group_count
                .checked_sub(1)
                .and_then(|last| self.groups.get_mut(last)),
            self.group_count
                .checked_sub(1)
                .and_then(|last| self.group_ends.get_mut(last)),
        ) else {
            return false;
        };
        *slot = byte;
        *group += 1;
        *end = position + 1;
        self.count += 1;
        true
    }

    fn digits(&self) -> &[u8] {
        self.digits.get(..self.count).unwrap_or_default()
    }

    fn groups(&self) -> &[u8] {
        self.groups.get(..self.group_count).unwrap_or_default()
    }

    fn end(&self) -> Option<usize> {
        self.group_count
            .checked_sub(1)
            .and_then(|last| self.group_ends.get(last))
            .copied()
    }

    fn is_one_digit(&self) -> bool {
        self.digits().windows(2).all(|pair| pair.first() == pair.last())
    }
}

/// National digits behind the country codes whose numbering plans are narrow, from the fewest to the most.
const COUNTRIES: &[(&[u8], u8, u8)] = &[
    (b"1", 10, 10),
    (b"7", 10, 10),
    (b"20", 8, 10),
    (b"27", 9, 9),
    (b"30", 10, 10),
    (b"31", 9, 9),
    (b"32", 8, 9),
    (b"33", 9, 9),
    (b"34", 9, 9),
    (b"36", 8, 9),
    (b"39", 6, 11),
    (b"40", 9, 9),
    (b"41", 9, 9),
    (b"43", 6, 13),
    (b"44", 9, 10),
    (b"45", 8, 8),
    (b"46", 7, 10),
    (b"47", 8, 8),
    (b"48", 9, 9),
    (b"49", 6, 12),
    (b"52", 10, 10),
    (b"55", 10, 11),
    (b"61", 9, 9),
    (b"64", 8, 10),
    (b"65", 8, 8),
    (b"81", 9, 10),
    (b"82", 8, 10),
    (b"86", 10, 11),
    (b"90", 10, 10),
    (b"91", 10, 10),
    (b"351", 9, 9),
    (b"352", 6, 11),
    (b"353", 7, 9),
    (b"354", 7, 9),
    (b"358", 6, 11),
    (b"359", 7, 9),
    (b"370", 8, 8),
    (b"371", 8, 8),
    (b"372", 7, 8),
    (b"380", 9, 9),
    (b"385", 8, 9),
    (b"386", 8, 8),
    (b"420", 9, 9),
    (b"421", 9, 9),
    (b"852", 8, 8),
    (b"971", 8, 9),
    (b"972", 8, 9),
];

/// The first two digits of country codes of three digits that are given (ITU-T E.164 list).
const THREE_DIGITS: &[&[u8; 2]] = &[
    b"21", b"22", b"23", b"24", b"25", b"26", b"29", b"35", b"37", b"38", b"42", b"50", b"59", b"67", b"68", b"69",
    b"85", b"88", b"96", b"97", b"99",
];

/// Country codes of two digits without a row in [`COUNTRIES`].
const TWO_DIGITS: &[&[u8; 2]] = &[
    b"51", b"53", b"54", b"56", b"57", b"58", b"60", b"62", b"63", b"66", b"84", b"92", b"93", b"94", b"95", b"98",
];

/// The end of the longest run of groups that is a number of the country it begins with.
fn international(written: &Written, bytes: &[u8]) -> Option<usize> {
    let digits = written.digits();
    let known = COUNTRIES.iter().find(|(code, _, _)| digits.starts_with(code));
    let (code_length, fewest, most) = match known {
        Some((code, fewest, most)) => (code.len(), usize::from(*fewest), usize::from(*most)),
        None if TWO_DIGITS.iter().any(|code| digits.starts_with(code.as_slice())) => (2, 7, 11),
        None if THREE_DIGITS.iter().any(|code| digits.starts_with(code.as_slice())) => (3, 6, 11),
        None => return None,
    };
    // "(0)", which is dialled at home only.
    let has_zero = written.has_parentheses && digits.get(code_length) == Some(&b'0')
        || (digits.get(code_length) == Some(&b'0') && code_length > 1 && !digits.starts_with(b"39"));
    let extra = usize::from(has_zero);
    let mut total = 0;
    let mut best = None;
    for (group, end) in written.groups().iter().zip(written.group_ends) {
        total += usize::from(*group);
        let national = total.checked_sub(code_length + extra);
        if national.is_some_and(|national| (fewest..=most).contains(&national)) && !is_joined_behind(bytes, end) {
            best = Some(end);
        }
    }
    let first = digits.get(code_length + extra)?;
    let is_dialled = digits.first() != Some(&b'1') || is_north_american(digits.get(1..)?);
    (is_dialled && (*first != b'0' || digits.starts_with(b"39")))
        .then_some(best)
        .flatten()
}

/// Area code and exchange both begin with 2 to 9, and aren't service codes (NANPA).
fn is_north_american(digits: &[u8]) -> bool {
    let is_given =
        |from: usize| matches!(digits.get(from), Some(b'2'..=b'9')) && digits.get(from + 1..from + 3) != Some(b"11");
    digits.len() >= 10 && is_given(0) && is_given(3)
}

/// A number without a country code and without a word that names it: only where the grouping is one that people use.
fn is_national(written: &Written) -> bool {
    let (digits, groups) = (written.digits(), written.groups());
    let is_uniform = written.separator != 0;
    match groups {
        [3, 3, 4] => {
            is_north_american(digits)
                && (written.has_parentheses || (is_uniform && matches!(written.separator, b'-' | b'.')))
        }
        [1, 3, 3, 4] => {
            digits.starts_with(b"1")
                && is_uniform
                && written.separator == b'-'
                && is_north_american(digits.get(1..).unwrap_or_default())
        }
        // France, Belgium: pairs.
        [2, 2, 2, 2, 2] => {
            digits.starts_with(b"0")
                && matches!(digits.get(1), Some(b'1'..=b'9'))
                && is_uniform
                && written.separator != b'-'
        }
        // The Netherlands: mobile.
        [2, 8] => digits.starts_with(b"06") && is_uniform,
        _ if digits.starts_with(b"00") => false,
        // Britain and Ireland.
        [5, 6] | [5, 3, 3] | [4, 3, 4] | [3, 4, 4] | [5, 5] | [4, 4, 3] => {
            is_uniform_or_bracketed(written) && matches!(digits.get(..2), Some(b"01" | b"02" | b"03" | b"07" | b"08"))
        }
        // Germany, Austria, Switzerland: area code and number.
        [3..=5, 5..=8] => {
            digits.starts_with(b"0") && matches!(digits.get(1), Some(b'1'..=b'9')) && is_uniform_or_bracketed(written)
        }
        [3..=5, 2..=4, 2..=4] | [3..=5, 2..=4, 2..=4, 2] => {
            digits.starts_with(b"0")
                && matches!(digits.get(1), Some(b'1'..=b'9'))
                && (9..=12).contains(&digits.len())
                && written.separator != b'.'
        }
        _ => false,
    }
}

fn is_uniform_or_bracketed(written: &Written) -> bool {
    written.has_parentheses || (written.separator != 0 && written.separator != b'.')
}
