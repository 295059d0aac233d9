//! Files that are gone: taken away by somebody's work, or by the attack.
//!
//! People and programs delete files every day. Many old ones, from many folders, without anything known in their place, while something
//! else says that this was an attack, are another matter.

use std::collections::HashSet;

use super::finding::{Finding, Ground};
use super::touched::overview;
use super::verdicts::Comparison;
use crate::content::Kind;
use crate::disk::Index;
use crate::report::What;

/// Fewer deletions are somebody's work.
const FILES_MIN: usize = 20;
const FOLDERS_MIN: usize = 5;
/// Files that were last changed less than this before the newest of all are work in progress, in nanoseconds. Both times are of the
/// guest's clock, which need not be that of the volume.
const OLD_NANOS: i64 = 60_000_000_000;
/// What is packed away leaves at least this share of its size, in per cent.
const PACKED_PERCENT_MIN: u64 = 25;
/// So many damaged files say that there was an attack.
const DAMAGED_MIN: usize = 20;
/// New files smaller than this hold no others, in bytes.
const CONTAINER_BYTES_MIN: u64 = 1 << 20;

/// Decides about everything that is missing.
pub(crate) fn judge_deleted(ground: &Ground<'_>, comparison: &mut Comparison) {
    let missing = std::mem::take(&mut comparison.missing);
    let newest = ground
        .before_tree
        .files()
        .map(|(_, node)| node.modified)
        .max()
        .unwrap_or(0);
    let is_old = |index: &Index| {
        let node = ground.before_tree.node(*index);
        node.is_some_and(|old| old.modified.saturating_add(OLD_NANOS) < newest && old.size_bytes > 0)
    };
    let old_ones: Vec<Index> = missing.iter().copied().filter(is_old).collect();
    let why = reason(ground, comparison, &old_ones);
    let counted: HashSet<Index> = old_ones.into_iter().collect();
    for index in missing {
        let mut finding = Finding::new(What::Removed, Some(index), None);
        if let Some(why) = why.as_ref().filter(|_| counted.contains(&index)) {
            finding.what = What::Deleted;
            finding.evidence.push(why.clone());
            if let Some(old) = ground.before_tree.node(index) {
                finding.old_kind = overview(ground.before, old).kind();
                finding.changed_blocks = u64::from(old.changed_blocks);
                finding = finding.at(old.first, old.last);
            }
        }
        comparison.findings.list.push(finding);
    }
}

/// Why the deletions are the attack's; `None` if they aren't.
fn reason(ground: &Ground<'_>, comparison: &Comparison, old_ones: &[Index]) -> Option<String> {
    let nodes = || old_ones.iter().filter_map(|index| ground.before_tree.node(*index));
    let folders: HashSet<u64> = nodes().map(|old| ground.before_tree.folder_key(old)).collect();
    let total = ground.before_tree.files().count();
    let is_many = old_ones.len() >= FILES_MIN && (folders.len() >= FOLDERS_MIN || old_ones.len() * 10 >= total);
    if !is_many {
        return None;
    }
    let bytes: u64 = nodes().map(|old| old.size_bytes).sum();
    let (opaque, packed) = containers(ground, comparison);
    let so_many = format!(
        "deleted with {} others from {} folders",
        old_ones.len() - 1,
        folders.len()
    );
    let has_note = comparison
        .findings
        .list
        .iter()
        .any(|finding| finding.what == What::Note);
    match () {
        () if opaque * 100 >= bytes * PACKED_PERCENT_MIN => {
            Some(format!("{so_many}, while a file of random bytes of no known kind grew"))
        }
        () if packed * 100 >= bytes * PACKED_PERCENT_MIN => None,
        () if has_note => Some(format!("{so_many}, and a ransom note was left")),
        () if comparison.damaged() >= DAMAGED_MIN => Some(format!("{so_many}, while others were damaged")),
        () if old_ones.len() * 4 >= total => Some(format!("{so_many}: a quarter of all files or more")),
        () => None,
    }
}

/// Bytes of large new files that are of no known kind and look random, and of those that may hold other files.
fn containers(ground: &Ground<'_>, comparison: &Comparison) -> (u64, u64) {
    let Some((after, tree)) = ground.after else {
        return (0, 0);
    };
    let (mut opaque, mut packed) = (0_u64, 0_u64);
    for finding in comparison
        .findings
        .list
        .iter()
        .filter(|finding| finding.what == What::Created)
    {
        let new = finding.new.and_then(|new| tree.node(new));
        let Some(new) = new.filter(|new| new.size_bytes >= CONTAINER_BYTES_MIN) else {
            continue;
        };
        let sample = overview(after, new);
        if sample.is_opaque() {
            opaque += new.size_bytes;
        } else if sample.kind().is_some_and(Kind::is_container) {
            packed += new.size_bytes;
        }
    }
    (opaque, packed)
}
