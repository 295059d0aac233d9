//! `holdfast exposure`: a file for each command; what it works with is `Scene`.

mod ask;
mod check;
mod chores;
mod erase;
mod exports;
mod failures;
mod feeds;
mod import;
mod import_breach;
mod import_passwords;
mod import_paste;
mod keys;
mod merge;
mod merging;
mod private;
mod serve;
mod stats;
mod watch;

pub(in crate::cli) use import_passwords::FOLDER as PASSWORDS_FOLDER;

use std::path::PathBuf;

use clap::Subcommand;

use super::arguments::Common;
use crate::failure::Failure;
use crate::place::Place;

/// The folder of the breach monitor in the data folder.
pub(in crate::cli) const FOLDER: &str = "exposure";

/// `holdfast exposure ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(super) enum ExposureCommand {
    /// Load leaked passwords, a breach, or pastes
    #[command(subcommand, disable_help_subcommand = true)]
    Import(import::ImportCommand),
    /// Look up a password, an export of a password manager, or addresses; needs no server
    Check(check::Check),
    /// Ask another Holdfast about an address without telling it which
    Ask(ask::Ask),
    /// The list of private questions: build it, change its key
    #[command(subcommand, disable_help_subcommand = true)]
    Private(private::PrivateCommand),
    /// Watch domains and people, and tell them when a breach concerns them
    #[command(subcommand, disable_help_subcommand = true)]
    Watch(watch::WatchCommand),
    /// Posts of leak sites, matched with the names of your company and its suppliers
    #[command(subcommand, disable_help_subcommand = true)]
    Feeds(feeds::FeedsCommand),
    /// Make, list and revoke keys of the API
    #[command(subcommand, disable_help_subcommand = true)]
    Keys(keys::KeysCommand),
    /// Answer the Have I Been Pwned API on this machine
    Serve(serve::Serve),
    /// Merge what was imported, so that questions read less; a running server does so by itself
    #[command(after_help = merge::HELP)]
    Merge,
    /// Forget a person for good
    Erase(erase::Erase),
    /// What is loaded, how large it is, who is watched
    Stats(stats::Stats),
}

/// What every command of the breach monitor works with.
struct Scene<'a> {
    /// The data folder and the configuration.
    place: &'a Place,
    /// Options that every command takes.
    common: &'a Common,
    /// The folder of the breach monitor.
    folder: PathBuf,
}

/// Does it, and chooses the exit code.
pub(super) fn run(place: &Place, common: &Common, command: ExposureCommand) -> Result<u8, Failure> {
    let scene = Scene {
        place,
        common,
        folder: place.data.join(FOLDER),
    };
    match command {
        ExposureCommand::Import(command) => import::run(&scene, command),
        ExposureCommand::Check(task) => check::run(&scene, &task),
        ExposureCommand::Ask(task) => ask::run(&scene, &task),
        ExposureCommand::Private(command) => private::run(&scene, &command),
        ExposureCommand::Watch(command) => watch::run(&scene, command),
        ExposureCommand::Feeds(command) => feeds::run(&scene, command),
        ExposureCommand::Keys(command) => keys::run(&scene, command),
        ExposureCommand::Serve(task) => serve::run(&scene, &task),
        ExposureCommand::Merge => merge::run(&scene),
        ExposureCommand::Erase(task) => erase::run(&scene, &task),
        ExposureCommand::Stats(task) => stats::run(&scene, &task),
    }
}
