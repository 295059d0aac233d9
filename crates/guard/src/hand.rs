//! A fence that nobody's verdict put up: somebody, or a policy, said so. Its effects are those of a verdict.

use sentinel::{Assessment, Level, Signals};

use crate::error::Error;
use crate::guard::Guard;
use crate::locks::lock;
use crate::settings::Fence;
use crate::watch::Suspect;

/// The longest reason, in bytes.
const REASON_BYTES_MAX: usize = 200;

impl Guard {
    /// Fences the volume, as a verdict would: what is written from now on is stopped, and the moment before is kept. It stays until
    /// somebody releases it, or the disk was returned to a moment of the past.
    ///
    /// # Errors
    /// When a fence stands that stops something, `how` would stop nothing, or there is no reason.
    pub fn fence_by_hand(&self, how: Fence, because: &str) -> Result<(), Error> {
        let because = because.trim();
        if because.is_empty() || because.len() > REASON_BYTES_MAX {
            return Err(Error::BadReason { most: REASON_BYTES_MAX });
        }
        if how == Fence::Alert {
            return Err(Error::StopsNothing);
        }
        let _operation = lock(&self.operations);
        let in_force = lock(&self.state).fence.as_ref().map(|fence| fence.fence);
        if in_force.is_some_and(|fence| fence != Fence::Alert) {
            return Err(Error::Fenced(self.name.clone()));
        }
        // The moment before is that of now, whatever the wall clock says.
        self.mark(true);
        let suspect = self.suspect_now();
        self.close_gate(how, Some(because));
        self.record_fence(&suspect);
        self.tell_fence();
        Ok(())
    }

    /// As if something had been found this instant.
    fn suspect_now(&self) -> Suspect {
        let mut watch = lock(&self.watch);
        let onset = watch.time(self.uptime.micros());
        let assessment = Assessment {
            level: Level::Fence,
            score: 0,
            suspicion: watch.sentinel.suspicion(),
            onset,
            signals: Signals::default(),
            is_only_new: false,
        };
        Suspect {
            assessment,
            percent: watch.suspicion_percent(),
            generation: watch.generation,
        }
    }
}
