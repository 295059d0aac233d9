//! Writing a table, row by row in order of keys.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::block::{BlockBuilder, KEY_BYTES_MAX, VALUE_BYTES_MAX};
use super::file::Footer;
use super::{HEADER_BYTES, MAGIC, varint};
use crate::Error;

/// What is gathered before it is written.
const BUFFER_BYTES: usize = 1 << 18;

/// A table that is being written. It is one only after [`TableWriter::finish`].
#[derive(Debug)]
pub(crate) struct TableWriter {
    path: PathBuf,
    out: BufWriter<File>,
    block: BlockBuilder,
    index: Vec<u8>,
    footer: Footer,
}

impl TableWriter {
    /// Begins a table in a new file that only its owner can read.
    pub(crate) fn create(path: &Path, kind: u8) -> Result<Self, Error> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .map_err(Error::io("make", path))?;
        let mut header = [0; HEADER_BYTES];
        let (magic, rest) = header.split_at_mut(MAGIC.len());
        magic.copy_from_slice(&MAGIC);
        if let Some(byte) = rest.first_mut() {
            *byte = kind;
        }
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
        out.write_all(&header).map_err(Error::io("write", path))?;
        Ok(Self {
            path: path.to_owned(),
            out,
            block: BlockBuilder::default(),
            index: Vec::new(),
            footer: Footer::default(),
        })
    }

    /// Adds a row.
    ///
    /// # Panics
    /// When the key isn't greater than the one before, or key or value are too long: a table written so could not be read.
    pub(crate) fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        assert!(
            key.len() <= KEY_BYTES_MAX && value.len() <= VALUE_BYTES_MAX,
            "rows are bounded where they are made"
        );
        assert!(
            self.footer.rows == 0 || key > self.block.last_key(),
            "rows come in order"
        );
        if self.block.is_full_for(key, value) {
            self.close_block()?;
        }
        self.block.push(key, value);
        self.footer.rows += 1;
        Ok(())
    }

    fn close_block(&mut self) -> Result<(), Error> {
        let (first_key, bytes) = self.block.close();
        varint::put(&mut self.index, first_key.len() as u64);
        self.index.extend_from_slice(first_key);
        varint::put(&mut self.index, bytes.len() as u64);
        self.out.write_all(bytes).map_err(Error::io("write", &self.path))?;
        self.footer.blocks += 1;
        self.footer.blocks_bytes += bytes.len() as u64;
        self.block.clear();
        Ok(())
    }

    /// Writes the index and makes all durable: how many rows there are.
    pub(crate) fn finish(self) -> Result<u64, Error> {
        let (path, rows) = (self.path.clone(), self.footer.rows);
        let file = self.complete()?;
        file.sync_all().map_err(Error::io("sync", &path))?;
        Ok(rows)
    }

    /// Writes the index of a table that needn't outlive the process.
    pub(crate) fn finish_unsynced(self) -> Result<(), Error> {
        self.complete().map(drop)
    }

    fn complete(mut self) -> Result<File, Error> {
        if !self.block.is_empty() {
            self.close_block()?;
        }
        self.footer.index_bytes = self.index.len() as u64;
        let footer = self.footer.to_bytes(crc32c::crc32c(&self.index));
        let written = self
            .out
            .write_all(&self.index)
            .and_then(|()| self.out.write_all(&footer));
        written.map_err(Error::io("write", &self.path))?;
        self.out
            .into_inner()
            .map_err(|error| Error::io("write", &self.path)(error.into_error()))
    }
}
