//! What a kill took along, as far as it shows at the next start.
//!
//! A guard tells of a fence once it is durable, and the thread of the ledger writes that down some milliseconds later: a kill between the two
//! loses it. The fence itself isn't lost, so the next start tells of it as the guard would have. And a request for an approval is used up
//! before what it allows is done: of one that was being done then nobody knows whether it was, and that is told.

use std::time::Duration;

use respond::alert::Layer;
use respond::{Desk, approval, intake};

use super::{sources, time};
use crate::engine::Engine;

/// What guards tell when a fence goes up.
const FENCES: [&str; 4] = ["fenced", "diverted", "would-fence", "fenced-by-hand"];
/// Of what is older the alert may be gone: alerts are rolled up in time.
const OLD: Duration = Duration::from_secs(300 * 86_400);

/// Tells of it. To be called once the guards are open, and before anything is done.
///
/// # Errors
/// When the ledger can't be read or written.
pub fn tell_missed(engine: &Engine, desk: &Desk) -> Result<(), respond::Error> {
    tell_fences(engine, desk)?;
    tell_cut_off(engine, desk)
}

/// Every fence in force that the ledger doesn't know of, as the same kind of alert and with the time at which it went up.
fn tell_fences(engine: &Engine, desk: &Desk) -> Result<(), respond::Error> {
    let old = engine.now().saturating_sub(OLD);
    for event in engine.fences_in_force() {
        let is_known = desk.read(|ledger| ledger.is_noticed(Layer::Guard, &FENCES, &event.volume, time(event.time)))?;
        if !is_known && event.time > old {
            engine.front().tell(sources::of_guard(&event));
        }
    }
    Ok(())
}

/// Every operation that was approved and begun, of which nobody wrote down how it ended.
fn tell_cut_off(engine: &Engine, desk: &Desk) -> Result<(), respond::Error> {
    let requests = desk.read(approval::cut_off)?;
    if requests.is_empty() {
        return Ok(());
    }
    let (now, rules) = (time(engine.now()), engine.front().rules());
    let alerts = requests.iter().map(|request| sources::cut_off(now, request)).collect();
    // In one transaction: it is told once.
    desk.write(|w| {
        for request in &requests {
            approval::give_up(w, now, request.id)?;
        }
        intake::take_in(w, now, &rules, alerts).map(drop)
    })
}
