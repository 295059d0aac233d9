//! A story as people read it.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::bounds::{AROUND, AROUND_MAX};
use super::incident::{Incident, Kind, StoryId};
use super::next;
use super::tactic::Tactic;
use crate::alert::{Finder, Level};
use crate::entity::{Directory, EntityId, EntityKind, Tier};
use crate::event::Origin;

/// Stages that are put in words; the rest is counted.
const STAGES_IN_WORDS: usize = 12;

/// One incident, told from its beginning.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Story {
    /// Its number.
    pub id: StoryId,
    /// When its first finding was, in seconds since 1970.
    pub first: i64,
    /// When its last was.
    pub last: i64,
    /// What it weighs: people are told from 40 points on.
    pub score: f64,
    /// Since when people are told of it; none if it's too light for that.
    pub told: Option<i64>,
    /// The gravest level of its findings.
    pub level: Level,
    /// Alerts that carry it, repetitions included.
    pub alerts: u64,
    /// What happened, in the order of its beginning.
    pub stages: Vec<Stage>,
    /// Who takes part, the most concerned first.
    pub entities: Vec<Involved>,
    /// What else was seen on its entities from an hour before, without being notable by itself.
    pub meanwhile: Vec<Meanwhile>,
    /// Lighter stories of the same days, which nobody is told of: perhaps parts of this one, perhaps chance. The weightiest first; none beside
    /// a story that is light itself.
    pub around: Vec<Around>,
    /// What to do next, the most urgent first.
    pub next: Vec<String>,
    /// Stories that turned out to be this one.
    pub merged: Vec<StoryId>,
}

/// One kind of finding in a story.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stage {
    /// What the attacker is after, if the finding tells.
    pub tactics: Vec<Tactic>,
    /// What found it.
    pub finder: Finder,
    /// What was found, in a few words.
    pub title: Arc<str>,
    /// How bad it is by itself.
    pub level: Level,
    /// When it was first found in this story, in seconds since 1970.
    pub first: i64,
    /// When last.
    pub last: i64,
    /// How often.
    pub count: u64,
    /// What it weighs where it is rarest.
    pub points: f64,
    /// What the finder said of the first of them.
    pub words: String,
    /// How unusual it is, compared with what.
    pub unusual: String,
    /// On whom.
    pub entities: Vec<EntityId>,
    /// Tags of ATT&CK.
    pub attack: Vec<Box<str>>,
    /// Records: the first few.
    pub evidence: Vec<Origin>,
}

/// A person or machine in a story.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Involved {
    /// Its number.
    pub id: EntityId,
    /// What it is.
    pub kind: Option<EntityKind>,
    /// The name that people know it by.
    pub name: String,
    /// Its other names.
    pub also: Vec<String>,
    /// Why these names are its own.
    pub reasons: Vec<String>,
    /// What is at stake on it.
    pub tiers: Vec<Tier>,
    /// What of the story weighs on it.
    pub points: f64,
}

/// A kind of finding beside a story.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Meanwhile {
    /// On whom.
    pub entity: EntityId,
    /// What found it.
    pub finder: Finder,
    /// How often.
    pub count: u64,
    /// When first, in seconds since 1970.
    pub first: i64,
    /// When last.
    pub last: i64,
    /// Records: the first few.
    pub evidence: Vec<Origin>,
}

/// A lighter story around another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Around {
    /// Its number.
    pub story: StoryId,
    /// When its first finding was, in seconds since 1970.
    pub first: i64,
    /// What it weighs.
    pub score: f64,
    /// Its weightiest finding.
    pub title: Arc<str>,
    /// On whom, by the names that people know.
    pub on: Vec<String>,
    /// Records of its weightiest finding: the first few.
    pub evidence: Vec<Origin>,
}

/// The lighter stories around one that people are told of.
pub(super) fn around(incident: &Incident, all: &[Incident], directory: &Directory) -> Vec<Around> {
    if incident.told.is_none() {
        return Vec::new();
    }
    let near = |other: &&Incident| {
        other.told.is_none() && other.last >= incident.first - AROUND && other.first <= incident.last + AROUND
    };
    let mut others: Vec<&Incident> = all.iter().filter(near).collect();
    others.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
    let views = others.into_iter().take(AROUND_MAX).filter_map(|other| {
        let kind = other.kinds.values().max_by(|a, b| a.points.total_cmp(&b.points))?;
        Some(Around {
            story: other.id,
            first: other.first,
            score: other.score,
            title: Arc::clone(&kind.title),
            on: kind
                .entities
                .iter()
                .take(4)
                .map(|id| directory.name(*id).to_owned())
                .collect(),
            evidence: kind.evidence.clone(),
        })
    });
    views.collect()
}

/// The view of what is kept.
pub(super) fn story(incident: &Incident, directory: &Directory) -> Story {
    let mut stages: Vec<Stage> = incident.kinds.values().map(|kind| stage(kind, directory)).collect();
    stages.sort_by(|a, b| {
        a.first
            .cmp(&b.first)
            .then(a.title.cmp(&b.title))
            .then(a.finder.cmp(&b.finder))
    });
    let addresses = directory.addresses(|id| incident.entities.contains_key(&id));
    let mut entities: Vec<Involved> = incident
        .entities
        .iter()
        .map(|(id, touched)| {
            let addresses = addresses.get(id).map_or(&[][..], Vec::as_slice);
            involved(*id, touched.points, addresses, directory)
        })
        .collect();
    entities.sort_by(|a, b| b.points.total_cmp(&a.points).then(a.id.cmp(&b.id)));
    let mut tactics: Vec<Tactic> = stages.iter().flat_map(|stage| stage.tactics.iter().copied()).collect();
    tactics.sort_unstable();
    tactics.dedup();
    let parts: Vec<next::Part<'_>> = entities
        .iter()
        .map(|part| next::Part {
            name: &part.name,
            kind: part.kind.unwrap_or(EntityKind::Thing),
            tiers: &part.tiers,
        })
        .collect();
    let steps = next::steps(&tactics, &parts);
    Story {
        id: incident.id,
        first: incident.first,
        last: incident.last,
        score: incident.score,
        told: incident.told,
        level: incident.level(),
        alerts: incident.alerts,
        stages,
        meanwhile: incident
            .meanwhile
            .iter()
            .map(|((entity, _), beside)| Meanwhile {
                entity: *entity,
                finder: beside.finder.clone(),
                count: beside.count,
                first: beside.first,
                last: beside.last,
                evidence: beside.evidence.clone(),
            })
            .collect(),
        around: Vec::new(),
        next: steps,
        entities,
        merged: incident.merged.clone(),
    }
}

fn stage(kind: &Kind, directory: &Directory) -> Stage {
    Stage {
        tactics: kind.tactics.clone(),
        finder: kind.finder.clone(),
        title: Arc::clone(&kind.title),
        level: kind.level,
        first: kind.first,
        last: kind.last,
        count: kind.count,
        points: kind.points,
        words: kind.words.clone(),
        unusual: kind.rarity.words(directory.name(kind.rarest)),
        entities: kind.entities.iter().copied().collect(),
        attack: kind.attack.clone(),
        evidence: kind.evidence.clone(),
    }
}

fn involved(id: EntityId, points: f64, addresses: &[IpAddr], directory: &Directory) -> Involved {
    let entity = directory.get(id);
    let mut also: Vec<String> = entity
        .iter()
        .flat_map(|entity| entity.names.iter().skip(1))
        .map(|name| name.name.clone())
        .collect();
    also.extend(addresses.iter().map(ToString::to_string));
    Involved {
        id,
        kind: entity.map(|entity| entity.kind),
        name: directory.name(id).to_owned(),
        also,
        reasons: entity.map(crate::entity::Entity::reasons).unwrap_or_default(),
        tiers: entity.map(|entity| entity.tiers.clone()).unwrap_or_default(),
        points,
    }
}

impl Story {
    /// The story in words: a head, the stages in order, who takes part, and what to do next.
    #[must_use]
    pub fn words(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` can't fail.
        let _ = writeln!(
            text,
            "Story {}, {:.0} points, {} to {}: {} alerts, {} kinds of findings, {} entities.",
            self.id.0,
            self.score,
            clock(self.first),
            clock(self.last),
            self.alerts,
            self.stages.len(),
            self.entities.len()
        );
        for (number, stage) in self.stages.iter().take(STAGES_IN_WORDS).enumerate() {
            let tactics: Vec<&str> = stage.tactics.iter().map(|tactic| tactic.words()).collect();
            let tactics = if tactics.is_empty() {
                String::new()
            } else {
                format!("{}: ", tactics.join(", "))
            };
            let on = self.named(&stage.entities);
            let _ = writeln!(
                text,
                "{}. {} {tactics}{} on {on}, {} times: {}.",
                number + 1,
                clock(stage.first),
                stage.title,
                stage.count,
                stage.unusual
            );
            if !stage.words.is_empty() {
                let _ = writeln!(text, "   {}", stage.words);
            }
        }
        if let Some(more) = self.stages.len().checked_sub(STAGES_IN_WORDS).filter(|more| *more > 0) {
            let _ = writeln!(text, "   and {more} more kinds of findings.");
        }
        for entity in self.entities.iter().take(STAGES_IN_WORDS) {
            let also = if entity.also.is_empty() {
                String::new()
            } else {
                format!(" ({})", entity.also.join(", "))
            };
            let tiers: String = entity.tiers.iter().map(|tier| format!(", {}", tier.words())).collect();
            let _ = writeln!(text, "With {}{also}{tiers}.", entity.name);
        }
        for other in &self.around {
            let on = other.on.join(", ");
            let _ = writeln!(
                text,
                "Perhaps: {} {} on {on} ({:.0} points).",
                clock(other.first),
                other.title,
                other.score
            );
        }
        for step in &self.next {
            let _ = writeln!(text, "Next: {step}");
        }
        text
    }

    /// All records that carry the story, the oldest stage first.
    pub fn evidence(&self) -> impl Iterator<Item = &Origin> {
        self.stages.iter().flat_map(|stage| &stage.evidence)
    }

    fn named(&self, entities: &[EntityId]) -> String {
        let names = entities.iter().take(4).map(|id| {
            self.entities
                .iter()
                .find(|entity| entity.id == *id)
                .map_or("?", |entity| entity.name.as_str())
        });
        let shown = names.collect::<Vec<_>>().join(", ");
        match entities.len() {
            0 => "nobody known".to_owned(),
            1..=4 => shown,
            more => format!("{shown} and {} more", more - 4),
        }
    }
}

fn clock(second: i64) -> String {
    Timestamp::from_second(second).map_or_else(|_| "?".to_owned(), |time| time.to_string())
}
