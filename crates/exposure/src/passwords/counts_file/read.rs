//! Looks counts up.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::PAGE_BYTES;
use super::overflow::{self, InOverflow};
use super::page::{InPage, Page, word};
use super::plan::Plan;
use crate::Error;
use crate::hash::HashKind;
use crate::passwords::range_file::{is_sealed, kind_code, kind_of, seal};

const MAGIC: [u8; 8] = *b"holdcnt1";

/// The header, a page: CRC, kind, magic, pages, overflow pages, keys, width of keys.
pub(super) fn header(kind: HashKind, plan: &Plan, overflow_pages: u64, keys: u64) -> [u8; PAGE_BYTES] {
    let mut bytes = vec![0, 0, 0, 0, kind_code(kind), plan.low_bits as u8, 0, 0];
    bytes.extend_from_slice(&MAGIC);
    for number in [plan.pages, overflow_pages, keys] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    let mut page = [0; PAGE_BYTES];
    for (to, from) in page.iter_mut().zip(bytes) {
        *to = from;
    }
    seal(&mut page);
    page
}

/// An open counts file.
#[derive(Debug)]
pub(in crate::passwords) struct CountsFile {
    file: File,
    path: PathBuf,
    kind: HashKind,
    plan: Plan,
    overflow_pages: u64,
}

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::passwords) enum Found {
    /// It isn't there.
    Nothing,
    /// One hash, seen so often.
    Count(u32),
    /// Several hashes begin with this key: the range files tell them apart.
    Several,
}

impl Found {
    const fn of(count: u32) -> Self {
        match count {
            0 => Self::Several,
            count => Self::Count(count),
        }
    }
}

impl CountsFile {
    /// Opens a file and checks its header.
    ///
    /// # Errors
    /// When it can't be read, or is damaged or unfinished.
    pub(in crate::passwords) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let size_bytes = file.metadata().map_err(Error::io("read", path))?.len();
        let damaged = |what| Error::Damaged {
            path: path.to_owned(),
            offset: 0,
            what,
        };
        if size_bytes < PAGE_BYTES as u64 {
            return Err(damaged("the file is too short"));
        }
        let mut bytes = [0; PAGE_BYTES];
        file.read_exact_at(&mut bytes, 0).map_err(Error::io("read", path))?;
        let number = |at| u64::from(word(&bytes, at)) | u64::from(word(&bytes, at + 4)) << 32;
        if !is_sealed(&bytes) || number(8) != u64::from_le_bytes(MAGIC) {
            return Err(damaged(
                "the header is missing or wrong: the file is unfinished or damaged",
            ));
        }
        let [kind, low_bits, ..] = word(&bytes, 4).to_le_bytes();
        let (pages, overflow_pages) = (number(16), number(24));
        let length = pages
            .checked_add(overflow_pages)
            .and_then(|pages| pages.checked_add(1)?.checked_mul(PAGE_BYTES as u64));
        if length != Some(size_bytes) || pages == 0 || pages > u64::from(u32::MAX) || low_bits > 56 {
            return Err(damaged("the file was cut or has grown"));
        }
        let low_bits = u32::from(low_bits);
        let plan = Plan { pages, low_bits };
        if plan.buckets() > 8 * PAGE_BYTES {
            return Err(damaged(
                "the header names a width of keys for which pages are too small",
            ));
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            kind: kind_of(kind).ok_or_else(|| damaged("the header names an unknown kind of hash"))?,
            plan,
            overflow_pages,
        })
    }

    /// Which hash it holds.
    pub(in crate::passwords) const fn kind(&self) -> HashKind {
        self.kind
    }

    /// Its size.
    pub(in crate::passwords) const fn size_bytes(&self) -> u64 {
        (1 + self.plan.pages + self.overflow_pages) * PAGE_BYTES as u64
    }

    /// Looks up a key, the first 64 bits of a hash. Reads one page, and some more in the rare case that the page overflowed there.
    ///
    /// # Errors
    /// When the page can't be read or is damaged.
    pub(in crate::passwords) fn find(&self, key: u64) -> Result<Found, Error> {
        let mut bytes = [0; PAGE_BYTES];
        let number = self.plan.page(key);
        self.read(number, &mut bytes)?;
        let page = Page::parse(&self.plan, number, &bytes).map_err(|what| self.damaged(number, what))?;
        match page.find(&self.plan, key) {
            InPage::Count(count) => Ok(Found::of(count)),
            InPage::Missing => Ok(Found::Nothing),
            InPage::Overflow { first, pages } => self.find_in_overflow(first, pages, key),
        }
    }

    /// Binary search: for evenly spread keys there are one or two pages.
    #[cold]
    fn find_in_overflow(&self, first: u32, pages: u32, key: u64) -> Result<Found, Error> {
        let mut bytes = [0; PAGE_BYTES];
        let (mut least, mut end) = (u64::from(first), u64::from(first) + u64::from(pages));
        while least < end {
            let middle = least.midpoint(end - 1);
            if middle < self.plan.pages || middle >= self.plan.pages + self.overflow_pages {
                return Err(self.damaged(middle, "a page names overflow pages that don't exist"));
            }
            self.read(middle, &mut bytes)?;
            match overflow::find(middle as u32, &bytes, key).map_err(|what| self.damaged(middle, what))? {
                InOverflow::Count(count) => return Ok(Found::of(count)),
                InOverflow::Missing => return Ok(Found::Nothing),
                InOverflow::Before => end = middle,
                InOverflow::Behind => least = middle + 1,
            }
        }
        Ok(Found::Nothing)
    }

    fn read(&self, number: u64, bytes: &mut [u8; PAGE_BYTES]) -> Result<(), Error> {
        self.file
            .read_exact_at(bytes, (1 + number) * PAGE_BYTES as u64)
            .map_err(Error::io("read", &self.path))
    }

    fn damaged(&self, page: u64, what: &'static str) -> Error {
        Error::Damaged {
            path: self.path.clone(),
            offset: (1 + page) * PAGE_BYTES as u64,
            what,
        }
    }
}
