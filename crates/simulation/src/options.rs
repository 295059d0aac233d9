//! What a seed decides before the first operation: which faults, how large everything is, and what is done how often.

use std::time::Duration;

use volume::Settings;

use crate::disk::Geometry;
use crate::random::Random;

/// A family of faults, with the promises that hold under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// No faults: the volume is closed and opened.
    Calm,
    /// Power cuts and process kills.
    Power,
    /// Failing writes, syncs and directory changes, with power cuts and kills.
    Failing,
    /// A full disk or a small budget, with power cuts and kills.
    Full,
    /// Rot, misdirected and lost writes, failing reads, with kills and restarts.
    Rot,
    /// Syncs that do nothing, with power cuts.
    Lying,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Calm,
        Self::Power,
        Self::Failing,
        Self::Full,
        Self::Rot,
        Self::Lying,
    ];

    /// The class of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Power => "power",
            Self::Failing => "failing",
            Self::Full => "full",
            Self::Rot => "rot",
            Self::Lying => "lying",
        }
    }

    /// Whether what was durable can change or vanish: a read may then fail, but never give wrong bytes.
    #[must_use]
    pub const fn damages(self) -> bool {
        matches!(self, Self::Rot | Self::Lying)
    }

    /// The class that `random` draws. Power cuts, the commonest of accidents, are drawn most often.
    pub fn draw(random: &mut Random) -> Self {
        *random.choose(&[
            Self::Power,
            Self::Power,
            Self::Power,
            Self::Failing,
            Self::Failing,
            Self::Full,
            Self::Rot,
            Self::Rot,
            Self::Lying,
            Self::Calm,
        ])
    }
}

/// Relative frequencies of the operations. A seed leaves some out, so that what remains meets in unusual ways.
#[derive(Clone, Copy, Debug)]
pub struct Weights(pub [u64; Self::KINDS]);

impl Weights {
    /// Kinds of operations, in the order of [`crate::operation::Kind::ALL`].
    pub const KINDS: usize = 25;

    const USUAL: [u64; Self::KINDS] = [
        60, 8, 8, 25, 3, 4, 3, 14, 8, 3, 2, 2, 1, 2, 4, 10, 8, 2, 5, 4, 3, 4, 1, 1, 2,
    ];

    fn draw(random: &mut Random) -> Self {
        let mut weights = Self::USUAL;
        for weight in weights.iter_mut().skip(1) {
            match random.below(6) {
                0 => *weight = 0,
                1 => *weight *= 4,
                _ => {}
            }
        }
        Self(weights)
    }
}

/// Everything a seed decides at the start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The faults.
    pub class: Class,
    /// The disk below.
    pub geometry: Geometry,
    /// Every volume's settings.
    pub settings: Settings,
    /// The first volume's size.
    pub size_bytes: u64,
    /// Blocks that most writes fall on.
    pub hot_blocks: u64,
    /// Operations to run.
    pub operations: u64,
    /// Fault points between two stops of the machine, about.
    pub stop_every: u64,
    /// What is done how often.
    pub weights: Weights,
    /// Most of what the clock advances between two operations.
    pub pace: Duration,
    /// Whether the clock is set back at times.
    pub clock_jumps: bool,
}

impl Options {
    /// What `random` decides, within `class`.
    pub fn draw(class: Class, random: &mut Random) -> Self {
        let is_huge = random.chance(1, 8);
        let size_bytes = match random.below(6) {
            _ if is_huge => 64 << 40,
            0 => (1 << 20) + 512 * random.below(8),
            1 => 3 << 20,
            2 => 24 << 20,
            _ => 1 << 20,
        };
        let retention = Duration::from_secs(*random.choose(&[10, 60, 600, 86_400]));
        let capacity_bytes = match class {
            Class::Full if random.chance(2, 3) => random.between(1000, 4000) << 10,
            _ => 1 << 32,
        };
        Self {
            class,
            geometry: Geometry {
                sector: *random.choose(&[512, 512, 4096]),
                capacity_bytes,
                directories_are_independent: random.chance(1, 3),
                shows_stale_bytes: random.chance(1, 4),
            },
            settings: draw_settings(class, capacity_bytes, retention, random),
            size_bytes,
            hot_blocks: 1 << random.between(2, 8),
            operations: random.between(20, 250),
            stop_every: *random.choose(&[4, 20, 60, 200]),
            weights: Weights::draw(random),
            pace: Duration::from_millis(*random.choose(&[1, 100, 2000, 20_000])),
            clock_jumps: random.chance(1, 8),
        }
    }
}

fn draw_settings(class: Class, capacity_bytes: u64, retention: Duration, random: &mut Random) -> Settings {
    let is_budgeted = class == Class::Full && (capacity_bytes == 1 << 32 || random.chance(1, 3));
    Settings {
        retention,
        retention_floor: retention / *random.choose(&[1, 2, 10]),
        budget_bytes: is_budgeted.then(|| random.between(800, 3000) << 10),
        checkpoint_records: *random.choose(&[10, 100, 1000]),
        compact_from_percent: *random.choose(&[1, 25, 80]),
        map_cache_bytes: *random.choose(&[1 << 16, 1 << 18, 1 << 24]),
        segment_bytes: *random.choose(&[1 << 16, 1 << 17, 1 << 18]),
        compress_after: Duration::from_secs(*random.choose(&[0, 5, 60, 3600])),
        defragment_after: Duration::from_secs(*random.choose(&[0, 5, 60, 3600])),
        // Much more than anybody would choose, as simulated disks see few writes.
        defragment_percent: *random.choose(&[0, 50, 2000]),
        compression_level: 1,
    }
}
