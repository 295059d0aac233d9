//! `holdfast threat events`

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use logs::open::Limits;
use logs::replay::{Outcome, replay};
use threat::event::{Event, ocsf};

use crate::browse::text::printable_line;
use crate::cli::arguments::Common;
use crate::cli::output;
use crate::cli::progress::Shown;
use crate::control::Progress;
use crate::failure::{EXIT_OK, Failure, FailureCode};
use crate::new_file::{Existing, NewFile};
use crate::reach::Interruptible;

/// Reasons and files that are named.
const NAMED_MAX: usize = 8;

const HELP: &str = "\
Every record that is understood becomes a line, in the order of the events' times: of authentication (3002),
account change (3001), group management (3006), user access (3005), entity management (3004), process (1007),
script (1009) and file (1001) activity, network (4001), DNS (4003) and API (6003) activity. What the log tells
too little of for its class is a base event (0). The record's own fields are below `unmapped`.

Exit code 5: some files could not be read; the rest was written.

Examples:
  holdfast threat events /var/log > events.ndjson
  holdfast threat events okta.json --output events.ndjson";

/// `holdfast threat events`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Events {
    /// Files and folders with logs
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// How events are written
    #[arg(long, value_name = "FORM", value_enum, default_value = "ocsf")]
    format: Form,
    /// Write them into this file
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Objects of the Open Cybersecurity Schema Framework 1.8, a line each
    Ocsf,
}

pub(super) fn run(common: &Common, task: &Events) -> Result<u8, Failure> {
    let file = task.output.as_deref();
    let file = file.map(|path| NewFile::make(path, Existing::Replaced)).transpose()?;
    let outcome = match file {
        Some(file) => {
            let mut outcome = Ok(Outcome::default());
            file.fill(|out| {
                outcome = write(common, task, out);
                Ok(())
            })?;
            outcome?
        }
        None => {
            let mut out = io::BufWriter::new(io::stdout().lock());
            let outcome = write(common, task, &mut out)?;
            // A reader that went away is no failure.
            let _ = out.flush();
            outcome
        }
    };
    if let (0, Some(problem)) = (outcome.events, outcome.problems.first()) {
        return Err(Failure::not_found(format!(
            "`{}` can't be read: {}",
            problem.name, problem.reason
        )));
    }
    warn(&outcome);
    if let Some(path) = task.output.as_ref().filter(|_| common.json) {
        let told = serde_json::json!({ "output": path, "events": outcome.events, "records": outcome.records });
        output::json(&told);
    }
    Ok(if outcome.problem_count > 0 {
        FailureCode::Damage.exit_code()
    } else {
        EXIT_OK
    })
}

/// Writes all events, until the end, a signal, or nobody reads them any more.
fn write(common: &Common, task: &Events, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let mut shown = Shown::new("reading", common.json);
    let mut progress = Interruptible::watch(&mut shown)?;
    let outcome = replay(&task.paths, &Limits::default(), &mut |event, at| {
        let goes_on = progress.update(at.bytes_done, at.bytes) == ControlFlow::Continue(());
        goes_on && writeln!(out, "{}", line(&event, task.format)).is_ok()
    });
    shown.end();
    Ok(outcome)
}

fn line(event: &Event, format: Form) -> String {
    match format {
        Form::Ocsf => ocsf(event, env!("CARGO_PKG_VERSION")).to_string(),
    }
}

/// Says what isn't among the events.
fn warn(outcome: &Outcome) {
    let mut said = String::new();
    for (reason, tally) in outcome.not_understood.by_count().into_iter().take(NAMED_MAX) {
        said += &printable_line(&format!("not understood: {} records: {reason}", tally.count));
    }
    for problem in outcome.problems.iter().take(NAMED_MAX) {
        said += &printable_line(&format!("not read: `{}`: {}", problem.name, problem.reason));
    }
    eprint!("{said}");
}
