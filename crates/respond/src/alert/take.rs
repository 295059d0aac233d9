//! Recording alerts: what was noticed before, soon enough, is counted; everything else becomes a row and a record.
//!
//! An alert of logs that is no news to whoever was told of its story is added to the alert that told of it: a row and a record like any other, which
//! policies are asked about by itself, but no line in lists.
//!
//! Invariant: what a batch counts is kept here and written down once, by [`Taker::finish`].

use std::collections::{BTreeMap, HashMap};

use rusqlite::{OptionalExtension, params};
use serde_json::json;

use super::store::from_row;
use super::vocabulary::{ADDS_TO_STORY, Alert, AlertId, Layer, NewAlert, Parts, STORY, Severity, TELLS_STORY};
use crate::error::Error;
use crate::incident::{Changed, Correlator, EntityKind, IncidentId, OPENS};
use crate::ledger::Writing;
use crate::number;
use crate::people::Actor;
use crate::time::Time;

/// How soon the same thing counts as a repetition.
pub const SAME_MILLIS: i64 = 600_000;
/// Bytes of an alert's texts at most; what is longer is cut.
const KIND_BYTES_MAX: usize = 64;
const NAME_BYTES_MAX: usize = 256;
const TITLE_BYTES_MAX: usize = 256;
const TEXT_BYTES_MAX: usize = 8 << 10;
/// Bytes of an alert's facts at most; what is larger is left out.
const FACTS_BYTES_MAX: usize = 32 << 10;
const HOUR_MILLIS: i64 = 3_600_000;

/// What makes two alerts the same. Whoever attacks chooses what logs show: one finding mustn't pass for a repetition of another, which only the
/// title tells apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Same {
    layer: Layer,
    kind: String,
    volume: Option<String>,
    host: Option<String>,
    identity: Option<String>,
    /// Of what logs show.
    title: Option<String>,
}

/// An alert of this batch, or one that it repeats.
#[derive(Debug)]
struct Known {
    alert: Alert,
    /// How often it was noticed before this batch; 0 if it is new.
    count_before: u64,
    severity_before: Severity,
}

/// An alert that a batch brought or repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The alert as it is now.
    pub alert: Alert,
    /// Whether it is new, or worse than before.
    pub is_news: bool,
}

/// Takes a batch of alerts.
#[derive(Debug)]
pub(crate) struct Taker {
    known: Vec<Known>,
    by_same: HashMap<Same, usize>,
    correlator: Correlator,
    /// The alerts that told of stories, by incident and story.
    heads: HashMap<(IncidentId, String), Option<AlertId>>,
    next: AlertId,
}

impl Taker {
    pub(crate) fn begin(w: &Writing<'_>) -> Result<Self, Error> {
        let newest = w
            .connection()
            .query_row("select coalesce(max(id), 0) from alert", [], |row| row.get::<_, i64>(0));
        Ok(Self {
            known: Vec::new(),
            by_same: HashMap::new(),
            correlator: Correlator::default(),
            heads: HashMap::new(),
            next: AlertId(w.tried(newest)? + 1),
        })
    }

    /// Takes one alert.
    pub(crate) fn take(&mut self, w: &mut Writing<'_>, now: Time, alert: NewAlert) -> Result<(), Error> {
        let alert = bounded(alert);
        let same = Same {
            layer: alert.layer,
            kind: alert.kind.clone(),
            volume: alert.volume.clone(),
            host: alert.host.clone(),
            identity: alert.identity.clone(),
            title: told_apart_by(&alert).map(str::to_owned),
        };
        let index = match self.by_same.get(&same) {
            Some(index) => Some(*index),
            None => self.look_up(w, &alert)?,
        };
        if let Some(index) = index
            && let Some(known) = self.known.get_mut(index)
            && is_soon(&known.alert, alert.time)
        {
            self.by_same.insert(same, index);
            return repeat(&mut self.correlator, w, known, &alert);
        }
        self.by_same.insert(same, self.known.len());
        self.add(w, now, alert)
    }

    /// The alert that this one may repeat, if it isn't part of an incident that is done with: then it is news.
    fn look_up(&mut self, w: &Writing<'_>, alert: &NewAlert) -> Result<Option<usize>, Error> {
        let sql = "select alert.id, alert.time, last, count, layer, kind, alert.severity, volume, host, identity, alert.title,
                       text, facts, incident, part_of, parts, parts_last
                   from alert left join incident on incident.id = alert.incident
                   where layer = ?1 and kind = ?2 and volume is ?3 and host is ?4 and identity is ?5
                       and last between ?6 and ?7 and closed is null and (?8 is null or alert.title = ?8)
                   order by last desc limit 1";
        let mut statement = w.tried(w.connection().prepare_cached(sql))?;
        let (from, to) = (
            alert.time.plus_millis(-SAME_MILLIS),
            alert.time.plus_millis(SAME_MILLIS),
        );
        let NewAlert {
            layer,
            kind,
            volume,
            host,
            identity,
            ..
        } = alert;
        let title = told_apart_by(alert);
        let found = statement.query_row((layer, kind, volume, host, identity, from, to, title), from_row);
        let Some(alert) = w.tried(found.optional())? else {
            return Ok(None);
        };
        self.known.push(Known {
            count_before: alert.count,
            severity_before: alert.noticed.severity,
            alert,
        });
        Ok(Some(self.known.len() - 1))
    }

    fn add(&mut self, w: &mut Writing<'_>, now: Time, noticed: NewAlert) -> Result<(), Error> {
        let id = self.next;
        self.next = AlertId(id.0 + 1);
        let incident = self.correlator.place(w, &noticed, id)?;
        let alert = Alert {
            id,
            last: noticed.time,
            part_of: self.head(w, &noticed, incident)?,
            noticed,
            count: 1,
            incident,
            parts: Parts::default(),
        };
        // Numbers and strings only.
        let facts = serde_json::to_string(&alert.noticed.facts).unwrap_or_default();
        let sql = "insert into alert (id, time, last, count, layer, kind, severity, volume, host, identity, title, text, facts,
                       incident, part_of)
                   values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
        let added = w.connection().prepare_cached(sql);
        let noticed = &alert.noticed;
        let added = added.and_then(|mut statement| {
            statement.execute(params![
                id.0,
                noticed.time,
                alert.last,
                number::stored(alert.count),
                noticed.layer,
                noticed.kind,
                noticed.severity,
                noticed.volume,
                noticed.host,
                noticed.identity,
                noticed.title,
                noticed.text,
                facts,
                incident.map(|incident| incident.0),
                alert.part_of.map(|head| head.0),
            ])
        });
        w.tried(added)?;
        let actor = Actor::System(alert.noticed.layer.name().to_owned());
        w.record(now, &actor, "alert.noticed", &subject(id), &alert)?;
        self.known.push(Known {
            count_before: 0,
            severity_before: alert.noticed.severity,
            alert,
        });
        Ok(())
    }

    /// The alert that told of the story which this one adds to, as long as somebody may be looking after its incident: what comes after that
    /// was recovered or closed stands by itself.
    fn head(
        &mut self,
        w: &Writing<'_>,
        alert: &NewAlert,
        incident: Option<IncidentId>,
    ) -> Result<Option<AlertId>, Error> {
        let is = |fact: &str| alert.facts.get(fact) == Some(&json!(true));
        let (Some(incident), Some(story)) = (incident, alert.facts.get(STORY)) else {
            return Ok(None);
        };
        if alert.layer != Layer::Threat || !is(ADDS_TO_STORY) {
            return Ok(None);
        }
        let key = (incident, story.to_string());
        if let Some(known) = self.heads.get(&key) {
            return Ok(*known);
        }
        // An incident that this batch opened isn't written down yet.
        let sql = format!(
            "select alert.id from alert left join incident on incident.id = alert.incident
             where incident = ?1 and coalesce(state, 'open') in ('open', 'acknowledged') and part_of is null and layer = 'threat'
                 and facts ->> '{STORY}' = ?2 and facts ->> '{TELLS_STORY}' order by alert.id limit 1"
        );
        let mut statement = w.tried(w.connection().prepare_cached(&sql))?;
        let found = statement.query_row((incident.0, story.as_u64().map(number::stored)), |row| row.get(0));
        let head = w.tried(found.optional())?.map(AlertId);
        self.heads.insert(key, head);
        Ok(head)
    }

    /// Writes down what was counted, and what became of incidents.
    pub(crate) fn finish(self, w: &mut Writing<'_>, now: Time) -> Result<(Vec<Taken>, Vec<Changed>), Error> {
        let mut taken = Vec::with_capacity(self.known.len());
        let mut hours = HashMap::<(i64, Severity), (u64, u64)>::new();
        let mut heads = BTreeMap::<AlertId, Parts>::new();
        for known in self.known {
            let Known {
                mut alert,
                count_before,
                severity_before,
            } = known;
            alert.incident = alert.incident.or_else(|| self.correlator.taken_along(alert.id));
            let is_new = count_before == 0;
            if alert.count == count_before {
                continue;
            }
            if let Some(head) = alert.part_of {
                let parts = heads.entry(head).or_default();
                parts.count += u64::from(is_new);
                parts.last = parts.last.max(Some(alert.last));
            }
            let noticed = &alert.noticed;
            let hour = hours
                .entry((alert.last.unix_millis().div_euclid(HOUR_MILLIS), noticed.severity))
                .or_default();
            hour.0 += alert.count - count_before;
            hour.1 += u64::from(is_new && is_stopped_attack(noticed));
            if alert.count > 1 {
                let incident = alert.incident.map(|incident| incident.0);
                let counted = w.connection().prepare_cached(
                    "update alert set last = ?2, count = ?3, severity = ?4, incident = ?5 where id = ?1",
                );
                let counted = counted.and_then(|mut statement| {
                    statement.execute((
                        alert.id.0,
                        alert.last,
                        number::stored(alert.count),
                        noticed.severity,
                        incident,
                    ))
                });
                w.tried(counted)?;
            }
            let is_worse = noticed.severity > severity_before;
            let is_milestone = alert.count.ilog2() > count_before.max(1).ilog2();
            if is_worse || is_milestone {
                let actor = Actor::System(noticed.layer.name().to_owned());
                let body = json!({ "count": alert.count, "last": alert.last, "severity": noticed.severity, "incident": alert.incident });
                w.record(now, &actor, "alert.repeated", &subject(alert.id), &body)?;
            }
            taken.push(Taken {
                is_news: is_new || is_worse,
                alert,
            });
        }
        add_hours(w, &hours)?;
        add_parts(w, &heads)?;
        let changed = self.correlator.finish(w, now)?;
        Ok((taken, changed))
    }
}

/// The title, of what logs show: of the other layers the kind tells what it is.
fn told_apart_by(alert: &NewAlert) -> Option<&str> {
    (alert.layer == Layer::Threat).then_some(&alert.title)
}

/// Whether something is noticed soon enough after an alert to be a repetition of it.
fn is_soon(alert: &Alert, time: Time) -> bool {
    time.millis_since(alert.last).saturating_abs() <= SAME_MILLIS
}

/// The same was noticed again.
fn repeat(correlator: &mut Correlator, w: &Writing<'_>, known: &mut Known, alert: &NewAlert) -> Result<(), Error> {
    let Alert {
        id,
        noticed,
        last,
        count,
        incident,
        ..
    } = &mut known.alert;
    *count = count.saturating_add(1);
    *last = alert.time.max(*last);
    noticed.severity = noticed.severity.max(alert.severity);
    *incident = incident.or_else(|| correlator.taken_along(*id));
    match *incident {
        Some(incident) => correlator.again(w, noticed, *last, incident),
        None if alert.severity >= OPENS => {
            *incident = correlator.place(w, noticed, *id)?;
            Ok(())
        }
        None => Ok(()),
    }
}

fn add_hours(w: &Writing<'_>, hours: &HashMap<(i64, Severity), (u64, u64)>) -> Result<(), Error> {
    let sql = "insert into alert_hour (hour, severity, noticed, stopped) values (?1, ?2, ?3, ?4)
               on conflict (hour, severity) do update set noticed = noticed + ?3, stopped = stopped + ?4";
    let mut statement = w.tried(w.connection().prepare_cached(sql))?;
    for ((hour, severity), (noticed, stopped)) in hours {
        w.tried(statement.execute((hour, severity, number::stored(*noticed), number::stored(*stopped))))?;
    }
    Ok(())
}

fn add_parts(w: &Writing<'_>, heads: &BTreeMap<AlertId, Parts>) -> Result<(), Error> {
    let sql = "update alert set parts = parts + ?2, parts_last = max(coalesce(parts_last, ?3), ?3) where id = ?1";
    let mut statement = w.tried(w.connection().prepare_cached(sql))?;
    for (head, parts) in heads {
        w.tried(statement.execute((head.0, number::stored(parts.count), parts.last)))?;
    }
    Ok(())
}

/// Whether an alert tells of an attack that was stopped.
fn is_stopped_attack(alert: &NewAlert) -> bool {
    alert.layer == Layer::Guard && matches!(alert.kind.as_str(), "fenced" | "diverted")
}

/// The newest alerts about something that belong to no incident, noticed since a time.
pub(crate) fn alone(
    w: &Writing<'_>,
    kind: EntityKind,
    name: &str,
    since: Time,
    most: i64,
) -> Result<Vec<Alert>, Error> {
    let column = kind.name();
    let columns = super::store::COLUMNS;
    let sql = format!(
        "select {columns} from (select {columns} from alert where {column} = ?1 order by id desc limit ?3)
         where incident is null and last >= ?2 order by id"
    );
    let mut statement = w.tried(w.connection().prepare_cached(&sql))?;
    let rows = statement.query_map((name, since, most), from_row);
    w.tried(rows.and_then(Iterator::collect))
}

/// An alert belongs to an incident from now on.
pub(crate) fn set_incident(w: &Writing<'_>, alert: AlertId, incident: IncidentId) -> Result<(), Error> {
    let statement = w
        .connection()
        .prepare_cached("update alert set incident = ?2 where id = ?1");
    let set = statement.and_then(|mut statement| statement.execute((alert.0, incident.0)));
    w.tried(set).map(drop)
}

/// How records name an alert.
fn subject(id: AlertId) -> String {
    format!("alert/{id}")
}

/// An alert that fits into its row: texts are cut, facts that are too large are left out.
fn bounded(mut alert: NewAlert) -> NewAlert {
    cut(&mut alert.kind, KIND_BYTES_MAX);
    cut(&mut alert.title, TITLE_BYTES_MAX);
    cut(&mut alert.text, TEXT_BYTES_MAX);
    for name in [&mut alert.volume, &mut alert.host, &mut alert.identity]
        .into_iter()
        .flatten()
    {
        cut(name, NAME_BYTES_MAX);
    }
    let bytes = serde_json::to_string(&alert.facts).map_or(usize::MAX, |facts| facts.len());
    if bytes > FACTS_BYTES_MAX {
        alert.facts.clear();
        alert
            .facts
            .insert("left_out".to_owned(), json!(format!("{bytes} bytes of facts")));
    }
    alert
}

fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        let end = (0..=most).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
    }
}
