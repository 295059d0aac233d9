//! `holdfast threat tokens`: who may post logs.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use jiff::Timestamp;
use logs::listen::http::{Token, Tokens};
use serde_json::json;

use crate::cli::arguments::Common;
use crate::cli::output;
use crate::cli::table::{Align, Table};
use crate::exposure_delivery::random;
use crate::failure::{EXIT_OK, Failure, FailureCode};
use crate::new_file::{Existing, NewFile};
use crate::place::Place;
use crate::threat_watch::tokens_file;

const HELP: &str = "\
The token is shown this once; its hash is kept. A running daemon knows it a second later, as it does when one is removed.

Examples:
  holdfast threat tokens add fluent-bit
  curl -H 'Authorization: Bearer TOKEN' --data-binary @auth.log http://127.0.0.1:8088/v1/logs";

/// `holdfast threat tokens ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(in crate::cli) enum TokensCommand {
    /// Make a token, which is shown this once
    #[command(after_help = HELP)]
    Add {
        /// A name for it, as the origin of records has it
        name: String,
    },
    /// Print the names of all tokens; a token itself is never shown again
    List,
    /// Take a token away: what is posted with it is refused from now on
    Remove {
        /// The token's name
        name: String,
    },
}

pub(super) fn run(common: &Common, place: &Place, command: TokensCommand) -> Result<u8, Failure> {
    let path = file(place)?;
    let mut tokens = Tokens::read(&path).map_err(|error| unusable(&path, &error))?;
    match command {
        TokensCommand::List => {
            output::print(list(&tokens, common.json).as_bytes());
        }
        TokensCommand::Add { name } => {
            if !Token::is_name(&name) {
                return Err(Failure::usage(format!("`{name}` can't be a token's name"))
                    .hint("at most 32 letters, digits, `-`, `_` and `.`"));
            }
            if tokens.iter().any(|token| token.name == name) {
                return Err(Failure::refused(format!("there is a token `{name}` already"))
                    .hint("`holdfast threat tokens remove` takes it away, or choose another name"));
            }
            let (token, text) = Token::new(&name, random(), Timestamp::now());
            tokens.push(token);
            write(place, &path, &tokens)?;
            tell(
                common,
                &json!({ "name": name, "token": text }),
                &format!("{text}\nKeep it now: it is not shown again."),
            );
        }
        TokensCommand::Remove { name } => {
            let before = tokens.len();
            tokens.retain(|token| token.name != name);
            if tokens.len() == before {
                return Err(Failure::not_found(format!("there is no token `{name}`"))
                    .hint("`holdfast threat tokens list` shows them"));
            }
            write(place, &path, &tokens)?;
            tell(
                common,
                &json!({ "removed": name }),
                &format!("`{name}` is removed: it is refused from now on"),
            );
        }
    }
    Ok(EXIT_OK)
}

/// The file of tokens by the configuration.
fn file(place: &Place) -> Result<PathBuf, Failure> {
    let config = place.config()?;
    let settings = config.threat.http.ok_or_else(|| {
        Failure::new(
            FailureCode::Config,
            "logs aren't taken by HTTP: there is no [threat.http] in the configuration",
        )
        .hint("write `http = { listen = \"127.0.0.1:8088\" }` below [threat]")
    })?;
    Ok(tokens_file(&place.data, &settings))
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        FailureCode::Failure,
        format!("the file of tokens `{}` can't be used: {error}", path.display()),
    )
}

/// Replaces the file. It belongs to whom the data folder belongs, so that the daemon can read it.
fn write(place: &Place, path: &Path, tokens: &[Token]) -> Result<(), Failure> {
    place.prepare()?;
    if let Some(folder) = path.parent().filter(|folder| folder.starts_with(&place.data)) {
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::io(format!("make the folder `{}`", folder.display()), &error))?;
    }
    let text = Tokens::text(tokens);
    NewFile::make_private(path, Existing::Replaced)?.fill(|out| out.write_all(text.as_bytes()))
}

fn tell(common: &Common, object: &serde_json::Value, text: &str) {
    if common.json {
        output::json(object);
    } else {
        output::print(format!("{text}\n").as_bytes());
    }
}

fn list(tokens: &[Token], is_json: bool) -> String {
    if is_json {
        let tokens: Vec<_> = tokens
            .iter()
            .map(|token| json!({ "name": token.name, "made": token.made.to_string() }))
            .collect();
        return format!("{}\n", json!({ "tokens": tokens }));
    }
    if tokens.is_empty() {
        return "there is no token yet: `holdfast threat tokens add NAME` makes one\n".to_owned();
    }
    let mut table = Table::new(&[("NAME", Align::Left), ("MADE", Align::Left)]);
    for token in tokens {
        table.row(vec![token.name.clone(), token.made.to_string()]);
    }
    table.render()
}
