//! Files of a disk, and what happened to them: looked at by a process of its own.

use std::time::Duration;

use console::{FileRow, Files, Moment, Problem};
use respond::Time;
use serde::Deserialize;

use super::ask::{failed, invalid, problem};
use crate::child::{Limits, holdfast, run};
use crate::failure::Failure;
use crate::names::is_name;
use crate::place::Place;

/// Rows that are shown of a folder.
const ROWS_MAX: usize = 2000;
/// The longest path.
const PATH_BYTES_MAX: usize = 4096;
/// What listing a folder may take.
const LISTING: Limits = Limits {
    memory_bytes: 2 << 30,
    time: Duration::from_secs(30),
    output_bytes: 16 << 20,
};
/// What an investigation may take.
const INVESTIGATION: Limits = Limits {
    memory_bytes: 4 << 30,
    time: Duration::from_secs(600),
    output_bytes: 1 << 20,
};
/// The longest page of an investigation.
const PAGE_BYTES_MAX: u64 = 64 << 20;

/// What `files ls --json` prints, as far as it is shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Listed {
    entries: Vec<Entry>,
    areas: Vec<Area>,
    #[serde(flatten)]
    failure: Option<Failure>,
    error: Option<Failure>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    path: String,
    kind: String,
    #[serde(default)]
    size_bytes: u64,
    modified: Option<Time>,
}

#[derive(Debug, Deserialize)]
struct Area {
    name: String,
    size_bytes: u64,
    holds: Option<String>,
}

/// What is in a folder of a volume at a moment.
pub(super) fn list(place: &Place, name: &str, moment: Moment, path: &str) -> Result<Files, Problem> {
    if !is_name(name) || path.len() > PATH_BYTES_MAX || path.contains('\0') {
        return Err(invalid("this can't be a path on a disk"));
    }
    // The topmost folder is asked for without a path, so that a disk with several file systems shows which.
    let inside = if path == "/" { "" } else { path };
    let slash = if inside.is_empty() || inside.starts_with('/') {
        ""
    } else {
        "/"
    };
    let target = format!("{name}@#{}:{slash}{inside}", moment.sequence);
    let ended = run(holdfast(place, &["files", "ls", "--json", "--", &target]), LISTING).map_err(problem)?;
    if ended.is_cut {
        return Err(failed(
            "the folder is too large, or the disk too slow; `holdfast files ls` lists it",
        ));
    }
    let listed: Listed = serde_json::from_slice(&ended.output).map_err(|_| died())?;
    if let Some(failure) = listed.error.or(listed.failure) {
        return Err(problem(failure));
    }
    let areas = listed.areas.into_iter().map(|area| FileRow {
        // The area that is a disk without partitions has no name.
        name: if area.name.is_empty() {
            "the whole disk".to_owned()
        } else {
            area.name
        },
        kind: area.holds.map_or_else(|| "area".to_owned(), |_| "directory".to_owned()),
        size_bytes: area.size_bytes,
        modified: None,
    });
    let entries = listed.entries.into_iter().map(|entry| FileRow {
        name: last_part(&entry.path),
        kind: if entry.kind == "folder" {
            "directory".to_owned()
        } else {
            entry.kind
        },
        size_bytes: entry.size_bytes,
        modified: entry.modified,
    });
    let mut rows: Vec<FileRow> = areas.chain(entries).collect();
    let truncated = rows.len() > ROWS_MAX;
    rows.truncate(ROWS_MAX);
    Ok(Files {
        volume: name.to_owned(),
        moment: Some(moment),
        path: path.to_owned(),
        rows,
        truncated,
    })
}

/// A name without its folder, as it can be shown.
fn last_part(path: &str) -> String {
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    crate::browse::text::printable(name.as_bytes())
}

fn died() -> Problem {
    failed("the process that looked at the disk ended: what is on it makes the parser fail, or takes too much memory")
}

/// The report on what happened to a volume's files, as a page.
pub(super) fn investigate(
    place: &Place,
    name: &str,
    from: Option<Moment>,
    to: Option<Moment>,
) -> Result<String, Problem> {
    let folder = TemporaryFolder::make(place).map_err(problem)?;
    let page = folder.0.join("report.html");
    let page_text = page.display().to_string();
    let moments = [from, to].map(|moment| moment.map(|moment| format!("#{}", moment.sequence)));
    let mut arguments = vec!["--json", "investigate", "--html", page_text.as_str()];
    match &moments {
        [Some(from), to] => {
            arguments.extend(["--from", from.as_str()]);
            if let Some(to) = to {
                arguments.extend(["--to", to.as_str()]);
            }
        }
        [None, Some(_)] => return Err(invalid("`to` needs `from`")),
        [None, None] => arguments.push("--incident"),
    }
    arguments.extend(["--", name]);
    let ended = run(holdfast(place, &arguments), INVESTIGATION).map_err(problem)?;
    if ended.status.is_some_and(|status| status.success()) || page.exists() {
        let size = std::fs::metadata(&page).map_or(0, |metadata| metadata.len());
        if size > PAGE_BYTES_MAX {
            return Err(failed(
                "the report is too long for a page; `holdfast investigate --html` writes it into a file",
            ));
        }
        return std::fs::read_to_string(&page).map_err(|error| problem(Failure::io("read the report", &error)));
    }
    // Progress is told in lines before the error.
    let last = ended
        .output
        .split(|byte| *byte == b'\n')
        .rfind(|line| !line.is_empty())
        .unwrap_or_default();
    Err(serde_json::from_slice::<Told>(last).map_or_else(|_| died(), |told| problem(told.error)))
}

/// An error in `--json`.
#[derive(Deserialize)]
struct Told {
    error: Failure,
}

/// A folder in the data folder that goes when it isn't needed any more.
struct TemporaryFolder(std::path::PathBuf);

impl TemporaryFolder {
    fn make(place: &Place) -> Result<Self, Failure> {
        let name = format!("console-{}", crate::hex::hex(&volume::os_random()));
        let folder = place.data.join(name);
        std::fs::create_dir(&folder).map_err(|error| Failure::io("make a folder for the report", &error))?;
        Ok(Self(folder))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // One that can't be removed is in nobody's way.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
