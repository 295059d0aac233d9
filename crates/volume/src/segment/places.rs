//! Where the payloads of a packed segment are, in memory and as small as it can be.

use crate::format::{Frame, IndexLayout, PackedIndex, Place, SLOT_BYTES, Slot};

/// Where one payload is. Frame numbers and offsets in units of a slot fit: frames have at least a few payloads, and hold
/// 64 KiB; an index of which that isn't true is searched on disk.
#[derive(Clone, Copy, Debug)]
struct CompactPlace {
    slot: Slot,
    frame: u16,
    offset_slots: u16,
}

/// All payloads of a segment.
///
/// Invariant: `places` ascends by slot.
#[derive(Debug)]
pub(crate) struct Places {
    places: Vec<CompactPlace>,
    frames: Vec<Frame>,
}

impl Places {
    /// `None` if the index can't be expressed.
    pub(crate) fn new(index: &PackedIndex) -> Option<Self> {
        let stored = index.records.iter().filter(|packed| packed.record.payload_length > 0);
        let places = stored.map(|packed| {
            let slots = u64::from(packed.offset) / SLOT_BYTES;
            (u64::from(packed.offset) == slots * SLOT_BYTES).then_some(())?;
            Some(CompactPlace {
                slot: packed.slot,
                frame: u16::try_from(packed.frame).ok()?,
                offset_slots: u16::try_from(slots).ok()?,
            })
        });
        let places = places.collect::<Option<Vec<_>>>()?;
        places
            .is_sorted_by(|first, second| first.slot < second.slot)
            .then(|| Self {
                places,
                frames: index.frames.clone(),
            })
    }

    /// What the places of an index occupy at most, in bytes.
    pub(crate) const fn bytes_of(layout: &IndexLayout) -> usize {
        layout.record_count as usize * size_of::<CompactPlace>() + layout.frame_count as usize * size_of::<Frame>()
    }

    pub(crate) fn frame(&self, number: u32) -> Option<Frame> {
        self.frames.get(number as usize).copied()
    }

    /// Where the payload known by `slot` is. Its length isn't known here.
    pub(crate) fn find(&self, slot: Slot) -> Option<Place> {
        let found = self.places.binary_search_by_key(&slot, |place| place.slot).ok()?;
        let place = self.places.get(found)?;
        Some(Place {
            slot,
            length: 0,
            frame: u32::from(place.frame),
            offset: u32::from(place.offset_slots) * SLOT_BYTES as u32,
        })
    }

    /// Where in the file a payload of `length` bytes is, if it isn't compressed.
    pub(crate) fn plain_offset(&self, slot: Slot, length: usize) -> Option<u64> {
        let place = self.find(slot)?;
        let frame = self.frame(place.frame).filter(|frame| !frame.compressed)?;
        let end = u64::from(place.offset) + length as u64;
        (end <= u64::from(frame.payload_bytes)).then_some(frame.offset + u64::from(place.offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{PackedRecord, Record, RecordKind};
    use crate::time::{Sequence, Timestamp};

    fn record(slot: u32, payload_length: u32, frame: u32, offset: u32) -> PackedRecord {
        PackedRecord {
            record: Record {
                kind: RecordKind::Write,
                class: 0,
                payload_length,
                address: 0,
                count: 1,
                crc: 0,
            },
            sequence: Sequence(1),
            time: Timestamp::ZERO,
            slot: Slot(slot),
            frame,
            offset,
        }
    }

    fn frame(offset: u64, compressed: bool) -> Frame {
        Frame {
            offset,
            stored_bytes: 100,
            payload_bytes: 8192,
            crc: 0,
            compressed,
            incompressible: false,
        }
    }

    #[test]
    fn payloads_are_found_by_slot_and_only_plain_ones_have_a_place_in_the_file() {
        let index = PackedIndex {
            frames: vec![frame(8192, false), frame(20_000, true)],
            records: vec![
                record(600, 0, 0, 0),
                record(600, 4096, 0, 0),
                record(856, 4096, 1, 4096),
                record(1112, 4096, 0, 4096),
            ],
        };
        let places = Places::new(&index).expect("it can be expressed");
        assert_eq!(places.plain_offset(Slot(600), 4096), Some(8192));
        assert_eq!(places.plain_offset(Slot(1112), 4096), Some(12_288));
        assert_eq!(places.plain_offset(Slot(1112), 4097), None, "past the end of the frame");
        assert_eq!(places.plain_offset(Slot(856), 4096), None, "compressed");
        assert_eq!(
            places.find(Slot(856)).map(|place| (place.frame, place.offset)),
            Some((1, 4096))
        );
        assert_eq!(places.find(Slot(857)), None);
    }

    #[test]
    fn what_does_not_fit_is_left_on_disk() {
        let with = |record| PackedIndex {
            frames: vec![frame(8192, false)],
            records: vec![record],
        };
        assert!(Places::new(&with(record(600, 4096, 0, 16))).is_some());
        assert!(Places::new(&with(record(600, 4096, 0, 17))).is_none());
        assert!(Places::new(&with(record(600, 4096, 0x1_0000, 0))).is_none());
        assert!(Places::new(&with(record(600, 4096, 0, 0x10_0000))).is_none());
    }
}
