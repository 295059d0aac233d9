//! National identifiers: how they are written, and how they are checked.
//!
//! Check digits follow the issuers' publications, as python-stdnum and the European Commission's TIN portal collect them.

use crate::class::Class;
use crate::detect::checks::{
    digit, ean_13, has_day_month_year, has_year_month_day, is_all_digits, is_day, is_day_of_some_year,
    is_one_digit_repeated, luhn, mod_11_10, number, weighted,
};

/// What is needed besides a passed check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: the check is strong, or the way of writing is the identifier's own.
    Nothing,
    /// Nothing, unless a word nearby says that it is something else.
    NoDenial,
    /// A word nearby that says so.
    Hint,
    /// A word nearby, or a column of a table in which nearly all values pass.
    HintOrColumn,
}

/// One way of writing: lengths of words, and what may stand between them. `*` allows mixtures.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) groups: &'static [u8],
    pub(crate) separators: &'static [u8],
    pub(crate) needs: Needs,
}

const fn layout(groups: &'static [u8], separators: &'static [u8], needs: Needs) -> Layout {
    Layout {
        groups,
        separators,
        needs,
    }
}

/// A kind of identifier.
#[derive(Debug)]
pub(crate) struct Scheme {
    pub(crate) class: Class,
    pub(crate) layouts: &'static [Layout],
    pub(crate) check: fn(&[u8]) -> bool,
}

use Needs::{Hint, HintOrColumn, NoDenial, Nothing};

/// All schemes; of two that both fit, the first wins unless a word says otherwise.
pub(crate) const SCHEMES: &[Scheme] = &[
    Scheme {
        class: Class::ItCodiceFiscale,
        layouts: &[
            layout(&[16], b"", Nothing),
            layout(&[3, 3, 5, 5], b" -", Nothing),
            layout(&[6, 5, 5], b" -", Nothing),
            layout(&[6, 2, 3, 5], b" -", Nothing),
        ],
        check: is_codice_fiscale,
    },
    Scheme {
        class: Class::FrNir,
        layouts: &[
            layout(&[15], b"", NoDenial),
            layout(&[13, 2], b" -/", NoDenial),
            layout(&[1, 2, 2, 2, 3, 3, 2], b" .-*", Nothing),
            layout(&[1, 2, 2, 2, 3, 3], b" .-", Hint),
            layout(&[13], b"", Hint),
        ],
        check: is_nir,
    },
    Scheme {
        class: Class::FiHetu,
        layouts: &[layout(&[6, 4], b"-+", NoDenial), layout(&[11], b"", Nothing)],
        check: is_hetu,
    },
    Scheme {
        class: Class::ChAhv,
        layouts: &[layout(&[3, 4, 4, 2], b". ", Nothing), layout(&[13], b"", NoDenial)],
        check: |compact| compact.starts_with(b"756") && ean_13(compact),
    },
    Scheme {
        class: Class::UkNino,
        layouts: &[
            layout(&[9], b"", NoDenial),
            layout(&[2, 2, 2, 2, 1], b" -", NoDenial),
            layout(&[2, 6, 1], b" -", NoDenial),
        ],
        check: is_nino,
    },
    Scheme {
        class: Class::EsDni,
        layouts: &[
            layout(&[9], b"", NoDenial),
            layout(&[8, 1], b"- ", NoDenial),
            layout(&[2, 3, 3, 1], b".-*", NoDenial),
        ],
        check: is_dni,
    },
    Scheme {
        class: Class::EsNie,
        layouts: &[layout(&[9], b"", NoDenial), layout(&[1, 7, 1], b"- ", NoDenial)],
        check: is_nie,
    },
    Scheme {
        class: Class::IePpsn,
        layouts: &[
            layout(&[8], b"", HintOrColumn),
            layout(&[9], b"", NoDenial),
            layout(&[7, 1], b" -", Hint),
            layout(&[7, 2], b" -", Hint),
        ],
        check: is_ppsn,
    },
    Scheme {
        class: Class::UsSsn,
        layouts: &[
            layout(&[3, 2, 4], b"-", NoDenial),
            layout(&[3, 2, 4], b" .", Hint),
            layout(&[9], b"", Hint),
        ],
        check: is_ssn,
    },
    Scheme {
        class: Class::UsItin,
        layouts: &[
            layout(&[3, 2, 4], b"-", NoDenial),
            layout(&[3, 2, 4], b" .", Hint),
            layout(&[9], b"", Hint),
        ],
        check: is_itin,
    },
    Scheme {
        class: Class::UkNhsNumber,
        layouts: &[
            layout(&[3, 3, 4], b" -", HintOrColumn),
            layout(&[10], b"", HintOrColumn),
        ],
        check: is_nhs_number,
    },
    Scheme {
        class: Class::BeNationalNumber,
        layouts: &[
            layout(&[2, 2, 2, 3, 2], b". -*", Nothing),
            layout(&[6, 3, 2], b" -.*", NoDenial),
            layout(&[11], b"", NoDenial),
        ],
        check: is_belgian,
    },
    Scheme {
        class: Class::NoFodselsnummer,
        layouts: &[layout(&[6, 5], b" -", NoDenial), layout(&[11], b"", NoDenial)],
        check: is_norwegian,
    },
    Scheme {
        class: Class::DeSteuerId,
        layouts: &[layout(&[2, 3, 3, 3], b" /", NoDenial), layout(&[11], b"", HintOrColumn)],
        check: is_steuer_id,
    },
    Scheme {
        class: Class::PlPesel,
        layouts: &[layout(&[11], b"", HintOrColumn)],
        check: is_pesel,
    },
    Scheme {
        class: Class::EePersonalCode,
        layouts: &[layout(&[11], b"", HintOrColumn)],
        check: is_baltic,
    },
    Scheme {
        class: Class::GrAmka,
        layouts: &[layout(&[11], b"", HintOrColumn)],
        check: |compact| has_day_month_year(compact, 0) && luhn(compact),
    },
    Scheme {
        class: Class::HrOib,
        layouts: &[layout(&[11], b"", HintOrColumn)],
        check: |compact| !is_one_digit_repeated(compact) && mod_11_10(compact),
    },
    Scheme {
        class: Class::SePersonnummer,
        layouts: &[
            layout(&[6, 4], b"-+", NoDenial),
            layout(&[8, 4], b"-+", NoDenial),
            layout(&[10], b"", HintOrColumn),
            layout(&[12], b"", HintOrColumn),
        ],
        check: is_swedish,
    },
    Scheme {
        class: Class::DkCpr,
        layouts: &[layout(&[6, 4], b"- ", Hint), layout(&[10], b"", Hint)],
        check: |compact| is_all_digits(compact) && has_day_month_year(compact, 0),
    },
    Scheme {
        class: Class::CzRodneCislo,
        layouts: &[
            layout(&[6, 4], b"/", NoDenial),
            layout(&[6, 3], b"/", Hint),
            layout(&[10], b"", HintOrColumn),
        ],
        check: is_rodne_cislo,
    },
    Scheme {
        class: Class::BgEgn,
        layouts: &[layout(&[10], b"", HintOrColumn)],
        check: is_egn,
    },
    Scheme {
        class: Class::AtSvnr,
        layouts: &[
            layout(&[4, 6], b" -/", NoDenial),
            layout(&[10], b"", HintOrColumn),
            layout(&[4, 2, 2, 2], b" ", Hint),
        ],
        check: is_svnr,
    },
    Scheme {
        class: Class::HuTaxId,
        layouts: &[layout(&[10], b"", HintOrColumn)],
        check: is_hungarian,
    },
    Scheme {
        class: Class::NlBsn,
        layouts: &[
            layout(&[9], b"", HintOrColumn),
            layout(&[4, 2, 3], b". ", Hint),
            layout(&[3, 3, 3], b". ", Hint),
        ],
        check: is_bsn,
    },
    Scheme {
        class: Class::PtNif,
        layouts: &[layout(&[9], b"", HintOrColumn), layout(&[3, 3, 3], b" .", Hint)],
        check: is_nif,
    },
    Scheme {
        class: Class::RoCnp,
        layouts: &[layout(&[13], b"", HintOrColumn)],
        check: is_cnp,
    },
    Scheme {
        class: Class::SiEmso,
        layouts: &[layout(&[13], b"", HintOrColumn)],
        check: is_emso,
    },
];

/// HMRC: two letters, six digits, A to D. There is no check digit; some letters and pairs are never given.
fn is_nino(compact: &[u8]) -> bool {
    let [first, second, digits @ .., suffix] = compact else {
        return false;
    };
    let is_prefix = first.is_ascii_uppercase()
        && second.is_ascii_uppercase()
        && !b"DFIQUV".contains(first)
        && !b"DFIQUVO".contains(second);
    let is_given = ![b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"].contains(&&[*first, *second]);
    is_prefix && is_given && digits.len() == 6 && is_all_digits(digits) && (b'A'..=b'D').contains(suffix)
}

/// NHS: weights 10 to 2, modulo 11; 10 isn't given.
fn is_nhs_number(compact: &[u8]) -> bool {
    let Some(sum) = weighted(compact, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) else {
        return false;
    };
    !is_one_digit_repeated(compact) && Some((11 - sum % 11) % 11) == digit(compact, 9)
}

/// SSA: no area 000, 666 or from 900, no group 00, no serial 0000. 078-05-1120 and 219-09-9999 were printed in advertisements.
fn is_ssn(compact: &[u8]) -> bool {
    let (Some(area), Some(group), Some(serial)) = (number(compact, 0, 3), number(compact, 3, 5), number(compact, 5, 9))
    else {
        return false;
    };
    let is_given = area != 0 && area != 666 && area < 900 && group != 0 && serial != 0;
    is_given
        && ![b"078051120", b"219099999", b"123456789"]
            .iter()
            .any(|example| compact == *example)
}

/// IRS: area from 900, groups 50 to 65, 70 to 88, 90 to 92, 94 to 99.
fn is_itin(compact: &[u8]) -> bool {
    let (Some(area), Some(group)) = (number(compact, 0, 3), number(compact, 3, 5)) else {
        return false;
    };
    is_all_digits(compact) && area >= 900 && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

/// Weights over the serial and the birthday, modulo 11; the check digit is the fourth.
fn is_svnr(compact: &[u8]) -> bool {
    let Some(sum) = weighted(compact, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) else {
        return false;
    };
    // Months 13 and up are given when a day has no numbers left.
    let Some(day) = number(compact, 4, 6) else { return false };
    let Some(month) = number(compact, 6, 8) else {
        return false;
    };
    digit(compact, 0) != Some(0)
        && (1..=31).contains(&day)
        && (1..=15).contains(&month)
        && Some(sum % 11) == digit(compact, 3)
}

/// The first nine digits modulo 97, with a 2 before them for those born from 2000 on.
fn is_belgian(compact: &[u8]) -> bool {
    let (Some(first), Some(check)) = (number(compact, 0, 9), number(compact, 9, 11)) else {
        return false;
    };
    let (Some(month), Some(day)) = (number(compact, 2, 4), number(compact, 4, 6)) else {
        return false;
    };
    // 20 or 40 is added to the month of people who aren't residents.
    let is_dated = matches!(month % 20, 0..=12) && month < 53 && day <= 31;
    is_dated && (97 - first % 97 == check || 97 - (first + 2_000_000_000) % 97 == check)
}

/// Weights are powers of two modulo 11; 20 or 40 is added to the month outside the 20th century.
fn is_egn(compact: &[u8]) -> bool {
    let (Some(sum), Some(month), Some(day)) = (
        weighted(compact, &[2, 4, 8, 5, 10, 9, 7, 3, 6]),
        number(compact, 2, 4),
        number(compact, 4, 6),
    ) else {
        return false;
    };
    month < 53 && is_day_of_some_year(month % 20, day) && Some(sum % 11 % 10) == digit(compact, 9)
}

/// A multiple of 11; women have 50 added to the month, and 20 when a day has no numbers left. Nine digits until 1953, unchecked.
fn is_rodne_cislo(compact: &[u8]) -> bool {
    let (Some(year), Some(month), Some(day)) = (number(compact, 0, 2), number(compact, 2, 4), number(compact, 4, 6))
    else {
        return false;
    };
    let month = if month > 50 { month - 50 } else { month };
    let month = if month > 20 { month - 20 } else { month };
    let is_checked = match compact.len() {
        9 => year < 54 && is_all_digits(compact),
        // Until 1985 a rest of 10 was written as 0.
        _ => number(compact, 0, 10).is_some_and(|all| all % 11 == 0 || (all % 10 == 0 && (all / 10) % 11 == 10)),
    };
    is_day_of_some_year(month, day) && is_checked
}

/// ISO 7064 MOD 11,10; of the first ten digits exactly one comes twice or three times, the others at most once.
fn is_steuer_id(compact: &[u8]) -> bool {
    let mut counts = [0_u8; 10];
    for position in 0..10 {
        let Some(value) = digit(compact, position) else {
            return false;
        };
        let Some(count) = counts.get_mut(value as usize) else {
            return false;
        };
        *count += 1;
    }
    let repeated = counts.iter().filter(|count| **count > 1).count();
    digit(compact, 0) != Some(0) && repeated == 1 && counts.iter().all(|count| *count <= 3) && mod_11_10(compact)
}

/// Weights 1 to 9 and 1, and if the rest is 10, weights 3 to 9 and 1 to 3. The first digit is century and sex.
fn is_baltic(compact: &[u8]) -> bool {
    let first = weighted(compact, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]).map(|sum| sum % 11);
    let second = weighted(compact, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]).map(|sum| sum % 11 % 10);
    let check = if first == Some(10) { second } else { first };
    matches!(digit(compact, 0), Some(1..=8))
        && has_year_month_day(compact, 1)
        && check.is_some()
        && check == digit(compact, 10)
}

const DNI_LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

/// The letter is chosen by the number modulo 23.
fn is_dni(compact: &[u8]) -> bool {
    let Some(value) = number(compact, 0, 8) else {
        return false;
    };
    let letter = DNI_LETTERS.get((value % 23) as usize);
    value > 99_999 && !is_one_digit_repeated(compact.get(..8).unwrap_or_default()) && letter == compact.get(8)
}

/// The same, with X, Y or Z for a leading 0, 1 or 2.
fn is_nie(compact: &[u8]) -> bool {
    let Some(lead) = compact
        .first()
        .and_then(|letter| b"XYZ".iter().position(|known| known == letter))
    else {
        return false;
    };
    let Some(value) = number(compact, 1, 8) else {
        return false;
    };
    let letter = DNI_LETTERS.get(((lead as u64 * 10_000_000 + value) % 23) as usize);
    letter == compact.get(8)
}

/// The number without the century's sign modulo 31 chooses the last character. The signs of 2023 are known too.
fn is_hetu(compact: &[u8]) -> bool {
    // In the layout with a hyphen the sign isn't part of the letters and digits.
    let (date, serial) = match compact.len() {
        10 => (compact.get(..6), compact.get(6..)),
        11 if compact.get(6).is_some_and(|sign| b"ABCDEFYXWVU".contains(sign)) => (compact.get(..6), compact.get(7..)),
        _ => return false,
    };
    let (Some(date), Some(serial)) = (date, serial) else {
        return false;
    };
    let (Some(day), Some(number)) = (number(date, 0, 6), number(serial, 0, 3)) else {
        return false;
    };
    let check = b"0123456789ABCDEFHJKLMNPRSTUVWXY".get(((day * 1000 + number) % 31) as usize);
    has_day_month_year(date, 0) && number >= 2 && check == serial.get(3)
}

/// 97 minus the number modulo 97; Corsica's 2A and 2B count as 19 and 18. Without the key only the structure is checked.
fn is_nir(compact: &[u8]) -> bool {
    let mut digits = [0_u8; 15];
    let Some(copy) = digits.get_mut(..compact.len()) else {
        return false;
    };
    copy.copy_from_slice(compact);
    match compact.get(5..7) {
        Some(b"2A") => copy.get_mut(5..7).unwrap_or_default().copy_from_slice(b"19"),
        Some(b"2B") => copy.get_mut(5..7).unwrap_or_default().copy_from_slice(b"18"),
        _ => {}
    }
    let (Some(value), Some(month), Some(department)) = (number(copy, 0, 13), number(copy, 3, 5), number(copy, 5, 7))
    else {
        return false;
    };
    let is_structure = matches!(digit(copy, 0), Some(1..=4 | 7 | 8))
        && matches!(month, 1..=12 | 20..=42 | 50..=99)
        && matches!(department, 1..=99);
    is_structure && (copy.len() == 13 || number(copy, 13, 15) == Some(97 - value % 97))
}

/// The first digit is 8; the check digit is the weighted sum modulo 11.
fn is_hungarian(compact: &[u8]) -> bool {
    let sum = weighted(compact, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    digit(compact, 0) == Some(8) && sum.is_some_and(|sum| Some(sum % 11) == digit(compact, 9))
}

/// Weights 8 to 2 and 9 for the second letter; the sum modulo 23 chooses the letter, W for 0.
fn is_ppsn(compact: &[u8]) -> bool {
    let Some(sum) = weighted(compact, &[8, 7, 6, 5, 4, 3, 2]) else {
        return false;
    };
    let second = match compact.get(8) {
        None | Some(b'W') => 0,
        Some(letter @ b'A'..=b'I') => u32::from(letter - b'A') + 1,
        Some(_) => return false,
    };
    let check = b"WABCDEFGHIJKLMNOPQRSTUV".get(((sum + second * 9) % 23) as usize);
    check == compact.get(7) && !compact.starts_with(b"0000000")
}

/// Values of the characters at odd places, for 0 to 9 and A to Z (decree of 23 December 1976).
const CODICE_ODD: [u32; 26] = [
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
];

/// Six letters of the name, year, month's letter, day, place, and a letter that checks them.
fn is_codice_fiscale(compact: &[u8]) -> bool {
    let shape = b"LLLLLLDDMDDLDDDL";
    let is_shape = compact.len() == 16
        && compact.iter().zip(shape).all(|(byte, kind)| match kind {
            b'L' => byte.is_ascii_uppercase(),
            b'M' => b"ABCDEHLMPRST".contains(byte),
            // Where two people's codes would be the same, digits are written as letters.
            _ => byte.is_ascii_digit() || b"LMNPQRSTUV".contains(byte),
        });
    let Some((last, payload)) = compact.split_last() else {
        return false;
    };
    let sum: u32 = payload
        .iter()
        .enumerate()
        .map(|(place, byte)| codice_value(place, *byte))
        .sum();
    is_shape && u32::from(last.wrapping_sub(b'A')) == sum % 26
}

fn codice_value(place: usize, byte: u8) -> u32 {
    let value = u32::from(if byte.is_ascii_digit() {
        byte - b'0'
    } else {
        byte.saturating_sub(b'A')
    });
    if place % 2 == 1 {
        value
    } else {
        CODICE_ODD.get(value as usize).copied().unwrap_or(0)
    }
}

/// The eleven test: weights 9 to 2 and -1.
fn is_bsn(compact: &[u8]) -> bool {
    let (Some(sum), Some(last)) = (weighted(compact, &[9, 8, 7, 6, 5, 4, 3, 2]), digit(compact, 8)) else {
        return false;
    };
    !is_one_digit_repeated(compact) && (sum + 11 - last).is_multiple_of(11)
}

/// Two check digits modulo 11; 40 is added to the day of those who aren't residents.
fn is_norwegian(compact: &[u8]) -> bool {
    let first = weighted(compact, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_some_and(|sum| sum % 11 == 0);
    let second = weighted(compact, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_some_and(|sum| sum % 11 == 0);
    let (Some(day), Some(month)) = (number(compact, 0, 2), number(compact, 2, 4)) else {
        return false;
    };
    first && second && is_day_of_some_year(month, if day > 40 { day - 40 } else { day })
}

/// Weights 1 3 7 9; the month has 20, 40, 60 or 80 added outside the 20th century.
fn is_pesel(compact: &[u8]) -> bool {
    let (Some(sum), Some(month), Some(day)) = (
        weighted(compact, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]),
        number(compact, 2, 4),
        number(compact, 4, 6),
    ) else {
        return false;
    };
    sum % 10 == 0 && is_day_of_some_year(month % 20, day)
}

/// Weights 9 to 2 modulo 11. People's numbers begin with 1, 2, 3 and 45; the others are companies'.
fn is_nif(compact: &[u8]) -> bool {
    let Some(sum) = weighted(compact, &[9, 8, 7, 6, 5, 4, 3, 2]) else {
        return false;
    };
    let rest = sum % 11;
    let check = if rest < 2 { 0 } else { 11 - rest };
    let is_person = matches!(digit(compact, 0), Some(1..=3)) || compact.starts_with(b"45");
    is_person && Some(check) == digit(compact, 8)
}

/// Sex and century, date, county, serial; the key 279146358279 modulo 11, 1 for 10.
fn is_cnp(compact: &[u8]) -> bool {
    let (Some(sum), Some(county)) = (
        weighted(compact, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]),
        number(compact, 7, 9),
    ) else {
        return false;
    };
    let check = if sum % 11 == 10 { 1 } else { sum % 11 };
    let is_structure =
        matches!(digit(compact, 0), Some(1..=9)) && has_year_month_day(compact, 1) && (1..=70).contains(&county);
    is_structure && Some(check) == digit(compact, 12)
}

/// Luhn over the last ten digits; 60 is added to the day in coordination numbers.
fn is_swedish(compact: &[u8]) -> bool {
    let Some(start) = compact.len().checked_sub(10) else {
        return false;
    };
    let Some(ten) = compact.get(start..) else { return false };
    let (Some(month), Some(day)) = (number(ten, 2, 4), number(ten, 4, 6)) else {
        return false;
    };
    let day = if day > 60 { day - 60 } else { day };
    let is_dated = match number(compact, 0, start) {
        Some(century) => number(ten, 0, 2).is_some_and(|year| is_day(century * 100 + year, month, day)),
        None => is_day_of_some_year(month, day),
    };
    is_dated && luhn(ten)
}

/// Day, month, last three digits of the year, region, serial; weights 7 6 5 4 3 2 modulo 11.
fn is_emso(compact: &[u8]) -> bool {
    let (Some(sum), Some(day), Some(month), Some(year)) = (
        weighted(compact, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]),
        number(compact, 0, 2),
        number(compact, 2, 4),
        number(compact, 4, 7),
    ) else {
        return false;
    };
    // A rest of 1 gives 10, which is written as 0.
    let check = (11 - sum % 11) % 11 % 10;
    is_day(if year > 800 { 1000 + year } else { 2000 + year }, month, day) && Some(check) == digit(compact, 12)
}
