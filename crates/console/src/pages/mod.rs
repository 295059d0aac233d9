//! The web pages.

use axum::Router;

use crate::assets::Asset;
use crate::state::Shared;

/// Files that pages load.
pub(crate) const ASSETS: &[Asset] = &[];

/// The pages' routes.
pub fn router() -> Router<Shared> {
    Router::new()
}
