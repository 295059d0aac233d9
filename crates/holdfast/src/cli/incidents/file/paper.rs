//! `holdfast incidents file N paper`, and `holdfast incidents paper` before anything happened

use std::path::PathBuf;

use clap::Args;
use jiff::tz::TimeZone;
use respond::case_file::drafts::{DraftKind, DraftState, drafts};
use respond::case_file::paper::{self, Case, Pack, RestoreStep};
use serde_json::json;

use super::material::Gathered;
use super::scene::{Scene, failure, write_file};
use super::timeline::Silent;
use crate::cli::noted::{Noted, now};
use crate::cli::output::{self, print};
use crate::config::Config;
use crate::control::{Request, Response};
use crate::failure::{EXIT_OK, Failure};
use crate::incident_file::{self, chosen, laws};
use crate::place::Place;
use crate::reach;

/// `holdfast incidents file N paper`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct PaperArguments {
    /// The PDF
    file: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
}

pub(super) fn run(scene: &Scene<'_>, task: &PaperArguments) -> Result<u8, Failure> {
    let pdf = of_incident(scene, &Gathered::of(scene)?)?;
    write_file(&task.file, &pdf, task.force)?;
    let object = json!({ "file": task.file, "bytes": pdf.len() });
    Ok(scene.tell(
        &object,
        &format!("wrote the paper pack into `{}`: print it\n", task.file.display()),
    ))
}

/// The pack without an incident.
pub(in crate::cli) fn before(noted: &Noted<'_>, task: &PaperArguments) -> Result<u8, Failure> {
    let config = noted.place.config()?;
    let all = laws(&config.incident_file)?;
    let settings = &config.incident_file;
    let pack = Pack {
        organisation: settings.values.get("organisation").map_or("", String::as_str),
        contacts: &settings.contacts,
        restore: &steps(noted.place, &config)?,
        jurisdictions: &chosen(settings, &all)?,
        case: None,
        now: now(),
        zone: &TimeZone::system(),
    };
    let pdf = paper::paper(&pack).map_err(|error| failure(&error))?;
    write_file(&task.file, &pdf, task.force)?;
    if noted.common.json {
        return Ok(output::json(&json!({ "file": task.file, "bytes": pdf.len() })));
    }
    print(format!("wrote the paper pack into `{}`: print it\n", task.file.display()).as_bytes());
    Ok(EXIT_OK)
}

/// The pack of an incident. Its letter is the newest draft, or what one would say now.
pub(super) fn of_incident(scene: &Scene<'_>, gathered: &Gathered) -> Result<Vec<u8>, Failure> {
    let kept = scene.ask(|ledger| drafts(ledger, scene.id))?;
    let is_current = |state| state != DraftState::Replaced;
    let kept = kept
        .into_iter()
        .find(|draft| draft.kind == DraftKind::Letter && is_current(draft.state));
    let letter = match kept {
        Some(draft) => draft.text,
        None => gathered.render(scene, DraftKind::Letter)?.text,
    };
    let settings = scene.settings();
    let running = gathered.laws.iter();
    let running = running.filter(|law| {
        gathered
            .clocks
            .iter()
            .any(|clock| clock.id.starts_with(&format!("{}/", law.id)))
    });
    let mut laws = chosen(settings, &gathered.laws)?;
    for law in running {
        if !laws.contains(law) {
            laws.push(law.clone());
        }
    }
    let pack = Pack {
        organisation: gathered.values.get("organisation").map_or("", String::as_str),
        contacts: &settings.contacts,
        restore: &steps(scene.noted.place, &scene.config)?,
        jurisdictions: &laws,
        case: Some(Case {
            timeline: &gathered.timeline,
            facts: &gathered.facts,
            clocks: &gathered.clocks,
            letter: &letter,
        }),
        now: scene.now,
        zone: &scene.zone,
    };
    paper::paper(&pack).map_err(|error| failure(&error))
}

/// All volumes in the order of the configuration.
fn steps(place: &Place, config: &Config) -> Result<Vec<RestoreStep>, Failure> {
    let Response::Volumes(listed) = reach::execute(place, Request::List, None, &mut Silent)? else {
        return Ok(Vec::new());
    };
    Ok(incident_file::steps(
        &config.incident_file.restore_order,
        &listed.volumes,
    ))
}
