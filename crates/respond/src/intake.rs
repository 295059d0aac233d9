//! What becomes of a batch of alerts, in one transaction: recorded, joined into incidents, decided upon, told.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use crate::action::{self, ActionId, ActionKind, ActionState};
use crate::alert::{NewAlert, Taken, Taker};
use crate::error::Error;
use crate::incident::{Changed, Incident, IncidentId};
use crate::ledger::Writing;
use crate::notice::{self, About};
use crate::policy::{InLedger, Policies};
use crate::time::Time;

/// What a site wants done about alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What is done.
    pub policies: Policies,
    /// Who is told.
    pub notices: notice::Settings,
    /// The time zone that hours of policies are in.
    pub zone: TimeZone,
}

impl Default for Rules {
    /// The policies that are built in; nobody is told.
    fn default() -> Self {
        Self {
            policies: Policies::defaults(),
            notices: notice::Settings::default(),
            zone: TimeZone::UTC,
        }
    }
}

/// What came of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenIn {
    /// Alerts that are new or were repeated, as they are now.
    pub alerts: Vec<Taken>,
    /// Incidents that changed.
    pub incidents: Vec<Changed>,
    /// Actions that were planned.
    pub actions: Vec<ActionId>,
}

/// Records a batch of alerts, joins them into incidents, and plans what the rules want done and told.
///
/// # Errors
/// When the ledger can't be written: then nothing of the batch is.
pub fn take_in(w: &mut Writing<'_>, now: Time, rules: &Rules, alerts: Vec<NewAlert>) -> Result<TakenIn, Error> {
    let mut taker = Taker::begin(w)?;
    for alert in alerts {
        taker.take(w, now, alert)?;
    }
    let (alerts, incidents) = taker.finish(w, now)?;
    let actions = decide(w, now, rules, &alerts, &incidents)?;
    for changed in incidents.iter().filter(|changed| changed.is_turned) {
        notice::plan(w, now, &rules.notices, &About::incident(&changed.incident))?;
    }
    Ok(TakenIn {
        alerts,
        incidents,
        actions,
    })
}

/// Asks the policies about every alert that is new or was repeated, once each.
fn decide(
    w: &mut Writing<'_>,
    now: Time,
    rules: &Rules,
    alerts: &[Taken],
    changed: &[Changed],
) -> Result<Vec<ActionId>, Error> {
    let known = changed.iter().map(|changed| (changed.incident.id, &changed.incident));
    let known: HashMap<IncidentId, &Incident> = known.collect();
    let mut planned = Vec::new();
    for Taken { alert, .. } in alerts {
        let incident = alert.incident.and_then(|id| known.get(&id).copied());
        let decisions = rules
            .policies
            .decide(alert, incident, &InLedger::new(w), alert.last, &rules.zone)?;
        let about = About::alert(alert, incident);
        let mut is_told = false;
        for decision in decisions {
            let Some(id) = action::plan(w, now, &decision, alert, incident)? else {
                continue;
            };
            planned.push(id);
            if let ActionKind::Notify { group } = &decision.action {
                is_told |= tell(w, now, rules, id, &about.clone().for_group(group.clone()))?;
            }
        }
        // Whoever was told before hears of it now and then, whatever policies say the second time.
        if !is_told {
            notice::go_on(w, now, &about)?;
        }
    }
    Ok(planned)
}

/// People are told in the transaction that records what they are told of: nothing lies between in which it could be lost. Whether they
/// are, and don't have to wait for an approval.
fn tell(w: &mut Writing<'_>, now: Time, rules: &Rules, id: ActionId, about: &About) -> Result<bool, Error> {
    if !action::is_planned(w, id)? {
        return Ok(false);
    }
    action::start(w, now, id)?;
    notice::plan(w, now, &rules.notices, about)?;
    let outcome = match (&about.group, rules.notices.groups.is_empty()) {
        (_, true) => "nobody is in [notices]".to_owned(),
        (Some(group), _) => format!("the group `{group}` is told"),
        (None, _) => "people are told".to_owned(),
    };
    action::finish(w, now, id, ActionState::Done { outcome })?;
    Ok(true)
}
