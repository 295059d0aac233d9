//! `holdfast incidents file N timeline`

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args;
use respond::case_file::Timeline;
use respond::case_file::timeline::{self, DiskEvent, as_csv, as_html, as_text};

use super::scene::{Scene, write_file};
use crate::control::{Progress, Response};
use crate::failure::Failure;
use crate::incident_file;
use crate::reach;

/// `holdfast incidents file N timeline`
#[derive(Debug, PartialEq, Eq, Args)]
pub(super) struct TimelineArguments {
    /// Write one page that opens in any browser and needs nothing else
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write a table, a line an entry
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Replace these files if they exist
    #[arg(long)]
    force: bool,
}

pub(super) fn run(scene: &Scene<'_>, task: &TimelineArguments) -> Result<u8, Failure> {
    let (timeline, remarks) = gathered(scene)?;
    if let Some(path) = &task.html {
        write_file(path, as_html(&timeline, &scene.zone).as_bytes(), task.force)?;
    }
    if let Some(path) = &task.csv {
        write_file(path, as_csv(&timeline).as_bytes(), task.force)?;
    }
    let mut text = as_text(&timeline, &scene.zone);
    for remark in remarks {
        text += &format!("note: {remark}\n");
    }
    Ok(scene.tell(&timeline, &text))
}

/// The timeline with what happened to the incident's disks; and what could not be found out.
pub(super) fn gathered(scene: &Scene<'_>) -> Result<(Timeline, Vec<String>), Failure> {
    let mut disk = Vec::new();
    let mut remarks = Vec::new();
    for volume in &scene.incident.volumes {
        match events(scene, volume) {
            Ok(events) => disk.extend(events),
            // A volume that was deleted since has no history any more: the rest is still worth telling.
            Err(failure) => remarks.push(format!("the history of `{volume}` is left out: {}", failure.message)),
        }
    }
    let timeline = scene.ask(|ledger| timeline::timeline(ledger, scene.id, &disk))?;
    Ok((timeline, remarks))
}

/// Shows nothing: what is asked for takes no time.
pub(super) struct Silent;

impl Progress for Silent {
    fn update(&mut self, _done: u64, _total: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// What was done with a volume, from an hour before the incident on.
fn events(scene: &Scene<'_>, volume: &str) -> Result<Vec<DiskEvent>, Failure> {
    let before = scene.incident.began.plus_millis(-3_600_000);
    let until = scene.incident.closed.unwrap_or(scene.now);
    let request = incident_file::history_request(volume);
    let Response::History(report) = reach::execute(scene.noted.place, request, None, &mut Silent)? else {
        return Ok(Vec::new());
    };
    Ok(incident_file::disk_events(volume, report, before, until))
}
