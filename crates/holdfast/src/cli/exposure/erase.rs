//! `holdfast exposure erase`

use std::io::{BufRead, IsTerminal, Write};

use clap::Args;
use exposure::accounts::{AccountsWriter, Erasure};
use serde_json::json;

use super::Scene;
use super::failures::failure;
use crate::cli::output::print;
use crate::exposure_delivery::now;
use crate::failure::{EXIT_OK, Failure};

/// The longest address, and some.
const ACCOUNT_BYTES_MAX: usize = 1024;

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
        None => asked()?,
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

/// Asks on the terminal, or reads what is sent.
fn asked() -> Result<Vec<String>, Failure> {
    let stdin = std::io::stdin();
    let is_terminal = stdin.is_terminal();
    if is_terminal {
        // Without it the command waits for an answer all the same.
        let _ = write!(std::io::stderr(), "address: ");
    }
    let mut accounts = Vec::new();
    for line in stdin.lock().lines() {
        let line = line.map_err(|error| Failure::io("read the address", &error))?;
        let account = line.trim();
        if account.len() > ACCOUNT_BYTES_MAX {
            return Err(Failure::usage("a line is longer than any address"));
        }
        if !account.is_empty() {
            accounts.push(account.to_owned());
        }
        if is_terminal {
            break;
        }
    }
    Ok(accounts)
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
