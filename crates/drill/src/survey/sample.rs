//! Choosing files at random and yet fairly: some of every type and every size, in bounded memory, whatever the order in which a
//! file system shows them.

use std::collections::{BTreeMap, BinaryHeap};

use files::NodeId;

use crate::noise::mixed;

/// Most files that are remembered of one type.
const OF_A_TYPE_MAX: usize = 2048;

/// What a file's name tells of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FileType {
    Document,
    Text,
    Picture,
    Media,
    Archive,
    Database,
    Mail,
    Program,
    Other,
}

impl FileType {
    pub(super) fn of(name: &[u8]) -> Self {
        let mut parts = name.rsplitn(2, |byte| *byte == b'.');
        let (extension, stem) = (parts.next().unwrap_or_default(), parts.next());
        if stem.is_none_or(<[u8]>::is_empty) {
            return Self::Other;
        }
        match extension.to_ascii_lowercase().as_slice() {
            b"doc" | b"docx" | b"xls" | b"xlsx" | b"ppt" | b"pptx" | b"pdf" | b"odt" | b"ods" | b"odp" | b"rtf"
            | b"pages" | b"vsd" => Self::Document,
            b"txt" | b"md" | b"csv" | b"json" | b"xml" | b"html" | b"log" | b"ini" | b"conf" | b"yaml" | b"c"
            | b"h" | b"py" | b"rs" | b"js" | b"java" | b"sh" | b"tex" => Self::Text,
            b"jpg" | b"jpeg" | b"png" | b"gif" | b"tif" | b"tiff" | b"bmp" | b"webp" | b"heic" | b"svg" | b"psd" => {
                Self::Picture
            }
            b"mp3" | b"mp4" | b"mov" | b"avi" | b"mkv" | b"wav" | b"flac" | b"ogg" | b"m4a" | b"webm" => Self::Media,
            b"zip" | b"gz" | b"7z" | b"rar" | b"tar" | b"xz" | b"zst" | b"bz2" | b"tgz" | b"iso" => Self::Archive,
            b"db" | b"sqlite" | b"sqlite3" | b"mdb" | b"accdb" | b"mdf" | b"ibd" | b"dbf" | b"vmdk" | b"vhdx"
            | b"qcow2" => Self::Database,
            b"eml" | b"msg" | b"pst" | b"ost" | b"mbox" => Self::Mail,
            b"exe" | b"dll" | b"so" | b"o" | b"a" | b"ko" | b"sys" | b"jar" | b"pyc" | b"deb" | b"rpm" => Self::Program,
            _ => Self::Other,
        }
    }
}

/// A file that may be chosen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// The smaller, the sooner it is chosen.
    pub(super) chance: u64,
    pub(super) area: usize,
    pub(super) node: NodeId,
    pub(super) path: String,
}

/// Candidates by type: of each the luckiest.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    of_type: BTreeMap<FileType, BinaryHeap<Candidate>>,
}

impl Candidates {
    /// Offers a file; its path is asked for only if it is remembered.
    pub(super) fn offer(&mut self, seed: u64, area: usize, node: NodeId, name: &[u8], path: impl FnOnce() -> String) {
        let chance = mixed(seed ^ mixed(node.0 ^ ((area as u64) << 56)));
        let heap = self.of_type.entry(FileType::of(name)).or_default();
        if heap.len() >= OF_A_TYPE_MAX && heap.peek().is_some_and(|worst| worst.chance <= chance) {
            return;
        }
        if heap.len() >= OF_A_TYPE_MAX {
            heap.pop();
        }
        let path = path();
        heap.push(Candidate {
            chance,
            area,
            node,
            path,
        });
    }

    /// All, luckiest first within their type.
    pub(super) fn into_types(self) -> Vec<Vec<Candidate>> {
        self.of_type.into_values().map(BinaryHeap::into_sorted_vec).collect()
    }
}

/// A class of sizes: files of one are alike.
pub(super) const fn size_class(bytes: u64) -> u32 {
    match bytes {
        0..=16_383 => 0,
        16_384..=262_143 => 1,
        262_144..=4_194_303 => 2,
        _ => 3,
    }
}

/// Takes turns between lists, from each its first.
pub(super) fn in_turns<T>(lists: Vec<Vec<T>>) -> Vec<T> {
    let mut lists: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    let mut turns = Vec::new();
    loop {
        let before = turns.len();
        turns.extend(lists.iter_mut().filter_map(Iterator::next));
        if turns.len() == before {
            return turns;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_are_chosen_in_whatever_order_they_are_shown() {
        let chosen = |nodes: &mut dyn Iterator<Item = u64>| {
            let mut candidates = Candidates::default();
            for node in nodes {
                candidates.offer(5, 0, NodeId(node), b"letter.docx", || node.to_string());
            }
            candidates.into_types()
        };
        let forwards = chosen(&mut (0..5000));
        assert_eq!(forwards, chosen(&mut (0..5000).rev()));
        assert_eq!(forwards.iter().map(Vec::len).sum::<usize>(), OF_A_TYPE_MAX);
    }

    #[test]
    fn types_are_told_by_the_extension() {
        assert_eq!(FileType::of(b"a.b.DOCX"), FileType::Document);
        for name in [&b"docx"[..], b".docx", b"", b"x."] {
            assert_eq!(FileType::of(name), FileType::Other);
        }
    }

    #[test]
    fn everyone_has_a_turn() {
        assert_eq!(in_turns(vec![vec![1, 4, 6], vec![2], vec![3, 5]]), [1, 2, 3, 4, 5, 6]);
    }
}
