//! Notices on their way: what waits, what was tried, what was taken and what wasn't. A notice is sent at least once: it is
//! marked as sent after whoever takes it said so, and has the same key every time that it is tried.

use rusqlite::{OptionalExtension, Row, named_params};
use serde_json::json;

use super::content;
use super::settings::{Recipient, Settings};
use super::topic::{count, json, severity, text};
use super::vocabulary::{Content, Due, Filter, NotTaken, Notice, NoticeId, NoticeState, Telling, WayChange};
use crate::error::Error;
use crate::ledger::{Ledger, Writing};
use crate::people::Actor;
use crate::time::Time;

/// Pauses between attempts: the first, which doubles with each further one, and the longest.
const PAUSE_FIRST_MILLIS: i64 = 5_000;
const PAUSE_MOST_MILLIS: i64 = 1_800_000;
/// A notice that couldn't be sent for three days isn't tried any more.
const TRIED_FOR_MILLIS: i64 = 3 * 86_400_000;
/// Attempts in a row that fail before a way is said to fail: servers restart.
const FAILS_TOLD: i64 = 2;
/// How long a command may take to send a notice itself; after that the daemon does.
const TRIAL_MILLIS: i64 = 600_000;
/// Notices are kept for this long, then only their records are.
const KEPT_MILLIS: i64 = 90 * 86_400_000;
/// Rows that are dropped in one transaction.
const DROPPED_MAX: i64 = 1000;
/// The longest answer of a server that is kept, in characters.
const ANSWER_CHARACTERS_MAX: usize = 300;

/// A notice that is to be made.
pub(super) struct Draft<'a> {
    pub(super) topic: Option<i64>,
    pub(super) recipient: &'a Recipient,
    pub(super) content: &'a Content,
}

/// Makes a notice, which is sent as soon as its way takes it. What is new goes into the notice before, if that one is of the same
/// kind and was never tried: a server that is down for a day isn't to send hundreds when it is back.
pub(super) fn put(w: &mut Writing<'_>, now: Time, draft: &Draft<'_>) -> Result<(), Error> {
    let Draft { recipient, content, .. } = draft;
    if matches!(content.telling, Telling::Update | Telling::Escalation | Telling::Bundle) {
        let sql = "select id, content from notice where state = 'waiting' and way = ?1 and name = ?2 and subject = ?3
            and telling = ?4 and attempts = 0 order by id desc limit 1";
        let key = (
            &recipient.way,
            &recipient.name,
            &content.subject,
            w.tried(text(&content.telling))?,
        );
        let found = w
            .connection()
            .query_row(sql, key, |row| Ok((row.get(0)?, json(row, "content")?)))
            .optional();
        let found: Option<(i64, Content)> = w.tried(found)?;
        if let Some((id, before)) = found {
            let joined = content::joined(&before, content);
            let sql = "update notice set content = ?1, title = ?2, severity = ?3 where id = ?4";
            let values = (w.tried(text(&joined))?, &joined.title, joined.severity as i64, id);
            return w.tried(w.connection().execute(sql, values)).map(drop);
        }
    }
    add(w, now, draft).map(drop)
}

fn add(w: &mut Writing<'_>, now: Time, draft: &Draft<'_>) -> Result<NoticeId, Error> {
    let Draft {
        topic,
        recipient,
        content,
    } = draft;
    let Recipient { way, name, address } = recipient;
    let first = "select min(id) from notice where topic = ?1 and way = ?2 and name = ?3";
    let first: Option<i64> = match topic {
        Some(topic) => w.tried(w.connection().query_row(first, (topic, way, name), |row| row.get(0)))?,
        None => None,
    };
    let sql =
        "insert into notice (topic, first, subject, telling, group_name, way, name, address, severity, title, content,
            created, state, next, until)
        values (:topic, :first, :subject, :telling, :group, :way, :name, :address, :severity, :title, :content,
            :created, 'waiting', :created, :until)";
    let added = w.connection().prepare_cached(sql).and_then(|mut statement| {
        statement.insert(named_params! {
            ":topic": topic,
            ":first": first,
            ":subject": content.subject,
            ":telling": text(&content.telling)?,
            ":group": content.group,
            ":way": way,
            ":name": name,
            ":address": address,
            ":severity": content.severity as i64,
            ":title": content.title,
            ":content": text(content)?,
            ":created": now,
            ":until": now.plus_millis(TRIED_FOR_MILLIS),
        })
    });
    let id = NoticeId(w.tried(added)?);
    let facts = json!({
        "about": content.subject, "telling": content.telling, "group": content.group, "way": way, "to": name, "title": content.title,
    });
    w.record(now, &system(), "notice.planned", &subject(id), &facts)?;
    // A daemon runs for years: what is old goes as new comes.
    drop_old(w, now)?;
    Ok(id)
}

/// The notices that are to be sent by a way now, those that wait longest first.
///
/// # Errors
/// When the ledger can't be read.
pub fn due(ledger: &Ledger, now: Time, way: &str, most: usize) -> Result<Vec<NoticeId>, Error> {
    let connection = ledger.connection();
    let rests = "select exists (select 1 from notice_way where name = ?1 and next > ?2)";
    if ledger.tried(connection.query_row(rests, (way, now), |row| row.get(0)))? {
        return Ok(Vec::new());
    }
    let sql = "select id from notice where state = 'waiting' and way = ?1 and next <= ?2 order by next, id limit ?3";
    let mut statement = ledger.tried(connection.prepare_cached(sql))?;
    let rows = ledger.tried(statement.query_map((way, now, count(most)), |row| row.get(0).map(NoticeId)))?;
    rows.map(|row| ledger.tried(row)).collect()
}

/// When a way has something to send next; `None` if nothing waits.
///
/// # Errors
/// When the ledger can't be read.
pub fn next_due(ledger: &Ledger, way: &str) -> Result<Option<Time>, Error> {
    let sql = "select max(min(next), coalesce((select next from notice_way where name = ?1), 0))
        from notice where state = 'waiting' and way = ?1";
    ledger.tried(ledger.connection().query_row(sql, [way], |row| row.get(0)))
}

/// A notice is about to be tried: if nothing is heard of that, it may have arrived. What it says doesn't change any more from
/// here on; `None` if it doesn't wait any more.
///
/// # Errors
/// When the ledger can't be written.
pub fn attempting(w: &mut Writing<'_>, id: NoticeId) -> Result<Option<Due>, Error> {
    let sql = "select n.*, f.created as first_created from notice n left join notice f on f.id = n.first
        where n.id = ?1 and n.state = 'waiting'";
    let due = w.tried(w.connection().query_row(sql, [id.0], read_due).optional())?;
    let sql = "update notice set attempts = attempts + 1 where id = ?1 and state = 'waiting'";
    w.tried(w.connection().execute(sql, [id.0]))?;
    Ok(due)
}

/// A notice was taken; what was answered. Whether its way works again.
///
/// # Errors
/// When the ledger can't be written.
pub fn delivered(w: &mut Writing<'_>, now: Time, id: NoticeId, answer: &str) -> Result<Option<WayChange>, Error> {
    let notice = find(w, id)?;
    let answer = shortened(answer);
    let sql = "update notice set state = 'sent', sent = ?1, next = null, answer = ?2 where id = ?3";
    w.tried(w.connection().execute(sql, (now, &answer, id.0)))?;
    let fails = fails(w, &notice.way)?;
    w.tried(
        w.connection()
            .execute("delete from notice_way where name = ?1", [&notice.way]),
    )?;
    let facts = json!({ "about": notice.subject, "way": notice.way, "attempts": notice.attempts, "answer": answer });
    w.record(now, &system(), "notice.sent", &subject(id), &facts)?;
    Ok((fails >= FAILS_TOLD).then_some(WayChange::Works))
}

/// A notice wasn't taken. Whether that is news about its way.
///
/// # Errors
/// When the ledger can't be written.
pub fn failed(w: &mut Writing<'_>, now: Time, id: NoticeId, why: &NotTaken) -> Result<Option<WayChange>, Error> {
    let notice = find(w, id)?;
    let until: Time = w.tried(
        w.connection()
            .query_row("select until from notice where id = ?1", [id.0], |row| row.get(0)),
    )?;
    let (NotTaken::Refused(answer) | NotTaken::Later(answer) | NotTaken::Down(answer)) = why;
    let answer = shortened(answer);
    let is_dead = matches!(why, NotTaken::Refused(_)) || now >= until;
    let again = now.plus_millis(pause(notice.attempts));
    if is_dead {
        bury(w, now, &notice, &answer)?;
    } else {
        let sql = "update notice set next = ?1, answer = ?2 where id = ?3";
        w.tried(w.connection().execute(sql, (again, &answer, id.0)))?;
        // The first failure tells why it is late; the others would only repeat it.
        if notice.attempts <= 1 {
            let facts = json!({ "about": notice.subject, "way": notice.way, "error": answer, "is_dead": false });
            w.record(now, &system(), "notice.failed", &subject(id), &facts)?;
        }
    }
    match why {
        NotTaken::Down(_) => way_failed(w, now, &notice.way, &answer),
        NotTaken::Refused(_) if is_first_refusal(w, &notice)? => Ok(Some(WayChange::Refuses {
            recipient: notice.name,
            why: answer,
        })),
        NotTaken::Refused(_) | NotTaken::Later(_) => Ok(None),
    }
}

/// Has a notice that isn't tried any more tried again.
///
/// # Errors
/// When there is no such notice, it isn't dead, or the ledger can't be written.
pub fn retry(w: &mut Writing<'_>, now: Time, actor: &Actor, id: NoticeId) -> Result<(), Error> {
    let notice = find(w, id)?;
    if notice.state != NoticeState::Dead {
        let state = match notice.state {
            NoticeState::Sent => "was sent",
            _ => "waits to be sent anyway",
        };
        return Err(Error::Refused {
            what: format!("notice `{id}` {state}; only one that isn't tried any more can be tried again"),
        });
    }
    let sql = "update notice set state = 'waiting', next = ?1, until = ?2 where id = ?3";
    w.tried(
        w.connection()
            .execute(sql, (now, now.plus_millis(TRIED_FOR_MILLIS), id.0)),
    )?;
    let facts = json!({ "about": notice.subject, "way": notice.way, "again": true });
    w.record(now, actor, "notice.planned", &subject(id), &facts).map(drop)
}

/// Makes a notice that tries each recipient out whom `name` stands for: a way, a group, or a person of a group. Whoever calls
/// this sends them; should that be cut off, they are sent as any other a little later.
///
/// # Errors
/// When nothing has this name, or the ledger can't be written.
pub fn test(w: &mut Writing<'_>, now: Time, settings: &Settings, name: &str) -> Result<Vec<(Recipient, Due)>, Error> {
    let mut made = Vec::new();
    for (group, recipient) in tried_out(settings, name) {
        let content = content::of_test(&group, settings, now);
        let id = add(
            w,
            now,
            &Draft {
                topic: None,
                recipient: &recipient,
                content: &content,
            },
        )?;
        let sql = "update notice set next = ?1 where id = ?2";
        w.tried(w.connection().execute(sql, (now.plus_millis(TRIAL_MILLIS), id.0)))?;
        let address = recipient.address.clone();
        made.push((
            recipient,
            Due {
                id,
                key: key(id, now),
                answers: None,
                address,
                attempts: 0,
                content,
            },
        ));
    }
    if made.is_empty() {
        return Err(Error::NotFound {
            what: "way, group or person in `[notices]` named",
            name: name.to_owned(),
        });
    }
    Ok(made)
}

/// Whom a name stands for.
fn tried_out(settings: &Settings, name: &str) -> Vec<(String, Recipient)> {
    let everybody = settings.groups.iter().flat_map(|(group, wishes)| {
        let to = wishes.steps.iter().flat_map(|step| &step.to);
        to.map(move |recipient| (group.clone(), recipient.clone()))
    });
    let mut found: Vec<(String, Recipient)> = everybody
        .filter(|(group, recipient)| {
            [group, &recipient.way, &recipient.name]
                .into_iter()
                .any(|word| word == name)
        })
        .collect();
    // Somebody in two groups or steps is told once.
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|(_, recipient)| seen.insert(recipient.clone()));
    found
}

/// What changed in the configuration: notices by ways that aren't there any more can't be sent, and those that wait, or couldn't be sent,
/// go to the addresses that people have now. Drops what is old, too.
///
/// # Errors
/// When the ledger can't be written.
pub fn configured(w: &mut Writing<'_>, now: Time, settings: &Settings) -> Result<(), Error> {
    let sql = "select distinct way from notice where state = 'waiting'";
    let mut statement = w.tried(w.connection().prepare(sql))?;
    let rows = w.tried(statement.query_map([], |row| row.get(0)))?;
    let ways: Vec<String> = rows.map(|row| w.tried(row)).collect::<Result<_, _>>()?;
    drop(statement);
    for way in ways.iter().filter(|way| !settings.ways.contains_key(*way)) {
        for notice in waiting_by(w, way)? {
            bury(w, now, &notice, "its way isn't in the configuration any more")?;
        }
    }
    readdress(w, settings)?;
    // A pause after failures was for the server as it was configured.
    w.tried(
        w.connection()
            .execute("update notice_way set next = ?1 where next > ?1", [now]),
    )?;
    w.tried(w.connection().execute(
        "update notice set next = ?1 where state = 'waiting' and attempts > 0 and next > ?1",
        [now],
    ))?;
    drop_old(w, now)
}

/// A mistyped address is set right in the configuration: what was to go there goes to the new one.
fn readdress(w: &Writing<'_>, settings: &Settings) -> Result<(), Error> {
    let steps = settings.groups.values().flat_map(|group| &group.steps);
    let sql = "update notice set address = ?3 where state <> 'sent' and way = ?1 and name = ?2 and address <> ?3";
    let mut statement = w.tried(w.connection().prepare(sql))?;
    for Recipient { way, name, address } in steps.flat_map(|step| &step.to) {
        w.tried(statement.execute((way, name, address)))?;
    }
    Ok(())
}

/// Notices of long ago; their records stay.
fn drop_old(w: &Writing<'_>, now: Time) -> Result<(), Error> {
    let before = now.plus_millis(-KEPT_MILLIS);
    let old =
        "delete from notice where id in (select id from notice where created < ?1 and state <> 'waiting' limit ?2)";
    w.tried(w.connection().execute(old, (before, DROPPED_MAX)))?;
    let old = "delete from notice_topic where id in (select id from notice_topic where opened < ?1 and next is null
        and not exists (select 1 from notice where topic = notice_topic.id) limit ?2)";
    w.tried(w.connection().execute(old, (before, DROPPED_MAX))).map(drop)
}

impl Ledger {
    /// Notices, newest first.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn notices(&self, filter: &Filter, page: crate::Page) -> Result<Vec<Notice>, Error> {
        let state = filter.state.map(NoticeState::name);
        let mut conditions = vec!["id < :before"];
        let wanted = [
            (filter.subject.is_some(), "subject = :subject"),
            (filter.way.is_some(), "way = :way"),
            // Said so that the index of what is left can be used.
            (state.is_some(), "state = :state"),
            (state.is_some_and(|state| state != "sent"), "state <> 'sent'"),
            (filter.since.is_some(), "created >= :since"),
            (filter.until.is_some(), "created <= :until"),
        ];
        conditions.extend(
            wanted
                .iter()
                .filter(|(is_wanted, _)| *is_wanted)
                .map(|(_, condition)| *condition),
        );
        let sql = format!(
            "select * from notice where {} order by id desc limit :most",
            conditions.join(" and ")
        );
        let mut statement = self.tried(self.connection().prepare_cached(&sql))?;
        let before = page.before.unwrap_or(i64::MAX);
        let most = count(page.most);
        let all: [(&str, &dyn rusqlite::ToSql); 7] = [
            (":before", &before),
            (":subject", &filter.subject),
            (":way", &filter.way),
            (":state", &state),
            (":since", &filter.since),
            (":until", &filter.until),
            (":most", &most),
        ];
        let named: Vec<_> = all.into_iter().filter(|(name, _)| sql.contains(name)).collect();
        let rows = self.tried(statement.query_map(named.as_slice(), read))?;
        rows.map(|row| self.tried(row)).collect()
    }

    /// A notice, and what it says.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn notice(&self, id: NoticeId) -> Result<Option<(Notice, Content)>, Error> {
        let sql = "select * from notice where id = ?1";
        let found = self
            .connection()
            .query_row(sql, [id.0], |row| Ok((read(row)?, json(row, "content")?)));
        self.tried(found.optional())
    }

    /// How many notices couldn't be sent so far: those that aren't tried any more, and those that wait after a failure.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn notices_failing(&self) -> Result<u64, Error> {
        let sql = "select count(*) from notice where state <> 'sent' and (state = 'dead' or attempts > 0)";
        let count: i64 = self.tried(self.connection().query_row(sql, [], |row| row.get(0)))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

/// It isn't tried any more.
fn bury(w: &mut Writing<'_>, now: Time, notice: &Notice, answer: &str) -> Result<(), Error> {
    let sql = "update notice set state = 'dead', next = null, answer = ?1 where id = ?2";
    w.tried(w.connection().execute(sql, (answer, notice.id.0)))?;
    let facts =
        json!({ "about": notice.subject, "way": notice.way, "to": notice.name, "error": answer, "is_dead": true });
    w.record(now, &system(), "notice.failed", &subject(notice.id), &facts)
        .map(drop)
}

/// A way takes nothing: all that waits for it waits longer.
fn way_failed(w: &Writing<'_>, now: Time, way: &str, answer: &str) -> Result<Option<WayChange>, Error> {
    let fails = fails(w, way)? + 1;
    let next = now.plus_millis(pause(u32::try_from(fails).unwrap_or(u32::MAX)));
    let sql = "insert into notice_way (name, fails, next, answer) values (?1, ?2, ?3, ?4)
        on conflict (name) do update set fails = ?2, next = ?3, answer = ?4";
    w.tried(w.connection().execute(sql, (way, fails, next, answer)))?;
    Ok((fails == FAILS_TOLD).then(|| WayChange::Fails(answer.to_owned())))
}

fn fails(w: &Writing<'_>, way: &str) -> Result<i64, Error> {
    let sql = "select fails from notice_way where name = ?1";
    let fails = w.connection().query_row(sql, [way], |row| row.get(0)).optional();
    Ok(w.tried(fails)?.unwrap_or(0))
}

/// Whether the notice before to the same recipient was taken, or there was none: else it is known that they refuse.
fn is_first_refusal(w: &Writing<'_>, notice: &Notice) -> Result<bool, Error> {
    let sql = "select state from notice where way = ?1 and name = ?2 and id < ?3 and state <> 'waiting' order by id desc limit 1";
    let before = w
        .connection()
        .query_row(sql, (&notice.way, &notice.name, notice.id.0), |row| {
            row.get::<_, String>(0)
        });
    Ok(w.tried(before.optional())?.is_none_or(|state| state == "sent"))
}

/// How long is waited after so many attempts, in milliseconds.
fn pause(attempts: u32) -> i64 {
    let doublings = attempts.saturating_sub(1).min(20);
    (PAUSE_FIRST_MILLIS << doublings).min(PAUSE_MOST_MILLIS)
}

fn find(w: &Writing<'_>, id: NoticeId) -> Result<Notice, Error> {
    let found = w
        .connection()
        .query_row("select * from notice where id = ?1", [id.0], read)
        .optional();
    w.tried(found)?.ok_or_else(|| Error::NotFound {
        what: "notice",
        name: id.to_string(),
    })
}

fn waiting_by(w: &Writing<'_>, way: &str) -> Result<Vec<Notice>, Error> {
    let sql = "select * from notice where state = 'waiting' and way = ?1 limit ?2";
    let mut statement = w.tried(w.connection().prepare(sql))?;
    let rows = w.tried(statement.query_map((way, DROPPED_MAX), read))?;
    rows.map(|row| w.tried(row)).collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Notice> {
    let state: String = row.get("state")?;
    Ok(Notice {
        id: NoticeId(row.get("id")?),
        subject: row.get("subject")?,
        telling: json(row, "telling")?,
        group: row.get("group_name")?,
        way: row.get("way")?,
        name: row.get("name")?,
        severity: severity(row.get("severity")?),
        title: row.get("title")?,
        created: row.get("created")?,
        state: NoticeState::of(&state),
        attempts: u32::try_from(row.get::<_, i64>("attempts")?).unwrap_or(u32::MAX),
        next: row.get("next")?,
        sent: row.get("sent")?,
        answer: row.get("answer")?,
    })
}

fn read_due(row: &Row<'_>) -> rusqlite::Result<Due> {
    let notice = read(row)?;
    let first: Option<i64> = row.get("first")?;
    let first_created: Option<Time> = row.get("first_created")?;
    let content: Content = json(row, "content")?;
    Ok(Due {
        id: notice.id,
        key: key(notice.id, notice.created),
        answers: first.zip(first_created).map(|(id, created)| key(NoticeId(id), created)),
        address: row.get("address")?,
        attempts: notice.attempts,
        content,
    })
}

/// The same for a notice every time that it is tried, and for no other notice, of another ledger neither.
fn key(id: NoticeId, created: Time) -> String {
    format!("holdfast-notice-{id}-{}", created.unix_millis())
}

fn subject(id: NoticeId) -> String {
    format!("notice/{id}")
}

fn system() -> Actor {
    Actor::System("notices".to_owned())
}

/// An answer without line ends, cut to a bearable length.
fn shortened(answer: &str) -> String {
    let plain = answer
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character });
    plain.take(ANSWER_CHARACTERS_MAX).collect::<String>().trim().to_owned()
}
