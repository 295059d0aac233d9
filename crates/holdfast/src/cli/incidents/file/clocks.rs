//! `holdfast incidents file N clocks` and `reported`

use std::time::Duration;

use clap::Args;
use respond::Time;
use respond::case_file::Clock;
use respond::case_file::clocks::{ClockState, Force, Jurisdiction, Outcome, Stop, start_clocks, stop_clock};
use serde_json::json;

use super::scene::Scene;
use crate::cli::noted::{shown, time, time_if};
use crate::cli::table::{Align, Table};
use crate::failure::Failure;
use crate::incident_file::named;
use crate::span::format_span;

pub(super) const HELP: &str = "\
Without an option: the clocks that run. Times are yours; hours count through weekends and holidays.

Examples:
  holdfast incidents file 7 clocks --known
  holdfast incidents file 7 clocks --aware \"2026-11-23 10:15\" --jurisdiction uk-gdpr --jurisdiction nis2
  holdfast incidents file 7 clocks --determined 14:00 --jurisdiction us-sec
  holdfast incidents file 7 reported uk-gdpr/authority --at 16:40 --reference IC-123456";

/// `holdfast incidents file N clocks`
#[derive(Debug, PartialEq, Eq, Args)]
pub(super) struct ClocksArguments {
    /// When you became aware of the incident: starts the clocks, or corrects when they started
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    aware: Option<String>,
    /// When you decided that it has to be reported (material, major, a notification event), where a law counts from that
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    determined: Option<String>,
    /// The law; repeatable [default: those of the configuration]
    #[arg(long, value_name = "NAME")]
    jurisdiction: Vec<String>,
    /// List all laws that are known, and what they ask for
    #[arg(long, conflicts_with_all = ["aware", "determined"])]
    known: bool,
}

/// `holdfast incidents file N reported`
#[derive(Debug, PartialEq, Eq, Args)]
pub(super) struct ReportedArguments {
    /// What was done, like uk-gdpr/authority
    #[arg(value_name = "JURISDICTION/DUTY")]
    duty: String,
    /// When [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,
    /// Why it was late, or why it isn't needed
    #[arg(long)]
    because: Option<String>,
    /// The regulator's number, or where the report can be read
    #[arg(long)]
    reference: Option<String>,
    /// Nobody has to be told: somebody decided so
    #[arg(long, requires = "because")]
    not_needed: bool,
}

pub(super) fn run(scene: &Scene<'_>, task: &ClocksArguments) -> Result<u8, Failure> {
    let laws = scene.laws()?;
    if task.known {
        let wanted = |law: &&Jurisdiction| task.jurisdiction.is_empty() || task.jurisdiction.contains(&law.id);
        let wanted: Vec<&Jurisdiction> = laws.iter().filter(wanted).collect();
        return Ok(scene.tell(&json!({ "jurisdictions": wanted }), &known(&wanted)));
    }
    let (aware, determined) = (time_if(task.aware.as_ref())?, time_if(task.determined.as_ref())?);
    if aware.is_some() || determined.is_some() {
        start(scene, task, &laws, aware, determined)?;
    } else if !task.jurisdiction.is_empty() {
        return Err(
            Failure::usage("`--jurisdiction` alone starts no clock").hint("say when you became aware with `--aware`")
        );
    }
    let clocks = scene.clocks(&laws)?;
    Ok(scene.tell(&json!({ "clocks": clocks }), &as_text(&clocks)))
}

fn start(
    scene: &Scene<'_>,
    task: &ClocksArguments,
    laws: &[Jurisdiction],
    aware: Option<Time>,
    determined: Option<Time>,
) -> Result<(), Failure> {
    let names = if task.jurisdiction.is_empty() {
        &scene.settings().jurisdictions
    } else {
        &task.jurisdiction
    };
    if names.is_empty() {
        return Err(Failure::usage("no law is named whose clocks start").hint(
            "`--jurisdiction NAME`, or `jurisdictions` in [incident_file] of the configuration; `--known` lists them",
        ));
    }
    let chosen: Vec<&Jurisdiction> = names.iter().map(|name| named(laws, name)).collect::<Result<_, _>>()?;
    scene.change(|w| {
        for law in chosen {
            start_clocks(w, scene.now, &scene.actor, scene.id, law, aware, determined)?;
        }
        Ok(())
    })
}

pub(super) fn reported(scene: &Scene<'_>, task: &ReportedArguments) -> Result<u8, Failure> {
    let (jurisdiction, duty) = task.duty.split_once('/').ok_or_else(|| {
        Failure::usage(format!("`{}` names no duty", task.duty))
            .hint("write it as `clocks` shows it: uk-gdpr/authority")
    })?;
    let laws = scene.laws()?;
    let at = match &task.at {
        Some(at) => time(at)?,
        None => scene.now,
    };
    let stop = Stop {
        jurisdiction: jurisdiction.to_owned(),
        duty: duty.to_owned(),
        outcome: if task.not_needed {
            Outcome::NotNeeded
        } else {
            Outcome::Reported
        },
        time: at,
        why: task.because.clone(),
        reference: task.reference.clone(),
    };
    let clock = scene.change(|w| stop_clock(w, scene.now, &scene.actor, scene.id, &laws, &scene.zone, &stop))?;
    let text = format!("{}: {}\n", clock.id, clock.state.words());
    Ok(scene.tell(&clock, &text))
}

/// The clocks as a table, with what has to be said of them.
pub(super) fn as_text(clocks: &[Clock]) -> String {
    if clocks.is_empty() {
        return "no clock runs: `clocks --aware TIME --jurisdiction NAME` starts them, `clocks --known` lists laws\n"
            .to_owned();
    }
    let mut table = Table::new(&[
        ("CLOCK", Align::Left),
        ("DUE", Align::Left),
        ("LEFT", Align::Left),
        ("WHAT", Align::Left),
        ("WHOM", Align::Left),
        ("REFERENCE", Align::Left),
    ]);
    for clock in clocks {
        table.row(vec![
            clock.id.clone(),
            clock.due.map_or_else(|| clock.duty.within.words(), shown),
            left(clock),
            clock.duty.title.clone(),
            clock.duty.tell.clone(),
            clock.duty.reference.clone(),
        ]);
    }
    let mut text = table.render();
    for clock in clocks.iter().filter(|clock| clock.state == ClockState::NotStarted) {
        text += &format!(
            "{} counts {}: `clocks --determined TIME` records it\n",
            clock.id, clock.starts
        );
    }
    let mut said: Vec<String> = Vec::new();
    for clock in clocks {
        let force = match &clock.force {
            Force::Yes => String::new(),
            Force::No(why) => format!(" {why}."),
        };
        let line = format!("{}:{force} {}", clock.law, clock.caveat);
        if !said.contains(&line) {
            said.push(line);
        }
    }
    text + "\n" + &said.join("\n") + "\n"
}

/// "2d 3h", "OVERDUE by 2h", "reported late: the office was cut off"
fn left(clock: &Clock) -> String {
    if let Some(stopped) = &clock.stopped {
        let why = stopped.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        return format!("{}{why}", clock.state.words());
    }
    let Some(millis) = clock.left_millis else {
        return clock.state.words().to_owned();
    };
    let span = format_span(Duration::from_secs(millis.unsigned_abs() / 60_000 * 60));
    if millis < 0 {
        format!("{} by {span}", clock.state.words())
    } else {
        span
    }
}

fn known(laws: &[&Jurisdiction]) -> String {
    let mut text = String::new();
    for law in laws {
        let force = match &law.force {
            Force::Yes => String::new(),
            Force::No(why) => format!(" - {why}"),
        };
        text += &format!("{}: {}{force}\n  {}\n", law.id, law.name, law.applies);
        for duty in &law.duties {
            let limit = duty
                .no_later_than
                .map_or_else(String::new, |limit| format!(", {} of awareness at most", limit.words()));
            text += &format!(
                "  {}/{}: {} - {}{limit}; {} ({}) {}\n",
                law.id,
                duty.id,
                duty.title,
                duty.within.words(),
                duty.when,
                duty.reference,
                duty.url
            );
        }
        text += &format!("  checked {} against {}. {}\n\n", law.checked, law.against, law.caveat);
    }
    text
}
