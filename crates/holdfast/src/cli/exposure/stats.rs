//! `holdfast exposure stats`

use clap::Args;

use super::Scene;
use crate::failure::{Failure, FailureCode};

/// `holdfast exposure stats`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct Stats {}

pub(super) fn run(_scene: &Scene<'_>, _task: &Stats) -> Result<u8, Failure> {
    Err(Failure::new(FailureCode::Failure, "not built yet"))
}
