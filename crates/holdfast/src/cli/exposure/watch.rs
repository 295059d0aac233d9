//! `holdfast exposure watch`

use clap::Subcommand;

use super::Scene;
use crate::failure::{Failure, FailureCode};

/// `holdfast exposure watch ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(in crate::cli) enum WatchCommand {
    /// Print all
    List,
}

pub(super) fn run(_scene: &Scene<'_>, _command: WatchCommand) -> Result<u8, Failure> {
    Err(Failure::new(FailureCode::Failure, "not built yet"))
}
