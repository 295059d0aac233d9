//! Things that groups are told of, in the ledger: one row each, so that a flood of alerts is one thing that goes on.

use rusqlite::{OptionalExtension, Row, named_params};
use serde::{Deserialize, Serialize};

use super::about::About;
use super::look::Known;
use crate::alert::Severity;
use crate::error::Error;
use crate::ledger::Writing;
use crate::time::Time;

/// Different news that are named one by one; the rest is counted.
const NEWS_MAX: usize = 8;

/// A thing that a group is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Topic {
    pub(super) id: i64,
    pub(super) about: About,
    pub(super) news: News,
    pub(super) known: Known,
    pub(super) acknowledged_by: Option<String>,
}

/// What happened since something was told last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct News {
    /// Different things, in the order in which they were first noticed.
    pub(super) lines: Vec<Line>,
    /// How much more there is.
    pub(super) more: u64,
}

/// Something that was noticed, maybe often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) title: String,
    pub(super) severity: Severity,
    pub(super) first: Time,
    pub(super) count: u64,
}

impl News {
    fn add(&mut self, what: &About) {
        let Some(title) = &what.news else {
            return;
        };
        if let Some(line) = self.lines.iter_mut().find(|line| line.title == *title) {
            // The same alert, noticed again, says how often; others with the same title are told one by one.
            line.count = (line.count + 1).max(what.count);
            line.severity = line.severity.max(what.severity);
        } else if self.lines.len() < NEWS_MAX {
            self.lines.push(Line {
                title: title.clone(),
                severity: what.severity,
                first: what.time,
                count: what.count,
            });
        } else {
            self.more += 1;
        }
    }

    /// How many things were noticed.
    pub(super) fn count(&self) -> u64 {
        self.lines.iter().map(|line| line.count).sum::<u64>() + self.more
    }
}

impl Topic {
    /// Something that is heard of for the first time.
    fn new(what: &About, now: Time) -> Self {
        let mut topic = Self {
            id: 0,
            about: what.clone(),
            news: News::default(),
            known: Known {
                severity: what.severity,
                opened: now,
                told_severity: None,
                told: None,
                steps: 0,
                step_time: None,
                news_since: Some(now),
                acknowledged: None,
                over: None,
            },
            acknowledged_by: None,
        };
        topic.news.add(what);
        topic.close_if_over(what, now);
        topic
    }

    /// More is heard of it.
    fn hear(&mut self, what: &About, now: Time) {
        self.news.add(what);
        let is_worse = what.severity > self.known.severity;
        if what.news.is_some() || is_worse {
            self.known.news_since.get_or_insert(now);
        }
        // The text stays that of the worst thing that happened.
        if is_worse {
            self.about = what.clone();
            self.known.severity = what.severity;
        }
        self.about.title.clone_from(&what.title);
        self.about.alert = what.alert.or(self.about.alert);
        for concern in &what.concerns {
            if !self.about.concerns.contains(concern) && self.about.concerns.len() < NEWS_MAX {
                self.about.concerns.push(concern.clone());
            }
        }
        self.close_if_over(what, now);
    }

    fn close_if_over(&mut self, what: &About, now: Time) {
        if what.is_over && self.known.over.is_none() {
            self.known.over = Some((now, false));
        }
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let known = Known {
            severity: severity(row.get("severity")?),
            opened: row.get("opened")?,
            told_severity: row.get::<_, Option<i64>>("told_severity")?.map(severity),
            told: row.get("told")?,
            steps: usize::try_from(row.get::<_, i64>("steps")?).unwrap_or(0),
            step_time: row.get("step_time")?,
            news_since: row.get("news_since")?,
            acknowledged: flagged(row, "acknowledged", "acknowledged_told")?,
            over: flagged(row, "closed", "closed_told")?,
        };
        Ok(Self {
            id: row.get("id")?,
            about: json(row, "about")?,
            news: json(row, "news")?,
            known,
            acknowledged_by: row.get("acknowledged_by")?,
        })
    }

    /// Writes it, and when it has to be looked at next.
    pub(super) fn save(&self, w: &Writing<'_>, group: &str, next: Option<Time>) -> Result<(), Error> {
        let known = &self.known;
        let sql = "insert into notice_topic (subject, group_name, about, news, severity, opened, told_severity, told, steps,
                step_time, news_since, acknowledged, acknowledged_by, acknowledged_told, closed, closed_told, next)
            values (:subject, :group, :about, :news, :severity, :opened, :told_severity, :told, :steps,
                :step_time, :news_since, :acknowledged, :acknowledged_by, :acknowledged_told, :closed, :closed_told, :next)
            on conflict (subject, group_name) do update set about = :about, news = :news, severity = :severity,
                told_severity = :told_severity, told = :told, steps = :steps, step_time = :step_time, news_since = :news_since,
                acknowledged = :acknowledged, acknowledged_by = :acknowledged_by, acknowledged_told = :acknowledged_told,
                closed = :closed, closed_told = :closed_told, next = :next";
        let saved = w.connection().prepare_cached(sql).and_then(|mut statement| {
            statement.execute(named_params! {
                ":subject": self.about.subject,
                ":group": group,
                ":about": text(&self.about)?,
                ":news": text(&self.news)?,
                ":severity": known.severity as i64,
                ":opened": known.opened,
                ":told_severity": known.told_severity.map(|severity| severity as i64),
                ":told": known.told,
                ":steps": count(known.steps),
                ":step_time": known.step_time,
                ":news_since": known.news_since,
                ":acknowledged": known.acknowledged.map(|(time, _)| time),
                ":acknowledged_by": self.acknowledged_by,
                ":acknowledged_told": known.acknowledged.is_some_and(|(_, is_told)| is_told),
                ":closed": known.over.map(|(time, _)| time),
                ":closed_told": known.over.is_some_and(|(_, is_told)| is_told),
                ":next": next,
            })
        });
        w.tried(saved).map(drop)
    }
}

/// A group hears of something: the row of it is made or goes on, and is looked at as soon as there is time.
pub(super) fn hear(w: &Writing<'_>, now: Time, group: &str, least: Severity, what: &About) -> Result<(), Error> {
    let mut statement = w.tried(
        w.connection()
            .prepare_cached("select * from notice_topic where subject = ?1 and group_name = ?2"),
    )?;
    let found = w.tried(statement.query_row((&what.subject, group), Topic::read).optional())?;
    drop(statement);
    let topic = match found {
        Some(mut topic) => {
            topic.hear(what, now);
            topic
        }
        // What nobody was told of needn't be told to be over.
        None if what.severity < least || what.is_over => return Ok(()),
        None => Topic::new(what, now),
    };
    topic.save(w, group, Some(now))
}

/// Groups that have heard of something hear that it goes on.
pub(super) fn go_on(w: &Writing<'_>, now: Time, what: &About) -> Result<(), Error> {
    let mut statement = w.tried(
        w.connection()
            .prepare_cached("select group_name, * from notice_topic where subject = ?1"),
    )?;
    let rows = w.tried(statement.query_map([&what.subject], |row| Ok((row.get(0)?, Topic::read(row)?))))?;
    let topics: Vec<(String, Topic)> = rows.map(|row| w.tried(row)).collect::<Result<_, _>>()?;
    for (group, mut topic) in topics {
        topic.hear(what, now);
        topic.save(w, &group, Some(now))?;
    }
    Ok(())
}

/// The things of a group that are to be looked at, the worst first.
pub(super) fn to_look_at(w: &Writing<'_>, group: &str, now: Time, most: usize) -> Result<Vec<Topic>, Error> {
    let sql =
        "select * from notice_topic where group_name = ?1 and next <= ?2 order by severity desc, opened, id limit ?3";
    let mut statement = w.tried(w.connection().prepare_cached(sql))?;
    let rows = w.tried(statement.query_map((group, now, count(most)), Topic::read))?;
    rows.map(|row| w.tried(row)).collect()
}

/// Groups that have things to be looked at.
pub(super) fn groups_to_look_at(w: &Writing<'_>, now: Time) -> Result<Vec<String>, Error> {
    let sql = "select distinct group_name from notice_topic where next is not null and next <= ?1";
    let mut statement = w.tried(w.connection().prepare_cached(sql))?;
    let rows = w.tried(statement.query_map([now], |row| row.get(0)))?;
    rows.map(|row| w.tried(row)).collect()
}

/// Somebody looks after it. Whether anybody was told of it.
pub(super) fn acknowledge(w: &Writing<'_>, now: Time, who: &str, subject: &str) -> Result<bool, Error> {
    let sql = "update notice_topic set acknowledged = ?1, acknowledged_by = ?2, next = ?1 where subject = ?3 and acknowledged is null";
    let changed = w.tried(w.connection().execute(sql, (now, who, subject)))?;
    if changed > 0 {
        return Ok(true);
    }
    let sql = "select exists (select 1 from notice_topic where subject = ?1)";
    w.tried(w.connection().query_row(sql, [subject], |row| row.get(0)))
}

/// Nothing is left to do about it.
pub(super) fn close(w: &Writing<'_>, now: Time, subject: &str) -> Result<(), Error> {
    let sql = "update notice_topic set closed = ?1, next = ?1 where subject = ?2 and closed is null";
    w.tried(w.connection().execute(sql, (now, subject))).map(drop)
}

/// It isn't over after all: everybody is told anew, as of something new.
pub(super) fn reopen(w: &Writing<'_>, now: Time, subject: &str) -> Result<(), Error> {
    let sql = "update notice_topic set closed = null, closed_told = 0, acknowledged = null, acknowledged_by = null,
        acknowledged_told = 0, told = null, told_severity = null, steps = 0, step_time = null, opened = ?1, news_since = ?1, next = ?1
        where subject = ?2 and closed is not null";
    w.tried(w.connection().execute(sql, (now, subject))).map(drop)
}

/// The value of a column of severities. What isn't one is taken for the worst.
pub(super) fn severity(number: i64) -> Severity {
    match number {
        1 => Severity::Informational,
        2 => Severity::Low,
        3 => Severity::Medium,
        4 => Severity::High,
        _ => Severity::Critical,
    }
}

/// As SQLite counts.
pub(super) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A value as the JSON that a column holds.
pub(super) fn text(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// The value of a column that holds JSON.
pub(super) fn json<T: for<'de> Deserialize<'de>>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error)))
}

fn flagged(row: &Row<'_>, time: &str, flag: &str) -> rusqlite::Result<Option<(Time, bool)>> {
    let time: Option<Time> = row.get(time)?;
    let is_told = row.get(flag)?;
    Ok(time.map(|time| (time, is_told)))
}
