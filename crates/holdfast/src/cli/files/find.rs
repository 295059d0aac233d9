//! `holdfast files find`

use serde_json::json;

use super::lines::Lines;
use super::open;
use super::resolve::FindTask;
use crate::browse::glob::Glob;
use crate::browse::list::Line;
use crate::browse::search::{Wanted, search};
use crate::cli::arguments::Common;
use crate::control::Time;
use crate::failure::Failure;
use crate::place::Place;

pub(super) fn run(place: &Place, common: &Common, task: &FindTask) -> Result<u8, Failure> {
    let (_past, disk) = open(place, &task.at.target)?;
    let inside = disk.enter(&task.at.target.path, task.at.area.as_deref())?;
    let ignores_case = task.ignore_case || files::folds_case(inside.fs.kind());
    let names = task.names.iter().map(|pattern| Glob::parse(pattern, ignores_case));
    let wanted = Wanted {
        names: names.collect::<Result<_, _>>()?,
        kinds: task.kinds.clone(),
        size_min: task.size_min,
        size_max: task.size_max,
        newer: task.newer,
        older: task.older,
        owner: task.owner,
        blocks: task.blocks.clone(),
        with_metadata: task.long || common.json,
    };
    let fields =
        json!({ "time": Time(inside.moment.time), "sequence": inside.moment.sequence.0, "area": inside.area.name });
    let mut lines = Lines::begin(common.json, "entries", &fields);
    let result = search(&inside, &wanted, &mut |line| match line {
        Line::Folder(_) => true,
        Line::Row(row) if lines.is_json() => lines.item(&row.object()),
        Line::Row(row) if task.long => lines.text(&row.long(&row.path, task.exact)),
        Line::Row(row) => lines.text(&row.short(&row.path)),
        Line::Unreadable { path, reason } => lines.unreadable(path, reason),
    });
    if lines.is_empty() && !common.json && result.is_ok() {
        eprintln!("nothing below `{}` is like that at that moment", inside.shown());
    }
    lines.end(result)
}
