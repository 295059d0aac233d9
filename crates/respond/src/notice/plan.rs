//! (signatures; bodies follow)

use super::{About, Due, NotTaken, NoticeId, Settings, WayChange};
use crate::error::Error;
use crate::ledger::{Ledger, Writing};
use crate::people::Actor;
use crate::time::Time;

/// Has people told of something. Called in the transaction that records it.
///
/// # Errors
/// When the ledger can't be written.
pub fn plan(_w: &mut Writing<'_>, _now: Time, _settings: &Settings, _what: &About) -> Result<(), Error> {
    Ok(())
}

/// Makes the notices that are due by now; when the next ones are.
///
/// # Errors
/// When the ledger can't be written.
pub fn advance(_w: &mut Writing<'_>, _now: Time, _settings: &Settings) -> Result<Option<Time>, Error> {
    Ok(None)
}

/// The notices that are to be sent by a way now, oldest first.
///
/// # Errors
/// When the ledger can't be read.
pub fn due(_ledger: &Ledger, _now: Time, _way: &str, _most: usize) -> Result<Vec<Due>, Error> {
    Ok(Vec::new())
}

/// A notice is about to be tried.
///
/// # Errors
/// When the ledger can't be written.
pub fn attempting(_w: &mut Writing<'_>, _now: Time, _id: NoticeId) -> Result<(), Error> {
    Ok(())
}

/// A notice was taken; what was answered.
///
/// # Errors
/// When the ledger can't be written.
pub fn delivered(_w: &mut Writing<'_>, _now: Time, _id: NoticeId, _answer: &str) -> Result<Option<WayChange>, Error> {
    Ok(None)
}

/// A notice wasn't taken.
///
/// # Errors
/// When the ledger can't be written.
pub fn failed(_w: &mut Writing<'_>, _now: Time, _id: NoticeId, _why: &NotTaken) -> Result<Option<WayChange>, Error> {
    Ok(None)
}

/// Somebody looks after it: nobody else is told because nobody does. An incident is acknowledged with it.
///
/// # Errors
/// When nobody was told of it, or the ledger can't be written.
pub fn acknowledge(_w: &mut Writing<'_>, _now: Time, _actor: &Actor, _subject: &str) -> Result<(), Error> {
    Ok(())
}

/// Has a notice that isn't tried any more tried again.
///
/// # Errors
/// When there is no such notice, it isn't dead, or the ledger can't be written.
pub fn retry(_w: &mut Writing<'_>, _now: Time, _actor: &Actor, _id: NoticeId) -> Result<(), Error> {
    Ok(())
}
