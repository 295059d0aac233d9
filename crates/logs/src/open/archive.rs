//! What a file is, by its first bytes, and what is in it if it is an archive.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::bufread::MultiGzDecoder;
use threat::input::Source;

use super::budget::{Budget, Packed, Unpacked};
use super::{Found, Limits, Problem, tar, zip};

/// What is looked at to tell what a file is: a block of a tar archive.
const HEAD_BYTES: usize = 512;
/// The largest window of zstd that is unpacked, as a power of two in bytes: 128 MiB, as the tool has it.
pub(crate) const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// Takes logs, and what isn't read of the files in which they are.
pub trait Sink {
    /// Takes a log: a file, or a member of an archive, named `archive > member`. False ends reading.
    fn log(&mut self, name: Source, content: &mut dyn Read) -> bool;

    /// Takes what can't be read.
    fn problem(&mut self, problem: Problem);
}

/// Gives a file's logs to `sink`: itself, or its members if it is an archive. `progress` is told how many more bytes of the file were read;
/// false from it ends reading.
pub fn read(found: &Found, limits: &Limits, progress: &dyn Fn(u64) -> bool, sink: &mut dyn Sink) {
    let name = found.path.display().to_string();
    let file = match File::open(&found.path) {
        Ok(file) => file,
        Err(error) => return sink.problem(Problem::new(name, &error)),
    };
    let budget = Budget::new(limits, progress);
    let mut reading = Reading { budget: &budget, sink };
    reading.file(&name, file);
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Gzip,
    Zstd,
    Zip,
    Tar,
    /// Something that can't hold logs in a form that is read, and what to do.
    Refused(&'static str),
    /// Anything else: a log.
    Log,
}

/// First bytes of what is not read.
const REFUSED: [(&[u8], &str); 5] = [
    (b"7z\xBC\xAF\x27\x1C", "7z archives are not read; unpack it first"),
    (b"Rar!\x1A\x07", "rar archives are not read; unpack it first"),
    (b"BZh", "bzip2 is not read; unpack it first"),
    (b"\xFD7zXZ\0", "xz is not read; unpack it first"),
    (
        b"LPKSHHRH",
        "the journal's own files are not read; `journalctl -o json --file FILE` makes JSON of it",
    ),
];

impl Shape {
    pub(crate) fn of(head: &[u8]) -> Self {
        if let Some((_, what)) = REFUSED.iter().find(|(magic, _)| head.starts_with(magic)) {
            return Self::Refused(what);
        }
        match head {
            [0x1F, 0x8B, 8, ..] => Self::Gzip,
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Self::Zstd,
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            _ if tar::is_tar(head) => Self::Tar,
            _ => Self::Log,
        }
    }
}

struct Reading<'a> {
    budget: &'a Budget<'a>,
    sink: &'a mut dyn Sink,
}

impl Reading<'_> {
    fn problem(&mut self, name: &str, error: &io::Error) {
        self.sink.problem(Problem::new(name.to_owned(), error));
    }

    fn file(&mut self, name: &str, file: File) {
        let budget = self.budget;
        let mut packed = Packed { inner: file, budget };
        let mut head = [0; 4];
        let is_zip = read_up_to(&mut packed, &mut head)
            .and_then(|length| packed.seek(SeekFrom::Start(0)).map(|_| length))
            .map(|length| Shape::of(head.get(..length).unwrap_or_default()) == Shape::Zip);
        match is_zip {
            Ok(true) => {
                if let Err(error) = self.zip(name, &mut packed) {
                    self.problem(name, &error);
                }
            }
            Ok(false) => {
                self.any(name, &mut packed, 0);
            }
            Err(error) => self.problem(name, &error),
        }
    }

    /// Reads whatever it is. False: the sink wants no more.
    fn any(&mut self, name: &str, reader: &mut dyn Read, deep: u32) -> bool {
        let mut head = [0; HEAD_BYTES];
        let length = match read_up_to(reader, &mut head) {
            Ok(length) => length,
            Err(error) => {
                self.problem(name, &error);
                return true;
            }
        };
        let head = head.get(..length).unwrap_or_default();
        let shape = Shape::of(head);
        let mut whole = head.chain(reader);
        let is_archive = matches!(shape, Shape::Gzip | Shape::Zstd | Shape::Zip | Shape::Tar);
        let refused = match shape {
            Shape::Refused(what) => Some(what),
            Shape::Zip => Some("it is a zip archive in another archive; unpack it first"),
            _ if is_archive && deep >= self.budget.limits().archives_deep_max => {
                Some("it is an archive in too many others; unpack it first")
            }
            _ => None,
        };
        if let Some(what) = refused {
            self.problem(name, &io::Error::other(what));
            return true;
        }
        let budget = self.budget;
        match shape {
            Shape::Gzip => {
                let inner = MultiGzDecoder::new(BufReader::with_capacity(1 << 16, whole));
                self.any(name, &mut Unpacked { inner, budget }, deep + 1)
            }
            Shape::Zstd => match zstd_decoder(whole) {
                Ok(inner) => self.any(name, &mut Unpacked { inner, budget }, deep + 1),
                Err(error) => {
                    self.problem(name, &error);
                    true
                }
            },
            Shape::Tar => self.tar(name, &mut whole, deep),
            _ => self.log(name, &mut whole),
        }
    }

    fn log(&mut self, name: &str, reader: &mut dyn Read) -> bool {
        let mut noted = Noted {
            inner: reader,
            error: None,
        };
        let goes_on = self.sink.log(name.into(), &mut noted);
        if let Some(error) = noted.error {
            self.problem(name, &error);
        }
        goes_on
    }

    fn tar(&mut self, name: &str, reader: &mut dyn Read, deep: u32) -> bool {
        let members_max = self.budget.limits().members_max;
        let mut goes_on = true;
        let visited = tar::visit(reader, members_max, &mut |member, content| {
            goes_on = self.any(&format!("{name} > {member}"), content, deep + 1);
            goes_on
        });
        if let Err(error) = visited {
            self.problem(name, &error);
        }
        goes_on
    }

    fn zip(&mut self, name: &str, file: &mut Packed<'_, File>) -> io::Result<()> {
        let budget = self.budget;
        for member in zip::members(file, budget.limits().members_max)? {
            let name = format!("{name} > {}", member.name);
            match member.open(file) {
                Ok(inner) => {
                    if !self.any(&name, &mut Unpacked { inner, budget }, 1) {
                        break;
                    }
                }
                Err(error) => self.problem(&name, &error),
            }
        }
        Ok(())
    }
}

/// Keeps the first error of a reader, whoever reads it: what is behind it is missing, which is to be told.
struct Noted<'a> {
    inner: &'a mut dyn Read,
    error: Option<io::Error>,
}

impl Read for Noted<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.inner.read(into).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted && self.error.is_none() {
                self.error = Some(io::Error::new(error.kind(), error.to_string()));
            }
        })
    }
}

pub(crate) fn zstd_decoder<'a, R: Read + 'a>(reader: R) -> io::Result<impl Read + 'a> {
    let mut decoder = zstd::stream::read::Decoder::new(reader)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(decoder)
}

/// Fills `into` as far as there is something.
pub(crate) fn read_up_to(reader: &mut dyn Read, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = into.get_mut(filled..).filter(|room| !room.is_empty()) {
        match reader.read(room) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
