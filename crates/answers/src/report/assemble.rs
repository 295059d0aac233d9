//! From findings to reports of files.

use super::types::{Damage, FileReport, Good, Time};
use super::what::What;
use crate::compare::{Finding, Ground};
use crate::disk::{BLOCK, Node};

/// Where a file's report comes from.
pub(crate) struct Assembled<'a, 'b> {
    pub(crate) ground: &'a Ground<'b>,
    pub(crate) side: usize,
    pub(crate) area: &'a str,
}

/// The report of a finding.
pub(crate) fn file_report(assembled: &Assembled<'_, '_>, finding: &Finding) -> FileReport {
    let ground = assembled.ground;
    let old = finding.old.and_then(|index| ground.before_tree.node(index));
    let after_tree = ground.after.map(|(_, tree)| tree);
    let new = finding.new.zip(after_tree).and_then(|(index, tree)| tree.node(index));
    let old_path = finding.old.map(|index| ground.before_tree.path(index));
    let new_path = finding.new.zip(after_tree).map(|(index, tree)| tree.path(index));
    let path = old_path.or_else(|| new_path.clone()).unwrap_or_default();
    let new_path = new_path.filter(|new| *new != path);
    let shown = |path: &Vec<u8>| String::from_utf8_lossy(path).into_owned();
    FileReport {
        area: assembled.area.to_owned(),
        path: shown(&path),
        new_path: new_path.as_ref().map(shown),
        what: finding.what,
        kind: finding.old_kind,
        new_kind: finding.new_kind,
        size_bytes: old.map(|node| node.size_bytes),
        new_size_bytes: new.map(|node| node.size_bytes),
        owner: old.or(new).and_then(|node| node.owner),
        first: finding.first.map(|stamp| Time(stamp.time)),
        last: finding.last.map(|stamp| Time(stamp.time)),
        changed_bytes: finding.changed_blocks.saturating_mul(BLOCK),
        read_bytes: None,
        is_read_certain: false,
        evidence: finding.evidence.clone(),
        newest_good: finding.what.is_damage().then(|| newest_good(ground, finding)),
        personal: std::collections::BTreeMap::new(),
        between: None,
        damage: Damage {
            path,
            new_path,
            side: assembled.side,
            old_node: old.map(|node: &Node| node.id),
            new_node: new.map(|node: &Node| node.id),
            is_in_place: finding.is_in_place,
        },
    }
}

/// The last batch before the first change of a file that was changed in place; else the moment before the window.
fn newest_good(ground: &Ground<'_>, finding: &Finding) -> Good {
    let is_same_file = matches!(
        finding.what,
        What::EncryptedInPlace | What::PartlyEncrypted | What::Wiped
    );
    match finding.first.filter(|_| is_same_file && finding.is_in_place) {
        Some(stamp) => Good {
            part: stamp.part,
            sequence: stamp.sequence.0.saturating_sub(1),
            time: Time(stamp.time),
        },
        None => Good {
            part: 0,
            sequence: ground.from_sequence,
            time: Time(ground.from),
        },
    }
}
