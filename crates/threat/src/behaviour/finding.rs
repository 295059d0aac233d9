//! A finding of a model, made into an alert.

use std::sync::Arc;

use crate::alert::{Alert, Finder, Level};
use crate::event::Event;

/// What a model found in an event.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    /// The model's name.
    pub(super) model: &'static str,
    /// Which of the kinds of things that the model tells apart: different kinds are different findings.
    pub(super) part: Option<String>,
    pub(super) title: &'static str,
    pub(super) level: Level,
    pub(super) attack: &'static [&'static str],
    /// What is unusual compared with what.
    pub(super) words: String,
    /// How many events took part.
    pub(super) count: u64,
}

impl Finding {
    pub(super) fn alert(self, event: &Event) -> Alert {
        let (model, title) = match &self.part {
            Some(part) => (
                format!("{}/{}", self.model, part.replace(' ', "-")),
                format!("{}: {part}", self.title),
            ),
            None => (self.model.to_owned(), self.title.to_owned()),
        };
        Alert {
            time: event.time,
            finder: Finder::Behaviour(Arc::from(model)),
            title: Arc::from(title),
            level: self.level,
            attack: self.attack.iter().map(|tag| Box::from(*tag)).collect(),
            words: self.words,
            logsource: event.logsource,
            facts: event.facts.kept(),
            matched: Vec::new(),
            evidence: vec![event.origin.clone()],
            count: self.count,
        }
    }
}

/// One below: what others do too weighs less.
pub(super) const fn lower(level: Level) -> Level {
    match level {
        Level::Critical => Level::High,
        Level::High => Level::Medium,
        Level::Medium => Level::Low,
        Level::Low | Level::Informational => Level::Informational,
    }
}

/// `1 person`, `12 people`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
