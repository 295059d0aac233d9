//! Reads the active state of a qcow2 image.

use std::io::Read;

use super::header::{Compression, Header};
use super::{COMPRESSED, OFFSET_MASK, ZERO};
use crate::{ImageError, ImageSource, ReadAt, Run};

/// Largest window of a zstd frame that is accepted; a cluster has at most 2 MiB.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Where a cluster's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cluster {
    Zero,
    Plain { offset: u64 },
    Compressed { offset: u64, length: u64 },
}

/// A qcow2 image that is read. Holds the L1 table (at most 32 MiB) and one L2 table (at most 2 MiB).
#[derive(Debug)]
pub struct Qcow2Source<F> {
    file: F,
    file_bytes: u64,
    header: Header,
    l1: Vec<u64>,
    /// The L2 table read last, with its offset.
    l2: (u64, Vec<u64>),
    /// The compressed cluster read last, with its number.
    decompressed: Option<(u64, Vec<u8>)>,
}

impl<F: ReadAt> Qcow2Source<F> {
    /// Reads the header and the L1 table.
    pub fn open(file: F) -> Result<Self, ImageError> {
        let header = Header::read(&file)?;
        let file_bytes = file.length().map_err(ImageError::reading)?;
        let l1_bytes = header.l1_entries * 8;
        if header
            .l1_offset
            .checked_add(l1_bytes)
            .is_none_or(|end| end > file_bytes)
        {
            return Err(ImageError::Damaged {
                what: "offset of the L1 table",
                value: header.l1_offset,
            });
        }
        let l1 = read_table(&file, header.l1_offset, header.l1_entries)?;
        Ok(Self {
            file,
            file_bytes,
            header,
            l1,
            l2: (0, Vec::new()),
            decompressed: None,
        })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What a cluster is, and how many clusters from it on are known to be the same kind of nothing (else 1).
    fn cluster(&mut self, number: u64) -> Result<(Cluster, u64), ImageError> {
        let l2_entries = self.header.l2_entries();
        let l1_entry = usize::try_from(number / l2_entries)
            .ok()
            .and_then(|index| self.l1.get(index))
            .copied();
        let l2_offset = l1_entry.unwrap_or(0) & OFFSET_MASK;
        if l2_offset == 0 {
            return Ok((Cluster::Zero, l2_entries - number % l2_entries));
        }
        self.check_offset("offset of an L2 table", l2_offset)?;
        if self.l2.0 != l2_offset {
            self.l2 = (l2_offset, read_table(&self.file, l2_offset, l2_entries)?);
        }
        let entry = usize::try_from(number % l2_entries)
            .ok()
            .and_then(|index| self.l2.1.get(index))
            .copied();
        Ok((self.parse_entry(entry.unwrap_or(0))?, 1))
    }

    fn parse_entry(&self, entry: u64) -> Result<Cluster, ImageError> {
        if entry & COMPRESSED != 0 {
            // The offset's width shrinks as the count of 512-byte sectors needs more bits.
            let offset_bits = 62 - (self.header.cluster_bits - 8);
            let offset = entry & ((1 << offset_bits) - 1);
            let sectors = ((entry & (COMPRESSED - 1)) >> offset_bits) + 1;
            if offset >= self.file_bytes {
                return Err(ImageError::Damaged {
                    what: "offset of a compressed cluster",
                    value: offset,
                });
            }
            let length = (sectors * 512 - offset % 512).min(self.file_bytes - offset);
            return Ok(Cluster::Compressed { offset, length });
        }
        let offset = entry & OFFSET_MASK;
        if offset == 0 || (self.header.version == 3 && entry & ZERO != 0) {
            return Ok(Cluster::Zero);
        }
        self.check_offset("offset of a cluster", offset)?;
        Ok(Cluster::Plain { offset })
    }

    fn check_offset(&self, what: &'static str, value: u64) -> Result<(), ImageError> {
        // A cluster may end past the file's end: QEMU doesn't pad the last one.
        if value.is_multiple_of(self.header.cluster_bytes()) && value < self.file_bytes {
            return Ok(());
        }
        Err(ImageError::Damaged { what, value })
    }

    /// Fills `buffer` with bytes of one cluster, from `within` on.
    fn read_cluster(&mut self, number: u64, within: u64, buffer: &mut [u8]) -> Result<(), ImageError> {
        match self.cluster(number)?.0 {
            Cluster::Zero => buffer.fill(0),
            Cluster::Plain { offset } => {
                self.file
                    .read_padded(offset + within, buffer)
                    .map_err(ImageError::reading)?;
            }
            Cluster::Compressed { offset, length } => {
                if self.decompressed.as_ref().is_none_or(|(cached, _)| *cached != number) {
                    self.decompressed = Some((number, self.decompress(offset, length)?));
                }
                let cluster = self.decompressed.as_ref().map_or(&[][..], |(_, bytes)| bytes);
                let start = usize::try_from(within).unwrap_or(usize::MAX);
                let bytes = cluster.get(start..).and_then(|rest| rest.get(..buffer.len()));
                buffer.copy_from_slice(bytes.ok_or(ImageError::DamagedCluster { offset })?);
            }
        }
        Ok(())
    }

    /// The bytes of a compressed cluster: exactly a cluster's size, or an error.
    fn decompress(&self, offset: u64, length: u64) -> Result<Vec<u8>, ImageError> {
        let damaged = || ImageError::DamagedCluster { offset };
        let mut packed = vec![0; usize::try_from(length).map_err(|_| damaged())?];
        self.file
            .read_padded(offset, &mut packed)
            .map_err(ImageError::reading)?;
        let mut cluster = vec![0; usize::try_from(self.header.cluster_bytes()).map_err(|_| damaged())?];
        match self.header.compression {
            Compression::Deflate => inflate(&packed, &mut cluster).ok_or_else(damaged)?,
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(packed.as_slice())
                    .map_err(|_| damaged())?
                    .single_frame();
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|_| damaged())?;
                decoder.read_exact(&mut cluster).map_err(|_| damaged())?;
            }
        }
        Ok(cluster)
    }
}

/// Fills `cluster` from a raw deflate stream, which may be followed by the rest of a sector.
fn inflate(packed: &[u8], cluster: &mut [u8]) -> Option<()> {
    use miniz_oxide::inflate::TINFLStatus;
    use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
    let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, _, count) = decompress(&mut DecompressorOxide::new(), packed, cluster, 0, flags);
    // Some writers end the stream without its last marker once a cluster is full.
    let complete = matches!(
        status,
        TINFLStatus::Done | TINFLStatus::HasMoreOutput | TINFLStatus::FailedCannotMakeProgress
    );
    (complete && count == cluster.len()).then_some(())
}

fn read_table(file: &impl ReadAt, offset: u64, entries: u64) -> Result<Vec<u64>, ImageError> {
    let damaged = ImageError::Damaged {
        what: "size of a table",
        value: entries,
    };
    let Ok(entries) = usize::try_from(entries) else {
        return Err(damaged);
    };
    let mut bytes = vec![0; entries * 8];
    file.read_padded(offset, &mut bytes).map_err(ImageError::reading)?;
    Ok(bytes
        .as_chunks()
        .0
        .iter()
        .map(|entry| u64::from_be_bytes(*entry))
        .collect())
}

impl<F: ReadAt> ImageSource for Qcow2Source<F> {
    fn size_bytes(&self) -> u64 {
        self.header.size_bytes
    }

    fn run_at(&mut self, offset: u64) -> Result<Run, ImageError> {
        let cluster_bytes = self.header.cluster_bytes();
        let first = offset / cluster_bytes;
        let end = self.header.size_bytes.div_ceil(cluster_bytes);
        let (cluster, count) = self.cluster(first)?;
        let is_data = cluster != Cluster::Zero;
        let mut next = first + count;
        while next < end {
            let (cluster, count) = self.cluster(next)?;
            if (cluster != Cluster::Zero) != is_data {
                break;
            }
            next += count;
        }
        let run_end = (next * cluster_bytes).min(self.header.size_bytes);
        Ok(Run {
            length: run_end - offset,
            is_data,
        })
    }

    fn read(&mut self, mut offset: u64, mut buffer: &mut [u8]) -> Result<(), ImageError> {
        let cluster_bytes = self.header.cluster_bytes();
        while !buffer.is_empty() {
            let within = offset % cluster_bytes;
            let count = usize::try_from(cluster_bytes - within)
                .unwrap_or(usize::MAX)
                .min(buffer.len());
            let (part, rest) = buffer.split_at_mut(count);
            self.read_cluster(offset / cluster_bytes, within, part)?;
            offset += count as u64;
            buffer = rest;
        }
        Ok(())
    }
}
