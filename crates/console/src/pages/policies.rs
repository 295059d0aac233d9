//! Policies: what is done when something is noticed; and what others would have done with what was noticed lately.

use jiff::tz::TimeZone;
use maud::{Markup, html};
use respond::policy::{self, Outcome, Policies, Policy, Replayed, Warning};
use serde::Deserialize;

use super::layout::{Page, Section};
use super::parts::{Tone, csrf, empty, pill, sentence, table, with_code};
use super::visitor::Visitor;
use super::words::{minute, of};
use crate::problem::Refusal;
use crate::site::Site;

/// Rows of a dry run's result.
const ROWS_MAX: usize = 200;
/// Bytes of a text that is tried out at most.
const TEXT_BYTES_MAX: usize = 256 << 10;
const DAY_MILLIS: i64 = 24 * 3600 * 1000;
const DAYS: [i64; 3] = [1, 7, 30];

/// The form of a dry run.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Try {
    text: String,
    #[serde(default)]
    days: i64,
}

pub(super) fn page(site: &dyn Site, visitor: &Visitor) -> Result<Page, Refusal> {
    let policies = site.policies(None)?;
    let body = html! {
        (in_force(&policies))
        @for warning in policies.warnings() { (warned(&warning)) }
        (form(visitor, Policies::defaults_text(), 7, &html! {}))
        p class="hint" { "What is in force is changed in the files that " code { "[respond]" } " names; " code { "holdfast policy check" } " reads them first, a reload makes them count." }
    };
    Ok(Page::new(Section::Policies, "Policies", body))
}

/// The policies in words.
fn in_force(policies: &Policies) -> Markup {
    let rows: Vec<Vec<Markup>> = policies.all().iter().map(row).collect();
    html! {
        section class="card" {
            header { h2 { "In force" } span class="quiet small" { (of(rows.len() as u64, "policy", "policies")) } }
            @if rows.is_empty() {
                (empty("There is no policy.", &html! { "Nothing is done by itself; guards stop attacks all the same." }))
            } @else {
                (table("Policies in force", &[("Policy", false), ("State", false), ("What it does", false), ("From", false)], &rows))
            }
        }
    }
}

fn row(policy: &Policy) -> Vec<Markup> {
    let (tone, word) = if policy.is_enabled {
        (Tone::Good, "on")
    } else {
        (Tone::Quiet, "off")
    };
    vec![
        html! { (policy.name) },
        pill(tone, word),
        html! { @for line in policy::explain(policy).lines() { p { (with_code(&sentence(line))) } } },
        html! { code { (policy.source) } },
    ]
}

fn form(visitor: &Visitor, text: &str, days: i64, result: &Markup) -> Markup {
    html! {
        section class="card" id="dry-run" {
            h2 { "Try policies out" }
            p { "What you write is laid over the built-in policies, which stand here to start from. See what would have been done with the alerts of the last days. Nothing is done and nothing is kept." }
            form class="fields" method="post" action="/policies/test" {
                (csrf(&visitor.signed_in.csrf))
                div { label for="text" { "Policies, as TOML" } textarea id="text" class="code" name="text" spellcheck="false" rows="18" { (text) } }
                div class="inline" {
                    div {
                        label for="days" { "With the alerts of" }
                        select id="days" name="days" { @for choice in DAYS { option value=(choice) selected[choice == days] { "the last " (of(choice.unsigned_abs(), "day", "days")) } } }
                    }
                    button class="primary" data-waiting="Trying ..." { "Try it out" }
                }
            }
            (result)
        }
    }
}

/// What a text would have done.
pub(super) fn dry_run(site: &dyn Site, visitor: &Visitor, asked: &Try) -> Result<Page, Refusal> {
    if asked.text.len() > TEXT_BYTES_MAX {
        return Err(Refusal::invalid("the text is too long to be policies"));
    }
    let days = asked.days.clamp(1, 30);
    let result = match site.policies(Some(&asked.text)) {
        Err(problem) => html! {
            div class="notice bad" role="status" { div { p { strong { "That isn't a policy. " } "What is in force is as it was." } pre { (problem.message) } } }
        },
        Ok(policies) => replayed(&policies, &replay(site, &policies, days)?, days),
    };
    let body = html! { (form(visitor, &asked.text, days, &result)) };
    Ok(Page::new(Section::Policies, "Try policies out", body).below("/policies", "Policies"))
}

fn replay(site: &dyn Site, policies: &Policies, days: i64) -> Result<Vec<Replayed>, Refusal> {
    let since = site.now().plus_millis(-days * DAY_MILLIS);
    let replayed = site.desk().read(|ledger| {
        let alerts = crate::api::past_alerts(ledger, since)?;
        policy::replay(policies, alerts.into_iter().map(Ok), &TimeZone::system())
    })?;
    Ok(replayed)
}

fn replayed(policies: &Policies, replayed: &[Replayed], days: i64) -> Markup {
    let rows: Vec<Vec<Markup>> = replayed
        .iter()
        .rev()
        .take(ROWS_MAX)
        .map(|done| {
            vec![
                html! { (minute(done.time)) },
                html! { (with_code(&done.text)) },
                outcome(done.outcome),
                html! { (done.policy) },
                html! { a href={"/incidents/alerts/" (done.alert)} { (with_code(&done.because)) } },
            ]
        })
        .collect();
    html! {
        div class="notice good" role="status" {
            p { strong { (of(policies.all().len() as u64, "policy", "policies")) ", no mistake. " }
                "With the alerts of the last " (of(days.unsigned_abs(), "day", "days")) ", " (of(replayed.len() as u64, "action", "actions")) " would have been planned." }
        }
        @for warning in policies.warnings() { (warned(&warning)) }
        @if !rows.is_empty() {
            (table("What would have been done, newest first", &[("When", false), ("Action", false), ("How", false), ("Policy", false), ("Because of", false)], &rows))
        }
    }
}

fn warned(warning: &Warning) -> Markup {
    html! { div class="notice warn" { p { strong { (warning.policy) ": " } (with_code(&sentence(&warning.text))) } } }
}

fn outcome(outcome: Outcome) -> Markup {
    match outcome {
        Outcome::AtOnce => pill(Tone::Info, "at once"),
        Outcome::Approval => pill(Tone::Warn, "after approval"),
        Outcome::Limit => pill(Tone::Warn, "held back: too many"),
    }
}
