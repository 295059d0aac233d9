//! A rule as people are told of it, with its text.

use std::path::{Path, PathBuf};

use logs::report::level_name;
use serde::Serialize;
use threat::rules::{Rule, Stage, Status, pack};

use crate::failure::Failure;
use crate::rule_files;

/// A rule.
#[derive(Debug, Serialize)]
pub(super) struct RuleTold {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) level: &'static str,
    pub(super) status: Status,
    pub(super) description: String,
    pub(super) author: Option<String>,
    pub(super) logs: String,
    pub(super) of_rules: Vec<String>,
    pub(super) looks_alike: Vec<String>,
    pub(super) stage: Option<Stage>,
    pub(super) stage_words: Option<&'static str>,
    pub(super) file: String,
    pub(super) line: u32,
    /// As it is written.
    pub(super) text: String,
}

impl RuleTold {
    pub(super) fn of(rule: &Rule) -> Result<Self, Failure> {
        Ok(Self {
            id: rule.id.to_string(),
            title: rule.title.to_string(),
            level: level_name(rule.level),
            status: rule.status,
            description: rule.description.to_string(),
            author: rule.author.as_deref().map(str::to_owned),
            logs: rule.logsource.in_words(),
            of_rules: rule.refers_to().to_vec(),
            looks_alike: rule.false_positives.clone(),
            stage: rule.stage,
            stage_words: rule.stage.map(Stage::words),
            file: rule.file.to_string(),
            line: rule.line,
            text: document(&text(&rule.file)?, rule.line),
        })
    }
}

/// The text of a file of rules: of the program's own, or one of the user's.
fn text(file: &str) -> Result<String, Failure> {
    if let Some((_, text)) = pack::RULES.iter().find(|(name, _)| *name == file) {
        return Ok((*text).to_owned());
    }
    let texts = rule_files::texts(&[PathBuf::from(file)], |_| true)?;
    let text = texts.into_iter().find(|text| Path::new(&text.file) == Path::new(file));
    Ok(text.map(|text| text.text).unwrap_or_default())
}

/// The document that begins on a line, from 1.
fn document(text: &str, line: u32) -> String {
    let before = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    let lines = text.lines().skip(before).skip_while(|line| line.trim_end() == "---");
    let lines = lines.take_while(|line| line.trim_end() != "---");
    lines.map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_ends_where_the_next_one_begins() {
        assert_eq!(document("title: a\nx: 1\n---\ntitle: b\n", 1), "title: a\nx: 1\n");
        assert_eq!(document("title: a\n---\ntitle: b\ny: 2", 3), "title: b\ny: 2\n");
        assert_eq!(document("title: a\n---\ntitle: b\n", 2), "title: b\n");
        assert_eq!(document("title: a\n", 9), "");
    }
}
