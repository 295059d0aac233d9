//! Bodies of the range API from blocks: as text, and compressed by an encoder that knows nothing but these texts.

mod bits;
mod brotli;
mod code;
mod gzip;
mod text;

use super::Encoding;
use super::range_file::Block;
use crate::hash::HashKind;

/// Bytes of a hash behind the first 24 bits.
const SHA1_TAIL: usize = 17;
const NTLM_TAIL: usize = 13;

/// Appends the body made of a block's rows.
pub(super) fn body(block: &Block<'_>, encoding: Encoding, body: &mut Vec<u8>) {
    match block.kind() {
        HashKind::Sha1 => with_tail::<SHA1_TAIL>(block, encoding, body),
        HashKind::Ntlm => with_tail::<NTLM_TAIL>(block, encoding, body),
    }
}

/// Appends the body without a row.
pub(super) fn empty_body(encoding: Encoding, body: &mut Vec<u8>) {
    match encoding {
        Encoding::Identity => {}
        Encoding::Gzip => gzip::append_empty(body),
        Encoding::Brotli => brotli::append_stored(&[], body),
    }
}

fn with_tail<const TAIL: usize>(block: &Block<'_>, encoding: Encoding, body: &mut Vec<u8>) {
    match encoding {
        Encoding::Identity => text::append::<TAIL>(block, body),
        Encoding::Gzip => gzip::append::<TAIL>(block, body),
        Encoding::Brotli => brotli::append::<TAIL>(block, body),
    }
}

#[cfg(test)]
mod tests;
