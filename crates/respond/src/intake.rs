//! What becomes of a batch of alerts, in one transaction: recorded, joined into incidents, decided upon, told.

use crate::alert::{NewAlert, Taken, Taker};
use crate::error::Error;
use crate::incident::Changed;
use crate::ledger::Writing;
use crate::time::Time;

/// What came of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenIn {
    /// Alerts that are new or were repeated, as they are now.
    pub alerts: Vec<Taken>,
    /// Incidents that changed.
    pub incidents: Vec<Changed>,
}

/// Records a batch of alerts and joins them into incidents.
///
/// # Errors
/// When the ledger can't be written: then nothing of the batch is.
pub fn take_in(w: &mut Writing<'_>, now: Time, alerts: Vec<NewAlert>) -> Result<TakenIn, Error> {
    let mut taker = Taker::begin(w)?;
    for alert in alerts {
        taker.take(w, now, alert)?;
    }
    let (alerts, incidents) = taker.finish(w, now)?;
    Ok(TakenIn { alerts, incidents })
}
