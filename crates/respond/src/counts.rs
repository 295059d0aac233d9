//! A few numbers that say how things are, cheap whatever the number of rows.

use serde::{Deserialize, Serialize};

use crate::alert::Severity;
use crate::error::Error;
use crate::ledger::Ledger;
use crate::number;
use crate::time::Time;

const HOUR_MILLIS: i64 = 3_600_000;
/// Hours of the last day, the one that runs included.
const DAY_HOURS: i64 = 24;
/// Hours of the last 30 days.
const MONTH_HOURS: i64 = 30 * 24;

/// Requests and notices are counted up to here.
const COUNTED_MAX: i64 = 10_000;

/// How things are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Incidents that aren't done with.
    pub open_incidents: BySeverity,
    /// Alerts of the last 24 hours, counted by whole hours.
    pub alerts_last_day: BySeverity,
    /// Attacks that a guard stopped in the last 30 days.
    pub attacks_stopped: u64,
    /// Requests that wait for an approval.
    pub requests_waiting: u64,
    /// Notices that couldn't be delivered yet.
    pub notices_failing: u64,
}

/// A number for each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BySeverity {
    /// [`crate::alert::Severity::Informational`]
    pub informational: u64,
    /// [`crate::alert::Severity::Low`]
    pub low: u64,
    /// [`crate::alert::Severity::Medium`]
    pub medium: u64,
    /// [`crate::alert::Severity::High`]
    pub high: u64,
    /// [`crate::alert::Severity::Critical`]
    pub critical: u64,
}

impl BySeverity {
    /// All together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        let Self {
            informational,
            low,
            medium,
            high,
            critical,
        } = *self;
        informational
            .saturating_add(low)
            .saturating_add(medium)
            .saturating_add(high)
            .saturating_add(critical)
    }
}

impl BySeverity {
    fn add(&mut self, severity: Severity, count: u64) {
        let slot = match severity {
            Severity::Informational => &mut self.informational,
            Severity::Low => &mut self.low,
            Severity::Medium => &mut self.medium,
            Severity::High => &mut self.high,
            Severity::Critical => &mut self.critical,
        };
        *slot = slot.saturating_add(count);
    }
}

impl Ledger {
    /// A few numbers that say how things are: cheap whatever the number of rows.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn counts(&self, now: Time) -> Result<Counts, Error> {
        let hour = now.unix_millis().div_euclid(HOUR_MILLIS);
        let open = "select severity, count(*) from incident where closed is null group by severity";
        let day = "select severity, sum(noticed) from alert_hour where hour > ?1 group by severity";
        let stopped = "select coalesce(sum(stopped), 0) from alert_hour where hour > ?1";
        let stopped = self
            .connection()
            .query_row(stopped, [hour - MONTH_HOURS], |row| row.get::<_, i64>(0));
        Ok(Counts {
            open_incidents: self.by_severity(open, None)?,
            alerts_last_day: self.by_severity(day, Some(hour - DAY_HOURS))?,
            attacks_stopped: number::read(self.tried(stopped)?),
            requests_waiting: self.count(
                "select 1 from approval_request where state = 'waiting' and expires > ?1 limit ?2",
                now,
            )?,
            notices_failing: self.notices_failing()?,
        })
    }

    /// Counts rows, up to [`COUNTED_MAX`] of them.
    fn count(&self, sql: &str, now: Time) -> Result<u64, Error> {
        let count = self
            .connection()
            .query_row(&format!("select count(*) from ({sql})"), (now, COUNTED_MAX), |row| {
                row.get(0)
            });
        Ok(number::read(self.tried(count)?))
    }

    fn by_severity(&self, sql: &str, after: Option<i64>) -> Result<BySeverity, Error> {
        let mut statement = self.tried(self.connection().prepare_cached(sql))?;
        let mut rows = self.tried(statement.query(rusqlite::params_from_iter(after)))?;
        let mut counts = BySeverity::default();
        while let Some(row) = self.tried(rows.next())? {
            let count: i64 = self.tried(row.get(1))?;
            counts.add(self.tried(row.get(0))?, number::read(count));
        }
        Ok(counts)
    }
}
