//! The past of a volume, for a command that looks into it.
//!
//! File systems on a disk are foreign bytes. They are parsed in the command's process, never in the daemon's: a mistake there would stop
//! the disks that it serves. The command asks for blocks instead. With a daemon, each moment that is opened is a connection to the
//! control socket of its own ([`protocol`]), and so is each list of changes: what one waits for holds nothing else up, and a moment is
//! kept from being dropped exactly as long as its connection lives. Without a daemon the process holds the lock on the data folder and
//! reads the volume itself.

mod client;
mod local;
pub mod protocol;
pub(crate) mod server;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use answers::{Past, PastError, PastMoment, Reading};
use volume::{Change, Moment, Sequence, Timestamp};

use crate::control::{Progress, Request, Response};
use crate::failure::{Failure, FailureCode};
use crate::place::Place;
use crate::reach::{self, Reached};
use crate::when::When;

pub use client::DaemonPast;
pub use local::{Here, LocalPast};

/// The past of one volume, wherever the volume is.
#[derive(Debug)]
pub enum VolumePast {
    /// A daemon has the volume.
    Daemon(DaemonPast),
    /// This process has it.
    Local(Here),
}

impl VolumePast {
    /// Opens the past of a volume of a data folder.
    pub fn open(place: &Place, name: &str) -> Result<Self, Failure> {
        match reach::reach(place)? {
            // Whether there is such a volume is answered when a moment is opened.
            Reached::Daemon(_) => Ok(Self::Daemon(DaemonPast::new(&place.data, name))),
            Reached::Here(engine) => Ok(Self::Local(Here::new(engine, name)?)),
        }
    }

    /// The past of another volume of the same data folder, held by the same process.
    pub fn beside(&self, place: &Place, name: &str) -> Result<Self, Failure> {
        match self {
            Self::Daemon(_) => Ok(Self::Daemon(DaemonPast::new(&place.data, name))),
            Self::Local(here) => Ok(Self::Local(here.another(name)?)),
        }
    }

    /// The volume's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Daemon(past) => past.name(),
            Self::Local(here) => here.past.name(),
        }
    }

    /// Opens a moment as people name it: "15 minutes ago" is counted by the clock of whoever has the volume.
    pub fn open_when(&self, when: &When) -> Result<PastMoment, Failure> {
        match self {
            Self::Daemon(past) => past.open_when(when),
            Self::Local(here) => here.past.open_when(when),
        }
    }

    /// Has another request carried out by whoever has the volume.
    pub fn ask(&self, request: Request, progress: &mut dyn Progress) -> Result<Response, Failure> {
        match self {
            Self::Daemon(past) => past.ask(request, progress),
            Self::Local(here) => here.ask(request, progress),
        }
    }
}

impl Past for VolumePast {
    fn open(&self, moment: &Moment) -> Result<PastMoment, PastError> {
        match self {
            Self::Daemon(past) => past.open(moment),
            Self::Local(here) => here.past.open(moment),
        }
    }

    fn changes(
        &self,
        from: Sequence,
        to: Sequence,
        visit: &mut dyn FnMut(&Change) -> ControlFlow<()>,
    ) -> Result<(), PastError> {
        match self {
            Self::Daemon(past) => past.changes(from, to, visit),
            Self::Local(here) => here.past.changes(from, to, visit),
        }
    }

    fn readings(
        &self,
        from: Timestamp,
        to: Timestamp,
        visit: &mut dyn FnMut(&Reading) -> ControlFlow<()>,
    ) -> Result<Option<Timestamp>, PastError> {
        match self {
            Self::Daemon(past) => past.readings(from, to, visit),
            Self::Local(here) => here.past.readings(from, to, visit),
        }
    }
}

/// What the past says of a failure, as a command shows it.
#[must_use]
pub fn failure_of(error: PastError) -> Failure {
    match error.downcast::<Failure>() {
        Ok(failure) => *failure,
        Err(other) => Failure::new(FailureCode::Failure, other.to_string()),
    }
}
