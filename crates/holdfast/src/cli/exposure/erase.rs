//! `holdfast exposure erase`

use clap::Args;

use super::Scene;
use crate::failure::{Failure, FailureCode};

/// `holdfast exposure erase`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct Erase {}

pub(super) fn run(_scene: &Scene<'_>, _task: &Erase) -> Result<u8, Failure> {
    Err(Failure::new(FailureCode::Failure, "not built yet"))
}
