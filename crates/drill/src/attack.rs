//! An attack as a list of steps, made from a case, a seed and the places of files; and the hand that carries it out.
//!
//! The steps hold places and nothing else: they can be carried out on a [`DrillFork`] only.

use std::time::Duration;

use crate::case::Case;
use crate::error::Error;
use crate::fork::DrillFork;
use crate::noise::Noise;
use crate::pace::Pace;

/// Bytes of one request.
const CHUNK_BYTES: u64 = 256 << 10;
/// Bytes of a block: what is written is a whole number of them.
pub(crate) const BLOCK_BYTES: u64 = 4096;
/// Most steps of one attack: bounds its memory.
const STEPS_MAX: usize = 1 << 18;
/// The pause of a slow attacker.
const SLOW_PAUSE: Duration = Duration::from_secs(20);
const HEAD_BYTES: u64 = 64 << 10;
/// Of so many blocks one is attacked where 5 % are.
const EVERY: u64 = 20;
const WORKERS: usize = 8;
/// Bytes of a disk's and a file system's beginning that a wiper of structures takes.
const STRUCTURE_BYTES: u64 = 1 << 20;

/// A range of the disk in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Range {
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// What can be attacked: files by where they lie, free space, and where structures begin.
#[derive(Clone, Debug, Default)]
pub(crate) struct Targets {
    pub(crate) files: Vec<Vec<Range>>,
    pub(crate) free: Vec<Range>,
    pub(crate) structures: Vec<u64>,
    pub(crate) disk_bytes: u64,
}

/// How bytes are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Noise is laid over all of them.
    All,
    /// Noise is laid over every other 16 of them.
    EveryOther16,
    /// They are replaced by text of 64 different characters.
    Base64,
}

/// One thing that an attack does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Reads a range and writes it back changed.
    Change(Range, Change),
    /// Reads one range and writes it, changed, to another of the same length.
    Copy(Range, u64),
    /// Writes noise without reading.
    Noise(Range),
    Zero(Range),
    Trim(Range),
    Pause(Duration),
}

/// The steps of an attack, file by file; `None` stands between two files.
pub(crate) fn plan(case: Case, targets: &Targets, seed: u64) -> Result<Vec<Step>, Error> {
    let mut noise = Noise::new(seed);
    let all = |make: &dyn Fn(Range) -> Step| -> Vec<Vec<Step>> {
        let of = |file: &Vec<Range>| chunks(file).into_iter().map(make).collect();
        targets.files.iter().map(of).collect()
    };
    let change = |how: Change| move |range| Step::Change(range, how);
    let steps = match case {
        Case::InPlaceWhole => all(&change(Change::All)).concat(),
        Case::EveryOther16Bytes => all(&change(Change::EveryOther16)).concat(),
        Case::LowEntropy => all(&change(Change::Base64)).concat(),
        Case::Head64k => heads(targets),
        Case::FivePercent => sparse(targets, &mut noise),
        Case::Slow => {
            let mut files = all(&change(Change::All));
            files.iter_mut().for_each(|file| file.push(Step::Pause(SLOW_PAUSE)));
            files.concat()
        }
        Case::RandomOrder => {
            let mut steps = all(&change(Change::All)).concat();
            noise.shuffle(&mut steps);
            steps
        }
        Case::EightWorkers => interleaved(all(&change(Change::All))),
        Case::WipeRandom => all(&Step::Noise).concat(),
        Case::WipeZeros => all(&Step::Zero).concat(),
        Case::TrimFiles => all(&Step::Trim).concat(),
        Case::CopyAndTrim => copies(targets)?,
        Case::WipeStructures => structures(targets),
    };
    if steps.is_empty() {
        return Err(Error::NothingThere);
    }
    Ok(steps.into_iter().take(STEPS_MAX).collect())
}

/// A file's ranges in requests of a bounded size. What isn't a whole block belongs to others too, and is left out.
fn chunks(file: &[Range]) -> Vec<Range> {
    let mut chunks = Vec::new();
    for range in file {
        let start = range.offset.next_multiple_of(BLOCK_BYTES);
        let end = range.offset.saturating_add(range.length) / BLOCK_BYTES * BLOCK_BYTES;
        let mut offset = start;
        while offset < end && chunks.len() < STEPS_MAX {
            let length = CHUNK_BYTES.min(end - offset);
            chunks.push(Range { offset, length });
            offset += length;
        }
    }
    chunks
}

fn heads(targets: &Targets) -> Vec<Step> {
    let mut steps = Vec::new();
    for file in &targets.files {
        let mut left = HEAD_BYTES;
        for chunk in chunks(file) {
            let length = chunk.length.min(left);
            if length == 0 {
                break;
            }
            steps.push(Step::Change(Range { length, ..chunk }, Change::All));
            left -= length;
        }
    }
    steps
}

/// One block of twenty, at least one of each file.
fn sparse(targets: &Targets, noise: &mut Noise) -> Vec<Step> {
    let mut steps = Vec::new();
    for file in &targets.files {
        let mut next = noise.below(EVERY);
        let mut block = 0;
        let mut is_hit = false;
        for chunk in chunks(file) {
            let blocks = chunk.length / BLOCK_BYTES;
            while next < block + blocks {
                let offset = chunk.offset + (next - block) * BLOCK_BYTES;
                steps.push(Step::Change(
                    Range {
                        offset,
                        length: BLOCK_BYTES,
                    },
                    Change::All,
                ));
                is_hit = true;
                next += EVERY;
            }
            block += blocks;
        }
        if let Some(first) = chunks(file).first().filter(|_| !is_hit) {
            let length = BLOCK_BYTES;
            steps.push(Step::Change(Range { length, ..*first }, Change::All));
        }
    }
    steps
}

/// As if several worked at the same time, each on its own file.
fn interleaved(files: Vec<Vec<Step>>) -> Vec<Step> {
    let mut waiting = files.into_iter();
    let mut workers: Vec<std::vec::IntoIter<Step>> = Vec::new();
    let mut steps = Vec::new();
    loop {
        while workers.len() < WORKERS {
            match waiting.next() {
                Some(file) => workers.push(file.into_iter()),
                None => break,
            }
        }
        if workers.is_empty() {
            return steps;
        }
        workers.retain_mut(|worker| match worker.next() {
            Some(step) => {
                steps.push(step);
                true
            }
            None => false,
        });
    }
}

/// Each file is copied into free space, changed; then its own blocks are trimmed.
fn copies(targets: &Targets) -> Result<Vec<Step>, Error> {
    let mut free = chunks(&targets.free).into_iter();
    let mut room: Option<Range> = None;
    let mut steps = Vec::new();
    for file in &targets.files {
        let chunks = chunks(file);
        for chunk in &chunks {
            let mut from = *chunk;
            while from.length > 0 {
                let Some(to) = room.take().filter(|room| room.length > 0).or_else(|| free.next()) else {
                    break;
                };
                let length = from.length.min(to.length);
                steps.push(Step::Copy(Range { length, ..from }, to.offset));
                room = Some(Range {
                    offset: to.offset + length,
                    length: to.length - length,
                });
                from = Range {
                    offset: from.offset + length,
                    length: from.length - length,
                };
            }
        }
        steps.extend(chunks.into_iter().map(Step::Trim));
    }
    if steps.iter().any(|step| matches!(step, Step::Copy(..))) {
        return Ok(steps);
    }
    Err(Error::CaseImpossible {
        case: Case::CopyAndTrim.name(),
        lacks: "there is no free space in its file systems that was never written",
    })
}

/// The beginnings of the disk and of its file systems, and the disk's end, where the copy of a partition table is.
fn structures(targets: &Targets) -> Vec<Step> {
    let mut starts = targets.structures.clone();
    starts.push(0);
    starts.push(targets.disk_bytes.saturating_sub(STRUCTURE_BYTES));
    starts.sort_unstable();
    starts.dedup();
    let ranges = starts.into_iter().map(|offset| Range {
        offset,
        length: STRUCTURE_BYTES.min(targets.disk_bytes.saturating_sub(offset)),
    });
    chunks(&ranges.collect::<Vec<_>>())
        .into_iter()
        .map(Step::Noise)
        .collect()
}

/// How an attack ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Writes were refused.
    Stopped,
    /// Everything was done.
    Done,
}

/// Carries an attack out.
pub(crate) struct Hand<'f> {
    fork: &'f DrillFork,
    pace: &'f Pace,
    noise: Noise,
    ticked_micros: u64,
    buffer: Vec<u8>,
    /// What was changed so far.
    pub(crate) changed: Vec<Range>,
}

impl<'f> Hand<'f> {
    pub(crate) fn new(fork: &'f DrillFork, pace: &'f Pace, seed: u64) -> Self {
        Self {
            fork,
            pace,
            noise: Noise::new(!seed),
            ticked_micros: fork.clock().passed_micros(),
            buffer: vec![0; CHUNK_BYTES as usize],
            changed: Vec::new(),
        }
    }

    /// Takes the steps until they end or writes are refused.
    pub(crate) fn run(&mut self, steps: &[Step]) -> Result<Ended, Error> {
        for step in steps {
            self.pace.check()?;
            match self.take(*step) {
                Ok(()) => {}
                Err(Error::Volume(volume::Error::Fenced)) => return Ok(Ended::Stopped),
                // An attacker goes on where a block can't be read, too. That it can't be is found by the survey.
                Err(Error::Volume(error)) if error.is_damage() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Ended::Done)
    }

    fn take(&mut self, step: Step) -> Result<(), Error> {
        match step {
            Step::Change(range, how) => self.change(range, range.offset, how),
            Step::Copy(from, to) => self.change(from, to, Change::All),
            Step::Noise(range) => {
                let mut buffer = std::mem::take(&mut self.buffer);
                let bytes = buffer.get_mut(..range.length as usize).unwrap_or_default();
                self.noise.fill(bytes);
                let written = self.write(range.offset, bytes);
                self.buffer = buffer;
                written
            }
            Step::Zero(range) => self.clear(range, DrillFork::zero),
            Step::Trim(range) => self.clear(range, DrillFork::trim),
            Step::Pause(pause) => self.pass(pause),
        }
    }

    fn change(&mut self, from: Range, to: u64, how: Change) -> Result<(), Error> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let bytes = buffer.get_mut(..from.length as usize).unwrap_or_default();
        let done = self.pace.read(from.length).and_then(|()| {
            self.fork.read(from.offset, bytes)?;
            self.fork.clock().advance_by_request(from.length);
            changed(bytes, how, &mut self.noise);
            self.write(to, bytes)
        });
        self.buffer = buffer;
        done
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        let length = bytes.len() as u64;
        self.pace.write(length)?;
        self.fork.clock().advance_by_request(length);
        // Told before: what leads to a verdict is on the disk.
        self.fork.witness().done(length);
        let written = self.fork.write(offset, bytes);
        if written.is_err() {
            self.fork.witness().refused(length);
        }
        written?;
        self.changed.push(Range { offset, length });
        self.tick_in_time();
        Ok(())
    }

    fn clear(
        &mut self,
        range: Range,
        clear: impl FnOnce(&DrillFork, u64, u64) -> Result<(), volume::Error>,
    ) -> Result<(), Error> {
        self.pace.check()?;
        self.fork.witness().done(range.length);
        let cleared = clear(self.fork, range.offset, range.length);
        if cleared.is_err() {
            self.fork.witness().refused(range.length);
        }
        cleared?;
        self.fork.clock().advance_by_request(0);
        self.changed.push(range);
        self.tick_in_time();
        Ok(())
    }

    /// Lets time pass, second by second, as the guard sees it.
    pub(crate) fn pass(&mut self, pause: Duration) -> Result<(), Error> {
        for _ in 0..pause.as_secs() {
            self.pace.check()?;
            self.fork.clock().advance(Duration::from_secs(1));
            self.tick_in_time();
        }
        Ok(())
    }

    fn tick_in_time(&mut self) {
        let now = self.fork.clock().passed_micros();
        if now.saturating_sub(self.ticked_micros) >= 1_000_000 {
            self.ticked_micros = now;
            self.fork.tick();
        }
    }
}

/// Changes bytes as an attack does.
fn changed(bytes: &mut [u8], how: Change, noise: &mut Noise) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (index, piece) in bytes.chunks_mut(16).enumerate() {
        let mut key = [0; 16];
        noise.fill(&mut key);
        match how {
            Change::EveryOther16 if index % 2 == 1 => {}
            Change::All | Change::EveryOther16 => {
                piece.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            }
            Change::Base64 => {
                for (byte, key) in piece.iter_mut().zip(key) {
                    let letter = usize::from((*byte ^ key) & 63);
                    *byte = ALPHABET.get(letter).copied().unwrap_or(b'A');
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets() -> Targets {
        let file = |block: u64, blocks: u64| {
            vec![Range {
                offset: block * BLOCK_BYTES,
                length: blocks * BLOCK_BYTES,
            }]
        };
        Targets {
            files: vec![file(100, 200), file(400, 3), file(500, 1)],
            free: file(1000, 300),
            structures: vec![1 << 20],
            disk_bytes: 64 << 20,
        }
    }

    fn touched(step: &Step) -> Option<Range> {
        match step {
            Step::Change(range, _) | Step::Noise(range) | Step::Zero(range) | Step::Trim(range) => Some(*range),
            Step::Copy(from, to) => Some(Range {
                offset: *to,
                length: from.length,
            }),
            Step::Pause(_) => None,
        }
    }

    #[test]
    fn every_case_keeps_to_whole_blocks_and_to_its_targets() {
        let targets = targets();
        for case in Case::ALL {
            let steps = plan(case, &targets, 7).unwrap();
            assert!(!steps.is_empty(), "{case}");
            for range in steps.iter().filter_map(touched) {
                assert!(range.offset % BLOCK_BYTES == 0 && range.length % BLOCK_BYTES == 0 && range.length > 0);
                assert!(range.length <= CHUNK_BYTES, "{case}");
                let all = targets.files.iter().flatten().chain(&targets.free);
                let within = |place: &Range| {
                    place.offset <= range.offset && range.offset + range.length <= place.offset + place.length
                };
                assert!(
                    case == Case::WipeStructures || all.clone().any(within),
                    "{case}: {range:?}"
                );
            }
        }
    }

    #[test]
    fn a_seed_gives_the_same_attack_each_time() {
        let targets = targets();
        for case in Case::ALL {
            assert_eq!(plan(case, &targets, 7).unwrap(), plan(case, &targets, 7).unwrap());
        }
        assert_ne!(
            plan(Case::RandomOrder, &targets, 7).unwrap(),
            plan(Case::RandomOrder, &targets, 8).unwrap()
        );
    }

    #[test]
    fn five_per_cent_is_one_block_of_twenty_and_at_least_one_of_a_file() {
        let steps = plan(Case::FivePercent, &targets(), 3).unwrap();
        let blocks: u64 = steps
            .iter()
            .filter_map(touched)
            .map(|range| range.length / BLOCK_BYTES)
            .sum();
        assert_eq!(blocks, 10 + 1 + 1);
    }

    #[test]
    fn every_other_16_bytes_are_left_as_they_were() {
        let mut bytes = [7; 64];
        changed(&mut bytes, Change::EveryOther16, &mut Noise::new(1));
        assert!(bytes[16..32].iter().chain(&bytes[48..]).all(|byte| *byte == 7));
        assert!(bytes[..16].iter().any(|byte| *byte != 7));
        changed(&mut bytes, Change::Base64, &mut Noise::new(1));
        assert!(bytes.iter().all(u8::is_ascii_graphic));
    }

    #[test]
    fn a_disk_without_files_and_a_copy_without_room_are_told() {
        let none = Targets {
            disk_bytes: 1 << 20,
            ..Targets::default()
        };
        assert!(matches!(plan(Case::InPlaceWhole, &none, 1), Err(Error::NothingThere)));
        let full = Targets {
            free: Vec::new(),
            ..targets()
        };
        assert!(matches!(
            plan(Case::CopyAndTrim, &full, 1),
            Err(Error::CaseImpossible { .. })
        ));
    }
}
