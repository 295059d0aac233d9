//! Figures for Prometheus, in its text format.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::state::Shared;

/// Upper bounds of the classes of durations, in seconds.
const BOUNDS: [f64; 8] = [0.005, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// What is counted about requests.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Connections that are open.
    pub(crate) connections: AtomicU64,
    /// Connections that were cut off: too many, too slow.
    pub(crate) cut_off: AtomicU64,
    /// Browsers and programs that follow events.
    pub(crate) followers: AtomicU64,
    /// Attempts to sign in that were refused.
    pub(crate) sign_ins_refused: AtomicU64,
    /// Answers by the first digit of their status, from 1xx.
    answers: [AtomicU64; 5],
    /// Answers by duration, and those that took longer.
    durations: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

/// Counts a request and how long its answer took to begin.
pub(crate) async fn count(State(state): State<Shared>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let response = next.run(request).await;
    let taken = began.elapsed();
    let metrics = &state.metrics;
    let class = usize::from(response.status().as_u16() / 100).saturating_sub(1);
    if let Some(answers) = metrics.answers.get(class) {
        answers.fetch_add(1, Ordering::Relaxed);
    }
    let class = BOUNDS
        .iter()
        .position(|bound| taken.as_secs_f64() <= *bound)
        .unwrap_or(BOUNDS.len());
    if let Some(durations) = metrics.durations.get(class) {
        durations.fetch_add(1, Ordering::Relaxed);
    }
    let micros = u64::try_from(taken.as_micros()).unwrap_or(u64::MAX);
    metrics.microseconds.fetch_add(micros, Ordering::Relaxed);
    response
}

pub(crate) fn router() -> Router<Shared> {
    Router::new()
}
