//! Reads blocks of a range file.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::block::Block;
use super::layout::{
    self, BLOCK_BYTES_MAX, DIRECTORY_PAGE_BYTES, HEADER_BYTES, PREFIXES_PER_PAGE, TRAILER_BYTES, Totals,
};
use crate::Error;
use crate::hash::HashKind;
use crate::passwords::RangePrefix;

/// Pages of the directory.
const DIRECTORY_PAGES: u64 = RangePrefix::COUNT as u64 / PREFIXES_PER_PAGE as u64;

/// An open range file. Header and trailer were checked; directory and blocks are checked whenever they are read.
#[derive(Debug)]
pub(in crate::passwords) struct RangeFile {
    file: File,
    path: PathBuf,
    kind: HashKind,
    pub(super) directory_offset: u64,
    totals: Totals,
    size_bytes: u64,
}

/// A page of the directory: where the blocks of 512 prefixes are.
#[derive(Debug)]
pub(super) struct DirectoryPage {
    /// Of the first block.
    pub(super) offset: u64,
    /// In bytes; 0 where a prefix has no rows.
    pub(super) lengths: Vec<u32>,
}

impl RangeFile {
    /// Opens a file and checks its frame.
    ///
    /// # Errors
    /// When it can't be read, or is damaged or unfinished.
    pub(in crate::passwords) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let size_bytes = file.metadata().map_err(Error::io("read", path))?.len();
        let trailer_offset = size_bytes.saturating_sub(TRAILER_BYTES as u64);
        let damaged = |what| Error::Damaged {
            path: path.to_owned(),
            offset: trailer_offset,
            what,
        };
        let mut trailer = [0; TRAILER_BYTES];
        if size_bytes < HEADER_BYTES + TRAILER_BYTES as u64 {
            return Err(damaged("the file is too short"));
        }
        file.read_exact_at(&mut trailer, trailer_offset)
            .map_err(Error::io("read", path))?;
        let (kind, directory_offset, totals) = layout::parse_trailer(&trailer).map_err(damaged)?;
        if directory_offset.checked_add(DIRECTORY_PAGES * DIRECTORY_PAGE_BYTES as u64) != Some(trailer_offset) {
            return Err(damaged("the file was cut or has grown"));
        }
        let mut header = [0; HEADER_BYTES as usize];
        file.read_exact_at(&mut header, 0).map_err(Error::io("read", path))?;
        if header != *layout::header(kind) {
            return Err(Error::Damaged {
                path: path.to_owned(),
                offset: 0,
                what: "the header is wrong",
            });
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            kind,
            directory_offset,
            totals,
            size_bytes,
        })
    }

    /// Which hash it holds.
    pub(in crate::passwords) const fn kind(&self) -> HashKind {
        self.kind
    }

    /// What it holds.
    pub(in crate::passwords) const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Its size.
    pub(in crate::passwords) const fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn damaged(&self, offset: u64, what: &'static str) -> Error {
        Error::Damaged {
            path: self.path.clone(),
            offset,
            what,
        }
    }

    /// The block of a prefix, kept in `buffer`; `None` if it has no rows.
    ///
    /// # Errors
    /// When it can't be read, or this block or its page of the directory is damaged.
    pub(in crate::passwords) fn block<'a>(
        &self,
        prefix: RangePrefix,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Option<Block<'a>>, Error> {
        let index = prefix.number() as usize;
        let page = self.directory_page((index / PREFIXES_PER_PAGE) as u64)?;
        let within = index % PREFIXES_PER_PAGE;
        let before: u64 = page.lengths.iter().take(within).map(|length| u64::from(*length)).sum();
        let length = page.lengths.get(within).map_or(0, |length| *length as usize);
        if length == 0 {
            return Ok(None);
        }
        let offset = page.offset + before;
        buffer.resize(length, 0);
        self.file
            .read_exact_at(buffer, offset)
            .map_err(Error::io("read", &self.path))?;
        let block = Block::parse(self.kind, prefix.number(), buffer).map_err(|what| self.damaged(offset, what))?;
        Ok(Some(block))
    }

    /// A page of the directory, whose blocks lie between header and directory.
    pub(super) fn directory_page(&self, number: u64) -> Result<DirectoryPage, Error> {
        let at = self.directory_offset + number * DIRECTORY_PAGE_BYTES as u64;
        let mut bytes = [0; DIRECTORY_PAGE_BYTES];
        self.file
            .read_exact_at(&mut bytes, at)
            .map_err(Error::io("read", &self.path))?;
        let page = parse_page(number, &bytes).ok_or_else(|| self.damaged(at, "a page of the directory is wrong"))?;
        let total: u64 = page.lengths.iter().map(|length| u64::from(*length)).sum();
        let inside = page.offset >= HEADER_BYTES
            && page
                .offset
                .checked_add(total)
                .is_some_and(|end| end <= self.directory_offset)
            && page.lengths.iter().all(|length| *length as usize <= BLOCK_BYTES_MAX);
        if !inside {
            return Err(self.damaged(at, "the directory names places outside of the file"));
        }
        Ok(page)
    }
}

fn parse_page(number: u64, bytes: &[u8; DIRECTORY_PAGE_BYTES]) -> Option<DirectoryPage> {
    if !layout::is_sealed(bytes) {
        return None;
    }
    let (_, rest) = bytes.split_first_chunk::<4>()?;
    let (found, rest) = rest.split_first_chunk::<4>()?;
    let (offset, rest) = rest.split_first_chunk::<8>()?;
    if u64::from(u32::from_le_bytes(*found)) != number {
        return None;
    }
    Some(DirectoryPage {
        offset: u64::from_le_bytes(*offset),
        lengths: rest
            .as_chunks::<4>()
            .0
            .iter()
            .map(|chunk| u32::from_le_bytes(*chunk))
            .collect(),
    })
}
