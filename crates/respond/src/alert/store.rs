//! Alerts in the ledger: the table, and questions about it.

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use super::filter::{Filter, Which};
use super::vocabulary::{Alert, AlertId, Layer, NewAlert, Parts, Severity};
use crate::error::Error;
use crate::incident::IncidentId;
use crate::ledger::Ledger;
use crate::number;
use crate::page::Page;
use crate::time::Time;

/// Tables of this part. `alert_same` finds what an alert may be a repetition of; the others serve filters. `alert_hour` counts,
/// so that nobody has to count rows; `alert_day` is what is left of alerts that were rolled up.
pub(crate) const SCHEMA: &str = "
    create table alert (
        id integer primary key,
        time integer not null,
        last integer not null,
        count integer not null,
        layer text not null,
        kind text not null,
        severity integer not null,
        volume text,
        host text,
        identity text,
        title text not null,
        text text not null,
        facts text not null,
        incident integer,
        part_of integer,
        parts integer not null default 0,
        parts_last integer
    ) strict;
    create index alert_part on alert (part_of) where part_of is not null;
    create index alert_same on alert (layer, kind, volume, host, identity, last);
    create index alert_volume on alert (volume) where volume is not null;
    create index alert_host on alert (host) where host is not null;
    create index alert_identity on alert (identity) where identity is not null;
    create index alert_incident on alert (incident) where incident is not null;
    create index alert_severe on alert (id) where severity >= 4;
    create index alert_last on alert (last);
    create table alert_hour (
        hour integer not null,
        severity integer not null,
        noticed integer not null,
        stopped integer not null,
        primary key (hour, severity)
    ) strict, without rowid;
    create table alert_day (
        day integer not null,
        layer text not null,
        kind text not null,
        severity integer not null,
        volume text not null,
        alerts integer not null,
        noticed integer not null,
        primary key (day, layer, kind, severity, volume)
    ) strict, without rowid;
";

/// Rows that a question looks at, at most, beyond those that it finds by an index: with several conditions at once, alerts
/// behind so many that meet the first of them aren't found.
const LOOKED_AT_MAX: usize = 200_000;
/// The columns of an alert.
pub(super) const COLUMNS: &str = "id, time, last, count, layer, kind, severity, volume, host, identity, title, text, facts, incident, part_of, parts, parts_last";

/// What a ledger of version 1 lacks of these.
pub(crate) const FROM_1: &str = "
    alter table alert add column part_of integer;
    alter table alert add column parts integer not null default 0;
    alter table alert add column parts_last integer;
    create index alert_part on alert (part_of) where part_of is not null;
";

impl Ledger {
    /// Alerts that a filter lets through, newest first. With several conditions, the newest 200,000 are looked at that meet
    /// the narrowest of them.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn alerts(&self, filter: &Filter, page: Page) -> Result<Vec<Alert>, Error> {
        let question = Question::of(filter, page);
        let mut statement = self.tried(self.connection().prepare_cached(&question.sql))?;
        let rows = statement.query_map(params_from_iter(&question.values), from_row);
        self.tried(rows.and_then(Iterator::collect))
    }

    /// An incident's newest alerts.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn newest_alerts_of(&self, incident: IncidentId, most: usize) -> Result<Vec<Alert>, Error> {
        let filter = Filter {
            incident: Some(incident),
            ..Filter::default()
        };
        self.alerts(&filter, Page::newest(most))
    }

    /// Whether one of these kinds of things was noticed about a volume at a time or later.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn is_noticed(&self, layer: Layer, kinds: &[&str], volume: &str, since: Time) -> Result<bool, Error> {
        let sql = "select exists (select 1 from alert where layer = ?1 and kind = ?2 and volume = ?3 and last >= ?4)";
        let mut statement = self.tried(self.connection().prepare_cached(sql))?;
        for kind in kinds {
            let found = statement.query_row((layer, kind, volume, since), |row| row.get(0));
            if self.tried(found)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// One alert.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn alert(&self, id: AlertId) -> Result<Option<Alert>, Error> {
        let sql = format!("select {COLUMNS} from alert where id = ?1");
        let mut statement = self.tried(self.connection().prepare_cached(&sql))?;
        let mut rows = self.tried(statement.query_map([id.0], from_row))?;
        self.tried(rows.next().transpose())
    }
}

/// A filter as SQL.
struct Question {
    sql: String,
    values: Vec<Value>,
}

impl Question {
    fn of(filter: &Filter, page: Page) -> Self {
        let mut question = Self {
            sql: String::new(),
            values: Vec::new(),
        };
        let below = question.value(page.below());
        let mut conditions = vec![format!("id < {below}")];
        // From the narrowest on: the first one is looked up, the rest is compared.
        let texts = [
            ("identity", &filter.identity),
            ("host", &filter.host),
            ("volume", &filter.volume),
        ];
        let mut narrow = Vec::new();
        if let Some(incident) = filter.incident {
            narrow.push(format!("incident = {}", question.value(incident.0)));
        }
        for (column, text) in texts {
            if let Some(text) = text {
                narrow.push(format!("{column} = {}", question.value(text.clone())));
            }
        }
        match filter.severity {
            // As SQLite must find it, to see that the index of severe alerts has them all.
            Some(Severity::High) => narrow.push("severity >= 4".to_owned()),
            Some(Severity::Critical) => narrow.push("severity >= 4 and severity = 5".to_owned()),
            Some(severity) => narrow.push(format!("severity >= {}", question.value(severity as i64))),
            None => {}
        }
        match filter.which {
            Which::All => {}
            Which::Lines => conditions.push("part_of is null".to_owned()),
            // First, since it's the narrowest.
            Which::PartsOf(head) => narrow.insert(0, format!("part_of = {}", question.value(head.0))),
        }
        let first = (!narrow.is_empty()).then(|| narrow.remove(0));
        let others = question.others(filter, narrow);
        conditions.extend(first);
        let conditions = conditions.join(" and ");
        let limit = question.value(page.limit());
        question.sql = if others.is_empty() {
            format!("select {COLUMNS} from alert where {conditions} order by id desc limit {limit}")
        } else {
            format!(
                "select {COLUMNS} from (select {COLUMNS} from alert where {conditions} order by id desc limit \
                 {LOOKED_AT_MAX}) where {} order by id desc limit {limit}",
                others.join(" and ")
            )
        };
        question
    }

    /// What is compared.
    fn others(&mut self, filter: &Filter, mut others: Vec<String>) -> Vec<String> {
        if let Some(layer) = filter.layer {
            others.push(format!("layer = {}", self.value(layer.name().to_owned())));
        }
        if let Some(since) = filter.since {
            others.push(format!("last >= {}", self.value(since.unix_millis())));
        }
        if let Some(until) = filter.until {
            others.push(format!("time <= {}", self.value(until.unix_millis())));
        }
        if let Some(text) = &filter.text {
            let text = self.value(text.to_lowercase());
            others.push(format!("instr(lower(kind || ' ' || title || ' ' || text), {text}) > 0"));
        }
        others
    }

    /// Adds a value, and says how it is named.
    fn value(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }
}

/// An alert of a row with [`COLUMNS`].
pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Alert> {
    let facts: String = row.get(12)?;
    Ok(Alert {
        id: AlertId(row.get(0)?),
        noticed: NewAlert {
            time: row.get(1)?,
            layer: row.get(4)?,
            kind: row.get(5)?,
            severity: row.get(6)?,
            volume: row.get(7)?,
            host: row.get(8)?,
            identity: row.get(9)?,
            title: row.get(10)?,
            text: row.get(11)?,
            // Written by us; whatever else it is tells nothing.
            facts: serde_json::from_str(&facts).unwrap_or_default(),
        },
        last: row.get(2)?,
        count: number::read(row.get(3)?),
        incident: row.get::<_, Option<i64>>(13)?.map(IncidentId),
        part_of: row.get::<_, Option<i64>>(14)?.map(AlertId),
        parts: Parts {
            count: number::read(row.get(15)?),
            last: row.get(16)?,
        },
    })
}
