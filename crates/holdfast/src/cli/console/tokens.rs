//! `holdfast console tokens`

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use respond::people::{self, NewToken, Role, Scope, Token};
use serde_json::json;

use super::Scene;
use super::people::role;
use crate::cli::output;
use crate::cli::table::{Align, Table};
use crate::console_site::random;
use crate::desk;
use crate::failure::{EXIT_OK, Failure};
use crate::span::parse_span;

/// `holdfast console tokens ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(in crate::cli) enum TokensCommand {
    /// Make a token, which is shown this once
    Make(Make),
    /// Print all tokens, also revoked ones; a token itself is never shown again
    List,
    /// Revoke a token: it is refused from now on
    Revoke {
        /// The token's name
        name: String,
    },
}

/// `holdfast console tokens make`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct Make {
    /// A name for it, as records name its holder
    name: String,
    /// What its holder may do
    #[arg(long, value_name = "ROLE", default_value = "viewer", value_parser = role())]
    role: Role,
    /// In which parts of the API, several times if need be [default: all]
    #[arg(long, value_name = "SCOPE", value_parser = scopes())]
    scope: Vec<Scope>,
    /// For how long, like `90d` [default: until it is revoked]
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    valid: Option<Duration>,
}

fn scopes() -> impl TypedValueParser<Value = Scope> {
    PossibleValuesParser::new(Scope::ALL.map(Scope::name))
        .try_map(|name| name.parse::<Scope>().map_err(|()| "no scope has this name"))
}

fn span(text: &str) -> Result<Duration, String> {
    parse_span(text).map_err(|error| error.to_string())
}

pub(super) fn run(scene: &Scene<'_>, command: TokensCommand) -> Result<u8, Failure> {
    let failed = |error: respond::Error| desk::failed(&error);
    let mut ledger = scene.ledger()?;
    match command {
        TokensCommand::List => {
            let tokens = people::tokens(&ledger).map_err(failed)?;
            output::print(list(&tokens, scene.is_json).as_bytes());
            Ok(EXIT_OK)
        }
        TokensCommand::Revoke { name } => {
            let tokens = people::tokens(&ledger).map_err(failed)?;
            let found = tokens
                .into_iter()
                .find(|token| token.made.name == name && token.revoked.is_none());
            let found = found.ok_or_else(|| {
                Failure::not_found(format!("no token named `{name}` is in use"))
                    .hint("`holdfast console tokens list` shows them")
            })?;
            ledger
                .write(|w| people::revoke_token(w, scene.now, &scene.by, found.id))
                .map_err(failed)?;
            Ok(scene.tell(
                &json!({ "revoked": name }),
                &format!("`{name}` is revoked: it is refused from now on"),
            ))
        }
        TokensCommand::Make(task) => {
            let lasting = task
                .valid
                .map(|valid| i64::try_from(valid.as_millis()).unwrap_or(i64::MAX));
            let new = NewToken {
                name: task.name,
                role: task.role,
                scopes: if task.scope.is_empty() {
                    Scope::ALL.to_vec()
                } else {
                    task.scope
                },
                expires: lasting.map(|millis| scene.now.plus_millis(millis)),
            };
            let random = random()?;
            let make = |w: &mut respond::Writing<'_>| {
                let how = format!("make a token as {}", new.role);
                people::allow_change(w, scene.now, &scene.by, &new.name, &how)?;
                people::make_token(w, scene.now, &scene.by, &new, random)
            };
            let (_, secret) = ledger.write(make).map_err(failed)?;
            let object = json!({
                "name": new.name, "token": secret.reveal(), "role": new.role, "scopes": new.scopes, "expires": new.expires,
            });
            let text = format!("{}\nKeep it now: it is not shown again.", secret.reveal());
            Ok(scene.tell(&object, &text))
        }
    }
}

fn list(tokens: &[Token], is_json: bool) -> String {
    let time = |time: Option<respond::Time>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    let scopes = |token: &Token| token.made.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>();
    if is_json {
        let tokens: Vec<_> = tokens
            .iter()
            .map(|token| {
                json!({
                    "name": token.made.name,
                    "role": token.made.role,
                    "scopes": scopes(token),
                    "created": token.created,
                    "expires": token.made.expires,
                    "last_used": token.last_used,
                    "revoked": token.revoked,
                })
            })
            .collect();
        return format!("{}\n", json!({ "tokens": tokens }));
    }
    if tokens.is_empty() {
        return "there is no token yet: `holdfast console tokens make NAME` makes one\n".to_owned();
    }
    let mut table = Table::new(&[
        ("NAME", Align::Left),
        ("ROLE", Align::Left),
        ("EXPIRES", Align::Left),
        ("LAST USED", Align::Left),
        ("REVOKED", Align::Left),
        ("SCOPES", Align::Left),
    ]);
    for token in tokens {
        let is_all = token.made.scopes.len() == Scope::ALL.len();
        table.row(vec![
            token.made.name.clone(),
            token.made.role.to_string(),
            time(token.made.expires),
            time(token.last_used),
            time(token.revoked),
            if is_all {
                "all".to_owned()
            } else {
                scopes(token).join(", ")
            },
        ]);
    }
    table.render()
}
