//! A disk now: its state, what is written to it, its pins.

use maud::{Markup, html};
use respond::Time;
use respond::people::Role;

use super::super::layout::Page;
use super::super::overview::what_fence_does;
use super::super::parts::{Tone, empty, live, sentence, table, with_code};
use super::super::visitor::Visitor;
use super::super::words::{ago, bytes, count, seconds_since, short_span, span, time};
use super::Tab;
use super::timeline::at;
use crate::problem::Refusal;
use crate::site::{Activity, ActivityBucket, GuardState, Site, VolumeView};

/// How much of the past the live chart shows.
const SECONDS: u64 = 600;
/// Its parts.
const BUCKETS: u32 = 120;

pub(super) fn page(site: &dyn Site, visitor: &Visitor, name: &str) -> Result<Page, Refusal> {
    let volume = site.volume(name)?;
    let role = visitor.signed_in.role;
    let body = html! {
        (state(site, &volume, role))
        @if volume.problem.is_none() {
            section class="card" {
                header {
                    h2 { "What is written, the last 10 minutes" }
                    ul class="key" { li { i class="written" {} "written" } li { i class="random" {} "looks random" } }
                }
                div class="chart" data-table="activity-table" data-zone=(super::super::words::zone()) aria-hidden="true" {}
                details {
                    summary { "The same as a table" }
                    (activity(site, name)?)
                }
            }
            (live(&visitor.path, Some(15), &pins(&volume, role)))
        }
    };
    let buttons = html! {
        @if role.may(Role::Operator) && volume.problem.is_none() {
            a class="button" href={"/disks/" (name) "/drill"} { "Run a drill" }
            a class="button" href={"/disks/" (name) "/history"} { "Go back in time" }
        }
    };
    Ok(super::page(&volume, role, Tab::Now, &body)
        .buttons(buttons)
        .live()
        .scripts(&["uplot.js", "chart.js"]))
}

/// How the disk is: the guard and the figures. Asked for again by itself.
pub(super) fn state(site: &dyn Site, volume: &VolumeView, role: Role) -> Markup {
    let now = site.now();
    let path = format!("/disks/{}/state", volume.name);
    html! {
        div id="state" class="stack" hx-get=(path) hx-trigger="holdfast:changed from:body throttle:1s, every 5s" hx-swap="outerMorph" {
            @if let Some(problem) = &volume.problem {
                div class="notice bad" { p { strong { "This disk can't be used. " } (with_code(&sentence(problem))) } }
            } @else {
                @if volume.no_space { div class="notice bad" { p { strong { "No space. " } "Writes are refused until the disk below has room, or less of the past is kept." } } }
                @if volume.damaged { div class="notice warn" { p { strong { "Damage was met. " } "Some blocks didn't have the checksum that they were written with; the log says which." } } }
                div class="split" {
                    (guard(volume, now, role))
                    (figures(volume, now))
                }
            }
        }
    }
}

fn guard(volume: &VolumeView, now: Time, role: Role) -> Markup {
    let Some(guard) = volume.guard.as_ref().filter(|guard| guard.state != "off") else {
        return html! {
            section class="card warn" {
                h2 { "Nobody watches this disk" }
                p { "Its past is kept, so it can be restored, but nothing stops an attack while it runs." }
                @if role.may(Role::Operator) { p { a class="button primary" href={"/disks/" (volume.name) "/guard"} { "Turn its guard on" } } }
            }
        };
    };
    let (tone, heading) = match guard.state.as_str() {
        "fenced" => (Tone::Bad, "An attack was recognised and stopped"),
        "bookmarked" => (Tone::Warn, "Something looks like an attack"),
        _ => (Tone::Good, "Nothing looks like an attack"),
    };
    html! {
        section class={"card " (tone.class())} {
            h2 { (heading) }
            @if guard.state != "calm" { p { (what_fence_does(guard.state == "fenced", &guard.fence)) } }
            @if let Some(onset) = guard.onset { p { "It began " (time(onset)) ", " (ago(now, onset)) "." } }
            div {
                label class="small" for="suspicion" { "Suspicion: " (guard.suspicion_percent) " % of what stops writes" }
                meter id="suspicion" min="0" max="100" low="50" high="90" optimum="0" value=(guard.suspicion_percent.min(100)) { (guard.suspicion_percent) " %" }
            }
            @if !guard.reasons.is_empty() { ul { @for reason in &guard.reasons { li { (with_code(reason)) } } } }
            @if let Some(announced) = &guard.announced { p { "Announced work: " (announced) } }
            (ways_out(volume, guard, role))
        }
    }
}

fn ways_out(volume: &VolumeView, guard: &GuardState, role: Role) -> Markup {
    if !role.may(Role::Operator) || guard.state == "calm" {
        return html! {};
    }
    html! {
        div class="buttons" {
            @if guard.before_attack.is_some() {
                a class="button danger" href={"/disks/" (volume.name) "/restore?before-attack=yes"} { "It was an attack: restore" }
            }
            @if guard.state == "fenced" {
                a class="button" href={"/disks/" (volume.name) "/release"} { "False alarm: release" }
            }
            a class="button" href={"/disks/" (volume.name) "/investigation"} { "What happened to the files?" }
        }
    }
}

fn figures(volume: &VolumeView, now: Time) -> Markup {
    html! {
        section class="card" {
            h2 { "Figures" }
            dl class="facts" {
                dt { "Size" } dd { (bytes(volume.size_bytes)) }
                dt { "Stored" } dd { (bytes(volume.stored_bytes)) ", the past included" }
                dt { "Kept" } dd {
                    "every moment of the last " (span(volume.retention_seconds))
                    @if let Some(oldest) = volume.oldest { "; the oldest is " (span(seconds_since(now, oldest.time))) " old" }
                }
                dt { "Written last" } dd { @if let Some(newest) = volume.newest { (ago(now, newest.time)) } @else { "never" } }
                dt { "Clients" } dd { (count(volume.clients)) }
                dt { "Last drill" } dd {
                    @if let Some(drill) = &volume.drill {
                        (drill.verdict) ", " (ago(now, drill.began))
                        @if let Some(recovery) = drill.recovery_microseconds { "; back in " (short_span(recovery)) }
                    } @else { "never: whether it can be restored isn't shown" }
                }
            }
        }
    }
}

fn pins(volume: &VolumeView, role: Role) -> Markup {
    let may = role.may(Role::Operator);
    let rows: Vec<Vec<Markup>> = volume.pins.iter().rev().map(|pin| vec![
        html! { (pin.name) },
        time(pin.moment.time),
        html! { @if let Some(fork) = &pin.fork { "holds the fork " a href={"/disks/" (fork)} { (fork) } } },
        html! {
            a href=(at(&volume.name, &pin.name)) { "Look" } " "
            @if may && pin.fork.is_none() { a href={"/disks/" (volume.name) "/pins/" (super::super::links::escaped(&pin.name)) "/delete"} { "Give up" } }
        },
    ]).collect();
    html! {
        section class="card" {
            header { h2 { "Pins" } span class="quiet small" { "Moments that are kept, however old" } }
            @if rows.is_empty() {
                (empty("No moment is pinned.", &html! { "Choose one in the " a href={"/disks/" (volume.name) "/history"} { "history" } "." }))
            } @else {
                (table("Pins, newest moment first", &[("Pin", false), ("Moment", false), ("For", false), ("", false)], &rows))
            }
        }
    }
}

/// The table that the live chart is drawn from. Asked for again every few seconds.
pub(super) fn activity(site: &dyn Site, name: &str) -> Result<Markup, Refusal> {
    let now = site.now();
    let from = now.plus_millis(-i64::try_from(SECONDS * 1000).unwrap_or(0));
    let activity = site.activity(name, from, now, BUCKETS)?;
    let path = format!("/disks/{name}/activity");
    Ok(html! {
        div id="activity" hx-get=(path) hx-trigger="every 2s" hx-swap="outerMorph" {
            div class="scroll" role="region" tabindex="0" aria-label="What is written, as a table" {
                table id="activity-table" {
                    caption { "Per second, in parts of " (activity.bucket_seconds) " s" }
                    thead { tr { th scope="col" { "From" } th scope="col" class="number" { "Written" } th scope="col" class="number" { "Looks random" } } }
                    tbody { @for bucket in every_bucket(&activity) { (row(&bucket, activity.bucket_seconds)) } }
                }
            }
        }
    })
}

/// All buckets of the span: those in which nothing was written are left out of the answer.
fn every_bucket(activity: &Activity) -> Vec<ActivityBucket> {
    let step = i64::try_from(activity.bucket_seconds.max(1) * 1000).unwrap_or(1000);
    let mut buckets = Vec::new();
    let mut written = activity.buckets.iter().peekable();
    let mut start = written.peek().map_or(activity.from, |first| {
        first
            .start
            .plus_millis(-(first.start.millis_since(activity.from) / step * step))
    });
    while start < activity.to && buckets.len() <= BUCKETS as usize + 1 {
        let bucket = written.next_if(|bucket| bucket.start <= start).copied();
        buckets.push(bucket.unwrap_or(ActivityBucket {
            start,
            written_bytes: 0,
            random_bytes: 0,
            discarded_bytes: 0,
        }));
        start = start.plus_millis(step);
    }
    buckets
}

fn row(bucket: &ActivityBucket, seconds: u64) -> Markup {
    let each = |total: u64| total / seconds.max(1);
    html! {
        tr {
            th scope="row" data-value=(bucket.start.unix_millis() / 1000) { (time(bucket.start)) }
            td class="number" data-value=(each(bucket.written_bytes)) { (bytes(each(bucket.written_bytes))) }
            td class="number" data-value=(each(bucket.random_bytes)) { (bytes(each(bucket.random_bytes))) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_has_every_moment_of_its_span() {
        let at = |seconds: i64| Time::from_unix_millis(seconds * 1000);
        let bucket = |start| ActivityBucket {
            start: at(start),
            written_bytes: 10,
            random_bytes: 5,
            discarded_bytes: 0,
        };
        let mut activity = Activity {
            from: at(1000),
            to: at(1050),
            bucket_seconds: 10,
            buckets: vec![bucket(1010), bucket(1040)],
            events: Vec::new(),
        };
        let starts = |activity: &Activity| {
            every_bucket(activity)
                .iter()
                .map(|bucket| (bucket.start.unix_millis() / 1000, bucket.written_bytes))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            starts(&activity),
            [(1000, 0), (1010, 10), (1020, 0), (1030, 0), (1040, 10)]
        );
        activity.buckets.clear();
        assert_eq!(starts(&activity).len(), 5);
        activity.bucket_seconds = 0;
        assert!(starts(&activity).len() <= BUCKETS as usize + 2);
    }
}
