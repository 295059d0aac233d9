//! The hash chain: each record's hash covers the hash before it, so that an edited record shows in all that follow.

use ring::digest::{Context, SHA256};

/// Bytes of a hash.
pub(super) const HASH_BYTES: usize = 32;
/// The hash before the first record.
pub(super) const GENESIS: [u8; HASH_BYTES] = [0; HASH_BYTES];

/// SHA-256 over the hash before, the record's number, time (both big-endian, 8 bytes) and its texts, each behind its length
/// (big-endian, 8 bytes): actor and body as the JSON that is stored, kind, subject.
pub(super) fn hash(before: &[u8; HASH_BYTES], sequence: i64, millis: i64, texts: [&str; 4]) -> [u8; HASH_BYTES] {
    let mut context = Context::new(&SHA256);
    context.update(before);
    context.update(&sequence.to_be_bytes());
    context.update(&millis.to_be_bytes());
    for text in texts {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    }
    let mut hash = [0; HASH_BYTES];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
