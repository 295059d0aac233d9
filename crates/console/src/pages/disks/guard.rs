//! A disk's guard: what it does about an attack, and work that looks like one.

use maud::{Markup, html};
use respond::approval::Operation;
use respond::people::Role;
use serde::Deserialize;

use super::super::frame::Done;
use super::super::layout::Page;
use super::super::parts::{Consequences, csrf, with_code};
use super::super::requests::{self, Agreement};
use super::super::visitor::{Flash, Visitor};
use super::Tab;
use crate::problem::Refusal;
use crate::site::{GuardState, Site, VolumeView};

/// What a fence does, by the name that the engine knows it by.
const FENCES: [(&str, &str, &str); 4] = [
    (
        "divert",
        "Divert",
        "The machine goes on, and what it writes goes to a copy. A false alarm costs nothing.",
    ),
    (
        "refuse",
        "Refuse",
        "Writes fail. Most machines then stop using the disk.",
    ),
    (
        "pause",
        "Pause",
        "Writes fail as if the disk were full; hypervisors pause the machine.",
    ),
    (
        "alert",
        "Only alert",
        "A restore point is made and people are told. Nothing is stopped.",
    ),
];
const SPANS: [(u64, &str); 4] = [
    (3600, "1 hour"),
    (4 * 3600, "4 hours"),
    (12 * 3600, "12 hours"),
    (24 * 3600, "1 day"),
];

/// The form of the settings.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Set {
    fence: Option<String>,
    enabled: Option<String>,
}

/// The form of announced work.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Announce {
    reason: String,
    seconds: u64,
}

pub(super) fn page(site: &dyn Site, visitor: &Visitor, name: &str) -> Result<Page, Refusal> {
    let volume = site.volume(name)?;
    let agreement = requests::agreement(site, requests::wish(Operation::DisarmGuard, name, ""))?;
    let may = visitor.signed_in.role.may(Role::Operator);
    let body = html! {
        div class="grid two" {
            (fence(&volume, visitor, &agreement, may))
            (announced(&volume, visitor, &agreement, may))
        }
        (switch(&volume, visitor, &agreement, may))
    };
    Ok(super::page(&volume, visitor.signed_in.role, Tab::Guard, &body))
}

fn is_on(volume: &VolumeView) -> Option<&GuardState> {
    volume.guard.as_ref().filter(|guard| guard.state != "off")
}

fn fence(volume: &VolumeView, visitor: &Visitor, agreement: &Agreement, may: bool) -> Markup {
    let now = volume.guard.as_ref().map_or("divert", |guard| guard.fence.as_str());
    html! {
        section class="card" {
            h2 { "When an attack is recognised" }
            form class="fields" method="post" action={"/disks/" (volume.name) "/guard"} {
                (csrf(&visitor.signed_in.csrf))
                fieldset disabled[!may] {
                    legend { "What the guard does" }
                    @for (value, label, meaning) in FENCES {
                        label class="choice" {
                            input type="radio" name="fence" value=(value) checked[value == now];
                            span { strong { (label) } br; span class="hint" { (meaning) } }
                        }
                    }
                }
                @if may { button class="primary" { "Keep this" } }
            }
            p class="hint" { "A restore point from before the attack is made in every case. Any of these can be chosen again at any time." }
            @if may { (who_agrees("\"Only alert\"", agreement)) }
        }
    }
}

fn announced(volume: &VolumeView, visitor: &Visitor, agreement: &Agreement, may: bool) -> Markup {
    let work = is_on(volume).and_then(|guard| guard.announced.as_ref());
    html! {
        section class="card" {
            h2 { "Work that looks like an attack" }
            p { "Turning on disk encryption, wiping a partition or packing everything anew can't be told from an attack. Say so before: the guard goes on watching and keeps restore points, but stops nothing until the time is over." }
            @if let Some(work) = work {
                p class="strong" { "Announced: " (with_code(work)) }
                @if may {
                    form method="post" action={"/disks/" (volume.name) "/announce/over"} {
                        (csrf(&visitor.signed_in.csrf))
                        button { "The work is done: stop attacks again" }
                    }
                }
            } @else if may {
                (who_agrees("announced work", agreement))
                form class="fields" method="post" action={"/disks/" (volume.name) "/announce"} {
                    (csrf(&visitor.signed_in.csrf))
                    div { label for="reason" { "What work" } input id="reason" name="reason" required maxlength="200"; }
                    div {
                        label for="seconds" { "For how long" }
                        select id="seconds" name="seconds" { @for (seconds, words) in SPANS { option value=(seconds) { (words) } } }
                    }
                    button { "Announce" }
                }
            }
        }
    }
}

/// Whether somebody must agree to what leaves an attack alone. One request allows it in whichever way, and is made at the switch.
fn who_agrees(what: &str, agreement: &Agreement) -> Markup {
    html! {
        div class="small" {
            p class="strong" { "Who must agree to " (what) }
            (agreement.words())
            @if !agreement.is_given() { p { a href="#switch" { "See below" } "; the answer counts for this, too." } }
        }
    }
}

fn switch(volume: &VolumeView, visitor: &Visitor, agreement: &Agreement, may: bool) -> Markup {
    let is_on = is_on(volume).is_some();
    html! {
        section class="card" id="switch" {
            h2 { @if is_on { "The guard watches this disk" } @else { "The guard is off" } }
            @if !may {
                p class="quiet" { "Operators can change that." }
            } @else if is_on {
                (Consequences {
                    happens: html! { p { "Turned off, nothing stops an attack on this disk and no restore points are made by themselves. Its history stays." } },
                    undo: html! { p { "It can be turned on again at any time. What happened meanwhile wasn't watched." } },
                    approval: agreement.words(),
                }.show())
                (agreement.form(visitor, &html! {
                    form method="post" action={"/disks/" (volume.name) "/guard"} {
                        (csrf(&visitor.signed_in.csrf))
                        input type="hidden" name="enabled" value="no";
                        button class="danger" { "Turn the guard off" }
                    }
                }))
            } @else {
                form method="post" action={"/disks/" (volume.name) "/guard"} {
                    (csrf(&visitor.signed_in.csrf))
                    input type="hidden" name="enabled" value="yes";
                    button class="primary" { "Turn the guard on" }
                }
            }
        }
    }
}

pub(super) fn set(site: &dyn Site, visitor: &Visitor, name: &str, form: &Set) -> Done {
    let enabled = form.enabled.as_deref().map(|text| text == "yes");
    site.set_guard(&visitor.signed_in.actor, name, form.fence.as_deref(), enabled)?;
    let said = match (enabled, form.fence.as_deref()) {
        (Some(true), _) => format!("The guard watches `{name}`."),
        (Some(false), _) => format!("The guard of `{name}` is off: nothing stops an attack on it."),
        (None, fence) => format!("The guard of `{name}` is set to `{}`.", fence.unwrap_or("divert")),
    };
    Ok((format!("/disks/{name}/guard"), Flash::good(said)))
}

pub(super) fn announce(site: &dyn Site, visitor: &Visitor, name: &str, form: &Announce) -> Done {
    let reason = form.reason.trim();
    if reason.is_empty() {
        return Err(Refusal::invalid("work without a name can't be announced").hint("say what work it is"));
    }
    site.announce(
        &visitor.signed_in.actor,
        &[name.to_owned()],
        Some((reason, form.seconds)),
    )?;
    let said = format!("Announced for `{name}`. Nothing is stopped until the time is over.");
    Ok((format!("/disks/{name}/guard"), Flash::good(said)))
}

pub(super) fn announced_is_over(site: &dyn Site, visitor: &Visitor, name: &str) -> Done {
    site.announce(&visitor.signed_in.actor, &[name.to_owned()], None)?;
    let said = format!("The guard of `{name}` stops attacks again.");
    Ok((format!("/disks/{name}/guard"), Flash::good(said)))
}
