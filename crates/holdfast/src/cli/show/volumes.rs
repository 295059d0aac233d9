//! `status`, `volume list` and `volume show` as text.

use std::time::Duration;

use super::super::table::{Align, Table};
use super::{count, guard, moment};
use crate::browse::text::printable_line;
use crate::control::{
    ClientReport, DaemonReport, ImportReport, IncidentsReport, OpenIncident, PinReport, SpaceReport, StatusReport,
    VolumeDetails, VolumeReport,
};
use crate::size::format_size;
use crate::span::format_span;
use crate::when::local_short;

pub(super) fn status(report: &StatusReport) -> String {
    let mut text = match &report.daemon {
        Some(daemon) => running(daemon, &report.data),
        None => format!(
            "no daemon runs; data in `{}`\nhint: `holdfast up` serves the volumes\n",
            report.data
        ),
    };
    if let Some(incidents) = &report.incidents {
        text += &self::incidents(incidents);
    }
    if let Some(problem) = &report.ledger_problem {
        text += &format!("nothing is noted: {problem}\n");
    }
    for problem in report.logs.iter().flat_map(|logs| &logs.problems) {
        text += &printable_line(&format!("logs: {problem}"));
    }
    text += "\n";
    text += &list(&report.volumes);
    if let Some(daemon) = report.daemon.as_ref().filter(|daemon| !daemon.clients.is_empty()) {
        text += "\n";
        text += &clients(&daemon.clients);
    }
    text
}

fn running(daemon: &DaemonReport, data: &str) -> String {
    let since = local_short(daemon.started.0);
    let mut text = format!(
        "version {} serves `{data}` since {since} (process {})\n",
        daemon.version, daemon.pid
    );
    for place in &daemon.listening {
        text += &format!("listens on {place}\n");
    }
    text
}

/// One line: how much is open, and the worst of it.
fn incidents(report: &IncidentsReport) -> String {
    let OpenIncident { id, title, score, .. } = &report.worst;
    let count = match report.open {
        1 => "1 open incident".to_owned(),
        count => format!("{count} open incidents"),
    };
    format!("{count}; the worst is {id} (score {score}): {title}. `holdfast incidents show {id}` tells more\n")
}

fn clients(clients: &[ClientReport]) -> String {
    let mut table = Table::new(&[
        ("CLIENT", Align::Left),
        ("EXPORT", Align::Left),
        ("READ", Align::Right),
        ("WRITTEN", Align::Right),
        ("ERRORS", Align::Right),
    ]);
    for client in clients {
        table.row(vec![
            client.peer.clone() + if client.tls { " (TLS)" } else { "" },
            client.export.clone().unwrap_or_else(|| "(connecting)".to_owned()),
            format_size(client.bytes_read),
            format_size(client.bytes_written),
            client.errors.to_string(),
        ]);
    }
    table.render()
}

pub(super) fn list(volumes: &[VolumeReport]) -> String {
    if volumes.is_empty() {
        return "there are no volumes\nhint: `holdfast volume create NAME SIZE` makes one\n".to_owned();
    }
    let mut table = Table::new(&[
        ("VOLUME", Align::Left),
        ("SIZE", Align::Right),
        ("STORED", Align::Right),
        ("CLIENTS", Align::Right),
        ("PINS", Align::Right),
        ("OLDEST", Align::Left),
        ("NEWEST", Align::Left),
        ("GUARD", Align::Left),
        ("STATE", Align::Left),
    ]);
    let mut problems = String::new();
    for volume in volumes {
        let mut row = vec![volume.name.clone()];
        match &volume.details {
            Some(details) => row.extend([
                format_size(details.size_bytes),
                format_size(details.stored_bytes),
                details.clients.to_string(),
                details.pins.len().to_string(),
                local_short(details.oldest.time.0),
                local_short(details.newest.time.0),
                guard::summary(details.guard.as_ref()),
                state(volume).to_owned(),
            ]),
            None => row.extend(["-", "-", "-", "-", "-", "-", "-", "unusable"].map(str::to_owned)),
        }
        table.row(row);
        problems += &problem(volume);
    }
    table.render() + &problems
}

fn state(volume: &VolumeReport) -> &'static str {
    match &volume.details {
        Some(details) if details.import == Some(ImportReport::Unfinished) => "unfinished import",
        Some(details) if details.import == Some(ImportReport::Running) => "importing",
        _ if volume.problem.is_some() => "unusable",
        Some(details) if details.no_space => "no space",
        Some(details) if details.damaged => "damaged",
        _ => "ok",
    }
}

fn problem(volume: &VolumeReport) -> String {
    let mut text = String::new();
    if let Some(problem) = &volume.problem {
        text += &format!("\n`{}` can't be used: {problem}\n", volume.name);
        if let Some(hint) = &problem.hint {
            text += &format!("hint: {hint}\n");
        }
    }
    let Some(details) = &volume.details else {
        return text;
    };
    if let Some(fenced) = details
        .guard
        .as_ref()
        .and_then(|guard| guard::fenced(&volume.name, guard))
    {
        text += &fenced;
    }
    if details.no_space {
        text += &no_space(&volume.name, details);
    }
    if details.damaged {
        text += &format!(
            "\n`{0}` is damaged: reading what is damaged gives an I/O error, all else is served\n\
             hint: check the disk below; `holdfast volume verify {0}` tells what is damaged, and what is intact instead\n",
            volume.name
        );
    }
    text
}

/// Why writes are refused, and what makes room where it is missing.
fn no_space(name: &str, details: &VolumeDetails) -> String {
    let room = match details.no_space_in {
        Some(SpaceReport::Budget) => "raise `budget`, or lower `retention_floor`, and reload",
        _ => "free space on the disk that holds the data folder, or lower `retention_floor` and reload",
    };
    format!(
        "\n`{name}` refuses writes for lack of space: its history younger than the retention floor is never dropped\n\
         hint: {room}; if the writes are unwanted, `holdfast history {name}` shows when they began\n"
    )
}

pub(super) fn one(volume: &VolumeReport) -> String {
    let Some(details) = &volume.details else {
        return problem(volume).trim_start().to_owned();
    };
    let mut text = facts(&volume.name, details);
    text += &problem(volume);
    if details.import.is_none() {
        text += "\n";
        text += &pins(&volume.name, &details.pins);
    }
    text
}

fn facts(name: &str, details: &VolumeDetails) -> String {
    let settings = &details.settings;
    let span = |seconds| format_span(Duration::from_secs(seconds));
    let budget = settings
        .budget_bytes
        .map_or_else(|| "until the disk is full".to_owned(), format_size);
    let lines = [
        ("volume", name.to_owned()),
        (
            "size",
            format!("{} ({} bytes)", format_size(details.size_bytes), details.size_bytes),
        ),
        (
            "stored",
            format!("{}, history included", format_size(details.stored_bytes)),
        ),
        ("newest", moment(&details.newest)),
        ("oldest", moment(&details.oldest)),
        (
            "retention",
            format!(
                "{}, at least {}",
                span(settings.retention_seconds),
                span(settings.retention_floor_seconds)
            ),
        ),
        ("budget", budget),
        ("guard", guard::summary(details.guard.as_ref())),
        (
            "in use by",
            format!("{}, {}", count(details.clients, "client"), count(details.views, "view")),
        ),
        ("memory", format_size(details.memory_bytes)),
    ];
    lines
        .iter()
        .map(|(key, value)| format!("{key:<10} {value}\n"))
        .collect()
}

fn pins(volume: &str, pins: &[PinReport]) -> String {
    if pins.is_empty() {
        return format!("no pins; `holdfast pin {volume} NAME` keeps a moment\n");
    }
    let mut table = Table::new(&[
        ("PIN", Align::Left),
        ("MOMENT", Align::Left),
        ("SEQUENCE", Align::Right),
        ("MADE", Align::Left),
    ]);
    for pin in pins {
        let note = pin
            .fork
            .as_ref()
            .map_or_else(String::new, |fork| format!(" for fork `{fork}`"));
        table.row(vec![
            pin.name.clone(),
            local_short(pin.moment.time.0),
            format!("#{}", pin.moment.sequence),
            local_short(pin.created.0) + &note,
        ]);
    }
    table.render()
}
