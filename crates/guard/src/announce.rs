//! Announced work: the operator knows what is about to look like an attack. Nothing is fenced until it ends; suspicion is
//! bookmarked all the same, and what would have been fenced is told.

use std::time::Duration;

use crate::error::Error;
use crate::event::EventKind;
use crate::guard::Guard;
use crate::locks::lock;
use crate::state::Announcement;
use crate::time::at_uptime;

/// The longest announcement: whoever forgets one isn't unguarded for good.
const ANNOUNCED_MOST: Duration = Duration::from_secs(7 * 24 * 3600);
/// The longest reason, in bytes.
const REASON_BYTES_MAX: usize = 200;

impl Guard {
    /// Announces work: nothing is fenced until `duration` is over. Replaces an earlier announcement.
    pub fn announce(&self, reason: &str, duration: Duration) -> Result<(), Error> {
        if duration.is_zero() || duration > ANNOUNCED_MOST {
            return Err(Error::BadDuration {
                asked: duration,
                most: ANNOUNCED_MOST,
            });
        }
        let reason = reason.trim();
        if reason.is_empty() || reason.len() > REASON_BYTES_MAX {
            return Err(Error::BadReason { most: REASON_BYTES_MAX });
        }
        let now = self.uptime.micros();
        let until = now.saturating_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
        lock(&self.state).announcement = Some(Announcement {
            reason: reason.to_owned(),
            until,
        });
        self.arm();
        self.save();
        self.tell(EventKind::Announced {
            reason: reason.to_owned(),
            until: at_uptime(until, now, self.clock.now()),
        });
        Ok(())
    }

    /// Ends announced work before its time.
    pub fn end_announcement(&self) -> Result<(), Error> {
        let ended = lock(&self.state).announcement.take();
        let ended = ended.ok_or_else(|| Error::NotAnnounced(self.name.clone()))?;
        self.announcement_ended(ended);
        Ok(())
    }

    /// Ends announced work whose time is over.
    pub(crate) fn end_announcement_in_time(&self) {
        let now = self.uptime.micros();
        let mut state = lock(&self.state);
        let ended = state.announcement.take_if(|announcement| announcement.until <= now);
        drop(state);
        if let Some(ended) = ended {
            self.announcement_ended(ended);
        }
    }

    /// What was suspected meanwhile is explained by the work, as long as it doesn't go on. The bookmark stays.
    fn announcement_ended(&self, ended: Announcement) {
        self.rest();
        self.arm();
        self.save();
        self.tell(EventKind::AnnouncementEnded { reason: ended.reason });
    }
}
