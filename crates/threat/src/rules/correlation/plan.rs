//! Correlations in terms of the rules that are loaded: who feeds whom, and which fields make a group.

use std::collections::{HashMap, HashSet};

use rsigma_parser::{
    ConditionExpr, ConditionOperator, CorrelationCondition, CorrelationRule, CorrelationType, Quantifier, WindowMode,
    detection_name_matches,
};

use super::{CHAIN_MAX, SOURCES_MAX};
use crate::rules::rule::{Body, Rule, Together};

/// Fields that make a group at most.
const GROUP_FIELDS_MAX: usize = 16;

/// All correlations of a set of rules.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) correlations: Vec<Correlation>,
    /// By the number of a rule: the correlations that it feeds, and as which of their sources.
    pub(crate) feeds: HashMap<usize, Vec<(usize, u16)>>,
    /// Rules that correlations only use: they raise no alerts by themselves.
    pub(crate) silent: HashSet<usize>,
    /// Correlations that are part of a circle, by the number of their rule.
    pub(crate) circular: Vec<usize>,
}

/// One correlation.
#[derive(Debug)]
pub(crate) struct Correlation {
    /// Its rule's number.
    pub(crate) rule: usize,
    pub(crate) kind: CorrelationType,
    /// What it refers to, as written, each once.
    pub(crate) sources: Vec<String>,
    /// The sources in the order in which they are to happen.
    pub(crate) order: Vec<u16>,
    pub(crate) group_by: Vec<Key>,
    /// The span of time, in microseconds.
    pub(crate) window: i64,
    /// Empty for `temporal` without a condition.
    pub(crate) predicates: Vec<(ConditionOperator, f64)>,
    pub(crate) holds: Option<Holds>,
    /// The fields whose values are counted or added up.
    pub(crate) fields: Vec<Key>,
    pub(crate) percentile: f64,
}

/// A field that may be called differently in events of different sources.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: Box<str>,
    /// By source.
    pub(crate) fields: Vec<Box<str>>,
}

/// A boolean condition over sources.
#[derive(Debug)]
pub(crate) enum Holds {
    All(Vec<Holds>),
    AtLeast(usize, Vec<Holds>),
    Not(Box<Holds>),
    Source(u16),
}

/// Whether a correlation can be evaluated at all, whatever rules are loaded.
pub(crate) fn check(parsed: &CorrelationRule, thresholds: Option<&[(ConditionOperator, f64)]>) -> Result<(), String> {
    let kind = parsed.correlation_type;
    if parsed.rules.is_empty() {
        return Err("the correlation refers to no rules".to_owned());
    }
    if parsed.rules.len() > SOURCES_MAX || parsed.group_by.len() > GROUP_FIELDS_MAX {
        return Err(format!(
            "the correlation refers to more than {SOURCES_MAX} rules or groups by more than {GROUP_FIELDS_MAX} fields"
        ));
    }
    if parsed.window != WindowMode::Sliding {
        return Err("the correlation has another window than a sliding one, which version 2.1 doesn't know".to_owned());
    }
    let temporal = is_temporal(kind);
    match &parsed.condition {
        CorrelationCondition::Extended(expression) => {
            if !temporal {
                return Err(
                    "the correlation's condition is a text, which only `temporal` and `temporal_ordered` take"
                        .to_owned(),
                );
            }
            let sources = sources(parsed);
            holds(expression, &sources).map(|_| ())
        }
        CorrelationCondition::Threshold { field, .. } => {
            let fields = field.as_ref().map_or(0, Vec::len);
            let wanted = match kind {
                CorrelationType::EventCount | CorrelationType::Temporal | CorrelationType::TemporalOrdered => {
                    0..=usize::MAX
                }
                CorrelationType::ValueCount => 1..=GROUP_FIELDS_MAX,
                _ => 1..=1,
            };
            if !wanted.contains(&fields) {
                return Err(format!(
                    "the correlation's condition names {fields} fields, which `{}` can't work with",
                    kind.as_str()
                ));
            }
            if !temporal && thresholds.is_none_or(<[_]>::is_empty) {
                return Err("the correlation's condition has no number to compare with".to_owned());
            }
            Ok(())
        }
    }
}

/// Whether a correlation is about which rules hit, not about how often or with what.
pub(crate) fn is_temporal(kind: CorrelationType) -> bool {
    matches!(kind, CorrelationType::Temporal | CorrelationType::TemporalOrdered)
}

/// What a correlation refers to, each once.
fn sources(parsed: &CorrelationRule) -> Vec<String> {
    let mut sources: Vec<String> = Vec::new();
    for reference in &parsed.rules {
        if !sources.contains(reference) {
            sources.push(reference.clone());
        }
    }
    sources
}

fn holds(expression: &ConditionExpr, sources: &[String]) -> Result<Holds, String> {
    let all = |inner: &[ConditionExpr]| {
        inner
            .iter()
            .map(|inner| holds(inner, sources))
            .collect::<Result<Vec<_>, _>>()
    };
    let place = |name: &String| {
        sources
            .iter()
            .position(|source| source == name)
            .and_then(|at| u16::try_from(at).ok())
    };
    Ok(match expression {
        ConditionExpr::And(inner) => Holds::All(all(inner)?),
        ConditionExpr::Or(inner) => Holds::AtLeast(1, all(inner)?),
        ConditionExpr::Not(inner) => Holds::Not(Box::new(holds(inner, sources)?)),
        ConditionExpr::Identifier(name) => Holds::Source(
            place(name)
                .ok_or_else(|| format!("the correlation's condition names `{name}`, which isn't under its `rules:`"))?,
        ),
        ConditionExpr::Selector { quantifier, pattern } => {
            let matching = sources.iter().filter(|source| match pattern {
                rsigma_parser::SelectorPattern::Them => true,
                rsigma_parser::SelectorPattern::Pattern(pattern) => detection_name_matches(pattern, source),
            });
            let matching: Vec<Holds> = matching.filter_map(place).map(Holds::Source).collect();
            if matching.is_empty() {
                return Err(format!(
                    "the correlation's condition asks for `{pattern}`, which matches none of its `rules:`"
                ));
            }
            match quantifier {
                Quantifier::All => Holds::All(matching),
                Quantifier::Any => Holds::AtLeast(1, matching),
                Quantifier::Count(count) => Holds::AtLeast(usize::try_from(*count).unwrap_or(usize::MAX), matching),
            }
        }
    })
}

impl Plan {
    /// The plan of all correlations among `rules`, without those that are off.
    pub(crate) fn new(rules: &[Rule], off: &dyn Fn(&Rule) -> bool) -> Self {
        let names = Names::of(rules);
        let circular = circular(rules, &names);
        let mut plan = Self {
            circular,
            ..Self::default()
        };
        let mut generating = HashSet::new();
        for (number, rule) in rules.iter().enumerate() {
            let Body::Correlation(together) = &rule.body else {
                continue;
            };
            if off(rule) || plan.circular.binary_search(&number).is_ok() {
                continue;
            }
            let at = plan.correlations.len();
            let correlation = Correlation::new(number, together, rules, &names);
            for (source, reference) in (0_u16..).zip(&correlation.sources) {
                for &fed in names.called(reference) {
                    plan.feeds.entry(fed).or_default().push((at, source));
                    if together.parsed.generate {
                        generating.insert(fed);
                    } else {
                        plan.silent.insert(fed);
                    }
                }
            }
            plan.correlations.push(correlation);
        }
        plan.silent.retain(|rule| !generating.contains(rule));
        plan
    }
}

/// The numbers of rules by what they are called.
pub(crate) struct Names<'a>(HashMap<&'a str, Vec<usize>>);

impl<'a> Names<'a> {
    pub(crate) fn of(rules: &'a [Rule]) -> Self {
        let mut names: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, rule) in rules.iter().enumerate() {
            names.entry(&rule.id).or_default().push(number);
            if let Some(name) = rule.name.as_deref().filter(|name| *name != &*rule.id) {
                names.entry(name).or_default().push(number);
            }
        }
        Self(names)
    }

    /// The numbers of the rules that a text refers to.
    pub(crate) fn called(&self, reference: &str) -> &[usize] {
        self.0.get(reference).map_or(&[], Vec::as_slice)
    }
}

/// Correlations that lead back to themselves, or stand on a chain that is too long: those left when all that refer to none of the others have
/// been taken away, as often as a firing is passed on.
fn circular(rules: &[Rule], names: &Names<'_>) -> Vec<usize> {
    let correlations = rules.iter().enumerate().filter(|(_, rule)| rule.is_correlation());
    let mut left: HashSet<usize> = correlations.map(|(number, _)| number).collect();
    for _ in 0..=CHAIN_MAX {
        let waiting = left.clone();
        left.retain(|&number| {
            let references = rules.get(number).map_or(&[][..], Rule::refers_to);
            references
                .iter()
                .flat_map(|reference| names.called(reference))
                .any(|other| waiting.contains(other))
        });
        if left.len() == waiting.len() {
            break;
        }
    }
    let mut left: Vec<usize> = left.into_iter().collect();
    left.sort_unstable();
    left
}

impl Correlation {
    fn new(rule: usize, together: &Together, rules: &[Rule], names: &Names<'_>) -> Self {
        let parsed = &together.parsed;
        let sources = sources(parsed);
        let key = |name: &String| Key {
            name: name.as_str().into(),
            fields: sources
                .iter()
                .map(|source| aliased(parsed, name, source, rules, names))
                .collect(),
        };
        let order = parsed.rules.iter().filter_map(|reference| {
            let at = sources.iter().position(|source| source == reference)?;
            u16::try_from(at).ok()
        });
        let (fields, percentile, expression) = match &parsed.condition {
            CorrelationCondition::Threshold { field, percentile, .. } => (
                field.clone().unwrap_or_default(),
                percentile.unwrap_or(50).min(100),
                None,
            ),
            CorrelationCondition::Extended(expression) => (Vec::new(), 50, Some(expression)),
        };
        let seconds = i64::try_from(parsed.timespan.seconds).unwrap_or(i64::MAX);
        Self {
            rule,
            kind: parsed.correlation_type,
            order: order.collect(),
            group_by: parsed.group_by.iter().map(key).collect(),
            window: seconds.saturating_mul(1_000_000),
            predicates: together.thresholds.clone().unwrap_or_default(),
            holds: expression.and_then(|expression| holds(expression, &sources).ok()),
            fields: fields.iter().map(key).collect(),
            percentile: f64::from(u8::try_from(percentile).unwrap_or(100)),
            sources,
        }
    }

    /// Entries of a group that are kept: enough for twice what its condition counts.
    pub(crate) fn entries_max(&self) -> usize {
        let most = self.predicates.iter().map(|(_, number)| *number).fold(0.0, f64::max);
        // A threshold is finite; the cast saturates, and the bounds make of it what memory allows.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates, and is clamped"
        )]
        let most = most as usize;
        most.saturating_mul(2).clamp(1_000, 50_000)
    }
}

/// The field that is called `name` in events of a source.
fn aliased(parsed: &CorrelationRule, name: &str, source: &str, rules: &[Rule], names: &Names<'_>) -> Box<str> {
    let alias = parsed.aliases.iter().find(|alias| alias.alias == name);
    let Some(alias) = alias else {
        return name.into();
    };
    let direct = alias.mapping.get(source);
    // The alias may call the rule by its name where `rules:` has its identifier.
    let field = direct.or_else(|| {
        let meant = names.called(source).first().and_then(|&number| rules.get(number))?;
        alias
            .mapping
            .iter()
            .find(|(reference, _)| meant.is_called(reference))
            .map(|(_, field)| field)
    });
    field.map_or(name, String::as_str).into()
}
