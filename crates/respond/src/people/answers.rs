//! Answers that programs were given to requests with an `Idempotency-Key`: one that asks again, because the answer got lost, is
//! given the same answer, and nothing is done twice.

use ring::digest::{Context, SHA256};
use rusqlite::OptionalExtension;

use crate::error::Error;
use crate::ledger::Writing;
use crate::time::Time;

/// How long an answer is kept.
const KEPT_MS: i64 = 24 * 3_600_000;
/// Answers that are kept at most.
const ANSWERS_MAX: i64 = 10_000;
/// Bytes of an answer that is kept at most.
const BODY_BYTES_MAX: usize = 256 << 10;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The hash of the request: the method, the path and the body.
    pub request: [u8; 32],
    /// The status.
    pub status: u16,
    /// What the body is.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

impl KeptAnswer {
    /// The hash of a request.
    #[must_use]
    pub fn request(method: &str, path: &str, body: &[u8]) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        for part in [method.as_bytes(), path.as_bytes(), body] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        hash
    }
}

/// Notes that the request with a key is begun, unless it is known already: then its answer, whose status is 0 where there is none
/// yet.
///
/// # Errors
/// When the ledger can't be written.
pub fn begin_answer(
    w: &Writing<'_>,
    now: Time,
    holder: &str,
    key: &str,
    request: [u8; 32],
) -> Result<Option<KeptAnswer>, Error> {
    let found = w.connection().query_row(
        "select request, status, content_type, body from answer where holder = ?1 and key = ?2 and time > ?3",
        (holder, key, now.plus_millis(-KEPT_MS)),
        |row| {
            Ok(KeptAnswer {
                request: row.get(0)?,
                status: row.get(1)?,
                content_type: row.get(2)?,
                body: row.get(3)?,
            })
        },
    );
    let found = w.tried(found.optional())?;
    if found.is_none() {
        let begun = KeptAnswer {
            request,
            status: 0,
            content_type: String::new(),
            body: Vec::new(),
        };
        keep_answer(w, now, holder, key, &begun)?;
    }
    Ok(found)
}

/// Forgets a request that failed, so that it can be repeated.
///
/// # Errors
/// When the ledger can't be written.
pub fn forget_answer(w: &Writing<'_>, holder: &str, key: &str) -> Result<(), Error> {
    let forgotten = w
        .connection()
        .execute("delete from answer where holder = ?1 and key = ?2", (holder, key));
    w.tried(forgotten).map(drop)
}

/// Keeps an answer for 24 hours; one that is too long isn't kept.
///
/// # Errors
/// When the ledger can't be written.
pub fn keep_answer(w: &Writing<'_>, now: Time, holder: &str, key: &str, answer: &KeptAnswer) -> Result<(), Error> {
    if answer.body.len() > BODY_BYTES_MAX {
        return Ok(());
    }
    let connection = w.connection();
    w.tried(connection.execute("delete from answer where time <= ?1", [now.plus_millis(-KEPT_MS)]))?;
    w.tried(connection.execute(
        "delete from answer where rowid in (select rowid from answer order by time desc limit -1 offset ?1)",
        [ANSWERS_MAX - 1],
    ))?;
    w.tried(connection.execute(
        "insert or replace into answer (holder, key, request, time, status, content_type, body)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        (
            holder,
            key,
            answer.request,
            now,
            answer.status,
            &answer.content_type,
            &answer.body,
        ),
    ))?;
    Ok(())
}
