//! The way through a disk: its areas, the names in their file systems, the files chosen among them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use files::{Disk, FileSystem, NodeId, NodeKind, Onward, Step};

use super::files_of::{hash, in_full, look};
use super::sample::{Candidate, Candidates, in_turns, size_class};
use super::{
    AREAS_MAX, AllFiles, AreaSeen, FileSeen, KnownFile, PATH_BYTES_MAX, PIECES_IN_ALL_MAX, PieceSeen, Survey,
    SurveyRequest,
};

/// One file takes at most this part of the bytes that are chosen, unless there are too few others.
const SHARE: u64 = 8;
/// Most files whose hashes are kept where all are hashed: bounds memory and report.
const ALL_FILES_MAX: usize = 1 << 20;

/// A file system that can be read, and where it lies.
struct Area {
    name: String,
    pieces: Vec<PieceSeen>,
    system: Box<dyn FileSystem>,
}

/// Surveys a disk. What can't be read is part of the report.
#[must_use]
pub fn survey(disk: &Arc<dyn Disk>, request: &SurveyRequest) -> Survey {
    let mut survey = Survey {
        is_complete: true,
        ..Survey::default()
    };
    let areas = open_areas(disk, &mut survey);
    let until = Instant::now() + Duration::from_secs(request.seconds_max.into());
    survey.known = known(&areas, &request.known, &mut survey);
    let mut candidates = Candidates::default();
    for (index, area) in areas.iter().enumerate() {
        walk_area(index, area, request, until, &mut survey, &mut candidates);
    }
    choose(&areas, candidates, request, until, &mut survey);
    if let Some(bytes_max) = request.all_bytes_max {
        survey.all = Some(all_files(&areas, bytes_max));
    }
    survey
}

/// Opens what file systems there are, and says what else is there.
fn open_areas(disk: &Arc<dyn Disk>, survey: &mut Survey) -> Vec<Area> {
    let areas = match files::areas(disk) {
        Ok(areas) => areas,
        Err(error) => {
            survey.note(|| format!("the partition table: {}", in_full(&error)));
            Vec::new()
        }
    };
    let mut opened = Vec::new();
    for area in areas.into_iter().take(AREAS_MAX) {
        let pieces: Vec<PieceSeen> = area
            .pieces
            .iter()
            .map(|piece| PieceSeen {
                logical: piece.logical,
                physical: piece.physical,
                length: piece.length,
            })
            .collect();
        let mut seen = AreaSeen {
            name: area.name.clone(),
            kind: area
                .content
                .map_or("nothing known", |content| content.name())
                .to_owned(),
            is_read: false,
            problem: None,
            size_bytes: area.size_bytes(),
            pieces: pieces.clone(),
            replayed: None,
        };
        match area.disk(disk).and_then(files::open) {
            Ok(system) => {
                system.kind().name().clone_into(&mut seen.kind);
                (seen.is_read, seen.replayed) = (true, system.replayed());
                opened.push(Area {
                    name: area.name,
                    pieces,
                    system,
                });
            }
            // Swap, an encrypted volume, a part of logical volumes, or nothing yet.
            Err(files::Error::Unrecognised) => {}
            Err(error) => seen.problem = Some(in_full(&error)),
        }
        survey.areas.push(seen);
    }
    opened
}

/// Looks the known files up and hashes them.
fn known(areas: &[Area], known: &[KnownFile], survey: &mut Survey) -> Vec<Option<FileSeen>> {
    let by_name: HashMap<&str, &Area> = areas.iter().map(|area| (area.name.as_str(), area)).collect();
    let mut found = Vec::new();
    for file in known {
        let seen = by_name.get(file.area.as_str()).and_then(|area| {
            let node = NodeId(file.node);
            // A node that isn't there any more was deleted, as files are.
            let place = (area.name.as_str(), area.pieces.as_slice());
            let mut seen = look(&*area.system, place, node, "", file.hashed_bytes).ok().flatten()?;
            hash_into(&*area.system, &mut seen, survey);
            Some(seen)
        });
        found.push(seen);
    }
    found
}

fn hash_into(system: &dyn FileSystem, seen: &mut FileSeen, survey: &mut Survey) {
    match hash(system, NodeId(seen.node), seen.hashed_bytes) {
        Ok(hash) => {
            seen.hash = Some(hash.to_hex().to_string());
            survey.hashed_bytes = survey.hashed_bytes.saturating_add(seen.hashed_bytes);
        }
        Err(problem) => seen.problem = Some(problem),
    }
}

/// Offers all files of an area.
fn walk_area(
    index: usize,
    area: &Area,
    request: &SurveyRequest,
    until: Instant,
    survey: &mut Survey,
    candidates: &mut Candidates,
) {
    let mut names = survey.names;
    let mut is_complete = true;
    let walked = files::walk(&*area.system, area.system.root(), b"", &mut |step| {
        match step {
            Step::Found(found) => {
                names += 1;
                if names > request.names_max || Instant::now() > until {
                    is_complete = false;
                    return Onward::Stop;
                }
                if found.kind == NodeKind::File {
                    candidates.offer(request.seed, index, found.node, found.name, || shown(found.path));
                }
            }
            Step::Unreadable { path, error, .. } => {
                survey.note(|| format!("folder `{}`{}: {}", shown(path), of_area(&area.name), in_full(&error)));
            }
        }
        Onward::Into
    });
    if let Err(error) = walked {
        survey.note(|| format!("the walk{}: {}", of_area(&area.name), in_full(&error)));
    }
    survey.names = names;
    survey.is_complete &= is_complete;
}

/// Chooses files of all types and sizes in turns until enough are chosen, and hashes them.
fn choose(areas: &[Area], candidates: Candidates, request: &SurveyRequest, until: Instant, survey: &mut Survey) {
    let types = candidates.into_types();
    let count = types.iter().map(Vec::len).sum::<usize>().max(1) as u64;
    let share = (request.bytes_max / SHARE).max(request.bytes_max / count).max(1);
    let classes: Vec<Vec<(Candidate, FileSeen)>> = types
        .into_iter()
        .flat_map(|files| by_size(areas, files, share, request, survey))
        .collect();
    let (mut bytes, mut pieces) = (0_u64, 0);
    for (candidate, mut file) in in_turns(classes) {
        let is_over = survey.files.len() >= request.files_max as usize || Instant::now() > until;
        if is_over || pieces + file.pieces.len() > PIECES_IN_ALL_MAX {
            break;
        }
        if bytes.saturating_add(file.hashed_bytes) > request.bytes_max {
            continue;
        }
        let Some(area) = areas.get(candidate.area) else {
            continue;
        };
        bytes += file.hashed_bytes;
        pieces += file.pieces.len();
        hash_into(&*area.system, &mut file, survey);
        survey.files.push(file);
    }
}

/// Looks at the files of one type, and sorts them by size.
fn by_size(
    areas: &[Area],
    files: Vec<Candidate>,
    share: u64,
    request: &SurveyRequest,
    survey: &mut Survey,
) -> Vec<Vec<(Candidate, FileSeen)>> {
    let mut classes: Vec<Vec<(Candidate, FileSeen)>> = (0..4).map(|_| Vec::new()).collect();
    // No more than could be chosen are looked at.
    for candidate in files.into_iter().take(request.files_max as usize) {
        let Some(area) = areas.get(candidate.area) else {
            continue;
        };
        let place = (area.name.as_str(), area.pieces.as_slice());
        match look(&*area.system, place, candidate.node, &candidate.path, share) {
            Ok(Some(seen)) => {
                let class = classes.get_mut(size_class(seen.size_bytes) as usize);
                class
                    .into_iter()
                    .for_each(|class| class.push((candidate.clone(), seen.clone())));
            }
            Ok(None) => {}
            Err(error) => {
                survey.note(|| format!("`{}`{}: {}", candidate.path, of_area(&area.name), in_full(&error)));
            }
        }
    }
    classes
}

/// Hashes everything.
fn all_files(areas: &[Area], bytes_max: u64) -> AllFiles {
    let mut all = AllFiles {
        is_complete: true,
        ..AllFiles::default()
    };
    for area in areas {
        let system = &*area.system;
        let walked = files::walk(system, system.root(), b"", &mut |step| {
            let Step::Found(found) = step else { return Onward::Into };
            if found.kind != NodeKind::File {
                return Onward::Into;
            }
            let size = system.metadata(found.node).map_or(0, |metadata| metadata.size_bytes);
            if all.hashes.len() >= ALL_FILES_MAX || all.bytes.saturating_add(size) > bytes_max {
                all.is_complete = false;
                return Onward::Stop;
            }
            all.bytes += size;
            // What can't be read can't be read afterwards either, or the hashes differ.
            let hashed = hash(system, found.node, size).map_or([0; 32], |hash| *hash.as_bytes());
            let mut named = blake3::Hasher::new();
            named.update(found.path).update(&hashed);
            let beginning = named.finalize().as_bytes().first_chunk().copied().unwrap_or_default();
            all.hashes.push(u64::from_le_bytes(beginning));
            Onward::Into
        });
        all.is_complete &= walked.is_ok();
    }
    all
}

/// A path as it can be shown: of bounded length, without characters that move a cursor.
fn shown(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    let mut shown = String::new();
    for character in text.chars() {
        if shown.len() + 4 > PATH_BYTES_MAX {
            shown.push_str("...");
            break;
        }
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

fn of_area(name: &str) -> String {
    if name.is_empty() {
        String::new()
    } else {
        format!(" of `{name}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_would_take_over_a_terminal_is_shown_harmlessly() {
        assert_eq!(shown(b"/a\x1b[2Jb"), "/a\\u{1b}[2Jb");
        assert!(shown(&[b'x'; 5000]).len() <= PATH_BYTES_MAX + 3);
    }
}
