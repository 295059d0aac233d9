//! Posts of leak sites that were seen, and what is remembered of where they came from.

use rusqlite::{OptionalExtension, Row, params};

use super::{About, Ledger};
use crate::Error;
use crate::feeds::{Match, Post, SCORE_TOLD};

/// `feed_post.digest` is the SHA-256 of what makes a post the same post; `record` and `matched` are JSON. `feed_source.etag` is what the
/// server called the last body that was read.
pub(super) const SCHEMA: &str = "
create table if not exists feed_post (
    digest blob primary key,
    seen integer not null,
    source text not null,
    record text not null,
    matched text
) strict, without rowid;
create index if not exists feed_post_seen on feed_post (seen);
create table if not exists feed_source (
    name text primary key,
    etag text,
    read integer not null
) strict;
";

/// A post that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPost {
    /// When it was first seen.
    pub seen: i64,
    /// The file or address in which it was.
    pub source: String,
    /// The post.
    pub post: Post,
    /// The names that were found in it.
    pub matches: Vec<Match>,
}

/// What came of a reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PostsSeen {
    /// Posts that weren't there before.
    pub new: u64,
    /// Posts of which somebody is told now.
    pub told: u64,
}

impl Ledger {
    /// Writes down posts and the names found in them, and has `recipients` and the webhook told of those in which a name was found: once
    /// for each post, however often and in however many feeds it is read. All or nothing is written.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn see_posts(
        &mut self,
        source: &str,
        posts: &[(Post, Vec<Match>)],
        recipients: &[String],
        now: i64,
    ) -> Result<PostsSeen, Error> {
        let mut seen = PostsSeen::default();
        let mut messages = Vec::new();
        for (post, matches) in posts.iter().filter(|(_, matches)| is_told(matches)) {
            let digest = post.digest();
            let detail = serde_json::to_string(matches).unwrap_or_default();
            messages.push((About::PostWebhook { post: digest }, detail.clone()));
            messages.extend(recipients.iter().map(|recipient| {
                let recipient = recipient.clone();
                (
                    About::Post {
                        post: digest,
                        recipient,
                    },
                    detail.clone(),
                )
            }));
        }
        let result = (|| {
            let transaction = self.connection.transaction()?;
            {
                let mut insert = transaction.prepare(
                    "insert or ignore into feed_post (digest, seen, source, record) values (?1, ?2, ?3, ?4)",
                )?;
                let mut update =
                    transaction.prepare("update feed_post set matched = ?2 where digest = ?1 and matched is not ?2")?;
                for (post, matches) in posts {
                    let digest = post.digest();
                    let record = serde_json::to_string(post).unwrap_or_default();
                    seen.new += insert.execute(params![digest, now, source, record])? as u64;
                    if !matches.is_empty() {
                        update.execute(params![digest, serde_json::to_string(matches).unwrap_or_default()])?;
                    }
                }
            }
            seen.told = super::outgoing::insert(&transaction, &messages, now)?.webhook;
            transaction.commit()
        })();
        self.tried(result)?;
        Ok(seen)
    }

    /// A post that was seen.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn seen_post(&self, digest: &[u8; 32]) -> Result<Option<SeenPost>, Error> {
        let query = "select seen, source, record, matched from feed_post where digest = ?1";
        self.tried(self.connection.query_row(query, [digest], seen_of).optional())
    }

    /// Posts that were seen, the newest first, `limit` at most.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn seen_posts(&self, matched_only: bool, limit: u32) -> Result<Vec<SeenPost>, Error> {
        self.tried((|| {
            let mut statement = self.connection.prepare(
                "select seen, source, record, matched from feed_post where matched is not null or not ?1
                 order by seen desc, digest limit ?2",
            )?;
            statement.query_map(params![matched_only, limit], seen_of)?.collect()
        })())
    }

    /// What the server of a feed called the last body that was read.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn feed_etag(&self, source: &str) -> Result<Option<String>, Error> {
        let found = self
            .connection
            .query_row("select etag from feed_source where name = ?1", [source], |row| {
                row.get(0)
            })
            .optional();
        Ok(self.tried(found)?.flatten())
    }

    /// Writes down that a feed was read.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn mark_feed_read(&mut self, source: &str, etag: Option<&str>, now: i64) -> Result<(), Error> {
        self.tried(self.connection.execute(
            "insert into feed_source (name, etag, read) values (?1, ?2, ?3)
             on conflict (name) do update set etag = excluded.etag, read = excluded.read",
            params![source, etag, now],
        ))
        .map(drop)
    }

    /// When a feed was last read.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn feed_read(&self, source: &str) -> Result<Option<i64>, Error> {
        self.tried(
            self.connection
                .query_row("select read from feed_source where name = ?1", [source], |row| {
                    row.get(0)
                })
                .optional(),
        )
    }
}

fn is_told(matches: &[Match]) -> bool {
    matches.iter().any(|found| found.score >= SCORE_TOLD)
}

fn seen_of(row: &Row<'_>) -> rusqlite::Result<SeenPost> {
    let record: String = row.get(2)?;
    let matched: Option<String> = row.get(3)?;
    // What an older version wrote and this one can't read shows as empty, and is written again when it is next read.
    Ok(SeenPost {
        seen: row.get(0)?,
        source: row.get(1)?,
        post: serde_json::from_str(&record).unwrap_or_default(),
        matches: matched
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(title: &str) -> Post {
        Post {
            title: title.to_owned(),
            group: "gang".to_owned(),
            ..Post::default()
        }
    }

    fn found(score: u8) -> Vec<Match> {
        vec![Match {
            name: "Acme".to_owned(),
            score,
            reason: "the title is the name".to_owned(),
        }]
    }

    #[test]
    fn everybody_is_told_of_a_post_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let recipients = ["a@example.com".to_owned(), "b@example.com".to_owned()];
        let posts = [
            (post("Acme"), found(100)),
            (post("Other"), Vec::new()),
            (post("Weak"), found(40)),
        ];
        let seen = ledger.see_posts("one", &posts, &recipients, 10).unwrap();
        assert_eq!(seen, PostsSeen { new: 3, told: 1 });
        let again = ledger.see_posts("two", &posts, &recipients, 20).unwrap();
        assert_eq!(again, PostsSeen { new: 0, told: 0 });
        assert_eq!(ledger.outgoing_counts().unwrap().waiting, 3);
        assert_eq!(ledger.seen_posts(false, 9).unwrap().len(), 3);
        assert_eq!(ledger.seen_posts(true, 9).unwrap().len(), 2);
        let one = ledger.seen_post(&post("ACME ").digest()).unwrap().unwrap();
        assert_eq!((one.seen, one.source.as_str(), one.matches), (10, "one", found(100)));
    }

    #[test]
    fn a_name_that_is_looked_for_later_is_found_in_a_post_seen_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        ledger.see_posts("one", &[(post("Acme"), Vec::new())], &[], 10).unwrap();
        let seen = ledger.see_posts("one", &[(post("Acme"), found(100))], &[], 20).unwrap();
        assert_eq!(seen, PostsSeen { new: 0, told: 1 });
    }

    #[test]
    fn what_a_server_called_a_body_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        assert_eq!(ledger.feed_etag("u").unwrap(), None);
        ledger.mark_feed_read("u", Some("\"1\""), 10).unwrap();
        assert_eq!(
            (
                ledger.feed_etag("u").unwrap().as_deref(),
                ledger.feed_read("u").unwrap()
            ),
            (Some("\"1\""), Some(10))
        );
        ledger.mark_feed_read("u", None, 11).unwrap();
        assert_eq!(ledger.feed_etag("u").unwrap(), None);
    }
}
