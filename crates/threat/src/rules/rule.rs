//! A rule as it was loaded: what people and policies are told of it, and its body in the terms of the Sigma library, which nobody outside
//! `rules` sees.

use std::sync::Arc;

use rsigma_eval::CompiledRule;
use rsigma_parser::{CorrelationCondition, CorrelationRule, SigmaRule};
use serde::{Deserialize, Serialize};

use crate::alert::Level;
use crate::event::Logsource;
use crate::rules::correlation::is_temporal;
use crate::rules::stage::Stage;

/// A rule that was loaded.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its identifier; of a rule that has none, `file#line` of where it begins.
    pub id: Arc<str>,
    /// Its short name, by which correlations may refer to it.
    pub name: Option<Box<str>>,
    /// What it finds, in a few words.
    pub title: Arc<str>,
    /// What it finds, in its author's sentences. Empty if they wrote none.
    pub description: Box<str>,
    /// Who wrote it. Sigma's licence wants the author named wherever a match is shown.
    pub author: Option<Box<str>>,
    /// What else looks like this.
    pub false_positives: Vec<String>,
    /// How bad a match is. A rule without a level is informational.
    pub level: Level,
    /// How mature it is. A rule without a status is experimental.
    pub status: Status,
    /// ATT&CK techniques and tactics, without `attack.`, words joined by hyphens.
    pub attack: Arc<[Box<str>]>,
    /// Which stage of an attack a match shows, if the rule says so.
    pub stage: Option<Stage>,
    /// Which logs it is for. A correlation is for those of its rules.
    pub logsource: Wanted,
    /// The text that it is from.
    pub file: Arc<str>,
    /// The line of that text on which it begins, from 1.
    pub line: u32,
    pub(crate) body: Body,
}

/// What a rule does.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Detection(Box<Detection>),
    Correlation(Box<Together>),
}

/// A rule of one event.
#[derive(Debug, Clone)]
pub(crate) struct Detection {
    /// As parsed, filters included.
    pub(crate) parsed: SigmaRule,
    /// Compiled from `parsed`; none if a filter or placeholder changed that since.
    pub(crate) compiled: Option<CompiledRule>,
}

/// A rule of several events.
#[derive(Debug, Clone)]
pub(crate) struct Together {
    pub(crate) parsed: CorrelationRule,
    /// The predicates as written: the library only knows whole numbers. None if the rule has no condition, or a boolean one.
    pub(crate) thresholds: Option<Vec<(rsigma_parser::ConditionOperator, f64)>>,
}

impl Rule {
    /// Whether it is of several events.
    #[must_use]
    pub fn is_correlation(&self) -> bool {
        matches!(self.body, Body::Correlation(_))
    }

    /// Rules that a correlation is about, as it names them. Empty for a rule of one event.
    #[must_use]
    pub fn refers_to(&self) -> &[String] {
        match &self.body {
            Body::Correlation(together) => &together.parsed.rules,
            Body::Detection(_) => &[],
        }
    }

    /// Whether a correlation refers to it by this text.
    pub(crate) fn is_called(&self, reference: &str) -> bool {
        &*self.id == reference || self.name.as_deref() == Some(reference)
    }
}

/// How mature a rule is, the least first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Can't work as it stands.
    Unsupported,
    /// Replaced by another.
    Deprecated,
    /// Untested, may be noisy.
    #[default]
    Experimental,
    /// Tried, few false alarms.
    Test,
    /// Proven.
    Stable,
}

/// The logs that a rule is for: each part that it names must be the same in an event. In lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Wanted {
    /// Such as `windows`.
    pub product: Option<Box<str>>,
    /// Such as `security`.
    pub service: Option<Box<str>>,
    /// Such as `process_creation`.
    pub category: Option<Box<str>>,
}

impl Wanted {
    /// Whether an event of this source is looked at.
    #[must_use]
    pub fn fits(&self, source: &Logsource) -> bool {
        let same =
            |wanted: &Option<Box<str>>, is: Option<&str>| wanted.as_deref().is_none_or(|wanted| Some(wanted) == is);
        same(&self.product, Some(source.product))
            && same(&self.service, source.service)
            && self.category.as_deref().is_none_or(|category| source.is_of(category))
    }

    /// As people read it: `windows / process_creation`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let parts: Vec<&str> = [&self.product, &self.service, &self.category]
            .into_iter()
            .filter_map(|part| part.as_deref())
            .collect();
        if parts.is_empty() {
            "any log".to_owned()
        } else {
            parts.join(" / ")
        }
    }
}

impl Together {
    /// Whether each of the rules that it refers to has to hit.
    pub(crate) fn needs_all(&self) -> bool {
        let boolean = matches!(self.parsed.condition, CorrelationCondition::Extended(_));
        is_temporal(self.parsed.correlation_type) && !boolean && self.thresholds.as_ref().is_none_or(Vec::is_empty)
    }
}
