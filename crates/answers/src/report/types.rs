//! An investigation's result. Times are UTC; sizes are in bytes.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use volume::Timestamp;

use super::what::What;
use crate::content::Kind;
use crate::keep::Source;
use crate::past::PastMoment;

/// A time, written as RFC 3339 in UTC, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A moment of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MomentReport {
    /// Its last batch.
    pub sequence: u64,
    /// The time of that batch.
    pub time: Time,
}

impl From<&PastMoment> for MomentReport {
    fn from(moment: &PastMoment) -> Self {
        Self {
            sequence: moment.sequence.0,
            time: Time(moment.time),
        }
    }
}

/// A version of a file that is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Good {
    /// The part of the window whose volume has it, from 0.
    pub part: u16,
    /// The last batch before the damage.
    pub sequence: u64,
    /// The time of that batch, or of the damage.
    pub time: Time,
}

/// What happened to one file.
#[derive(Clone, Debug, Serialize)]
pub struct FileReport {
    /// The file system's name: empty for a whole disk.
    pub area: String,
    /// Its path, as it was before; of new files, as it is.
    pub path: String,
    /// Its path afterwards, or that of the file that took its place, where that is another.
    pub new_path: Option<String>,
    /// What happened to it.
    pub what: What,
    /// What it was, by its content.
    pub kind: Option<Kind>,
    /// What it is now.
    pub new_kind: Option<Kind>,
    /// Its size before.
    pub size_bytes: Option<u64>,
    /// Its size afterwards.
    pub new_size_bytes: Option<u64>,
    /// The owner's number.
    pub owner: Option<u32>,
    /// When its blocks were changed first, in the window.
    pub first: Option<Time>,
    /// When they were changed last.
    pub last: Option<Time>,
    /// How much of it was changed.
    pub changed_bytes: u64,
    /// How much of it clients read; `None` where reads aren't known.
    pub read_bytes: Option<u64>,
    /// Whether that can't have come along with what was read of other files, or with a folder's listing.
    pub is_read_certain: bool,
    /// Why this is said.
    pub evidence: Vec<String>,
    /// The newest version before it was damaged.
    pub newest_good: Option<Good>,
    /// Personal data in it, by class; empty if there is none or it wasn't searched.
    pub personal: BTreeMap<String, u64>,
    /// A good version that is newer than the moment before the window, where the disk still has it.
    #[serde(skip)]
    pub between: Option<Source>,
    /// What a plan to restore it needs to know.
    #[serde(skip)]
    pub damage: Damage,
}

/// Where a file is, for those who restore it.
#[derive(Clone, Debug, Default)]
pub struct Damage {
    /// The bytes of the report's `path`, in which names that aren't UTF-8 were made readable.
    pub path: Vec<u8>,
    /// Those of its `new_path`.
    pub new_path: Option<Vec<u8>>,
    /// Which of the file systems.
    pub side: usize,
    /// Its node before.
    pub old_node: Option<files::NodeId>,
    /// Its node afterwards.
    pub new_node: Option<files::NodeId>,
    /// It lies in the same blocks as before, under the same name: its content can be returned alone.
    pub is_in_place: bool,
}

/// A file system that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct FileSystemReport {
    /// Its name: empty for a whole disk.
    pub area: String,
    /// Which kind it is.
    pub kind: &'static str,
    /// Its label.
    pub label: String,
    /// Files before.
    pub files_before: u64,
    /// Files afterwards; `None` if it can't be read any more.
    pub files_after: Option<u64>,
    /// Folders and files that couldn't be read afterwards.
    pub unreadable_after: u64,
    /// Extensions that damaged files were given, and how many.
    pub extensions: Vec<(String, usize)>,
}

/// What is known of reads.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ReadingsReport {
    /// From when on they are known; `None` if they aren't.
    pub since: Option<Time>,
    /// Whether they are known from the window's start on.
    pub is_complete: bool,
    /// The coarsest grain that they were kept in.
    pub grain_bytes: u64,
    /// What was read, each block counted once.
    pub bytes: u64,
}

/// Files of one kind of damage, folder, type or owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The folder, type or owner.
    pub name: String,
    /// Damaged files.
    pub damaged: u64,
    /// Their bytes.
    pub damaged_bytes: u64,
    /// Files that were read and not changed.
    pub read: u64,
}

/// A piece of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// When it begins.
    pub time: Time,
    /// How long it is, in seconds.
    pub seconds: u64,
    /// Bytes changed.
    pub changed_bytes: u64,
    /// Bytes read.
    pub read_bytes: u64,
    /// Files whose damage began in it.
    pub damaged: u64,
}

/// Numbers of files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Files before.
    pub files: u64,
    /// Damaged files.
    pub damaged: u64,
    /// Their bytes.
    pub damaged_bytes: u64,
    /// Files that were read and not changed.
    pub read: u64,
    /// Their bytes.
    pub read_bytes: u64,
    /// Files by what happened to them.
    pub by_what: BTreeMap<&'static str, u64>,
}

/// What is known of one class of personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DataAnswer {
    /// The class's name for people.
    pub title: String,
    /// Pieces of data found in all.
    pub found: u64,
    /// Files that hold some.
    pub files: u64,
    /// Files whose blocks were read: take them for taken.
    pub taken: u64,
    /// Files of which no block was read while reads were kept.
    pub not_taken: u64,
    /// Files of which it isn't known.
    pub unknown: u64,
    /// A few, masked.
    pub examples: Vec<String>,
}

/// Personal data in the files that were touched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PersonalReport {
    /// By class.
    pub classes: BTreeMap<String, DataAnswer>,
    /// Files searched.
    pub searched: u64,
    /// Files that weren't: too large, or there was no time left.
    pub not_searched: u64,
    /// Files that couldn't be understood in full.
    pub unread: u64,
}

/// Everything that was found out.
#[derive(Clone, Debug, Serialize)]
pub struct Investigation {
    /// The version of this report's form: 1.
    pub version: u32,
    /// The volume.
    pub volume: String,
    /// The moment before.
    pub from: MomentReport,
    /// The moment after.
    pub to: MomentReport,
    /// What happened, in three sentences.
    pub summary: Vec<String>,
    /// What isn't known, and why.
    pub limits: Vec<String>,
    /// The file systems.
    pub file_systems: Vec<FileSystemReport>,
    /// Numbers.
    pub totals: Totals,
    /// Over time.
    pub timeline: Vec<Bucket>,
    /// By the two uppermost folders.
    pub by_folder: Vec<Group>,
    /// By what the files were.
    pub by_type: Vec<Group>,
    /// By owner.
    pub by_owner: Vec<Group>,
    /// What is known of reads.
    pub readings: ReadingsReport,
    /// Personal data, if it was searched for.
    pub personal: Option<PersonalReport>,
    /// The files, damaged ones first.
    pub files: Vec<FileReport>,
}
