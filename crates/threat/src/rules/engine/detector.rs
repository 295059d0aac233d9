//! Rules of one event, ready to be tried: one engine of the Sigma library for all rules that want the same logs, so that an event only meets
//! rules that are for it.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};

use rsigma_eval::{CompiledRule, MatchDetailLevel, compile_rule};
use serde_json::Value;

use crate::event::{Event, Logsource};
use crate::rules::choices::{Choices, Exception};
use crate::rules::expand;
use crate::rules::fields::Fields;
use crate::rules::rule::{Body, Rule, Wanted};

/// Kinds of logs whose parts are remembered.
const SOURCES_MAX: usize = 4096;
/// Fields of a hit that are kept.
const MATCHED_MAX: usize = 16;
/// Characters of a value of a hit that are kept.
const VALUE_MAX: usize = 200;

/// The rules of one event. It is shared by the threads of a scan.
pub struct Detector {
    parts: Vec<Part>,
    /// The places of the parts that are for a kind of log.
    places: RwLock<HashMap<Logsource, Arc<[usize]>>>,
    /// By the number of a rule: the places of its exceptions. Those of all rules are under none.
    excepted: HashMap<Option<usize>, Vec<usize>>,
    exceptions: Vec<(Exception, AtomicU64)>,
}

/// Rules that want the same logs. Their index, which takes most of the memory and time of all rules, is only made when such a log comes.
struct Part {
    wanted: Wanted,
    waiting: Mutex<Vec<CompiledRule>>,
    engine: OnceLock<rsigma_eval::Engine>,
}

impl Part {
    fn engine(&self) -> &rsigma_eval::Engine {
        self.engine.get_or_init(|| {
            let waiting = self.waiting.lock().map(|mut waiting| std::mem::take(&mut *waiting));
            let mut engine = rsigma_eval::Engine::new();
            // With the texts in which keywords were found.
            engine.set_match_detail(MatchDetailLevel::Summary);
            engine.extend_compiled_rules(waiting.unwrap_or_default());
            engine
        })
    }
}

/// A rule that an event fulfils.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    pub(crate) rule: usize,
    /// Fields and their values, shortened, in the order of their names.
    pub(crate) matched: Vec<(Box<str>, Box<str>)>,
}

/// What the rules of one event found in it, for [`Engine::conclude`](super::Engine::conclude).
#[derive(Debug, Clone, Default)]
pub struct Hits(pub(crate) Vec<Hit>);

impl Hits {
    /// Whether no rule was fulfilled: then there is nothing to conclude.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Detector {
    /// Takes the compiled rules that `wanted` holds for. What can't be compiled with its placeholders is returned with the reason.
    pub(super) fn new(
        rules: &mut [Rule],
        choices: &Choices,
        wanted: &dyn Fn(usize) -> bool,
    ) -> (Self, Vec<(usize, String)>) {
        let mut grouped: BTreeMap<Wanted, Vec<CompiledRule>> = BTreeMap::new();
        let mut broken = Vec::new();
        for (number, rule) in rules.iter_mut().enumerate() {
            let Body::Detection(detection) = &mut rule.body else {
                continue;
            };
            let compiled = detection.compiled.take();
            if !wanted(number) {
                continue;
            }
            let compiled = match compiled {
                Some(compiled) if !expand::has_any(&detection.parsed) => Ok(compiled),
                _ => compile_rule(&expand::expand(&detection.parsed, &choices.placeholders)),
            };
            match compiled {
                Ok(mut compiled) => {
                    // What a hit carries along is copied for each: the number is enough.
                    compiled.id = Some(number.to_string());
                    compiled.title = String::new();
                    compiled.tags = Vec::new();
                    compiled.custom_attributes = Arc::default();
                    grouped.entry(rule.logsource.clone()).or_default().push(compiled);
                }
                Err(error) => broken.push((number, error.to_string())),
            }
        }
        let parts = grouped.into_iter().map(|(wanted, rules)| Part {
            wanted,
            waiting: Mutex::new(rules),
            engine: OnceLock::new(),
        });
        let parts = parts.collect();
        let mut detector = Self {
            parts,
            places: RwLock::default(),
            excepted: HashMap::new(),
            exceptions: choices
                .exceptions
                .iter()
                .map(|exception| (exception.clone(), AtomicU64::new(0)))
                .collect(),
        };
        detector.index_exceptions(rules);
        (detector, broken)
    }

    fn index_exceptions(&mut self, rules: &[Rule]) {
        let numbers: HashMap<&str, usize> = rules
            .iter()
            .enumerate()
            .map(|(number, rule)| (&*rule.id, number))
            .collect();
        for (place, (exception, _)) in self.exceptions.iter().enumerate() {
            let rule = match exception.rule.as_str() {
                "*" => None,
                id => match numbers.get(id) {
                    Some(&number) => Some(number),
                    None => continue,
                },
            };
            self.excepted.entry(rule).or_default().push(place);
        }
    }

    /// The rules that an event fulfils. Several threads may ask at once.
    #[must_use]
    pub fn detect(&self, event: &Event) -> Hits {
        let fields = Fields::of(event);
        let mut hits = Vec::new();
        for &place in &*self.places(event.logsource) {
            let Some(part) = self.parts.get(place) else {
                continue;
            };
            for result in part.engine().evaluate(&fields) {
                let number = result.header.rule_id.as_deref().and_then(|number| number.parse().ok());
                let Some(rule) = number else {
                    continue;
                };
                if self.is_excepted(rule, &|exception| exception.holds(event)) {
                    continue;
                }
                let matched = result
                    .as_detection()
                    .map(|body| matched(&body.matched_fields))
                    .unwrap_or_default();
                hits.push(Hit { rule, matched });
            }
        }
        hits.sort_by_key(|hit| hit.rule);
        Hits(hits)
    }

    /// Whether an exception of a rule holds; it is counted.
    pub(super) fn is_excepted(&self, rule: usize, holds: &dyn Fn(&Exception) -> bool) -> bool {
        if self.exceptions.is_empty() {
            return false;
        }
        let places = [Some(rule), None]
            .into_iter()
            .filter_map(|rule| self.excepted.get(&rule))
            .flatten();
        let mut exceptions = places.filter_map(|&place| self.exceptions.get(place));
        let found = exceptions.find(|(exception, _)| holds(exception));
        found
            .inspect(|(_, used)| _ = used.fetch_add(1, Ordering::Relaxed))
            .is_some()
    }

    /// The exceptions and how often each held.
    pub(super) fn exceptions(&self) -> impl Iterator<Item = (&Exception, u64)> {
        self.exceptions
            .iter()
            .map(|(exception, used)| (exception, used.load(Ordering::Relaxed)))
    }

    fn places(&self, source: Logsource) -> Arc<[usize]> {
        if let Ok(places) = self.places.read()
            && let Some(places) = places.get(&source)
        {
            return places.clone();
        }
        let fitting = self
            .parts
            .iter()
            .enumerate()
            .filter(|(_, part)| part.wanted.fits(&source));
        let found: Arc<[usize]> = fitting.map(|(place, _)| place).collect();
        if let Ok(mut places) = self.places.write()
            && places.len() < SOURCES_MAX
        {
            places.insert(source, found.clone());
        }
        found
    }
}

impl std::fmt::Debug for Detector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Detector")
            .field("parts", &self.parts.len())
            .finish_non_exhaustive()
    }
}

/// The fields of a hit as they are told.
fn matched(fields: &[rsigma_eval::FieldMatch]) -> Vec<(Box<str>, Box<str>)> {
    let mut matched: Vec<(Box<str>, Box<str>)> = Vec::new();
    for field in fields
        .iter()
        .filter(|field| !field.value.is_null())
        .take(MATCHED_MAX * 4)
    {
        let name: Box<str> = field.field.as_str().into();
        if matched.len() < MATCHED_MAX && !matched.iter().any(|(other, _)| *other == name) {
            matched.push((name, shortened(&field.value)));
        }
    }
    matched.sort();
    matched
}

fn shortened(value: &Value) -> Box<str> {
    let whole = match value {
        Value::String(text) => text.chars().take(VALUE_MAX + 1).collect(),
        other => other.to_string(),
    };
    let mut short: String = whole
        .chars()
        .take(VALUE_MAX)
        .filter(|character| !character.is_control())
        .collect();
    if whole.chars().nth(VALUE_MAX).is_some() {
        short.push_str("...");
    }
    short.into()
}
