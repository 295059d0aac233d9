//! Responses as text for people: what happened, what it means, what to do next.

mod actions;
pub(super) mod aftermath;
pub(super) mod drill;
mod guard;
mod history;
mod repair;
mod volumes;

use crate::control::{MomentReport, Response};
use crate::when::local_short;

/// A response as text; whole lines.
pub(super) fn text(response: &Response) -> String {
    match response {
        Response::Status(report) => volumes::status(report),
        Response::Volume(report) => volumes::one(report),
        Response::Volumes(report) => volumes::list(&report.volumes),
        Response::Deleted { deleted } => format!("deleted volume `{deleted}` with its history\n"),
        Response::Copied(report) => actions::copied(report),
        Response::Verified(report) => actions::verified(report),
        Response::Repaired(report) => repair::text(report),
        Response::History(report) => history::text(report),
        Response::Pinned(report) => actions::pinned(report),
        Response::Unpinned { unpinned } => {
            format!("removed pin `{unpinned}`; its moment is kept as long as any other of its age\n")
        }
        Response::Forked(report) => actions::forked(report),
        Response::Restored(report) => actions::restored(report),
        Response::Guards(report) => guard::list(report),
        Response::Released(report) => guard::released(report),
        Response::Drilled(result) => drill::result(result),
        Response::Drills(report) => drill::list(report, drill::Shape::Overview),
        Response::Reloading { reloading: true } => "the daemon reads its configuration again\n".to_owned(),
        Response::Reloading { reloading: false } => "no daemon runs\n".to_owned(),
        Response::Marks(report) => super::threat::marks_text(report),
        // What is looked at is shown by the command that looks.
        Response::Looking(_) => String::new(),
    }
}

/// A moment: `2026-11-23 10:15:00 (#1234)`.
fn moment(moment: &MomentReport) -> String {
    if moment.sequence == 0 {
        return "the empty disk (#0)".to_owned();
    }
    format!("{} (#{})", local_short(moment.time.0), moment.sequence)
}

/// `1 client`, `2 clients`.
pub(super) fn count(number: u64, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}
