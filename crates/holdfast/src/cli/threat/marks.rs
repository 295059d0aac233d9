//! `holdfast threat mark`, `marks` and `unmark`: findings that are no sign of an attack.

use std::time::Duration;

use clap::Args;

use crate::browse::text::printable;
use crate::cli::arguments::Common;
use crate::cli::output;
use crate::cli::progress::Shown;
use crate::cli::table::{Align, Table};
use crate::control::{MarkOrder, MarkReport, Marked, MarksReport, Request, Response};
use crate::failure::{EXIT_OK, Failure};
use crate::place::Place;
use crate::reach;
use crate::span::parse_span;
use crate::when::local_short;

const HELP_MARK: &str = "\
A mark is of one rule on those whom the finding concerned: the same rule on anybody else is told
as before, and so is any other rule on them. A finding of several people and machines is held
back only if the rule is marked on each of them. What is held back joins no story and tells
nobody; `holdfast threat marks` counts it. What is critical on a domain controller, vCenter,
hypervisor, backup or identity server is never held back, unless that is said. Marks end by
themselves; who made and ended them is in the ledger.

Examples:
  holdfast alerts list --layer threat
  holdfast threat mark 12 --false-positive --because 'the new backup agent' --for 30d
  holdfast threat mark story/7 --false-positive";

const HELP_UNMARK: &str = "\
What it held back isn't told afterwards; what comes from now on is.";

/// `holdfast threat mark`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP_MARK)]
pub(in crate::cli) struct Mark {
    /// An alert's number (`12`, `alert/12`), or a story's (`story/7`)
    #[arg(value_name = "ALERT|STORY", value_parser = what)]
    what: Marked,
    /// It is no sign of an attack
    #[arg(long, required = true)]
    false_positive: bool,
    /// Why: for those who wonder later
    #[arg(long, value_name = "TEXT", default_value = "")]
    because: String,
    /// For how long, from an hour to a year
    #[arg(long = "for", value_name = "SPAN", default_value = "30d", value_parser = parse_span)]
    span: Duration,
    /// Also where it is critical on what is worth most: a domain controller, vCenter, a hypervisor, backups, identity
    #[arg(long)]
    even_critical_on_tier_zero: bool,
}

/// `holdfast threat unmark`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP_UNMARK)]
pub(in crate::cli) struct Unmark {
    /// The mark's number
    #[arg(value_name = "MARK")]
    mark: u64,
}

fn what(text: &str) -> Result<Marked, String> {
    let wrong = || format!("`{text}` is neither an alert (`12`) nor a story (`story/7`)");
    let (kind, number) = text.split_once('/').unwrap_or(("alert", text));
    match kind {
        "alert" => number.parse().map(Marked::Alert),
        "story" => number.parse().map(Marked::Story),
        _ => return Err(wrong()),
    }
    .map_err(|_| wrong())
}

pub(super) fn mark(common: &Common, place: &Place, task: Mark) -> Result<u8, Failure> {
    let order = MarkOrder::Mark {
        what: task.what,
        because: task.because,
        seconds: task.span.as_secs(),
        even_grave: task.even_critical_on_tier_zero,
    };
    let report = ask(common, place, order)?;
    if common.json {
        return Ok(output::json(&report));
    }
    let until = report.marks.first().map(|mark| local_short(mark.until.0));
    let told = format!(
        "held back until {}; `holdfast threat unmark` takes it back\n",
        until.unwrap_or_default()
    );
    output::print((table(&report.marks) + &told).as_bytes());
    Ok(EXIT_OK)
}

pub(super) fn marks(common: &Common, place: &Place) -> Result<u8, Failure> {
    let report = ask(common, place, MarkOrder::List)?;
    if common.json {
        return Ok(output::json(&report));
    }
    output::print(text(&report).as_bytes());
    Ok(EXIT_OK)
}

pub(super) fn unmark(common: &Common, place: &Place, task: &Unmark) -> Result<u8, Failure> {
    let report = ask(common, place, MarkOrder::Unmark { id: task.mark })?;
    if common.json {
        return Ok(output::json(&report));
    }
    let told = report.marks.iter().map(|mark| {
        format!(
            "mark {} is taken back: {} on {} is told again; it held back {}\n",
            mark.id,
            printable(mark.title.as_bytes()),
            printable(mark.entity.as_bytes()),
            mark.held_back
        )
    });
    output::print(told.collect::<String>().as_bytes());
    Ok(EXIT_OK)
}

/// Marks as text.
pub(in crate::cli) fn text(report: &MarksReport) -> String {
    if report.marks.is_empty() {
        return "nothing is held back\n".to_owned();
    }
    table(&report.marks)
}

fn table(marks: &[MarkReport]) -> String {
    let mut table = Table::new(&[
        ("MARK", Align::Right),
        ("WHAT", Align::Left),
        ("ON", Align::Left),
        ("SINCE", Align::Left),
        ("UNTIL", Align::Left),
        ("HELD BACK", Align::Right),
        ("BY", Align::Left),
        ("BECAUSE", Align::Left),
    ]);
    for mark in marks {
        let grave = if mark.even_critical_on_tier_zero {
            " (even critical on tier 0)"
        } else {
            ""
        };
        table.row(vec![
            mark.id.to_string(),
            mark.title.clone(),
            mark.entity.clone(),
            local_short(mark.since.0),
            local_short(mark.until.0) + grave,
            mark.held_back.to_string(),
            mark.by.clone(),
            mark.because.clone(),
        ]);
    }
    table.render()
}

fn ask(common: &Common, place: &Place, order: MarkOrder) -> Result<MarksReport, Failure> {
    let mut progress = Shown::new("asking", common.json);
    match reach::execute(place, Request::Marks(order), None, &mut progress)? {
        Response::Marks(report) => Ok(report),
        _ => Err(Failure::new(
            crate::failure::FailureCode::Failure,
            "the daemon answered something else than was asked",
        )),
    }
}
