//! `Idempotency-Key`: a request that is repeated, because its answer got lost, is carried out once.
//!
//! Order: the key is noted as begun before the request is carried out, and its answer is kept after. A program that was killed in
//! between leaves a key that is begun: whoever repeats the request is told to look whether it was done.

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use respond::people::{self, KeptAnswer};

use crate::auth::SignedIn;
use crate::problem::Refusal;
use crate::state::Shared;

/// The header.
const HEADER: &str = "idempotency-key";
/// The longest key.
const KEY_BYTES_MAX: usize = 255;
/// The longest answer that is kept.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Says that the answer is that of an earlier request.
const REPLAYED: &str = "idempotency-replayed";
/// Whose requests may be repeated: pages, which show secrets too, are for people.
const API: &str = "/api/v1/";
/// Paths whose answers have secrets in them, which are shown once and nowhere kept.
const SECRET_PATHS: [&str; 5] = [
    "/api/v1/sign-in",
    "/api/v1/set-up",
    "/api/v1/me",
    "/api/v1/people",
    "/api/v1/tokens",
];

/// What was found of a key.
enum Known {
    /// Nothing: it is noted as begun now.
    New,
    /// The answer.
    Answered(KeptAnswer),
    /// It was begun, and has no answer yet.
    Begun,
    /// It was used for another request.
    Other,
}

/// Carries a request out, unless it was before: then it gets the same answer.
pub(crate) async fn idempotent(State(state): State<Shared>, request: Request, next: Next) -> Response {
    let key = request
        .headers()
        .get(HEADER)
        .map(|key| key.to_str().unwrap_or_default().to_owned());
    let signed_in = request.extensions().get::<SignedIn>().cloned();
    let (Some(key), Some(signed_in), &Method::POST) = (key, signed_in, request.method()) else {
        return next.run(request).await;
    };
    let path = request.uri().path();
    if !path.starts_with(API) || SECRET_PATHS.iter().any(|secret| path.starts_with(secret)) {
        return next.run(request).await;
    }
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Refusal::invalid(format!("`Idempotency-Key` may have 1 to {KEY_BYTES_MAX} bytes")).into_response();
    }
    // On a task of its own: a client that goes away, whose answer is lost, doesn't break it off.
    let work = tokio::spawn(async move { carry_out(&state, signed_in, key, request, next).await });
    let done = work.await.unwrap_or_else(|_| {
        Err(Refusal::failed(
            "the request could not be carried out; the log says why",
        ))
    });
    done.unwrap_or_else(IntoResponse::into_response)
}

async fn carry_out(
    state: &Shared,
    signed_in: SignedIn,
    key: String,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let body = whole(body).await?;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let hash = KeptAnswer::request(parts.method.as_str(), path, &body);
    let holder = serde_json::to_string(&signed_in.actor).unwrap_or_default();
    match begin(state, holder.clone(), key.clone(), hash).await? {
        Known::New => {}
        Known::Answered(kept) => return Ok(replayed(kept)),
        Known::Begun => {
            let detail = "a request with this key was begun and has no answer: it is still carried out, or the program ended \
                          meanwhile";
            return Err(Refusal::new(StatusCode::CONFLICT, "in-progress", detail)
                .hint("wait, then look whether it was done before you repeat it with another key"));
        }
        Known::Other => {
            let detail = "this key was used for another request within the last 24 hours";
            return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "key-reused", detail)
                .hint("use a new key for every request"));
        }
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    let (parts, body) = response.into_parts();
    let body = whole(body).await?;
    let content_type = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kept = KeptAnswer {
        request: hash,
        status: parts.status.as_u16(),
        content_type: content_type.unwrap_or_default().to_owned(),
        body: body.to_vec(),
    };
    let (now, is_final) = (state.site.now(), !parts.status.is_server_error());
    let keep = move |site: &dyn crate::Site| {
        site.desk().write(|w| {
            if is_final {
                people::keep_answer(w, now, &holder, &key, &kept)
            } else {
                people::forget_answer(w, &holder, &key)
            }
        })
    };
    state.ask(keep).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Looks a key up, and notes it as begun if it is new.
async fn begin(state: &Shared, holder: String, key: String, request: [u8; 32]) -> Result<Known, Refusal> {
    let now = state.site.now();
    let look = move |site: &dyn crate::Site| {
        site.desk().write(|w| {
            let known = people::begin_answer(w, now, &holder, &key, request)?;
            Ok::<_, respond::Error>(match known {
                None => Known::New,
                Some(kept) if kept.request != request => Known::Other,
                Some(kept) if kept.status == 0 => Known::Begun,
                Some(kept) => Known::Answered(kept),
            })
        })
    };
    state.ask(look).await
}

fn replayed(kept: KeptAnswer) -> Response {
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let mut response = (status, kept.body).into_response();
    let headers = response.headers_mut();
    match HeaderValue::from_str(&kept.content_type) {
        Ok(kind) if !kept.content_type.is_empty() => headers.insert(header::CONTENT_TYPE, kind),
        _ => headers.remove(header::CONTENT_TYPE),
    };
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

async fn whole(body: Body) -> Result<Bytes, Refusal> {
    axum::body::to_bytes(body, ANSWER_BYTES_MAX)
        .await
        .map_err(|_| Refusal::failed("the answer is too long to be kept; repeat the request without `Idempotency-Key`"))
}
