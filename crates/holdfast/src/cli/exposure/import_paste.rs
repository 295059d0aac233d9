//! `holdfast exposure import paste`

use std::path::PathBuf;

use clap::Args;
use exposure::accounts::AccountsWriter;
use exposure::ingest::{AboutPaste, import_paste};
use serde_json::json;

use super::Scene;
use super::failures::{failure, import_failure};
use super::import_breach::{ROOM, exit_code, read, warn};
use crate::cli::output::print;
use crate::failure::Failure;

/// `holdfast exposure import paste`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct ImportPaste {
    /// The paste
    path: PathBuf,
    /// What is known about it: a file, TOML or JSON
    #[arg(long, value_name = "FILE")]
    about: PathBuf,
}

const HELP: &str = "\
The file about it:
  source = \"Pastebin\"
  id = \"8Q0BvKD8\"
  title = \"syslog\"                    # if it has one
  date = \"2014-03-04T19:14:54Z\"       # if it is known";

pub(super) fn run(scene: &Scene<'_>, task: &ImportPaste) -> Result<u8, Failure> {
    let about = AboutPaste::parse(&read(&task.about)?).map_err(|error| failure(&error))?;
    scene.place.prepare()?;
    let failed = |error: exposure::Error| import_failure(&error, &scene.folder, ROOM);
    let mut writer = AccountsWriter::open(&scene.folder).map_err(failed)?;
    let (addresses, problems) = import_paste(&mut writer, &task.path, &about).map_err(failed)?;
    if scene.common.json {
        let object = json!({
            "source": about.source, "id": about.id, "addresses": addresses,
            "unreadable_count": problems.count, "unreadable": problems.listed,
        });
        print((object.to_string() + "\n").as_bytes());
    } else {
        print(
            format!(
                "the paste `{}` of `{}` is loaded: {addresses} addresses\n",
                about.id, about.source
            )
            .as_bytes(),
        );
        warn(&problems);
    }
    Ok(exit_code(&problems))
}
