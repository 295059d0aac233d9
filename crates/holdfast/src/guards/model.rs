//! A model in a file, used only if its signature fits: whoever could replace the model could blind every guard.

use std::sync::Arc;

use minisign_verify::{PublicKey, Signature};
use sentinel::Model;

use crate::config::SignedModel;
use crate::failure::{Failure, FailureCode};

/// A model as guards are given it.
pub type LoadedModel = Model<Arc<[u8]>>;

/// Reads a model and checks signature and content.
pub fn load(settings: &SignedModel) -> Result<LoadedModel, Failure> {
    let shown = settings.file.display();
    let failed = |message: String, hint: &str| Err(Failure::new(FailureCode::Config, message).hint(hint));
    let Ok(key) = PublicKey::from_base64(settings.key.trim()) else {
        return failed(
            format!("[guard] model_key: `{}` is no public key of minisign", settings.key),
            "it is the second line of `minisign.pub`, and begins with `RW`",
        );
    };
    let read = |file: &std::path::Path| {
        std::fs::read(file).map_err(|error| {
            let message = format!("[guard] model: can't read `{}`: {error}", file.display());
            Failure::new(FailureCode::Config, message).hint("model and signature (`FILE.minisig`) stand side by side")
        })
    };
    let bytes = read(&settings.file)?;
    let signature_file = settings.signature_file();
    let signature = String::from_utf8(read(&signature_file)?).ok();
    let Some(signature) = signature.and_then(|text| Signature::decode(&text).ok()) else {
        return failed(
            format!(
                "[guard] model: `{}` is no signature of minisign",
                signature_file.display()
            ),
            "`minisign -Sm FILE` makes one",
        );
    };
    if let Err(error) = key.verify(&bytes, &signature, false) {
        return failed(
            format!("[guard] model: the signature of `{shown}` doesn't fit it and `model_key`: {error}"),
            "take model and signature from where the key is known to be from; don't use this file",
        );
    }
    Model::parse(Arc::from(bytes)).or_else(|error| {
        failed(
            format!("[guard] model: `{shown}` is signed, but {error}"),
            "take the model that was made for this version of the program",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{Ed25519KeyPair, KeyPair};
    use std::path::Path;
    use std::process::{Command, Stdio};

    const SHIPPED: &[u8] = include_bytes!("../../../sentinel/src/model.bin");

    /// A signature file as minisign writes it: of the BLAKE2b hash, with a comment that is signed too.
    fn sign(seed: u8, file: &Path) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let hash = Command::new("openssl")
            .args(["dgst", "-blake2b512", "-binary"])
            .arg(file)
            .stderr(Stdio::inherit())
            .output()
            .unwrap()
            .stdout;
        let signature = pair.sign(&hash);
        let comment = "timestamp:1795428900\tfile:sentinel.model";
        let global = pair.sign(&[signature.as_ref(), comment.as_bytes()].concat());
        let signature = base64(&[&b"ED"[..], &[seed; 8], signature.as_ref()].concat());
        let text = format!(
            "untrusted comment: a test\n{signature}\ntrusted comment: {comment}\n{}\n",
            base64(global.as_ref())
        );
        std::fs::write(format!("{}.minisig", file.display()), text).unwrap();
    }

    fn key(seed: u8) -> String {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        base64(&[&b"Ed"[..], &[seed; 8], pair.public_key().as_ref()].concat())
    }

    fn base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let digits = bytes.chunks(3).flat_map(|chunk| {
            let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            (0..4).map(move |place| match place <= chunk.len() {
                true => char::from(DIGITS[(word >> (18 - 6 * place)) as usize & 63]),
                false => '=',
            })
        });
        digits.collect()
    }

    #[test]
    fn a_model_is_used_only_if_its_signature_fits() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sentinel.model");
        let load_with = |key: String| {
            let file = file.clone();
            load(&SignedModel { file, key }).map_err(|failure| failure.message)
        };
        let refusal = |key: String| load_with(key).unwrap_err();
        assert!(refusal(key(1)).contains("can't read"));
        std::fs::write(&file, SHIPPED).unwrap();
        assert!(refusal(key(1)).contains("sentinel.model.minisig"));
        sign(1, &file);
        assert_eq!(load_with(key(1)).unwrap().version(), Model::shipped().version());
        assert!(refusal(key(2)).contains("doesn't fit"), "another key");
        assert!(refusal("nonsense".to_owned()).contains("is no public key"));
        let mut changed = SHIPPED.to_vec();
        *changed.last_mut().unwrap() ^= 1;
        std::fs::write(&file, &changed).unwrap();
        assert!(refusal(key(1)).contains("doesn't fit"), "another model");
        std::fs::write(&file, "nonsense").unwrap();
        sign(1, &file);
        assert!(
            refusal(key(1)).contains("is signed, but not a model"),
            "nonsense that is signed"
        );
        std::fs::write(folder.path().join("sentinel.model.minisig"), "nonsense").unwrap();
        assert!(refusal(key(1)).contains("is no signature"));
    }
}
