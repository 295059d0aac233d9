//! `holdfast console`: what the owner of the data folder does about accounts, tokens and the certificate, with or without a daemon.

mod certificate;
mod link;
mod people;
mod status;
mod tokens;

use std::path::Path;

use clap::Subcommand;
use respond::{Actor, Ledger, Time};

use super::arguments::Common;
use super::output;
use crate::clock::wall_clock;
use crate::desk;
use crate::failure::{EXIT_OK, Failure};
use crate::place::Place;

/// `holdfast console ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(super) enum ConsoleCommand {
    /// Where the pages and the API are, and whether anybody can sign in
    Status,
    /// Print a link by which somebody sets up how they sign in; also for who lost their way in
    Link(link::Link),
    /// See and change accounts
    #[command(subcommand, disable_help_subcommand = true)]
    People(people::PeopleCommand),
    /// Make, list and revoke tokens of programs
    #[command(subcommand, disable_help_subcommand = true)]
    Tokens(tokens::TokensCommand),
    /// Print the authority of the console's own certificate, to be imported into browsers
    Certificate,
    /// Print the description of the API: OpenAPI 3.1
    Openapi,
}

/// What every command works with.
struct Scene<'a> {
    place: &'a Place,
    is_json: bool,
    by: Actor,
    now: Time,
}

/// Does it, and chooses the exit code.
pub(super) fn run(place: &Place, common: &Common, command: ConsoleCommand) -> Result<u8, Failure> {
    let scene = Scene {
        place,
        is_json: common.json,
        by: crate::user::this_one(),
        now: desk::time(wall_clock()),
    };
    match command {
        ConsoleCommand::Status => status::run(&scene),
        ConsoleCommand::Link(task) => link::run(&scene, &task),
        ConsoleCommand::People(command) => people::run(&scene, &command),
        ConsoleCommand::Tokens(command) => tokens::run(&scene, command),
        ConsoleCommand::Certificate => certificate::run(&scene),
        ConsoleCommand::Openapi => {
            output::print((console::openapi() + "\n").as_bytes());
            Ok(EXIT_OK)
        }
    }
}

impl Scene<'_> {
    /// The ledger, made if it is missing.
    fn ledger(&self) -> Result<Ledger, Failure> {
        self.place.prepare()?;
        Ledger::open(&self.folder()).map_err(|error| desk::failed(&error))
    }

    fn folder(&self) -> std::path::PathBuf {
        desk::folder(Path::new(&self.place.data))
    }

    /// Shows what was done: an object, or a sentence.
    fn tell(&self, object: &serde_json::Value, text: &str) -> u8 {
        if self.is_json {
            return output::json(object);
        }
        output::print(format!("{text}\n").as_bytes());
        EXIT_OK
    }
}
