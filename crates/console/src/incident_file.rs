//! An incident's file, as pages and the API use it: the ledger's tables, with what the configuration says of laws, templates and values.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use respond::case_file::clocks::{self, Clock, Jurisdiction, Stop};
use respond::case_file::drafts::{self, Draft, DraftId, DraftKind, DraftState, Material, Rendered};
use respond::case_file::facts::{self, Fact, FactChange, FactId, NewFact};
use respond::case_file::paper::{self, Case, Pack};
use respond::case_file::timeline::{self, Timeline};
use respond::incident::{Incident, IncidentId};
use respond::{Actor, Error, Time};

use crate::problem::Refusal;
use crate::site::{IncidentFileSettings, Site};

/// How long before an incident the history of its disks is told.
const BEFORE_MS: i64 = 3_600_000;

/// The incident.
pub(crate) fn find(site: &dyn Site, id: IncidentId) -> Result<Incident, Refusal> {
    let found = site.desk().read(|ledger| ledger.incident(id))?;
    found.ok_or_else(|| Refusal::not_found(format!("there is no incident `{id}`")))
}

/// Its clocks, those due first before the others.
pub(crate) fn clocks(site: &dyn Site, id: IncidentId, laws: &[Jurisdiction]) -> Result<Vec<Clock>, Refusal> {
    let now = site.now();
    let counted = site
        .desk()
        .read(|ledger| clocks::clocks(ledger, id, now, laws, &TimeZone::system()))?;
    Ok(counted)
}

/// Starts the clocks of a law, or corrects when they started; the law's name.
pub(crate) fn start_clocks(
    site: &dyn Site,
    actor: &Actor,
    id: IncidentId,
    (laws, law): (&[Jurisdiction], &str),
    (aware, determined): (Option<Time>, Option<Time>),
) -> Result<String, Refusal> {
    let now = site.now();
    let law = laws.iter().find(|known| known.id == law).ok_or_else(|| {
        Refusal::not_found(format!("there is no law `{law}`"))
            .hint("`/api/v1/incidents/laws` lists those that are known")
    })?;
    site.desk()
        .write(|w| clocks::start_clocks(w, now, actor, id, law, aware, determined))?;
    Ok(law.name.clone())
}

/// Records what was done about a duty.
pub(crate) fn stop_clock(site: &dyn Site, actor: &Actor, id: IncidentId, stop: &Stop) -> Result<Clock, Refusal> {
    let (laws, now) = (site.incident_file()?.laws, site.now());
    let stopped = site
        .desk()
        .write(|w| clocks::stop_clock(w, now, actor, id, &laws, &TimeZone::system(), stop))?;
    Ok(stopped)
}

/// Sets what is known of a class of data in a system.
pub(crate) fn set_fact(site: &dyn Site, actor: &Actor, id: IncidentId, new: &NewFact) -> Result<FactChange, Refusal> {
    let now = site.now();
    let change = site.desk().write(|w| facts::set_fact(w, now, actor, id, new))?;
    Ok(change)
}

/// Stands by a version of a fact of this incident.
pub(crate) fn approve_fact(
    site: &dyn Site,
    actor: &Actor,
    id: IncidentId,
    (fact, version): (FactId, u32),
) -> Result<Fact, Refusal> {
    let now = site.now();
    let approved = site.desk().write(|w| {
        let approved = facts::approve_fact(w, now, actor, fact, version)?;
        if approved.incident != id {
            return Err(missing_fact(fact));
        }
        Ok(approved)
    })?;
    Ok(approved)
}

/// All versions of a fact of this incident, oldest first.
pub(crate) fn versions(site: &dyn Site, id: IncidentId, fact: FactId) -> Result<Vec<Fact>, Refusal> {
    let mut versions = site.desk().read(|ledger| facts::fact_versions(ledger, fact))?;
    versions.retain(|version| version.incident == id);
    if versions.is_empty() {
        return Err(missing_fact(fact).into());
    }
    Ok(versions)
}

fn missing_fact(fact: FactId) -> Error {
    Error::NotFound {
        what: "fact",
        name: fact.to_string(),
    }
}

/// A draft of this incident.
pub(crate) fn draft(site: &dyn Site, id: IncidentId, draft: i64) -> Result<Draft, Refusal> {
    let found = site.desk().read(|ledger| drafts::draft(ledger, DraftId(draft)))?;
    let found = found.filter(|found| found.incident == id);
    found.ok_or_else(|| Refusal::not_found(format!("incident {id} has no draft `{draft}`")))
}

/// Makes a draft of the facts, the clocks, what was done, and what people filled in.
pub(crate) fn make_draft(site: &dyn Site, actor: &Actor, id: IncidentId, kind: DraftKind) -> Result<Draft, Refusal> {
    let now = site.now();
    // What happened to disks is in no draft.
    let known = Known::of(site, find(site, id)?, |incident| {
        let timeline = site
            .desk()
            .read(|ledger| timeline::timeline(ledger, incident.id, &[]))?;
        Ok((timeline, Vec::new()))
    })?;
    let rendered = known.render(kind, now)?;
    let draft = site
        .desk()
        .write(|w| drafts::make_draft(w, now, actor, id, kind, &rendered, &known.facts))?;
    Ok(draft)
}

/// Fills in what drafts ask for: all of it, or nothing.
pub(crate) fn fill<'a>(
    site: &dyn Site,
    actor: &Actor,
    id: IncidentId,
    values: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), Refusal> {
    let now = site.now();
    let values: Vec<(&str, &str)> = values.into_iter().collect();
    site.desk().write(|w| {
        for (name, value) in &values {
            drafts::fill(w, now, actor, id, name, value)?;
        }
        Ok(())
    })?;
    Ok(())
}

/// What is filled in: for this incident, over what the configuration has for all.
pub(crate) fn values(
    site: &dyn Site,
    id: IncidentId,
    settings: &IncidentFileSettings,
) -> Result<BTreeMap<String, String>, Refusal> {
    let mut known = settings.values.clone();
    known.extend(site.desk().read(|ledger| drafts::values(ledger, id))?);
    Ok(known)
}

/// Approves a draft.
pub(crate) fn approve_draft(site: &dyn Site, actor: &Actor, id: IncidentId, number: i64) -> Result<Draft, Refusal> {
    let (now, draft) = (site.now(), draft(site, id, number)?);
    let approved = site.desk().write(|w| drafts::approve_draft(w, now, actor, draft.id))?;
    Ok(approved)
}

/// Records that a draft went out.
pub(crate) fn mark_sent(site: &dyn Site, actor: &Actor, id: IncidentId, number: i64) -> Result<Draft, Refusal> {
    let (now, draft) = (site.now(), draft(site, id, number)?);
    let sent = site.desk().write(|w| drafts::mark_sent(w, now, actor, draft.id))?;
    Ok(sent)
}

/// What happened, with the history of the incident's disks; and what could not be found out.
pub(crate) fn timeline(site: &dyn Site, incident: &Incident) -> Result<(Timeline, Vec<String>), Refusal> {
    let (from, to) = (
        incident.began.plus_millis(-BEFORE_MS),
        incident.closed.unwrap_or_else(|| site.now()),
    );
    let mut disk = Vec::new();
    let mut remarks = Vec::new();
    for volume in &incident.volumes {
        match site.disk_events(volume, from, to) {
            Ok(events) => disk.extend(events),
            // A volume that was deleted since has no history any more: the rest is still worth telling.
            Err(problem) => remarks.push(format!("the history of `{volume}` is left out: {}", problem.message)),
        }
    }
    let timeline = site
        .desk()
        .read(|ledger| timeline::timeline(ledger, incident.id, &disk))?;
    Ok((timeline, remarks))
}

/// The paper pack, as a PDF. Its letter is the newest draft, or what one would say now.
pub(crate) fn paper(site: &dyn Site, id: IncidentId) -> Result<Vec<u8>, Refusal> {
    let now = site.now();
    let known = Known::of(site, find(site, id)?, |incident| timeline(site, incident))?;
    let kept = site.desk().read(|ledger| drafts::drafts(ledger, id))?;
    let kept = kept
        .into_iter()
        .find(|draft| draft.kind == DraftKind::Letter && draft.state != DraftState::Replaced);
    let letter = match kept {
        Some(draft) => draft.text,
        None => known.render(DraftKind::Letter, now)?.text,
    };
    let laws: Vec<Jurisdiction> = known.laws_that_apply();
    let pack = Pack {
        organisation: known.values.get("organisation").map_or("", String::as_str),
        contacts: &known.settings.contacts,
        restore: &site.restore_steps()?,
        jurisdictions: &laws,
        case: Some(Case {
            timeline: &known.timeline,
            facts: &known.facts,
            clocks: &known.clocks,
            letter: &letter,
        }),
        now,
        zone: &TimeZone::system(),
    };
    let pdf = paper::paper(&pack)?;
    Ok(pdf)
}

/// Everything that is known of an incident.
struct Known {
    incident: Incident,
    settings: IncidentFileSettings,
    facts: Vec<Fact>,
    clocks: Vec<Clock>,
    timeline: Timeline,
    values: BTreeMap<String, String>,
}

impl Known {
    fn of(
        site: &dyn Site,
        incident: Incident,
        timeline: impl FnOnce(&Incident) -> Result<(Timeline, Vec<String>), Refusal>,
    ) -> Result<Self, Refusal> {
        let settings = site.incident_file()?;
        Ok(Self {
            facts: site.desk().read(|ledger| facts::facts(ledger, incident.id))?,
            clocks: clocks(site, incident.id, &settings.laws)?,
            timeline: timeline(&incident)?.0,
            values: values(site, incident.id, &settings)?,
            settings,
            incident,
        })
    }

    fn render(&self, kind: DraftKind, now: Time) -> Result<Rendered, Refusal> {
        let material = Material {
            incident: &self.incident,
            facts: &self.facts,
            clocks: &self.clocks,
            done: &self.timeline.done(),
            values: &self.values,
            now,
            zone: &TimeZone::system(),
        };
        let rendered = drafts::render(kind, &self.settings.templates, &material)?;
        Ok(rendered)
    }

    /// The laws that the configuration chose, and those whose clocks run.
    fn laws_that_apply(&self) -> Vec<Jurisdiction> {
        let runs = |law: &Jurisdiction| {
            let prefix = format!("{}/", law.id);
            self.clocks.iter().any(|clock| clock.id.starts_with(&prefix))
        };
        let laws = self.settings.laws.iter();
        laws.filter(|law| self.settings.chosen.contains(&law.id) || runs(law))
            .cloned()
            .collect()
    }
}
