//! `holdfast exposure import passwords`

use clap::Args;

use super::Scene;
use crate::failure::{Failure, FailureCode};

/// `holdfast exposure import passwords`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct ImportPasswords {}

pub(super) fn run(_scene: &Scene<'_>, _task: &ImportPasswords) -> Result<u8, Failure> {
    Err(Failure::new(FailureCode::Failure, "not built yet"))
}
