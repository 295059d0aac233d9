//! An incident as it is while alerts join it: loaded, changed, scored and saved.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};

use super::score::{self, DrillState};
use super::standing::{DRILL_CLASS, EntityKind, Standing};
use super::store::entities;
use super::vocabulary::{IncidentId, IncidentState, ScorePart};
use crate::alert::{AlertId, Layer, NewAlert, STORY, Severity};
use crate::number;
use crate::time::Time;

/// What an incident concerns at most; more isn't listed, but still counted among its alerts.
const ENTITIES_MAX: usize = 4096;
/// Names that a title has.
const NAMED_MAX: usize = 3;
/// Volumes whose drills are looked up for a score.
const DRILLS_LOOKED_UP: usize = 20;

/// An incident under way.
#[derive(Debug)]
pub(crate) struct Current {
    pub(super) id: IncidentId,
    pub(super) class: String,
    /// The title of its worst alert.
    pub(super) what: String,
    pub(super) state: IncidentState,
    pub(super) severity: Severity,
    pub(super) layers: Vec<Layer>,
    pub(super) began: Time,
    pub(super) updated: Time,
    pub(super) alerts: u64,
    pub(super) entities: BTreeMap<(EntityKind, String), Standing>,
    /// Entities whose standing isn't saved yet.
    unsaved: Vec<(EntityKind, String)>,
}

impl Current {
    /// One that an alert opens.
    pub(super) fn begun(id: IncidentId, class: String, alert: &NewAlert) -> Self {
        Self {
            id,
            class,
            what: alert.title.clone(),
            state: IncidentState::Open,
            severity: alert.severity,
            layers: Vec::new(),
            began: alert.time,
            updated: alert.time,
            alerts: 0,
            entities: BTreeMap::new(),
            unsaved: Vec::new(),
        }
    }

    /// One that isn't done with.
    pub(super) fn load(connection: &Connection, id: IncidentId) -> rusqlite::Result<Option<Self>> {
        let mut statement = connection.prepare_cached(
            "select class, what, state, severity, layers, began, updated, alerts from incident where id = ?1",
        )?;
        let found = statement.query_row([id.0], |row| {
            let layers: String = row.get(4)?;
            Ok(Self {
                id,
                class: row.get(0)?,
                what: row.get(1)?,
                state: row.get(2)?,
                severity: row.get(3)?,
                // Written by us; whatever else it is tells nothing.
                layers: serde_json::from_str(&layers).unwrap_or_default(),
                began: row.get(5)?,
                updated: row.get(6)?,
                alerts: number::read(row.get(7)?),
                entities: BTreeMap::new(),
                unsaved: Vec::new(),
            })
        });
        let Some(mut current) = found.optional()? else {
            return Ok(None);
        };
        let entities = entities(connection, id)?;
        current.entities = entities
            .into_iter()
            .map(|(kind, name, standing)| ((kind, name), standing))
            .collect();
        Ok(Some(current))
    }

    /// An alert joins it, or one that belongs to it was noticed again.
    pub(super) fn take(&mut self, alert: &NewAlert, at: Time) {
        if alert.severity > self.severity {
            self.severity = alert.severity;
            self.what.clone_from(&alert.title);
        }
        if !self.layers.contains(&alert.layer) {
            self.layers.push(alert.layer);
        }
        self.began = self.began.min(alert.time);
        self.updated = self.updated.max(at);
        let said = Standing::said_by(alert);
        for (kind, name) in named(alert) {
            let key = (kind, name);
            let known = self.entities.get(&key).copied();
            let standing = match (known, said.filter(|_| kind == EntityKind::Volume)) {
                (Some(known), Some(said)) => known.then(said),
                (Some(known), None) => known,
                (None, said) => Standing::Concerned.then(said.unwrap_or(Standing::Concerned)),
            };
            if known == Some(standing) || (known.is_none() && self.entities.len() >= ENTITIES_MAX) {
                continue;
            }
            self.entities.insert(key.clone(), standing);
            self.unsaved.push(key);
        }
        if alert.severity >= OPENS && self.state == IncidentState::Recovered && said != Some(Standing::Recovered) {
            self.state = IncidentState::Open;
        }
    }

    /// Whether everything that was damaged is back, by what was heard of it.
    pub(super) fn is_all_back(&self) -> bool {
        let mut damaged = self
            .volumes()
            .filter(|(_, standing)| self.class == DRILL_CLASS || *standing != Standing::Concerned);
        let mut count = 0;
        damaged.all(|(_, standing)| {
            count += 1;
            standing == Standing::Recovered
        }) && count > 0
    }

    /// Its volumes, by name.
    pub(super) fn volumes(&self) -> impl Iterator<Item = (&str, Standing)> {
        let volumes = self
            .entities
            .iter()
            .filter(|((kind, _), _)| *kind == EntityKind::Volume);
        volumes.map(|((_, name), standing)| (name.as_str(), *standing))
    }

    fn names(&self, wanted: EntityKind) -> Vec<&str> {
        let all = self.entities.keys().filter(|(kind, _)| *kind == wanted);
        all.map(|(_, name)| name.as_str()).collect()
    }

    /// What it is and what it concerns: "Encryption recognised on `a`, `b` and 7 others".
    pub(super) fn title(&self) -> String {
        let kinds = [EntityKind::Volume, EntityKind::Host, EntityKind::Identity];
        let names = kinds
            .map(|kind| self.names(kind))
            .into_iter()
            .find(|names| !names.is_empty());
        let Some(names) = names else { return self.what.clone() };
        let quoted: Vec<String> = names.iter().take(NAMED_MAX).map(|name| format!("`{name}`")).collect();
        let others = names.len().saturating_sub(quoted.len());
        let named = match (quoted.as_slice(), others) {
            ([only], 0) => only.clone(),
            ([first @ .., last], 0) => format!("{} and {last}", first.join(", ")),
            (all, 1) => format!("{} and 1 other", all.join(", ")),
            (all, others) => format!("{} and {others} others", all.join(", ")),
        };
        format!("{}: {named}", self.what)
    }

    /// Its score, and why.
    pub(super) fn score(&self, connection: &Connection) -> rusqlite::Result<(u32, Vec<ScorePart>)> {
        let mut drills = Vec::new();
        let encrypted = self.volumes().filter(|(_, standing)| *standing != Standing::Concerned);
        for (volume, _) in encrypted.take(DRILLS_LOOKED_UP) {
            drills.push((volume, last_drill(connection, volume)?));
        }
        Ok(score::parts(self, &drills))
    }

    /// Writes down everything that can change by alerts.
    pub(super) fn save(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let (score, parts) = self.score(connection)?;
        let (parts, layers) = (json_text(&parts), json_text(&self.layers));
        let mut statement = connection.prepare_cached(
            "insert into incident (id, class, what, title, state, severity, score, score_parts, layers, began, updated, alerts)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             on conflict (id) do update set what = ?3, title = ?4, state = ?5, severity = ?6, score = ?7, score_parts = ?8,
             layers = ?9, began = ?10, updated = ?11, alerts = ?12",
        )?;
        statement.execute((
            self.id.0,
            &self.class,
            &self.what,
            self.title(),
            self.state,
            self.severity,
            score,
            parts,
            layers,
            self.began,
            self.updated,
            number::stored(self.alerts),
        ))?;
        let mut statement = connection.prepare_cached(
            "insert into incident_entity (kind, name, incident, standing) values (?1, ?2, ?3, ?4)
             on conflict (kind, name, incident) do update set standing = ?4",
        )?;
        for key in std::mem::take(&mut self.unsaved) {
            if let Some(standing) = self.entities.get(&key) {
                statement.execute((key.0, &key.1, self.id.0, standing))?;
            }
        }
        Ok(())
    }
}

/// From this severity on, an alert opens an incident alone.
pub const OPENS: Severity = Severity::High;

/// What an alert names.
pub(super) fn named(alert: &NewAlert) -> impl Iterator<Item = (EntityKind, String)> {
    let story = alert.facts.get(STORY).filter(|_| alert.layer == Layer::Threat);
    // First what was joined for better reasons than a name in common.
    let named = [
        (EntityKind::Story, story.map(ToString::to_string)),
        (EntityKind::Volume, alert.volume.clone()),
        (EntityKind::Host, alert.host.clone()),
        (EntityKind::Identity, alert.identity.clone()),
    ];
    named.into_iter().filter_map(|(kind, name)| Some((kind, name?)))
}

/// How the last drill on a volume went.
fn last_drill(connection: &Connection, volume: &str) -> rusqlite::Result<DrillState> {
    let mut statement = connection.prepare_cached(
        "select max(last) from alert where layer = 'drill' and kind = ?1 and volume = ?2 and host is null and identity is null",
    )?;
    let mut last = |kind| statement.query_row((kind, volume), |row| row.get::<_, Option<i64>>(0));
    let (passed, failed) = (last("drill-passed")?, last("drill-failed")?);
    Ok(match (passed, failed) {
        (None, None) => DrillState::Unknown,
        (passed, failed) if passed > failed => DrillState::Passed,
        _ => DrillState::Failed,
    })
}

fn json_text(value: &impl serde::Serialize) -> String {
    // Numbers and strings only.
    serde_json::to_string(value).unwrap_or_default()
}

/// How records list alerts: the first ones by number.
pub(super) fn listed(alerts: &[AlertId]) -> &[AlertId] {
    alerts.get(..100).unwrap_or(alerts)
}
