//! From a checkpoint and the records behind it to the state of a later moment.

use crate::error::Error;
use crate::format::{Checkpoint, CheckpointRef, Entry, Location, Record, RecordKind, SLOT_BYTES};
use crate::map::Delta;
use crate::segment::{LoggedRecord, Segments};
use crate::storage::Wait;
use crate::time::{Sequence, Timestamp};

/// One past the largest block number that the map can hold.
const BLOCKS_MAX: u64 = 1 << 34;

/// In a checkpoint record's class: whether a replay may pass over the checkpoint if it is damaged, because the records
/// before it and behind it say the same; of one that moved blocks, because the old places are kept as long as no later
/// checkpoint is needed instead.
pub(crate) const CHECKPOINT_REDUNDANT: u8 = 0;
pub(crate) const CHECKPOINT_ESSENTIAL: u8 = 1;

/// Collects records until the moment is reached, then tells the state.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) state: Checkpoint,
    pub(crate) reference: CheckpointRef,
    /// Records that the state's map doesn't contain, in log order.
    waiting: Vec<LoggedRecord>,
    pub(crate) last: (Sequence, Timestamp),
    /// What may be moved, as the state's checkpoint knew it, and how many blocks were moved since.
    pub(crate) credit: u64,
    pub(crate) moved: u64,
    /// A checkpoint that a replay can't do without is damaged, and none followed yet.
    damage: Option<Error>,
}

impl Replay {
    pub(crate) fn new(state: Checkpoint, reference: CheckpointRef) -> Self {
        let last = (reference.sequence, state.time);
        Self {
            state,
            reference,
            waiting: Vec::new(),
            last,
            credit: 0,
            moved: 0,
            damage: None,
        }
    }

    /// Takes the next record. Records that the state contains already are passed over.
    pub(crate) fn push(&mut self, segments: &Segments, logged: &LoggedRecord) -> Result<(), Error> {
        if logged.sequence > self.last.0 {
            self.last = (logged.sequence, logged.time);
        }
        match logged.record.kind {
            RecordKind::Write | RecordKind::Zero | RecordKind::Hole if logged.sequence > self.state.as_of => {
                check_blocks(logged)?;
                self.waiting.push(*logged);
            }
            RecordKind::Checkpoint if logged.sequence > self.reference.sequence => {
                self.adopt(segments, logged)?;
            }
            RecordKind::Checkpoint if logged.sequence == self.reference.sequence => self.credit = logged.record.address,
            RecordKind::Moved if logged.sequence > self.reference.sequence => self.moved += 1,
            _ => {}
        }
        Ok(())
    }

    fn adopt(&mut self, segments: &Segments, logged: &LoggedRecord) -> Result<(), Error> {
        let reference = reference_of(logged);
        let state = match load_checkpoint(segments, &reference) {
            Err(Error::CorruptStructure { .. }) if logged.record.class == CHECKPOINT_REDUNDANT => return Ok(()),
            Err(error @ Error::CorruptStructure { .. }) => {
                // The next checkpoint says everything that this one said.
                self.damage = Some(error);
                return Ok(());
            }
            loaded => loaded?,
        };
        self.damage = None;
        let as_of = state.as_of;
        self.waiting.retain(|waiting| waiting.sequence > as_of);
        (self.state, self.reference) = (state, reference);
        (self.credit, self.moved) = (logged.record.address, 0);
        Ok(())
    }

    /// The damage that leaves the state in doubt, if there is one.
    pub(crate) fn take_damage(&mut self) -> Option<Error> {
        self.damage.take()
    }

    /// What the records changed on top of the state's map, and how many there were.
    pub(crate) fn delta(&self) -> (Delta, u64) {
        let mut delta = Delta::default();
        let records = self.apply_from(0, &mut delta);
        (delta, records as u64)
    }

    /// How many blocks clients wrote that the state's map doesn't contain.
    pub(crate) fn written(&self) -> u64 {
        let written = self
            .waiting
            .iter()
            .filter(|logged| logged.record.kind == RecordKind::Write);
        written.count() as u64
    }

    /// Puts what waiting records changed into `delta`, from the one at index `from` on. Returns how many there are.
    pub(crate) fn apply_from(&self, from: usize, delta: &mut Delta) -> usize {
        for logged in self.waiting.iter().skip(from) {
            let first = logged.record.address;
            let end = first + u64::from(logged.record.count);
            match logged.record.kind {
                RecordKind::Write => {
                    let entry = Entry::data(logged.location, logged.record.class, logged.record.crc, logged.time);
                    delta.set(first, entry);
                }
                RecordKind::Zero => delta.fill(first, end, Entry::zero(logged.time)),
                RecordKind::Hole => delta.fill(first, end, Entry::hole(logged.time)),
                RecordKind::Node | RecordKind::Checkpoint | RecordKind::Moved => {}
            }
        }
        self.waiting.len()
    }
}

/// Fails if a record tells of blocks that the map can't hold.
pub(crate) fn check_blocks(logged: &LoggedRecord) -> Result<(), Error> {
    if matches!(logged.record.kind, RecordKind::Node | RecordKind::Checkpoint) {
        return Ok(());
    }
    let end = logged.record.address.checked_add(u64::from(logged.record.count));
    if end.is_some_and(|end| end <= BLOCKS_MAX) {
        return Ok(());
    }
    let Location { segment, slot } = logged.location;
    Err(Error::CorruptStructure {
        structure: "record",
        segment: segment.0,
        offset: slot.offset(),
    })
}

/// How to find again the checkpoint that a record is.
pub(crate) fn reference_of(logged: &LoggedRecord) -> CheckpointRef {
    CheckpointRef {
        location: logged.location,
        length: logged.record.payload_length,
        crc: logged.record.crc,
        sequence: logged.sequence,
    }
}

/// Reads and checks a checkpoint.
pub(crate) fn load_checkpoint(segments: &Segments, reference: &CheckpointRef) -> Result<Checkpoint, Error> {
    let segment = segments.open(reference.location.segment)?;
    let damaged = || segment.damaged("checkpoint", reference.location.slot.offset());
    let mut payload = vec![0; reference.length as usize];
    let length = payload.len().max(1);
    segment.read(reference.location.slot, length, &mut payload, Wait::Allowed)?;
    if crc32c::crc32c(&payload) != reference.crc {
        return Err(damaged());
    }
    Checkpoint::parse(&payload).ok_or_else(damaged)
}

/// A payload padded to whole slots, as it is appended.
pub(crate) fn padded(mut payload: Vec<u8>) -> Vec<u8> {
    payload.resize(payload.len().next_multiple_of(SLOT_BYTES as usize), 0);
    payload
}

/// The record of a checkpoint with this payload, and with what defragmentation may move.
pub(crate) fn checkpoint_record(payload: &[u8], class: u8, credit: u64) -> Record {
    Record {
        kind: RecordKind::Checkpoint,
        class,
        payload_length: payload.len() as u32,
        address: credit,
        count: 0,
        crc: crc32c::crc32c(payload),
    }
}
