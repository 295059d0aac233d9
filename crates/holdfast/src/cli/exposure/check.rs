//! `holdfast exposure check`

use clap::Args;

use super::Scene;
use crate::failure::{Failure, FailureCode};

/// `holdfast exposure check`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct Check {}

pub(super) fn run(_scene: &Scene<'_>, _task: &Check) -> Result<u8, Failure> {
    Err(Failure::new(FailureCode::Failure, "not built yet"))
}
