//! Damaged ext file systems: whatever the bytes, every question about every file is answered, in bounded time.
//!
//! The first byte chooses one of the images that the tests of `files` have, and whether its checksums are taken for granted; every eight
//! bytes behind it change four bytes at a place.

#![no_main]

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

use files::ext::{Ext, open};
use files::{Disk, FileSystem, NodeId, NodeKind, ReadFailed};
use libfuzzer_sys::fuzz_target;

const PACKED: [&[u8]; 3] = [
    include_bytes!("../../crates/files/tests/images/ext3-journalled-data.zst"),
    include_bytes!("../../crates/files/tests/images/ext4-checksum-v1.zst"),
    include_bytes!("../../crates/files/tests/images/ext4-ordered.zst"),
];
const NODES_MAX: usize = 300;
const CHANGES_MAX: usize = 64;

/// An image, and where it has bytes that mean something.
struct Image {
    bytes: Vec<u8>,
    used: Vec<u32>,
}

static IMAGES: LazyLock<Vec<Image>> = LazyLock::new(|| PACKED.iter().map(|packed| unpack(packed)).collect());

fn unpack(packed: &[u8]) -> Image {
    let bytes = zstd::decode_all(packed).unwrap();
    let used = (0..bytes.len()).step_by(4).filter(|at| bytes[*at..*at + 4] != [0; 4]);
    let used = used.map(|at| at as u32).collect();
    Image { bytes, used }
}

struct Changed {
    image: &'static Image,
    changes: BTreeMap<u64, [u8; 4]>,
}

impl Disk for Changed {
    fn size_bytes(&self) -> u64 {
        self.image.bytes.size_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadFailed> {
        self.image.bytes.read_at(offset, buffer)?;
        let end = offset + buffer.len() as u64;
        for (at, change) in self.changes.range(offset.saturating_sub(3)..end) {
            for (index, byte) in change.iter().enumerate() {
                if let Some(place) = (at + index as u64).checked_sub(offset)
                    && let Some(changed) = buffer.get_mut(place as usize)
                {
                    *changed = *byte;
                }
            }
        }
        Ok(())
    }
}

fn changed(choice: u8, input: &[u8]) -> Changed {
    let image = &IMAGES[usize::from(choice) % IMAGES.len()];
    let mut changes = BTreeMap::new();
    if choice & 0x80 != 0 {
        // Without `metadata_csum` in the superblock, nothing is checked.
        let features = image.bytes[1024 + 0x64..1024 + 0x68].try_into().unwrap();
        let without = u32::from_le_bytes(features) & !0x400;
        changes.insert(1024 + 0x64, without.to_le_bytes());
    }
    for change in input.chunks_exact(8).take(CHANGES_MAX) {
        let place = u32::from_le_bytes(change[..4].try_into().unwrap());
        let (place, anywhere) = (place >> 1, place & 1 == 1);
        let at = if anywhere {
            place % image.bytes.len() as u32
        } else {
            // The fuzzer's numbers are small at first: neighbours in the list are neighbours in a structure.
            image.used[place as usize % image.used.len()]
        };
        changes.insert(u64::from(at), change[4..].try_into().unwrap());
    }
    Changed { image, changes }
}

fn ask(system: &Ext, node: NodeId, queue: &mut Vec<NodeId>) {
    let _ = system.entries(node, &mut |entry| {
        queue.push(entry.node);
        ControlFlow::Continue(())
    });
    let Ok(metadata) = system.metadata(node) else { return };
    let mut end = 0;
    let _ = system.extents(node, &mut |extent| {
        assert!(extent.logical >= end && extent.length > 0);
        assert!(extent.physical + extent.length <= 4 << 20);
        end = extent.logical + extent.length;
        ControlFlow::Continue(())
    });
    let _ = system.attributes(node);
    let _ = system.link_target(node);
    if metadata.kind == NodeKind::File {
        let mut buffer = [0; 3000];
        for offset in [
            0,
            metadata.size_bytes / 2,
            metadata.size_bytes.saturating_sub(10),
            u64::MAX,
        ] {
            if let Ok(read) = system.read(node, offset, &mut buffer) {
                let left = metadata.size_bytes.saturating_sub(offset).min(3000);
                assert_eq!(read as u64, left);
            }
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, input)) = input.split_first() else {
        return;
    };
    let Ok(system) = open(Arc::new(changed(*choice, input))) else {
        return;
    };
    let (mut seen, mut queue) = (HashSet::new(), vec![system.root(), NodeId(7), NodeId(8)]);
    while let Some(node) = queue.pop() {
        if seen.len() < NODES_MAX && seen.insert(node) {
            ask(&system, node, &mut queue);
        }
    }
});
