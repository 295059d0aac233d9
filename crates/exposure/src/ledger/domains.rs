//! Domains, and the proof that they are ours.

use rusqlite::{OptionalExtension, Row, params};

use super::Ledger;
use crate::Error;
use crate::hexadecimal;
use crate::watch::DomainName;

/// `domain.token` is the proof asked for in a TXT record. Numbers of domains are in links that were mailed, and never used again.
pub(super) const SCHEMA: &str = "
create table if not exists domain (
    id integer primary key autoincrement,
    name text not null unique,
    token text not null,
    asked integer not null,
    verified integer,
    verified_by text
) strict;
";

const COLUMNS: &str = "id, name, token, asked, verified, verified_by";

/// What a TXT record's value starts with, as the public API has it.
pub const TXT_PREFIX: &str = "hibp-verify=";
/// What a proof starts with, as the public API has it.
const TOKEN_PREFIX: &str = "dweb_";

/// How a domain was shown to be ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A TXT record of the domain.
    Dns,
    /// A link in a mail to one of the domain's addresses that only its owner reads.
    Mail,
    /// A domain above it was shown to be ours.
    Parent,
}

impl Proof {
    /// The name in the ledger and in what is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Mail => "mail",
            Self::Parent => "parent",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::Dns, Self::Mail, Self::Parent]
            .into_iter()
            .find(|proof| proof.name() == name)
    }
}

/// A domain that somebody says is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its number in the ledger.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The proof: what a TXT record must hold behind [`TXT_PREFIX`].
    pub token: String,
    /// When it was asked for.
    pub asked: i64,
    /// When it was shown to be ours, and how.
    pub verified: Option<(i64, Proof)>,
}

impl Domain {
    /// The value of the TXT record that proves it: `hibp-verify=dweb_...`.
    #[must_use]
    pub fn txt_record(&self) -> String {
        format!("{TXT_PREFIX}{}", self.token)
    }
}

impl Ledger {
    /// Asks for a proof that a domain is ours, or tells the one asked for before. A domain below a verified one is ours at once.
    /// `random` makes the proof impossible to guess.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn ask_for_domain(&mut self, name: &DomainName, now: i64, random: [u8; 20]) -> Result<Domain, Error> {
        let token = hexadecimal::lower(&random);
        self.tried(self.connection.execute(
            "insert or ignore into domain (name, token, asked) values (?1, ?2, ?3)",
            params![name.as_str(), format!("{TOKEN_PREFIX}{token}"), now],
        ))?;
        let is_below = self
            .domains()?
            .iter()
            .filter(|domain| domain.verified.is_some())
            .any(|domain| DomainName::parse(&domain.name).is_ok_and(|above| name.is_below(&above)));
        if is_below {
            self.mark_domain_verified(name, Proof::Parent, now)?;
        }
        self.domain(name)?.ok_or_else(|| self.lost_row())
    }

    /// A domain that was asked for.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn domain(&self, name: &DomainName) -> Result<Option<Domain>, Error> {
        let query = format!("select {COLUMNS} from domain where name = ?1");
        self.tried(self.connection.query_row(&query, [name.as_str()], domain_of).optional())
    }

    /// A domain by its number.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn domain_numbered(&self, id: i64) -> Result<Option<Domain>, Error> {
        let query = format!("select {COLUMNS} from domain where id = ?1");
        self.tried(self.connection.query_row(&query, [id], domain_of).optional())
    }

    /// All domains, by name.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn domains(&self) -> Result<Vec<Domain>, Error> {
        let query = format!("select {COLUMNS} from domain order by name");
        let mut statement = self.tried(self.connection.prepare(&query))?;
        let rows = self.tried(statement.query_map([], domain_of))?;
        self.tried(rows.collect())
    }

    /// Whether a domain was shown to be ours.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn is_domain_verified(&self, name: &DomainName) -> Result<bool, Error> {
        Ok(self.domain(name)?.is_some_and(|domain| domain.verified.is_some()))
    }

    /// Writes down that a domain was shown to be ours; the first proof stays. `false` if it was never asked for.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn mark_domain_verified(&mut self, name: &DomainName, by: Proof, now: i64) -> Result<bool, Error> {
        let changed = self.tried(self.connection.execute(
            "update domain set verified = coalesce(verified, ?2), verified_by = coalesce(verified_by, ?3) where name = ?1",
            params![name.as_str(), now, by.name()],
        ))?;
        Ok(changed > 0)
    }

    /// Forgets a domain, who was to be told of it, and what was still to be sent. `false` if there was none.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn remove_domain(&mut self, name: &DomainName) -> Result<bool, Error> {
        let result = (|| {
            let transaction = self.connection.transaction()?;
            transaction.execute(
                "delete from watch where kind = 'domain' and subject = ?1",
                [name.as_str()],
            )?;
            transaction.execute(
                "delete from outgoing where domain = (select id from domain where name = ?1)",
                [name.as_str()],
            )?;
            let changed = transaction.execute("delete from domain where name = ?1", [name.as_str()])?;
            transaction.commit()?;
            Ok(changed > 0)
        })();
        self.tried(result)
    }
}

fn domain_of(row: &Row<'_>) -> rusqlite::Result<Domain> {
    let at: Option<i64> = row.get(4)?;
    let by: Option<String> = row.get(5)?;
    Ok(Domain {
        id: row.get(0)?,
        name: row.get(1)?,
        token: row.get(2)?,
        asked: row.get(3)?,
        verified: at.zip(by.as_deref().and_then(Proof::of)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DomainName {
        DomainName::parse(text).unwrap()
    }

    #[test]
    fn a_proof_asked_for_twice_stays_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let first = ledger.ask_for_domain(&name("example.com"), 10, [1; 20]).unwrap();
        let second = ledger.ask_for_domain(&name("example.com"), 20, [2; 20]).unwrap();
        assert_eq!(first, second);
        assert_eq!(first.txt_record(), format!("hibp-verify=dweb_{}", "01".repeat(20)));
        assert!(!ledger.is_domain_verified(&name("example.com")).unwrap());
    }

    #[test]
    fn the_first_proof_stays_and_covers_what_is_below() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        assert!(
            !ledger
                .mark_domain_verified(&name("example.com"), Proof::Dns, 5)
                .unwrap()
        );
        ledger.ask_for_domain(&name("example.com"), 10, [1; 20]).unwrap();
        assert!(
            ledger
                .mark_domain_verified(&name("example.com"), Proof::Mail, 11)
                .unwrap()
        );
        assert!(
            ledger
                .mark_domain_verified(&name("example.com"), Proof::Dns, 12)
                .unwrap()
        );
        let domain = ledger.domain(&name("example.com")).unwrap().unwrap();
        assert_eq!(domain.verified, Some((11, Proof::Mail)));
        let below = ledger.ask_for_domain(&name("shop.example.com"), 13, [3; 20]).unwrap();
        assert_eq!(below.verified, Some((13, Proof::Parent)));
        let other = ledger.ask_for_domain(&name("shopexample.com"), 14, [4; 20]).unwrap();
        assert_eq!(other.verified, None);
        assert!(ledger.remove_domain(&name("example.com")).unwrap());
        assert!(!ledger.remove_domain(&name("example.com")).unwrap());
    }
}
