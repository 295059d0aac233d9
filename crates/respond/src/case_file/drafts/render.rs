//! Texts of drafts, made of templates and of what is known.
//!
//! Templates see what is in the register and on record, and values that people filled in. What is missing shows as `[FILL IN: ...]`, and
//! is listed. A template can't reach anything else, and its work is bounded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::tz::TimeZone;
use minijinja::{Environment, UndefinedBehavior, Value};

use super::known::{Known, KnownClass};
use super::promises::forbidden;
use super::values::asks_for;
use super::vocabulary::DraftKind;
use crate::case_file::clocks::{Clock, ClockState};
use crate::case_file::facts::{Fact, FormGroup, Risk};
use crate::error::Error;
use crate::incident::Incident;
use crate::time::Time;

/// Steps that a template may take.
const FUEL: u64 = 200_000;
/// Longest text of a draft.
const TEXT_BYTES_MAX: usize = 256 << 10;
/// Largest template of one's own.
const TEMPLATE_BYTES_MAX: usize = 64 << 10;

/// What a draft is made of.
#[derive(Clone, Debug)]
pub struct Material<'a> {
    /// The incident.
    pub incident: &'a Incident,
    /// The register.
    pub facts: &'a [Fact],
    /// Its clocks.
    pub clocks: &'a [Clock],
    /// What was done, from the timeline, oldest first.
    pub done: &'a [String],
    /// What people filled in, over what the configuration has.
    pub values: &'a BTreeMap<String, String>,
    /// The time now.
    pub now: Time,
    /// The time zone of dates in texts.
    pub zone: &'a TimeZone,
}

/// A text that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// Names of values that are missing.
    pub to_fill: Vec<String>,
}

/// Templates: those that are built in, some replaced by one's own.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    own: BTreeMap<DraftKind, (String, String)>,
}

impl Templates {
    /// Takes a template of one's own; `name` is for errors.
    ///
    /// # Errors
    /// When it can't be understood; says where and why.
    pub fn replace(&mut self, kind: DraftKind, name: &str, text: String) -> Result<(), Error> {
        if text.len() > TEMPLATE_BYTES_MAX {
            return Err(Error::DataFile {
                name: name.to_owned(),
                line: 1,
                column: 1,
                what: format!(
                    "the template has {} bytes, at most {TEMPLATE_BYTES_MAX} are read",
                    text.len()
                ),
            });
        }
        Environment::new()
            .template_from_str(&text)
            .map_err(|error| template_error(name, &error))?;
        self.own.insert(kind, (name.to_owned(), text));
        Ok(())
    }

    fn of(&self, kind: DraftKind) -> (&str, &str) {
        if let Some((name, text)) = self.own.get(&kind) {
            return (name, text);
        }
        match kind {
            DraftKind::RegulatorForm => ("regulator-form.txt", include_str!("templates/regulator-form.txt")),
            DraftKind::Letter => ("letter.txt", include_str!("templates/letter.txt")),
            DraftKind::StaffNote => ("staff-note.txt", include_str!("templates/staff-note.txt")),
            DraftKind::Faq => ("faq.txt", include_str!("templates/faq.txt")),
            DraftKind::CustomerStatus => ("customer-status.txt", include_str!("templates/customer-status.txt")),
        }
    }
}

/// Makes a text.
///
/// # Errors
/// When a template of one's own asks for what there isn't, or the text would tell people at risk to do nothing.
pub fn render(kind: DraftKind, templates: &Templates, material: &Material<'_>) -> Result<Rendered, Error> {
    let known = Known::of(material.facts);
    let (name, source) = templates.of(kind);
    let missing = Arc::new(Mutex::new(Missing::default()));
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    let mut syntax = minijinja::syntax::SyntaxConfig::builder();
    if let Ok(syntax) = syntax.trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    add_functions(&mut environment, material, &missing);
    let template = environment
        .template_from_str(source)
        .map_err(|error| template_error(name, &error))?;
    let text = template
        .render(context(&known, material))
        .map_err(|error| template_error(name, &error))?;
    let refused = |what: String| Err(Error::Refused { what });
    if text.len() > TEXT_BYTES_MAX {
        return refused(format!(
            "the text of the {} would have {} bytes",
            kind.name(),
            text.len()
        ));
    }
    if let Some(phrase) = forbidden(&text, &known.risks) {
        return refused(format!(
            "the {} would say `{phrase}`, while what was taken, or may have been, helps those who deceive people: \
             take these words out of what was filled in or of the template",
            kind.name()
        ));
    }
    let missing = missing.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Rendered {
        text: tidy(&text),
        to_fill: missing.names.clone(),
    })
}

#[derive(Debug, Default)]
struct Missing {
    names: Vec<String>,
}

fn add_functions(environment: &mut Environment<'_>, material: &Material<'_>, missing: &Arc<Mutex<Missing>>) {
    let values = Arc::new(material.values.clone());
    let (has, with_default) = (Arc::clone(&values), Arc::clone(&values));
    let missing = Arc::clone(missing);
    environment.add_function("value", move |name: &str| -> Result<String, minijinja::Error> {
        let asks = asked(name)?;
        if let Some(value) = values.get(name) {
            return Ok(value.clone());
        }
        let mut missing = missing.lock().unwrap_or_else(PoisonError::into_inner);
        if !missing.names.iter().any(|known| known == name) {
            missing.names.push(name.to_owned());
        }
        Ok(format!("[FILL IN: {asks}]"))
    });
    environment.add_function("has", move |name: &str| -> Result<bool, minijinja::Error> {
        asked(name).map(|_| has.contains_key(name))
    });
    environment.add_function(
        "value_or",
        move |name: &str, default: String| -> Result<String, minijinja::Error> {
            asked(name).map(|_| with_default.get(name).cloned().unwrap_or(default))
        },
    );
}

fn asked(name: &str) -> Result<&'static str, minijinja::Error> {
    asks_for(name).ok_or_else(|| {
        let what = format!("there is no value `{name}`");
        minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, what)
    })
}

fn context(known: &Known, material: &Material<'_>) -> Value {
    let incident = material.incident;
    let is_uk = material.clocks.iter().any(|clock| clock.id.starts_with("uk-"));
    let risk = |risk: Risk| Value::from(known.risks.contains(&risk));
    let day = |time: Time| Value::from(date(time, material.zone));
    let fields = [
        ("taken", classes(&known.taken)),
        ("not_taken", classes(&known.not_taken)),
        ("unknown", classes(&known.unknown)),
        ("nothing_in_register", Value::from(material.facts.is_empty())),
        ("unconfirmed", Value::from(known.unconfirmed)),
        ("phishing", risk(Risk::Phishing)),
        ("accounts", risk(Risk::Accounts)),
        ("payment", risk(Risk::Payment)),
        ("identity", risk(Risk::Identity)),
        ("special", risk(Risk::Special)),
        (
            "password_taken",
            Value::from(names(&known.taken, &known.unknown, "password")),
        ),
        ("form_groups", form_groups(known)),
        ("incident", Value::from(incident.id.0)),
        ("title", Value::from(incident.title.as_str())),
        ("volumes", Value::from(incident.volumes.clone())),
        ("hosts", Value::from(incident.hosts.clone())),
        ("noticed_day", day(incident.began)),
        (
            "noticed_time",
            Value::from(date_and_time(incident.began, material.zone)),
        ),
        ("today", day(material.now)),
        ("done", Value::from(material.done.to_vec())),
        (
            "clocks",
            material
                .clocks
                .iter()
                .map(|clock| clock_value(clock, material.zone))
                .collect(),
        ),
        ("aware_time", aware(material)),
        ("uk", Value::from(is_uk)),
    ];
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect::<BTreeMap<String, Value>>()
        .into()
}

fn names(taken: &[KnownClass], unknown: &[KnownClass], part: &str) -> bool {
    taken.iter().chain(unknown).any(|known| known.class.name.contains(part))
}

fn classes(known: &[KnownClass]) -> Value {
    let each = known.iter().map(|one| {
        let fields = BTreeMap::from([
            ("name".to_owned(), Value::from(one.class.name.as_str())),
            ("words".to_owned(), Value::from(one.class.words.as_str())),
            (
                "thing".to_owned(),
                Value::from(one.class.words.trim_start_matches("your ")),
            ),
            ("systems".to_owned(), Value::from(one.systems.join(", "))),
        ]);
        Value::from(fields)
    });
    each.collect()
}

/// The boxes of the regulator's form: ticked where data of the group was taken, or may have been.
fn form_groups(known: &Known) -> Value {
    let concerned: BTreeSet<FormGroup> = known.taken.iter().map(|one| one.class.group).collect();
    let possible: BTreeSet<FormGroup> = known.unknown.iter().map(|one| one.class.group).collect();
    let each = FormGroup::ALL.into_iter().map(|group| {
        let mark = match (concerned.contains(&group), possible.contains(&group)) {
            (true, _) => "[x]",
            (false, true) => "[?]",
            (false, false) => "[ ]",
        };
        Value::from(format!("{mark} {}", group.words()))
    });
    each.collect()
}

fn clock_value(clock: &Clock, zone: &TimeZone) -> Value {
    let due = clock
        .due
        .map_or_else(|| clock.duty.within.words(), |due| date_and_time(due, zone));
    let fields = BTreeMap::from([
        ("id".to_owned(), Value::from(clock.id.as_str())),
        ("title".to_owned(), Value::from(clock.duty.title.as_str())),
        ("tell".to_owned(), Value::from(clock.duty.tell.as_str())),
        ("law".to_owned(), Value::from(clock.law.as_str())),
        ("state".to_owned(), Value::from(clock.state.words())),
        ("is_open".to_owned(), Value::from(clock.state.is_open())),
        (
            "is_late".to_owned(),
            Value::from(matches!(clock.state, ClockState::Overdue | ClockState::ReportedLate)),
        ),
        ("due".to_owned(), Value::from(due)),
        (
            "why".to_owned(),
            Value::from(
                clock
                    .stopped
                    .as_ref()
                    .and_then(|stopped| stopped.why.clone())
                    .unwrap_or_default(),
            ),
        ),
    ]);
    Value::from(fields)
}

fn aware(material: &Material<'_>) -> Value {
    use crate::case_file::clocks::Start;
    let clock = material.clocks.iter().find(|clock| clock.duty.from == Start::Aware);
    let time = clock.and_then(|clock| clock.started);
    Value::from(time.map(|time| date_and_time(time, material.zone)).unwrap_or_default())
}

/// "23 November 2026"
fn date(time: Time, zone: &TimeZone) -> String {
    time.timestamp()
        .to_zoned_datetime(zone.clone())
        .strftime("%-d %B %Y")
        .to_string()
}

/// "23 November 2026, 10:15 GMT"
pub(in crate::case_file) fn date_and_time(time: Time, zone: &TimeZone) -> String {
    time.timestamp()
        .to_zoned_datetime(zone.clone())
        .strftime("%-d %B %Y, %H:%M %Z")
        .to_string()
}

/// No blanks at the ends of lines, and no more than one empty line in a row.
fn tidy(text: &str) -> String {
    let mut tidied = String::new();
    let mut empty = 0;
    for line in text.lines().map(str::trim_end) {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 && !(tidied.is_empty() && line.is_empty()) {
            tidied.push_str(line);
            tidied.push('\n');
        }
    }
    tidied.trim_end().to_owned() + "\n"
}

fn template_error(name: &str, error: &minijinja::Error) -> Error {
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    Error::DataFile {
        name: name.to_owned(),
        line: error.line().unwrap_or(1),
        column: 1,
        what: detail,
    }
}
