//! The places by which everything else on a disk is found: its partition table, and the superblock or header of what lies in each
//! partition. A wiper needs a fraction of a second and some hundred blocks for them, too few for the sentinel, which counts. Nothing
//! ordinary destroys them: file systems rewrite theirs as what they are, and a new one takes the place of the old one at once.
//!
//! Clients' requests only note that such a block was changed; a tick looks what is there then. Invariant: what is lost was known, was
//! changed since, and is neither replaced by something else that is known nor left out of a partition table that is whole.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use files::{Area, Content, Disk, SWAP};
use sentinel::{Level, Micros};
use volume::BLOCK_BYTES;

use crate::device_disk::DeviceDisk;
use crate::guard::Guard;
use crate::locks::lock;
use crate::watch::ONSET_MARGIN_MICROS;

/// How long something may be gone before it is fenced: whoever makes a file system in the place of another wipes that one first.
const GONE_MICROS: Micros = 4_000_000;
/// Places within an area by which things are known, in bytes: boot sector, superblock or label; the superblock of btrfs.
const PLACES: [u64; 2] = [0, 64 << 10];
/// Where a GPT's header is, by the size of sectors (UEFI 2.10, 5.3.2).
const GPT_HEADERS: [u64; 2] = [512, 4096];
/// Where a boot record has the types of its four partitions, and the one that announces a GPT (UEFI 2.10, 5.2.3).
const MBR_TYPES: [usize; 4] = [450, 466, 482, 498];
const GPT_PROTECTIVE: u8 = 0xee;
/// Areas that are watched at most; a GPT has room for 128 partitions.
const AREAS_MAX: usize = 1024;

/// What is by itself on a disk.
#[derive(Debug)]
struct Part {
    /// Its first byte on the disk.
    start: u64,
    /// The partition's number; empty for a whole disk.
    name: String,
    content: Option<Content>,
}

/// What is there.
#[derive(Debug)]
struct Seen {
    has_table: bool,
    parts: Vec<Part>,
    /// The blocks that tell, ascending.
    blocks: Vec<u64>,
}

/// Something is gone.
#[derive(Debug)]
struct Lost {
    /// When a block of it was first changed.
    changed: Micros,
    /// When that was seen.
    seen: Micros,
    /// What, in words.
    what: Vec<String>,
    /// Whether it was fenced, or would have been.
    is_acted_upon: bool,
}

/// What is known, and what became of it.
#[derive(Debug, Default)]
pub(crate) struct Landmarks {
    /// `None` before the first look.
    known: Option<Seen>,
    /// When a block of them was first changed since the last look.
    changed: Option<Micros>,
    lost: Option<Lost>,
}

impl Landmarks {
    /// `count` blocks from `first` on are changed.
    pub(crate) fn change(&mut self, now: Micros, first: u64, count: u64) {
        let Some(known) = &self.known else {
            return;
        };
        let next = known.blocks.partition_point(|block| *block < first);
        if known.blocks.get(next).is_some_and(|block| block - first < count) {
            self.changed.get_or_insert(now);
        }
    }

    /// What is gone, in words.
    pub(crate) fn lost(&self) -> Vec<String> {
        self.lost.as_ref().map(|lost| lost.what.clone()).unwrap_or_default()
    }

    /// Whether it must be looked what is there. What was changed counts as seen from here on.
    fn begin_look(&mut self) -> Option<Option<Micros>> {
        let is_due = self.known.is_none() || self.changed.is_some() || self.lost.is_some();
        is_due.then(|| self.changed.take())
    }

    /// Takes what was seen, the first change of which was at `changed`. Returns what that calls for, and since when.
    fn end_look(&mut self, now: Micros, changed: Option<Micros>, seen: Option<Seen>) -> Option<(Level, Micros)> {
        let Some(seen) = seen else {
            // What can't be read now may be there: it is looked again.
            self.changed = changed.or(self.changed);
            return None;
        };
        let what = self
            .known
            .as_ref()
            .map(|known| known.lost_in(&seen))
            .unwrap_or_default();
        if what.is_empty() {
            self.known = Some(seen);
            self.lost = None;
            return None;
        }
        let is_new = self.lost.as_ref().is_none_or(|lost| lost.what != what);
        let lost = self.lost.get_or_insert(Lost {
            changed: changed.unwrap_or(now),
            seen: now,
            what: Vec::new(),
            is_acted_upon: false,
        });
        lost.what = what;
        let is_gone = now.saturating_sub(lost.seen) >= GONE_MICROS;
        let level = match is_gone && !std::mem::replace(&mut lost.is_acted_upon, is_gone) {
            true => Level::Fence,
            false if is_new => Level::Bookmark,
            false => return None,
        };
        Some((level, lost.changed))
    }
}

impl Seen {
    /// `None` for what can't be read now.
    fn on(disk: &Arc<dyn Disk>) -> Option<Self> {
        // A mistake in a reader of foreign bytes must not keep the guard from its work.
        let found = catch_unwind(AssertUnwindSafe(|| files::partitions(disk))).ok()?;
        let areas = match found {
            Ok(areas) => areas,
            Err(files::Error::Disk(_)) => return None,
            // Neither copy of the partition table is whole.
            Err(_) => vec![],
        };
        let parts = areas.iter().take(AREAS_MAX).filter_map(part);
        let starts = areas
            .iter()
            .take(AREAS_MAX)
            .flat_map(|area| PLACES.map(|place| area.to_disk(place)));
        // A disk that has nothing yet gets something there.
        let starts = starts.flatten().chain(PLACES);
        let mut blocks: Vec<u64> = starts.map(|start| start / BLOCK_BYTES as u64).collect();
        blocks.sort_unstable();
        blocks.dedup();
        let seen = Self {
            has_table: false,
            parts: parts.collect(),
            blocks,
        };
        Some(Self {
            has_table: seen.whole().is_none() && has_table(&**disk)?,
            ..seen
        })
    }

    /// What the whole disk holds, if it isn't divided.
    fn whole(&self) -> Option<Content> {
        self.parts.iter().find(|part| part.name.is_empty())?.content
    }

    /// What of this is neither in `newer` nor replaced there, in words.
    fn lost_in(&self, newer: &Self) -> Vec<String> {
        let table = (self.has_table && !newer.has_table && newer.whole().is_none())
            .then(|| "the partition table was destroyed".to_owned());
        let is_lost = |part: &&Part| match newer.parts.iter().find(|other| other.start == part.start) {
            Some(other) => {
                let is_divided_anew = part.name.is_empty() && newer.has_table;
                part.content.is_some() && other.content.is_none() && !is_divided_anew
            }
            // Left out of the table, or not to be found without it.
            None => false,
        };
        let parts = self.parts.iter().filter(is_lost).map(|part| part.to_string());
        table.into_iter().chain(parts).collect()
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.content {
            Some(Content::FileSystem(kind)) => write!(f, "the superblock of {}", kind.name())?,
            Some(Content::Other(name)) => write!(f, "the header of {name}")?,
            None => f.write_str("the header")?,
        }
        match self.name.as_str() {
            "" => f.write_str(" was destroyed"),
            name => write!(f, " on partition {name} was destroyed"),
        }
    }
}

/// Whether the disk begins with a partition table, or with the first copy of one. Whoever wipes a disk often forgets the copy at its end, with
/// which everything can be found, and nothing starts. `None` for what can't be read.
fn has_table(disk: &dyn Disk) -> Option<bool> {
    let mut head = [0; 512];
    if disk.size_bytes() < head.len() as u64 {
        return Some(false);
    }
    disk.read_at(0, &mut head).ok()?;
    let mut is_gpt = false;
    for offset in GPT_HEADERS.into_iter().filter(|offset| offset + 8 <= disk.size_bytes()) {
        let mut magic = [0; 8];
        disk.read_at(offset, &mut magic).ok()?;
        is_gpt |= &magic == b"EFI PART";
    }
    let announces_gpt = MBR_TYPES
        .into_iter()
        .any(|place| head.get(place) == Some(&GPT_PROTECTIVE));
    Some(is_gpt || head.ends_with(&[0x55, 0xaa]) && !announces_gpt)
}

fn part(area: &Area) -> Option<Part> {
    Some(Part {
        start: area.to_disk(0)?,
        name: area.name.clone(),
        // A system that hibernates puts something else where swap is.
        content: area.content.filter(|content| *content != Content::Other(SWAP)),
    })
}

impl Guard {
    /// Looks whether what was changed can still be found. The caller holds `operations`.
    pub(crate) fn look_at_landmarks(&self) {
        if !self.is_watching() {
            lock(&self.watch).landmarks = Landmarks::default();
            return;
        }
        let Some(changed) = lock(&self.watch).landmarks.begin_look() else {
            return;
        };
        // Unseen by the sentinel.
        let disk: Arc<dyn Disk> = Arc::new(DeviceDisk(self.volume.attach(Arc::clone(&self.clock))));
        let seen = Seen::on(&disk);
        let now = self.uptime.micros();
        let mut watch = lock(&self.watch);
        let now = watch.time(now);
        let Some((level, since)) = watch.landmarks.end_look(now, changed, seen) else {
            return;
        };
        let percent = if level == Level::Fence { 100 } else { 0 };
        let suspect = watch.suspect_beside(now, level, since.saturating_sub(ONSET_MARGIN_MICROS), percent);
        drop(watch);
        self.consider(suspect);
    }
}
