//! `holdfast incidents file`: what happened, what is known of people's data, who has to be told by when, and what is sent to them.

mod clocks;
mod drafts;
mod export;
mod facts;
mod material;
pub(super) mod paper;
mod resets;
mod scene;
mod timeline;

use clap::{Args, Subcommand};

use crate::cli::noted::Noted;
use crate::failure::Failure;
use scene::Scene;

/// `holdfast incidents file ...`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(disable_help_subcommand = true)]
pub(in crate::cli) struct FileArguments {
    /// The incident's number
    incident: i64,
    /// What to do with its file
    #[command(subcommand)]
    command: FileCommand,
}

#[derive(Debug, PartialEq, Eq, Subcommand)]
enum FileCommand {
    /// What happened, from all layers, in order
    Timeline(timeline::TimelineArguments),
    /// What is known of people's data: taken, not taken, or not known yet
    #[command(subcommand, disable_help_subcommand = true)]
    Facts(facts::FactsCommand),
    /// Who has to be told, by when; starts the clocks of a law
    #[command(after_help = clocks::HELP)]
    Clocks(clocks::ClocksArguments),
    /// Record that somebody was told, or that nobody has to be
    Reported(clocks::ReportedArguments),
    /// Regulator's form, letter, note to staff, questions and answers: made, filled in, approved, sent
    #[command(subcommand, disable_help_subcommand = true)]
    Drafts(drafts::DraftsCommand),
    /// Write a list of accounts to be reset, with what else is leaked of each
    #[command(after_help = resets::HELP)]
    Resets(resets::ResetsArguments),
    /// Write the paper pack, a PDF for the day when nothing works
    Paper(paper::PaperArguments),
    /// Write all of the file into a new folder
    Export(export::ExportArguments),
}

/// Does it, and chooses the exit code.
pub(super) fn run(noted: &Noted<'_>, arguments: FileArguments) -> Result<u8, Failure> {
    let scene = Scene::new(noted, arguments.incident)?;
    match arguments.command {
        FileCommand::Timeline(task) => timeline::run(&scene, &task),
        FileCommand::Facts(command) => facts::run(&scene, command),
        FileCommand::Clocks(task) => clocks::run(&scene, &task),
        FileCommand::Reported(task) => clocks::reported(&scene, &task),
        FileCommand::Drafts(command) => drafts::run(&scene, command),
        FileCommand::Resets(task) => resets::run(&scene, &task),
        FileCommand::Paper(task) => paper::run(&scene, &task),
        FileCommand::Export(task) => export::run(&scene, &task),
    }
}
