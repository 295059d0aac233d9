//! Server-sent events: records as they are written.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use respond::people::Role;
use respond::{Sequence, ledger};
use serde::Deserialize;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::Query;
use super::output::Answer;
use super::views::RecordView;
use crate::auth::{Peer, SignedIn, who};
use crate::problem::Refusal;
use crate::state::Shared;

/// How often something is sent where nothing happens, so that both sides notice a dead connection.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Records that are asked of the ledger at a time.
const BATCH: usize = 200;
/// Events that wait for a reader; more stay in the ledger until it has taken these.
const WAITING_MAX: usize = 32;
/// How long a reader may take nothing before it is cut off.
const PATIENCE: Duration = Duration::from_secs(30);
/// A pause between two answers to a follower, so that a flood of records costs one query for many of them.
const PAUSE: Duration = Duration::from_millis(100);
/// The header by which a browser that was cut off says what it had.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default().routes(routes!(follow))
}

/// What is followed.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Followed {
    /// Records of these kinds only: beginnings with commas between them, like `alert.,incident.`; all if it isn't given.
    kinds: Option<String>,
    /// Records after this one; new ones only if neither this nor `Last-Event-ID` is given.
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// Follow records as they are written
///
/// Server-sent events: `id` is the record's number, `event` its kind, `data` the record. A client that was cut off sends the last
/// `id` as `Last-Event-ID` and misses nothing. Records of accounts and sessions are for auditors and administrators.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", params(Followed), responses((status = 200, body = String, content_type = "text/event-stream")))]
async fn follow(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Query(followed): Query<Followed>,
) -> Answer<Response> {
    signed_in.require(Role::Viewer)?;
    let last = headers
        .get(LAST_EVENT_ID)
        .and_then(|id| id.to_str().ok()?.parse::<i64>().ok());
    let counted = Counted::new(&state)?;
    let newest = state.events.follow();
    let after = match last.or(followed.after) {
        Some(after) => super::ledger::after(Some(after))?,
        None => *newest.borrow(),
    };
    let kinds = followed.kinds.unwrap_or_default();
    let kinds: Vec<String> = kinds
        .split(',')
        .filter(|kind| !kind.is_empty())
        .map(str::to_owned)
        .collect();
    if kinds.len() > 32 {
        return Err(Refusal::invalid("at most 32 kinds can be followed"));
    }
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let reader = Follower {
        state,
        peer,
        headers,
        after,
        kinds,
        sender,
        _counted: counted,
    };
    tokio::spawn(reader.run(newest));
    let events = Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    Ok(events.into_response())
}

/// A follower's place among those that there may be.
struct Counted(Shared);

impl Counted {
    fn new(state: &Shared) -> Result<Self, Refusal> {
        let most = state.settings.limits.followers as u64;
        let counted = Self(state.clone());
        if state.metrics.followers.fetch_add(1, Ordering::Relaxed) >= most {
            return Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too-many-followers",
                format!("{most} browsers and programs follow already"),
            ));
        }
        Ok(counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.metrics.followers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reads records for one browser or program.
struct Follower {
    state: Shared,
    peer: Peer,
    /// Those of the request, which say who follows.
    headers: HeaderMap,
    after: Sequence,
    kinds: Vec<String>,
    sender: mpsc::Sender<Result<Event, Infallible>>,
    _counted: Counted,
}

impl Follower {
    /// Sends what there is whenever there is something, until somebody ends it.
    async fn run(mut self, mut newest: watch::Receiver<Sequence>) {
        let mut stopping = self.state.stopping();
        loop {
            let target = *newest.borrow_and_update();
            while self.after < target {
                if self.send_some(target).await.is_none() {
                    return;
                }
            }
            tokio::select! {
                changed = newest.changed() => if changed.is_err() { return },
                () = self.sender.closed() => return,
                _ = stopping.changed() => return,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Sends the next records; `None` when the follower is gone, takes nothing or may not follow any more, or the ledger can't be read.
    async fn send_some(&mut self, target: Sequence) -> Option<()> {
        // A session ends and a token is revoked while somebody follows.
        let (signed_in, _) = who(&self.state, &self.headers, Some(&self.peer)).await.ok()??;
        let sees_people = signed_in.role.may(Role::Auditor);
        let filter = ledger::Filter {
            after: self.after,
            ..ledger::Filter::default()
        };
        let read = move |site: &dyn crate::Site| site.desk().read(|ledger| ledger.records(&filter, BATCH));
        let records = self.state.ask(read).await.ok()?;
        // What was rolled back left a gap: there is nothing to wait for.
        self.after = records.last().map_or(target, |record| record.sequence);
        for record in records {
            if !self.is_wanted(&record.kind, sees_people) {
                continue;
            }
            let id = record.sequence.0.to_string();
            let event = Event::default().id(id).event(record.kind.clone());
            let event = event.json_data(RecordView::from(record)).ok()?;
            let sent = tokio::time::timeout(PATIENCE, self.sender.send(Ok(event))).await;
            sent.ok()?.ok()?;
        }
        Some(())
    }

    fn is_wanted(&self, kind: &str, sees_people: bool) -> bool {
        let is_about_people = kind.starts_with("people.") || kind.starts_with("session.");
        let is_of_kind = self.kinds.is_empty() || self.kinds.iter().any(|beginning| kind.starts_with(beginning));
        is_of_kind && (sees_people || !is_about_people)
    }
}
