//! `holdfast exposure import breach`

use clap::Args;

use super::Scene;
use crate::failure::{Failure, FailureCode};

/// `holdfast exposure import breach`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct ImportBreach {}

pub(super) fn run(_scene: &Scene<'_>, _task: &ImportBreach) -> Result<u8, Failure> {
    Err(Failure::new(FailureCode::Failure, "not built yet"))
}
