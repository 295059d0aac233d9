//! Files that are gone and lie in new archives as they were: packed away, by `zip -m` or gzip, not lost.
//!
//! An archive says what it holds, and whoever made it can have it say anything. So some of the members are unpacked and compared with the
//! files as they were, nobody knows which; if one of them isn't what it should be, nothing of that archive is believed.

pub mod archive;

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};

use archive::{Member, members, unpack};
use files::{Disk, FileSystem, NodeId, ReadFailed};

use crate::compare::Ground;
use crate::disk::Index;

/// Archives that are looked into, the largest first.
const ARCHIVES_MAX: usize = 1024;
/// Members of one archive that are compared.
const SAMPLE: usize = 8;
/// A member is compared as a whole. A longer one isn't, and isn't believed.
const MEMBER_BYTES_MAX: u64 = 16 << 20;
/// All that is compared, for it not to take long, and what it counts to read of a member in an archive's directory. What is behind it isn't
/// believed.
const BYTES_MAX: u64 = 64 << 20;
const MEMBER_COSTS_BYTES: u64 = 64;
/// Files of one name and length that a member is compared with.
const ALIKE_MAX: usize = 4;
const BUFFER_BYTES: usize = 64 << 10;

/// What a file and its member have in common: the name without folders, and the length.
type Alike<'a> = (&'a [u8], u64);

/// Which of the files that are `gone` new archives hold as they were. `keys` chooses those that are compared.
pub(crate) fn packed(ground: &Ground<'_>, gone: &[Index], keys: &RandomState) -> HashSet<Index> {
    let mut packed = HashSet::new();
    let Some((after, tree)) = ground.after.filter(|_| !gone.is_empty()) else {
        return packed;
    };
    let mut places: HashMap<Alike<'_>, usize> = HashMap::new();
    let mut wanted: Vec<VecDeque<Index>> = Vec::new();
    for index in gone {
        let Some(old) = ground.before_tree.node(*index) else {
            continue;
        };
        let place = *places
            .entry((ground.before_tree.name(old), old.size_bytes))
            .or_insert(wanted.len());
        wanted.resize_with(wanted.len().max(place + 1), VecDeque::new);
        wanted
            .get_mut(place)
            .into_iter()
            .for_each(|files| files.push_back(*index));
    }
    let mut archives: Vec<_> = tree.files().filter(|(_, new)| new.is_touched()).collect();
    archives.sort_unstable_by_key(|(_, new)| Reverse(new.size_bytes));
    let mut bytes_left = BYTES_MAX;
    for (_, new) in archives.into_iter().take(ARCHIVES_MAX) {
        let file = Content {
            file_system: &*after.file_system,
            node: new.id,
            size_bytes: new.size_bytes,
        };
        let members = members(&file, tree.name(new));
        bytes_left = bytes_left.saturating_sub(members.len() as u64 * MEMBER_COSTS_BYTES);
        let short = members.iter().filter(|member| member.size_bytes <= MEMBER_BYTES_MAX);
        let mut held: Vec<(&Member, usize)> = short
            .filter_map(|member| Some((member, *places.get(&(member.name.as_slice(), member.size_bytes))?)))
            .collect();
        held.sort_by_cached_key(|(member, _)| keys.hash_one((new.id.0, member)));
        let mut is_as_it_was = |(member, place): &(&Member, usize)| {
            bytes_left = bytes_left.saturating_sub(member.size_bytes);
            let mut files = wanted.get(*place).into_iter().flatten().take(ALIKE_MAX);
            bytes_left > 0 && files.any(|index| is_copy(ground, *index, &file, member).unwrap_or(false))
        };
        if held.iter().take(SAMPLE).all(&mut is_as_it_was) {
            // Each file has a member of its own. Of several archives with it, one is enough.
            packed.extend(held.iter().filter_map(|(_, place)| wanted.get_mut(*place)?.pop_front()));
        }
    }
    packed
}

/// Whether a member is the file that was there before, byte for byte.
fn is_copy(ground: &Ground<'_>, index: Index, file: &dyn Disk, member: &Member) -> io::Result<bool> {
    let old = ground.before_tree.node(index).ok_or(io::ErrorKind::NotFound)?;
    let mut unpacked = unpack(file, member)?;
    let (mut bytes, mut was) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
    let mut at = 0;
    loop {
        // One byte more than there was would be another file, too.
        let length = filled(&mut unpacked, &mut bytes)?;
        let read = ground.before.file_system.read(old.id, at, &mut was);
        let read = read.map_err(io::Error::other)?;
        if bytes.get(..length) != was.get(..read) {
            return Ok(false);
        }
        at += length as u64;
        if length < BUFFER_BYTES {
            return Ok(at == old.size_bytes);
        }
    }
}

/// Fills a buffer as far as there are bytes.
fn filled(from: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match from.read(rest)? {
            0 => break,
            read => length += read,
        }
    }
    Ok(length)
}

/// A file's content.
struct Content<'a> {
    file_system: &'a dyn FileSystem,
    node: NodeId,
    size_bytes: u64,
}

impl Disk for Content<'_> {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadFailed> {
        let length = buffer.len();
        match self.file_system.read(self.node, offset, buffer) {
            Ok(read) if read == length => Ok(()),
            Ok(_) => Err(ReadFailed::outside(offset, length as u64)),
            Err(error) => Err(ReadFailed {
                offset,
                length: length as u64,
                reason: Some(Box::new(error)),
            }),
        }
    }
}
