//! `holdfast restore --before-attack --keep-good`: damaged files go back, good work stays.
//!
//! Order of effects: the investigation and the plan change nothing. Then, for a rollback, the archive is written and the present is forked,
//! before the disk goes back: whatever fails, nothing is lost.

use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::PathBuf;

use answers::{ArchiveReport, Options, Part, Past, Plan, Way, plan, write_archive};
use jiff::ZonedDateTime;
use serde::Serialize;
use volume::Sequence;

use super::investigation::{Told, broken_off, failure, look};
use super::pieces;
use super::returned::Returned;
use super::window::{Span, Window};
use crate::control::{Progress, Request, Response, RestoreReport};
use crate::failure::Failure;
use crate::new_file::{Existing, NewFile};
use crate::place::Place;
use crate::reach::{self, Interruptible};
use crate::when::{When, local};

/// What is to be restored.
#[derive(Debug, PartialEq, Eq)]
pub struct KeepGoodTask {
    /// The volume.
    pub volume: String,
    /// From the moment that is returned to, until now.
    pub span: Span,
    /// The folder that the archive is put into.
    pub to_folder: PathBuf,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What was done.
#[derive(Clone, Debug, Serialize)]
pub struct KeepGoodReport {
    /// The volume.
    pub volume: String,
    /// Whether nothing was done.
    pub dry_run: bool,
    /// What happened, in three sentences.
    pub summary: Vec<String>,
    /// The way.
    pub way: Way,
    /// Why this way.
    pub reasons: Vec<String>,
    /// Damaged files that are as they were.
    pub files: u64,
    /// Bytes that went back, of a surgical restore.
    pub bytes: u64,
    /// Files that are set aside.
    pub set_aside: u64,
    /// The archive that they are in.
    pub archive: Option<PathBuf>,
    /// What was put into it.
    pub archived: Option<ArchiveReport>,
    /// The fork that holds the disk as it was before this restore.
    pub fork: Option<String>,
    /// What has to be done by hand, or can be.
    pub remains: Vec<String>,
    /// Whether the disk was written to while this was planned: such writes are in the fork, or where they are.
    pub written_meanwhile: bool,
    /// The restore.
    pub restored: Option<RestoreReport>,
}

/// Plans, and restores unless it is a dry run.
pub fn keep_good(place: &Place, task: &KeepGoodTask, progress: &mut dyn Progress) -> Result<KeepGoodReport, Failure> {
    let progress = &mut Interruptible::watch(progress)?;
    let (mut report, plan, before) = prepare(place, task, progress).map_err(|failure| Failure {
        message: format!("{}; nothing was changed", failure.message),
        ..failure
    })?;
    if task.dry_run || plan.way == Way::Nothing {
        return Ok(report);
    }
    if progress.is_interrupted() {
        return Err(disk_unchanged(broken_off()));
    }
    match plan.way {
        Way::Surgical => report.restored = Some(surgical(place, task, &plan, progress)?),
        Way::Rollback | Way::Nothing => {
            if report.fork.is_none() {
                report.fork = Some(fork(place, task, progress).map_err(disk_unchanged)?);
            }
            let name = task.volume.clone();
            let request = match task.span {
                Span::Incident => Request::RestoreBeforeAttack { name },
                // As it was resolved: `-15m` would be another moment by now.
                Span::Between { .. } => Request::Restore {
                    name,
                    when: When::Sequence(before.0),
                },
            };
            report.restored = Some(restored(reach::execute(place, request, None, progress)?)?);
        }
    }
    Ok(report)
}

/// Investigates, plans and sets aside: the disk is as it was after this. Views of it are let go before it is changed; without a daemon, the
/// data folder with them.
fn prepare(
    place: &Place,
    task: &KeepGoodTask,
    progress: &mut dyn Progress,
) -> Result<(KeepGoodReport, Plan, Sequence), Failure> {
    // Before the long work: a folder that nothing can be written into must not waste it.
    let file = (!task.dry_run).then(|| archive_file(task)).transpose()?;
    let by_moment = format!("holdfast restore {} MOMENT --keep-good", task.volume);
    let window = Window::open(place, &task.volume, &task.span, &by_moment, progress)?;
    if let Some(returned) = &window.returned {
        return Err(already_restored(&task.volume, returned));
    }
    let parts = window.parts()?;
    let options = Options {
        volume: task.volume.clone(),
        way_back: window.way_back.clone(),
        personal_seconds: None,
        reads_until: window.reads_until,
    };
    let (investigation, opened) = look(&parts, &options, progress)?;
    let plan = plan(&investigation, &opened);
    let mut report = KeepGoodReport {
        volume: task.volume.clone(),
        dry_run: task.dry_run,
        summary: investigation.summary.clone(),
        way: plan.way,
        reasons: plan.reasons.clone(),
        files: plan.files,
        bytes: plan.pieces.iter().map(|piece| piece.blocks.saturating_mul(4096)).sum(),
        set_aside: plan.set_aside.len() as u64,
        archive: None,
        archived: None,
        fork: window.fork().map(ToOwned::to_owned),
        remains: [window.limits.clone(), plan.remains.clone()].concat(),
        written_meanwhile: false,
        restored: None,
    };
    if let Some(file) = file
        && plan.way == Way::Rollback
        && !plan.set_aside.is_empty()
    {
        report.archive = Some(file.path().to_owned());
        report.archived = Some(archive(file, &plan, &opened, &parts, progress)?);
    }
    let newest = window.volume.open_when(&When::Now)?.sequence;
    report.written_meanwhile = window.fork().is_none() && is_written(&window.volume, opened.after.sequence, newest);
    Ok((report, plan, opened.before.sequence))
}

/// Whether clients changed the disk between two batches; what can't be told counts as if they had. Batches that the volume makes for itself, as
/// checkpoints and defragmentation do, change nothing.
fn is_written(past: &dyn Past, from: Sequence, to: Sequence) -> bool {
    let mut is_written = false;
    let told = past.changes(from, to, &mut |_| {
        is_written = true;
        ControlFlow::Break(())
    });
    is_written || told.is_err()
}

fn already_restored(volume: &str, returned: &Returned) -> Failure {
    let time = local(returned.time);
    Failure::refused(format!("`{volume}` was already restored at {time}")).hint(format!(
        "`holdfast investigate {volume}` tells what happened before; `holdfast restore {volume} --undo` takes the restore back"
    ))
}

fn disk_unchanged(failure: Failure) -> Failure {
    let message = format!("{}; the disk wasn't changed", failure.message);
    Failure { message, ..failure }
}

/// The file of the archive. Whether there is one is known only once there is a plan.
fn archive_file(task: &KeepGoodTask) -> Result<NewFile, Failure> {
    let name = format!("{}-since-{}.tar", task.volume, stamp());
    NewFile::make(&task.to_folder.join(name), Existing::Kept("try again")).map_err(elsewhere)
}

fn archive(
    file: NewFile,
    plan: &Plan,
    opened: &answers::Opened,
    parts: &[Part<'_>],
    progress: &mut dyn Progress,
) -> Result<ArchiveReport, Failure> {
    let failed = |error: std::io::Error| elsewhere(file.write_failed(&error));
    let mut out = BufWriter::new(file.file());
    let archived = write_archive(plan, opened, parts, &mut out, &mut Told(progress)).map_err(|error| match error {
        answers::Error::Write(error) => failed(error),
        error => failure(error),
    })?;
    out.flush().map_err(failed)?;
    drop(out);
    file.keep().map_err(elsewhere)?;
    Ok(archived)
}

/// A failure of the archive's folder.
fn elsewhere(failure: Failure) -> Failure {
    failure.hint("`--to-folder DIR` puts the archive of what is set aside into another folder")
}

fn surgical(
    place: &Place,
    task: &KeepGoodTask,
    plan: &Plan,
    progress: &mut dyn Progress,
) -> Result<RestoreReport, Failure> {
    let file = pieces::write(&plan.pieces)?;
    let request = Request::RestoreBlocks {
        name: task.volume.clone(),
    };
    restored(reach::execute(place, request, Some(&file), progress)?)
}

/// Keeps the present under a name of its own.
fn fork(place: &Place, task: &KeepGoodTask, progress: &mut dyn Progress) -> Result<String, Failure> {
    let start: String = task.volume.chars().take(30).collect();
    let fork = format!("{start}-since-{}", stamp());
    let request = Request::Fork {
        name: task.volume.clone(),
        when: None,
        fork: fork.clone(),
    };
    reach::execute(place, request, None, progress)?;
    Ok(fork)
}

fn restored(response: Response) -> Result<RestoreReport, Failure> {
    match response {
        Response::Restored(report) => Ok(report),
        _ => Err(Failure::refused("the restore was answered with something else")),
    }
}

/// The time here, as part of a name.
fn stamp() -> String {
    ZonedDateTime::now().strftime("%Y%m%d-%H%M%S").to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use volume::{OsDirectory, Settings, Store, Timestamp, WriteRequest, os_random};

    use super::*;
    use crate::clock::SteadyClock;
    use crate::past::LocalPast;

    #[test]
    fn only_what_clients_write_makes_a_plan_out_of_date() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Arc::new(OsDirectory::open(folder.path()).unwrap());
        let settings = |_: &str| Settings {
            defragment_after: Duration::ZERO,
            defragment_percent: 100,
            ..Settings::default()
        };
        let store = Store::open(directory, Box::new(settings), Box::new(os_random));
        let at = |second| Timestamp::from_unix_seconds(1_800_000_000 + second);
        let disk = store.create("disk", 1 << 20, at(0)).unwrap();
        let write = |block: u64, second| {
            let data = [7; 4096];
            let write = WriteRequest {
                offset: block * 4096,
                data: &data,
            };
            disk.write(&[write], at(second)).unwrap()
        };
        for step in 0..256 {
            write(step * 77 % 256, step);
        }
        disk.checkpoint(at(300)).unwrap();
        let planned = disk.newest().sequence;
        while disk.maintain(at(9000), 1 << 30).unwrap().more {}
        let moved = disk.newest().sequence;
        let past = LocalPast::new(Arc::clone(&disk), Arc::clone(&store), Arc::new(SteadyClock::start()));
        assert!(moved > planned, "the volume made batches for itself");
        assert!(!is_written(&past, planned, moved));
        assert!(is_written(&past, planned, write(3, 9001)));
    }
}
