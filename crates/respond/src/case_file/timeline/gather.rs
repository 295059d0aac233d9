//! Which records belong to an incident: those about it, its alerts, its actions, their requests for approval, and its notices.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::entry::{DiskEvent, Entry, Timeline};
use super::words::{from, sentence};
use crate::error::Error;
use crate::incident::IncidentId;
use crate::ledger::{Filter, Ledger, Record, Sequence};
use crate::page::PAGE_MAX;
use crate::time::Time;

/// Things of each kind that belong to an incident, at most: the first of them.
const THINGS_MAX: i64 = 5_000;
/// Records of each of them, at most: a page holds one more, which tells that there are more.
const RECORDS_EACH_MAX: usize = PAGE_MAX - 1;
/// Entries of a timeline, at most.
const ENTRIES_MAX: usize = 20_000;

/// What happened about an incident, with what happened to its disks (`disk`, in any order).
///
/// # Errors
/// When there is no such incident, or the ledger can't be read.
pub fn timeline(ledger: &Ledger, incident: IncidentId, disk: &[DiskEvent]) -> Result<Timeline, Error> {
    let seen = ledger.incident(incident)?.ok_or_else(|| Error::NotFound {
        what: "incident",
        name: incident.to_string(),
    })?;
    let mut records: BTreeSet<Sequence> = BTreeSet::new();
    let mut entries: Vec<(Time, Option<Sequence>, Entry)> = Vec::new();
    let mut left_out = 0_u64;
    for event in disk {
        if entries.len() >= ENTRIES_MAX {
            left_out += 1;
        } else {
            entries.push((event.time, None, of_disk(event)));
        }
    }
    let (subjects, unseen) = ledger.tried(subjects(ledger.connection(), incident))?;
    left_out += unseen;
    for subject in subjects {
        let filter = Filter {
            subject: Some(subject),
            ..Filter::default()
        };
        let mut of_subject = ledger.records(&filter, RECORDS_EACH_MAX + 1)?;
        left_out += u64::from(of_subject.len() > RECORDS_EACH_MAX);
        of_subject.truncate(RECORDS_EACH_MAX);
        for record in of_subject {
            if entries.len() >= ENTRIES_MAX {
                left_out += 1;
            } else if records.insert(record.sequence) {
                entries.push((record.time, Some(record.sequence), of_record(&record)));
            }
        }
    }
    // The ledger's order decides where times are the same.
    entries.sort_by(|(time, sequence, _), (other, other_sequence, _)| (time, sequence).cmp(&(other, other_sequence)));
    Ok(Timeline {
        incident,
        title: seen.title,
        entries: entries.into_iter().map(|(_, _, entry)| entry).collect(),
        left_out,
    })
}

fn of_record(record: &Record) -> Entry {
    let volume = record
        .body
        .get("volume")
        .or_else(|| record.body.pointer("/action/volume"));
    Entry {
        // An alert's record is written a moment after what it tells of.
        time: record
            .body
            .get("time")
            .and_then(|time| serde_json::from_value(time.clone()).ok())
            .unwrap_or(record.time),
        from: from(&record.kind).to_owned(),
        who: record.actor.to_string(),
        what: sentence(record),
        record: Some(record.sequence),
        volume: volume.and_then(|volume| volume.as_str()).map(str::to_owned),
    }
}

fn of_disk(event: &DiskEvent) -> Entry {
    Entry {
        time: event.time,
        from: "disk".to_owned(),
        who: "disk's history".to_owned(),
        what: format!("{}: {}", event.volume, event.text),
        record: None,
        volume: Some(event.volume.clone()),
    }
}

/// What records of the incident are about, and how many things are left out. Alerts come last: in a flood it is they that there is no room for,
/// and not what was done.
fn subjects(connection: &Connection, incident: IncidentId) -> rusqlite::Result<(Vec<String>, u64)> {
    let mut subjects = vec![format!("incident/{incident}")];
    let mut left_out = 0;
    let things = [
        ("action", "select id from action where incident = ?1 order by id"),
        (
            "approval",
            "select request from action where incident = ?1 and request is not null order by request",
        ),
        (
            "approval",
            "select id from approval_request where operation = 'send-letter' and subject in \
                     (select 'draft/' || id from draft where incident = ?1) order by id",
        ),
        (
            "notice",
            "select id from notice where subject = 'incident/' || ?1 order by id",
        ),
        ("alert", "select id from alert where incident = ?1 order by id"),
    ];
    for (name, question) in things {
        let mut statement = connection.prepare_cached(&format!("{question} limit {}", THINGS_MAX + 1))?;
        let found = statement.query_map([incident.0], |row| row.get::<_, i64>(0))?;
        let found: Vec<i64> = found.collect::<rusqlite::Result<_>>()?;
        left_out += u64::from(found.len() as i64 > THINGS_MAX);
        let kept = found.into_iter().take(usize::try_from(THINGS_MAX).unwrap_or(0));
        subjects.extend(kept.map(|id| format!("{name}/{id}")));
    }
    Ok((subjects, left_out))
}
