//! Base64 in the alphabet for URLs without padding (RFC 4648, section 5), in which WebAuthn and JWTs write bytes; and Base32
//! (section 6), in which secrets of one-time codes are typed.

const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Bytes as text.
pub(crate) fn url(bytes: &[u8]) -> String {
    digits(bytes, 6, URL)
}

/// Bytes as text that is easy to type.
pub(crate) fn base32(bytes: &[u8]) -> String {
    digits(bytes, 5, BASE32)
}

/// Cuts bytes into groups of bits; the last group is filled up with zeros.
fn digits(bytes: &[u8], bits: u32, alphabet: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 8 / bits as usize + 1);
    let (mut pending, mut count) = (0_u32, 0);
    let mut push = |value: u32| {
        let digit = alphabet.get((value & ((1 << bits) - 1)) as usize);
        text.extend(digit.map(|digit| char::from(*digit)));
    };
    for byte in bytes {
        pending = (pending << 8 | u32::from(*byte)) & 0xFFFF;
        count += 8;
        while count >= bits {
            count -= bits;
            push(pending >> count);
        }
    }
    if count > 0 {
        push(pending << (bits - count));
    }
    text
}

/// The bytes of a text; nothing of a text that no bytes are written as: other characters, a length that can't be, or bits set
/// behind the last byte.
pub(crate) fn from_url(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut pending, mut count) = (0_u32, 0);
    for character in text.bytes() {
        let value = URL.iter().position(|digit| *digit == character)?;
        pending = (pending << 6 | u32::try_from(value).ok()?) & 0xFFFF;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(pending >> count & 0xFF).ok()?);
        }
    }
    let rest = pending & ((1 << count) - 1);
    (count < 6 && rest == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648_hold() {
        for (bytes, base64, base32_text) in [
            ("", "", ""),
            ("f", "Zg", "MY"),
            ("fo", "Zm8", "MZXQ"),
            ("foo", "Zm9v", "MZXW6"),
            ("foob", "Zm9vYg", "MZXW6YQ"),
            ("fooba", "Zm9vYmE", "MZXW6YTB"),
            ("foobar", "Zm9vYmFy", "MZXW6YTBOI"),
        ] {
            assert_eq!(url(bytes.as_bytes()), base64);
            assert_eq!(base32(bytes.as_bytes()), base32_text);
            assert_eq!(from_url(base64).unwrap(), bytes.as_bytes());
        }
        assert_eq!(url(&[0xFB, 0xFF]), "-_8");
    }

    #[test]
    fn a_text_that_no_bytes_are_written_as_is_refused() {
        for text in ["A", "Zh", "Zm9=", "Zm 9", "+/8", "Zm9vY"] {
            assert_eq!(from_url(text), None, "{text}");
        }
    }
}
