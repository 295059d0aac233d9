//! Marks of "false positive": where logs are read the thread that reads them does it, else the file of what is known is changed.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use respond::Actor;
use respond::alert::AlertId;
use serde_json::json;

use super::{Engine, read};
use crate::control::{LogsReport, MarkOrder, MarkReport, Marked, MarksReport};
use crate::desk;
use crate::failure::Failure;
use crate::threat_watch::marks::{Order, Said, Task, in_file};

/// How long the thread may take: it may be in the middle of a batch.
const PATIENCE: Duration = Duration::from_secs(60);
/// Orders that wait, at most.
const WAITING_MAX: usize = 16;
/// The shortest and the longest that a mark holds.
const SECONDS: std::ops::RangeInclusive<u64> = 3_600..=365 * 86_400;

/// An order, and where the answer goes.
#[derive(Debug)]
pub struct Asked {
    /// What is to be done.
    pub order: Order,
    /// Where the answer goes.
    pub answer: SyncSender<Result<Vec<MarkReport>, Failure>>,
}

/// The way to the thread that reads logs, while there is one.
#[derive(Debug, Default)]
pub(super) struct Reader(Mutex<Option<SyncSender<Asked>>>);

impl Engine {
    /// From now on, orders about marks go to whoever takes them here.
    pub fn take_marks(&self) -> Receiver<Asked> {
        let (sender, receiver) = sync_channel(WAITING_MAX);
        *self.reader.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }

    /// What logs are read, and what is lost of them; none if none are to be read.
    pub fn logs(&self) -> Option<LogsReport> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has it known.
    pub fn tell_of_logs(&self, report: LogsReport) {
        *self.logs.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
    }

    /// Does what somebody says about marks, and writes it into the ledger.
    pub(super) fn marks(&self, actor: &Actor, order: MarkOrder) -> Result<MarksReport, Failure> {
        let (kind, of) = match &order {
            MarkOrder::List => (None, None),
            MarkOrder::Mark { what, .. } => (Some("threat.marked"), Some(subject(*what))),
            MarkOrder::Unmark { .. } => (Some("threat.unmarked"), None),
        };
        let order = Order {
            task: self.task(order)?,
            by: actor.to_string(),
            now: i64::try_from(self.now().as_unix_nanos() / 1_000_000_000).unwrap_or(i64::MAX),
        };
        let marks = self.have_done(order)?;
        if let Some(kind) = kind {
            let now = desk::time(self.now());
            let recorded = self.write_ledger(|w| {
                for mark in &marks {
                    let body = json!({ "of": of, "mark": mark });
                    w.record(now, actor, kind, &format!("mark/{}", mark.id), &body)?;
                }
                Ok(())
            });
            recorded.map_err(|error| {
                let failure = desk::failed(&error);
                Failure::new(
                    failure.code,
                    format!("it was done, but isn't in the ledger: {}", failure.message),
                )
            })?;
        }
        Ok(MarksReport { marks })
    }

    fn task(&self, order: MarkOrder) -> Result<Task, Failure> {
        let (what, because, seconds, even_grave) = match order {
            MarkOrder::List => return Ok(Task::List),
            MarkOrder::Unmark { id } => return Ok(Task::Unmark(id)),
            MarkOrder::Mark {
                what,
                because,
                seconds,
                even_grave,
            } => (what, because, seconds, even_grave),
        };
        if !SECONDS.contains(&seconds) {
            return Err(Failure::usage(
                "a mark holds for an hour at least and for a year at most",
            ));
        }
        let said = Said {
            because,
            seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
            even_grave,
        };
        match what {
            Marked::Story(id) => Ok(Task::Story(id, said)),
            Marked::Alert(id) => {
                let alert = self.read_ledger(|ledger| ledger.alert(AlertId(id)));
                let alert = alert.map_err(|error| desk::failed(&error))?.ok_or_else(|| {
                    Failure::not_found(format!("there is no alert `{id}`"))
                        .hint("`holdfast alerts list --layer threat` shows them")
                })?;
                Ok(Task::Alert(Box::new(alert), said))
            }
        }
    }

    fn in_file(&self, order: &Order) -> Result<Vec<MarkReport>, Failure> {
        let settings = read(&self.config).threat.clone();
        in_file(&self.data, &settings, order)
    }

    fn have_done(&self, order: Order) -> Result<Vec<MarkReport>, Failure> {
        let reader = self.reader.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(reader) = reader else {
            return self.in_file(&order);
        };
        let busy = || Failure::refused("the daemon is busy with logs, or stops").hint("try again in a minute");
        let (answer, answered) = sync_channel(1);
        match reader.try_send(Asked { order, answer }) {
            Ok(()) => answered.recv_timeout(PATIENCE).map_err(|_| busy())?,
            Err(TrySendError::Full(_)) => Err(busy()),
            // The thread has saved all and ended.
            Err(TrySendError::Disconnected(asked)) => self.in_file(&asked.order),
        }
    }
}

fn subject(what: Marked) -> String {
    match what {
        Marked::Alert(id) => format!("alert/{id}"),
        Marked::Story(id) => format!("story/{id}"),
    }
}
