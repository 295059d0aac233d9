//! A file system of the restored fork before its own tool: over NBD, as a file that `nbdfuse` makes of it.
//!
//! The fork is writable and thrown away afterwards, so the tool may do what a start after a crash does: replay the journal. The
//! host's kernel mounts nothing of it.

mod attached;
mod tools;
mod window;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use attached::Attached;
pub(crate) use attached::clear_leftover;
use tools::{Tool, tool_for};
use window::Window;

use crate::error::Error;
use crate::fork::DrillFork;
use crate::pace::Pace;
use crate::result::{Check, CheckOutcome};
use crate::survey::AreaSeen;

/// How long a tool may take.
const PATIENCE: Duration = Duration::from_secs(900);
/// How much of what it prints is kept.
const WORDS_BYTES: usize = 600;
/// Where tools are that aren't in everybody's path.
const FOLDERS: [&str; 6] = [
    "/usr/sbin",
    "/sbin",
    "/usr/local/sbin",
    "/usr/bin",
    "/bin",
    "/usr/local/bin",
];

/// Whether the file system keeps itself whole by a journal.
pub(crate) fn has_journal(kind: &str) -> bool {
    tool_for(kind).is_some_and(|tool| tool.has_journal)
}

/// Has the tool of an area's file system look at it. `None` if there is no file system.
pub(crate) fn check(
    fork: &DrillFork,
    area: &AreaSeen,
    folder: &Path,
    pace: &Arc<Pace>,
) -> Result<Option<Check>, Error> {
    if !area.is_read {
        return Ok(None);
    }
    let Some(tool) = tool_for(&area.kind) else {
        return Ok(Some(not_checked("", "no tool is known for it")));
    };
    let Some(program) = find(tool.program) else {
        return Ok(Some(not_checked("", &format!("`{}` isn't installed", tool.program))));
    };
    if find("nbdfuse").is_none() || find("fusermount3").is_none() {
        return Ok(Some(not_checked("", "`nbdfuse` and `fusermount3` aren't installed")));
    }
    let command = format!("{} {}", tool.program, tool.arguments.join(" "));
    let window = Arc::new(Window::new(fork, &area.pieces, pace));
    let attached = match Attached::start(window, area.size_bytes, folder, pace)? {
        Ok(attached) => attached,
        Err(why) => return Ok(Some(not_checked(&command, &why))),
    };
    run(&tool, &program, &command, &attached, pace).map(Some)
}

fn run(tool: &Tool, program: &Path, command: &str, attached: &Attached, pace: &Pace) -> Result<Check, Error> {
    let printed = attached.folder().join("tool.log");
    let started = std::fs::File::create(&printed).and_then(|log| {
        let errors = log.try_clone()?;
        Command::new(program)
            .args(tool.arguments)
            .arg(attached.file())
            .env_clear()
            .env("LC_ALL", "C")
            .env("PATH", FOLDERS.join(":"))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
    });
    let mut child = match started {
        Ok(child) => child,
        Err(error) => return Ok(not_checked(command, &format!("it can't be started: {error}"))),
    };
    let began = Instant::now();
    let aside = pace.stood_aside();
    let status = loop {
        // What was waited for the guest's sake isn't the tool's fault.
        let patience = PATIENCE + pace.stood_aside().saturating_sub(aside);
        match child.try_wait() {
            Ok(None) if began.elapsed() < patience && pace.check().is_ok() => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(Some(status)) => break Some(status),
            // Too slow, told to stop, or not to be waited for.
            Ok(None) | Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                break None;
            }
        }
    };
    pace.check()?;
    let words = attached::read_bounded(&printed);
    let words = words.replace(&attached.file().display().to_string(), "the disk");
    let code = status.and_then(|status| status.code());
    Ok(Check {
        outcome: tool.judge(code, &words),
        tool: command.to_owned(),
        detail: match code {
            Some(code) => format!("exit code {code}: {}", last_words(&words)),
            None => "it took too long, and was ended".to_owned(),
        },
    })
}

fn not_checked(tool: &str, why: &str) -> Check {
    Check {
        outcome: CheckOutcome::NotChecked,
        tool: tool.to_owned(),
        detail: why.to_owned(),
    }
}

fn find(program: &str) -> Option<std::path::PathBuf> {
    let places = FOLDERS.iter().map(|folder| Path::new(folder).join(program));
    places.into_iter().find(|path| path.is_file())
}

/// The end of what a tool printed, in one line without characters that move a cursor.
fn last_words(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let joined = lines.join("; ");
    let start = joined.len().saturating_sub(WORDS_BYTES);
    let start = (start..joined.len())
        .find(|start| joined.is_char_boundary(*start))
        .unwrap_or(0);
    let end = joined.get(start..).unwrap_or_default();
    end.chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect()
}
