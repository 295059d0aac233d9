//! What is still to be sent: mail and messages to the webhook, each exactly once in this queue.
//!
//! Invariants: a message's `key` is made of what it is about, so asking for it again changes nothing, and whoever was told is never told
//! the same again; a message is sent, given up, or due. No row holds an address of its own beside those that people chose to look after
//! a domain or the feeds: it names a watch, and goes when the watch goes.

use rusqlite::types::ToSql;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::about::load_and_prefix;
use super::catalogue::breach_of_row;
use super::{About, Breach, BreachId, Channel, Delivery, Ledger};
use crate::Error;

/// `told.load` is the import of the breach whose people have their notices: after another import they are looked for again.
/// `outgoing.about` is the kind of [`About`]; `outgoing.recipient` an alias of the domain, an address of the configuration, or import and
/// prefix of a callback.
pub(super) const SCHEMA: &str = "
create table if not exists outgoing (
    id integer primary key autoincrement,
    key text not null unique,
    about text not null,
    channel text not null,
    watch integer references watch (id) on delete cascade,
    domain integer,
    breach integer,
    post blob,
    recipient text,
    detail text not null,
    created integer not null,
    due integer not null,
    sent integer,
    given_up integer,
    attempts integer not null default 0,
    problem text
) strict;
create index if not exists outgoing_due on outgoing (channel, due, id) where sent is null and given_up is null;
create index if not exists outgoing_digest on outgoing (channel, created, id) where sent is null and given_up is null;
create index if not exists outgoing_watch on outgoing (watch);
create table if not exists told (
    breach integer primary key,
    load integer not null,
    at integer not null
) strict;
";

const COLUMNS: &str = "id, about, watch, domain, breach, post, recipient, detail, created, attempts, channel";

/// The import of breach `?1` that counts; 0 for a breach without data.
const LOAD: &str = "coalesce((select id from load where load.breach = ?1), 0)";

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Its number.
    pub id: i64,
    /// What it is about.
    pub about: About,
    /// Facts of the moment in which it was made, as JSON.
    pub detail: String,
    /// When it was made.
    pub created: i64,
    /// How often it was tried.
    pub attempts: u32,
}

/// How many messages there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutgoingCounts {
    /// Still to be sent.
    pub waiting: u64,
    /// Sent.
    pub sent: u64,
    /// Given up: refused for good, or too old.
    pub given_up: u64,
}

impl Ledger {
    /// Has a message sent, once. `false` if it was asked for before.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn enqueue(&mut self, about: &About, detail: &str, now: i64) -> Result<bool, Error> {
        Ok(self.enqueue_all(&[(about.clone(), detail.to_owned())], now)? > 0)
    }

    /// Has messages sent, each once; all or none are written. Tells how many are new.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn enqueue_all(&mut self, messages: &[(About, String)], now: i64) -> Result<u64, Error> {
        let result = (|| {
            let transaction = self.connection.transaction()?;
            let added = insert(&transaction, messages, now)?;
            transaction.commit()?;
            Ok(added.mail + added.webhook)
        })();
        self.tried(result)
    }

    /// Has a message sent that may have been sent before: what a person asks for again, such as a link.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn enqueue_again(&mut self, about: &About, now: i64) -> Result<(), Error> {
        self.tried(
            self.connection
                .execute("delete from outgoing where key = ?1", [about.key()]),
        )?;
        self.enqueue(about, "{}", now).map(drop)
    }

    /// Messages for a channel that are due at `now` and were made at or before `made`, at most `limit`, oldest first.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn outgoing_due(&self, channel: Channel, now: i64, made: i64, limit: u32) -> Result<Vec<Outgoing>, Error> {
        // Messages for a digest wait for its hour, however many there are: they are found by when they were made.
        let order = if channel == Channel::Digest { "created" } else { "due" };
        let query = format!(
            "select {COLUMNS} from outgoing
             where channel = ?1 and sent is null and given_up is null and due <= ?2 and created <= ?3
             order by {order}, id limit ?4"
        );
        self.outgoing(&query, params![channel.name(), now, made, limit])
    }

    /// Everything for the digest of one watch that was made at or before `made`: what goes into one mail.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn digest_of_watch(&self, watch: i64, made: i64) -> Result<Vec<Outgoing>, Error> {
        let query = format!(
            "select {COLUMNS} from outgoing
             where watch = ?1 and channel = ?2 and sent is null and given_up is null and created <= ?3 order by id"
        );
        self.outgoing(&query, params![watch, Channel::Digest.name(), made])
    }

    /// What a domain's watchers were told or are to be told, newest first: number of the breach, time and detail.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn notices_of_domain(&self, domain: &str, limit: u32) -> Result<Vec<(BreachId, i64, String)>, Error> {
        let result = (|| {
            let mut statement = self.connection.prepare(
                "select breach, min(outgoing.created), detail from outgoing join watch on watch.id = outgoing.watch
                 where about = 'breach' and watch.kind = 'domain' and watch.subject = ?1
                 group by breach order by 2 desc, 1 desc limit ?2",
            )?;
            let rows = statement.query_map(params![domain, limit], |row| {
                Ok((BreachId(row.get(0)?), row.get(1)?, row.get(2)?))
            })?;
            rows.collect()
        })();
        self.tried(result)
    }

    fn outgoing(&self, query: &str, parameters: &[&dyn ToSql]) -> Result<Vec<Outgoing>, Error> {
        let mut statement = self.tried(self.connection.prepare(query))?;
        let rows = self.tried(statement.query_map(parameters, outgoing_of))?;
        let found: Vec<Option<Outgoing>> = self.tried(rows.collect())?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Writes down that messages were accepted by whoever delivers them.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn mark_sent(&mut self, ids: &[i64], now: i64) -> Result<(), Error> {
        self.mark(ids, "sent = ?2, problem = null", params![0, now])
    }

    /// Writes down that messages weren't accepted, and when to try again. `problem` says nothing of anybody.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn mark_failed(&mut self, ids: &[i64], due: i64, problem: &str) -> Result<(), Error> {
        self.mark(
            ids,
            "due = ?2, attempts = attempts + 1, problem = ?3",
            params![0, due, problem],
        )
    }

    /// Writes down that messages will not be sent. `problem` says nothing of anybody.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn give_up(&mut self, ids: &[i64], now: i64, problem: &str) -> Result<(), Error> {
        self.mark(
            ids,
            "given_up = ?2, attempts = attempts + 1, problem = ?3",
            params![0, now, problem],
        )
    }

    fn mark(&mut self, ids: &[i64], change: &str, parameters: &[&dyn ToSql]) -> Result<(), Error> {
        let query = format!("update outgoing set {change} where id = ?1");
        let result = (|| {
            let transaction = self.connection.transaction()?;
            {
                let mut update = transaction.prepare(&query)?;
                for id in ids {
                    let mut parameters = parameters.to_vec();
                    if let Some(first) = parameters.first_mut() {
                        *first = id;
                    }
                    update.execute(&*parameters)?;
                }
            }
            transaction.commit()
        })();
        self.tried(result)
    }

    /// How many messages wait, were sent, were given up.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn outgoing_counts(&self) -> Result<OutgoingCounts, Error> {
        self.tried(self.connection.query_row(
            "select count(*) filter (where sent is null and given_up is null), count(sent), count(given_up) from outgoing",
            [],
            |row| {
                let count = |index| row.get::<_, i64>(index).map(i64::unsigned_abs);
                Ok(OutgoingCounts {
                    waiting: count(0)?,
                    sent: count(1)?,
                    given_up: count(2)?,
                })
            },
        ))
    }

    /// A breach by its number; `None` if it is gone.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn breach_numbered(&self, breach: BreachId) -> Result<Option<Breach>, Error> {
        let query = "select id, record from breach where id = ?1";
        let found = self.connection.query_row(query, [breach.0], breach_of_row).optional();
        Ok(self.tried(found)?.map(|(_, breach)| breach))
    }

    /// Breaches whose people have no notices yet: they were loaded (again), and nobody wrote the notices.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn untold_breaches(&self) -> Result<Vec<BreachId>, Error> {
        self.tried((|| {
            let mut statement = self.connection.prepare(
                "select breach.id from breach left join load on load.breach = breach.id left join told on told.breach = breach.id
                 where told.load is null or told.load <> coalesce(load.id, 0)",
            )?;
            statement.query_map([], |row| Ok(BreachId(row.get(0)?)))?.collect()
        })())
    }

    /// A row of the catalogue, without any data.
    #[cfg(test)]
    pub(crate) fn add_breach_for_tests(&mut self, breach: &Breach) -> BreachId {
        let record = serde_json::to_string(breach).unwrap();
        self.connection
            .execute(
                "insert into breach (name, record) values (?1, ?2)",
                params![breach.name, record],
            )
            .unwrap();
        BreachId(u32::try_from(self.connection.last_insert_rowid()).unwrap())
    }

    /// Writes down that everybody concerned by a breach has a notice.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn mark_told(&mut self, breach: BreachId, now: i64) -> Result<(), Error> {
        self.tried(self.connection.execute(
            &format!("insert or replace into told (breach, load, at) values (?1, {LOAD}, ?2)"),
            params![breach.0, now],
        ))
        .map(drop)
    }
}

/// How many messages are new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Added {
    pub(super) mail: u64,
    pub(super) webhook: u64,
}

/// Writes messages that aren't there yet.
pub(super) fn insert(transaction: &Transaction<'_>, messages: &[(About, String)], now: i64) -> rusqlite::Result<Added> {
    let mut added = Added::default();
    let mut insert = transaction.prepare(
        "insert or ignore into outgoing (key, about, channel, watch, domain, breach, post, recipient, detail, created, due)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)",
    )?;
    for (about, detail) in messages {
        let columns = about.columns();
        let (key, kind, channel) = (about.key(), about.kind(), about.channel());
        let count = insert.execute(params![
            key,
            kind,
            channel.name(),
            columns.watch,
            columns.domain,
            columns.breach,
            columns.post,
            columns.recipient,
            detail,
            now
        ])? as u64;
        if matches!(channel, Channel::Webhook | Channel::Callback) {
            added.webhook += count;
        } else {
            added.mail += count;
        }
    }
    Ok(added)
}

/// A row; `None` for one that this version doesn't know how to send.
fn outgoing_of(row: &Row<'_>) -> rusqlite::Result<Option<Outgoing>> {
    let kind: String = row.get(1)?;
    let watch: Option<i64> = row.get(2)?;
    let domain: Option<i64> = row.get(3)?;
    let breach = row.get::<_, Option<u32>>(4)?.map(BreachId);
    let post = row
        .get::<_, Option<Vec<u8>>>(5)?
        .and_then(|bytes| bytes.try_into().ok());
    let recipient: Option<String> = row.get(6)?;
    let delivery = if row.get::<_, String>(10)? == Channel::Digest.name() {
        Delivery::Digest
    } else {
        Delivery::Now
    };
    let about = match kind.as_str() {
        "confirm" => watch.map(|watch| About::Confirm { watch }),
        "domain-proof" => domain
            .zip(recipient)
            .map(|(domain, alias)| About::DomainProof { domain, alias }),
        "breach" => watch.zip(breach).map(|(watch, breach)| About::Breach {
            watch,
            breach,
            delivery,
        }),
        "breach-webhook" => breach.map(|breach| About::BreachWebhook { breach }),
        "post" => post
            .zip(recipient)
            .map(|(post, recipient)| About::Post { post, recipient }),
        "post-webhook" => post.map(|post| About::PostWebhook { post }),
        "callback" => breach
            .zip(recipient.as_deref().and_then(load_and_prefix))
            .map(|(breach, (load, prefix))| About::Callback { breach, load, prefix }),
        _ => None,
    };
    let (id, detail, created, attempts) = (row.get(0)?, row.get(7)?, row.get(8)?, row.get(9)?);
    Ok(about.map(|about| Outgoing {
        id,
        about,
        detail,
        created,
        attempts,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::HashPrefix;
    use crate::watch::MailAddress;

    fn ledger() -> (tempfile::TempDir, Ledger) {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        for (name, delivery) in [("a@example.com", Delivery::Now), ("b@example.com", Delivery::Digest)] {
            let address = MailAddress::parse(name).unwrap();
            ledger
                .add_customers(&mut std::iter::once(Ok(address)), delivery, 1)
                .unwrap();
        }
        (folder, ledger)
    }

    fn due(ledger: &Ledger, now: i64, digest: i64) -> Vec<Outgoing> {
        [Channel::Mail, Channel::Digest, Channel::Webhook, Channel::Callback]
            .iter()
            .flat_map(|channel| {
                ledger
                    .outgoing_due(
                        *channel,
                        now,
                        if *channel == Channel::Digest { digest } else { now },
                        100,
                    )
                    .unwrap()
            })
            .collect()
    }

    fn every_kind() -> Vec<About> {
        let (breach, post) = (BreachId(7), [9; 32]);
        vec![
            About::Confirm { watch: 1 },
            About::DomainProof {
                domain: 3,
                alias: "security".to_owned(),
            },
            About::Breach {
                watch: 1,
                breach,
                delivery: Delivery::Now,
            },
            About::BreachWebhook { breach },
            About::Post {
                post,
                recipient: "soc@example.com".to_owned(),
            },
            About::PostWebhook { post },
            About::Callback {
                breach,
                load: 17,
                prefix: HashPrefix::parse("00ABCD").unwrap(),
            },
        ]
    }

    #[test]
    fn every_kind_of_message_comes_back_as_it_was_and_once() {
        let (_folder, mut ledger) = ledger();
        for about in every_kind() {
            assert!(ledger.enqueue(&about, "{}", 10).unwrap());
            assert!(!ledger.enqueue(&about, "{}", 11).unwrap());
        }
        let found: Vec<About> = due(&ledger, 10, 0).into_iter().map(|message| message.about).collect();
        let mut expected = every_kind();
        let order = |about: &About| match about.channel() {
            Channel::Mail | Channel::Digest => 0,
            Channel::Webhook => 1,
            Channel::Callback => 2,
        };
        expected.sort_by_key(order);
        assert_eq!(found, expected);
        assert_eq!(due(&ledger, 9, 0), []);
        assert_eq!(ledger.outgoing_due(Channel::Mail, 10, 10, 2).unwrap().len(), 2);
    }

    #[test]
    fn what_was_sent_is_never_due_again_and_what_failed_is_later() {
        let (_folder, mut ledger) = ledger();
        for about in every_kind() {
            ledger.enqueue(&about, "{}", 10).unwrap();
        }
        let ids: Vec<i64> = due(&ledger, 10, 0).iter().map(|message| message.id).collect();
        ledger.mark_sent(&ids[..2], 20).unwrap();
        ledger.mark_failed(&ids[2..3], 100, "451").unwrap();
        ledger.give_up(&ids[3..4], 20, "550").unwrap();
        assert_eq!(due(&ledger, 99, 0).len(), 3);
        let later = due(&ledger, 100, 0);
        assert!(
            later
                .iter()
                .any(|message| message.id == ids[2] && message.attempts == 1)
        );
        assert!(!ledger.enqueue(&every_kind()[0], "{}", 200).unwrap());
        ledger.enqueue_again(&every_kind()[0], 200).unwrap();
        let counts = ledger.outgoing_counts().unwrap();
        assert_eq!((counts.waiting, counts.sent, counts.given_up), (5, 1, 1));
    }

    #[test]
    fn a_digest_waits_for_its_hour_and_is_one_mail() {
        let (_folder, mut ledger) = ledger();
        for breach in [BreachId(1), BreachId(2)] {
            ledger
                .enqueue(
                    &About::Breach {
                        watch: 2,
                        breach,
                        delivery: Delivery::Digest,
                    },
                    "{}",
                    10,
                )
                .unwrap();
        }
        ledger
            .enqueue(
                &About::Breach {
                    watch: 2,
                    breach: BreachId(3),
                    delivery: Delivery::Digest,
                },
                "{}",
                30,
            )
            .unwrap();
        assert_eq!(due(&ledger, 50, 9), []);
        assert_eq!(due(&ledger, 50, 20).len(), 2);
        assert_eq!(ledger.digest_of_watch(2, 20).unwrap().len(), 2);
    }

    #[test]
    fn messages_go_with_their_watch() {
        let (_folder, mut ledger) = ledger();
        ledger
            .enqueue(
                &About::Breach {
                    watch: 1,
                    breach: BreachId(1),
                    delivery: Delivery::Now,
                },
                "{}",
                10,
            )
            .unwrap();
        ledger
            .opt_out(MailAddress::parse("a@example.com").unwrap().identity(), 11)
            .unwrap();
        assert_eq!(ledger.outgoing_counts().unwrap(), OutgoingCounts::default());
    }
}
