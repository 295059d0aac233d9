//! A result that is written into a file: complete under its name, or not there at all.
//!
//! It is written into a partial file beside its name, brought to the disk, and renamed when it is complete. Whatever goes wrong before that
//! leaves a file that had the name as it was, and a result that was cut short is never taken for a whole one.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::failure::{Failure, FailureCode};

/// What becomes of a file that has the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// The new one takes its place.
    Replaced,
    /// It stays, and the command is refused; with what to do then.
    Kept(&'static str),
}

impl Existing {
    /// What `--force` says.
    #[must_use]
    pub const fn forced(force: bool) -> Self {
        if force {
            Self::Replaced
        } else {
            Self::Kept("`--force` replaces it")
        }
    }
}

/// A file that is being written. It is removed when this is dropped without [`NewFile::keep`].
#[derive(Debug)]
pub struct NewFile {
    file: File,
    path: PathBuf,
    partial: PathBuf,
    existing: Existing,
    is_kept: bool,
}

impl NewFile {
    /// Begins a file. Refuses a name that is taken, or is none of a file: before long work, not after it.
    pub fn make(path: &Path, existing: Existing) -> Result<Self, Failure> {
        Self::with_mode(path, existing, 0o666)
    }

    /// The same, for what is about people: a file that only its owner can read, also where it takes the place of one that others can.
    pub fn make_private(path: &Path, existing: Existing) -> Result<Self, Failure> {
        Self::with_mode(path, existing, 0o600)
    }

    /// Begins a file with a mode, of which the umask takes bits away.
    fn with_mode(path: &Path, existing: Existing, mode: u32) -> Result<Self, Failure> {
        match (std::fs::metadata(path), existing) {
            (Ok(metadata), _) if !metadata.is_file() => {
                return Err(Failure::refused(format!("`{}` is not a file", path.display())));
            }
            (Ok(_), Existing::Kept(hint)) => return Err(taken(path, hint)),
            _ => {}
        }
        let mut partial = path.as_os_str().to_owned();
        partial.push(format!(".partial-{}", std::process::id()));
        let partial = PathBuf::from(partial);
        let made = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&partial);
        let file = made.map_err(|error| failed("make", path, &error))?;
        Ok(Self {
            file,
            path: path.to_owned(),
            partial,
            existing,
            is_kept: false,
        })
    }

    /// What is written to.
    #[must_use]
    pub const fn file(&self) -> &File {
        &self.file
    }

    /// The name that it gets.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The failure of a write to it.
    #[must_use]
    pub fn write_failed(&self, error: &io::Error) -> Failure {
        failed("write", &self.path, error)
    }

    /// Writes all of it, and gives it its name.
    pub fn fill(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        let mut out = BufWriter::new(&self.file);
        let written = write(&mut out).and_then(|()| out.flush());
        drop(out);
        written.map_err(|error| self.write_failed(&error))?;
        self.keep()
    }

    /// Gives a complete file its name.
    pub fn keep(mut self) -> Result<(), Failure> {
        self.file.sync_all().map_err(|error| self.write_failed(&error))?;
        let renamed = match self.existing {
            Existing::Replaced => std::fs::rename(&self.partial, &self.path),
            Existing::Kept(_) => rename_to_free_name(&self.partial, &self.path),
        };
        match (renamed, self.existing) {
            (Ok(()), _) => {
                self.is_kept = true;
                self.make_name_durable()
            }
            (Err(error), Existing::Kept(hint)) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(taken(&self.path, hint))
            }
            (Err(error), _) => Err(failed("name", &self.path, &error)),
        }
    }
}

impl NewFile {
    /// A name is durable with its folder, not with its file: what comes next may rely on it, such as a restore on what was set aside.
    fn make_name_durable(&self) -> Result<(), Failure> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        // A folder that may be written to but not read can't be synced; the file is there all the same.
        let Ok(opened) = File::open(folder) else {
            return Ok(());
        };
        opened.sync_all().map_err(|error| failed("sync", folder, &error))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // What can't be removed is named `.partial`, which tells what it is.
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}

/// Unlike a plain rename, this never replaces a file that appeared meanwhile; nor does it take hard links, which sticks don't have.
fn rename_to_free_name(partial: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, partial, CWD, path, RenameFlags::NOREPLACE) {
        // Not every file system can: then what is left is to look just before.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            if std::fs::symlink_metadata(path).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            std::fs::rename(partial, path)
        }
        renamed => Ok(renamed?),
    }
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::io(format!("{what} `{}`", path.display()), error);
    match failure.code {
        FailureCode::NoSpace => failure.hint("there is no room for it: make some, or choose a place on another disk"),
        FailureCode::NotFound => failure.hint("its folder isn't there: make it, or choose another"),
        _ => failure,
    }
}

fn taken(path: &Path, hint: &str) -> Failure {
    Failure::refused(format!("`{}` exists already", path.display())).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Existing = Existing::forced(false);

    fn names(folder: &Path) -> Vec<String> {
        let names = std::fs::read_dir(folder).unwrap();
        names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_file_that_is_not_completed_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        drop(NewFile::make(&path, KEPT).unwrap());
        let error = NewFile::make(&path, KEPT)
            .unwrap()
            .fill(|_| Err(io::ErrorKind::StorageFull.into()))
            .unwrap_err();
        assert!(error.message.contains("report.html"), "{error}");
        assert!(error.hint.unwrap().contains("no room"));
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_file_that_exists_is_replaced_only_on_demand() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.raw");
        let late = NewFile::make(&path, KEPT).unwrap();
        std::fs::write(&path, "precious").unwrap();
        assert_eq!(late.keep().unwrap_err().hint.unwrap(), "`--force` replaces it");
        assert!(NewFile::make(&path, KEPT).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        NewFile::make(&path, Existing::Replaced)
            .unwrap()
            .fill(|out| out.write_all(b"new"))
            .unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["x.raw"]);
    }

    #[test]
    fn a_file_that_is_to_be_replaced_stays_until_the_new_one_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.csv");
        std::fs::write(&path, "old").unwrap();
        let new = NewFile::make(&path, Existing::Replaced).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        drop(new);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn a_folder_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = NewFile::make(folder.path(), Existing::Replaced).unwrap_err();
        assert!(error.message.ends_with("is not a file"), "{error}");
    }
}
