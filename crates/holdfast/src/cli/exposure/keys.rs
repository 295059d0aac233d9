//! `holdfast exposure keys`: who may ask the API what, and how often.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use exposure::ledger::{ApiKey, KEY_BYTES, Ledger, ListedKey, Scope};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::json;
use volume::Timestamp;

use super::Scene;
use super::failures::failure;
use crate::cli::output::print;
use crate::cli::table::{Align, Table};
use crate::clock::wall_clock;
use crate::failure::{EXIT_OK, Failure, FailureCode};
use crate::names::is_name;
use crate::when::{local_short, utc};

/// `holdfast exposure keys ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(in crate::cli) enum KeysCommand {
    /// Make a key, which is shown this once
    Make(Make),
    /// Print all keys, also revoked ones; a key itself is never shown again
    List,
    /// Revoke a key: it is refused from now on
    Revoke {
        /// The key's name
        name: String,
    },
}

/// `holdfast exposure keys make`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct Make {
    /// A name for it, like that of the program or person that gets it
    name: String,
    /// How often it may ask in a minute
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    rpm: u32,
    /// What it may ask, several times if need be; `range` and `domains` tell about many people at once
    #[arg(long, value_name = "SCOPE", default_value = "accounts", value_parser = scopes())]
    scope: Vec<Scope>,
}

fn scopes() -> impl TypedValueParser<Value = Scope> {
    PossibleValuesParser::new(Scope::ALL.map(Scope::name))
        .try_map(|name| name.parse::<Scope>().map_err(|()| "no scope has this name"))
}

pub(super) fn run(scene: &Scene<'_>, command: KeysCommand) -> Result<u8, Failure> {
    scene.place.prepare()?;
    let ledger = Ledger::open(&scene.folder).map_err(|error| failure(&error))?;
    let json = scene.common.json;
    match command {
        KeysCommand::Make(task) => make(&ledger, &task, json),
        KeysCommand::List => {
            let keys = ledger.keys().map_err(|error| failure(&error))?;
            print(list(&keys, json).as_bytes());
            Ok(EXIT_OK)
        }
        KeysCommand::Revoke { name } => revoke(&ledger, &name, json),
    }
}

fn make(ledger: &Ledger, task: &Make, json: bool) -> Result<u8, Failure> {
    if !is_name(&task.name) {
        return Err(Failure::usage(format!("`{}` can't be a key's name", task.name))
            .hint("letters, digits, `-`, `_` and `.`, 64 at most, a letter or digit first"));
    }
    let mut random = [0; KEY_BYTES];
    SystemRandom::new().fill(&mut random).map_err(|_| {
        Failure::new(
            FailureCode::Failure,
            "the system has no random numbers to make a key from",
        )
    })?;
    let mut scopes = task.scope.clone();
    scopes.sort_unstable();
    scopes.dedup();
    let key = ApiKey {
        name: task.name.clone(),
        requests_per_minute: task.rpm,
        scopes,
    };
    let text = ledger
        .make_key(&key, random, wall_clock().as_unix_nanos() / 1_000_000_000)
        .map_err(|error| failure(&error))?;
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.name()).collect();
    if json {
        let made =
            json!({ "name": key.name, "key": text, "requests_per_minute": key.requests_per_minute, "scopes": scopes });
        print(format!("{made}\n").as_bytes());
    } else {
        let told = format!(
            "{text}\nKeep it now: it is not shown again. `{}` may ask {} times a minute for {}.\n",
            key.name,
            key.requests_per_minute,
            scopes.join(", ")
        );
        print(told.as_bytes());
    }
    Ok(EXIT_OK)
}

fn list(keys: &[ListedKey], json: bool) -> String {
    let scopes = |listed: &ListedKey| listed.key.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>();
    let time = |seconds: u64| Timestamp::from_unix_nanos(seconds.saturating_mul(1_000_000_000));
    if json {
        let keys: Vec<_> = keys
            .iter()
            .map(|listed| {
                json!({
                    "name": listed.key.name,
                    "requests_per_minute": listed.key.requests_per_minute,
                    "scopes": scopes(listed),
                    "created": utc(time(listed.created)),
                    "revoked": listed.revoked.map(|revoked| utc(time(revoked))),
                })
            })
            .collect();
        return format!("{}\n", json!({ "keys": keys }));
    }
    if keys.is_empty() {
        return "there is no key yet: `holdfast exposure keys make NAME` makes one\n".to_owned();
    }
    let mut table = Table::new(&[
        ("NAME", Align::Left),
        ("A MINUTE", Align::Right),
        ("MADE", Align::Left),
        ("REVOKED", Align::Left),
        ("SCOPES", Align::Left),
    ]);
    for listed in keys {
        table.row(vec![
            listed.key.name.clone(),
            listed.key.requests_per_minute.to_string(),
            local_short(time(listed.created)),
            listed
                .revoked
                .map_or_else(|| "-".to_owned(), |revoked| local_short(time(revoked))),
            scopes(listed).join(", "),
        ]);
    }
    table.render()
}

fn revoke(ledger: &Ledger, name: &str, json: bool) -> Result<u8, Failure> {
    let revoked = ledger
        .revoke_key(name, wall_clock().as_unix_nanos() / 1_000_000_000)
        .map_err(|error| failure(&error))?;
    if !revoked {
        return Err(Failure::not_found(format!("no key named `{name}` is in use"))
            .hint("`holdfast exposure keys list` shows them"));
    }
    if json {
        print(format!("{}\n", json!({ "revoked": name })).as_bytes());
    } else {
        print(format!("`{name}` is revoked; a running server refuses it within a second or two\n").as_bytes());
    }
    Ok(EXIT_OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_listed_without_themselves() {
        let listed = ListedKey {
            key: ApiKey {
                name: "desk".to_owned(),
                requests_per_minute: 60,
                scopes: vec![Scope::Accounts, Scope::Range],
            },
            created: 0,
            revoked: None,
        };
        let text = list(std::slice::from_ref(&listed), false);
        assert!(
            text.starts_with("NAME  A MINUTE  MADE                 REVOKED  SCOPES\ndesk        60  19"),
            "{text}"
        );
        assert!(text.ends_with("  -        accounts, range\n"), "{text}");
        assert_eq!(
            list(&[listed], true),
            "{\"keys\":[{\"name\":\"desk\",\"requests_per_minute\":60,\"scopes\":[\"accounts\",\"range\"],\
             \"created\":\"1970-01-01T00:00:00.000000000Z\",\"revoked\":null}]}\n"
        );
        assert!(list(&[], false).contains("keys make"));
    }
}
