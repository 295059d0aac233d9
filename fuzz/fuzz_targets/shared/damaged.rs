//! An image made by the real tools, with bytes changed here and there, and everything that a reader can be asked of it.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use files::{Disk, FileSystem, NodeId, NodeKind, ReadFailed};

const SECTOR_BYTES: usize = 512;
/// Changes that are made; what an input has beyond them is left out. One with thousands takes seconds, and breaks so much of the image that
/// little of it is read.
const CHANGES_MAX: usize = 64;
/// Nodes that are looked at.
const NODES_MAX: usize = 150;
/// Entries of a folder, or extents of a file, after which the visitor asks to stop.
const SHOWN_MAX: usize = 3000;

/// An image and its sectors that hold something.
pub struct Image {
    bytes: Vec<u8>,
    sectors: Vec<usize>,
}

impl Image {
    /// `is_structure` tells sectors of the file system's own structures, which are changed more often than others.
    pub fn new(packed: &[u8], is_structure: fn(&[u8]) -> bool) -> Self {
        let bytes = zstd::decode_all(packed).expect("images are compressed with zstd");
        let sectors = |wanted: &dyn Fn(&[u8]) -> bool| {
            let sectors = bytes.chunks_exact(SECTOR_BYTES).enumerate();
            let wanted = sectors.filter(|(_, sector)| wanted(sector)).map(|(index, _)| index);
            wanted.collect::<Vec<usize>>()
        };
        let used = sectors(&|sector| sector.iter().any(|byte| *byte != 0));
        let structures = sectors(&|sector| is_structure(sector));
        let mut chosen = vec![0; 8];
        while !structures.is_empty() && chosen.len() < used.len() {
            chosen.extend(&structures);
        }
        chosen.extend(used);
        Self { bytes, sectors: chosen }
    }
}

/// An image with changes.
#[derive(Clone)]
pub struct Damaged {
    image: &'static Image,
    changes: BTreeMap<usize, u8>,
}

impl Damaged {
    /// Each change is two bytes that choose a sector, two that choose a place in it and a length up to 8, and the bytes that go there.
    pub fn new(image: &'static Image, mut input: &[u8]) -> Self {
        let mut changes = BTreeMap::new();
        for _ in 0..CHANGES_MAX {
            let [sector_low, sector_high, place_low, place_high, rest @ ..] = input else {
                break;
            };
            let sector = usize::from(u16::from_le_bytes([*sector_low, *sector_high]));
            let place = usize::from(u16::from_le_bytes([*place_low, *place_high]));
            let length = (place >> 9 & 7) + 1;
            let bytes = &rest[..length.min(rest.len())];
            let start = image.sectors[sector % image.sectors.len()] * SECTOR_BYTES + place % SECTOR_BYTES;
            changes.extend((start..).zip(bytes.iter().copied()));
            input = &rest[bytes.len()..];
        }
        Self { image, changes }
    }

    /// The bytes that were changed.
    #[allow(dead_code, reason = "not all targets make checksums right")]
    pub fn changed(&self) -> impl Iterator<Item = usize> {
        self.changes.keys().copied()
    }

    /// Changes more.
    #[allow(dead_code, reason = "not all targets make checksums right")]
    pub fn change(&mut self, place: usize, bytes: &[u8]) {
        self.changes.extend((place..).zip(bytes.iter().copied()));
    }

    /// Makes the checksums of exFAT's entries right that were changed: the fuzzer can't see through them.
    #[allow(dead_code, reason = "only one of the targets has exFAT")]
    pub fn with_exfat_checksums(mut self) -> Self {
        let changed: HashSet<usize> = self.changes.keys().map(|place| place / 32).collect();
        let firsts: HashSet<usize> = changed
            .iter()
            .flat_map(|slot| slot.saturating_sub(18)..=*slot)
            .collect();
        for first in firsts {
            let mut slots = [0; 19 * 32];
            let start = first as u64 * 32;
            if self.read_at(start, &mut slots).is_err() || slots[0] != 0x85 {
                continue;
            }
            let length = ((usize::from(slots[1]) + 1) * 32).min(slots.len());
            let bytes = slots[..length]
                .iter()
                .enumerate()
                .filter(|(index, _)| !matches!(index, 2 | 3));
            let sum = bytes.fold(0_u16, |sum, (_, byte)| {
                sum.rotate_right(1).wrapping_add(u16::from(*byte))
            });
            self.changes.extend((first * 32 + 2..).zip(sum.to_le_bytes()));
        }
        self
    }
}

impl Disk for Damaged {
    fn size_bytes(&self) -> u64 {
        self.image.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadFailed> {
        self.image.bytes.read_at(offset, buffer)?;
        let start = offset as usize;
        for (place, byte) in self.changes.range(start..start + buffer.len()) {
            buffer[place - start] = *byte;
        }
        Ok(())
    }
}

/// Asks everything of every node that is found, as often as that is of use.
pub fn exercise(damaged: Damaged) {
    let Ok(system) = files::open(Arc::new(damaged)) else {
        return;
    };
    let system = &*system;
    let _ = (
        system.label(),
        system.replayed(),
        system.block_bytes(),
        system.size_bytes(),
    );
    let mut seen = HashSet::new();
    let mut waiting: Vec<NodeId> = (0..16).map(NodeId).collect();
    waiting.push(system.root());
    while let Some(node) = waiting.pop() {
        if !seen.insert(node) || seen.len() > NODES_MAX {
            continue;
        }
        let mut shown = 0;
        let _ = system.entries(node, &mut |entry| {
            assert!(!entry.name.contains(&b'/') && entry.name != b"." && entry.name != b"..");
            if waiting.len() < NODES_MAX {
                waiting.push(entry.node);
            }
            shown += 1;
            if shown < SHOWN_MAX {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        check_extents(system, node);
        let _ = system.link_target(node);
        if let Ok(attributes) = system.attributes(node) {
            assert!(attributes.iter().map(|(_, value)| value.len()).sum::<usize>() <= 4 << 20);
        }
        if let Ok(metadata) = system.metadata(node)
            && metadata.kind == NodeKind::File
        {
            check_reads(system, node, metadata.size_bytes);
        }
    }
}

fn check_extents(system: &dyn FileSystem, node: NodeId) {
    let (mut shown, mut end) = (0, 0);
    let _ = system.extents(node, &mut |extent| {
        assert!(extent.length > 0 && extent.logical >= end, "extents overlap");
        end = extent.logical + extent.length;
        shown += 1;
        if shown < SHOWN_MAX {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
}

fn check_reads(system: &dyn FileSystem, node: NodeId, size_bytes: u64) {
    let mut buffer = vec![0xee; 70_000];
    for offset in [0, size_bytes / 2, size_bytes.saturating_sub(10), size_bytes, u64::MAX] {
        if let Ok(length) = system.read(node, offset, &mut buffer) {
            assert_eq!(
                length as u64,
                size_bytes.saturating_sub(offset).min(buffer.len() as u64)
            );
        }
    }
}
