//! `holdfast actions`: what policies had done, and how it went.

use clap::{Args, Subcommand, ValueEnum};
use respond::action::{Action, ActionId, Filter};
use respond::incident::IncidentId;
use respond::{Page, ledger, ocsf};
use serde_json::json;

use super::arguments::Common;
use super::noted::{Noted, origin, shown};
use super::output::{self, print};
use super::table::{Align, Table};
use crate::failure::{EXIT_OK, Failure};
use crate::place::Place;

/// Actions of a list for people.
const MOST: usize = 50;
/// Records of one action.
const RECORDS_MOST: usize = 100;

/// `holdfast actions ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(super) enum ActionsCommand {
    /// Print actions, the newest first
    List(List),
    /// Print one action with everything that is known
    Show {
        /// The action's number
        action: i64,
    },
}

/// `holdfast actions list`
#[derive(Debug, PartialEq, Eq, Args)]
pub(super) struct List {
    /// Only those of this incident
    #[arg(long, value_name = "N")]
    incident: Option<i64>,
    /// Only those on this volume
    #[arg(long)]
    volume: Option<String>,
    /// Only those in this state
    #[arg(long, value_parser = ["waiting", "planned", "started", "done", "failed", "not-run", "unknown"])]
    state: Option<String>,
    /// Only those before this one, to go on where a list ended
    #[arg(long, value_name = "N")]
    before: Option<i64>,
    /// So many at most
    #[arg(long, value_name = "N", default_value_t = MOST)]
    most: usize,
    /// How they are printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// How actions are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// Remediations of the Open Cybersecurity Schema Framework, a line for each action that has ended, oldest first
    Ocsf,
}

/// Does it, and chooses the exit code.
pub(super) fn run(place: &Place, common: &Common, command: ActionsCommand) -> Result<u8, Failure> {
    let noted = Noted::new(place, common);
    match command {
        ActionsCommand::List(task) => list(&noted, task),
        ActionsCommand::Show { action } => show(&noted, ActionId(action)),
    }
}

fn list(noted: &Noted<'_>, task: List) -> Result<u8, Failure> {
    let filter = Filter {
        alert: None,
        incident: task.incident.map(IncidentId),
        volume: task.volume,
        state: task.state,
    };
    let page = Page {
        before: task.before,
        most: task.most,
    };
    let actions = noted.ask(|ledger| ledger.actions(&filter, page))?.unwrap_or_default();
    if task.format == Format::Ocsf {
        let origin = origin();
        for event in actions
            .iter()
            .rev()
            .filter_map(|action| ocsf::of_action(action, &origin))
        {
            print(format!("{event}\n").as_bytes());
        }
        return Ok(EXIT_OK);
    }
    if noted.common.json {
        return Ok(output::json(&json!({ "actions": actions })));
    }
    print(text(&actions).as_bytes());
    Ok(EXIT_OK)
}

fn text(actions: &[Action]) -> String {
    if actions.is_empty() {
        return "no policy decided anything like that\nhint: `holdfast policy list` shows the policies, `holdfast policy test \
                --replay` what they would have done\n"
            .to_owned();
    }
    let mut table = Table::new(&[
        ("ACTION", Align::Right),
        ("DECIDED", Align::Left),
        ("STATE", Align::Left),
        ("WHAT", Align::Left),
        ("BECAUSE", Align::Left),
    ]);
    for action in actions {
        table.row(vec![
            action.id.to_string(),
            shown(action.planned),
            action.state.name().to_owned(),
            action.kind.text(),
            action.because.clone(),
        ]);
    }
    table.render()
}

fn show(noted: &Noted<'_>, id: ActionId) -> Result<u8, Failure> {
    let subject = format!("action/{id}");
    let found = noted.ask_existing(|ledger| {
        let filter = ledger::Filter {
            subject: Some(subject),
            ..ledger::Filter::default()
        };
        Ok((ledger.action(id)?, ledger.records(&filter, RECORDS_MOST)?))
    })?;
    let (Some(action), records) = found else {
        return Err(
            Failure::not_found(format!("there is no action `{id}`")).hint("`holdfast actions list` shows the newest")
        );
    };
    if noted.common.json {
        return Ok(output::json(&json!({ "action": action, "records": records })));
    }
    let mut text = format!("action {}: {}\n", action.id, action.kind.text());
    text += &format!("  state    {}\n", action.state.name());
    if let Some(outcome) = action.state.outcome() {
        text += &format!("  outcome  {outcome}\n");
    }
    text += &format!(
        "  by       {}\n  because  {}\n  decided  {}\n",
        action.by,
        action.because,
        shown(action.planned)
    );
    let times = [("started", action.started), ("ended", action.ended)];
    for (what, time) in times.into_iter().filter_map(|(what, time)| Some((what, time?))) {
        text += &format!("  {what:<8} {}\n", shown(time));
    }
    let numbers = [
        ("alert", action.alert.map(|id| id.0), "holdfast alerts show"),
        ("incident", action.incident.map(|id| id.0), "holdfast incidents show"),
        ("request", action.request.map(|id| id.0), "holdfast approvals show"),
    ];
    for (what, number, command) in numbers
        .into_iter()
        .filter_map(|(what, number, command)| Some((what, number?, command)))
    {
        text += &format!("  {what:<8} {number} (`{command} {number}`)\n");
    }
    for record in records {
        text += &format!("  {}  {} by {}\n", shown(record.time), record.kind, record.actor);
    }
    print(text.as_bytes());
    Ok(EXIT_OK)
}
