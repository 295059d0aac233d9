//! Databases of addresses: local files, read into memory.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use threat::behaviour::GeoDatabase;

/// The largest file.
const BYTES_MAX: u64 = 1 << 30;

/// Reads databases. What can't be used is left out, and named with the reason in the second list.
pub(crate) fn open(paths: &[PathBuf]) -> (Vec<GeoDatabase>, Vec<String>) {
    let (mut databases, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        match read(path) {
            Ok(database) => databases.push(database),
            Err(why) => problems.push(format!("`{}` can't be used: {why}", path.display())),
        }
    }
    (databases, problems)
}

/// What a database is, for people: `GeoLite2-City of 2026-11-20`.
pub(crate) fn describe(database: &GeoDatabase) -> String {
    let made = jiff::Timestamp::from_second(database.made());
    match made {
        Ok(made) => format!("{} of {}", database.kind(), made.strftime("%Y-%m-%d")),
        Err(_) => database.kind(),
    }
}

fn read(path: &Path) -> Result<GeoDatabase, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is no file".to_owned());
    }
    if metadata.len() > BYTES_MAX {
        return Err(format!("it has more than {BYTES_MAX} bytes"));
    }
    let mut bytes = Vec::new();
    // It may grow meanwhile.
    file.take(BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    GeoDatabase::new(bytes).map_err(|error| error.to_string())
}
