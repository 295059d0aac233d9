//! `holdfast threat rules check`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use threat::rules::{Severity, check};

use crate::browse::text::printable_line;
use crate::cli::arguments::Common;
use crate::cli::output::{self, print};
use crate::cli::show::count;
use crate::failure::{EXIT_OK, Failure, FailureCode};
use crate::rule_files::{is_rules, texts};

const HELP: &str = "\
Exit code 7: at least one rule can't be used. Warnings and advice alone are 0.

Examples:
  holdfast threat rules check sigma/rules
  holdfast threat rules check mine.yml --advice";

/// `holdfast threat rules check`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Check {
    /// Files and folders of rules
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Also what is only untidy
    #[arg(long)]
    advice: bool,
}

pub(super) fn run(common: &Common, task: &Check) -> Result<u8, Failure> {
    let texts = texts(&task.paths, is_rules)?;
    if texts.is_empty() {
        return Err(Failure::not_found("no rules are there").hint("rules are files that end with `.yml` or `.yaml`"));
    }
    let mut found = Vec::new();
    for text in &texts {
        let diagnostics = check(&text.file, &text.text);
        let wanted = diagnostics
            .into_iter()
            .filter(|diagnostic| task.advice || diagnostic.severity != Severity::Advice);
        found.extend(wanted.map(|diagnostic| (text.file.as_str(), diagnostic)));
    }
    let errors = found
        .iter()
        .filter(|(_, diagnostic)| diagnostic.severity == Severity::Error)
        .count();
    let code = if errors > 0 {
        FailureCode::Config.exit_code()
    } else {
        EXIT_OK
    };
    if common.json {
        let found: Vec<_> = found
            .iter()
            .map(|(file, diagnostic)| json!({ "file": file, "diagnostic": diagnostic }))
            .collect();
        output::json(&json!({ "files": texts.len(), "errors": errors, "found": found }));
        return Ok(code);
    }
    let mut told = String::new();
    for (file, diagnostic) in &found {
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Advice => "advice",
        };
        told += &printable_line(&format!(
            "{file}:{}: {severity}: {}",
            diagnostic.line, diagnostic.reason
        ));
        if !diagnostic.hint.is_empty() {
            told += &printable_line(&format!("  hint: {}", diagnostic.hint));
        }
    }
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    told += &format!(
        "{} in {}\n",
        count(number(errors), "error"),
        count(number(texts.len()), "file")
    );
    print(told.as_bytes());
    Ok(code)
}
