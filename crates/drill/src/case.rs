//! The attacks that a drill can try, each as what it does to the disk. They are cases of the lab at block level.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// An attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Case {
    /// Files one after the other, each as a whole, over the same blocks.
    InPlaceWhole,
    /// Every other 16 bytes of each file.
    #[serde(rename = "every-other-16-bytes")]
    EveryOther16Bytes,
    /// The first 64 KiB of each file.
    #[serde(rename = "head-64k")]
    Head64k,
    /// Five per cent of each file, in pieces.
    FivePercent,
    /// As a whole, with output that isn't random: Base64.
    LowEntropy,
    /// A file every twenty seconds.
    Slow,
    /// Pieces of all files in random order.
    RandomOrder,
    /// Eight files at a time.
    EightWorkers,
    /// Random bytes over files that weren't read.
    WipeRandom,
    /// Zeros over files that weren't read.
    WipeZeros,
    /// Ciphertext into free space, then the originals trimmed.
    CopyAndTrim,
    /// Files trimmed.
    TrimFiles,
    /// Random bytes over partition tables and the beginnings of file systems.
    WipeStructures,
}

impl Case {
    /// All cases, in the order in which help lists them.
    pub const ALL: [Self; 13] = [
        Self::InPlaceWhole,
        Self::EveryOther16Bytes,
        Self::Head64k,
        Self::FivePercent,
        Self::LowEntropy,
        Self::Slow,
        Self::RandomOrder,
        Self::EightWorkers,
        Self::WipeRandom,
        Self::WipeZeros,
        Self::CopyAndTrim,
        Self::TrimFiles,
        Self::WipeStructures,
    ];

    /// Its name on command lines and in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InPlaceWhole => "in-place-whole",
            Self::EveryOther16Bytes => "every-other-16-bytes",
            Self::Head64k => "head-64k",
            Self::FivePercent => "five-percent",
            Self::LowEntropy => "low-entropy",
            Self::Slow => "slow",
            Self::RandomOrder => "random-order",
            Self::EightWorkers => "eight-workers",
            Self::WipeRandom => "wipe-random",
            Self::WipeZeros => "wipe-zeros",
            Self::CopyAndTrim => "copy-and-trim",
            Self::TrimFiles => "trim-files",
            Self::WipeStructures => "wipe-structures",
        }
    }

    /// What it does, in a few words.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::InPlaceWhole => "files encrypted in place, one after the other",
            Self::EveryOther16Bytes => "every other 16 bytes of each file encrypted",
            Self::Head64k => "the first 64 KiB of each file encrypted",
            Self::FivePercent => "5 % of each file encrypted, in pieces",
            Self::LowEntropy => "files replaced by Base64, which doesn't look random",
            Self::Slow => "one file every 20 seconds encrypted in place",
            Self::RandomOrder => "pieces of all files encrypted in random order",
            Self::EightWorkers => "eight files at a time encrypted in place",
            Self::WipeRandom => "files overwritten with random bytes",
            Self::WipeZeros => "files overwritten with zeros",
            Self::CopyAndTrim => "encrypted copies into free space, the originals discarded",
            Self::TrimFiles => "files discarded",
            Self::WipeStructures => "partition tables and the beginnings of file systems overwritten",
        }
    }

    /// Whether a drill demands that the guard recognises it. Of the others, a drill shows the way back, which doesn't depend on
    /// the guard: blocks overwritten or discarded unread are what ordinary work does, too, when the traffic of the file
    /// system around it isn't there to tell; and a few structures are too little to be told from anything.
    #[must_use]
    pub const fn is_promised(self) -> bool {
        !matches!(
            self,
            Self::WipeRandom | Self::WipeZeros | Self::CopyAndTrim | Self::TrimFiles | Self::WipeStructures
        )
    }

    /// The cases that follow one another, night by night.
    #[must_use]
    pub fn rotation() -> Vec<Self> {
        Self::ALL.into_iter().filter(|case| case.is_promised()).collect()
    }

    /// The case that follows another in the rotation; the first one after none.
    #[must_use]
    pub fn after(last: Option<Self>) -> Self {
        let rotation = Self::rotation();
        let place = last.and_then(|last| rotation.iter().position(|case| *case == last));
        let next = place.map_or(0, |place| place + 1) % rotation.len().max(1);
        rotation.get(next).copied().unwrap_or(Self::InPlaceWhole)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Case {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|case| case.name() == text);
        known.ok_or_else(|| Error::UnknownCase(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rotation_comes_round() {
        let mut seen = Vec::new();
        let mut case = Case::after(None);
        for _ in 0..Case::rotation().len() {
            seen.push(case);
            case = Case::after(Some(case));
        }
        assert_eq!(seen, Case::rotation());
        assert_eq!(case, seen[0]);
        assert_eq!(
            Case::after(Some(Case::TrimFiles)),
            seen[0],
            "one outside the rotation begins it anew"
        );
    }

    #[test]
    fn names_are_the_same_everywhere() {
        for case in Case::ALL {
            assert_eq!(case.name().parse::<Case>().unwrap(), case);
            assert_eq!(serde_json::to_string(&case).unwrap(), format!("\"{}\"", case.name()));
        }
    }
}
