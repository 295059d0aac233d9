//! Files that were copied in encrypted form and then deleted: which new file holds which old one.

use std::collections::{HashMap, HashSet};

use super::finding::{Finding, Ground};
use super::touched::overview;
use super::verdicts::{Comparison, extension_of};
use crate::content::{Kind, Sample};
use crate::disk::{Index, Node, Side, Tree};
use crate::report::What;

/// An encrypted copy is longer than the original by a header, a key, padding: at most so many bytes.
const LONGER_BYTES_MAX: u64 = 64 << 10;
/// New files of one folder that are looked at.
const CANDIDATES_MAX: usize = 1 << 16;

/// A new file, and what it looks like.
struct Candidate {
    index: Index,
    is_opaque: bool,
    kind: Option<Kind>,
    is_paired: bool,
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
    let mut candidates: HashMap<u64, Vec<Candidate>> = HashMap::new();
    for (folder, indexes) in tree.by_folder(created.into_iter()) {
        if folders.contains(&folder) {
            let look = |index: &Index| look(after, tree, *index);
            candidates.insert(folder, indexes.iter().take(CANDIDATES_MAX).filter_map(look).collect());
        }
    }
    let mut copies: HashMap<Index, What> = HashMap::new();
    for index in missing {
        let Some(old) = ground.before_tree.node(index) else {
            continue;
        };
        let here = candidates.get_mut(&ground.before_tree.folder_key(old));
        let found = here.and_then(|here| best(ground, tree, old, here));
        match found {
            Some(candidate) if candidate.is_opaque => {
                candidate.is_paired = true;
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

fn look(after: &Side, tree: &Tree, index: Index) -> Option<Candidate> {
    let sample = overview(after, tree.node(index)?);
    Some(Candidate {
        index,
        is_opaque: sample.is_opaque(),
        kind: sample.kind(),
        is_paired: false,
    })
}

/// The new file that an old one became: by its name, else by its size alone.
fn best<'a>(ground: &Ground<'_>, tree: &Tree, old: &Node, here: &'a mut [Candidate]) -> Option<&'a mut Candidate> {
    let name = ground.before_tree.name(old);
    let by_name = here.iter().position(|candidate| {
        let new = tree.node(candidate.index);
        !candidate.is_paired && new.is_some_and(|new| is_named_after(name, tree.name(new)))
    });
    let place = by_name.or_else(|| {
        let fits = |candidate: &Candidate| {
            let new = tree.node(candidate.index)?;
            let longer = new.size_bytes.checked_sub(old.size_bytes)?;
            (candidate.is_opaque && !candidate.is_paired && longer <= LONGER_BYTES_MAX.min(old.size_bytes / 2 + 1024))
                .then_some(longer)
        };
        let all = here.iter().enumerate();
        let fitting = all.filter_map(|(place, candidate)| fits(candidate).map(|longer| (longer, place)));
        fitting.min().map(|(_, place)| place)
    });
    here.get_mut(place?)
}

/// `report.docx` -> `report.docx.locked`, `report.docx.id-1234.x`, `report.locked`.
fn is_named_after(old: &[u8], new: &[u8]) -> bool {
    if new.len() > old.len() && new.starts_with(old) {
        return true;
    }
    let stem = extension_of(old).map_or(old, |extension| {
        old.get(..old.len() - extension.len() - 1).unwrap_or(old)
    });
    let rest = new.strip_prefix(stem);
    stem.len() >= 3 && rest.is_some_and(|rest| rest.first() == Some(&b'.')) && extension_of(new) != extension_of(old)
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
    use super::*;

    #[test]
    fn names_tell_what_a_file_became() {
        assert!(is_named_after(b"report.docx", b"report.docx.locked"));
        assert!(is_named_after(b"report.docx", b"report.locked"));
        assert!(!is_named_after(b"report.docx", b"report.docx"));
        assert!(!is_named_after(b"report.docx", b"reporting.locked"));
        assert!(!is_named_after(b"a.b", b"a.c"), "too short to say");
    }
}
