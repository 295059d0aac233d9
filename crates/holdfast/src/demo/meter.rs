//! What passed between client and disk, counted, and what every block holds: what the display shows.

use sentinel::{Class, Look};

use super::cache::BLOCK_BYTES;

/// What a block of the disk holds, as its client knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Content {
    /// Nothing was written there.
    #[default]
    Empty,
    /// Text, tables, programs.
    Structured,
    /// What looks random: compressed data, pictures.
    Random,
    /// What was read since the restore.
    Compared,
    /// What the attack wrote.
    Damaged,
}

/// What is going on; decides what blocks count as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Ordinary,
    Attack,
    Comparison,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Bytes read from the disk.
    pub(super) read: u64,
    /// Bytes written to the disk.
    pub(super) written: u64,
    /// Written blocks that look random.
    pub(super) random: u64,
    /// Written blocks that don't.
    pub(super) structured: u64,
}

/// The meter.
#[derive(Debug)]
pub(super) struct Meter {
    pub(super) counts: Counts,
    pub(super) phase: Phase,
    contents: Vec<Content>,
}

impl Meter {
    /// A meter for a disk of `size_bytes`, empty.
    pub(super) fn new(size_bytes: u64) -> Self {
        let blocks = usize::try_from(size_bytes / BLOCK_BYTES as u64).unwrap_or(0);
        Self {
            counts: Counts::default(),
            phase: Phase::Ordinary,
            contents: vec![Content::Empty; blocks],
        }
    }

    /// What every block holds.
    pub(super) fn contents(&self) -> &[Content] {
        &self.contents
    }

    /// Blocks from `first` on were read.
    pub(super) fn read(&mut self, first: u64, bytes: &[u8]) {
        self.counts.read += bytes.len() as u64;
        if self.phase == Phase::Comparison {
            let count = bytes.len() / BLOCK_BYTES;
            for content in self.range(first, count).filter(|content| **content != Content::Empty) {
                *content = Content::Compared;
            }
        }
    }

    /// Blocks from `first` on were written.
    pub(super) fn wrote(&mut self, first: u64, bytes: &[u8]) {
        self.counts.written += bytes.len() as u64;
        let is_attack = self.phase == Phase::Attack;
        let (mut random, mut structured) = (0, 0);
        let blocks = bytes.chunks(BLOCK_BYTES);
        for (content, block) in self.range(first, blocks.len()).zip(blocks) {
            let look = Look::at(block);
            let is_random = look.class >= Class::Mixed;
            random += u64::from(is_random);
            structured += u64::from(!is_random);
            *content = match () {
                () if is_attack && is_random => Content::Damaged,
                () if look.class == Class::Constant => Content::Empty,
                () if is_random => Content::Random,
                () => Content::Structured,
            };
        }
        self.counts.random += random;
        self.counts.structured += structured;
    }

    fn range(&mut self, first: u64, count: usize) -> impl Iterator<Item = &mut Content> {
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        self.contents.iter_mut().skip(first).take(count)
    }

    /// The disk was returned to what `contents` tells.
    pub(super) fn restore(&mut self, contents: Vec<Content>) {
        self.contents = contents;
    }
}
