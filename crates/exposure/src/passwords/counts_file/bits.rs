//! Numbers of so many bits, one after the other, the least significant bit first.

/// Widest number: together with the 7 bits before it in its first byte it fits in eight bytes.
pub(super) const WIDTH_MAX: u32 = 56;

/// The number of `width` bits (at most [`WIDTH_MAX`]) at `bit`. Bits behind the end are zero.
#[inline]
pub(super) fn get(bytes: &[u8], bit: usize, width: u32) -> u64 {
    let word = match bytes.get(bit / 8..).and_then(|rest| rest.first_chunk::<8>()) {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => last_word(bytes.get(bit / 8..).unwrap_or_default()),
    };
    (word >> (bit % 8)) & ((1 << width) - 1)
}

#[cold]
fn last_word(rest: &[u8]) -> u64 {
    (0_u32..8)
        .zip(rest)
        .fold(0, |word, (index, byte)| word | u64::from(*byte) << (8 * index))
}

/// Sets the bits of a number of `width` bits (at most [`WIDTH_MAX`]) at `bit`, where they were zero. Bits behind the end are lost.
pub(super) fn set(bytes: &mut [u8], bit: usize, width: u32, number: u64) {
    let shifted = (number & ((1 << width) - 1)) << (bit % 8);
    for (to, from) in bytes.iter_mut().skip(bit / 8).zip(shifted.to_le_bytes()) {
        *to |= from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_width_come_back_from_every_place() {
        for width in 1..=WIDTH_MAX {
            let mut bytes = vec![0; 600];
            let number = |index: u64| index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - width);
            for index in 0..80 {
                set(&mut bytes, 3 + index * width as usize, width, number(index as u64));
            }
            for index in 0..80 {
                assert_eq!(get(&bytes, 3 + index * width as usize, width), number(index as u64));
            }
        }
        assert_eq!(get(&[0xff, 0x01], 4, 30), 0x1f);
        assert_eq!(get(&[0xff], 80, 30), 0);
    }
}
