//! SigmaHQ's regression data: a log and the rule that has to find something in it, mostly with how often. Run with
//! `HOLDFAST_SIGMA=/path/to/sigma/rules HOLDFAST_SIGMA_REGRESSION=/path/to/regression_data cargo test --release -p threat --test sigma -- --ignored
//! --nocapture regression`.

#![expect(clippy::print_stdout, reason = "what this test is for")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use threat::alert::Finder;
use threat::input::evtx;
use threat::normalise::normalise;
use threat::rules::{Engine, Settings};

use crate::corpus::corpus;
use crate::folder::files;

/// Rules of which the data counts something else than its own log holds, with what it holds.
const MISCOUNTED: &[(&str, usize)] = &[
    // Of the five files that are written, three are called `user.conf...`, as the rule wants.
    ("0b9ad457-2554-44c1-82c2-d56a99c42377", 3),
];

/// What is expected of one log.
struct Expected {
    rule: String,
    count: Option<usize>,
    log: PathBuf,
}

/// The value of the first line with this key.
fn said(text: &str, key: &str) -> Option<String> {
    let lines = text.lines().map(|line| line.trim_start().trim_start_matches("- "));
    let mut values = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    values.next().map(|value| value.trim().to_owned())
}

fn expectations(folder: &Path) -> Vec<Expected> {
    let mut infos = files(folder, &["yml"]);
    infos.retain(|path| path.file_name().is_some_and(|name| name == "info.yml"));
    let read = infos.iter().filter_map(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        let (_, rules) = text.split_once("rule_metadata:")?;
        let (_, tests) = text.split_once("regression_tests_info:")?;
        let log = said(tests, "path")?;
        let rule = said(rules, "id")?;
        let miscounted = MISCOUNTED.iter().find(|(id, _)| *id == rule).map(|(_, count)| *count);
        Some(Expected {
            count: miscounted.or_else(|| said(tests, "match_count")?.parse().ok()),
            rule,
            log: path.parent()?.join(Path::new(&log).file_name()?),
        })
    });
    read.collect()
}

/// How often each rule finds something in a log, and what isn't understood.
fn found(engine: &mut Engine, log: &Path) -> (BTreeMap<String, usize>, Vec<String>) {
    let (mut alerts, mut wrong) = (Vec::new(), Vec::new());
    let source = log.display().to_string().into();
    engine.forget();
    evtx::read(File::open(log).unwrap(), &source, &mut |record| {
        match record
            .map_err(|unreadable| unreadable.reason)
            .and_then(|record| normalise(record, Timestamp::UNIX_EPOCH).map_err(|not| not.reason))
        {
            Ok(event) => engine.evaluate(&event, &mut alerts),
            Err(reason) => wrong.push(reason),
        }
        true
    });
    let mut counts = BTreeMap::new();
    for alert in &alerts {
        if let Finder::Rule(id) = &alert.finder {
            *counts.entry(id.to_string()).or_insert(0) += 1;
        }
    }
    (counts, wrong)
}

#[test]
#[ignore = "needs rules in HOLDFAST_SIGMA and logs in HOLDFAST_SIGMA_REGRESSION"]
fn regression_every_rule_finds_what_it_has_to_find() {
    let (Some(loaded), Some(folder)) = (corpus(), std::env::var_os("HOLDFAST_SIGMA_REGRESSION")) else {
        return;
    };
    let mut engine = Engine::new(loaded, Settings::default());
    let expectations = expectations(Path::new(&folder));
    let (mut fired, mut exact, mut counted, mut unknown) = (0, 0, 0, 0);
    for expected in &expectations {
        if engine.rule(&expected.rule).is_none() {
            unknown += 1;
            println!("{}: the rule isn't loaded", expected.rule);
            continue;
        }
        let (counts, wrong) = found(&mut engine, &expected.log);
        let count = counts.get(&expected.rule).copied().unwrap_or(0);
        fired += usize::from(count > 0);
        counted += usize::from(expected.count.is_some());
        exact += usize::from(expected.count == Some(count));
        if count == 0 || expected.count.is_some_and(|expected| expected != count) {
            println!(
                "{}: {count} times, not {:?}; {wrong:?}",
                expected.log.display(),
                expected.count
            );
        }
    }
    println!(
        "{} tests: {fired} fired, {exact} of {counted} counts are exact, {unknown} rules aren't loaded",
        expectations.len()
    );
    assert_eq!((fired + unknown, exact), (expectations.len(), counted));
}
