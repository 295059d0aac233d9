//! The chain in a folder of its own: events in; alerts, incidents and stories out. Nothing outside that folder is touched.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use respond::alert::{Alert, NewAlert};
use respond::incident::Incident;
use respond::intake::{self, Rules};
use respond::policy::Policies;
use respond::{Ledger, Time};
use serde::Serialize;
use threat::alert::{self, Finder};
use threat::detection::Detection;
use threat::event::Event;
use threat::rules::Stage;
use threat::story::Change;

use crate::desk;
use crate::failure::Failure;
use crate::scratch::ScratchFolder;
use crate::threat_watch::{is_told, told_of};

/// Things that are told, at most: whoever gets more reads none.
const TOLD_MAX: usize = 100_000;

/// The chain.
pub(super) struct Chain {
    detection: Detection,
    machines: BTreeMap<String, Vec<String>>,
    volumes: Vec<String>,
    /// No policies: those are asked later, of everything.
    rules: Rules,
    ledger: Ledger,
    _folder: ScratchFolder,
    known: HashSet<String>,
    /// What is told.
    pub(super) told: Vec<Line>,
    /// Alerts as the ledger has them, each with its incident as it was then.
    pub(super) alerts: Vec<(Alert, Option<Incident>)>,
    /// Told things that were too many.
    pub(super) left_out: u64,
}

/// Something that people would be told, whatever the number of disks that it is about.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    /// When it happened.
    pub(super) time: Time,
    /// `attack`: a story is told; `finding`.
    pub(super) kind: String,
    pub(super) severity: respond::alert::Severity,
    pub(super) title: String,
    pub(super) host: Option<String>,
    pub(super) identity: Option<String>,
    /// Disks of that machine.
    pub(super) volumes: Vec<String>,
    /// The stage that the rule's finding shows.
    pub(super) stage: Option<Stage>,
    pub(super) stage_words: Option<&'static str>,
    /// The story that it belongs to.
    pub(super) story: Option<u64>,
    /// The incident that it opens or joins, by its number in this replay.
    pub(super) incident: Option<i64>,
    /// Whether it is no line of its own but added to the one that told of its story.
    pub(super) is_added: bool,
}

impl Chain {
    pub(super) fn new(
        detection: Detection,
        machines: BTreeMap<String, Vec<String>>,
        volumes: Vec<String>,
    ) -> Result<Self, Failure> {
        let folder = ScratchFolder::made("replay")?;
        let ledger = Ledger::open(folder.path()).map_err(|error| desk::failed(&error))?;
        let policies = Policies::parse("", "none").map_err(|error| desk::failed(&error))?;
        Ok(Self {
            detection,
            machines,
            volumes,
            rules: Rules {
                policies,
                ..Rules::default()
            },
            ledger,
            _folder: folder,
            known: HashSet::new(),
            told: Vec::new(),
            alerts: Vec::new(),
            left_out: 0,
        })
    }

    /// Takes the next event.
    pub(super) fn take(&mut self, event: &Event) -> Result<(), Failure> {
        let mut found = Vec::new();
        self.detection.take(event, &mut |finding| {
            if !finding.held_back && is_told(finding.alert, finding.change) {
                found.push((finding.alert.clone(), finding.change));
            }
        });
        for (alert, change) in found {
            self.tell(&alert, change)?;
        }
        Ok(())
    }

    fn tell(&mut self, alert: &alert::Alert, change: Option<Change>) -> Result<(), Failure> {
        let told = told_of(alert, change, &self.detection, &self.machines, &self.volumes);
        if !self.known.insert(told.key) {
            return Ok(());
        }
        if self.told.len() >= TOLD_MAX {
            self.left_out += 1;
            return Ok(());
        }
        let stage = self.stage(&alert.finder);
        let line = line(&told.alerts, stage, change);
        let (incident, is_added) = self.record(alert.time, told.alerts)?;
        self.told.extend(line.map(|line| Line {
            incident,
            is_added,
            ..line
        }));
        Ok(())
    }

    /// Has the ledger join alerts into incidents, as the daemon's does. The incident that they are of, and whether
    /// they were added to an alert.
    fn record(&mut self, time: Timestamp, alerts: Vec<NewAlert>) -> Result<(Option<i64>, bool), Failure> {
        let now = Time::from_unix_millis(time.as_millisecond());
        let rules = &self.rules;
        let taken = self.ledger.write(|w| intake::take_in(w, now, rules, alerts));
        let taken = taken.map_err(|error| desk::failed(&error))?;
        let of = taken
            .alerts
            .iter()
            .find_map(|taken| taken.alert.incident)
            .map(|id| id.0);
        let is_added = taken.alerts.iter().all(|taken| taken.alert.part_of.is_some());
        for news in taken.alerts.into_iter().filter(|taken| taken.is_news) {
            let id = news.alert.incident;
            let mut incidents = taken.incidents.iter().map(|changed| &changed.incident);
            let incident = incidents.find(|incident| Some(incident.id) == id);
            self.alerts.push((news.alert, incident.cloned()));
        }
        Ok((of, is_added))
    }

    /// The stage that a finding shows, if its rule says so.
    fn stage(&self, finder: &Finder) -> Option<Stage> {
        match finder {
            Finder::Rule(id) | Finder::Correlation(id) => self.detection.engine().rule(id)?.stage,
            Finder::Behaviour(_) => None,
        }
    }

    /// Stories that people would be told of.
    pub(super) fn stories(&self) -> usize {
        self.detection
            .stories()
            .iter()
            .filter(|story| story.told.is_some())
            .count()
    }
}

/// Alerts of one finding as one line.
fn line(alerts: &[NewAlert], stage: Option<Stage>, change: Option<Change>) -> Option<Line> {
    let first = alerts.first()?;
    Some(Line {
        time: first.time,
        kind: first.kind.clone(),
        severity: first.severity,
        title: first.title.clone(),
        host: first.host.clone(),
        identity: first.identity.clone(),
        volumes: alerts.iter().filter_map(|alert| alert.volume.clone()).collect(),
        stage,
        stage_words: stage.map(Stage::words),
        story: change.filter(|change| change.told).map(|change| change.story.0),
        incident: None,
        is_added: false,
    })
}
