//! Block traces that others recorded, shown to the sentinel: nothing is trained or tuned on them.
//!
//! `lab/train/external` converts each to lines of `micros,R|W,byte offset,bytes[,entropy]`. What such traces lack is
//! supplied here as honestly as can be ([`Content`], [`Before`]), and the choice is a word of the command.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use sentinel::{Class, Former, Look, Micros, Written};

use super::tally::{First, Tally};
use super::watch::Watch;
use crate::Failure;
use crate::chance::Chance;
use crate::replayed::load_model;
use crate::trace::{Event, Record};

const BLOCK_BYTES: u64 = 4096;
/// Different values among 256 sampled bytes of a random block, on average.
const DISTINCT_OF_RANDOM: u8 = 162;
/// The clock at a trace's beginning, so that ages can lie before it.
const DAY: Micros = 86_400_000_000;

/// What blocks are taken to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Content {
    /// The class that the recorded entropy stands for.
    Entropy,
    /// Random bytes everywhere, as on a disk that is encrypted inside the guest.
    Opaque,
}

/// What blocks are taken to have held before the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Before {
    /// Stored once the trace has read or written them, free before.
    Seen,
    /// All stored, long ago.
    Full,
}

/// Replays converted traces with a model. Yields a JSON list, an object for each file.
pub(crate) fn external(content: Content, before: Before, model: &Path, files: &[PathBuf]) -> Result<String, Failure> {
    let calibration = (content == Content::Entropy).then(Calibration::new);
    let model = load_model(Some(model))?;
    let mut out = String::from("[");
    for (number, file) in files.iter().enumerate() {
        let mut replay = Replay {
            watch: Watch::new(model.clone()),
            blocks: HashMap::new(),
            calibration: calibration.as_ref(),
            is_full: before == Before::Full,
            began: None,
            figures: Figures::default(),
        };
        replay.file(file)?;
        let separator = if number == 0 { "\n" } else { ",\n" };
        write!(out, "{separator}{}", replay.figures.json(file))?;
    }
    out.push_str("\n]");
    Ok(out)
}

struct Replay<'a> {
    watch: Watch,
    /// What is known of each block: its class, and when the trace wrote it.
    blocks: HashMap<u64, (Class, Option<Micros>)>,
    calibration: Option<&'a Calibration>,
    is_full: bool,
    began: Option<Micros>,
    figures: Figures,
}

#[derive(Default)]
struct Figures {
    micros: Micros,
    read_blocks: u64,
    written_blocks: u64,
    tally: Tally,
}

impl Replay<'_> {
    fn file(&mut self, path: &Path) -> Result<(), Failure> {
        let file = File::open(path).map_err(|error| format!("can't open {}: {error}", path.display()))?;
        for (number, line) in BufReader::new(file).lines().enumerate() {
            let request = Request::parse(&line?).ok_or_else(|| {
                format!(
                    "{}:{}: not `micros,R|W,offset,bytes[,entropy]`",
                    path.display(),
                    number + 1
                )
            })?;
            self.take(&request);
        }
        Ok(())
    }

    fn take(&mut self, request: &Request) {
        let began = *self.began.get_or_insert(request.micros);
        let now = request.micros.saturating_sub(began) + DAY;
        let first = request.offset / BLOCK_BYTES;
        let count = (request.offset + request.bytes)
            .div_ceil(BLOCK_BYTES)
            .saturating_sub(first)
            .max(1);
        let event = if request.is_write {
            let look = self.look(request.entropy);
            let replace = |block| Written {
                look,
                former: self.replace(block, look.class, now),
            };
            let blocks = (first..first + count).map(replace).collect();
            self.figures.written_blocks += count;
            Event::Write { first, blocks }
        } else {
            let class = self.class_unseen();
            for block in first..first + count {
                self.blocks.entry(block).or_insert((class, None));
            }
            self.figures.read_blocks += count;
            Event::Read {
                first,
                count: u32::try_from(count).unwrap_or(u32::MAX),
            }
        };
        self.figures.micros = now - DAY;
        if let Some(assessment) = self.watch.take(&Record { time: now, event }) {
            let here = First {
                micros: self.figures.micros,
                blocks: self.figures.written_blocks,
            };
            self.figures.tally.take(&assessment, &mut self.watch, now, here);
        }
    }

    fn look(&self, entropy: Option<f64>) -> Look {
        match (self.calibration, entropy) {
            (Some(calibration), Some(entropy)) => calibration.look(entropy),
            (Some(_), None) => Look::default(),
            (None, _) => Look {
                class: Class::Random,
                distinct: DISTINCT_OF_RANDOM,
            },
        }
    }

    /// What stored blocks hold of which the trace shows nothing but that they exist.
    fn class_unseen(&self) -> Class {
        if self.calibration.is_some() {
            Class::Unknown
        } else {
            Class::Random
        }
    }

    /// Enters a written block, and tells what was there before.
    fn replace(&mut self, block: u64, class: Class, now: Micros) -> Former {
        let unseen = self.is_full.then(|| (self.class_unseen(), None));
        match self.blocks.insert(block, (class, Some(now))).or(unseen) {
            Some((class, written)) => Former {
                class,
                is_stored: true,
                age_seconds: Some(written.map_or(86_400, |written| (now.saturating_sub(written) / 1_000_000) as u32)),
                ..Former::default()
            },
            None => Former::default(),
        }
    }
}

/// One line of a converted trace.
struct Request {
    micros: Micros,
    is_write: bool,
    offset: u64,
    bytes: u64,
    /// Of the bytes written, from 0 to 1.
    entropy: Option<f64>,
}

impl Request {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(',');
        let micros = fields.next()?.parse().ok()?;
        let is_write = match fields.next()? {
            "W" => true,
            "R" => false,
            _ => return None,
        };
        let offset: u64 = fields.next()?.parse().ok()?;
        let bytes: u64 = fields.next()?.parse().ok()?;
        let entropy = match fields.next() {
            Some(field) => Some(field.parse().ok()?),
            None => None,
        };
        // No request of a real disk is larger, and no address lies beyond 2^60.
        (bytes <= 1 << 30 && offset <= 1 << 60).then_some(Self {
            micros,
            is_write,
            offset,
            bytes,
            entropy,
        })
    }
}

/// From a block's entropy to what a look at it would have shown: looks at made blocks of known entropy. Their bytes are drawn
/// independently, from distributions between uniform and very skewed (Zipf's, values in random order).
pub(crate) struct Calibration(Vec<(f64, Look)>);

impl Calibration {
    const STEPS: u32 = 600;

    pub(crate) fn new() -> Self {
        let mut chance = Chance::new(1);
        let mut looks: Vec<(f64, Look)> = (0..=Self::STEPS)
            .map(|step| {
                let block = skewed_block(&mut chance, f64::from(step) / 150.0);
                (entropy(&block), Look::at(&block))
            })
            .collect();
        looks.sort_by(|one, other| one.0.total_cmp(&other.0));
        Self(looks)
    }

    /// The look of the made block whose entropy is the nearest from above.
    pub(crate) fn look(&self, entropy: f64) -> Look {
        if entropy <= 0.0 {
            return Look {
                class: Class::Constant,
                distinct: 1,
            };
        }
        let at = self.0.partition_point(|known| known.0 < entropy);
        self.0
            .get(at)
            .or(self.0.last())
            .map_or(Look::default(), |known| known.1)
    }
}

fn skewed_block(chance: &mut Chance, exponent: f64) -> Vec<u8> {
    let mut values: Vec<u8> = (0..=255).collect();
    for last in (1..values.len()).rev() {
        let other = chance.below(last as u64 + 1) as usize;
        values.swap(last, other);
    }
    let mut sum = 0.0;
    let steps: Vec<(f64, u8)> = values
        .into_iter()
        .enumerate()
        .map(|(rank, value)| {
            sum += (rank as f64 + 1.0).powf(-exponent);
            (sum, value)
        })
        .collect();
    let draw = |chance: &mut Chance| {
        let point = chance.next() as f64 / u64::MAX as f64 * sum;
        let at = steps.partition_point(|step| step.0 < point);
        steps.get(at).map_or(0, |step| step.1)
    };
    (0..BLOCK_BYTES).map(|_| draw(chance)).collect()
}

/// Shannon's entropy of the bytes, divided by 8.
fn entropy(block: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in block {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let whole = block.len() as f64;
    let sum: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / whole)
        .map(|share| -share * share.log2())
        .sum();
    sum / 8.0
}

impl Figures {
    fn json(&self, file: &Path) -> String {
        let tally = &self.tally;
        let first = |first: Option<First>| {
            first.map_or(String::from("null"), |first| {
                format!(
                    r#"{{"seconds": {:.1}, "mib": {:.1}}}"#,
                    first.micros as f64 / 1e6,
                    first.blocks as f64 / 256.0
                )
            })
        };
        format!(
            r#"{{"file": {:?}, "seconds": {:.0}, "read_mib": {:.1}, "written_mib": {:.1}, "assessments": {}, "bookmarks": {}, "fences": {}, "first_bookmark": {}, "first_fence": {}, "suspicion_max": {:.2}}}"#,
            file.display().to_string(),
            self.micros as f64 / 1e6,
            self.read_blocks as f64 / 256.0,
            self.written_blocks as f64 / 256.0,
            tally.assessments,
            tally.bookmarks,
            tally.fences,
            first(tally.first_bookmark),
            first(tally.first_fence),
            f64::from(tally.suspicion_max) / 1024.0,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_blocks_calibrate_to_random() {
        let calibration = Calibration::new();
        assert_eq!(calibration.look(0.9943).class, Class::Random);
        assert_eq!(calibration.look(0.0).class, Class::Constant);
        assert_eq!(calibration.look(0.3).class, Class::Sparse);
        assert!(calibration.look(0.7).class < Class::Mixed);
    }

    #[test]
    fn lines_are_parsed_or_refused() {
        let request = Request::parse("5,W,8192,4096,0.5").unwrap();
        assert_eq!((request.micros, request.offset, request.entropy), (5, 8192, Some(0.5)));
        assert!(Request::parse("5,R,0,512").is_some_and(|request| request.entropy.is_none()));
        for line in ["", "5,X,0,1", "5,R,0", "5,W,0,1,x", "5,R,0,99999999999"] {
            assert!(Request::parse(line).is_none(), "{line}");
        }
    }
}
