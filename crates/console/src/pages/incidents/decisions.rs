//! What has to be decided about an incident, in the order in which it matters: stop it, look at it, bring things back, tell
//! people, be done.

use maud::{Markup, html};
use respond::incident::{Incident, IncidentState};
use respond::people::Role;

use super::super::layout::incident_path;
use super::super::parts::{csrf, with_code};
use super::super::visitor::Visitor;
use crate::site::VolumeView;

/// How far a decision is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Done,
    Now,
    Later,
}

/// Something to decide.
struct Step {
    is_done: bool,
    title: String,
    text: Markup,
    button: Markup,
}

/// The list. The first that isn't done is the one for now.
pub(super) fn list(incident: &Incident, volumes: &[VolumeView], visitor: &Visitor) -> Markup {
    let steps = steps(incident, volumes, visitor);
    let first = steps.iter().position(|step| !step.is_done);
    let turn = |place: usize, step: &Step| match first {
        _ if step.is_done => Turn::Done,
        Some(first) if first == place => Turn::Now,
        _ => Turn::Later,
    };
    html! {
        ol class="steps" {
            @for (place, step) in steps.iter().enumerate() {
                @let turn = turn(place, step);
                li class=[class(turn)] aria-current=[(turn == Turn::Now).then_some("step")] {
                    div { p class="strong" { (with_code(&step.title)) @if turn == Turn::Done { span class="visually-hidden" { " (done)" } } } (step.text) }
                    @if turn != Turn::Done { (step.button) }
                }
            }
        }
    }
}

const fn class(turn: Turn) -> Option<&'static str> {
    match turn {
        Turn::Done => Some("done"),
        Turn::Now => Some("now"),
        Turn::Later => None,
    }
}

fn steps(incident: &Incident, volumes: &[VolumeView], visitor: &Visitor) -> Vec<Step> {
    let may = visitor.signed_in.role.may(Role::Operator);
    let path = incident_path(incident.id);
    let is_handled = incident.state != IncidentState::Open;
    let is_over = matches!(incident.state, IncidentState::Closed | IncidentState::FalseAlarm);
    let is_back = is_over || incident.state == IncidentState::Recovered;
    let mut steps = vec![Step {
        is_done: is_handled,
        title: "Say that you look after it".to_owned(),
        text: html! { p { "So that nobody else has to wonder, and notices stop escalating." } },
        button: html! { @if may { form method="post" action={(path) "/acknowledge"} { (csrf(&visitor.signed_in.csrf)) button class="primary" { "I look after it" } } } },
    }];
    let contained = |volume: &VolumeView| contain(&volume.name, state(volume), is_back, may);
    steps.extend(volumes.iter().map(contained));
    steps.extend(volumes.iter().map(|volume| look(volume, is_back, may)));
    steps.extend(volumes.iter().map(|volume| bring_back(volume, is_back, may)));
    steps.push(Step {
        is_done: is_back,
        title: "Say that everything is back".to_owned(),
        text: html! { p { "When the machine runs, its files are right, and the way in is closed: passwords, keys, sessions." } },
        button: html! { @if may { form method="post" action={(path) "/recovered"} { (csrf(&visitor.signed_in.csrf)) button { "Everything is back" } } } },
    });
    steps.push(Step {
        is_done: is_over,
        title: "Tell those who must know".to_owned(),
        text: html! { p { "The incident file has the facts, the regulators' clocks and the drafts." } },
        button: html! { a class="button" href={(path) "/file"} { "Incident file" } },
    });
    steps.push(Step {
        is_done: is_over,
        title: "Close it".to_owned(),
        text: html! { p { "As an attack that is over, or as a false alarm; with what was learned." } },
        button: html! { @if may { a class="button" href={(path) "/close"} { "Close ..." } } },
    });
    steps
}

fn state(volume: &VolumeView) -> &str {
    volume.guard.as_ref().map_or("off", |guard| guard.state.as_str())
}

fn contain(name: &str, state: &str, is_back: bool, may: bool) -> Step {
    let text = match state {
        "fenced" => html! { p { "Done: its guard fenced it, nothing more gets onto the disk." } },
        "calm" => html! { p { "Nothing looks like an attack there now." } },
        _ => {
            html! { p { "Nothing is being stopped there now. If it goes on, " code { "holdfast guard fence " (name) " --because '...'" } " stops it by hand." } }
        }
    };
    Step {
        is_done: is_back || matches!(state, "fenced" | "calm"),
        title: format!("Stop it on `{name}`"),
        text,
        button: html! { @if may { a class="button" href={"/disks/" (name)} { "Look at the disk" } } },
    }
}

fn look(volume: &VolumeView, is_back: bool, may: bool) -> Step {
    Step {
        is_done: is_back || state(volume) == "calm",
        title: format!("See what happened to the files of `{}`", volume.name),
        text: html! { p { "Which were encrypted, deleted or read, and whose data was in them. The disk isn't touched." } },
        button: html! { @if may { a class="button" href={"/disks/" (volume.name) "/investigation"} { "Investigate" } } },
    }
}

fn bring_back(volume: &VolumeView, is_back: bool, may: bool) -> Step {
    let has_point = volume.guard.as_ref().is_some_and(|guard| guard.before_attack.is_some());
    let is_calm = state(volume) == "calm";
    Step {
        is_done: is_back || is_calm,
        title: format!("Bring `{}` back, or let it go on", volume.name),
        text: html! { p { "An attack: restore it to the moment before. A false alarm: release it. Either can be undone." } },
        button: html! {
            @if may && !is_calm {
                div class="buttons" {
                    @if has_point { a class="button danger" href={"/disks/" (volume.name) "/restore?before-attack=yes"} { "Restore ..." } }
                    @if state(volume) == "fenced" { a class="button" href={"/disks/" (volume.name) "/release"} { "Release ..." } }
                }
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attack_that_nothing_stops_is_to_be_stopped() {
        let step = |state, is_back| contain("db", state, is_back, true);
        for state in ["bookmarked", "off"] {
            assert!(!step(state, false).is_done && step(state, true).is_done, "{state}");
            assert!(step(state, false).button.into_string().contains("/disks/db"));
            assert!(
                step(state, false)
                    .text
                    .into_string()
                    .contains("holdfast guard fence db")
            );
        }
        assert!(step("fenced", false).is_done && step("calm", false).is_done);
    }
}
