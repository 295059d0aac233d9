//! `holdfast files cp`

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use files::NodeKind;
use indicatif::ProgressBar;

use super::open;
use super::resolve::{CopyTo, CpTask};
use crate::browse::copy::{Archive, CopyReport, Folder, FolderOptions, Problem, copy};
use crate::browse::failures::failure;
use crate::browse::opened::Inside;
use crate::browse::text::printable;
use crate::cli::arguments::Common;
use crate::cli::output;
use crate::cli::show::count;
use crate::failure::{EXIT_OK, Failure, FailureCode};
use crate::new_file::{Existing, NewFile};
use crate::place::Place;
use crate::reach::watch_signals;
use crate::size::format_size;

/// Problems of one kind that are shown to people; `--json` has them all.
const SHOWN_MAX: usize = 20;
/// How often progress is shown.
const SHOWN_EVERY: Duration = Duration::from_millis(200);

pub(super) fn run(place: &Place, common: &Common, task: &CpTask) -> Result<u8, Failure> {
    let (_past, disk) = open(place, &task.at.target)?;
    let inside = disk.enter(&task.at.target.path, task.at.area.as_deref())?;
    if task.to == CopyTo::Stdout && (common.json || io::stdout().is_terminal()) {
        return Err(
            Failure::usage("the archive itself is the output").hint("send it into a file or a program: `| tar -t`")
        );
    }
    let interrupted = watch_signals()?;
    let mut shown = Shown::new(common.json);
    let report = match &task.to {
        CopyTo::Path(to) => into_folder(&inside, to, task, interrupted, &mut shown),
        CopyTo::Archive(to) => into_archive(&inside, to, task, interrupted, &mut shown),
        CopyTo::Stdout => {
            let name = (!inside.name().is_empty()).then(|| inside.name());
            let mut archive = Archive::new(
                BufWriter::with_capacity(1 << 20, io::stdout().lock()),
                Arc::clone(&interrupted),
            );
            copy(&inside, name, &mut archive, &interrupted, &mut |report| {
                shown.update(report)
            })
        }
    };
    shown.end();
    let report = report?;
    if common.json {
        output::json(&report);
    } else {
        // The standard output may be the archive.
        let _ = io::stderr().lock().write_all(text(&report).as_bytes());
    }
    Ok(if report.is_whole() {
        EXIT_OK
    } else {
        FailureCode::Failure.exit_code()
    })
}

fn into_folder(
    inside: &Inside,
    to: &Path,
    task: &CpTask,
    interrupted: Arc<AtomicBool>,
    shown: &mut Shown,
) -> Result<CopyReport, Failure> {
    let options = FolderOptions {
        overwrite: task.overwrite,
        privileged: task.privileged,
        interrupted: Arc::clone(&interrupted),
    };
    let node = inside.node()?;
    let kind = inside
        .fs
        .metadata(node)
        .map_err(|error| failure(&inside.path, error))?
        .kind;
    let (folder, name) = destination(inside, to, kind)?;
    let mut folder = Folder::open(&folder, options)?;
    copy(inside, name.as_deref(), &mut folder, &interrupted, &mut |report| {
        shown.update(report)
    })
}

/// The folder that is copied into, and the name that the copy gets there; everything goes into the folder itself.
fn destination(inside: &Inside, to: &Path, kind: NodeKind) -> Result<(PathBuf, Option<Vec<u8>>), Failure> {
    use std::os::unix::ffi::OsStrExt;
    let is_root = inside.name().is_empty();
    if to.is_dir() {
        let name = (!is_root).then(|| inside.name().to_vec());
        return Ok((to.to_owned(), name));
    }
    if is_root && kind == NodeKind::Folder {
        std::fs::create_dir(to).map_err(|error| Failure::io(format!("make the folder `{}`", to.display()), &error))?;
        return Ok((to.to_owned(), None));
    }
    let name = to.file_name().map(|name| name.as_bytes().to_vec());
    let name = name.ok_or_else(|| Failure::not_found(format!("there is no folder `{}`", to.display())))?;
    let folder = match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    Ok((folder, Some(name)))
}

fn into_archive(
    inside: &Inside,
    to: &Path,
    task: &CpTask,
    interrupted: Arc<AtomicBool>,
    shown: &mut Shown,
) -> Result<CopyReport, Failure> {
    let existing = match task.overwrite {
        true => Existing::Replaced,
        false => Existing::Kept("add `--overwrite` to replace it"),
    };
    let new = NewFile::make(to, existing)?;
    let mut archive = Archive::new(BufWriter::with_capacity(1 << 20, new.file()), Arc::clone(&interrupted));
    let name = (!inside.name().is_empty()).then(|| inside.name());
    let report = copy(inside, name, &mut archive, &interrupted, &mut |report| {
        shown.update(report)
    })?;
    drop(archive);
    if !report.interrupted {
        new.keep()?;
    }
    Ok(report)
}

/// What was copied, and what wasn't.
fn text(report: &CopyReport) -> String {
    let mut text = format!(
        "copied {}, {} and {}: {}\n",
        count(report.files + report.links, "file"),
        count(report.folders, "folder"),
        count(report.symlinks, "link"),
        format_size(report.bytes)
    );
    if report.interrupted {
        text += "broken off: the rest isn't copied\n";
    }
    text += &listed("not copied", &report.failed, report.failed_count as usize);
    text += &listed("copied, but", &report.incomplete, report.incomplete.len());
    text += &listed("left out", &report.left_out, report.left_out.len());
    text += &listed("renamed", &report.renamed, report.renamed.len());
    text
}

fn listed(what: &str, problems: &[Problem], count: usize) -> String {
    let mut text = String::new();
    for problem in problems.iter().take(SHOWN_MAX) {
        text += &format!(
            "{what}: `{}`: {}\n",
            printable(problem.path.path.as_bytes()),
            problem.reason
        );
    }
    let more = count.saturating_sub(SHOWN_MAX.min(problems.len()));
    if more > 0 {
        text += &format!("{what}: {more} more; `--json` lists them\n");
    }
    text
}

/// Progress: a line on a terminal, lines of JSON with `--json`, else nothing.
struct Shown {
    bar: Option<ProgressBar>,
    json: bool,
    last: Instant,
}

impl Shown {
    fn new(json: bool) -> Self {
        let on_terminal = !json && io::stderr().is_terminal();
        Self {
            bar: on_terminal.then(ProgressBar::new_spinner),
            json,
            last: Instant::now(),
        }
    }

    fn update(&mut self, report: &CopyReport) {
        if self.last.elapsed() < SHOWN_EVERY {
            return;
        }
        self.last = Instant::now();
        if let Some(bar) = &self.bar {
            bar.set_message(format!(
                "copying: {}, {}",
                count(report.files, "file"),
                format_size(report.bytes)
            ));
            bar.tick();
        } else if self.json {
            let line = serde_json::json!({ "progress": { "files": report.files, "bytes": report.bytes } });
            // The copy goes on when nobody reads any more.
            let _ = writeln!(io::stdout().lock(), "{line}");
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
