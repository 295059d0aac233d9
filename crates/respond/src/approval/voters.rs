//! Who somebody is, whatever they sign in with, and what they may approve.

use rusqlite::{Connection, OptionalExtension};

use super::rules::Approvers;
use crate::people::{Actor, Role};

/// The account behind an actor, in lower case; none of whoever uses the command line without a token, and none of the program itself.
///
/// A token is its maker's: whoever made it can use it.
pub(crate) fn person(connection: &Connection, actor: &Actor) -> rusqlite::Result<Option<String>> {
    match actor {
        Actor::Person(name) => Ok(Some(name.to_lowercase())),
        Actor::Token(name) => {
            let made = connection.prepare_cached(
                "select actor from record where subject = ?1 and kind = 'people.token-made' order by sequence desc limit 1",
            );
            let made: Option<String> = made?
                .query_row([format!("token/{name}")], |row| row.get(0))
                .optional()?;
            let maker = made.and_then(|text| serde_json::from_str(&text).ok());
            Ok(match maker {
                Some(Actor::Person(name)) => Some(name.to_lowercase()),
                _ => None,
            })
        }
        Actor::System(_) | Actor::Local(_) => Ok(None),
    }
}

/// The role of an account that may sign in.
pub(super) fn role(connection: &Connection, person: &str) -> rusqlite::Result<Option<Role>> {
    let found = connection.prepare_cached("select role from account where name = ?1 and disabled is null");
    let found: Option<String> = found?.query_row([person], |row| row.get(0)).optional()?;
    Ok(found.and_then(|name| name.parse().ok()))
}

/// Whether somebody may approve what a rule covers.
pub(super) fn may_approve(connection: &Connection, person: &str, approvers: &Approvers) -> rusqlite::Result<bool> {
    let Some(role) = role(connection, person)? else {
        return Ok(false);
    };
    Ok(match approvers {
        Approvers::Role(needed) => role.may(*needed),
        Approvers::People(names) => names.iter().any(|name| name.to_lowercase() == person),
    })
}

/// Everybody who may approve what a rule covers.
pub(super) fn all(connection: &Connection, approvers: &Approvers) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached("select name from account where disabled is null order by name")?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut people = Vec::new();
    for name in names {
        let name = name?;
        if may_approve(connection, &name.to_lowercase(), approvers)? {
            people.push(name);
        }
    }
    Ok(people)
}
