//! A ledger as a large site has it after a month: what it takes to fill, and what becomes of a flood of alerts.
//!
//! The alerts are made up, and go the same way as those of a daemon: recorded, joined into incidents, decided upon, told.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use respond::alert::{Layer, NewAlert, Severity};
use respond::intake::{Rules, TakenIn, take_in};
use respond::notice::{self, Group, Recipient, Step};
use respond::{Ledger, PAGE_MAX, Page, Time};

use crate::Failure;
use crate::chance::Chance;
use crate::figures::{Object, peak_memory_mib, timed};

/// Over how long the alerts are spread.
const SPAN: Duration = Duration::from_secs(30 * 86_400);
/// Alerts that are taken in at once, as a daemon does when many wait.
const BATCH: usize = 4096;

/// What a site notices, by how often: of a hundred alerts so many, and how bad they are.
const KINDS: [(u64, Layer, &str, Severity); 7] = [
    (1, Layer::Drill, "drill-failed", Severity::High),
    (4, Layer::Volume, "no-space", Severity::Medium),
    (10, Layer::Exposure, "breach-loaded", Severity::Medium),
    (20, Layer::Guard, "bookmarked", Severity::Low),
    (40, Layer::Drill, "drill-passed", Severity::Informational),
    (70, Layer::Guard, "calmed", Severity::Informational),
    (100, Layer::Threat, "rule-matched", Severity::Low),
];

fn alert(chance: &mut Chance, time: Time, volumes: u64) -> NewAlert {
    let dice = chance.below(100);
    // The last one takes all that is left.
    let (_, layer, kind, severity) = KINDS.into_iter().find(|(below, ..)| dice < *below).unwrap_or(KINDS[6]);
    about(time, layer, kind, severity, chance.below(volumes))
}

fn about(time: Time, layer: Layer, kind: &str, severity: Severity, volume: u64) -> NewAlert {
    let volume = format!("disk-{volume:04}");
    NewAlert {
        time,
        layer,
        kind: kind.to_owned(),
        severity,
        title: format!("{kind} on {volume}"),
        text: format!("`{kind}` on `{volume}`: made up for the lab's measurement; there is nothing to do"),
        volume: Some(volume),
        host: None,
        identity: None,
        facts: serde_json::Map::new(),
    }
}

fn take(ledger: &mut Ledger, rules: &Rules, alerts: Vec<NewAlert>) -> Result<TakenIn, Failure> {
    let now = alerts.last().ok_or("no alerts")?.time;
    Ok(ledger.write(|w| take_in(w, now, rules, alerts))?)
}

/// Fills the ledger in `folder` with so many alerts about so many volumes, the last of them at `end` (milliseconds since 1970).
pub(crate) fn fill(folder: &Path, alerts: u64, volumes: u64, end: i64) -> Result<String, Failure> {
    let mut ledger = Ledger::open(folder)?;
    let rules = Rules::default();
    let mut chance = Chance::new(alerts);
    let span = i64::try_from(SPAN.as_millis())?;
    let mut left = alerts;
    let (filled, took) = timed(|| -> Result<u64, Failure> {
        let mut incidents = 0;
        while left > 0 {
            let batch = left.min(BATCH as u64);
            let ago = i64::try_from(u128::from(left) * SPAN.as_millis() / u128::from(alerts))?;
            let time = Time::from_unix_millis(end - ago.min(span));
            let batch: Vec<_> = (0..batch).map(|_| alert(&mut chance, time, volumes)).collect();
            left -= batch.len() as u64;
            incidents += take(&mut ledger, &rules, batch)?.incidents.len() as u64;
        }
        Ok(incidents)
    });
    let changed = filled?;
    Ok(Object::default()
        .number("alerts", alerts)
        .number("volumes", volumes)
        .number("changes_of_incidents", changed)
        .number("alerts_per_second", per_second(alerts, took))
        .number("bytes", crate::store::bytes_on_disk(folder)?)
        .number("peak_memory_mib", peak_memory_mib())
        .finish())
}

/// The policies that are built in, and one person who is told of everything by mail.
fn with_somebody_told() -> Rules {
    let mut rules = Rules::default();
    let recipient = Recipient {
        way: "mail".to_owned(),
        name: "ann".to_owned(),
        address: "ann@example.org".to_owned(),
    };
    let group = Group {
        least: Severity::Informational,
        zone: rules.zone.clone(),
        quiet: Vec::new(),
        breaks_quiet: Severity::Critical,
        digest: None,
        steps: vec![Step {
            after: Duration::ZERO,
            to: vec![recipient],
        }],
        escalates: Severity::High,
        repeat_every: None,
    };
    rules.notices.ways = BTreeMap::from([("mail".to_owned(), Severity::Informational)]);
    rules.notices.groups = BTreeMap::from([("on-call".to_owned(), group)]);
    rules.notices.default_group = Some("on-call".to_owned());
    rules
}

/// What becomes of so many alerts within a second: a fence on every volume of a site, over and over. People are told of it until a minute
/// after it.
pub(crate) fn flood(folder: &Path, alerts: u64, volumes: u64, start: i64) -> Result<String, Failure> {
    let mut ledger = Ledger::open(folder)?;
    let rules = with_somebody_told();
    let all = (0..alerts).map(|number| {
        let millis = i64::try_from(u128::from(number) * 1000 / u128::from(alerts)).unwrap_or(0);
        let time = Time::from_unix_millis(start + millis);
        about(time, Layer::Guard, "fenced", Severity::Critical, number % volumes)
    });
    let all: Vec<NewAlert> = all.collect();
    let (mut rows, mut incidents, mut actions) = (Vec::new(), Vec::new(), 0_u64);
    let (done, took) = timed(|| -> Result<(), Failure> {
        for batch in all.chunks(BATCH) {
            let taken = take(&mut ledger, &rules, batch.to_vec())?;
            rows.extend(taken.alerts.iter().map(|taken| taken.alert.id));
            incidents.extend(taken.incidents.iter().map(|changed| changed.incident.id));
            actions += taken.actions.len() as u64;
        }
        Ok(())
    });
    done?;
    for second in 0..60 {
        let now = Time::from_unix_millis(start + 1000 * second);
        ledger.write(|w| notice::advance(w, now, &rules.notices))?;
    }
    let notices = ledger.notices(&notice::Filter::default(), Page::newest(PAGE_MAX))?;
    rows.sort_unstable();
    rows.dedup();
    incidents.sort_unstable();
    incidents.dedup();
    Ok(Object::default()
        .number("alerts", alerts)
        .number("rows", rows.len() as u64)
        .number("incidents", incidents.len() as u64)
        .number("actions", actions)
        .number("notices", notices.len() as u64)
        .number("milliseconds", u64::try_from(took.as_millis())?)
        .number("alerts_per_second", per_second(alerts, took))
        .finish())
}

fn per_second(count: u64, took: Duration) -> u64 {
    let micros = took.as_micros().max(1);
    u64::try_from(u128::from(count) * 1_000_000 / micros).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_becomes_few_rows_and_one_incident() {
        let folder = tempfile::tempdir().unwrap();
        let figures = flood(folder.path(), 2000, 40, 1_795_687_200_000).unwrap();
        assert!(figures.contains("\"rows\": 40,"), "{figures}");
        assert!(figures.contains("\"incidents\": 1,"), "{figures}");
        assert!(figures.contains("\"notices\": 1,"), "{figures}");
    }

    #[test]
    fn a_filled_ledger_has_what_was_put_in() {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), 5000, 1000, 1_795_687_200_000).unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let page = Page { before: None, most: 10 };
        assert_eq!(
            ledger.alerts(&respond::alert::Filter::default(), page).unwrap().len(),
            10
        );
    }
}
