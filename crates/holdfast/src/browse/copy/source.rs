//! The content of a file as it is copied: where it has any.

use std::io::{self, Read};

use files::{Error, FileSystem, Flow, NodeId};

use crate::browse::content::{CHUNK_BYTES, stored};
use crate::browse::failures::reason;

/// Runs of one file that are told apart; of a file with more, holes are copied as zeros.
const RUNS_MAX: usize = 1 << 20;

/// Where a file has content: start and length of runs, ascending.
pub(super) fn runs(fs: &dyn FileSystem, node: NodeId, size_bytes: u64) -> Result<Vec<(u64, u64)>, Error> {
    let mut runs = Vec::new();
    stored(fs, node, size_bytes, &mut |start, length| {
        runs.push((start, length));
        if runs.len() > RUNS_MAX {
            return Flow::Break(());
        }
        Flow::Continue(())
    })?;
    if runs.len() > RUNS_MAX {
        runs = vec![(0, size_bytes)];
    }
    Ok(runs)
}

/// Reads the runs of a file one after the other. Where they can't be read it goes on with zeros, so that an archive stays whole, and
/// remembers why.
pub(super) struct Runs<'a> {
    fs: &'a dyn FileSystem,
    node: NodeId,
    runs: std::slice::Iter<'a, (u64, u64)>,
    at: u64,
    left: u64,
    chunk: Vec<u8>,
    taken: usize,
    pub(super) trouble: Option<String>,
}

impl<'a> Runs<'a> {
    pub(super) fn new(fs: &'a dyn FileSystem, node: NodeId, runs: &'a [(u64, u64)]) -> Self {
        Self {
            fs,
            node,
            runs: runs.iter(),
            at: 0,
            left: 0,
            chunk: Vec::new(),
            taken: 0,
            trouble: None,
        }
    }

    /// Fetches the next chunk; false at the end.
    fn fetch(&mut self) -> bool {
        while self.left == 0 {
            let Some((start, length)) = self.runs.next() else {
                return false;
            };
            (self.at, self.left) = (*start, *length);
        }
        let wanted = self.left.min(CHUNK_BYTES as u64) as usize;
        self.chunk.resize(wanted, 0);
        self.taken = 0;
        let filled = if self.trouble.is_some() {
            0
        } else {
            match self.fs.read(self.node, self.at, &mut self.chunk) {
                Ok(filled) => filled,
                Err(error) => {
                    self.trouble = Some(format!("from byte {} on it is zeros: {}", self.at, reason(error)));
                    0
                }
            }
        };
        if filled < wanted {
            self.chunk.get_mut(filled..).unwrap_or_default().fill(0);
            let at = self.at + filled as u64;
            self.trouble
                .get_or_insert_with(|| format!("from byte {at} on it is zeros: it ends before its size"));
        }
        self.at += wanted as u64;
        self.left -= wanted as u64;
        true
    }
}

impl Read for Runs<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken >= self.chunk.len() && !self.fetch() {
            return Ok(0);
        }
        let chunk = self.chunk.get(self.taken..).unwrap_or_default();
        let length = chunk.len().min(buffer.len());
        let (from, to) = (chunk.get(..length), buffer.get_mut(..length));
        if let (Some(from), Some(to)) = (from, to) {
            to.copy_from_slice(from);
        }
        self.taken += length;
        Ok(length)
    }
}
