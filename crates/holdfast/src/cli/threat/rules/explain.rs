//! `holdfast threat rules explain`

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use logs::open::{Found, Limits, Problem, Sink};
use logs::read_log;
use logs::report::level_name;
use serde_json::json;
use threat::event::Event;
use threat::input::Source;
use threat::normalise::Normaliser;
use threat::rules::{Choices, Engine, Explanation, Rule, explain};

use crate::browse::text::printable_line;
use crate::cli::arguments::Common;
use crate::cli::output::{self, print};
use crate::cli::threat::loading::Chosen;
use crate::failure::{EXIT_OK, Failure};

const HELP: &str = "\
Examples:
  holdfast threat rules explain 0c5c1e52-6d0f-4b6f-9f53-7b1f5a1d2c01
  holdfast threat rules explain 'NTDS' --on Security.evtx --record 442136";

/// Titles that are shown where several rules have the text in theirs.
const TITLES_MAX: usize = 10;

/// `holdfast threat rules explain`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Explain {
    /// A rule's identifier, or a part of its title
    rule: String,
    #[command(flatten)]
    chosen: Chosen,
    /// A log: its first record that the rule fires on, else its first one of the right kind
    #[arg(long, value_name = "FILE")]
    on: Option<PathBuf>,
    /// This record of it
    #[arg(long, value_name = "NUMBER", requires = "on")]
    record: Option<u64>,
}

pub(super) fn run(common: &Common, task: &Explain) -> Result<u8, Failure> {
    let engine = task.chosen.engine(Choices::default())?;
    let rule = named(&engine, &task.rule)?;
    let told = match &task.on {
        Some(file) => Some(on(rule, file, task.record)?),
        None => None,
    };
    if common.json {
        let told = told.map(|(event, explanation)| {
            let lines: Vec<_> = explanation
                .lines
                .iter()
                .map(|line| json!({ "depth": line.depth, "holds": line.holds, "words": line.words }))
                .collect();
            json!({ "record": event.origin, "matched": explanation.matched, "lines": lines })
        });
        return Ok(output::json(&json!({
            "id": &*rule.id, "title": &*rule.title, "description": &*rule.description, "level": level_name(rule.level),
            "status": rule.status, "logs": rule.logsource.in_words(), "attack": rule.attack, "stage": rule.stage, "author": rule.author,
            "false_positives": rule.false_positives, "refers_to": rule.refers_to(), "file": &*rule.file, "line": rule.line,
            "on": told,
        })));
    }
    let mut text = words(rule);
    if let Some((event, explanation)) = told {
        let verdict = if explanation.matched { "fires" } else { "doesn't fire" };
        text += &format!("\nit {verdict} on {}#{}:\n", event.origin.source, event.origin.record);
        for line in &explanation.lines {
            let sign = if line.holds { "+" } else { "-" };
            text += &format!("{}{sign} {}\n", "  ".repeat(line.depth + 1), line.words);
        }
    }
    print(text.lines().map(printable_line).collect::<String>().as_bytes());
    Ok(EXIT_OK)
}

/// The rule that is called so: by its identifier, else by a part of its title that no other has.
fn named<'a>(engine: &'a Engine, name: &str) -> Result<&'a Rule, Failure> {
    if let Some(rule) = engine.rule(name) {
        return Ok(rule);
    }
    let wanted = name.to_lowercase();
    let found: Vec<&Rule> = engine
        .rules()
        .iter()
        .filter(|rule| rule.title.to_lowercase().contains(&wanted))
        .collect();
    match found.as_slice() {
        [] => {
            Err(Failure::not_found(format!("no rule is called `{name}`"))
                .hint("`holdfast threat rules list` shows them"))
        }
        [rule] => Ok(rule),
        several => {
            let titles: Vec<_> = several
                .iter()
                .take(TITLES_MAX)
                .map(|rule| format!("{} ({})", rule.id, rule.title))
                .collect();
            Err(Failure::usage(format!("several rules are called `{name}`")).hint(titles.join(", ")))
        }
    }
}

fn words(rule: &Rule) -> String {
    let mut text = format!(
        "{} ({}, {:?})\n{}\n",
        rule.title,
        level_name(rule.level),
        rule.status,
        rule.description.trim_end()
    );
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            text += &format!("{name:<16}{value}\n");
        }
    };
    line("id", rule.id.to_string());
    line("logs", rule.logsource.in_words());
    line("ATT&CK", rule.attack.join(", "));
    line(
        "stage",
        rule.stage
            .map(|stage| format!("{stage}: {}", stage.words()))
            .unwrap_or_default(),
    );
    line("of rules", rule.refers_to().join(", "));
    line("looks alike", rule.false_positives.join("; "));
    line("author", rule.author.as_deref().unwrap_or_default().to_owned());
    line("where", format!("{}:{}", rule.file, rule.line));
    text
}

/// The first event that a rule fires on, or that it is for, and why it does or doesn't.
struct Looking<'a> {
    rule: &'a Rule,
    record: Option<u64>,
    received: Timestamp,
    found: Option<(Event, Explanation)>,
    problem: Option<Problem>,
}

impl Looking<'_> {
    fn look(&mut self, event: Event) {
        let is_meant = match self.record {
            Some(record) => event.origin.record == record,
            None => self.rule.logsource.fits(&event.logsource),
        };
        if !is_meant || self.is_done() {
            return;
        }
        let explanation = explain(self.rule, &event, &BTreeMap::new());
        if self.found.is_none() || explanation.matched {
            self.found = Some((event, explanation));
        }
    }

    fn is_done(&self) -> bool {
        let found = self.found.as_ref();
        found.is_some_and(|(_, explanation)| self.record.is_some() || explanation.matched)
    }
}

impl Sink for Looking<'_> {
    fn log(&mut self, name: Source, content: &mut dyn Read) -> bool {
        let mut normaliser = Normaliser::new();
        // What can't be read on is told by whoever opened it.
        let _ = read_log(content, &name, &mut |record| {
            if let Ok(record) = record {
                let received = self.received;
                normaliser.take(record, received, &mut |event| {
                    if let Ok(event) = event {
                        self.look(event);
                    }
                });
            }
            !self.is_done()
        });
        normaliser.finish(&mut |event| {
            if let Ok(event) = event {
                self.look(event);
            }
        });
        !self.is_done()
    }

    fn problem(&mut self, problem: Problem) {
        self.problem.get_or_insert(problem);
    }
}

fn on(rule: &Rule, file: &std::path::Path, record: Option<u64>) -> Result<(Event, Explanation), Failure> {
    let mut looking = Looking {
        rule,
        record,
        received: Timestamp::now(),
        found: None,
        problem: None,
    };
    let found = Found {
        path: file.to_owned(),
        bytes: 0,
    };
    logs::open::read(&found, &Limits::default(), &|_| true, &mut looking);
    match (looking.found, looking.problem) {
        (Some(found), _) => Ok(found),
        (None, Some(problem)) => Err(Failure::not_found(format!(
            "`{}` can't be read: {}",
            problem.name, problem.reason
        ))),
        (None, None) => Err(
            Failure::not_found(format!("no record of `{}` is meant", file.display()))
                .hint(format!("the rule is for logs of {}", rule.logsource.in_words())),
        ),
    }
}
