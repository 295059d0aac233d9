//! Names: 8.3 in the character set of the machine, and long ones in entries of their own before it.

use crate::little_endian::{array_at, u8_at, u16_at, utf8_from_utf16};

/// Most entries of a long name: 20 of 13 code units.
const LONG_ENTRIES_MAX: u8 = 20;

/// The upper half of code page 437, that of the first IBM PC. Which one wrote a name isn't stored; Windows gives every name that isn't
/// plain ASCII a long one as well.
const CODE_PAGE_437: [char; 128] = [
    '\u{c7}', '\u{fc}', '\u{e9}', '\u{e2}', '\u{e4}', '\u{e0}', '\u{e5}', '\u{e7}', '\u{ea}', '\u{eb}', '\u{e8}',
    '\u{ef}', '\u{ee}', '\u{ec}', '\u{c4}', '\u{c5}', '\u{c9}', '\u{e6}', '\u{c6}', '\u{f4}', '\u{f6}', '\u{f2}',
    '\u{fb}', '\u{f9}', '\u{ff}', '\u{d6}', '\u{dc}', '\u{a2}', '\u{a3}', '\u{a5}', '\u{20a7}', '\u{192}', '\u{e1}',
    '\u{ed}', '\u{f3}', '\u{fa}', '\u{f1}', '\u{d1}', '\u{aa}', '\u{ba}', '\u{bf}', '\u{2310}', '\u{ac}', '\u{bd}',
    '\u{bc}', '\u{a1}', '\u{ab}', '\u{bb}', '\u{2591}', '\u{2592}', '\u{2593}', '\u{2502}', '\u{2524}', '\u{2561}',
    '\u{2562}', '\u{2556}', '\u{2555}', '\u{2563}', '\u{2551}', '\u{2557}', '\u{255d}', '\u{255c}', '\u{255b}',
    '\u{2510}', '\u{2514}', '\u{2534}', '\u{252c}', '\u{251c}', '\u{2500}', '\u{253c}', '\u{255e}', '\u{255f}',
    '\u{255a}', '\u{2554}', '\u{2569}', '\u{2566}', '\u{2560}', '\u{2550}', '\u{256c}', '\u{2567}', '\u{2568}',
    '\u{2564}', '\u{2565}', '\u{2559}', '\u{2558}', '\u{2552}', '\u{2553}', '\u{256b}', '\u{256a}', '\u{2518}',
    '\u{250c}', '\u{2588}', '\u{2584}', '\u{258c}', '\u{2590}', '\u{2580}', '\u{3b1}', '\u{df}', '\u{393}', '\u{3c0}',
    '\u{3a3}', '\u{3c3}', '\u{b5}', '\u{3c4}', '\u{3a6}', '\u{398}', '\u{3a9}', '\u{3b4}', '\u{221e}', '\u{3c6}',
    '\u{3b5}', '\u{2229}', '\u{2261}', '\u{b1}', '\u{2265}', '\u{2264}', '\u{2320}', '\u{2321}', '\u{f7}', '\u{2248}',
    '\u{b0}', '\u{2219}', '\u{b7}', '\u{221a}', '\u{207f}', '\u{b2}', '\u{25a0}', '\u{a0}',
];

/// Bits of an entry's byte 12: base and extension are meant in lower case.
const LOWER_BASE: u8 = 0x08;
const LOWER_EXTENSION: u8 = 0x10;

fn decode(bytes: &[u8], is_lower: bool, into: &mut String) {
    for byte in bytes.trim_ascii_end() {
        let character = match byte {
            0..=0x7f => char::from(*byte),
            _ => CODE_PAGE_437.get(usize::from(byte & 0x7f)).copied().unwrap_or('?'),
        };
        if is_lower {
            into.extend(character.to_lowercase());
        } else {
            into.push(character);
        }
    }
}

/// The name of an entry without a long one.
pub(super) fn short_name(slot: &[u8; 32]) -> String {
    let case = u8_at(slot, 12).unwrap_or_default();
    let mut base: [u8; 8] = array_at(slot, 0).unwrap_or_default();
    let extension: [u8; 3] = array_at(slot, 8).unwrap_or_default();
    // The byte that marks deleted entries stands for itself as 5.
    if let [first @ 0x05, ..] = &mut base {
        *first = 0xe5;
    }
    let mut name = String::new();
    decode(&base, case & LOWER_BASE != 0, &mut name);
    if !extension.trim_ascii_end().is_empty() {
        name.push('.');
        decode(&extension, case & LOWER_EXTENSION != 0, &mut name);
    }
    name
}

/// The label of a volume: eleven characters.
pub(super) fn label(bytes: &[u8; 11]) -> String {
    let mut label = String::new();
    decode(bytes, false, &mut label);
    label
}

/// What ties long names to the short one that they stand before.
fn checksum(slot: &[u8; 32]) -> u8 {
    let name: [u8; 11] = array_at(slot, 0).unwrap_or_default();
    name.iter()
        .fold(0_u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte))
}

/// A long name while its entries go by, the last one first.
///
/// Layout of an entry: 0 its number, from 1 (u8, with 0x40 for the last), 1 five code units, 13 checksum of the short name (u8), 14 six code
/// units, 28 two.
#[derive(Debug, Default)]
pub(super) struct LongName {
    /// Code units, in their order, zeros and padding included.
    units: Vec<u16>,
    /// The number of the entry read last; 0 if there is no name.
    number: u8,
    checksum: u8,
}

impl LongName {
    /// Takes an entry. One that doesn't follow the one before forgets it.
    pub(super) fn push(&mut self, slot: &[u8; 32]) {
        let [number, ..] = *slot;
        let checksum = u8_at(slot, 13).unwrap_or_default();
        let is_last = number & 0x40 != 0;
        let number = number & 0x3f;
        let is_next = is_last || (number + 1 == self.number && checksum == self.checksum);
        if !(1..=LONG_ENTRIES_MAX).contains(&number) || !is_next {
            *self = Self::default();
            return;
        }
        if is_last {
            self.units.clear();
        }
        let places = (1..11).step_by(2).chain((14..26).step_by(2)).chain((28..32).step_by(2));
        let mut units: Vec<u16> = places.filter_map(|place| u16_at(slot, place)).collect();
        units.append(&mut self.units);
        *self = Self {
            units,
            number,
            checksum,
        };
    }

    /// The name, if it is complete and that of this short entry; it is forgotten.
    pub(super) fn take(&mut self, slot: &[u8; 32]) -> Option<Vec<u8>> {
        let long = std::mem::take(self);
        if long.number != 1 || long.checksum != checksum(slot) {
            return None;
        }
        let end = long
            .units
            .iter()
            .position(|unit| *unit == 0)
            .unwrap_or(long.units.len());
        Some(utf8_from_utf16(long.units.get(..end)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(name: &[u8; 11], case: u8) -> [u8; 32] {
        let mut slot = [0; 32];
        slot[..11].copy_from_slice(name);
        slot[12] = case;
        slot
    }

    fn long(number: u8, text: &str, checksum: u8) -> [u8; 32] {
        let mut slot = [0xff; 32];
        slot[0] = number;
        slot[13] = checksum;
        let places = (1..11).step_by(2).chain((14..26).step_by(2)).chain((28..32).step_by(2));
        for (place, unit) in places.zip(text.encode_utf16().chain([0])) {
            slot[place..place + 2].copy_from_slice(&unit.to_le_bytes());
        }
        slot
    }

    #[test]
    fn short_names_have_a_dot_only_before_an_extension() {
        assert_eq!(short_name(&slot(b"README  TXT", 0)), "README.TXT");
        assert_eq!(short_name(&slot(b"README  TXT", 0x18)), "readme.txt");
        assert_eq!(short_name(&slot(b"README  TXT", 0x08)), "readme.TXT");
        assert_eq!(short_name(&slot(b"A          ", 0)), "A");
        assert_eq!(short_name(&slot(b"\x05\x84 B    C  ", 0)), "\u{3c3}\u{e4} B.C");
    }

    #[test]
    fn long_names_count_only_if_they_are_whole_and_of_this_entry() {
        let short = slot(b"ALONGN~1TXT", 0);
        let sum = checksum(&short);
        let [last, first] = [long(0x42, ".txt", sum), long(1, "a long name, 1", sum)];
        let name = |slots: &[[u8; 32]], short: &[u8; 32]| {
            let mut name = LongName::default();
            slots.iter().for_each(|slot| name.push(slot));
            name.take(short)
        };
        assert_eq!(name(&[last, first], &short).unwrap(), b"a long name, .txt");
        assert_eq!(name(&[last], &short), None);
        assert_eq!(name(&[first], &short), None);
        assert_eq!(name(&[first, last], &short), None);
        assert_eq!(name(&[last, last, first], &short).unwrap(), b"a long name, .txt");
        assert_eq!(name(&[last, first], &slot(b"OTHER      ", 0)), None);
    }
}
