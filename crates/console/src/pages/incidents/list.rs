//! The list of incidents.

use maud::{Markup, html};
use respond::incident::{self, Incident};
use respond::{Page as Part, Time};
use serde::Deserialize;

use super::super::layout::{Page, Section, incident_path};
use super::super::parts::{empty, incident_state, live, pages, severity, table, with_code};
use super::super::visitor::Visitor;
use super::super::words::{ago, count};
use crate::problem::Refusal;
use crate::site::Site;

/// Incidents of a page.
const ROWS: usize = 50;

/// Which incidents are asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// `all` for those that are done with, too.
    #[serde(default)]
    show: String,
    #[serde(default)]
    volume: String,
    before: Option<i64>,
}

pub(super) fn page(site: &dyn Site, visitor: &Visitor, asked: &Asked) -> Result<Page, Refusal> {
    let is_all = asked.show == "all";
    let volume = asked.volume.trim();
    let filter = incident::Filter {
        open_only: !is_all,
        volume: (!volume.is_empty()).then(|| volume.to_owned()),
        ..incident::Filter::default()
    };
    let part = Part {
        before: asked.before,
        most: ROWS,
    };
    let incidents = site.desk().read(|ledger| ledger.incidents(&filter, part))?;
    let now = site.now();
    let rows: Vec<Vec<Markup>> = incidents.iter().map(|incident| row(incident, now)).collect();
    let link = |before: i64| {
        format!(
            "/incidents?show={}&volume={}&before={before}",
            asked.show,
            super::super::links::escaped(volume)
        )
    };
    let older = incidents
        .last()
        .filter(|_| incidents.len() == ROWS)
        .map(|last| link(last.id.0));
    let body = html! {
        form class="inline" method="get" action="/incidents" {
            div {
                label for="show" { "Show" }
                select id="show" name="show" { option value="open" { "what isn't done with" } option value="all" selected[is_all] { "all" } }
            }
            div { label for="volume" { "Disk" } input id="volume" name="volume" type="search" value=(volume); }
            button { "Show" }
        }
        (live(&visitor.path, None, &html! {
            @if rows.is_empty() && is_all {
                (empty("There was no incident.", &html! { "Alerts that belong together become one, here." }))
            } @else if rows.is_empty() {
                (empty("No incident is open.", &html! { a href="/incidents?show=all" { "Show those that are done with" } }))
            } @else {
                (table("Incidents, newest first", &[("Incident", false), ("State", false), ("Severity", false), ("Score", true), ("Concerns", false), ("Began", false), ("Alerts", true), ("Looked after by", false)], &rows))
            }
        }))
        (pages(asked.before.map(|_| "/incidents"), older.as_deref()))
    };
    let buttons = html! { a class="button" href="/incidents/alerts" { "All alerts" } };
    Ok(Page::new(Section::Incidents, "Incidents", body).buttons(buttons).live())
}

fn row(incident: &Incident, now: Time) -> Vec<Markup> {
    let concerned: Vec<&String> = incident
        .volumes
        .iter()
        .chain(&incident.hosts)
        .chain(&incident.identities)
        .collect();
    vec![
        html! { a href=(incident_path(incident.id)) { (incident.id) ". " (with_code(&incident.title)) } },
        incident_state(incident.state),
        severity(incident.severity),
        html! { (incident.score) },
        html! { (concerned.iter().take(3).map(|name| name.as_str()).collect::<Vec<_>>().join(", ")) @if concerned.len() > 3 { " and " (count(concerned.len() as u64 - 3)) " more" } },
        html! { span class="nowrap" { (ago(now, incident.began)) } },
        html! { (count(incident.alerts)) },
        html! { @if let Some(assigned) = &incident.assigned { (assigned) } @else { "nobody" } },
    ]
}
