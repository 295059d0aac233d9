//! Old alerts become numbers: how often what was noticed about which volume on which day. Their records stay.

use serde_json::json;

use crate::error::Error;
use crate::ledger::Writing;
use crate::people::Actor;
use crate::time::Time;

/// Milliseconds of a day.
const DAY_MILLIS: i64 = 86_400_000;

/// Rolls alerts up that were noticed last before `before`; the oldest `most` at most. Returns how many. The alert with the highest
/// number stays: the next one is numbered after it, and two alerts with the same number would have the same records.
///
/// # Errors
/// When the ledger can't be written.
pub fn roll_up(w: &mut Writing<'_>, now: Time, before: Time, most: usize) -> Result<usize, Error> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let old = "select id from alert where last < ?1 and coalesce(parts_last, last) < ?1 and id < (select max(id) from alert) order by last limit ?2";
    let connection = w.connection();
    w.tried(connection.execute_batch(
        "create temp table if not exists rolled_up (id integer primary key) strict; delete from rolled_up;",
    ))?;
    let chosen = connection.execute(&format!("insert into rolled_up {old}"), (before, most));
    let count = w.tried(chosen)?;
    if count == 0 {
        return Ok(0);
    }
    let summed = connection.execute(
        "insert into alert_day (day, layer, kind, severity, volume, alerts, noticed)
         select time / ?1, layer, kind, severity, coalesce(volume, ''), count(*), sum(count)
         from alert where id in (select id from rolled_up) group by 1, 2, 3, 4, 5
         on conflict (day, layer, kind, severity, volume)
         do update set alerts = alerts + excluded.alerts, noticed = noticed + excluded.noticed",
        [DAY_MILLIS],
    );
    w.tried(summed)?;
    w.tried(connection.execute("delete from alert where id in (select id from rolled_up)", []))?;
    let actor = Actor::System("respond".to_owned());
    w.record(
        now,
        &actor,
        "alert.rolled-up",
        "ledger/alerts",
        &json!({ "alerts": count, "before": before }),
    )?;
    Ok(count)
}
