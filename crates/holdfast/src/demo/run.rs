//! The scenes of the demo, in their order, and what counts as success.

use std::io::Write;
use std::time::{Duration, Instant};

use super::attack::attack;
use super::compare::{Comparison, compare};
use super::disk::{Returned, SIZE_BYTES, ScratchDisk};
use super::documents::{Document, PLACES, gather};
use super::files::Files;
use super::fill::fill;
use super::inventory::Inventory;
use super::lines::{Json, Lines};
use super::meter::{Content, Phase};
use super::random::Choices;
use super::report::{Report, Step, seconds};
use super::screen::{RESTORE_TERMINAL, Screen};
use super::show::{Scene, Show};
use super::stage::Stage;
use super::stop::Stop;
use super::work::{rest, work};
use crate::failure::{EXIT_OK, Failure, FailureCode};
use crate::scratch::ScratchFolder;
use crate::size::format_size;
use crate::when::local;

/// How the demo is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// As lines of JSON.
    pub json: bool,
    /// Without slowing down for somebody who looks on.
    pub fast: bool,
}

/// Bytes of documents at most.
const DOCUMENT_BYTES: u64 = 112 << 20;
/// What the demo needs below the temporary folder: this, and four times the documents' bytes.
const SPACE_LEAST: u64 = 96 << 20;
/// Fewer documents than this make no demo.
const DOCUMENT_BYTES_LEAST: u64 = 32 << 20;
/// Bytes a second that the attack overwrites where somebody looks on. At full speed it would be over before it is seen.
const ATTACK_PACE: u64 = 2 << 20;
const ATTACK_SEED: u64 = 3;
/// How long the disk's clock says ago that the ordinary work was.
const WORK_AGO: Duration = Duration::from_secs(6 * 3600);
/// How long nothing at all happens before the attack.
const QUIET: Duration = Duration::from_secs(600);
const HALT: Duration = Duration::from_secs(4);
const OTHER_PLACE: &str = "`TMPDIR=DIR holdfast demo` uses another place";
const SHORT_HALT: Duration = Duration::from_secs(2);

/// Runs the demo. `texts` is what documents are made up from where the machine has few. Returns the exit code.
pub fn run(options: Options, texts: &str) -> Result<u8, Failure> {
    let began = Instant::now();
    let screen = if options.json { None } else { Screen::open() };
    let farewell = if screen.is_some() { RESTORE_TERMINAL } else { "" };
    let fast = options.fast || screen.is_none();
    let mut show: Box<dyn Show> = match screen {
        Some(screen) => Box::new(screen),
        None if options.json => Box::new(Json),
        None => Box::new(Lines),
    };
    let scratch = ScratchFolder::within(&std::env::temp_dir(), "demo");
    let stop = Stop::default();
    let _watch = stop.watch(scratch.path(), farewell)?;
    let played = play(&scratch, texts, &mut *show, &stop, fast);
    let removed = scratch.remove();
    if let Some(code) = stop.exit_code() {
        drop(show);
        if !options.json && removed.is_ok() {
            // Whoever interrupts may have closed the terminal.
            let _ = writeln!(
                std::io::stderr(),
                "Interrupted. The scratch disk is gone; nothing is left behind."
            );
        }
        return Ok(code);
    }
    let mut report = played?;
    if let Err(error) = removed {
        let folder = scratch.path().display().to_string();
        report.problems.push(format!("`{folder}` can't be removed: {error}"));
        report.left_behind = Some(folder);
    }
    report.seconds = seconds(began.elapsed());
    report.ok = report.problems.is_empty();
    // Who doesn't read the last words has the exit code.
    let _ = show.report(&report);
    Ok(if report.ok {
        EXIT_OK
    } else {
        FailureCode::Failure.exit_code()
    })
}

/// Makes the scratch disk and plays all scenes on it.
fn play(scratch: &ScratchFolder, texts: &str, show: &mut dyn Show, stop: &Stop, fast: bool) -> Result<Report, Failure> {
    let what = || format!("make the scratch folder `{}`", scratch.path().display());
    scratch
        .make()
        .map_err(|error| Failure::io(what(), &error).hint(OTHER_PLACE))?;
    let documents = gather(&PLACES, texts, room(scratch)?);
    let disk = ScratchDisk::make(scratch.path())?;
    let mut play = Play {
        stage: Stage::new(&disk, show, stop, fast),
        inventory: Inventory::default(),
        report: Report::default(),
    };
    let played = play.all(documents);
    disk.close();
    played.map(|()| play.report)
}

/// Bytes of documents for which there is room.
fn room(scratch: &ScratchFolder) -> Result<u64, Failure> {
    let free = volume::OsDirectory::open(scratch.path()).and_then(|folder| volume::Directory::free_bytes(&folder));
    let free = free.map_err(|error| Failure::io("look for free space", &error))?;
    let bytes = (free.saturating_sub(SPACE_LEAST) / 4).min(DOCUMENT_BYTES);
    if bytes < DOCUMENT_BYTES_LEAST {
        let needed = SPACE_LEAST + 4 * DOCUMENT_BYTES_LEAST;
        let message = format!(
            "{} are free in the temporary folder, {} are needed",
            format_size(free),
            format_size(needed)
        );
        return Err(Failure::new(FailureCode::NoSpace, message).hint(OTHER_PLACE));
    }
    Ok(bytes)
}

/// The scenes with what they share.
struct Play<'a> {
    stage: Stage<'a>,
    inventory: Inventory,
    report: Report,
}

impl Play<'_> {
    fn all(&mut self, documents: Vec<Document>) -> Result<(), Failure> {
        let files = self.fill(documents)?;
        self.stage.disk.clock().leap_to(WORK_AGO);
        self.work(&files)?;
        self.rest(&files)?;
        let (before, contents) = (self.stage.disk.newest(), self.contents());
        self.attack(&files)?;
        // What the client of the attack still holds in memory is of no use to anybody.
        drop(files);
        self.damage()?;
        self.restore(before, contents)?;
        self.compare()
    }

    /// Scene 1: the disk is made and filled.
    fn fill(&mut self, documents: Vec<Document>) -> Result<Files, Failure> {
        self.stage.begin(Scene::Fill, Duration::from_secs(9));
        let failed = |error: std::io::Error| Failure::io("make a file system on the scratch disk", &error);
        let files = Files::format_and_mount(self.stage.disk.connect()?).map_err(failed)?;
        let filled = fill(&files, documents, &mut self.inventory, &mut self.stage)?;
        let step = Step::Filled {
            disk_bytes: SIZE_BYTES,
            file_system: "FAT32",
            files: self.inventory.count(),
            bytes: self.inventory.bytes(),
            copied_from_this_machine: filled.copied,
            made_up: filled.made,
            seconds: seconds(self.stage.elapsed()),
        };
        self.stage.end(&step)?;
        Ok(files)
    }

    /// Scene 2: ordinary work, which must pass.
    fn work(&mut self, files: &Files) -> Result<(), Failure> {
        self.stage.begin(Scene::Work, Duration::from_secs(14));
        let before = self.counts();
        let worked = work(files, &mut self.inventory, &mut self.stage)?;
        self.stage.hold(Some(files), SHORT_HALT, "done")?;
        let (after, watch) = (self.counts(), self.stage.disk.watch());
        if watch.is_fenced {
            self.report
                .problems
                .push("ordinary work was taken for an attack".to_owned());
        }
        let step = Step::Worked {
            edited: worked.edited,
            copied: worked.copied,
            packed: worked.packed,
            removed: worked.removed,
            read_bytes: after.read - before.read,
            written_bytes: after.written - before.written,
            highest_suspicion_percent: self.stage.highest_suspicion_percent(),
            bookmarks: watch.bookmarks,
            fenced: watch.is_fenced,
            seconds: seconds(self.stage.elapsed()),
        };
        self.stage.end(&step)
    }

    /// The hours until the attack.
    fn rest(&mut self, files: &Files) -> Result<(), Failure> {
        rest(files, &mut self.inventory, &mut self.stage, (WORK_AGO, QUIET))?;
        self.report.files = self.inventory.count();
        // In a daemon the guard is called every second, also while nothing happens.
        let disk = self.stage.disk;
        disk.clock().leap_to(QUIET / 2);
        disk.tick();
        disk.clock().leap_to(Duration::ZERO);
        Ok(())
    }

    /// Scene 3: the attack, which must be fenced.
    fn attack(&mut self, files: &Files) -> Result<(), Failure> {
        let total = self.inventory.bytes();
        let length = Duration::from_secs(total / ATTACK_PACE);
        self.stage.begin(Scene::Attack, length);
        self.stage.disk.meter().borrow_mut().phase = Phase::Attack;
        let before = self.counts().written;
        let attacked = attack(files, &self.victims(), total, &mut self.stage)?;
        let seconds = seconds(self.stage.elapsed());
        self.stage.disk.meter().borrow_mut().phase = Phase::Ordinary;
        let watch = self.stage.disk.watch();
        let fenced = attacked.was_refused && watch.is_fenced;
        if !fenced {
            self.report.problems.push("the attack was not recognised".to_owned());
        }
        let what = if fenced {
            "the disk refuses to be written to"
        } else {
            "nothing stopped it"
        };
        self.stage.hold(None, HALT, what)?;
        let overwritten_bytes = self.counts().written - before;
        self.report.fenced = fenced;
        self.report.overwritten_bytes = overwritten_bytes;
        self.report.attack_seconds = seconds;
        self.stage.end(&Step::Attacked {
            fenced,
            bookmarked: watch.is_bookmarked,
            files_begun: attacked.files,
            slowed_to: (!self.stage.is_fast()).then_some(ATTACK_PACE),
            overwritten_bytes,
            seconds,
            reasons: watch.reasons,
        })
    }

    /// Scene 4: what the attack did, seen by another client.
    fn damage(&mut self) -> Result<(), Failure> {
        self.stage.begin(Scene::Damage, Duration::from_secs(4));
        let comparison = self.look()?;
        self.report.damaged_files = comparison.different.len() + comparison.missing.len();
        let examples = comparison.different.iter().map(|(path, _)| path);
        let step = Step::Damaged {
            files: self.report.damaged_files,
            bytes: comparison.different.iter().map(|(_, bytes)| bytes).sum(),
            examples: examples.chain(&comparison.missing).take(3).cloned().collect(),
        };
        self.stage.end(&step)
    }

    /// Scene 5: the disk is returned to before the attack.
    fn restore(&mut self, before: Returned, contents: Vec<Content>) -> Result<(), Failure> {
        self.stage.begin(Scene::Restore, Duration::ZERO);
        let returned = self.stage.disk.restore(before)?;
        let milliseconds = seconds(self.stage.elapsed() * 1000);
        self.stage.disk.meter().borrow_mut().restore(contents);
        self.report.restore_milliseconds = milliseconds;
        self.stage
            .hold(None, SHORT_HALT, "the disk is as it was before the attack")?;
        self.stage.end(&Step::Restored {
            moment: local(returned.time),
            sequence: returned.sequence.0,
            milliseconds,
        })
    }

    /// Scene 6: every file is compared.
    fn compare(&mut self) -> Result<(), Failure> {
        self.stage.begin(Scene::Compare, Duration::from_secs(7));
        self.stage.disk.meter().borrow_mut().phase = Phase::Comparison;
        let comparison = self.look()?;
        self.report.identical = comparison.identical;
        if !comparison.is_perfect() {
            self.report
                .problems
                .push("not every file is as it was before the attack".to_owned());
        }
        self.stage.end(&Step::Compared {
            files: self.inventory.count(),
            identical: comparison.identical,
            different: comparison.different.len(),
            missing: comparison.missing.len(),
            unexpected: comparison.unexpected.len(),
            seconds: seconds(self.stage.elapsed()),
        })
    }

    /// Compares all files as a client sees them that has just connected.
    fn look(&mut self) -> Result<Comparison, Failure> {
        let failed = |error: std::io::Error| Failure::io("mount the scratch disk", &error);
        let files = Files::mount(self.stage.disk.connect()?).map_err(failed)?;
        compare(&files, &self.inventory, &mut self.stage)
    }

    /// The files in the order in which they are attacked: large and small ones as they come.
    fn victims(&self) -> Vec<String> {
        let mut paths = self.inventory.paths();
        let mut choices = Choices::new(ATTACK_SEED);
        for index in (1..paths.len()).rev() {
            paths.swap(index, choices.below(index + 1));
        }
        paths
    }

    fn counts(&self) -> super::meter::Counts {
        self.stage.disk.meter().borrow().counts
    }

    fn contents(&self) -> Vec<Content> {
        self.stage.disk.meter().borrow().contents().to_vec()
    }
}
