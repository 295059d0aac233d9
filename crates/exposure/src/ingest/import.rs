//! The import of a breach.

use std::io::Read;
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::about::About;
use super::formats;
use super::gather::{Counts, Gatherer};
use super::passwords::PasswordCounts;
use super::problems::Problems;
use super::source::{Found, Progress, Sources, Text, TextSink, walk};
use crate::Error;
use crate::accounts::{AccountsWriter, Loaded};

/// What an import needs in memory before it writes to the disk, in bytes, unless another value is chosen. Its peak is about twice that.
pub const MEMORY_BYTES: usize = 160 << 20;

/// A breach that is to be imported.
#[derive(Clone, Debug)]
pub struct Import {
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// What is known about it.
    pub about: About,
    /// What is needed in memory before something is written to the disk, in bytes.
    pub memory_bytes: usize,
    /// The time, in seconds since 1970.
    pub now: i64,
}

/// What an import did.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The breach, as it was entered.
    pub loaded: Loaded,
    /// What was found in the files.
    pub counts: Counts,
    /// What could not be read.
    pub problems: Problems,
}

impl Import {
    /// Reads everything and enters the breach, in the place of an earlier one of the same name. `progress` is told how many bytes were
    /// read, and of how many; it can stop the import. `passwords` takes the hashes of passwords, also if there are none, before the breach is entered: if it fails,
    /// nothing is.
    ///
    /// # Errors
    /// [`Error::NothingFound`] without any account, [`Error::Stopped`], or when files of the monitor can't be read or written. Then nothing
    /// was loaded.
    pub fn run(
        &self,
        writer: &mut AccountsWriter,
        progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
        passwords: &mut dyn FnMut(&PasswordCounts) -> Result<(), Error>,
    ) -> Result<Imported, Error> {
        let result = self.run_partly(writer, progress, passwords);
        // Runs hold addresses; they don't stay, however it ended.
        let cleared = writer.clear_partial();
        let imported = result?;
        cleared?;
        writer.maintain(self.now)?;
        Ok(imported)
    }

    fn run_partly(
        &self,
        writer: &mut AccountsWriter,
        progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
        passwords: &mut dyn FnMut(&PasswordCounts) -> Result<(), Error>,
    ) -> Result<Imported, Error> {
        let mut problems = Problems::default();
        let folder = writer.partial()?;
        let mut gatherer = Gatherer::new(&self.about, &folder, self.memory_bytes)?;
        let found: Vec<_> = self.paths.iter().flat_map(|path| walk(path, &mut problems)).collect();
        read_all(&found, &mut gatherer, &mut problems, progress)?;
        let counts = gatherer.counts;
        if counts.addresses + counts.phones + counts.user_names == 0 {
            return Err(Error::NothingFound {
                files: counts.files,
                problems: problems.count,
            });
        }
        let gathered = gatherer.finish()?;
        let former = writer.ledger().breach(&self.about.name)?.map(|(_, breach)| breach);
        let breach = self.about.breach(
            former.as_ref(),
            data_classes(&counts),
            counts.stealer_logs > 0,
            self.now,
        );
        let hashes = PasswordCounts {
            folder,
            sha1: gathered.sha1,
            ntlm: gathered.ntlm,
        };
        let rows: Vec<_> = gathered.tables.iter().map(|(kind, sorted)| (*kind, sorted)).collect();
        let loaded = writer.enter(breach, &rows, &mut || passwords(&hashes))?;
        Ok(Imported {
            loaded,
            counts,
            problems,
        })
    }
}

/// Tells what would be found in some bytes and what could not be read, and keeps nothing. `name` is what they are called in messages.
///
/// # Errors
/// When `about` can't be used.
pub fn examine(name: &str, reader: &mut dyn Read, about: &About) -> Result<(Counts, Problems), Error> {
    let mut problems = Problems::default();
    let mut gatherer = Gatherer::counting(about)?;
    let mut tell = |_, _| ControlFlow::Continue(());
    Sources {
        progress: &Progress::new(0, &mut tell),
        problems: &mut problems,
        sink: &mut Reader {
            gatherer: &mut gatherer,
        },
    }
    .reader(name, reader)?;
    Ok((gatherer.counts, problems))
}

/// Reads files, one after the other.
pub(super) fn read_all(
    found: &[Found],
    gatherer: &mut Gatherer,
    problems: &mut Problems,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<(), Error> {
    let progress = Progress::new(found.iter().map(|found| found.bytes).sum(), progress);
    let mut sink = Reader { gatherer };
    for found in found {
        Sources {
            progress: &progress,
            problems,
            sink: &mut sink,
        }
        .file(found)?;
        if progress.is_stopped() {
            return Err(Error::Stopped);
        }
    }
    Ok(())
}

/// Gives texts to the readers of formats.
struct Reader<'a> {
    gatherer: &'a mut Gatherer,
}

impl TextSink for Reader<'_> {
    fn text(&mut self, name: &str, text: &mut Text<'_>, problems: &mut Problems) -> Result<(), Error> {
        formats::read(name, text, self.gatherer, problems)
    }
}

/// The classes of data of which something was found, as the public catalogue calls them.
fn data_classes(counts: &Counts) -> Vec<String> {
    let classes = [
        (counts.addresses, "Email addresses"),
        (counts.passwords, "Passwords"),
        (counts.phones, "Phone numbers"),
        (counts.user_names, "Usernames"),
    ];
    let found = classes.into_iter().filter(|(count, _)| *count > 0);
    found.map(|(_, class)| class.to_owned()).collect()
}
