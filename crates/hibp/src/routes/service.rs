//! For whoever runs the server: whether it answers, and what it has answered.

use hyper::StatusCode;
use hyper::header::HeaderValue;

use crate::reply::{self, Reply};
use crate::state::State;

/// The text form of Prometheus.
const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// `GET /healthz`
pub(crate) fn health() -> Reply {
    reply::text(StatusCode::OK, "ok\n")
}

/// `GET /metrics`
pub(crate) fn metrics(state: &State) -> Reply {
    reply::typed(StatusCode::OK, PROMETHEUS, state.metrics.text())
}
