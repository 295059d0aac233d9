//! `holdfast ledger list`

use clap::Args;
use respond::ledger::{Filter, Record};
use respond::{Page, Sequence};
use serde_json::json;

use crate::cli::noted::{Noted, shown, time_if};
use crate::cli::output::{self, print};
use crate::cli::table::{Align, Table};
use crate::failure::{EXIT_OK, Failure};

pub(super) const HELP: &str = "\
Examples:
  holdfast ledger list --kind approval.
  holdfast ledger list --subject incident/7
  holdfast ledger list --since -1h";

/// `holdfast ledger list`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct List {
    /// Only records after this one
    #[arg(long, value_name = "N", default_value_t = 0)]
    after: i64,
    /// Only those about this, such as `incident/7`
    #[arg(long)]
    subject: Option<String>,
    /// Only those whose kind begins like this, such as `incident.` or `action.started`
    #[arg(long)]
    kind: Option<String>,
    /// Only those of this time or later
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<String>,
    /// Only those of this time or earlier
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// So many at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    most: usize,
}

pub(super) fn run(noted: &Noted<'_>, task: &List) -> Result<u8, Failure> {
    let filter = Filter {
        after: Sequence(task.after),
        subject: task.subject.clone(),
        kind: task.kind.clone(),
        actor: None,
        since: time_if(task.since.as_ref())?,
        until: time_if(task.until.as_ref())?,
    };
    let records = noted
        .ask(|ledger| ledger.records(&filter, task.most))?
        .unwrap_or_default();
    if noted.common.json {
        return Ok(output::json(&json!({ "records": records })));
    }
    print(text(&records, task.most).as_bytes());
    Ok(EXIT_OK)
}

fn text(records: &[Record], most: usize) -> String {
    let Some(last) = records.last() else {
        return "there is no such record\n".to_owned();
    };
    let mut table = Table::new(&[
        ("RECORD", Align::Right),
        ("TIME", Align::Left),
        ("WHO", Align::Left),
        ("WHAT", Align::Left),
        ("ABOUT", Align::Left),
    ]);
    for record in records {
        table.row(vec![
            record.sequence.to_string(),
            shown(record.time),
            record.actor.to_string(),
            record.kind.clone(),
            record.subject.clone(),
        ]);
    }
    let mut text = table.render();
    if Page::newest(most).is_filled_by(records.len()) {
        text += &format!("those after it: `--after {}`\n", last.sequence);
    }
    text
}
