//! Why: the counts behind an assessment, in words and numbers.

use core::fmt;

use crate::counters::{BASELINE, Count, Counters, ONE};
use crate::features::at;

/// Something that attacks do to a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Blocks were read and soon replaced with random-looking bytes.
    ReadThenRandom,
    /// Random-looking blocks were read and soon replaced with others: all that shows on an encrypted disk.
    ReadThenAlike,
    /// Blocks that held something else look random now.
    TurnedRandom,
    /// Blocks that held something else hold random bytes dressed as text now.
    TurnedArmoured,
    /// Older blocks were replaced with one value.
    Wiped,
    /// Older blocks were replaced with random-looking bytes without having been read.
    Overrun,
    /// Random-looking blocks were written to free space while about as much was read.
    RandomCopies,
    /// Blocks were read, then trimmed.
    ReadThenTrimmed,
    /// The partition table or the superblock was destroyed.
    HeadDestroyed,
}

/// A signal with its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which signal.
    pub signal: Signal,
    /// Blocks of 4 KiB that showed it, of the last blocks written.
    pub blocks: u32,
    /// The last blocks written (or trimmed, or read, as the signal has it).
    pub of: u32,
    /// What share of blocks usually shows it on this volume, in 1/1000; `None` before there is a usual.
    pub usual: Option<u16>,
}

/// Findings kept.
const FINDINGS: usize = 4;

/// The strongest signals of an assessment, strongest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    findings: [Option<Finding>; FINDINGS],
}

const LOOKED_AT: [(Signal, Count, Count); 9] = [
    (Signal::ReadThenRandom, Count::ReadReplacedRandom, Count::Written),
    (Signal::ReadThenAlike, Count::ReadReplacedAlike, Count::Written),
    (Signal::TurnedRandom, Count::Flipped, Count::Written),
    (Signal::TurnedArmoured, Count::FlippedArmoured, Count::Written),
    (Signal::Wiped, Count::Wiped, Count::Written),
    (Signal::Overrun, Count::Overrun, Count::Written),
    (Signal::RandomCopies, Count::RandomNew, Count::Written),
    (Signal::ReadThenTrimmed, Count::TrimmedRead, Count::Trimmed),
    (Signal::HeadDestroyed, Count::HeadDestroyed, Count::Written),
];

/// The window that explanations count in: the last 2 MiB written, less than an attack has written when it is recognised.
const WINDOW: usize = 4;

impl Signals {
    pub(crate) fn of(counters: &Counters) -> Self {
        let mut signals = Self::default();
        let [Some(window), Some(usual)] = [WINDOW, BASELINE].map(|index| counters.windows.get(index)) else {
            return signals;
        };
        for (signal, part, whole) in LOOKED_AT {
            let (blocks, of) = (at(window, part) / ONE, at(window, whole) / ONE);
            let usual_whole = at(usual, whole) / ONE;
            let finding = Finding {
                signal,
                blocks: blocks.min(u64::from(u32::MAX)) as u32,
                of: of.max(blocks).min(u64::from(u32::MAX)) as u32,
                usual: (usual_whole >= 65_536).then(|| (at(usual, part) / ONE * 1000 / usual_whole).min(1000) as u16),
            };
            if blocks >= 4 && (blocks >= of / 20 || signal == Signal::HeadDestroyed) {
                signals.insert(finding);
            }
        }
        signals
    }

    /// Keeps the list sorted, strongest first.
    fn insert(&mut self, finding: Finding) {
        let mut carried = Some(finding);
        for slot in &mut self.findings {
            let stronger = match (&carried, &*slot) {
                (Some(new), Some(old)) => new.blocks > old.blocks,
                (carried, _) => carried.is_some(),
            };
            if stronger {
                core::mem::swap(slot, &mut carried);
            }
        }
    }

    /// The findings, strongest first.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().flatten()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (blocks, of) = (self.blocks, self.of);
        let said = match self.signal {
            Signal::ReadThenRandom => "written replaced what had been read shortly before, and look random",
            Signal::ReadThenAlike => "written replaced random-looking blocks that had been read shortly before",
            Signal::TurnedRandom => "written look random where structured data was before",
            Signal::TurnedArmoured => "written hold random bytes dressed as text where other data was before",
            Signal::Wiped => "written replaced older data with one value",
            Signal::Overrun => "written replaced older data with random-looking bytes, unread",
            Signal::RandomCopies => "written look random and went to free space",
            Signal::ReadThenTrimmed => "trimmed had been read shortly before",
            Signal::HeadDestroyed => {
                write!(f, "{blocks} blocks at the start of the disk were destroyed")?;
                return self.compare(f);
            }
        };
        write!(f, "{blocks} of the last {of} blocks {said}")?;
        self.compare(f)
    }
}

impl Finding {
    /// Compares with what is usual.
    fn compare(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.usual {
            Some(usual) => write!(f, " (usual for this volume: {}.{} %)", usual / 10, usual % 10),
            None => Ok(()),
        }
    }
}
