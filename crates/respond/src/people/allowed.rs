//! Whether accounts may be changed now: with approvals on, others must have approved it.

use super::Actor;
use crate::approval::{Operation, Wish, use_up};
use crate::error::Error;
use crate::ledger::Writing;
use crate::time::Time;

/// Uses up the request that allows a change of `name`'s account or token, in the transaction that makes the change: `how` is what is
/// approved, and nothing else is (`add as admin`).
///
/// # Errors
/// [`Error::ApprovalNeeded`] if a rule covers it and no approved request allows it.
pub fn allow_change(w: &mut Writing<'_>, now: Time, by: &Actor, name: &str, how: &str) -> Result<(), Error> {
    let wish = Wish {
        operation: Operation::ChangePeople,
        subject: name.to_owned(),
        detail: how.to_owned(),
        because: String::new(),
    };
    use_up(w, now, by, &wish).map(drop)
}
