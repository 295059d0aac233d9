//! Incidents in the ledger: the tables, and questions about them.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, params_from_iter};

use super::filter::Filter;
use super::standing::{EntityKind, Standing};
use super::vocabulary::{Incident, IncidentId};
use crate::error::Error;
use crate::ledger::{Ledger, Writing};
use crate::number;
use crate::page::Page;

/// Tables of this part. `what` is the title of the worst alert, from which the incident's is made; `class` groups what alerts
/// are about, `layers` is a JSON list. `standing` says what became of a volume.
pub(crate) const SCHEMA: &str = "
    create table incident (
        id integer primary key,
        class text not null,
        what text not null,
        title text not null,
        state text not null,
        severity integer not null,
        score integer not null,
        score_parts text not null,
        layers text not null,
        began integer not null,
        updated integer not null,
        closed integer,
        alerts integer not null,
        assigned text
    ) strict;
    create index incident_open on incident (id) where closed is null;
    create index incident_open_severity on incident (severity) where closed is null;
    create index incident_open_class on incident (class, updated) where closed is null;
    create table incident_entity (
        kind text not null,
        name text not null,
        incident integer not null,
        standing text not null,
        primary key (kind, name, incident)
    ) strict, without rowid;
    create index incident_entity_of on incident_entity (incident, kind, name, standing);
";

/// Rows that a question looks at, at most.
const LOOKED_AT_MAX: usize = 200_000;
/// Volumes, hosts and identities of each incident that are listed, at most.
const ENTITIES_MAX: i64 = 4096;
const COLUMNS: &str = "id, title, state, severity, score, score_parts, began, updated, closed, alerts, assigned";

impl Ledger {
    /// Incidents that a filter lets through, newest first.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn incidents(&self, filter: &Filter, page: Page) -> Result<Vec<Incident>, Error> {
        let (sql, values) = question(filter, page);
        let mut statement = self.tried(self.connection().prepare_cached(&sql))?;
        let rows = statement.query_map(params_from_iter(&values), from_row);
        let mut incidents: Vec<Incident> = self.tried(rows.and_then(Iterator::collect))?;
        for incident in &mut incidents {
            self.tried(add_entities(self.connection(), incident))?;
        }
        Ok(incidents)
    }

    /// Of the incidents that aren't done with, the one with the highest score, without what it concerns; the newest of several.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn worst_incident(&self) -> Result<Option<Incident>, Error> {
        let sql = format!("select {COLUMNS} from incident where closed is null order by score desc, id desc limit 1");
        let mut statement = self.tried(self.connection().prepare_cached(&sql))?;
        self.tried(statement.query_row([], from_row).optional())
    }

    /// One incident.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn incident(&self, id: IncidentId) -> Result<Option<Incident>, Error> {
        self.tried(by_id(self.connection(), id))
    }
}

/// One incident, as this transaction left it.
pub(crate) fn of(w: &Writing<'_>, id: IncidentId) -> Result<Option<Incident>, Error> {
    w.tried(by_id(w.connection(), id))
}

fn by_id(connection: &rusqlite::Connection, id: IncidentId) -> rusqlite::Result<Option<Incident>> {
    let sql = format!("select {COLUMNS} from incident where id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_row([id.0], from_row).optional()?;
    found
        .map(|mut incident| add_entities(connection, &mut incident).map(|()| incident))
        .transpose()
}

fn question(filter: &Filter, page: Page) -> (String, Vec<Value>) {
    let mut values: Vec<Value> = vec![page.below().into(), page.limit().into()];
    let mut name = |value: Value| {
        values.push(value);
        format!("?{}", values.len())
    };
    let mut narrow = vec!["id < ?1".to_owned()];
    if filter.open_only {
        narrow.push("closed is null".to_owned());
    }
    let entities = [
        (EntityKind::Identity, &filter.identity),
        (EntityKind::Host, &filter.host),
        (EntityKind::Volume, &filter.volume),
    ];
    for (kind, entity) in entities {
        if let Some(entity) = entity {
            let entity = name(entity.clone().into());
            let kind = kind.name();
            narrow.push(format!(
                "id in (select incident from incident_entity where kind = '{kind}' and name = {entity})"
            ));
        }
    }
    let mut others = Vec::new();
    if let Some(since) = filter.since {
        others.push(format!("updated >= {}", name(since.unix_millis().into())));
    }
    if let Some(until) = filter.until {
        others.push(format!("began <= {}", name(until.unix_millis().into())));
    }
    let narrow = narrow.join(" and ");
    let sql = if others.is_empty() {
        format!("select {COLUMNS} from incident where {narrow} order by id desc limit ?2")
    } else {
        format!(
            "select {COLUMNS} from (select {COLUMNS} from incident where {narrow} order by id desc limit {LOOKED_AT_MAX}) \
             where {} order by id desc limit ?2",
            others.join(" and ")
        )
    };
    (sql, values)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Incident> {
    let parts: String = row.get(5)?;
    let assigned: Option<String> = row.get(10)?;
    Ok(Incident {
        id: IncidentId(row.get(0)?),
        title: row.get(1)?,
        state: row.get(2)?,
        severity: row.get(3)?,
        score: row.get(4)?,
        // Written by us; whatever else it is tells nothing.
        score_parts: serde_json::from_str(&parts).unwrap_or_default(),
        began: row.get(6)?,
        updated: row.get(7)?,
        closed: row.get(8)?,
        volumes: Vec::new(),
        hosts: Vec::new(),
        identities: Vec::new(),
        alerts: number::read(row.get(9)?),
        assigned: assigned.and_then(|actor| serde_json::from_str(&actor).ok()),
    })
}

fn add_entities(connection: &rusqlite::Connection, incident: &mut Incident) -> rusqlite::Result<()> {
    for (kind, name, _) in entities(connection, incident.id)? {
        match kind {
            EntityKind::Volume => incident.volumes.push(name),
            EntityKind::Host => incident.hosts.push(name),
            EntityKind::Identity => incident.identities.push(name),
            EntityKind::Story => {}
        }
    }
    Ok(())
}

/// What an incident concerns, by kind and name.
pub(super) fn entities(
    connection: &rusqlite::Connection,
    id: IncidentId,
) -> rusqlite::Result<Vec<(EntityKind, String, Standing)>> {
    let mut statement = connection.prepare_cached(
        "select kind, name, standing from incident_entity where incident = ?1 order by kind, name limit ?2",
    )?;
    let rows = statement.query_map((id.0, ENTITIES_MAX), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}
