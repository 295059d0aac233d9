//! One incident: how far it is, why it counts, what happened, what to decide.

use maud::{Markup, html};
use respond::action::{self, Action};
use respond::alert::{self, Alert};
use respond::incident::{self, Incident, IncidentId};
use respond::ledger::{self, Record};
use respond::people::{self, Role};
use respond::{Actor, Page as Part};
use serde::Deserialize;

use super::super::frame::Done;
use super::super::layout::{Page, Section, incident_path};
use super::super::parts::{Consequences, csrf, incident_state, live, severity, with_code};
use super::super::visitor::{Flash, Visitor};
use super::super::words::{ago, count, time};
use super::{decisions, timeline};
use crate::problem::Refusal;
use crate::site::{Site, VolumeView};

/// Alerts, actions and records that a timeline has at most.
const ENTRIES_MAX: usize = 200;
/// Disks that are decided about on the page.
const VOLUMES_MAX: usize = 8;

/// The form of a note.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Note {
    text: String,
}

/// The form of who looks after it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Assign {
    #[serde(default)]
    to: String,
}

/// The form that closes it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Close {
    #[serde(default)]
    was: String,
    #[serde(default)]
    why: String,
}

/// All that the page is made of.
struct Found {
    incident: Incident,
    alerts: Vec<Alert>,
    actions: Vec<Action>,
    records: Vec<Record>,
    people: Vec<String>,
}

fn find(site: &dyn Site, id: IncidentId) -> Result<Found, Refusal> {
    let of_alerts = alert::Filter {
        incident: Some(id),
        ..alert::Filter::default()
    };
    let of_actions = action::Filter {
        incident: Some(id),
        ..action::Filter::default()
    };
    let of_records = ledger::Filter {
        subject: Some(format!("incident/{id}")),
        ..ledger::Filter::default()
    };
    let found = site.desk().read(|ledger| {
        let Some(incident) = ledger.incident(id)? else {
            return Ok(None);
        };
        let accounts = people::accounts(ledger)?;
        Ok(Some(Found {
            incident,
            alerts: ledger.alerts(&of_alerts, Part::newest(ENTRIES_MAX))?,
            actions: ledger.actions(&of_actions, Part::newest(ENTRIES_MAX))?,
            records: ledger.records(&of_records, ENTRIES_MAX)?,
            people: accounts
                .into_iter()
                .filter(|account| account.disabled.is_none())
                .map(|account| account.name)
                .collect(),
        }))
    })?;
    found.ok_or_else(|| Refusal::not_found(format!("there is no incident `{id}`")).hint("the list has all of them"))
}

pub(super) fn page(site: &dyn Site, visitor: &Visitor, id: IncidentId) -> Result<Page, Refusal> {
    let found = find(site, id)?;
    let incident = &found.incident;
    let volumes: Vec<VolumeView> = incident
        .volumes
        .iter()
        .take(VOLUMES_MAX)
        .filter_map(|name| site.volume(name).ok())
        .collect();
    let body = html! {
        (live(&visitor.path, None, &html! {
            p class="lead" {
                (incident_state(incident.state)) " " (severity(incident.severity))
                " Began " (ago(site.now(), incident.began)) ", " (time(incident.began)) "."
            }
            div class="split" {
                section class="card" { h2 { "Decisions, in order" } (decisions::list(incident, &volumes, visitor)) }
                div class="stack" { (score(incident)) (concerned(incident)) }
            }
            section class="card" {
                header { h2 { "What happened" } span class="quiet small" { (count(incident.alerts)) " alerts" } }
                (timeline::list(&found.alerts, &found.actions, &found.records))
            }
        }))
        @if visitor.signed_in.role.may(Role::Operator) { (forms(incident, &found.people, visitor)) }
    };
    let buttons = html! { a class="button" href={(incident_path(id)) "/file"} { "Incident file" } };
    let title = format!("Incident {id}: {}", incident.title.replace('`', ""));
    Ok(Page::new(Section::Incidents, title, body)
        .below("/incidents", "Incidents")
        .buttons(buttons)
        .live())
}

fn score(incident: &Incident) -> Markup {
    html! {
        section class="card" {
            h2 { "Why it counts" }
            div class="score" {
                b { (incident.score) }
                div class="wide" { label class="visually-hidden" for="score" { "Score of 100" } meter id="score" min="0" max="100" low="40" high="70" optimum="0" value=(incident.score) { (incident.score) } span class="quiet small" { "of 100" } }
            }
            ul { @for part in &incident.score_parts { li { strong { "+" (part.points) } " " (with_code(&part.because)) } } }
        }
    }
}

fn concerned(incident: &Incident) -> Markup {
    html! {
        section class="card" {
            h2 { "Concerns" }
            dl class="facts" {
                @if !incident.volumes.is_empty() { dt { "Disks" } dd { @for (place, name) in incident.volumes.iter().enumerate() { @if place > 0 { ", " } a href={"/disks/" (name)} { (name) } } } }
                @if !incident.hosts.is_empty() { dt { "Hosts" } dd { (incident.hosts.join(", ")) } }
                @if !incident.identities.is_empty() { dt { "People" } dd { (incident.identities.join(", ")) } }
                dt { "Looked after by" } dd { @if let Some(assigned) = &incident.assigned { (assigned) } @else { "nobody" } }
                @if let Some(closed) = incident.closed { dt { "Closed" } dd { (time(closed)) } }
            }
        }
    }
}

fn forms(incident: &Incident, people: &[String], visitor: &Visitor) -> Markup {
    let path = incident_path(incident.id);
    let assigned = match &incident.assigned {
        Some(Actor::Person(name)) => name.as_str(),
        _ => "",
    };
    html! {
        div class="grid two" {
            section class="card" {
                h2 { "Add a note" }
                form class="fields" method="post" action={(path) "/notes"} {
                    (csrf(&visitor.signed_in.csrf))
                    div { label for="text" { "What you saw, decided or did " span class="hint" { "goes on record as it is" } } textarea id="text" name="text" required rows="3" maxlength="8000" {} }
                    button { "Add the note" }
                }
            }
            section class="card" {
                h2 { "Who looks after it" }
                form class="fields" method="post" action={(path) "/assign"} {
                    (csrf(&visitor.signed_in.csrf))
                    div {
                        label for="to" { "Person" }
                        select id="to" name="to" { option value="" { "nobody" } @for name in people { option value=(name) selected[name == assigned] { (name) } } }
                    }
                    button { "Give it to them" }
                }
            }
        }
    }
}

pub(super) fn close_page(site: &dyn Site, visitor: &Visitor, id: IncidentId) -> Result<Page, Refusal> {
    let found = site.desk().read(|ledger| ledger.incident(id))?;
    let incident = found.ok_or_else(|| Refusal::not_found(format!("there is no incident `{id}`")))?;
    let consequences = Consequences {
        happens: html! { p { "The incident is done with: no more notices about it. What happens later on the same disks becomes a new one." } },
        undo: html! { p { "It can be opened again. Its records stay for good." } },
        approval: html! { p { "Nobody else." } },
    };
    let body = html! {
        div class="card" {
            (consequences.show())
            form class="fields" method="post" action={(incident_path(id)) "/close"} {
                (csrf(&visitor.signed_in.csrf))
                fieldset {
                    legend { "What was it?" }
                    label class="choice" { input type="radio" name="was" value="attack" required; span { "An attack, and it is over." } }
                    label class="choice" { input type="radio" name="was" value="false-alarm" required; span { "A false alarm: ordinary work." } }
                }
                div { label for="why" { "How you know, and what was learned" } textarea id="why" name="why" required rows="3" maxlength="4000" {} }
                div class="buttons" { button class="primary" { "Close the incident" } a class="button" href=(incident_path(id)) { "Not yet" } }
            }
        }
    };
    let title = format!("Close incident {}?", incident.id);
    Ok(Page::new(Section::Incidents, title, body)
        .below("/incidents", "Incidents")
        .below(incident_path(id), format!("Incident {id}")))
}

pub(super) fn acknowledge(site: &dyn Site, visitor: &Visitor, id: IncidentId) -> Done {
    let now = site.now();
    site.desk()
        .write(|w| incident::acknowledge(w, now, &visitor.signed_in.actor, id))?;
    Ok((incident_path(id), Flash::good("You look after it.")))
}

pub(super) fn assign(site: &dyn Site, visitor: &Visitor, id: IncidentId, form: &Assign) -> Done {
    let now = site.now();
    let to = (!form.to.is_empty()).then(|| Actor::Person(form.to.clone()));
    let known = site.desk().read(|ledger| people::account_by_name(ledger, &form.to))?;
    if to.is_some() && known.is_none() {
        return Err(Refusal::invalid(format!("there is no account `{}`", form.to)));
    }
    site.desk()
        .write(|w| incident::assign(w, now, &visitor.signed_in.actor, id, to.as_ref()))?;
    let said = to.map_or_else(
        || "Nobody looks after it now.".to_owned(),
        |to| format!("{to} looks after it."),
    );
    Ok((incident_path(id), Flash::good(said)))
}

pub(super) fn note(site: &dyn Site, visitor: &Visitor, id: IncidentId, form: &Note) -> Done {
    let now = site.now();
    site.desk()
        .write(|w| incident::note(w, now, &visitor.signed_in.actor, id, form.text.trim()))?;
    Ok((incident_path(id), Flash::good("The note is on record.")))
}

pub(super) fn recovered(site: &dyn Site, visitor: &Visitor, id: IncidentId) -> Done {
    let now = site.now();
    site.desk()
        .write(|w| incident::recovered(w, now, &visitor.signed_in.actor, id, "said on the console"))?;
    Ok((
        incident_path(id),
        Flash::good("Everything is back. Tell those who must know, then close it."),
    ))
}

pub(super) fn close(site: &dyn Site, visitor: &Visitor, id: IncidentId, form: &Close) -> Done {
    let now = site.now();
    let is_false_alarm = form.was == "false-alarm";
    site.desk()
        .write(|w| incident::close(w, now, &visitor.signed_in.actor, id, is_false_alarm, form.why.trim()))?;
    Ok((incident_path(id), Flash::good("The incident is closed.")))
}
