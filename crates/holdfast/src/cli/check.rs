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
    let is_log_unread = report.logs.as_ref().is_some_and(|logs| !logs.problems.is_empty());
    if report.daemon.is_none() || report.ledger_problem.is_some() || is_log_unread {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{DaemonReport, LogsReport, Time};

    fn report(logs: Option<LogsReport>) -> StatusReport {
        StatusReport {
            data: "/data".to_owned(),
            daemon: Some(DaemonReport {
                pid: 1,
                version: "1".to_owned(),
                started: Time(volume::Timestamp::from_unix_nanos(0)),
                listening: Vec::new(),
                clients: Vec::new(),
            }),
            incidents: None,
            ledger_problem: None,
            logs,
            volumes: Vec::new(),
        }
    }

    #[test]
    fn logs_that_are_not_read_are_a_failure() {
        assert_eq!(status(&report(None)), EXIT_OK, "none are to be read");
        assert_eq!(status(&report(Some(LogsReport::default()))), EXIT_OK);
        let unread = LogsReport {
            problems: vec!["`/var/log/remote` isn't read: permission denied".to_owned()],
            ..LogsReport::default()
        };
        assert_eq!(status(&report(Some(unread))), FailureCode::Failure.exit_code());
    }
}
