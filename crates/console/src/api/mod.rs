//! The API below `/api/v1`.

mod drills;
mod exposure;
mod guards;
mod idempotency;
mod input;
mod output;
mod volumes;

use utoipa_axum::router::OpenApiRouter;

pub(crate) use idempotency::idempotent;

use crate::state::Shared;

/// All routes with their description.
pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .merge(volumes::router())
        .merge(guards::router())
        .merge(drills::router())
        .merge(exposure::router())
}

/// The description of all routes.
pub(crate) fn description() -> utoipa::openapi::OpenApi {
    router().into_openapi()
}
