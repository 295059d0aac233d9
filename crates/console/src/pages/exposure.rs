//! The breach monitor: what is known, who is watched, and who turned up.

use maud::{Markup, html};
use respond::Page as Part;
use respond::alert::{self, Alert, Layer};

use super::layout::{Page, Section};
use super::parts::empty;
use super::words::count;
use crate::problem::Refusal;
use crate::site::{ExposureView, Site};

/// Alerts that are listed.
const ROWS: usize = 50;

pub(super) fn page(site: &dyn Site) -> Result<Page, Refusal> {
    let view = site.exposure()?;
    let filter = alert::Filter {
        layer: Some(Layer::Exposure),
        ..alert::Filter::default()
    };
    let found = site.desk().read(|ledger| ledger.alerts(&filter, Part::newest(ROWS)))?;
    let body = html! {
        p class="lead" { "Most attacks begin with a password that leaked somewhere else. The breach monitor tells whose did, from data on this machine." }
        @if view.is_used { (figures(&view)) } @else { (begin()) }
        (people(&found))
    };
    Ok(Page::new(Section::Exposure, "Exposure", body))
}

fn figures(view: &ExposureView) -> Markup {
    html! {
        section class="card" {
            dl class="figures" {
                div { dt { "leaked passwords known" } dd { (count(view.password_hashes)) } }
                div { dt { "breaches known" } dd { (count(view.breaches)) } }
                div { dt { "addresses in them" } dd { (count(view.identities)) } }
                div { dt { "people watched" } dd { (count(view.watches)) } }
                div { dt { "notices to be sent" } dd { (count(view.notices_waiting)) } }
            }
            p {
                "Domains watched: "
                @if view.domains.is_empty() { "none." }
                @for (place, domain) in view.domains.iter().enumerate() { @if place > 0 { ", " } strong { (domain) } }
            }
        }
    }
}

fn begin() -> Markup {
    html! {
        section class="card info" {
            h2 { "Nothing is loaded yet" }
            ol class="steps" {
                li { div { p class="strong" { "Load leaked passwords and breaches" } p { code { "holdfast exposure import" } " and " code { "holdfast exposure load" } " take them as files; nothing is asked of anybody else." } } }
                li { div { p class="strong" { "Say which domains are yours" } p { code { "holdfast exposure domain verify" } " checks a TXT record." } } }
                li { div { p class="strong" { "Be told" } p { "Whoever turns up in a breach appears here as an alert, and gets a notice." } } }
            }
        }
    }
}

fn people(found: &[Alert]) -> Markup {
    html! {
        section class="card" {
            header { h2 { "Found" } a href="/incidents/alerts?layer=exposure" { "All of these alerts" } }
            @if found.is_empty() {
                (empty("Nobody was found.", &html! { "Of those watched, nobody turned up in a breach since Holdfast watches." }))
            } @else {
                (super::alerts::table(found))
            }
        }
    }
}
