//! `holdfast files`: what was typed (`arguments`), what it means (`resolve`), and doing it, a file for each command.

mod arguments;
mod cat;
mod cp;
mod diff;

mod find;
mod help;
mod history;

mod lines;
mod ls;
mod resolve;

pub(super) use arguments::FilesCommand;
pub(super) use resolve::{FilesTask, resolve};

use super::arguments::Common;
use crate::browse::opened::OpenedDisk;
use crate::browse::target::Target;
use crate::failure::Failure;
use crate::past::VolumePast;
use crate::place::Place;

/// Does it, and chooses the exit code.
pub(super) fn run(place: &Place, common: &Common, task: FilesTask) -> Result<u8, Failure> {
    match task {
        FilesTask::Ls(task) => ls::run(place, common, &task),
        FilesTask::Cat(task) => cat::run(place, &task),
        FilesTask::Cp(task) => cp::run(place, common, &task),
        FilesTask::Find(task) => find::run(place, common, &task),
        FilesTask::History(task) => history::run(place, common, &task),
        FilesTask::Diff(task) => diff::run(place, common, &task),
    }
}

/// Opens the past of the volume that a target names, and the moment.
fn open(place: &Place, target: &Target) -> Result<(VolumePast, OpenedDisk), Failure> {
    let past = VolumePast::open(place, &target.volume)?;
    let disk = OpenedDisk::open(&past, target)?;
    Ok((past, disk))
}
