//! `holdfast files ls`

use files::Content;
use serde_json::json;

use super::lines::Lines;
use super::open;
use super::resolve::LsTask;
use crate::browse::list::{Line, list};
use crate::browse::opened::OpenedDisk;
use crate::browse::row::Row;
use crate::browse::text::printable;
use crate::cli::arguments::Common;
use crate::cli::output;
use crate::cli::table::{Align, Table};
use crate::control::Time;
use crate::failure::{EXIT_OK, Failure};
use crate::place::Place;
use crate::size::format_size;

pub(super) fn run(place: &Place, common: &Common, task: &LsTask) -> Result<u8, Failure> {
    let (_past, disk) = open(place, &task.at.target)?;
    let names_nothing = task.at.target.path.is_empty() && task.at.area.is_none();
    if names_nothing && disk.readable().len() != 1 {
        return Ok(areas(&disk, common.json));
    }
    let inside = disk.enter(&task.at.target.path, task.at.area.as_deref())?;
    let with_metadata = task.long || common.json;
    let listing = crate::browse::list::Listing {
        with_metadata,
        ..task.listing
    };
    let fields = json!({
        "time": Time(inside.moment.time),
        "sequence": inside.moment.sequence.0,
        "file_system": inside.fs.kind().name(),
        "area": inside.area.name,
        "journal": inside.fs.replayed(),
    });
    let mut lines = Lines::begin(common.json, "entries", &fields);
    let result = list(&inside, listing, &mut |line| match line {
        Line::Folder(path) => {
            let before = if lines.is_empty() { "" } else { "\n" };
            lines.text(&format!("{before}{}:\n", printable(path)))
        }
        Line::Row(row) if lines.is_json() => lines.item(&row.object()),
        Line::Row(row) => lines.text(&text(row, task)),
        Line::Unreadable { path, reason } => lines.unreadable(path, reason),
    });
    lines.end(result)
}

fn text(row: &Row, task: &LsTask) -> String {
    let name = row.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    if task.long {
        row.long(name, task.exact)
    } else {
        row.short(name)
    }
}

/// What is on a disk.
fn areas(disk: &OpenedDisk, json: bool) -> u8 {
    let described = disk.areas.iter().map(|area| {
        let fs = area.disk(&disk.moment.disk).and_then(files::open);
        let label = fs.map(|fs| fs.label()).unwrap_or_default();
        let holds = area.unsupported.or_else(|| area.content.map(Content::name));
        (area, holds, label)
    });
    if json {
        let areas: Vec<_> = described
            .map(|(area, holds, label)| {
                json!({
                    "name": area.name,
                    "description": area.description,
                    "size_bytes": area.size_bytes(),
                    "holds": holds,
                    "readable": matches!(area.content, Some(Content::FileSystem(_))),
                    "label": label,
                })
            })
            .collect();
        return output::json(&json!({ "areas": areas }));
    }
    let mut table = Table::new(&[
        ("AREA", Align::Left),
        ("SIZE", Align::Right),
        ("HOLDS", Align::Left),
        ("LABEL", Align::Left),
        ("WHAT IT IS", Align::Left),
    ]);
    for (area, holds, label) in described {
        table.row(vec![
            area.name.clone(),
            format_size(area.size_bytes()),
            holds.unwrap_or("-").to_owned(),
            printable(label.as_bytes()),
            printable(area.description.as_bytes()),
        ]);
    }
    let text = if disk.areas.is_empty() {
        "nothing is recognised on the disk at that moment\n".to_owned()
    } else {
        table.render()
    };
    output::print(text.as_bytes());
    EXIT_OK
}
