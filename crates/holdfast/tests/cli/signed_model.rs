//! A model for tests, and its signature as minisign writes it.

use std::path::Path;
use std::process::Command;

use ring::signature::{Ed25519KeyPair, KeyPair};
use sentinel::{FEATURES, feature_name};

/// What each assessment adds to the suspicion, or takes from it.
const STEP: i32 = 2048;
const SEED: [u8; 32] = [7; 32];

/// Writes a model that suspects blocks that turn random, and nothing else: one tree with two leaves.
pub(crate) fn write_model(file: &Path, version: i32) {
    let name = Some(("flipped / written", "2 MiB"));
    let feature = (0..FEATURES).find(|feature| feature_name(*feature) == name).unwrap();
    let mut bytes = b"HFSM\x01\x00".to_vec();
    bytes.extend(u16::try_from(FEATURES).unwrap().to_le_bytes());
    for number in [version, 0, 0, 2 * STEP, 6 * STEP, 1, 0] {
        bytes.extend(number.to_le_bytes());
    }
    let split = u16::try_from(feature).unwrap();
    for (feature, threshold, left, right) in [(split, 200_u16, 1, 2), (u16::MAX, 0, 0, -STEP), (u16::MAX, 0, 0, STEP)] {
        bytes.extend(feature.to_le_bytes());
        bytes.extend(threshold.to_le_bytes());
        bytes.extend([left, right].map(i32::to_le_bytes).concat());
    }
    std::fs::write(file, bytes).unwrap();
    sign(file);
}

/// The public key.
pub(crate) fn key() -> String {
    let pair = Ed25519KeyPair::from_seed_unchecked(&SEED).unwrap();
    base64(&[&b"Ed"[..], &[1; 8], pair.public_key().as_ref()].concat())
}

/// A signature of the file's BLAKE2b hash, with a comment that is signed too.
fn sign(file: &Path) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&SEED).unwrap();
    let hash = Command::new("openssl")
        .args(["dgst", "-blake2b512", "-binary"])
        .arg(file)
        .output()
        .unwrap()
        .stdout;
    let signature = pair.sign(&hash);
    let comment = "timestamp:1795428900\tfile:test.model";
    let global = pair.sign(&[signature.as_ref(), comment.as_bytes()].concat());
    let signature = base64(&[&b"ED"[..], &[1; 8], signature.as_ref()].concat());
    let global = base64(global.as_ref());
    let text = format!("untrusted comment: a test\n{signature}\ntrusted comment: {comment}\n{global}\n");
    std::fs::write(format!("{}.minisig", file.display()), text).unwrap();
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = bytes.chunks(3).flat_map(|chunk| {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digit = move |place: usize| char::from(*DIGITS.get((word >> (18 - 6 * place)) as usize & 63).unwrap());
        (0..4).map(move |place| if place <= chunk.len() { digit(place) } else { '=' })
    });
    digits.collect()
}
