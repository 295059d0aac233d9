//! Ordinary work, as an office has it: documents are edited and saved, a folder is copied, an archive is packed, old files
//! are removed.

use std::io;
use std::time::Duration;

use super::archive;
use super::files::Files;
use super::inventory::Inventory;
use super::random::Choices;
use super::stage::Stage;
use crate::failure::Failure;
use crate::when::local;
use volume::Clock;

const EDITED: usize = 40;
const APPENDED: usize = 20;
const COPIED_BYTES_MOST: u64 = 8 << 20;
const PACKED_BYTES_MOST: u64 = 16 << 20;
const REMOVED: usize = 12;
const SEED: u64 = 8;
/// Lines that are written to a log in the quiet hours.
const LOG_LINES: u32 = 48;
/// How long each is shown.
const LOG_HALT: Duration = Duration::from_millis(50);

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Worked {
    pub(super) edited: usize,
    pub(super) copied: usize,
    pub(super) packed: usize,
    pub(super) removed: usize,
}

/// A piece of work, planned before it is done so that progress can be told.
enum Task {
    /// Change some of a document and save it: into a new file, then in place of the old one.
    Edit(String),
    /// Write on at the end of a file.
    Append(String),
    Copy(String),
    /// Pack files into one archive.
    Pack(Vec<String>),
    Remove(String),
}

/// Does it, and notes in the inventory what files hold afterwards.
pub(super) fn work(files: &Files, inventory: &mut Inventory, stage: &mut Stage<'_>) -> Result<Worked, Failure> {
    let tasks = plan(inventory);
    let total = tasks.len() as u64;
    let mut choices = Choices::new(SEED);
    let mut worked = Worked::default();
    for (done, task) in (1..).zip(tasks) {
        let what = task.what();
        let result = match task {
            Task::Edit(path) => edit(files, inventory, &mut choices, &path).map(|()| worked.edited += 1),
            Task::Append(path) => append(files, inventory, &path).map(|()| worked.edited += 1),
            Task::Copy(path) => copy(files, inventory, &path).map(|()| worked.copied += 1),
            Task::Pack(paths) => pack(files, inventory, &paths).map(|()| worked.packed += paths.len()),
            Task::Remove(path) => remove(files, inventory, &path).map(|()| worked.removed += 1),
        };
        result.map_err(|error| failed(&what, &error))?;
        stage.progress(Some(files), done, total, &what)?;
    }
    files
        .sync()
        .map_err(|error| failed("writing everything to the disk", &error))?;
    Ok(worked)
}

/// The quiet hours after it: now and then a line is written to a log, while the disk's clock leaps ahead to `until` before
/// the present.
pub(super) fn rest(
    files: &Files,
    inventory: &mut Inventory,
    stage: &mut Stage<'_>,
    (from, until): (Duration, Duration),
) -> Result<(), Failure> {
    let path = "logs/server.log";
    let mut log = String::new();
    for line in 1..=LOG_LINES {
        stage.disk.clock().leap_to(from - (from - until) * line / LOG_LINES);
        log += &format!("{line:>4} nothing to report\n");
        let written = files.write(path, log.as_bytes()).and_then(|()| files.write_back());
        written.map_err(|error| failed("writing a log", &error))?;
        stage.disk.tick();
        stage.hold(
            Some(files),
            LOG_HALT,
            &format!("the clock says {}", local(stage.disk.clock().now())),
        )?;
    }
    inventory.note(path, log.as_bytes());
    files.sync().map_err(|error| failed("writing a log", &error))
}

fn failed(what: &str, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::PermissionDenied {
        return Failure::refused(format!("the guard took ordinary work for an attack ({what})"))
            .hint("please report this: with your machine's documents, it is a false alarm");
    }
    Failure::io(format!("{what} on the scratch disk"), error)
}

fn plan(inventory: &Inventory) -> Vec<Task> {
    let mut choices = Choices::new(SEED);
    let mut paths = inventory.paths();
    let mut take = |count: usize| -> Vec<String> {
        let count = count.min(paths.len() / 8);
        (0..count)
            .map(|_| paths.swap_remove(choices.below(paths.len())))
            .collect()
    };
    let (edited, appended, removed) = (take(EDITED), take(APPENDED), take(REMOVED));
    // The rest is in the order of the folders again, so that neighbours are copied and packed together.
    paths.sort();
    let up_to = |from: usize, most: u64| -> Vec<String> {
        let mut left = most;
        let fits = |path: &&String| {
            let bytes = inventory
                .iter()
                .find(|(name, _)| name == path)
                .map_or(0, |(_, file)| file.bytes);
            let fits = bytes <= left;
            left -= if fits { bytes } else { 0 };
            fits
        };
        paths.iter().skip(from).take(160).filter(fits).cloned().collect()
    };
    let copied = up_to(paths.len() / 2, COPIED_BYTES_MOST);
    let packed = up_to(paths.len() / 5, PACKED_BYTES_MOST);
    let (first, second) = edited.split_at(edited.len() / 2);
    let edit = |paths: &[String]| paths.iter().cloned().map(Task::Edit).collect::<Vec<_>>();
    let mut tasks = edit(first);
    tasks.extend(copied.into_iter().map(Task::Copy));
    tasks.extend(edit(second));
    tasks.push(Task::Pack(packed));
    tasks.extend(appended.into_iter().map(Task::Append));
    tasks.extend(removed.into_iter().map(Task::Remove));
    tasks
}

impl Task {
    fn what(&self) -> String {
        match self {
            Self::Edit(path) => format!("editing {path}"),
            Self::Append(path) => format!("adding to {path}"),
            Self::Copy(path) => format!("copying {path}"),
            Self::Pack(paths) => format!("packing {} files into an archive", paths.len()),
            Self::Remove(path) => format!("removing {path}"),
        }
    }
}

/// Changes a few lines' worth of bytes in the middle and saves as office programs do: a failed save costs nothing.
fn edit(files: &Files, inventory: &mut Inventory, choices: &mut Choices, path: &str) -> io::Result<()> {
    let mut content = files.read(path)?;
    let start = choices.below(content.len());
    for byte in content.iter_mut().skip(start).take(200) {
        *byte = b"etaoin shrdlu\n".get(choices.below(14)).copied().unwrap_or(b' ');
    }
    let new = format!("{path}.new");
    files.write(&new, &content)?;
    files.rename_over(&new, path)?;
    inventory.note(path, &content);
    Ok(())
}

fn append(files: &Files, inventory: &mut Inventory, path: &str) -> io::Result<()> {
    files.append(path, b"\nSeen and approved.\n")?;
    inventory.note(path, &files.read(path)?);
    Ok(())
}

fn copy(files: &Files, inventory: &mut Inventory, path: &str) -> io::Result<()> {
    let content = files.read(path)?;
    let to = format!("copy/{path}");
    files.write(&to, &content)?;
    inventory.note(&to, &content);
    Ok(())
}

fn pack(files: &Files, inventory: &mut Inventory, paths: &[String]) -> io::Result<()> {
    let contents = paths
        .iter()
        .map(|path| files.read(path))
        .collect::<io::Result<Vec<_>>>()?;
    let packed = archive::pack(paths.iter().map(String::as_str).zip(contents.iter().map(Vec::as_slice)))?;
    let to = "archive/this-month.tar.zst";
    files.write(to, &packed)?;
    inventory.note(to, &packed);
    Ok(())
}

fn remove(files: &Files, inventory: &mut Inventory, path: &str) -> io::Result<()> {
    files.remove(path)?;
    inventory.forget(path);
    Ok(())
}
