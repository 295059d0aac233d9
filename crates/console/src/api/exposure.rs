//! The breach monitor.

use axum::extract::State;
use respond::people::Role;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::output::{self, Answer};
use crate::auth::SignedIn;
use crate::site::ExposureView;
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default().routes(routes!(show))
}

/// What is loaded, and who is watched
#[utoipa::path(get, path = "/api/v1/exposure", tag = "exposure", responses((status = 200, body = ExposureView)))]
async fn show(State(state): State<Shared>, signed_in: SignedIn) -> Answer<output::Json<ExposureView>> {
    signed_in.require(Role::Viewer)?;
    state.ask(|site| site.exposure()).await.map(output::Json)
}
