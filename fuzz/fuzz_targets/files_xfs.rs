//! XFS with damage anywhere, in its log too: whatever is asked of it ends, and takes no more memory than it should. The first byte chooses the
//! image, the others are a list of changes.

#![no_main]

#[path = "shared/damaged.rs"]
mod damaged;

use std::collections::HashSet;
use std::sync::LazyLock;

use damaged::{Damaged, Image, exercise};
use files::Disk;
use libfuzzer_sys::fuzz_target;

const BLOCK_BYTES: usize = 1024;
const DIRECTORY_BYTES: usize = 4096;
const INODE_BYTES: usize = 512;
const SECTOR_BYTES: usize = 512;

static IMAGES: LazyLock<[Image; 2]> = LazyLock::new(|| {
    let packed: [&[u8]; 2] = [
        include_bytes!("../images/xfs/version-5.zst"),
        include_bytes!("../images/xfs/version-4.zst"),
    ];
    packed.map(|packed| Image::new(packed, is_structure))
});

/// Inodes in use, folders, extent trees, attributes, links, records of the log.
fn is_structure(sector: &[u8]) -> bool {
    let magics: [&[u8]; 6] = [b"XD", b"BMA", b"XARM", b"XSLM", b"XFSB", &[0xfe, 0xed, 0xba, 0xbe]];
    let is_inode = sector.starts_with(b"IN") && sector[2..4] != [0, 0];
    is_inode || magics.iter().any(|magic| sector.starts_with(magic)) || matches!(sector[8..10], [0x3b | 0xfb, 0xee])
}

/// Where a structure of so many bytes keeps its checksum, if one begins so.
fn checksum_place(bytes: &[u8], length: usize) -> Option<usize> {
    match (bytes, length) {
        ([b'I', b'N', ..], INODE_BYTES) => Some(100),
        ([b'X', b'F', b'S', b'B', ..], SECTOR_BYTES) => Some(224),
        ([b'X', b'D', _, b'3', ..], DIRECTORY_BYTES) => Some(4),
        ([b'B', b'M', b'A', b'3', ..], BLOCK_BYTES) => Some(64),
        ([b'X', b'A' | b'S', ..], BLOCK_BYTES) => Some(12),
        ([_, _, _, _, _, _, _, _, 0x3b | 0x3e, 0xee | 0xbe, ..], BLOCK_BYTES) => Some(12),
        _ => None,
    }
}

/// Makes checksums right that the fuzzer can't see through. Records of the log are made to have none.
fn with_checksums(mut damaged: Damaged) -> Damaged {
    let changed: Vec<usize> = damaged.changed().collect();
    let mut done = HashSet::new();
    for length in [INODE_BYTES, BLOCK_BYTES, DIRECTORY_BYTES] {
        for start in changed.iter().map(|place| place - place % length) {
            let mut bytes = vec![0; length];
            if !done.insert((start, length)) || damaged.read_at(start as u64, &mut bytes).is_err() {
                continue;
            }
            if let Some(place) = checksum_place(&bytes, length) {
                bytes[place..place + 4].fill(0);
                damaged.change(start + place, &crc32c::crc32c(&bytes).to_le_bytes());
            }
        }
    }
    // A record's header lies before what was changed, up to the largest record.
    let sectors: HashSet<usize> = changed.iter().map(|place| place - place % SECTOR_BYTES).collect();
    for sector in sectors {
        for start in (0..600).map_while(|back| sector.checked_sub(back * SECTOR_BYTES)) {
            let mut magic = [0; 4];
            if damaged.read_at(start as u64, &mut magic).is_ok() && magic == [0xfe, 0xed, 0xba, 0xbe] {
                damaged.change(start + 32, &[0; 4]);
                break;
            }
        }
    }
    damaged
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, input)) = input.split_first() else {
        return;
    };
    let is_version_4 = choice % 4 == 3;
    let damaged = Damaged::new(&IMAGES[usize::from(is_version_4)], input);
    exercise(if is_version_4 { damaged } else { with_checksums(damaged) });
});
