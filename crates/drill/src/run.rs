//! A drill from beginning to end: fork, choose, attack, restore, compare, check; then the past; then the verdict.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use files::Disk;
use guard::StatusState;
use volume::{Device, Moment, Timestamp};

use crate::attack::{Ended, Hand, Range, Targets, plan};
use crate::case::Case;
use crate::error::Error;
use crate::examiner::Examiner;
use crate::fork::{DrillFork, Source};
use crate::history::History;
use crate::ledger::Ledger;
use crate::moments::Tour;
use crate::pace::{Moved, Pace, PacedDisk};
use crate::result::{
    AttackResult, Compared, Cost, DrillResult, FileSystemResult, MomentsResult, RESULT_VERSION, RestoreResult, Trigger,
    Verdict,
};
use crate::survey::{AllFiles, AreaSeen, KnownFile, Survey, SurveyRequest};
use crate::targets::targets;
use crate::verdict::{GuardSet, judge};
use crate::{check, compare};

/// How long the fork is worked on before the attack, once a second: what the guest wrote last is no work in progress any more
/// then, and how much of this work the restore takes back is the measured loss.
const LEAD_IN: Duration = Duration::from_secs(66);
/// How long the guard may take after the attack's end to act on what it saw.
const LEAD_OUT: Duration = Duration::from_secs(5);
/// Where 5 % of each file are attacked, more files are chosen.
const SPARSE_FACTOR: u64 = 4;
/// Names looked at when choosing files, and how long that may take.
const NAMES_MAX: u64 = 2_000_000;
const SECONDS_MAX: u32 = 300;
/// Known files that are looked for on the present disk, and bytes of them.
const KNOWN_MAX: usize = 200;
const KNOWN_BYTES_MAX: u64 = 32 << 20;
/// Bytes of files that are hashed before and after where all files are.
const ALL_BYTES_MAX: u64 = 64 << 30;

/// How a drill is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// The attack.
    pub case: Case,
    /// What chooses files, moments and bytes.
    pub seed: u64,
    /// Whether every file of the disk is compared, not only those chosen.
    pub all: bool,
    /// Who asks.
    pub trigger: Trigger,
    /// Bytes read and written in a second, at most.
    pub bytes_per_second: u64,
    /// Files chosen, at most.
    pub files_max: u32,
    /// Bytes of the files chosen, at most.
    pub bytes_max: u64,
    /// The folder of the drills' files.
    pub folder: PathBuf,
    /// Set when the drill is to stop.
    pub stop: Arc<AtomicBool>,
    /// What the drill has moved, while it runs.
    pub moved: Arc<Moved>,
}

impl Options {
    /// How far the drill is: how many of how many bytes that a drill usually moves.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let (read, written) = self.moved.so_far();
        let total = self.bytes_max.saturating_mul(4);
        ((read + written).min(total.saturating_sub(total / 50)), total)
    }
}

/// Carries a drill out, and adds its result to the history. `fork` is a name that no volume has, see [`crate::fork_name`].
/// The caller's thread should be one of low priority.
///
/// # Errors
///
/// A drill that couldn't be carried out. What it found out, also that something failed, is its result.
pub fn run(source: &Source, examiner: &dyn Examiner, options: &Options, fork: &str) -> Result<DrillResult, Error> {
    let guard = ready(source)?;
    let pace = Arc::new(Pace::new(
        Some(Arc::clone(&source.volume)),
        options.bytes_per_second,
        Arc::clone(&options.stop),
        Arc::clone(&options.moved),
    ));
    let mut drill = Drill {
        source,
        examiner,
        options,
        started: source.clock.now(),
        began: Instant::now(),
        ledger: Ledger::read(&options.folder, source.volume.name())?,
        pace,
        remarks: Vec::new(),
    };
    if drill.ledger.unreadable > 0 {
        let count = drill.ledger.unreadable;
        drill.remarks.push(format!(
            "{count} lines of the ledger of earlier hashes can't be understood and are forgotten"
        ));
    }
    let mut fork = DrillFork::make(source, fork)?;
    let attacked = drill.attack(&mut fork);
    let fork_bytes = fork.stored_bytes();
    let guard_failures = fork.witness().seen().failures;
    // Before the past is looked at: the fork holds back what would expire.
    fork.delete()?;
    let (attack, file_systems, problems) = attacked?;
    let moments = drill.moments(problems)?;
    drill.ledger.write(&options.folder, source.volume.name())?;
    let mut result = drill.result(attack, file_systems, moments, fork_bytes);
    judge(&mut result, guard, &guard_failures);
    History::add(&options.folder, &result)?;
    Ok(result)
}

/// Whether a drill may begin.
fn ready(source: &Source) -> Result<GuardSet, Error> {
    let status = source.volume.status();
    if status.poisoned {
        return Err(Error::NotNow(
            "the disk below the volume failed, and it must be opened again".to_owned(),
        ));
    }
    if status.refusing.is_some() {
        return Err(Error::NotNow("the volume has no space for what is written".to_owned()));
    }
    let guard = source.guard.status();
    if matches!(guard.state, StatusState::Fenced | StatusState::Bookmarked) {
        return Err(Error::NotNow(
            "the guard suspects, or has recognised, an attack on this volume; see `holdfast guard status`".to_owned(),
        ));
    }
    Ok(GuardSet {
        state: guard.state,
        fence: guard.settings.fence,
    })
}

struct Drill<'d> {
    source: &'d Source,
    examiner: &'d dyn Examiner,
    options: &'d Options,
    started: Timestamp,
    began: Instant,
    ledger: Ledger,
    pace: Arc<Pace>,
    remarks: Vec<String>,
}

type Attacked = (Option<AttackResult>, Vec<FileSystemResult>, Vec<String>);

impl Drill<'_> {
    /// The attack on the fork and the way back. Also told: what is wrong with the present disk itself.
    fn attack(&mut self, fork: &mut DrillFork) -> Result<Attacked, Error> {
        let made = Arc::new(fork.as_made()?);
        let disk = PacedDisk::new(Arc::clone(&made) as Arc<dyn Device>, &self.pace);
        let known = self.ledger.some(self.options.seed, KNOWN_MAX, KNOWN_BYTES_MAX);
        let before = self.examine(Arc::clone(&disk) as Arc<dyn Disk>, &self.first_request(known))?;
        let mut problems = disk.failures();
        let differences = self
            .ledger
            .differences(made.as_ref(), self.started, &before, self.started)?;
        problems.extend(differences.problems);
        self.note_survey(&before);
        let bytes_max = self.bytes_max();
        let targets = targets(&made, &before, bytes_max, self.options.seed)?;
        let attack = match plan(self.options.case, &targets, self.options.seed) {
            Ok(steps) => Some(self.carry_out(fork, &targets, &steps, &before)?),
            Err(Error::NothingThere) => {
                self.remarks
                    .push("there is nothing on the disk yet that could be attacked".to_owned());
                None
            }
            Err(error) => return Err(error),
        };
        let mut systems = Vec::new();
        for area in &before.areas {
            self.pace.check()?;
            let check = check::check(fork, area, &self.options.folder, &self.pace)?;
            systems.push(file_system(area, check));
        }
        Ok((attack, systems, problems))
    }

    fn carry_out(
        &mut self,
        fork: &mut DrillFork,
        targets: &Targets,
        steps: &[crate::attack::Step],
        before: &Survey,
    ) -> Result<AttackResult, Error> {
        let mut hand = Hand::new(fork, &self.pace, self.options.seed);
        lead_in(fork, &mut hand)?;
        fork.witness().begin();
        let attacked_at = volume::Clock::now(fork.clock().as_ref());
        let ended = hand.run(steps)?;
        let written = fork.witness().now();
        if ended == Ended::Done {
            hand.pass(LEAD_OUT)?;
        }
        let files_damaged = damaged(&targets.files, &hand.changed);
        let seen = fork.witness().seen();
        let restore = restore(fork, attacked_at)?;
        let compared = self.compare(fork, before)?;
        Ok(AttackResult {
            case: self.options.case,
            files: targets.files.len() as u64,
            files_bytes: targets.files.iter().flatten().map(|range| range.length).sum(),
            files_damaged,
            written_bytes: written.written_bytes,
            bookmarked: seen.bookmarked,
            fenced: seen.fenced,
            reasons: seen.reasons,
            restore,
            compared,
        })
    }

    /// Compares the restored fork with what was before.
    fn compare(&mut self, fork: &DrillFork, before: &Survey) -> Result<Compared, Error> {
        let mut compared = Compared::default();
        let volume = &self.source.volume;
        let source: Arc<dyn Device> = Arc::new(volume.view(&Moment::After(fork.moment().sequence))?);
        compare::blocks(fork, &source, &self.pace, &mut compared)?;
        let restored: Arc<dyn Device> = Arc::new(fork.as_it_is()?);
        let request = SurveyRequest {
            files_max: 0,
            names_max: 0,
            ..self.first_request(before.files.iter().map(known_of).collect())
        };
        let after = self.examine(PacedDisk::new(restored, &self.pace), &request)?;
        compare::files(&before.files, &after, &mut compared);
        if let Some(all) = &before.all {
            compare::all(all, after.all.as_ref(), &mut compared);
            self.note_all(all);
        }
        Ok(compared)
    }

    fn moments(&mut self, problems: Vec<String>) -> Result<MomentsResult, Error> {
        let mut tour = Tour {
            volume: &self.source.volume,
            examiner: self.examiner,
            pace: &self.pace,
            ledger: &mut self.ledger,
            seed: self.options.seed,
            now: self.started,
        };
        let mut result = tour.run()?;
        result.problems.splice(
            0..0,
            problems
                .into_iter()
                .map(|problem| format!("the present disk: {problem}")),
        );
        Ok(result)
    }

    fn result(
        &mut self,
        attack: Option<AttackResult>,
        file_systems: Vec<FileSystemResult>,
        moments: MomentsResult,
        fork_bytes: u64,
    ) -> DrillResult {
        let (read_bytes, written_bytes) = self.options.moved.so_far();
        let milliseconds = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        DrillResult {
            version: RESULT_VERSION,
            volume: self.source.volume.name().to_owned(),
            trigger: self.options.trigger,
            started: self.started,
            milliseconds: milliseconds(self.began.elapsed()),
            seed: self.options.seed,
            sequence: self.source.volume.newest().sequence.0,
            size_bytes: self.source.volume.size_bytes(),
            verdict: Verdict::Inconclusive,
            failures: Vec::new(),
            remarks: std::mem::take(&mut self.remarks),
            file_systems,
            attack,
            moments: Some(moments),
            cost: Cost {
                read_bytes,
                written_bytes,
                fork_bytes,
                waited_milliseconds: milliseconds(self.pace.waited()),
            },
        }
    }

    fn bytes_max(&self) -> u64 {
        match self.options.case {
            Case::FivePercent => self.options.bytes_max.saturating_mul(SPARSE_FACTOR),
            _ => self.options.bytes_max,
        }
    }

    fn first_request(&self, known: Vec<KnownFile>) -> SurveyRequest {
        SurveyRequest {
            seed: self.options.seed,
            bytes_max: self.bytes_max(),
            files_max: self.options.files_max,
            names_max: NAMES_MAX,
            seconds_max: SECONDS_MAX,
            known,
            all_bytes_max: self.options.all.then_some(ALL_BYTES_MAX),
        }
    }

    fn examine(&self, disk: Arc<dyn Disk>, request: &SurveyRequest) -> Result<Survey, Error> {
        let survey = self.examiner.examine(disk, request);
        self.pace.check()?;
        survey
    }

    fn note_survey(&mut self, survey: &Survey) {
        for area in survey.areas.iter().filter(|area| area.problem.is_some()) {
            let problem = area.problem.as_deref().unwrap_or_default();
            self.remarks.push(format!(
                "the file system `{}` ({}) can't be read: {problem}",
                area.name, area.kind
            ));
        }
        if let (Some(first), count @ 1..) = (survey.problems.first(), survey.problems_count) {
            self.remarks.push(format!(
                "{count} things in the file systems can't be read; the first: {first}"
            ));
        }
        if !survey.is_complete {
            let names = survey.names;
            self.remarks.push(format!(
                "files were chosen among the first {names} names, not among all"
            ));
        }
        if !survey.areas.iter().any(|area| area.is_read) {
            self.remarks
                .push("no file system that can be read is on the disk: blocks were attacked at random".to_owned());
        }
    }

    fn note_all(&mut self, all: &AllFiles) {
        if !all.is_complete {
            let count = all.hashes.len();
            self.remarks.push(format!(
                "not all files were compared: there are more than the {count} that were"
            ));
        }
    }
}

/// Ordinary work on the fork, a write a second, which changes nothing: the last block is written with what is in it.
fn lead_in(fork: &DrillFork, hand: &mut Hand<'_>) -> Result<(), Error> {
    let size = fork.disk().size_bytes();
    let offset = (size / crate::attack::BLOCK_BYTES).saturating_sub(1) * crate::attack::BLOCK_BYTES;
    let mut block = vec![0; crate::attack::BLOCK_BYTES as usize];
    match fork.as_made()?.read(offset, &mut block, volume::Wait::Allowed) {
        // It isn't overwritten then: the survey tells.
        Err(error) if error.is_damage() => return hand.pass(LEAD_IN),
        read => read?,
    }
    for _ in 0..LEAD_IN.as_secs() {
        fork.write(offset, &block)?;
        hand.pass(Duration::from_secs(1))?;
    }
    Ok(())
}

/// Returns the fork to before the attack, and measures how long that takes and what is lost.
fn restore(fork: &mut DrillFork, attacked_at: Timestamp) -> Result<RestoreResult, Error> {
    let decided = Instant::now();
    let point = fork.before_attack();
    fork.restore(point.as_ref())?;
    let mut block = vec![0; crate::attack::BLOCK_BYTES as usize];
    // Damage that was there before is as readable as it was.
    let _ = fork.read(0, &mut block);
    let recovery = decided.elapsed();
    let lost = point
        .as_ref()
        .map_or(Duration::ZERO, |point| attacked_at.since(point.time));
    Ok(RestoreResult {
        by_guard: point.is_some(),
        recovery_microseconds: u64::try_from(recovery.as_micros()).unwrap_or(u64::MAX),
        lost_milliseconds: u64::try_from(lost.as_millis()).unwrap_or(u64::MAX),
    })
}

/// How many files have something in common with what was changed.
fn damaged(files: &[Vec<Range>], changed: &[Range]) -> u64 {
    let mut changed = changed.to_vec();
    changed.sort_unstable();
    let is_hit = |range: &Range| {
        let after = changed.partition_point(|change| change.offset < range.offset + range.length);
        // Requests are of a bounded size, so an earlier one that reaches into the range is near.
        let near = changed.get(after.saturating_sub(4)..after).unwrap_or_default();
        near.iter().any(|change| change.offset + change.length > range.offset)
    };
    files.iter().filter(|file| file.iter().any(is_hit)).count() as u64
}

fn known_of(file: &crate::survey::FileSeen) -> KnownFile {
    KnownFile {
        area: file.area.clone(),
        node: file.node,
        hashed_bytes: file.hashed_bytes,
    }
}

fn file_system(area: &AreaSeen, check: Option<crate::result::Check>) -> FileSystemResult {
    FileSystemResult {
        area: area.name.clone(),
        kind: area.kind.clone(),
        is_read: area.is_read,
        size_bytes: area.size_bytes,
        check,
    }
}
