//! Finds out who asks, once a request, and refuses requests that other websites cause.

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::LengthLimitError;
use respond::people::{self, Role, SessionLimits};
use respond::{Actor, Time};

use super::cookie::{self, Purpose};
use super::signed_in::{Peer, Proof, SignedIn, is_api};
use crate::problem::Refusal;
use crate::state::Shared;

/// The header with a session's token against requests of other websites.
const CSRF_HEADER: &str = "x-csrf-token";
/// The field of forms with the same.
const CSRF_FIELD: &str = "csrf";
/// A session's and a token's last use is written down at most this often.
const TOUCH_EVERY_MS: i64 = 60_000;

/// Bytes of a body at most of whoever isn't signed in.
const STRANGERS_BODY_BYTES: usize = 128 << 10;

/// The secret of the session that a request came with.
#[derive(Clone, Debug)]
pub(crate) struct SessionSecret(pub(crate) String);

/// Puts [`SignedIn`] among the request's extensions, if somebody is.
pub(crate) async fn authenticate(State(state): State<Shared>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().cloned();
    let found = match who(&state, request.headers(), peer.as_ref()).await {
        Ok(found) => found,
        Err(refusal) => return refusal.into_response(),
    };
    let limits = &state.settings.limits;
    let most = if found.is_some() {
        limits.body_bytes
    } else {
        limits.body_bytes.min(STRANGERS_BODY_BYTES)
    };
    let (parts, body) = request.into_parts();
    let body = match tokio::time::timeout(limits.body_time, whole(body, most)).await {
        Ok(Ok(body)) => body,
        Ok(Err(refusal)) => return closing(refusal),
        Err(_) => return closing(too_slow()),
    };
    if is_unsafe(&parts.method) && !matches!(peer, Some(Peer::Local(_))) {
        let secret = found.as_ref().and_then(|(_, secret)| secret.as_deref());
        if let Err(refusal) = check_origin(&state, &parts.headers, &body, secret) {
            return refusal.into_response();
        }
    }
    request = Request::from_parts(parts, Body::from(body));
    // Pages are for people: what they do belongs to no scope, so that a token would open all of it.
    let is_page = !is_api(request.uri().path());
    let found = found.filter(|(signed_in, _)| !is_page || !matches!(signed_in.proof, Proof::Token { .. }));
    if let Some((signed_in, secret)) = found {
        if let Proof::Token { scopes } = &signed_in.proof
            && let Err(refusal) = check_scope(request.uri().path(), scopes)
        {
            return refusal.into_response();
        }
        if let Some(secret) = secret {
            request.extensions_mut().insert(SessionSecret(secret));
        }
        request.extensions_mut().insert(signed_in);
    }
    next.run(request).await
}

/// Whether a method may change something.
fn is_unsafe(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

/// Somebody, with the secret of their session if they have one.
type Found = Option<(SignedIn, Option<String>)>;

/// Finds out by a request's headers who asks: also later, for an answer that goes on.
pub(crate) async fn who(state: &Shared, headers: &HeaderMap, peer: Option<&Peer>) -> Result<Found, Refusal> {
    if let Some(Peer::Local(actor)) = peer {
        let signed_in = SignedIn {
            actor: actor.clone(),
            role: Role::Admin,
            csrf: String::new(),
            proof: Proof::Local,
        };
        return Ok(Some((signed_in, None)));
    }
    if let Some(authorization) = headers.get(header::AUTHORIZATION) {
        let text = authorization.to_str().unwrap_or_default();
        let token = text
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let Some((_, token)) = token else {
            return Err(Refusal::not_signed_in());
        };
        return holder(state, token.trim().to_owned())
            .await
            .map(|signed_in| Some((signed_in, None)));
    }
    let secret = cookie::read(headers, Purpose::Session, state.settings.is_secure());
    match secret.map(str::to_owned) {
        Some(secret) => session(state, secret).await,
        None => Ok(None),
    }
}

/// Whoever holds a token. One that isn't valid is an error, not nobody: a program is told what is wrong.
async fn holder(state: &Shared, text: String) -> Result<SignedIn, Refusal> {
    let now = state.site.now();
    let found = state
        .ask(move |site| {
            let token = site.desk().read(|ledger| people::token(ledger, now, &text))?;
            if let Some(token) = &token
                && is_stale(token.last_used, now)
            {
                // Where it can't be noted, because a disk is full for instance, nobody is kept out.
                let _ = site.desk().write(|w| people::used_token(w, now, token.id));
            }
            Ok::<_, respond::Error>(token)
        })
        .await?;
    let token = found.ok_or_else(|| {
        Refusal::new(
            StatusCode::UNAUTHORIZED,
            "token-refused",
            "the token isn't valid, has expired or was revoked",
        )
        .hint("make another one: `holdfast console tokens make NAME`")
    })?;
    Ok(SignedIn {
        actor: Actor::Token(token.made.name),
        role: token.made.role,
        csrf: String::new(),
        proof: Proof::Token {
            scopes: token.made.scopes,
        },
    })
}

async fn session(state: &Shared, secret: String) -> Result<Found, Refusal> {
    let now = state.site.now();
    let limits = session_limits(state);
    state
        .ask(move |site| {
            let session = site
                .desk()
                .read(|ledger| people::session(ledger, now, &secret, limits))?;
            let Some(session) = session else {
                return Ok::<_, respond::Error>(None);
            };
            if is_stale(Some(session.seen), now) {
                // The same.
                let _ = site.desk().write(|w| people::touch_session(w, now, session.id));
            }
            let signed_in = SignedIn {
                actor: Actor::Person(session.name),
                role: session.role,
                csrf: cookie::csrf(&secret),
                proof: Proof::Session {
                    id: session.id,
                    account: session.account,
                    signed_in: session.began,
                },
            };
            Ok(Some((signed_in, Some(secret))))
        })
        .await
}

/// How long sessions last.
pub(crate) fn session_limits(state: &Shared) -> SessionLimits {
    let millis = |time: std::time::Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    SessionLimits {
        idle_ms: millis(state.settings.idle),
        lasting_ms: millis(state.settings.lasting),
    }
}

fn is_stale(last: Option<Time>, now: Time) -> bool {
    last.is_none_or(|last| now.millis_since(last) >= TOUCH_EVERY_MS)
}

/// Refuses a token outside of the parts of the API that it is for.
fn check_scope(path: &str, scopes: &[people::Scope]) -> Result<(), Refusal> {
    let part = path
        .strip_prefix("/api/v1/")
        .unwrap_or_else(|| path.trim_start_matches('/'));
    let part = part.split('/').next().unwrap_or_default();
    let part = match part {
        "health" | "overview" | "settings" | "openapi.json" => "system",
        "me" | "tokens" | "sessions" => "people",
        other => other,
    };
    match part.parse::<people::Scope>() {
        Ok(scope) if !scopes.contains(&scope) => {
            Err(Refusal::not_allowed(format!("the token isn't for `{scope}`")).hint("make one with this scope, too"))
        }
        _ => Ok(()),
    }
}

/// Refuses what another website makes a browser send: by what the browser says about it (`Sec-Fetch-Site`, `Origin`), and where
/// there is a session by its token in the header or the form.
fn check_origin(state: &Shared, headers: &HeaderMap, body: &[u8], secret: Option<&str>) -> Result<(), Refusal> {
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let is_foreign_site = text(header::HeaderName::from_static("sec-fetch-site"))
        .is_some_and(|site| !matches!(site, "same-origin" | "none"));
    let is_foreign_origin = text(header::ORIGIN).is_some_and(|origin| !is_own_origin(state, origin));
    if is_foreign_site || is_foreign_origin {
        return Err(from_elsewhere());
    }
    let Some(secret) = secret else {
        return Ok(());
    };
    let kind = text(header::CONTENT_TYPE)
        .and_then(|kind| kind.split(';').next())
        .map(str::trim);
    let given = match text(header::HeaderName::from_static(CSRF_HEADER)) {
        Some(given) => Some(given),
        None if kind == Some("application/x-www-form-urlencoded") => form_field(body, CSRF_FIELD),
        None => None,
    };
    if given.is_some_and(|given| cookie::is_csrf(secret, given)) {
        return Ok(());
    }
    Err(from_elsewhere())
}

/// All of a body.
async fn whole(body: Body, most: usize) -> Result<Bytes, Refusal> {
    let too_large = || {
        let message = format!("the body has more than {most} bytes");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", message)
    };
    // One that says so itself isn't waited for.
    if body.size_hint().lower() > most as u64 {
        return Err(too_large());
    }
    axum::body::to_bytes(body, most).await.map_err(|error| {
        if std::error::Error::source(&error).is_some_and(|source| source.is::<LengthLimitError>()) {
            return too_large();
        }
        Refusal::new(StatusCode::BAD_REQUEST, "invalid", "the body can't be read")
    })
}

fn too_slow() -> Refusal {
    Refusal::new(
        StatusCode::REQUEST_TIMEOUT,
        "too-slow",
        "the body took too long to come",
    )
}

/// What is left of the request isn't read, so that no other can follow on this connection.
fn closing(refusal: Refusal) -> Response {
    let mut response = refusal.into_response();
    response
        .headers_mut()
        .insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    response
}

fn from_elsewhere() -> Refusal {
    Refusal::not_allowed("the request has no valid CSRF token, or comes from another website")
        .hint("load the page again and repeat it; a program sends a token: `Authorization: Bearer hft_...`")
}

/// Whether an `Origin` is one of those that pages of this console have.
fn is_own_origin(state: &Shared, origin: &str) -> bool {
    let authority = origin.strip_prefix(if state.settings.is_secure() {
        "https://"
    } else {
        "http://"
    });
    authority.is_some_and(|authority| state.settings.is_host(authority))
}

/// A field of a form whose value needs no escapes.
fn form_field<'a>(form: &'a [u8], wanted: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(form).ok()?;
    let mut pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use respond::people::Scope;

    #[test]
    fn a_token_is_for_its_parts_of_the_api_only() {
        let scopes = [Scope::Volumes, Scope::System];
        for path in [
            "/api/v1/volumes",
            "/api/v1/volumes/a/pins",
            "/api/v1/overview",
            "/api/v1/openapi.json",
            "/",
        ] {
            assert!(check_scope(path, &scopes).is_ok(), "{path}");
        }
        for path in ["/api/v1/people", "/api/v1/me", "/api/v1/events", "/metrics"] {
            assert!(check_scope(path, &scopes).is_err(), "{path}");
        }
    }

    #[test]
    fn a_form_field_is_found_among_others() {
        assert_eq!(form_field(b"a=b&csrf=x-_1&c=d", "csrf"), Some("x-_1"));
        assert_eq!(form_field(b"acsrf=x", "csrf"), None);
        assert_eq!(form_field(b"\xFF&csrf=x", "csrf"), None);
    }
}
