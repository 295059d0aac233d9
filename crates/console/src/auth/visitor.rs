//! Somebody who is about to sign in.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};

use super::challenge::Asked;
use super::cookie::{self, Purpose};
use super::layer::SessionSecret;
use super::signed_in::Peer;
use super::throttle::Subject;
use crate::error::Error;
use crate::problem::Refusal;
use crate::state::Shared;

/// Somebody who is about to sign in: from where, with which browser. An extractor.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Their address, if they come over a network.
    pub(super) address: Option<IpAddr>,
    /// What their browser calls itself.
    pub(super) browser: String,
    /// The secret of the attempt that their browser is in.
    attempt: Option<String>,
    /// The secret of the session that they have already, which a new one replaces.
    pub(super) session: Option<String>,
}

impl Visitor {
    /// Their address in records.
    pub(super) fn from(&self) -> String {
        self.address
            .map_or_else(|| "this machine".to_owned(), |address| address.to_string())
    }

    /// Keeps a challenge for this browser. The cookie binds it.
    pub(super) fn keep(&self, state: &Shared, challenge: [u8; 32], asked: Asked) -> Result<HeaderValue, Error> {
        let random = crate::random::bytes::<32>()?;
        let attempt = crate::base64::url(&random);
        self.keep_as(state, &attempt, challenge, asked);
        Ok(cookie::write(Purpose::Attempt, &attempt, state.settings.is_secure()))
    }

    /// Keeps what this browser was asked for another attempt: it mistyped something.
    pub(super) fn keep_again(&self, state: &Shared, challenge: [u8; 32], asked: Asked) {
        if let Some(attempt) = &self.attempt {
            self.keep_as(state, attempt, challenge, asked);
        }
    }

    fn keep_as(&self, state: &Shared, attempt: &str, challenge: [u8; 32], asked: Asked) {
        let from = self.address.map(Subject::address);
        state.challenges.keep(state.site.now(), from, attempt, challenge, asked);
    }

    /// The challenge that this browser answers. It can't be answered again.
    pub(super) fn answered(&self, state: &Shared) -> Result<([u8; 32], Asked), Refusal> {
        let attempt = self.attempt.as_deref();
        let found = attempt.and_then(|attempt| state.challenges.take(state.site.now(), attempt));
        found.ok_or_else(|| {
            Refusal::new(
                axum::http::StatusCode::UNAUTHORIZED,
                "too-late",
                "this browser wasn't asked, or it is too long ago, or it has answered already",
            )
            .hint("begin again")
        })
    }
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Infallible> {
        let address = match parts.extensions.get::<Peer>() {
            Some(Peer::Network(address)) => Some(*address),
            _ => None,
        };
        let browser = parts
            .headers
            .get(header::USER_AGENT)
            .and_then(|name| name.to_str().ok());
        let attempt = cookie::read(&parts.headers, Purpose::Attempt, state.settings.is_secure());
        let session = parts.extensions.get::<SessionSecret>();
        Ok(Self {
            address,
            browser: browser.unwrap_or_default().to_owned(),
            attempt: attempt.map(str::to_owned),
            session: session.map(|secret| secret.0.clone()),
        })
    }
}
