//! The first page: five questions, and one thing to do now.

use maud::{Markup, html};
use respond::alert::{Alert, Layer};
use respond::incident::Incident;
use respond::{Counts, Page as Part, Time, alert};

use super::layout::{Page, Section, Standing};
use super::next::{self, Next};
use super::parts::{Tone, live, sentence, with_code};
use super::requests::Waiting;
use super::visitor::Visitor;
use super::words::{ago, count, left, of, seconds_since, short_span, span};
use crate::problem::Refusal;
use crate::site::{DrillView, ExposureView, Health, Problem, Site, VolumeView};

/// Alerts that are listed.
const ALERTS: usize = 8;
/// How far back people who turned up in breaches are named.
const EXPOSED_DAYS: i64 = 30;
/// Alerts about people that are looked at, at most.
const EXPOSED_MAX: usize = 200;
const DAY_MILLIS: i64 = 24 * 3600 * 1000;

/// All that the first page is made of.
#[derive(Debug)]
pub(super) struct Overview {
    pub(super) now: Time,
    pub(super) health: Health,
    pub(super) volumes: Vec<VolumeView>,
    pub(super) urgent: Vec<Incident>,
    pub(super) counts: Counts,
    pub(super) alerts: Vec<Alert>,
    pub(super) exposure: Result<ExposureView, Problem>,
    pub(super) exposed: Vec<Alert>,
    pub(super) waiting: Vec<Waiting>,
}

/// Asks for everything.
pub(super) fn load(site: &dyn Site, visitor: &Visitor, standing: &Standing) -> Result<Overview, Refusal> {
    let now = site.now();
    let exposed = alert::Filter {
        layer: Some(Layer::Exposure),
        since: Some(now.plus_millis(-EXPOSED_DAYS * DAY_MILLIS)),
        ..alert::Filter::default()
    };
    let (alerts, exposed) = site.desk().read(|ledger| {
        let lines = alert::Filter {
            which: alert::Which::Lines,
            ..alert::Filter::default()
        };
        let alerts = ledger.alerts(&lines, Part::newest(ALERTS))?;
        Ok((alerts, ledger.alerts(&exposed, Part::newest(EXPOSED_MAX))?))
    })?;
    Ok(Overview {
        now,
        health: site.health(),
        volumes: volumes(site)?,
        urgent: standing.urgent.clone(),
        counts: standing.counts,
        alerts,
        exposure: site.exposure(),
        exposed,
        waiting: super::requests::waiting_for(site, &visitor.signed_in)?,
    })
}

/// All volumes. Their list knows only how each one's newest drill ended; more is told of the newest that passed and of one that failed.
fn volumes(site: &dyn Site) -> Result<Vec<VolumeView>, Problem> {
    let mut volumes = site.volumes()?;
    let began = |volume: &VolumeView| volume.drill.as_ref().map(|drill| drill.began);
    let passed = volumes.iter_mut().filter(|volume| has_ended(volume, "passed"));
    if let Some(volume) = passed.max_by_key(|volume| began(volume)) {
        tell_of_drill(site, volume)?;
    }
    if let Some(volume) = volumes.iter_mut().find(|volume| has_ended(volume, "failed")) {
        tell_of_drill(site, volume)?;
    }
    Ok(volumes)
}

/// Whether a usable volume's newest drill ended so.
fn has_ended(volume: &VolumeView, verdict: &str) -> bool {
    volume.problem.is_none() && volume.drill.as_ref().is_some_and(|drill| drill.verdict == verdict)
}

fn tell_of_drill(site: &dyn Site, volume: &mut VolumeView) -> Result<(), Problem> {
    if let Some(drill) = site.drills(Some(&volume.name), 1)?.pop() {
        volume.drill = Some(drill);
    }
    Ok(())
}

/// The page.
pub(super) fn page(overview: &Overview, visitor: &Visitor) -> Page {
    let body = html! {
        (live(&visitor.path, Some(15), &html! {
            div class="split" {
                (attack(overview))
                (now(&next::action(overview), overview.now))
            }
            div class="grid" {
                (stopped(overview))
                (restorable(overview))
                (exposed(overview))
            }
            (noticed(overview))
        }))
    };
    Page::new(Section::Overview, "Overview", body).live()
}

fn card(question: &str, tone: Tone, answer: &str, rest: &Markup) -> Markup {
    html! {
        section class={"card " (tone.class())} {
            h2 class="question" { (question) }
            p class={"answer " (tone.class())} { (answer) }
            (rest)
        }
    }
}

/// Volumes whose guard is in this state.
pub(super) fn in_state<'v>(volumes: &'v [VolumeView], state: &str) -> Vec<&'v VolumeView> {
    let is_in = |volume: &&VolumeView| volume.guard.as_ref().is_some_and(|guard| guard.state == state);
    volumes.iter().filter(is_in).collect()
}

/// Whether a volume is where a guard diverted another one's writes: evidence, not a disk that somebody relies on.
pub(crate) fn is_diverted(volumes: &[VolumeView], volume: &VolumeView) -> bool {
    let holds = |parent: &VolumeView| {
        let is_named = volume
            .name
            .strip_prefix(&parent.name)
            .is_some_and(|rest| rest.starts_with(".diverted"));
        is_named && parent.pins.iter().any(|pin| pin.fork.as_deref() == Some(&volume.name))
    };
    // Few names are like that: with a thousand disks, each isn't compared with all others.
    volume.name.contains(".diverted") && volumes.iter().any(holds)
}

/// Volumes that nobody watches.
pub(crate) fn unwatched(volumes: &[VolumeView]) -> Vec<&VolumeView> {
    let is_off = |volume: &&VolumeView| {
        volume.problem.is_none()
            && volume.guard.as_ref().is_none_or(|guard| guard.state == "off")
            && !is_diverted(volumes, volume)
    };
    volumes.iter().filter(is_off).collect()
}

fn attack(overview: &Overview) -> Markup {
    let fenced = in_state(&overview.volumes, "fenced");
    let odd = in_state(&overview.volumes, "bookmarked");
    let unwatched = unwatched(&overview.volumes);
    let all = &overview.volumes;
    let disks: Vec<&VolumeView> = all.iter().filter(|volume| !is_diverted(all, volume)).collect();
    let usable = disks.iter().filter(|volume| volume.problem.is_none()).count();
    let watched = usable - unwatched.len();
    let (tone, answer) = match (fenced.len(), overview.urgent.len(), odd.len()) {
        (1.., ..) => (
            Tone::Bad,
            format!("Yes. {} fenced.", of(fenced.len() as u64, "disk is", "disks are")),
        ),
        (0, 1.., _) => (
            Tone::Bad,
            format!(
                "Perhaps. {} open.",
                of(
                    overview.urgent.len() as u64,
                    "urgent incident is",
                    "urgent incidents are"
                )
            ),
        ),
        (0, 0, 1..) => (
            Tone::Warn,
            format!(
                "Perhaps. {} oddly.",
                of(odd.len() as u64, "disk behaves", "disks behave")
            ),
        ),
        _ if overview.volumes.is_empty() => (Tone::Quiet, "There are no disks yet.".to_owned()),
        _ if watched == 0 => (Tone::Warn, "Nobody knows: no disk is watched.".to_owned()),
        _ => (Tone::Good, "No.".to_owned()),
    };
    card(
        "Are we under attack?",
        tone,
        &answer,
        &html! {
            @for volume in fenced.iter().chain(&odd).take(4) { (suspect(volume, overview.now)) }
            @if fenced.len() + odd.len() > 4 { p { a href="/disks" { "All disks" } } }
            @if !overview.volumes.is_empty() {
                p class="quiet" {
                    (watched) " of " (of(disks.len() as u64, "disk", "disks")) " watched by a guard."
                    @if !unwatched.is_empty() { " Not watched: " (names(&unwatched)) "." }
                }
            }
        },
    )
}

fn suspect(volume: &VolumeView, now: Time) -> Markup {
    let Some(guard) = &volume.guard else { return html! {} };
    html! {
        p {
            a class="strong" href={"/disks/" (volume.name)} { (volume.name) }
            ": " (if guard.state == "fenced" { "stopped. " } else { "suspicious. " }) (what_fence_does(guard.state == "fenced", &guard.fence))
            @if let Some(onset) = guard.onset { " It began " (ago(now, onset)) "." }
            @if let Some(reason) = guard.reasons.first() { " " (sentence(reason)) }
        }
    }
}

/// What a guard does about an attack, in sentences.
pub(super) fn what_fence_does(is_fenced: bool, fence: &str) -> &'static str {
    match (is_fenced, fence) {
        (false, _) => "A restore point was made; nothing is stopped yet.",
        (true, "divert") => "The machine goes on in a copy; the disk stays as it was.",
        (true, "pause") => "Writes wait as if the disk were full.",
        (true, _) => "Writes are refused.",
    }
}

fn names(volumes: &[&VolumeView]) -> Markup {
    html! {
        @for (place, volume) in volumes.iter().take(3).enumerate() {
            @if place > 0 { ", " }
            a href={"/disks/" (volume.name)} { (volume.name) }
        }
        @if volumes.len() > 3 { " and " (count(volumes.len() as u64 - 3)) " more" }
    }
}

fn now(next: &Next, now: Time) -> Markup {
    html! {
        section class={"card " (next.tone.class())} {
            h2 class="question" { "What must I do now?" }
            p class="answer" { (with_code(&next.title)) }
            p { (with_code(&next.why)) }
            @if let Some(clock) = next.clock {
                p class="clock" { b { (left(now, clock)) } " " (next.clock_words) }
            } @else if let Some(since) = next.since {
                p class="clock" { "Since " b { (span(seconds_since(now, since))) } }
            }
            @if let Some((path, label)) = &next.link {
                p { a class={"button " (if next.tone == Tone::Bad { "danger" } else { "primary" })} href=(path) { (label) } }
            }
        }
    }
}

fn stopped(overview: &Overview) -> Markup {
    let number = overview.counts.attacks_stopped;
    let (tone, answer) = match number {
        0 => (Tone::Quiet, "Nothing had to be stopped.".to_owned()),
        _ => (Tone::Good, of(number, "attack", "attacks")),
    };
    let day = &overview.counts.alerts_last_day;
    card(
        "What did we stop?",
        tone,
        &answer,
        &html! {
            p class="quiet" { "In the last 30 days." }
            p {
                "Alerts of the last 24 hours: " (count(day.total()))
                @if day.high + day.critical > 0 { ", " (count(day.high + day.critical)) " of them high or critical" }
                "."
            }
            p { a href="/incidents" { (of(overview.counts.open_incidents.total(), "open incident", "open incidents")) } }
        },
    )
}

fn restorable(overview: &Overview) -> Markup {
    let all = &overview.volumes;
    let usable: Vec<&VolumeView> = all
        .iter()
        .filter(|volume| volume.problem.is_none() && !is_diverted(all, volume))
        .collect();
    let drills: Vec<&DrillView> = usable.iter().filter_map(|volume| volume.drill.as_ref()).collect();
    let passed: Vec<&DrillView> = drills
        .iter()
        .copied()
        .filter(|drill| drill.verdict == "passed")
        .collect();
    let failed = drills.iter().filter(|drill| drill.verdict == "failed").count();
    let stale = usable.iter().filter(|volume| volume.drill_overdue).count();
    let newest = passed.iter().max_by_key(|drill| drill.began);
    let recovery = newest.and_then(|drill| drill.recovery_microseconds);
    let time = recovery.map_or_else(String::new, |recovery| format!(", in {}", short_span(recovery)));
    let (tone, answer) = match passed.len() {
        _ if failed > 0 => (
            Tone::Bad,
            format!("{} failed its newest drill.", of(failed as u64, "disk", "disks")),
        ),
        0 => (Tone::Warn, "Not shown: no drill has passed.".to_owned()),
        shown if shown == usable.len() && stale == 0 => (Tone::Good, format!("Yes{time}.")),
        shown => (Tone::Warn, format!("Partly: {shown} of {} shown{time}.", usable.len())),
    };
    card(
        "Can we restore?",
        tone,
        &answer,
        &html! {
            @if let Some(drill) = newest {
                p {
                    "Last tested restore: " a href={"/disks/" (drill.volume)} { (drill.volume) } ", " (ago(overview.now, drill.began)) "."
                    @if let Some(files) = drill.files_compared { " " (of(files, "file was", "files were")) " as before the attack." }
                }
            } @else {
                p { "A drill attacks a copy of a disk, restores it and compares every file. Until one has passed, nobody knows." }
            }
            @if stale > 0 { p { (of(stale as u64, "drill is", "drills are")) " overdue." } }
            p { a href="/drills" { "Drills" } }
        },
    )
}

fn exposed(overview: &Overview) -> Markup {
    let mut people: Vec<&str> = overview
        .exposed
        .iter()
        .filter_map(|alert| alert.noticed.identity.as_deref())
        .collect();
    people.sort_unstable();
    people.dedup();
    let (tone, answer, rest) = match &overview.exposure {
        Err(problem) => (
            Tone::Warn,
            "Not known.".to_owned(),
            html! { p { (with_code(&sentence(&problem.message))) } },
        ),
        Ok(view) if !view.is_used => (
            Tone::Quiet,
            "Not known.".to_owned(),
            html! { p { "No breaches are loaded and nobody is watched." } },
        ),
        Ok(view) => {
            let answer = match people.len() {
                0 => "Nobody new.".to_owned(),
                number if overview.exposed.len() < EXPOSED_MAX => of(number as u64, "person", "people"),
                number => format!("{} at least.", of(number as u64, "person", "people")),
            };
            let tone = if people.is_empty() { Tone::Good } else { Tone::Warn };
            (
                tone,
                answer,
                html! {
                    p class="quiet" { "Found in breaches in the last 30 days, of those watched." }
                    p { (of(view.domains.len() as u64, "domain", "domains")) " and " (of(view.watches, "person", "people")) " watched in " (of(view.breaches, "breach", "breaches")) "." }
                },
            )
        }
    };
    card(
        "Who is exposed?",
        tone,
        &answer,
        &html! { (rest) p { a href="/exposure" { "Exposure" } } },
    )
}

fn noticed(overview: &Overview) -> Markup {
    html! {
        section class="card" {
            header { h2 { "Noticed last" } a href="/incidents/alerts" { "All alerts" } }
            @if overview.alerts.is_empty() {
                p class="quiet" { "Nothing yet. What guards, drills and the breach monitor notice appears here by itself." }
            } @else {
                (super::alerts::table(&overview.alerts))
            }
        }
    }
}
