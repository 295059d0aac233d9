//! What the scenes found out: numbers for programs, one object a scene and one at the end.

use std::time::Duration;

use serde::Serialize;

/// What a scene found out. With `--json` each is a line.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub(super) enum Step {
    /// The disk was made and filled.
    Filled {
        disk_bytes: u64,
        file_system: &'static str,
        files: usize,
        bytes: u64,
        copied_from_this_machine: usize,
        made_up: usize,
        seconds: f64,
    },
    /// Ordinary work was done.
    Worked {
        edited: usize,
        copied: usize,
        packed: usize,
        removed: usize,
        read_bytes: u64,
        written_bytes: u64,
        highest_suspicion_percent: u32,
        bookmarks: u64,
        fenced: bool,
        seconds: f64,
    },
    /// The attack was over.
    Attacked {
        fenced: bool,
        bookmarked: bool,
        files_begun: usize,
        /// Bytes a second to which it was slowed down for whoever looks on.
        #[serde(skip_serializing_if = "Option::is_none")]
        slowed_to: Option<u64>,
        overwritten_bytes: u64,
        seconds: f64,
        reasons: Vec<String>,
    },
    /// The damage was looked at.
    Damaged {
        files: usize,
        bytes: u64,
        examples: Vec<String>,
    },
    /// The disk was returned to before the attack.
    Restored {
        moment: String,
        sequence: u64,
        milliseconds: f64,
    },
    /// All files were compared.
    Compared {
        files: usize,
        identical: usize,
        different: usize,
        missing: usize,
        unexpected: usize,
        seconds: f64,
    },
}

/// A time in seconds, to the millisecond.
pub(super) fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

/// How the demo went.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Report {
    /// Whether it went as promised: ordinary work passed, the attack was fenced, every file is back.
    pub(super) ok: bool,
    /// What went otherwise.
    pub(super) problems: Vec<String>,
    /// Files before the attack.
    pub(super) files: usize,
    /// Of these, those that are the same after the restore.
    pub(super) identical: usize,
    /// Whether the attack was fenced.
    pub(super) fenced: bool,
    /// Bytes that it overwrote until then.
    pub(super) overwritten_bytes: u64,
    /// Files that it damaged.
    pub(super) damaged_files: usize,
    /// How long it took until it was refused.
    pub(super) attack_seconds: f64,
    /// How long the restore took.
    pub(super) restore_milliseconds: f64,
    /// What could not be removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) left_behind: Option<String>,
    /// How long all of it took.
    pub(super) seconds: f64,
}
