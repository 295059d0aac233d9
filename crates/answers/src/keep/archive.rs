//! The archive of what is set aside: a tar with the files under their paths, and a list of them with the reasons at its end.

use std::io::{self, Read, Write};
use std::sync::Arc;

use files::{Disk, FileSystem, NodeId};
use serde::Serialize;
use tar::{Builder, EntryType, Header};
use volume::{Moment, Sequence};

use super::plan::{Plan, SetAside, Source};
use crate::disk::Place;
use crate::error::Error;
use crate::investigate::Opened;
use crate::member::{self, Records, put_name};
use crate::past::Past;
use crate::progress::{Progress, Stage};
use crate::report::quoted;
use crate::window::Part;

/// The list's name in the archive.
const LIST_NAME: &str = "SET-ASIDE.csv";
/// Bytes read at a time.
const PIECE_BYTES: usize = 256 << 10;

/// What was put into an archive.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ArchiveReport {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files of which something couldn't be read, with the reason: zeros stand in its place.
    pub incomplete: Vec<String>,
}

/// Writes the files that a plan sets aside.
pub fn write_archive(
    plan: &Plan,
    opened: &Opened,
    parts: &[Part<'_>],
    out: &mut dyn Write,
    progress: &mut dyn Progress,
) -> Result<ArchiveReport, Error> {
    let mut report = ArchiveReport::default();
    let mut tar = Builder::new(out);
    let mut moments = Moments { parts, open: None };
    let mut list = String::from("area,path,size_bytes,why\r\n");
    let total = plan.set_aside.len() as u64;
    for (number, aside) in plan.set_aside.iter().enumerate() {
        progress.at(Stage::SetAside, number as u64, total)?;
        match append(&mut tar, aside, opened, &mut moments, &mut report) {
            Ok(()) => {
                let (path, size_bytes) = (aside.shown_path(), aside.size_bytes.to_string());
                let cells = [&aside.area, &*path, &size_bytes, aside.why].map(quoted);
                list += &format!("{}\r\n", cells.join(","));
            }
            Err(AppendError::Unreadable(reason)) => {
                report.incomplete.push(format!("`{}`: {reason}", aside.shown_path()))
            }
            Err(AppendError::Write(error)) => return Err(error.into()),
        }
    }
    let mut header = Header::new_ustar();
    header.set_size(list.len() as u64);
    header.set_mode(0o644);
    append_named(&mut tar, &mut header, LIST_NAME.as_bytes(), list.as_bytes())?;
    tar.finish()?;
    Ok(report)
}

enum AppendError {
    Unreadable(String),
    Write(io::Error),
}

fn append(
    tar: &mut Builder<&mut dyn Write>,
    aside: &SetAside,
    opened: &Opened,
    moments: &mut Moments<'_>,
    report: &mut ArchiveReport,
) -> Result<(), AppendError> {
    let unreadable = |error: &dyn std::fmt::Display| AppendError::Unreadable(error.to_string());
    let (Source::After(number, node) | Source::Earlier(number, node, _)) = aside.source;
    let side = opened
        .after_side(number)
        .ok_or_else(|| unreadable(&"its file system can't be read"))?;
    let metadata = side.file_system.metadata(node).map_err(|error| unreadable(&error))?;
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_size(metadata.size_bytes);
    header.set_mode(u32::from(metadata.mode.unwrap_or(0o644)));
    header.set_uid(u64::from(metadata.owner.unwrap_or(0)));
    header.set_gid(u64::from(metadata.group.unwrap_or(0)));
    let seconds = metadata.modified.map_or(0, |time| time.0 / 1_000_000_000);
    header.set_mtime(u64::try_from(seconds).unwrap_or(0));
    let content = match aside.source {
        Source::After(..) => Content::Node(Arc::clone(&side.file_system), node),
        Source::Earlier(_, _, good) => {
            let disk = moments
                .open(good.part, good.sequence)
                .map_err(|error| unreadable(&error))?;
            Content::Places(disk, side.places(node))
        }
    };
    let mut reader = FileReader {
        content,
        at: 0,
        size_bytes: metadata.size_bytes,
        failed: None,
    };
    let path = safe_path(&aside.area, &aside.path);
    append_named(tar, &mut header, &path, &mut reader).map_err(AppendError::Write)?;
    report.files += 1;
    report.bytes += metadata.size_bytes;
    if let Some(error) = reader.failed {
        report.incomplete.push(format!("`{}`: {error}", aside.shown_path()));
    }
    Ok(())
}

/// Appends a member under its path.
fn append_named(
    tar: &mut Builder<&mut dyn Write>,
    header: &mut Header,
    path: &[u8],
    content: impl Read,
) -> io::Result<()> {
    let mut records = Records::new();
    put_name(&mut header.as_old_mut().name, path, "path", &mut records);
    member::append(tar, header, records, content)
}

/// A path within the archive: relative, and with nothing that leads out of it.
fn safe_path(area: &str, path: &[u8]) -> Vec<u8> {
    let of_path = path.split(|byte| *byte == b'/');
    let names = area.as_bytes().split(|byte| *byte == b'/').chain(of_path);
    let names = names.filter(|name| !name.is_empty()).map(|name| match name {
        b"." | b".." => b"_",
        name => name,
    });
    let mut safe = names.collect::<Vec<_>>().join(&b'/');
    for byte in safe.iter_mut().filter(|byte| **byte == 0) {
        *byte = b'_';
    }
    safe
}

/// Earlier moments. One is kept open at a time: files of one moment follow each other rarely.
struct Moments<'a> {
    parts: &'a [Part<'a>],
    open: Option<(u16, u64, Arc<dyn Disk>)>,
}

impl Moments<'_> {
    fn open(&mut self, part: u16, sequence: u64) -> Result<Arc<dyn Disk>, crate::past::PastError> {
        if let Some((_, _, disk)) = self.open.as_ref().filter(|open| (open.0, open.1) == (part, sequence)) {
            return Ok(Arc::clone(disk));
        }
        self.open = None;
        let past: &dyn Past = self
            .parts
            .get(usize::from(part))
            .ok_or("there is no such part of the window")?
            .past;
        let moment = past.open(&Moment::After(Sequence(sequence)))?;
        self.open = Some((part, sequence, Arc::clone(&moment.disk)));
        Ok(moment.disk)
    }
}

enum Content {
    Node(Arc<dyn FileSystem>, NodeId),
    Places(Arc<dyn Disk>, Vec<Place>),
}

/// A file's bytes. What can't be read is zeros: the archive's members have the length that their headers say.
struct FileReader {
    content: Content,
    at: u64,
    size_bytes: u64,
    failed: Option<String>,
}

impl Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.size_bytes - self.at;
        let length = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len())
            .min(PIECE_BYTES);
        let Some(buffer) = buffer.get_mut(..length).filter(|buffer| !buffer.is_empty()) else {
            return Ok(0);
        };
        buffer.fill(0);
        let read = match &self.content {
            Content::Node(file_system, node) => file_system
                .read(*node, self.at, buffer)
                .map_err(|error| error.to_string()),
            Content::Places(disk, places) => read_places(disk, places, self.at, buffer),
        };
        let read = match read {
            Ok(read) if read > 0 => read,
            Ok(_) => length,
            Err(error) => {
                self.failed.get_or_insert(error);
                length
            }
        };
        self.at += read as u64;
        Ok(read)
    }
}

/// Reads a file by where it lies. Holes stay zeros.
fn read_places(disk: &Arc<dyn Disk>, places: &[Place], at: u64, buffer: &mut [u8]) -> Result<usize, String> {
    let end = at + buffer.len() as u64;
    for place in places {
        let from = place.logical.max(at);
        let to = place.logical.saturating_add(place.length).min(end);
        if from >= to {
            continue;
        }
        let start = usize::try_from(from - at).unwrap_or(usize::MAX);
        let stop = usize::try_from(to - at).unwrap_or(usize::MAX);
        let Some(part) = buffer.get_mut(start..stop) else {
            continue;
        };
        disk.read_at(place.disk + (from - place.logical), part)
            .map_err(|error| error.to_string())?;
    }
    Ok(buffer.len())
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
