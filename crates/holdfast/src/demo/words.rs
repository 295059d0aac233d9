//! What the scenes found out, in words.

use super::report::{Report, Step};
use crate::size::format_size;

/// Reasons and examples told at most.
const TOLD_MOST: usize = 3;

/// What to do next.
const NEXT: [(&str, &str); 3] = [
    ("Serve a first disk, and see how to connect a machine to it:", "up"),
    ("Take over the disk of a virtual machine:", "volume import vm vm.qcow2"),
    ("All commands, and what to do after an attack:", "--help"),
];

/// Lines about what a scene found out.
pub(super) fn of_step(step: &Step) -> Vec<String> {
    match step {
        Step::Filled {
            files,
            bytes,
            copied_from_this_machine,
            made_up,
            disk_bytes,
            seconds,
            ..
        } => {
            let from = match (copied_from_this_machine, made_up) {
                (0, made) => format!("{made} made up: this machine has none that could be copied"),
                (copied, 0) => format!("{copied} copied from this machine's /usr"),
                (copied, made) => format!("{copied} copied from this machine's /usr, {made} made up"),
            };
            vec![
                format!(
                    "{files} files, {}, on a disk of {}, in {seconds:.1} s",
                    format_size(*bytes),
                    format_size(*disk_bytes)
                ),
                format!("{from}; hashes are kept aside"),
            ]
        }
        Step::Worked { .. } => worked(step),
        Step::Attacked { .. } => attacked(step),
        Step::Damaged { files, bytes, examples } => damaged(*files, *bytes, examples),
        Step::Restored {
            moment,
            sequence,
            milliseconds,
        } => vec![
            format!("back in {milliseconds:.0} ms, at {moment} (#{sequence})"),
            "Nothing was copied: what the attack wrote is only more history, and `--undo` would return to it."
                .to_owned(),
        ],
        Step::Compared {
            files,
            identical,
            different,
            missing,
            unexpected,
            seconds,
        } => vec![format!(
            "{identical} of {files} files are identical, in {seconds:.1} s{}",
            faults(*different, *missing, *unexpected)
        )],
    }
}

fn worked(step: &Step) -> Vec<String> {
    let Step::Worked {
        edited,
        copied,
        packed,
        removed,
        read_bytes,
        written_bytes,
        highest_suspicion_percent,
        bookmarks,
        ..
    } = step
    else {
        return Vec::new();
    };
    let kept = match bookmarks {
        0 => String::new(),
        1 => "; a restore point was kept, silently".to_owned(),
        count => format!("; {count} restore points were kept, silently"),
    };
    vec![
        format!(
            "{edited} files edited, {copied} copied, {packed} packed, {removed} removed: {} read, {} written",
            format_size(*read_bytes),
            format_size(*written_bytes)
        ),
        format!("The guard let it pass. Suspicion reached {highest_suspicion_percent} % of what fences{kept}."),
    ]
}

fn attacked(step: &Step) -> Vec<String> {
    let Step::Attacked {
        fenced,
        overwritten_bytes,
        seconds,
        slowed_to,
        reasons,
        ..
    } = step
    else {
        return Vec::new();
    };
    let overwritten = format_size(*overwritten_bytes);
    if !fenced {
        return vec![format!(
            "NOT recognised: {overwritten} were overwritten in {seconds:.1} s, and nothing stopped it"
        )];
    }
    let mut lines = vec![format!(
        "FENCED after {seconds:.1} s and {overwritten}: the disk refuses writes, reads go on."
    )];
    lines.extend(slowed_to.map(|pace| format!("The attack was slowed down to {}/s, to be seen.", format_size(pace))));
    lines.push("Why it was fenced:".to_owned());
    lines.extend(reasons.iter().take(TOLD_MOST).map(|reason| format!("* {reason}")));
    lines
}

fn damaged(files: usize, bytes: u64, examples: &[String]) -> Vec<String> {
    if files == 0 {
        return vec!["no file is damaged".to_owned()];
    }
    let mut lines = vec![format!(
        "{files} files ({}) are damaged, among them",
        format_size(bytes)
    )];
    lines.extend(examples.iter().take(TOLD_MOST).map(|example| format!("* {example}")));
    lines
}

fn faults(different: usize, missing: usize, unexpected: usize) -> String {
    let faults = [
        (different, "different"),
        (missing, "missing"),
        (unexpected, "unexpected"),
    ];
    faults
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!(", {count} {what}"))
        .collect()
}

/// Lines about how the demo went, and what to do next.
pub(super) fn of_report(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    if report.ok {
        lines.push(format!(
            "An attack was stopped after {} and {:.1} s, undone in {:.0} ms, and {} of {} files are as they were.",
            format_size(report.overwritten_bytes),
            report.attack_seconds,
            report.restore_milliseconds,
            report.identical,
            report.files
        ));
    } else {
        lines.push("This did not go as it should:".to_owned());
        lines.extend(report.problems.iter().map(|problem| format!("* {problem}")));
    }
    if report.left_behind.is_none() {
        lines.push("The scratch disk is gone; nothing else on this machine was touched.".to_owned());
    }
    lines.push(String::new());
    let program = program();
    for (what, command) in NEXT {
        lines.push(what.to_owned());
        lines.push(format!("    {program} {command}"));
    }
    lines
}

/// How to call this program again.
fn program() -> String {
    let called = std::env::args().next();
    called
        .filter(|program| program.contains('/'))
        .unwrap_or_else(|| "holdfast".to_owned())
}
