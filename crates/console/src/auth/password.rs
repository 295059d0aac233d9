//! Passwords: argon2id with the first of OWASP's parameters (19 MiB, 2 passes, 1 lane).

use std::sync::LazyLock;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::error::Error;
use crate::problem::Refusal;

/// OWASP's Password Storage Cheat Sheet.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Characters of a password (ASVS 5.0, 6.2.1 and 6.2.9).
const LENGTH_MIN: usize = 12;
const LENGTH_MAX: usize = 128;

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// A hash of no password that anybody knows, so that checking takes the same time where there is no account.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let random = crate::random::bytes::<16>().unwrap_or_default();
    hash_with("nobody's", &random).unwrap_or_default()
});

/// Refuses passwords that are too short, too long, or what everybody tries first.
pub(crate) fn check(password: &str, name: &str) -> Result<(), Refusal> {
    let length = password.chars().count();
    if !(LENGTH_MIN..=LENGTH_MAX).contains(&length) {
        return Err(unfit(format!(
            "the password has {length} characters; it may have {LENGTH_MIN} to {LENGTH_MAX}"
        )));
    }
    let lower = password.to_lowercase();
    let mut characters: Vec<char> = lower.chars().collect();
    characters.sort_unstable();
    characters.dedup();
    let is_named = name.len() >= 4 && lower.contains(&name.to_lowercase());
    let is_common = ["password", "holdfast", "qwertyuiop", "123456789", "letmein"]
        .iter()
        .any(|word| lower.replace(word, "").chars().count() < LENGTH_MIN / 2);
    if characters.len() < 5 || is_named || is_common {
        return Err(unfit(
            "the password is easy to guess; three or four words that don't belong together are not",
        ));
    }
    Ok(())
}

fn unfit(detail: impl Into<String>) -> Refusal {
    Refusal::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "password-unfit", detail)
}

/// The hash of a password, in PHC's form.
pub(crate) fn hash(password: &str) -> Result<String, Error> {
    let random = crate::random::bytes::<16>()?;
    hash_with(password, &random).ok_or(Error::NoRandomness)
}

fn hash_with(password: &str, random: &[u8; 16]) -> Option<String> {
    let salt = SaltString::encode_b64(random).ok()?;
    let hash = argon2().hash_password(password.as_bytes(), &salt).ok()?;
    Some(hash.to_string())
}

/// Whether a password is that of a hash. Without a hash it takes as long, and is wrong.
pub(crate) fn is_right(password: &str, hash: Option<&str>) -> bool {
    let text = hash.unwrap_or(&NOBODY);
    let within = password.len() <= LENGTH_MAX * 4;
    let password = if within { password } else { "" };
    let parsed = PasswordHash::new(text);
    let is_right = parsed.is_ok_and(|parsed| argon2().verify_password(password.as_bytes(), &parsed).is_ok());
    is_right && within && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_right_or_wrong() {
        let hash = hash("correct horse battery").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(is_right("correct horse battery", Some(&hash)));
        assert!(!is_right("correct horse batterz", Some(&hash)));
        assert!(!is_right("correct horse battery", None));
        assert!(!is_right("nobody's", None));
        assert!(!is_right("", Some("not a hash")));
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        for password in [
            "short",
            "aaaaaaaaaaaaaaa",
            "password1234",
            "ann.smith-2026",
            "Holdfast2026!",
            "123456789012",
        ] {
            assert!(check(password, "ann.smith").is_err(), "{password}");
        }
        for password in [
            "correct horse battery",
            "d5-Kw.0zPq9!x",
            "\u{e9}t\u{e9} \u{e0} la montagne",
        ] {
            assert!(check(password, "ann.smith").is_ok(), "{password}");
        }
    }
}
