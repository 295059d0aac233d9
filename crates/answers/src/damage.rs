//! Which files lost their content in a window, and nothing else: for those who ask every few seconds.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher, RandomState};
use std::sync::Arc;

use files::Disk;
use serde::{Deserialize, Serialize};

use crate::compare::{Finding, Ground, compare, stem_of};
use crate::disk::{Index, Node, Noted, Side, Tree, sides};
use crate::error::Error;
use crate::investigate::is_same;
use crate::moved::moved;
use crate::progress::Progress;
use crate::report::What;
use crate::window::{Part, Window};

/// Files that are told at most.
const LOST_MAX: usize = 4096;
/// Longest path that is told, in characters; longer ones are cut.
const PATH_CHARACTERS_MAX: usize = 256;

/// Bytes by which one program's copies are longer than their originals differ by less than this: padding to a cipher's block.
const OVERHEAD_SPREAD_BYTES: u64 = 16;
/// So many copies that are as much longer aren't chance.
const ALIKE_MIN: usize = 4;

/// Less than this share of a disk that is known as a whole is something else than file systems.
const OTHERS_SHARE: u64 = 16;

/// A file that lost its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Where it was: the file system's name, if it has one, and the path.
    pub path: String,
    /// How, in words: "encrypted in place".
    pub how: String,
    /// Whether another file took its place. One that lost its content where it lies may be about to be deleted: shredded.
    pub is_replaced: bool,
    /// The batch in which its blocks, or those of the copy that took its place, were first changed in the window; `None` if that isn't known.
    pub first: Option<u64>,
}

/// What became of files in a window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Losses {
    /// The files that were encrypted or wiped. What needs an attack beside it to be taken for damage, such as files that are gone with
    /// nothing in their place, isn't among them. At most 4096.
    pub lost: Vec<Lost>,
    /// Files at its end.
    pub files: u64,
    /// Of these, those that weren't there at its beginning, in this place or another.
    pub created: u64,
    /// Files of its beginning that are gone or lost their kind or most of their length, whatever there is beside them, except for those that
    /// lie elsewhere as they were, in a new file or a new archive.
    pub gone: u64,
    /// The bytes in those.
    pub gone_bytes: u64,
    /// Files of its beginning that lie elsewhere as they were.
    pub moved: u64,
    /// Whether one seemed to that doesn't, though its blocks weren't changed for a minute. Then nothing counts as moved.
    pub is_contradicted: bool,
    /// Whether file systems that can be read take up nearly all of the disk, before and after.
    pub is_whole: bool,
}

/// What became of the files in a window.
///
/// # Errors
///
/// [`Error::NoFileSystem`] where nothing known begins the window; what the past, a file system before, or `progress` reports.
pub fn lost_files(part: &Part<'_>, progress: &mut dyn Progress) -> Result<Losses, Error> {
    let window = Window::open(std::slice::from_ref(part), None, progress)?;
    let (before_sides, mut limits) = sides(&window.before.disk);
    if before_sides.is_empty() {
        let reason = limits.pop().unwrap_or_else(|| "nothing is known there".to_owned());
        return Err(Error::NoFileSystem { reason });
    }
    let (after_sides, _) = sides(&window.after.disk);
    let keys = RandomState::new();
    let mut losses = Losses {
        is_whole: takes_up_most(&before_sides, &window.before.disk) && takes_up_most(&after_sides, &window.after.disk),
        ..Losses::default()
    };
    for before in &before_sides {
        // What can't be found any more is for those who watch superblocks.
        let Some(after) = after_sides.iter().find(|after| is_same(before, after)) else {
            losses.is_whole = false;
            continue;
        };
        lost_in(&window, (before, after), &keys, &mut losses, progress)?;
    }
    losses.lost.truncate(LOST_MAX);
    Ok(losses)
}

fn lost_in(
    window: &Window,
    (before, after): (&Side, &Side),
    keys: &RandomState,
    losses: &mut Losses,
    progress: &mut dyn Progress,
) -> Result<(), Error> {
    let noted = Noted {
        changed: &window.changed,
        reads: None,
    };
    let before_tree = Tree::walk(before, noted, keys, progress)?;
    let after_tree = Tree::walk(after, noted, keys, progress)?;
    let ground = Ground {
        before,
        before_tree: &before_tree,
        after: Some((after, &after_tree)),
        changed: &window.changed,
        after_disk: &window.after.disk,
        from: window.before.time,
        from_sequence: window.before.sequence.0,
        to: window.after.time,
    };
    let findings = compare(&ground, progress)?;
    let overhead = common_overhead(&ground, &findings.list);
    let is_meant =
        |finding: &&Finding| finding.what != What::DeletedAfterCopying || is_copy(&ground, finding, overhead);
    let meant = findings.list.iter().filter(is_meant);
    losses
        .lost
        .extend(meant.filter_map(|finding| lost_file(&ground, finding)));
    losses.files += after_tree.files().count() as u64;
    let size_bytes = |old: Index| before_tree.node(old).map_or(0, |old| old.size_bytes);
    let gone = findings.list.iter().filter(|finding| is_gone(&ground, finding));
    // With an empty file nothing goes.
    let gone: Vec<Index> = gone
        .filter_map(|finding| finding.old)
        .filter(|old| size_bytes(*old) > 0)
        .collect();
    let moved = moved(&ground, &gone, keys);
    let created = findings
        .list
        .iter()
        .filter(|finding| finding.old.is_none())
        .filter_map(|finding| finding.new);
    losses.created += created.filter(|new| !moved.copies.contains(new)).count() as u64;
    losses.moved += moved.files.len() as u64;
    losses.is_contradicted |= moved.is_contradicted;
    for old in gone.into_iter().filter(|old| !moved.files.contains(old)) {
        losses.gone += 1;
        losses.gone_bytes += size_bytes(old);
    }
    Ok(())
}

/// Whether hardly anything of a disk lies outside of the file systems that can be read: partition tables, boot loaders.
fn takes_up_most(sides: &[Side], disk: &Arc<dyn Disk>) -> bool {
    let pieces = sides.iter().flat_map(|side| &side.pieces);
    let bytes: u64 = pieces.map(|piece| piece.length).sum();
    disk.size_bytes() - disk.size_bytes() / OTHERS_SHARE <= bytes
}

fn is_gone(ground: &Ground<'_>, finding: &Finding) -> bool {
    match finding.what {
        What::Deleted | What::DeletedAfterCopying | What::Removed | What::Truncated | What::Unreachable => true,
        What::Changed => {
            let is_other = finding.old_kind.is_some() && finding.old_kind != finding.new_kind;
            is_other || nodes(ground, finding).is_some_and(|(old, new)| new.size_bytes < old.size_bytes / 2)
        }
        _ => false,
    }
}

/// Whether a file of random bytes is the copy of one that is gone. Programs delete random-looking files every day and make others in the same
/// folder (caches, databases that merge their files, packs of git), so the file has to have been of a known kind, and the copy to be
/// named after it, or as much longer as most others are.
fn is_copy(ground: &Ground<'_>, finding: &Finding, overhead: Option<u64>) -> bool {
    let is_alike = || overhead.is_some() && overhead_of(ground, finding) == overhead;
    finding.old_kind.is_some() && (is_named_after(ground, finding) || is_alike())
}

fn is_named_after(ground: &Ground<'_>, finding: &Finding) -> bool {
    let Some(((old, new), (_, after))) = nodes(ground, finding).zip(ground.after) else {
        return false;
    };
    let stem = stem_of(ground.before_tree.name(old));
    stem.is_some_and(|stem| after.name(new).starts_with(stem))
}

/// By how much the copy is longer, in units of [`OVERHEAD_SPREAD_BYTES`].
fn overhead_of(ground: &Ground<'_>, finding: &Finding) -> Option<u64> {
    let (old, new) = nodes(ground, finding)?;
    Some(new.size_bytes.checked_sub(old.size_bytes)? / OVERHEAD_SPREAD_BYTES)
}

/// The overhead of most copies that aren't named after their originals; `None` where they have nothing in common.
fn common_overhead(ground: &Ground<'_>, findings: &[Finding]) -> Option<u64> {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    let copies = findings
        .iter()
        .filter(|finding| finding.what == What::DeletedAfterCopying && !is_named_after(ground, finding));
    for overhead in copies.filter_map(|finding| overhead_of(ground, finding)) {
        *counts.entry(overhead).or_default() += 1;
    }
    let total: usize = counts.values().sum();
    let (overhead, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (count >= ALIKE_MIN && count * 2 > total).then_some(overhead)
}

/// The file before, and what is there now.
fn nodes<'a>(ground: &Ground<'a>, finding: &Finding) -> Option<(&'a Node, &'a Node)> {
    let old = ground.before_tree.node(finding.old?)?;
    let new = ground.after?.1.node(finding.new?)?;
    Some((old, new))
}

/// Blocks of a file were changed a moment ago, and the file system doesn't say yet that the file was: it may be deleted by now, and its
/// blocks another file's. ntfs-3g writes down what became of a file after the blocks, some seconds later.
fn is_unsure(ground: &Ground<'_>, finding: &Finding) -> bool {
    // Nor does it count that nothing leads to a file any more: folders, too, are found half written.
    let Some((old, new)) = nodes(ground, finding) else {
        return true;
    };
    let is_settled = finding.last.is_some_and(|last| ground.is_settled(last));
    old.identity() == new.identity() && old.has_record_of(new) && !is_settled
}

fn lost_file(ground: &Ground<'_>, finding: &Finding) -> Option<Lost> {
    let how = match finding.what {
        What::EncryptedInPlace => "encrypted in place",
        What::PartlyEncrypted => "encrypted in part",
        What::ReplacedByEncrypted => "replaced by random bytes",
        What::DeletedAfterCopying => "deleted, with random bytes beside it",
        What::Wiped => "wiped",
        _ => return None,
    };
    if is_unsure(ground, finding) {
        return None;
    }
    let path = shown(&ground.before_tree.path(finding.old?));
    Some(Lost {
        path: match ground.before.name.as_str() {
            "" => path,
            name => format!("{name}: {path}"),
        },
        how: how.to_owned(),
        is_replaced: matches!(finding.what, What::ReplacedByEncrypted | What::DeletedAfterCopying),
        first: finding.first.map(|stamp| stamp.sequence.0),
    })
}

/// A path in text. One that is too long keeps a hash, by which it is told from others that begin like it.
fn shown(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    if text.chars().count() <= PATH_CHARACTERS_MAX {
        return text.into_owned();
    }
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    let beginning: String = text.chars().take(PATH_CHARACTERS_MAX).collect();
    format!("{beginning}... ({:016x})", hasher.finish())
}

#[cfg(test)]
#[path = "damage_tests.rs"]
mod tests;
