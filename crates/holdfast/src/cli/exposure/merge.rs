//! `holdfast exposure merge`

use std::ops::ControlFlow;

use exposure::{MergeScope, accounts, passwords};
use serde_json::json;

use super::Scene;
use super::failures::failure;
use super::import_passwords::{FOLDER, StageShown};
use crate::cli::output::print;
use crate::cli::progress::Shown;
use crate::cli::show::count;
use crate::control::Progress;
use crate::failure::{EXIT_OK, Failure};

pub(super) const HELP: &str = "\
An import ends beside what is loaded already. Until both are merged, a lookup of a password reads a page
of each index instead of one, and a question about a person a block of each table; answers are the same.
`holdfast exposure stats` shows how many there are. Questions and imports go on meanwhile. Ctrl-C loses
nothing but time.";

pub(super) fn run(scene: &Scene<'_>) -> Result<u8, Failure> {
    let failed = |error: exposure::Error| failure(&error);
    let mut shown = StageShown::new(scene.common.json);
    let folder = scene.folder.join(FOLDER);
    let merged = passwords::merge(&folder, MergeScope::Everything, &mut |progress| {
        shown.update(progress);
        ControlFlow::Continue(())
    });
    shown.end();
    let merged = merged.map_err(failed)?;
    let mut shown = Shown::counting("merging accounts", scene.common.json);
    let tables = accounts::merge(&scene.folder, MergeScope::Everything, &mut |done, total| {
        shown.update(done, total)
    });
    shown.end();
    let tables = tables.map_err(failed)?;
    let is_unfinished = merged.is_unfinished || tables.is_unfinished;
    if is_unfinished {
        return Err(Failure::refused(
            "what is loaded was changed by others again and again, or somebody was erased, before the merge ended",
        )
        .hint("nothing is lost; give the command again when no import runs"));
    }
    let text = if scene.common.json {
        let object = json!({ "indexes": merged.indexes, "parts": merged.parts, "tables": tables.tables });
        format!("{object}\n")
    } else if merged.indexes + merged.parts + tables.tables == 0 {
        "everything is merged already\n".to_owned()
    } else {
        let (indexes, parts) = (merged.indexes, merged.parts);
        let tables = count(tables.tables, "table");
        format!("merged: passwords (new indexes: {indexes}, new parts: {parts}), {tables} of accounts\n")
    };
    print(text.as_bytes());
    Ok(EXIT_OK)
}
