//! From what happened to notices: what is heard of, who acknowledged, and what is told by now.

use std::collections::BTreeMap;

use rusqlite::OptionalExtension;
use serde_json::json;

use super::about::About;
use super::content;
use super::look::{Look, look, plus, recipients, told};
use super::outgoing::{self, Draft};
use super::records;
use super::settings::{Group, Recipient, Settings};
use super::topic::{self, Topic};
use super::vocabulary::{Content, Telling};
use crate::error::Error;
use crate::incident::{self, IncidentId};
use crate::ledger::{Ledger, Writing};
use crate::people::Actor;
use crate::time::Time;

/// Messages of a group within [`RATE_WINDOW_MILLIS`] that are about one thing each. What would be more is told together.
const RATE_MAX: i64 = 10;
const RATE_WINDOW_MILLIS: i64 = 600_000;
/// Things that are looked at in one transaction.
const LOOKS_MAX: usize = 10_000;
/// By how many records the search for acknowledgements may be behind before it is taken up again for its own sake.
const RECORDS_BEHIND_MAX: i64 = 1000;

/// Has people told of something. Called in the transaction that records it; who is told when is decided by [`advance`].
///
/// # Errors
/// When the ledger can't be written.
pub fn plan(w: &mut Writing<'_>, now: Time, settings: &Settings, what: &About) -> Result<(), Error> {
    let named = what.group.as_ref().and_then(|name| settings.groups.get_key_value(name));
    // A group that isn't there any more: somebody is told, rather than nobody.
    let default = || {
        settings
            .default_group
            .as_ref()
            .and_then(|name| settings.groups.get_key_value(name))
    };
    match named.or_else(default) {
        Some((name, group)) => topic::hear(w, now, name, group.least, what),
        None => Ok(()),
    }
}

/// Something happened again: groups that were told of it before hear of it. Nobody else is told.
///
/// # Errors
/// When the ledger can't be written.
pub fn go_on(w: &Writing<'_>, now: Time, what: &About) -> Result<(), Error> {
    topic::go_on(w, now, what)
}

/// When [`advance`] has something to do; `now` or earlier if it has now, `None` if only something new can give it work.
///
/// # Errors
/// When the ledger can't be read.
pub fn next(ledger: &Ledger, now: Time) -> Result<Option<Time>, Error> {
    let connection = ledger.connection();
    let cursor = "select n.sequence, coalesce((select max(sequence) from record), 0) from notice_cursor n";
    let (seen, newest): (i64, i64) =
        ledger.tried(connection.query_row(cursor, [], |row| Ok((row.get(0)?, row.get(1)?))))?;
    if newest - seen > RECORDS_BEHIND_MAX {
        return Ok(Some(now));
    }
    let answers = format!(
        "select exists (select 1 from record where sequence > ?1 and kind in ({}))",
        records::kinds()
    );
    if ledger.tried(connection.query_row(&answers, [seen], |row| row.get(0)))? {
        return Ok(Some(now));
    }
    ledger.tried(
        connection.query_row("select min(next) from notice_topic where next is not null", [], |row| {
            row.get(0)
        }),
    )
}

/// Makes the notices that are due by now.
///
/// # Errors
/// When the ledger can't be written.
pub fn advance(w: &mut Writing<'_>, now: Time, settings: &Settings) -> Result<(), Error> {
    records::hear(w, now, settings)?;
    hand_over(w, now, settings)?;
    for (name, group) in &settings.groups {
        let mut due = Vec::new();
        let mut digest = Vec::new();
        for topic in topic::to_look_at(w, name, now, LOOKS_MAX)? {
            match look(&topic.known, group, settings.update_every, now) {
                Look::Tell(Telling::Digest) => digest.push((topic, Telling::Digest)),
                Look::Tell(telling) => due.push((topic, telling)),
                Look::Wait(time) => topic.save(w, name, Some(time))?,
                Look::Nothing => topic.save(w, name, None)?,
            }
        }
        let teller = Teller {
            name,
            group,
            settings,
            now,
        };
        teller.tell_together(w, digest, Telling::Digest)?;
        teller.tell_due(w, due)?;
    }
    Ok(())
}

/// What groups were to be told that aren't in the configuration any more: the default group is, unless somebody looks after it or
/// nothing is left to do. Nobody else would look at it, and it would be due for good.
fn hand_over(w: &mut Writing<'_>, now: Time, settings: &Settings) -> Result<(), Error> {
    for name in topic::groups_to_look_at(w, now)? {
        if settings.groups.contains_key(&name) {
            continue;
        }
        for topic in topic::to_look_at(w, &name, now, LOOKS_MAX)? {
            topic.save(w, &name, None)?;
            if topic.known.acknowledged.is_none() && topic.known.over.is_none() {
                let about = About {
                    group: None,
                    news: None,
                    ..topic.about
                };
                plan(w, now, settings, &about)?;
            }
        }
    }
    Ok(())
}

/// A group that is told.
struct Teller<'a> {
    name: &'a str,
    group: &'a Group,
    settings: &'a Settings,
    now: Time,
}

impl Teller<'_> {
    /// Tells each thing by itself, or all together if that would be too many messages.
    fn tell_due(&self, w: &mut Writing<'_>, due: Vec<(Topic, Telling)>) -> Result<(), Error> {
        if due.is_empty() {
            return Ok(());
        }
        let rate = Rate::read(w, self.name, self.now)?;
        let count = i64::try_from(due.len()).unwrap_or(i64::MAX);
        if rate.told.saturating_add(count) <= RATE_MAX {
            for (topic, telling) in due {
                self.tell(w, topic, telling)?;
            }
            return Rate {
                told: rate.told + count,
                ..rate
            }
            .write(w, self.name);
        }
        let again = rate.bundled.map(|time| plus(time, self.settings.update_every));
        if let Some(again) = again.filter(|again| *again > self.now) {
            return due
                .iter()
                .try_for_each(|(topic, _)| topic.save(w, self.name, Some(again)));
        }
        self.tell_together(w, due, Telling::Bundle)?;
        let bundled = Some(self.now);
        Rate { bundled, ..rate }.write(w, self.name)
    }

    fn tell(&self, w: &mut Writing<'_>, topic: Topic, telling: Telling) -> Result<(), Error> {
        let content = content::of_topic(&topic, self.name, telling, self.settings, self.now);
        for recipient in self.reached(&topic, telling) {
            self.draft(w, Some(topic.id), recipient, &content)?;
        }
        self.was_told(w, topic, telling)
    }

    fn tell_together(&self, w: &mut Writing<'_>, due: Vec<(Topic, Telling)>, telling: Telling) -> Result<(), Error> {
        let mut by_recipient = BTreeMap::<&Recipient, Vec<&Topic>>::new();
        for (topic, telling) in &due {
            for recipient in self.reached(topic, *telling) {
                by_recipient.entry(recipient).or_default().push(topic);
            }
        }
        for (recipient, topics) in by_recipient {
            let content = content::of_several(&topics, self.name, telling, self.settings, self.now);
            self.draft(w, None, recipient, &content)?;
        }
        due.into_iter()
            .try_for_each(|(topic, telling)| self.was_told(w, topic, telling))
    }

    /// Who is told by ways that are used for something as bad as this.
    fn reached(&self, topic: &Topic, telling: Telling) -> impl Iterator<Item = &Recipient> {
        let severity = topic.known.severity;
        let is_used = move |way: &str| self.settings.ways.get(way).is_some_and(|least| severity >= *least);
        recipients(&topic.known, self.group, telling)
            .into_iter()
            .filter(move |recipient| is_used(&recipient.way))
    }

    fn draft(
        &self,
        w: &mut Writing<'_>,
        topic: Option<i64>,
        recipient: &Recipient,
        content: &Content,
    ) -> Result<(), Error> {
        let draft = Draft {
            topic,
            recipient,
            content,
        };
        outgoing::put(w, self.now, &draft)
    }

    /// Notes that it was told, and when something may have to be told again.
    fn was_told(&self, w: &Writing<'_>, mut topic: Topic, telling: Telling) -> Result<(), Error> {
        topic.known = told(&topic.known, self.group, telling, self.now);
        topic.news = topic::News::default();
        let next = match look(&topic.known, self.group, self.settings.update_every, self.now) {
            Look::Tell(_) => Some(self.now),
            Look::Wait(time) => Some(time),
            Look::Nothing => None,
        };
        topic.save(w, self.name, next)
    }
}

/// Somebody looks after it: nobody else is called because nobody does.
///
/// # Errors
/// When nobody was told of it, or the ledger can't be written.
pub fn acknowledge(w: &mut Writing<'_>, now: Time, actor: &Actor, subject: &str) -> Result<(), Error> {
    if !topic::acknowledge(w, now, &actor.to_string(), subject)? {
        return Err(Error::NotFound {
            what: "notice about",
            name: subject.to_owned(),
        });
    }
    if let Some(id) = subject.strip_prefix("incident/").and_then(|id| id.parse().ok()) {
        incident::acknowledge(w, now, actor, IncidentId(id))?;
    }
    w.record(now, actor, "notice.acknowledged", subject, &json!({}))
        .map(drop)
}

/// How many messages a group got of late.
struct Rate {
    since: Time,
    told: i64,
    bundled: Option<Time>,
}

impl Rate {
    fn read(w: &Writing<'_>, group: &str, now: Time) -> Result<Self, Error> {
        let sql = "select since, told, bundled from notice_rate where group_name = ?1";
        let read = w.connection().query_row(sql, [group], |row| {
            Ok(Self {
                since: row.get(0)?,
                told: row.get(1)?,
                bundled: row.get(2)?,
            })
        });
        let read = w.tried(read.optional())?;
        let fresh = Self {
            since: now,
            told: 0,
            bundled: None,
        };
        Ok(match read {
            None => fresh,
            // A clock that was set back begins anew as well.
            Some(rate) if !(0..RATE_WINDOW_MILLIS).contains(&now.millis_since(rate.since)) => Self {
                bundled: rate.bundled.filter(|time| *time <= now),
                ..fresh
            },
            Some(rate) => rate,
        })
    }

    fn write(&self, w: &Writing<'_>, group: &str) -> Result<(), Error> {
        let sql = "insert into notice_rate (group_name, since, told, bundled) values (?1, ?2, ?3, ?4)
            on conflict (group_name) do update set since = ?2, told = ?3, bundled = ?4";
        w.tried(
            w.connection()
                .execute(sql, (group, self.since, self.told, self.bundled)),
        )
        .map(drop)
    }
}
