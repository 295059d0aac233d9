//! The folder that is replaced, and the one before.
//!
//! Order of effects: the new folder is written beside the old one, under a hidden name, and made durable; then the two change places in one
//! step; then the old one gets the name under which `--undo` finds it. A process that dies between any two of these leaves the old rules or the
//! new ones, whole.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with, syncfs};
use rustix::io::Errno;
use serde_json::json;

use crate::failure::Failure;

/// Says that a folder was made by an update, so that another may replace it.
const MARK: &str = ".holdfast-rules.json";

/// A folder of rules.
#[derive(Debug)]
pub(super) struct Installed {
    folder: PathBuf,
    /// Where a new one is written.
    new: PathBuf,
    /// Where the one before is kept.
    before: PathBuf,
}

impl Installed {
    /// Whether there is one or not.
    pub(super) fn at(folder: PathBuf) -> Result<Self, Failure> {
        let folder = std::path::absolute(&folder)
            .map_err(|error| Failure::io(format!("find `{}`", folder.display()), &error))?;
        let name = folder.file_name().and_then(|name| name.to_str());
        let Some(name) = name.filter(|_| folder.parent().is_some_and(Path::is_dir)) else {
            return Err(
                Failure::usage(format!("`{}` can't be a folder of rules", folder.display()))
                    .hint("name a folder in one that exists"),
            );
        };
        Ok(Self {
            new: folder.with_file_name(format!(".{name}.new")),
            before: folder.with_file_name(format!(".{name}.before")),
            folder,
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder, if it is there.
    pub(super) fn existing(&self) -> Vec<PathBuf> {
        if self.folder.is_dir() {
            vec![self.folder.clone()]
        } else {
            Vec::new()
        }
    }

    /// Refuses a folder that holds what an update didn't bring.
    pub(super) fn check_replaceable(&self) -> Result<(), Failure> {
        let is_link = fs::symlink_metadata(&self.folder).is_ok_and(|found| !found.is_dir());
        let is_foreign = self.folder.is_dir() && !self.folder.join(MARK).is_file() && !is_empty(&self.folder);
        if is_link || is_foreign {
            return Err(Failure::refused(format!(
                "`{}` wasn't made by an update, and isn't replaced",
                self.folder.display()
            ))
            .hint("name a folder that is empty or doesn't exist yet; [threat] rules takes several folders"));
        }
        Ok(())
    }

    /// Replaces the folder by these files, and keeps the one before.
    pub(super) fn replace(&self, from: &str, files: &[(String, String)]) -> Result<(), Failure> {
        let done = self.write(from, files).and_then(|()| self.take_the_place());
        done.map_err(|error| {
            Failure::io(format!("replace `{}`", self.folder.display()), &error)
                .hint("the rules that were there stay; it can be tried again")
        })
    }

    /// Puts the one before back; what is there now can be put back the same way.
    pub(super) fn undo(&self) -> Result<(), Failure> {
        if !self.before.is_dir() {
            return Err(
                Failure::not_found(format!("nothing is kept from before `{}`", self.folder.display()))
                    .hint("only the rules before the last update are kept"),
            );
        }
        exchange(&self.before, &self.folder)
            .and_then(|()| self.sync_parent())
            .map_err(|error| Failure::io(format!("put back `{}`", self.folder.display()), &error))
    }

    fn write(&self, from: &str, files: &[(String, String)]) -> io::Result<()> {
        remove(&self.new)?;
        fs::DirBuilder::new().mode(0o755).create(&self.new)?;
        for (name, text) in files {
            let path = self.new.join(name);
            if let Some(parent) = path.parent().filter(|parent| !parent.is_dir()) {
                fs::create_dir_all(parent)?;
            }
            fs::write(&path, text)?;
        }
        let mark = json!({ "from": from, "files": files.len() });
        fs::write(self.new.join(MARK), format!("{mark}\n"))?;
        // All at once: one by one, some thousand files take minutes on a busy disk.
        Ok(syncfs(File::open(&self.new)?)?)
    }

    fn take_the_place(&self) -> io::Result<()> {
        if self.folder.exists() {
            exchange(&self.new, &self.folder)?;
            remove(&self.before)?;
            fs::rename(&self.new, &self.before)?;
        } else {
            fs::rename(&self.new, &self.folder)?;
        }
        self.sync_parent()
    }

    fn sync_parent(&self) -> io::Result<()> {
        let parent = self.folder.parent().unwrap_or(Path::new("/"));
        File::open(parent)?.sync_all()
    }
}

/// Has two folders change places: in one step where the file system can.
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            let aside = one.with_extension("aside");
            remove(&aside)?;
            fs::rename(other, &aside)?;
            fs::rename(one, other)?;
            fs::rename(aside, one)
        }
        done => Ok(done?),
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> Vec<(String, String)> {
        vec![("a/b.yml".to_owned(), text.to_owned())]
    }

    #[test]
    fn a_folder_is_replaced_and_put_back_and_forth() {
        let parent = tempfile::tempdir().unwrap();
        let installed = Installed::at(parent.path().join("sigma")).unwrap();
        let text = || fs::read_to_string(installed.folder().join("a/b.yml")).unwrap();
        installed.check_replaceable().unwrap();
        installed.replace("one", &files("1")).unwrap();
        assert!(installed.undo().is_err(), "there was nothing before");
        installed.check_replaceable().unwrap();
        installed.replace("two", &files("2")).unwrap();
        assert_eq!(text(), "2");
        installed.undo().unwrap();
        assert_eq!(text(), "1");
        installed.undo().unwrap();
        assert_eq!(text(), "2");
    }

    #[test]
    fn what_an_update_left_half_written_is_in_nobody_s_way() {
        let parent = tempfile::tempdir().unwrap();
        let installed = Installed::at(parent.path().join("sigma")).unwrap();
        fs::create_dir_all(parent.path().join(".sigma.new/a")).unwrap();
        fs::write(parent.path().join(".sigma.new/a/b.yml"), "half").unwrap();
        installed.replace("one", &files("1")).unwrap();
        assert_eq!(fs::read_to_string(installed.folder().join("a/b.yml")).unwrap(), "1");
    }

    #[test]
    fn a_folder_of_somebody_else_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        fs::create_dir(parent.path().join("own")).unwrap();
        let installed = Installed::at(parent.path().join("own")).unwrap();
        installed.check_replaceable().unwrap();
        fs::write(parent.path().join("own/mine.yml"), "title: mine").unwrap();
        assert!(
            installed
                .check_replaceable()
                .unwrap_err()
                .message
                .contains("isn't replaced")
        );
        assert!(Installed::at(PathBuf::from("/")).is_err());
        assert!(Installed::at(parent.path().join("missing/sigma")).is_err());
    }
}
