//! What an area of a disk holds, whether it can be read or not.

use crate::disk::Disk;
use crate::filesystem::FileSystemKind;
use crate::open::recognise;

/// What an area of a disk holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A file system that Holdfast knows.
    FileSystem(FileSystemKind),
    /// Something else, by its name.
    Other(&'static str),
}

/// An LVM2 physical volume: the name under which [`Content::Other`] has it.
pub(crate) const LVM: &str = "LVM2 physical volume";

/// Swap space of Linux: the name under which [`Content::Other`] has it.
pub const SWAP: &str = "swap";

impl Content {
    /// Its name, as people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FileSystem(kind) => kind.name(),
            Self::Other(name) => name,
        }
    }

    /// By the numbers that it starts with. `None` for what isn't known, and what can't be read.
    pub(crate) fn recognise(disk: &dyn Disk) -> Option<Self> {
        Self::by_magic(disk).or_else(|| is_zfs(disk).then_some(Self::Other("ZFS")))
    }

    /// The same without ZFS, for which 128 KiB have to be read.
    pub(crate) fn by_magic(disk: &dyn Disk) -> Option<Self> {
        // Boot sectors of encrypted and newer file systems resemble those of FAT.
        let foreign = || {
            MAGICS
                .iter()
                .find(|magic| magic.is_on(disk))
                .map(|magic| Self::Other(magic.name))
        };
        foreign().or_else(|| recognise(disk).map(Self::FileSystem))
    }
}

/// Bytes at a place by which something is known.
struct Magic {
    offset: u64,
    bytes: &'static [u8],
    name: &'static str,
}

impl Magic {
    const fn new(offset: u64, bytes: &'static [u8], name: &'static str) -> Self {
        Self { offset, bytes, name }
    }

    fn is_on(&self, disk: &dyn Disk) -> bool {
        let mut found = [0; 16];
        let found = found.get_mut(..self.bytes.len()).unwrap_or_default();
        disk.read_at(self.offset, found).is_ok() && *found == *self.bytes
    }
}

/// What Holdfast can't read, but can name. The order is from certain to less so.
const MAGICS: [Magic; 23] = [
    Magic::new(0, b"LUKS\xba\xbe", "LUKS encryption"),
    Magic::new(3, b"-FVE-FS-", "BitLocker encryption"),
    Magic::new(3, b"ReFS\0\0\0\0", "ReFS"),
    Magic::new(512 + 24, b"LVM2 001", LVM),
    Magic::new(24, b"LVM2 001", LVM),
    Magic::new(1024 + 24, b"LVM2 001", LVM),
    Magic::new(1536 + 24, b"LVM2 001", LVM),
    Magic::new(4096, b"\xfc\x4e\x2b\xa9", "Linux RAID member"),
    Magic::new(0, b"\xfc\x4e\x2b\xa9", "Linux RAID member"),
    Magic::new(4096 - 10, b"SWAPSPACE2", SWAP),
    Magic::new(65536 - 10, b"SWAPSPACE2", SWAP),
    Magic::new(0x1_0040, b"_BHRfS_M", "btrfs"),
    Magic::new(32, b"NXSB", "APFS"),
    Magic::new(1024, b"H+\0\x04", "HFS+"),
    Magic::new(1024, b"HX\0\x05", "HFS+"),
    Magic::new(1024, b"\x10\x20\xf5\xf2", "F2FS"),
    Magic::new(0, b"hsqs", "SquashFS"),
    Magic::new(0x8000, b"JFS1", "JFS"),
    Magic::new(0x1_0034, b"ReIsEr", "ReiserFS"),
    Magic::new(0x10_0000, b"\x0d\xd0\x01\xc0", "VMFS"),
    Magic::new(4096 + 24, b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca", "bcache"),
    Magic::new(4096 + 24, b"\xc6\x85\x73\xf6\x66\xce\x90\xa9", "bcachefs"),
    Magic::new(0x8001, b"CD001", "ISO 9660"),
];

/// ZFS keeps its magic number in a ring of blocks of 1 KiB or more, in the second half of the first 256 KiB.
fn is_zfs(disk: &dyn Disk) -> bool {
    const RING_OFFSET: u64 = 128 * 1024;
    const MAGIC: u64 = 0x00ba_b10c;
    let mut ring = vec![0; 128 * 1024];
    disk.read_at(RING_OFFSET, &mut ring).is_ok()
        && ring
            .chunks_exact(1024)
            .any(|block| block.starts_with(&MAGIC.to_le_bytes()) || block.starts_with(&MAGIC.to_be_bytes()))
}
