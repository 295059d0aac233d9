//! `holdfast console people`

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use respond::Ledger;
use respond::people::{self, Account, NewAccount, Role};
use serde_json::json;

use super::Scene;
use crate::cli::output;
use crate::cli::table::{Align, Table};
use crate::console_site::random;
use crate::desk;
use crate::failure::{EXIT_OK, Failure};

/// `holdfast console people ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(in crate::cli) enum PeopleCommand {
    /// Print all accounts
    List,
    /// Make an account; `holdfast console link --for NAME` prints its way in
    Add {
        /// The name to sign in with
        name: String,
        /// What its owner may do
        #[arg(long, value_name = "ROLE", default_value = "viewer", value_parser = role())]
        role: Role,
    },
    /// Give an account another role
    Role {
        /// The account
        name: String,
        /// What its owner may do
        #[arg(value_parser = role())]
        role: Role,
    },
    /// Keep somebody from signing in; their sessions end
    Disable {
        /// The account
        name: String,
    },
    /// Let somebody sign in again
    Enable {
        /// The account
        name: String,
    },
    /// Remove an account; records go on naming it
    Remove {
        /// The account
        name: String,
    },
}

/// A role by its name.
pub(super) fn role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::name))
        .try_map(|name| name.parse::<Role>().map_err(|()| "no role has this name"))
}

/// An account by its name.
pub(super) fn find(ledger: &Ledger, name: &str) -> Result<Account, Failure> {
    let found = people::account_by_name(ledger, name).map_err(|error| desk::failed(&error))?;
    found.ok_or_else(|| {
        Failure::not_found(format!("there is no account `{name}`")).hint("`holdfast console people list` shows them")
    })
}

pub(super) fn run(scene: &Scene<'_>, command: &PeopleCommand) -> Result<u8, Failure> {
    let failed = |error: respond::Error| desk::failed(&error);
    let mut ledger = scene.ledger()?;
    let (name, done) = match command {
        PeopleCommand::List => {
            let accounts = people::accounts(&ledger).map_err(failed)?;
            output::print(list(&accounts, scene.is_json).as_bytes());
            return Ok(EXIT_OK);
        }
        PeopleCommand::Add { name, .. }
        | PeopleCommand::Role { name, .. }
        | PeopleCommand::Disable { name }
        | PeopleCommand::Enable { name }
        | PeopleCommand::Remove { name } => (name, change(scene, &mut ledger, name, command)?),
    };
    Ok(scene.tell(&json!({ "account": name, "done": done }), &format!("`{name}` {done}")))
}

/// Does it. What was done, in words.
fn change(scene: &Scene<'_>, ledger: &mut Ledger, name: &str, command: &PeopleCommand) -> Result<String, Failure> {
    let failed = |error: respond::Error| desk::failed(&error);
    let (now, by) = (scene.now, &scene.by);
    if let PeopleCommand::Add { role, .. } = command {
        let new = NewAccount {
            name: name.to_owned(),
            display_name: String::new(),
            role: *role,
            handle: random()?,
            provider: None,
        };
        let add = |w: &mut respond::Writing<'_>| {
            people::allow_change(w, now, by, name, &format!("add as {role}"))?;
            people::add(w, now, by, &new)
        };
        ledger.write(add).map_err(failed)?;
        return Ok(format!(
            "has an account as {role}; `holdfast console link --for {name}` prints its way in"
        ));
    }
    let id = find(ledger, name)?.id;
    let written = ledger.write(|w| match command {
        PeopleCommand::Role { role, .. } => {
            people::allow_change(w, now, by, name, &format!("make {role}"))?;
            people::set_role(w, now, by, id, *role).map(|()| format!("is {role} now"))
        }
        PeopleCommand::Disable { .. } => {
            people::set_disabled(w, now, by, id, true).map(|()| "can't sign in any more".to_owned())
        }
        PeopleCommand::Enable { .. } => {
            people::set_disabled(w, now, by, id, false).map(|()| "can sign in again".to_owned())
        }
        _ => {
            people::allow_change(w, now, by, name, "remove")?;
            people::remove(w, now, by, id).map(|()| "is gone".to_owned())
        }
    });
    written.map_err(failed)
}

fn list(accounts: &[Account], is_json: bool) -> String {
    let time = |time: Option<respond::Time>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    if is_json {
        let accounts: Vec<_> = accounts
            .iter()
            .map(|account| {
                json!({
                    "name": account.name,
                    "display_name": account.display_name,
                    "role": account.role,
                    "passkeys": account.passkeys,
                    "has_password": account.has_password,
                    "has_provider": account.provider.is_some(),
                    "created": account.created,
                    "disabled": account.disabled,
                    "last_signed_in": account.last_signed_in,
                })
            })
            .collect();
        return format!("{}\n", json!({ "people": accounts }));
    }
    if accounts.is_empty() {
        return "there is no account yet: `holdfast console link` prints a link that makes the first one\n".to_owned();
    }
    let mut table = Table::new(&[
        ("NAME", Align::Left),
        ("ROLE", Align::Left),
        ("PASSKEYS", Align::Right),
        ("PASSWORD", Align::Left),
        ("LAST SIGNED IN", Align::Left),
        ("DISABLED", Align::Left),
    ]);
    for account in accounts {
        table.row(vec![
            account.name.clone(),
            account.role.to_string(),
            account.passkeys.to_string(),
            if account.has_password { "yes" } else { "-" }.to_owned(),
            time(account.last_signed_in),
            time(account.disabled),
        ]);
    }
    table.render()
}
