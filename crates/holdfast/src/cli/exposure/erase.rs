//! `holdfast exposure erase`

use clap::Args;
use exposure::accounts::{AccountsWriter, Erasure};
use serde_json::json;

use super::Scene;
use super::failures::failure;
use crate::cli::output::print;
use crate::cli::unseen::read_lines_if_any;
use crate::exposure_delivery::now;
use crate::failure::{EXIT_OK, Failure};

/// People who are erased at once, at most.
const ACCOUNTS_MAX: usize = 1_000_000;

/// `holdfast exposure erase`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Erase {
    /// The address, telephone number or user name; better not given here, where other users of the machine see it and the shell
    /// writes it down
    #[arg(value_name = "ADDRESS")]
    account: Option<String>,
}

const HELP: &str = "\
Without ADDRESS it is asked for, or read from the standard input, one a line.

The person is out of every answer at once, and what is stored about them is removed from all files before the command ends: breaches,
logs of malware, pastes, watches, notices. A later import doesn't bring them back; for that, the SHA-1 of the address stays, as does a
wish to get no more mail. Copies and backups of the data folder are yours to find.

Examples:
  holdfast exposure erase
  holdfast exposure erase < requests.txt";

pub(super) fn run(scene: &Scene<'_>, task: &Erase) -> Result<u8, Failure> {
    let accounts = match &task.account {
        Some(account) => vec![account.clone()],
        None => {
            let lines = read_lines_if_any("address", ACCOUNTS_MAX)?;
            lines.iter().map(|line| line.trim().to_owned()).collect()
        }
    };
    if accounts.is_empty() {
        return Err(Failure::usage("nobody was named who is to be erased").hint("type or send an address, one a line"));
    }
    scene.place.prepare()?;
    let mut writer = AccountsWriter::open(&scene.folder).map_err(|error| failure(&error))?;
    let erasure = writer.erase(&accounts, now()).map_err(|error| failure(&error))?;
    if scene.common.json {
        let object = json!({
            "erased": accounts.len(), "rows": erasure.rows, "ledger_rows": erasure.ledger_rows,
            "log_is_empty": erasure.log_is_empty,
        });
        print((object.to_string() + "\n").as_bytes());
    } else {
        print(text(accounts.len(), erasure).as_bytes());
    }
    Ok(EXIT_OK)
}

fn text(people: usize, erasure: Erasure) -> String {
    let who = if people == 1 {
        "the person is".to_owned()
    } else {
        format!("{people} people are")
    };
    let mut text = format!(
        "{who} erased: {} rows of tables and {} of the ledger were removed\n",
        erasure.rows, erasure.ledger_rows
    );
    if !erasure.log_is_empty {
        text += "the ledger's log is in use and may hold what was removed until the server has written it back, within minutes\n";
    }
    text
}
