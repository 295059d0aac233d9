//! Two files: the lines in which texts differ, and where other files do.

use std::time::Duration;

use files::{Error, Flow, NodeId};
use serde::Serialize;
use similar::TextDiff;

use super::Side;
use crate::browse::content::{CHUNK_BYTES, chunks};
use crate::browse::failures::failure;
use crate::browse::text::printable_line;
use crate::failure::Failure;

/// The longest text of which lines are compared.
const TEXT_BYTES_MAX: u64 = 4 << 20;
/// How long the shortest difference is looked for; then a longer one will do.
const PATIENCE: Duration = Duration::from_secs(5);

/// How two files differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileDifference {
    /// Whether their contents are the same.
    pub same: bool,
    /// The size of the older one.
    pub old_bytes: u64,
    /// The size of the newer one.
    pub new_bytes: u64,
    /// The first byte that differs, counted from 0.
    pub first: Option<u64>,
    /// Bytes that differ; those that one has more than the other count.
    pub differing_bytes: u64,
    /// Runs of such bytes.
    pub runs: u64,
}

/// Compares the contents of two files.
pub fn compare_files(old: &Side<'_>, new: &Side<'_>) -> Result<FileDifference, Failure> {
    let size = |side: &Side<'_>| {
        let metadata = side.fs().metadata(side.node);
        metadata
            .map_err(|error| failure(&side.inside.path, error))
            .map(|metadata| metadata.size_bytes)
    };
    let (old_bytes, new_bytes) = (size(old)?, size(new)?);
    let mut difference = FileDifference {
        same: true,
        old_bytes,
        new_bytes,
        first: None,
        differing_bytes: 0,
        runs: 0,
    };
    let shared = old_bytes.min(new_bytes);
    let mut buffers = (vec![0; CHUNK_BYTES], vec![0; CHUNK_BYTES]);
    let mut offset = 0;
    let mut in_run = false;
    while offset < shared {
        let wanted = (shared - offset).min(CHUNK_BYTES as u64) as usize;
        let a = fill(old, offset, buffers.0.get_mut(..wanted).unwrap_or_default())?;
        let b = fill(new, offset, buffers.1.get_mut(..wanted).unwrap_or_default())?;
        if a == b {
            in_run = false;
        } else {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                if a != b {
                    difference.first.get_or_insert(offset + index as u64);
                    difference.differing_bytes += 1;
                    difference.runs += u64::from(!in_run);
                }
                in_run = a != b;
            }
        }
        offset += wanted as u64;
    }
    let longer = old_bytes.max(new_bytes) - shared;
    if longer > 0 {
        difference.first.get_or_insert(shared);
        difference.differing_bytes += longer;
        difference.runs += u64::from(!in_run);
    }
    difference.same = difference.first.is_none();
    Ok(difference)
}

/// Whether the contents of two files of one size differ. Stops at the first difference.
pub fn content_difference(old: &Side<'_>, new: &Side<'_>, size: u64) -> Result<bool, Error> {
    let mut differs = false;
    let mut buffer = Vec::new();
    let mut other = Vec::new();
    chunks(old.fs(), old.node, 0, size, &mut buffer, &mut |offset, bytes| {
        other.resize(bytes.len(), 0);
        differs = read_full(new, offset, &mut other).is_err() || other != bytes;
        if differs { Flow::Break(()) } else { Flow::Continue(()) }
    })?;
    Ok(differs)
}

/// The lines in which two texts differ, as `diff -u` writes them; `None` if one is no text, or too long.
pub fn unified(old: &Side<'_>, new: &Side<'_>, names: (&str, &str)) -> Result<Option<String>, Failure> {
    let (Some(a), Some(b)) = (text(old)?, text(new)?) else {
        return Ok(None);
    };
    let diff = TextDiff::configure()
        .timeout(PATIENCE)
        .diff_lines(a.as_str(), b.as_str());
    let unified = diff
        .unified_diff()
        .context_radius(3)
        .header(names.0, names.1)
        .to_string();
    Ok(Some(unified.lines().map(printable_line).collect()))
}

/// A file's content, if it is a text.
fn text(side: &Side<'_>) -> Result<Option<String>, Failure> {
    let failed = |error| failure(&side.inside.path, error);
    let size = side.fs().metadata(side.node).map_err(failed)?.size_bytes;
    if size > TEXT_BYTES_MAX {
        return Ok(None);
    }
    let mut content = vec![0; size as usize];
    read_full(side, 0, &mut content).map_err(failed)?;
    Ok(String::from_utf8(content).ok().filter(|text| !text.contains('\0')))
}

fn fill<'a>(side: &Side<'_>, offset: u64, buffer: &'a mut [u8]) -> Result<&'a [u8], Failure> {
    read_full(side, offset, buffer).map_err(|error| failure(&side.inside.path, error))?;
    Ok(buffer)
}

/// Fills the buffer; less than that is an error.
fn read_full(side: &Side<'_>, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match side.fs().read(side.node, offset + filled as u64, rest)? {
            0 => return Err(ends_early(side.node)),
            read => filled += read,
        }
    }
    Ok(())
}

const fn ends_early(node: NodeId) -> Error {
    Error::Unreadable(node, "it ends before its size")
}
