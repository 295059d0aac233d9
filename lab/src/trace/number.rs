//! Numbers of variable length (LEB128: seven bits a byte, lowest first), and signed ones folded into unsigned ones.

use std::io::{self, Read};

/// Bytes of the longest number.
const BYTES_MAX: usize = 10;

/// Appends a number.
pub(super) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads a number; `None` where the bytes are none.
pub(super) fn take(source: &mut impl Read) -> io::Result<Option<u64>> {
    let mut value = 0_u64;
    for position in 0..BYTES_MAX {
        let byte = take_byte(source)?;
        let bits = u64::from(byte & 0x7f);
        let shift = 7 * position as u32;
        if bits << shift >> shift != bits {
            return Ok(None);
        }
        value |= bits << shift;
        if byte < 0x80 {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

pub(super) fn take_byte(source: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    source.read_exact(&mut byte)?;
    let [byte] = byte;
    Ok(byte)
}

/// The difference between two numbers, small where they are close, whichever is larger. Wraps.
pub(super) const fn difference(from: u64, to: u64) -> u64 {
    let signed = to.wrapping_sub(from) as i64;
    ((signed << 1) ^ (signed >> 63)) as u64
}

/// The number that lies a [`difference`] from another.
pub(super) const fn apply(from: u64, difference: u64) -> u64 {
    let signed = ((difference >> 1) as i64) ^ -((difference & 1) as i64);
    from.wrapping_add(signed as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut bytes = Vec::new();
            put(&mut bytes, value);
            assert_eq!(take(&mut bytes.as_slice()).unwrap(), Some(value));
            bytes.pop();
            assert!(take(&mut bytes.as_slice()).is_err(), "cut off");
        }
    }

    #[test]
    fn numbers_that_are_too_long_are_none() {
        assert_eq!(take(&mut [0xff; 20].as_slice()).unwrap(), None);
        let mut bytes = [0x80; 10];
        bytes[9] = 2;
        assert_eq!(take(&mut bytes.as_slice()).unwrap(), None, "65 bits");
    }

    #[test]
    fn differences_round_trip() {
        for (from, to) in [(0, 5), (5, 0), (u64::MAX, 0), (0, u64::MAX), (1 << 63, 0), (7, 7)] {
            assert_eq!(apply(from, difference(from, to)), to);
        }
        assert!(difference(1000, 998) < 8);
    }
}
