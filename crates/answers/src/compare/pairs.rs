//! Files that were copied in encrypted form and then deleted: which new file holds which old one.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Bound;

use super::finding::{Finding, Ground};
use super::touched::overview;
use super::verdicts::{Comparison, extension_of};
use crate::content::{Kind, Sample};
use crate::disk::{Index, Side, Tree};
use crate::report::What;

/// An encrypted copy is longer than the original by a header, a key, padding: at most so many bytes.
const LONGER_BYTES_MAX: u64 = 64 << 10;
/// New files of one folder that are looked at.
const CANDIDATES_MAX: usize = 1 << 16;
/// A name without its extension that is shorter says nothing.
const STEM_BYTES_MIN: usize = 3;

/// A new file, and what it looks like.
struct Candidate<'t> {
    index: Index,
    name: &'t [u8],
    size_bytes: u64,
    is_opaque: bool,
    kind: Option<Kind>,
}

/// The new files of a folder. There may be tens of thousands of them, and of old ones, so they aren't searched one by one.
#[derive(Default)]
struct Candidates<'t> {
    all: Vec<Candidate<'t>>,
    /// Names, and places in `all`, of those that no old file became yet.
    names: BTreeSet<(&'t [u8], usize)>,
    /// Sizes in bytes, and places in `all`, of the opaque ones among them.
    opaque_sizes: BTreeSet<(u64, usize)>,
}

/// Finds out which of the missing files have a new one that took their place, and what that is.
pub(crate) fn pair(ground: &Ground<'_>, after: &Side, tree: &Tree, comparison: &mut Comparison) {
    let missing = std::mem::take(&mut comparison.missing);
    let folders: HashSet<u64> = missing
        .iter()
        .filter_map(|index| ground.before_tree.node(*index))
        .map(|old| ground.before_tree.folder_key(old))
        .collect();
    let created = comparison
        .findings
        .list
        .iter()
        .filter(|finding| finding.what == What::Created);
    let created: Vec<Index> = created.filter_map(|finding| finding.new).collect();
    let mut candidates: HashMap<u64, Candidates<'_>> = HashMap::new();
    for (folder, indexes) in tree.by_folder(created.into_iter()) {
        if folders.contains(&folder) {
            let here = candidates.entry(folder).or_default();
            for index in indexes.into_iter().take(CANDIDATES_MAX) {
                here.add(after, tree, index);
            }
        }
    }
    let mut copies: HashMap<Index, What> = HashMap::new();
    for index in missing {
        let Some(old) = ground.before_tree.node(index) else {
            continue;
        };
        let here = candidates.get_mut(&ground.before_tree.folder_key(old));
        let found = here.and_then(|here| here.take_best(ground.before_tree.name(old), old.size_bytes));
        match found {
            Some(candidate) if candidate.is_opaque => {
                copies.insert(candidate.index, What::EncryptedCopy);
                let finding = damaged(ground, tree, index, candidate);
                comparison.findings.list.push(finding);
            }
            Some(candidate) if candidate.kind.is_some_and(Kind::is_container) => {
                let mut finding = Finding::new(What::Removed, Some(index), Some(candidate.index));
                let name = candidate.kind.map_or("", Kind::name);
                finding
                    .evidence
                    .push(format!("{name} of the same name is there instead"));
                comparison.findings.list.push(finding);
            }
            _ => comparison.missing.push(index),
        }
    }
    for finding in &mut comparison.findings.list {
        if finding.what == What::Created
            && let Some(what) = finding.new.and_then(|new| copies.get(&new))
        {
            finding.what = *what;
        }
    }
}

impl<'t> Candidates<'t> {
    fn add(&mut self, after: &Side, tree: &'t Tree, index: Index) {
        let Some(node) = tree.node(index) else { return };
        let sample = overview(after, node);
        let candidate = Candidate {
            index,
            name: tree.name(node),
            size_bytes: node.size_bytes,
            is_opaque: sample.is_opaque(),
            kind: sample.kind(),
        };
        let place = self.all.len();
        self.names.insert((candidate.name, place));
        if candidate.is_opaque {
            self.opaque_sizes.insert((candidate.size_bytes, place));
        }
        self.all.push(candidate);
    }

    /// The new file that an old one became: by its name, else by its size alone. An encrypted copy is a copy of one file.
    fn take_best(&mut self, name: &[u8], size_bytes: u64) -> Option<&Candidate<'t>> {
        let place = self.named_after(name).or_else(|| self.of_size(size_bytes))?;
        let candidate = self.all.get(place)?;
        if candidate.is_opaque {
            self.names.remove(&(candidate.name, place));
            self.opaque_sizes.remove(&(candidate.size_bytes, place));
        }
        Some(candidate)
    }

    /// `report.docx` -> `report.docx.locked`, `report.docx.id-1234.x`; else `report.locked`.
    fn named_after(&self, old: &[u8]) -> Option<usize> {
        if let Some((_, place)) = self.longer_than(old).next() {
            return Some(place);
        }
        let extension = extension_of(old);
        let dotted = [stem_of(old)?, b"."].concat();
        let mut names = self.longer_than(&dotted);
        let found = names.find(|(new, _)| extension_of(new) != extension);
        found.map(|(_, place)| place)
    }

    /// The names that begin so and go on, in ascending order, and their places.
    fn longer_than<'s>(&'s self, start: &'s [u8]) -> impl Iterator<Item = (&'s [u8], usize)> {
        let from = self
            .names
            .range((Bound::Excluded((start, usize::MAX)), Bound::Unbounded));
        from.copied().take_while(move |(name, _)| name.starts_with(start))
    }

    /// The smallest that holds so many bytes in encrypted form.
    fn of_size(&self, size_bytes: u64) -> Option<usize> {
        let (size, place) = *self.opaque_sizes.range((size_bytes, 0)..).next()?;
        let longer_bytes_max = LONGER_BYTES_MAX.min(size_bytes / 2 + 1024);
        (size - size_bytes <= longer_bytes_max).then_some(place)
    }
}

/// A name without its extension; `None` if that says nothing.
pub(crate) fn stem_of(name: &[u8]) -> Option<&[u8]> {
    let extension = extension_of(name);
    let length = extension.map_or(name.len(), |extension| name.len() - extension.len() - 1);
    name.get(..length).filter(|stem| stem.len() >= STEM_BYTES_MIN)
}

fn damaged(ground: &Ground<'_>, tree: &Tree, index: Index, candidate: &Candidate) -> Finding {
    let mut finding = Finding::new(What::DeletedAfterCopying, Some(index), Some(candidate.index));
    if let Some(new) = tree.node(candidate.index) {
        finding = finding.at(new.first, new.last);
        finding.changed_blocks = u64::from(new.changed_blocks);
        let name = String::from_utf8_lossy(tree.name(new)).into_owned();
        let text = if candidate.kind.is_some() {
            format!("`{name}` took its place: random bytes dressed as text")
        } else {
            format!("`{name}` took its place: random bytes of no known kind")
        };
        finding.evidence.push(text);
    }
    if let Some(old) = ground.before_tree.node(index) {
        let sample: Sample = overview(ground.before, old);
        finding.old_kind = sample.kind();
    }
    finding
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use files::NodeId;

    use super::*;
    use crate::disk::{Changed, Noted};
    use crate::fake::{Fake, random};

    struct Folder {
        side: Side,
        tree: Tree,
    }

    impl Folder {
        fn new(files: &[(&[u8], Vec<u8>)]) -> Self {
            let mut fake = Fake::new();
            for (name, content) in files {
                fake.file(NodeId(0), name, content);
            }
            let side = fake.side();
            let changed = &Changed::default();
            let noted = Noted { changed, reads: None };
            let tree = Tree::walk(&side, noted, &RandomState::new(), &mut ()).unwrap();
            Self { side, tree }
        }

        fn candidates(&self) -> Candidates<'_> {
            let mut candidates = Candidates::default();
            for (index, _) in self.tree.files() {
                candidates.add(&self.side, &self.tree, index);
            }
            candidates
        }
    }

    #[test]
    fn names_tell_what_a_file_became() {
        let became = |old: &[u8], new: &[u8]| {
            let folder = Folder::new(&[(new, Vec::new())]);
            folder.candidates().named_after(old).is_some()
        };
        assert!(became(b"report.docx", b"report.docx.locked"));
        assert!(became(b"report.docx", b"report.locked"));
        assert!(!became(b"report.docx", b"report.docx"));
        assert!(!became(b"report.docx", b"reporting.locked"));
        assert!(!became(b"a.b", b"a.c"), "too short to say");
    }
    #[test]
    fn a_whole_name_says_more_than_one_without_its_extension() {
        let names = [
            b"report.a.locked".as_slice(),
            b"report.docx.locked",
            b"report.xlsx.locked",
        ];
        let folder = Folder::new(&names.map(|name| (name, random(5000))));
        let mut here = folder.candidates();
        let mut took = |name: &[u8]| here.take_best(name, 4999).map(|candidate| candidate.name);
        assert_eq!(took(b"report.xlsx"), Some(b"report.xlsx.locked".as_slice()));
        assert_eq!(took(b"report.docx"), Some(b"report.docx.locked".as_slice()));
    }
    #[test]
    fn a_copy_is_of_one_file_and_else_the_nearest_size_decides() {
        let folder = Folder::new(&[
            (b"one", random(5200)),
            (b"two", random(5100)),
            (b"long", random(90_000)),
            (b"text", b"word ".repeat(1000)),
        ]);
        let mut here = folder.candidates();
        let mut took = |size_bytes| here.take_best(b"letter", size_bytes).map(|candidate| candidate.name);
        assert_eq!(took(5000), Some(b"two".as_slice()));
        assert_eq!(took(5000), Some(b"one".as_slice()));
        assert_eq!(took(5000), None, "text is no copy, and the last one is far too long");
        assert_eq!(took(90_001), None, "a copy is no shorter");
        assert_eq!(took(90_000), Some(b"long".as_slice()));
    }
    #[test]
    fn what_is_no_encrypted_copy_can_stand_for_several() {
        let folder = Folder::new(&[(b"report.zip", b"PK\x03\x04".to_vec())]);
        let mut here = folder.candidates();
        assert!(here.take_best(b"report.docx", 3).is_some());
        assert!(here.take_best(b"report.xlsx", 3).is_some());
    }
}
