//! "False positive": what people say of alerts and stories, done to what is known.

use std::path::Path;

use logs::report::finder_id;
use respond::alert::{Alert, Layer, Severity};
use serde_json::Value;
use threat::alert::{Finder, Level};
use threat::detection::{Detection, Dismissed, NotMarked};
use threat::entity::EntityId;
use threat::rules::{Engine, Settings, load};
use threat::story::{Dismissal, Mark, MarkId, StoryId};
use volume::Timestamp;

use super::memory::{self, Kept};
use super::rules;
use super::told::found_by;
use crate::config::ThreatSettings;
use crate::control::{MarkReport, Time};
use crate::failure::{Failure, FailureCode};

/// What is said, with the ledger's alert where one is meant.
#[derive(Debug)]
pub struct Order {
    /// What is to be done.
    pub task: Task,
    /// Who says so.
    pub by: String,
    /// When, in seconds since 1970.
    pub now: i64,
}

/// What is to be done about marks.
#[derive(Debug)]
pub enum Task {
    /// Tells all.
    List,
    /// The finding of an alert is no sign of an attack.
    Alert(Box<Alert>, Said),
    /// A story isn't.
    Story(u64, Said),
    /// A mark is taken back.
    Unmark(u64),
}

/// Why something is no sign of an attack, and for how long.
#[derive(Debug)]
pub struct Said {
    /// Why.
    pub because: String,
    /// For how long, in seconds.
    pub seconds: i64,
    /// Whether it's meant for what is critical on tier 0, too.
    pub even_grave: bool,
}

impl Order {
    /// Whether it changes nothing.
    pub const fn only_reads(&self) -> bool {
        matches!(self.task, Task::List)
    }

    fn dismissal<'a>(&'a self, said: &'a Said) -> Dismissal<'a> {
        Dismissal {
            by: &self.by,
            because: &said.because,
            now: self.now,
            seconds: said.seconds,
            even_grave: said.even_grave,
        }
    }
}

/// Does it, and tells the marks that were made or taken back, or all.
///
/// # Errors
/// When there is no such thing, or it may not be marked.
pub fn carry_out(detection: &mut Detection, order: &Order) -> Result<Vec<MarkReport>, Failure> {
    let made = match &order.task {
        Task::List => {
            let holding = detection.marks().iter().filter(|mark| mark.until > order.now);
            return Ok(holding.map(|mark| report(mark, detection)).collect());
        }
        Task::Unmark(id) => {
            let gone = detection.unmark(MarkId(*id)).ok_or_else(|| {
                Failure::not_found(format!("there is no mark `{id}`")).hint("`holdfast threat marks` lists them")
            })?;
            return Ok(vec![report(&gone, detection)]);
        }
        Task::Story(id, said) => detection.mark_story(StoryId(*id), &order.dismissal(said)),
        Task::Alert(alert, said) => {
            let entities = entities(alert, detection);
            let found = Dismissed {
                finder: &finder(alert)?,
                title: &alert.noticed.title,
                level: level(alert.noticed.severity),
                entities: &entities,
            };
            detection.mark_finding(&found, &order.dismissal(said))
        }
    };
    let made = made.map_err(|error| refused(&error))?;
    let marks = detection.marks().iter().filter(|mark| made.contains(&mark.id));
    Ok(marks.map(|mark| report(mark, detection)).collect())
}

/// The same where no thread reads logs: in the file of what is known.
///
/// # Errors
/// As [`carry_out`], and when the file can't be read or replaced.
pub fn in_file(data: &Path, settings: &ThreatSettings, order: &Order) -> Result<Vec<MarkReport>, Failure> {
    let Some(kept) = memory::read(data)? else {
        return match order.task {
            Task::List => Ok(Vec::new()),
            _ => Err(
                Failure::not_found("no logs have been read yet: there is nothing that could be marked")
                    .hint("name logs in [threat] of the configuration, and start `holdfast up`"),
            ),
        };
    };
    // What correlations wait for is kept only by an engine that has their rules.
    let engine = if order.only_reads() {
        Engine::new(load([]), Settings::default())
    } else {
        rules::load(settings)?
    };
    let mut detection = Detection::with_memory(engine, kept.memory);
    let done = carry_out(&mut detection, order)?;
    if !order.only_reads() {
        memory::write(data, &Kept::new(kept.follows, kept.reached, detection.memory()))
            .map_err(|error| Failure::io("save what is known of people and machines", &error))?;
    }
    Ok(done)
}

/// What found it.
fn finder(alert: &Alert) -> Result<Finder, Failure> {
    let fact = |name: &str| {
        alert
            .noticed
            .facts
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let rule = fact("rule").into();
    Ok(match (alert.noticed.layer, fact("by")) {
        (Layer::Threat, "rule") => Finder::Rule(rule),
        (Layer::Threat, "correlation") => Finder::Correlation(rule),
        (Layer::Threat, "behaviour") => Finder::Behaviour(rule),
        _ => {
            return Err(Failure::refused(format!(
                "alert `{}` isn't of the logs: it can't be marked",
                alert.id
            ))
            .hint("`holdfast alerts list --layer threat` shows those that can; of guards, `holdfast guard announce` tells of work to come"));
        }
    })
}

/// Whom an alert concerns: those that it names by their numbers, else those that are called so now.
fn entities(alert: &Alert, detection: &Detection) -> Vec<EntityId> {
    let named = alert
        .noticed
        .facts
        .get(super::told::ENTITIES)
        .cloned()
        .unwrap_or_default();
    let mut entities: Vec<EntityId> = serde_json::from_value(named).unwrap_or_default();
    let directory = detection.directory();
    entities.retain(|id| directory.get(*id).is_some());
    if entities.is_empty() {
        let names = [&alert.noticed.host, &alert.noticed.identity];
        let is_meant = |name: &str| names.iter().any(|wanted| wanted.as_deref() == Some(name));
        let called = directory.entities().filter(|entity| is_meant(entity.name()));
        entities.extend(called.map(|entity| entity.id));
    }
    entities
}

const fn level(severity: Severity) -> Level {
    match severity {
        Severity::Informational => Level::Informational,
        Severity::Low => Level::Low,
        Severity::Medium => Level::Medium,
        Severity::High => Level::High,
        Severity::Critical => Level::Critical,
    }
}

fn refused(error: &NotMarked) -> Failure {
    match error {
        NotMarked::NoStory(_) => Failure::not_found(error.to_string())
            .hint("`holdfast threat stories --all` lists those that there are"),
        NotMarked::Nobody => Failure::refused(error.to_string())
            .hint("switch the rule off, or except it somewhere, in [rules] of the configuration"),
        NotMarked::Grave { .. } => Failure::refused(error.to_string())
            .hint("if it's ordinary all the same, say so with `--even-critical-on-tier-zero`; an exception in [rules] can be narrower"),
        _ => Failure::new(FailureCode::Refused, error.to_string())
            .hint("`holdfast threat marks` lists them; [rules] of the configuration excepts rules for many"),
    }
}

fn report(mark: &Mark, detection: &Detection) -> MarkReport {
    MarkReport {
        id: mark.id.0,
        by_what: found_by(&mark.finder).to_owned(),
        rule: finder_id(&mark.finder).to_owned(),
        title: mark.title.clone(),
        entity: detection.directory().name(mark.entity).to_owned(),
        by: mark.by.clone(),
        because: mark.because.clone(),
        since: time(mark.since),
        until: time(mark.until),
        held_back: mark.kept_out,
        last_held_back: mark.last.map(time),
        even_critical_on_tier_zero: mark.even_grave,
    }
}

fn time(second: i64) -> Time {
    let second = u64::try_from(second).unwrap_or(0);
    Time(Timestamp::from_unix_nanos(second.saturating_mul(1_000_000_000)))
}
