//! What every command about an incident's file works with.

use std::path::Path;

use jiff::tz::TimeZone;
use respond::case_file::clocks::{Jurisdiction, with_own};
use respond::case_file::drafts::{DraftKind, Templates};
use respond::case_file::{Clock, clocks};
use respond::incident::{Incident, IncidentId};
use respond::{Actor, Ledger, Time, Writing};

use crate::cli::approvals::who;
use crate::cli::noted::{Noted, now};
use crate::cli::output::{self, print};
use crate::config::{Config, IncidentFileSettings};
use crate::desk::failed;
use crate::failure::{EXIT_OK, Failure, FailureCode};
use crate::new_file::{Existing, NewFile};

/// Files that are read from a folder of one's own, at most.
const OWN_FILES_MAX: usize = 200;
/// Largest of them.
const OWN_FILE_BYTES_MAX: u64 = 2 << 20;

/// The incident, and what surrounds it.
pub(super) struct Scene<'a> {
    pub(super) noted: &'a Noted<'a>,
    pub(super) id: IncidentId,
    pub(super) incident: Incident,
    /// Who does it.
    pub(super) actor: Actor,
    pub(super) now: Time,
    pub(super) zone: TimeZone,
    pub(super) config: Config,
}

impl<'a> Scene<'a> {
    pub(super) fn new(noted: &'a Noted<'a>, number: i64) -> Result<Self, Failure> {
        let id = IncidentId(number);
        let incident = noted.ask_existing(|ledger| ledger.incident(id))?;
        let missing = || {
            Failure::not_found(format!("there is no incident `{number}`")).hint("`holdfast incidents list` shows them")
        };
        Ok(Self {
            noted,
            id,
            incident: incident.ok_or_else(missing)?,
            actor: who::actor(noted)?,
            now: now(),
            zone: TimeZone::system(),
            config: noted.place.config()?,
        })
    }

    pub(super) const fn settings(&self) -> &IncidentFileSettings {
        &self.config.incident_file
    }

    pub(super) fn ask<T>(&self, ask: impl FnOnce(&Ledger) -> Result<T, respond::Error>) -> Result<T, Failure> {
        self.noted.ask_existing(ask)
    }

    pub(super) fn change<T>(
        &self,
        work: impl FnOnce(&mut Writing<'_>) -> Result<T, respond::Error>,
    ) -> Result<T, Failure> {
        self.noted.change(work)
    }

    /// Prints a result: as an object with `--json`, else as text.
    pub(super) fn tell(&self, object: &impl serde::Serialize, text: &str) -> u8 {
        if self.noted.common.json {
            return output::json(object);
        }
        print(text.as_bytes());
        EXIT_OK
    }

    /// All laws that are known.
    pub(super) fn laws(&self) -> Result<Vec<Jurisdiction>, Failure> {
        laws(self.settings())
    }

    pub(super) fn clocks(&self, laws: &[Jurisdiction]) -> Result<Vec<Clock>, Failure> {
        self.ask(|ledger| clocks(ledger, self.id, self.now, laws, &self.zone))
    }

    /// Templates, those of one's own among them.
    pub(super) fn templates(&self) -> Result<Templates, Failure> {
        let mut templates = Templates::default();
        for (name, text) in own_files(self.settings().templates_folder.as_deref(), "txt")? {
            let kind = DraftKind::ALL
                .into_iter()
                .find(|kind| name.ends_with(&format!("/{}.txt", kind.name())));
            let kind = kind.ok_or_else(|| {
                let names = DraftKind::ALL.map(|kind| format!("{}.txt", kind.name()));
                config_failure(format!(
                    "`{name}` is the template of nothing: there are {}",
                    names.join(", ")
                ))
            })?;
            templates
                .replace(kind, &name, text)
                .map_err(|error| config_failure(error.to_string()))?;
        }
        Ok(templates)
    }
}

/// All laws that are known, and those of one's own.
pub(super) fn laws(settings: &IncidentFileSettings) -> Result<Vec<Jurisdiction>, Failure> {
    let own = own_files(settings.jurisdictions_folder.as_deref(), "toml")?;
    with_own(&own).map_err(|error| config_failure(error.to_string()))
}

/// The laws that the configuration chose.
pub(super) fn chosen(settings: &IncidentFileSettings, laws: &[Jurisdiction]) -> Result<Vec<Jurisdiction>, Failure> {
    let each = settings.jurisdictions.iter().map(|id| named(laws, id).cloned());
    each.collect()
}

/// A law by its name.
pub(super) fn named<'l>(laws: &'l [Jurisdiction], id: &str) -> Result<&'l Jurisdiction, Failure> {
    laws.iter().find(|law| law.id == id).ok_or_else(|| {
        let known: Vec<&str> = laws.iter().map(|law| law.id.as_str()).collect();
        Failure::not_found(format!("no jurisdiction is named `{id}`")).hint(format!("known are {}", known.join(", ")))
    })
}

fn config_failure(message: String) -> Failure {
    Failure::new(FailureCode::Config, message)
}

/// The files of a folder with an ending, by name, with their texts.
fn own_files(folder: Option<&Path>, ending: &str) -> Result<Vec<(String, String)>, Failure> {
    let Some(folder) = folder else { return Ok(Vec::new()) };
    let unreadable = |error| Failure::io(format!("read `{}`", folder.display()), &error);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|found| found == ending) {
            paths.push(path);
        }
        if paths.len() > OWN_FILES_MAX {
            return Err(config_failure(format!(
                "`{}` has more than {OWN_FILES_MAX} files",
                folder.display()
            )));
        }
    }
    paths.sort();
    let read =
        |path: std::path::PathBuf| read_text(&path, OWN_FILE_BYTES_MAX).map(|text| (path.display().to_string(), text));
    paths.into_iter().map(read).collect()
}

/// Reads a file of text.
fn read_text(path: &Path, bytes_max: u64) -> Result<String, Failure> {
    let bytes = read_bytes(path, bytes_max)?;
    String::from_utf8(bytes).map_err(|_| config_failure(format!("`{}` is no text in UTF-8", path.display())))
}

/// Reads a file that is no larger than it may be.
pub(super) fn read_bytes(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Failure> {
    use std::io::Read;
    let unreadable = |error| Failure::io(format!("read `{}`", path.display()), &error);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > bytes_max {
        return Err(Failure::usage(format!(
            "`{}` is larger than {} MiB",
            path.display(),
            bytes_max >> 20
        )));
    }
    Ok(bytes)
}

/// Writes a result into a file of its own.
pub(super) fn write_file(path: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    NewFile::make(path, Existing::forced(force))?.fill(|out| out.write_all(bytes))
}

/// The failure that an error of `respond` is, where it doesn't come from the ledger.
pub(super) fn failure(error: &respond::Error) -> Failure {
    failed(error)
}
