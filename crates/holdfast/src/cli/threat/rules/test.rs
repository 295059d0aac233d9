//! `holdfast threat rules test`

use clap::Args;
use serde_json::json;
use threat::rules::{Choices, example};

use crate::browse::text::printable_line;
use crate::cli::arguments::Common;
use crate::cli::output::{self, print};
use crate::cli::show::count;
use crate::cli::threat::loading::Chosen;
use crate::failure::{EXIT_OK, Failure, FailureCode};
use crate::rule_files::{is_examples, texts};

const HELP: &str = "\
Examples lie beside rules, in files named `*.examples.yml`: raw records of a log, and whether the rule
fires on them. They go through the same readers as real logs.

  rule: 0c5c1e52-...
  examples:
    - says: An administrator's password is set by an agent
      fires: true
      records:
        - line: '<14>1 {received} esx01 Hostd - - - ...'
        - document: {eventType: user.account.reset_password, ...}

Exit code 7: an example doesn't hold, or can't be read.

Example:
  holdfast threat rules test --rules mine";

/// `holdfast threat rules test`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Test {
    #[command(flatten)]
    chosen: Chosen,
}

pub(super) fn run(common: &Common, task: &Test) -> Result<u8, Failure> {
    let files = texts(task.chosen.folders(), is_examples)?;
    if files.is_empty() {
        return Err(
            Failure::not_found("no examples are there").hint("name a folder with files `*.examples.yml` by `--rules`")
        );
    }
    let mut engine = task.chosen.engine(Choices::default())?;
    let (mut tried, mut failures) = (0, Vec::new());
    for file in &files {
        match example::parse(&file.file, &file.text) {
            Ok(examples) => {
                let (positive, negative) = examples.counts();
                tried += positive + negative;
                let failed = example::run(&examples, &mut engine);
                failures.extend(
                    failed
                        .into_iter()
                        .map(|failure| (file.file.clone(), failure.says, failure.reason)),
                );
            }
            Err(bad) => failures.push((bad.file, format!("line {}", bad.line), bad.reason)),
        }
    }
    let code = if failures.is_empty() {
        EXIT_OK
    } else {
        FailureCode::Config.exit_code()
    };
    if common.json {
        let failures: Vec<_> = failures
            .iter()
            .map(|(file, says, reason)| json!({ "file": file, "says": says, "reason": reason }))
            .collect();
        output::json(&json!({ "examples": tried, "failures": failures }));
        return Ok(code);
    }
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let mut told = String::new();
    for (file, says, reason) in &failures {
        told += &printable_line(&format!("{file}: {says}: {reason}"));
    }
    told += &format!("{} tried, {} failed\n", count(number(tried), "example"), failures.len());
    print(told.as_bytes());
    Ok(code)
}
