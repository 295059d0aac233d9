//! Writes a counts file from rows in order.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::PAGE_BYTES;
use super::overflow::{self, ROWS_MAX};
use super::page::{self, Row};
use super::plan::Plan;
use super::read::header;
use crate::Error;
use crate::hash::HashKind;
use crate::passwords::range_file::Totals;

/// Pages collected before they are written.
const PAGES_AT_ONCE: usize = 256;

/// A counts file being written. Nothing counts until [`CountsWriter::finish`] returned and the file has its name.
#[derive(Debug)]
pub(in crate::passwords) struct CountsWriter {
    kind: HashKind,
    plan: Plan,
    path: PathBuf,
    file: File,
    /// The page being filled, and its rows.
    page: u64,
    rows: Vec<Row>,
    /// Bytes of whole pages that aren't written yet, and where they belong.
    pages: Vec<u8>,
    pages_offset: u64,
    /// Rows for the overflow page being filled, and its number.
    overflow: Vec<Row>,
    overflow_number: u32,
    keys: u64,
}

impl CountsWriter {
    /// Makes a file at `path` for rows with these totals, replacing what is there.
    ///
    /// # Errors
    /// When it can't be made.
    pub(in crate::passwords) fn create(kind: HashKind, path: &Path, totals: &Totals) -> Result<Self, Error> {
        let plan = Plan::of(totals);
        Ok(Self {
            kind,
            plan,
            path: path.to_owned(),
            file: File::create(path).map_err(Error::io("make", path))?,
            page: 0,
            rows: Vec::new(),
            pages: Vec::new(),
            pages_offset: PAGE_BYTES as u64,
            overflow: Vec::new(),
            overflow_number: plan.pages as u32,
            keys: 0,
        })
    }

    /// Adds a row, whose key is not smaller than that of the row before. Rows with the same key become one with count 0: the range files
    /// tell them apart.
    ///
    /// # Errors
    /// When it can't be written.
    pub(in crate::passwords) fn push(&mut self, row: Row) -> Result<(), Error> {
        let page = self.plan.page(row.key);
        while self.page < page {
            self.end_page()?;
        }
        match self.rows.last_mut() {
            Some(last) if last.key == row.key => last.count = 0,
            _ => {
                self.rows.push(row);
                self.keys += 1;
            }
        }
        Ok(())
    }

    fn end_page(&mut self) -> Result<(), Error> {
        let fitting = page::fitting(&self.plan, &self.rows);
        let first = self.overflow_number;
        let mut rows = std::mem::take(&mut self.rows);
        let mut pages = 0;
        for row in rows.iter().skip(fitting) {
            if self.overflow.len() == ROWS_MAX {
                self.end_overflow_page()?;
            }
            self.overflow.push(*row);
            pages = self.overflow_number - first + 1;
        }
        rows.truncate(fitting);
        let bytes = page::encode(&self.plan, self.page, &rows, if pages == 0 { 0 } else { first }, pages);
        self.pages.extend_from_slice(&bytes);
        rows.clear();
        (self.rows, self.page) = (rows, self.page + 1);
        if self.pages.len() >= PAGES_AT_ONCE * PAGE_BYTES {
            self.write_pages()?;
        }
        Ok(())
    }

    fn write_pages(&mut self) -> Result<(), Error> {
        self.file
            .write_all_at(&self.pages, self.pages_offset)
            .map_err(Error::io("write", &self.path))?;
        self.pages_offset += self.pages.len() as u64;
        self.pages.clear();
        Ok(())
    }

    fn end_overflow_page(&mut self) -> Result<(), Error> {
        if self.overflow.is_empty() {
            return Ok(());
        }
        let bytes = overflow::encode(self.overflow_number, &self.overflow);
        let offset = (1 + u64::from(self.overflow_number)) * PAGE_BYTES as u64;
        self.file
            .write_all_at(&bytes, offset)
            .map_err(Error::io("write", &self.path))?;
        self.overflow.clear();
        self.overflow_number = self.overflow_number.checked_add(1).ok_or_else(|| Error::TooManyAlike {
            path: self.path.clone(),
            prefix: "0".to_owned(),
        })?;
        Ok(())
    }

    /// Writes what is left, the header last, and makes the file durable. Returns how many keys there are.
    ///
    /// # Errors
    /// When it can't be written.
    pub(in crate::passwords) fn finish(mut self) -> Result<u64, Error> {
        while self.page < self.plan.pages {
            self.end_page()?;
        }
        self.write_pages()?;
        self.end_overflow_page()?;
        let overflow_pages = u64::from(self.overflow_number) - self.plan.pages;
        let header = header(self.kind, &self.plan, overflow_pages, self.keys);
        self.file
            .write_all_at(&header, 0)
            .and_then(|()| self.file.sync_all())
            .map_err(Error::io("write", &self.path))?;
        Ok(self.keys)
    }
}
