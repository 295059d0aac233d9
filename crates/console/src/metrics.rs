//! Figures for Prometheus, in its text format.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use respond::people::Role;
use respond::{BySeverity, Counts, Time};

use crate::auth::{Peer, SignedIn};
use crate::problem::Refusal;
use crate::site::{LogInputView, LogsView, VolumeView};
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
    Router::new().route("/metrics", get(show))
}

/// The figures: for whoever may see how things are, and for programs on this machine.
async fn show(State(state): State<Shared>, request: Request) -> Response {
    let peer = request.extensions().get::<Peer>();
    let is_here = match peer {
        Some(Peer::Network(address)) => address.is_loopback(),
        Some(Peer::Local(_)) => true,
        None => false,
    };
    let allowed = match request.extensions().get::<SignedIn>() {
        Some(signed_in) => signed_in.require(Role::Viewer),
        None if is_here => Ok(()),
        None => Err(Refusal::not_signed_in()),
    };
    if let Err(refusal) = allowed {
        return refusal.into_response();
    }
    let gathered = state
        .ask(|site| {
            let (now, volumes) = (site.now(), site.volumes()?);
            let counts = site.desk().read(|ledger| ledger.counts(now))?;
            Ok::<_, Refusal>((volumes, counts, site.logs()))
        })
        .await;
    let mut page = Page::default();
    let is_read = gathered.is_ok();
    if let Ok((volumes, counts, logs)) = &gathered {
        page.volumes(volumes);
        page.counts(counts);
        logs.iter().for_each(|logs| page.logs(logs));
    }
    page.gauge(
        "holdfast_up",
        "Whether disks and ledger could be asked.",
        &[("", u64::from(is_read))],
    );
    page.requests(&state.metrics);
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        page.0,
    )
        .into_response()
}

/// Every guard's state.
const STATES: [&str; 4] = ["off", "calm", "bookmarked", "fenced"];

/// The page as it is written.
#[derive(Default)]
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into a text doesn't fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// A figure for each set of labels.
    fn figures(&mut self, name: &str, kind: &str, help: &str, figures: &[(impl AsRef<str>, u64)]) {
        self.head(name, kind, help);
        for (labels, value) in figures {
            let labels = labels.as_ref();
            let labels = if labels.is_empty() {
                String::new()
            } else {
                format!("{{{labels}}}")
            };
            let _ = writeln!(self.0, "{name}{labels} {value}");
        }
    }

    fn gauge(&mut self, name: &str, help: &str, figures: &[(impl AsRef<str>, u64)]) {
        self.figures(name, "gauge", help, figures);
    }

    fn counter(&mut self, name: &str, help: &str, figures: &[(impl AsRef<str>, u64)]) {
        self.figures(name, "counter", help, figures);
    }

    fn volumes(&mut self, volumes: &[VolumeView]) {
        let (disk, stored) = ("Size of the disk.", "Bytes below, history included.");
        self.gauge("holdfast_volumes", "Volumes.", &[("", volumes.len() as u64)]);
        self.gauge(
            "holdfast_volume_size_bytes",
            disk,
            &of(volumes, |volume| volume.size_bytes),
        );
        self.gauge(
            "holdfast_volume_stored_bytes",
            stored,
            &of(volumes, |volume| volume.stored_bytes),
        );
        self.gauge(
            "holdfast_volume_clients",
            "Clients that use the disk.",
            &of(volumes, |volume| volume.clients),
        );
        self.gauge(
            "holdfast_volume_usable",
            "Whether it can be used.",
            &of(volumes, |volume| u64::from(volume.problem.is_none())),
        );
        self.gauge(
            "holdfast_volume_no_space",
            "Whether writes are refused for lack of space.",
            &of(volumes, |volume| u64::from(volume.no_space)),
        );
        self.gauge(
            "holdfast_volume_damaged",
            "Whether something damaged was met.",
            &of(volumes, |volume| u64::from(volume.damaged)),
        );
        self.guards(volumes);
        self.drills(volumes);
    }

    fn guards(&mut self, volumes: &[VolumeView]) {
        let states = volumes.iter().flat_map(|volume| {
            let now = volume.guard.as_ref().map_or("off", |guard| guard.state.as_str());
            STATES.map(|state| {
                (
                    format!("{},state=\"{state}\"", label(&volume.name)),
                    u64::from(state == now),
                )
            })
        });
        let states: Vec<(String, u64)> = states.collect();
        self.gauge("holdfast_guard_state", "1 for the state that the guard is in.", &states);
        let suspicion = of(volumes, |volume| {
            volume
                .guard
                .as_ref()
                .map_or(0, |guard| u64::from(guard.suspicion_percent))
        });
        self.gauge(
            "holdfast_guard_suspicion_percent",
            "Suspicion, in per cent of what fences.",
            &suspicion,
        );
    }

    fn drills(&mut self, volumes: &[VolumeView]) {
        let drilled = volumes
            .iter()
            .filter_map(|volume| Some((volume, volume.drill.as_ref()?)));
        let seconds = |time: Time| u64::try_from(time.unix_millis() / 1000).unwrap_or(0);
        let began: Vec<(String, u64)> = drilled
            .clone()
            .map(|(volume, drill)| (label(&volume.name), seconds(drill.began)))
            .collect();
        let passed: Vec<(String, u64)> = drilled
            .map(|(volume, drill)| (label(&volume.name), u64::from(drill.verdict == "passed")))
            .collect();
        self.gauge(
            "holdfast_drill_last_timestamp_seconds",
            "When the newest drill began.",
            &began,
        );
        self.gauge(
            "holdfast_drill_last_passed",
            "Whether the newest drill passed.",
            &passed,
        );
        self.gauge(
            "holdfast_drill_overdue",
            "Whether a drill is missed.",
            &of(volumes, |volume| u64::from(volume.drill_overdue)),
        );
    }

    fn counts(&mut self, counts: &Counts) {
        let each = |of: &BySeverity| {
            [
                ("severity=\"informational\"", of.informational),
                ("severity=\"low\"", of.low),
                ("severity=\"medium\"", of.medium),
                ("severity=\"high\"", of.high),
                ("severity=\"critical\"", of.critical),
            ]
        };
        self.gauge(
            "holdfast_incidents_open",
            "Incidents that aren't done with.",
            &each(&counts.open_incidents),
        );
        self.gauge(
            "holdfast_alerts_last_day",
            "Alerts of the last 24 hours.",
            &each(&counts.alerts_last_day),
        );
        let stopped = "Attacks that a guard stopped in the last 30 days.";
        self.gauge(
            "holdfast_attacks_stopped_last_month",
            stopped,
            &[("", counts.attacks_stopped)],
        );
        self.gauge(
            "holdfast_requests_waiting",
            "Requests that wait for approval.",
            &[("", counts.requests_waiting)],
        );
        self.gauge(
            "holdfast_notices_failing",
            "Notices that couldn't be delivered yet.",
            &[("", counts.notices_failing)],
        );
    }

    fn logs(&mut self, logs: &LogsView) {
        let input = |input: &LogInputView| format!("input=\"{}\"", input.input);
        let each = |value: fn(&LogInputView) -> u64| -> Vec<(String, u64)> {
            logs.inputs.iter().map(|way| (input(way), value(way))).collect()
        };
        // What is ahead of this machine's clock isn't behind.
        let known = |value: fn(&LogInputView) -> Option<i64>| -> Vec<(String, u64)> {
            let figure = |way| Some((input(way), u64::try_from(value(way)?).unwrap_or(0)));
            logs.inputs.iter().filter_map(figure).collect()
        };
        self.counter(
            "holdfast_logs_records_total",
            "Records of logs that came in.",
            &each(|way| way.records),
        );
        self.counter(
            "holdfast_logs_not_understood_total",
            "Records of which nothing could be made.",
            &each(|way| way.not_understood),
        );
        self.counter(
            "holdfast_logs_unreadable_total",
            "Pieces of logs that are no records.",
            &each(|way| way.unreadable),
        );
        self.counter(
            "holdfast_logs_dropped_total",
            "Messages, requests and connections that weren't taken.",
            &each(|way| way.dropped),
        );
        self.gauge(
            "holdfast_logs_behind_seconds",
            "How old the last event was when it came in.",
            &known(|way| way.behind_seconds),
        );
        self.gauge(
            "holdfast_logs_last_record_timestamp_seconds",
            "When the last record came in.",
            &known(|way| way.last_record),
        );
        let reasons = logs.dropped.iter();
        let reasons: Vec<(String, u64)> = reasons
            .map(|(reason, count)| (format!("reason=\"{reason}\""), *count))
            .collect();
        self.counter("holdfast_logs_dropped_by_reason_total", "The same by reason.", &reasons);
        for (name, help, value) in [
            (
                "holdfast_logs_unread_bytes",
                "Bytes of followed files that weren't read yet.",
                logs.unread_bytes,
            ),
            (
                "holdfast_logs_waiting_messages",
                "Messages that weren't judged yet.",
                logs.waiting_messages,
            ),
            (
                "holdfast_logs_problems",
                "Reasons why logs that should be read aren't.",
                logs.problems,
            ),
        ] {
            self.gauge(name, help, &[("", value)]);
        }
    }

    fn requests(&mut self, metrics: &Metrics) {
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let classes = metrics.answers.iter().enumerate();
        let answers: Vec<(String, u64)> = classes
            .map(|(class, count)| (format!("status=\"{}xx\"", class + 1), read(count)))
            .collect();
        self.counter("holdfast_http_responses_total", "Answers of the console.", &answers);
        let name = "holdfast_http_response_seconds";
        self.head(name, "histogram", "Time until an answer began.");
        let mut sum = 0;
        for (bound, count) in BOUNDS
            .iter()
            .map(ToString::to_string)
            .chain(["+Inf".to_owned()])
            .zip(&metrics.durations)
        {
            sum += read(count);
            let _ = writeln!(self.0, "{name}_bucket{{le=\"{bound}\"}} {sum}");
        }
        let micros = read(&metrics.microseconds);
        let _ = writeln!(
            self.0,
            "{name}_sum {}.{:06}\n{name}_count {sum}",
            micros / 1_000_000,
            micros % 1_000_000
        );
        self.gauge(
            "holdfast_http_connections",
            "Open connections.",
            &[("", read(&metrics.connections))],
        );
        self.gauge(
            "holdfast_http_followers",
            "Who follows events.",
            &[("", read(&metrics.followers))],
        );
        self.counter(
            "holdfast_http_cut_off_total",
            "Connections that were cut off.",
            &[("", read(&metrics.cut_off))],
        );
        let refused = read(&metrics.sign_ins_refused);
        self.counter(
            "holdfast_sign_ins_refused_total",
            "Attempts to sign in that were refused.",
            &[("", refused)],
        );
    }
}

/// A figure of each volume.
fn of(volumes: &[VolumeView], value: fn(&VolumeView) -> u64) -> Vec<(String, u64)> {
    volumes
        .iter()
        .map(|volume| (label(&volume.name), value(volume)))
        .collect()
}

/// A volume's label. Names of volumes have no character that would have to be escaped.
fn label(name: &str) -> String {
    format!("volume=\"{name}\"")
}
