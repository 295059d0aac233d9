//! Tokens of those who post logs: a file of names and hashes. The tokens themselves are kept nowhere.
//!
//! A token has 122 random bits, so that one round of SHA-256 is enough to keep it from whoever reads the file. It is written as a UUID, since
//! some senders take nothing else.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ring::digest::{SHA256, digest};

/// Tokens at most.
const TOKENS_MAX: usize = 1000;
/// Bytes of the file at most.
const FILE_BYTES_MAX: u64 = 256 << 10;
/// Characters of a name at most.
const NAME_MAX: usize = 32;
/// Bytes of a presented token at most.
const PRESENTED_MAX: usize = 256;
/// How often it is looked whether the file has changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The file's first line.
const HEAD: &str = "# Names and hashes of tokens; `holdfast threat tokens` changes this file.";

/// One of those who may post logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its name, as the origin of records has it.
    pub name: String,
    /// SHA-256 of the token.
    hash: [u8; 32],
    /// When it was made.
    pub made: Timestamp,
}

impl Token {
    /// A new token from random bytes, and the text that its holder presents.
    #[must_use]
    pub fn new(name: &str, random: [u8; 16], made: Timestamp) -> (Self, String) {
        let uuid = (u128::from_be_bytes(random) & !(0xf << 76 | 0x3 << 62)) | 0x4 << 76 | 0x2 << 62;
        let hex = format!("{uuid:032x}");
        let mut text = String::new();
        for (place, letter) in hex.chars().enumerate() {
            if matches!(place, 8 | 12 | 16 | 20) {
                text.push('-');
            }
            text.push(letter);
        }
        let token = Self {
            name: name.to_owned(),
            hash: hash(&text),
            made,
        };
        (token, text)
    }

    /// What the queue knows its holder by.
    pub(super) fn lane(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.hash;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// Whether a name can be a token's.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        (1..=NAME_MAX).contains(&name.len())
            && name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
    }

    fn line(&self) -> String {
        let mut hex = String::new();
        for byte in self.hash {
            // Writing to a string doesn't fail.
            let _ = write!(hex, "{byte:02x}");
        }
        format!("{} {hex} {}\n", self.name, self.made)
    }

    fn of_line(line: &str) -> Option<Self> {
        let mut parts = line.split_ascii_whitespace();
        let (name, hex, made) = (parts.next()?, parts.next()?, parts.next()?);
        let mut hash = [0; 32];
        if hex.len() != 64 || !hex.is_ascii() || !Self::is_name(name) || parts.next().is_some() {
            return None;
        }
        for (byte, place) in hash.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(hex.get(place..place + 2)?, 16).ok()?;
        }
        Some(Self {
            name: name.to_owned(),
            hash,
            made: made.parse().ok()?,
        })
    }
}

fn hash(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

/// The tokens of a file, which is read again when it changes.
#[derive(Debug)]
pub struct Tokens {
    path: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    looked: Option<Instant>,
    stamp: Option<Stamp>,
    tokens: Vec<Token>,
}

/// By what a changed file is known: replaced ones have another inode.
type Stamp = (u64, i64, i64, u64);

impl Tokens {
    /// Those of a file, which need not be there yet.
    #[must_use]
    pub fn of(path: PathBuf) -> Self {
        Self {
            path,
            known: Mutex::default(),
        }
    }

    /// Reads a file of tokens; none if there is no file.
    ///
    /// # Errors
    ///
    /// It can't be read, is damaged, or others than its owner may write to it.
    pub fn read(path: &Path) -> io::Result<Vec<Token>> {
        let metadata = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            found => found?,
        };
        let refused = |why: String| Err(io::Error::new(io::ErrorKind::InvalidData, why));
        if metadata.permissions().mode() & 0o022 != 0 {
            return refused("others than its owner may write to it; `chmod 600` ends that".to_owned());
        }
        if metadata.len() > FILE_BYTES_MAX {
            return refused("it is larger than any file of tokens".to_owned());
        }
        let mut tokens = Vec::new();
        for (number, line) in fs::read_to_string(path)?.lines().enumerate() {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            match Token::of_line(line) {
                Some(token) if tokens.len() < TOKENS_MAX => tokens.push(token),
                Some(_) => return refused(format!("it has more than {TOKENS_MAX} tokens")),
                None => return refused(format!("line {} is no token", number + 1)),
            }
        }
        Ok(tokens)
    }

    /// A file of tokens as it is written.
    #[must_use]
    pub fn text(tokens: &[Token]) -> String {
        let lines: String = tokens.iter().map(Token::line).collect();
        format!("{HEAD}\n{lines}")
    }

    /// Whose token this is. It takes as long whether and whose it is.
    ///
    /// # Errors
    ///
    /// The file can't be read: then it is nobody's.
    pub(super) fn holder(&self, presented: &str) -> io::Result<Option<Token>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.look(&self.path)?;
        let presented = hash(presented.get(..PRESENTED_MAX).unwrap_or(presented));
        let mut found = None;
        for token in &known.tokens {
            let differs = token
                .hash
                .iter()
                .zip(presented)
                .fold(0, |differs, (own, other)| differs | (own ^ other));
            if std::hint::black_box(differs) == 0 {
                found = Some(token.clone());
            }
        }
        Ok(found)
    }
}

impl Known {
    fn look(&mut self, path: &Path) -> io::Result<()> {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return Ok(());
        }
        let stamp = fs::metadata(path)
            .ok()
            .map(|metadata| (metadata.ino(), metadata.ctime(), metadata.ctime_nsec(), metadata.len()));
        if stamp != self.stamp || stamp.is_none() {
            self.tokens.clear();
            // Until it can be read it is looked at each time.
            self.looked = None;
            self.stamp = None;
            self.tokens = Tokens::read(path)?;
            self.stamp = stamp;
        }
        self.looked = Some(Instant::now());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(name: &str, seed: u8) -> (Token, String) {
        Token::new(name, [seed; 16], "2026-03-01T10:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_token_is_a_uuid_and_its_file_has_no_more_than_its_hash() {
        let (token, text) = token("fluent", 0xff);
        assert_eq!(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
        let file = Tokens::text(std::slice::from_ref(&token));
        assert!(!file.contains("ffffffff"), "{file}");
        let line = file.lines().nth(1).unwrap();
        assert_eq!(Token::of_line(line), Some(token));
        for damaged in [
            "",
            "a b c",
            &line.replace("fluent", "flu/ent"),
            &line[..60],
            &format!("{line} x"),
        ] {
            assert_eq!(Token::of_line(damaged), None, "{damaged}");
        }
    }

    #[test]
    fn who_is_taken_out_of_the_file_is_refused_and_a_file_that_others_may_write_to_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let tokens = Tokens::of(path.clone());
        let ((a, first), (b, second)) = (token("a", 1), token("b", 2));
        assert_eq!(tokens.holder(&first).unwrap(), None);
        let write = |listed: &[Token]| {
            fs::write(&path, Tokens::text(listed)).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            tokens.known.lock().unwrap().looked = None;
        };
        write(&[a.clone(), b.clone()]);
        assert_eq!(tokens.holder(&first).unwrap(), Some(a));
        assert_eq!(tokens.holder(&second).unwrap().unwrap().name, "b");
        for wrong in ["", "x", &format!("{first} "), &second[..35]] {
            assert_eq!(tokens.holder(wrong).unwrap(), None, "{wrong}");
        }
        write(&[b]);
        assert_eq!(tokens.holder(&first).unwrap(), None);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o622)).unwrap();
        tokens.known.lock().unwrap().looked = None;
        assert!(tokens.holder(&second).is_err());
        assert!(tokens.holder(&second).is_err(), "also the next time");
    }
}
