//! Data files of jurisdictions, reports of investigations and templates of drafts, whatever their bytes: reading them ends, errors name a
//! line of the file, what was read keeps its limits, and every clock counts to a time that isn't before its start.

#![no_main]

use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use respond::case_file::clocks::{Within, parse_jurisdictions};
use respond::case_file::drafts::{DraftKind, Templates};
use respond::case_file::facts::{class_name, import_investigation};
use respond::{Error, Time};

fuzz_target!(|input: &[u8]| {
    if let Ok(imported) = import_investigation(input, "report.json") {
        for fact in &imported.facts {
            assert_eq!(class_name(&fact.class).as_ref(), Some(&fact.class));
            assert!(!fact.evidence.is_empty());
        }
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    let _ = Within::parse(text);
    let _ = Templates::default().replace(DraftKind::Letter, "letter.txt", text.to_owned());
    match parse_jurisdictions(text, "laws.toml") {
        Err(Error::DataFile { line, column, .. }) => {
            assert!(line >= 1 && line <= text.split('\n').count() && column >= 1);
        }
        Err(other) => panic!("{other}"),
        Ok(laws) => {
            for duty in laws.iter().flat_map(|law| &law.duties) {
                let from = Time::from_unix_millis(1_795_428_900_000);
                if let Some(due) = duty.within.after(from, &TimeZone::UTC) {
                    assert!(due > from);
                }
            }
        }
    }
});
