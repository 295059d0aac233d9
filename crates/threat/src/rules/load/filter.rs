//! Sigma filters: conditions that are laid on rules which somebody else wrote.

use rsigma_parser::{ConditionExpr, Detections, FilterRule, FilterRuleTarget, Quantifier, SelectorPattern, SigmaRule};

use crate::rules::rule::{Body, Rule, Wanted};

/// Lays a filter on the rules that it names. Returns on how many.
///
/// # Errors
///
/// A reason if its condition can't be laid on another rule.
pub(super) fn lay(filter: &FilterRule, number: usize, rules: &mut [Rule]) -> Result<usize, String> {
    let wanted = filter.logsource.as_ref().map(super::wanted).unwrap_or_default();
    let condition = own_condition(&filter.detection, number)?;
    let mut laid = 0;
    for rule in rules.iter_mut() {
        let named = match &filter.rules {
            FilterRuleTarget::Any => true,
            FilterRuleTarget::Specific(names) => names
                .iter()
                .any(|name| rule.is_called(name) || &*rule.title == name.as_str()),
        };
        if !named || !contains(&wanted, &rule.logsource) {
            continue;
        }
        if let Body::Detection(detection) = &mut rule.body {
            add(&mut detection.parsed, &filter.detection, &condition, number);
            detection.compiled = None;
            laid += 1;
        }
    }
    Ok(laid)
}

/// Whether a filter for `filter` is for a rule of `rule`: each part that it names is the same.
fn contains(filter: &Wanted, rule: &Wanted) -> bool {
    let same = |filter: &Option<Box<str>>, rule: &Option<Box<str>>| filter.is_none() || filter == rule;
    same(&filter.product, &rule.product)
        && same(&filter.service, &rule.service)
        && same(&filter.category, &rule.category)
}

/// A name that no pattern of a rule's own condition matches.
fn private(number: usize, name: &str) -> String {
    format!("_\u{1}{number}:{name}\u{1}")
}

fn add(rule: &mut SigmaRule, filter: &Detections, condition: &ConditionExpr, number: usize) {
    let own: Vec<String> = rule.detection.named.keys().cloned().collect();
    for (name, detection) in &filter.named {
        rule.detection.named.insert(private(number, name), detection.clone());
    }
    for expression in &mut rule.detection.conditions {
        let before = without_star(expression, &own);
        *expression = ConditionExpr::And(vec![before, condition.clone()]);
    }
}

/// A rule's own condition, in which `of *` doesn't mean a filter's detections.
fn without_star(expression: &ConditionExpr, own: &[String]) -> ConditionExpr {
    let all = |inner: &[ConditionExpr]| inner.iter().map(|inner| without_star(inner, own)).collect();
    match expression {
        ConditionExpr::And(inner) => ConditionExpr::And(all(inner)),
        ConditionExpr::Or(inner) => ConditionExpr::Or(all(inner)),
        ConditionExpr::Not(inner) => ConditionExpr::Not(Box::new(without_star(inner, own))),
        ConditionExpr::Selector {
            quantifier,
            pattern: SelectorPattern::Pattern(pattern),
        } if pattern.starts_with('*') || pattern.starts_with('_') => {
            let matching = SelectorPattern::Pattern(pattern.clone());
            let names = own.iter().filter(|name| matching.matches_detection_name(name));
            let names: Vec<ConditionExpr> = names.cloned().map(ConditionExpr::Identifier).collect();
            match quantifier {
                Quantifier::Any => ConditionExpr::Or(names),
                Quantifier::All => ConditionExpr::And(names),
                Quantifier::Count(_) => expression.clone(),
            }
        }
        other => other.clone(),
    }
}

/// A filter's condition, in the private names of its detections.
fn own_condition(detections: &Detections, number: usize) -> Result<ConditionExpr, String> {
    let renamed: Result<Vec<ConditionExpr>, String> = detections
        .conditions
        .iter()
        .map(|condition| rename(condition, detections, number))
        .collect();
    let mut renamed = renamed?;
    match renamed.len() {
        0 => Err("the filter has no condition".to_owned()),
        1 => Ok(renamed.remove(0)),
        _ => Ok(ConditionExpr::Or(renamed)),
    }
}

fn rename(expression: &ConditionExpr, detections: &Detections, number: usize) -> Result<ConditionExpr, String> {
    let all = |inner: &[ConditionExpr]| {
        inner
            .iter()
            .map(|inner| rename(inner, detections, number))
            .collect::<Result<_, _>>()
    };
    Ok(match expression {
        ConditionExpr::And(inner) => ConditionExpr::And(all(inner)?),
        ConditionExpr::Or(inner) => ConditionExpr::Or(all(inner)?),
        ConditionExpr::Not(inner) => ConditionExpr::Not(Box::new(rename(inner, detections, number)?)),
        ConditionExpr::Identifier(name) if detections.named.contains_key(name) => {
            ConditionExpr::Identifier(private(number, name))
        }
        ConditionExpr::Identifier(name) => {
            return Err(format!("the filter's condition names `{name}`, which it doesn't have"));
        }
        ConditionExpr::Selector { quantifier, pattern } => {
            let mut names: Vec<&String> = detections
                .named
                .keys()
                .filter(|name| pattern.matches_detection_name(name))
                .collect();
            names.sort();
            if names.is_empty() {
                return Err(format!(
                    "the filter's condition asks for `{pattern}`, which matches none of its detections"
                ));
            }
            let names = names
                .into_iter()
                .map(|name| ConditionExpr::Identifier(private(number, name)))
                .collect();
            match quantifier {
                Quantifier::Any | Quantifier::Count(1) => ConditionExpr::Or(names),
                Quantifier::All => ConditionExpr::And(names),
                Quantifier::Count(_) => return Err("a filter's condition can't count detections".to_owned()),
            }
        }
    })
}
