//! `holdfast files diff`

use files::NodeKind;
use serde_json::json;

use super::lines::Lines;
use super::resolve::DiffTask;
use crate::browse::difference::{Between, Changes, FolderDifference, Side, compare_files, compare_folders, unified};
use crate::browse::failures::failure;
use crate::browse::opened::{Inside, OpenedDisk};
use crate::browse::text::printable;
use crate::cli::arguments::Common;
use crate::cli::output;
use crate::cli::show::count;
use crate::failure::{EXIT_OK, Failure};
use crate::past::VolumePast;
use crate::place::Place;
use crate::size::format_size;
use crate::when::local;

pub(super) fn run(place: &Place, common: &Common, task: &DiffTask) -> Result<u8, Failure> {
    let (old_target, new_target) = (&task.old.target, &task.new.target);
    let past = VolumePast::open(place, &old_target.volume)?;
    let is_one_volume = old_target.volume == new_target.volume;
    let old = OpenedDisk::open(&past, old_target)?.enter(&old_target.path, task.old.area.as_deref())?;
    let other = if is_one_volume {
        None
    } else {
        Some(past.beside(place, &new_target.volume)?)
    };
    let new_past = other.as_ref().unwrap_or(&past);
    let new = OpenedDisk::open(new_past, new_target)?.enter(&new_target.path, task.new.area.as_deref())?;
    let sides = (side(&old)?, side(&new)?);
    match (kind(&sides.0)?, kind(&sides.1)?) {
        (NodeKind::Folder, NodeKind::Folder) => {
            let between = if is_one_volume {
                Between::of(&past, &old, &new)?
            } else {
                Between::unknown()
            };
            folders(&sides.0, &sides.1, &between, common.json)
        }
        (NodeKind::File, NodeKind::File) => files(&sides.0, &sides.1, task.brief, common.json),
        _ => Err(Failure::usage(format!(
            "`{}` is a file, a folder or a link at one moment, and something else at the other",
            new.shown()
        ))
        .hint("`holdfast files ls -l` shows what it is; links aren't followed")),
    }
}

fn side(inside: &Inside) -> Result<Side<'_>, Failure> {
    Ok(Side {
        inside,
        node: inside.node()?,
    })
}

fn kind(side: &Side<'_>) -> Result<NodeKind, Failure> {
    let metadata = side.inside.fs.metadata(side.node);
    Ok(metadata.map_err(|error| failure(&side.inside.path, error))?.kind)
}

fn files(old: &Side<'_>, new: &Side<'_>, brief: bool, json: bool) -> Result<u8, Failure> {
    let difference = compare_files(old, new)?;
    if json {
        return Ok(output::json(&difference));
    }
    if difference.same {
        output::print(b"the same\n");
        return Ok(EXIT_OK);
    }
    let name = |side: &Side<'_>| format!("{}\t{}", side.inside.shown(), local(side.inside.moment.time));
    if !brief && let Some(lines) = unified(old, new, (&name(old), &name(new)))? {
        output::print(lines.as_bytes());
        return Ok(EXIT_OK);
    }
    let sizes = if difference.old_bytes == difference.new_bytes {
        format_size(difference.old_bytes)
    } else {
        format!(
            "{}, then {}",
            format_size(difference.old_bytes),
            format_size(difference.new_bytes)
        )
    };
    let text = format!(
        "differs from byte {} on: {} in {}; {sizes}\n",
        difference.first.unwrap_or_default(),
        count(difference.differing_bytes, "byte"),
        count(difference.runs, "place")
    );
    output::print(text.as_bytes());
    Ok(EXIT_OK)
}

fn folders(old: &Side<'_>, new: &Side<'_>, between: &Between, json: bool) -> Result<u8, Failure> {
    if between.is_log_gone() && !json {
        eprintln!(
            "note: the log between the two moments isn't kept whole any more: every file is read, which takes longer"
        );
    }
    let mut lines = Lines::begin(json, "differences", &json!({ "by_log": between.is_known() }));
    let result = compare_folders(old, new, between, &mut |difference| {
        if let FolderDifference::Unreadable { path, reason } = &difference {
            return lines.unreadable(path.path.as_bytes(), reason.clone());
        }
        if lines.is_json() {
            return lines.item(&difference);
        }
        lines.text(&line(&difference))
    });
    if lines.is_empty() && !json && result.is_ok() {
        lines.text("the same\n");
    }
    lines.end(result)
}

fn line(difference: &FolderDifference) -> String {
    let shown = |path: &str| printable(path.as_bytes());
    let slash = |is_folder: &bool| if *is_folder { "/" } else { "" };
    match difference {
        FolderDifference::Added { path, folder } => format!("added    {}{}\n", shown(&path.path), slash(folder)),
        FolderDifference::Removed { path, folder } => format!("removed  {}{}\n", shown(&path.path), slash(folder)),
        FolderDifference::Renamed { path, from, changes } => {
            let also = if changes.is_some() {
                format!(": {}", words(changes))
            } else {
                String::new()
            };
            format!("renamed  {} -> {}{also}\n", shown(&from.path), shown(&path.path))
        }
        FolderDifference::Changed { path, changes } => format!("changed  {}: {}\n", shown(&path.path), words(changes)),
        FolderDifference::Unreadable { .. } => String::new(),
    }
}

fn words(changes: &Changes) -> String {
    let size = changes
        .size_bytes
        .map(|(old, new)| format!("size {} -> {}", format_size(old), format_size(new)));
    let content = (changes.content && size.is_none()).then(|| "content".to_owned());
    let named = [
        (changes.kind, "kind"),
        (changes.replaced, "another file"),
        (changes.mode, "permissions"),
        (changes.owner, "owner"),
        (changes.modified, "time"),
    ];
    let named = named.iter().filter(|(is, _)| *is).map(|(_, word)| (*word).to_owned());
    size.into_iter()
        .chain(content)
        .chain(named)
        .collect::<Vec<_>>()
        .join(", ")
}
