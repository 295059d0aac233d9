//! Signing in by an OpenID provider: the authorization code flow with PKCE (OpenID Connect Core 1.0, section 3.1; RFC 7636; RFC 9700).
//!
//! What the provider says is believed as far as it is signed: who somebody is and which groups they are in. An account is made at the
//! first sign-in; its role follows the groups at each. Local accounts don't need the provider, and none of them is taken over by a
//! name that the provider gives.

mod flow;
mod id_token;
mod provider;

pub(crate) use flow::{local, router};

use crate::problem::Refusal;

/// What the provider's answer is refused with; why is in the log.
fn refused(detail: impl Into<String>) -> Refusal {
    Refusal::new(axum::http::StatusCode::UNAUTHORIZED, "provider-refused", detail)
        .hint("sign in with a passkey or a password, or ask whoever looks after the provider")
}
