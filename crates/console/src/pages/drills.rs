//! Drills: whether the way back was tried, on which disks, and how long it took.

use maud::{Markup, html};
use respond::people::Role;
use serde::Deserialize;

use super::layout::{Page, Section};
use super::links::escaped;
use super::parts::{self, Tone, empty, live, pill, sentence, with_code};
use super::visitor::Visitor;
use super::words::{bytes, count, short_span, time};
use crate::problem::Refusal;
use crate::site::{DrillView, Site, VolumeView};

/// Results that are listed.
const ROWS: usize = 100;

/// Of which disk.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    volume: String,
}

/// A verdict in its colour.
pub(super) fn verdict(verdict: &str) -> Markup {
    let tone = match verdict {
        "passed" => Tone::Good,
        "failed" => Tone::Bad,
        _ => Tone::Warn,
    };
    pill(tone, verdict)
}

pub(super) fn page(site: &dyn Site, visitor: &Visitor, asked: &Asked) -> Result<Page, Refusal> {
    let volumes = site.volumes()?;
    let of = asked.volume.trim();
    let drills = site.drills((!of.is_empty()).then_some(of), ROWS)?;
    let rows: Vec<Vec<Markup>> = drills.iter().map(row).collect();
    let body = html! {
        p class="lead" { "A drill attacks a copy of a real disk, restores it, and compares every file. What it shows is what counts on the day." }
        (live(&visitor.path, Some(10), &html! {
            (untried(&volumes, visitor.signed_in.role.may(Role::Operator)))
            section class="card" {
                header {
                    h2 { "Results, newest first" }
                    @if !of.is_empty() { a href="/drills" { "Of all disks" } }
                    @if rows.len() == ROWS { span class="quiet small" { "The newest " (ROWS) "; " code { "holdfast drill history" } " shows all of a disk." } }
                }
                @if rows.is_empty() {
                    (empty("No drill was run yet.", &html! { "Run one from a disk's page, or let them run every night: " code { "[drill]" } " in the configuration." }))
                } @else {
                    (parts::table("Drills, newest first", &[("Disk", false), ("Verdict", false), ("When", false), ("Attack", false), ("Stopped after", true), ("Back in", true), ("Files compared", true), ("Report", false)], &rows))
                }
            }
        }))
    };
    Ok(Page::new(Section::Drills, "Drills", body).live())
}

/// Disks of which it isn't shown that they can be restored.
fn untried(volumes: &[VolumeView], may: bool) -> Markup {
    let is_untried = |volume: &&VolumeView| {
        volume.problem.is_none()
            && !super::overview::is_diverted(volumes, volume)
            && (volume.drill_overdue || volume.drill.as_ref().is_none_or(|drill| drill.verdict != "passed"))
    };
    let untried: Vec<&VolumeView> = volumes.iter().filter(is_untried).collect();
    html! {
        @if !untried.is_empty() {
            section class="card warn" {
                h2 { "Not shown to be restorable" }
                ul {
                    @for volume in untried.iter().take(20) {
                        li {
                            a href={"/disks/" (volume.name)} { (volume.name) } ": "
                            @match &volume.drill {
                                None => "never tried",
                                Some(drill) if drill.verdict != "passed" => { "its newest drill " (drill.verdict) },
                                Some(_) => "its drill is overdue",
                            }
                            @if may { ". " a href={"/disks/" (volume.name) "/drill"} { "Run a drill" span class="visually-hidden" { " of " (volume.name) } } }
                        }
                    }
                }
                @if untried.len() > 20 { p class="quiet" { "And " (count(untried.len() as u64 - 20)) " more." } }
            }
        }
    }
}

fn row(drill: &DrillView) -> Vec<Markup> {
    vec![
        html! { a href={"/disks/" (drill.volume)} { (drill.volume) } },
        html! {
            (verdict(&drill.verdict))
            @for remark in drill.remarks.iter().take(3) { p class="small" { (with_code(&sentence(remark))) } }
        },
        html! { span class="nowrap" { (time(drill.began)) } },
        html! { @if let Some(case) = &drill.case { (case) } },
        html! { @if let Some(written) = drill.detected_after_bytes { (bytes(written)) } },
        html! { @if let Some(recovery) = drill.recovery_microseconds { (short_span(recovery)) } },
        html! { @if let Some(files) = drill.files_compared { (count(files)) } },
        html! { a href={"/drills/" (escaped(&drill.id))} { "Report" span class="visually-hidden" { " of " (drill.id) } } },
    ]
}
