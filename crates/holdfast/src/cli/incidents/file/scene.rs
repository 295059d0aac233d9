//! What every command about an incident's file works with.

use std::path::Path;

use jiff::tz::TimeZone;
use respond::case_file::clocks::Jurisdiction;
use respond::case_file::{Clock, clocks};
use respond::incident::{Incident, IncidentId};
use respond::{Actor, Ledger, Time, Writing};

use crate::cli::approvals::who;
use crate::cli::noted::{Noted, now};
use crate::cli::output::{self, print};
use crate::config::{Config, IncidentFileSettings};
use crate::desk::failed;
use crate::failure::{EXIT_OK, Failure};
use crate::incident_file;
use crate::new_file::{Existing, NewFile};

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
        incident_file::laws(self.settings())
    }

    pub(super) fn clocks(&self, laws: &[Jurisdiction]) -> Result<Vec<Clock>, Failure> {
        self.ask(|ledger| clocks(ledger, self.id, self.now, laws, &self.zone))
    }
}

/// Writes a result into a file of its own, which only its owner can read: it is about people.
pub(super) fn write_file(path: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    NewFile::make_private(path, Existing::forced(force))?.fill(|out| out.write_all(bytes))
}

/// The failure that an error of `respond` is, where it doesn't come from the ledger.
pub(super) fn failure(error: &respond::Error) -> Failure {
    failed(error)
}
