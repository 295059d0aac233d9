//! Restoring, undoing that, and releasing a fence: each with what it will do before the button is pressed.

use maud::{Markup, html};
use respond::approval::Operation;
use serde::Deserialize;

use super::super::frame::Done;
use super::super::layout::Page;
use super::super::links::escaped;
use super::super::parts::{Consequences, csrf, sentence, with_code};
use super::super::requests;
use super::super::visitor::{Flash, Visitor};
use super::super::words::{bytes, of, time};
use crate::problem::Refusal;
use crate::site::{Moment, RestorePreview, Restored, Site, VolumeView};

/// The detail of a request for undoing a restore.
const UNDO: &str = "undo";

/// To which moment.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    pub(super) at: String,
    /// The restore point that the guard made.
    #[serde(default, rename = "before-attack")]
    pub(super) before_attack: String,
}

impl Asked {
    fn is_before_attack(&self) -> bool {
        !self.before_attack.is_empty()
    }
}

pub(super) fn page(site: &dyn Site, visitor: &Visitor, name: &str, asked: &Asked) -> Result<Page, Refusal> {
    let volume = site.volume(name)?;
    let moment = target(&volume, asked)?;
    let preview = site.preview_restore(name, &moment)?;
    let agreement = requests::agreement(site, requests::wish(Operation::Restore, name, &detail(&preview.to)))?;
    let consequences = Consequences {
        happens: happens(&volume, &preview),
        undo: html! {
            p { "All of it, at any time while the past is kept: " strong { "undo" } " returns to what is on the disk now. Nothing is overwritten." }
        },
        approval: agreement.words(),
    };
    let body = html! {
        div class="card" {
            p class="lead" { "From " (time(preview.from.time)) " back to " strong { (time(preview.to.time)) } "." }
            (consequences.show())
            (agreement.form(visitor, &html! {
                form method="post" action={"/disks/" (name) "/restore"} class="buttons" {
                    (csrf(&visitor.signed_in.csrf))
                    input type="hidden" name="at" value={"#" (preview.to.sequence)};
                    @if asked.is_before_attack() { input type="hidden" name="before-attack" value="yes"; }
                    button class="danger" data-waiting="Restoring ..." { "Restore " (name) }
                    a class="button" href={"/disks/" (name)} { "Leave it as it is" }
                }
            }))
        }
        p class="quiet" {
            "First see what would come back: " a href={"/disks/" (name) "/files?at=%23" (preview.to.sequence)} { "the files at that moment" }
            ". To keep what was written well since, use " code { "holdfast restore " (name) " --before-attack --keep-good" } "."
        }
    };
    Ok(super::below(name, format!("Restore the disk {name}?"), body))
}

/// The detail of a request for a restore: the moment, exactly.
fn detail(to: &Moment) -> String {
    format!("#{}", to.sequence)
}

/// The page on which a restore that was asked for is done.
pub(in crate::pages) fn path(name: &str, detail: &str) -> String {
    match detail {
        UNDO => format!("/disks/{name}/undo"),
        moment => format!("/disks/{name}/restore?at={}", escaped(moment)),
    }
}

fn target(volume: &VolumeView, asked: &Asked) -> Result<String, Refusal> {
    if !asked.is_before_attack() {
        return match asked.at.trim() {
            "" => Err(Refusal::invalid("no moment was chosen").hint("choose one in the history")),
            at => Ok(at.to_owned()),
        };
    }
    let before = volume.guard.as_ref().and_then(|guard| guard.before_attack.as_ref());
    let pin = before.ok_or_else(|| {
        Refusal::refused(format!("the guard of `{}` made no restore point", volume.name))
            .hint("choose a moment in the history")
    })?;
    Ok(format!("#{}", pin.moment.sequence))
}

fn happens(volume: &VolumeView, preview: &RestorePreview) -> Markup {
    let is_fenced = volume.guard.as_ref().is_some_and(|guard| guard.state == "fenced");
    html! {
        ul {
            li { "The disk is as it was then, within about a second." }
            li { (bytes(preview.written_bytes)) " written since then aren't on the disk any more; they stay in its history." }
            @if preview.clients > 0 { li { (of(preview.clients, "client has", "clients have")) " to reconnect; shut the machine down first if you can." } }
            @if is_fenced { li { "The fence comes down." } }
        }
    }
}

/// Restores. Returns where to go and what to say.
pub(super) fn restore(site: &dyn Site, visitor: &Visitor, name: &str, asked: &Asked) -> Done {
    let actor = &visitor.signed_in.actor;
    let restored = if asked.is_before_attack() {
        site.restore_before_attack(actor, name)?
    } else {
        site.restore(actor, name, &asked.at)?
    };
    Ok((format!("/disks/{name}/restored"), Flash::good(said(name, &restored))))
}

fn said(name: &str, restored: &Restored) -> String {
    let to = super::super::words::time_text(restored.to.time);
    let clients = match restored.clients_refused {
        0 => String::new(),
        number => format!(" {} to reconnect.", of(number, "client has", "clients have")),
    };
    format!("`{name}` is as of {to}.{clients}")
}

/// What comes after a restore.
pub(super) fn restored(site: &dyn Site, _: &Visitor, name: &str) -> Result<Page, Refusal> {
    site.volume(name)?;
    let body = html! {
        ol class="steps" {
            li { div { p class="strong" { "Look whether it is as it should be" } p { "The files as they are now, read without the machine." } } a class="button" href={"/disks/" (name) "/files"} { "Look at the files" } }
            li { div { p class="strong" { "Start the machine, or let it reconnect" } p { "Change what the attacker knew first: passwords, keys, the way in." } } }
            li { div { p class="strong" { "Try it out" } p { "A drill shows that the next restore works, too." } } a class="button" href={"/disks/" (name) "/drill"} { "Run a drill" } }
            li { div { p class="strong" { "It was wrong?" } p { "Undo returns to what was on the disk before." } } a class="button" href={"/disks/" (name) "/undo"} { "Undo the restore" } }
        }
    };
    Ok(super::below(name, format!("{name} was restored"), body))
}

pub(super) fn undo_page(site: &dyn Site, visitor: &Visitor, name: &str) -> Result<Page, Refusal> {
    let volume = site.volume(name)?;
    let agreement = requests::agreement(site, requests::wish(Operation::Restore, name, UNDO))?;
    let consequences = Consequences {
        happens: html! { p { "The disk is again as it was before its newest restore. What was written since the restore isn't on the disk any more." }
        @if volume.clients > 0 { p { (of(volume.clients, "client has", "clients have")) " to reconnect." } } },
        undo: html! { p { "This can be undone, too: it is a moment of the history like any other." } },
        approval: agreement.words(),
    };
    let body = html! {
        div class="card" {
            (consequences.show())
            (agreement.form(visitor, &html! {
                form method="post" action={"/disks/" (name) "/undo"} class="buttons" {
                    (csrf(&visitor.signed_in.csrf))
                    button class="danger" data-waiting="Undoing ..." { "Undo the restore" }
                    a class="button" href={"/disks/" (name)} { "Leave it as it is" }
                }
            }))
        }
    };
    Ok(super::below(name, format!("Undo the restore of {name}?"), body))
}

pub(super) fn undo(site: &dyn Site, visitor: &Visitor, name: &str) -> Done {
    let restored = site.undo_restore(&visitor.signed_in.actor, name)?;
    Ok((format!("/disks/{name}"), Flash::good(said(name, &restored))))
}

pub(super) fn release_page(site: &dyn Site, visitor: &Visitor, name: &str) -> Result<Page, Refusal> {
    let volume = site.volume(name)?;
    let guard = volume.guard.as_ref().filter(|guard| guard.state == "fenced");
    let guard =
        guard.ok_or_else(|| Refusal::refused(format!("`{name}` isn't fenced")).hint("there is nothing to release"))?;
    let agreement = requests::agreement(site, requests::wish(Operation::ReleaseFence, name, ""))?;
    let is_diverted = guard.diverted_to.is_some();
    let consequences = Consequences {
        happens: html! {
            p { "The fence comes down and the machine's writes reach the disk again. If this is an attack, it goes on." }
            @if !guard.reasons.is_empty() { p { "The guard stopped it because:" } ul { @for reason in &guard.reasons { li { (with_code(&sentence(reason))) } } } }
        },
        undo: html! {
            p { "The restore point from before stays. What was diverted and is dropped is kept as a disk of its own until somebody deletes it." }
        },
        approval: agreement.words(),
    };
    let body = html! {
        div class="card" {
            (consequences.show())
            (agreement.form(visitor, &html! {
                form method="post" action={"/disks/" (name) "/release"} class="fields" {
                    (csrf(&visitor.signed_in.csrf))
                    @if is_diverted {
                        fieldset {
                            legend { "What becomes of what was diverted?" }
                            label class="choice" { input type="radio" name="diverted" value="keep" required; span { "Keep it: it was ordinary work. It is copied to the disk." } }
                            label class="choice" { input type="radio" name="diverted" value="drop" required; span { "Drop it: the disk goes on as it was before. The machine must reconnect." } }
                        }
                    }
                    div class="buttons" {
                        button class="danger" data-waiting="Releasing ..." { "Release " (name) }
                        a class="button" href={"/disks/" (name)} { "Leave it fenced" }
                    }
                }
            }))
        }
    };
    Ok(super::below(name, format!("Release the disk {name}?"), body))
}

/// What becomes of what was diverted.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Release {
    diverted: Option<String>,
}

pub(super) fn release(site: &dyn Site, visitor: &Visitor, name: &str, form: &Release) -> Done {
    site.release(&visitor.signed_in.actor, name, form.diverted.as_deref())?;
    Ok((
        format!("/disks/{name}"),
        Flash::good(format!("`{name}` is released; its guard goes on watching.")),
    ))
}
