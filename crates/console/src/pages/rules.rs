//! The rules of approvals: what needs a second person, and turning them on and off.

use maud::{Markup, html};
use respond::approval::{self, Approvers, Operation, Rules};
use respond::people::{self, Role};

use super::frame::Done;
use super::layout::{Page, Section};
use super::parts::{Consequences, Tone, csrf, pill, table};
use super::requests;
use super::visitor::{Flash, Visitor};
use super::words::span;
use crate::problem::Refusal;
use crate::site::Site;

/// What turning approvals off is about, as a request names it.
const OFF: (&str, &str) = ("off", "");

pub(super) fn page(site: &dyn Site, visitor: &Visitor) -> Result<Page, Refusal> {
    let (rules, is_on, admins) = site.desk().read(|ledger| {
        let accounts = people::accounts(ledger)?;
        let admins = accounts
            .iter()
            .filter(|account| account.role == Role::Admin && account.disabled.is_none())
            .count();
        Ok((approval::rules(ledger)?, approval::is_on(ledger)?, admins))
    })?;
    let may = visitor.signed_in.role.may(Role::Admin);
    let body = html! {
        section class="card" {
            header { h2 { @if is_on { "In force" } @else { "What would be in force" } } }
            (listed(&rules))
            p class="hint" { "Quorums, times and who may agree are changed with " code { "holdfast approvals rules" } ". Weaker rules need an approval themselves." }
        }
        @if may && is_on { (turn_off(site, visitor)?) }
        @if may && !is_on { (turn_on(visitor, admins)) }
    };
    let (tone, word) = if is_on { (Tone::Good, "on") } else { (Tone::Warn, "off") };
    Ok(Page::new(Section::Approvals, "Rules of approvals", body)
        .below("/approvals", "Approvals")
        .state(tone, word))
}

fn listed(rules: &Rules) -> Markup {
    let rows: Vec<Vec<Markup>> = Operation::ALL.into_iter().filter(|operation| *operation != Operation::PolicyAction).map(|operation| {
        let rule = rules.0.get(&operation);
        vec![
            html! { (operation.text()) },
            if rule.is_some() { pill(Tone::Good, "needs approval") } else { pill(Tone::Quiet, "free") },
            html! { @if let Some(rule) = rule { (rule.quorum) } },
            html! { @if let Some(rule) = rule { @match &rule.approvers { Approvers::Role(role) => { "every " (role.name()) }, Approvers::People(names) => { (names.join(", ")) } } } },
            html! { @if let Some(rule) = rule { (span(rule.approval_seconds)) } },
            html! { @if let Some(rule) = rule { (span(rule.execution_seconds)) } },
        ]
    }).collect();
    table(
        "What needs a second person",
        &[
            ("Operation", false),
            ("Rule", false),
            ("Others", true),
            ("Who may agree", false),
            ("To agree", false),
            ("To do it", false),
        ],
        &rows,
    )
}

fn turn_on(visitor: &Visitor, admins: usize) -> Markup {
    html! {
        section class="card info" {
            h2 { "Turn approvals on" }
            (Consequences {
                happens: html! { p { "What is marked above needs so many others from then on: on the command line, in the API, here, and for policies." } },
                undo: html! { p { "Only with the approval of another administrator. That is the point." } },
                approval: html! { p { "Nobody else, to turn them on." } },
            }.show())
            @if admins < 2 {
                p { strong { "There is one administrator." } " Two are needed, so that one can agree to what the other asks: " a href="/settings/people" { "invite somebody" } "." }
            } @else {
                form method="post" action="/approvals/rules/on" { (csrf(&visitor.signed_in.csrf)) button class="primary" { "Turn approvals on" } }
            }
        }
    }
}

fn turn_off(site: &dyn Site, visitor: &Visitor) -> Result<Markup, Refusal> {
    let agreement = requests::agreement(site, requests::wish(Operation::ChangeApprovals, OFF.0, OFF.1))?;
    Ok(html! {
        section class="card bad" {
            h2 { "Turn approvals off" }
            (Consequences {
                happens: html! { p { "One person alone can do anything again, and so can whoever has stolen their account." } },
                undo: html! { p { "They can be turned on again at any time." } },
                approval: agreement.words(),
            }.show())
            (agreement.form(visitor, &html! {
                form method="post" action="/approvals/rules/off" { (csrf(&visitor.signed_in.csrf)) button class="danger" { "Turn approvals off" } }
            }))
        }
    })
}

pub(super) fn on(site: &dyn Site, visitor: &Visitor) -> Done {
    let now = site.now();
    site.desk()
        .write(|w| approval::enable(w, now, &visitor.signed_in.actor, &Rules::default()))?;
    Ok(("/approvals/rules".to_owned(), Flash::good("Approvals are on.")))
}

pub(super) fn off(site: &dyn Site, visitor: &Visitor) -> Done {
    let now = site.now();
    site.desk()
        .write(|w| approval::disable(w, now, &visitor.signed_in.actor))?;
    Ok((
        "/approvals/rules".to_owned(),
        Flash::warn("Approvals are off: one person alone can do anything."),
    ))
}
