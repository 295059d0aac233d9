//! The list of disks.

use maud::{Markup, html};
use respond::people::Role;
use serde::Deserialize;

use super::super::layout::{Page, Section};
use super::super::links::escaped;
use super::super::parts::{Tone, empty, live, pages, pill, table};
use super::super::visitor::Visitor;
use super::super::words::{ago, bytes, count, span};
use crate::problem::Refusal;
use crate::site::{Site, VolumeView};

/// Disks of a page.
const ROWS: usize = 50;

/// Which disks are asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// A part of the name.
    #[serde(default)]
    name: String,
    /// `fenced`, `suspicious`, ... as the list has it.
    #[serde(default)]
    state: String,
    /// The last name of the page before.
    #[serde(default)]
    after: String,
}

const STATES: [&str; 6] = [
    "fenced",
    "suspicious",
    "watched",
    "not watched",
    "no space",
    "can't be used",
];

pub(super) fn page(site: &dyn Site, visitor: &Visitor, asked: &Asked) -> Result<Page, Refusal> {
    let all = site.volumes()?;
    let is_wanted = |volume: &&VolumeView| {
        volume.name.contains(asked.name.trim()) && (asked.state.is_empty() || super::state(volume).1 == asked.state)
    };
    let wanted: Vec<&VolumeView> = all.iter().filter(is_wanted).collect();
    let shown: Vec<&VolumeView> = wanted
        .iter()
        .copied()
        .filter(|volume| volume.name > asked.after)
        .take(ROWS)
        .collect();
    let older = shown
        .last()
        .filter(|last| wanted.last().is_some_and(|end| end.name != last.name))
        .map(|last| more(asked, &last.name));
    let rows: Vec<Vec<Markup>> = shown.iter().map(|volume| row(volume, site)).collect();
    let body = html! {
        (choose(asked, wanted.len(), all.len()))
        (live(&visitor.path, Some(5), &html! {
            @if all.is_empty() {
                (empty("There are no disks yet.", &html! { "Make one here or with " code { "holdfast volume create" } ", then connect a machine to it over NBD." }))
            } @else if rows.is_empty() {
                (empty("No disk is like that.", &html! { "Choose less." }))
            } @else {
                (table("Disks, by name", &[("Disk", false), ("State", false), ("Suspicion", true), ("Size", true), ("Stored", true), ("Past kept", true), ("Clients", true), ("Last drill", false)], &rows))
            }
        }))
        (pages((!asked.after.is_empty()).then_some("/disks"), older.as_deref()))
    };
    let buttons = html! {
        @if visitor.signed_in.role.may(Role::Operator) { a class="button" href="/disks/new" { "Make a disk" } }
    };
    Ok(Page::new(Section::Disks, "Disks", body).buttons(buttons).live())
}

fn more(asked: &Asked, after: &str) -> String {
    format!(
        "/disks?after={}&name={}&state={}",
        escaped(after),
        escaped(&asked.name),
        escaped(&asked.state)
    )
}

fn choose(asked: &Asked, wanted: usize, all: usize) -> Markup {
    html! {
        form class="inline" method="get" action="/disks" {
            div { label for="name" { "Name" } input id="name" name="name" type="search" value=(asked.name); }
            div {
                label for="state" { "State" }
                select id="state" name="state" {
                    option value="" { "any" }
                    @for state in STATES { option selected[asked.state == state] { (state) } }
                }
            }
            button { "Show" }
            p class="quiet" { (count(wanted as u64)) " of " (count(all as u64)) }
        }
    }
}

fn row(volume: &VolumeView, site: &dyn Site) -> Vec<Markup> {
    let now = site.now();
    let (tone, word) = super::state(volume);
    let kept = volume
        .oldest
        .zip(volume.newest)
        .map(|(oldest, _)| super::super::words::seconds_since(now, oldest.time));
    let suspicion = volume
        .guard
        .as_ref()
        .filter(|guard| guard.state != "off")
        .map(|guard| guard.suspicion_percent);
    vec![
        html! { a href={"/disks/" (volume.name)} { (volume.name) } },
        html! { (pill(tone, word)) @if let Some(problem) = &volume.problem { p class="small" { (problem) } } },
        html! { @if let Some(percent) = suspicion { (percent) " %" } },
        html! { (bytes(volume.size_bytes)) },
        html! { (bytes(volume.stored_bytes)) },
        html! { @if let Some(seconds) = kept { (span(seconds)) } },
        html! { (count(volume.clients)) },
        drill(volume, site),
    ]
}

fn drill(volume: &VolumeView, site: &dyn Site) -> Markup {
    let Some(drill) = &volume.drill else {
        return html! { (pill(Tone::Quiet, "never")) };
    };
    html! {
        (super::super::drills::verdict(&drill.verdict)) " " span class="nowrap quiet" { (ago(site.now(), drill.began)) }
        @if volume.drill_overdue { " " (pill(Tone::Warn, "overdue")) }
    }
}
