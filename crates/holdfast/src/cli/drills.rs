//! Commands that show drills: the same report as a table, in full, or as a page.

use std::path::PathBuf;

use super::arguments_drill::DrillCommand;
use super::output;
use super::progress::Shown;
use super::resolve::Task;
use super::show::drill::{self, Shape};
use crate::control::{DrillListReport, Request, Response};
use crate::failure::{EXIT_OK, Failure};
use crate::new_file::{Existing, NewFile};
use crate::place::Place;
use crate::reach;
use crate::webhook::host;

/// Results that a report shows at most: all that are kept.
const ALL_RESULTS: u64 = 400;

/// Drills that are to be shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DrillsTask {
    /// Of one volume, or of all.
    volume: Option<String>,
    /// The newest so many of each volume.
    results: u64,
    shape: Shape,
    /// The file for a page.
    html: Option<PathBuf>,
}

pub(super) fn resolve(command: DrillCommand) -> Task {
    let shown = |volume, results, shape, html| {
        Task::Drills(DrillsTask {
            volume,
            results,
            shape,
            html,
        })
    };
    match command {
        DrillCommand::Run {
            volume,
            case,
            seed,
            all,
        } => Request::Drill {
            name: volume,
            case,
            seed,
            all,
        }
        .into(),
        DrillCommand::Status { volume: None } => shown(None, 1, Shape::Overview, None),
        DrillCommand::Status { volume } => shown(volume, 1, Shape::InFull, None),
        DrillCommand::History { volume, last } => shown(Some(volume), last, Shape::Results, None),
        DrillCommand::Report { volume, html } => shown(volume, ALL_RESULTS, Shape::InFull, html),
    }
}

/// Asks for the report and shows it.
pub(super) fn show(place: &Place, json: bool, task: DrillsTask) -> Result<u8, Failure> {
    let request = Request::Drills {
        name: task.volume,
        results: task.results,
    };
    let response = reach::execute(place, request, None, &mut Shown::new("asking", json))?;
    let Response::Drills(report) = &response else {
        return Err(Failure::new(
            crate::failure::FailureCode::Failure,
            "the daemon answered something else than was asked",
        ));
    };
    match task.html {
        Some(file) => {
            // A page is written again and again under one name; who reads it meanwhile has the last one.
            let new = NewFile::make(&file, Existing::Replaced)?;
            new.fill(|out| out.write_all(page(report).as_bytes()))?;
            if json {
                return Ok(output::json(&serde_json::json!({ "html": file })));
            }
            output::print(format!("wrote the report to `{}`\n", file.display()).as_bytes());
        }
        None if json => {
            output::response(&response, true);
        }
        None => output::print(drill::list(report, task.shape).as_bytes()),
    }
    Ok(EXIT_OK)
}

fn page(report: &DrillListReport) -> String {
    let volumes: Vec<::drill::VolumePage<'_>> = report
        .volumes
        .iter()
        .map(|volume| ::drill::VolumePage {
            name: &volume.volume,
            is_scheduled: volume.scheduled,
            is_overdue: volume.overdue,
            results: &volume.results,
            unreadable: volume.unreadable,
        })
        .collect();
    let host = host();
    ::drill::page(&::drill::Facts {
        time: report.time.0,
        host: &host,
        program: concat!("Holdfast ", env!("CARGO_PKG_VERSION")),
        schedule: report.schedule.at.as_deref(),
        overdue_after_seconds: report.schedule.overdue_after_seconds,
        volumes: &volumes,
    })
}
