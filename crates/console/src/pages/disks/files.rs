//! Files of a disk at a moment.

use maud::{Markup, html};
use serde::Deserialize;

use super::super::layout::Page;
use super::super::links::escaped;
use super::super::parts::{empty, sentence, table, with_code};
use super::super::visitor::Visitor;
use super::super::words::{bytes, time};
use super::Tab;
use crate::problem::Refusal;
use crate::site::{FileRow, Files, Problem, Site};

/// Which folder at which moment.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    at: String,
    #[serde(default)]
    path: String,
}

pub(super) fn page(site: &dyn Site, visitor: &Visitor, name: &str, asked: &Asked) -> Result<Page, Refusal> {
    let volume = site.volume(name)?;
    let path = if asked.path.is_empty() {
        "/"
    } else {
        asked.path.as_str()
    };
    let at = asked.at.trim();
    let files = site.files(name, (!at.is_empty()).then_some(at), path);
    let body = html! {
        (moment(name, asked, files.as_ref().ok()))
        (folders(name, at, path))
        @match &files {
            Ok(files) => (listed(name, at, files)),
            Err(problem) => (unreadable(problem)),
        }
    };
    Ok(super::page(&volume, visitor.signed_in.role, Tab::Files, &body))
}

fn moment(name: &str, asked: &Asked, files: Option<&Files>) -> Markup {
    let found = files.and_then(|files| files.moment);
    html! {
        section class="card" {
            div class="head" {
                p {
                    "As of "
                    @if let Some(moment) = found { strong { (time(moment.time)) } } @else if asked.at.is_empty() { strong { "now" } } @else { strong { (asked.at) } }
                    ", read without mounting anything."
                }
                form class="inline" method="get" action={"/disks/" (name) "/files"} {
                    input type="hidden" name="path" value=(asked.path);
                    div { label for="at" { "Another moment " span class="hint" { "a time, -15m, a pin" } } input id="at" name="at" value=(asked.at) placeholder="-15m"; }
                    button { "Look" }
                }
            }
        }
    }
}

fn link(name: &str, at: &str, path: &str) -> String {
    format!("/disks/{name}/files?at={}&path={}", escaped(at), escaped(path))
}

fn folders(name: &str, at: &str, path: &str) -> Markup {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    html! {
        nav class="crumbs" aria-label="Folders above this one" {
            ol {
                li { a href=(link(name, at, "/")) { (name) } }
                @for (place, part) in parts.iter().enumerate() {
                    @let above = format!("/{}", parts.iter().take(place + 1).copied().collect::<Vec<_>>().join("/"));
                    li { a href=(link(name, at, &above)) { (part) } }
                }
            }
        }
    }
}

fn listed(name: &str, at: &str, files: &Files) -> Markup {
    let rows: Vec<Vec<Markup>> = files
        .rows
        .iter()
        .map(|row| self::row(name, at, &files.path, row))
        .collect();
    html! {
        @if rows.is_empty() {
            (empty("This folder is empty.", &html! { "At this moment nothing was in it." }))
        } @else {
            (table("Files", &[("Name", false), ("Kind", false), ("Size", true), ("Changed", false)], &rows))
        }
        @if files.truncated {
            p class="quiet" { "There is more than is listed here; " code { "holdfast files ls" } " shows all." }
        }
    }
}

fn row(name: &str, at: &str, folder: &str, row: &FileRow) -> Vec<Markup> {
    let below = format!("{}/{}", folder.trim_end_matches('/'), row.name);
    let is_folder = row.kind == "directory";
    vec![
        html! { @if is_folder { a href=(link(name, at, &below)) { (row.name) "/" } } @else { (row.name) } },
        html! { @if row.kind == "area" { "nothing that is understood" } @else { (row.kind) } },
        html! { @if !is_folder { (bytes(row.size_bytes)) } },
        html! { @if let Some(modified) = row.modified { (time(modified)) } },
    ]
}

/// Why a moment or what is in it can't be shown, and what to do.
pub(super) fn unreadable(problem: &Problem) -> Markup {
    html! {
        div class="notice warn" {
            p {
                (with_code(&sentence(&problem.message)))
                @if let Some(hint) = &problem.hint { " " (with_code(&sentence(hint))) }
            }
        }
    }
}
