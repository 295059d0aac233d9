//! The comparison of one file system's files: each file before finds what became of it.

use std::collections::{BTreeMap, HashSet};

use files::FileSystemKind;

use super::deleted::judge_deleted;
use super::finding::{Finding, Findings, Ground};
use super::notes::find_notes;
use super::pairs::pair;
use super::touched::{beneath, both, overview};
use crate::content::{Judgement, Origin, Verdict, judge};
use crate::disk::{Index, Node, Side, Tree};
use crate::error::Error;
use crate::progress::{Progress, Stage};
use crate::report::What;

/// So many damaged files beyond doubt make others suspicious that were changed at the same time.
const COMPANY_MIN: usize = 10;
/// How long before the first and after the last damage others are suspicious, in nanoseconds.
const COMPANY_NANOS: u64 = 60_000_000_000;
/// An extension is told if so many damaged files were given it.
const EXTENSION_FILES_MIN: usize = 3;

/// Compares all files of a file system before and after.
pub(crate) fn compare(ground: &Ground<'_>, progress: &mut dyn Progress) -> Result<Findings, Error> {
    let mut comparison = Comparison::default();
    let total = ground.before_tree.len() as u64;
    for (number, (index, old)) in ground.before_tree.files().enumerate() {
        if number.is_multiple_of(256) {
            progress.at(Stage::Compare, number as u64, total)?;
        }
        comparison.look(ground, index, old);
    }
    if let Some((after, tree)) = ground.after {
        comparison.created(ground, tree);
        pair(ground, after, tree, &mut comparison);
        find_notes(after, tree, &mut comparison.findings.list);
    }
    comparison.settle_company();
    judge_deleted(ground, &mut comparison);
    comparison.findings.extensions = comparison.extensions(ground);
    Ok(comparison.findings)
}

/// A comparison under way.
#[derive(Default)]
pub(crate) struct Comparison {
    pub(crate) findings: Findings,
    /// Files that aren't there any more, and nothing else in their place.
    pub(crate) missing: Vec<Index>,
    /// Findings that count only in company, by their place in the list.
    in_doubt: Vec<usize>,
    /// Files after that took the place of another.
    taken: HashSet<Index>,
}

impl Comparison {
    fn look(&mut self, ground: &Ground<'_>, index: Index, old: &Node) {
        let Some((after, tree)) = ground.after else {
            self.unreachable(ground, index, old, "the file system can't be read any more");
            return;
        };
        let at_path = tree.by_path_of(old).filter(|(_, new)| !new.is_folder);
        // Where nodes have no numbers of their own, the path tells what is the same file.
        let same = at_path
            .filter(|(_, new)| new.identity() == old.identity())
            .or_else(|| tree.by_identity(old.identity()).filter(|(_, new)| !new.is_folder));
        match (same, at_path) {
            (Some((new_index, new)), _) => self.same_file(ground, after, (index, old), (new_index, new)),
            (None, Some((new_index, new))) => self.replaced(ground, after, (index, old), (new_index, new)),
            (None, None) => self.gone(ground, after, index, old),
        }
    }

    /// The same file, perhaps under another name.
    fn same_file(
        &mut self,
        ground: &Ground<'_>,
        after: &Side,
        (index, old): (Index, &Node),
        (new_index, new): (Index, &Node),
    ) {
        let is_renamed = ground.after.is_some_and(|(_, tree)| {
            tree.by_path_of(old)
                .is_none_or(|(_, there)| there.identity() != old.identity())
        });
        let is_touched = old.is_touched() || new.is_touched() || old.size_bytes != new.size_bytes;
        if !is_touched {
            if is_renamed {
                let renamed = Finding::new(What::Renamed, Some(index), Some(new_index));
                self.findings.list.push(renamed);
            }
            return;
        }
        let pieces = both(ground, after, old, new);
        let last = old.last.max(new.last);
        let origin = Origin::InPlace {
            is_beneath: ground.is_settled(last) && old.has_record_of(new),
            changed_blocks: pieces.changed_blocks,
            blocks: u64::from(old.blocks.max(new.blocks)),
        };
        let judgement = judge(&pieces.old, &pieces.new, origin);
        if judgement.verdict == Verdict::Intact && !is_renamed {
            return;
        }
        let what = match judgement.verdict {
            Verdict::Intact => What::Renamed,
            Verdict::Changed => What::Changed,
            Verdict::Encrypted => What::EncryptedInPlace,
            Verdict::PartlyEncrypted => What::PartlyEncrypted,
            Verdict::Wiped => What::Wiped,
            Verdict::Truncated => What::Truncated,
        };
        let mut finding = Finding::new(what, Some(index), Some(new_index)).at(earliest(old, new), last);
        finding.changed_blocks = pieces.changed_blocks;
        finding.is_in_place = pieces.is_same_layout;
        self.push(finding, judgement);
    }

    /// Another file has the path now.
    fn replaced(
        &mut self,
        ground: &Ground<'_>,
        after: &Side,
        (index, old): (Index, &Node),
        (new_index, new): (Index, &Node),
    ) {
        self.taken.insert(new_index);
        let old_sample = overview(ground.before, old);
        let new_sample = overview(after, new);
        let judgement = judge(&old_sample, &new_sample, Origin::Replaced);
        let what = match judgement.verdict {
            Verdict::Intact => return,
            Verdict::Changed => What::Changed,
            Verdict::Encrypted | Verdict::PartlyEncrypted => What::ReplacedByEncrypted,
            Verdict::Wiped => What::Wiped,
            Verdict::Truncated => What::Truncated,
        };
        let mut finding = Finding::new(what, Some(index), Some(new_index)).at(new.first, new.last);
        finding.changed_blocks = u64::from(new.changed_blocks);
        self.push(finding, judgement);
    }

    /// Neither the file nor its path is there. Damage may hide it: then its node is still in use, or a name leads to a node that can't be
    /// read. Where everything that has a name can be read and none is its, it was deleted, whatever became of its node: nodes of deleted files
    /// are free, have other files, or lie in blocks that have other content by now.
    fn gone(&mut self, ground: &Ground<'_>, after: &Side, index: Index, old: &Node) {
        let tree = ground.after.map(|(_, tree)| tree);
        let is_hidden = tree.is_some_and(|tree| is_below_unreadable(ground.before_tree, tree, old));
        let has_name = tree.is_some_and(|tree| tree.is_unreadable(old));
        // What can't be read may lead to it under another name.
        let is_whole = tree.is_none_or(|tree| tree.unreadable == 0);
        let kind = after.file_system.kind();
        match after.file_system.metadata(old.id) {
            _ if is_hidden => self.unreachable(ground, index, old, "a folder on the way to it can't be read any more"),
            _ if has_name => self.unreachable(ground, index, old, "the file's own record is damaged"),
            Ok(metadata) if metadata.links == 0 || metadata.generation != old.generation => self.missing.push(index),
            // XFS gives the blocks of 64 inodes back once all are free, and doesn't write them before: what is there still says "in use".
            Ok(_) if kind == FileSystemKind::Xfs && is_whole => self.missing.push(index),
            // Numbers that are used again without telling uses apart say nothing alone.
            Ok(metadata)
                if old.generation != 0 || metadata.modified.map(|time| time.0) == Some(i128::from(old.modified)) =>
            {
                self.unreachable(ground, index, old, "the file is there, but no folder leads to it");
            }
            // There, the record is the name: what overwrote one took the other along.
            Err(files::Error::Damaged { .. }) if has_records_in_folders(kind) || !is_whole => {
                self.unreachable(ground, index, old, "the file's own record is damaged");
            }
            _ => self.missing.push(index),
        }
    }

    /// A file that can't be reached any more; what is on the disk in its place is looked at.
    fn unreachable(&mut self, ground: &Ground<'_>, index: Index, old: &Node, why: &str) {
        let mut finding = Finding::new(What::Unreachable, Some(index), None).at(old.first, old.last);
        finding.evidence.push(why.to_owned());
        finding.changed_blocks = u64::from(old.changed_blocks);
        if !old.is_touched() {
            finding.evidence.push("its content is still on the disk".to_owned());
            self.findings.list.push(finding);
            return;
        }
        let pieces = beneath(ground, old);
        let origin = Origin::InPlace {
            is_beneath: true,
            changed_blocks: pieces.changed_blocks,
            blocks: u64::from(old.blocks),
        };
        let judgement = judge(&pieces.old, &pieces.new, origin);
        finding.what = match judgement.verdict {
            Verdict::Encrypted => What::EncryptedInPlace,
            Verdict::PartlyEncrypted => What::PartlyEncrypted,
            Verdict::Wiped => What::Wiped,
            _ => What::Unreachable,
        };
        finding.old_kind = judgement.old_kind;
        finding.evidence.extend(judgement.evidence);
        self.findings.list.push(finding);
    }

    /// Files that are new.
    fn created(&mut self, ground: &Ground<'_>, tree: &Tree) {
        for (index, new) in tree.files() {
            let is_known = ground
                .before_tree
                .by_identity(new.identity())
                .is_some_and(|(_, old)| !old.is_folder);
            if !is_known && !self.taken.contains(&index) {
                let mut finding = Finding::new(What::Created, None, Some(index)).at(new.first, new.last);
                finding.changed_blocks = u64::from(new.changed_blocks);
                self.findings.list.push(finding);
            }
        }
    }

    pub(crate) fn push(&mut self, mut finding: Finding, judgement: Judgement) {
        if judgement.needs_company && finding.what.is_damage() {
            self.in_doubt.push(self.findings.list.len());
        }
        finding.old_kind = judgement.old_kind;
        finding.new_kind = judgement.new_kind;
        finding.evidence.extend(judgement.evidence);
        self.findings.list.push(finding);
    }

    /// How many files are damaged.
    pub(crate) fn damaged(&self) -> usize {
        let all = self.findings.list.iter();
        all.filter(|finding| finding.what.is_damage()).count()
    }

    /// Decides about findings that are no evidence alone.
    fn settle_company(&mut self) {
        let doubtful: HashSet<usize> = self.in_doubt.drain(..).collect();
        let certain = || {
            let all = self.findings.list.iter().enumerate();
            all.filter(|(place, finding)| finding.what.is_damage() && !doubtful.contains(place))
        };
        let is_company = certain().count() >= COMPANY_MIN || doubtful.len() >= COMPANY_MIN * 3;
        let first = certain()
            .filter_map(|(_, finding)| finding.first)
            .map(|stamp| stamp.time)
            .min();
        let last = certain()
            .filter_map(|(_, finding)| finding.last)
            .map(|stamp| stamp.time)
            .max();
        let margin = std::time::Duration::from_nanos(COMPANY_NANOS);
        let is_within = |finding: &Finding| {
            let from = first.is_none_or(|first| {
                finding
                    .first
                    .is_some_and(|stamp| stamp.time >= first.saturating_sub(margin))
            });
            let to = last.is_none_or(|last| {
                finding
                    .last
                    .is_some_and(|stamp| stamp.time <= last.saturating_add(margin))
            });
            from && to
        };
        for place in doubtful.iter().copied() {
            let Some(finding) = self.findings.list.get(place) else {
                continue;
            };
            let is_damage = is_company && is_within(finding);
            if let Some(finding) = self.findings.list.get_mut(place) {
                if is_damage {
                    finding.evidence.push("at the same time as many others".to_owned());
                } else {
                    finding.what = What::Changed;
                    finding.evidence.clear();
                }
            }
        }
    }

    /// Extensions that damaged files were given.
    fn extensions(&self, ground: &Ground<'_>) -> Vec<(String, usize)> {
        let Some((_, tree)) = ground.after else {
            return Vec::new();
        };
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for finding in self.findings.list.iter().filter(|finding| finding.what.is_damage()) {
            let (Some(old), Some(new)) = (finding.old, finding.new) else {
                continue;
            };
            let names = (ground.before_tree.node(old), tree.node(new));
            if let (Some(old), Some(new)) = names {
                let (old, new) = (ground.before_tree.name(old), tree.name(new));
                let extension = extension_of(new).filter(|extension| Some(*extension) != extension_of(old));
                if let Some(extension) = extension {
                    *counts
                        .entry(String::from_utf8_lossy(extension).into_owned())
                        .or_default() += 1;
                }
            }
        }
        let mut common: Vec<_> = counts
            .into_iter()
            .filter(|(_, count)| *count >= EXTENSION_FILES_MIN)
            .collect();
        common.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        common.truncate(10);
        common
    }
}

/// What follows the last dot of a name.
pub(crate) fn extension_of(name: &[u8]) -> Option<&[u8]> {
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    name.get(dot + 1..)
        .filter(|extension| dot > 0 && !extension.is_empty() && extension.len() <= 16)
}

/// Whether what is known of a file stands with its name.
const fn has_records_in_folders(kind: FileSystemKind) -> bool {
    matches!(
        kind,
        FileSystemKind::Fat12 | FileSystemKind::Fat16 | FileSystemKind::Fat32 | FileSystemKind::ExFat
    )
}

/// Whether a folder above a file couldn't be read afterwards.
fn is_below_unreadable(before: &Tree, after: &Tree, old: &Node) -> bool {
    if after.unreadable == 0 {
        return false;
    }
    let mut at = old.folder;
    while let Some(folder) = before.node(at) {
        if after.is_unreadable(folder) {
            return true;
        }
        if folder.folder == at {
            return false;
        }
        at = folder.folder;
    }
    false
}

fn earliest(old: &Node, new: &Node) -> crate::disk::Stamp {
    match (old.is_touched(), new.is_touched()) {
        (true, true) => old.first.min(new.first),
        (true, false) => old.first,
        _ => new.first,
    }
}

#[cfg(test)]
#[path = "verdicts_tests.rs"]
mod tests;
