//! The API below `/api/v1`.

mod actions;
mod alerts;
mod approvals;
mod drills;
mod events;
mod exposure;
mod guards;
mod idempotency;
mod incident_file;
mod incidents;
mod input;
mod ledger;
mod marks;
mod me;
mod notices;
mod output;
mod people;
mod policies;
mod reading;
mod sign_in;
mod streamed;
mod system;
mod tokens;
mod views;
mod volumes;
mod words;

use utoipa::OpenApi;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Object, ObjectBuilder, Ref, RefOr, Type};
use utoipa_axum::router::OpenApiRouter;

pub(crate) use idempotency::idempotent;
pub(crate) use policies::past as past_alerts;
pub(crate) use system::probes;

use crate::state::Shared;

/// What the description says about the API as a whole.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Holdfast",
        description = "Disks that forget nothing: volumes, guards, drills, incidents, policies, approvals and the ledger. Errors are \
                       problem details (RFC 9457). Lists are newest first and come in pages; `Link` names the next one. A POST with \
                       `Idempotency-Key` is carried out once within 24 hours.",
        license(name = "Apache-2.0 OR MIT")
    ),
    security(("token" = []), ("session" = []))
)]
struct Description;

/// All routes with their description.
pub(crate) fn router() -> OpenApiRouter<Shared> {
    let mut description = Description::openapi();
    let components = description.components.get_or_insert_default();
    let token = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    components.add_security_scheme("token", token);
    let session = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("holdfast")));
    components.add_security_scheme("session", session);
    OpenApiRouter::with_openapi(description)
        .merge(system::router())
        .merge(volumes::router())
        .merge(guards::router())
        .merge(alerts::router())
        .merge(marks::router())
        .merge(incidents::router())
        .merge(incident_file::router())
        .merge(policies::router())
        .merge(actions::router())
        .merge(approvals::router())
        .merge(drills::router())
        .merge(exposure::router())
        .merge(notices::router())
        .merge(ledger::router())
        .merge(events::router())
        .merge(sign_in::router())
        .merge(me::router())
        .merge(people::router())
        .merge(tokens::router())
}

/// The description of all routes.
pub(crate) fn description() -> utoipa::openapi::OpenApi {
    let mut description = router().into_openapi();
    for (address, path) in &mut description.paths.paths {
        let part = address.split('/').nth(3).unwrap_or_default().replace(['.', '-'], "_");
        let operations = [
            &mut path.get,
            &mut path.put,
            &mut path.post,
            &mut path.delete,
            &mut path.patch,
        ];
        for operation in operations.into_iter().flatten() {
            // Programs that are made of the description call operations by these names: each is there once.
            if let Some(name) = &mut operation.operation_id {
                *name = format!("{part}_{name}");
            }
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(parameter) = parameter
                    && matches!(parameter.name.as_str(), "volume" | "pin")
                    && parameter.parameter_in == ParameterIn::Path
                {
                    parameter.schema = Some(RefOr::T(volume_name().into()));
                }
            }
            let refusals = operation.responses.responses.entry("default".to_owned());
            refusals.or_insert_with(|| refusal().into());
        }
    }
    description
}

/// What a volume or a pin may be called.
fn volume_name() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .max_length(Some(64))
        .pattern(Some("^[A-Za-z0-9][A-Za-z0-9._-]*$"))
        .build()
}

/// How every refusal looks, whichever operation it is of.
fn refusal() -> Response {
    let document = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("ProblemDocument")))
        .build();
    ResponseBuilder::new()
        .description("What happened, what it means and what to do next")
        .content("application/problem+json", document)
        .build()
}
