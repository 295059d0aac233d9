//! The frame around every page: head, navigation, what must be seen wherever one is, and who is signed in.

use axum::response::Html;
use maud::{DOCTYPE, Markup, html};
use respond::incident::{Incident, IncidentId};
use respond::people::Role;
use respond::{Counts, Time};

use super::assets::place;
use super::parts::{Tone, csrf, logo, pill, sentence, with_code};
use super::visitor::{Flash, Theme, Visitor};
use super::words::{ago, count, zone};

/// The parts of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Overview,
    Disks,
    Incidents,
    Drills,
    Exposure,
    Policies,
    Approvals,
    Audit,
    Settings,
}

impl Section {
    const ALL: [Self; 9] = [
        Self::Overview,
        Self::Disks,
        Self::Incidents,
        Self::Drills,
        Self::Exposure,
        Self::Policies,
        Self::Approvals,
        Self::Audit,
        Self::Settings,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Disks => "Disks",
            Self::Incidents => "Incidents",
            Self::Drills => "Drills",
            Self::Exposure => "Exposure",
            Self::Policies => "Policies",
            Self::Approvals => "Approvals",
            Self::Audit => "Audit",
            Self::Settings => "Settings",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Disks => "/disks",
            Self::Incidents => "/incidents",
            Self::Drills => "/drills",
            Self::Exposure => "/exposure",
            Self::Policies => "/policies",
            Self::Approvals => "/approvals",
            Self::Audit => "/audit",
            Self::Settings => "/settings",
        }
    }

    /// Whether somebody with this role sees it: who did what is for auditors.
    const fn is_for(self, role: Role) -> bool {
        !matches!(self, Self::Audit) || role.may(Role::Auditor)
    }
}

/// What every page tells: whether something needs somebody now.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// The worst incidents that aren't done with and are at least of high severity.
    pub(super) urgent: Vec<Incident>,
    /// How many of what there are.
    pub(super) counts: Counts,
}

/// A page, without its frame.
#[derive(Debug)]
pub(super) struct Page {
    /// The part of the navigation that it belongs to.
    pub(super) section: Section,
    /// The heading.
    pub(super) title: String,
    /// The pages above it: path and name.
    pub(super) above: Vec<(String, String)>,
    /// A state beside the heading.
    pub(super) state: Option<(Tone, String)>,
    /// Buttons beside the heading.
    pub(super) buttons: Markup,
    /// Whether a part of it changes by itself when something happens: see [`super::parts::live`].
    pub(super) is_live: bool,
    /// Scripts that it needs beside those of every page.
    pub(super) scripts: &'static [&'static str],
    /// Everything below the heading.
    pub(super) body: Markup,
}

impl Page {
    /// A page with nothing but a heading.
    pub(super) fn new(section: Section, title: impl Into<String>, body: Markup) -> Self {
        Self {
            section,
            title: title.into(),
            above: Vec::new(),
            state: None,
            buttons: html! {},
            is_live: false,
            scripts: &[],
            body,
        }
    }

    /// Below another page.
    pub(super) fn below(mut self, path: impl Into<String>, name: impl Into<String>) -> Self {
        self.above.push((path.into(), name.into()));
        self
    }

    /// With a state beside the heading.
    pub(super) fn state(mut self, tone: Tone, word: impl Into<String>) -> Self {
        self.state = Some((tone, word.into()));
        self
    }

    /// With buttons beside the heading.
    pub(super) fn buttons(mut self, buttons: Markup) -> Self {
        self.buttons = buttons;
        self
    }

    /// That changes by itself.
    pub(super) const fn live(mut self) -> Self {
        self.is_live = true;
        self
    }

    /// With scripts beside those of every page.
    pub(super) const fn scripts(mut self, scripts: &'static [&'static str]) -> Self {
        self.scripts = scripts;
        self
    }
}

/// The whole document.
pub(super) fn document(page: &Page, visitor: &Visitor, standing: &Standing, now: Time) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[visitor.theme.name()] {
            (head(&page.title, true, page.scripts))
            body data-events="/api/v1/events" {
                a class="skip" href="#main" { "Skip to the content" }
                div class="frame" {
                    (side(page.section, visitor, standing))
                    main id="main" class="main" tabindex="-1" {
                        div class="page" {
                            (self::standing(standing, now))
                            @if let Some(flash) = &visitor.flash { (said(flash)) }
                            (heading(page))
                            (page.body)
                        }
                    }
                }
            }
        }
    }
}

/// A document without navigation, for whoever isn't signed in.
pub(super) fn alone(title: &str, theme: Theme, scripts: &[&str], body: &Markup) -> Html<String> {
    let markup = html! {
        (DOCTYPE)
        html lang="en" data-theme=[theme.name()] {
            (head(title, false, scripts))
            body {
                div class="alone" {
                    main id="main" {
                        p class="brand" { (logo()) "Holdfast" }
                        div class="card" { h1 { (title) } (body) }
                    }
                }
            }
        }
    };
    Html(markup.0)
}

fn head(title: &str, is_signed_in: bool, scripts: &[&str]) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="robots" content="noindex";
            title { (title) " - Holdfast" }
            link rel="icon" href=(place("icon.svg")) type="image/svg+xml";
            link rel="stylesheet" href=(place("console.css"));
            @if is_signed_in {
                meta name="htmx-config" content=r#"{"includeIndicatorCSS":false,"history":false,"defaultTimeout":20000}"#;
                script src=(place("htmx.js")) defer {}
                script src=(place("console.js")) defer {}
            }
            @if scripts.contains(&"uplot.js") { link rel="stylesheet" href=(place("uplot.css")); }
            @for script in scripts { script src=(place(script)) defer {} }
        }
    }
}

fn heading(page: &Page) -> Markup {
    html! {
        @if !page.above.is_empty() {
            nav class="crumbs" aria-label="Where this page is" {
                ol { @for (path, name) in &page.above { li { a href=(path) { (name) } } } }
            }
        }
        div class="head" {
            div class="title" {
                h1 { (page.title) }
                @if let Some((tone, word)) = &page.state { (pill(*tone, word)) }
                @if page.is_live { span class="live" data-live hidden { "live" } }
            }
            div class="buttons" { (page.buttons) }
        }
    }
}

fn side(section: Section, visitor: &Visitor, standing: &Standing) -> Markup {
    let links = navigation(section, visitor.signed_in.role, standing);
    html! {
        header class="side" {
            a class="brand" href="/" { (logo()) "Holdfast" }
            nav aria-label="Main" { (links) }
            (who(visitor))
            details class="menu" {
                summary { "Menu" }
                div {
                    nav aria-label="Main, in the menu" { (links) }
                    (who(visitor))
                }
            }
        }
    }
}

fn navigation(section: Section, role: Role, standing: &Standing) -> Markup {
    html! {
        ul {
            @for entry in Section::ALL.into_iter().filter(|entry| entry.is_for(role)) {
                li {
                    a href=(entry.path()) aria-current=[(entry == section).then_some("page")] {
                        (entry.name())
                        (badge(entry, standing))
                    }
                }
            }
        }
    }
}

/// How many things wait in a part of the navigation.
fn badge(section: Section, standing: &Standing) -> Markup {
    html! { span data-badge=(section.path()) { (badge_number(section, standing)) } }
}

fn badge_number(section: Section, standing: &Standing) -> Markup {
    let incidents = standing.counts.open_incidents.total();
    let (number, class, words) = match section {
        Section::Incidents if !standing.urgent.is_empty() => (incidents, "badge", "open"),
        Section::Incidents => (incidents, "badge calm", "open"),
        Section::Approvals => (standing.counts.requests_waiting, "badge calm", "waiting"),
        _ => (0, "", ""),
    };
    html! {
        @if number > 0 {
            span class=(class) { (count(number)) span class="visually-hidden" { " " (words) } }
        }
    }
}

fn who(visitor: &Visitor) -> Markup {
    html! {
        div class="who" {
            div { span class="strong" { (visitor.signed_in.actor) } br; span class="quiet" { (visitor.signed_in.role.name()) } }
            div class="row" {
                form method="post" action="/theme" {
                    (csrf(&visitor.signed_in.csrf))
                    input type="hidden" name="back" value=(visitor.path);
                    input type="hidden" name="theme" value=(visitor.theme.next().name().unwrap_or("system"));
                    button class="plain" { (visitor.theme.next().words()) }
                }
                form method="post" action="/sign-out" {
                    (csrf(&visitor.signed_in.csrf))
                    button class="plain" { "Sign out" }
                }
            }
            div class="quiet" { "Times: " (zone()) }
        }
    }
}

/// What needs somebody now, on every page. Asked for again when something happens.
pub(super) fn standing(standing: &Standing, now: Time) -> Markup {
    html! {
        div id="standing" role="status" hx-get="/standing" hx-trigger="holdfast:changed from:body throttle:1s" hx-swap="outerMorph" {
            @if let Some(incident) = standing.urgent.first() {
                div class="alarm" data-incident=(incident.id) {
                    div class="title" {
                        p { (with_code(&sentence(&incident.title))) }
                        p class="small" {
                            "Incident " (incident.id) ", " (ago(now, incident.began))
                            @if standing.urgent.len() > 1 { ". " (more(standing.urgent.len() - 1)) }
                        }
                    }
                    a class="button danger" href=(incident_path(incident.id)) { "Decide what to do" }
                }
            }
        }
    }
}

/// The same, with what waits in the navigation.
pub(super) fn standing_part(standing: &Standing, visitor: &Visitor, now: Time) -> Markup {
    let role = visitor.signed_in.role;
    html! {
        (self::standing(standing, now))
        // Both navigations, that at the side and that in the menu, have these.
        @for section in Section::ALL.into_iter().filter(|section| section.is_for(role)) {
            div hx-swap-oob={"innerHTML:[data-badge='" (section.path()) "']"} { (badge_number(section, standing)) }
        }
    }
}

fn more(number: usize) -> String {
    match number {
        1 => "One more incident is urgent".to_owned(),
        _ => format!("{number} more incidents are urgent"),
    }
}

/// Where an incident is.
pub(super) fn incident_path(id: IncidentId) -> String {
    format!("/incidents/{id}")
}

/// What came of the form that was sent.
fn said(flash: &Flash) -> Markup {
    html! {
        div class={"notice " (flash.tone.class())} role="status" { p { (with_code(&flash.text)) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_shown_to_auditors_and_administrators() {
        let seen = |role| Section::ALL.into_iter().filter(|section| section.is_for(role)).count();
        assert_eq!(
            [Role::Viewer, Role::Operator, Role::Auditor, Role::Admin].map(seen),
            [8, 8, 9, 9]
        );
    }
}
