//! A window onto a fork as a file of this machine, as long as it lives.
//!
//! A note in the drills' folder says where it is, so that the next start takes down what a killed program left mounted.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nbd::{LateRequests, Listener, Server, Settings};

use super::window::{OneExport, Window};
use crate::error::Error;
use crate::pace::Pace;

/// The note's name.
const NOTE: &str = "checking";
/// How folders for checks begin, below the temporary folder. Short: a socket's path has 107 bytes.
const FOLDER_PREFIX: &str = "holdfast-drill-";
/// How long `nbdfuse` may take to begin and to end.
const PATIENCE: Duration = Duration::from_secs(20);
/// Most of a tool's words that are read.
const PRINTED_BYTES_MAX: u64 = 1 << 20;

pub(super) struct Attached {
    server: Server,
    nbdfuse: Option<Child>,
    folder: PathBuf,
    note: PathBuf,
}

impl Attached {
    /// Serves the window and has `nbdfuse` make a file of it; the inner error says why that isn't possible here.
    pub(super) fn start(
        window: Arc<Window>,
        size_bytes: u64,
        notes: &Path,
        pace: &Pace,
    ) -> Result<Result<Self, String>, Error> {
        match Self::prepare(window, notes) {
            Ok(mut attached) => match attached.mount(size_bytes, pace) {
                Ok(()) => Ok(Ok(attached)),
                Err(why) => {
                    pace.check()?;
                    Ok(Err(why))
                }
            },
            Err(why) => Ok(Err(why)),
        }
    }

    fn prepare(window: Arc<Window>, notes: &Path) -> Result<Self, String> {
        let number = volume::os_random()
            .iter()
            .fold(0_u64, |number, byte| (number << 4) ^ u64::from(*byte));
        let folder = std::env::temp_dir().join(format!("{FOLDER_PREFIX}{number:016x}"));
        let note = notes.join(NOTE);
        let failed = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}");
        std::fs::create_dir_all(notes).map_err(failed("the folder of the drills can't be made"))?;
        std::fs::write(&note, folder.display().to_string()).map_err(failed("a note can't be written"))?;
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(failed("a temporary folder can't be made"))?;
        let server = Server::new(Arc::new(OneExport(window)), Arc::new(()), Settings::default());
        let server = server.map_err(|error| error.to_string())?;
        let attached = Self {
            server,
            nbdfuse: None,
            folder,
            note,
        };
        let listener = Listener::unix(&attached.folder.join("nbd"), 0o600).map_err(|error| error.to_string())?;
        attached.server.listen(listener).map_err(|error| error.to_string())?;
        File::create(attached.file()).map_err(failed("a file can't be made"))?;
        Ok(attached)
    }

    fn mount(&mut self, size_bytes: u64, pace: &Pace) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("`nbdfuse` can't be started: {error}");
        let log = self.folder.join("nbdfuse.log");
        let errors = File::create(&log).map_err(failed)?;
        let socket = self.folder.join("nbd");
        let nbdfuse = super::find("nbdfuse").unwrap_or_else(|| PathBuf::from("nbdfuse"));
        let child = Command::new(nbdfuse)
            .arg(self.file())
            .arg(format!("nbd+unix:///?socket={}", socket.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .map_err(failed)?;
        self.nbdfuse = Some(child);
        let began = Instant::now();
        loop {
            if std::fs::metadata(self.file()).is_ok_and(|file| file.size() == size_bytes) {
                return Ok(());
            }
            let has_ended = self
                .nbdfuse
                .as_mut()
                .is_none_or(|child| !matches!(child.try_wait(), Ok(None)));
            if has_ended || began.elapsed() > PATIENCE || pace.check().is_err() {
                let words = super::last_words(&read_bounded(&log));
                return Err(format!("`nbdfuse` doesn't make a file of it here: {words}"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.join("disk")
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        unmount(&self.file());
        if let Some(child) = &mut self.nbdfuse {
            let began = Instant::now();
            while matches!(child.try_wait(), Ok(None)) && began.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(10));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        self.server.drain(Duration::from_secs(1), LateRequests::LeaveUnanswered);
        if remove(&self.folder) {
            // What stays is tried again by the next start, which the note tells where.
            let _ = std::fs::remove_file(&self.note);
        }
    }
}

fn unmount(file: &Path) {
    let Some(program) = super::find("fusermount3") else {
        return;
    };
    let mut command = Command::new(program);
    // One that isn't mounted is what is wanted.
    let _ = command
        .arg("-u")
        .arg("-z")
        .arg("-q")
        .arg(file)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// Removes the folder of a check: the files that were made there, and nothing else.
fn remove(folder: &Path) -> bool {
    for name in ["disk", "nbd", "nbdfuse.log", "tool.log"] {
        let _ = std::fs::remove_file(folder.join(name));
    }
    match std::fs::remove_dir(folder) {
        Ok(()) => true,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// Takes down what a check left that was killed.
pub(crate) fn clear_leftover(notes: &Path) {
    let note = notes.join(NOTE);
    let Ok(text) = std::fs::read_to_string(&note) else {
        return;
    };
    let folder = PathBuf::from(text);
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // Only where checks are, whatever the note says.
    if folder.parent() == Some(&std::env::temp_dir()) && name.starts_with(FOLDER_PREFIX) {
        unmount(&folder.join("disk"));
        remove(&folder);
    }
    let _ = std::fs::remove_file(&note);
}

pub(super) fn read_bounded(path: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(path) {
        // What can't be read isn't told.
        let _ = file.take(PRINTED_BYTES_MAX).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
