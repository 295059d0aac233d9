//! Files that were changed well and damaged later: which moment between has their newest good version?
//!
//! A file's changes come in bursts. What its blocks held between two bursts is judged as its content at the end was: the newest version
//! that isn't damaged, before the first that is, is the one to return to. Files that were made in the window and damaged in it are found
//! in the same way.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use files::Disk;
use volume::{Change, Moment, Sequence, Timestamp};

use crate::compare::raw_sample;
use crate::content::{Origin, Sample, SampleOf, Verdict, judge};
use crate::disk::{Place, Side, sides};
use crate::error::Error;
use crate::investigate::Opened;
use crate::keep::Source;
use crate::past::PastMoment;
use crate::report::{FileReport, Good, Time, What};
use crate::window::{Part, Window};

/// Changes of one file that lie this close together are one burst.
const BURST: Duration = Duration::from_millis(1500);
/// Bursts of a file that are looked at.
const BURSTS_MAX: usize = 8;
/// Files that are looked at, and moments that are opened for them: finding a newer version must not take longer than all the rest.
const FILES_MAX: usize = 20_000;
const MOMENTS_MAX: usize = 400;
/// Pieces of a file that are judged.
const PIECES: u64 = 12;

/// Changes of one file that belong together.
#[derive(Clone, Copy, Debug)]
struct Burst {
    part: u16,
    first: Sequence,
    last: Sequence,
    last_time: Timestamp,
}

/// A file with what is needed to judge it.
struct Candidate {
    /// Its place in the list of files.
    file: usize,
    places: Vec<Place>,
    bursts: Vec<Burst>,
}

/// A question: is a file good between two bursts?
struct Question {
    candidate: usize,
    /// The number of the burst before.
    burst: usize,
    part: u16,
    from: Sequence,
    to: Sequence,
}

/// Improves `newest_good` of damaged files, and finds damaged files that were made in the window.
pub(crate) fn refine(
    parts: &[Part<'_>],
    window: &Window,
    opened: &Opened,
    files: &mut [FileReport],
) -> Result<(), Error> {
    let mut candidates = candidates(opened, files);
    if candidates.is_empty() {
        return Ok(());
    }
    collect_bursts(parts, window, &mut candidates)?;
    let mut questions = questions(&candidates);
    // In the order of their ends, one moment answers as many as possible.
    questions.sort_by_key(|question| (question.part, question.to));
    let mut answers: HashMap<usize, BTreeMap<usize, (bool, Good)>> = HashMap::new();
    let mut moment: Option<(u16, PastMoment, Option<Vec<Side>>)> = None;
    let mut count = 0;
    for question in &questions {
        let fits = moment
            .as_ref()
            .is_some_and(|(part, moment, _)| *part == question.part && moment.sequence >= question.from);
        if !fits {
            count += 1;
            if count > MOMENTS_MAX {
                break;
            }
            let Some(part) = parts.get(usize::from(question.part)) else {
                continue;
            };
            let found = part.past.open(&Moment::After(question.to)).map_err(Error::Past)?;
            moment = Some((question.part, found, None));
        }
        let (Some((part, at, sides)), Some(candidate)) = (moment.as_mut(), candidates.get(question.candidate)) else {
            continue;
        };
        let Some(file) = files.get(candidate.file) else {
            continue;
        };
        let is_good = is_good(opened, file, candidate, at, sides);
        let good = Good {
            part: *part,
            sequence: at.sequence.0,
            time: Time(at.time),
        };
        answers
            .entry(question.candidate)
            .or_default()
            .insert(question.burst, (is_good, good));
    }
    for (candidate, answers) in answers {
        if let Some(candidate) = candidates.get(candidate) {
            apply(candidate, &answers, files);
        }
    }
    Ok(())
}

/// Files that may have a version between.
fn candidates(opened: &Opened, files: &[FileReport]) -> Vec<Candidate> {
    let mut found = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let is_spread = file
            .first
            .zip(file.last)
            .is_some_and(|(first, last)| last.0.since(first.0) > BURST);
        let is_wanted = file.what == What::Created || is_overwritten(file);
        if !is_spread || !is_wanted || found.len() >= FILES_MAX {
            continue;
        }
        let side = opened.after_side(file.damage.side);
        let Some((side, node)) = side.zip(file.damage.new_node) else {
            continue;
        };
        if file.what == What::Created && !overview(side, file).is_opaque() {
            continue;
        }
        found.push(Candidate {
            file: number,
            places: side.places(node),
            bursts: Vec::new(),
        });
    }
    found
}

fn is_overwritten(file: &FileReport) -> bool {
    let is_in_place = matches!(file.what, What::EncryptedInPlace | What::PartlyEncrypted | What::Wiped);
    is_in_place && file.damage.is_in_place || file.what == What::ReplacedByEncrypted
}

fn overview(side: &Side, file: &FileReport) -> Sample {
    let size_bytes = file.new_size_bytes.unwrap_or(0);
    let wanted = SampleOf::even(size_bytes, PIECES);
    file.damage
        .new_node
        .map(|node| Sample::read(&*side.file_system, node, size_bytes, &wanted))
        .unwrap_or_default()
}

/// A second look at the log, for these files alone.
fn collect_bursts(parts: &[Part<'_>], window: &Window, candidates: &mut [Candidate]) -> Result<(), Error> {
    let mut blocks: BTreeMap<u64, (u64, usize)> = BTreeMap::new();
    for (number, candidate) in candidates.iter().enumerate() {
        for place in &candidate.places {
            let (start, end) = place.blocks();
            blocks.insert(start, (end, number));
        }
    }
    for (number, part) in parts.iter().enumerate() {
        let Some((from, to)) = window.ends.get(number) else {
            continue;
        };
        let part_number = u16::try_from(number).unwrap_or(u16::MAX);
        let mut visit = |change: &Change| {
            let end = change.first_block.saturating_add(change.blocks);
            let before = blocks.range(..=change.first_block).next_back();
            let before = before.filter(|(_, (stop, _))| *stop > change.first_block);
            let within = blocks.range(change.first_block.saturating_add(1)..end.max(change.first_block + 1));
            for (_, (_, candidate)) in before.into_iter().chain(within) {
                if let Some(candidate) = candidates.get_mut(*candidate) {
                    note(&mut candidate.bursts, part_number, change);
                }
            }
            ControlFlow::Continue(())
        };
        part.past
            .changes(from.sequence, to.sequence, &mut visit)
            .map_err(Error::Past)?;
    }
    Ok(())
}

fn note(bursts: &mut Vec<Burst>, part: u16, change: &Change) {
    let is_full = bursts.len() >= BURSTS_MAX;
    match bursts.last_mut() {
        Some(last) if last.part == part && change.time.since(last.last_time) <= BURST => {
            last.last = change.sequence;
            last.last_time = change.time;
        }
        // The last one takes what is too much.
        Some(last) if is_full => last.last = change.sequence,
        _ => bursts.push(Burst {
            part,
            first: change.sequence,
            last: change.sequence,
            last_time: change.time,
        }),
    }
}

fn questions(candidates: &[Candidate]) -> Vec<Question> {
    let mut questions = Vec::new();
    for (number, candidate) in candidates.iter().enumerate() {
        for (burst, pair) in candidate.bursts.windows(2).enumerate() {
            if let [before, after] = pair
                && before.part == after.part
                && after.first > before.last
            {
                questions.push(Question {
                    candidate: number,
                    burst,
                    part: before.part,
                    from: before.last,
                    to: Sequence(after.first.0 - 1),
                });
            }
        }
    }
    questions
}

/// Whether what a file's blocks held at a moment was a good version of it.
fn is_good(
    opened: &Opened,
    file: &FileReport,
    candidate: &Candidate,
    moment: &PastMoment,
    moment_sides: &mut Option<Vec<Side>>,
) -> bool {
    let size_bytes = file.new_size_bytes.unwrap_or(0);
    let wanted = SampleOf::even(size_bytes, PIECES);
    let disk: &Arc<dyn Disk> = &moment.disk;
    let then = raw_sample(disk, &candidate.places, size_bytes, &wanted);
    let old = opened.before_sides.get(file.damage.side).zip(file.damage.old_node);
    let old = old.map(|(side, node)| Sample::read(&*side.file_system, node, file.size_bytes.unwrap_or(0), &wanted));
    if is_same_file(file) {
        let origin = Origin::InPlace {
            is_beneath: false,
            changed_blocks: 1,
            blocks: 1,
        };
        return old.is_some_and(|old| matches!(judge(&old, &then, origin).verdict, Verdict::Intact | Verdict::Changed));
    }
    // A file that is new: at that moment its blocks must have been its own already, and hold something known.
    let is_known = match &old {
        Some(old) => then.kind().is_some() && then.kind() == old.kind() && !then.is_opaque(),
        None => then.kind().is_some() && !then.is_opaque(),
    };
    is_known && was_there(opened, file, candidate, disk, moment_sides)
}

fn is_same_file(file: &FileReport) -> bool {
    file.what != What::Created && file.what != What::ReplacedByEncrypted
}

/// Whether the file system had the file at a moment, in the same blocks.
fn was_there(
    opened: &Opened,
    file: &FileReport,
    candidate: &Candidate,
    disk: &Arc<dyn Disk>,
    moment_sides: &mut Option<Vec<Side>>,
) -> bool {
    let all = moment_sides.get_or_insert_with(|| sides(disk).0);
    let after = opened.after_side(file.damage.side);
    let Some((after, node)) = after.zip(file.damage.new_node) else {
        return false;
    };
    let Some(then) = all.iter().find(|side| side.name == after.name) else {
        return false;
    };
    let metadata = (then.file_system.metadata(node), after.file_system.metadata(node));
    let (Ok(was), Ok(is)) = metadata else { return false };
    was.generation == is.generation && was.size_bytes == is.size_bytes && then.places(node) == candidate.places
}

/// The newest good version before the first damaged one.
fn apply(candidate: &Candidate, answers: &BTreeMap<usize, (bool, Good)>, files: &mut [FileReport]) {
    // Of a file that was there before, damage in an early burst makes later versions worthless. New files begin as nothing.
    let Some(file) = files.get_mut(candidate.file) else {
        return;
    };
    let is_same_file = is_same_file(file);
    let mut newest = None;
    for burst in 0..candidate.bursts.len() {
        match answers.get(&burst) {
            Some((true, good)) => newest = Some(*good),
            _ if is_same_file || newest.is_some() => break,
            _ => {}
        }
    }
    let Some((good, node)) = newest.zip(file.damage.new_node) else {
        return;
    };
    file.newest_good = Some(good);
    file.between = Some(Source::Earlier(file.damage.side, node, good));
    file.damage.is_in_place = true;
    if file.what == What::Created {
        file.what = What::EncryptedInPlace;
        file.evidence
            .push("made in this time, then overwritten with random bytes".to_owned());
    } else {
        file.evidence
            .push("a good version from this time, before the damage, is there".to_owned());
    }
}
