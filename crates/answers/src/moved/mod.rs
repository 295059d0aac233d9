//! Files that are gone from where they were and lie elsewhere as they were: moved into another folder by copying, or packed into an archive by
//! `zip -m` or gzip. They aren't lost.
//!
//! Names and archives say anything. So some of what is said is compared with the files as they were, nobody knows which; if it isn't so once,
//! nothing of it is believed.

pub mod archive;

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};

use archive::{Member, Section, members, unpack};
use files::{Disk, FileSystem, NodeId, ReadFailed};

use crate::compare::Ground;
use crate::disk::{Index, Node, Stamp};

/// Changed files whose first bytes are looked at, the newest first, and archives that are looked into.
const FILES_MAX: usize = 4096;
const ARCHIVES_MAX: usize = 256;
/// What is compared: so many of the files, and as many more by length, so that neither small nor large ones hide among the others.
const SAMPLE: u64 = 16;
/// A member is compared as a whole. A longer one isn't, and isn't believed.
const MEMBER_BYTES_MAX: u64 = 16 << 20;
/// Of a longer copy so many pieces are compared, with the first and the last.
const COPY_BYTES_MAX: u64 = 1 << 20;
const PIECES: u64 = 16;
/// Bytes that are compared, and bytes of archives' directories that are read, at most: it is to be over in a second.
const COMPARED_BYTES_MAX: u64 = 64 << 20;
const DIRECTORY_BYTES_MAX: u64 = 32 << 20;
/// Files of one name and length in folders of one name: of more nobody could tell which is where.
const ALIKE_MAX: usize = 4;
const BUFFER_BYTES: usize = 64 << 10;

/// What became of files that are gone.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// Those that lie elsewhere as they were.
    pub(crate) files: HashSet<Index>,
    /// The new files that are copies of those.
    pub(crate) copies: HashSet<Index>,
    /// Whether one was compared that isn't what it seemed, though all of it must be on the disk by now. Then there are none.
    pub(crate) is_contradicted: bool,
}

/// Which of the files that are `gone` lie elsewhere as they were. `keys` chooses what is compared.
pub(crate) fn moved(ground: &Ground<'_>, gone: &[Index], keys: &RandomState) -> Moved {
    let Some((after, tree)) = ground.after.filter(|_| !gone.is_empty()) else {
        return Moved::default();
    };
    let wanted = Wanted::new(ground, gone);
    let content = |new: &Node| Content {
        file_system: &*after.file_system,
        node: new.id,
        size_bytes: new.size_bytes,
    };
    let mut claims = Claims::default();
    for (index, new) in tree.files() {
        let is_new = ground.before_tree.by_identity(new.identity()).is_none();
        let alike = wanted.alike(tree.name(tree.folder(new)), tree.name(new), new.size_bytes);
        if is_new && !alike.is_empty() {
            claims.add(Claim {
                alike,
                file: content(new),
                lies: Lies::Copied(index),
                last: new.last,
            });
        }
    }
    let mut changed: Vec<&Node> = tree
        .files()
        .map(|(_, new)| new)
        .filter(|new| new.is_touched())
        .collect();
    changed.sort_unstable_by_key(|new| Reverse(new.last));
    let (mut archives, mut directory_bytes) = (0, 0);
    for new in changed.into_iter().take(FILES_MAX) {
        let file = content(new);
        let Some(members) = members(&file, tree.name(new)) else {
            continue;
        };
        for member in members {
            directory_bytes += member.directory_bytes();
            let alike = match &member.folder {
                Some(folder) => wanted.alike(folder, &member.name, member.size_bytes),
                None => wanted.alone(&member.name, member.size_bytes),
            };
            if member.size_bytes <= MEMBER_BYTES_MAX && !alike.is_empty() {
                claims.add(Claim {
                    alike,
                    file,
                    lies: Lies::Packed(member),
                    last: new.last,
                });
            }
        }
        archives += 1;
        if archives == ARCHIVES_MAX || directory_bytes > DIRECTORY_BYTES_MAX {
            break;
        }
    }
    claims.told(ground, keys)
}

/// Files that are looked for.
#[derive(Default)]
struct Wanted<'a> {
    /// Those that can't be told apart by what is said of them.
    groups: Vec<Vec<Index>>,
    /// Groups by the name of their folder, their own, and their length in bytes.
    in_folders: HashMap<(&'a [u8], &'a [u8], u64), usize>,
    /// Groups by their name without the number of a log that was rotated, and their length.
    alone: HashMap<(&'a [u8], u64), usize>,
}

impl<'a> Wanted<'a> {
    fn new(ground: &Ground<'a>, gone: &[Index]) -> Self {
        let mut wanted = Self::default();
        let tree = ground.before_tree;
        for index in gone {
            let Some(old) = tree.node(*index) else { continue };
            let (folder, name) = (tree.name(tree.folder(old)), tree.name(old));
            let next = wanted.groups.len();
            let in_folder = *wanted.in_folders.entry((folder, name, old.size_bytes)).or_insert(next);
            wanted.groups.resize_with(next.max(in_folder + 1), Vec::new);
            let next = wanted.groups.len();
            let alone = *wanted
                .alone
                .entry((without_number(name), old.size_bytes))
                .or_insert(next);
            wanted.groups.resize_with(next.max(alone + 1), Vec::new);
            for group in [in_folder, alone] {
                wanted
                    .groups
                    .get_mut(group)
                    .into_iter()
                    .for_each(|files| files.push(*index));
            }
        }
        wanted
    }

    fn alike(&self, folder: &[u8], name: &[u8], size_bytes: u64) -> &[Index] {
        self.few(self.in_folders.get(&(folder, name, size_bytes)).copied())
    }

    fn alone(&self, name: &[u8], size_bytes: u64) -> &[Index] {
        self.few(self.alone.get(&(without_number(name), size_bytes)).copied())
    }

    fn few(&self, group: Option<usize>) -> &[Index] {
        let files = group.and_then(|group| self.groups.get(group));
        files
            .filter(|files| files.len() <= ALIKE_MAX)
            .map_or(&[], Vec::as_slice)
    }
}

/// `app.log.1` -> `app.log`.
fn without_number(name: &[u8]) -> &[u8] {
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    match name.get(..name.len() - digits) {
        Some([start @ .., b'.']) if digits > 0 => start,
        _ => name,
    }
}

/// That one of several files lies in a new place.
struct Claim<'a> {
    alike: &'a [Index],
    /// Where: in this file, or this file itself.
    file: Content<'a>,
    lies: Lies,
    /// When that was changed last.
    last: Stamp,
}

enum Lies {
    Copied(Index),
    Packed(Member),
}

#[derive(Default)]
struct Claims<'a> {
    list: Vec<Claim<'a>>,
    files: HashSet<Index>,
}

impl<'a> Claims<'a> {
    /// Each gone file needs a claim of its own. What nobody asks for isn't compared: others could hide among it.
    fn add(&mut self, claim: Claim<'a>) {
        if let Some(file) = claim.alike.iter().find(|index| !self.files.contains(*index)) {
            self.files.insert(*file);
            self.list.push(claim);
        }
    }

    fn told(self, ground: &Ground<'_>, keys: &RandomState) -> Moved {
        if let Some(contradicting) = self.contradicting(ground, keys) {
            return Moved {
                // File systems may write down where content is before they write that.
                is_contradicted: ground.is_settled(contradicting.last),
                ..Moved::default()
            };
        }
        let copies = self.list.iter().filter_map(|claim| match claim.lies {
            Lies::Copied(index) => Some(index),
            Lies::Packed(_) => None,
        });
        Moved {
            copies: copies.collect(),
            files: self.files,
            is_contradicted: false,
        }
    }

    /// Compares some. Gives one that isn't so.
    fn contradicting(&self, ground: &Ground<'_>, keys: &RandomState) -> Option<&Claim<'a>> {
        let ends = self.list.iter().scan(0, |total, claim| {
            *total += claim.costs_bytes();
            Some(*total)
        });
        let ends: Vec<u64> = ends.collect();
        let (count, bytes) = (ends.len() as u64, ends.last().copied().unwrap_or(0));
        let by_count = (0..SAMPLE).map(|number| (keys.hash_one((0, number)) % count.max(1)) as usize);
        let by_bytes = (0..SAMPLE).map(|number| {
            let byte = keys.hash_one((1, number)) % bytes.max(1);
            ends.partition_point(|end| *end <= byte)
        });
        let mut compared = HashSet::new();
        let mut bytes_left = COMPARED_BYTES_MAX;
        for place in by_count.chain(by_bytes).filter(|place| compared.insert(*place)) {
            let claim = self.list.get(place).filter(|_| bytes_left > 0)?;
            bytes_left = bytes_left.saturating_sub(claim.costs_bytes());
            if !claim.is_so(ground, keys) {
                return Some(claim);
            }
        }
        None
    }
}

impl Claim<'_> {
    fn costs_bytes(&self) -> u64 {
        match &self.lies {
            Lies::Packed(member) => member.size_bytes,
            Lies::Copied(_) => self.file.size_bytes.min(COPY_BYTES_MAX),
        }
    }

    fn is_so(&self, ground: &Ground<'_>, keys: &RandomState) -> bool {
        let olds = self.alike.iter().filter_map(|index| ground.before_tree.node(*index));
        let mut contents = olds.map(|old| Content {
            file_system: &*ground.before.file_system,
            node: old.id,
            size_bytes: old.size_bytes,
        });
        contents.any(|old| self.is_copy_of(old, keys).unwrap_or(false))
    }

    fn is_copy_of(&self, old: Content<'_>, keys: &RandomState) -> io::Result<bool> {
        match &self.lies {
            Lies::Packed(member) => is_same(&mut *unpack(&self.file, member)?, &mut Section::of(&old)),
            Lies::Copied(_) if old.size_bytes <= COPY_BYTES_MAX => {
                is_same(&mut Section::of(&self.file), &mut Section::of(&old))
            }
            Lies::Copied(_) => {
                let last = old.size_bytes - BUFFER_BYTES as u64;
                let random = (0..PIECES).map(|piece| keys.hash_one((self.file.node.0, piece)) % last);
                let (mut new, mut was) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
                for offset in random.chain([0, last]) {
                    self.file.read_at(offset, &mut new).map_err(io::Error::other)?;
                    old.read_at(offset, &mut was).map_err(io::Error::other)?;
                    if new != was {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }
}

/// Whether two have the same bytes to the end.
fn is_same(one: &mut dyn Read, other: &mut dyn Read) -> io::Result<bool> {
    let mut buffers = [vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]];
    let [first, second] = &mut buffers;
    loop {
        let lengths = (filled(one, first)?, filled(other, second)?);
        if first.get(..lengths.0) != second.get(..lengths.1) {
            return Ok(false);
        }
        if lengths.0 < BUFFER_BYTES {
            return Ok(true);
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
#[derive(Clone, Copy)]
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
