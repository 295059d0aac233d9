//! Actions: what was decided to be done, by whom, and how it ended.

use axum::extract::State;
use axum::http::Uri;
use respond::action::{self, Action, ActionId};
use respond::incident::IncidentId;
use respond::ocsf::of_action;
use respond::people::Role;
use respond::{Ledger, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::{PageQuery, Path, Query};
use super::output::{self, Answer, Rows};
use super::reading;
use super::views::ActorView;
use crate::auth::SignedIn;
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(ocsf))
        .routes(routes!(show))
}

/// An action.
#[derive(Debug, Serialize, ToSchema)]
struct ActionView {
    /// Its number.
    id: i64,
    /// `pin`, `fence`, `release`, `sensitivity`, `drill`, `notify`, `webhook` or `command`.
    kind: String,
    /// The same in words, with its object.
    text: String,
    /// The volume that it concerns.
    volume: Option<String>,
    /// Who decided.
    by: ActorView,
    /// Why.
    because: String,
    /// The alert that it answers.
    alert: Option<i64>,
    /// The incident that it belongs to.
    incident: Option<i64>,
    /// The request for an approval that it waits for, or waited for.
    request: Option<i64>,
    /// When it was decided.
    #[schema(value_type = String, format = DateTime)]
    planned: Time,
    /// When it began.
    #[schema(value_type = Option<String>, format = DateTime)]
    started: Option<Time>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended: Option<Time>,
    /// `waiting`, `planned`, `started`, `done`, `failed`, `not-run` or `unknown`.
    state: String,
    /// What came of it, or why nothing did.
    outcome: Option<String>,
}

impl From<Action> for ActionView {
    fn from(action: Action) -> Self {
        Self {
            id: action.id.0,
            kind: action.kind.name().to_owned(),
            text: action.kind.text(),
            volume: action.kind.volume().map(str::to_owned),
            by: action.by.into(),
            because: action.because,
            alert: action.alert.map(|id| id.0),
            incident: action.incident.map(|id| id.0),
            request: action.request.map(|id| id.0),
            planned: action.planned,
            started: action.started,
            ended: action.ended,
            state: action.state.name().to_owned(),
            outcome: action.state.outcome().map(str::to_owned),
        }
    }
}

/// Which actions.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Of this incident.
    incident: Option<i64>,
    /// On this volume.
    volume: Option<String>,
    /// In this state.
    state: Option<String>,
}

impl Which {
    fn filter(self) -> action::Filter {
        action::Filter {
            alert: None,
            incident: self.incident.map(IncidentId),
            volume: self.volume,
            state: self.state,
        }
    }
}

/// Actions, newest first
#[utoipa::path(get, path = "/api/v1/actions", tag = "actions", params(Which, PageQuery), responses((status = 200, body = Vec<ActionView>)))]
async fn list(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Query(which): Query<Which>,
    Query(page): Query<PageQuery>,
    uri: Uri,
) -> Answer<Rows<ActionView>> {
    let filter = which.filter();
    let read = move |ledger: &Ledger, page| ledger.actions(&filter, page);
    let page = (page, &uri);
    reading::list(
        &state,
        &signed_in,
        page,
        read,
        ActionView::from,
        |action: &ActionView| action.id,
    )
    .await
}

/// Actions that have ended as remediations of the Open Cybersecurity Schema Framework, newest first
#[utoipa::path(get, path = "/api/v1/actions/ocsf", tag = "actions", params(Which, PageQuery), responses((status = 200, body = Vec<Object>)))]
async fn ocsf(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Query(which): Query<Which>,
    Query(page): Query<PageQuery>,
    uri: Uri,
) -> Answer<Rows<Value>> {
    let filter = which.filter();
    let read = move |ledger: &Ledger, page| ledger.actions(&filter, page);
    let actions = reading::list(
        &state,
        &signed_in,
        (page, &uri),
        read,
        |action| action,
        |action: &Action| action.id.0,
    )
    .await?;
    let origin = reading::origin(&state).await?;
    Ok(actions.each(|action| Vec::from_iter(of_action(&action, &origin))))
}

/// One action
#[utoipa::path(get, path = "/api/v1/actions/{action}", tag = "actions", params(("action" = i64, Path,)), responses((status = 200, body = ActionView)))]
async fn show(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
) -> Answer<output::Json<ActionView>> {
    signed_in.require(Role::Viewer)?;
    let action = reading::one(&state, "action", id, move |ledger| ledger.action(ActionId(id)));
    action.await.map(|action| output::Json(action.into()))
}
