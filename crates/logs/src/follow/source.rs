//! The bytes of one log, plain or packed, from any place on.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::checkpoint::FileKey;
use super::evtx::FILE_MAGIC;
use super::tracked::Kind;
use crate::open::{Shape, read_up_to, zstd_decoder};

/// Bytes that are unpacked at a time.
const UNPACKED_AT_A_TIME: u64 = 64 << 10;

/// What has more NULs than one byte in so many is no text.
const NULS_ONE_IN: usize = 16;

/// An open log.
pub(super) enum Source {
    /// A file that may grow.
    Plain(File),
    /// A packed log, which doesn't grow, and is read from its beginning whatever place is asked for.
    Packed(Packed),
    /// An event log of Windows, which is read by records.
    Events(File),
}

/// A packed log.
pub(super) struct Packed {
    decoder: Box<dyn Read + Send>,
    /// Unpacked bytes from `start` on that were read and are still needed.
    held: Vec<u8>,
    start: u64,
    ended: bool,
}

impl Source {
    /// Opens a file that was seen under a name.
    ///
    /// # Errors
    ///
    /// `NotFound` also if the name is another file's by now; `InvalidData` if it is nothing that can be followed.
    pub(super) fn open(path: &Path, expected: FileKey) -> io::Result<Self> {
        let file = File::open(path)?;
        if FileKey::of(&file.metadata()?) != expected {
            return Err(io::Error::new(io::ErrorKind::NotFound, "it is another file by now"));
        }
        let mut head = [0; 512];
        let length = read_at_most(&file, &mut head, 0)?;
        let head = head.get(..length).unwrap_or_default();
        let packed = |decoder: Box<dyn Read + Send>| {
            Self::Packed(Packed {
                decoder,
                held: Vec::new(),
                start: 0,
                ended: false,
            })
        };
        let refused = |why| Err(io::Error::new(io::ErrorKind::InvalidData, why));
        match Shape::of(head) {
            Shape::Gzip => Ok(packed(Box::new(MultiGzDecoder::new(BufReader::new(file))))),
            Shape::Zstd => Ok(packed(Box::new(zstd_decoder(file)?))),
            Shape::Zip | Shape::Tar => refused("archives of several files are not followed"),
            Shape::Refused(what) => refused(what),
            Shape::Log if head.starts_with(FILE_MAGIC) => Ok(Self::Events(file)),
            Shape::Log if is_binary(head) => refused("it is no text"),
            Shape::Log => Ok(Self::Plain(file)),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Events(_) => Kind::Events,
            Self::Plain(_) | Self::Packed(_) => Kind::Lines,
        }
    }

    pub(super) fn is_packed(&self) -> bool {
        matches!(self, Self::Packed(_))
    }

    /// Whether all of a packed log was read. A plain one never ends.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Self::Packed(packed) if packed.ended)
    }

    /// At most `length` bytes from `from` on; fewer only at the end. `from` never goes back in a packed log.
    pub(super) fn window(&mut self, from: u64, length: usize) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain(file) | Self::Events(file) => {
                let mut bytes = vec![0; length];
                let filled = read_at_most(file, &mut bytes, from)?;
                bytes.truncate(filled);
                Ok(bytes)
            }
            Self::Packed(packed) => packed.window(from, length),
        }
    }
}

impl Packed {
    fn window(&mut self, from: u64, length: usize) -> io::Result<Vec<u8>> {
        if from < self.start {
            return Err(io::Error::other("a packed log can't be read backwards"));
        }
        self.pass(from)?;
        while self.held.len() < length && !self.ended {
            self.fetch()?;
        }
        Ok(self
            .held
            .get(..length.min(self.held.len()))
            .unwrap_or_default()
            .to_vec())
    }

    /// Forgets what stands before `from`.
    fn pass(&mut self, from: u64) -> io::Result<()> {
        loop {
            let ahead = from - self.start;
            let held = u64::try_from(self.held.len()).unwrap_or(u64::MAX);
            let passed = ahead.min(held);
            self.held.drain(..usize::try_from(passed).unwrap_or(usize::MAX));
            self.start += passed;
            if self.start == from || self.ended {
                return Ok(());
            }
            self.fetch()?;
        }
    }

    fn fetch(&mut self) -> io::Result<()> {
        let mut more = self.decoder.as_mut().take(UNPACKED_AT_A_TIME);
        if more.read_to_end(&mut self.held)? == 0 {
            self.ended = true;
        }
        Ok(())
    }
}

/// Whether a beginning is that of no text. A few NULs are what somebody has sent to a service that writes down what it is sent.
fn is_binary(head: &[u8]) -> bool {
    head.iter().filter(|byte| **byte == 0).count() > head.len() / NULS_ONE_IN
}

fn read_at_most(file: &File, into: &mut [u8], from: u64) -> io::Result<usize> {
    struct At<'a>(&'a File, u64);
    impl Read for At<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let length = self.0.read_at(into, self.1)?;
            self.1 += u64::try_from(length).unwrap_or(0);
            Ok(length)
        }
    }
    read_up_to(&mut At(file, from), into)
}
