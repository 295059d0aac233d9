//! Copies between an image and a disk: what is zero in either stays unallocated in the other.

use std::ops::ControlFlow;

use volume::{Device, ExtentKind, Wait, WriteRequest};

use super::{ImageError, ImageSink, ImageSource};

/// Bytes copied at a time.
pub const CHUNK_BYTES: usize = 1 << 20;
/// Zeros are looked for in units of the volume's blocks.
const BLOCK_BYTES: usize = 4096;
/// Extents asked for at a time, and the range they are asked for.
const EXTENTS_MAX: usize = 1024;
const EXTENT_RANGE_BYTES: u64 = 1 << 34;

/// What a copy did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopySummary {
    /// The disk's size.
    pub size_bytes: u64,
    /// Bytes that weren't zero.
    pub data_bytes: u64,
}

/// Told the bytes done of all; may break the copy off.
pub(super) type OnProgress<'a> = &'a mut dyn FnMut(u64, u64) -> ControlFlow<()>;

/// Writes a piece of the image to the disk.
type Write<'a> = &'a mut dyn FnMut(&[WriteRequest<'_>]) -> Result<(), volume::Error>;

/// Fills a new, empty disk from an image, by `write`. The disk is at least as large as the image. It isn't flushed.
pub fn import_into(
    write: Write<'_>,
    source: &mut dyn ImageSource,
    progress: OnProgress<'_>,
) -> Result<CopySummary, ImageError> {
    let mut summary = CopySummary {
        size_bytes: source.size_bytes(),
        data_bytes: 0,
    };
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut offset = 0;
    while offset < summary.size_bytes {
        let run = source.run_at(offset)?;
        let end = offset.saturating_add(run.length).min(summary.size_bytes);
        if !run.is_data {
            offset = end;
        }
        while offset < end {
            let chunk = chunk_of(&mut buffer, offset, end);
            source.read(offset, chunk)?;
            for (start, data) in nonzero_runs(chunk) {
                write(&[WriteRequest {
                    offset: offset + start as u64,
                    data,
                }])?;
                summary.data_bytes += data.len() as u64;
            }
            offset += chunk.len() as u64;
            report(progress, offset, summary.size_bytes)?;
        }
        report(progress, offset, summary.size_bytes)?;
    }
    Ok(summary)
}

/// Writes a disk into a new image.
pub fn export_device(
    disk: &dyn Device,
    sink: &mut dyn ImageSink,
    progress: OnProgress<'_>,
) -> Result<CopySummary, ImageError> {
    let mut summary = CopySummary {
        size_bytes: disk.size_bytes(),
        data_bytes: 0,
    };
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut offset = 0;
    while offset < summary.size_bytes {
        let range = (summary.size_bytes - offset).min(EXTENT_RANGE_BYTES);
        for extent in disk.extents(offset, range, EXTENTS_MAX)? {
            let end = offset.saturating_add(extent.length).min(summary.size_bytes);
            if extent.kind != ExtentKind::Data {
                offset = end;
            }
            while offset < end {
                let chunk = chunk_of(&mut buffer, offset, end);
                disk.read(offset, chunk, Wait::Allowed)?;
                for (start, data) in nonzero_runs(chunk) {
                    sink.write(offset + start as u64, data)?;
                    summary.data_bytes += data.len() as u64;
                }
                offset += chunk.len() as u64;
                report(progress, offset, summary.size_bytes)?;
            }
        }
        report(progress, offset, summary.size_bytes)?;
    }
    sink.finish()?;
    Ok(summary)
}

fn report(progress: OnProgress<'_>, done: u64, all: u64) -> Result<(), ImageError> {
    match progress(done, all) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(ImageError::Interrupted),
    }
}

/// The part of the buffer for the bytes from `offset` to the next chunk's boundary or `end`.
fn chunk_of(buffer: &mut [u8], offset: u64, end: u64) -> &mut [u8] {
    let chunk = buffer.len() as u64;
    let boundary = (offset / chunk).saturating_add(1).saturating_mul(chunk).min(end);
    let length = usize::try_from(boundary - offset).unwrap_or(buffer.len());
    buffer.get_mut(..length).unwrap_or_default()
}

/// The maximal runs of blocks that aren't all zero, with their offsets.
fn nonzero_runs(chunk: &[u8]) -> Vec<(usize, &[u8])> {
    let mut runs = Vec::new();
    let mut start = None;
    let mut offset = 0;
    for block in chunk.chunks(BLOCK_BYTES) {
        match (is_zero(block), start) {
            (false, None) => start = Some(offset),
            (true, Some(first)) => {
                runs.push((first, offset));
                start = None;
            }
            _ => {}
        }
        offset += block.len();
    }
    if let Some(first) = start {
        runs.push((first, offset));
    }
    runs.into_iter()
        .filter_map(|(first, end)| Some((first, chunk.get(first..end)?)))
        .collect()
}

fn is_zero(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<16>();
    words.iter().all(|word| u128::from_le_bytes(*word) == 0) && rest.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_zero_blocks_are_left_out() {
        let mut chunk = vec![0u8; 5 * BLOCK_BYTES + 100];
        chunk[BLOCK_BYTES] = 1;
        chunk[3 * BLOCK_BYTES - 1] = 1;
        chunk[5 * BLOCK_BYTES + 99] = 1;
        let runs: Vec<(usize, usize)> = nonzero_runs(&chunk)
            .iter()
            .map(|(start, data)| (*start, data.len()))
            .collect();
        assert_eq!(runs, [(BLOCK_BYTES, 2 * BLOCK_BYTES), (5 * BLOCK_BYTES, 100)]);
        assert!(nonzero_runs(&[0; 8192]).is_empty());
        assert_eq!(nonzero_runs(&[1; 8192]).len(), 1);
    }

    #[test]
    fn chunks_end_at_boundaries() {
        let mut buffer = vec![0; 1024];
        assert_eq!(chunk_of(&mut buffer, 0, 4096).len(), 1024);
        assert_eq!(chunk_of(&mut buffer, 1000, 4096).len(), 24);
        assert_eq!(chunk_of(&mut buffer, 4000, 4050).len(), 50);
    }
}
