//! Incidents: which there are, what one is, what to decide, and its file.

mod decisions;
mod file;
mod file_routes;
mod list;
mod one;
mod routes;
mod timeline;

use axum::Router;

use crate::state::Shared;

pub(super) fn router() -> Router<Shared> {
    routes::router().merge(file_routes::router())
}
