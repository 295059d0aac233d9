//! What has to be done from time to time: requests expire, people learn that something waits for them, what volumes have is kept
//! once approvals are on.

use std::time::{Duration, Instant};

use respond::action::{self, Action};
use respond::alert::{Layer, NewAlert, Severity};
use respond::approval::Standing;
use respond::{Error, approval};
use serde_json::{Map, json};

use super::Lanes;
use crate::engine::gate;
use crate::log::Level;

/// How often.
const EVERY: Duration = Duration::from_secs(1);
const NAP: Duration = Duration::from_millis(20);

impl Lanes {
    /// Does it until the daemon stops.
    pub(super) fn chores(&self) {
        let (mut is_failing, mut is_kept) = (false, false);
        while !self.is_stopping() {
            match self.chore(&mut is_kept) {
                Ok(()) => is_failing = false,
                Err(error) if !std::mem::replace(&mut is_failing, true) => {
                    self.log.write(Level::Error, "approvals", error);
                }
                Err(_) => {}
            }
            // In short naps, so that stopping doesn't wait.
            let next = Instant::now() + EVERY;
            while Instant::now() < next && !self.is_stopping() {
                std::thread::sleep(NAP);
            }
        }
    }

    /// What is due. `is_kept` says whether what all volumes have was kept since approvals were turned on.
    fn chore(&self, is_kept: &mut bool) -> Result<(), String> {
        let told = |error: Error| error.to_string();
        // The console turns approvals on and off in the ledger alone.
        let standing = self.desk.read(approval::standing).map_err(told)?;
        let marked = gate::sync_mark(self.engine.data(), standing);
        self.follow(standing, is_kept).map_err(told)?;
        marked.map_err(|failure| failure.with_hint())
    }

    fn follow(&self, standing: Standing, is_kept: &mut bool) -> Result<(), Error> {
        let now = self.now();
        let is_on = standing == Standing::On;
        if is_on && !*is_kept {
            self.engine.keep_protections()?;
        }
        *is_kept = is_on;
        if self.desk.read(|ledger| approval::is_any_expired(ledger, now))? {
            self.desk.write(|w| approval::expire(w, now))?;
        }
        for action in self.desk.read(action::tell_waiting)? {
            // Told before it is marked: after a kill in between it is told again, which is one alert all the same.
            self.desk.tell(waiting(&action));
            self.desk.write(|w| action::told(w, action.id))?;
        }
        Ok(())
    }
}

/// An action waits for people.
fn waiting(action: &Action) -> NewAlert {
    let mut facts = Map::new();
    facts.insert("action".to_owned(), json!(action.id));
    facts.insert("request".to_owned(), json!(action.request));
    let request = action.request.map_or_else(String::new, |id| id.to_string());
    NewAlert {
        time: action.planned,
        layer: Layer::Respond,
        kind: "approval-wanted".to_owned(),
        severity: Severity::High,
        volume: action.kind.volume().map(str::to_owned),
        host: None,
        identity: None,
        title: format!("Approval wanted: {}", action.kind.text()),
        text: format!(
            "{} ({}). It isn't done until it is approved: `holdfast approvals show {request}`, then `holdfast approvals approve \
             {request}` or `holdfast approvals refuse {request}`.",
            action.kind.text(),
            action.because
        ),
        facts,
    }
}
