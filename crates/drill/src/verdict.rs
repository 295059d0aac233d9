//! What a drill comes to: a pure function from what was measured to a verdict with its reasons.

use guard::{Fence, StatusState};

use crate::check::has_journal;
use crate::result::{AttackResult, CheckOutcome, DrillResult, Verdict};

/// Of less written than this, nothing is shown if it wasn't recognised: twice what the guard needs of most attacks.
const ENOUGH_BYTES: u64 = 24 << 20;
const MIB: u64 = 1 << 20;

/// How the volume's own guard is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GuardSet {
    pub(crate) state: StatusState,
    pub(crate) fence: Fence,
}

/// Judges, and writes the reasons into the result.
pub(crate) fn judge(result: &mut DrillResult, guard: GuardSet, guard_failures: &[String]) {
    let mut failures = Vec::new();
    let mut remarks = Vec::new();
    let mut is_shown = true;
    if guard.state == StatusState::Off {
        failures.push("the guard of this volume is off: a real attack would be neither noticed nor stopped".to_owned());
    } else if guard.fence == Fence::Alert {
        remarks.push("the fence of this volume is `alert`: a real attack would be told and not stopped".to_owned());
    }
    if let Some(attack) = &result.attack {
        of_detection(attack, &mut failures, &mut remarks, &mut is_shown);
        of_comparison(attack, &mut failures);
    } else {
        is_shown = false;
    }
    failures.extend(
        guard_failures
            .iter()
            .map(|failure| format!("the guard reported: {failure}")),
    );
    of_checks(result, &mut failures, &mut remarks);
    if let Some(moments) = &result.moments {
        failures.extend(moments.problems.iter().cloned());
    }
    result.verdict = match (failures.is_empty(), is_shown) {
        (false, _) => Verdict::Failed,
        (true, true) => Verdict::Passed,
        (true, false) => Verdict::Inconclusive,
    };
    result.failures.extend(failures);
    result.remarks.extend(remarks);
}

fn of_detection(attack: &AttackResult, failures: &mut Vec<String>, remarks: &mut Vec<String>, is_shown: &mut bool) {
    if attack.fenced.is_some() {
        return;
    }
    let mib = attack.written_bytes / MIB;
    let kept = match attack.bookmarked {
        Some(noticed) => format!(
            "it was suspected after {} MiB, and the moment before it was kept",
            noticed.written_bytes.div_ceil(MIB)
        ),
        None => "it wasn't noticed".to_owned(),
    };
    if attack.case.is_promised() && attack.written_bytes >= ENOUGH_BYTES {
        failures.push(format!(
            "the attack `{}` came to its end, with {mib} MiB written, and wasn't stopped: {kept}",
            attack.case
        ));
        return;
    }
    *is_shown = false;
    remarks.push(if attack.case.is_promised() {
        format!(
            "there was too little on the disk to show whether an attack would be stopped: `{}` could write {mib} MiB; {kept}",
            attack.case
        )
    } else {
        format!(
            "the attack `{}` isn't one whose recognition a drill demands: it shows the way back; {kept}",
            attack.case
        )
    });
}

fn of_comparison(attack: &AttackResult, failures: &mut Vec<String>) {
    let compared = &attack.compared;
    let different = compared.files.saturating_sub(compared.files_identical);
    if different > 0 {
        failures.push(format!(
            "{different} of {} files aren't what they were before the attack",
            compared.files
        ));
    }
    if compared.blocks_different > 0 {
        failures.push(format!(
            "{} of {} blocks that the attack changed aren't what they were before",
            compared.blocks_different, compared.blocks
        ));
    }
}

fn of_checks(result: &DrillResult, failures: &mut Vec<String>, remarks: &mut Vec<String>) {
    for system in &result.file_systems {
        let Some(check) = &system.check else { continue };
        let name = match system.area.as_str() {
            "" => system.kind.clone(),
            area => format!("{} of `{area}`", system.kind),
        };
        match check.outcome {
            CheckOutcome::Sound => {}
            CheckOutcome::Damaged if has_journal(&system.kind) => failures.push(format!(
                "the file system ({name}) is damaged, on the disk itself as well if all blocks are as they were before the \
                 attack: `{}` says: {}",
                check.tool, check.detail
            )),
            CheckOutcome::Damaged => remarks.push(format!(
                "the file system ({name}) was in use and has no journal that would keep it whole: `{}` says: {}",
                check.tool, check.detail
            )),
            CheckOutcome::NotChecked => remarks.push(format!(
                "the file system ({name}) wasn't checked by its own tool: {}",
                check.detail
            )),
        }
    }
}
