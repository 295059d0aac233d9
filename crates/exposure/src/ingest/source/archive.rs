//! What a file is, by its first bytes, and what is in it if it is an archive.

use std::fs::File;
use std::io::{BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::counted::{Counted, Progress, Unpacked};
use super::encoding::{Encoding, Utf16};
use super::tar::{Tar, is_tar};
use super::text::Text;
use super::{Found, read_up_to, zip};
use crate::Error;
use crate::ingest::problems::{Problem, Problems};

/// How many archives are opened one in the other.
const DEPTH_MAX: u32 = 4;
/// What is looked at to tell what a file is: a block of a tar archive, and enough text to tell it from other bytes.
const HEAD_BYTES: usize = 4096;
/// The largest window of zstd that is unpacked, as a power of two in bytes: 128 MiB, as the tool has it.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
/// Of the first bytes, one in so many may be a control character, or it isn't text.
const CONTROLS_ONE_IN: usize = 20;

/// Takes texts.
pub(crate) trait TextSink {
    /// Takes a text, whose lines come from a file or a member of an archive. Errors are those of what it writes, not of what it reads.
    fn text(&mut self, name: &str, text: &mut Text<'_>, problems: &mut Problems) -> Result<(), Error>;
}

/// Reads files and what is in them.
pub(crate) struct Sources<'a, 'p> {
    pub(crate) progress: &'a Progress<'p>,
    pub(crate) problems: &'a mut Problems,
    pub(crate) sink: &'a mut dyn TextSink,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Text,
    Gzip,
    Zstd,
    Zip,
    Tar,
    /// Something that is not read, and what to do.
    Refused(&'static str),
}

/// First bytes of what is not read.
const REFUSED: [(&[u8], &str); 9] = [
    (b"7z\xBC\xAF\x27\x1C", "7z archives are not read; unpack it first"),
    (b"Rar!\x1A\x07", "rar archives are not read; unpack it first"),
    (b"BZh", "bzip2 is not read; unpack it first"),
    (b"\xFD7zXZ\0", "xz is not read; unpack it first"),
    (b"%PDF-", "PDF is not read; export its text"),
    (
        b"SQLite format 3\0",
        "databases are not read; export its tables as CSV or SQL",
    ),
    (
        b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
        "old Office files are not read; save it as CSV",
    ),
    (b"PAR1", "Parquet is not read; export it as CSV"),
    (
        b"PGDMP",
        "PostgreSQL's own archives are not read; make SQL of it with `pg_restore -f`",
    ),
];

impl Shape {
    fn of(head: &[u8]) -> Self {
        if let Some((_, what)) = REFUSED.iter().find(|(magic, _)| head.starts_with(magic)) {
            return Self::Refused(what);
        }
        match head {
            [0x1F, 0x8B, 8, ..] => Self::Gzip,
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Self::Zstd,
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            _ if is_tar(head) => Self::Tar,
            _ if is_text(head) => Self::Text,
            _ => Self::Refused("this is neither text nor an archive that is read"),
        }
    }
}

fn is_text(head: &[u8]) -> bool {
    if matches!(Encoding::of(head), Encoding::Utf16 { .. }) {
        return true;
    }
    let is_control = |byte: &&u8| byte.is_ascii_control() && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x0C | 0x1B);
    head.iter().filter(is_control).count() * CONTROLS_ONE_IN <= head.len()
}

impl Sources<'_, '_> {
    /// Reads a file.
    pub(crate) fn file(&mut self, found: &Found) -> Result<(), Error> {
        match File::open(&found.path) {
            Ok(mut file) => self.reader(&found.name, &mut file),
            Err(error) => {
                self.problem(&found.name, error.to_string());
                Ok(())
            }
        }
    }

    /// Reads whatever a reader has.
    pub(crate) fn reader(&mut self, name: &str, inner: &mut dyn Read) -> Result<(), Error> {
        let progress = self.progress;
        self.any(name, &mut Counted { inner, progress }, 0)
    }

    fn problem(&mut self, name: &str, reason: String) {
        if !self.progress.is_stopped() {
            self.problems.add(Problem {
                file: name.to_owned(),
                line: None,
                byte: None,
                reason,
            });
        }
    }

    /// Reads whatever it is.
    pub(crate) fn any(&mut self, name: &str, reader: &mut dyn Read, depth: u32) -> Result<(), Error> {
        let mut head = [0; HEAD_BYTES];
        let length = match read_up_to(reader, &mut head) {
            Ok(length) => length,
            Err(error) => {
                self.problem(name, error.to_string());
                return Ok(());
            }
        };
        let head = head.get(..length).unwrap_or_default();
        let mut whole = head.chain(reader);
        let shape = Shape::of(head);
        if depth == DEPTH_MAX && matches!(shape, Shape::Gzip | Shape::Zstd | Shape::Zip | Shape::Tar) {
            self.problem(name, format!("it is an archive in {DEPTH_MAX} others; unpack it first"));
            return Ok(());
        }
        match shape {
            Shape::Text => self.text(name, Encoding::of(head), &mut whole),
            Shape::Gzip => {
                let decoder = MultiGzDecoder::new(BufReader::new(whole));
                self.any(name, &mut Unpacked::new(decoder, self.progress), depth + 1)
            }
            Shape::Zstd => match zstd_decoder(whole) {
                Ok(decoder) => self.any(name, &mut Unpacked::new(decoder, self.progress), depth + 1),
                Err(error) => {
                    self.problem(name, error.to_string());
                    Ok(())
                }
            },
            Shape::Zip => self.zip(name, &mut whole, depth),
            Shape::Tar => self.tar(name, &mut whole, depth),
            Shape::Refused(what) => {
                self.problem(name, what.to_owned());
                Ok(())
            }
        }
    }

    fn text(&mut self, name: &str, encoding: Encoding, reader: &mut dyn Read) -> Result<(), Error> {
        let mut mark = [0; 3];
        let (Encoding::Bytes { mark: length } | Encoding::Utf16 { mark: length, .. }) = encoding;
        // It is in memory: it was looked at.
        let _ = reader.read_exact(mark.get_mut(..length).unwrap_or_default());
        match encoding {
            Encoding::Bytes { .. } => self.sink.text(name, &mut Text::new(reader), self.problems),
            Encoding::Utf16 { big_endian, .. } => {
                self.sink
                    .text(name, &mut Text::new(&mut Utf16::new(reader, big_endian)), self.problems)
            }
        }
    }

    fn tar(&mut self, name: &str, reader: &mut dyn Read, depth: u32) -> Result<(), Error> {
        let mut result = Ok(());
        let visited = Tar::new(reader).visit(&mut |member, content| {
            result = self.any(&format!("{name} > {member}"), content, depth + 1);
            result.is_ok() && !self.progress.is_stopped()
        });
        if let Err(error) = visited {
            self.problem(name, error.to_string());
        }
        result
    }

    fn zip(&mut self, name: &str, reader: &mut dyn Read, depth: u32) -> Result<(), Error> {
        let mut result = Ok(());
        let visited = zip::visit(reader, &mut |member, content| {
            let member = format!("{name} > {member}");
            match content {
                Ok(content) => result = self.any(&member, &mut Unpacked::new(content, self.progress), depth + 1),
                Err(why) => self.problem(&member, why.to_owned()),
            }
            result.is_ok() && !self.progress.is_stopped()
        });
        if let Err(error) = visited {
            self.problem(name, error.to_string());
        }
        result
    }
}

fn zstd_decoder<'a, R: Read + 'a>(reader: R) -> std::io::Result<impl Read + 'a> {
    let mut decoder = zstd::stream::read::Decoder::new(reader)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(decoder)
}
