//! `holdfast incidents file N drafts`

use std::path::PathBuf;

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use respond::case_file::drafts::{
    Draft, DraftKind, DraftState, VALUES, approve_draft, asks_for, drafts, drafts_with_obstacles, fill, make_draft,
    mark_sent, things,
};
use serde_json::json;

use super::material::{Gathered, known_values};
use super::scene::{Scene, write_file};
use crate::cli::noted::shown;
use crate::cli::table::{Align, Table};
use crate::failure::Failure;
use crate::incident_file::read_bytes;

/// Largest file with a value.
const VALUE_BYTES_MAX: u64 = 1 << 20;

/// `holdfast incidents file N drafts ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(super) enum DraftsCommand {
    /// List drafts, and what each still needs
    List,
    /// Make a draft of what is known now, and print it
    #[command(after_help = MAKE_HELP)]
    Make {
        /// What
        #[arg(value_parser = kinds())]
        kind: DraftKind,
        /// Write it into a file instead of printing it
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
        /// Replace the file if it exists
        #[arg(long)]
        force: bool,
    },
    /// Print a draft as it was made
    Show {
        /// What: the newest of its kind
        #[arg(value_parser = kinds())]
        kind: DraftKind,
    },
    /// Fill in what drafts ask for; without values, list what there is to fill in
    #[command(after_help = FILL_HELP)]
    Fill {
        /// A value; `NAME=@FILE` takes it from a file
        #[arg(value_name = "NAME=VALUE")]
        values: Vec<String>,
    },
    /// Approve the newest draft of a kind; two people other than who made it make it final
    Approve {
        /// What
        #[arg(value_parser = kinds())]
        kind: DraftKind,
    },
    /// Record that a final draft went out; the facts in it are frozen as they are
    Sent {
        /// What
        #[arg(value_parser = kinds())]
        kind: DraftKind,
    },
}

const MAKE_HELP: &str = "\
What isn't known is said to be unknown; what is missing shows as [FILL IN: ...] and is listed.

Examples:
  holdfast incidents file 7 drafts make letter
  holdfast incidents file 7 drafts make regulator-form --to form.txt";

const FILL_HELP: &str = "\
What is the same for every incident belongs into [incident_file.values] of the configuration.

Examples:
  holdfast incidents file 7 drafts fill
  holdfast incidents file 7 drafts fill people-concerned=1200 what-happened=@summary.txt";

fn kinds() -> impl TypedValueParser<Value = DraftKind> {
    PossibleValuesParser::new(DraftKind::ALL.map(DraftKind::name))
        .try_map(|name| DraftKind::named(&name).ok_or("there is no such draft"))
}

pub(super) fn run(scene: &Scene<'_>, command: DraftsCommand) -> Result<u8, Failure> {
    match command {
        DraftsCommand::List => list(scene),
        DraftsCommand::Make { kind, to, force } => make(scene, kind, to.as_deref(), force),
        DraftsCommand::Show { kind } => {
            let draft = newest(scene, kind)?;
            let text = draft.text.clone();
            Ok(scene.tell(&draft, &text))
        }
        DraftsCommand::Fill { values } if values.is_empty() => list_values(scene),
        DraftsCommand::Fill { values } => fill_in(scene, &values),
        DraftsCommand::Approve { kind } => {
            let draft = newest(scene, kind)?;
            let approved = scene.change(|w| approve_draft(w, scene.now, &scene.actor, draft.id))?;
            let state = if approved.state == DraftState::Final {
                "it is final"
            } else {
                "one more person has to"
            };
            Ok(scene.tell(
                &approved,
                &format!("draft {} ({}) is approved; {state}\n", approved.id, kind.name()),
            ))
        }
        DraftsCommand::Sent { kind } => {
            let draft = newest(scene, kind)?;
            let sent = scene.change(|w| mark_sent(w, scene.now, &scene.actor, draft.id))?;
            let text = format!(
                "draft {} ({}) went out; the facts in it are frozen\n",
                sent.id,
                kind.name()
            );
            Ok(scene.tell(&sent, &text))
        }
    }
}

fn newest(scene: &Scene<'_>, kind: DraftKind) -> Result<Draft, Failure> {
    let all = scene.ask(|ledger| drafts(ledger, scene.id))?;
    all.into_iter().find(|draft| draft.kind == kind).ok_or_else(|| {
        Failure::not_found(format!("incident {} has no draft `{}`", scene.id, kind.name())).hint(format!(
            "`holdfast incidents file {} drafts make {}` makes one",
            scene.id,
            kind.name()
        ))
    })
}

fn list(scene: &Scene<'_>) -> Result<u8, Failure> {
    let all = scene.ask(|ledger| drafts_with_obstacles(ledger, scene.id))?;
    let mut table = Table::new(&[
        ("DRAFT", Align::Right),
        ("WHAT", Align::Left),
        ("STATE", Align::Left),
        ("MADE", Align::Left),
        ("BY", Align::Left),
        ("APPROVED BY", Align::Left),
        ("IN THE WAY", Align::Left),
    ]);
    let mut rows = Vec::new();
    for (obstacles, draft) in &all {
        let is_open = matches!(draft.state, DraftState::Made | DraftState::Final);
        let obstacles: &[String] = if is_open { obstacles } else { &[] };
        let names: Vec<String> = draft.approvals.iter().map(|approval| approval.by.to_string()).collect();
        table.row(vec![
            draft.id.to_string(),
            draft.kind.name().to_owned(),
            draft.state.name().to_owned(),
            shown(draft.made),
            draft.made_by.to_string(),
            names.join(", "),
            obstacles.join("; "),
        ]);
        rows.push(json!({ "draft": draft, "obstacles": obstacles }));
    }
    let text = if all.is_empty() {
        "no draft was made yet: `drafts make letter`\n".to_owned()
    } else {
        table.render()
    };
    Ok(scene.tell(&json!({ "drafts": rows }), &text))
}

fn make(scene: &Scene<'_>, kind: DraftKind, to: Option<&std::path::Path>, force: bool) -> Result<u8, Failure> {
    let gathered = Gathered::of(scene)?;
    let rendered = gathered.render(scene, kind)?;
    if let Some(path) = to {
        write_file(path, rendered.text.as_bytes(), force)?;
    }
    let draft = scene.change(|w| make_draft(w, scene.now, &scene.actor, scene.id, kind, &rendered, &gathered.facts))?;
    let mut text = match to {
        Some(path) => format!("wrote draft {} ({}) into `{}`\n", draft.id, kind.name(), path.display()),
        None => format!("{}\n--\ndraft {} ({})\n", draft.text, draft.id, kind.name()),
    };
    if !draft.to_fill.is_empty() {
        text += &format!("{} to fill in:\n", things(draft.to_fill.len()));
        for name in &draft.to_fill {
            text += &format!("  {name}: {}\n", asks_for(name).unwrap_or_default());
        }
    }
    let open = gathered.facts.iter().filter(|fact| !fact.is_confirmed()).count();
    if open > 0 {
        text += &format!(
            "{open} of {} facts in it are not confirmed by two people: it can't become final\n",
            gathered.facts.len()
        );
    }
    Ok(scene.tell(&draft, &text))
}

fn list_values(scene: &Scene<'_>) -> Result<u8, Failure> {
    let known = known_values(scene)?;
    let mut table = Table::new(&[("NAME", Align::Left), ("VALUE", Align::Left), ("ASKS FOR", Align::Left)]);
    for (name, asks) in VALUES {
        let value = known.get(*name).map_or("-", String::as_str).replace('\n', " ");
        table.row(vec![
            (*name).to_owned(),
            value.chars().take(60).collect(),
            (*asks).to_owned(),
        ]);
    }
    Ok(scene.tell(&json!({ "values": known }), &table.render()))
}

fn fill_in(scene: &Scene<'_>, given: &[String]) -> Result<u8, Failure> {
    let mut values = Vec::new();
    for pair in given {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("`{pair}` is no value: write `NAME=VALUE` or `NAME=@FILE`")))?;
        let value = match value.strip_prefix('@') {
            None => value.to_owned(),
            Some(path) => {
                String::from_utf8_lossy(&read_bytes(std::path::Path::new(path), VALUE_BYTES_MAX)?).into_owned()
            }
        };
        values.push((name, value));
    }
    scene.change(|w| {
        for (name, value) in &values {
            fill(w, scene.now, &scene.actor, scene.id, name, value)?;
        }
        Ok(())
    })?;
    let text = format!(
        "filled in: {}; drafts that were made before stay as they are\n",
        things(values.len())
    );
    Ok(scene.tell(&json!({ "filled": values.len() }), &text))
}
