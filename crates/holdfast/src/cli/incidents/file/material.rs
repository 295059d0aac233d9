//! What drafts and papers of an incident are made of.

use std::collections::BTreeMap;

use respond::case_file::clocks::Jurisdiction;
use respond::case_file::drafts::{DraftKind, Material, Rendered, Templates, render, values};
use respond::case_file::{Clock, Fact, Timeline, facts};

use super::scene::{Scene, failure};
use super::timeline::gathered;
use crate::failure::Failure;
use crate::incident_file;

/// Everything that is known of an incident.
pub(super) struct Gathered {
    pub(super) facts: Vec<Fact>,
    pub(super) laws: Vec<Jurisdiction>,
    pub(super) clocks: Vec<Clock>,
    pub(super) timeline: Timeline,
    /// What could not be found out.
    pub(super) remarks: Vec<String>,
    pub(super) values: BTreeMap<String, String>,
    templates: Templates,
}

impl Gathered {
    pub(super) fn of(scene: &Scene<'_>) -> Result<Self, Failure> {
        let laws = scene.laws()?;
        let (timeline, remarks) = gathered(scene)?;
        Ok(Self {
            facts: scene.ask(|ledger| facts(ledger, scene.id))?,
            clocks: scene.clocks(&laws)?,
            laws,
            timeline,
            remarks,
            values: known_values(scene)?,
            templates: incident_file::templates(scene.settings())?,
        })
    }

    /// Makes a text.
    pub(super) fn render(&self, scene: &Scene<'_>, kind: DraftKind) -> Result<Rendered, Failure> {
        let material = Material {
            incident: &scene.incident,
            facts: &self.facts,
            clocks: &self.clocks,
            done: &self.timeline.done(),
            values: &self.values,
            now: scene.now,
            zone: &scene.zone,
        };
        render(kind, &self.templates, &material).map_err(|error| failure(&error))
    }
}

/// What was filled in, over what the configuration has.
pub(super) fn known_values(scene: &Scene<'_>) -> Result<BTreeMap<String, String>, Failure> {
    let mut known = incident_file::values(&scene.config);
    known.extend(scene.ask(|ledger| values(ledger, scene.id))?);
    Ok(known)
}
