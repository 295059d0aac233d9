//! An investigation from beginning to end.

use std::hash::RandomState;

use volume::Timestamp;

use crate::compare::{Findings, Ground, compare};
use crate::content::{Sample, SampleOf};
use crate::disk::{BLOCK, Changed, Noted, Side, Tree, sides};
use crate::error::Error;
use crate::past::PastMoment;
use crate::progress::Progress;
use crate::read::{self, Habit};
use crate::refine::refine;
use crate::report::{
    Assembled, FileReport, FileSystemReport, Investigation, MomentReport, ReadingsReport, Time, file_report, group,
    sentences, timeline, totals,
};
use crate::window::{Part, Window};

/// What shall be found out beside the damage.
#[derive(Clone, Debug)]
pub struct Options {
    /// The volume's name, for the report.
    pub volume: String,
    /// The command that brings damaged files back from the moment before, for the report.
    pub way_back: String,
    /// Search the files that were touched for personal data, for so long at most.
    pub personal_seconds: Option<u64>,
    /// Up to when reads count: a disk is read after its last write, too. [`Timestamp::MAX`] for a window that ends now.
    pub reads_until: Timestamp,
}

/// Both moments, opened, for those who go on from an investigation.
pub struct Opened {
    /// The moment before.
    pub before: PastMoment,
    /// The moment after.
    pub after: PastMoment,
    /// The file systems before.
    pub before_sides: Vec<Side>,
    /// Those after, in the order of `before_sides`; `None` where it can't be read any more.
    pub after_sides: Vec<Option<Side>>,
    /// The number of the window's parts.
    pub(crate) parts: usize,
    /// What was changed.
    pub(crate) changed: Changed,
}

impl Opened {
    /// A file system after, by its number; `None` where it can't be read any more.
    pub(crate) fn after_side(&self, number: usize) -> Option<&Side> {
        self.after_sides.get(number)?.as_ref()
    }
}

/// Finds out what happened to the files of a disk in a window of time.
pub fn investigate(
    parts: &[Part<'_>],
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<(Investigation, Opened), Error> {
    let mut window = Window::open(parts, Some(options.reads_until), progress)?;
    let (mut opened, mut limits) = open_sides(&window)?;
    let keys = RandomState::new();
    let mut files = Vec::new();
    let mut file_systems = Vec::new();
    for (number, side) in opened.before_sides.iter().enumerate() {
        let after = opened.after_side(number);
        let looked = look(&window, number, side, after, &keys, progress)?;
        file_systems.push(looked.report);
        files.extend(looked.files);
        limits.extend(looked.limits);
    }
    refine(parts, &window, &opened, &mut files)?;
    limits.extend(limits_of(&window));
    files.sort_by(|one, other| (one.what, &one.area, &one.path).cmp(&(other.what, &other.area, &other.path)));
    let files_before = file_systems.iter().map(|system| system.files_before).sum();
    let personal = options
        .personal_seconds
        .map(|seconds| crate::personal::search(&window, &opened, &mut files, seconds, progress))
        .transpose()?;
    let mut investigation = Investigation {
        version: 1,
        volume: options.volume.clone(),
        from: MomentReport::from(&window.before),
        to: MomentReport::from(&window.after),
        summary: Vec::new(),
        limits,
        totals: totals(&files, files_before),
        timeline: timeline(&window.seconds, &files, window.before.time, window.after.time),
        by_folder: group(&files, |file| uppermost(&file.path)),
        by_type: group(&files, |file| {
            file.kind.map_or("other", crate::content::Kind::name).to_owned()
        }),
        by_owner: group(&files, |file| {
            file.owner
                .map_or_else(|| "unknown".to_owned(), |owner| owner.to_string())
        }),
        readings: readings_of(&window),
        personal,
        file_systems,
        files,
    };
    investigation.summary = sentences(&investigation, &options.way_back);
    opened.changed = std::mem::take(&mut window.changed);
    Ok((investigation, opened))
}

fn open_sides(window: &Window) -> Result<(Opened, Vec<String>), Error> {
    let (before_sides, mut limits) = sides(&window.before.disk);
    if before_sides.is_empty() {
        let reason = limits
            .into_iter()
            .next()
            .unwrap_or_else(|| "nothing is known there".to_owned());
        return Err(Error::NoFileSystem { reason });
    }
    let (mut found, told) = sides(&window.after.disk);
    let mut after_sides = Vec::new();
    for side in &before_sides {
        let place = found.iter().position(|other| is_same(side, other));
        let after = place.map(|place| found.swap_remove(place));
        if after.is_none() {
            let name = if side.name.is_empty() {
                "the file system".to_owned()
            } else {
                format!("`{}`", side.name)
            };
            limits.push(format!(
                "{name} can't be read any more at the end of the window: files whose blocks were changed are told by their blocks alone"
            ));
        }
        after_sides.push(after);
    }
    limits.extend(
        told.into_iter()
            .filter(|text| !limits.contains(text))
            .collect::<Vec<_>>(),
    );
    let opened = Opened {
        before: window.before.clone(),
        after: window.after.clone(),
        before_sides,
        after_sides,
        parts: window.ends.len(),
        changed: Changed::default(),
    };
    Ok((opened, limits))
}

pub(crate) fn is_same(one: &Side, other: &Side) -> bool {
    one.name == other.name
        && one.file_system.kind() == other.file_system.kind()
        && one.pieces.first() == other.pieces.first()
}

/// What was found out about one file system.
struct Looked {
    report: FileSystemReport,
    files: Vec<FileReport>,
    /// What isn't known of it.
    limits: Vec<String>,
}

/// Compares one file system.
fn look(
    window: &Window,
    number: usize,
    side: &Side,
    after: Option<&Side>,
    keys: &RandomState,
    progress: &mut dyn Progress,
) -> Result<Looked, Error> {
    let changed = &window.changed;
    // What was read is told of the files as they were.
    let reads = window.readings.since.map(|_| &window.readings.reads);
    let before_tree = Tree::walk(side, Noted { changed, reads }, keys, progress)?;
    let after_tree = after
        .map(|after| Tree::walk(after, Noted { changed, reads: None }, keys, progress))
        .transpose()?;
    let ground = Ground {
        before: side,
        before_tree: &before_tree,
        after: after.zip(after_tree.as_ref()),
        changed,
        after_disk: &window.after.disk,
        from: window.before.time,
        from_sequence: window.before.sequence.0,
        to: window.after.time,
    };
    let findings: Findings = compare(&ground, progress)?;
    let assembled = Assembled {
        ground: &ground,
        side: number,
        area: &side.name,
    };
    let mut files: Vec<FileReport> = findings
        .list
        .iter()
        .map(|finding| file_report(&assembled, finding))
        .collect();
    let mut limits = Vec::new();
    if reads.is_some() {
        limits.extend(add_reads(&assembled, &findings, &mut files));
    }
    let report = FileSystemReport {
        area: side.name.clone(),
        kind: side.file_system.kind().name(),
        label: side.file_system.label(),
        files_before: before_tree.files().count() as u64,
        files_after: after_tree.as_ref().map(|tree| tree.files().count() as u64),
        unreadable_after: after_tree.as_ref().map_or(0, |tree| tree.unreadable as u64),
        extensions: findings.extensions,
    };
    limits.extend(unreadable(&before_tree, &side.name, UNREADABLE_BEFORE));
    limits.extend(after_tree.and_then(|tree| unreadable(&tree, &side.name, UNREADABLE_AFTER)));
    Ok(Looked { report, files, limits })
}

/// When something couldn't be read, and what that means.
const UNREADABLE_BEFORE: (&str, &str) = ("at the start", "what happened to what is in there can't be told");
const UNREADABLE_AFTER: (&str, &str) = ("at the end", "damage hides what is in there");

/// Which folders and files couldn't be read at one end of the window.
fn unreadable(tree: &Tree, area: &str, (when, meaning): (&str, &str)) -> Option<String> {
    let first = tree.unreadable_example.as_ref()?;
    let place = if area.is_empty() {
        String::new()
    } else {
        format!("`{area}`: ")
    };
    let others = match tree.unreadable - 1 {
        0 => String::new(),
        1 => " and another folder or file".to_owned(),
        count => format!(" and {count} other folders or files"),
    };
    Some(format!(
        "{place}{first}{others} couldn't be read {when} of the window: {meaning}"
    ))
}

/// Adds what was read of the files that were found, and the files that were only read. Returns what isn't known of that.
fn add_reads(assembled: &Assembled<'_, '_>, findings: &Findings, files: &mut Vec<FileReport>) -> Vec<String> {
    let ground = assembled.ground;
    let mut known = std::collections::HashMap::new();
    for (place, finding) in findings.list.iter().enumerate() {
        if let Some(old) = finding.old {
            known.insert(old, place);
        }
    }
    let habit = Habit::of(ground.before_tree);
    let (mut inline, mut along) = (0_u64, 0_u64);
    for (index, node) in ground.before_tree.files() {
        let read_bytes = u64::from(node.read.blocks).saturating_mul(BLOCK).min(node.size_bytes);
        let is_known = known.get(&index).and_then(|place| files.get_mut(*place));
        if let Some(file) = is_known {
            file.read_bytes = Some(read_bytes);
            file.is_read_certain = node.read.blocks > 0 && habit.is_certain(node);
            continue;
        }
        if node.read.blocks == 0 {
            continue;
        }
        let is_asked_for = habit.is_certain(node);
        let is_seen = !is_asked_for && read::is_access_noted(ground.before, ground.after.map(|(side, _)| side), node);
        let is_certain = is_asked_for || is_seen;
        let what = read::what(node, is_certain);
        let mut file = file_report(assembled, &crate::compare::Finding::new(what, Some(index), None));
        (file.read_bytes, file.is_read_certain) = (Some(read_bytes), is_certain);
        file.kind = Sample::read(
            &*ground.before.file_system,
            node.id,
            node.size_bytes,
            &SampleOf::default(),
        )
        .kind();
        file.evidence.push(read::evidence(node, is_seen, is_certain));
        inline += u64::from(!is_certain && node.read.is_inline);
        along += u64::from(!is_certain && !node.read.is_inline);
        files.push(file);
    }
    read::limits(assembled.area, inline, along)
}

fn readings_of(window: &Window) -> ReadingsReport {
    ReadingsReport {
        since: window.readings.since.map(Time),
        is_complete: window.knows_reads(),
        grain_bytes: window.readings.grain_blocks.saturating_mul(BLOCK),
        bytes: window.readings.reads.blocks.blocks().saturating_mul(BLOCK),
    }
}

/// What isn't known.
fn limits_of(window: &Window) -> Vec<String> {
    let mut limits = Vec::new();
    match window.readings.since {
        None => limits.push("reads weren't recorded in this time: what was read can't be told".to_owned()),
        Some(since) if since > window.before.time => {
            limits.push(format!("reads are known from {since} on only"));
        }
        Some(_) => limits.push(
            "reads are those that reached the disk: what a guest had in its memory could be read without a trace, and whether anything \
             that was read left the machine, no disk can tell"
                .to_owned(),
        ),
    }
    if window.readings.grain_blocks > 1 {
        limits.push(format!(
            "so much was read at random that reads are known to {} KiB: a file may count as read because its neighbour was",
            window.readings.grain_blocks.saturating_mul(BLOCK) >> 10
        ));
    }
    limits
}

/// The two uppermost folders of a path.
fn uppermost(path: &str) -> String {
    let mut names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    // The file's own name is no folder.
    names.pop();
    names.truncate(2);
    format!("/{}", names.join("/"))
}

#[cfg(test)]
mod tests {
    use files::NodeId;

    use super::*;
    use crate::fake::Fake;

    #[test]
    fn folders_are_told_by_their_two_uppermost_names() {
        assert_eq!(uppermost("/a/b/c/d.txt"), "/a/b");
        assert_eq!(uppermost("/d.txt"), "/");
    }
    #[test]
    fn limits_say_which_folder_could_not_be_read() {
        let mut fake = Fake::new();
        let folder = fake.folder(NodeId(0), b"Sales");
        let inner = fake.folder(folder, b"2026");
        let file = fake.file(NodeId(0), b"letter.txt", b"text");
        fake.file(inner, b"other.txt", b"text");
        fake.damage(inner);
        let walk = |fake: Fake| {
            let changed = &Changed::default();
            let noted = Noted { changed, reads: None };
            Tree::walk(&fake.side(), noted, &RandomState::new(), &mut ()).unwrap()
        };
        let tree = walk(fake.clone());
        assert_eq!(
            unreadable(&tree, "vg0/root", UNREADABLE_BEFORE).unwrap(),
            "`vg0/root`: `/Sales/2026` (damaged node at byte 2: a test says so) couldn't be read at the start of the window: \
             what happened to what is in there can't be told"
        );
        fake.damage(file);
        let said = unreadable(&walk(fake), "", UNREADABLE_AFTER).unwrap();
        assert!(said.starts_with("`/letter.txt` (damaged node at byte 3"), "{said}");
        assert!(
            said.contains(" and another folder or file couldn't be read at the end"),
            "{said}"
        );
        assert_eq!(unreadable(&walk(Fake::new()), "", UNREADABLE_AFTER), None);
    }
}
