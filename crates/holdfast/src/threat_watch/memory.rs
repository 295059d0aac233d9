//! What is known over a restart: `<data>/threat/memory.json`, replaced as a whole.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use threat::detection::Memory;

use crate::failure::{Failure, FailureCode};

/// The folder of what is known, in the data folder.
pub const FOLDER: &str = "threat";
/// What is known.
const FILE: &str = "memory.json";
/// The format's version.
const VERSION: u32 = 1;

/// All that is kept.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept<'a> {
    version: u32,
    /// Of the checkpoint whose logs these are: another one gives the same numbers to other logs.
    #[serde(default)]
    pub follows: String,
    /// By the number of a log: where the last record ends that is part of what is known.
    pub reached: BTreeMap<u64, u64>,
    /// What is known.
    pub memory: Memory<'a>,
}

impl<'a> Kept<'a> {
    /// What is known, up to where, and of which checkpoint.
    pub const fn new(follows: String, reached: BTreeMap<u64, u64>, memory: Memory<'a>) -> Self {
        Self {
            version: VERSION,
            follows,
            reached,
            memory,
        }
    }
}

/// The file of a data folder.
fn file(data: &Path) -> PathBuf {
    data.join(FOLDER).join(FILE)
}

/// Reads what is known; `None` where nothing is yet.
///
/// # Errors
/// When the file can't be read, or isn't what was written.
pub fn read(data: &Path) -> Result<Option<Kept<'static>>, Failure> {
    let path = file(data);
    let bytes = match std::fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| Failure::io(format!("read `{}`", path.display()), &error))?,
    };
    let damaged = |what: String| {
        Failure::new(
            FailureCode::Damage,
            format!("what is known of people and machines, `{}`, can't be used: {what}", path.display()),
        )
        .hint("move the file away: who is who is learnt again, and correlations begin anew; alerts and incidents are in the ledger")
    };
    let kept: Kept<'static> = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if kept.version == VERSION {
        return Ok(Some(kept));
    }
    Err(damaged(format!("its version is `{}`, not `{VERSION}`", kept.version)))
}

/// Replaces what is known, durably.
///
/// # Errors
/// When it can't be written; what was there stays.
pub(super) fn write(data: &Path, kept: &Kept<'_>) -> io::Result<()> {
    let folder = data.join(FOLDER);
    let partial = folder.join("memory.json.partial");
    // Who is who, and who did what: for nobody else to read.
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut output = io::BufWriter::new(options.open(&partial)?);
    serde_json::to_writer(&mut output, kept)?;
    output.flush()?;
    output.get_ref().sync_all()?;
    std::fs::rename(&partial, file(data))?;
    File::open(&folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use threat::detection::Detection;
    use threat::rules::{Engine, Settings, load};

    #[test]
    fn what_is_known_comes_back_and_what_is_damaged_is_named() {
        let data = tempfile::tempdir().unwrap();
        std::fs::create_dir(data.path().join(FOLDER)).unwrap();
        assert!(read(data.path()).unwrap().is_none());
        let detection = Detection::new(Engine::new(load([]), Settings::default()));
        let kept = Kept::new("a checkpoint".to_owned(), BTreeMap::from([(3, 40)]), detection.memory());
        write(data.path(), &kept).unwrap();
        assert_eq!(read(data.path()).unwrap().unwrap().reached[&3], 40);
        let mode = std::fs::metadata(file(data.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
        std::fs::write(file(data.path()), "{\"version\":1,\"reached\":{").unwrap();
        let failure = read(data.path()).unwrap_err();
        assert_eq!(failure.code, FailureCode::Damage);
        assert!(failure.with_hint().contains("move the file away"));
    }
}
