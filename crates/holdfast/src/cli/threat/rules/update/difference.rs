//! What an update changes, rule by rule.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::rule_files::{self, Text};

/// Titles of rules, each once.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    /// That weren't there.
    pub(super) new: Vec<String>,
    /// Whose file says something else.
    pub(super) changed: Vec<String>,
    /// That aren't there any more.
    pub(super) gone: Vec<String>,
}

impl Difference {
    pub(super) fn between(before: &[Text], after: &[Text]) -> Self {
        let (before, after) = (by_identifier(before), by_identifier(after));
        let mut difference = Self::default();
        for (id, (title, text)) in &after {
            match before.get(id) {
                None => difference.new.push(title.clone()),
                Some((_, old)) if old != text => difference.changed.push(title.clone()),
                Some(_) => {}
            }
        }
        let gone = before.iter().filter(|(id, _)| !after.contains_key(*id));
        difference.gone = gone.map(|(_, (title, _))| title.clone()).collect();
        for titles in [&mut difference.new, &mut difference.changed, &mut difference.gone] {
            titles.sort();
        }
        difference
    }
}

/// Rules by identifier: title, and the text of the file.
fn by_identifier(texts: &[Text]) -> BTreeMap<String, (String, &str)> {
    let files: HashMap<&str, &str> = texts
        .iter()
        .map(|text| (text.file.as_str(), text.text.as_str()))
        .collect();
    let rules = rule_files::load(texts, false).rules;
    let known = rules.iter().map(|rule| {
        let text = files.get(&*rule.file).copied().unwrap_or_default();
        (rule.id.to_string(), (rule.title.to_string(), text))
    });
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(number: u32, value: &str) -> Text {
        Text {
            file: format!("{value}/{number}.yml"),
            text: format!(
                "title: Rule {number}\nid: 929a690e-bef0-4204-a928-ef5e620d6fc{number}\nlogsource: {{product: linux}}\ndetection: {{a: {{b: {value}}}, condition: a}}\n"
            ),
        }
    }

    #[test]
    fn rules_are_known_again_wherever_their_files_lie() {
        let difference = Difference::between(
            &[rule(1, "x"), rule(2, "x"), rule(3, "x")],
            &[rule(2, "x"), rule(3, "y"), rule(4, "y")],
        );
        assert_eq!(difference.new, ["Rule 4"]);
        assert_eq!(difference.changed, ["Rule 3"]);
        assert_eq!(difference.gone, ["Rule 1"]);
    }
}
