//! Files that are gone from where they were and lie elsewhere as they were: moved into another folder by copying, or packed into an archive by
//! `zip -m` or gzip. They aren't lost.
//!
//! Names and archives say anything. So some of what is said is compared with the files as they were, nobody knows which; if it isn't so once,
//! nothing else of that archive, or of the copies, is believed.

pub mod archive;

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};

use archive::{Member, Section, members, unpack};
use files::{Disk, FileSystem, NodeId, ReadFailed};

use crate::compare::Ground;
use crate::disk::{Index, Node};

/// New files that are looked into for archives, the largest first.
const ARCHIVES_MAX: usize = 1024;
/// Members of one archive, and copies, that are compared.
const SAMPLE: usize = 8;
/// A member is compared as a whole. A longer one isn't, and isn't believed.
const MEMBER_BYTES_MAX: u64 = 16 << 20;
/// Of a longer copy so many pieces are compared.
const COPY_BYTES_MAX: u64 = 1 << 20;
const PIECES: u64 = 16;
/// All that is compared, for it not to take long, and what it counts to read of a member in an archive's directory. What is behind it isn't
/// believed.
const BYTES_MAX: u64 = 64 << 20;
const MEMBER_COSTS_BYTES: u64 = 64;
/// Files of one name and length that a member is compared with.
const ALIKE_MAX: usize = 4;
const BUFFER_BYTES: usize = 64 << 10;

/// What became of files that are gone.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// Those that lie elsewhere as they were.
    pub(crate) files: HashSet<Index>,
    /// How many new files are copies of those.
    pub(crate) copies: u64,
}

/// Which of the files that are `gone` lie elsewhere as they were. `keys` chooses what is compared.
pub(crate) fn moved(ground: &Ground<'_>, gone: &[Index], keys: &RandomState) -> Moved {
    let Some((after, tree)) = ground.after.filter(|_| !gone.is_empty()) else {
        return Moved::default();
    };
    let mut search = Search::new(ground, gone, keys);
    let content = |new: &Node| Content {
        file_system: &*after.file_system,
        node: new.id,
        size_bytes: new.size_bytes,
    };
    let is_new = |new: &Node| ground.before_tree.by_identity(new.identity()).is_none();
    let copies = tree.files().filter(|(_, new)| is_new(new)).filter_map(|(_, new)| {
        let place = search.place(tree.name(new), new.size_bytes)?;
        let file = content(new);
        Some(Candidate {
            file,
            member: None,
            place,
        })
    });
    let copies = copies.collect();
    let copies = search.believe(copies);
    let mut archives: Vec<&Node> = tree
        .files()
        .map(|(_, new)| new)
        .filter(|new| new.is_touched())
        .collect();
    archives.sort_unstable_by_key(|new| Reverse(new.size_bytes));
    for new in archives.into_iter().take(ARCHIVES_MAX) {
        let file = content(new);
        let members = members(&file, tree.name(new));
        search.spend(members.len() as u64 * MEMBER_COSTS_BYTES);
        let short = members
            .into_iter()
            .filter(|member| member.size_bytes <= MEMBER_BYTES_MAX);
        let packed = short.filter_map(|member| {
            let place = search.place(&member.name, member.size_bytes)?;
            let member = Some(member);
            Some(Candidate { file, member, place })
        });
        let packed = packed.collect();
        search.believe(packed);
    }
    Moved {
        files: search.found,
        copies,
    }
}

/// Where a file may lie now: another file, or a member of it.
struct Candidate<'a> {
    file: Content<'a>,
    member: Option<Member>,
    /// Its place among those that are wanted.
    place: usize,
}

struct Search<'a> {
    ground: &'a Ground<'a>,
    keys: &'a RandomState,
    /// What a file and its copy have in common, the name without folders and the length, and where in `wanted` such files are.
    places: HashMap<(&'a [u8], u64), usize>,
    wanted: Vec<VecDeque<Index>>,
    bytes_left: u64,
    found: HashSet<Index>,
}

impl<'a> Search<'a> {
    fn new(ground: &'a Ground<'a>, gone: &[Index], keys: &'a RandomState) -> Self {
        let mut search = Self {
            ground,
            keys,
            places: HashMap::new(),
            wanted: Vec::new(),
            bytes_left: BYTES_MAX,
            found: HashSet::new(),
        };
        for index in gone {
            let Some(old) = ground.before_tree.node(*index) else {
                continue;
            };
            let alike = (ground.before_tree.name(old), old.size_bytes);
            let place = *search.places.entry(alike).or_insert(search.wanted.len());
            match search.wanted.get_mut(place) {
                Some(files) => files.push_back(*index),
                None => search.wanted.push(VecDeque::from([*index])),
            }
        }
        search
    }

    fn place(&self, name: &[u8], size_bytes: u64) -> Option<usize> {
        self.places.get(&(name, size_bytes)).copied()
    }

    fn spend(&mut self, bytes: u64) {
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
    }

    /// Compares some of the candidates. If all of those are what they seem, all are taken for files that are gone: for how many.
    fn believe(&mut self, mut candidates: Vec<Candidate<'_>>) -> u64 {
        candidates.sort_by_cached_key(|candidate| self.keys.hash_one((candidate.file.node.0, &candidate.member)));
        // As many as there are files to be found: others would hide what isn't so among those that nobody asks for.
        let mut left: HashMap<usize, usize> = HashMap::new();
        candidates.retain(|candidate| {
            let wanted = || self.wanted.get(candidate.place).map_or(0, VecDeque::len);
            let left = left.entry(candidate.place).or_insert_with(wanted);
            let is_wanted = *left > 0;
            *left = left.saturating_sub(1);
            is_wanted
        });
        for candidate in candidates.iter().take(SAMPLE) {
            self.spend(candidate.costs_bytes());
            if self.bytes_left == 0 || !self.is_as_it_was(candidate) {
                return 0;
            }
        }
        let wanted = |candidate: &Candidate<'_>| self.wanted.get_mut(candidate.place)?.pop_front();
        self.found.extend(candidates.iter().filter_map(wanted));
        candidates.len() as u64
    }

    fn is_as_it_was(&self, candidate: &Candidate<'_>) -> bool {
        let files = self.wanted.get(candidate.place).into_iter().flatten().take(ALIKE_MAX);
        let olds = files.filter_map(|index| self.ground.before_tree.node(*index));
        let contents = olds.map(|old| Content {
            file_system: &*self.ground.before.file_system,
            node: old.id,
            size_bytes: old.size_bytes,
        });
        contents
            .into_iter()
            .any(|old| candidate.is_copy_of(old, self.keys).unwrap_or(false))
    }
}

impl Candidate<'_> {
    fn costs_bytes(&self) -> u64 {
        match &self.member {
            Some(member) => member.size_bytes,
            None => self.file.size_bytes.min(COPY_BYTES_MAX),
        }
    }

    fn is_copy_of(&self, old: Content<'_>, keys: &RandomState) -> io::Result<bool> {
        match &self.member {
            Some(member) => is_same(&mut *unpack(&self.file, member)?, &mut Section::of(&old)),
            None if old.size_bytes <= COPY_BYTES_MAX => is_same(&mut Section::of(&self.file), &mut Section::of(&old)),
            None => {
                let last = old.size_bytes - BUFFER_BYTES as u64;
                let mut offsets = (0..PIECES).map(|piece| keys.hash_one((self.file.node.0, piece)) % (last + 1));
                offsets.try_fold(true, |is_so_far, offset| {
                    let (mut new, mut was) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
                    self.file.read_at(offset, &mut new).map_err(io::Error::other)?;
                    old.read_at(offset, &mut was).map_err(io::Error::other)?;
                    Ok(is_so_far && new == was)
                })
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
