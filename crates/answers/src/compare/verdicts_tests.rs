//! What became of files that neither their number nor their path leads to any more.

use std::hash::RandomState;
use std::sync::Arc;

use files::{Disk, NodeId};
use volume::Timestamp;

use super::*;
use crate::disk::{Changed, Noted};
use crate::fake::Fake;

/// A folder with one file in it.
fn with_a_file(kind: FileSystemKind) -> (Fake, NodeId, NodeId) {
    let mut fake = Fake::new();
    fake.pass_for(kind);
    let folder = fake.folder(NodeId(0), b"reports");
    let file = fake.file(folder, b"report.pdf", b"%PDF-1.7 text");
    (fake, folder, file)
}

/// What happened to the first file, and the first reason that is told for it.
fn became(before: Fake, after: Fake) -> Option<(What, String)> {
    let (before, after) = (before.side(), after.side());
    let changed = Changed::default();
    let keys = RandomState::new();
    let walk = |side: &Side| {
        let noted = Noted {
            changed: &changed,
            reads: None,
        };
        Tree::walk(side, noted, &keys, &mut ()).ok()
    };
    let (before_tree, after_tree) = (walk(&before)?, walk(&after)?);
    let disk: Arc<dyn Disk> = Arc::new(Vec::new());
    let ground = Ground {
        before: &before,
        before_tree: &before_tree,
        after: Some((&after, &after_tree)),
        changed: &changed,
        after_disk: &disk,
        from: Timestamp::ZERO,
        from_sequence: 1,
        to: Timestamp::ZERO,
    };
    let (first, _) = before_tree.files().next()?;
    let findings = compare(&ground, &mut ()).ok()?;
    let finding = findings.list.into_iter().find(|finding| finding.old == Some(first))?;
    Some((finding.what, finding.evidence.into_iter().next().unwrap_or_default()))
}

const REMOVED: Option<(What, String)> = Some((What::Removed, String::new()));

fn unreachable(why: &str) -> Option<(What, String)> {
    Some((What::Unreachable, why.to_owned()))
}

#[test]
fn a_file_whose_number_is_free_was_deleted() {
    for kind in [FileSystemKind::Ntfs, FileSystemKind::Xfs, FileSystemKind::Fat32] {
        let (before, _, file) = with_a_file(kind);
        let mut after = before.clone();
        after.delete(file);
        assert_eq!(became(before, after), REMOVED, "{kind:?}");
    }
}

#[test]
fn a_deleted_file_whose_record_has_other_content_by_now_was_deleted() {
    let (before, _, file) = with_a_file(FileSystemKind::Xfs);
    let mut after = before.clone();
    after.unlist(file);
    after.damage(file);
    assert_eq!(became(before, after), REMOVED);
}

#[test]
fn what_xfs_left_of_the_inodes_of_deleted_files_does_not_bring_them_back() {
    let (before, _, file) = with_a_file(FileSystemKind::Xfs);
    let mut after = before.clone();
    after.unlist(file);
    assert_eq!(became(before, after), REMOVED);
}

#[test]
fn a_record_that_stands_with_its_name_is_damaged_along_with_it() {
    let (before, _, file) = with_a_file(FileSystemKind::Fat32);
    let mut after = before.clone();
    after.unlist(file);
    after.damage(file);
    assert_eq!(became(before, after), unreachable("the file's own record is damaged"));
}

#[test]
fn a_name_that_leads_to_a_damaged_or_free_record_tells_of_damage() {
    let (before, _, file) = with_a_file(FileSystemKind::Ntfs);
    for harm in [Fake::damage, Fake::free] {
        let mut after = before.clone();
        harm(&mut after, file);
        let expected = unreachable("the file's own record is damaged");
        assert_eq!(became(before.clone(), after), expected);
    }
}

#[test]
fn a_folder_that_is_damaged_hides_its_files_whether_or_not_their_records_are_free() {
    let (before, folder, file) = with_a_file(FileSystemKind::Ntfs);
    for is_freed in [false, true] {
        let mut after = before.clone();
        after.damage(folder);
        if is_freed {
            after.free(file);
        }
        let expected = unreachable("a folder on the way to it can't be read any more");
        assert_eq!(became(before.clone(), after), expected, "{is_freed}");
    }
}

#[test]
fn a_file_in_use_that_no_folder_has_a_name_for_is_told() {
    let (before, _, file) = with_a_file(FileSystemKind::Ext4);
    let mut after = before.clone();
    after.unlist(file);
    let expected = unreachable("the file is there, but no folder leads to it");
    assert_eq!(became(before, after), expected);
}

#[test]
fn what_cannot_be_read_may_have_a_file_under_another_name() {
    let (before, _, file) = with_a_file(FileSystemKind::Xfs);
    let mut after = before.clone();
    after.unlist(file);
    let renamed = after.folder(NodeId(0), b"reports.locked");
    after.damage(renamed);
    let expected = unreachable("the file is there, but no folder leads to it");
    assert_eq!(became(before.clone(), after.clone()), expected);
    after.damage(file);
    assert_eq!(became(before, after), unreachable("the file's own record is damaged"));
}
