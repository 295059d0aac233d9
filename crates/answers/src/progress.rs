//! How far an investigation is.

use std::ops::ControlFlow;

use crate::error::Error;

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The log of changes is read; counted in changes.
    Changes,
    /// All files are listed, before and after; counted in files.
    Files,
    /// Files that were touched are compared; counted in files.
    Compare,
    /// Files are put into the archive; counted in files.
    SetAside,
    /// Documents are searched for personal data; counted in files.
    Personal,
}

/// Is told how far an investigation is, and may break it off.
pub trait Progress {
    /// `done` of `total` things are done; a total of 0 isn't known.
    fn update(&mut self, stage: Stage, done: u64, total: u64) -> ControlFlow<()>;
}

impl Progress for () {
    fn update(&mut self, _: Stage, _: u64, _: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl dyn Progress + '_ {
    pub(crate) fn walked(&mut self, files: u64) -> Result<(), Error> {
        self.at(Stage::Files, files, 0)
    }

    pub(crate) fn at(&mut self, stage: Stage, done: u64, total: u64) -> Result<(), Error> {
        match self.update(stage, done, total) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Stopped),
        }
    }
}
