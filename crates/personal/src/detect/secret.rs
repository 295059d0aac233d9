//! What opens doors: passwords in settings and addresses, their hashes, private keys, tokens of services.
//!
//! Shapes are those that the services and `crypt(5)` document. An automaton finds how they begin, whatever their case; what follows
//! is checked by hand.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::class::Class;
use crate::detect::chain::{at, before};
use crate::detect::settings;
use crate::detect::{Certainty, Match};

/// How a secret goes on behind its beginning.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// `word = value`: a password.
    Password,
    /// `word = value`: a token, if the value looks like one.
    Secret,
    /// `scheme://user:password@host`.
    Address,
    /// `-----BEGIN ... PRIVATE KEY-----` and base 64.
    PrivateKey,
    /// Letters and digits, `_` and `-`: from as many to as many.
    Token(usize, usize),
    /// A token of GitHub: 30 characters and a checksum of 6.
    GitHub,
    /// Capital letters and digits, exactly as many: AWS.
    Capitals(usize),
    /// Three parts in base 64, the first two of them JSON (RFC 7519).
    WebToken,
    /// `$id$...$...`, as `crypt(5)` has it.
    Hash(usize),
}

const BEGINNINGS: &[(&str, Shape)] = &[
    ("password", Shape::Password),
    ("passwd", Shape::Password),
    ("passwort", Shape::Password),
    ("passphrase", Shape::Password),
    ("passcode", Shape::Password),
    ("pwd", Shape::Password),
    ("kennwort", Shape::Password),
    ("mot de passe", Shape::Password),
    ("motdepasse", Shape::Password),
    ("contrase\u{f1}a", Shape::Password),
    ("contrasena", Shape::Password),
    ("wachtwoord", Shape::Password),
    ("secret", Shape::Secret),
    ("api_key", Shape::Secret),
    ("api-key", Shape::Secret),
    ("apikey", Shape::Secret),
    ("api key", Shape::Secret),
    ("access_key", Shape::Secret),
    ("accesskey", Shape::Secret),
    ("accountkey", Shape::Secret),
    ("token", Shape::Secret),
    ("bearer ", Shape::Secret),
    ("://", Shape::Address),
    ("-----begin ", Shape::PrivateKey),
    ("akia", Shape::Capitals(16)),
    ("asia", Shape::Capitals(16)),
    ("ghp_", Shape::GitHub),
    ("gho_", Shape::GitHub),
    ("ghu_", Shape::GitHub),
    ("ghs_", Shape::GitHub),
    ("ghr_", Shape::GitHub),
    ("github_pat_", Shape::Token(82, 82)),
    ("glpat-", Shape::Token(20, 64)),
    ("xoxb-", Shape::Token(20, 255)),
    ("xoxp-", Shape::Token(20, 255)),
    ("xoxa-", Shape::Token(20, 255)),
    ("xoxr-", Shape::Token(20, 255)),
    ("xoxs-", Shape::Token(20, 255)),
    ("sk_live_", Shape::Token(24, 247)),
    ("rk_live_", Shape::Token(24, 247)),
    ("aiza", Shape::Token(35, 35)),
    ("npm_", Shape::Token(36, 36)),
    ("pypi-", Shape::Token(85, 255)),
    ("hf_", Shape::Token(34, 40)),
    ("dop_v1_", Shape::Token(64, 64)),
    ("shpat_", Shape::Token(32, 32)),
    ("eyj", Shape::WebToken),
    ("$2a$", Shape::Hash(53)),
    ("$2b$", Shape::Hash(53)),
    ("$2y$", Shape::Hash(53)),
    ("$argon2", Shape::Hash(30)),
    ("$6$", Shape::Hash(86)),
    ("$5$", Shape::Hash(43)),
    ("$1$", Shape::Hash(22)),
    ("$y$", Shape::Hash(40)),
    ("$7$", Shape::Hash(40)),
    ("$scrypt$", Shape::Hash(40)),
    ("$apr1$", Shape::Hash(22)),
    ("{ssha}", Shape::Hash(20)),
    ("pbkdf2_sha256$", Shape::Hash(40)),
];

static BEGINS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let mut builder = AhoCorasick::builder();
    // A dense automaton: the fastest, for some hundred KiB.
    builder
        .match_kind(MatchKind::LeftmostLongest)
        .ascii_case_insensitive(true)
        .kind(Some(aho_corasick::AhoCorasickKind::DFA));
    builder.build(BEGINNINGS.iter().map(|(beginning, _)| beginning)).ok()
});

/// Shows the secrets in a text.
pub(crate) fn find(text: &str, visit: &mut dyn FnMut(Match)) {
    let Some(automaton) = BEGINS.as_ref() else { return };
    let mut done = 0;
    for found in automaton.find_iter(text) {
        let Some((_, shape)) = BEGINNINGS.get(found.pattern().as_usize()) else {
            continue;
        };
        if found.start() < done {
            continue;
        }
        if let Some(secret) = read(text, found.start(), found.end(), *shape).filter(|secret| secret.start >= done) {
            done = secret.end;
            visit(secret);
        }
    }
}

fn read(text: &str, start: usize, end: usize, shape: Shape) -> Option<Match> {
    let bytes = text.as_bytes();
    let found = |class, start, end| {
        Some(Match {
            class,
            start,
            end,
            certainty: Certainty::Certain,
        })
    };
    let is_inside = is_token(before(bytes, start));
    match shape {
        Shape::Password => {
            let (from, to) = settings::value(text, end).filter(|(from, to)| settings::is_password(text, *from, *to))?;
            let class = if is_hash_of_password(text.get(from..to)?) {
                Class::PasswordHash
            } else {
                Class::Password
            };
            found(class, from, to)
        }
        Shape::Secret => {
            let (from, to) = settings::token_value(text, start, end)?;
            let class = if text.get(from..to)?.starts_with("eyJ") {
                Class::WebToken
            } else {
                Class::AccessKey
            };
            found(class, from, to)
        }
        Shape::Address => {
            settings::password_in_address(text, start, end).and_then(|(from, to)| found(Class::Password, from, to))
        }
        Shape::PrivateKey => private_key_end(text, end).and_then(|to| found(Class::PrivateKey, start, to)),
        _ if is_inside && !matches!(shape, Shape::Hash(_)) => None,
        Shape::Token(fewest, most) => {
            let is_case_right = text.get(start..end)? != "aiza"
                && (text.get(start..end)?.starts_with("AIza")
                    || text.get(start..end)?.bytes().all(|byte| !byte.is_ascii_uppercase()));
            let to = run_end(bytes, end, is_token);
            let is_varied = text.get(end..to)?.bytes().any(|byte| byte.is_ascii_digit());
            ((fewest..=most).contains(&(to - end)) && is_varied && is_case_right).then_some(())?;
            found(Class::AccessKey, start, to)
        }
        Shape::GitHub => {
            let to = run_end(bytes, end, |byte| byte.is_ascii_alphanumeric());
            (to - end == 36 && has_github_checksum(text.get(end..to)?)).then_some(())?;
            found(Class::AccessKey, start, to)
        }
        Shape::Capitals(length) => {
            let to = run_end(bytes, end, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
            let is_upper = text.get(start..end)?.bytes().all(|byte| byte.is_ascii_uppercase());
            (is_upper && to - end == length && !is_token(at(bytes, to))).then_some(())?;
            found(Class::AccessKey, start, to)
        }
        Shape::WebToken => web_token_end(text, start).and_then(|to| found(Class::WebToken, start, to)),
        Shape::Hash(fewest) => {
            let to = run_end(bytes, end, |byte| {
                byte.is_ascii_alphanumeric() || b"./$=,+-_".contains(&byte)
            });
            (to - end >= fewest && text.get(end..to)?.bytes().any(|byte| byte.is_ascii_alphabetic())).then_some(())?;
            found(Class::PasswordHash, start, to)
        }
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Shorter lines of base 64 are words.
const KEY_LINE_MIN: usize = 40;
/// Longest secret that is read: a key of 16,384 bits in base 64 is 13,000 bytes.
const RUN_MAX: usize = 16 << 10;

fn run_end(bytes: &[u8], start: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    start + rest.iter().take(RUN_MAX).take_while(|byte| belongs(**byte)).count()
}

/// The last six characters are the CRC-32 of the 30 before them, in base 62 (GitHub, "Behind GitHub's new authentication token
/// formats", 2021).
fn has_github_checksum(token: &str) -> bool {
    let (Some(payload), Some(checksum)) = (token.get(..30), token.get(30..36)) else {
        return false;
    };
    let value = checksum.bytes().try_fold(0_u64, |sum, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        Some(sum * 62 + u64::from(digit))
    });
    value == Some(u64::from(crc32(payload.as_bytes())))
}

/// CRC-32 as in ISO 3309, bit by bit: it is used for 30 bytes at a time.
fn crc32(bytes: &[u8]) -> u32 {
    let rest = bytes.iter().fold(u32::MAX, |rest, byte| {
        (0..8).fold(rest ^ u32::from(*byte), |rest, _| {
            if rest & 1 == 1 {
                (rest >> 1) ^ 0xEDB8_8320
            } else {
                rest >> 1
            }
        })
    });
    !rest
}

/// The end of a private key. A heading without a key behind it, as in code that writes keys, is none.
fn private_key_end(text: &str, label_start: usize) -> Option<usize> {
    let rest = text.get(label_start..)?;
    let label = rest.get(..super::context::boundary_at_least(rest, rest.len().min(48)))?;
    let label_end = label.find("-----")?;
    let is_key = label.get(..label_end)?.contains("PRIVATE KEY");
    let bytes = text.as_bytes();
    let start = label_start + label_end + 5;
    let limit = super::context::boundary_at_least(text, (start + RUN_MAX).min(text.len()));
    let footer = text.get(start..limit)?.find("-----END").map(|length| start + length);
    let body = text.get(start..footer.unwrap_or(limit))?;
    if body.contains("-----BEGIN") {
        return None;
    }
    // Whole lines of base 64, behind a few headers; line ends may be written as `\n`.
    let is_key_line = |line: &str| {
        let line = line
            .strip_prefix(['n', 'r'])
            .filter(|line| line.len() >= KEY_LINE_MIN)
            .unwrap_or(line);
        line.len() >= KEY_LINE_MIN
            && line
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
    };
    // What comes first is the key, or headers with colons; a remark behind the label isn't.
    let mut words = body.split(['\n', '\\', ' ', '\r']).filter(|word| !word.is_empty());
    let has_header = words.clone().next().is_some_and(|word| word.ends_with(':'));
    let has_key = if has_header {
        words.take(12).any(is_key_line)
    } else {
        words.next().is_some_and(is_key_line)
    };
    let end = footer.map_or_else(
        || {
            run_end(bytes, start, |byte| {
                byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(&byte)
            })
        },
        |footer| {
            text.get(footer + 5..)
                .and_then(|rest| rest.find("-----"))
                .map_or(footer, |length| footer + length + 10)
        },
    );
    (is_key && has_key).then_some(end.min(text.len()))
}

/// Three parts, the first of which says how the third was made.
fn web_token_end(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let header_end = run_end(bytes, start, is_token);
    let payload_end = run_end(bytes, header_end + 1, is_token);
    let end = run_end(bytes, payload_end + 1, is_token);
    let header = text.get(start..header_end)?;
    // "alg" in base 64, at any of the three ways in which it can be aligned.
    let says_how = ["hbGci", "FsZy", "YWxn"].iter().any(|part| header.contains(part));
    let is_whole = at(bytes, header_end) == b'.'
        && at(bytes, payload_end) == b'.'
        && payload_end - header_end > 10
        && end - payload_end > 16;
    (is_whole && says_how && text.get(header_end + 1..)?.starts_with("eyJ")).then_some(end)
}

/// Whether a value is a hash of a password, as a column of a table of users holds them.
pub(crate) fn is_hash_of_password(value: &str) -> bool {
    let begins = BEGINNINGS.iter().any(|(beginning, shape)| {
        matches!(shape, Shape::Hash(fewest) if value.len() >= beginning.len() + fewest)
            && value
                .get(..beginning.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(beginning))
    });
    begins
        || (matches!(value.len(), 32 | 40 | 56 | 64 | 96 | 128) && value.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::{crc32, has_github_checksum};

    #[test]
    fn the_checksum_is_the_standard_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_published_token_has_its_checksum() {
        // Long revoked; from GitHub's own announcement of the format.
        assert!(has_github_checksum("zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17"));
        assert!(!has_github_checksum("zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18"));
    }
}
