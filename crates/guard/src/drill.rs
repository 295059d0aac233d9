//! What a fork gets on which a drill tries the guard of a volume out: the same sentinel, with what it knows of the volume's
//! work, and nothing else of the volume's guard: no bookmarks, no fence, no forks to be deleted.

use sentinel::SAVED_BYTES;

use crate::guard::Guard;
use crate::locks::lock;
use crate::settings::{Fence, Settings};
use crate::sidecar::Sidecar;
use crate::state::State;

/// The settings of a drill's guard: a fence that stops the attack where it is.
pub const DRILL_SETTINGS: Settings = Settings {
    enabled: true,
    fence: Fence::Refuse,
};

impl Guard {
    /// The sidecar of a fork for a drill, marked as such. A guard that is opened on that fork goes on from what this one's
    /// sentinel has seen.
    #[must_use]
    pub fn sidecar_for_drill(&self) -> Vec<u8> {
        let wall = self.clock.now();
        let mut state = State::new(DRILL_SETTINGS, wall);
        state.is_drill = true;
        let mut saved = Box::new([0; SAVED_BYTES]);
        let mut watch = lock(&self.watch);
        let now = watch.time(self.uptime.micros());
        watch.sentinel.save(now, &mut saved);
        let model_version = watch.model.version();
        drop(watch);
        let sidecar = Sidecar {
            wall,
            uptime: now,
            model_version,
            state,
            // Batches of the fork have numbers of their own.
            marks: Vec::new(),
            sentinel: saved.to_vec(),
        };
        sidecar.encode()
    }
}

/// Whether a volume's sidecar says that the volume is a drill's fork. One that can't be read says nothing.
#[must_use]
pub fn is_drill_sidecar(bytes: &[u8]) -> bool {
    Sidecar::parse(bytes).is_ok_and(|sidecar| sidecar.state.is_drill)
}
