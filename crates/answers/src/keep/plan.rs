//! Which way a restore goes, and what it takes.

use std::borrow::Cow;

use files::NodeId;
use serde::Serialize;
use volume::{Piece, Sequence};

use crate::disk::{BLOCK, Place};
use crate::investigate::Opened;
use crate::report::{FileReport, Good, Investigation, What};

/// Blocks of a damaged file that are compared with what its file system says of them.
const JOURNAL_CHECKS: usize = 8;
/// The most pieces of a plan: the list of them takes 192 MiB of memory. Damage in more takes a rollback.
pub const PIECES_MAX: usize = 8 << 20;
/// Why a file's version from between is set aside.
pub(super) const DAMAGED_LATER: &str = "changed since, then damaged: the version before the damage";

/// The way that a restore goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Nothing is damaged.
    Nothing,
    /// Only the damaged files' blocks go back.
    Surgical,
    /// The disk goes back; good work since is set aside.
    Rollback,
}

/// Where the content of a file that is set aside is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file as it is after the window: of which file system, and its node.
    After(usize, NodeId),
    /// A file's blocks after the window, as they were at an earlier moment: a version between the moment before and the damage.
    Earlier(usize, NodeId, Good),
}

/// A file that is set aside.
#[derive(Clone, Debug)]
pub struct SetAside {
    /// The file system's name.
    pub area: String,
    /// The bytes of its path: names need not be UTF-8, and what differs must not become one.
    pub path: Vec<u8>,
    /// Why.
    pub why: &'static str,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Where it is.
    pub source: Source,
}

impl SetAside {
    /// Its path for people.
    pub(super) fn shown_path(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.path)
    }
}

/// What a restore does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The way.
    pub way: Way,
    /// Why this way.
    pub reasons: Vec<String>,
    /// Damaged files that come back.
    pub files: u64,
    /// Surgical: the pieces, ascending, without overlaps.
    pub pieces: Vec<Piece>,
    /// Rollback: what is set aside.
    pub set_aside: Vec<SetAside>,
    /// Rollback: renames and deletions since, which are taken back and would have to be done again; surgical: ransom notes that stay.
    pub remains: Vec<String>,
}

/// Plans a restore.
#[must_use]
pub fn plan(investigation: &Investigation, opened: &Opened) -> Plan {
    let damaged: Vec<&FileReport> = investigation
        .files
        .iter()
        .filter(|file| file.what.is_damage())
        .collect();
    let mut plan = Plan {
        way: Way::Nothing,
        reasons: Vec::new(),
        files: damaged.len() as u64,
        pieces: Vec::new(),
        set_aside: Vec::new(),
        remains: Vec::new(),
    };
    if damaged.is_empty() {
        plan.reasons.push("no file is damaged".to_owned());
        return plan;
    }
    plan.reasons = against_surgery(&damaged, opened);
    if plan.reasons.is_empty() {
        match pieces(&damaged, opened) {
            Ok(pieces) => {
                plan.way = Way::Surgical;
                plan.reasons.push(format!(
                    "all {} damaged files lie where they lay: their changed blocks go back, nothing else",
                    damaged.len()
                ));
                plan.pieces = pieces;
                let notes = investigation.files.iter().filter(|file| file.what == What::Note);
                plan.remains
                    .extend(notes.map(|note| format!("the ransom note `{}` stays", note.path)));
                return plan;
            }
            Err(reason) => plan.reasons.push(reason),
        }
    }
    plan.way = Way::Rollback;
    set_aside(investigation, &mut plan);
    plan
}

/// Why blocks alone can't bring the files back; empty if they can.
fn against_surgery(damaged: &[&FileReport], opened: &Opened) -> Vec<String> {
    let mut reasons = Vec::new();
    if opened.parts > 1 {
        reasons.push("writes were diverted to a fork, whose blocks aren't those of the volume".to_owned());
    }
    if opened.after_sides.iter().any(Option::is_none) {
        reasons.push("a file system can't be read any more".to_owned());
    }
    let away = damaged.iter().filter(|file| !file.damage.is_in_place).count();
    if away > 0 {
        reasons.push(format!(
            "{away} of {} damaged files were deleted, replaced, resized or can't be reached",
            damaged.len()
        ));
    }
    let renamed = damaged
        .iter()
        .filter(|file| file.damage.is_in_place && file.new_path.is_some())
        .count();
    if renamed > 0 {
        reasons.push(format!("{renamed} of {} damaged files were renamed", damaged.len()));
    }
    if reasons.is_empty() && damaged.iter().any(|file| waits_in_journal(file, opened)) {
        reasons.push(
            "the content of damaged files waits in the file system's journal, which would bring it back".to_owned(),
        );
    }
    reasons
}

/// Whether a file's blocks on the disk aren't what its file system will make of them.
fn waits_in_journal(file: &FileReport, opened: &Opened) -> bool {
    let side = opened.after_side(file.damage.side);
    let Some((side, node)) = side.zip(file.damage.new_node) else {
        return true;
    };
    if side.file_system.replayed().is_none() {
        return false;
    }
    let places = side.places(node);
    places.iter().take(JOURNAL_CHECKS).any(|place| {
        let length = usize::try_from(place.length.min(BLOCK)).unwrap_or(0);
        let (mut through, mut raw) = (vec![0; length], vec![0; length]);
        let read = side.file_system.read(node, place.logical, &mut through);
        let Ok(read) = read else { return true };
        if opened.after.disk.read_at(place.disk, &mut raw).is_err() {
            return true;
        }
        through.get(..read) != raw.get(..read)
    })
}

/// The changed blocks of the damaged files; an error says why they can't go back alone.
fn pieces(damaged: &[&FileReport], opened: &Opened) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    for file in damaged {
        let of_file = pieces_of(file, opened);
        pieces.extend(of_file.ok_or("where damaged files lie isn't known")?);
    }
    joined(pieces, PIECES_MAX)
}

fn pieces_of(file: &FileReport, opened: &Opened) -> Option<Vec<Piece>> {
    let side = opened.after_side(file.damage.side)?;
    let moment = Sequence(file.newest_good?.sequence);
    let places = side.places(file.damage.new_node?);
    Some(
        places
            .iter()
            .flat_map(|place| changed_of(place, opened, moment))
            .collect(),
    )
}

/// Ascending, neighbours joined; no more than so many.
fn joined(mut pieces: Vec<Piece>, most: usize) -> Result<Vec<Piece>, String> {
    pieces.sort_unstable_by_key(|piece| (piece.first_block, piece.blocks, piece.moment));
    pieces.dedup();
    let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match joined.last_mut() {
            Some(last) if last.first_block + last.blocks > piece.first_block => {
                return Err("damaged files share blocks".to_owned());
            }
            Some(last) if last.first_block + last.blocks == piece.first_block && last.moment == piece.moment => {
                last.blocks += piece.blocks;
            }
            _ => joined.push(piece),
        }
    }
    if joined.len() > most {
        let count = joined.len();
        return Err(format!("the damage is in too many pieces: {count}, more than {most}"));
    }
    Ok(joined)
}

fn changed_of(place: &Place, opened: &Opened, moment: Sequence) -> Vec<Piece> {
    let (start, end) = place.blocks();
    let runs = opened.changed.within(start, end);
    runs.map(|(from, to, _)| Piece {
        first_block: from,
        blocks: to - from,
        moment,
    })
    .collect()
}

/// What a rollback would take away.
fn set_aside(investigation: &Investigation, plan: &mut Plan) {
    for file in &investigation.files {
        let after = file.damage.new_node.map(|node| Source::After(file.damage.side, node));
        let path = file.new_path.as_ref().unwrap_or(&file.path);
        let raw_path = file.damage.new_path.as_ref().unwrap_or(&file.damage.path);
        let put = |plan: &mut Plan, why, size_bytes, source| {
            plan.set_aside.push(SetAside {
                area: file.area.clone(),
                path: raw_path.clone(),
                why,
                size_bytes,
                source,
            });
        };
        let size_bytes = file.new_size_bytes.unwrap_or(0);
        match (file.what, after) {
            (What::Changed, Some(source)) => put(plan, "changed since", size_bytes, source),
            (What::Created, Some(source)) => put(plan, "made since", size_bytes, source),
            (What::Renamed, _) => plan.remains.push(format!("`{}` was renamed to `{path}`", file.path)),
            (What::Removed, _) => plan.remains.push(format!("`{}` was deleted", file.path)),
            _ => {}
        }
        if let Some(source) = file.between {
            plan.set_aside.push(SetAside {
                area: file.area.clone(),
                path: file.damage.path.clone(),
                why: DAMAGED_LATER,
                size_bytes,
                source,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(first_block: u64, blocks: u64, moment: u64) -> Piece {
        Piece {
            first_block,
            blocks,
            moment: Sequence(moment),
        }
    }

    #[test]
    fn pieces_are_joined_with_their_neighbours() {
        let pieces = vec![piece(8, 2, 1), piece(0, 8, 1), piece(8, 2, 1), piece(10, 1, 2)];
        assert_eq!(joined(pieces, 2).unwrap(), [piece(0, 10, 1), piece(10, 1, 2)]);
    }

    #[test]
    fn pieces_that_share_blocks_or_are_too_many_can_not_go_back_alone() {
        assert!(
            joined(vec![piece(0, 8, 1), piece(7, 1, 2)], 9)
                .unwrap_err()
                .contains("share")
        );
        let many = joined(vec![piece(0, 1, 1), piece(2, 1, 1), piece(4, 1, 1)], 2);
        assert_eq!(many.unwrap_err(), "the damage is in too many pieces: 3, more than 2");
    }
}
