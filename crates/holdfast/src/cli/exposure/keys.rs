//! `holdfast exposure keys`

use clap::Subcommand;

use super::Scene;
use crate::failure::{Failure, FailureCode};

/// `holdfast exposure keys ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(in crate::cli) enum KeysCommand {
    /// Print all
    List,
}

pub(super) fn run(_scene: &Scene<'_>, _command: KeysCommand) -> Result<u8, Failure> {
    Err(Failure::new(FailureCode::Failure, "not built yet"))
}
