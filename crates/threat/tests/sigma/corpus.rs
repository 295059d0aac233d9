//! A whole folder of rules: how many load, and how fast they are. Run with
//! `HOLDFAST_SIGMA=/path/to/sigma cargo test --release -p threat --test sigma -- --ignored --nocapture corpus`.

#![expect(clippy::print_stdout, reason = "what these tests are for")]

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};
use threat::event::{Event, Logsource};
use threat::rules::{Engine, FieldsSeen, Inputs, Loaded, Settings, coverage, load};

use crate::folder::files;
use crate::processor;
use crate::support::at;

pub(crate) fn corpus() -> Option<Loaded> {
    let folder = std::env::var_os("HOLDFAST_SIGMA")?;
    let paths = files(Path::new(&folder), &["yml"]);
    let texts: Vec<(String, String)> = paths
        .iter()
        .map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap()))
        .collect();
    let before = processor::seconds();
    let loaded = load(texts.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    println!(
        "{} files: {} rules loaded, {} refused, {} remarks, {:.2} CPU s, {}",
        texts.len(),
        loaded.rules.len(),
        loaded.refused.len(),
        loaded.remarks.len(),
        processor::seconds() - before,
        memory()
    );
    Some(loaded)
}

/// Memory in use, and at most so far.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = |name: &str| {
        status
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_default()
            .to_owned()
    };
    format!("{} {}", line("VmRSS"), line("VmHWM")).replace('\t', " ")
}

#[test]
#[ignore = "needs a folder of rules in HOLDFAST_SIGMA"]
fn corpus_every_rule_loads_or_is_named_with_the_reason() {
    let Some(loaded) = corpus() else {
        return;
    };
    for refused in loaded.refused.iter().chain(&loaded.remarks) {
        println!(
            "{}:{}: {} ({})",
            refused.file, refused.line, refused.reason, refused.hint
        );
        assert!(!refused.reason.is_empty() && !refused.hint.is_empty());
    }
    let engine = Engine::new(loaded, Settings::default());
    println!("{} rules at work, {}", engine.rules().len(), memory());
    let text = |part: &Option<Box<str>>| part.as_deref().map(|part| &*part.to_owned().leak());
    let possible = engine.rules().iter().map(|rule| Logsource {
        product: text(&rule.logsource.product).unwrap_or("any"),
        service: text(&rule.logsource.service),
        category: text(&rule.logsource.category),
    });
    let possible: Vec<Logsource> = possible.collect();
    let inputs = Inputs {
        possible: &possible,
        seen: None,
    };
    for cannot in coverage(&engine, &inputs) {
        println!(
            "can't fire whatever the logs: {} {}: {}",
            cannot.rule, cannot.title, cannot.reason
        );
    }
}

/// What machines do all day: starts of programs, made of few parts, no two the same.
fn ordinary(number: usize) -> Event {
    let programs = [
        (
            "C:\\Windows\\System32\\svchost.exe",
            "C:\\Windows\\system32\\svchost.exe -k netsvcs -p -s Schedule",
            "C:\\Windows\\System32\\services.exe",
        ),
        (
            "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
            "\"C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe\" --type=renderer --lang=en-US",
            "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
        ),
        (
            "C:\\Windows\\System32\\conhost.exe",
            "\\??\\C:\\Windows\\system32\\conhost.exe 0xffffffff -ForceV1",
            "C:\\Windows\\System32\\cmd.exe",
        ),
        (
            "C:\\Windows\\System32\\taskhostw.exe",
            "taskhostw.exe KEYROAMING",
            "C:\\Windows\\System32\\svchost.exe",
        ),
        (
            "C:\\Windows\\System32\\cmd.exe",
            "C:\\Windows\\system32\\cmd.exe /c \"C:\\Program Files\\Agent\\collect.bat\" --quiet",
            "C:\\Program Files\\Agent\\agent.exe",
        ),
        (
            "C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE",
            "\"C:\\Program Files\\Microsoft Office\\Root\\Office16\\WINWORD.EXE\" /n \"C:\\Users\\anna\\Documents\\plan.docx\"",
            "C:\\Windows\\explorer.exe",
        ),
    ];
    let (image, line, parent) = programs[number % programs.len()];
    let fields: Value = json!({
        "EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "Computer": format!("ws{:03}.acme.example", number % 60),
        "UtcTime": "2026-01-05 09:12:44.112", "ProcessGuid": format!("{{b3a1c9d0-{number:012x}}}"), "ProcessId": 4000 + number % 9000,
        "Image": image, "FileVersion": "10.0.19041.1", "Description": "Host Process", "Product": "Microsoft Windows Operating System",
        "Company": "Microsoft Corporation", "OriginalFileName": image.rsplit('\\').next().unwrap_or_default(),
        "CommandLine": format!("{line} {number}"), "CurrentDirectory": "C:\\Windows\\system32\\", "User": "ACME\\anna", "LogonGuid": "{b3a1c9d0-1}",
        "LogonId": "0x3e7", "TerminalSessionId": 1, "IntegrityLevel": "Medium",
        "Hashes": format!("SHA256={number:064x},IMPHASH={number:032x}"), "ParentProcessGuid": "{b3a1c9d0-2}", "ParentProcessId": 812,
        "ParentImage": parent, "ParentCommandLine": parent, "ParentUser": "NT AUTHORITY\\SYSTEM",
    });
    at(i64::try_from(number).unwrap(), fields)
}

#[test]
#[ignore = "needs a folder of rules in HOLDFAST_SIGMA"]
fn corpus_speed_on_starts_of_programs() {
    let Some(loaded) = corpus() else {
        return;
    };
    let mut engine = Engine::new(loaded, Settings::default());
    let events: Vec<Event> = (0..20_000).map(ordinary).collect();
    let mut found = Vec::new();
    for round in 0..3 {
        found.clear();
        let began = Timestamp::now();
        let before = processor::seconds();
        for event in &events {
            engine.evaluate(event, &mut found);
        }
        let spent = processor::seconds() - before;
        println!(
            "round {round}: {:.0} events per CPU second, {} alerts, {:#}, {}",
            20_000.0 / spent,
            found.len(),
            Timestamp::now().duration_since(began),
            memory()
        );
    }
    let before = processor::seconds();
    let mut seen = FieldsSeen::default();
    events.iter().for_each(|event| seen.see(event));
    println!(
        "fields seen: {:.1} microseconds an event",
        (processor::seconds() - before) * 1e6 / 20_000.0
    );
    let inputs = Inputs {
        possible: &[events[0].logsource],
        seen: Some(&seen),
    };
    let mut why = BTreeMap::new();
    for cannot in coverage(&engine, &inputs) {
        let reason = format!("{:?}", cannot.reason);
        let kind = reason.split([' ', '{']).next().unwrap_or_default().to_owned();
        *why.entry(kind).or_insert(0) += 1;
    }
    println!(
        "of {} rules, these can't fire on such events: {why:?}",
        engine.rules().len()
    );
}
