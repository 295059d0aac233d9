//! One-time codes by time: RFC 6238 with SHA-1, six digits and steps of 30 seconds, which is what every authenticator app makes.

use respond::Time;
use ring::hmac;

use crate::base64;

/// Bytes of a secret (RFC 4226, section 4, requirement 6).
pub(crate) const SECRET_BYTES: usize = 20;
/// Length of a step.
const STEP_MS: i64 = 30_000;
/// Steps by which clocks may differ (RFC 6238, section 5.2).
const SKEW: i64 = 1;
/// Digits of a code.
const DIGITS: usize = 6;

/// The code of a step.
fn code(secret: &[u8], step: i64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    // RFC 4226, section 5.3: the last four bits say where the number is.
    let offset = usize::from(tag.last().copied().unwrap_or_default() & 0xF);
    let bytes = tag.iter().skip(offset).take(4);
    let number = bytes.fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    (number & 0x7FFF_FFFF) % 1_000_000
}

/// The step whose code somebody typed, if it is of about now and newer than `used`, the newest step whose code was used. Whichever
/// step fits, all are computed and compared.
pub(crate) fn step(secret: &[u8], typed: &str, now: Time, used: i64) -> Option<i64> {
    let typed: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    let is_code = typed.len() == DIGITS && typed.bytes().all(|byte| byte.is_ascii_digit());
    let typed: u32 = typed.parse().ok().filter(|_| is_code)?;
    let current = now.unix_millis().div_euclid(STEP_MS);
    let mut found = None;
    for step in current - SKEW..=current + SKEW {
        if code(secret, step) == typed && step > used {
            found = Some(step);
        }
    }
    found
}

/// What authenticator apps read from a QR code: the `otpauth` form that they agree on.
pub(crate) fn uri(secret: &[u8], name: &str, host: &str) -> String {
    let name: String = name.bytes().map(escaped).collect();
    let host: String = host.bytes().map(escaped).collect();
    let secret = base64::base32(secret);
    format!(
        "otpauth://totp/Holdfast%20({host}):{name}?secret={secret}&issuer=Holdfast%20({host})&algorithm=SHA1&digits=6&period=30"
    )
}

fn escaped(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> Time {
        Time::from_unix_millis(seconds * 1000)
    }

    #[test]
    fn the_vectors_of_rfc_6238_hold() {
        // Appendix B, the last six of its eight digits.
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = step(SECRET, expected, at(seconds), 0);
            assert_eq!(step, Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_for_a_step_more_or_less_and_once() {
        let used = step(SECRET, "287082", at(59 + 30), 0).unwrap();
        assert_eq!(used, 1);
        assert_eq!(step(SECRET, "287082", at(59 - 30), 0), Some(1));
        assert_eq!(step(SECRET, "287082", at(59 + 61), 0), None);
        assert_eq!(step(SECRET, "287082", at(59), used), None, "replayed");
        for typed in ["", "28708", "2870820", "28708a", "+87082", "\u{661}87082"] {
            assert_eq!(step(SECRET, typed, at(59), 0), None, "{typed}");
        }
        assert_eq!(step(SECRET, " 287 082", at(59), 0), Some(1));
    }

    #[test]
    fn apps_are_told_the_secret() {
        assert_eq!(
            uri(SECRET, "ann@x", "localhost"),
            "otpauth://totp/Holdfast%20(localhost):ann%40x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Holdfast%20(localhost)&algorithm=SHA1&digits=6&period=30"
        );
    }
}
