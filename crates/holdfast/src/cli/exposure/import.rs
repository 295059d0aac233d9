//! `holdfast exposure import`: one command for each kind of data.

use clap::Subcommand;

use super::{Scene, import_breach, import_passwords, import_paste};
use crate::failure::Failure;

/// `holdfast exposure import ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(in crate::cli) enum ImportCommand {
    /// Hashes of leaked passwords: Pwned Passwords in any of its forms, or a plain list
    Passwords(import_passwords::ImportPasswords),
    /// A breach: a file or folder of any shape, and what is known about it
    Breach(import_breach::ImportBreach),
    /// A paste: a text that somebody put on a public site
    Paste(import_paste::ImportPaste),
}

pub(super) fn run(scene: &Scene<'_>, command: ImportCommand) -> Result<u8, Failure> {
    match command {
        ImportCommand::Passwords(task) => import_passwords::run(scene, &task),
        ImportCommand::Breach(task) => import_breach::run(scene, &task),
        ImportCommand::Paste(task) => import_paste::run(scene, &task),
    }
}
