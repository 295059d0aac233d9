//! Errors as answers: problem details (RFC 9457) for programs. Pages show the same in their own form.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::site::{Problem, ProblemKind};

/// What the answer's `type` begins with; the rest is [`Refusal::kind`].
const TYPE_PREFIX: &str = "urn:holdfast:problem:";

/// Why a request isn't carried out.
///
/// As an answer of its own it is a problem document; the answer carries the refusal as an extension too, so that a layer can
/// show it as a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// What sort of problem, for programs: `not-found`, `approval-needed`.
    pub kind: &'static str,
    /// What happened and what it means, without secrets.
    pub detail: String,
    /// What to do next.
    pub hint: Option<String>,
    /// Seconds after which it may be tried again.
    pub retry_after: Option<u64>,
}

/// The document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProblemDocument {
    /// What sort of problem.
    #[serde(rename = "type")]
    #[schema(example = "urn:holdfast:problem:not-found")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The status.
    pub status: u16,
    /// What happened and what it means.
    pub detail: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Refusal {
    /// A refusal without a hint.
    #[must_use]
    pub fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            detail: detail.into(),
            hint: None,
            retry_after: None,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// The request makes no sense.
    #[must_use]
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", detail)
    }

    /// There is no such thing.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// Nobody is signed in.
    #[must_use]
    pub fn not_signed_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not-signed-in", "nobody is signed in")
            .hint("sign in, or send a token: `Authorization: Bearer hft_...`")
    }

    /// Whoever is signed in may not.
    #[must_use]
    pub fn not_allowed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "not-allowed", detail)
    }

    /// It can't be done in the state that things are in.
    #[must_use]
    pub fn refused(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "refused", detail)
    }

    /// Something here failed.
    #[must_use]
    pub fn failed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", detail)
    }

    /// The document.
    #[must_use]
    pub fn document(&self) -> ProblemDocument {
        ProblemDocument {
            kind: format!("{TYPE_PREFIX}{}", self.kind),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            hint: self.hint.clone(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.document()).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let (status, kind) = match problem.kind {
            ProblemKind::Invalid => (StatusCode::BAD_REQUEST, "invalid"),
            ProblemKind::ApprovalNeeded => (StatusCode::FORBIDDEN, "approval-needed"),
            ProblemKind::NotFound => (StatusCode::NOT_FOUND, "not-found"),
            ProblemKind::Refused => (StatusCode::CONFLICT, "refused"),
            ProblemKind::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
        };
        Self {
            hint: problem.hint,
            ..Self::new(status, kind, problem.message)
        }
    }
}

impl From<respond::Error> for Refusal {
    fn from(error: respond::Error) -> Self {
        let detail = error.to_string();
        match error {
            respond::Error::NotFound { .. } => Self::not_found(detail),
            respond::Error::Refused { .. } => Self::refused(detail),
            respond::Error::ApprovalNeeded { next, .. } => {
                Self::new(StatusCode::FORBIDDEN, "approval-needed", detail).hint(next)
            }
            _ => Self::failed(detail),
        }
    }
}

impl From<crate::Error> for Refusal {
    fn from(error: crate::Error) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<crate::auth::webauthn::Rejected> for Refusal {
    fn from(rejected: crate::auth::webauthn::Rejected) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "passkey-refused", rejected.0)
    }
}
