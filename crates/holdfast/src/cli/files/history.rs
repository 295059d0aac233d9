//! `holdfast files history`

use super::resolve::HistoryTask;
use crate::browse::versions::{How, Question, Version, versions};
use crate::cli::arguments::Common;
use crate::cli::output;
use crate::cli::show::count;
use crate::cli::table::{Align, Table};
use crate::failure::{EXIT_OK, Failure};
use crate::past::VolumePast;
use crate::place::Place;
use crate::size::format_size;
use crate::when::local_short;

/// Digits of a hash that are shown: enough to tell versions apart.
const HASH_DIGITS: usize = 16;

pub(super) fn run(place: &Place, common: &Common, task: &HistoryTask) -> Result<u8, Failure> {
    let target = &task.at.target;
    let past = VolumePast::open(place, &target.volume)?;
    let question = Question {
        path: target.path.clone(),
        area: task.at.area.clone(),
        since: task.since.clone(),
        until: target.when(),
        hash: task.hash,
        looks: task.looks,
    };
    let found = versions(&past, &question)?;
    if common.json {
        return Ok(output::json(&found));
    }
    let mut table = Table::new(&[
        ("WHEN", Align::Left),
        ("MOMENT", Align::Left),
        ("SIZE", Align::Right),
        ("WHAT HAPPENED", Align::Left),
    ]);
    for version in &found.versions {
        table.row(vec![
            local_short(version.moment.time.0),
            format!("#{}", version.moment.sequence),
            version.size_bytes.map_or_else(|| "-".to_owned(), format_size),
            words(version),
        ]);
    }
    let mut text = table.render();
    if !found.is_exact {
        text += &format!(
            "\nNot every change is known to the second: {} looked at. `--looks` looks at more, `--since` at a shorter time.\n",
            count(found.looks as u64, "moment")
        );
    }
    output::print(text.as_bytes());
    Ok(EXIT_OK)
}

fn words(version: &Version) -> String {
    let what = match version.how {
        How::There => "there already",
        How::Created => "created",
        How::Changed => "changed",
        How::Replaced => "replaced by another file",
        How::InPlace => "its blocks were written to, and nothing else changed",
        How::DiskRestored => "the whole disk was restored",
        How::Gone => "gone",
        How::Unreadable => "can't be read",
    };
    let problem = version.problem.as_ref().map(|why| format!(": {why}"));
    let hash = version.hash.as_ref().and_then(|hash| hash.get(..HASH_DIGITS));
    format!(
        "{what}{}{}",
        problem.unwrap_or_default(),
        hash.map_or_else(String::new, |hash| format!(" ({hash})"))
    )
}
