//! A bounds-checked reader of little-endian integers, and the checksum all structures share.

/// Reads integers from the front of a byte slice; `None` when too few bytes are left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn remaining(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn u128(&mut self) -> Option<u128> {
        self.array().map(u128::from_le_bytes)
    }

    /// A string with a length of one byte before it.
    pub(crate) fn short_string(&mut self) -> Option<String> {
        let length = self.u8()?;
        String::from_utf8(self.take(usize::from(length))?.to_vec()).ok()
    }
}

/// Appends a string of at most 255 bytes with its length before it. Names are at most 80 bytes by construction.
pub(crate) fn put_short_string(out: &mut Vec<u8>, string: &str) {
    let length = u8::try_from(string.len()).unwrap_or(u8::MAX);
    out.push(length);
    out.extend(string.bytes().take(usize::from(length)));
}

/// CRC-32C of a payload. Every byte that a client reads or writes passes here, hence a library of its own: it uses the processor's widest
/// vectors.
pub(crate) fn payload_crc(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// Prefixes a structure's bytes with their CRC-32C: `[crc][bytes]`.
pub(crate) fn seal(bytes: Vec<u8>) -> Vec<u8> {
    with_crc(crc32c::crc32c(&bytes), bytes)
}

/// Checks and removes the CRC-32C that [`seal`] put in front.
pub(crate) fn unseal(sealed: &[u8]) -> Option<&[u8]> {
    let (stored, bytes) = sealed.split_first_chunk::<4>()?;
    (u32::from_le_bytes(*stored) == crc32c::crc32c(bytes)).then_some(bytes)
}

/// Like [`seal`], with a nonce before the bytes that are checksummed.
pub(crate) fn seal_keyed(nonce: u64, bytes: Vec<u8>) -> Vec<u8> {
    with_crc(keyed_crc(nonce, &bytes), bytes)
}

/// Checks and removes the CRC-32C that [`seal_keyed`] put in front.
pub(crate) fn unseal_keyed(nonce: u64, sealed: &[u8]) -> Option<&[u8]> {
    let (stored, bytes) = sealed.split_first_chunk::<4>()?;
    (u32::from_le_bytes(*stored) == keyed_crc(nonce, bytes)).then_some(bytes)
}

/// CRC-32C of a segment's nonce, then `bytes`.
pub(crate) fn keyed_crc(nonce: u64, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&nonce.to_le_bytes()), bytes)
}

fn with_crc(crc: u32, bytes: Vec<u8>) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(bytes.len() + 4);
    sealed.extend(crc.to_le_bytes());
    sealed.extend(bytes);
    sealed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CRC-32C a bit at a time, by its definition (RFC 3720, appendix B.4: polynomial 0x1EDC6F41, reflected).
    fn by_definition(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ ((crc & 1) * 0x82f6_3b78))
        })
    }

    #[test]
    fn a_payloads_checksum_is_crc_32c_whatever_its_length_and_alignment() {
        let bytes: Vec<u8> = (0..9000_u32).map(|index| ((index * index) >> 7) as u8).collect();
        for length in (0..600).chain([4000, 4095, 4096, 4097, 8000, 8192]) {
            for start in [0, 1, 7, 16, 63, 500] {
                let piece = &bytes[start..start + length];
                assert_eq!(
                    payload_crc(piece),
                    by_definition(piece),
                    "{length} bytes from {start} on"
                );
                assert_eq!(payload_crc(piece), crc32c::crc32c(piece));
            }
        }
        assert_eq!(payload_crc(b"123456789"), 0xe306_9283);
    }
}
