//! Facts from an investigation: what `holdfast --json investigate` printed, one fact for every class of personal data that was found.
//!
//! What the report doesn't say isn't made up: a class that wasn't found gives no fact, and "not taken" is said only where nothing is left
//! that wasn't looked at.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::classes::class_name;
use super::vocabulary::{Answer, NewFact};
use crate::case_file::columns::sha256;
use crate::error::Error;

/// The version of the report that is understood (`answers::report::Investigation`).
const VERSION: u32 = 1;
/// Classes of a report at most.
const CLASSES_MAX: usize = 1_000;

/// What a report says about personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// A fact for each class.
    pub facts: Vec<NewFact>,
    /// What has to be known about them.
    pub remarks: Vec<String>,
}

#[derive(Deserialize)]
struct Report {
    version: u32,
    volume: String,
    from: Moment,
    to: Moment,
    personal: Option<Personal>,
}

#[derive(Deserialize)]
struct Moment {
    time: String,
}

#[derive(Deserialize)]
struct Personal {
    classes: BTreeMap<String, Counts>,
    #[serde(default)]
    not_searched: u64,
    #[serde(default)]
    unread: u64,
}

#[derive(Deserialize)]
struct Counts {
    #[serde(default)]
    files: u64,
    #[serde(default)]
    taken: u64,
    #[serde(default)]
    not_taken: u64,
    #[serde(default)]
    unknown: u64,
}

/// Reads a report. `name` is how the register refers to it; its SHA-256 goes into the reference.
///
/// # Errors
/// When the bytes are no report of an investigation, or of one without personal data.
pub fn import_investigation(report: &[u8], name: &str) -> Result<Imported, Error> {
    let unusable = |what: String| Error::Refused {
        what: format!("`{name}` {what}; `holdfast --json investigate VOLUME --incident` prints what is read here"),
    };
    let parsed: Report = serde_json::from_slice(report)
        .map_err(|error| unusable(format!("is no report of an investigation: {error}")))?;
    if parsed.version != VERSION {
        return Err(unusable(format!(
            "has version {}, this program knows {VERSION}",
            parsed.version
        )));
    }
    let Some(personal) = &parsed.personal else {
        return Err(unusable(
            "was made with `--no-personal-data`: it says nothing about it".to_owned(),
        ));
    };
    if personal.classes.len() > CLASSES_MAX {
        return Err(unusable(format!(
            "names {} classes of data, more than {CLASSES_MAX}",
            personal.classes.len()
        )));
    }
    let reference = format!("{name} (SHA-256 {})", sha256(report));
    let mut facts = Vec::new();
    let mut remarks = Vec::new();
    for (typed, counts) in &personal.classes {
        let Some(class) = class_name(typed) else {
            remarks.push(format!(
                "`{typed}` can't be the name of a class of data: it was left out"
            ));
            continue;
        };
        facts.push(NewFact {
            system: format!("volume {}", parsed.volume),
            class,
            answer: answer(counts, personal),
            evidence: evidence(counts, personal, &parsed),
            reference: Some(reference.clone()),
        });
    }
    if facts.is_empty() {
        remarks.push("no personal data was found in the files that were touched: no fact was set".to_owned());
    }
    let unseen = personal.not_searched.saturating_add(personal.unread);
    if unseen > 0 {
        remarks.push(format!(
            "{unseen} files could not be searched in full: other classes of data may be in them"
        ));
    }
    Ok(Imported { facts, remarks })
}

fn answer(counts: &Counts, personal: &Personal) -> Answer {
    let all_seen = personal.not_searched == 0 && personal.unread == 0;
    match counts {
        Counts { taken: 1.., .. } => Answer::Taken,
        Counts {
            not_taken: 1..,
            unknown: 0,
            ..
        } if all_seen => Answer::NotTaken,
        _ => Answer::Unknown,
    }
}

fn evidence(counts: &Counts, personal: &Personal, report: &Report) -> String {
    let unseen = personal.not_searched.saturating_add(personal.unread);
    let unseen = if unseen > 0 {
        format!("; {unseen} files of the disk could not be searched in full")
    } else {
        String::new()
    };
    format!(
        "files with it that were damaged or read: {}; read from the disk: {}; not read: {}; not known: {}; {} to {}{unseen}",
        counts.files, counts.taken, counts.not_taken, counts.unknown, report.from.time, report.to.time
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(personal: &str) -> String {
        format!(
            r#"{{"version":1,"volume":"shop","from":{{"sequence":1,"time":"2026-11-23T09:00:00Z"}},
            "to":{{"sequence":9,"time":"2026-11-23T10:00:00Z"}},"files":[{{"path":"/x"}}],"personal":{personal}}}"#
        )
    }

    fn answers(personal: &str) -> Vec<(String, Answer)> {
        let imported = import_investigation(report(personal).as_bytes(), "r.json").unwrap();
        imported
            .facts
            .into_iter()
            .map(|fact| (fact.class, fact.answer))
            .collect()
    }

    #[test]
    fn one_file_that_was_read_makes_a_class_taken_and_one_unknown_file_makes_it_unknown() {
        let classes = r#"{"classes":{
            "email-address":{"title":"E-mail address","found":9,"files":3,"taken":1,"not_taken":2,"unknown":0,"examples":[]},
            "iban":{"files":2,"taken":0,"not_taken":1,"unknown":1},
            "us-ssn":{"files":2,"taken":0,"not_taken":2,"unknown":0}},"searched":7,"not_searched":0,"unread":0}"#;
        let expected = [
            ("email-address", Answer::Taken),
            ("iban", Answer::Unknown),
            ("us-ssn", Answer::NotTaken),
        ];
        assert_eq!(
            answers(classes),
            expected.map(|(class, answer)| (class.to_owned(), answer))
        );
    }

    #[test]
    fn not_taken_is_not_said_while_files_are_unsearched() {
        let classes = r#"{"classes":{"iban":{"files":2,"not_taken":2}},"searched":7,"not_searched":1,"unread":0}"#;
        assert_eq!(answers(classes), [("iban".to_owned(), Answer::Unknown)]);
    }

    #[test]
    fn the_reference_names_the_report_and_its_hash() {
        let text = report(r#"{"classes":{"iban":{"files":2,"not_taken":2}}}"#);
        let imported = import_investigation(text.as_bytes(), "r.json").unwrap();
        let reference = imported.facts.first().unwrap().reference.clone().unwrap();
        assert!(
            reference.starts_with("r.json (SHA-256 ") && reference.len() == 16 + 64 + 1,
            "{reference}"
        );
    }

    #[test]
    fn what_says_nothing_about_personal_data_is_refused_with_what_to_do() {
        for (text, expected) in [
            ("{", "is no report of an investigation"),
            (&report("null"), "says nothing about it"),
            (
                &report("{\"classes\":{}}").replacen(":1,", ":2,", 1),
                "has version 2, this program knows 1",
            ),
        ] {
            let error = import_investigation(text.as_bytes(), "r.json").unwrap_err().to_string();
            assert!(
                error.contains(expected) && error.contains("holdfast --json investigate"),
                "{error}"
            );
        }
        let imported = import_investigation(report("{\"classes\":{}}").as_bytes(), "r.json").unwrap();
        assert_eq!((imported.facts.len(), imported.remarks.len()), (0, 1));
    }
}
