//! Notices: who was told what, and whether it arrived.

use axum::extract::State;
use axum::http::Uri;
use respond::notice::{self, Notice, NoticeId, NoticeState};
use respond::people::Role;
use respond::{Ledger, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::{Json, PageQuery, Path, Query};
use super::output::{self, Answer, Done, Rows};
use super::{reading, words};
use crate::auth::SignedIn;
use crate::problem::Refusal;
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(channels))
        .routes(routes!(test))
        .routes(routes!(acknowledge))
        .routes(routes!(retry))
        .routes(routes!(list))
}

/// A notice: one message to one recipient by one way.
#[derive(Debug, Serialize, ToSchema)]
struct NoticeView {
    /// Its number.
    id: i64,
    /// What it is about, like `incident/7`.
    subject: String,
    /// Why it is sent.
    #[schema(value_type = String)]
    telling: notice::Telling,
    /// The group that is told.
    group: String,
    /// The way.
    way: String,
    /// Who it is for, if the way doesn't say.
    name: String,
    /// How bad it is.
    severity: String,
    /// Its first line.
    title: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Time,
    /// `waiting`, `sent` or `dead`.
    #[schema(value_type = String)]
    state: NoticeState,
    /// How often it was tried.
    attempts: u32,
    /// When it is tried next.
    #[schema(value_type = Option<String>, format = DateTime)]
    next: Option<Time>,
    /// When it was sent.
    #[schema(value_type = Option<String>, format = DateTime)]
    sent: Option<Time>,
    /// What whoever takes it said last.
    answer: Option<String>,
}

impl From<Notice> for NoticeView {
    fn from(notice: Notice) -> Self {
        Self {
            id: notice.id.0,
            subject: notice.subject,
            telling: notice.telling,
            group: notice.group,
            way: notice.way,
            name: notice.name,
            severity: notice.severity.to_string(),
            title: notice.title,
            created: notice.created,
            state: notice.state,
            attempts: notice.attempts,
            next: notice.next,
            sent: notice.sent,
            answer: notice.answer,
        }
    }
}

/// Which notices.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// About this, like `incident/7`.
    subject: Option<String>,
    /// By this way.
    way: Option<String>,
    /// `waiting`, `sent` or `dead`.
    #[param(schema_with = words::notice_states)]
    state: Option<NoticeState>,
    /// Made at this time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Time>,
    /// Made at this time or earlier.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
}

/// Notices, newest first
#[utoipa::path(get, path = "/api/v1/notices", tag = "notices", params(Which, PageQuery), responses((status = 200, body = Vec<NoticeView>)))]
async fn list(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Query(which): Query<Which>,
    Query(page): Query<PageQuery>,
    uri: Uri,
) -> Answer<Rows<NoticeView>> {
    let filter = notice::Filter {
        subject: which.subject,
        way: which.way,
        state: which.state,
        since: which.since,
        until: which.until,
    };
    let read = move |ledger: &Ledger, page| ledger.notices(&filter, page);
    let page = (page, &uri);
    reading::list(
        &state,
        &signed_in,
        page,
        read,
        NoticeView::from,
        |notice: &NoticeView| notice.id,
    )
    .await
}

/// The ways by which notices can be sent, by name
#[utoipa::path(get, path = "/api/v1/notices/ways", tag = "notices", responses((status = 200, body = Vec<String>)))]
async fn channels(State(state): State<Shared>, signed_in: SignedIn) -> Answer<output::Json<Vec<String>>> {
    signed_in.require(Role::Viewer)?;
    state
        .ask(|site| Ok::<_, Refusal>(site.notice_channels()))
        .await
        .map(output::Json)
}

/// Send a notice that says that it is a test
#[utoipa::path(post, path = "/api/v1/notices/ways/{way}/test", tag = "notices", params(("way" = String, Path,)), responses((status = 204)))]
async fn test(State(state): State<Shared>, signed_in: SignedIn, Path(way): Path<String>) -> Answer<Done> {
    signed_in.require(Role::Operator)?;
    state
        .ask_long(move |site| site.test_notice(&signed_in.actor, &way))
        .await
        .map(|()| Done)
}

/// What is acknowledged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Subject {
    /// What the notices are about, like `incident/7`.
    subject: String,
}

/// Acknowledge what notices are about, which ends their escalation
#[utoipa::path(post, path = "/api/v1/notices/acknowledge", tag = "notices", request_body = Subject, responses((status = 204)))]
async fn acknowledge(State(state): State<Shared>, signed_in: SignedIn, Json(about): Json<Subject>) -> Answer<Done> {
    signed_in.require(Role::Operator)?;
    let now = state.site.now();
    let acknowledge = move |site: &dyn crate::Site| {
        site.desk()
            .write(|w| notice::acknowledge(w, now, &signed_in.actor, &about.subject))
    };
    state.ask(acknowledge).await.map(|()| Done)
}

/// Try a notice again that was given up
#[utoipa::path(post, path = "/api/v1/notices/{notice}/retry", tag = "notices", params(("notice" = i64, Path,)), responses((status = 204)))]
async fn retry(State(state): State<Shared>, signed_in: SignedIn, Path(id): Path<i64>) -> Answer<Done> {
    signed_in.require(Role::Operator)?;
    let now = state.site.now();
    let retry = move |site: &dyn crate::Site| {
        site.desk()
            .write(|w| notice::retry(w, now, &signed_in.actor, NoticeId(id)))
    };
    state.ask(retry).await.map(|()| Done)
}
