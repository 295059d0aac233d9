//! Which files lost their content in a window, and nothing else: for those who ask every few seconds.

use std::hash::RandomState;

use serde::{Deserialize, Serialize};
use volume::Timestamp;

use crate::compare::{Finding, Ground, SETTLED_NANOS, compare};
use crate::disk::{Noted, Side, Tree, sides};
use crate::error::Error;
use crate::investigate::is_same;
use crate::progress::Progress;
use crate::report::What;
use crate::window::{Part, Window};

/// Files that are told at most.
pub const LOST_MAX: usize = 4096;
/// Longest path that is told, in characters; longer ones are cut.
const PATH_CHARACTERS_MAX: usize = 256;

/// A file that lost its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Where it was: the file system's name, if it has one, and the path.
    pub path: String,
    /// How, in words: "encrypted in place".
    pub how: String,
    /// Whether another file took its place. One that lost its content where it lies may be about to be deleted: shredded.
    pub is_replaced: bool,
    /// When its blocks, or those of the copy that took its place, were first changed in the window, in nanoseconds of Unix time; `None` if
    /// that isn't known.
    pub first_nanos: Option<u64>,
}

/// The files that were encrypted or wiped in a window. What needs an attack beside it to be taken for damage, such as files that
/// are gone with nothing in their place, isn't among them. At most [`LOST_MAX`].
///
/// # Errors
///
/// [`Error::NoFileSystem`] where nothing known begins the window; what the past, a file system before, or `progress` reports.
pub fn lost_files(part: &Part<'_>, progress: &mut dyn Progress) -> Result<Vec<Lost>, Error> {
    let window = Window::open(std::slice::from_ref(part), None, progress)?;
    let (before_sides, mut limits) = sides(&window.before.disk);
    if before_sides.is_empty() {
        let reason = limits.pop().unwrap_or_else(|| "nothing is known there".to_owned());
        return Err(Error::NoFileSystem { reason });
    }
    let (after_sides, _) = sides(&window.after.disk);
    let keys = RandomState::new();
    let mut lost = Vec::new();
    for before in &before_sides {
        // What can't be found any more is for those who watch superblocks.
        let Some(after) = after_sides.iter().find(|after| is_same(before, after)) else {
            continue;
        };
        lost_in(&window, (before, after), &keys, &mut lost, progress)?;
    }
    lost.truncate(LOST_MAX);
    Ok(lost)
}

fn lost_in(
    window: &Window,
    (before, after): (&Side, &Side),
    keys: &RandomState,
    lost: &mut Vec<Lost>,
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
    lost.extend(findings.list.iter().filter_map(|finding| lost_file(&ground, finding)));
    Ok(())
}

/// Blocks of a file were changed a moment ago, and the file system doesn't say yet that the file was: it may be deleted by now, and its
/// blocks another file's. ntfs-3g writes down what became of a file after the blocks, some seconds later.
fn is_unsure(ground: &Ground<'_>, finding: &Finding) -> bool {
    let nodes = finding.old.and_then(|old| ground.before_tree.node(old)).zip(
        finding
            .new
            .zip(ground.after)
            .and_then(|(new, (_, tree))| tree.node(new)),
    );
    // Nor does it count that nothing leads to a file any more: folders, too, are found half written.
    let Some((old, new)) = nodes else { return true };
    let is_same = old.identity() == new.identity()
        && (old.modified, old.changed, old.size_bytes) == (new.modified, new.changed, new.size_bytes);
    let is_settled = finding
        .last
        .is_some_and(|last| ground.to.since(last.time).as_nanos() > u128::from(SETTLED_NANOS));
    is_same && !is_settled
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
    let path = String::from_utf8_lossy(&ground.before_tree.path(finding.old?)).into_owned();
    let path: String = path.chars().take(PATH_CHARACTERS_MAX).collect();
    Some(Lost {
        path: match ground.before.name.as_str() {
            "" => path,
            name => format!("{name}: {path}"),
        },
        how: how.to_owned(),
        is_replaced: matches!(finding.what, What::ReplacedByEncrypted | What::DeletedAfterCopying),
        first_nanos: finding.first.map(|stamp| stamp.time).map(Timestamp::as_unix_nanos),
    })
}
