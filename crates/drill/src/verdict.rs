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
    let mib = attack.written_bytes.div_ceil(MIB);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Case;
    use crate::result::{Check, Compared, Cost, FileSystemResult, MomentsResult, Noticed, RestoreResult, Trigger};

    const ON: GuardSet = GuardSet {
        state: StatusState::Calm,
        fence: Fence::Divert,
    };

    fn result() -> DrillResult {
        let noticed = Noticed {
            written_bytes: 5 * MIB,
            milliseconds: 50,
        };
        DrillResult {
            version: 1,
            volume: "disk".to_owned(),
            trigger: Trigger::Command,
            started: volume::Timestamp::from_unix_seconds(1_800_000_000),
            milliseconds: 1,
            seed: 1,
            sequence: 1,
            size_bytes: 1 << 30,
            verdict: Verdict::Inconclusive,
            failures: Vec::new(),
            remarks: Vec::new(),
            file_systems: Vec::new(),
            attack: Some(AttackResult {
                case: Case::InPlaceWhole,
                files: 10,
                files_bytes: 64 * MIB,
                files_damaged: 2,
                written_bytes: 5 * MIB,
                bookmarked: Some(noticed),
                fenced: Some(noticed),
                reasons: Vec::new(),
                restore: RestoreResult {
                    by_guard: true,
                    recovery_microseconds: 2000,
                    lost_milliseconds: 5000,
                },
                compared: Compared {
                    files: 10,
                    files_identical: 10,
                    bytes: 64 * MIB,
                    blocks: 1280,
                    blocks_different: 0,
                    is_whole_disk: false,
                },
            }),
            moments: Some(MomentsResult::default()),
            cost: Cost::default(),
        }
    }

    fn verdict(change: impl FnOnce(&mut DrillResult)) -> Verdict {
        let mut result = result();
        change(&mut result);
        judge(&mut result, ON, &[]);
        result.verdict
    }

    fn attack(result: &mut DrillResult) -> &mut AttackResult {
        result.attack.as_mut().unwrap()
    }

    #[test]
    fn what_worked_passes_and_one_thing_that_did_not_fails() {
        assert_eq!(verdict(|_| {}), Verdict::Passed);
        assert_eq!(
            verdict(|result| attack(result).compared.files_identical = 9),
            Verdict::Failed
        );
        assert_eq!(
            verdict(|result| attack(result).compared.blocks_different = 1),
            Verdict::Failed
        );
        let problem = || vec!["pin `monday`: damaged".to_owned()];
        assert_eq!(
            verdict(|result| result.moments.as_mut().unwrap().problems = problem()),
            Verdict::Failed
        );
        let mut off = result();
        judge(
            &mut off,
            GuardSet {
                state: StatusState::Off,
                ..ON
            },
            &[],
        );
        assert_eq!(off.verdict, Verdict::Failed);
        let mut failing = result();
        judge(&mut failing, ON, &problem());
        assert_eq!(failing.verdict, Verdict::Failed);
    }

    #[test]
    fn an_attack_that_was_not_stopped_fails_if_it_wrote_enough_and_is_one_of_those_promised() {
        let unstopped = |bytes: u64, case: Case| {
            verdict(|result| {
                let attack = attack(result);
                (attack.fenced, attack.written_bytes, attack.case) = (None, bytes, case);
            })
        };
        assert_eq!(unstopped(60 * MIB, Case::InPlaceWhole), Verdict::Failed);
        assert_eq!(unstopped(6 * MIB, Case::InPlaceWhole), Verdict::Inconclusive);
        assert_eq!(unstopped(60 * MIB, Case::TrimFiles), Verdict::Inconclusive);
        assert_eq!(verdict(|result| result.attack = None), Verdict::Inconclusive);
    }

    #[test]
    fn a_damaged_file_system_fails_if_it_has_a_journal() {
        let with = |kind: &str, outcome| {
            let system = FileSystemResult {
                area: String::new(),
                kind: kind.to_owned(),
                is_read: true,
                size_bytes: 1 << 30,
                check: Some(Check {
                    outcome,
                    tool: "fsck".to_owned(),
                    detail: "exit code 4".to_owned(),
                }),
            };
            verdict(|result| result.file_systems = vec![system])
        };
        assert_eq!(with("ext4", CheckOutcome::Damaged), Verdict::Failed);
        assert_eq!(with("ext4", CheckOutcome::NotChecked), Verdict::Passed);
        assert_eq!(with("FAT32", CheckOutcome::Damaged), Verdict::Passed);
    }

    #[test]
    fn a_page_holds_whatever_names_there_are_and_nothing_from_elsewhere() {
        let mut failed = result();
        failed.failures = vec!["`<script>alert(1)</script>` isn't what it was".to_owned()];
        let results = vec![result(), failed];
        let volume = crate::VolumePage {
            name: "<b>disk</b>",
            is_scheduled: true,
            is_overdue: true,
            results: &results,
            unreadable: 1,
        };
        let page = crate::page(&crate::Facts {
            time: volume::Timestamp::from_unix_seconds(1_800_000_000),
            host: "host & co",
            program: "Holdfast",
            schedule: Some("02:30"),
            overdue_after_seconds: 36 * 3600,
            volumes: &[volume],
        });
        for foreign in ["<script", "<b>disk", "http://", "https://", "src=", "<link"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert!(page.contains("&lt;b&gt;disk&lt;/b&gt;") && page.contains("host &amp; co") && page.contains("5 MiB"));
    }
}
