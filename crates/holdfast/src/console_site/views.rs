//! Reports as the console shows them.

use std::collections::HashMap;

use console::{DrillView, GuardState, LogInputView, LogsView, Moment, PinView, VolumeView};
use drill::DrillResult;
use guard::{Status, StatusState};
use respond::notice::NotTaken;
use volume::Timestamp;

use crate::control::{LogsReport, PinReport, VolumeReport};
use crate::desk;

pub(super) fn moment(time: Timestamp, sequence: u64) -> Moment {
    Moment {
        time: desk::time(time),
        sequence,
    }
}

pub(super) fn pin(report: PinReport) -> PinView {
    PinView {
        name: report.name,
        moment: moment(report.moment.time.0, report.moment.sequence),
        fork: report.fork,
    }
}

pub(super) fn volume(report: VolumeReport, guards: &HashMap<String, GuardState>) -> VolumeView {
    let guard = guards.get(&report.name).cloned();
    let mut view = VolumeView {
        name: report.name,
        problem: report.problem.map(|problem| problem.with_hint()),
        size_bytes: 0,
        stored_bytes: 0,
        newest: None,
        oldest: None,
        retention_seconds: 0,
        clients: 0,
        no_space: false,
        damaged: false,
        guard,
        pins: Vec::new(),
        drill: None,
        drill_overdue: false,
    };
    let Some(details) = report.details else { return view };
    view.size_bytes = details.size_bytes;
    view.stored_bytes = details.stored_bytes;
    view.newest = Some(moment(details.newest.time.0, details.newest.sequence));
    view.oldest = Some(moment(details.oldest.time.0, details.oldest.sequence));
    view.retention_seconds = details.settings.retention_seconds;
    view.clients = details.clients;
    view.no_space = details.no_space;
    view.damaged = details.damaged;
    view.pins = details.pins.into_iter().map(pin).collect();
    view.drill_overdue = details.drill.is_some_and(|drill| drill.overdue);
    // The list knows how the newest drill ended; everything else of it is asked for when one volume is shown.
    view.drill = details.drill.and_then(|drill| {
        let (verdict, time) = drill.verdict.zip(drill.time)?;
        Some(DrillView {
            id: id(&view.name, time.0),
            volume: view.name.clone(),
            began: desk::time(time.0),
            verdict: verdict.name().to_owned(),
            case: None,
            detected_after_bytes: None,
            recovery_microseconds: None,
            files_compared: None,
            remarks: Vec::new(),
        })
    });
    view
}

pub(super) fn guard(status: Status) -> GuardState {
    let state = match status.state {
        StatusState::Off => "off",
        StatusState::Calm => "calm",
        StatusState::Bookmarked => "bookmarked",
        StatusState::Fenced => "fenced",
    };
    let fence = status.fence.unwrap_or(status.settings.fence);
    GuardState {
        state: state.to_owned(),
        fence: word(&fence),
        suspicion_percent: status.suspicion_percent,
        reasons: status.reasons,
        onset: status.onset.map(desk::time),
        before_attack: status.before_attack.map(|point| PinView {
            name: point.pin,
            moment: moment(point.time, point.sequence),
            fork: None,
        }),
        diverted_to: status.diverted.map(|diverted| diverted.fork),
        announced: status.announced.map(|announced| announced.reason),
    }
}

/// A value as it is written in JSON, without quotes.
fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// A drill's name: that of its volume, and when it began, in milliseconds since 1970.
fn id(volume: &str, began: Timestamp) -> String {
    format!("{volume}-{}", began.as_unix_nanos() / 1_000_000)
}

pub(super) fn drill_id(result: &DrillResult) -> String {
    id(&result.volume, result.started)
}

pub(super) fn drill(result: &DrillResult) -> DrillView {
    let attack = result.attack.as_ref();
    let mut remarks = result.failures.clone();
    remarks.extend(result.remarks.iter().cloned());
    DrillView {
        id: drill_id(result),
        volume: result.volume.clone(),
        began: desk::time(result.started),
        verdict: result.verdict.name().to_owned(),
        case: attack.map(|attack| word(&attack.case)),
        detected_after_bytes: attack.and_then(|attack| Some(attack.fenced?.written_bytes)),
        recovery_microseconds: attack.map(|attack| attack.restore.recovery_microseconds),
        files_compared: attack.map(|attack| attack.compared.files),
        remarks,
    }
}

/// Why a notice wasn't taken, in words.
pub(super) fn not_taken(why: &NotTaken) -> &str {
    match why {
        NotTaken::Refused(text) | NotTaken::Later(text) | NotTaken::Down(text) => text,
    }
}

/// The logs that are read.
pub(super) fn logs(report: LogsReport) -> LogsView {
    let inputs = report.inputs.into_iter().map(|(input, told)| LogInputView {
        input,
        records: told.records,
        not_understood: told.not_understood,
        unreadable: told.unreadable,
        dropped: told.dropped,
        last_record: told.last_record,
        behind_seconds: told.behind_seconds,
    });
    LogsView {
        inputs: inputs.collect(),
        dropped: report.dropped.into_iter().collect(),
        unread_bytes: report.unread_bytes,
        waiting_messages: report.waiting_messages,
        problems: report.problems.len() as u64,
    }
}
