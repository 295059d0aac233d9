//! Counters in the text form of Prometheus. Nothing in them is about a person: routes and kinds of answers only.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::StatusCode;

/// Routes that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Range,
    Check,
    Account,
    AccountRange,
    Domain,
    Catalogue,
    StealerLogs,
    Paste,
    Private,
    Other,
}

impl Family {
    const ALL: [Self; 10] = [
        Self::Range,
        Self::Check,
        Self::Account,
        Self::AccountRange,
        Self::Domain,
        Self::Catalogue,
        Self::StealerLogs,
        Self::Paste,
        Self::Private,
        Self::Other,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::Check => "check",
            Self::Account => "account",
            Self::AccountRange => "account_range",
            Self::Domain => "domain",
            Self::Catalogue => "catalogue",
            Self::StealerLogs => "stealer_logs",
            Self::Paste => "paste",
            Self::Private => "private",
            Self::Other => "other",
        }
    }
}

/// Answers by the first digit of their status: 1 to 5.
const CLASSES: usize = 5;

/// The counters of a server since its start.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: [[AtomicU64; CLASSES]; Family::ALL.len()],
    /// Bytes of bodies sent, before TLS.
    body_bytes: AtomicU64,
    /// Connections that are open.
    pub(crate) connections: AtomicU64,
    /// Connections that were cut off because a client took too long.
    pub(crate) overdue: AtomicU64,
}

impl Metrics {
    /// Counts an answer.
    pub(crate) fn count(&self, family: Family, status: StatusCode, body_bytes: u64) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(counter) = self
            .requests
            .get(family as usize)
            .and_then(|classes| classes.get(class))
        {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        self.body_bytes.fetch_add(body_bytes, Ordering::Relaxed);
    }

    /// The counters as text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from(
            "# HELP holdfast_exposure_requests_total Requests answered, by route and class of status.\n\
             # TYPE holdfast_exposure_requests_total counter\n",
        );
        for (family, classes) in Family::ALL.iter().zip(&self.requests) {
            for (class, counter) in classes.iter().enumerate() {
                let count = counter.load(Ordering::Relaxed);
                if count > 0 {
                    // Writing to a text can't fail.
                    let _ = writeln!(
                        text,
                        "holdfast_exposure_requests_total{{route=\"{}\",status=\"{}xx\"}} {count}",
                        family.name(),
                        class + 1
                    );
                }
            }
        }
        for (name, kind, help, counter) in [
            (
                "body_bytes_total",
                "counter",
                "Bytes of bodies, before TLS.",
                &self.body_bytes,
            ),
            ("connections", "gauge", "Connections that are open.", &self.connections),
            (
                "overdue_connections_total",
                "counter",
                "Connections cut off because a client took too long.",
                &self.overdue,
            ),
        ] {
            let count = counter.load(Ordering::Relaxed);
            let _ = writeln!(
                text,
                "# HELP holdfast_exposure_{name} {help}\n# TYPE holdfast_exposure_{name} {kind}\nholdfast_exposure_{name} {count}"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_route_and_class() {
        let metrics = Metrics::default();
        metrics.count(Family::Range, StatusCode::OK, 10);
        metrics.count(Family::Range, StatusCode::NOT_MODIFIED, 0);
        metrics.count(Family::Other, StatusCode::NOT_FOUND, 5);
        let text = metrics.text();
        for line in [
            "holdfast_exposure_requests_total{route=\"range\",status=\"2xx\"} 1\n",
            "holdfast_exposure_requests_total{route=\"range\",status=\"3xx\"} 1\n",
            "holdfast_exposure_requests_total{route=\"other\",status=\"4xx\"} 1\n",
            "\nholdfast_exposure_body_bytes_total 15\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn families_are_counted_in_their_own_places() {
        for (index, family) in Family::ALL.into_iter().enumerate() {
            assert_eq!(family as usize, index);
        }
    }
}
