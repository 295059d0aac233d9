//! The register of facts: for every system and class of data, whether it was taken, why that is said, and who stands by it.

use maud::{Markup, html};
use respond::case_file::facts::{self, APPROVALS_NEEDED, Answer, Fact, FactId, NewFact};
use respond::incident::IncidentId;
use serde::Deserialize;

use super::super::super::frame::Done;
use super::super::super::parts::{Tone, csrf, empty, pill, table};
use super::super::super::visitor::{Flash, Visitor};
use crate::incident_file;
use crate::problem::Refusal;
use crate::site::Site;

/// The form of a fact.
#[derive(Clone, Debug, Deserialize)]
pub(in super::super) struct SetFact {
    system: String,
    class: String,
    answer: String,
    evidence: String,
    #[serde(default)]
    reference: String,
}

/// The form by which somebody stands by a fact, as it was when they read it.
#[derive(Clone, Debug, Deserialize)]
pub(in super::super) struct ApproveFact {
    fact: i64,
    version: u32,
}

pub(super) fn section(site: &dyn Site, visitor: &Visitor, id: IncidentId, may: bool) -> Result<Markup, Refusal> {
    let facts = site.desk().read(|ledger| facts::facts(ledger, id))?;
    let path = super::path(id);
    let rows: Vec<Vec<Markup>> = facts.iter().map(|fact| row(fact, visitor, &path, may)).collect();
    Ok(html! {
        section class="card" {
            h2 { "What is known of people's data" }
            @if rows.is_empty() {
                (empty("Nothing is known yet.", &html! { "Write down for each system and kind of data whether it was taken. \"Not known yet\" is an answer, too; an investigation's report says what was damaged or read." }))
            } @else {
                (table("Facts", &[("System", false), ("Data", false), ("Answer", false), ("Because", false), ("Stand by it", false)], &rows))
            }
            @if may { (form(visitor, &path)) }
        }
    })
}

fn answer(answer: Answer) -> Markup {
    let tone = match answer {
        Answer::Taken => Tone::Bad,
        Answer::NotTaken => Tone::Good,
        Answer::Unknown => Tone::Warn,
    };
    pill(tone, answer.words())
}

fn row(fact: &Fact, visitor: &Visitor, path: &str, may: bool) -> Vec<Markup> {
    let actor = &visitor.signed_in.actor;
    let can = may
        && !fact.is_confirmed()
        && fact.set_by != *actor
        && !fact.approvals.iter().any(|approval| approval.by == *actor);
    let names: Vec<String> = fact.approvals.iter().map(|approval| approval.by.to_string()).collect();
    vec![
        html! { (fact.said.system) },
        html! { (fact.said.class.replace('-', " ")) },
        answer(fact.said.answer),
        html! { (fact.said.evidence) @if let Some(reference) = &fact.said.reference { p class="small quiet" { (reference) } } },
        html! {
            @if fact.is_confirmed() { (pill(Tone::Good, "confirmed")) } @else { (names.len()) " of " (APPROVALS_NEEDED) }
            p class="small quiet" { "said by " (fact.set_by) @if !names.is_empty() { "; " (names.join(", ")) } }
            @if can {
                form method="post" action={(path) "/facts/approve"} {
                    (csrf(&visitor.signed_in.csrf))
                    input type="hidden" name="fact" value=(fact.id.0);
                    input type="hidden" name="version" value=(fact.version);
                    button class="small" { "I stand by it" span class="visually-hidden" { ": " (fact.said.class) " in " (fact.said.system) } }
                }
            }
        },
    ]
}

fn form(visitor: &Visitor, path: &str) -> Markup {
    html! {
        details {
            summary { "Write down a fact" }
            form class="fields" method="post" action={(path) "/facts"} {
                (csrf(&visitor.signed_in.csrf))
                div { label for="system" { "System " span class="hint" { "a disk, an application, a supplier" } } input id="system" name="system" required maxlength="200"; }
                div { label for="class" { "Kind of data " span class="hint" { "email-address, date-of-birth, payment-card, ..." } } input id="class" name="class" required maxlength="60"; }
                div { label for="answer" { "Was it taken?" } select id="answer" name="answer" { @for answer in Answer::ALL { option value=(answer.name()) selected[answer == Answer::Unknown] { (answer.words()) } } } }
                div { label for="evidence" { "How you know" } input id="evidence" name="evidence" required maxlength="2000"; }
                div { label for="fact-reference" { "Where that can be read " span class="hint" { "a report, a record's number" } } input id="fact-reference" name="reference" maxlength="500"; }
                button class="primary" { "Write it down" }
            }
        }
    }
}

pub(in super::super) fn set(site: &dyn Site, visitor: &Visitor, id: IncidentId, form: &SetFact) -> Done {
    let class = facts::class_name(&form.class)
        .ok_or_else(|| Refusal::invalid(format!("`{}` can't be a kind of data", form.class)))?;
    let answer =
        Answer::named(&form.answer).ok_or_else(|| Refusal::invalid(format!("`{}` is no answer", form.answer)))?;
    let reference = Some(form.reference.trim().to_owned()).filter(|text| !text.is_empty());
    let fact = NewFact {
        system: form.system.trim().to_owned(),
        class,
        answer,
        evidence: form.evidence.trim().to_owned(),
        reference,
    };
    let change = incident_file::set_fact(site, &visitor.signed_in.actor, id, &fact)?;
    let flash = match change.approvals_lost {
        0 => Flash::good("The fact is written down. Somebody else has to stand by it."),
        lost => Flash::warn(format!(
            "The fact has changed: {lost} who stood by it have to look again."
        )),
    };
    Ok((super::path(id), flash))
}

pub(in super::super) fn approve(site: &dyn Site, visitor: &Visitor, id: IncidentId, form: &ApproveFact) -> Done {
    let what = (FactId(form.fact), form.version);
    incident_file::approve_fact(site, &visitor.signed_in.actor, id, what)?;
    Ok((super::path(id), Flash::good("You stand by it.")))
}
