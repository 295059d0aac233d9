//! The tools that check file systems, and what their exit codes and words mean.

use crate::result::CheckOutcome;

/// A tool for one kind of file system.
#[derive(Debug)]
pub(super) struct Tool {
    pub(super) program: &'static str,
    pub(super) arguments: &'static [&'static str],
    judge: fn(i32, &str) -> CheckOutcome,
    /// Whether the file system keeps itself whole, so that damage means something also on a disk in use.
    pub(super) has_journal: bool,
}

/// The tool for a file system by its name, as [`files::FileSystemKind`] has it.
pub(super) fn tool_for(kind: &str) -> Option<Tool> {
    Some(match kind {
        // What a machine does when it starts after a crash: replays the journal, finishes what was under way, and says if that
        // isn't enough.
        "ext3" | "ext4" => Tool {
            program: "e2fsck",
            arguments: &["-f", "-p"],
            judge: ext,
            has_journal: true,
        },
        "ext2" => Tool {
            program: "e2fsck",
            arguments: &["-f", "-n"],
            judge: ext,
            has_journal: false,
        },
        "XFS" => Tool {
            program: "xfs_repair",
            arguments: &["-n", "-f"],
            judge: xfs,
            has_journal: true,
        },
        "NTFS" => Tool {
            program: "ntfsfix",
            arguments: &["-n"],
            judge: zero_is_sound,
            has_journal: false,
        },
        "FAT12" | "FAT16" | "FAT32" => Tool {
            program: "fsck.fat",
            arguments: &["-n"],
            judge: fat,
            has_journal: false,
        },
        "exFAT" => Tool {
            program: "fsck.exfat",
            arguments: &["-n"],
            judge: zero_is_sound,
            has_journal: false,
        },
        _ => return None,
    })
}

impl Tool {
    /// What the tool found, by its exit code and what it printed.
    pub(super) fn judge(&self, code: Option<i32>, printed: &str) -> CheckOutcome {
        code.map_or(CheckOutcome::NotChecked, |code| (self.judge)(code, printed))
    }
}

/// 0: nothing; 1 and 2: what was left over was finished; 4: errors; 8 and more: it couldn't be done.
fn ext(code: i32, _printed: &str) -> CheckOutcome {
    match code {
        0..=3 => CheckOutcome::Sound,
        4..=7 => CheckOutcome::Damaged,
        _ => CheckOutcome::NotChecked,
    }
}

/// Only a mount replays XFS's log; with changes in it, what the tool finds without them says nothing.
fn xfs(code: i32, printed: &str) -> CheckOutcome {
    match code {
        0 => CheckOutcome::Sound,
        _ if printed.contains("valuable metadata changes in a log") => CheckOutcome::NotChecked,
        1 => CheckOutcome::Damaged,
        _ => CheckOutcome::NotChecked,
    }
}

/// A disk in use carries the mark of not having been unmounted, which alone is no damage.
fn fat(code: i32, printed: &str) -> CheckOutcome {
    let mark = "Dirty bit is set";
    let complaints = printed.lines().filter(|line| {
        let line = line.trim();
        let is_frame = line.is_empty()
            || line.starts_with("fsck.fat")
            || line.contains("Dirty bit")
            || line.contains("Fs was not properly unmounted")
            || line.contains("Automatically removing dirty bit")
            || line.contains("Leaving filesystem unchanged")
            || line.contains(" files, ");
        !is_frame
    });
    match code {
        0 => CheckOutcome::Sound,
        1 if printed.contains(mark) && complaints.count() == 0 => CheckOutcome::Sound,
        1 => CheckOutcome::Damaged,
        _ => CheckOutcome::NotChecked,
    }
}

const fn zero_is_sound(code: i32, _printed: &str) -> CheckOutcome {
    if code == 0 {
        CheckOutcome::Sound
    } else {
        CheckOutcome::Damaged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(kind: &str, code: i32, printed: &str) -> CheckOutcome {
        tool_for(kind).unwrap().judge(Some(code), printed)
    }

    #[test]
    fn exit_codes_mean_what_the_manuals_say() {
        assert_eq!(judged("ext4", 1, ""), CheckOutcome::Sound);
        assert_eq!(judged("ext4", 4, ""), CheckOutcome::Damaged);
        assert_eq!(judged("ext4", 8, ""), CheckOutcome::NotChecked);
        assert_eq!(judged("XFS", 1, "bad magic"), CheckOutcome::Damaged);
        let log = "ALERT: The filesystem has valuable metadata changes in a log which is being ignored";
        assert_eq!(judged("XFS", 1, log), CheckOutcome::NotChecked);
        assert_eq!(
            tool_for("ext4").unwrap().judge(None, ""),
            CheckOutcome::NotChecked,
            "killed"
        );
    }

    #[test]
    fn a_mark_of_use_is_no_damage_and_hides_none() {
        let dirty = "fsck.fat 4.2 (2021-01-31)\nDirty bit is set. Fs was not properly unmounted and some data may be corrupt.\n \
                     Automatically removing dirty bit.\n\nLeaving filesystem unchanged.\nx: 3 files, 8/25535 clusters\n";
        assert_eq!(judged("FAT32", 1, dirty), CheckOutcome::Sound);
        let worse = format!("{dirty}/A.TXT\n File size is 4096 bytes, cluster chain length is 0 bytes.\n");
        assert_eq!(judged("FAT32", 1, &worse), CheckOutcome::Damaged);
    }
}
