//! `status --check`: what the report says as an exit code, for monitoring.

use drill::Verdict;
use guard::StatusState;

use crate::control::{StatusReport, VolumeReport};
use crate::failure::{EXIT_OK, FailureCode};

/// From the worst on.
const BY_GRAVITY: [FailureCode; 6] = [
    FailureCode::Fenced,
    FailureCode::Damage,
    FailureCode::Failure,
    FailureCode::NoSpace,
    FailureCode::Refused,
    FailureCode::Drill,
];

/// The exit code of the worst that is found.
pub(super) fn status(report: &StatusReport) -> u8 {
    let mut found: Vec<FailureCode> = report.volumes.iter().filter_map(of_volume).collect();
    if report.daemon.is_none() || report.ledger_problem.is_some() {
        found.push(FailureCode::Failure);
    }
    let worst = BY_GRAVITY.into_iter().find(|code| found.contains(code));
    match worst.or_else(|| found.first().copied()) {
        Some(code) => code.exit_code(),
        None => EXIT_OK,
    }
}

fn of_volume(report: &VolumeReport) -> Option<FailureCode> {
    if let Some(problem) = &report.problem {
        return Some(problem.code);
    }
    let details = report.details.as_ref()?;
    if details
        .guard
        .as_ref()
        .is_some_and(|guard| guard.state == StatusState::Fenced)
    {
        return Some(FailureCode::Fenced);
    }
    if details.damaged {
        return Some(FailureCode::Damage);
    }
    if details.no_space {
        return Some(FailureCode::NoSpace);
    }
    let drill = details.drill?;
    (drill.overdue || drill.verdict == Some(Verdict::Failed)).then_some(FailureCode::Drill)
}
