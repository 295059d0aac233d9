//! What the commands about alerts, incidents and the ledger share. They work on the ledger's file itself, whether a daemon runs or
//! not: its locks make that safe.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::ZonedDateTime;
use respond::alert::{Layer, Severity};
use respond::{Ledger, Origin, Time, Writing};
use volume::Timestamp;

use super::arguments::Common;
use crate::clock::wall_clock;
use crate::desk;
use crate::failure::Failure;
use crate::place::Place;
use crate::webhook::host;
use crate::when::{When, local_short, parse_when};

/// What the commands work with.
pub(super) struct Noted<'a> {
    /// Options that every command takes.
    pub(super) common: &'a Common,
    /// The data folder and the configuration.
    pub(super) place: &'a Place,
    /// The ledger's folder.
    pub(super) folder: PathBuf,
}

impl<'a> Noted<'a> {
    pub(super) fn new(place: &'a Place, common: &'a Common) -> Self {
        Self {
            common,
            place,
            folder: desk::folder(&place.data),
        }
    }

    /// Asks the ledger something; `None` if there is none, because nothing was noted yet.
    pub(super) fn ask<T>(&self, ask: impl FnOnce(&Ledger) -> Result<T, respond::Error>) -> Result<Option<T>, Failure> {
        if !self.place.data.exists() {
            return Err(self.place.missing());
        }
        let asked = Ledger::open_existing(&self.folder).and_then(|ledger| ledger.as_ref().map(ask).transpose());
        asked.map_err(|error| desk::failed(&error))
    }

    /// The same, where there must be a ledger.
    pub(super) fn ask_existing<T>(&self, ask: impl FnOnce(&Ledger) -> Result<T, respond::Error>) -> Result<T, Failure> {
        self.ask(ask)?.ok_or_else(|| self.nothing())
    }

    /// Changes something, in one transaction.
    pub(super) fn change<T>(
        &self,
        work: impl FnOnce(&mut Writing<'_>) -> Result<T, respond::Error>,
    ) -> Result<T, Failure> {
        if !self.place.data.exists() {
            return Err(self.place.missing());
        }
        let ledger = Ledger::open_existing(&self.folder).map_err(|error| desk::failed(&error))?;
        let mut ledger = ledger.ok_or_else(|| self.nothing())?;
        ledger.write(work).map_err(|error| desk::failed(&error))
    }

    fn nothing(&self) -> Failure {
        Failure::not_found(format!("nothing was noted yet in `{}`", self.folder.display()))
            .hint("a daemon (`holdfast up`) makes the ledger and notes what happens")
    }
}

/// The time.
pub(super) fn now() -> Time {
    desk::time(wall_clock())
}

/// Who tells, in formats of other programs.
pub(super) fn origin() -> Origin {
    Origin {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: host(),
    }
}

/// A time as people name it: `-1d`, `10:15`, `2026-11-23 10:15`.
pub(super) fn time(text: &str) -> Result<Time, Failure> {
    let wall = wall_clock();
    let time = match parse_when(text, &ZonedDateTime::now())? {
        When::Now => wall,
        When::Ago(span) => wall.saturating_sub(span),
        When::AtNanos(nanos) => Timestamp::from_unix_nanos(nanos),
        When::Sequence(_) | When::Pin(_) => {
            return Err(Failure::usage(format!("`{text}` is no time"))
                .hint("name a time like `-1d`, `10:15`, `2026-11-23 10:15` or `2026-11-23T10:15:00Z`"));
        }
    };
    Ok(desk::time(time))
}

/// A time that may have been given.
pub(super) fn time_if(text: Option<&String>) -> Result<Option<Time>, Failure> {
    text.map(|text| time(text)).transpose()
}

/// A time as tables show it.
pub(super) fn shown(time: Time) -> String {
    let millis = u64::try_from(time.unix_millis()).unwrap_or(0);
    local_short(Timestamp::from_unix_nanos(millis.saturating_mul(1_000_000)))
}

/// Reads a severity by its name.
pub(super) fn severities() -> impl TypedValueParser<Value = Severity> {
    PossibleValuesParser::new(Severity::ALL.map(Severity::name))
        .try_map(|name| Severity::parse(&name).ok_or("no severity has this name"))
}

/// Reads a layer by its name.
pub(super) fn layers() -> impl TypedValueParser<Value = Layer> {
    PossibleValuesParser::new(Layer::ALL.map(Layer::name))
        .try_map(|name| Layer::parse(&name).ok_or("no layer has this name"))
}
