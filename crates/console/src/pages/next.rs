//! The one thing to do now: the most urgent of what waits, with the clock that runs.

use respond::Time;

use super::layout::incident_path;
use super::overview::{Overview, in_state, is_diverted, unwatched};
use super::parts::{Tone, sentence};
use super::words::of;

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Next {
    /// How urgent it is.
    pub(super) tone: Tone,
    /// What, as an order.
    pub(super) title: String,
    /// Why.
    pub(super) why: String,
    /// Since when it waits.
    pub(super) since: Option<Time>,
    /// Until when it must be done.
    pub(super) clock: Option<Time>,
    /// What the clock is about.
    pub(super) clock_words: String,
    /// Where it is done, and what the button says.
    pub(super) link: Option<(String, &'static str)>,
}

impl Next {
    fn new(tone: Tone, title: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            tone,
            title: title.into(),
            why: why.into(),
            since: None,
            clock: None,
            clock_words: String::new(),
            link: None,
        }
    }

    fn link(mut self, path: impl Into<String>, label: &'static str) -> Self {
        self.link = Some((path.into(), label));
        self
    }
}

/// The first of these that is so, from what can't wait to what should be done some day.
pub(super) fn action(overview: &Overview) -> Next {
    attacked(overview)
        .or_else(|| asked(overview))
        .or_else(|| broken(overview))
        .or_else(|| unproven(overview))
        .unwrap_or_else(|| {
            Next::new(
                Tone::Good,
                "Nothing.",
                "No incident is open, nothing waits for you, and every disk is watched and tested.",
            )
        })
}

fn attacked(overview: &Overview) -> Option<Next> {
    if let Some(incident) = overview.urgent.first() {
        let title = format!("Decide about incident {}.", incident.id);
        let mut next = Next::new(Tone::Bad, title, sentence(&incident.title))
            .link(incident_path(incident.id), "Go to the decisions");
        next.since = Some(incident.began);
        return Some(next);
    }
    let fenced = in_state(&overview.volumes, "fenced");
    let volume = fenced.first()?;
    let title = format!("Decide what becomes of `{}`.", volume.name);
    let why = "Its guard stopped it: restore it if that was an attack, release it if it wasn't.";
    let mut next = Next::new(Tone::Bad, title, why).link(format!("/disks/{}", volume.name), "Go to the disk");
    next.since = volume.guard.as_ref().and_then(|guard| guard.onset);
    Some(next)
}

fn asked(overview: &Overview) -> Option<Next> {
    let request = overview.waiting.first()?;
    let why = format!("{} asked, and needs somebody else to agree.", request.asked_by);
    let mut next = Next::new(Tone::Warn, format!("Approve or refuse: {}", request.what), why)
        .link(format!("/approvals/{}", request.id), "Look at the request");
    next.clock = Some(request.expires);
    next.clock_words = "until it expires".to_owned();
    Some(next)
}

fn broken(overview: &Overview) -> Option<Next> {
    if let Some(problem) = overview.health.problems.first() {
        let why = "Holdfast says this of itself; it isn't an attack, but it weakens the defence.";
        return Some(Next::new(Tone::Warn, sentence(problem), why).link("/settings", "Go to the settings"));
    }
    let volume_path = |name: &str| format!("/disks/{name}");
    let full = overview.volumes.iter().find(|volume| volume.no_space);
    if let Some(volume) = full {
        let why = "Writes are refused until there is space: free some on the disk below, or keep less of the past.";
        return Some(
            Next::new(Tone::Bad, format!("Make space for `{}`.", volume.name), why)
                .link(volume_path(&volume.name), "Go to the disk"),
        );
    }
    let damaged = overview
        .volumes
        .iter()
        .find(|volume| volume.damaged || volume.problem.is_some());
    if let Some(volume) = damaged {
        let why = volume
            .problem
            .clone()
            .unwrap_or_else(|| "something on the disk below is damaged".to_owned());
        return Some(
            Next::new(Tone::Bad, format!("Look after `{}`.", volume.name), sentence(&why))
                .link(volume_path(&volume.name), "Go to the disk"),
        );
    }
    if overview.counts.notices_failing > 0 {
        let title = format!(
            "{} can't be delivered.",
            of(overview.counts.notices_failing, "notice", "notices")
        );
        return Some(
            Next::new(Tone::Warn, title, "People who should know of something don't.")
                .link("/settings/notices", "Go to notices"),
        );
    }
    None
}

fn unproven(overview: &Overview) -> Option<Next> {
    let all = &overview.volumes;
    let usable = || {
        all.iter()
            .filter(|volume| volume.problem.is_none() && !is_diverted(all, volume))
    };
    if usable().next().is_none() {
        return Some(
            Next::new(Tone::Info, "Make the first disk.", "Nothing is protected yet.")
                .link("/disks/new", "Make a disk"),
        );
    }
    let failed = usable().find(|volume| volume.drill.as_ref().is_some_and(|drill| drill.verdict == "failed"));
    if let Some(volume) = failed {
        let why = volume
            .drill
            .as_ref()
            .and_then(|drill| drill.remarks.first())
            .map_or_else(String::new, |remark| sentence(remark));
        return Some(
            Next::new(
                Tone::Bad,
                format!("Find out why the drill of `{}` failed.", volume.name),
                why,
            )
            .link("/drills", "Go to the drills"),
        );
    }
    if let Some(volume) = unwatched(&overview.volumes).first() {
        let why = "Its history is kept, but nothing stops an attack on it.";
        let path = format!("/disks/{}/guard", volume.name);
        return Some(
            Next::new(Tone::Warn, format!("Let a guard watch `{}`.", volume.name), why).link(path, "Go to its guard"),
        );
    }
    let untried = usable().find(|volume| volume.drill.is_none() || volume.drill_overdue)?;
    let why = "A restore that was never tried is a hope. A drill works on a copy and disturbs nobody.";
    Some(
        Next::new(Tone::Info, format!("Try out the restore of `{}`.", untried.name), why)
            .link(format!("/disks/{}/drill", untried.name), "Run a drill"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::requests::Waiting;
    use crate::site::{DrillView, ExposureView, GuardState, Health, Moment, PinView, VolumeView};
    use respond::approval::RequestId;
    use respond::{Actor, Counts};

    fn volume(name: &str, state: &str) -> VolumeView {
        VolumeView {
            name: name.to_owned(),
            problem: None,
            size_bytes: 1,
            stored_bytes: 1,
            newest: None,
            oldest: None,
            retention_seconds: 1,
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
            drill: Some(DrillView {
                id: "1".to_owned(),
                volume: name.to_owned(),
                began: Time::default(),
                verdict: "passed".to_owned(),
                case: None,
                detected_after_bytes: None,
                recovery_microseconds: Some(1),
                files_compared: None,
                remarks: Vec::new(),
            }),
            drill_overdue: false,
        }
    }

    fn overview(volumes: Vec<VolumeView>) -> Overview {
        Overview {
            now: Time::default(),
            health: Health {
                version: String::new(),
                started: Time::default(),
                ready: true,
                problems: Vec::new(),
                listening: Vec::new(),
                clients: 0,
            },
            volumes,
            urgent: Vec::new(),
            counts: Counts::default(),
            alerts: Vec::new(),
            exposure: Ok(ExposureView {
                is_used: false,
                password_hashes: 0,
                breaches: 0,
                identities: 0,
                domains: Vec::new(),
                watches: 0,
                notices_waiting: 0,
            }),
            exposed: Vec::new(),
            waiting: Vec::new(),
        }
    }

    fn request() -> Waiting {
        Waiting {
            id: RequestId(4),
            what: "Restore `a`".to_owned(),
            asked_by: Actor::Person("boris".to_owned()),
            expires: Time::from_unix_millis(60_000),
        }
    }

    #[test]
    fn what_cannot_wait_comes_first() {
        let link = |overview: &Overview| action(overview).link.map(|(path, _)| path);
        let mut site = overview(vec![volume("a", "calm"), volume("b", "fenced")]);
        site.waiting.push(request());
        assert_eq!(link(&site).as_deref(), Some("/disks/b"));
        site.volumes = vec![volume("a", "calm"), volume("b", "off")];
        assert_eq!(link(&site).as_deref(), Some("/approvals/4"));
        assert_eq!(action(&site).clock, Some(Time::from_unix_millis(60_000)));
        site.waiting.clear();
        assert_eq!(link(&site).as_deref(), Some("/disks/b/guard"));
        site.volumes = vec![volume("a", "calm")];
        assert_eq!((action(&site).title.as_str(), link(&site)), ("Nothing.", None));
    }

    #[test]
    fn a_disk_for_diverted_writes_needs_no_guard_and_no_drill() {
        let (mut parent, mut fork) = (volume("a", "calm"), volume("a.diverted", "off"));
        fork.drill = None;
        parent.pins.push(PinView {
            name: "fork.a.diverted".to_owned(),
            moment: Moment {
                time: Time::default(),
                sequence: 1,
            },
            fork: Some("a.diverted".to_owned()),
        });
        assert_eq!(action(&overview(vec![parent, fork.clone()])).title, "Nothing.");
        assert_ne!(action(&overview(vec![volume("a", "calm"), fork])).title, "Nothing.");
    }

    #[test]
    fn an_untried_restore_is_something_to_do() {
        let mut untried = volume("a", "calm");
        untried.drill = None;
        assert_eq!(
            action(&overview(vec![untried])).link.map(|(path, _)| path).as_deref(),
            Some("/disks/a/drill")
        );
        assert_eq!(
            action(&overview(Vec::new())).link.map(|(path, _)| path).as_deref(),
            Some("/disks/new")
        );
    }
}
