//! The ledger: records of who did what, checked and exported.

use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use respond::ledger::{self, Verification};
use respond::people::Role;
use respond::{Sequence, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::{Path, Query, most};
use super::output::{self, Answer, Rows};
use super::reading;
use super::views::RecordView;
use crate::auth::SignedIn;
use crate::problem::Refusal;
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(records))
        .routes(routes!(record))
        .routes(routes!(verify))
        .routes(routes!(export))
}

/// Which records.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// After this one.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// How many; 50 if it isn't given, 500 at most.
    #[param(minimum = 1, maximum = 500)]
    most: Option<usize>,
    /// About this, like `incident/7`.
    subject: Option<String>,
    /// Whose kind is this or begins with it, like `incident.`.
    kind: Option<String>,
    /// Of this time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Time>,
    /// Of this time or earlier.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
}

/// The record after which a list begins.
pub(super) fn after(after: Option<i64>) -> Answer<Sequence> {
    match after.unwrap_or(0) {
        after if after >= 0 => Ok(Sequence(after)),
        _ => Err(Refusal::invalid("`after` must be 0 or more")),
    }
}

/// Records, oldest first
#[utoipa::path(get, path = "/api/v1/ledger/records", tag = "ledger", params(Which), responses((status = 200, body = Vec<RecordView>)))]
async fn records(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Query(which): Query<Which>,
    uri: Uri,
) -> Answer<Rows<RecordView>> {
    signed_in.require(Role::Auditor)?;
    let most = most(which.most)?;
    let filter = ledger::Filter {
        after: after(which.after)?,
        subject: which.subject,
        kind: which.kind,
        actor: None,
        since: which.since,
        until: which.until,
    };
    let records = state
        .ask(move |site| site.desk().read(|ledger| ledger.records(&filter, most)))
        .await?;
    let rows = records.into_iter().map(RecordView::from).collect();
    Ok(Rows::after(rows, most, &uri, |record| record.sequence))
}

/// One record
#[utoipa::path(get, path = "/api/v1/ledger/records/{sequence}", tag = "ledger", params(("sequence" = i64, Path,)), responses((status = 200, body = RecordView)))]
async fn record(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
) -> Answer<output::Json<RecordView>> {
    signed_in.require(Role::Auditor)?;
    let record = reading::one(&state, "record", id, move |ledger| ledger.record(Sequence(id)));
    record.await.map(|record| output::Json(record.into()))
}

/// What a check of the whole ledger found.
#[derive(Debug, Serialize, ToSchema)]
struct VerificationView {
    /// Whether nothing is wrong.
    intact: bool,
    /// Records that were read.
    records: u64,
    /// The newest record.
    newest: Option<i64>,
    /// Its hash as computed: whoever noted an earlier one can compare.
    hash: Option<String>,
    /// Signed heads that agree with the chain.
    heads: u64,
    /// How much is wrong.
    finding_count: u64,
    /// What is wrong, the first record first; the first 20.
    findings: Vec<FindingView>,
}

/// Something that is wrong.
#[derive(Debug, Serialize, ToSchema)]
struct FindingView {
    /// The record.
    sequence: i64,
    /// What was found, what it means, and what to do.
    text: String,
}

impl From<Verification> for VerificationView {
    fn from(found: Verification) -> Self {
        let findings = found.findings.iter().map(|finding| FindingView {
            sequence: finding.sequence.0,
            text: finding.text.clone(),
        });
        Self {
            intact: found.is_intact(),
            records: found.records,
            newest: found.newest.map(|head| head.sequence.0),
            hash: found.newest.map(|head| head.hash.to_string()),
            heads: found.heads,
            finding_count: found.finding_count,
            findings: findings.collect(),
        }
    }
}

/// Check the whole ledger: whether every record is as it was written, and none is missing
#[utoipa::path(post, path = "/api/v1/ledger/verify", tag = "ledger", responses((status = 200, body = VerificationView)))]
async fn verify(State(state): State<Shared>, signed_in: SignedIn) -> Answer<output::Json<VerificationView>> {
    signed_in.require(Role::Auditor)?;
    let verify = |site: &dyn crate::Site| {
        let heads = site.ledger_heads();
        site.desk().read(|ledger| ledger::verify(ledger, &heads))
    };
    state.ask_long(verify).await.map(|found| output::Json(found.into()))
}

/// Where an export begins.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct After {
    /// After this record.
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// All records with their hashes, a JSON object in each line; then the signed heads
#[utoipa::path(get, path = "/api/v1/ledger/export", tag = "ledger", params(After), responses((status = 200, body = String, content_type = "application/x-ndjson")))]
async fn export(State(state): State<Shared>, signed_in: SignedIn, Query(from): Query<After>) -> Answer<Response> {
    signed_in.require(Role::Auditor)?;
    let after = after(from.after)?;
    let body = super::streamed::streamed(&state, move |site, to| {
        let heads = site.ledger_heads();
        site.desk()
            .read(|ledger| ledger::export(ledger, after, &heads, to).map(drop))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"ledger.ndjson\""),
    ];
    Ok((headers, body).into_response())
}
