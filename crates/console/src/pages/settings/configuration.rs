//! The configuration in force, and how the program is.

use maud::html;

use super::super::layout::Page;
use super::super::parts::{Tone, pill, sentence, with_code};
use super::super::visitor::Visitor;
use super::super::words::{count, time};
use super::Tab;
use crate::problem::Refusal;
use crate::settings::Settings;
use crate::site::Site;

pub(super) fn page(site: &dyn Site, visitor: &Visitor, settings: &Settings) -> Result<Page, Refusal> {
    let health = site.health();
    let text = site.settings()?;
    let body = html! {
        div class="grid two" {
            section class="card" {
                header { h2 { "How it is" } @if health.problems.is_empty() { (pill(Tone::Good, "well")) } @else { (pill(Tone::Warn, "needs help")) } }
                dl class="facts" {
                    dt { "Version" } dd { (health.version) }
                    dt { "Runs since" } dd { (time(health.started)) }
                    dt { "Does all of its work" } dd { @if health.ready { "yes" } @else { "no" } }
                    dt { "Clients" } dd { (count(health.clients)) }
                    @for address in &health.listening { dt { "Disks at" } dd { code { (address) } } }
                }
                @if !health.problems.is_empty() { ul { @for problem in &health.problems { li { (with_code(&sentence(problem))) } } } }
            }
            section class="card" {
                header { h2 { "This console" } @if settings.is_secure() { (pill(Tone::Good, "encrypted")) } @else { (pill(Tone::Warn, "not encrypted")) } }
                dl class="facts" {
                    dt { "Address" } dd { code { (settings.public_url) } }
                    dt { "Certificate" } dd {
                        @if let Some(certificate) = &settings.certificate { code { (certificate.certificate.display()) } } @else { "none: for this machine alone" }
                    }
                    dt { "Sessions" } dd { "end after " (super::super::words::span(settings.idle.as_secs())) " without a click, and after " (super::super::words::span(settings.lasting.as_secs())) }
                    dt { "Provider" } dd { @if let Some(oidc) = &settings.oidc { (oidc.issuer) } @else { "none: accounts are Holdfast's own" } }
                }
            }
        }
        section class="card" {
            h2 { "Configuration in force" }
            p class="quiet" { "Without secrets. It is changed in its file." }
            pre tabindex="0" role="region" aria-label="Configuration" { (text) }
        }
    };
    Ok(super::page(visitor, Tab::Configuration, &body))
}
