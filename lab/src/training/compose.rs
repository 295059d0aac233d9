//! Streams composed of a folder's traces, replayed through one sentinel each, and written down as rows for the trainer.
//!
//! * Ordinary streams: all ordinary traces of a kind of volume (file system and state), in random order with idle times of
//!   nothing to hours between them or overlapping, cut into streams of a few traces; and a day by the schedule of [`month`](super::month).
//! * Attack streams: every attack alone on a sentinel that has seen nothing, behind ordinary traces, and at the same time as one.
//!
//! Every trace from a plain disk is also replayed as on an encrypted one. In rounds after the first, streams are slower.
//!
//! A row is what the model would be shown in one assessment, with the truth. `features.npy`: 16-bit integers; `rows.npy`: where
//! each is from; `streams.json`: what the numbers in it stand for.

use std::fmt::Write as _;
use std::path::Path;

use sentinel::{Assessment, FEATURES, Micros, Model, feature_name};

use super::catalogue::{Trace, catalogue};
use super::month::schedule;
use super::npy::Rows;
use super::stream::{Part, STREAM_BEGINS, replay};
use super::watch::{SCORE_UNASKED, Watch, blank_model};
use crate::Failure;
use crate::chance::Chance;
use crate::replayed::load_model;
use crate::trace::{ATTACK_BEGINS, ATTACK_ENDS, Event};

/// Until an attack has written so many blocks, a row may as well show only what was before it.
const DOUBT_BLOCKS: u64 = 64;
/// After an attack's end its blocks still come from the page cache; from so long after it on, rows are in doubt.
const AFTER_ATTACK: Micros = 500_000;
const SECOND: Micros = 1_000_000;
/// Idle times between traces; every one is varied by half.
const GAPS: [Micros; 7] = [
    0,
    0,
    5 * SECOND,
    60 * SECOND,
    600 * SECOND,
    3_600 * SECOND,
    28_800 * SECOND,
];
/// A row's columns for NumPy.
const ROW_TYPE: &str = "[('stream', '<u4'), ('trace', '<u2'), ('label', 'i1'), ('asked', 'u1'), ('micros', '<u8'), \
    ('blocks', '<u4'), ('attack_micros', '<i8'), ('attack_blocks', '<i4'), \
    ('score', '<i4'), ('suspicion', '<i4')]";

/// How a stream is made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ordinary,
    /// The attack is the first that the sentinel sees.
    Cold,
    /// The attack follows ordinary work.
    Behind,
    /// The attack comes in the middle of ordinary work.
    Amid,
}

struct Stream {
    kind: Kind,
    parts: Vec<Part>,
    /// Index of the attack's trace.
    attack: Option<usize>,
    /// Slower than recorded by this factor.
    pace: u64,
}

/// Composes the streams of a seed and writes their rows into the folder `out`. With a model, rows also tell what it made of
/// them; without one their scores are 0.
pub(crate) fn features(
    traces: &Path,
    out: &Path,
    model: Option<&Path>,
    seed: u64,
    rounds: u64,
) -> Result<String, Failure> {
    let mut traces = catalogue(traces)?;
    // What an administrator announced looks like its misuse: nothing could tell them apart, and nothing has to.
    traces.retain(|trace| !trace.is_announced);
    traces.extend(traces.iter().filter_map(Trace::veiled).collect::<Vec<_>>());
    std::fs::create_dir_all(out)?;
    let model = model.map_or_else(blank_model, |model| load_model(Some(model)))?;
    let mut composer = Composer {
        traces: &traces,
        chance: Chance::new(seed),
    };
    let mut streams = composer.ordinary(rounds);
    streams.extend(composer.attacks(rounds));
    let mut rows = RowFiles {
        features: Rows::create(&out.join("features.npy"), "'<i2'", &format!("{FEATURES},"))?,
        rows: Rows::create(&out.join("rows.npy"), ROW_TYPE, "")?,
    };
    for (number, stream) in streams.iter().enumerate() {
        Recording::new(number, stream, model.clone(), &mut rows).run(&traces)?;
        if number % 50 == 49 {
            eprintln!("lab: {} of {} streams", number + 1, streams.len());
        }
    }
    std::fs::write(out.join("streams.json"), description(&traces, &streams)?)?;
    rows.features.finish()?;
    let count = rows.rows.finish()?;
    Ok(format!(
        r#"{{"traces": {}, "streams": {}, "rows": {count}}}"#,
        traces.len(),
        streams.len()
    ))
}

struct Composer<'a> {
    traces: &'a [Trace],
    chance: Chance,
}

impl Composer<'_> {
    fn shuffle(&mut self, list: &mut [usize]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.chance.below(last as u64 + 1) as usize);
        }
    }

    fn gap(&mut self) -> Micros {
        let index = self.chance.below(GAPS.len() as u64) as usize;
        let gap = GAPS.get(index).copied().unwrap_or(0);
        gap / 2 + self.chance.below(gap.max(1))
    }

    /// Recorded pace in the first round, slower ones later.
    fn pace(&mut self, round: u64) -> u64 {
        if round == 0 { 1 } else { 1 << self.chance.below(4) }
    }

    /// Traces one after the other, with idle time between them or overlapping. Yields a time near the last one's end.
    fn sequence(&mut self, chosen: &[usize], pace: u64, parts: &mut Vec<Part>) -> Micros {
        let mut time = STREAM_BEGINS;
        for index in chosen {
            parts.push(Part {
                trace: *index,
                begins: time,
                pace,
            });
            let length = self.traces.get(*index).map_or(0, |trace| trace.micros) * pace;
            time += match self.chance.below(3) {
                0 => length.min(20 * SECOND) / 2,
                _ => length + self.gap(),
            };
        }
        time
    }

    /// Every ordinary trace once a round.
    fn ordinary(&mut self, rounds: u64) -> Vec<Stream> {
        let mut streams = Vec::new();
        let mut groups: Vec<&Trace> = Vec::new();
        for trace in self.traces.iter().filter(|trace| !trace.is_attack) {
            if !groups.iter().any(|group| group.is_of_group(trace)) {
                groups.push(trace);
            }
        }
        for group in groups {
            let members = self.ordinary_like(group);
            let parts = schedule(self.traces, &members, 1, &mut self.chance);
            streams.push(Stream {
                kind: Kind::Ordinary,
                parts,
                attack: None,
                pace: 1,
            });
            for round in 0..rounds {
                let mut members = self.ordinary_like(group);
                self.shuffle(&mut members);
                while !members.is_empty() {
                    let length = (1 + self.chance.below(8) as usize).min(members.len());
                    let chosen = members.split_off(members.len() - length);
                    let (mut parts, pace) = (Vec::new(), self.pace(round));
                    self.sequence(&chosen, pace, &mut parts);
                    streams.push(Stream {
                        kind: Kind::Ordinary,
                        parts,
                        attack: None,
                        pace,
                    });
                }
            }
        }
        streams
    }

    /// Ordinary traces of the same kind of volume; if there are none, of the same state, or all.
    fn ordinary_like(&self, like: &Trace) -> Vec<usize> {
        let matching = |fits: &dyn Fn(&Trace) -> bool| -> Vec<usize> {
            let all = self.traces.iter().enumerate();
            all.filter(|(_, trace)| !trace.is_attack && fits(trace))
                .map(|(index, _)| index)
                .collect()
        };
        let mut found = matching(&|trace| trace.is_of_group(like));
        if found.is_empty() {
            found = matching(&|trace| trace.state == like.state);
        }
        if found.is_empty() {
            found = matching(&|_| true);
        }
        found
    }

    /// Every attack once a round in each of the three ways.
    fn attacks(&mut self, rounds: u64) -> Vec<Stream> {
        let mut streams = Vec::new();
        for (index, trace) in self.traces.iter().enumerate().filter(|(_, trace)| trace.is_attack) {
            let mut others = self.ordinary_like(trace);
            for round in 0..rounds {
                for kind in [Kind::Cold, Kind::Behind, Kind::Amid] {
                    if kind == Kind::Cold && round > 0 {
                        continue;
                    }
                    self.shuffle(&mut others);
                    let pace = self.pace(round);
                    let stream = self.attack(kind, pace, index, &others);
                    streams.push(stream);
                }
            }
        }
        streams
    }

    fn attack(&mut self, kind: Kind, pace: u64, index: usize, others: &[usize]) -> Stream {
        let mut parts = Vec::new();
        let before = match kind {
            Kind::Ordinary | Kind::Cold => 0,
            Kind::Behind => 1 + self.chance.below(3) as usize,
            Kind::Amid => self.chance.below(2) as usize,
        };
        let first = others.get(..before.min(others.len())).unwrap_or_default();
        let mut begins = self.sequence(first, pace, &mut parts);
        if let (Kind::Amid, Some(other)) = (kind, others.last()) {
            parts.push(Part {
                trace: *other,
                begins,
                pace,
            });
            let length = self.traces.get(*other).map_or(0, |other| other.micros * pace);
            // Somewhere in the first half of the ordinary work, which goes on.
            begins += self.chance.below(length.min(60 * SECOND) / 2 + 1);
        }
        parts.push(Part {
            trace: index,
            begins,
            pace,
        });
        Stream {
            kind,
            parts,
            attack: Some(index),
            pace,
        }
    }
}

struct RowFiles {
    features: Rows,
    rows: Rows,
}

/// A stream while it is replayed.
struct Recording<'a> {
    number: usize,
    stream: &'a Stream,
    watch: Watch,
    files: &'a mut RowFiles,
    blocks: u64,
    attack_blocks: u64,
    began: Option<Micros>,
    ended: Option<Micros>,
}

impl<'a> Recording<'a> {
    fn new(number: usize, stream: &'a Stream, model: Model<Vec<u8>>, files: &'a mut RowFiles) -> Self {
        Self {
            number,
            stream,
            watch: Watch::new(model),
            files,
            blocks: 0,
            attack_blocks: 0,
            began: None,
            ended: None,
        }
    }

    fn run(mut self, traces: &[Trace]) -> Result<(), Failure> {
        replay(traces, &self.stream.parts, |trace, record| {
            let is_attack = self.stream.attack == Some(trace);
            match &record.event {
                Event::Mark(text) if is_attack && text == ATTACK_BEGINS => {
                    self.began.get_or_insert(record.time);
                }
                Event::Mark(text) if is_attack && text == ATTACK_ENDS => self.ended = Some(record.time),
                Event::Write { blocks, .. } => {
                    self.blocks += blocks.len() as u64;
                    if is_attack && self.began.is_some() {
                        self.attack_blocks += blocks.len() as u64;
                    }
                }
                Event::Zero { stored, .. } | Event::Trim { stored, .. } if is_attack && self.began.is_some() => {
                    self.attack_blocks += stored;
                }
                _ => {}
            }
            match self.watch.take(record) {
                Some(assessment) => self.row(trace, record.time, &assessment),
                None => Ok(()),
            }
        })
    }

    /// 1 in an attack, 0 without, -1 in doubt.
    fn label(&self, now: Micros) -> i8 {
        match (self.began, self.ended) {
            (None, _) => 0,
            (Some(_), Some(ended)) if now > ended + AFTER_ATTACK => -1,
            (Some(_), _) if self.attack_blocks < DOUBT_BLOCKS => -1,
            (Some(_), _) => 1,
        }
    }

    fn row(&mut self, trace: usize, now: Micros, assessment: &Assessment) -> Result<(), Failure> {
        let label = self.label(now);
        let trace = if label == 0 {
            trace
        } else {
            self.stream.attack.unwrap_or(trace)
        };
        let attack_micros = self.began.map_or(-1, |began| now.saturating_sub(began) as i64);
        let mut row = Vec::with_capacity(40);
        row.extend((self.number as u32).to_le_bytes());
        row.extend((trace as u16).to_le_bytes());
        row.extend(label.to_le_bytes());
        row.push(u8::from(assessment.score != SCORE_UNASKED));
        row.extend((now - STREAM_BEGINS).to_le_bytes());
        row.extend((self.blocks as u32).to_le_bytes());
        row.extend(attack_micros.to_le_bytes());
        row.extend((self.attack_blocks as i32).to_le_bytes());
        row.extend(assessment.score.to_le_bytes());
        row.extend(assessment.suspicion.to_le_bytes());
        self.files.rows.push(&row)?;
        let features: Vec<u8> = self
            .watch
            .features()
            .iter()
            .flat_map(|feature| feature.to_le_bytes())
            .collect();
        self.files.features.push(&features)
    }
}

fn description(traces: &[Trace], streams: &[Stream]) -> Result<String, Failure> {
    let mut out = String::from("{\"features\": [");
    for (index, (name, window)) in (0..FEATURES).filter_map(feature_name).enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        write!(out, "{separator}{:?}", format!("{name} [{window}]"))?;
    }
    out.push_str("],\n\"traces\": [\n");
    for (index, trace) in traces.iter().enumerate() {
        let separator = if index == 0 { "" } else { ",\n" };
        let Trace {
            case,
            is_attack,
            file_system,
            state,
            is_veiled,
            micros,
            written,
            read,
            ..
        } = trace;
        write!(
            out,
            r#"{separator}{{"case": {case:?}, "is_attack": {is_attack}, "file_system": {file_system:?}, "state": {state:?}, "is_veiled": {is_veiled}, "micros": {micros}, "written": {written}, "read": {read}}}"#
        )?;
    }
    out.push_str("],\n\"streams\": [\n");
    for (index, stream) in streams.iter().enumerate() {
        let separator = if index == 0 { "" } else { ",\n" };
        let kind = format!("{:?}", stream.kind).to_lowercase();
        let parts: Vec<usize> = stream.parts.iter().map(|part| part.trace).collect();
        let attack = stream.attack.map_or(-1, |attack| attack as i64);
        write!(
            out,
            r#"{separator}{{"kind": "{kind}", "attack": {attack}, "pace": {}, "parts": {parts:?}}}"#,
            stream.pace
        )?;
    }
    out.push_str("]}\n");
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Header, Record, TraceWriter};
    use sentinel::{Class, Former, Look, Written};

    /// A trace of a write of 64 blocks each second, after which `attacks` of them are marked as an attack's.
    fn record(folder: &Path, kind: &str, writes: u64, attacks: u64) {
        let description =
            serde_json::json!({"case": kind, "kind": kind, "file_system": "ext4", "state": "fresh", "layer": "plain"});
        let header = Header {
            volume_bytes: 1 << 30,
            start: 1000,
            description,
        };
        let mut writer = TraceWriter::create(&folder.join(format!("{kind}.trace")), &header).unwrap();
        let look = Look {
            class: Class::Random,
            distinct: 162,
        };
        let written = Written {
            look,
            former: Former::default(),
        };
        for number in 0..writes + attacks {
            let time = 1000 + number * SECOND;
            if attacks > 0 && number == writes {
                let event = Event::Mark(ATTACK_BEGINS.to_owned());
                writer.write(&Record { time, event }).unwrap();
            }
            writer.write_blocks(time, number * 64, &[written; 64]).unwrap();
        }
        if attacks > 0 {
            let time = 1000 + (writes + attacks) * SECOND;
            let event = Event::Mark(ATTACK_ENDS.to_owned());
            writer.write(&Record { time, event }).unwrap();
            writer.write_blocks(time + SECOND, 0, &[written; 64]).unwrap();
        }
        writer.finish().unwrap();
    }

    #[test]
    fn rows_bear_the_truth() {
        let folder = tempfile::tempdir().unwrap();
        record(folder.path(), "ordinary", 10, 0);
        record(folder.path(), "attack", 5, 7);
        let out = folder.path().join("rows");
        features(folder.path(), &out, None, 1, 1).unwrap();
        let bytes = std::fs::read(out.join("rows.npy")).unwrap();
        let rows: Vec<&[u8]> = bytes[512..].chunks(40).collect();
        // Streams: a day (of two runs) and a sequence on a plain disk, the same on an encrypted one, then for each attack one cold,
        // behind and amid ordinary work.
        let of = |stream: u8| rows.iter().filter(move |row| row[0] == stream);
        let labels = |stream: u8| of(stream).map(|row| row[6] as i8).collect::<Vec<i8>>();
        assert_eq!((labels(0), labels(1)), (vec![0; 20], vec![0; 10]));
        assert_eq!(labels(4), [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, -1]);
        assert_eq!(
            labels(5).iter().filter(|label| **label == 0).count(),
            15,
            "ordinary work came first"
        );
        assert!(
            of(6).is_sorted_by_key(|row| u64::from_le_bytes(row[8..16].try_into().unwrap())),
            "two traces on one clock"
        );
        let text = std::fs::read_to_string(out.join("streams.json")).unwrap();
        let description: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            description["traces"].as_array().unwrap().len(),
            4,
            "each also as on an encrypted disk"
        );
        assert_eq!(description["features"].as_array().unwrap().len(), FEATURES);
    }
}
