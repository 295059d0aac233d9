//! One hash and how often it was seen: what is sorted, merged and stored.

use crate::hash::HashKind;

/// A hash as numbers, so that comparing takes one or two instructions, and its count. The order of hashes is that of their hexadecimal digits. An
/// NTLM hash leaves `low` zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Record {
    /// Bytes 0 to 7.
    pub(super) high: u64,
    /// Bytes 8 to 15.
    pub(super) middle: u64,
    /// Bytes 16 to 19.
    pub(super) low: u32,
    /// How often it was seen; at least 1.
    pub(super) count: u32,
}

/// Bytes of the longest hash.
pub(super) const HASH_BYTES_MAX: usize = 20;

impl Record {
    /// From the bytes of a hash, [`HashKind::bytes`] of them; `None` if there are more or fewer.
    pub(super) fn new(kind: HashKind, hash: &[u8], count: u32) -> Option<Self> {
        let (high, rest) = hash.split_first_chunk()?;
        let (middle, rest) = rest.split_first_chunk()?;
        let low = match kind {
            HashKind::Sha1 => u32::from_be_bytes(rest.try_into().ok()?),
            HashKind::Ntlm if rest.is_empty() => 0,
            HashKind::Ntlm => return None,
        };
        Some(Self {
            high: u64::from_be_bytes(*high),
            middle: u64::from_be_bytes(*middle),
            low,
            count,
        })
    }

    /// The bytes of the hash; those behind an NTLM hash are zero.
    pub(super) fn hash(&self) -> [u8; HASH_BYTES_MAX] {
        let mut bytes = [0; HASH_BYTES_MAX];
        let parts = self.high.to_be_bytes().into_iter().chain(self.middle.to_be_bytes());
        for (to, from) in bytes.iter_mut().zip(parts.chain(self.low.to_be_bytes())) {
            *to = from;
        }
        bytes
    }

    /// Whether both are of the same hash.
    pub(super) const fn is_same_hash(&self, other: &Self) -> bool {
        self.high == other.high && self.middle == other.middle && self.low == other.low
    }

    /// The first 20 bits, by which ranges are asked for.
    pub(super) const fn prefix(&self) -> u32 {
        (self.high >> 44) as u32
    }
}

/// Adds up the counts of equal hashes, which stand beside each other. A sum beyond 32 bits stays at the largest number.
pub(super) fn add_up(records: &mut Vec<Record>) {
    records.dedup_by(|later, first| {
        let same = later.is_same_hash(first);
        if same {
            first.count = first.count.saturating_add(later.count);
        }
        same
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_keeps_every_byte_and_the_order_of_hashes() {
        let first: Vec<u8> = (1..=20).collect();
        let record = Record::new(HashKind::Sha1, &first, 3).unwrap();
        assert_eq!(record.hash().to_vec(), first);
        assert_eq!(record.prefix(), 0x01020);
        let mut second = first.clone();
        second[19] += 1;
        assert!(Record::new(HashKind::Sha1, &second, 1).unwrap() > record);
        assert_eq!(Record::new(HashKind::Sha1, &first[..16], 1), None);
        let ntlm = Record::new(HashKind::Ntlm, &first[..16], 1).unwrap();
        assert_eq!(&ntlm.hash()[..16], &first[..16]);
        assert_eq!(Record::new(HashKind::Ntlm, &first, 1), None);
    }

    #[test]
    fn counts_of_equal_hashes_add_up_and_never_wrap() {
        let record = |high, count| Record {
            high,
            count,
            ..Record::default()
        };
        let mut records = vec![
            record(1, 2),
            record(1, 3),
            record(2, u32::MAX),
            record(2, 1),
            record(3, 1),
        ];
        add_up(&mut records);
        assert_eq!(records, [record(1, 5), record(2, u32::MAX), record(3, 1)]);
    }
}
