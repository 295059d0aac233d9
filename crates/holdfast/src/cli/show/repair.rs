//! What `volume repair` did: how much of the log was passed over, what that means, and what to do about it.

use super::moment;
use crate::control::{LostReport, RepairReport};

/// Spans shown; the rest is counted.
const SPANS_SHOWN_MAX: usize = 20;

pub(super) fn text(report: &RepairReport) -> String {
    let name = &report.volume.name;
    if !report.repaired {
        return format!(
            "`{name}` is usable: there was nothing to repair\n\
             hint: `holdfast volume verify {name}` checks everything that is stored\n"
        );
    }
    let Some(first) = report.lost.first() else {
        return format!(
            "`{name}` is usable again; no batch of writes was lost\n{}",
            verify(name)
        );
    };
    let batches = report.lost.iter().map(|lost| lost.batches).sum();
    let mut text = format!(
        "`{name}` is usable again, without {} that can't be read:\n",
        count_batches(batches)
    );
    for lost in report.lost.iter().take(SPANS_SHOWN_MAX) {
        text += &span(lost);
    }
    if report.lost.len() > SPANS_SHOWN_MAX {
        text += &format!(
            "  and {} more; `--json` lists all\n",
            report.lost.len() - SPANS_SHOWN_MAX
        );
    }
    text += "blocks that were written in them read as they were before: files written then may be damaged\n";
    text += "hint: check the file system, and the files that were written then";
    if is_kept(report, first) {
        text += &format!(
            "; or return to before it: holdfast restore {name} '#{}'",
            first.after.sequence
        );
    }
    text + "\n" + &verify(name)
}

fn span(lost: &LostReport) -> String {
    let batches = count_batches(lost.batches);
    match &lost.before {
        Some(before) => format!("  {batches} between {} and {}\n", moment(&lost.after), moment(before)),
        None => format!("  {batches} after {}, the newest\n", moment(&lost.after)),
    }
}

/// Whether the moment before the loss can be returned to.
fn is_kept(report: &RepairReport, lost: &LostReport) -> bool {
    let details = report.volume.details.as_ref();
    details.is_some_and(|details| lost.after.sequence >= details.oldest.sequence)
}

fn verify(name: &str) -> String {
    format!("hint: check the disk below; `holdfast volume verify {name}` looks for more damage\n")
}

fn count_batches(batches: u64) -> String {
    if batches == 1 {
        return "1 batch of writes".to_owned();
    }
    format!("{batches} batches of writes")
}
