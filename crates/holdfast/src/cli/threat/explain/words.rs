//! An explained alert as text.

use serde_json::Value;

use super::Explained;
use super::rule::RuleTold;
use crate::browse::text::printable_line;
use crate::cli::alerts;
use crate::cli::noted::shown;

pub(super) fn text(explained: &Explained) -> String {
    let alert = &explained.alert;
    let noticed = &alert.noticed;
    let mut text = Text::default();
    text.line(&format!("alert {}: {} ({})", alert.id, noticed.title, noticed.severity));
    for line in noticed.text.lines().take(1) {
        text.line(line);
    }
    text.heading("what found it");
    found_by(&mut text, explained);
    text.heading("what it matched");
    for (name, value) in &explained.matched {
        text.field(name, &as_text(value));
    }
    text.field("records", &explained.records.join(", "));
    text.heading("who, where and when");
    who(&mut text, explained);
    if !explained.parts.is_empty() {
        text.heading(&format!("what was added since ({})", alert.parts.count));
    }
    for line in alerts::parts_in_lines(alert, &explained.parts) {
        text.line(&format!("  {line}"));
    }
    text.heading("why it matters");
    let rule = explained.rule.as_ref();
    if let Some((stage, words)) = rule.and_then(|rule| rule.stage.zip(rule.stage_words)) {
        text.field("stage", &format!("{stage} of 22: {words}"));
    }
    text.field("tactic", &explained.tactics.join(", "));
    text.field("technique", &explained.techniques.join(", "));
    if let Some(rule) = rule {
        text.field("looks alike", &rule.looks_alike.join("; "));
    }
    text.heading("what was done");
    for action in &explained.actions {
        let outcome = action.state.outcome().unwrap_or_default();
        text.line(&format!(
            "  {}  {} ({}): {} {outcome}",
            shown(action.planned),
            action.kind.text(),
            action.by,
            action.state.name()
        ));
    }
    if explained.actions.is_empty() {
        text.line("  no policy acted on it; `holdfast policy list` shows what they are for");
    }
    text.heading("what to do next");
    for step in &explained.next {
        text.line(&format!("  - {step}"));
    }
    text.line(&format!(
        "  - Ordinary work? `holdfast threat mark {} --false-positive --because '...'` holds the same back on the same people and machines.",
        alert.id
    ));
    if let Some(rule) = rule.filter(|rule| !rule.text.is_empty()) {
        text.heading(&format!("the rule as it is written ({}:{})", rule.file, rule.line));
        for line in rule.text.lines() {
            text.line(&format!("  {line}"));
        }
    }
    text.0
}

fn found_by(text: &mut Text, explained: &Explained) {
    let id = explained
        .alert
        .noticed
        .facts
        .get("rule")
        .map(as_text)
        .unwrap_or_default();
    match &explained.rule {
        Some(rule) => {
            text.field(&explained.found_by, &format!("{} ({id})", rule.title));
            described(text, rule);
        }
        None if explained.found_by == "behaviour" => {
            text.field(
                "behaviour",
                &format!("{id}: unusual compared with what was before, no rule"),
            );
        }
        None => text.field(
            &explained.found_by,
            &format!("{id}, which isn't among the rules any more; `--rules FOLDER` adds some"),
        ),
    }
}

fn described(text: &mut Text, rule: &RuleTold) {
    text.field(
        "says",
        &rule.description.lines().map(str::trim).collect::<Vec<_>>().join(" "),
    );
    text.field("level", rule.level);
    text.field("author", rule.author.as_deref().unwrap_or_default());
    text.field("logs", &rule.logs);
    text.field("of rules", &rule.of_rules.join(", "));
}

fn who(text: &mut Text, explained: &Explained) {
    let alert = &explained.alert;
    let noticed = &alert.noticed;
    text.field("machine", noticed.host.as_deref().unwrap_or_default());
    text.field("person", noticed.identity.as_deref().unwrap_or_default());
    text.field("disk", noticed.volume.as_deref().unwrap_or_default());
    text.field("happened", &shown(noticed.time));
    if alert.count > 1 {
        text.field(
            "again",
            &format!("{} times in all, last {}", alert.count, shown(alert.last)),
        );
    }
    if let Some(head) = alert.part_of {
        text.field("part of", &format!("alert {head}; `holdfast threat explain {head}`"));
    }
    if let Some(incident) = alert.incident {
        text.field("incident", &format!("{incident}; `holdfast incidents show {incident}`"));
    }
    if let Some(story) = noticed.facts.get("story").map(as_text) {
        text.field("story", &format!("{story}; `holdfast threat stories {story}`"));
    }
    if let Some(new) = noticed.facts.get("new").map(as_text) {
        text.field("new in it", &new);
    }
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Lines in which nothing commands a terminal: much of it comes from logs.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        self.0 += &printable_line(line);
    }

    fn heading(&mut self, heading: &str) {
        self.0 += "\n";
        self.line(heading);
    }

    /// A name and its value, if there is one.
    fn field(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.line(&format!("  {name:<14}{value}"));
        }
    }
}
