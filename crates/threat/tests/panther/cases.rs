//! Panther's unit tests of rules: YAML files whose `Tests` each hold one event of a log and whether the rule should alert on it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a file that can't be read is a failure of the test"
)]

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use threat::event::Origin;

use crate::folder::files;

/// One event, and what a rule should say of it.
pub(crate) struct Case {
    /// The kind of log, by Panther's name, such as `Okta.SystemLog`.
    pub(crate) source: String,
    /// The rule's file, below the folder that was read.
    pub(crate) file: String,
    /// The test's name.
    pub(crate) name: String,
    /// Whether the rule should alert.
    pub(crate) should_alert: bool,
    /// The event.
    pub(crate) log: Value,
}

impl Case {
    /// Where the event is found again.
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            source: Arc::from(self.file.as_str()),
            record: 1,
        }
    }

    /// What was done, by the log's own word.
    pub(crate) fn action(&self) -> String {
        [
            "eventName",
            "eventType",
            "eventtype",
            "operationName",
            "operationname",
            "action",
            "event_type_id",
            "name",
            "event_type",
        ]
        .iter()
        .find_map(|name| self.log.get(*name))
        .map_or_else(|| "?".to_owned(), ToString::to_string)
    }
}

/// The cases of all rules under a folder that are about one kind of log. Tests of rules over several, or over other rules, hold no event.
pub(crate) fn read(folder: &Path) -> Vec<Case> {
    let files = files(folder, &["yml"]);
    files.iter().flat_map(|file| read_file(folder, file)).collect()
}

fn read_file(folder: &Path, file: &Path) -> Vec<Case> {
    let name = file.strip_prefix(folder).unwrap().display().to_string();
    let rule: Value =
        yaml_serde::from_str(&std::fs::read_to_string(file).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let Some(source) = rule["LogTypes"][0].as_str() else {
        return Vec::new();
    };
    let tests = rule["Tests"].as_array().map_or(&[] as &[Value], Vec::as_slice);
    tests
        .iter()
        .filter(|test| test["Log"].is_object())
        .map(|test| Case {
            source: source.to_owned(),
            file: name.clone(),
            name: test["Name"].as_str().unwrap_or_default().to_owned(),
            should_alert: test["ExpectedResult"]
                .as_bool()
                .unwrap_or_else(|| panic!("{name}: no expected result")),
            log: test["Log"].clone(),
        })
        .collect()
}
