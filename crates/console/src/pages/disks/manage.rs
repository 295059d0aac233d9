//! Making and deleting disks, forks and pins; drills and investigations of one.

use maud::html;
use respond::approval::Operation;
use respond::people::Role;
use serde::Deserialize;

use super::super::frame::Done;
use super::super::layout::{Page, Section};
use super::super::links::escaped;
use super::super::parts::{Consequences, csrf};
use super::super::requests;
use super::super::visitor::{Flash, Visitor};
use super::super::words::{bytes, span, time};
use super::Tab;
use crate::problem::Refusal;
use crate::site::Site;

const GIB: u64 = 1 << 30;

/// The form of a new disk.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct New {
    name: String,
    gib: u64,
}

/// A form with a name and a moment.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct AtMoment {
    #[serde(default)]
    at: String,
    #[serde(default)]
    pin: String,
    #[serde(default)]
    fork: String,
}

/// The form that confirms what can't be undone: the exact name.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Confirmed {
    name: String,
}

/// The form of a drill.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Drill {
    #[serde(default)]
    case: String,
}

impl Confirmed {
    /// Refuses another name than the one that had to be typed.
    fn check(&self, expected: &str) -> Result<(), Refusal> {
        if self.name.trim() == expected {
            return Ok(());
        }
        Err(
            Refusal::invalid(format!("`{}` isn't the name; nothing was done", self.name.trim()))
                .hint(format!("type `{expected}` exactly")),
        )
    }
}

pub(super) fn new_page(visitor: &Visitor) -> Page {
    let body = html! {
        form class="card fields" method="post" action="/disks" {
            (csrf(&visitor.signed_in.csrf))
            div {
                label for="name" { "Name " span class="hint" { "letters, digits, dots, hyphens and underscores" } }
                input id="name" name="name" required maxlength="64" pattern="[A-Za-z0-9][A-Za-z0-9._\\-]*" autocomplete="off";
            }
            div {
                label for="gib" { "Size in GiB " span class="hint" { "it can grow later; space is taken as it is written" } }
                input id="gib" name="gib" type="number" min="1" max="65536" value="10" required;
            }
            div class="buttons" { button class="primary" { "Make the disk" } a class="button" href="/disks" { "Not now" } }
        }
    };
    Page::new(Section::Disks, "Make a disk", body).below("/disks", "Disks")
}

pub(super) fn create(site: &dyn Site, visitor: &Visitor, form: &New) -> Done {
    let size = form
        .gib
        .checked_mul(GIB)
        .ok_or_else(|| Refusal::invalid(format!("{} GiB are too many", form.gib)))?;
    let volume = site.create(&visitor.signed_in.actor, form.name.trim(), size)?;
    let said = format!(
        "`{}` is there and empty. Connect a machine to it over NBD.",
        volume.name
    );
    Ok((format!("/disks/{}", volume.name), Flash::good(said)))
}

pub(super) fn page(site: &dyn Site, visitor: &Visitor, name: &str) -> Result<Page, Refusal> {
    let volume = site.volume(name)?;
    let may = visitor.signed_in.role.may(Role::Operator);
    let body = html! {
        div class="grid two" {
            section class="card" {
                h2 { "How it is served" }
                dl class="facts" {
                    @for address in site.health().listening { dt { "Address" } dd { code { (address) } } }
                    dt { "Export" } dd { code { (name) } }
                    dt { "The past, to read" } dd { code { (name) "@-15m" } " and every other moment" }
                }
            }
            section class="card" {
                h2 { "What is kept" }
                p { "Every moment of the last " (span(volume.retention_seconds)) ", and all pins. " (bytes(volume.stored_bytes)) " are stored for " (bytes(volume.size_bytes)) " of disk." }
                p class="hint" { "Size, retention and budget are changed with " code { "holdfast volume" } "; shortening what is kept can need a second person." }
            }
        }
        @if may {
            section class="card" {
                h2 { "Undo the newest restore" }
                p { "Returns to what was on the disk before it was restored last." }
                p { a class="button" href={"/disks/" (name) "/undo"} { "Undo a restore ..." } }
            }
        }
        @if visitor.signed_in.role.may(Role::Admin) {
            section class="card bad" {
                h2 { "Delete this disk" }
                p { "The disk goes with its whole history and all pins. That can't be undone." }
                p { a class="button danger" href={"/disks/" (name) "/delete"} { "Delete " (name) " ..." } }
            }
        }
    };
    Ok(super::page(&volume, visitor.signed_in.role, Tab::Manage, &body))
}

/// The field for a name that must be typed.
fn typed(name: &str) -> maud::Markup {
    html! {
        div {
            label for="confirm" { "Type " code { (name) } " to confirm" }
            input id="confirm" name="name" required autocomplete="off" autocapitalize="off" spellcheck="false" pattern=(regex(name));
        }
    }
}

/// A pattern that matches the name alone.
fn regex(name: &str) -> String {
    name.chars()
        .flat_map(|letter| {
            if letter.is_ascii_alphanumeric() || letter == '_' {
                vec![letter]
            } else {
                vec!['[', letter, ']']
            }
        })
        .collect()
}

pub(super) fn delete_page(site: &dyn Site, visitor: &Visitor, name: &str) -> Result<Page, Refusal> {
    let volume = site.volume(name)?;
    let agreement = requests::agreement(site, requests::wish(Operation::DeleteVolume, name, ""))?;
    let consequences = Consequences {
        happens: html! {
            ul {
                li { "The disk is gone, with " (bytes(volume.stored_bytes)) " of data and history." }
                li { (super::super::words::of(volume.pins.len() as u64, "pin goes", "pins go")) " with it." }
                @if volume.clients > 0 { li { strong { (super::super::words::of(volume.clients, "client uses", "clients use")) " it right now." } } }
            }
        },
        undo: html! { p { strong { "Nothing." } " There is no way back, and no copy is kept." } },
        approval: agreement.words(),
    };
    let body = html! {
        div class="card bad" {
            (consequences.show())
            (agreement.form(visitor, &html! {
                form class="fields" method="post" action={"/disks/" (name) "/delete"} {
                    (csrf(&visitor.signed_in.csrf))
                    (typed(name))
                    div class="buttons" { button class="danger" { "Delete for good" } a class="button" href={"/disks/" (name) "/manage"} { "Keep it" } }
                }
            }))
        }
    };
    Ok(super::below(name, format!("Delete the disk {name} for good?"), body))
}

pub(super) fn delete(site: &dyn Site, visitor: &Visitor, name: &str, form: &Confirmed) -> Done {
    form.check(name)?;
    site.delete(&visitor.signed_in.actor, name)?;
    Ok(("/disks".to_owned(), Flash::good(format!("`{name}` is deleted."))))
}

pub(super) fn pin(site: &dyn Site, visitor: &Visitor, name: &str, form: &AtMoment) -> Done {
    let moment = (!form.at.is_empty()).then_some(form.at.as_str());
    let pin = site.pin(&visitor.signed_in.actor, name, form.pin.trim(), moment)?;
    Ok((
        format!("/disks/{name}"),
        Flash::good(format!("The moment is kept as `{}`.", pin.name)),
    ))
}

pub(super) fn fork(site: &dyn Site, visitor: &Visitor, name: &str, form: &AtMoment) -> Done {
    let moment = (!form.at.is_empty()).then_some(form.at.as_str());
    let fork = site.fork(&visitor.signed_in.actor, name, moment, form.fork.trim())?;
    let said = format!(
        "`{}` is a disk of its own that starts at that moment of `{name}`.",
        fork.name
    );
    Ok((format!("/disks/{}", fork.name), Flash::good(said)))
}

pub(super) fn unpin_page(site: &dyn Site, visitor: &Visitor, name: &str, pin: &str) -> Result<Page, Refusal> {
    let volume = site.volume(name)?;
    let found = volume.pins.iter().find(|held| held.name == pin);
    let found = found.ok_or_else(|| Refusal::not_found(format!("`{name}` has no pin `{pin}`")))?;
    let agreement = requests::agreement(site, requests::wish(Operation::DeleteHistory, name, pin))?;
    let consequences = Consequences {
        happens: html! { p { "The moment " (time(found.moment.time)) " is kept no longer than all others. If it is older than " (span(volume.retention_seconds)) ", what it alone kept is gone." } },
        undo: html! { p { "Nothing, once the moment is older than the time that everything is kept for." } },
        approval: agreement.words(),
    };
    let body = html! {
        div class="card bad" {
            (consequences.show())
            (agreement.form(visitor, &html! {
                form class="fields" method="post" action={"/disks/" (name) "/pins/" (escaped(pin)) "/delete"} {
                    (csrf(&visitor.signed_in.csrf))
                    (typed(pin))
                    div class="buttons" { button class="danger" { "Give the pin up" } a class="button" href={"/disks/" (name)} { "Keep it" } }
                }
            }))
        }
    };
    Ok(super::below(name, format!("Give up the pin {pin}?"), body))
}

pub(super) fn unpin(site: &dyn Site, visitor: &Visitor, name: &str, pin: &str, form: &Confirmed) -> Done {
    form.check(pin)?;
    site.unpin(&visitor.signed_in.actor, name, pin)?;
    Ok((
        format!("/disks/{name}"),
        Flash::good(format!("The pin `{pin}` is given up.")),
    ))
}

pub(super) fn drill_page(site: &dyn Site, visitor: &Visitor, name: &str) -> Result<Page, Refusal> {
    site.volume(name)?;
    let consequences = Consequences {
        happens: html! { p { "A copy of the disk is made that shares everything with it. The copy is attacked under a guard of its own, returned to the restore point, and every file is compared. Then it is deleted. The machine doesn't notice." } },
        undo: html! { p { "There is nothing to undo: the disk itself isn't written to." } },
        approval: html! { p { "Nobody else." } },
    };
    let body = html! {
        div class="card" {
            (consequences.show())
            form class="fields" method="post" action={"/disks/" (name) "/drill"} {
                (csrf(&visitor.signed_in.csrf))
                div {
                    label for="case" { "The attack " span class="hint" { "its name, as `holdfast drill run --help` lists them; the schedule's turn if empty" } }
                    input id="case" name="case" autocomplete="off";
                }
                div class="buttons" { button class="primary" { "Run the drill" } a class="button" href="/drills" { "Earlier drills" } }
            }
        }
    };
    Ok(super::below(name, format!("Run a drill of the disk {name}"), body))
}

pub(super) fn drill(site: &dyn Site, visitor: &Visitor, name: &str, form: &Drill) -> Done {
    let case = form.case.trim();
    site.start_drill(&visitor.signed_in.actor, name, (!case.is_empty()).then_some(case))?;
    let said = format!("The drill of `{name}` runs. Its result appears here in a minute or two.");
    Ok(("/drills".to_owned(), Flash::good(said)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_name_confirms() {
        let typed = |name: &str| Confirmed { name: name.to_owned() }.check("db-1");
        assert!(typed("db-1 ").is_ok());
        assert!(typed("db-2").is_err() && typed("").is_err() && typed("DB-1").is_err());
        assert_eq!(regex("db-1.a_b"), "db[-]1[.]a_b");
    }
}
