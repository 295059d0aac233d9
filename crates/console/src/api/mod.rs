//! The API below `/api/v1`.

mod idempotency;

use utoipa_axum::router::OpenApiRouter;

pub(crate) use idempotency::idempotent;

use crate::state::Shared;

/// All routes with their description.
pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
}

/// The description of all routes.
pub(crate) fn description() -> utoipa::openapi::OpenApi {
    router().into_openapi()
}
