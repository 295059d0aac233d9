//! Searches logs with folders of rules and prints what it took: `cargo run --release -p logs --example scan -- RULES,RULES PATH...`

#![expect(clippy::print_stdout, reason = "it prints")]

use std::path::PathBuf;
use std::time::Instant;

use logs::open::{Limits, find};
use logs::scan::{Plan, scan};
use threat::alert::Level;
use threat::rules::{Choices, Engine, Settings, load};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folders: Vec<PathBuf> = arguments
        .next()
        .unwrap_or_default()
        .split(',')
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .collect();
    let paths: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    let (files, _) = find(&folders, &Limits::default());
    let texts: Vec<_> = files
        .iter()
        .filter(|found| found.path.extension().is_some_and(|ending| ending == "yml"))
        .filter_map(|found| {
            Some((
                found.path.display().to_string(),
                std::fs::read_to_string(&found.path).ok()?,
            ))
        })
        .collect();
    let own = threat::rules::pack::RULES.iter().copied();
    let loaded = load(own.chain(texts.iter().map(|(path, text)| (path.as_str(), text.as_str()))));
    let choices = Choices {
        minimum_level: Level::Medium,
        ..Choices::default()
    };
    println!("{} rules, {} refused", loaded.rules.len(), loaded.refused.len());
    let mut engine = Engine::new(
        loaded,
        Settings {
            choices,
            ..Settings::default()
        },
    );
    let began = Instant::now();
    let outcome = scan(&Plan::new(paths), &mut engine, &mut |_| true);
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{} files, {} logs, {} MB, {} records, {} events in {seconds:.1} s, {:.0} records/s",
        outcome.files,
        outcome.logs,
        outcome.bytes >> 20,
        outcome.records,
        outcome.events,
        outcome.records as f64 / seconds
    );
    println!(
        "{} alerts kept, {} not kept, {} problems",
        outcome.alerts.len(),
        outcome.not_kept,
        outcome.problem_count
    );
    for fired in outcome.fired.iter().take(20) {
        println!("{:>8} {:?} {}", fired.count, fired.level, fired.title);
    }
    for (reason, tally) in outcome.not_understood.by_count().into_iter().take(10) {
        println!("{:>8} not understood: {reason}", tally.count);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(line) = status.lines().find(|line| line.starts_with("VmHWM")) {
        println!("{line}");
    }
}
