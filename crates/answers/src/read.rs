//! Which files were read: those that somebody asked for, told apart from those whose blocks came along with a neighbour's.
//!
//! Windows, and Linux where it knows the file system itself, read a file up to its end and not further. Where a file system is a program
//! that reads a block device (ntfs-3g), the kernel reads ahead of that without knowing of files. So the reads themselves are asked first
//! whether they end with files.

use crate::disk::{Node, Side, Tree};
use crate::report::What;

/// A file of which at least so much was read counts as read, in per cent.
const READ_PERCENT: u64 = 50;
/// If one read in so many runs over from a file into a part of its neighbour, the guest reads ahead beyond files.
const OVERRUNS_ONE_IN: u64 = 20;
/// Blocks that are taken to be read ahead even where less was seen: 1 MiB. Linux reads 128 KiB ahead, and the next 128 KiB once it gets
/// there; of disks that are put together from others, and where somebody said so, it reads more.
const AHEAD_BLOCKS: u32 = 256;

/// How the reads of a file system are to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Habit {
    /// How many blocks behind what was asked for can have been read along with it; `None` where reads end with files.
    pub(crate) ahead_blocks: Option<u32>,
}

impl Habit {
    /// By all files of a file system.
    pub(crate) fn of(tree: &Tree) -> Self {
        let (mut overruns, mut ends, mut most) = (0_u64, 0_u64, AHEAD_BLOCKS);
        for (_, node) in tree.files() {
            let read = node.read;
            if read.is_inline {
                continue;
            }
            ends += u64::from(read.is_ended);
            // The beginning of a file, read along with what is before it.
            if read.is_begun && !read.is_asked_for && read.blocks < node.blocks {
                overruns += 1;
                most = most.max(read.longest);
            }
        }
        Self {
            ahead_blocks: (overruns > 0 && overruns.saturating_mul(OVERRUNS_ONE_IN) > ends).then_some(most),
        }
    }

    /// Whether a file's blocks alone say that it was read itself.
    pub(crate) fn is_certain(self, node: &Node) -> bool {
        let read = node.read;
        let is_explained = self.ahead_blocks.is_some_and(|ahead| read.longest <= ahead);
        !read.is_inline && (read.is_asked_for || !is_explained)
    }
}

/// What is said of a file of which blocks were read and none changed.
pub(crate) fn what(node: &Node, is_certain: bool) -> What {
    let (blocks, read) = (u64::from(node.blocks), u64::from(node.read.blocks));
    let is_whole = read.saturating_mul(100) >= u64::max(blocks, 1).saturating_mul(READ_PERCENT);
    match (is_certain, is_whole) {
        (false, _) => What::PerhapsRead,
        (true, true) => What::Read,
        (true, false) => What::ReadInPart,
    }
}

/// Why a file is said to have been read, or to have been perhaps.
pub(crate) fn evidence(node: &Node, is_seen: bool, is_certain: bool) -> String {
    let (read, blocks) = (node.read.blocks, node.blocks);
    match (is_certain, node.read.is_inline) {
        (true, _) if is_seen => "its time of last access was changed".to_owned(),
        (true, _) => format!("{read} of {blocks} blocks were read"),
        (false, true) => {
            "it lies within a structure of the file system that was read, as it is when a folder is listed".to_owned()
        }
        (false, false) => {
            format!(
                "{read} of {blocks} blocks were read along with what lies before them, as a guest does that reads ahead"
            )
        }
    }
}

/// Whether the file system noted between two moments that a file was read. Whose clock that was doesn't matter.
pub(crate) fn is_access_noted(before: &Side, after: Option<&Side>, node: &Node) -> bool {
    let of = |side: &Side| side.file_system.metadata(node.id).ok();
    let Some((before, after)) = of(before).zip(after.and_then(of)) else {
        return false;
    };
    before.generation == after.generation && before.modified == after.modified && after.accessed > before.accessed
}

/// What isn't known of reads, from how many files can't be told: those within structures, and those that came along.
pub(crate) fn limits(area: &str, inline: u64, along: u64) -> Vec<String> {
    let place = if area.is_empty() {
        String::new()
    } else {
        format!("`{area}`: ")
    };
    let mut limits = Vec::new();
    if along > 0 {
        limits.push(format!(
            "{place}the guest reads ahead without regard to where files end: of {along} files it can't be told whether they were \
             read, or came along with others"
        ));
    }
    if inline > 0 {
        limits.push(format!(
            "{place}{inline} small files lie within structures that are read when a folder is listed: whether they were read \
             themselves can't be told"
        ));
    }
    limits
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use files::NodeId;

    use super::*;
    use crate::disk::{Changed, Noted, Reads, Stamp};
    use crate::fake::{BLOCKS_EACH, Fake};

    /// Files without room between them.
    fn neighbours(count: usize) -> Fake {
        let mut fake = Fake::new();
        for _ in 0..count {
            fake.file(NodeId(0), b"file", &vec![1; BLOCKS_EACH as usize * 4096]);
        }
        fake
    }

    /// What is said of each file when ranges of blocks were read, by their first and the one behind the last.
    fn said(fake: Fake, ranges: &[(u64, u64)]) -> Vec<What> {
        let mut reads = Reads::default();
        for (start, end) in ranges {
            reads.note(Stamp::default(), *start, end - start, 1);
        }
        let changed = &Changed::default();
        let noted = Noted {
            changed,
            reads: Some(&reads),
        };
        let tree = Tree::walk(&fake.side(), noted, &RandomState::new(), &mut ()).unwrap();
        let habit = Habit::of(&tree);
        let read = tree.files().filter(|(_, node)| node.read.blocks > 0);
        read.map(|(_, node)| what(node, habit.is_certain(node))).collect()
    }

    #[test]
    fn neighbours_are_read_where_reads_end_with_files() {
        let three = [What::Read, What::Read, What::Read];
        assert_eq!(said(neighbours(4), &[(16, 64)]), three);
        // A glance at a file's beginning is no reading ahead.
        let glance = [What::ReadInPart, What::Read];
        assert_eq!(said(neighbours(3), &[(16, 18), (48, 64)]), glance);
    }

    #[test]
    fn what_may_have_come_along_with_a_neighbour_is_perhaps_read() {
        let along = [What::Read, What::PerhapsRead, What::PerhapsRead];
        assert_eq!(said(neighbours(4), &[(16, 52)]), along);
        let two = [What::Read, What::PerhapsRead, What::Read, What::PerhapsRead];
        assert_eq!(said(neighbours(5), &[(16, 36), (48, 68)]), two);
    }

    #[test]
    fn a_longer_read_than_any_ahead_is_certain() {
        let large = |blocks: usize| {
            let mut fake = neighbours(1);
            fake.file(NodeId(0), b"large", &vec![1; blocks * 4096]);
            fake
        };
        let ahead = u64::from(AHEAD_BLOCKS);
        let blocks = AHEAD_BLOCKS as usize;
        let within = [What::Read, What::PerhapsRead];
        assert_eq!(said(large(blocks + 9), &[(16, 32 + ahead)]), within);
        let beyond = [What::Read, What::Read, What::PerhapsRead];
        let mut fake = large(blocks + 2);
        (0..ahead / BLOCKS_EACH + 2).for_each(|_| {
            fake.file(NodeId(0), b"between", &[]);
        });
        let last = fake.file(NodeId(0), b"last", &[1; 4 * 4096]).0 * BLOCKS_EACH;
        let (start, end) = (32 + ahead + 2, last + 2);
        assert_eq!(said(fake, &[(16, start), (start, end)]), beyond);
    }

    #[test]
    fn a_file_within_a_structure_is_perhaps_read() {
        let mut fake = neighbours(1);
        let file = fake.file(NodeId(0), b"small", b"text");
        fake.put_inline(file);
        assert_eq!(said(fake, &[(16, 33)]), [What::Read, What::PerhapsRead]);
    }

    #[test]
    fn an_access_that_the_file_system_noted_is_seen() {
        let fake = neighbours(1);
        let later = |seconds: i128| {
            let mut fake = fake.clone();
            fake.access(NodeId(1), seconds);
            fake.side()
        };
        let noted = Noted {
            changed: &Changed::default(),
            reads: None,
        };
        let before = later(5);
        let tree = Tree::walk(&before, noted, &RandomState::new(), &mut ()).unwrap();
        let (_, node) = tree.files().next().unwrap();
        assert!(is_access_noted(&before, Some(&later(6)), node));
        assert!(!is_access_noted(&before, Some(&later(5)), node));
        assert!(!is_access_noted(&before, None, node));
    }

    #[test]
    fn limits_count_the_files_of_which_it_is_not_known() {
        assert_eq!(limits("", 0, 0), Vec::<String>::new());
        let both = limits("vg0/root", 3, 2);
        assert!(both[0].starts_with("`vg0/root`: the guest reads ahead") && both[0].contains("of 2 files"));
        assert!(both[1].starts_with("`vg0/root`: 3 small files lie within"));
    }
}
