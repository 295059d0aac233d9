//! `holdfast threat watch`: what the daemon tells, as it tells it. Follows the API's stream of records over the control socket.

mod stream;
mod words;

use std::io::Write;

use clap::Args;
use serde_json::Value;

use crate::cli::arguments::Common;
use crate::cli::output::print;
use crate::control::Client;
use crate::failure::{EXIT_OK, Failure, FailureCode};
use crate::place::Place;
use crate::reach::watch_signals;
use stream::{Next, Stream};

const HELP: &str = "\
Alerts of logs and guards as they come, the stories that they belong to and what these weigh,
incidents, and what policies do. Ctrl-C ends it. With --json each line is a record of the
ledger.

Examples:
  holdfast threat watch
  holdfast threat watch --all
  holdfast threat watch --json | jq .body.title";

/// `holdfast threat watch`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Watch {
    /// Also alerts of disks, drills, the breach monitor and Holdfast itself
    #[arg(long)]
    all: bool,
}

pub(super) fn run(common: &Common, place: &Place, task: &Watch) -> Result<u8, Failure> {
    let interrupted = watch_signals()?;
    let client = Client::connect(&place.data)?.ok_or_else(|| {
        Failure::not_found(format!("no daemon runs in `{}`", place.data.display()))
            .hint("start one with `holdfast up`; `holdfast threat replay` plays logs of the past")
    })?;
    let mut stream = Stream::open(client.into_parts().0)?;
    if !common.json {
        // Nothing is left to be done where even this can't be shown.
        let _ = writeln!(std::io::stderr(), "watching what the daemon tells; Ctrl-C ends it");
    }
    loop {
        match stream.next(&interrupted)? {
            Next::Record(record) if !(task.all || words::is_meant(&record)) => {}
            Next::Record(record) if common.json => print(format!("{record}\n").as_bytes()),
            Next::Record(record) => print(words::line(&record).as_bytes()),
            Next::Interrupted => return Ok(EXIT_OK),
            Next::End => {
                return Err(Failure::new(
                    FailureCode::Failure,
                    "the daemon tells nothing any more: it has stopped",
                )
                .hint("`holdfast status` shows whether it runs"));
            }
        }
    }
}

/// A text among a record's facts.
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
