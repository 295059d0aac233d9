//! A time in which less suspicion than usual is enough: something else shows that an attack is under way. Saved, so that a restart doesn't
//! end it.

use std::time::Duration;

use crate::error::Error;
use crate::event::EventKind;
use crate::guard::Guard;
use crate::locks::lock;
use crate::state::Sensitivity;
use crate::time::at_uptime;
use crate::watch::USUAL_PERCENT;

/// The least suspicion that may be enough, in per cent of the usual one: below it, ordinary work is fenced.
pub const SENSITIVITY_PERCENT_LEAST: u32 = 10;
/// The longest time, so that nobody's work is held up for good by one that was forgotten.
const LASTING_MOST: Duration = Duration::from_secs(7 * 24 * 3600);

impl Guard {
    /// Has `percent` of the usual suspicion bookmark and fence until `duration` is over; 100 ends an earlier time at once. Of two times
    /// that overlap, the newer one counts.
    ///
    /// # Errors
    /// When `percent` isn't within 10 to 100, or `duration` within a second and seven days.
    pub fn raise_sensitivity(&self, percent: u32, duration: Duration) -> Result<(), Error> {
        if !(SENSITIVITY_PERCENT_LEAST..=USUAL_PERCENT).contains(&percent) {
            let (asked, least) = (percent, SENSITIVITY_PERCENT_LEAST);
            return Err(Error::BadSensitivity { asked, least });
        }
        if percent == USUAL_PERCENT {
            self.end_sensitivity(|_| true);
            return Ok(());
        }
        if duration.is_zero() || duration > LASTING_MOST {
            return Err(Error::BadDuration {
                asked: duration,
                most: LASTING_MOST,
            });
        }
        let now = self.uptime.micros();
        let until = now.saturating_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
        let mut state = lock(&self.state);
        state.sensitivity = Some(Sensitivity { percent, until });
        lock(&self.watch).sensitivity_percent = percent;
        drop(state);
        self.save();
        self.tell(EventKind::SensitivityRaised {
            percent,
            until: at_uptime(until, now, self.clock.now()),
        });
        Ok(())
    }

    /// Ends a time that is over.
    pub(crate) fn end_sensitivity_in_time(&self) {
        let now = self.uptime.micros();
        self.end_sensitivity(|sensitivity| sensitivity.until <= now);
    }

    /// Ends a time of which `is_over` says so.
    fn end_sensitivity(&self, is_over: impl FnOnce(&mut Sensitivity) -> bool) {
        // Held until the watch follows: somebody may be raising it anew this instant.
        let mut state = lock(&self.state);
        if state.sensitivity.take_if(is_over).is_none() {
            return;
        }
        lock(&self.watch).sensitivity_percent = USUAL_PERCENT;
        drop(state);
        self.save();
        self.tell(EventKind::SensitivityEnded);
    }
}
