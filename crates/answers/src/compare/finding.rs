//! What was found out about a file.

use std::sync::Arc;

use files::Disk;
use volume::Timestamp;

use crate::content::Kind;
use crate::disk::{Changed, Index, Side, Stamp, Tree};
use crate::report::What;

/// File systems write a file's times some seconds after its content; by then they are on the disk, in nanoseconds.
const SETTLED_NANOS: u64 = 60_000_000_000;

/// Both sides of a comparison. A file system that can't be read any more has no `after`.
pub(crate) struct Ground<'a> {
    pub(crate) before: &'a Side,
    pub(crate) before_tree: &'a Tree,
    pub(crate) after: Option<(&'a Side, &'a Tree)>,
    pub(crate) changed: &'a Changed,
    /// The disk at the end of the window, below all file systems.
    pub(crate) after_disk: &'a Arc<dyn Disk>,
    pub(crate) from: Timestamp,
    pub(crate) from_sequence: u64,
    pub(crate) to: Timestamp,
}

impl Ground<'_> {
    /// Whether what the file system records of a file is on the disk, whose blocks were changed last then.
    pub(crate) fn is_settled(&self, last: Stamp) -> bool {
        self.to.since(last.time).as_nanos() > u128::from(SETTLED_NANOS)
    }
}

/// What happened to a file.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) what: What,
    /// The file before, in the tree before.
    pub(crate) old: Option<Index>,
    /// The file after, or what took its place, in the tree after.
    pub(crate) new: Option<Index>,
    pub(crate) old_kind: Option<Kind>,
    pub(crate) new_kind: Option<Kind>,
    pub(crate) first: Option<Stamp>,
    pub(crate) last: Option<Stamp>,
    pub(crate) changed_blocks: u64,
    /// It is the same file in the same blocks, so that its content can be returned alone.
    pub(crate) is_in_place: bool,
    pub(crate) evidence: Vec<String>,
}

/// All findings of a file system.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) list: Vec<Finding>,
    /// Extensions that many damaged files were given, and how many.
    pub(crate) extensions: Vec<(String, usize)>,
}

impl Finding {
    pub(crate) const fn new(what: What, old: Option<Index>, new: Option<Index>) -> Self {
        Self {
            what,
            old,
            new,
            old_kind: None,
            new_kind: None,
            first: None,
            last: None,
            changed_blocks: 0,
            is_in_place: false,
            evidence: Vec::new(),
        }
    }

    /// With the times of what was changed.
    pub(crate) fn at(mut self, first: Stamp, last: Stamp) -> Self {
        if last != Stamp::default() {
            (self.first, self.last) = (Some(first), Some(last));
        }
        self
    }
}
