//! Rules from the program and from folders.

use std::path::PathBuf;

use clap::Args;
use threat::rules::{Choices, Engine, Loaded, Settings};

use crate::cli::show::count;
use crate::failure::Failure;
use crate::rule_files::{self, is_rules, texts};

/// Which rules.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct Chosen {
    /// A folder of Sigma rules, or a file; can be given several times
    #[arg(long, value_name = "FOLDER")]
    rules: Vec<PathBuf>,
    /// Without the rules that Holdfast brings along
    #[arg(long, requires = "rules")]
    without_own: bool,
}

impl Chosen {
    /// The rules.
    pub(super) fn load(&self) -> Result<Loaded, Failure> {
        let texts = texts(&self.rules, is_rules)?;
        if !self.rules.is_empty() && texts.is_empty() {
            return Err(Failure::not_found(format!("no rules are in {}", quoted(&self.rules)))
                .hint("rules are files that end with `.yml` or `.yaml`"));
        }
        Ok(rule_files::load(&texts, !self.without_own))
    }

    /// The rules, ready to search with.
    pub(super) fn engine(&self, choices: Choices) -> Result<Engine, Failure> {
        let settings = Settings {
            choices,
            ..Settings::default()
        };
        Ok(Engine::new(self.load()?, settings))
    }

    /// Whether only the own rules are meant.
    pub(super) fn folders(&self) -> &[PathBuf] {
        &self.rules
    }
}

/// What wasn't loaded, in a sentence; empty if all was.
pub(super) fn refused(number: usize) -> String {
    match number {
        0 => String::new(),
        number => format!(
            "{} can't be used; `holdfast threat rules check` tells why\n",
            count(u64::try_from(number).unwrap_or(u64::MAX), "rule")
        ),
    }
}

fn quoted(paths: &[PathBuf]) -> String {
    paths
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect::<Vec<_>>()
        .join(", ")
}
