//! Personal data in the files that were touched: searched for in each file as it was before.
//!
//! Three answers for every file that holds some. *Taken*: clients read it from the disk, so whoever attacked may have it. *Not taken*: not
//! a block of it was read, while reads were being kept, and what happened to it needs no reading. *Unknown*: everything else. No datum is
//! kept: only counts, and a few examples that the finder has masked.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use files::{FileSystem, NodeId};

use crate::error::Error;
use crate::investigate::Opened;
use crate::progress::{Progress, Stage};
use crate::report::{DataAnswer, FileReport, PersonalReport, What};
use crate::window::Window;

/// Examples of a class that are shown.
const EXAMPLES_MAX: usize = 3;

/// Searches for so many seconds at most.
pub(crate) fn search(
    window: &Window,
    opened: &Opened,
    files: &mut [FileReport],
    seconds: u64,
    progress: &mut dyn Progress,
) -> Result<PersonalReport, Error> {
    let mut report = PersonalReport::default();
    let end = Instant::now() + Duration::from_secs(seconds);
    let is_wanted = |file: &FileReport| {
        file.what.is_damage() || matches!(file.what, What::Read | What::ReadInPart | What::PerhapsRead)
    };
    let total = files.iter().filter(|file| is_wanted(file)).count() as u64;
    let mut number = 0;
    for file in files.iter_mut().filter(|file| is_wanted(file)) {
        number += 1;
        progress.at(Stage::Personal, number, total)?;
        let side = opened.before_sides.get(file.damage.side);
        let Some((side, node)) = side.zip(file.damage.old_node) else {
            continue;
        };
        if Instant::now() >= end {
            report.not_searched += 1;
            continue;
        }
        let mut reader = NodeReader {
            file_system: &*side.file_system,
            node,
            at: 0,
        };
        let keep_going = || Instant::now() < end;
        let found = personal::scan_reader(&file.path, &mut reader, &personal::Limits::default(), &keep_going);
        report.searched += 1;
        report.unread += u64::from(!found.unread.is_empty());
        let answer = answer(window.knows_reads(), file.what, file.read_bytes, file.is_read_certain);
        add(&found, file, answer, &mut report.classes);
    }
    Ok(report)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Taken,
    NotTaken,
    Unknown,
}

/// Whether the attacker read a file, by what happened to it, how much of it was read, and whether that is certain.
const fn answer(knows_reads: bool, what: What, read_bytes: Option<u64>, is_read_certain: bool) -> Answer {
    match read_bytes {
        // What was encrypted was read by whoever did that; of other files it has to be certain that they were.
        Some(1..) if is_read_certain || is_encrypted(what) => Answer::Taken,
        // Content that was replaced by its encrypted form was read by somebody: from the guest's memory, then.
        Some(0) if knows_reads && needs_no_reading(what) => Answer::NotTaken,
        _ => Answer::Unknown,
    }
}

const fn is_encrypted(what: What) -> bool {
    what.is_damage() && !needs_no_reading(what)
}

const fn needs_no_reading(what: What) -> bool {
    matches!(what, What::Wiped | What::Truncated | What::Deleted | What::Unreachable)
}

fn add(found: &personal::Report, file: &mut FileReport, answer: Answer, classes: &mut BTreeMap<String, DataAnswer>) {
    for (class, finding) in &found.findings {
        file.personal.insert(class.name().to_owned(), finding.count);
        let sum = classes.entry(class.name().to_owned()).or_default();
        class.human_name().clone_into(&mut sum.title);
        sum.found = sum.found.saturating_add(finding.count);
        sum.files += 1;
        match answer {
            Answer::Taken => sum.taken += 1,
            Answer::NotTaken => sum.not_taken += 1,
            Answer::Unknown => sum.unknown += 1,
        }
        for example in &finding.examples {
            if sum.examples.len() < EXAMPLES_MAX && !sum.examples.contains(example) {
                sum.examples.push(example.clone());
            }
        }
    }
}

/// A file's content from its beginning.
struct NodeReader<'a> {
    file_system: &'a dyn FileSystem,
    node: NodeId,
    at: u64,
}

impl Read for NodeReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self
            .file_system
            .read(self.node, self.at, buffer)
            .map_err(io::Error::other)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_certainly_read_is_taken() {
        let cases = [
            (What::Read, Some(4096), true, Answer::Taken),
            (What::PerhapsRead, Some(4096), false, Answer::Unknown),
            (What::EncryptedInPlace, Some(4096), false, Answer::Taken),
            (What::EncryptedInPlace, Some(0), false, Answer::Unknown),
            (What::Wiped, Some(4096), true, Answer::Taken),
            (What::Wiped, Some(4096), false, Answer::Unknown),
            (What::Wiped, Some(0), false, Answer::NotTaken),
            (What::Wiped, None, false, Answer::Unknown),
        ];
        for (what, read_bytes, is_certain, expected) in cases {
            let said = answer(true, what, read_bytes, is_certain);
            assert_eq!(said, expected, "{what:?}, {read_bytes:?}, {is_certain}");
        }
        assert_eq!(answer(false, What::Wiped, Some(0), false), Answer::Unknown);
    }
}
