//! Tokens of programs.

use std::fmt;
use std::str::FromStr;

use rusqlite::{OptionalExtension, Row};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Actor, Digest, Role, SECRET_BYTES, Secret};
use crate::error::Error;
use crate::ledger::{Ledger, Writing};
use crate::time::Time;

/// What every token begins with, so that one that was left lying about is found.
const PREFIX: &str = "hft_";
/// Tokens that are kept, revoked ones included.
const TOKENS_MAX: i64 = 1000;

/// A part of the API: the word behind `/api/v1/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Scope {
    /// Volumes, their moments, files and guards.
    Volumes,
    /// Alerts.
    Alerts,
    /// Incidents and their files.
    Incidents,
    /// Policies.
    Policies,
    /// Actions.
    Actions,
    /// Approvals.
    Approvals,
    /// Drills.
    Drills,
    /// The breach monitor.
    Exposure,
    /// Notices.
    Notices,
    /// The ledger's records.
    Ledger,
    /// Accounts, sessions and tokens.
    People,
    /// The stream of events.
    Events,
    /// The overview, the state of the program and its settings.
    System,
    /// The page for Prometheus.
    Metrics,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Volumes,
        Self::Alerts,
        Self::Incidents,
        Self::Policies,
        Self::Actions,
        Self::Approvals,
        Self::Drills,
        Self::Exposure,
        Self::Notices,
        Self::Ledger,
        Self::People,
        Self::Events,
        Self::System,
        Self::Metrics,
    ];

    /// The name in commands, in the API and in the ledger.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Volumes => "volumes",
            Self::Alerts => "alerts",
            Self::Incidents => "incidents",
            Self::Policies => "policies",
            Self::Actions => "actions",
            Self::Approvals => "approvals",
            Self::Drills => "drills",
            Self::Exposure => "exposure",
            Self::Notices => "notices",
            Self::Ledger => "ledger",
            Self::People => "people",
            Self::Events => "events",
            Self::System => "system",
            Self::Metrics => "metrics",
        }
    }
}

impl FromStr for Scope {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|scope| scope.name() == name).ok_or(())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A token's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenId(pub i64);

/// A token to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// Its name, as records name its holder.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// In which parts of the API.
    pub scopes: Vec<Scope>,
    /// When it stops to be valid.
    pub expires: Option<Time>,
}

/// A token without itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its number.
    pub id: TokenId,
    /// Its name, what its holder may do and where, and when it stops to be valid.
    pub made: NewToken,
    /// When it was made.
    pub created: Time,
    /// When it was last used; to the minute.
    pub last_used: Option<Time>,
    /// When it was revoked.
    pub revoked: Option<Time>,
}

const COLUMNS: &str = "select id, name, role, scopes, expires, created, last_used, revoked from token";

fn read(row: &Row<'_>) -> rusqlite::Result<Token> {
    let (role, scopes): (String, String) = (row.get(2)?, row.get(3)?);
    Ok(Token {
        id: TokenId(row.get(0)?),
        made: NewToken {
            name: row.get(1)?,
            role: role.parse().unwrap_or(Role::Viewer),
            // Scopes of a newer program allow nothing here.
            scopes: scopes.split(',').filter_map(|name| name.parse().ok()).collect(),
            expires: row.get(4)?,
        },
        created: row.get(5)?,
        last_used: row.get(6)?,
        revoked: row.get(7)?,
    })
}

/// Makes a token from random bytes. It is shown this once. The name of a revoked token is free again.
///
/// # Errors
/// When the name is taken or can't be one, or the ledger can't be written.
pub fn make_token(
    w: &mut Writing<'_>,
    now: Time,
    by: &Actor,
    new: &NewToken,
    random: [u8; SECRET_BYTES],
) -> Result<(TokenId, Secret), Error> {
    if !super::is_account_name(&new.name) {
        return Err(Error::Refused {
            what: format!(
                "`{}` can't be a token's name: use letters, digits, `-`, `_` and `.`, 64 at most",
                new.name
            ),
        });
    }
    let (count, is_taken): (i64, bool) = w.tried(w.connection().query_row(
        "select count(*), exists (select 1 from token where name = ?1 and revoked is null) from token",
        [&new.name],
        |row| Ok((row.get(0)?, row.get(1)?)),
    ))?;
    if is_taken {
        return Err(Error::Refused {
            what: format!("there is a token `{}` already; revoke it first", new.name),
        });
    }
    if count >= TOKENS_MAX {
        w.tried(
            w.connection()
                .execute("delete from token where revoked is not null", []),
        )?;
        if count >= 2 * TOKENS_MAX {
            return Err(Error::Refused {
                what: format!("there are {count} tokens already; revoke some first"),
            });
        }
    }
    let mut scopes = new.scopes.clone();
    scopes.sort_unstable();
    scopes.dedup();
    let names = scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(",");
    let secret = Secret::new(PREFIX, random);
    w.tried(w.connection().execute(
        "insert into token (name, digest, role, scopes, created, expires) values (?1, ?2, ?3, ?4, ?5, ?6)",
        (&new.name, secret.digest(), new.role.name(), names, now, new.expires),
    ))?;
    let id = TokenId(w.connection().last_insert_rowid());
    let facts = json!({ "role": new.role, "scopes": scopes, "expires": new.expires });
    w.record(now, by, "people.token-made", &format!("token/{}", new.name), &facts)?;
    Ok((id, secret))
}

/// The newest tokens, revoked ones too.
///
/// # Errors
/// When the ledger can't be read.
pub fn tokens(ledger: &Ledger) -> Result<Vec<Token>, Error> {
    let read_all = || {
        let mut statement = ledger
            .connection()
            .prepare(&format!("{COLUMNS} order by id desc limit ?1"))?;
        statement.query_map([TOKENS_MAX], read)?.collect()
    };
    ledger.tried(read_all())
}

/// The token that somebody sends, if it is valid.
///
/// # Errors
/// When the ledger can't be read.
pub fn token(ledger: &Ledger, now: Time, text: &str) -> Result<Option<Token>, Error> {
    if !text.starts_with(PREFIX) {
        return Ok(None);
    }
    let sql = format!("{COLUMNS} where digest = ?1 and revoked is null and (expires is null or expires > ?2)");
    let found = ledger.connection().prepare_cached(&sql);
    ledger.tried(found.and_then(|mut statement| statement.query_row((Digest::of(text), now), read).optional()))
}

/// Who holds a token, if it is valid, and what they may do. Its scopes are the API's business.
///
/// # Errors
/// When the ledger can't be read.
pub fn token_holder(ledger: &Ledger, now: Time, text: &str) -> Result<Option<(Actor, Role)>, Error> {
    let token = token(ledger, now, text)?;
    Ok(token.map(|token| (Actor::Token(token.made.name), token.made.role)))
}

/// Notes that a token is in use.
///
/// # Errors
/// When the ledger can't be written.
pub fn used_token(w: &Writing<'_>, now: Time, id: TokenId) -> Result<(), Error> {
    w.tried(
        w.connection()
            .execute("update token set last_used = ?2 where id = ?1", (id.0, now)),
    )?;
    Ok(())
}

/// Revokes a token: it is refused from now on.
///
/// # Errors
/// When there is no such token in use, or the ledger can't be written.
pub fn revoke_token(w: &mut Writing<'_>, now: Time, by: &Actor, id: TokenId) -> Result<(), Error> {
    let revoked = w.connection().query_row(
        "update token set revoked = ?2 where id = ?1 and revoked is null returning name",
        (id.0, now),
        |row| row.get::<_, String>(0),
    );
    let name = w.tried(revoked.optional())?;
    let name = name.ok_or_else(|| Error::NotFound {
        what: "token in use",
        name: id.0.to_string(),
    })?;
    w.record(now, by, "people.token-revoked", &format!("token/{name}"), &json!({}))?;
    Ok(())
}
