//! The reference model: what every volume holds now, and held after each batch of its past. Obviously right rather than
//! fast: it keeps every version of every block.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use volume::{Sequence, Timestamp};

/// Bytes in a block.
pub const BLOCK: u64 = 4096;

/// What a block holds; `None` is zeros.
pub type Content = Option<Rc<[u8]>>;

/// Names one volume for the life of the model, also after the volume is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineId(usize);

/// A step of a change, as small as a batch can be.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Bytes written.
    Write(u64, Rc<[u8]>),
    /// A range zeroed or trimmed: first byte, and the one after the last.
    Clear(u64, u64),
    /// A new size.
    Size(u64),
    /// A return to an earlier moment.
    Rollback(Sequence),
    /// A return of some blocks to earlier moments.
    Restore(Vec<Returned>),
    /// A moment gets a name.
    Pin(String, Sequence),
    /// A moment loses its name.
    Unpin(String),
}

/// Blocks that were returned to a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Returned {
    /// First block.
    pub first: u64,
    /// One past the last block.
    pub end: u64,
    /// The moment.
    pub to: Sequence,
}

/// What an operation changes, in order. The volume may record it as one batch or as several, and a crash may leave
/// the first few of them.
pub type Change = Vec<Piece>;

/// Every volume with its past.
#[derive(Clone, Debug, Default)]
pub struct Model {
    lines: Vec<Line>,
}

#[derive(Clone, Debug, Default)]
struct Line {
    parent: Option<(LineId, Sequence)>,
    /// The time of every batch, the moment that the line starts with first.
    times: BTreeMap<Sequence, Timestamp>,
    versions: BTreeMap<u64, BTreeMap<Sequence, Content>>,
    /// Whole blocks that read as zeros from a batch on: first block and the one after the last.
    fills: BTreeMap<Sequence, Vec<(u64, u64)>>,
    rollbacks: BTreeMap<Sequence, Sequence>,
    restores: BTreeMap<Sequence, Vec<Returned>>,
    sizes: BTreeMap<Sequence, u64>,
    pins: BTreeMap<Sequence, (String, Option<Sequence>)>,
}

impl Model {
    /// A new, empty volume.
    pub fn create(&mut self, size: u64, start: Sequence, now: Timestamp) -> LineId {
        self.add(None, size, start, now)
    }

    /// A new volume that starts with `moment` of another, which is `start` in its own counting.
    pub fn fork(&mut self, source: LineId, moment: Sequence, start: Sequence, now: Timestamp) -> LineId {
        let size = self.size(source, moment);
        self.add(Some((source, moment)), size, start, now)
    }

    fn add(&mut self, parent: Option<(LineId, Sequence)>, size: u64, start: Sequence, now: Timestamp) -> LineId {
        let line = Line {
            parent,
            times: BTreeMap::from([(start, now)]),
            sizes: BTreeMap::from([(start, size)]),
            ..Line::default()
        };
        self.lines.push(line);
        LineId(self.lines.len() - 1)
    }

    /// Records what the batch `sequence` changed.
    pub fn apply(&mut self, id: LineId, change: &[Piece], sequence: Sequence, time: Timestamp) {
        let before = self.newest(id);
        assert!(sequence > before, "batch {sequence:?} isn't after {before:?}");
        for piece in change {
            self.apply_piece(id, piece, sequence);
        }
        self.line_mut(id).times.insert(sequence, time);
    }

    fn apply_piece(&mut self, id: LineId, piece: &Piece, sequence: Sequence) {
        match piece {
            Piece::Write(offset, bytes) => self.write(id, sequence, *offset, bytes),
            Piece::Clear(offset, end) => self.clear(id, sequence, *offset, *end),
            Piece::Size(size) => _ = self.line_mut(id).sizes.insert(sequence, *size),
            Piece::Rollback(to) => {
                let size = self.size(id, *to);
                let line = self.line_mut(id);
                line.rollbacks.insert(sequence, *to);
                line.sizes.insert(sequence, size);
            }
            Piece::Restore(pieces) => _ = self.line_mut(id).restores.insert(sequence, pieces.clone()),
            Piece::Pin(name, moment) => {
                self.line_mut(id).pins.insert(sequence, (name.clone(), Some(*moment)));
            }
            Piece::Unpin(name) => _ = self.line_mut(id).pins.insert(sequence, (name.clone(), None)),
        }
    }

    /// Forgets every batch after `sequence`: a crash took them.
    pub fn truncate(&mut self, id: LineId, sequence: Sequence) {
        let line = self.line_mut(id);
        let after = sequence.next();
        line.times.split_off(&after);
        line.fills.split_off(&after);
        line.rollbacks.split_off(&after);
        line.restores.split_off(&after);
        line.sizes.split_off(&after);
        line.pins.split_off(&after);
        for versions in line.versions.values_mut() {
            versions.split_off(&after);
        }
    }

    /// What a block held after a batch.
    #[must_use]
    pub fn content(&self, id: LineId, block: u64, sequence: Sequence) -> Content {
        self.origin(id, block, sequence).and_then(|(_, _, content)| content)
    }

    /// The batch, of this or an earlier line, that gave a block what it held after `sequence`; nothing if none did.
    #[must_use]
    pub fn origin(&self, id: LineId, block: u64, sequence: Sequence) -> Option<(LineId, Sequence, Content)> {
        let (mut id, mut sequence) = (id, sequence);
        loop {
            let line = self.line(id);
            let version = line
                .versions
                .get(&block)
                .and_then(|versions| versions.range(..=sequence).next_back());
            let mut fills = line.fills.range(..=sequence).rev();
            let covers = |ranges: &[(u64, u64)]| ranges.iter().any(|(first, end)| (*first..*end).contains(&block));
            let fill = fills.find(|(_, ranges)| covers(ranges)).map(|(at, _)| at);
            let rollback = line.return_of(block, sequence);
            let newest = version
                .map(|(at, _)| at)
                .max(fill)
                .max(rollback.as_ref().map(|(at, _)| at));
            match (newest, version, rollback, line.parent) {
                (Some(at), Some((written, content)), ..) if at == written => return Some((id, *at, content.clone())),
                (Some(at), _, Some((rolled, to)), _) if *at == rolled => sequence = to,
                (Some(at), ..) => return Some((id, *at, None)),
                (None, _, _, Some((parent, moment))) => (id, sequence) = (parent, moment),
                (None, _, _, None) => return None,
            }
        }
    }

    /// Whether a block was ever written or cleared in a line itself.
    #[must_use]
    pub fn is_touched(&self, id: LineId, block: u64) -> bool {
        let line = self.line(id);
        let mut fills = line.fills.values().flatten();
        line.versions.contains_key(&block) || fills.any(|(first, end)| (*first..*end).contains(&block))
    }

    /// The last batch up to one that changed more than it wrote: a return to the past, or a new size.
    #[must_use]
    pub fn last_turn(&self, id: LineId, sequence: Sequence) -> Sequence {
        let size = self.line(id).sizes.range(..=sequence).next_back().map(|(at, _)| *at);
        size.max(self.last_rollback(id, sequence)).unwrap_or_default()
    }

    /// Whether a block held these bytes after any batch, of this or an earlier line. Zeros count always.
    #[must_use]
    pub fn ever_held(&self, id: LineId, block: u64, bytes: &[u8]) -> bool {
        let held = |content: &Content| content.as_ref().is_some_and(|content| content[..] == *bytes);
        let line = self.line(id);
        bytes.iter().all(|byte| *byte == 0)
            || line
                .versions
                .get(&block)
                .is_some_and(|versions| versions.values().any(held))
            || line
                .parent
                .is_some_and(|(parent, _)| self.ever_held(parent, block, bytes))
    }

    /// The size after a batch.
    #[must_use]
    pub fn size(&self, id: LineId, sequence: Sequence) -> u64 {
        *self
            .line(id)
            .sizes
            .range(..=sequence)
            .next_back()
            .expect("a line starts with a size")
            .1
    }

    /// Whether a line started with a moment of another.
    #[must_use]
    pub fn is_fork(&self, id: LineId) -> bool {
        self.line(id).parent.is_some()
    }

    /// Whether `id` starts, over however many forks, with a moment of `other` after `sequence`.
    #[must_use]
    pub fn needs(&self, id: LineId, other: LineId, sequence: Sequence) -> bool {
        match self.line(id).parent {
            Some((parent, moment)) => (parent == other && moment > sequence) || self.needs(parent, other, sequence),
            None => false,
        }
    }

    /// The newest batch.
    #[must_use]
    pub fn newest(&self, id: LineId) -> Sequence {
        *self
            .line(id)
            .times
            .last_key_value()
            .expect("a line starts with a moment")
            .0
    }

    /// The moment that the line starts with.
    #[must_use]
    pub fn start(&self, id: LineId) -> Sequence {
        *self
            .line(id)
            .times
            .first_key_value()
            .expect("a line starts with a moment")
            .0
    }

    /// When a batch was written, if there is one of that number.
    #[must_use]
    pub fn time(&self, id: LineId, sequence: Sequence) -> Option<Timestamp> {
        self.line(id).times.get(&sequence).copied()
    }

    /// The last batch at or before a time.
    #[must_use]
    pub fn at(&self, id: LineId, time: Timestamp) -> Option<Sequence> {
        self.line(id)
            .times
            .iter()
            .rev()
            .find(|(_, batch)| **batch <= time)
            .map(|(sequence, _)| *sequence)
    }

    /// Every batch with its time.
    pub fn moments(&self, id: LineId) -> impl Iterator<Item = (Sequence, Timestamp)> + '_ {
        self.line(id).times.iter().map(|(sequence, time)| (*sequence, *time))
    }

    /// The pins there are after a batch.
    #[must_use]
    pub fn pins(&self, id: LineId, sequence: Sequence) -> BTreeMap<String, Sequence> {
        let mut pins = BTreeMap::new();
        for (name, moment) in self.line(id).pins.range(..=sequence).map(|(_, pin)| pin) {
            match moment {
                Some(moment) => pins.insert(name.clone(), *moment),
                None => pins.remove(name),
            };
        }
        pins
    }

    /// The number of rollbacks up to a batch, those of a part counted.
    #[must_use]
    pub fn rollbacks(&self, id: LineId, sequence: Sequence) -> usize {
        let line = self.line(id);
        line.rollbacks.range(..=sequence).count() + line.restores.range(..=sequence).count()
    }

    /// The batch of the last rollback up to a batch, be it of all or of a part.
    #[must_use]
    pub fn last_rollback(&self, id: LineId, sequence: Sequence) -> Option<Sequence> {
        let line = self.line(id);
        let whole = line.rollbacks.range(..=sequence).next_back().map(|(at, _)| *at);
        whole.max(line.restores.range(..=sequence).next_back().map(|(at, _)| *at))
    }

    /// Every block that was ever written, here or in what the line was forked from, with the neighbours of fills.
    #[must_use]
    pub fn touched(&self, id: LineId) -> BTreeSet<u64> {
        let mut touched = BTreeSet::new();
        let mut next = Some(id);
        while let Some(id) = next {
            let line = self.line(id);
            touched.extend(line.versions.keys().copied());
            for (first, end) in line.fills.values().flatten() {
                touched.extend([first.saturating_sub(1), *first, end - 1, *end]);
            }
            next = line.parent.map(|(parent, _)| parent);
        }
        touched
    }

    /// Fills `buffer` with what a volume held after a batch.
    pub fn read(&self, id: LineId, sequence: Sequence, offset: u64, buffer: &mut [u8]) {
        let end = offset + buffer.len() as u64;
        let mut rest = buffer;
        for block in offset / BLOCK..end.div_ceil(BLOCK) {
            let (first, last) = (offset.max(block * BLOCK), end.min((block + 1) * BLOCK));
            let (part, tail) = rest.split_at_mut(index(last - first));
            match self.content(id, block, sequence) {
                Some(bytes) => part.copy_from_slice(&bytes[index(first - block * BLOCK)..][..part.len()]),
                None => part.fill(0),
            }
            rest = tail;
        }
    }

    fn write(&mut self, id: LineId, sequence: Sequence, offset: u64, bytes: &[u8]) {
        let end = offset + bytes.len() as u64;
        for block in offset / BLOCK..end.div_ceil(BLOCK) {
            let (first, last) = (offset.max(block * BLOCK), end.min((block + 1) * BLOCK));
            let source = &bytes[index(first - offset)..index(last - offset)];
            let content = if last - first == BLOCK {
                source.to_vec()
            } else {
                self.merge(id, sequence, block, index(first - block * BLOCK), source)
            };
            self.put(id, sequence, block, Some(content.into()));
        }
    }

    fn merge(&self, id: LineId, sequence: Sequence, block: u64, start: usize, source: &[u8]) -> Vec<u8> {
        let mut content = self
            .content(id, block, sequence)
            .map_or_else(|| vec![0; index(BLOCK)], |c| c.to_vec());
        content[start..start + source.len()].copy_from_slice(source);
        content
    }

    fn clear(&mut self, id: LineId, sequence: Sequence, offset: u64, end: u64) {
        let (first, last) = (offset.div_ceil(BLOCK), end / BLOCK);
        if first > last {
            // Within one block.
            let zeros = vec![0; index(end - offset)];
            return self.write(id, sequence, offset, &zeros);
        }
        if first < last {
            self.line_mut(id).fills.entry(sequence).or_default().push((first, last));
        }
        self.write(id, sequence, offset, &vec![0; index(first * BLOCK - offset)]);
        self.write(id, sequence, last * BLOCK, &vec![0; index(end - last * BLOCK)]);
    }

    fn put(&mut self, id: LineId, sequence: Sequence, block: u64, content: Content) {
        self.line_mut(id)
            .versions
            .entry(block)
            .or_default()
            .insert(sequence, content);
    }

    fn line(&self, id: LineId) -> &Line {
        &self.lines[id.0]
    }

    fn line_mut(&mut self, id: LineId) -> &mut Line {
        &mut self.lines[id.0]
    }
}

impl Line {
    /// The newest return, up to a batch, of a block: its batch, and the moment returned to.
    fn return_of(&self, block: u64, sequence: Sequence) -> Option<(Sequence, Sequence)> {
        let whole = self.rollbacks.range(..=sequence).next_back();
        let covers = |pieces: &[Returned]| {
            let covering = pieces.iter().find(|piece| (piece.first..piece.end).contains(&block));
            covering.map(|piece| piece.to)
        };
        let mut parts = self.restores.range(..=sequence).rev();
        let part = parts.find_map(|(at, pieces)| covers(pieces).map(|to| (*at, to)));
        whole.map(|(at, to)| (*at, *to)).max(part)
    }
}

/// The pieces of a write: block by block.
#[must_use]
pub fn written(offset: u64, bytes: &[u8]) -> Change {
    let end = offset + bytes.len() as u64;
    let parts = (offset / BLOCK..end.div_ceil(BLOCK)).map(|block| {
        let (first, last) = (offset.max(block * BLOCK), end.min((block + 1) * BLOCK));
        Piece::Write(first, bytes[index(first - offset)..index(last - offset)].into())
    });
    parts.collect()
}

/// The pieces of a zeroing or trimming: the part of a block before the whole ones, those, and the part after them.
#[must_use]
pub fn cleared(offset: u64, length: u64) -> Change {
    let end = offset + length;
    let (first, last) = (offset.next_multiple_of(BLOCK), end / BLOCK * BLOCK);
    let ranges = if first > last {
        vec![(offset, end)]
    } else {
        vec![(offset, first), (first, last), (last, end)]
    };
    let mut change = Change::new();
    for (mut start, end) in ranges {
        while start < end {
            // The log counts the blocks of a record in 32 bits.
            let next = end.min(start + u64::from(u32::MAX) * BLOCK);
            change.push(Piece::Clear(start, next));
            start = next;
        }
    }
    change
}

/// The pieces of a new size. A smaller one drops whole blocks; what it cut off of its last block is cleared when the disk
/// grows again.
#[must_use]
pub fn resized(old: u64, new: u64) -> Change {
    let block_end = |size: u64| size.next_multiple_of(BLOCK);
    let mut change = match new.cmp(&old) {
        Ordering::Less => cleared(block_end(new), block_end(old) - block_end(new)),
        Ordering::Equal => Vec::new(),
        Ordering::Greater => cleared(old, block_end(old) - old),
    };
    change.push(Piece::Size(new));
    change
}

fn index(value: u64) -> usize {
    usize::try_from(value).expect("a range in memory fits")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 1 << 20;

    fn time(seconds: u64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    fn bytes(value: u8, length: usize) -> Rc<[u8]> {
        vec![value; length].into()
    }

    fn read(model: &Model, id: LineId, sequence: u64, offset: u64, length: usize) -> Vec<u8> {
        let mut buffer = vec![0xff; length];
        model.read(id, Sequence(sequence), offset, &mut buffer);
        buffer
    }

    fn with_changes(changes: &[Change]) -> (Model, LineId) {
        let mut model = Model::default();
        let id = model.create(SIZE, Sequence(0), time(0));
        for (change, sequence) in changes.iter().zip(1..) {
            model.apply(id, change, Sequence(sequence), time(sequence));
        }
        (model, id)
    }

    #[test]
    fn every_moment_keeps_its_bytes() {
        let (model, id) = with_changes(&[
            [written(100, &bytes(1, 5000)), written(200, &bytes(2, 10))].concat(),
            cleared(4000, 200),
            cleared(0, SIZE),
        ]);
        assert_eq!(read(&model, id, 0, 0, 8192), [0; 8192]);
        let first = read(&model, id, 1, 0, 8192);
        assert_eq!(
            (first[99], first[100], first[200], first[210], first[5099], first[5100]),
            (0, 1, 2, 1, 1, 0)
        );
        let second = read(&model, id, 2, 0, 8192);
        assert_eq!((second[3999], second[4000], second[4199], second[4200]), (1, 0, 0, 1));
        assert_eq!(read(&model, id, 3, 0, 8192), [0; 8192]);
    }

    #[test]
    fn a_rollback_shows_the_moment_it_went_to_and_can_be_undone() {
        let (model, id) = with_changes(&[
            written(0, &bytes(1, 4096)),
            written(0, &bytes(2, 4096)),
            vec![Piece::Rollback(Sequence(1))],
            vec![Piece::Rollback(Sequence(2))],
            resized(SIZE, 1 << 19),
            vec![Piece::Rollback(Sequence(3))],
        ]);
        let firsts: Vec<u8> = (0..=6).map(|sequence| read(&model, id, sequence, 0, 1)[0]).collect();
        assert_eq!(firsts, [0, 1, 2, 1, 2, 2, 1]);
        assert_eq!(model.size(id, Sequence(5)), 1 << 19);
        assert_eq!(model.size(id, Sequence(6)), SIZE);
    }

    #[test]
    fn a_restore_in_part_shows_its_blocks_as_they_were_and_the_others_as_they_are() {
        let returned = |first, end, to| Returned {
            first,
            end,
            to: Sequence(to),
        };
        let (model, id) = with_changes(&[
            written(0, &bytes(1, 8192)),
            written(0, &bytes(2, 8192)),
            vec![Piece::Restore(vec![returned(0, 1, 1), returned(7, 9, 0)])],
            written(4096, &bytes(3, 4096)),
            vec![Piece::Rollback(Sequence(2))],
            vec![Piece::Restore(vec![returned(1, 2, 4), returned(0, 1, 4)])],
        ]);
        let firsts = |sequence| [0, 4096].map(|offset| read(&model, id, sequence, offset, 1)[0]);
        let expected = [[0, 0], [1, 1], [2, 2], [1, 2], [1, 3], [2, 2], [1, 3]];
        assert_eq!([0, 1, 2, 3, 4, 5, 6].map(firsts), expected);
        assert_eq!(model.last_rollback(id, Sequence(4)), Some(Sequence(3)));
        assert_eq!(model.rollbacks(id, Sequence(6)), 3);
    }

    #[test]
    fn what_a_smaller_size_cut_off_reads_as_zeros_when_it_grows_again() {
        let (model, id) = with_changes(&[
            written(0, &bytes(1, 1 << 20)),
            resized(SIZE, (1 << 19) + 512),
            resized((1 << 19) + 512, 1 << 20),
        ]);
        let end = (1 << 19) + 512;
        assert_eq!(read(&model, id, 3, end - 1, 2), [1, 0]);
        assert_eq!(read(&model, id, 3, SIZE - 1, 1), [0]);
        assert_eq!(read(&model, id, 1, SIZE - 1, 1), [1]);
    }

    #[test]
    fn a_fork_starts_with_its_moment_and_goes_its_own_way() {
        let (mut model, id) = with_changes(&[written(0, &bytes(1, 4096)), written(0, &bytes(2, 4096))]);
        let fork = model.fork(id, Sequence(1), Sequence(5), time(9));
        let of_fork = model.fork(fork, Sequence(5), Sequence(0), time(9));
        model.apply(fork, &written(0, &bytes(3, 1)), Sequence(6), time(10));
        assert_eq!(read(&model, fork, 5, 0, 2), [1, 1]);
        assert_eq!(read(&model, fork, 6, 0, 2), [3, 1]);
        assert_eq!(read(&model, of_fork, 0, 0, 2), [1, 1]);
        assert_eq!(read(&model, id, 2, 0, 2), [2, 2]);
    }

    #[test]
    fn a_crash_forgets_what_came_after() {
        let (mut model, id) = with_changes(&[
            written(0, &bytes(1, 4096)),
            vec![Piece::Pin("p".into(), Sequence(1))],
            vec![Piece::Unpin("p".into())],
            cleared(0, SIZE),
        ]);
        assert!(model.pins(id, Sequence(4)).is_empty());
        model.truncate(id, Sequence(2));
        assert_eq!(model.newest(id), Sequence(2));
        assert_eq!(read(&model, id, 2, 0, 1), [1]);
        assert_eq!(model.pins(id, Sequence(2)), BTreeMap::from([("p".into(), Sequence(1))]));
        assert_eq!(model.at(id, time(7)), Some(Sequence(2)));
    }
}
