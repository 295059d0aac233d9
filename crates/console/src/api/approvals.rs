//! Approvals: asking, approving and refusing, and the rules.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::Uri;
use respond::approval::{self, Approvers, Operation, Request, RequestId, RequestState, Rule, Rules, Wish};
use respond::people::Role;
use respond::{Actor, Error, Ledger, Time, Writing};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::{Json, PageQuery, Path, Query};
use super::output::{self, Answer, Done, Made, Rows};
use super::people::RoleName;
use super::reading;
use super::views::ActorView;
use super::words::{self, OperationName};
use crate::auth::SignedIn;
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(rules, set_rules, turn_off))
        .routes(routes!(list, ask))
        .routes(routes!(show, withdraw))
        .routes(routes!(approve))
        .routes(routes!(refuse))
}

/// Somebody's approval.
#[derive(Debug, Serialize, ToSchema)]
struct VoteView {
    /// Who.
    by: ActorView,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    time: Time,
    /// What they wrote about it.
    note: String,
}

/// Something that somebody asks to be allowed.
#[derive(Debug, Serialize, ToSchema)]
struct RequestView {
    /// Its number.
    id: i64,
    /// What, like `delete-volume`.
    operation: String,
    /// To what.
    subject: String,
    /// How exactly.
    detail: String,
    /// Why.
    because: String,
    /// Who asks.
    asked_by: ActorView,
    /// When it was asked.
    #[schema(value_type = String, format = DateTime)]
    asked: Time,
    /// Until when it can be approved.
    #[schema(value_type = String, format = DateTime)]
    expires: Time,
    /// How many have to approve.
    needed: u32,
    /// Who has.
    approvals: Vec<VoteView>,
    /// `waiting`, `approved`, `used`, `refused`, `withdrawn` or `expired`.
    state: String,
    /// When it was decided.
    #[schema(value_type = Option<String>, format = DateTime)]
    decided: Option<Time>,
    /// Until when it can be used.
    #[schema(value_type = Option<String>, format = DateTime)]
    usable_until: Option<Time>,
    /// Whether glass was broken for it: nobody approved.
    glass_broken: bool,
}

impl RequestView {
    fn new(request: Request, now: Time) -> Self {
        let state = request.state_at(now).name().to_owned();
        let votes = request.approvals.into_iter().map(|vote| VoteView {
            by: vote.by.into(),
            time: vote.time,
            note: vote.note,
        });
        Self {
            id: request.id.0,
            operation: request.operation.name().to_owned(),
            subject: request.subject,
            detail: request.detail,
            because: request.because,
            asked_by: request.asked_by.into(),
            asked: request.asked,
            expires: request.expires,
            needed: request.needed,
            approvals: votes.collect(),
            state,
            decided: request.decided,
            usable_until: request.usable_until,
            glass_broken: request.glass_broken,
        }
    }
}

/// Which requests.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// In this state.
    #[param(schema_with = words::request_states)]
    state: Option<RequestState>,
    /// For this operation.
    #[param(schema_with = words::operations)]
    operation: Option<Operation>,
    /// About this subject.
    subject: Option<String>,
}

/// Requests, newest first
#[utoipa::path(get, path = "/api/v1/approvals", tag = "approvals", params(Which, PageQuery), responses((status = 200, body = Vec<RequestView>)))]
async fn list(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Query(which): Query<Which>,
    Query(page): Query<PageQuery>,
    uri: Uri,
) -> Answer<Rows<RequestView>> {
    let now = state.site.now();
    let filter = approval::Filter {
        state: which.state,
        operation: which.operation,
        subject: which.subject,
    };
    let read = move |ledger: &Ledger, page| ledger.requests(&filter, page);
    let view = |request| RequestView::new(request, now);
    let page = (page, &uri);
    reading::list(&state, &signed_in, page, read, view, |request: &RequestView| request.id).await
}

async fn find(state: &Shared, id: i64) -> Answer<RequestView> {
    let now = state.site.now();
    let request = reading::one(state, "request", id, move |ledger| ledger.request(RequestId(id)));
    request.await.map(|request| RequestView::new(request, now))
}

/// One request
#[utoipa::path(get, path = "/api/v1/approvals/{request}", tag = "approvals", params(("request" = i64, Path,)), responses((status = 200, body = RequestView)))]
async fn show(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
) -> Answer<output::Json<RequestView>> {
    signed_in.require(Role::Viewer)?;
    find(&state, id).await.map(output::Json)
}

/// What is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Asking {
    /// What, like `delete-volume`.
    #[schema(schema_with = words::operations)]
    operation: Operation,
    /// To what.
    subject: String,
    /// How exactly.
    #[serde(default)]
    detail: String,
    /// Why.
    #[schema(min_length = 1)]
    because: String,
}

/// Ask for an approval
#[utoipa::path(post, path = "/api/v1/approvals", tag = "approvals", request_body = Asking, responses((status = 201, body = RequestView)))]
async fn ask(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Json(asking): Json<Asking>,
) -> Answer<Made<RequestView>> {
    signed_in.require(Role::Operator)?;
    let now = state.site.now();
    let wish = Wish {
        operation: asking.operation,
        subject: asking.subject,
        detail: asking.detail,
        because: asking.because,
    };
    let ask = move |site: &dyn crate::Site| site.desk().write(|w| approval::ask(w, now, &signed_in.actor, &wish));
    let id = state.ask(ask).await?;
    find(&state, id.0).await.map(Made)
}

/// Take back what one asked for
#[utoipa::path(delete, path = "/api/v1/approvals/{request}", tag = "approvals", params(("request" = i64, Path,)), responses((status = 204)))]
async fn withdraw(State(state): State<Shared>, signed_in: SignedIn, Path(id): Path<i64>) -> Answer<Done> {
    signed_in.require(Role::Operator)?;
    let now = state.site.now();
    let withdraw = move |site: &dyn crate::Site| {
        site.desk()
            .write(|w| approval::withdraw(w, now, &signed_in.actor, RequestId(id)))
    };
    state.ask(withdraw).await.map(|()| Done)
}

/// What somebody writes about their decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Note {
    /// The text.
    #[serde(default)]
    note: String,
}

/// Decides about a request: a person who signed in lately.
async fn decide(
    state: &Shared,
    signed_in: SignedIn,
    id: i64,
    work: impl FnOnce(&mut Writing<'_>, Time, &Actor, RequestId) -> Result<(), Error> + Send + 'static,
) -> Answer<output::Json<RequestView>> {
    signed_in.require(Role::Operator)?;
    signed_in.require_recent(state)?;
    let now = state.site.now();
    let work = move |site: &dyn crate::Site| site.desk().write(|w| work(w, now, &signed_in.actor, RequestId(id)));
    state.ask(work).await?;
    find(state, id).await.map(output::Json)
}

/// Approve a request of somebody else
#[utoipa::path(post, path = "/api/v1/approvals/{request}/approve", tag = "approvals", params(("request" = i64, Path,)), request_body = Note, responses((status = 200, body = RequestView)))]
async fn approve(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
    Json(note): Json<Note>,
) -> Answer<output::Json<RequestView>> {
    let approve = move |w: &mut Writing<'_>, now: Time, by: &Actor, id: RequestId| {
        approval::approve(w, now, by, id, &note.note).map(drop)
    };
    decide(&state, signed_in, id, approve).await
}

/// Refuse a request
#[utoipa::path(post, path = "/api/v1/approvals/{request}/refuse", tag = "approvals", params(("request" = i64, Path,)), request_body = Note, responses((status = 200, body = RequestView)))]
async fn refuse(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
    Json(note): Json<Note>,
) -> Answer<output::Json<RequestView>> {
    let refuse =
        move |w: &mut Writing<'_>, now: Time, by: &Actor, id: RequestId| approval::refuse(w, now, by, id, &note.note);
    decide(&state, signed_in, id, refuse).await
}

/// Who may approve: whoever may do what a role may, or certain people by the names of their accounts.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged, expecting = "`approvers` is an object with either `role` or `people`")]
enum ApproversView {
    /// Whoever may do what this role may.
    Role(RoleOfApprovers),
    /// Certain people.
    People(NamesOfApprovers),
}

/// Whoever may do what a role may.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RoleOfApprovers {
    /// The role.
    role: RoleName,
}

/// Certain people.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NamesOfApprovers {
    /// Names of their accounts.
    people: Vec<String>,
}

/// What an operation needs.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RuleView {
    /// So many people other than the one who asks.
    #[schema(minimum = 1, maximum = 20)]
    #[serde(deserialize_with = "words::whole")]
    quorum: u64,
    /// Who may approve.
    approvers: ApproversView,
    /// For how long a request can be approved.
    #[schema(minimum = 60, maximum = 2_592_000)]
    #[serde(deserialize_with = "words::whole")]
    approval_seconds: u64,
    /// For how long what was approved can be done.
    #[schema(minimum = 60, maximum = 2_592_000)]
    #[serde(deserialize_with = "words::whole")]
    execution_seconds: u64,
}

/// The rules of approvals.
#[derive(Debug, Serialize, ToSchema)]
struct RulesView {
    /// Whether approvals are on.
    on: bool,
    /// The rules in force, by operation; those that would be in force if they are off.
    rules: BTreeMap<OperationName, RuleView>,
}

fn view(rules: Rules) -> BTreeMap<OperationName, RuleView> {
    let each = rules.0.into_iter().map(|(operation, rule)| {
        let view = RuleView {
            quorum: rule.quorum.into(),
            approvers: match rule.approvers {
                Approvers::Role(role) => ApproversView::Role(RoleOfApprovers { role: role.into() }),
                Approvers::People(people) => ApproversView::People(NamesOfApprovers { people }),
            },
            approval_seconds: rule.approval_seconds,
            execution_seconds: rule.execution_seconds,
        };
        (OperationName(operation), view)
    });
    each.collect()
}

fn parse(views: BTreeMap<OperationName, RuleView>) -> Rules {
    let each = views.into_iter().map(|(operation, view)| {
        let rule = Rule {
            // What is too much for a quorum is refused with the reason, not here.
            quorum: u32::try_from(view.quorum).unwrap_or(u32::MAX),
            approvers: match view.approvers {
                ApproversView::Role(RoleOfApprovers { role }) => Approvers::Role(role.into()),
                ApproversView::People(NamesOfApprovers { people }) => Approvers::People(people),
            },
            approval_seconds: view.approval_seconds,
            execution_seconds: view.execution_seconds,
        };
        (operation.0, rule)
    });
    Rules(each.collect())
}

/// The rules of approvals
#[utoipa::path(get, path = "/api/v1/approvals/rules", tag = "approvals", responses((status = 200, body = RulesView)))]
async fn rules(State(state): State<Shared>, signed_in: SignedIn) -> Answer<output::Json<RulesView>> {
    signed_in.require(Role::Viewer)?;
    read_rules(&state).await
}

async fn read_rules(state: &Shared) -> Answer<output::Json<RulesView>> {
    let read = |site: &dyn crate::Site| {
        site.desk()
            .read(|ledger| Ok((approval::is_on(ledger)?, approval::rules(ledger)?)))
    };
    let (on, rules) = state.ask::<_, Error>(read).await?;
    Ok(output::Json(RulesView { on, rules: view(rules) }))
}

/// Change the rules of approvals, or turn them on
///
/// Weaker rules need an approved request under the rules before.
#[utoipa::path(put, path = "/api/v1/approvals/rules", tag = "approvals", request_body = BTreeMap<OperationName, RuleView>, responses((status = 200, body = RulesView)))]
async fn set_rules(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Json(views): Json<BTreeMap<OperationName, RuleView>>,
) -> Answer<output::Json<RulesView>> {
    signed_in.require(Role::Admin)?;
    signed_in.require_recent(&state)?;
    let (rules, now) = (parse(views), state.site.now());
    let set = move |site: &dyn crate::Site| {
        let is_on = site.desk().read(approval::is_on)?;
        site.desk().write(|w| {
            let by = &signed_in.actor;
            if is_on {
                approval::set_rules(w, now, by, &rules)
            } else {
                approval::enable(w, now, by, &rules)
            }
        })
    };
    state.ask::<_, Error>(set).await?;
    read_rules(&state).await
}

/// Turn approvals off, which needs an approved request
#[utoipa::path(delete, path = "/api/v1/approvals/rules", tag = "approvals", responses((status = 204)))]
async fn turn_off(State(state): State<Shared>, signed_in: SignedIn) -> Answer<Done> {
    signed_in.require(Role::Admin)?;
    signed_in.require_recent(&state)?;
    let now = state.site.now();
    let disable = move |site: &dyn crate::Site| site.desk().write(|w| approval::disable(w, now, &signed_in.actor));
    state.ask(disable).await.map(|()| Done)
}
