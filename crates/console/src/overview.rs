//! The five questions of the first page: are we under attack, what was stopped, when was a restore last tested, who is exposed, what do I
//! do now?

use respond::alert::Severity;
use respond::incident::{self, Incident, IncidentState};
use respond::{Counts, Page, Time};
use serde::Serialize;
use utoipa::ToSchema;

use crate::pages::{is_diverted, unwatched};
use crate::problem::Refusal;
use crate::site::{DrillView, ExposureView, Health, Site, VolumeView};

/// Incidents that are looked at: open ones, newest first.
const INCIDENTS: usize = 20;
/// Things to do that are named.
const STEPS_MAX: usize = 12;

/// The answers to the five questions.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Overview {
    /// When this was so.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) time: Time,
    /// Are we under attack?
    pub(crate) attack: Attack,
    /// What was stopped?
    pub(crate) stopped: Stopped,
    /// When was a restore last tested?
    pub(crate) tested: Tested,
    /// Who is exposed?
    pub(crate) exposed: ExposureView,
    /// What do I do now? What is most urgent comes first; empty if there is nothing.
    pub(crate) steps: Vec<NextStep>,
}

/// Are we under attack?
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Attack {
    /// Whether a disk is fenced, or an incident that somebody has to act on is open.
    pub(crate) is_on: bool,
    /// Disks that are fenced.
    pub(crate) fenced: Vec<String>,
    /// Disks whose guards suspect something.
    pub(crate) suspected: Vec<String>,
    /// Open incidents that are high or critical.
    pub(crate) incidents: u64,
    /// All open incidents.
    pub(crate) open_incidents: u64,
    /// Alerts of the last day.
    pub(crate) alerts_last_day: u64,
}

/// What was stopped?
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Stopped {
    /// Attacks that a guard stopped in the last 30 days.
    pub(crate) attacks: u64,
    /// Disks that are watched.
    pub(crate) watched: u64,
    /// Disks that aren't.
    pub(crate) unwatched: Vec<String>,
}

/// When was a restore last tested?
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Tested {
    /// The newest drill that passed.
    pub(crate) last_passed: Option<DrillView>,
    /// Disks whose newest drill passed.
    pub(crate) passed: u64,
    /// Disks whose newest drill failed.
    pub(crate) failed: Vec<String>,
    /// Disks of which a drill is missed, or that had none.
    pub(crate) untested: Vec<String>,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct NextStep {
    /// How urgent it is: `critical`, `high`, `medium` or `low`.
    pub(crate) severity: String,
    /// What to do, and why.
    pub(crate) text: String,
    /// The page where it is done.
    pub(crate) page: String,
}

/// Answers the five questions.
///
/// # Errors
/// When the disks or the ledger can't be asked.
pub(crate) fn overview(site: &dyn Site) -> Result<Overview, Refusal> {
    let now = site.now();
    let volumes = site.volumes()?;
    let filter = incident::Filter {
        open_only: true,
        ..incident::Filter::default()
    };
    let (counts, incidents) = site.desk().read(|ledger| {
        let counts = ledger.counts(now)?;
        let incidents = ledger.incidents(&filter, Page::newest(INCIDENTS))?;
        Ok::<_, respond::Error>((counts, incidents))
    })?;
    let exposed = site.exposure()?;
    Ok(Overview {
        time: now,
        attack: attack(&volumes, &counts),
        stopped: stopped(&volumes, &counts),
        tested: tested(&volumes),
        steps: steps(&volumes, &counts, &incidents, &site.health()),
        exposed,
    })
}

fn guard_state(volume: &VolumeView) -> &str {
    volume.guard.as_ref().map_or("off", |guard| guard.state.as_str())
}

fn names(volumes: &[VolumeView], is_meant: impl Fn(&VolumeView) -> bool) -> Vec<String> {
    volumes
        .iter()
        .filter(|volume| is_meant(volume))
        .map(|volume| volume.name.clone())
        .collect()
}

fn attack(volumes: &[VolumeView], counts: &Counts) -> Attack {
    let fenced = names(volumes, |volume| guard_state(volume) == "fenced");
    let incidents = counts.open_incidents.high + counts.open_incidents.critical;
    Attack {
        is_on: !fenced.is_empty() || incidents > 0,
        suspected: names(volumes, |volume| guard_state(volume) == "bookmarked"),
        fenced,
        incidents,
        open_incidents: counts.open_incidents.total(),
        alerts_last_day: counts.alerts_last_day.total(),
    }
}

fn stopped(volumes: &[VolumeView], counts: &Counts) -> Stopped {
    let watched = volumes
        .iter()
        .filter(|volume| volume.problem.is_none() && guard_state(volume) != "off");
    let unwatched = unwatched(volumes);
    Stopped {
        attacks: counts.attacks_stopped,
        watched: watched.count() as u64,
        unwatched: unwatched.iter().map(|volume| volume.name.clone()).collect(),
    }
}

fn verdict(volume: &VolumeView) -> Option<&str> {
    volume.drill.as_ref().map(|drill| drill.verdict.as_str())
}

fn tested(volumes: &[VolumeView]) -> Tested {
    let passed = volumes.iter().filter(|volume| verdict(volume) == Some("passed"));
    let newest = passed
        .clone()
        .filter_map(|volume| volume.drill.as_ref())
        .max_by_key(|drill| drill.began);
    Tested {
        last_passed: newest.cloned(),
        passed: passed.count() as u64,
        failed: names(volumes, |volume| verdict(volume) == Some("failed")),
        untested: names(volumes, |volume| {
            (volume.drill.is_none() || volume.drill_overdue) && !is_diverted(volumes, volume)
        }),
    }
}

/// What is to be done, most urgent first.
fn steps(volumes: &[VolumeView], counts: &Counts, incidents: &[Incident], health: &Health) -> Vec<NextStep> {
    let mut found: Vec<(Severity, String, String)> = Vec::new();
    for volume in volumes {
        found.extend(volume_steps(volume, is_diverted(volumes, volume)));
    }
    for incident in incidents
        .iter()
        .filter(|incident| incident.state == IncidentState::Open)
    {
        let text = format!("say that you look after incident {}: {}", incident.id, incident.title);
        found.push((incident.severity, text, format!("/incidents/{}", incident.id)));
    }
    if counts.requests_waiting > 0 {
        let text = format!("decide about requests for approval: {} wait", counts.requests_waiting);
        found.push((Severity::High, text, "/approvals".to_owned()));
    }
    if counts.notices_failing > 0 {
        let text = format!("find out why notices don't arrive: {} wait", counts.notices_failing);
        found.push((Severity::High, text, "/settings".to_owned()));
    }
    // What is wrong with a volume is said of it above.
    let is_said = |problem: &&String| {
        let mut unusable = volumes.iter().filter(|volume| volume.problem.is_some());
        unusable.any(|volume| problem.starts_with(&format!("`{}` ", volume.name)))
    };
    for problem in health.problems.iter().filter(|problem| !is_said(problem)) {
        found.push((Severity::High, problem.clone(), "/settings".to_owned()));
    }
    found.sort_by_key(|(severity, ..)| std::cmp::Reverse(*severity));
    let each = found
        .into_iter()
        .take(STEPS_MAX)
        .map(|(severity, text, page)| NextStep {
            severity: severity.to_string(),
            text,
            page,
        });
    each.collect()
}

/// What is to be done about a disk. One that diverted writes went to needs no guard and no drill.
fn volume_steps(volume: &VolumeView, is_diverted: bool) -> Vec<(Severity, String, String)> {
    let name = &volume.name;
    let mut steps = Vec::new();
    let mut add = |severity, text: String| steps.push((severity, text, format!("/disks/{name}")));
    if let Some(problem) = &volume.problem {
        add(Severity::High, format!("`{name}` can't be used: {problem}"));
    }
    match guard_state(volume) {
        "fenced" => add(
            Severity::Critical,
            format!("`{name}` is fenced: investigate, return it to the moment before, then release the fence"),
        ),
        "bookmarked" => add(
            Severity::High,
            format!("`{name}` is suspected of being attacked: look at its activity"),
        ),
        "off" if volume.problem.is_none() && !is_diverted => {
            add(Severity::Medium, format!("`{name}` isn't watched: turn its guard on"))
        }
        _ => {}
    }
    if volume.damaged {
        add(
            Severity::High,
            format!("something of `{name}` is damaged: verify it, and check the disk below"),
        );
    }
    if volume.no_space {
        add(
            Severity::High,
            format!("`{name}` refuses writes for lack of space: raise its budget, or free space"),
        );
    }
    if verdict(volume) == Some("failed") {
        add(
            Severity::High,
            format!("the last drill on `{name}` failed: read its report"),
        );
    } else if volume.drill_overdue && !is_diverted {
        add(Severity::Medium, format!("a drill on `{name}` is overdue: run one"));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::{GuardState, Moment, PinView};

    fn volume(name: &str, state: &str) -> VolumeView {
        VolumeView {
            name: name.to_owned(),
            problem: None,
            size_bytes: 0,
            stored_bytes: 0,
            newest: None,
            oldest: None,
            retention_seconds: 0,
            clients: 0,
            no_space: false,
            damaged: false,
            guard: Some(GuardState {
                state: state.to_owned(),
                fence: "divert".to_owned(),
                suspicion_percent: 0,
                reasons: Vec::new(),
                onset: None,
                before_attack: None,
                diverted_to: None,
                announced: None,
            }),
            pins: Vec::new(),
            drill: None,
            drill_overdue: true,
        }
    }

    #[test]
    fn what_is_most_urgent_comes_first() {
        let health = Health {
            version: String::new(),
            started: Time::default(),
            ready: true,
            problems: Vec::new(),
            listening: Vec::new(),
            clients: 0,
        };
        let volumes = [volume("calm", "calm"), volume("a", "bookmarked"), volume("b", "fenced")];
        let found = steps(&volumes, &Counts::default(), &[], &health);
        let pages: Vec<(&str, &str)> = found
            .iter()
            .map(|step| (step.severity.as_str(), step.page.as_str()))
            .collect();
        assert_eq!(
            pages,
            [
                ("critical", "/disks/b"),
                ("high", "/disks/a"),
                ("medium", "/disks/calm"),
                ("medium", "/disks/a"),
                ("medium", "/disks/b")
            ]
        );
        assert!(attack(&volumes, &Counts::default()).is_on);
        assert!(!attack(&volumes[..1], &Counts::default()).is_on);
    }

    #[test]
    fn a_disk_for_diverted_writes_and_one_that_cannot_be_used_are_not_counted_as_disks_to_watch() {
        let (mut parent, fork) = (volume("a", "calm"), volume("a.diverted", "off"));
        parent.pins.push(PinView {
            name: "fork.a.diverted".to_owned(),
            moment: Moment {
                time: Time::default(),
                sequence: 1,
            },
            fork: Some("a.diverted".to_owned()),
        });
        let mut broken = volume("b", "off");
        broken.problem = Some("damaged".to_owned());
        let volumes = [parent, fork, broken];
        let stopped = stopped(&volumes, &Counts::default());
        assert_eq!((stopped.watched, stopped.unwatched), (1, Vec::new()));
        assert_eq!(tested(&volumes).untested, ["a", "b"]);
        assert!(volume_steps(&volumes[1], is_diverted(&volumes, &volumes[1])).is_empty());
    }
}
