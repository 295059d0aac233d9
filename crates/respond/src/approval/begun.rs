//! What lies between using a request up and knowing how it ended: the operation runs outside of the ledger. A kill in between leaves a
//! request that is used, and nobody who knows whether it was done; that is found at the next start and said.

use serde_json::json;

use super::store::{Request, RequestId, RequestState, find, needed, subject};
use super::used::{Pass, use_up};
use super::words::Wish;
use crate::error::Error;
use crate::ledger::{Ledger, Writing};
use crate::people::Actor;
use crate::time::Time;

/// The record of an operation that is about to run.
const BEGUN: &str = "approval.begun";

/// Uses up the request that allows an operation which runs next. However it ends, [`end`] or [`give_back`](super::give_back) follows.
///
/// # Errors
/// [`Error::ApprovalNeeded`] if a rule covers it and no approved request allows it.
pub fn begin(w: &mut Writing<'_>, now: Time, actor: &Actor, wish: &Wish) -> Result<Pass, Error> {
    let pass = use_up(w, now, actor, wish)?;
    if let Some(id) = pass.request {
        w.record(now, actor, BEGUN, &subject(id), &json!({}))?;
    }
    Ok(pass)
}

/// What was begun was done.
///
/// # Errors
/// When the ledger can't be written.
pub fn end(w: &mut Writing<'_>, now: Time, actor: &Actor, pass: Pass) -> Result<(), Error> {
    let Some(id) = pass.request else {
        return Ok(());
    };
    w.record(now, actor, "approval.done", &subject(id), &json!({}))
        .map(drop)
}

/// Requests whose operation was begun, of which nobody wrote down how it ended. To be asked while nothing runs: at a start.
///
/// # Errors
/// When the ledger can't be read.
pub fn cut_off(ledger: &Ledger) -> Result<Vec<Request>, Error> {
    let connection = ledger.connection();
    let sql = "select id from approval_request where state = ?1 and ?2 =
                   (select kind from record where subject = 'approval/' || id order by sequence desc limit 1)
               order by id";
    let ids = || {
        let mut statement = connection.prepare_cached(sql)?;
        let ids = statement.query_map((RequestState::Used.name(), BEGUN), |row| row.get(0))?;
        ids.collect::<rusqlite::Result<Vec<i64>>>()
    };
    let requests = ledger.tried(ids())?.into_iter();
    let requests = requests.map(|id| ledger.tried(find(connection, RequestId(id))));
    Ok(requests
        .collect::<Result<Vec<_>, Error>>()?
        .into_iter()
        .flatten()
        .collect())
}

/// Writes down that nobody knows how an operation ended: it isn't found again.
///
/// # Errors
/// When there is no such request, or the ledger can't be written.
pub fn give_up(w: &mut Writing<'_>, now: Time, id: RequestId) -> Result<(), Error> {
    let request = needed(w, id)?;
    let body = json!({ "operation": request.operation, "subject": request.subject, "detail": request.detail,
        "why": "the program ended before it was known to be done" });
    let system = Actor::System("approvals".to_owned());
    w.record(now, &system, "approval.unknown", &subject(id), &body)
        .map(drop)
}
