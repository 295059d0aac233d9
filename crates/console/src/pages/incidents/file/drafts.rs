//! Drafts: what regulators, those concerned, staff and customers are told.

use maud::{Markup, html};
use respond::case_file::drafts::{self, APPROVALS_NEEDED, Draft, DraftKind, DraftState};
use respond::incident::IncidentId;
use respond::people::Role;
use serde::Deserialize;

use super::super::super::frame::Done;
use super::super::super::layout::{Page, Section, incident_path};
use super::super::super::parts::{Tone, csrf, empty, pill, sentence, table, with_code};
use super::super::super::visitor::{Flash, Visitor};
use super::super::super::words::time;
use crate::incident_file;
use crate::problem::Refusal;
use crate::site::Site;

/// The form that makes a draft.
#[derive(Clone, Debug, Deserialize)]
pub(in super::super) struct Make {
    kind: String,
}

/// The form of something that a draft asks for.
#[derive(Clone, Debug, Deserialize)]
pub(in super::super) struct Fill {
    name: String,
    value: String,
    draft: i64,
}

pub(super) fn section(site: &dyn Site, visitor: &Visitor, id: IncidentId, may: bool) -> Result<Markup, Refusal> {
    let drafts = site.desk().read(|ledger| drafts::drafts(ledger, id))?;
    let path = super::path(id);
    let current = drafts.iter().filter(|draft| draft.state != DraftState::Replaced);
    let rows: Vec<Vec<Markup>> = current.map(|draft| row(draft, &path)).collect();
    Ok(html! {
        section class="card" {
            h2 { "What they are told" }
            @if rows.is_empty() {
                (empty("There is no draft.", &html! { "Drafts are made of the facts, so write those down first." }))
            } @else {
                (table("Drafts", &[("Draft", false), ("State", false), ("Made", false), ("Stand by it", true)], &rows))
            }
            @if may {
                form class="inline" method="post" action={(path) "/drafts"} {
                    (csrf(&visitor.signed_in.csrf))
                    div { label for="kind" { "Make a draft" } select id="kind" name="kind" { @for kind in DraftKind::ALL { option value=(kind.name()) { (kind.title()) } } } }
                    button { "Make it" }
                }
            }
        }
    })
}

fn state(draft: &Draft) -> Markup {
    let (tone, word) = match draft.state {
        DraftState::Made if !draft.to_fill.is_empty() => (Tone::Warn, "to be filled in"),
        DraftState::Made => (Tone::Info, "draft"),
        DraftState::Final => (Tone::Good, "final"),
        DraftState::Sent => (Tone::Good, "sent"),
        DraftState::Replaced => (Tone::Quiet, "replaced"),
    };
    pill(tone, word)
}

fn row(draft: &Draft, path: &str) -> Vec<Markup> {
    vec![
        html! { a href={(path) "/drafts/" (draft.id)} { (draft.kind.title()) } },
        state(draft),
        html! { (time(draft.made)) ", " (draft.made_by) },
        html! { (draft.approvals.len()) " of " (APPROVALS_NEEDED) },
    ]
}

pub(in super::super) fn draft_page(
    site: &dyn Site,
    visitor: &Visitor,
    id: IncidentId,
    draft: i64,
) -> Result<Page, Refusal> {
    let draft = incident_file::draft(site, id, draft)?;
    let obstacles = site.desk().read(|ledger| drafts::obstacles(ledger, &draft))?;
    let path = super::path(id);
    let may = visitor.signed_in.role.may(Role::Operator);
    let body = html! {
        div class="split" {
            section class="card" { header { h2 { "The text" } (state(&draft)) } pre tabindex="0" role="region" aria-label="The text" class="letter" { (draft.text) } }
            div class="stack" {
                @if draft.state == DraftState::Made && !obstacles.is_empty() {
                    section class="card warn" { h2 { "Before it can go out" } ul { @for obstacle in &obstacles { li { (with_code(&sentence(obstacle))) } } } }
                }
                @if may && draft.state == DraftState::Made { (fill_form(visitor, &path, &draft)) }
                (approvals(visitor, &path, &draft, may && obstacles.is_empty()))
            }
        }
    };
    let page = Page::new(Section::Incidents, draft.kind.title(), body);
    Ok(page
        .below("/incidents", "Incidents")
        .below(incident_path(id), format!("Incident {id}"))
        .below(path, "Incident file"))
}

fn fill_form(visitor: &Visitor, path: &str, draft: &Draft) -> Markup {
    html! {
        @if let Some(name) = draft.to_fill.first() {
            section class="card info" {
                h2 { "Fill in, " (draft.to_fill.len()) " to go" }
                form class="fields" method="post" action={(path) "/values"} {
                    (csrf(&visitor.signed_in.csrf))
                    input type="hidden" name="name" value=(name);
                    input type="hidden" name="draft" value=(draft.id.0);
                    div { label for="value" { (name.replace('_', " ")) " " span class="hint" { (drafts::asks_for(name).unwrap_or_default()) } } textarea id="value" name="value" required rows="3" {} }
                    button { "Fill it in" }
                }
            }
        }
    }
}

fn approvals(visitor: &Visitor, path: &str, draft: &Draft, may: bool) -> Markup {
    let token = &visitor.signed_in.csrf;
    html! {
        section class="card" {
            h2 { (draft.approvals.len()) " of " (APPROVALS_NEEDED) " stand by it" }
            p class="quiet" { "Made by " (draft.made_by) ", " (time(draft.made)) "." }
            ol class="timeline" { @for approval in &draft.approvals { li class="good" { p { (approval.by) } p class="when" { (time(approval.time)) } } } }
            @if may && draft.state == DraftState::Made && draft.made_by != visitor.signed_in.actor {
                form method="post" action={(path) "/drafts/" (draft.id) "/approve"} { (csrf(token)) button class="primary" { "I stand by this text" } }
            }
            @if may && draft.state == DraftState::Final {
                p { "Send it by your own ways, then say so here." }
                form method="post" action={(path) "/drafts/" (draft.id) "/sent"} { (csrf(token)) button class="primary" { "It went out" } }
            }
            @if let Some(sent) = draft.sent { p { "It went out " (time(sent)) "." } }
        }
    }
}

fn place(id: IncidentId, draft: &Draft) -> String {
    format!("{}/drafts/{}", super::path(id), draft.id)
}

pub(in super::super) fn make(site: &dyn Site, visitor: &Visitor, id: IncidentId, form: &Make) -> Done {
    let kind = DraftKind::named(&form.kind).ok_or_else(|| Refusal::invalid(format!("`{}` is no draft", form.kind)))?;
    let draft = incident_file::make_draft(site, &visitor.signed_in.actor, id, kind)?;
    Ok((
        place(id, &draft),
        Flash::good("The draft is made. Read every word of it."),
    ))
}

pub(in super::super) fn fill(site: &dyn Site, visitor: &Visitor, id: IncidentId, form: &Fill) -> Done {
    let (actor, kind) = (
        &visitor.signed_in.actor,
        incident_file::draft(site, id, form.draft)?.kind,
    );
    incident_file::fill(site, actor, id, [(form.name.as_str(), form.value.trim())])?;
    let draft = incident_file::make_draft(site, actor, id, kind)?;
    Ok((
        place(id, &draft),
        Flash::good("Filled in; the draft was made anew with it."),
    ))
}

pub(in super::super) fn approve(site: &dyn Site, visitor: &Visitor, id: IncidentId, draft: i64) -> Done {
    let draft = incident_file::approve_draft(site, &visitor.signed_in.actor, id, draft)?;
    Ok((place(id, &draft), Flash::good("You stand by this text.")))
}

pub(in super::super) fn sent(site: &dyn Site, visitor: &Visitor, id: IncidentId, draft: i64) -> Done {
    let draft = incident_file::mark_sent(site, &visitor.signed_in.actor, id, draft)?;
    Ok((
        place(id, &draft),
        Flash::good("It is on record that this went out, with the facts in it."),
    ))
}
