//! What a drill found out. These types are what `--json` prints and what the history keeps: fields are added, never renamed or
//! removed.

use serde::{Deserialize, Serialize};
use volume::Timestamp;

use crate::case::Case;

/// The version of the results that this program writes.
pub const RESULT_VERSION: u32 = 1;

/// What a drill comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The attack was recognised and stopped, and everything was back afterwards.
    Passed,
    /// Something that should have worked didn't.
    Failed,
    /// Everything was back afterwards, and yet it isn't shown that an attack would be recognised.
    Inconclusive,
}

impl Verdict {
    /// As people read it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// Who asked for a drill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// Somebody, by a command.
    Command,
    /// The schedule.
    Schedule,
}

/// How far the attack had come when something was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noticed {
    /// Bytes that it had written, zeroed or trimmed.
    pub written_bytes: u64,
    /// Time since its first request, on the drill's clock.
    pub milliseconds: u64,
}

/// A whole drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillResult {
    /// [`RESULT_VERSION`] of the program that wrote it.
    pub version: u32,
    /// The volume.
    pub volume: String,
    /// Who asked for it.
    pub trigger: Trigger,
    /// When it began.
    #[serde(with = "guard::rfc3339")]
    pub started: Timestamp,
    /// How long it took, waiting for the guest included.
    pub milliseconds: u64,
    /// What chose files, moments and bytes: the same seed on the same disk does the same.
    pub seed: u64,
    /// The moment of the disk that was tried: its last batch.
    pub sequence: u64,
    /// The disk's size.
    pub size_bytes: u64,
    /// What it comes to.
    pub verdict: Verdict,
    /// What failed, in sentences; empty unless the verdict is [`Verdict::Failed`].
    pub failures: Vec<String>,
    /// What else should be known, in sentences.
    pub remarks: Vec<String>,
    /// The file systems on the disk.
    pub file_systems: Vec<FileSystemResult>,
    /// The attack on the fork and the way back.
    pub attack: Option<AttackResult>,
    /// What of the past was opened and compared.
    pub moments: Option<MomentsResult>,
    /// What the drill cost.
    pub cost: Cost,
}

/// A file system on the disk, after the restore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSystemResult {
    /// The partition or logical volume; empty if the disk is one file system.
    pub area: String,
    /// What it is: "ext4", "NTFS", or what is there instead.
    pub kind: String,
    /// Whether it can be read here.
    pub is_read: bool,
    /// Bytes that it covers.
    pub size_bytes: u64,
    /// What its own tool says of it.
    pub check: Option<Check>,
}

/// What a file system's own tool says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its finding.
    pub outcome: CheckOutcome,
    /// The command, without the file; empty if there is none.
    pub tool: String,
    /// The tool's last words, or why it wasn't asked.
    pub detail: String,
}

/// Whether a file system is whole, by its own tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// It is, or is once its journal is replayed, as every mount does.
    Sound,
    /// It isn't.
    Damaged,
    /// It wasn't asked, or couldn't tell.
    NotChecked,
}

/// The attack and the way back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttackResult {
    /// Which.
    pub case: Case,
    /// Files chosen to be attacked.
    pub files: u64,
    /// Bytes of them that could have been attacked.
    pub files_bytes: u64,
    /// Files of which something was changed before the attack was stopped.
    pub files_damaged: u64,
    /// Bytes written, zeroed or trimmed in all.
    pub written_bytes: u64,
    /// When the moment before was kept.
    pub bookmarked: Option<Noticed>,
    /// When writes were stopped.
    pub fenced: Option<Noticed>,
    /// Why, strongest first.
    pub reasons: Vec<String>,
    /// The way back.
    pub restore: RestoreResult,
    /// What was compared after it.
    pub compared: Compared,
}

/// The way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreResult {
    /// Whether the guard had kept the moment before; else the drill returned to the fork's beginning.
    pub by_guard: bool,
    /// Measured recovery time: from the decision until the disk can be used again.
    pub recovery_microseconds: u64,
    /// Measured loss: ordinary work of so long a time before the attack's first request is taken back with it.
    pub lost_milliseconds: u64,
}

/// What was compared with before the attack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Files.
    pub files: u64,
    /// Files whose content has the hash that it had.
    pub files_identical: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Blocks of 4096 bytes that the attack had changed.
    pub blocks: u64,
    /// Blocks that differ from the volume's.
    pub blocks_different: u64,
    /// Whether every file of the disk was compared, not only those chosen.
    pub is_whole_disk: bool,
}

/// What of the past was tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MomentsResult {
    /// Pins opened.
    pub pins: u64,
    /// Other moments opened.
    pub others: u64,
    /// Of all of these, how many could be opened with a file system on them, or had none.
    pub usable: u64,
    /// Files read and hashed.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Files among them that an earlier drill had hashed, unchanged since.
    pub known: u64,
    /// How far back the oldest moment tried lies, in seconds.
    pub oldest_seconds: u64,
    /// What is wrong.
    pub problems: Vec<String>,
}

/// What a drill cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Bytes read of the store.
    pub read_bytes: u64,
    /// Bytes written to the store.
    pub written_bytes: u64,
    /// Most bytes that the fork occupied.
    pub fork_bytes: u64,
    /// Time spent waiting, for the limit on I/O and for the guest.
    pub waited_milliseconds: u64,
}
