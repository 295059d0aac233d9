//! Check digits and dates, as their standards define them. Everything takes letters in upper case and digits, and nothing else.

/// The value of a digit at a position; none if there is no digit.
pub(crate) fn digit(compact: &[u8], position: usize) -> Option<u32> {
    compact
        .get(position)
        .filter(|byte| byte.is_ascii_digit())
        .map(|byte| u32::from(byte - b'0'))
}

/// The number that some digits are; none if there are others, or more than 18.
pub(crate) fn number(compact: &[u8], from: usize, to: usize) -> Option<u64> {
    let part = compact
        .get(from..to)
        .filter(|part| !part.is_empty() && part.len() <= 18)?;
    part.iter().try_fold(0_u64, |sum, byte| {
        byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0'))
    })
}

/// Whether everything is digits.
pub(crate) fn is_all_digits(compact: &[u8]) -> bool {
    compact.iter().all(u8::is_ascii_digit)
}

/// Whether all are the same: placeholders pass many checks.
pub(crate) fn is_one_digit_repeated(compact: &[u8]) -> bool {
    compact.windows(2).all(|pair| pair.first() == pair.last())
}

/// The sum of digits times weights; none if there are fewer digits than weights.
pub(crate) fn weighted(compact: &[u8], weights: &[u32]) -> Option<u32> {
    weights.iter().enumerate().try_fold(0, |sum, (position, weight)| {
        Some(sum + digit(compact, position)? * weight)
    })
}

/// Luhn: every second digit from the right is doubled, the sum of all digits is a multiple of ten (ISO/IEC 7812-1, annex B).
pub(crate) fn luhn(digits: &[u8]) -> bool {
    let mut sum = 0;
    for (place, byte) in digits.iter().rev().enumerate() {
        if !byte.is_ascii_digit() {
            return false;
        }
        let value = u32::from(byte - b'0');
        let doubled = if place % 2 == 1 { value * 2 } else { value };
        sum += doubled / 10 + doubled % 10;
    }
    sum % 10 == 0
}

/// ISO 7064, MOD 11,10: the last digit checks the others.
pub(crate) fn mod_11_10(digits: &[u8]) -> bool {
    let Some((last, payload)) = digits.split_last() else {
        return false;
    };
    if !is_all_digits(digits) {
        return false;
    }
    let product = payload.iter().fold(10, |product, byte| {
        let sum = (u32::from(byte - b'0') + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == u32::from(last - b'0')
}

/// EAN-13: weights 1 and 3 in turn.
pub(crate) fn ean_13(digits: &[u8]) -> bool {
    digits.len() == 13 && weighted(digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_some_and(|sum| sum % 10 == 0)
}

/// ISO 7064, MOD 97-10, over letters and digits with the first four moved to the end, as in an IBAN.
pub(crate) fn mod_97_moved(compact: &[u8]) -> bool {
    let (Some(head), Some(tail)) = (compact.get(..4), compact.get(4..)) else {
        return false;
    };
    let rest = tail.iter().chain(head).try_fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => Some((rest * 10 + u32::from(byte - b'0')) % 97),
        b'A'..=b'Z' => Some((rest * 100 + u32::from(byte - b'A') + 10) % 97),
        _ => None,
    });
    rest == Some(1)
}

/// A day of the calendar, years from 1850 to 2039: somebody alive, or nearly so.
pub(crate) fn is_day(year: u64, month: u64, day: u64) -> bool {
    (1850..2040).contains(&year) && is_day_of_some_year(month, day) && (month != 2 || day != 29 || is_leap(year))
}

/// A day of the calendar in some year.
pub(crate) fn is_day_of_some_year(month: u64, day: u64) -> bool {
    let days = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    day >= 1 && day <= days
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// Digits `YYMMDD` at a position, in a year of any century.
pub(crate) fn has_year_month_day(compact: &[u8], position: usize) -> bool {
    let (Some(month), Some(day)) = (
        number(compact, position + 2, position + 4),
        number(compact, position + 4, position + 6),
    ) else {
        return false;
    };
    number(compact, position, position + 2).is_some() && is_day_of_some_year(month, day)
}

/// Digits `DDMMYY` at a position, in a year of any century.
pub(crate) fn has_day_month_year(compact: &[u8], position: usize) -> bool {
    let (Some(day), Some(month)) = (
        number(compact, position, position + 2),
        number(compact, position + 2, position + 4),
    ) else {
        return false;
    };
    number(compact, position + 4, position + 6).is_some() && is_day_of_some_year(month, day)
}

#[cfg(test)]
mod tests {
    use super::{ean_13, is_day, luhn, mod_11_10, mod_97_moved};

    type Case = (fn(&[u8]) -> bool, &'static [u8]);

    #[test]
    fn check_digits_of_published_examples_are_right_and_any_other_digit_is_wrong() {
        let cases: [Case; 4] = [
            (luhn, b"4111111111111111"),
            (mod_11_10, b"86095742719"),
            (ean_13, b"7569217076985"),
            (mod_97_moved, b"GB82WEST12345698765432"),
        ];
        for (check, example) in cases {
            assert!(check(example));
            for digit in b'0'..=b'9' {
                let mut changed = example.to_vec();
                *changed.last_mut().unwrap() = digit;
                assert_eq!(check(&changed), changed == example);
            }
        }
    }

    #[test]
    fn the_calendar_has_its_leap_years() {
        assert!(is_day(2000, 2, 29) && is_day(1980, 2, 29));
        assert!(!is_day(1900, 2, 29) && !is_day(1981, 2, 29) && !is_day(1981, 4, 31) && !is_day(1700, 1, 1));
    }
}
