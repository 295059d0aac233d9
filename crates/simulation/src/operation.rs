//! What a simulation does: operations as values, so that a script can be written by hand and a failing one be printed.

use std::rc::Rc;
use std::time::Duration;

use volume::{Hole, Sequence, Timestamp};

use crate::disk::Cut;
use crate::model::BLOCK;
use crate::options::{Options, Weights};
use crate::random::Random;

/// One step of a simulation, on the volume at an index among those there are.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Which volume; taken modulo their number.
    pub volume: usize,
    /// What is done.
    pub action: Action,
}

/// What a script names a moment by.
#[derive(Clone, Debug)]
pub enum Past {
    /// The batch this share (of 256) of the way from the oldest moment kept to the newest.
    Share(u8),
    /// The newest batch.
    Newest,
    /// A time, as far before now.
    Ago(Duration),
    /// A batch number.
    Exactly(Sequence),
    /// A time.
    At(Timestamp),
    /// A pin.
    Pin(String),
}

/// One write of a batch; its bytes follow from `seed`.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// First byte on the disk.
    pub offset: u64,
    /// Bytes.
    pub length: usize,
    /// What the bytes are.
    pub seed: u64,
}

/// Blocks that are returned to a moment.
#[derive(Clone, Debug)]
pub struct Back {
    /// First block.
    pub first: u64,
    /// Blocks.
    pub blocks: u64,
    /// The moment.
    pub to: Past,
}

/// What is done.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the variants are the operations of the volume's interface")]
pub enum Action {
    Write(Vec<Part>),
    Zero {
        offset: u64,
        length: u64,
        hole: Hole,
    },
    Trim {
        offset: u64,
        length: u64,
    },
    Flush,
    Resize(u64),
    Pin {
        name: String,
        moment: Option<Past>,
    },
    Unpin {
        name: String,
    },
    /// Compares a part of the present with the model.
    Read {
        offset: u64,
        length: usize,
    },
    /// Compares a moment of the past with the model.
    View(Past),
    /// Keeps a view open until it is compared by [`Action::CompareHeld`].
    Hold(Past),
    CompareHeld,
    Rollback(Past),
    Restore(Vec<Back>),
    Undo,
    Fork {
        moment: Past,
        name: String,
    },
    Delete,
    /// Makes another volume.
    Create {
        name: String,
        size: u64,
    },
    /// Another retention time, and another floor.
    Retain(Duration, Duration),
    Checkpoint,
    /// Steps of background work, with a budget of bytes each.
    Maintain {
        steps: u64,
        io_bytes: u64,
    },
    /// Time passes.
    Wait(Duration),
    /// Closes everything and opens it again.
    Reopen,
    Verify,
    /// Compares the whole present, and what is said about its extents.
    Compare,
    /// Stops the machine between two fault points and starts it again.
    Stop(Cut),
}

/// The kinds of actions that are drawn, in the order of [`Weights`].
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the variants are those of Action")]
pub enum Kind {
    Write,
    Zero,
    Trim,
    Flush,
    Resize,
    Pin,
    Unpin,
    Read,
    View,
    Hold,
    CompareHeld,
    Rollback,
    Undo,
    Fork,
    Checkpoint,
    Maintain,
    Wait,
    Reopen,
    Compare,
    Verify,
    Stop,
    Delete,
    Create,
    Retain,
    Restore,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; Weights::KINDS] = [
        Self::Write,
        Self::Zero,
        Self::Trim,
        Self::Flush,
        Self::Resize,
        Self::Pin,
        Self::Unpin,
        Self::Read,
        Self::View,
        Self::Hold,
        Self::CompareHeld,
        Self::Rollback,
        Self::Undo,
        Self::Fork,
        Self::Checkpoint,
        Self::Maintain,
        Self::Wait,
        Self::Reopen,
        Self::Compare,
        Self::Verify,
        Self::Stop,
        Self::Delete,
        Self::Create,
        Self::Retain,
        Self::Restore,
    ];
}

impl Part {
    /// The bytes to write: noise, text that compresses well, or zeros.
    #[must_use]
    pub fn bytes(&self) -> Rc<[u8]> {
        let mut random = Random::new(self.seed);
        let mut bytes = vec![0u8; self.length];
        match self.seed % 8 {
            0 => {}
            1..=3 => {
                let word = random.next_u64().to_le_bytes();
                for chunk in bytes.chunks_mut(8) {
                    chunk.copy_from_slice(&word[..chunk.len()]);
                }
            }
            _ => {
                for chunk in bytes.chunks_mut(8) {
                    chunk.copy_from_slice(&random.next_u64().to_le_bytes()[..chunk.len()]);
                }
            }
        }
        bytes.into()
    }
}

/// What the next operation can refer to.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The size of each volume there is.
    pub sizes: Vec<u64>,
    /// The volume to act on.
    pub volume: usize,
    /// The names of its pins.
    pub pins: Vec<String>,
}

/// Draws operations.
#[derive(Clone, Debug)]
pub struct Generator {
    random: Random,
    weights: Weights,
    hot_blocks: u64,
    pace: Duration,
    segment_bytes: u64,
    names: u64,
}

impl Generator {
    /// A generator for one simulation.
    #[must_use]
    pub fn new(options: &Options, random: Random) -> Self {
        Self {
            random,
            weights: options.weights,
            hot_blocks: options.hot_blocks,
            pace: options.pace,
            segment_bytes: u64::from(options.settings.segment_bytes),
            names: 0,
        }
    }

    /// Which of so many volumes is next. The first is the favourite.
    pub fn volume(&mut self, count: usize) -> usize {
        if self.random.chance(1, 2) {
            0
        } else {
            self.random.index(count)
        }
    }

    /// How far the clock advances before the next operation.
    pub fn pause(&mut self) -> Duration {
        let pace = u64::try_from(self.pace.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.random.magnitude(pace))
    }

    /// The next operation.
    pub fn next(&mut self, scene: &Scene) -> Operation {
        let kind = self.kind();
        let size = scene.sizes[scene.volume];
        let action = match kind {
            Kind::Write => self.write(size),
            Kind::Zero => {
                let (offset, length) = self.range(size);
                let hole = *self.random.choose(&[Hole::Allowed, Hole::Refused]);
                Action::Zero { offset, length, hole }
            }
            Kind::Trim => {
                let (offset, length) = self.range(size);
                Action::Trim { offset, length }
            }
            Kind::Flush => Action::Flush,
            Kind::Resize => Action::Resize(self.size(size)),
            Kind::Pin => Action::Pin {
                name: self.name(),
                moment: self.random.chance(1, 2).then(|| self.past(scene)),
            },
            Kind::Unpin => Action::Unpin {
                name: self.some_pin(scene),
            },
            Kind::Read => self.read(size),
            Kind::View => Action::View(self.past(scene)),
            Kind::Hold => Action::Hold(self.past(scene)),
            Kind::CompareHeld => Action::CompareHeld,
            Kind::Rollback => Action::Rollback(self.past(scene)),
            Kind::Restore => self.restore(size, scene),
            Kind::Undo => Action::Undo,
            Kind::Fork => Action::Fork {
                moment: self.past(scene),
                name: self.name(),
            },
            Kind::Checkpoint => Action::Checkpoint,
            Kind::Maintain => Action::Maintain {
                steps: self.random.between(1, 12),
                io_bytes: 1 << self.random.between(12, 22),
            },
            Kind::Wait => Action::Wait(Duration::from_secs(self.random.magnitude(2000))),
            Kind::Reopen => Action::Reopen,
            Kind::Compare => Action::Compare,
            Kind::Verify => Action::Verify,
            Kind::Stop => Action::Stop(*self.random.choose(&[Cut::Power, Cut::Kill])),
            Kind::Delete => Action::Delete,
            Kind::Create => Action::Create {
                name: self.name(),
                size: (1 << 20) + 4096 * self.random.below(4),
            },
            Kind::Retain => {
                let kept = self.random.magnitude(2000);
                Action::Retain(Duration::from_secs(kept), Duration::from_secs(kept / 2))
            }
        };
        Operation {
            volume: scene.volume,
            action,
        }
    }

    fn kind(&mut self) -> Kind {
        let mut nth = self.random.below(self.weights.0.iter().sum());
        for (kind, weight) in Kind::ALL.into_iter().zip(self.weights.0) {
            if nth < weight {
                return kind;
            }
            nth -= weight;
        }
        Kind::Write
    }

    fn write(&mut self, size: u64) -> Action {
        let parts = if self.random.chance(2, 3) {
            1
        } else {
            self.random.between(2, 6)
        };
        let mut room = self.segment_bytes / 2;
        let mut batch = Vec::new();
        for _ in 0..parts {
            let blocks = 1 + self.random.magnitude(8);
            let length = match self.random.below(4) {
                0 => 1 + self.random.below(600),
                1 => 1 + self.random.below(blocks * BLOCK),
                _ => blocks * BLOCK,
            };
            let offset = self.offset(size);
            let offset = if self.random.chance(1, 3) {
                offset + self.random.below(BLOCK)
            } else {
                offset
            };
            let offset = offset.min(size - 1);
            let length = length.min(size - offset);
            if length > room {
                break;
            }
            room -= length;
            let length = usize::try_from(length).expect("a few blocks");
            batch.push(Part {
                offset,
                length,
                seed: self.random.next_u64(),
            });
        }
        Action::Write(batch)
    }

    /// The start of a block: mostly a hot one, else any; on a huge disk spread far apart.
    fn offset(&mut self, size: u64) -> u64 {
        let blocks = size / BLOCK;
        let block = if self.random.chance(7, 8) {
            let hot = self.random.below(self.hot_blocks.min(blocks));
            // On a large disk the hot blocks are far apart: every one has its own path in the map.
            if blocks > 1 << 20 {
                hot * (blocks / self.hot_blocks.max(1)) + hot
            } else {
                hot
            }
        } else {
            self.random.below(blocks)
        };
        block.min(blocks - 1) * BLOCK
    }

    fn range(&mut self, size: u64) -> (u64, u64) {
        let offset = self.offset(size);
        let offset = if self.random.chance(1, 2) {
            offset + self.random.below(BLOCK)
        } else {
            offset
        };
        let offset = offset.min(size - 1);
        let length = match self.random.below(6) {
            0 => size - offset,
            1 => 1 + self.random.magnitude(size - offset),
            2 => 1 + self.random.below(BLOCK),
            _ => BLOCK * (1 + self.random.below(32)),
        };
        (offset, length.min(size - offset))
    }

    /// Pieces of all sizes, now and then from many moments.
    fn restore(&mut self, size: u64, scene: &Scene) -> Action {
        let count = 1 + self.random.magnitude(40);
        let pieces = (0..count).map(|_| {
            let (offset, length) = self.range(size);
            Back {
                first: offset / BLOCK,
                blocks: length.div_ceil(BLOCK),
                to: self.past(scene),
            }
        });
        Action::Restore(pieces.collect())
    }

    fn read(&mut self, size: u64) -> Action {
        let (offset, length) = self.range(size);
        Action::Read {
            offset,
            length: usize::try_from(length.min(1 << 18)).expect("it was bounded"),
        }
    }

    fn size(&mut self, size: u64) -> u64 {
        let steps = 1 + self.random.below(1 << 12);
        let size = if self.random.chance(1, 2) {
            size.saturating_sub(steps * 512)
        } else {
            size + steps * 512
        };
        size.clamp(1 << 20, 64 << 40)
    }

    fn past(&mut self, scene: &Scene) -> Past {
        match self.random.below(8) {
            0 => Past::Newest,
            1 => Past::Pin(self.some_pin(scene)),
            2 => Past::Ago(Duration::from_millis(self.random.magnitude(1 << 20))),
            3 => Past::Exactly(Sequence(self.random.magnitude(300))),
            _ => Past::Share(u8::try_from(self.random.below(256)).expect("below 256")),
        }
    }

    fn some_pin(&mut self, scene: &Scene) -> String {
        if scene.pins.is_empty() || self.random.chance(1, 20) {
            return "absent".to_owned();
        }
        self.random.choose(&scene.pins).clone()
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("n{}", self.names)
    }
}
