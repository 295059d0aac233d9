//! The file with the secret key of private asking.
//!
//! ```text
//! holdfast private asking 1
//! 64 hexadecimal digits of the scalar
//! ```
//!
//! Who has it can test guesses against the index without asking. It is readable by its owner only, from its first byte on.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ring::rand::SecureRandom;

use super::protocol::{PublicKey, ServerKey};
use crate::Error;
use crate::hexadecimal;

const FIRST_LINE: &str = "holdfast private asking 1";

/// The file of a key: its name has the beginning of the public key.
pub(super) fn key_path(folder: &Path, key: &PublicKey) -> PathBuf {
    let [a, b, c, d, e, f, g, h, ..] = *key.as_bytes();
    folder.join(format!("key-{}", hexadecimal::lower(&[a, b, c, d, e, f, g, h])))
}

/// The key in a file.
pub(super) fn load_key(path: &Path) -> Result<ServerKey, Error> {
    let text = fs::read(path).map_err(Error::io("read", path))?;
    parse(&text).map_err(|what| Error::PrivateKey {
        path: path.to_owned(),
        what,
    })
}

/// Makes a new key and its file, durable when this returns.
pub(super) fn make_key(folder: &Path, random: &dyn SecureRandom) -> Result<ServerKey, Error> {
    let key = ServerKey::generate(random)?;
    let path = key_path(folder, &key.public());
    let text = format!("{FIRST_LINE}\n{}\n", hexadecimal::lower(&key.secret()));
    fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .map_err(Error::io("write", &path))?;
    Ok(key)
}

fn parse(text: &[u8]) -> Result<ServerKey, &'static str> {
    let text = str::from_utf8(text).map_err(|_| "it is no text")?;
    let secret = text
        .strip_prefix(FIRST_LINE)
        .ok_or("its first line is not known")?
        .trim();
    let secret =
        hexadecimal::bytes::<{ ServerKey::BYTES }>(secret).ok_or("its second line is not 64 hexadecimal digits")?;
    ServerKey::from_secret(&secret).ok_or("the number is zero or too large")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_private_and_survives() {
        let folder = tempfile::tempdir().unwrap();
        let random = ring::rand::SystemRandom::new();
        let key = make_key(folder.path(), &random).unwrap();
        let path = key_path(folder.path(), &key.public());
        assert_eq!(load_key(&path).unwrap().public(), key.public());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_ne!(make_key(folder.path(), &random).unwrap().public(), key.public());
    }

    #[test]
    fn what_is_no_key_is_refused_with_advice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let zero = format!("{FIRST_LINE}\n{}\n", "0".repeat(64));
        let too_large = format!("{FIRST_LINE}\n{}\n", "f".repeat(64));
        for text in ["", "holdfast private asking 1\n", &zero, &too_large] {
            fs::write(&path, text).unwrap();
            let error = load_key(&path).unwrap_err().to_string();
            assert!(error.contains("private rotate"), "{error}");
        }
    }
}
