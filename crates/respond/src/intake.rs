//! What becomes of a batch of alerts, in one transaction: recorded, joined into incidents, decided upon, told.

use std::collections::HashMap;

use crate::alert::{NewAlert, Taken, Taker};
use crate::error::Error;
use crate::incident::{Changed, Incident, IncidentId};
use crate::ledger::Writing;
use crate::notice::{self, About};
use crate::time::Time;

/// What came of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenIn {
    /// Alerts that are new or were repeated, as they are now.
    pub alerts: Vec<Taken>,
    /// Incidents that changed.
    pub incidents: Vec<Changed>,
}

/// Records a batch of alerts, joins them into incidents and plans who is told of them.
///
/// # Errors
/// When the ledger can't be written: then nothing of the batch is.
pub fn take_in(
    w: &mut Writing<'_>,
    now: Time,
    notices: &notice::Settings,
    alerts: Vec<NewAlert>,
) -> Result<TakenIn, Error> {
    let mut taker = Taker::begin(w)?;
    for alert in alerts {
        taker.take(w, now, alert)?;
    }
    let (alerts, incidents) = taker.finish(w, now)?;
    let by_id: HashMap<IncidentId, &Incident> = incidents
        .iter()
        .map(|changed| (changed.incident.id, &changed.incident))
        .collect();
    for Taken { alert, .. } in &alerts {
        let incident = alert.incident.and_then(|id| by_id.get(&id).copied());
        notice::plan(w, now, notices, &About::alert(alert, incident))?;
    }
    Ok(TakenIn { alerts, incidents })
}
