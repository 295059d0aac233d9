//! The boot sector: the sizes of things, and where the master file table starts.

use crate::disk::{BOOT_BYTES, Disk, boot_sector};
use crate::error::Error;
use crate::little_endian::{array_at, u8_at, u16_at, u64_at};

/// Largest cluster: 2 MiB, since Windows 10.
const CLUSTER_BYTES_MAX: u64 = 2 << 20;

/// What the boot sector says, checked.
///
/// Invariants: `cluster_bytes` is a power of two within 512 bytes to 2 MiB; `record_bytes` is one within 512 bytes to 64 KiB.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    /// Bytes of a cluster, the allocation unit.
    pub(super) cluster_bytes: u64,
    /// Bytes of a record of the MFT.
    pub(super) record_bytes: usize,
    /// Bytes that the file system covers, without the copy of the boot sector behind them.
    pub(super) size_bytes: u64,
    /// First cluster of the MFT.
    pub(super) mft_cluster: u64,
    /// First cluster of the copy of its first records.
    pub(super) mirror_cluster: u64,
}

impl Geometry {
    /// Reads the boot sector.
    pub(super) fn read(disk: &dyn Disk) -> Result<Self, Error> {
        let bytes = boot_sector(disk)?;
        if array_at(&bytes, 3) != Some(*b"NTFS    ") {
            return Err(Error::Unrecognised);
        }
        Self::parse(&bytes).map_err(|detail| Error::Damaged {
            structure: "boot sector",
            offset: 0,
            detail,
        })
    }

    /// Layout: 11 bytes per sector (u16), 13 sectors per cluster (u8), 40 sectors (u64), 48 cluster of `$MFT` (u64), 56 cluster of
    /// `$MFTMirr` (u64), 64 size of a record (i8).
    fn parse(bytes: &[u8; BOOT_BYTES]) -> Result<Self, &'static str> {
        let short = "it is too short";
        let sector_bytes = u64::from(u16_at(bytes, 11).ok_or(short)?);
        if !sector_bytes.is_power_of_two() || !(256..=4096).contains(&sector_bytes) {
            return Err("the sector's size isn't one of 256 to 4096 bytes");
        }
        let cluster_sectors = match u8_at(bytes, 13).ok_or(short)? {
            few @ 0..=128 => u64::from(few),
            // Beyond 128 sectors it is a negative power of two.
            exponent => 1_u64.checked_shl(256 - u32::from(exponent)).unwrap_or(0),
        };
        let cluster_bytes = sector_bytes.saturating_mul(cluster_sectors);
        if !cluster_bytes.is_power_of_two() || !(512..=CLUSTER_BYTES_MAX).contains(&cluster_bytes) {
            return Err("the cluster's size isn't one of 512 bytes to 2 MiB");
        }
        let record_bytes = match u8_at(bytes, 64).ok_or(short)?.cast_signed() {
            clusters @ 0.. => cluster_bytes.saturating_mul(u64::from(clusters.unsigned_abs())),
            exponent => 1_u64.checked_shl(exponent.unsigned_abs().into()).unwrap_or(0),
        };
        if !record_bytes.is_power_of_two() || !(512..=64 << 10).contains(&record_bytes) {
            return Err("the size of an MFT record isn't one of 512 bytes to 64 KiB");
        }
        let sectors = u64_at(bytes, 40).ok_or(short)?;
        let size_bytes = sectors.checked_mul(sector_bytes).ok_or("it has too many sectors")?;
        if size_bytes == 0 {
            return Err("it has no sectors");
        }
        Ok(Self {
            cluster_bytes,
            record_bytes: usize::try_from(record_bytes).map_err(|_| "an MFT record is too large")?,
            size_bytes,
            mft_cluster: u64_at(bytes, 48).ok_or(short)?,
            mirror_cluster: u64_at(bytes, 56).ok_or(short)?,
        })
    }

    /// Byte offset of a cluster on the disk.
    pub(super) fn place_of(&self, cluster: u64) -> Option<u64> {
        cluster.checked_mul(self.cluster_bytes)
    }
}
