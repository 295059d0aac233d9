//! Files of drills in the data folder: replaced as a whole, durably; read within bounds.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// What a file of lines of JSON holds, and how many of its lines can't be understood.
pub(crate) fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<(Vec<T>, usize), Error> {
    let failed = |source| Error::file("read", path, source);
    let file = match File::open(path) {
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        opened => opened.map_err(failed)?,
    };
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    let (mut values, mut unreadable) = (Vec::new(), 0);
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(value) => values.push(value),
            Err(_) => unreadable += 1,
        }
    }
    Ok((values, unreadable))
}

/// Replaces a file by lines of JSON: a crash leaves the one or the other.
pub(crate) fn write_lines<'v, T: Serialize + 'v>(
    path: &Path,
    values: impl IntoIterator<Item = &'v T>,
) -> Result<(), Error> {
    let mut bytes = Vec::new();
    for value in values {
        serde_json::to_writer(&mut bytes, value).map_err(|error| Error::file("write", path, error.into()))?;
        bytes.push(b'\n');
    }
    replace(path, &bytes).map_err(|source| Error::file("write", path, source))
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    File::open(folder)?.sync_all()
}
