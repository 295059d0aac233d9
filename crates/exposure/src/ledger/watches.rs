//! Who is watched, who is told, and who doesn't want to be.

use rusqlite::{OptionalExtension, Row, TransactionBehavior, params};

use super::Ledger;
use crate::Error;
use crate::address::Identity;
use crate::watch::{DomainName, Link, LinkSecret, MailAddress};

/// `watch.kind` is `address`, `customer` or `domain`; `watch.subject` is an address or a domain. `watch.delivery` is `now` or `digest`.
/// An `opt_out` stays for ever, as the key of the address alone. `secret` holds the key of links.
pub(super) const SCHEMA: &str = "
create table if not exists watch (
    id integer primary key autoincrement,
    kind text not null,
    subject text not null,
    recipient text not null,
    identity blob not null,
    delivery text not null,
    created integer not null,
    confirmed integer,
    unique (kind, subject, recipient)
) strict;
create index if not exists watch_unconfirmed on watch (created) where confirmed is null;
create index if not exists watch_identity on watch (identity);
create table if not exists opt_out (
    identity blob primary key,
    since integer not null
) strict, without rowid;
create table if not exists secret (
    name text primary key,
    value blob not null
) strict, without rowid;
";

const COLUMNS: &str = "id, kind, subject, recipient, delivery, created, confirmed";
/// Watches that are read at once.
const PAGE: i64 = 10_000;

/// Why somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchKind {
    /// A person asked for it, and confirmed that the address is theirs.
    Address,
    /// The company tells its customers, of whose data it is the controller: no confirmation.
    Customer,
    /// Somebody looks after a domain, and confirmed the address to which that goes.
    Domain,
}

impl WatchKind {
    /// The name in the ledger and in what is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Customer => "customer",
            Self::Domain => "domain",
        }
    }

    fn of(name: &str) -> Self {
        match name {
            "customer" => Self::Customer,
            "domain" => Self::Domain,
            _ => Self::Address,
        }
    }
}

/// When somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// As soon as a breach is loaded.
    Now,
    /// Once a day, everything in one mail.
    Digest,
}

impl Delivery {
    /// The name in the ledger and in what is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Digest => "digest",
        }
    }

    fn of(name: &str) -> Self {
        if name == "digest" { Self::Digest } else { Self::Now }
    }
}

/// Somebody who is told of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Its number, which is in links and never used again.
    pub id: i64,
    /// Why they are told.
    pub kind: WatchKind,
    /// The address or domain that is looked for.
    pub subject: String,
    /// Where mail goes.
    pub recipient: String,
    /// When.
    pub delivery: Delivery,
    /// When it was asked for.
    pub created: i64,
    /// When it was confirmed; nobody is told before.
    pub confirmed: Option<i64>,
}

/// What came of asking for a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It is new (or was asked for before and never confirmed): a mail asks for confirmation.
    Waiting(Watch),
    /// It is confirmed already.
    Confirmed(Watch),
    /// The person doesn't want mail from here; nothing was written.
    OptedOut,
}

/// What is to be watched.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A person's own address.
    Address(MailAddress),
    /// A domain, and who is told.
    Domain(DomainName, MailAddress),
}

/// What came of loading a list of customers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CustomersLoaded {
    /// New ones.
    pub added: u64,
    /// Those that were there before.
    pub known: u64,
    /// Those who don't want mail from here, or had themselves erased.
    pub unwanted: u64,
}

impl Ledger {
    /// Asks for a watch, which counts once it is confirmed. Asking again changes the delivery.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn ask_for_watch(&mut self, subject: &Subject, delivery: Delivery, now: i64) -> Result<Asked, Error> {
        let (kind, name, recipient) = match subject {
            Subject::Address(address) => (WatchKind::Address, address.as_str(), address),
            Subject::Domain(domain, recipient) => (WatchKind::Domain, domain.as_str(), recipient),
        };
        if self.is_opted_out(recipient.identity())? {
            return Ok(Asked::OptedOut);
        }
        self.tried(self.connection.execute(
            "insert into watch (kind, subject, recipient, identity, delivery, created) values (?1, ?2, ?3, ?4, ?5, ?6)
             on conflict (kind, subject, recipient) do update set delivery = excluded.delivery",
            params![
                kind.name(),
                name,
                recipient.as_str(),
                recipient.identity().0,
                delivery.name(),
                now
            ],
        ))?;
        let query = format!("select {COLUMNS} from watch where kind = ?1 and subject = ?2 and recipient = ?3");
        let watch = self.tried(self.connection.query_row(
            &query,
            params![kind.name(), name, recipient.as_str()],
            watch_of,
        ))?;
        Ok(match watch.confirmed {
            Some(_) => Asked::Confirmed(watch),
            None => Asked::Waiting(watch),
        })
    }

    /// Adds customers, in one transaction. They are told without having confirmed anything, unless they opted out.
    ///
    /// # Errors
    /// When the ledger can't be written, or `customers` gives an error; then no customer was added.
    pub fn add_customers(
        &mut self,
        customers: &mut dyn Iterator<Item = Result<MailAddress, Error>>,
        delivery: Delivery,
        now: i64,
    ) -> Result<CustomersLoaded, Error> {
        let path = self.path();
        let ledger = |source| Error::Ledger {
            path: path.clone(),
            source,
        };
        // It reads before it writes: begun later, the right to write would be refused if a server wrote in between.
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(ledger)?;
        let mut loaded = CustomersLoaded::default();
        {
            // Whoever was erased isn't brought back by a list.
            let unwanted =
                "select 1 from opt_out where identity = ?1 union all select 1 from erasure where identity = ?1";
            let mut unwanted = transaction.prepare(unwanted).map_err(ledger)?;
            let insert =
                "insert or ignore into watch (kind, subject, recipient, identity, delivery, created, confirmed)
                 values ('customer', ?1, ?1, ?2, ?3, ?4, ?4)";
            let mut insert = transaction.prepare(insert).map_err(ledger)?;
            for customer in customers {
                let customer = customer?;
                let identity = customer.identity();
                let row = params![customer.as_str(), identity.0, delivery.name(), now];
                if unwanted.exists([identity.0]).map_err(ledger)? {
                    loaded.unwanted += 1;
                } else if insert.execute(row).map_err(ledger)? > 0 {
                    loaded.added += 1;
                } else {
                    loaded.known += 1;
                }
            }
        }
        transaction.commit().map_err(ledger)?;
        Ok(loaded)
    }

    /// A watch by its number.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn watch(&self, id: i64) -> Result<Option<Watch>, Error> {
        let query = format!("select {COLUMNS} from watch where id = ?1");
        self.tried(self.connection.query_row(&query, [id], watch_of).optional())
    }

    /// The watches with a number above `after`, 10,000 at most; all can be read this way without holding them in memory.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn watches_after(&self, after: i64) -> Result<Vec<Watch>, Error> {
        let query = format!("select {COLUMNS} from watch where id > ?1 order by id limit {PAGE}");
        let mut statement = self.tried(self.connection.prepare(&query))?;
        let rows = self.tried(statement.query_map([after], watch_of))?;
        self.tried(rows.collect())
    }

    /// Writes down that somebody confirmed. `false` if there is no such watch (any more).
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn confirm_watch(&mut self, id: i64, now: i64) -> Result<bool, Error> {
        let changed = self.tried(self.connection.execute(
            "update watch set confirmed = coalesce(confirmed, ?2) where id = ?1",
            params![id, now],
        ))?;
        Ok(changed > 0)
    }

    /// Forgets the watches of an address, as subject or as recipient, and what was still to be sent for them. Tells how many.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn remove_watches_of(&mut self, address: &MailAddress) -> Result<usize, Error> {
        self.tried(self.connection.execute(
            "delete from watch where identity = ?1 or subject = ?2",
            params![address.identity().0, address.as_str()],
        ))
    }

    /// Forgets watches that were asked for before `before` and never confirmed. Tells how many.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn remove_unconfirmed(&mut self, before: i64) -> Result<usize, Error> {
        self.tried(
            self.connection
                .execute("delete from watch where confirmed is null and created < ?1", [before]),
        )
    }

    /// Writes down, for ever, that a person doesn't want mail from here, and forgets everything else about them in this part of the
    /// ledger.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn opt_out(&mut self, identity: Identity, now: i64) -> Result<(), Error> {
        let result = (|| {
            let transaction = self.connection.transaction()?;
            transaction.execute(
                "insert or ignore into opt_out (identity, since) values (?1, ?2)",
                params![identity.0, now],
            )?;
            transaction.execute("delete from watch where identity = ?1", [identity.0])?;
            transaction.commit()
        })();
        self.tried(result)
    }

    /// Whether a person doesn't want mail from here.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn is_opted_out(&self, identity: Identity) -> Result<bool, Error> {
        self.tried(
            self.connection
                .prepare("select 1 from opt_out where identity = ?1")
                .and_then(|mut statement| statement.exists([identity.0])),
        )
    }

    /// The key of links; made from `random` if there is none yet.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn link_secret(&mut self, random: [u8; LinkSecret::BYTES]) -> Result<LinkSecret, Error> {
        self.tried(self.connection.execute(
            "insert or ignore into secret (name, value) values ('links', ?1)",
            [random],
        ))?;
        self.existing_link_secret()?.ok_or_else(|| self.lost_row())
    }

    /// The key of links, if there is one: without it no link was ever made.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn existing_link_secret(&self) -> Result<Option<LinkSecret>, Error> {
        let found: Option<Vec<u8>> = self.tried(
            self.connection
                .query_row("select value from secret where name = 'links'", [], |row| row.get(0))
                .optional(),
        )?;
        Ok(found.map(|bytes| LinkSecret::new(&bytes)))
    }

    /// What a token is about, if it was made here and what it is about is still there.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn link(&self, token: &str) -> Result<Option<Link>, Error> {
        let (Some(link), Some(secret)) = (Link::of(token), self.existing_link_secret()?) else {
            return Ok(None);
        };
        let purpose = self.purpose(&link)?;
        Ok(purpose
            .filter(|purpose| secret.made(token, &link, purpose))
            .map(|_| link))
    }

    /// What a link is tied to; `None` if that is gone.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn purpose(&self, link: &Link) -> Result<Option<String>, Error> {
        Ok(match link {
            Link::Confirm(id) => self.watch(*id)?.map(|watch| watch.created.to_string()),
            Link::Domain(id) | Link::Feed(id) => self.domain_numbered(*id)?.map(|domain| domain.token),
            Link::OptOut(_) => Some(String::new()),
        })
    }
}

fn watch_of(row: &Row<'_>) -> rusqlite::Result<Watch> {
    let kind: String = row.get(1)?;
    let delivery: String = row.get(4)?;
    Ok(Watch {
        id: row.get(0)?,
        kind: WatchKind::of(&kind),
        subject: row.get(2)?,
        recipient: row.get(3)?,
        delivery: Delivery::of(&delivery),
        created: row.get(5)?,
        confirmed: row.get(6)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> MailAddress {
        MailAddress::parse(text).unwrap()
    }

    fn ledger() -> (tempfile::TempDir, Ledger) {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        (folder, ledger)
    }

    #[test]
    fn a_watch_waits_until_it_is_confirmed() {
        let (_folder, mut ledger) = ledger();
        let subject = Subject::Address(address("a@example.com"));
        let Asked::Waiting(watch) = ledger.ask_for_watch(&subject, Delivery::Now, 10).unwrap() else {
            panic!("it isn't waiting");
        };
        let again = ledger.ask_for_watch(&subject, Delivery::Digest, 11).unwrap();
        assert!(matches!(&again, Asked::Waiting(again) if again.id == watch.id && again.delivery == Delivery::Digest));
        assert!(ledger.confirm_watch(watch.id, 12).unwrap());
        let again = ledger.ask_for_watch(&subject, Delivery::Now, 13).unwrap();
        assert!(matches!(&again, Asked::Confirmed(again) if again.confirmed == Some(12)));
        assert_eq!(ledger.remove_unconfirmed(100).unwrap(), 0);
    }

    #[test]
    fn an_opt_out_is_for_ever() {
        let (_folder, mut ledger) = ledger();
        let person = address("a@example.com");
        let customers = || [Ok(address("A@Example.com")), Ok(address("b@example.com"))].into_iter();
        let loaded = ledger.add_customers(&mut customers(), Delivery::Now, 10).unwrap();
        assert_eq!((loaded.added, loaded.unwanted), (2, 0));
        ledger.opt_out(person.identity(), 11).unwrap();
        assert_eq!(ledger.watches_after(0).unwrap().len(), 1);
        let loaded = ledger.add_customers(&mut customers(), Delivery::Now, 12).unwrap();
        assert_eq!((loaded.added, loaded.known, loaded.unwanted), (0, 1, 1));
        for subject in [
            Subject::Address(person.clone()),
            Subject::Domain(DomainName::parse("example.com").unwrap(), person.clone()),
        ] {
            let asked = ledger.ask_for_watch(&subject, Delivery::Now, 13).unwrap();
            assert_eq!(asked, Asked::OptedOut);
        }
        ledger.remove_watches_of(&person).unwrap();
        assert!(ledger.is_opted_out(person.identity()).unwrap());
    }

    #[test]
    fn links_die_with_what_they_were_made_for() {
        let (_folder, mut ledger) = ledger();
        let subject = Subject::Address(address("a@example.com"));
        let Asked::Waiting(watch) = ledger.ask_for_watch(&subject, Delivery::Now, 10).unwrap() else {
            panic!("it isn't waiting");
        };
        let link = Link::Confirm(watch.id);
        assert_eq!(
            ledger.link(&LinkSecret::new(&[0; 32]).token(&link, "10")).unwrap(),
            None
        );
        let secret = ledger.link_secret([1; 32]).unwrap();
        let token = secret.token(&link, &ledger.purpose(&link).unwrap().unwrap());
        assert_eq!(ledger.link(&token).unwrap(), Some(link));
        let opt_out = Link::OptOut(address("a@example.com").identity());
        let stays = secret.token(&opt_out, "");
        ledger.remove_watches_of(&address("a@example.com")).unwrap();
        assert_eq!(ledger.link(&token).unwrap(), None);
        assert_eq!(ledger.link(&stays).unwrap(), Some(opt_out));
        let asked = ledger.ask_for_watch(&subject, Delivery::Now, 20).unwrap();
        assert!(
            matches!(asked, Asked::Waiting(again) if again.id != watch.id),
            "numbers are never used again"
        );
    }
}
