//! What watching costs: nanoseconds per 4 KiB read and written in the sentinel, by part and as a whole.
//!
//! The whole is what the guard does for a request: look at every block, show the request to the sentinel, note what was read, and
//! let it assess what is due. Locks, the map's answer about former versions and everything else of the guard are measured end to end, by
//! `lab/bench/run --peers "Holdfast,Holdfast unguarded"`.
#![expect(clippy::print_stdout, reason = "a command whose output is its figures")]

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use guard::reads::Gathered;
use sentinel::{Class, Former, Look, Micros, Model, Sentinel, Written};
use serde_json::{Map, Value, json};

use crate::Failure;
use crate::chance::Chance;
use crate::replayed::load_model;

/// Goals in ns per 4 KiB: what SSD-Insider++ reports for a drive's own processor is 80 and 226.
const READ_GOAL_NS: f64 = 100.0;
const WRITE_GOAL_NS: f64 = 250.0;
const BLOCK: usize = 4096;
/// Blocks looked at in turn: 256 KiB. What a client wrote was just copied from its socket, and is read in full for its
/// checksum anyway: it is in the processor's cache.
const POOL_BLOCKS: usize = 64;
/// The same from memory, for comparison: 64 MiB.
const LARGE_POOL_BLOCKS: usize = 16_384;
/// Blocks of a request that is one of a sequence: 64 KiB.
const RUN: usize = 16;
/// The disk: 64 GiB, more than the sentinel remembers.
const DISK_BLOCKS: u64 = 1 << 24;
/// Blocks measured in a round: about a millisecond, so that some rounds pass without another program's getting in between.
const ROUND_BLOCKS: usize = 1 << 13;
const ROUNDS: usize = 200;
/// Assessments measured in a round.
const ASSESSMENTS: u64 = 100;
/// Time passes as at 1 GiB/s.
const MICROS_PER_BLOCK: u64 = 4;

/// What is to be measured.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The model that assesses; the one that this version ships if not given.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
}

/// How requests are laid out.
#[derive(Clone, Copy)]
enum Order {
    /// 64 KiB each, one behind the other.
    Sequential,
    /// 4 KiB each, anywhere.
    Scattered,
}

/// Measures and prints.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if cfg!(debug_assertions) {
        eprintln!("lab: this is a debug build: for figures that count, build with --release");
    }
    let bench = Bench::new(load_model(arguments.model.as_deref())?);
    let mut figures = Map::new();
    let mut tell = |name: &str, nanos: Nanos, goal: Option<f64>| {
        let Nanos { quiet, median } = nanos;
        let beside = goal.map_or(String::new(), |goal| {
            let is_met = if quiet <= goal { "met" } else { "MISSED" };
            format!("   goal {goal:.0}: {is_met}")
        });
        println!("{name:46} {quiet:8.1} ns (median {median:.1}){beside}");
        figures.insert(name.to_owned(), json!({"quiet": quiet, "median": median}));
    };
    tell("look at 4 KiB of text", bench.look(&bench.text), None);
    tell("look at 4 KiB of random data", bench.look(&bench.random), None);
    let large = bench.random.repeat(LARGE_POOL_BLOCKS / POOL_BLOCKS);
    tell("the same, not in the cache", bench.look(&large), None);
    for (order, name) in [(Order::Sequential, "sequential"), (Order::Scattered, "scattered")] {
        tell(&format!("sentinel, 4 KiB read, {name}"), bench.read(order, false), None);
        tell(
            &format!("sentinel, 4 KiB written, {name}"),
            bench.write(order, None, false),
            None,
        );
    }
    tell("an assessment", bench.assessment(), None);
    for (order, name) in [(Order::Sequential, "sequential"), (Order::Scattered, "scattered")] {
        tell(&format!("noting a 4 KiB read, {name}"), bench.note(order), None);
    }
    for (order, name) in [(Order::Sequential, "sequential"), (Order::Scattered, "scattered")] {
        tell(
            &format!("all of a 4 KiB read, {name}"),
            bench.read(order, true),
            Some(READ_GOAL_NS),
        );
        for (pool, what) in [(&bench.text, "text"), (&bench.random, "random data")] {
            let nanos = bench.write(order, Some(pool), true);
            tell(
                &format!("all of a 4 KiB write, {name}, {what}"),
                nanos,
                Some(WRITE_GOAL_NS),
            );
        }
    }
    println!("{}", Value::from(figures));
    Ok(())
}

struct Bench {
    model: Model<Vec<u8>>,
    text: Vec<u8>,
    random: Vec<u8>,
}

impl Bench {
    fn new(model: Model<Vec<u8>>) -> Self {
        let mut chance = Chance::new(1);
        let mut random = vec![0; POOL_BLOCKS * BLOCK];
        for word in random.chunks_exact_mut(8) {
            word.copy_from_slice(&chance.next().to_le_bytes());
        }
        let letters = b"etaoin shrdlu, cmfwyp. vbgkqj xz\nETAOIN 0123456789 (SHRDLU) \"and so on\"; ";
        let text = random
            .iter()
            .map(|byte| letters.get(usize::from(*byte) % letters.len()).copied());
        let text = text.flatten().collect();
        Self { model, text, random }
    }

    fn look(&self, pool: &[u8]) -> Nanos {
        let _ = self;
        let mut blocks = pool.chunks(BLOCK).cycle();
        rounds(|| {
            let started = Instant::now();
            for block in blocks.by_ref().take(ROUND_BLOCKS) {
                black_box(Look::at(black_box(block)));
            }
            started.elapsed().as_nanos() as f64 / ROUND_BLOCKS as f64
        })
    }

    fn read(&self, order: Order, is_assessed: bool) -> Nanos {
        let mut places = Places::new(order);
        let mut sentinel = Box::new(Sentinel::new());
        let mut now = Places::START;
        let mut gathered = Gathered::default();
        rounds(|| {
            let requests = places.round();
            let count = places.blocks as u32;
            gathered.clear();
            let started = Instant::now();
            for first in &requests {
                now += MICROS_PER_BLOCK * u64::from(count);
                sentinel.read(now, *first, count);
                if is_assessed {
                    gathered.note(*first, count);
                    black_box(sentinel.assess(now, &self.model));
                }
            }
            started.elapsed().as_nanos() as f64 / ROUND_BLOCKS as f64
        })
    }

    /// What is kept of reads. Twice as many scattered ones as there is room for: they are rounded to a coarser grain.
    fn note(&self, order: Order) -> Nanos {
        let _ = self;
        let mut places = Places::new(order);
        let mut gathered = Gathered::default();
        rounds(|| {
            let requests = places.round();
            let count = places.blocks as u32;
            gathered.clear();
            let started = Instant::now();
            for first in &requests {
                gathered.note(black_box(*first), count);
            }
            started.elapsed().as_nanos() as f64 / ROUND_BLOCKS as f64
        })
    }

    /// Writes over older blocks of text, of which every second request was read before: the most expensive way through the
    /// sentinel.
    fn write(&self, order: Order, looked_at: Option<&[u8]>, is_assessed: bool) -> Nanos {
        let mut places = Places::new(order);
        let mut sentinel = Box::new(Sentinel::new());
        let mut now = Places::START;
        rounds(|| {
            let requests = places.round();
            for first in requests.iter().step_by(2) {
                sentinel.read(now, *first, places.blocks as u32);
            }
            let mut blocks = vec![written(); places.blocks];
            let pool = looked_at.unwrap_or(&self.random);
            let mut data = pool.chunks(BLOCK * places.blocks).cycle();
            let started = Instant::now();
            for first in &requests {
                now += MICROS_PER_BLOCK * places.blocks as u64;
                if looked_at.is_some() {
                    let bytes = data.next().unwrap_or_default();
                    for (block, bytes) in blocks.iter_mut().zip(bytes.chunks(BLOCK)) {
                        block.look = Look::at(black_box(bytes));
                    }
                }
                sentinel.write(now, *first, black_box(&blocks));
                if is_assessed {
                    black_box(sentinel.assess(now, &self.model));
                }
            }
            started.elapsed().as_nanos() as f64 / ROUND_BLOCKS as f64
        })
    }

    /// An assessment that asks the model, with the end of the slice before it.
    fn assessment(&self) -> Nanos {
        let mut sentinel = Box::new(Sentinel::new());
        let mut now = Places::START;
        let blocks = [written(); 128];
        rounds(|| {
            let mut nanos = 0;
            for round in 0..ASSESSMENTS {
                now += 1000;
                sentinel.write(now, round * 128, &blocks);
                let started = Instant::now();
                black_box(sentinel.assess(now, &self.model));
                nanos += started.elapsed().as_nanos();
            }
            nanos as f64 / ASSESSMENTS as f64
        })
    }
}

fn written() -> Written {
    Written {
        look: Look {
            class: Class::Random,
            distinct: 160,
        },
        former: Former {
            class: Class::Text,
            is_stored: true,
            age_seconds: Some(100_000),
            ..Former::default()
        },
    }
}

/// Where requests go.
struct Places {
    chance: Chance,
    order: Order,
    next: u64,
    /// Blocks of a request.
    blocks: usize,
}

impl Places {
    /// When the measurement begins: far enough from the clock's beginning.
    const START: Micros = 1_000_000_000_000;

    fn new(order: Order) -> Self {
        Self {
            chance: Chance::new(2),
            order,
            next: 0,
            blocks: match order {
                Order::Sequential => RUN,
                Order::Scattered => 1,
            },
        }
    }

    /// The first blocks of a round's requests.
    fn round(&mut self) -> Vec<u64> {
        (0..ROUND_BLOCKS / self.blocks)
            .map(|_| match self.order {
                Order::Scattered => self.chance.below(DISK_BLOCKS),
                Order::Sequential => {
                    self.next = (self.next + RUN as u64) % DISK_BLOCKS;
                    self.next
                }
            })
            .collect()
    }
}

/// Rounds' figures in ns.
#[derive(Clone, Copy)]
struct Nanos {
    /// One in twenty was faster: what it costs while nothing else runs.
    quiet: f64,
    median: f64,
}

/// Runs the rounds; one more before them warms up.
fn rounds(mut round: impl FnMut() -> f64) -> Nanos {
    round();
    let mut figures: Vec<f64> = (0..ROUNDS).map(|_| round()).collect();
    figures.sort_by(f64::total_cmp);
    let at = |index: usize| figures.get(index).copied().unwrap_or_default();
    Nanos {
        quiet: at(ROUNDS / 20),
        median: at(ROUNDS / 2),
    }
}
