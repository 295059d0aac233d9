//! Keeping the moment before what is suspected: pinned silently, in the past, before the first suspicious write.

use std::collections::HashSet;
use std::time::Duration;

use sentinel::{Level, Micros};
use volume::{Error, Moment, Pin, Sequence, Timestamp};

use crate::event::{Cause, EventKind};
use crate::guard::Guard;
use crate::locks::lock;
use crate::state::{Bookmark, RestorePoint, State};
use crate::time::{at_uptime, in_name};
use crate::watch::Suspect;

/// Bookmarks kept; the oldest give way.
const BOOKMARKS_MAX: usize = 32;
/// How long a bookmark that led to nothing is kept, counted while the guard runs.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Pins of one second of the volume's time.
const NAMES_MAX: u32 = 99;

impl Guard {
    /// Begins an episode, or goes on with the one at hand: one bookmark an episode, moved if it turns out to have begun
    /// earlier. The caller holds `operations`.
    pub(crate) fn bookmark(&self, suspect: &Suspect) {
        let onset = suspect.assessment.onset.max(lock(&self.state).rested);
        let watch = lock(&self.watch);
        let mut reasons = watch.landmarks.lost();
        let is_destruction = !reasons.is_empty() && watch.lost_files.is_none();
        reasons.extend(watch.lost_files.clone());
        reasons.extend(watch.sameness.reason());
        let is_of_new = suspect.assessment.is_only_new && suspect.assessment.level == Level::Bookmark;
        let is_held_back = is_of_new && watch.held_back.is_some();
        drop(watch);
        let wall = self.clock.now();
        let began = at_uptime(onset, self.uptime.micros(), wall);
        let mut state = lock(&self.state);
        if state.episode.is_none() {
            state.since = wall;
        }
        let episode = state.episode.get_or_insert_default();
        let has_signals = suspect.assessment.signals.iter().next().is_some();
        let is_destruction = is_destruction && !has_signals;
        episode.is_seen_in_blocks |= has_signals || is_destruction;
        episode.cause = match (is_destruction, episode.cause) {
            (true, None | Some(Cause::Destruction)) => Some(Cause::Destruction),
            _ => Some(Cause::Encryption),
        };
        episode.suspicion_percent = episode.suspicion_percent.max(suspect.percent);
        reasons.extend(suspect.assessment.signals.iter().map(ToString::to_string));
        if is_held_back {
            reasons.push("no files went with that so far: it is fenced once they do".to_owned());
        }
        if !reasons.is_empty() {
            episode.reasons = reasons;
        }
        episode.onset = Some(episode.onset.map_or(began, |known| known.min(began)));
        let known = episode.point.clone();
        drop(state);
        let sequence = self.sequence_before(onset);
        if known.as_ref().is_some_and(|point| point.sequence <= sequence.0) {
            return;
        }
        match self.pin_moment(sequence) {
            Ok(point) => self.bookmarked(point, known),
            Err(error) => {
                let told = lock(&self.state)
                    .episode
                    .as_mut()
                    .is_none_or(|episode| std::mem::replace(&mut episode.told_failure, true));
                if !told {
                    self.tell_failure("keeping the moment before suspicious writes", &error);
                }
            }
        }
    }

    /// Enters a new bookmark, in the place of the one that an episode had.
    fn bookmarked(&self, point: RestorePoint, before: Option<RestorePoint>) {
        let created = self.uptime.micros();
        let mut state = lock(&self.state);
        state.bookmarks.retain(|bookmark| bookmark.pin != point.pin);
        state.bookmarks.push(Bookmark {
            pin: point.pin.clone(),
            created,
        });
        if let Some(episode) = &mut state.episode {
            episode.point = Some(point);
        }
        let moved = before.is_some();
        if !moved {
            state.counts.bookmarks += 1;
        }
        drop(state);
        if let Some(before) = before {
            self.unpin(&before.pin);
        }
        self.tell(EventKind::Bookmarked { moved });
    }

    /// The newest batch that was surely written before `onset`, or the oldest moment kept.
    fn sequence_before(&self, onset: Micros) -> Sequence {
        let known = lock(&self.watch).trail.before(onset);
        let sequence = known.map(Sequence).or_else(|| {
            // From before all that is remembered: by the wall clock.
            let time = at_uptime(onset, self.uptime.micros(), self.clock.now());
            let found = self.volume.resolve(&Moment::At(time)).ok();
            found.map(|info| info.sequence)
        });
        let oldest = self.volume.oldest().sequence;
        sequence.unwrap_or(oldest).max(oldest)
    }

    /// Pins a moment, unless one of the guard's pins keeps it.
    fn pin_moment(&self, sequence: Sequence) -> Result<RestorePoint, Error> {
        let ours: Vec<String> = lock(&self.state)
            .bookmarks
            .iter()
            .map(|known| known.pin.clone())
            .collect();
        let mut pins = self.volume.pins().into_iter();
        let pin = match pins.find(|pin| pin.sequence == sequence && ours.contains(&pin.name)) {
            Some(pin) => pin,
            None => self.pin_anew(&Moment::After(sequence))?,
        };
        Ok(RestorePoint {
            pin: pin.name,
            sequence: pin.sequence.0,
            time: pin.time,
            is_current: true,
        })
    }

    /// Pins a moment under a name that tells its time.
    fn pin_anew(&self, moment: &Moment) -> Result<Pin, Error> {
        let base = name_of_pin(self.volume.resolve(moment)?.time);
        let mut name = base.clone();
        let mut number = 1;
        loop {
            match self.volume.pin(&name, Some(moment), self.clock.now()) {
                Err(Error::PinExists(_)) if number < NAMES_MAX => {
                    number += 1;
                    name = format!("{base}-{number}");
                }
                pinned => return pinned,
            }
        }
    }

    /// Gives up a bookmark. True if its pin is gone.
    fn unpin(&self, pin: &str) -> bool {
        let unpinned = self.volume.unpin(pin, self.clock.now());
        if matches!(unpinned, Ok(()) | Err(Error::NoSuchPin(_))) {
            lock(&self.state).bookmarks.retain(|bookmark| bookmark.pin != pin);
            return true;
        }
        false
    }

    /// Gives up bookmarks that are old or too many, and forgets those that the operator unpinned. The caller holds
    /// `operations`.
    pub(crate) fn expire_bookmarks(&self) {
        let now = self.uptime.micros();
        let pins = self.volume.pins();
        let is_pinned = |name: &str| pins.iter().any(|pin| pin.name == name);
        let mut state = lock(&self.state);
        state.bookmarks.retain(|bookmark| is_pinned(&bookmark.pin));
        if let Some(episode) = &mut state.episode {
            episode.point.take_if(|point| !is_pinned(&point.pin));
        }
        state.last_attack.take_if(|point| !is_pinned(&point.pin));
        let surplus = state.bookmarks.len().saturating_sub(BOOKMARKS_MAX);
        let current = state.current_pin();
        let old = |index: usize, created: Micros| {
            index < surplus || now.saturating_sub(created) >= u64::try_from(KEPT.as_micros()).unwrap_or(u64::MAX)
        };
        let candidates = state
            .bookmarks
            .iter()
            .filter(|bookmark| Some(&*bookmark.pin) != current);
        let expired = candidates
            .enumerate()
            .filter(|(index, bookmark)| old(*index, bookmark.created));
        let expired: Vec<String> = expired.map(|(_, bookmark)| bookmark.pin.clone()).collect();
        drop(state);
        for pin in expired {
            if self.unpin(&pin) {
                lock(&self.state).last_attack.take_if(|point| point.pin == pin);
                self.tell(EventKind::BookmarkExpired { expired: pin });
            }
        }
    }
}

/// What the pin of a bookmark is called, before the number that tells it from others of the same second.
fn name_of_pin(time: Timestamp) -> String {
    format!("guard-{}", in_name(time))
}

/// Whether a pin has a name that only guards give: that of its own moment.
fn is_guards(pin: &Pin) -> bool {
    let number = pin.name.strip_prefix(&name_of_pin(pin.time));
    let is_numbered = |number| (2..=NAMES_MAX).any(|known| number == format!("-{known}"));
    pin.fork.is_none() && number.is_some_and(|number| number.is_empty() || is_numbered(number))
}

/// At a start: takes guards' pins that nobody noted for bookmarks made now. They are left by a run that was killed before it saved, or
/// whose file is damaged, and would be kept for ever. Whether there are any.
pub(crate) fn adopt(state: &mut State, pins: &[Pin], now: Micros) -> bool {
    let known: HashSet<&str> = state.bookmarks.iter().map(|bookmark| &*bookmark.pin).collect();
    let unknown = pins.iter().filter(|pin| is_guards(pin) && !known.contains(&*pin.name));
    let adopted: Vec<Bookmark> = unknown
        .map(|pin| Bookmark {
            pin: pin.name.clone(),
            created: now,
        })
        .collect();
    let is_any = !adopted.is_empty();
    state.bookmarks.extend(adopted);
    is_any
}
