//! What a seed finds and opens: entries of one size, which without the seed are random bytes.
//!
//! ```text
//! (address, key) = HKDF-SHA512(salt of the index, seed, "holdfast exposure entry" || number of the entry, u16 big-endian)
//! entry          = address, 8 bytes || AES-256-GCM(key, nonce 0, breaches), 16 + 16 bytes
//! breaches       = how many stand here, 1 byte || whether another entry follows, 1 byte || 7 places in the list, u16 little-endian
//! ```
//!
//! A key seals one entry in its life: the salt is new for every index. That is why the nonce may be zero. The tag of AES-GCM is at the
//! same time the check that this entry is the person's: eight bytes of address alone could be another one's. Somebody in more breaches
//! than an entry holds has several, at addresses that nobody can connect without the seed.

use ring::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf;

use super::index::Salt;
use super::protocol::Seed;
use crate::Error;

/// Breaches that one entry holds.
pub const BREACHES_PER_ENTRY: usize = 7;
/// Entries of one person at most.
const ENTRIES_MAX: u16 = 1024;
/// Bytes of an entry's address.
const ADDRESS_BYTES: usize = 8;
/// Bytes of the content before it is sealed.
const CONTENT_BYTES: usize = 2 + 2 * BREACHES_PER_ENTRY;
/// Bytes of AES-GCM's tag.
const TAG_BYTES: usize = 16;
/// Bytes of an entry.
pub const ENTRY_BYTES: usize = ADDRESS_BYTES + CONTENT_BYTES + TAG_BYTES;

/// Appends the sealed entries of one person to `entries`. `places` are positions in the index's list of breaches, not empty.
pub(super) fn seal_entries(seed: &Seed, salt: &Salt, places: &[u16], entries: &mut Vec<u8>) -> Result<(), Error> {
    let most = u64::from(ENTRIES_MAX) * BREACHES_PER_ENTRY as u64;
    if places.len() as u64 > most {
        return Err(Error::TooMany {
            what: "breaches of one person",
            found: places.len() as u64,
            most,
        });
    }
    let person = hkdf::Salt::new(hkdf::HKDF_SHA512, salt.as_bytes()).extract(&seed.0);
    let chunks = places.chunks(BREACHES_PER_ENTRY);
    let last = chunks.len().saturating_sub(1);
    for (number, chunk) in chunks.enumerate() {
        let slot = Slot::of(&person, number as u16)?;
        let mut content = [0; CONTENT_BYTES];
        let (head, rest) = content.split_at_mut(2);
        head.copy_from_slice(&[chunk.len() as u8, u8::from(number < last)]);
        for (bytes, place) in rest.chunks_exact_mut(2).zip(chunk) {
            bytes.copy_from_slice(&place.to_le_bytes());
        }
        let tag = slot
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key([0; 12]), Aad::empty(), &mut content)
            .map_err(|_| BROKEN)?;
        entries.extend_from_slice(&slot.address);
        entries.extend_from_slice(&content);
        entries.extend_from_slice(tag.as_ref());
    }
    Ok(())
}

/// Finds and opens a person's entries among `entries` (the whole index, or the person's bucket): positions in the list of breaches,
/// empty if the person is in none.
///
/// # Errors
/// When entries are cut off, changed, or lack a continuation: never taken for "in no breach".
pub fn open_entries(entries: &[u8], seed: &Seed, salt: &Salt) -> Result<Vec<u16>, Error> {
    let (entries, rest) = entries.as_chunks::<ENTRY_BYTES>();
    if !rest.is_empty() {
        return Err(BROKEN);
    }
    let person = hkdf::Salt::new(hkdf::HKDF_SHA512, salt.as_bytes()).extract(&seed.0);
    let mut places = Vec::new();
    for number in 0..ENTRIES_MAX {
        let slot = Slot::of(&person, number)?;
        let mut found = entries
            .iter()
            .filter(|entry| entry.starts_with(&slot.address))
            .peekable();
        if number == 0 && found.peek().is_none() {
            return Ok(places);
        }
        let content = found.find_map(|entry| slot.open(entry)).ok_or(BROKEN)?;
        let (head, rest) = content.split_at_checked(2).ok_or(BROKEN)?;
        let &[count, more] = head else { return Err(BROKEN) };
        if count == 0 || usize::from(count) > BREACHES_PER_ENTRY {
            return Err(BROKEN);
        }
        let (all, _) = rest.as_chunks::<2>();
        places.extend(
            all.iter()
                .take(usize::from(count))
                .map(|place| u16::from_le_bytes(*place)),
        );
        if more == 0 {
            return Ok(places);
        }
    }
    Err(BROKEN)
}

/// Where one entry of a person lies, and what opens it.
struct Slot {
    address: [u8; ADDRESS_BYTES],
    key: LessSafeKey,
}

impl Slot {
    fn of(person: &hkdf::Prk, number: u16) -> Result<Self, Error> {
        let mut derived = [0; ADDRESS_BYTES + 32];
        person
            .expand(&[b"holdfast exposure entry", &number.to_be_bytes()], Derived)
            .and_then(|derivation| derivation.fill(&mut derived))
            .map_err(|_| BROKEN)?;
        let (address, key) = derived.split_first_chunk::<ADDRESS_BYTES>().ok_or(BROKEN)?;
        let key = UnboundKey::new(&aead::AES_256_GCM, key).map_err(|_| BROKEN)?;
        Ok(Self {
            address: *address,
            key: LessSafeKey::new(key),
        })
    }

    /// The content of the entry at this address; `None` if it isn't this person's.
    fn open(&self, entry: &[u8; ENTRY_BYTES]) -> Option<Vec<u8>> {
        let mut sealed = entry.get(ADDRESS_BYTES..)?.to_vec();
        let content = self
            .key
            .open_in_place(Nonce::assume_unique_for_key([0; 12]), Aad::empty(), &mut sealed)
            .ok()?;
        Some(content.to_vec())
    }
}

/// How much is derived for an entry, told to `ring`.
struct Derived;

impl hkdf::KeyType for Derived {
    fn len(&self) -> usize {
        ADDRESS_BYTES + 32
    }
}

const BROKEN: Error = Error::Protocol {
    what: "the entries are not as they were sealed",
};

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(people: &[(u8, &[u16])]) -> Vec<u8> {
        let mut entries = Vec::new();
        for (person, places) in people {
            seal_entries(&Seed([*person; 32]), &Salt::new([9; 32]), places, &mut entries).unwrap();
        }
        entries
    }

    fn opened(entries: &[u8], person: u8) -> Result<Vec<u16>, Error> {
        open_entries(entries, &Seed([person; 32]), &Salt::new([9; 32]))
    }

    #[test]
    fn each_seed_opens_what_is_its_own_and_nothing_else() {
        let many: Vec<u16> = (0..30).map(|place| place * 2_000).collect();
        let entries = sealed(&[(1, &[5]), (2, &many), (3, &[1, 2, 3, 4, 5, 6, 7])]);
        assert_eq!(entries.len(), (1 + 5 + 1) * ENTRY_BYTES);
        assert_eq!(opened(&entries, 1).unwrap(), [5]);
        assert_eq!(opened(&entries, 2).unwrap(), many);
        assert_eq!(opened(&entries, 3).unwrap(), [1, 2, 3, 4, 5, 6, 7]);
        assert!(opened(&entries, 4).unwrap().is_empty());
        // Another index's salt: nothing is found.
        assert!(
            open_entries(&entries, &Seed([1; 32]), &Salt::new([8; 32]))
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn a_changed_or_missing_entry_is_an_error_and_not_a_clean_bill() {
        let many: Vec<u16> = (0..10).collect();
        let entries = sealed(&[(1, &many)]);
        for byte in ADDRESS_BYTES..ENTRY_BYTES {
            let mut changed = entries.clone();
            changed[byte] ^= 1;
            assert!(opened(&changed, 1).is_err(), "byte {byte}");
        }
        assert!(
            opened(&entries[..ENTRY_BYTES], 1).is_err(),
            "the continuation is missing"
        );
        assert!(opened(&entries[..ENTRY_BYTES + 1], 1).is_err(), "cut off");
    }

    #[test]
    fn one_person_in_more_breaches_than_can_be_told_is_refused() {
        let places = vec![0; BREACHES_PER_ENTRY * usize::from(ENTRIES_MAX) + 1];
        let refused = seal_entries(&Seed([1; 32]), &Salt::new([9; 32]), &places, &mut Vec::new());
        assert!(matches!(refused, Err(Error::TooMany { .. })));
    }
}
