//! Requests to the engine, and what becomes of their answers.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Duration;

use console::{
    Activity, ActivityBucket, DiskEvent, GuardState, Moment, Problem, ProblemKind, RestorePreview, Restored,
};
use drill::{Case, DrillResult, Trigger};
use jiff::ZonedDateTime;
use respond::case_file::timeline;
use respond::{Actor, Page, Time, alert};
use volume::{Sequence, Timestamp};

use super::site::ConsoleSite;
use super::views;
use crate::control::{Progress, Request, Response};
use crate::drills::DrillEvent;
use crate::engine::DrillOrder;
use crate::failure::{Failure, FailureCode};
use crate::incident_file;
use crate::when::{When, parse_when};

/// Alerts of a span of time that are shown beside what was written.
const ALERTS_SHOWN: usize = 200;

/// What the console says of a failure.
pub(super) fn problem(failure: Failure) -> Problem {
    let kind = match failure.code {
        FailureCode::Usage => ProblemKind::Invalid,
        FailureCode::NotFound => ProblemKind::NotFound,
        FailureCode::Approval => ProblemKind::ApprovalNeeded,
        FailureCode::Refused | FailureCode::Fenced | FailureCode::NoSpace => ProblemKind::Refused,
        _ => ProblemKind::Failed,
    };
    Problem {
        kind,
        message: failure.message,
        hint: failure.hint,
    }
}

/// The request makes no sense.
pub(super) fn invalid(message: impl Into<String>) -> Problem {
    Problem {
        kind: ProblemKind::Invalid,
        message: message.into(),
        hint: None,
    }
}

/// Something below failed.
pub(super) fn failed(message: impl Into<String>) -> Problem {
    Problem {
        kind: ProblemKind::Failed,
        message: message.into(),
        hint: None,
    }
}

/// An engine answers what it is asked.
pub(super) fn unexpected() -> Problem {
    failed("the engine answered something else than was asked")
}

/// Nobody looks at the progress of what the console asks for.
struct Unseen;

impl Progress for Unseen {
    fn update(&mut self, _done: u64, _total: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// A time of the ledger as volumes have it.
pub(super) fn timestamp(time: Time) -> Timestamp {
    let millis = u64::try_from(time.unix_millis()).unwrap_or(0);
    Timestamp::from_unix_nanos(millis.saturating_mul(1_000_000))
}

impl ConsoleSite {
    /// Has a request carried out for somebody.
    pub(super) fn ask(&self, actor: &Actor, request: Request) -> Result<Response, Problem> {
        self.engine.execute(actor, request, None, &mut Unseen).map_err(problem)
    }

    /// A moment as it was named; times of day are those of this machine.
    pub(super) fn when(&self, text: &str) -> Result<When, Problem> {
        // A text that names no moment names one that there isn't.
        parse_when(text, &ZonedDateTime::now()).map_err(|failure| Problem {
            kind: ProblemKind::NotFound,
            ..problem(failure)
        })
    }

    /// The batch and time that are meant by a moment's name.
    pub(super) fn moment(&self, name: &str, text: &str) -> Result<Moment, Problem> {
        let moment = self.when(text)?.resolve(self.engine.now()).map_err(problem)?;
        let volume = self.engine.whole_volume(name).map_err(problem)?;
        let info = volume.resolve(&moment);
        let info = info.map_err(|error| problem(crate::engine::volume_failure(name, &error)))?;
        Ok(views::moment(info.time, info.sequence.0))
    }

    /// Guards by their volumes' names.
    pub(super) fn guards(&self, name: Option<&str>) -> Result<HashMap<String, GuardState>, Problem> {
        let request = Request::GuardStatus {
            name: name.map(str::to_owned),
        };
        let Response::Guards(list) = self.ask(&Actor::System("console".to_owned()), request)? else {
            return Err(unexpected());
        };
        let known = list
            .guards
            .into_iter()
            .filter_map(|guard| Some((guard.volume, views::guard(guard.status?))));
        Ok(known.collect())
    }

    /// The guard of a volume.
    pub(super) fn guard(&self, name: &str) -> Result<GuardState, Problem> {
        self.guards(Some(name))?.remove(name).ok_or_else(unexpected)
    }

    /// Has a volume returned to a moment.
    pub(super) fn restored(&self, actor: &Actor, request: Request) -> Result<Restored, Problem> {
        let Response::Restored(report) = self.ask(actor, request)? else {
            return Err(unexpected());
        };
        Ok(Restored {
            to: views::moment(report.to.time.0, report.to.sequence),
            from: views::moment(report.from.time.0, report.from.sequence),
            clients_refused: report.clients_refused,
        })
    }

    /// What a restore to a moment would do.
    pub(super) fn preview(&self, name: &str, text: &str) -> Result<RestorePreview, Problem> {
        let to = self.moment(name, text)?;
        let volume = self.engine.whole_volume(name).map_err(problem)?;
        let newest = volume.newest();
        let from = views::moment(newest.time, newest.sequence.0);
        let info = volume.resolve(&volume::Moment::After(Sequence(to.sequence)));
        let info = info.map_err(|error| problem(crate::engine::volume_failure(name, &error)))?;
        let span = newest.time.since(info.time).saturating_add(Duration::from_secs(1));
        let history = volume
            .history(info.time.saturating_add(Duration::from_nanos(1)), newest.time, span)
            .map_err(|error| problem(crate::engine::volume_failure(name, &error)))?;
        Ok(RestorePreview {
            to,
            from,
            written_bytes: history.buckets.iter().map(|bucket| bucket.bytes_written).sum(),
            clients: self.engine.clients_using(name),
        })
    }

    /// What was written in a span of time, what was done with the volume, and what was noticed about it.
    pub(super) fn activity_of(&self, name: &str, from: Time, to: Time, buckets: u32) -> Result<Activity, Problem> {
        let now = self.engine.now();
        let until = timestamp(to).min(now);
        let since = timestamp(from).min(until);
        let span_millis = u64::try_from(to.millis_since(from)).unwrap_or(0);
        let bucket_seconds = span_millis.div_ceil(1000).div_ceil(u64::from(buckets.max(1))).max(1);
        let request = Request::History {
            name: name.to_owned(),
            since: Some(When::AtNanos(since.as_unix_nanos())),
            until: Some(When::AtNanos(until.as_unix_nanos())),
            bucket_seconds: Some(bucket_seconds),
        };
        let Response::History(history) = self.ask(&Actor::System("console".to_owned()), request)? else {
            return Err(unexpected());
        };
        let each = history.buckets.iter().map(|bucket| ActivityBucket {
            start: crate::desk::time(bucket.start.0),
            written_bytes: bucket.bytes_written,
            random_bytes: bucket.bytes_random,
            discarded_bytes: bucket.bytes_zeroed.saturating_add(bucket.bytes_trimmed),
        });
        let mut events: Vec<DiskEvent> = history
            .events
            .iter()
            .map(|event| DiskEvent {
                moment: views::moment(event.moment.time.0, event.moment.sequence),
                kind: event.kind.clone(),
                text: event.text.clone(),
            })
            .collect();
        events.extend(self.noticed(name, from, to)?);
        events.sort_by_key(|event| event.moment.time);
        Ok(Activity {
            from,
            to,
            bucket_seconds,
            buckets: each.collect(),
            events,
        })
    }

    /// What was done with a volume in a span of time.
    pub(super) fn events_of(&self, name: &str, from: Time, to: Time) -> Result<Vec<timeline::DiskEvent>, Problem> {
        let request = incident_file::history_request(name);
        let Response::History(history) = self.ask(&Actor::System("console".to_owned()), request)? else {
            return Err(unexpected());
        };
        Ok(incident_file::disk_events(name, history, from, to))
    }

    /// What was noticed about a volume in a span of time.
    fn noticed(&self, name: &str, from: Time, to: Time) -> Result<Vec<DiskEvent>, Problem> {
        let filter = alert::Filter {
            volume: Some(name.to_owned()),
            since: Some(from),
            until: Some(to),
            ..alert::Filter::default()
        };
        let alerts = self
            .desk
            .read(|ledger| ledger.alerts(&filter, Page::newest(ALERTS_SHOWN)));
        let alerts = alerts.map_err(|error| failed(error.to_string()))?;
        let each = alerts.into_iter().map(|alert| DiskEvent {
            // Alerts are of a time, not of a batch.
            moment: Moment {
                time: alert.noticed.time,
                sequence: 0,
            },
            kind: alert.noticed.kind,
            text: alert.noticed.title,
        });
        Ok(each.collect())
    }

    /// Begins a drill on a thread of its own. What can be known to be wrong is told now, everything else by an alert.
    pub(super) fn begin_drill(&self, actor: &Actor, name: &str, case: Option<&str>) -> Result<(), Problem> {
        let case = case.map(|text| {
            serde_json::from_value::<Case>(serde_json::json!(text))
                .map_err(|_| invalid(format!("`{text}` is no attack of drills")))
        });
        let case = case.transpose()?;
        self.engine.whole_volume(name).map_err(problem)?;
        if let Some(other) = self.engine.drills().running_on() {
            return Err(problem(
                Failure::refused(format!("a drill runs on `{other}`")).hint("one at a time"),
            ));
        }
        let order = DrillOrder {
            case,
            seed: None,
            all: false,
            trigger: Trigger::Command,
        };
        self.log.info(name, format!("{actor} starts a drill"));
        let (engine, name) = (std::sync::Arc::clone(&self.engine), name.to_owned());
        let run = move || {
            let event = match engine.drill(&name, order, &mut Unseen) {
                // The engine itself tells of one that failed.
                Ok(result) if result.verdict == drill::Verdict::Failed => return,
                Ok(result) => DrillEvent::done(&result, engine.now()),
                Err(failure) => DrillEvent::not_run(&name, failure.with_hint(), engine.now()),
            };
            engine.guards().told().drill(&event);
        };
        let thread = std::thread::Builder::new().name("drill".to_owned()).spawn(run);
        thread
            .map(drop)
            .map_err(|error| problem(Failure::io("start a thread for the drill", &error)))
    }

    /// The newest results of drills, of one volume or of all.
    pub(super) fn drill_results(&self, name: Option<&str>, most: usize) -> Result<Vec<DrillResult>, Problem> {
        let request = Request::Drills {
            name: name.map(str::to_owned),
            results: most as u64,
        };
        let Response::Drills(report) = self.ask(&Actor::System("console".to_owned()), request)? else {
            return Err(unexpected());
        };
        Ok(report.volumes.into_iter().flat_map(|volume| volume.results).collect())
    }

    /// The page of a drill.
    pub(super) fn report_of_drill(&self, id: &str) -> Result<String, Problem> {
        let unknown = || problem(Failure::not_found(format!("there is no drill `{id}`")));
        let (name, _) = id.rsplit_once('-').ok_or_else(unknown)?;
        let results = self.drill_results(Some(name), usize::MAX).map_err(|_| unknown())?;
        let found: Vec<DrillResult> = results
            .into_iter()
            .filter(|result| views::drill_id(result) == id)
            .collect();
        let settings = self.engine.drill_settings();
        let at = settings.at.map(|at| at.to_string());
        if found.is_empty() {
            return Err(unknown());
        }
        let host = crate::webhook::host();
        Ok(drill::page(&drill::Facts {
            time: self.engine.now(),
            host: &host,
            program: concat!("Holdfast ", env!("CARGO_PKG_VERSION")),
            schedule: at.as_deref(),
            overdue_after_seconds: settings.overdue_after.as_secs(),
            volumes: &[drill::VolumePage {
                name,
                is_scheduled: self.engine.is_drill_scheduled(name),
                is_overdue: self.engine.is_drill_overdue(name),
                results: &found,
                unreadable: 0,
            }],
        }))
    }
}
