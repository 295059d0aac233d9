//! Texts of Sigma rules into rules. What can't be loaded is named, with the reason and with what to do; nothing is passed over in silence.

pub(crate) mod documents;
mod filter;
pub(crate) mod guard;
mod refuse;
mod rewrite;
mod wildcards;

use std::collections::HashMap;
use std::sync::Arc;

use rsigma_eval::compile_rule;
use rsigma_parser::{ConditionOperator, CorrelationRule, FilterRule, LogSource, SigmaRule, parse_sigma_yaml};
use yaml_serde::{Mapping, Value};

use crate::alert::Level;
use crate::rules::rule::{Body, Detection, Rule, Status, Together, Wanted};
use crate::rules::stage::Stage;
use documents::Document;
pub use refuse::Refused;
use refuse::Source;

/// Rules that are loaded at most.
pub const RULES_MAX: usize = 50_000;
/// Documents that are named as refused at most, and as remarkable at most.
const REFUSED_MAX: usize = 10_000;
/// The longest window of a correlation, in seconds: a year and a day.
const TIMESPAN_MAX_SECONDS: u64 = 366 * 86_400;

/// What became of texts of rules.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Those that were loaded, in their order.
    pub rules: Vec<Rule>,
    /// Documents that weren't, with the reason.
    pub refused: Vec<Refused>,
    /// What is odd about documents that were: a level that isn't one, a filter that meets no rule.
    pub remarks: Vec<Refused>,
}

/// Loads rules, correlations and filters from texts, each with the name of the file that it is from.
///
/// Filters are laid on the rules that they name, in whatever order the texts come.
pub fn load<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Loaded {
    let mut loading = Loading::default();
    for (file, text) in texts {
        let file: Arc<str> = file.into();
        for document in documents::read(text) {
            match document {
                Ok(document) => loading.document(&file, document),
                Err(broken) => loading.refuse(Source::broken(&file, &broken), broken.reason, broken.hint.to_owned()),
            }
        }
    }
    loading.finish()
}

#[derive(Default)]
struct Loading {
    loaded: Loaded,
    /// Rules by what they are called, to tell of two with one identifier.
    called: HashMap<Box<str>, usize>,
    filters: Vec<(FilterRule, Source)>,
}

impl Loading {
    fn document(&mut self, file: &Arc<str>, document: Document) {
        let source = Source::of(file, &document);
        if let Err(reason) = self.parse(document, &source) {
            let hint = refuse::hint(&reason).to_owned();
            self.refuse(source, reason, hint);
        }
    }

    fn parse(&mut self, mut document: Document, source: &Source) -> Result<(), String> {
        guard::conditions(&document.value)?;
        let thresholds = take_thresholds(&mut document.value);
        let text = if document.merged || thresholds.as_ref().is_some_and(|found| found.changed) {
            yaml_serde::to_string(&document.value).map_err(|error| error.to_string())?
        } else {
            document.text
        };
        let parsed = parse_sigma_yaml(&text).map_err(|error| error.to_string())?;
        let found = parsed.rules.len() + parsed.correlations.len() + parsed.filters.len();
        if found == 0 {
            let reasons = parsed.errors.join("; ");
            return Err(if reasons.is_empty() {
                "it holds no rule".to_owned()
            } else {
                reasons
            });
        }
        for rule in parsed.rules {
            self.detection(rule, source)?;
        }
        for rule in parsed.correlations {
            let thresholds = thresholds.as_ref().map(|found| found.predicates.clone());
            self.correlation(rule, thresholds, source)?;
        }
        for mut rule in parsed.filters {
            rewrite::rewrite(&mut rule.detection.named);
            self.filters.push((rule, source.clone()));
        }
        for remark in parsed.errors {
            let hint = refuse::hint(&remark).to_owned();
            self.remark(source.clone(), remark, hint);
        }
        Ok(())
    }

    fn detection(&mut self, mut parsed: SigmaRule, source: &Source) -> Result<(), String> {
        guard::values(&parsed)?;
        if parsed.detection.timeframe.is_some() {
            let reason = "`timeframe` of a detection is ignored".to_owned();
            let hint = "count events in a correlation with a `timespan`".to_owned();
            self.remark(source.clone(), reason, hint);
        }
        rewrite::rewrite(&mut parsed.detection.named);
        let compiled = compile_rule(&parsed).map_err(|error| error.to_string())?;
        let rule = Rule {
            logsource: wanted(&parsed.logsource),
            level: level(parsed.level),
            status: status(parsed.status),
            attack: attack(&parsed.tags),
            stage: Stage::of(&parsed.custom_attributes),
            title: parsed.title.as_str().into(),
            description: parsed.description.take().unwrap_or_default().trim().into(),
            author: parsed.author.take().map(Into::into),
            false_positives: std::mem::take(&mut parsed.falsepositives),
            id: source.identifier(parsed.id.as_deref()),
            name: parsed.name.as_deref().map(Into::into),
            file: source.file.clone(),
            line: source.line,
            body: Body::Detection(Box::new(Detection {
                parsed: lean(parsed),
                compiled: Some(compiled),
            })),
        };
        self.add(rule, source)
    }

    fn correlation(
        &mut self,
        mut parsed: CorrelationRule,
        thresholds: Option<Vec<(ConditionOperator, f64)>>,
        source: &Source,
    ) -> Result<(), String> {
        if parsed.timespan.seconds == 0 || parsed.timespan.seconds > TIMESPAN_MAX_SECONDS {
            return Err(format!(
                "the timespan `{}` isn't between a second and a year",
                parsed.timespan.original
            ));
        }
        crate::rules::correlation::check(&parsed, thresholds.as_deref())?;
        let rule = Rule {
            logsource: Wanted::default(),
            level: level(parsed.level),
            status: status(parsed.status),
            attack: attack(&parsed.tags),
            stage: Stage::of(&parsed.custom_attributes),
            title: parsed.title.as_str().into(),
            description: parsed.description.take().unwrap_or_default().trim().into(),
            author: parsed.author.take().map(Into::into),
            false_positives: std::mem::take(&mut parsed.falsepositives),
            id: source.identifier(parsed.id.as_deref()),
            name: parsed.name.as_deref().map(Into::into),
            file: source.file.clone(),
            line: source.line,
            body: Body::Correlation(Box::new(Together { parsed, thresholds })),
        };
        self.add(rule, source)
    }

    /// Takes a rule in, unless it has the identifier of one that was before it.
    fn add(&mut self, rule: Rule, source: &Source) -> Result<(), String> {
        if self.loaded.rules.len() >= RULES_MAX {
            return Err(format!("more than {RULES_MAX} rules"));
        }
        if let Some(other) = self
            .called
            .get(&*rule.id)
            .and_then(|&other| self.loaded.rules.get(other))
        {
            return Err(format!(
                "its identifier `{}` is that of `{}` ({}, line {}), which was loaded before",
                rule.id, other.title, other.file, other.line
            ));
        }
        let number = self.loaded.rules.len();
        self.called.insert((&*rule.id).into(), number);
        if let Some(name) = rule.name.clone()
            && let Some(other) = self.called.insert(name.clone(), number)
            && let Some(other) = self.loaded.rules.get(other).map(|other| other.title.clone())
            && name.as_ref() != &*rule.id
        {
            let reason = format!("its name `{name}` is that of `{other}` too: correlations that use it mean both");
            self.remark(source.clone(), reason, "give each rule a name of its own".to_owned());
        }
        self.loaded.rules.push(rule);
        Ok(())
    }

    fn refuse(&mut self, source: Source, reason: String, hint: String) {
        if self.loaded.refused.len() < REFUSED_MAX {
            self.loaded.refused.push(source.refused(reason, hint));
        }
    }

    fn remark(&mut self, source: Source, reason: String, hint: String) {
        if self.loaded.remarks.len() < REFUSED_MAX {
            self.loaded.remarks.push(source.refused(reason, hint));
        }
    }

    fn finish(mut self) -> Loaded {
        for (number, (rule, source)) in std::mem::take(&mut self.filters).into_iter().enumerate() {
            match filter::lay(&rule, number, &mut self.loaded.rules) {
                Ok(0) => self.remark(
                    source,
                    "the filter meets none of the rules".to_owned(),
                    "check the identifiers under `filter: rules:` and its logsource".to_owned(),
                ),
                Ok(_) => {}
                Err(reason) => {
                    let hint = refuse::hint(&reason).to_owned();
                    self.refuse(source, reason, hint);
                }
            }
        }
        self.compile_changed();
        self.loaded
    }

    /// Compiles the rules that filters were laid on; one that can't be is taken out again.
    fn compile_changed(&mut self) {
        let mut broken = Vec::new();
        self.loaded.rules.retain_mut(|rule| {
            let Body::Detection(detection) = &mut rule.body else {
                return true;
            };
            if detection.compiled.is_none() {
                match compile_rule(&detection.parsed) {
                    Ok(compiled) => detection.compiled = Some(compiled),
                    Err(error) => broken.push((Source::of_rule(rule), format!("with its filters: {error}"))),
                }
            }
            !matches!(&rule.body, Body::Detection(detection) if detection.compiled.is_none())
        });
        for (source, reason) in broken {
            self.refuse(source, reason, "check the filters that name this rule".to_owned());
        }
    }
}

/// A correlation's predicates as they were written.
struct Thresholds {
    predicates: Vec<(ConditionOperator, f64)>,
    /// Whether the document was changed because the library wouldn't take them.
    changed: bool,
}

/// The predicates of a correlation's condition. Those that aren't whole numbers are replaced in the document, since the library takes no
/// others.
fn take_thresholds(document: &mut Mapping) -> Option<Thresholds> {
    let condition = document
        .get_mut("correlation")?
        .get_mut("condition")?
        .as_mapping_mut()?;
    let mut found = Thresholds {
        predicates: Vec::new(),
        changed: false,
    };
    for (name, operator) in [
        ("lt", ConditionOperator::Lt),
        ("lte", ConditionOperator::Lte),
        ("gt", ConditionOperator::Gt),
        ("gte", ConditionOperator::Gte),
        ("eq", ConditionOperator::Eq),
        ("neq", ConditionOperator::Neq),
    ] {
        let Some(number) = condition
            .get(name)
            .and_then(Value::as_f64)
            .filter(|number| number.is_finite())
        else {
            continue;
        };
        found.predicates.push((operator, number));
        if condition.get(name).and_then(Value::as_u64).is_none() {
            condition.insert(name.into(), 1.into());
            found.changed = true;
        }
    }
    Some(found)
}

/// A parsed rule without what nobody reads after loading.
fn lean(mut rule: SigmaRule) -> SigmaRule {
    rule.tags = Vec::new();
    rule.references = Vec::new();
    rule.related = Vec::new();
    rule.fields = Vec::new();
    rule.custom_attributes = HashMap::new();
    rule
}

fn wanted(source: &LogSource) -> Wanted {
    let part = |part: &Option<String>| {
        let part = part.as_deref()?.trim();
        (!part.is_empty()).then(|| part.to_lowercase().into())
    };
    Wanted {
        product: part(&source.product),
        service: part(&source.service),
        category: part(&source.category),
    }
}

fn level(level: Option<rsigma_parser::Level>) -> Level {
    match level {
        None | Some(rsigma_parser::Level::Informational) => Level::Informational,
        Some(rsigma_parser::Level::Low) => Level::Low,
        Some(rsigma_parser::Level::Medium) => Level::Medium,
        Some(rsigma_parser::Level::High) => Level::High,
        Some(rsigma_parser::Level::Critical) => Level::Critical,
    }
}

fn status(status: Option<rsigma_parser::Status>) -> Status {
    match status {
        None | Some(rsigma_parser::Status::Experimental) => Status::Experimental,
        Some(rsigma_parser::Status::Stable) => Status::Stable,
        Some(rsigma_parser::Status::Test) => Status::Test,
        Some(rsigma_parser::Status::Deprecated) => Status::Deprecated,
        Some(rsigma_parser::Status::Unsupported) => Status::Unsupported,
    }
}

/// Tags of ATT&CK, in the spelling of version 2.1 of the specification.
fn attack(tags: &[String]) -> Arc<[Box<str>]> {
    tags.iter()
        .filter_map(|tag| tag.strip_prefix("attack."))
        .map(|tag| tag.to_lowercase().replace('_', "-").into())
        .collect()
}
