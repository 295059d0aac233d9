//! From a place on a file system to the file that it belongs to.

use crate::error::Error;
use crate::filesystem::{Extent, ExtentKind, FileSystem, Flow, NodeId, NodeKind};
use crate::walk::{Onward, Step, walk};

/// Pieces that are kept: 40 bytes each, so 640 MiB at most.
const PIECES_MAX: usize = 1 << 24;
/// Bytes of names that are kept.
const NAMES_BYTES_MAX: usize = 1 << 30;

/// A piece of a file that covers a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The file or folder.
    pub node: NodeId,
    /// One of its paths.
    pub path: Vec<u8>,
    /// The piece.
    pub extent: Extent,
}

/// What lies where on a file system.
///
/// Invariant: `pieces` ascend by their first byte, and `reach` has for each the furthest end of it and all before it: files may share
/// blocks (XFS), so that one place may have several owners.
#[derive(Debug, Default)]
pub struct Owners {
    pieces: Vec<Piece>,
    reach: Vec<u64>,
    named: Vec<Named>,
    names: Vec<u8>,
    unreadable: u64,
    is_complete: bool,
}

/// 32 bytes; eight more for its reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    physical: u64,
    length: u64,
    logical: u64,
    named: u32,
    kind: Stored,
}

/// [`ExtentKind`] in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stored {
    Data,
    Unwritten,
    Inline,
    Compressed,
}

/// A node by the name under which it was first met.
#[derive(Clone, Copy, Debug)]
struct Named {
    node: NodeId,
    folder: u32,
    name_start: u32,
    name_bytes: u32,
}

/// The root has no name and no folder but itself.
const ROOT: u32 = 0;

impl Owners {
    /// Walks the whole file system. `progress` is told the names seen so far now and then, and may stop.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if `progress` says so. Files that can't be read are counted instead.
    pub fn collect(fs: &dyn FileSystem, progress: &mut dyn FnMut(u64) -> Flow) -> Result<Self, Error> {
        let mut owners = Self {
            is_complete: true,
            ..Self::default()
        };
        let mut folders = std::collections::HashMap::from([(fs.root().0, ROOT)]);
        owners.add(fs, fs.root(), ROOT, b"");
        let mut seen = 0;
        let mut stopped = false;
        walk(fs, fs.root(), b"", &mut |step| {
            let Step::Found(found) = step else {
                owners.unreadable += 1;
                return Onward::Into;
            };
            seen += 1;
            if seen % 1024 == 0 && progress(seen).is_break() {
                stopped = true;
                return Onward::Stop;
            }
            let folder = folders.get(&found.folder.0).copied().unwrap_or(ROOT);
            let Some(named) = owners.add(fs, found.node, folder, found.name) else {
                owners.is_complete = false;
                return Onward::Stop;
            };
            if found.kind == NodeKind::Folder {
                folders.entry(found.node.0).or_insert(named);
            }
            Onward::Into
        })?;
        if stopped {
            return Err(Error::Stopped("as asked"));
        }
        owners.sort();
        Ok(owners)
    }

    /// Whether everything is known: false if there were more pieces or names than are kept.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Files and folders of which not all is known, since they can't be read.
    #[must_use]
    pub const fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Pieces that are known.
    #[must_use]
    pub const fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// Shows what has a part in `start..start + length`, in bytes of the file system; last piece first.
    pub fn owners_of(&self, start: u64, length: u64, visit: &mut dyn FnMut(Owner) -> Flow) {
        let end = start.saturating_add(length);
        let behind = self.pieces.partition_point(|piece| piece.physical < end);
        for index in (0..behind).rev() {
            if self.reach.get(index).is_none_or(|reach| *reach <= start) {
                return;
            }
            let Some(piece) = self.pieces.get(index) else { return };
            if piece.physical.saturating_add(piece.length) > start && visit(self.owner(piece)).is_break() {
                return;
            }
        }
    }

    fn owner(&self, piece: &Piece) -> Owner {
        let node = self
            .named
            .get(piece.named as usize)
            .map_or(NodeId(0), |named| named.node);
        let kind = match piece.kind {
            Stored::Data => ExtentKind::Data,
            Stored::Unwritten => ExtentKind::Unwritten,
            Stored::Inline => ExtentKind::Inline,
            Stored::Compressed => ExtentKind::Compressed,
        };
        Owner {
            node,
            path: self.path(piece.named),
            extent: Extent {
                logical: piece.logical,
                physical: piece.physical,
                length: piece.length,
                kind,
            },
        }
    }

    fn path(&self, mut named: u32) -> Vec<u8> {
        let mut parts = Vec::new();
        while named != ROOT {
            let Some(found) = self.named.get(named as usize) else {
                break;
            };
            let start = found.name_start as usize;
            parts.push(
                self.names
                    .get(start..start + found.name_bytes as usize)
                    .unwrap_or_default(),
            );
            // A folder is met before what is in it.
            debug_assert!(found.folder < named);
            named = found.folder.min(named - 1);
        }
        if parts.is_empty() {
            return b"/".to_vec();
        }
        parts
            .iter()
            .rev()
            .flat_map(|part| [b"/", *part])
            .flatten()
            .copied()
            .collect()
    }

    /// Takes a name and the pieces behind it; `None` if there is no room.
    fn add(&mut self, fs: &dyn FileSystem, node: NodeId, folder: u32, name: &[u8]) -> Option<u32> {
        let index = u32::try_from(self.named.len()).ok()?;
        if self.names.len() + name.len() > NAMES_BYTES_MAX {
            return None;
        }
        self.named.push(Named {
            node,
            folder,
            name_start: u32::try_from(self.names.len()).ok()?,
            name_bytes: u32::try_from(name.len()).ok()?,
        });
        self.names.extend_from_slice(name);
        let mut is_room = true;
        let result = fs.extents(node, &mut |extent| {
            if extent.length > 0 {
                is_room = self.pieces.len() < PIECES_MAX;
                if !is_room {
                    return Flow::Break(());
                }
                self.pieces.push(piece_of(&extent, index));
            }
            Flow::Continue(())
        });
        // Device nodes and the like have no content.
        if let Err(error) = result
            && !matches!(error, Error::NotA(..))
        {
            self.unreadable += 1;
        }
        is_room.then_some(index)
    }

    fn sort(&mut self) {
        self.pieces.sort_unstable();
        // A file with several names was met as often: its first name is kept.
        let named = &self.named;
        let node = |piece: &Piece| named.get(piece.named as usize).map(|named| named.node);
        self.pieces.dedup_by(|again, first| {
            (again.physical, again.length, again.logical) == (first.physical, first.length, first.logical)
                && node(again) == node(first)
        });
        self.pieces.shrink_to_fit();
        self.reach = Vec::with_capacity(self.pieces.len());
        let mut furthest = 0;
        for piece in &self.pieces {
            furthest = furthest.max(piece.physical.saturating_add(piece.length));
            self.reach.push(furthest);
        }
    }
}

const fn piece_of(extent: &Extent, named: u32) -> Piece {
    Piece {
        physical: extent.physical,
        length: extent.length,
        logical: extent.logical,
        named,
        kind: match extent.kind {
            ExtentKind::Data => Stored::Data,
            ExtentKind::Unwritten => Stored::Unwritten,
            ExtentKind::Inline => Stored::Inline,
            ExtentKind::Compressed => Stored::Compressed,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::FileSystemKind;
    use crate::memory::Memory;
    use crate::path::find;

    fn fs() -> Memory {
        Memory::new(FileSystemKind::Xfs)
            .folder("/docs")
            .at("/docs", 0, 4096, 4096)
            .file("/docs/a", b"")
            .at("/docs/a", 0, 10 << 20, 8192)
            .at("/docs/a", 8192, 1 << 20, 4096)
            .file("/docs/copy", b"")
            .at("/docs/copy", 0, (10 << 20) + 4096, 4096)
            .file("/large", b"")
            .at("/large", 0, 100 << 20, 400 << 20)
            .at("/large", 400 << 20, 600 << 20, 4096)
    }

    fn at(owners: &Owners, start: u64, length: u64) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        owners.owners_of(start, length, &mut |owner| {
            found.push((String::from_utf8(owner.path).unwrap(), owner.extent.logical));
            Flow::Continue(())
        });
        found.sort();
        found
    }

    #[test]
    fn a_place_leads_to_all_its_files() {
        let owners = Owners::collect(&fs(), &mut |_| Flow::Continue(())).unwrap();
        let is = |start, length, expected: &[(&str, u64)]| {
            let expected: Vec<_> = expected.iter().map(|(path, at)| ((*path).to_owned(), *at)).collect();
            assert_eq!(at(&owners, start, length), expected, "{start}");
        };
        is(0, 4096, &[]);
        is(4096, 1, &[("/docs", 0)]);
        is(1 << 20, 1, &[("/docs/a", 8192)]);
        is(10 << 20, 4096, &[("/docs/a", 0)]);
        is((10 << 20) + 4096, 1, &[("/docs/a", 0), ("/docs/copy", 0)]);
        is((10 << 20) + 8192, 1, &[]);
        is(499 << 20, 1 << 20, &[("/large", 0)]);
        is(500 << 20, 1 << 20, &[]);
        is(
            0,
            u64::MAX,
            &[
                ("/docs", 0),
                ("/docs/a", 0),
                ("/docs/a", 8192),
                ("/docs/copy", 0),
                ("/large", 0),
                ("/large", 400 << 20),
            ],
        );
        assert!(owners.is_complete());
    }

    #[test]
    fn a_file_with_two_names_is_one_owner() {
        let fs = fs();
        let node = find(&fs, b"/docs/a").unwrap();
        let fs = fs.name("/second", node);
        let owners = Owners::collect(&fs, &mut |_| Flow::Continue(())).unwrap();
        assert_eq!(at(&owners, 1 << 20, 1).len(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_counted() {
        let owners = Owners::collect(&fs().damage("/docs/a"), &mut |_| Flow::Continue(())).unwrap();
        assert_eq!(owners.unreadable(), 1);
        assert_eq!(at(&owners, 1 << 20, 1).len(), 1, "what came before the damage is known");
    }

    #[test]
    fn a_piece_takes_the_memory_that_was_said() {
        assert_eq!(size_of::<Piece>() + size_of::<u64>(), 40);
    }
}
