//! Hexadecimal digits as numbers, eight at a time.

/// A byte of each of eight.
const EACH: u64 = 0x0101_0101_0101_0101;

/// The number that eight digits of either case make; `None` if one isn't a digit.
#[inline]
pub(super) fn eight_digits(digits: [u8; 8]) -> Option<u32> {
    let text = u64::from_be_bytes(digits);
    // Letters have bit 6, and 9 less than their value in the low four bits.
    let letters = (text >> 6) & EACH;
    let values = (text & (0x0f * EACH)).wrapping_add(9 * letters);
    // Written again in lower case, they must be what was read: letters and digits differ from what else has the same low bits.
    let beyond_nine = (values.wrapping_add(6 * EACH) >> 4) & EACH;
    let again = values.wrapping_add(0x30 * EACH).wrapping_add(0x27 * beyond_nine);
    let is_lower_case = text | (0x20 * EACH);
    let has_bit_5_or_6 = ((text >> 5) | (text >> 6)) & EACH;
    // From `g` on, letters would be 16 and more.
    let is_too_large = values & (0xf0 * EACH) != 0;
    if again != is_lower_case || has_bit_5_or_6 != EACH || is_too_large {
        return None;
    }
    let pairs = (values | values >> 4) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    Some((fours | fours >> 16) as u32)
}

/// The number that sixteen digits make.
#[inline]
pub(super) fn sixteen_digits(digits: &[u8; 16]) -> Option<u64> {
    let [first, second] = digits.as_chunks::<8>().0 else {
        return None;
    };
    Some(u64::from(eight_digits(*first)?) << 32 | u64::from(eight_digits(*second)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_numbers_and_nothing_else_is() {
        assert_eq!(eight_digits(*b"0123aBcF"), Some(0x0123_abcf));
        assert_eq!(sixteen_digits(b"0123456789abcDEF"), Some(0x0123_4567_89ab_cdef));
        for place in 0..8 {
            for byte in 0..=255_u8 {
                let mut digits = *b"5BAA61e4";
                digits[place] = byte;
                let expected = std::str::from_utf8(&digits).ok().filter(|_| byte.is_ascii_hexdigit());
                let expected = expected.and_then(|text| u32::from_str_radix(text, 16).ok());
                assert_eq!(eight_digits(digits), expected, "{place} {byte:02x}");
            }
        }
    }
}
