//! Regulators' clocks: when each began, when it is due, and what was done about it.

use jiff::Timestamp;
use maud::{Markup, html};
use respond::Time;
use respond::case_file::clocks::{Clock, ClockState, Jurisdiction, Outcome, Stop};
use respond::incident::{Incident, IncidentId};
use serde::Deserialize;

use super::super::super::frame::Done;
use super::super::super::parts::{Tone, csrf, empty, pill, table};
use super::super::super::visitor::{Flash, Visitor};
use super::super::super::words::{left, time};
use crate::incident_file;
use crate::problem::Refusal;
use crate::site::Site;

/// The form that starts the clocks of a law.
#[derive(Clone, Debug, Deserialize)]
pub(in super::super) struct StartClocks {
    law: String,
    aware: String,
}

/// The form of what was done about a duty.
#[derive(Clone, Debug, Deserialize)]
pub(in super::super) struct StopClock {
    /// `law/duty`.
    clock: String,
    outcome: String,
    #[serde(default)]
    why: String,
    #[serde(default)]
    reference: String,
}

pub(super) fn section(site: &dyn Site, visitor: &Visitor, incident: &Incident, may: bool) -> Result<Markup, Refusal> {
    let laws = site.incident_file()?.laws;
    let now = site.now();
    let counted = incident_file::clocks(site, incident.id, &laws)?;
    let rows: Vec<Vec<Markup>> = counted.iter().map(|clock| row(clock, now)).collect();
    let open: Vec<&Clock> = counted.iter().filter(|clock| clock.state.is_open()).collect();
    let path = super::path(incident.id);
    Ok(html! {
        section class="card" {
            h2 { "Who must be told by when" }
            @if rows.is_empty() {
                (empty("No clock runs.", &html! { "Say from when on you knew, and under which law; the clocks count from there." }))
            } @else {
                (table("Duties, due first", &[("Duty", false), ("State", false), ("Due", false), ("To whom", false), ("Counts from", false)], &rows))
            }
            @if may {
                div class="grid two" {
                    (start_form(visitor, &path, &laws, incident))
                    @if !open.is_empty() { (stop_form(visitor, &path, &open)) }
                }
            }
            p class="hint" { "The clocks are counted from data files, not advice: whether a law concerns you is for somebody who knows the law." }
        }
    })
}

fn row(clock: &Clock, now: Time) -> Vec<Markup> {
    let tone = match clock.state {
        ClockState::Overdue => Tone::Bad,
        ClockState::Running | ClockState::NoFixedTime | ClockState::ReportedLate => Tone::Warn,
        ClockState::Reported => Tone::Good,
        ClockState::NotStarted | ClockState::NotNeeded => Tone::Quiet,
    };
    vec![
        html! { (clock.duty.title) p class="small quiet" { (clock.law) ", " (clock.duty.reference) } },
        pill(tone, &clock.state.words().to_lowercase()),
        html! { @if let Some(due) = clock.due { (time(due)) @if clock.state.is_open() { br; strong { (left(now, due)) } } } },
        html! { (clock.duty.tell) },
        html! { (clock.starts) @if let Some(started) = clock.started { ", " (time(started)) } },
    ]
}

fn start_form(visitor: &Visitor, path: &str, laws: &[Jurisdiction], incident: &Incident) -> Markup {
    let began = incident.began.timestamp().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    html! {
        form class="fields" method="post" action={(path) "/clocks"} {
            (csrf(&visitor.signed_in.csrf))
            h3 { "Start the clocks of a law" }
            div { label for="law" { "Law" } select id="law" name="law" { @for law in laws { option value=(law.id) { (law.name) } } } }
            div { label for="aware" { "When you became aware " span class="hint" { "in UTC" } } input id="aware" name="aware" value=(began) required; }
            button { "Start them" }
        }
    }
}

fn stop_form(visitor: &Visitor, path: &str, open: &[&Clock]) -> Markup {
    html! {
        form class="fields" method="post" action={(path) "/clocks/stop"} {
            (csrf(&visitor.signed_in.csrf))
            h3 { "Somebody was told" }
            div { label for="clock" { "Duty" } select id="clock" name="clock" { @for clock in open { option value=(clock.id) { (clock.duty.title) } } } }
            fieldset {
                legend { "What was done" }
                label class="choice" { input type="radio" name="outcome" value="reported" checked; span { "They were told." } }
                label class="choice" { input type="radio" name="outcome" value="not-needed"; span { "It was decided that they needn't be told." } }
            }
            div { label for="why" { "Why " span class="hint" { "if it was late or isn't needed" } } input id="why" name="why" maxlength="2000"; }
            div { label for="reference" { "Reference number" } input id="reference" name="reference" maxlength="200"; }
            button { "Put it on record" }
        }
    }
}

pub(in super::super) fn start(site: &dyn Site, visitor: &Visitor, id: IncidentId, form: &StartClocks) -> Done {
    let aware: Timestamp = form.aware.trim().parse().map_err(|_| {
        Refusal::invalid(format!("`{}` is no time", form.aware)).hint("write it like `2026-11-26T10:15:00Z`")
    })?;
    let aware = Some(Time::from_unix_millis(aware.as_millisecond()));
    let laws = site.incident_file()?.laws;
    let law = incident_file::start_clocks(site, &visitor.signed_in.actor, id, (&laws, &form.law), (aware, None))?;
    Ok((super::path(id), Flash::good(format!("The clocks of {law} run."))))
}

pub(in super::super) fn stop(site: &dyn Site, visitor: &Visitor, id: IncidentId, form: &StopClock) -> Done {
    let given = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let (jurisdiction, duty) = form
        .clock
        .split_once('/')
        .ok_or_else(|| Refusal::invalid(format!("`{}` is no duty", form.clock)))?;
    let stop = Stop {
        jurisdiction: jurisdiction.to_owned(),
        duty: duty.to_owned(),
        outcome: if form.outcome == "not-needed" {
            Outcome::NotNeeded
        } else {
            Outcome::Reported
        },
        time: site.now(),
        why: given(&form.why),
        reference: given(&form.reference),
    };
    incident_file::stop_clock(site, &visitor.signed_in.actor, id, &stop)?;
    Ok((super::path(id), Flash::good("It is on record.")))
}
