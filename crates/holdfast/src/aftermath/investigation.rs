//! `holdfast investigate`: what happened to which files.

use std::ops::ControlFlow;
use std::path::PathBuf;

use answers::{Investigation, Opened, Options, Part, Stage, write_csv, write_html};

use super::window::{Span, Window};
use crate::browse::text::printable;
use crate::control::Progress;
use crate::failure::{Failure, FailureCode};
use crate::new_file::{Existing, NewFile};
use crate::past::failure_of;
use crate::place::Place;
use crate::reach::Interruptible;

/// What is to be found out, and where it goes.
#[derive(Debug, PartialEq, Eq)]
pub struct InvestigateTask {
    /// The volume.
    pub volume: String,
    /// The span of time.
    pub span: Span,
    /// Seconds for personal data; `None` if it isn't searched for.
    pub personal_seconds: Option<u64>,
    /// A page to be written.
    pub html: Option<PathBuf>,
    /// A table to be written.
    pub csv: Option<PathBuf>,
    /// Whether files of these names may be replaced.
    pub force: bool,
}

/// Investigates, and writes the files that were asked for.
pub fn investigate(
    place: &Place,
    task: &InvestigateTask,
    progress: &mut dyn Progress,
) -> Result<Investigation, Failure> {
    let progress = &mut Interruptible::watch(progress)?;
    // Before the long work: a name that is taken must not waste it.
    let new_file = |path: &PathBuf| NewFile::make(path, Existing::forced(task.force));
    let html = task.html.as_ref().map(new_file).transpose()?;
    let csv = task.csv.as_ref().map(new_file).transpose()?;
    let by_moment = format!("holdfast investigate {} --from MOMENT", task.volume);
    let window = Window::open(place, &task.volume, &task.span, &by_moment, progress)?;
    let parts = window.parts()?;
    let options = Options {
        volume: task.volume.clone(),
        way_back: window.way_back.clone(),
        personal_seconds: task.personal_seconds,
        reads_until: window.reads_until,
    };
    let (mut investigation, _) = look(&parts, &options, progress)?;
    investigation.limits.splice(0..0, window.limits.iter().cloned());
    if window.returned.is_some() && investigation.totals.damaged > 0 {
        // The way back, in place of a command that would be refused.
        investigation.summary.pop();
        investigation.summary.push(format!(
            "The disk was returned to an earlier moment since; `holdfast restore {} --undo` takes that back.",
            task.volume
        ));
    }
    if let Some(file) = html {
        file.fill(|out| write_html(&investigation, out))?;
    }
    if let Some(file) = csv {
        file.fill(|out| write_csv(&investigation, out))?;
    }
    Ok(investigation)
}

/// Investigates parts of the past.
pub(super) fn look(
    parts: &[Part<'_>],
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<(Investigation, Opened), Failure> {
    answers::investigate(parts, options, &mut Told(progress)).map_err(failure)
}

/// What an investigation says of a failure.
pub(super) fn failure(error: answers::Error) -> Failure {
    match error {
        answers::Error::Past(error) => failure_of(error),
        answers::Error::Stopped => broken_off(),
        error @ answers::Error::NoFileSystem { .. } => Failure::not_found(printable(error.to_string().as_bytes()))
            .hint("disks that a guest encrypts as a whole, and other file systems, can only be restored as a whole"),
        error => Failure::refused(error.to_string()),
    }
}

/// Somebody pressed Ctrl-C.
pub(super) fn broken_off() -> Failure {
    Failure::new(FailureCode::Failure, "broken off")
}

/// Progress of whatever is being done, as the command shows it.
pub(super) struct Told<'a>(pub(super) &'a mut dyn Progress);

impl answers::Progress for Told<'_> {
    fn update(&mut self, _: Stage, done: u64, total: u64) -> ControlFlow<()> {
        self.0.update(done, total.max(done))
    }
}
