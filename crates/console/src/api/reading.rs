//! What is read from the ledger: pages of lists, and single things by their numbers.

use axum::http::Uri;
use respond::people::Role;
use respond::{Error, Ledger, Origin, Page};

use super::input::PageQuery;
use super::output::{Answer, Rows};
use crate::auth::SignedIn;
use crate::problem::Refusal;
use crate::state::Shared;

/// A page of a list, newest first, for viewers. `cursor` is the number of a row.
pub(super) async fn list<T: Send + 'static, V>(
    state: &Shared,
    signed_in: &SignedIn,
    (page, uri): (PageQuery, &Uri),
    read: impl FnOnce(&Ledger, Page) -> Result<Vec<T>, Error> + Send + 'static,
    view: impl Fn(T) -> V,
    cursor: impl Fn(&V) -> i64,
) -> Answer<Rows<V>> {
    signed_in.require(Role::Viewer)?;
    let page = page.page()?;
    let found = state
        .ask(move |site| site.desk().read(|ledger| read(ledger, page)))
        .await?;
    let rows = found.into_iter().map(view).collect();
    Ok(Rows::new(rows, page.most, uri, cursor))
}

/// What has a number; a refusal says that there is no such `what`.
pub(super) async fn one<T: Send + 'static>(
    state: &Shared,
    what: &str,
    id: i64,
    read: impl FnOnce(&Ledger) -> Result<Option<T>, Error> + Send + 'static,
) -> Answer<T> {
    let found = state.ask(move |site| site.desk().read(read)).await?;
    found.ok_or_else(|| Refusal::not_found(format!("there is no {what} `{id}`")))
}

/// Who tells, in formats of other programs.
pub(super) async fn origin(state: &Shared) -> Answer<Origin> {
    state.ask(|site| Ok::<_, Refusal>(site.origin())).await
}
