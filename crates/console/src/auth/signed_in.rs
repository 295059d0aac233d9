//! Who asks.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use respond::people::{Role, Scope};
use respond::{Actor, Time};

use crate::problem::Refusal;
use crate::state::Shared;

/// From where a request comes; every connection's requests have it as an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Over a network.
    Network(IpAddr),
    /// Over the control socket, which only the data folder's owner and root reach.
    Local(Actor),
}

/// How somebody showed who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A session's cookie; the session's number, and when its owner last proved who they are.
    Session {
        /// Its number, by which it is listed and ended.
        id: respond::people::SessionId,
        /// The account.
        account: respond::people::AccountId,
        /// When its owner signed in.
        signed_in: Time,
    },
    /// A token with these scopes.
    Token {
        /// What it may be used for.
        scopes: Vec<Scope>,
    },
    /// The control socket.
    Local,
}

/// Somebody who is signed in: a session's cookie, `Authorization: Bearer hft_...`, or the control socket.
///
/// As an extractor it refuses requests of nobody: the API with a problem document, pages with the way to the sign-in page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// Who.
    pub actor: Actor,
    /// What they may do.
    pub role: Role,
    /// What pages put into forms (field `csrf`) and scripts into the header `X-CSRF-Token`; empty where nothing is needed.
    pub csrf: String,
    /// How they showed it.
    pub proof: Proof,
}

impl SignedIn {
    /// Refuses whoever may not do what `needed` may.
    ///
    /// # Errors
    /// A refusal with the status 403.
    pub fn require(&self, needed: Role) -> Result<(), Refusal> {
        if self.role.may(needed) {
            return Ok(());
        }
        Err(Refusal::not_allowed(format!(
            "this needs the role `{needed}`, and {} has `{}`",
            self.actor, self.role
        ))
        .hint("ask an administrator"))
    }

    /// Refuses sessions whose owner signed in longer ago than the settings say, before something dangerous.
    ///
    /// # Errors
    /// A refusal with the status 403 and the kind `sign-in-again`.
    pub fn require_recent(&self, state: &Shared) -> Result<(), Refusal> {
        let Proof::Session { signed_in, .. } = &self.proof else {
            return Ok(());
        };
        let recent = i64::try_from(state.settings.recent.as_millis()).unwrap_or(i64::MAX);
        if state.site.now().millis_since(*signed_in) <= recent {
            return Ok(());
        }
        let detail = "this is dangerous, and you signed in a while ago";
        Err(Refusal::new(axum::http::StatusCode::FORBIDDEN, "sign-in-again", detail)
            .hint("sign in once more, then repeat it"))
    }

    /// The account of a person who is signed in.
    ///
    /// # Errors
    /// A refusal for tokens and the control socket, which have no account.
    pub fn account(&self) -> Result<respond::people::AccountId, Refusal> {
        match self.proof {
            Proof::Session { account, .. } => Ok(account),
            _ => Err(Refusal::not_allowed("only a person with an account can do this")),
        }
    }
}

/// Where somebody who isn't signed in is sent, and comes back from.
pub(crate) fn sign_in_page(from: &str) -> String {
    format!("/sign-in?next={}", escape(from))
}

/// Escapes what isn't plain in a query's value.
pub(crate) fn escape(text: &str) -> String {
    let escaped = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escaped).collect()
}

/// Whether a request is one of the API's rather than a page's.
pub(crate) fn is_api(path: &str) -> bool {
    path.starts_with("/api/") || path == "/api" || path == "/metrics"
}

impl FromRequestParts<Shared> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Response> {
        if let Some(signed_in) = parts.extensions.get::<Self>() {
            return Ok(signed_in.clone());
        }
        if is_api(parts.uri.path()) {
            return Err(Refusal::not_signed_in().into_response());
        }
        let from = parts.uri.path_and_query().map_or("/", |place| place.as_str());
        Err(Redirect::to(&sign_in_page(from)).into_response())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_escaped() {
        assert_eq!(
            sign_in_page("/disks/a?at=-15m&x=\"\u{e9}"),
            "/sign-in?next=/disks/a%3Fat%3D-15m%26x%3D%22%C3%A9"
        );
    }
}
