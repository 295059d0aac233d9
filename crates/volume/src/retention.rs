//! What may be dropped: a pure decision from times and sizes.

use std::time::Duration;

use crate::aging::Pauses;
use crate::settings::Settings;
use crate::time::Timestamp;

/// Checkpoints in a floor's length, while clients write.
const CHECKPOINTS_PER_FLOOR: u32 = 8;
/// However short the floor, checkpoints aren't written more often for its sake; and under pressure.
const CHECKPOINT_INTERVAL_MIN: Duration = Duration::from_secs(10);
const PRESSED_INTERVAL_MIN: Duration = Duration::from_secs(1);

/// What the decision depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'p> {
    pub(crate) now: Timestamp,
    /// Time that doesn't age history.
    pub(crate) pauses: &'p Pauses,
    /// The oldest moment kept so far.
    pub(crate) oldest: Timestamp,
    /// Whether the volume is short of space.
    pub(crate) pressed: bool,
}

/// The age at which the newest checkpoint is followed by another if there is something to put into it. History can only
/// be dropped up to a checkpoint that is older than the floor: with several in a floor's length there always is one
/// soon, however little is written and however small the budget.
pub(crate) fn checkpoint_interval(settings: &Settings, pressed: bool) -> Duration {
    let least = if pressed {
        PRESSED_INTERVAL_MIN
    } else {
        CHECKPOINT_INTERVAL_MIN
    };
    (settings.retention_floor / CHECKPOINTS_PER_FLOOR).max(least)
}

/// How far history may be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Droppable {
    /// What lies before should go.
    pub(crate) before: Timestamp,
    /// What lies before may go, as little of it as helps, if nothing is gained otherwise. Never later than the floor.
    pub(crate) at_most: Timestamp,
}

/// Without pressure everything within the retention time stays. Under pressure a quarter of what lies between the
/// oldest moment and the floor goes at a time, so that no more is dropped than is needed. The oldest moment can only
/// move to a checkpoint, and there may be none within that quarter: then it may move as far as the floor.
pub(crate) fn droppable(settings: &Settings, situation: Situation<'_>) -> Droppable {
    let floor = situation.pauses.before(situation.now, settings.retention_floor);
    let expired = situation.pauses.before(situation.now, settings.retention).min(floor);
    if !situation.pressed {
        return Droppable {
            before: expired,
            at_most: expired,
        };
    }
    let spare = floor.since(situation.oldest);
    let quarter = situation.oldest.saturating_add(spare / 4);
    Droppable {
        before: quarter.max(expired).min(floor),
        at_most: floor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn the_floor_holds_whatever_the_pressure() {
        let settings = Settings {
            retention: 7 * 24 * HOUR,
            retention_floor: 24 * HOUR,
            ..Settings::default()
        };
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        let floor = now.saturating_sub(24 * HOUR);
        let mut oldest = now.saturating_sub(100 * 24 * HOUR);
        let calm = Situation {
            now,
            pauses: &Pauses::default(),
            oldest,
            pressed: false,
        };
        let week_ago = now.saturating_sub(7 * 24 * HOUR);
        let expired = Droppable {
            before: week_ago,
            at_most: week_ago,
        };
        assert_eq!(droppable(&settings, calm), expired);
        for _ in 0..1000 {
            let next = droppable(
                &settings,
                Situation {
                    now,
                    pauses: &Pauses::default(),
                    oldest,
                    pressed: true,
                },
            );
            assert!(next.before <= floor && next.before >= oldest);
            assert_eq!(next.at_most, floor);
            oldest = next.before;
        }
        assert!(floor.since(oldest) < Duration::from_secs(1));
        let young = Situation {
            now,
            pauses: &Pauses::default(),
            oldest: now.saturating_sub(HOUR),
            pressed: true,
        };
        let next = droppable(&settings, young);
        assert!(
            next.before <= floor && next.at_most <= floor,
            "younger than the floor: nothing may go"
        );
    }

    #[test]
    fn a_floor_longer_than_the_retention_wins() {
        let settings = Settings {
            retention: HOUR,
            retention_floor: 24 * HOUR,
            ..Settings::default()
        };
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        let situation = Situation {
            now,
            pauses: &Pauses::default(),
            oldest: Timestamp::ZERO,
            pressed: false,
        };
        assert_eq!(droppable(&settings, situation).at_most, now.saturating_sub(24 * HOUR));
    }
}
