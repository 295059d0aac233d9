//! Which incident an alert belongs to.
//!
//! In this order: the open incident with the same story of logs; the one that concerns the same volume, host, identity and was
//! updated within a day; the open one about the same sort of thing that was updated within a minute, whatever it concerns (a storm
//! over many volumes is one incident); if the alert is severe enough, a new one, which takes along what was noticed about the same things in the hour
//! before. Drills have incidents of their own. Whatever else isn't severe stands alone.
//!
//! Invariant: what a batch of alerts changes is kept here and written down once, by [`Correlator::finish`].

use std::collections::{BTreeMap, HashMap};

use rusqlite::OptionalExtension;
use serde_json::json;

use super::change::subject;
use super::current::{Current, OPENS, listed, named};
use super::standing::{DRILL_CLASS, EntityKind, class};
use super::store::of;
use super::vocabulary::{Incident, IncidentId, IncidentState};
use crate::alert::{AlertId, Layer, NewAlert, Severity};
use crate::error::Error;
use crate::ledger::Writing;
use crate::people::Actor;
use crate::time::Time;

/// For how long after the last update an incident takes alerts about the same things.
const SAME_THING_MILLIS: i64 = 24 * 3_600_000;
/// The same for alerts of the same story of logs: those reach over weeks.
const SAME_STORY_MILLIS: i64 = 30 * SAME_THING_MILLIS;
/// For how long after the last update an incident takes alerts of the same sort about other things.
const STORM_MILLIS: i64 = 60_000;
/// From how long before an incident alerts are taken along.
const BEFORE_MILLIS: i64 = 3_600_000;
/// Alerts from before that are taken along, for each thing that the incident concerns.
const BEFORE_MAX: i64 = 100;

/// Joins the alerts of one batch into incidents.
#[derive(Debug, Default)]
pub(crate) struct Correlator {
    under_way: BTreeMap<IncidentId, UnderWay>,
    /// What is known about which incident concerns something, by whether drills are asked for.
    found: HashMap<(bool, EntityKind, String), Option<IncidentId>>,
    /// Alerts from before an incident that it took along.
    taken_along: HashMap<AlertId, IncidentId>,
    next: Option<IncidentId>,
}

#[derive(Debug)]
struct UnderWay {
    incident: Current,
    is_new: bool,
    before: Before,
    joined: Vec<AlertId>,
    is_touched: bool,
}

/// How it was before the batch.
#[derive(Clone, Copy, Debug)]
struct Before {
    state: IncidentState,
    severity: Severity,
}

/// What became of an incident in a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The incident as it is now.
    pub incident: Incident,
    /// Whether it was opened by this batch.
    pub is_new: bool,
    /// Whether it is worse than before.
    pub is_worse: bool,
    /// Whether its state changed, other than by being opened.
    pub is_turned: bool,
}

impl Correlator {
    /// The incident that a new alert belongs to, opened if need be.
    pub(crate) fn place(
        &mut self,
        w: &Writing<'_>,
        alert: &NewAlert,
        id: AlertId,
    ) -> Result<Option<IncidentId>, Error> {
        let is_drill = alert.layer == Layer::Drill;
        let class = class(alert);
        let mut found = self.by_thing(w, alert, is_drill)?;
        if found.is_none() && alert.severity >= OPENS {
            found = Some(match self.by_class(w, alert, &class)? {
                Some(incident) => incident,
                None => self.open(w, alert, class)?,
            });
        }
        let Some(incident) = found else { return Ok(None) };
        let is_opening = self
            .under_way
            .get(&incident)
            .is_some_and(|under_way| under_way.incident.alerts == 0);
        if is_opening {
            self.take_along(w, alert, id, incident)?;
        }
        self.join(alert, alert.time, incident, Some(id), is_drill);
        Ok(Some(incident))
    }

    /// An alert that belongs to an incident was noticed again.
    pub(crate) fn again(
        &mut self,
        w: &Writing<'_>,
        alert: &NewAlert,
        at: Time,
        incident: IncidentId,
    ) -> Result<(), Error> {
        if self.load(w, incident)? {
            self.join(alert, at, incident, None, alert.layer == Layer::Drill);
        }
        Ok(())
    }

    fn join(&mut self, alert: &NewAlert, at: Time, incident: IncidentId, id: Option<AlertId>, is_drill: bool) {
        let Some(under_way) = self.under_way.get_mut(&incident) else {
            return;
        };
        under_way.is_touched = true;
        under_way.incident.take(alert, at);
        if let Some(id) = id {
            under_way.incident.alerts += 1;
            under_way.joined.push(id);
        }
        for (kind, name) in named(alert) {
            self.found.insert((is_drill, kind, name), Some(incident));
        }
    }

    /// The open incident that concerns the same thing.
    fn by_thing(&mut self, w: &Writing<'_>, alert: &NewAlert, is_drill: bool) -> Result<Option<IncidentId>, Error> {
        for (kind, name) in named(alert) {
            let key = (is_drill, kind, name);
            let known = match self.found.get(&key) {
                Some(known) => *known,
                None => {
                    let known = look_up(w, kind, &key.2, alert.time, is_drill)?;
                    self.found.insert(key, known);
                    known
                }
            };
            if let Some(incident) = known
                && self.load(w, incident)?
            {
                return Ok(Some(incident));
            }
        }
        Ok(None)
    }

    /// The open incident of the same sort that is going on right now.
    fn by_class(&mut self, w: &Writing<'_>, alert: &NewAlert, class: &str) -> Result<Option<IncidentId>, Error> {
        let is_it = |under_way: &&UnderWay| {
            let apart = alert.time.millis_since(under_way.incident.updated).saturating_abs();
            under_way.incident.class == class && apart <= STORM_MILLIS
        };
        if let Some(under_way) = self.under_way.values().rev().find(is_it) {
            return Ok(Some(under_way.incident.id));
        }
        let (from, to) = (
            alert.time.plus_millis(-STORM_MILLIS),
            alert.time.plus_millis(STORM_MILLIS),
        );
        let sql = "select id from incident where closed is null and class = ?1 and updated between ?2 and ?3
                   order by updated desc limit 1";
        let mut statement = w.tried(w.connection().prepare_cached(sql))?;
        let found = w.tried(statement.query_row((class, from, to), |row| row.get(0)).optional())?;
        let Some(found) = found.map(IncidentId) else {
            return Ok(None);
        };
        Ok(self.load(w, found)?.then_some(found))
    }

    fn open(&mut self, w: &Writing<'_>, alert: &NewAlert, class: String) -> Result<IncidentId, Error> {
        let id = match self.next {
            Some(next) => next,
            None => {
                let newest = w
                    .connection()
                    .query_row("select coalesce(max(id), 0) from incident", [], |row| row.get(0));
                IncidentId(w.tried::<i64>(newest)? + 1)
            }
        };
        self.next = Some(IncidentId(id.0 + 1));
        let incident = Current::begun(id, class, alert);
        self.under_way.insert(id, UnderWay::begin(incident, true));
        Ok(id)
    }

    /// Has what is known of an incident at hand; false if there is none.
    fn load(&mut self, w: &Writing<'_>, id: IncidentId) -> Result<bool, Error> {
        if self.under_way.contains_key(&id) {
            return Ok(true);
        }
        let Some(incident) = w.tried(Current::load(w.connection(), id))? else {
            return Ok(false);
        };
        self.under_way.insert(id, UnderWay::begin(incident, false));
        Ok(true)
    }

    /// What was noticed about the same things shortly before, and led to nothing then; but for the alert itself, which has a row
    /// already if it was noticed before and is severe only now.
    fn take_along(
        &mut self,
        w: &Writing<'_>,
        alert: &NewAlert,
        id: AlertId,
        incident: IncidentId,
    ) -> Result<(), Error> {
        let is_drill = alert.layer == Layer::Drill;
        let since = alert.time.plus_millis(-BEFORE_MILLIS);
        // What belongs to a story of logs is told with its number from the beginning.
        for (kind, name) in named(alert).filter(|(kind, _)| *kind != EntityKind::Story) {
            for earlier in crate::alert::alone(w, kind, &name, since, BEFORE_MAX)? {
                if earlier.id != id && (earlier.noticed.layer == Layer::Drill) == is_drill {
                    crate::alert::set_incident(w, earlier.id, incident)?;
                    self.taken_along.insert(earlier.id, incident);
                    self.join(&earlier.noticed, earlier.last, incident, Some(earlier.id), is_drill);
                }
            }
        }
        Ok(())
    }

    /// The incident that took along an alert from before it.
    pub(crate) fn taken_along(&self, alert: AlertId) -> Option<IncidentId> {
        self.taken_along.get(&alert).copied()
    }

    /// Writes down what changed, with a record for each incident that did.
    pub(crate) fn finish(self, w: &mut Writing<'_>, now: Time) -> Result<Vec<Changed>, Error> {
        let touched = self.under_way.into_values().filter(|under_way| under_way.is_touched);
        let changed = touched.map(|under_way| under_way.finish(w, now));
        changed.filter_map(Result::transpose).collect()
    }
}

impl UnderWay {
    fn begin(incident: Current, is_new: bool) -> Self {
        let before = Before {
            state: incident.state,
            severity: incident.severity,
        };
        Self {
            incident,
            is_new,
            before,
            joined: Vec::new(),
            is_touched: is_new,
        }
    }

    /// Writes down what changed; `None` if it isn't there any more.
    fn finish(mut self, w: &mut Writing<'_>, now: Time) -> Result<Option<Changed>, Error> {
        let was = self.before.state;
        if matches!(self.incident.state, IncidentState::Open | IncidentState::Acknowledged)
            && self.incident.is_all_back()
        {
            self.incident.state = IncidentState::Recovered;
        }
        w.tried(self.incident.save(w.connection()))?;
        let Some(incident) = of(w, self.incident.id)? else {
            return Ok(None);
        };
        self.record(w, now, &incident)?;
        Ok(Some(Changed {
            is_new: self.is_new,
            is_worse: incident.severity > self.before.severity
                || (was == IncidentState::Recovered && incident.state != was),
            is_turned: incident.state != was,
            incident,
        }))
    }

    fn record(&self, w: &mut Writing<'_>, now: Time, incident: &Incident) -> Result<(), Error> {
        let actor = Actor::System("respond".to_owned());
        let subject = subject(incident.id);
        if self.is_new || !self.joined.is_empty() {
            let kind = if self.is_new {
                "incident.opened"
            } else {
                "incident.joined"
            };
            let body = json!({
                "title": incident.title, "severity": incident.severity, "score": incident.score,
                "score_parts": incident.score_parts, "alerts": listed(&self.joined), "alert_count": self.joined.len(),
            });
            w.record(now, &actor, kind, &subject, &body)?;
        }
        if incident.state == self.before.state {
            return Ok(());
        }
        let (kind, body) = match incident.state {
            IncidentState::Recovered if self.incident.class == DRILL_CLASS => {
                ("incident.recovered", json!({ "how": "a drill passed" }))
            }
            IncidentState::Recovered => ("incident.recovered", json!({ "how": "every volume was restored" })),
            _ => (
                "incident.reopened",
                json!({ "why": "something was noticed after it was recovered" }),
            ),
        };
        w.record(now, &actor, kind, &subject, &body).map(drop)
    }
}

/// The newest open incident that concerns something and was updated within a day, or within a month if it has the same story.
fn look_up(
    w: &Writing<'_>,
    kind: EntityKind,
    name: &str,
    at: Time,
    is_drill: bool,
) -> Result<Option<IncidentId>, Error> {
    let sql = "select incident.id from
                   (select incident from incident_entity where kind = ?1 and name = ?2 order by incident desc limit 100)
                   join incident on incident.id = incident
               where closed is null and updated between ?3 and ?4 and (class = ?5) = ?6 order by incident.id desc limit 1";
    let mut statement = w.tried(w.connection().prepare_cached(sql))?;
    let apart = match kind {
        EntityKind::Story => SAME_STORY_MILLIS,
        EntityKind::Volume | EntityKind::Host | EntityKind::Identity => SAME_THING_MILLIS,
    };
    let (from, to) = (at.plus_millis(-apart), at.plus_millis(apart));
    let found = statement.query_row((kind, name, from, to, DRILL_CLASS, is_drill), |row| row.get(0));
    Ok(w.tried(found.optional())?.map(IncidentId))
}
