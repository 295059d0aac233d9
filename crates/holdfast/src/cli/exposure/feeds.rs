//! `holdfast exposure feeds`

use clap::Subcommand;

use super::Scene;
use crate::failure::{Failure, FailureCode};

/// `holdfast exposure feeds ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(in crate::cli) enum FeedsCommand {
    /// Print all
    List,
}

pub(super) fn run(_scene: &Scene<'_>, _command: FeedsCommand) -> Result<u8, Failure> {
    Err(Failure::new(FailureCode::Failure, "not built yet"))
}
