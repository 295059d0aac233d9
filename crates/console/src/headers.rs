//! Headers that keep pages to themselves.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::auth::Peer;
use crate::problem::Refusal;
use crate::state::Shared;

/// What a page may load and do: its own files, no inline script or style, no frame around it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                                       connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
/// What no page needs.
const PERMISSIONS_POLICY: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=(), \
                                  publickey-credentials-get=(self), publickey-credentials-create=(self)";
/// How long browsers ask by TLS only: two years.
const STRICT_TRANSPORT_SECURITY: &str = "max-age=63072000";

/// Adds the headers, and refuses requests that name a host which isn't this one (DNS rebinding).
pub(crate) async fn protect(State(state): State<Shared>, request: Request, next: Next) -> Response {
    let is_local = matches!(request.extensions().get::<Peer>(), Some(Peer::Local(_)));
    let host = request
        .headers()
        .get(header::HOST)
        .map(|host| host.to_str().unwrap_or_default());
    let authority = request.uri().authority().map(axum::http::uri::Authority::as_str);
    let mut response = match host.or(authority) {
        Some(host) if is_local || state.settings.is_host(host) => next.run(request).await,
        _ => unknown_host().into_response(),
    };
    add(response.headers_mut(), state.settings.is_secure());
    response
}

fn unknown_host() -> Refusal {
    Refusal::new(
        StatusCode::MISDIRECTED_REQUEST,
        "unknown-host",
        "the request is for a host whose name isn't known to belong here",
    )
    .hint("ask by the name in `public_url` of [console], or add the name to `hosts`")
}

fn add(headers: &mut HeaderMap, is_secure: bool) {
    let ours = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Not `no-referrer`: with that, browsers call the origin of this site's own forms `null`.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS_POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Files with a hash in their name say something else themselves.
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in ours {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if is_secure {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static(STRICT_TRANSPORT_SECURITY),
        );
        secure_cookies(headers);
    }
}

/// Whoever is asked by TLS gets no cookie back by plain HTTP: not even one that holds no secret.
fn secure_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<HeaderValue> = headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    headers.remove(header::SET_COOKIE);
    for cookie in cookies {
        let text = String::from_utf8_lossy(cookie.as_bytes()).into_owned();
        let is_secure = text.split(';').any(|part| part.trim() == "Secure");
        let secured = HeaderValue::from_str(&format!("{text}; Secure"))
            .ok()
            .filter(|_| !is_secure);
        headers.append(header::SET_COOKIE, secured.unwrap_or(cookie));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_tls_every_cookie_stays_with_tls() {
        let given = ["a=1; Path=/; HttpOnly", "b=2; Path=/; Secure; HttpOnly"];
        let cookies = |is_secure| {
            let given = given.map(|cookie| (header::SET_COOKIE, HeaderValue::from_static(cookie)));
            let mut headers: HeaderMap = given.into_iter().collect();
            add(&mut headers, is_secure);
            let cookies = headers.get_all(header::SET_COOKIE).iter();
            cookies
                .map(|cookie| cookie.to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(cookies(true), ["a=1; Path=/; HttpOnly; Secure", given[1]]);
        assert_eq!(cookies(false), given);
    }
}
