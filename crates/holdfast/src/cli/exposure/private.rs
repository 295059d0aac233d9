//! `holdfast exposure private`: the index of private questions, which a server otherwise keeps by itself.

use clap::Subcommand;
use exposure::accounts::Accounts;
use exposure::ledger::Ledger;
use exposure::oblivious::{Occasion, Parameters, Store};
use ring::rand::SystemRandom;
use volume::Timestamp;

use super::Scene;
use super::failures::failure;
use crate::cli::output::print;
use crate::cli::progress::Shown;
use crate::clock::wall_clock;
use crate::control::Progress;
use crate::failure::{EXIT_OK, Failure};
use crate::size::format_size;
use crate::when::local_short;

/// `holdfast exposure private ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(in crate::cli) enum PrivateCommand {
    /// Build the index now, if anything changed; a running server does so by itself within a minute
    Build,
    /// Make a new key and build the index with it: everybody who kept the old list can't ask about it any more
    Rotate,
    /// Show the key and the size of the index
    Show,
}

pub(super) fn run(scene: &Scene<'_>, command: &PrivateCommand) -> Result<u8, Failure> {
    scene.place.prepare()?;
    let failed = |error: exposure::Error| failure(&error);
    // What is damaged is reported by `show`, and replaced by the others.
    let store = match command {
        PrivateCommand::Show => Store::open(&scene.folder).map_err(failed)?,
        PrivateCommand::Build | PrivateCommand::Rotate => Store::open_to_build(&scene.folder),
    };
    let occasion = match command {
        PrivateCommand::Show => return show(scene, &store),
        PrivateCommand::Build => Occasion::IfChanged,
        PrivateCommand::Rotate => Occasion::NewKey,
    };
    let hidden_among = scene.place.config()?.exposure.hidden_among;
    let ledger = Ledger::open(&scene.folder).map_err(failed)?;
    let accounts = Accounts::open(&scene.folder).map_err(failed)?;
    let mut shown = Shown::counting("evaluating", scene.common.json);
    let now_s = wall_clock().as_unix_nanos() / 1_000_000_000;
    let built = store.keep_current(
        (&accounts, &ledger),
        hidden_among,
        occasion,
        now_s,
        &SystemRandom::new(),
        &mut |done, total| {
            let _ = shown.update(done, total);
        },
    );
    shown.end();
    built.map_err(failed)?;
    show(scene, &store)
}

fn show(scene: &Scene<'_>, store: &Store) -> Result<u8, Failure> {
    let Some(generation) = store.current() else {
        return Err(Failure::not_found("no index was built yet").hint("`holdfast exposure private build` builds it"));
    };
    let parameters = Parameters::of(&generation);
    if scene.common.json {
        let line = serde_json::to_string(&parameters).unwrap_or_default();
        print(format!("{line}\n").as_bytes());
        return Ok(EXIT_OK);
    }
    let groups = if parameters.buckets {
        format!(
            "{} by the first {} bits, of at least {} people",
            1_u64 << parameters.bits,
            parameters.bits,
            parameters.fewest
        )
    } else {
        format!(
            "none: fewer than {} people, everybody fetches the whole list",
            parameters.hidden_among
        )
    };
    let built = Timestamp::from_unix_nanos(parameters.built.saturating_mul(1_000_000_000));
    let text = format!(
        "people  {}\nsize    {}\ngroups  {groups}\nkey     {}\nbuilt   {}\n",
        parameters.identities,
        format_size(parameters.bytes),
        parameters.public_key,
        local_short(built)
    );
    print(text.as_bytes());
    Ok(EXIT_OK)
}
