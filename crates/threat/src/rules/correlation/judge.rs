//! Whether what a window holds fulfils a correlation's condition.

use std::collections::HashSet;

use rsigma_parser::{ConditionOperator, CorrelationType};

use super::group::{Counted, Entry};
use super::plan::{Correlation, Holds};

/// What was counted or computed over a window, if the condition is fulfilled.
pub(super) fn judge<'a>(correlation: &Correlation, entries: impl Iterator<Item = &'a Entry> + Clone) -> Option<f64> {
    let fulfilled = |number: f64| {
        correlation
            .predicates
            .iter()
            .all(|predicate| fulfils(number, *predicate))
            .then_some(number)
    };
    match correlation.kind {
        CorrelationType::EventCount => fulfilled(as_number(entries.count())),
        CorrelationType::ValueCount => fulfilled(as_number(different(entries))),
        CorrelationType::Temporal => temporal(correlation, entries),
        CorrelationType::TemporalOrdered => ordered(correlation, entries),
        CorrelationType::ValueSum => fulfilled(numbers(entries)?.iter().sum()),
        CorrelationType::ValueAvg => {
            let numbers = numbers(entries)?;
            fulfilled(numbers.iter().sum::<f64>() / as_number(numbers.len()))
        }
        CorrelationType::ValuePercentile => fulfilled(percentile(numbers(entries)?, correlation.percentile)?),
        CorrelationType::ValueMedian => fulfilled(percentile(numbers(entries)?, 50.0)?),
    }
}

/// Whether a group with so many different values can have a window that fulfils the correlation: a window has no more of them than its group.
pub(super) fn is_possible(correlation: &Correlation, different: usize) -> bool {
    let most = as_number(different);
    let reaches = |(operator, threshold): &(ConditionOperator, f64)| match operator {
        ConditionOperator::Gt | ConditionOperator::Gte => fulfils(most, (*operator, *threshold)),
        _ => true,
    };
    correlation.kind != CorrelationType::ValueCount || correlation.predicates.iter().all(reaches)
}

fn as_number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn fulfils(number: f64, (operator, threshold): (ConditionOperator, f64)) -> bool {
    match operator {
        ConditionOperator::Lt => number < threshold,
        ConditionOperator::Lte => number <= threshold,
        ConditionOperator::Gt => number > threshold,
        ConditionOperator::Gte => number >= threshold,
        ConditionOperator::Eq => (number - threshold).abs() <= f64::EPSILON,
        ConditionOperator::Neq => (number - threshold).abs() > f64::EPSILON,
    }
}

fn different<'a>(entries: impl Iterator<Item = &'a Entry>) -> usize {
    let texts = entries.filter_map(|entry| match &entry.value {
        Some(Counted::Text(text)) => Some(text),
        _ => None,
    });
    texts.collect::<HashSet<_>>().len()
}

/// The numbers of a window; none if there are none, of which nothing can be said.
fn numbers<'a>(entries: impl Iterator<Item = &'a Entry>) -> Option<Vec<f64>> {
    let numbers: Vec<f64> = entries
        .filter_map(|entry| match entry.value {
            Some(Counted::Number(number)) if number.is_finite() => Some(number),
            _ => None,
        })
        .collect();
    (!numbers.is_empty()).then_some(numbers)
}

/// The value below which this percentage of the numbers is, between the two nearest in proportion.
fn percentile(mut numbers: Vec<f64>, percent: f64) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let last = numbers.len().checked_sub(1)?;
    let rank = percent.clamp(0.0, 100.0) / 100.0 * as_number(last);
    // The rank is between 0 and the last place.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the last place"
    )]
    let below = rank.floor() as usize;
    let low = *numbers.get(below)?;
    let high = numbers.get(below + 1).copied().unwrap_or(low);
    Some(low + (rank - rank.floor()) * (high - low))
}

fn temporal<'a>(correlation: &Correlation, entries: impl Iterator<Item = &'a Entry>) -> Option<f64> {
    let seen: u64 = entries.map(|entry| bit(entry.source)).fold(0, |seen, bit| seen | bit);
    let count = f64::from(seen.count_ones());
    let fulfilled = match &correlation.holds {
        Some(condition) => condition.holds(seen),
        None if correlation.predicates.is_empty() => {
            usize::try_from(seen.count_ones()) == Ok(correlation.sources.len())
        }
        None => correlation
            .predicates
            .iter()
            .all(|predicate| fulfils(count, *predicate)),
    };
    fulfilled.then_some(count)
}

/// Whether the sources happened in their order; with a boolean condition, those of them that it asks for.
fn ordered<'a>(correlation: &Correlation, entries: impl Iterator<Item = &'a Entry> + Clone) -> Option<f64> {
    let mut order = correlation.order.clone();
    if let Some(condition) = &correlation.holds {
        let seen: u64 = entries
            .clone()
            .map(|entry| bit(entry.source))
            .fold(0, |seen, bit| seen | bit);
        if !condition.holds(seen) {
            return None;
        }
        let asked = condition.asked();
        order.retain(|source| asked & seen & bit(*source) != 0);
    }
    let mut wanted = order.iter().copied().peekable();
    for entry in entries {
        if wanted.peek() == Some(&entry.source) {
            wanted.next();
        }
    }
    wanted.peek().is_none().then(|| as_number(order.len()))
}

fn bit(source: u16) -> u64 {
    1_u64.checked_shl(u32::from(source)).unwrap_or(0)
}

impl Holds {
    /// Whether the condition is fulfilled by the sources whose bits are set.
    fn holds(&self, seen: u64) -> bool {
        match self {
            Self::All(inner) => inner.iter().all(|inner| inner.holds(seen)),
            Self::AtLeast(count, inner) => inner.iter().filter(|inner| inner.holds(seen)).count() >= *count,
            Self::Not(inner) => !inner.holds(seen),
            Self::Source(source) => seen & bit(*source) != 0,
        }
    }

    /// The bits of the sources that it asks for, not those whose absence it asks for.
    fn asked(&self) -> u64 {
        match self {
            Self::All(inner) | Self::AtLeast(_, inner) => inner.iter().fold(0, |asked, inner| asked | inner.asked()),
            Self::Not(_) => 0,
            Self::Source(source) => bit(*source),
        }
    }
}
