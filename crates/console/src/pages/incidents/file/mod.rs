//! The incident file: regulators' clocks, what is known of people's data, and what is sent to them.

mod clocks;
mod drafts;
mod facts;

pub(super) use clocks::{start, stop};
pub(super) use drafts::{approve as approve_draft, draft_page, fill, make, sent};
pub(super) use facts::{approve as approve_fact, set as set_fact};

use maud::html;
use respond::incident::IncidentId;
use respond::people::Role;

use super::super::layout::{Page, Section, incident_path};
use super::super::visitor::Visitor;
use crate::incident_file;
use crate::problem::Refusal;
use crate::site::Site;

/// Where an incident's file is.
pub(super) fn path(id: IncidentId) -> String {
    format!("{}/file", incident_path(id))
}

pub(super) fn page(site: &dyn Site, visitor: &Visitor, id: IncidentId) -> Result<Page, Refusal> {
    let incident = incident_file::find(site, id)?;
    let may = visitor.signed_in.role.may(Role::Operator);
    let body = html! {
        p class="lead" { "What was taken, who must be told by when, and what they are told. Drafts are made of the facts below and of nothing else; two people stand by every fact and every text." }
        (clocks::section(site, visitor, &incident, may)?)
        (facts::section(site, visitor, id, may)?)
        (drafts::section(site, visitor, id, may)?)
        @if may { p { a href={"/api/v1/incidents/" (id) "/file/paper"} download { "All of it on paper" } ", a PDF for the day when nothing works." } }
    };
    let page = Page::new(Section::Incidents, "Incident file", body);
    Ok(page
        .below("/incidents", "Incidents")
        .below(incident_path(id), format!("Incident {id}")))
}
