//! What is told of drills: to the log and to the webhook.

use drill::{DrillResult, Verdict};
use serde::Serialize;
use volume::Timestamp;

use crate::control::Time;
use crate::log::Level;
use crate::size::format_size;
use crate::span::format_span;

/// Something about a drill that somebody should hear of.
#[derive(Clone, Debug, Serialize)]
pub struct DrillEvent {
    /// The volume.
    pub volume: String,
    /// When.
    pub time: Time,
    /// `drill-passed`, `drill-failed`, `drill-inconclusive`, `drill-not-run` or `drill-overdue`.
    pub kind: &'static str,
    /// What failed, or why there was no drill.
    pub reasons: Vec<String>,
    /// The attack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<drill::Case>,
    /// Bytes that it wrote before it was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detected_after_bytes: Option<u64>,
    /// How long the way back took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_microseconds: Option<u64>,
    #[serde(skip)]
    level: Level,
}

impl DrillEvent {
    /// A drill is over.
    #[must_use]
    pub fn done(result: &DrillResult, now: Timestamp) -> Self {
        let (kind, level) = match result.verdict {
            Verdict::Passed => ("drill-passed", Level::Info),
            Verdict::Failed => ("drill-failed", Level::Error),
            Verdict::Inconclusive => ("drill-inconclusive", Level::Notice),
        };
        let reasons = match result.verdict {
            Verdict::Failed => result.failures.clone(),
            Verdict::Passed | Verdict::Inconclusive => result.remarks.clone(),
        };
        let attack = result.attack.as_ref();
        Self {
            volume: result.volume.clone(),
            time: Time(now),
            kind,
            reasons,
            case: attack.map(|attack| attack.case),
            detected_after_bytes: attack.and_then(|attack| Some(attack.fenced?.written_bytes)),
            recovery_microseconds: attack.map(|attack| attack.restore.recovery_microseconds),
            level,
        }
    }

    /// A drill that was due couldn't be carried out.
    #[must_use]
    pub fn not_run(volume: &str, why: String, now: Timestamp) -> Self {
        Self::without(volume, "drill-not-run", Level::Warning, why, now)
    }

    /// Since too long there was no drill.
    #[must_use]
    pub fn overdue(volume: &str, last: Option<Timestamp>, now: Timestamp) -> Self {
        let why = match last {
            Some(last) => format!("the last drill was {} ago", format_span(now.since(last))),
            None => "there never was a drill".to_owned(),
        };
        Self::without(volume, "drill-overdue", Level::Warning, why, now)
    }

    fn without(volume: &str, kind: &'static str, level: Level, why: String, now: Timestamp) -> Self {
        Self {
            volume: volume.to_owned(),
            time: Time(now),
            kind,
            reasons: vec![why],
            case: None,
            detected_after_bytes: None,
            recovery_microseconds: None,
            level,
        }
    }

    /// How important it is.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// In one line: what happened, what it means, what to do next.
    #[must_use]
    pub fn text(&self) -> String {
        let volume = &self.volume;
        let why = self.reasons.join("; ");
        let case = self.case.map_or("an attack", drill::Case::name);
        match self.kind {
            "drill-passed" => format!(
                "drill passed: `{case}` was stopped after {}, and everything was back in {}",
                format_size(self.detected_after_bytes.unwrap_or(0)),
                milliseconds(self.recovery_microseconds.unwrap_or(0)),
            ),
            "drill-failed" => format!("drill failed: {why}. `holdfast drill report {volume}` tells more"),
            "drill-inconclusive" => format!("drill without a result: {why}"),
            "drill-not-run" => format!("the drill that is due couldn't be carried out: {why}"),
            _ => format!("a drill is overdue: {why}. `holdfast drill run {volume}` tries the volume now"),
        }
    }
}

/// `12.3 ms`.
pub(crate) fn milliseconds(micros: u64) -> String {
    format!("{}.{} ms", micros / 1000, micros % 1000 / 100)
}
