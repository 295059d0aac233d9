//! `holdfast exposure serve`

use clap::Args;

use super::Scene;
use crate::failure::{Failure, FailureCode};

/// `holdfast exposure serve`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct Serve {}

pub(super) fn run(_scene: &Scene<'_>, _task: &Serve) -> Result<u8, Failure> {
    Err(Failure::new(FailureCode::Failure, "not built yet"))
}
