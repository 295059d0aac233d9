//! `holdfast threat stories` and `holdfast threat entities`: what the daemon has learnt and joined, from the file in which it keeps it.

use clap::Args;
use serde_json::json;
use threat::detection::Detection;
use threat::rules::{Engine, Settings, load};

use crate::browse::text::printable_line;
use crate::cli::arguments::Common;
use crate::cli::output::{self, print};
use crate::cli::table::{Align, Table};
use crate::failure::{EXIT_OK, Failure};
use crate::place::Place;
use crate::threat_watch;

const HELP_STORIES: &str = "\
A story is made of findings that share people or machines. People and policies are told once it weighs enough; `holdfast alerts` has what they
were told. The daemon writes down what it knows every 20 seconds, and a second after it told something.

Examples:
  holdfast threat stories
  holdfast threat stories 7        one, from its beginning, and what to do next";

const HELP_ENTITIES: &str = "\
One person or machine has many names; which of them belong together is learnt from logs and from the list that [threat] names.

Examples:
  holdfast threat entities
  holdfast threat entities anna    those with a name that contains this, and why their names belong together
  holdfast threat entities import --ldap ldaps://dc01.corp.example --bind reader@corp.example --output entities.csv";

/// `holdfast threat stories`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP_STORIES)]
pub(in crate::cli) struct Stories {
    /// The story's number
    #[arg(value_name = "STORY")]
    number: Option<u64>,
    /// Also those that are too light to tell people of
    #[arg(long)]
    all: bool,
}

/// `holdfast threat entities`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP_ENTITIES, args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(in crate::cli) struct Entities {
    /// A part of a name
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(subcommand)]
    pub(super) command: Option<super::import::EntitiesCommand>,
}

pub(super) fn stories(common: &Common, place: &Place, task: &Stories) -> Result<u8, Failure> {
    let detection = known(place)?;
    let mut stories = detection.stories();
    if let Some(number) = task.number {
        stories.retain(|story| story.id.0 == number);
        let Some(story) = stories.first() else {
            return Err(Failure::not_found(format!("there is no story `{number}`"))
                .hint("`holdfast threat stories --all` lists those that there are"));
        };
        if common.json {
            return Ok(output::json(story));
        }
        // Words and names are those of logs: nothing of them may command a terminal.
        let words: String = story.words().lines().map(printable_line).collect();
        print(words.as_bytes());
        return Ok(EXIT_OK);
    }
    let light = stories.iter().filter(|story| story.told.is_none()).count();
    stories.retain(|story| task.all || story.told.is_some());
    if common.json {
        return Ok(output::json(&json!({ "stories": stories })));
    }
    let mut table = Table::new(&[
        ("STORY", Align::Right),
        ("POINTS", Align::Right),
        ("ALERTS", Align::Right),
        ("WHO", Align::Left),
        ("WHAT", Align::Left),
    ]);
    for story in &stories {
        let names: Vec<&str> = story
            .entities
            .iter()
            .take(3)
            .map(|entity| entity.name.as_str())
            .collect();
        let what: Vec<&str> = story.stages.iter().take(3).map(|stage| &*stage.title).collect();
        table.row(vec![
            story.id.0.to_string(),
            format!("{:.0}", story.score),
            story.alerts.to_string(),
            names.join(", "),
            what.join("; "),
        ]);
    }
    let told = match light {
        _ if task.all => String::new(),
        0 => String::new(),
        1 => "1 more is too light to tell people of: `--all` lists it\n".to_owned(),
        _ => format!("{light} more are too light to tell people of: `--all` lists them\n"),
    };
    print((table.render() + &told).as_bytes());
    Ok(EXIT_OK)
}

pub(super) fn entities(common: &Common, place: &Place, task: &Entities) -> Result<u8, Failure> {
    let detection = known(place)?;
    let wanted = task.name.as_deref().unwrap_or_default().to_lowercase();
    let listed: Vec<_> = detection
        .directory()
        .entities()
        .filter(|entity| {
            entity
                .names
                .iter()
                .any(|name| name.name.to_lowercase().contains(&wanted))
        })
        .collect();
    if common.json {
        return Ok(output::json(&json!({ "entities": listed })));
    }
    let mut table = Table::new(&[
        ("WHAT", Align::Left),
        ("NAME", Align::Left),
        ("ALSO", Align::Left),
        ("AT STAKE", Align::Left),
    ]);
    let mut reasons = String::new();
    for entity in &listed {
        let also: Vec<&str> = entity.names.iter().skip(1).map(|name| name.name.as_str()).collect();
        let tiers: Vec<&str> = entity.tiers.iter().map(|tier| tier.words()).collect();
        table.row(vec![
            format!("{:?}", entity.kind).to_lowercase(),
            entity.name().to_owned(),
            also.join(", "),
            tiers.join(", "),
        ]);
        if task.name.is_some() {
            if !entity.note.is_empty() {
                reasons += &printable_line(&format!("{}: {}", entity.name(), entity.note));
            }
            for reason in entity.reasons() {
                reasons += &printable_line(&format!("{}: {reason}", entity.name()));
            }
        }
    }
    print((table.render() + &reasons).as_bytes());
    Ok(EXIT_OK)
}

/// What the daemon has written down.
fn known(place: &Place) -> Result<Detection, Failure> {
    let Some(kept) = threat_watch::read_memory(&place.data)? else {
        return Err(Failure::not_found("no logs have been read yet: nothing is known of people and machines")
            .hint("name logs in [threat] of the configuration, and start `holdfast up`; `holdfast threat scan` searches logs at once"));
    };
    Ok(Detection::with_memory(
        Engine::new(load([]), Settings::default()),
        kept.memory,
    ))
}
