//! The session's cookie.
//!
//! By TLS its name begins with `__Host-` (RFC 6265bis, section 4.1.3.2): browsers take it then only with `Secure`, for this host
//! alone and all of its paths. Plain HTTP, which is for this machine only, can't have that.

use axum::http::{HeaderMap, HeaderValue, header};
use ring::hmac;

/// The name by TLS.
const SECURE_NAME: &str = "__Host-holdfast";
/// The name by plain HTTP.
const PLAIN_NAME: &str = "holdfast";
/// The cookie of somebody who is about to sign in: it binds a challenge to the browser that asked for it.
const SECURE_ATTEMPT_NAME: &str = "__Host-holdfast-attempt";
const PLAIN_ATTEMPT_NAME: &str = "holdfast-attempt";
/// How long an attempt may take, in seconds.
pub(crate) const ATTEMPT_SECONDS: u32 = 300;

/// What a cookie is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A session.
    Session,
    /// Signing in.
    Attempt,
}

impl Purpose {
    const fn name(self, is_secure: bool) -> &'static str {
        match (self, is_secure) {
            (Self::Session, true) => SECURE_NAME,
            (Self::Session, false) => PLAIN_NAME,
            (Self::Attempt, true) => SECURE_ATTEMPT_NAME,
            (Self::Attempt, false) => PLAIN_ATTEMPT_NAME,
        }
    }
}

/// What a request's cookie says.
pub(crate) fn read(headers: &HeaderMap, purpose: Purpose, is_secure: bool) -> Option<&str> {
    named(headers, purpose.name(is_secure))
}

/// What the cookie with a name says. Where a browser sends two of the same name, neither is believed.
pub(crate) fn named<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let texts = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let pairs = texts
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.split_once('='));
    let mut values = pairs
        .filter(|(name, _)| name.trim() == wanted)
        .map(|(_, value)| value.trim());
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// The header that gives a browser a cookie; an empty value takes it away. It isn't shown to scripts and not sent along with
/// requests that other websites cause, except that an attempt is with links and redirects, which bring people back from an
/// OpenID provider.
pub(crate) fn write(purpose: Purpose, value: &str, is_secure: bool) -> HeaderValue {
    let name = purpose.name(is_secure);
    let secure = if is_secure { "; Secure" } else { "" };
    let same_site = match purpose {
        Purpose::Session => "Strict",
        Purpose::Attempt => "Lax",
    };
    let lasting = match (value.is_empty(), purpose) {
        (true, _) => "; Max-Age=0".to_owned(),
        (false, Purpose::Session) => String::new(),
        (false, Purpose::Attempt) => format!("; Max-Age={ATTEMPT_SECONDS}"),
    };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite={same_site}{secure}{lasting}");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The token against requests that other websites cause, of the session with this secret: whoever can't read the cookie or a
/// page can't know it.
pub(crate) fn csrf(secret: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    crate::base64::url(hmac::sign(&key, b"holdfast csrf").as_ref())
}

/// Whether a request's token is that of its session, in constant time.
pub(crate) fn is_csrf(secret: &str, given: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    crate::base64::from_url(given).is_some_and(|given| hmac::verify(&key, b"holdfast csrf", &given).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        cookies
            .iter()
            .map(|cookie| (header::COOKIE, cookie.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_session_is_read_from_its_cookie_only() {
        let read =
            |cookies: &[&str], is_secure| read(&headers(cookies), Purpose::Session, is_secure).map(str::to_owned);
        assert_eq!(read(&["a=b; holdfast=x; c=d"], false).as_deref(), Some("x"));
        assert_eq!(read(&["a=b", "__Host-holdfast=x"], true).as_deref(), Some("x"));
        assert_eq!(read(&["holdfast=x"], true), None, "planted by plain HTTP");
        assert_eq!(read(&["holdfast=x; holdfast=y"], false), None);
        assert_eq!(read(&["holdfast"], false), None);
        assert_eq!(read(&[], false), None);
    }

    #[test]
    fn by_tls_the_cookie_is_bound_to_the_host() {
        assert_eq!(
            write(Purpose::Session, "x", true),
            "__Host-holdfast=x; Path=/; HttpOnly; SameSite=Strict; Secure"
        );
        assert_eq!(
            write(Purpose::Session, "", false),
            "holdfast=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
        );
    }

    #[test]
    fn a_csrf_token_belongs_to_one_session() {
        assert!(is_csrf("secret", &csrf("secret")));
        assert!(!is_csrf("other", &csrf("secret")));
        for given in ["", "A", "*", &csrf("secret")[1..]] {
            assert!(!is_csrf("secret", given), "{given}");
        }
    }
}
