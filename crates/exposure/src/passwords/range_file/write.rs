//! Writes a range file, row after row.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::block::{BLOCK_FRAME_BYTES_MAX, BlockBuilder};
use super::layout::{self, BLOCK_BYTES_MAX, PREFIXES_PER_PAGE, Totals};
use crate::Error;
use crate::hash::HashKind;
use crate::passwords::RangePrefix;
use crate::passwords::record::Record;

/// Bytes collected before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// A range file being written. Nothing counts until [`RangeWriter::finish`] returned and the file has its name.
#[derive(Debug)]
pub(in crate::passwords) struct RangeWriter {
    kind: HashKind,
    path: PathBuf,
    file: BufWriter<File>,
    offset: u64,
    /// Bytes of each prefix's block.
    lengths: Vec<u32>,
    builder: BlockBuilder,
    block: Vec<u8>,
    last: Option<Record>,
    totals: Totals,
}

impl RangeWriter {
    /// Makes a file at `path`, replacing what is there.
    ///
    /// # Errors
    /// When it can't be made.
    pub(in crate::passwords) fn create(kind: HashKind, path: &Path) -> Result<Self, Error> {
        let file = File::create(path).map_err(Error::io("make", path))?;
        let mut writer = Self {
            kind,
            path: path.to_owned(),
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            offset: 0,
            lengths: vec![0; RangePrefix::COUNT as usize],
            builder: BlockBuilder::default(),
            block: layout::header(kind),
            last: None,
            totals: Totals::default(),
        };
        writer.write_block()?;
        Ok(writer)
    }

    /// Adds a row, whose hash is larger than that of the row before.
    ///
    /// # Errors
    /// When it can't be written, or when a prefix has more rows than a block can hold.
    ///
    /// # Panics
    /// When rows are out of order: the file could not be searched.
    pub(in crate::passwords) fn push(&mut self, record: &Record) -> Result<(), Error> {
        if let Some(last) = &self.last {
            assert!(
                (last.high, last.middle, last.low) < (record.high, record.middle, record.low),
                "rows come in order"
            );
            if last.prefix() != record.prefix() {
                self.end_block(last.prefix())?;
            }
        }
        self.builder.push(self.kind, record);
        if self.builder.size_bytes() > BLOCK_BYTES_MAX - BLOCK_FRAME_BYTES_MAX {
            return Err(Error::TooManyAlike {
                prefix: format!("{:05X}", record.prefix()),
                path: self.path.clone(),
            });
        }
        self.last = Some(*record);
        self.totals.add(record.count);
        Ok(())
    }

    fn end_block(&mut self, prefix: u32) -> Result<(), Error> {
        if self.builder.is_empty() {
            return Ok(());
        }
        self.builder.finish(prefix, &mut self.block);
        if let Some(length) = self.lengths.get_mut(prefix as usize) {
            *length = u32::try_from(self.block.len()).unwrap_or(u32::MAX);
        }
        self.write_block()
    }

    fn write_block(&mut self) -> Result<(), Error> {
        self.file
            .write_all(&self.block)
            .map_err(Error::io("write", &self.path))?;
        self.offset += self.block.len() as u64;
        self.block.clear();
        Ok(())
    }

    /// Writes directory and trailer, and makes the file durable.
    ///
    /// # Errors
    /// When it can't be written.
    pub(in crate::passwords) fn finish(mut self) -> Result<Totals, Error> {
        if let Some(last) = self.last {
            self.end_block(last.prefix())?;
        }
        let directory_offset = self.offset;
        let mut block_offset = layout::HEADER_BYTES;
        let lengths = std::mem::take(&mut self.lengths);
        for (number, page_lengths) in (0_u32..).zip(lengths.chunks(PREFIXES_PER_PAGE)) {
            let mut page = vec![0; 4];
            page.extend_from_slice(&number.to_le_bytes());
            page.extend_from_slice(&block_offset.to_le_bytes());
            for length in page_lengths {
                page.extend_from_slice(&length.to_le_bytes());
                block_offset += u64::from(*length);
            }
            layout::seal(&mut page);
            self.block = page;
            self.write_block()?;
        }
        self.block = layout::trailer(self.kind, directory_offset, &self.totals);
        self.write_block()?;
        let path = self.path;
        let file = self
            .file
            .into_inner()
            .map_err(|error| Error::io("write", &path)(error.into_error()))?;
        file.sync_all().map_err(Error::io("write", &path))?;
        Ok(self.totals)
    }
}
