//! The files of an input: one, a stream, or a folder with one for each prefix.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::format::{Format, HEAD_BYTES, hashes, recognise};
use super::{ImportOptions, Input};
use crate::Error;
use crate::hash::HashKind;
use crate::passwords::RangePrefix;

/// Endings of files that hold a range.
const ENDINGS: [&str; 6] = ["", ".txt", ".gz", ".txt.gz", ".zst", ".txt.zst"];
/// Entries of a folder that are looked at to recognise it.
const ENTRIES_MAX: usize = 1000;
const BUFFER_BYTES: usize = 256 << 10;

/// An input whose form is known.
pub(super) struct Files {
    pub(super) format: Format,
    /// Which hashes it gives.
    pub(super) kinds: Vec<HashKind>,
    /// What is shown in messages.
    pub(super) path: PathBuf,
    /// Bytes read, compressed ones as they are.
    pub(super) bytes_read: Arc<AtomicU64>,
    place: Place,
}

enum Place {
    File,
    /// The stream; taken when it is read.
    Stream(Option<Box<dyn Read>>),
    Folder(Layout),
}

/// Where a folder has the file of each prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Layout {
    folder: PathBuf,
    /// In folders of the first two and the next two digits.
    is_nested: bool,
    ending: &'static str,
    /// Whether there is a file for each prefix.
    present: Vec<bool>,
}

impl Files {
    /// Looks at an input.
    pub(super) fn find(input: Input, options: &ImportOptions) -> Result<Self, Error> {
        match input {
            Input::Path(path) if path.is_dir() => Self::of_folder(path, options),
            Input::Path(path) => {
                let counter = Arc::new(AtomicU64::new(0));
                let file = File::open(&path).map_err(Error::io("open", &path))?;
                // A pipe, like that of a shell's `<(...)`, gives its bytes once.
                if !file.metadata().map_err(Error::io("read", &path))?.is_file() {
                    return Self::of_stream(path, Box::new(file), options);
                }
                let mut reader = decompressed(Box::new(file), &counter).map_err(|error| unreadable(&path, error))?;
                let head = head(&mut reader).map_err(|error| unreadable(&path, error))?;
                Self::of_head(path, Place::File, &head, options)
            }
            Input::Stream(stream) => Self::of_stream(PathBuf::from("-"), stream, options),
        }
    }

    /// Looks at what can be read once.
    fn of_stream(path: PathBuf, stream: Box<dyn Read>, options: &ImportOptions) -> Result<Self, Error> {
        let counter = Arc::new(AtomicU64::new(0));
        let mut reader = decompressed(stream, &counter).map_err(|error| unreadable(&path, error))?;
        let head = head(&mut reader).map_err(|error| unreadable(&path, error))?;
        let whole: Box<dyn Read> = Box::new(Cursor::new(head.clone()).chain(reader));
        let mut files = Self::of_head(path, Place::Stream(Some(whole)), &head, options)?;
        files.bytes_read = counter;
        Ok(files)
    }

    fn of_head(path: PathBuf, place: Place, head: &[u8], options: &ImportOptions) -> Result<Self, Error> {
        let unusable = |what: &str| Error::Unusable {
            path: path.clone(),
            what: what.to_owned(),
        };
        let (format, kind) = match options.format {
            None => recognise(head).map_err(unusable)?,
            Some(Format::Ranges) => return Err(unusable("it is not a folder of range files")),
            Some(Format::Hashes) => (Format::Hashes, hashes(head)),
            Some(format) => (format, None),
        };
        let kinds = match (format, options.kind.or(kind)) {
            (Format::Passwords, None) => HashKind::ALL.to_vec(),
            (_, Some(kind)) => vec![kind],
            (_, None) => return Err(unusable("it doesn't say which hashes it holds; `--kind` does")),
        };
        Ok(Self {
            format,
            kinds,
            path,
            bytes_read: Arc::default(),
            place,
        })
    }

    fn of_folder(path: PathBuf, options: &ImportOptions) -> Result<Self, Error> {
        let unusable = |what: &str| Error::Unusable {
            path: path.clone(),
            what: what.to_owned(),
        };
        if options.format.is_some_and(|format| format != Format::Ranges) {
            return Err(unusable("it is a folder, and only range files come in folders"));
        }
        let mut found = Vec::new();
        if let Some(layout) = Layout::find(&path)? {
            found.push((options.kind, layout));
        }
        for kind in HashKind::ALL
            .into_iter()
            .filter(|kind| options.kind.is_none_or(|wanted| wanted == *kind))
        {
            let below = path.join(kind.name());
            if below.is_dir()
                && let Some(layout) = Layout::find(&below)?
            {
                found.push((Some(kind), layout));
            }
        }
        let mut found = found.into_iter();
        let (kind, layout) = match (found.next(), found.next()) {
            (Some(one), None) => one,
            (None, _) => {
                return Err(unusable(
                    "it has no files of ranges like `5BAA6.txt` or `5b/aa/5baa6.gz`",
                ));
            }
            _ => {
                return Err(unusable(
                    "it has ranges of both kinds; import one after the other with `--kind`",
                ));
            }
        };
        let kind = match kind {
            Some(kind) => kind,
            None => layout
                .kind()?
                .ok_or_else(|| unusable("its first files hold no ranges"))?,
        };
        Ok(Self {
            format: Format::Ranges,
            kinds: vec![kind],
            path,
            bytes_read: Arc::default(),
            place: Place::Folder(layout),
        })
    }

    /// How many files there can be.
    pub(super) const fn count(&self) -> u64 {
        match self.place {
            Place::Folder(_) => RangePrefix::COUNT as u64,
            Place::File | Place::Stream(_) => 1,
        }
    }

    /// Bytes of the file; 0 if that isn't known.
    pub(super) fn size_bytes(&self) -> u64 {
        match self.place {
            Place::File => fs::metadata(&self.path).map_or(0, |metadata| metadata.len()),
            Place::Folder(_) | Place::Stream(_) => 0,
        }
    }

    /// By which an import that was interrupted recognises its input; `None` for a stream, which can't be read again.
    pub(super) fn identity(&self) -> Option<String> {
        let place = match &self.place {
            Place::Stream(_) => return None,
            Place::File | Place::Folder(_) => fs::canonicalize(&self.path).ok()?,
        };
        let metadata = fs::metadata(&self.path).ok()?;
        let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind.name()).collect();
        // A folder's own time changes with every file that is added.
        Some(format!(
            "{} {} {} {}.{:09} {}",
            self.format.name(),
            kinds.join("+"),
            metadata.len(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            place.display()
        ))
    }

    /// A file's name in messages about lines; empty if there is only one.
    pub(super) fn name(&self, number: u64) -> String {
        match &self.place {
            Place::Folder(_) => prefix(number).to_string(),
            Place::File | Place::Stream(_) => String::new(),
        }
    }

    /// Opens a file and skips the first `offset` of its bytes, unpacked ones if it is compressed. `None` if the folder doesn't have it.
    pub(super) fn open(&mut self, number: u64, offset: u64) -> Result<Option<Box<dyn Read>>, Error> {
        let mut reader = match &mut self.place {
            Place::Stream(stream) => return Ok(stream.take()),
            Place::File => {
                let file = File::open(&self.path).map_err(Error::io("open", &self.path))?;
                decompressed(Box::new(file), &self.bytes_read).map_err(|error| unreadable(&self.path, error))?
            }
            Place::Folder(layout) => {
                let Some((path, file)) = layout.open(prefix(number))? else {
                    return Ok(None);
                };
                let counter = Arc::clone(&self.bytes_read);
                decompressed(Box::new(file), &counter).map_err(|error| unreadable(&path, error))?
            }
        };
        let skipped = io::copy(&mut reader.by_ref().take(offset), &mut io::sink());
        match skipped {
            Ok(skipped) if skipped == offset => Ok(Some(reader)),
            Ok(_) => Err(Error::Unusable {
                path: self.path.clone(),
                what: "it became shorter since its import was interrupted".to_owned(),
            }),
            Err(error) => Err(self.unreadable(number, error)),
        }
    }

    /// What an error while reading a file means.
    pub(super) fn unreadable(&self, number: u64, error: io::Error) -> Error {
        match &self.place {
            Place::Folder(layout) => unreadable(&layout.path(prefix(number), false), error),
            Place::File | Place::Stream(_) => unreadable(&self.path, error),
        }
    }
}

impl Layout {
    /// Recognises a folder.
    fn find(folder: &Path) -> Result<Option<Self>, Error> {
        let Some(entry) = first_entry(folder, |name| is_range(name) || is_digits(name, 2))? else {
            return Ok(None);
        };
        if is_range(&entry) {
            let mut layout = Self::new(folder, false, &entry);
            layout.note(folder)?;
            return Ok(Some(layout));
        }
        let mut layout: Option<Self> = None;
        for first in folders_of_digits(folder)? {
            for second in folders_of_digits(&first)? {
                if layout.is_none() {
                    let file = first_entry(&second, is_range)?;
                    layout = file.map(|file| Self::new(folder, true, &file));
                }
                if let Some(layout) = &mut layout {
                    layout.note(&second)?;
                }
            }
        }
        Ok(layout)
    }

    fn new(folder: &Path, is_nested: bool, file: &str) -> Self {
        let ending = file.get(RangePrefix::DIGITS..).unwrap_or_default();
        Self {
            folder: folder.to_owned(),
            is_nested,
            ending: ENDINGS.into_iter().find(|known| *known == ending).unwrap_or_default(),
            present: vec![false; RangePrefix::COUNT as usize],
        }
    }

    /// Notes which ranges a folder has.
    fn note(&mut self, folder: &Path) -> Result<(), Error> {
        for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
            let name = entry.map_err(Error::io("read", folder))?.file_name();
            let Some(name) = name
                .to_str()
                .filter(|name| is_range(name) && name.ends_with(self.ending))
            else {
                continue;
            };
            let prefix = name.get(..RangePrefix::DIGITS).and_then(RangePrefix::parse);
            let present = prefix.and_then(|prefix| self.present.get_mut(prefix.number() as usize));
            if let Some(present) = present {
                *present = true;
            }
        }
        Ok(())
    }

    /// The file of a prefix.
    fn path(&self, prefix: RangePrefix, is_lower_case: bool) -> PathBuf {
        let mut digits = prefix.to_string();
        if is_lower_case {
            digits.make_ascii_lowercase();
        }
        let mut path = self.folder.clone();
        if self.is_nested {
            path.extend([
                digits.get(..2).unwrap_or_default(),
                digits.get(2..4).unwrap_or_default(),
            ]);
        }
        path.join(digits + self.ending)
    }

    fn open(&self, prefix: RangePrefix) -> Result<Option<(PathBuf, File)>, Error> {
        if self.present.get(prefix.number() as usize) != Some(&true) {
            return Ok(None);
        }
        // Nested ones are written in lower case, flat ones mostly in upper case.
        for is_lower_case in [self.is_nested, !self.is_nested] {
            let path = self.path(prefix, is_lower_case);
            match File::open(&path) {
                Ok(file) => return Ok(Some((path, file))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io("open", &path)(error)),
            }
        }
        Ok(None)
    }

    /// Which hashes its first file with rows holds.
    fn kind(&self) -> Result<Option<HashKind>, Error> {
        for prefix in (0..RangePrefix::COUNT).filter_map(RangePrefix::new) {
            let Some((path, file)) = self.open(prefix)? else {
                continue;
            };
            let counter = Arc::default();
            let mut reader = decompressed(Box::new(file), &counter).map_err(|error| unreadable(&path, error))?;
            let head = head(&mut reader).map_err(|error| unreadable(&path, error))?;
            let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let digits = first.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            let kind = HashKind::ALL
                .into_iter()
                .find(|kind| digits == 2 * kind.bytes() - RangePrefix::DIGITS);
            if kind.is_some() {
                return Ok(kind);
            }
        }
        Ok(None)
    }
}

fn first_entry(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Option<String>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::io("read", folder))?;
    for entry in entries.take(ENTRIES_MAX) {
        let name = entry.map_err(Error::io("read", folder))?.file_name();
        if let Some(name) = name.to_str().filter(|name| wanted(name)) {
            return Ok(Some(name.to_owned()));
        }
    }
    Ok(None)
}

fn folders_of_digits(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let name = entry.map_err(Error::io("read", folder))?.file_name();
        if name.to_str().is_some_and(|name| is_digits(name, 2)) {
            found.push(folder.join(name));
        }
    }
    Ok(found)
}

fn is_digits(name: &str, length: usize) -> bool {
    name.len() == length && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_range(name: &str) -> bool {
    let split = name.split_at_checked(RangePrefix::DIGITS);
    split.is_some_and(|(digits, ending)| is_digits(digits, RangePrefix::DIGITS) && ENDINGS.contains(&ending))
}

/// The prefix with a number that counts files.
pub(super) fn prefix(number: u64) -> RangePrefix {
    let number = u32::try_from(number).unwrap_or(0) % RangePrefix::COUNT;
    RangePrefix::new(number).unwrap_or_else(RangePrefix::first)
}

fn head(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    reader.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// A reader that counts what it reads.
struct Counted {
    reader: Box<dyn Read>,
    bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.bytes.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

/// Unpacks what its first bytes say is gzip or zstd.
fn decompressed(reader: Box<dyn Read>, bytes: &Arc<AtomicU64>) -> io::Result<Box<dyn Read>> {
    bytes.store(0, Ordering::Relaxed);
    let counted = Counted {
        reader,
        bytes: Arc::clone(bytes),
    };
    let mut buffered = BufReader::with_capacity(BUFFER_BYTES, counted);
    let head = buffered.fill_buf()?;
    Ok(if head.starts_with(&[0x1f, 0x8b]) {
        Box::new(Unpacked(flate2::bufread::MultiGzDecoder::new(buffered)))
    } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Box::new(Unpacked(zstd::Decoder::with_buffer(buffered)?))
    } else {
        Box::new(buffered)
    })
}

/// Marks errors of a decoder, whatever kind it gives them.
struct Unpacked<R>(R);

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.0.read(buffer);
        result.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::InvalidData {
        return Error::Truncated {
            path: path.to_owned(),
            source: error,
        };
    }
    Error::io("read", path)(error)
}
