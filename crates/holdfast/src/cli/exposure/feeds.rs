//! `holdfast exposure feeds`

use clap::Subcommand;
use exposure::feeds::{Match, Name, Post, matches};
use exposure::ledger::SeenPost;
use serde_json::{Value, json};

use super::Scene;
use crate::browse::text::printable;
use crate::cli::output;
use crate::cli::table::{Align, Table};
use crate::exposure_delivery::{SourceRead, failed, open_ledger, read_source};
use crate::failure::{EXIT_OK, Failure, FailureCode};

/// Posts that are listed or looked through at most.
const POSTS_LISTED: u32 = 100_000;
/// Characters of a title in a table.
const TITLE_CHARACTERS: usize = 60;

/// `holdfast exposure feeds ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(in crate::cli) enum FeedsCommand {
    /// Read feeds, and have posts told that have a name of the configuration in them
    #[command(after_help = READ_HELP)]
    Read {
        /// Files or addresses [default: those of the configuration]
        sources: Vec<String>,
    },
    /// Posts that were seen, the newest first
    List {
        /// Only those in which a name was found
        #[arg(long)]
        matched: bool,
        /// The newest so many
        #[arg(long, value_name = "COUNT", default_value_t = 100)]
        last: u32,
    },
    /// Look for a name in all posts that were seen
    Match {
        /// A company, a brand or a domain
        name: String,
    },
}

const READ_HELP: &str = "\
Feeds of ransomware.live, RansomLook, MISP (`ransomware-group-post`), RSS and Atom are understood,
from a file or an address. A post is told once, to `tell` of [exposure.feeds] and to the webhook.
Names are found as whole words, whatever their case, accents and legal forms.

Exit code 1: a feed couldn't be read; the others were.";

pub(super) fn run(scene: &Scene<'_>, command: FeedsCommand) -> Result<u8, Failure> {
    match command {
        FeedsCommand::Read { sources } => read(scene, sources),
        FeedsCommand::List { matched, last } => list(scene, matched, last),
        FeedsCommand::Match { name } => find(scene, &name),
    }
}

fn read(scene: &Scene<'_>, sources: Vec<String>) -> Result<u8, Failure> {
    let settings = scene.place.config()?.exposure.feeds;
    let sources = if sources.is_empty() {
        settings.sources.clone()
    } else {
        sources
    };
    if sources.is_empty() {
        return Err(
            Failure::usage("no feed is named").hint("name a file or an address, or set `sources` in [exposure.feeds]")
        );
    }
    scene.place.prepare()?;
    let mut ledger = open_ledger(&scene.folder)?;
    let read: Vec<(String, Result<SourceRead, Failure>)> = sources
        .into_iter()
        .map(|source| {
            let read = read_source(&settings, &source, &mut ledger);
            (source, read)
        })
        .collect();
    let failures: Vec<&Failure> = read.iter().filter_map(|(_, read)| read.as_ref().err()).collect();
    let code = failures.first().map_or(EXIT_OK, |failure| failure.code.exit_code());
    if scene.common.json {
        let sources: Vec<Value> = read.iter().map(|(source, read)| read_object(source, read)).collect();
        output::print((json!({ "sources": sources }).to_string() + "\n").as_bytes());
        return Ok(code);
    }
    if let ([(_, Err(failure))], true) = (read.as_slice(), read.len() == 1) {
        return Err(failure.clone());
    }
    output::print(read_text(&read).as_bytes());
    Ok(if failures.is_empty() {
        EXIT_OK
    } else {
        FailureCode::Failure.exit_code()
    })
}

fn read_text(read: &[(String, Result<SourceRead, Failure>)]) -> String {
    let mut text = String::new();
    for (source, read) in read {
        text += &match read {
            Ok(read) if read.is_unchanged => format!("{source}: nothing new since it was last read\n"),
            Ok(read) => {
                let skipped = if read.skipped > 0 {
                    format!(", {} passed over", read.skipped)
                } else {
                    String::new()
                };
                format!(
                    "{source}: {} posts{skipped}, {} new, {} with a name, {} to be told\n",
                    read.posts, read.new, read.matched, read.told
                )
            }
            Err(failure) => format!("problem: {}\n", failure.with_hint()),
        };
    }
    text
}

fn read_object(source: &str, read: &Result<SourceRead, Failure>) -> Value {
    match read {
        Ok(read) => json!({
            "source": source,
            "unchanged": read.is_unchanged,
            "posts": read.posts,
            "skipped": read.skipped,
            "new": read.new,
            "matched": read.matched,
            "told": read.told,
        }),
        Err(failure) => json!({ "source": source, "error": failure }),
    }
}

fn list(scene: &Scene<'_>, matched: bool, last: u32) -> Result<u8, Failure> {
    let seen = seen(scene, matched, last)?;
    let rows = seen
        .into_iter()
        .map(|seen| (seen.post, seen.source, seen.matches))
        .collect();
    Ok(show(
        scene,
        rows,
        "no post was seen; `holdfast exposure feeds read` reads feeds\n",
    ))
}

fn find(scene: &Scene<'_>, name: &str) -> Result<u8, Failure> {
    let looked_for = [Name::parse(name).ok_or_else(|| {
        Failure::usage(format!("`{name}` is too short or too common to be looked for"))
            .hint("give the full name, or the domain")
    })?];
    let rows = seen(scene, false, POSTS_LISTED)?
        .into_iter()
        .map(|seen| (matches(&looked_for, &seen.post), seen))
        .filter(|(found, _)| !found.is_empty())
        .map(|(found, seen)| (seen.post, seen.source, found))
        .collect();
    Ok(show(scene, rows, "no post that was seen has that name\n"))
}

fn seen(scene: &Scene<'_>, matched: bool, last: u32) -> Result<Vec<SeenPost>, Failure> {
    scene.place.prepare()?;
    let ledger = open_ledger(&scene.folder)?;
    ledger.seen_posts(matched, last).map_err(|error| failed(&error))
}

fn show(scene: &Scene<'_>, rows: Vec<(Post, String, Vec<Match>)>, empty: &str) -> u8 {
    let text = if scene.common.json {
        let posts: Vec<Value> = rows
            .iter()
            .map(|(post, source, matches)| json!({ "post": post, "source": source, "matches": matches }))
            .collect();
        json!({ "posts": posts }).to_string() + "\n"
    } else if rows.is_empty() {
        empty.to_owned()
    } else {
        table(&rows)
    };
    output::print(text.as_bytes());
    EXIT_OK
}

fn table(rows: &[(Post, String, Vec<Match>)]) -> String {
    let mut table = Table::new(&[
        ("DISCOVERED", Align::Left),
        ("GROUP", Align::Left),
        ("TITLE", Align::Left),
        ("SCORE", Align::Right),
        ("BECAUSE", Align::Left),
    ]);
    for (post, _, matches) in rows {
        let best = matches.iter().max_by_key(|found| found.score);
        let day = if post.discovered.is_empty() {
            &post.published
        } else {
            &post.discovered
        };
        table.row(vec![
            cell(day, 16),
            cell(&post.group, 20),
            cell(&post.title, TITLE_CHARACTERS),
            best.map_or_else(|| "-".to_owned(), |found| found.score.to_string()),
            best.map_or_else(|| "-".to_owned(), |found| format!("{}: {}", found.name, found.reason)),
        ]);
    }
    table.render()
}

/// A stranger's text in a table: in one line, without anything that steers a terminal.
fn cell(text: &str, characters: usize) -> String {
    let text: String = text.trim().chars().take(characters).collect();
    printable(text.as_bytes())
}
