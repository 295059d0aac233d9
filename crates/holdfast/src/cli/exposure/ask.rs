//! `holdfast exposure ask`

use clap::Args;

use super::Scene;
use crate::failure::{Failure, FailureCode};

/// `holdfast exposure ask`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct Ask {}

pub(super) fn run(_scene: &Scene<'_>, _task: &Ask) -> Result<u8, Failure> {
    Err(Failure::new(FailureCode::Failure, "not built yet"))
}
