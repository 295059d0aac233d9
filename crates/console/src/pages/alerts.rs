//! Alerts in lists.

use maud::{Markup, html};
use respond::alert::{Alert, Layer, Severity};
use respond::people::Role;
use respond::{Page as Part, alert};
use serde::Deserialize;

use super::frame::Done;
use super::layout::{Page, Section, incident_path};
use super::parts::{self, csrf, empty, pages, severity, with_code};
use super::visitor::{Flash, Visitor};
use super::words::{count, time};
use crate::problem::Refusal;
use crate::site::{MarkWish, Marked, Site};

/// The form that says that an alert is no sign of an attack.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct FalsePositive {
    #[serde(default)]
    because: String,
    days: u64,
}

/// Alerts of a page.
const ROWS: usize = 50;

/// Which alerts are asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    severity: String,
    #[serde(default)]
    layer: String,
    #[serde(default)]
    volume: String,
    #[serde(default)]
    text: String,
    before: Option<i64>,
}

/// A name as a choice has it, with what it means.
const SEVERITIES: [(&str, Severity); 4] = [
    ("critical", Severity::Critical),
    ("high", Severity::High),
    ("medium", Severity::Medium),
    ("low", Severity::Low),
];
const LAYERS: [(&str, &str, Layer); 6] = [
    ("guard", "Guards", Layer::Guard),
    ("volume", "Disks", Layer::Volume),
    ("drill", "Drills", Layer::Drill),
    ("exposure", "Breach monitor", Layer::Exposure),
    ("threat", "Logs of hosts", Layer::Threat),
    ("respond", "Holdfast itself", Layer::Respond),
];

impl Asked {
    fn filter(&self) -> alert::Filter {
        let given = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        alert::Filter {
            severity: SEVERITIES
                .iter()
                .find(|(name, _)| *name == self.severity)
                .map(|(_, severity)| *severity),
            layer: LAYERS
                .iter()
                .find(|(name, ..)| *name == self.layer)
                .map(|(.., layer)| *layer),
            volume: given(&self.volume),
            text: given(&self.text),
            which: alert::Which::Lines,
            ..alert::Filter::default()
        }
    }

    fn query(&self, before: i64) -> String {
        let pairs = [
            ("severity", &self.severity),
            ("layer", &self.layer),
            ("volume", &self.volume),
            ("text", &self.text),
        ];
        let mut query = format!("/incidents/alerts?before={before}");
        for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            query += &format!("&{name}={}", super::links::escaped(value));
        }
        query
    }
}

/// The list of all alerts.
pub(super) fn page(site: &dyn Site, asked: &Asked) -> Result<Page, Refusal> {
    let filter = asked.filter();
    let part = Part {
        before: asked.before,
        most: ROWS,
    };
    let alerts = site.desk().read(|ledger| ledger.alerts(&filter, part))?;
    let older = alerts
        .last()
        .filter(|_| alerts.len() == ROWS)
        .map(|last| asked.query(last.id.0));
    let newer = asked.before.map(|_| "/incidents/alerts");
    let body = html! {
        (choose(asked))
        @if alerts.is_empty() {
            (empty("No alert is like that.", &html! { "Choose less, or come back when something was noticed." }))
        } @else {
            (table(&alerts))
        }
        (pages(newer, older.as_deref()))
    };
    Ok(Page::new(Section::Incidents, "Alerts", body).below("/incidents", "Incidents"))
}

fn choose(asked: &Asked) -> Markup {
    html! {
        form class="inline" method="get" action="/incidents/alerts" {
            div {
                label for="severity" { "At least" }
                select id="severity" name="severity" {
                    option value="" { "any severity" }
                    @for (name, _) in SEVERITIES { option value=(name) selected[asked.severity == name] { (name) } }
                }
            }
            div {
                label for="layer" { "Noticed by" }
                select id="layer" name="layer" {
                    option value="" { "anything" }
                    @for (name, words, _) in LAYERS { option value=(name) selected[asked.layer == name] { (words) } }
                }
            }
            div { label for="volume" { "Disk" } input id="volume" name="volume" value=(asked.volume); }
            div { label for="text" { "Words" } input id="text" name="text" type="search" value=(asked.text); }
            button { "Show" }
        }
    }
}

/// A table of alerts, newest first.
pub(super) fn table(alerts: &[Alert]) -> Markup {
    let rows: Vec<Vec<Markup>> = alerts.iter().map(row).collect();
    parts::table(
        "Alerts, newest first",
        &[
            ("What", false),
            ("Severity", false),
            ("About", false),
            ("Last noticed", false),
            ("Times", true),
            ("Incident", false),
        ],
        &rows,
    )
}

fn row(alert: &Alert) -> Vec<Markup> {
    let noticed = &alert.noticed;
    let about = [&noticed.host, &noticed.identity].into_iter().flatten();
    vec![
        html! {
            a href={"/incidents/alerts/" (alert.id)} { (with_code(&noticed.title)) }
            @if !alert.parts.is_none() { " " span class="quiet small" { "and " (count(alert.parts.count)) " more since" } }
        },
        severity(noticed.severity),
        html! {
            @if let Some(volume) = &noticed.volume { a href={"/disks/" (volume)} { (volume) } " " }
            @for thing in about { (thing) " " }
        },
        html! { span class="nowrap" { (time(alert.last_of_all())) } },
        html! { (count(alert.count)) },
        html! { @if let Some(incident) = alert.incident { a href=(incident_path(incident)) { (incident) } } },
    ]
}

/// One alert, with all its facts.
pub(super) fn one(site: &dyn Site, visitor: &Visitor, id: i64) -> Result<Page, Refusal> {
    let parts_of = alert::Filter {
        which: alert::Which::PartsOf(alert::AlertId(id)),
        ..alert::Filter::default()
    };
    let (found, parts) = site.desk().read(|ledger| {
        let parts = ledger.alerts(&parts_of, Part::newest(ROWS))?;
        Ok((ledger.alert(alert::AlertId(id))?, parts))
    })?;
    let alert = found.ok_or_else(|| Refusal::not_found(format!("there is no alert `{id}`")))?;
    let noticed = &alert.noticed;
    let body = html! {
        div class="card" {
            p { (with_code(&noticed.text)) }
            dl class="facts" {
                dt { "Severity" } dd { (severity(noticed.severity)) }
                dt { "Noticed" } dd { (time(noticed.time)) @if alert.count > 1 { ", last " (time(alert.last)) ", " (count(alert.count)) " times" } }
                dt { "Kind" } dd { code { (noticed.kind) } }
                @if let Some(volume) = &noticed.volume { dt { "Disk" } dd { a href={"/disks/" (volume)} { (volume) } } }
                @if let Some(host) = &noticed.host { dt { "Host" } dd { (host) } }
                @if let Some(identity) = &noticed.identity { dt { "Person or account" } dd { (identity) } }
                @if let Some(incident) = alert.incident { dt { "Incident" } dd { a href=(incident_path(incident)) { "Incident " (incident) } } }
                @if let Some(head) = alert.part_of { dt { "Part of" } dd { a href={"/incidents/alerts/" (head)} { "Alert " (head) } } }
                @for (name, value) in &noticed.facts { dt { (name.replace('_', " ")) } dd { code { (value) } } }
            }
        }
        @if !parts.is_empty() {
            section class="card" {
                h2 { "Added since" }
                p class="quiet" { (count(alert.parts.count)) " more findings of the same attack that change nothing for whoever knows of it. The newest:" }
                (table(&parts))
            }
        }
        @if noticed.layer == Layer::Threat && visitor.signed_in.role.may(Role::Operator) { (no_attack(visitor, id)) }
    };
    let title = noticed.title.replace('`', "");
    Ok(Page::new(Section::Incidents, title, body)
        .below("/incidents", "Incidents")
        .below("/incidents/alerts", "Alerts"))
}

fn no_attack(visitor: &Visitor, id: i64) -> Markup {
    html! {
        section class="card" {
            h2 { "Ordinary work after all?" }
            p { "The same finding on the same people and machines is then held back for a while: it joins no story, and nobody is told. "
                code { "holdfast threat marks" } " shows how often, " code { "holdfast threat unmark" } " takes it back." }
            form class="fields" method="post" action={"/incidents/alerts/" (id) "/false-positive"} {
                (csrf(&visitor.signed_in.csrf))
                div { label for="because" { "How you know" } input id="because" name="because" required maxlength="500"; }
                div { label for="days" { "For how many days" } input id="days" name="days" type="number" min="1" max="365" value="30" required; }
                button { "It is no sign of an attack" }
            }
        }
    }
}

/// Says that an alert is no sign of an attack.
pub(super) fn false_positive(site: &dyn Site, visitor: &Visitor, id: i64, form: &FalsePositive) -> Done {
    let wish = MarkWish {
        what: Marked::Alert(id),
        because: form.because.trim().to_owned(),
        seconds: form.days.saturating_mul(86_400),
        even_critical_on_tier_zero: false,
    };
    let marks = site.mark(&visitor.signed_in.actor, &wish)?;
    let on: Vec<&str> = marks.iter().map(|mark| mark.entity.as_str()).collect();
    let said = format!("The same finding on {} is held back from now on.", on.join(", "));
    Ok((format!("/incidents/alerts/{id}"), Flash::good(said)))
}
