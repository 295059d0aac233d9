//! `holdfast threat scan`

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use logs::report::{self, About, AtWork};
use logs::scan::{Outcome, Plan, scan};
use threat::alert::Level;
use threat::behaviour::GeoDatabases;
use threat::rules::Choices;

use super::loading::Chosen;
use super::{level, summary};
use crate::cli::arguments::Common;
use crate::cli::output::{self, print};
use crate::cli::progress::Shown;
use crate::control::Progress;
use crate::failure::{EXIT_OK, Failure, FailureCode};
use crate::geo_files;
use crate::new_file::{Existing, NewFile};

const HELP: &str = "\
Logs: Windows event logs (.evtx), JSON in any wrapping, syslog, Linux audit and journal, ESXi, vCenter,
Okta, Entra, Microsoft 365, Google Workspace, CloudTrail, Duo, OneLogin, Zeek; also in .gz, .zst, .zip
and .tar, unpacked as they are read. docs/threat-sources.md has the list.

Rules: those that Holdfast brings along, and any folder of Sigma rules. Rules below --level are not
shown, but still feed correlations. An empty result says what was read, and how many of the rules could
have fired on it.

With --geo, sign-ins are also compared with those before: the way from the last one, and networks and
countries that are new for somebody known for a week. Databases are those of MaxMind, DB-IP and IPinfo.

Exit code 0 whether something was found or not; 5: some files could not be read, the rest was searched.

Examples:
  holdfast threat scan /var/log
  holdfast threat scan collected.zip --rules sigma/rules --level high
  holdfast threat scan evidence --format html --output alerts.html --navigator layer.json
  holdfast threat scan okta.json --geo GeoLite2-City.mmdb --geo GeoLite2-ASN.mmdb
  holdfast threat scan evidence --format csv > alerts.csv";

/// `holdfast threat scan`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Scan {
    /// Files and folders with logs
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    chosen: Chosen,
    /// The least severe alerts that are shown
    #[arg(long, value_name = "LEVEL", default_value = "medium", value_parser = level())]
    level: Level,
    /// Look up where sign-ins come from in this database (.mmdb), and show those that are too far apart for the time between them; can be given
    /// several times
    #[arg(long, value_name = "FILE")]
    geo: Vec<PathBuf>,
    /// How the result is written
    #[arg(long, value_name = "FORM", value_enum, default_value = "table")]
    format: Form,
    /// Write the result into this file
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write a layer for the ATT&CK Navigator into this file
    #[arg(long, value_name = "FILE")]
    navigator: Option<PathBuf>,
}

/// How a result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people: what fired, on which machines, and the worst alerts
    Table,
    /// One JSON object
    Json,
    /// For spreadsheets: a line for each alert
    Csv,
    /// One page with a timeline for each machine and person
    Html,
}

pub(super) fn run(common: &Common, task: &Scan) -> Result<u8, Failure> {
    // Names are looked at before long work, not after it.
    let file = |path: &Option<PathBuf>| {
        path.as_deref()
            .map(|path| NewFile::make(path, Existing::Replaced))
            .transpose()
    };
    let (result, layer) = (file(&task.output)?, file(&task.navigator)?);
    let choices = Choices {
        minimum_level: task.level,
        ..Choices::default()
    };
    let mut engine = task.chosen.engine(choices)?;
    let mut shown = Shown::new("searching", common.json);
    let (databases, problems) = geo_files::open(&task.geo);
    for problem in &problems {
        eprintln!("warning: {problem}; places are what the logs and the other databases name");
    }
    let mut plan = Plan::new(task.paths.clone());
    if !task.geo.is_empty() {
        plan.places = Some(Arc::new(GeoDatabases(databases)));
    }
    let outcome = scan(&plan, &mut engine, &mut |progress| {
        shown.update(progress.bytes_done, progress.bytes) == ControlFlow::Continue(())
    });
    shown.end();
    nothing_there(task, &outcome)?;
    let rules = AtWork::of(&engine, &outcome);
    let about = About {
        outcome: &outcome,
        rules: &rules,
        made: Timestamp::now(),
        program: concat!("Holdfast ", env!("CARGO_PKG_VERSION")),
    };
    if let Some(layer) = layer {
        let text = report::navigator(&about).to_string() + "\n";
        layer.fill(|out| out.write_all(text.as_bytes()))?;
    }
    // A form that was asked for goes before `--json`, which then is for what is said of the file.
    let form = if common.json && task.format == Form::Table {
        Form::Json
    } else {
        task.format
    };
    match result {
        Some(result) => {
            result.fill(|out| write(form, &about, out))?;
            told(common, task, &about);
        }
        None => {
            let mut out = io::BufWriter::new(io::stdout().lock());
            // A reader that went away is no failure.
            let _ = write(form, &about, &mut out).and_then(|()| out.flush());
        }
    }
    Ok(if outcome.problem_count > 0 || !problems.is_empty() {
        FailureCode::Damage.exit_code()
    } else {
        EXIT_OK
    })
}

fn write(form: Form, about: &About<'_>, out: &mut dyn Write) -> io::Result<()> {
    match form {
        Form::Table => out.write_all(summary::text(about).as_bytes()),
        Form::Json => report::json(about, out),
        Form::Csv => report::csv(about, out),
        Form::Html => report::page(about, out),
    }
}

/// A failure if no path could be read at all.
fn nothing_there(task: &Scan, outcome: &Outcome) -> Result<(), Failure> {
    match outcome.problems.first() {
        Some(problem) if outcome.files == 0 => Err(Failure::not_found(format!(
            "`{}` can't be read: {}",
            problem.name, problem.reason
        ))),
        None if outcome.files == 0 => {
            let named: Vec<_> = task.paths.iter().map(|path| format!("`{}`", path.display())).collect();
            Err(Failure::not_found(format!("no files are in {}", named.join(", "))))
        }
        _ => Ok(()),
    }
}

/// What is said where the result went into a file.
fn told(common: &Common, task: &Scan, about: &About<'_>) {
    let file: &Path = task.output.as_deref().unwrap_or(Path::new(""));
    if common.json {
        output::json(&serde_json::json!({
            "output": file,
            "navigator": task.navigator,
            "alerts": about.outcome.fired.iter().map(|fired| fired.count).sum::<u64>(),
            "records": about.outcome.records,
        }));
        return;
    }
    print(format!("{}wrote `{}`\n", summary::in_short(about), file.display()).as_bytes());
}
