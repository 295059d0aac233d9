//! What may be dropped: a pure decision from times and sizes.

use crate::settings::Settings;
use crate::time::Timestamp;

/// What the decision depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    pub(crate) now: Timestamp,
    /// The oldest moment kept so far.
    pub(crate) oldest: Timestamp,
    /// Whether the volume is short of space.
    pub(crate) pressed: bool,
}

/// The time before which history may be dropped. Never later than the floor allows.
///
/// Without pressure everything within the retention time stays. Under pressure a quarter of what lies between the
/// oldest moment and the floor goes at a time, so that no more is dropped than is needed.
pub(crate) fn drop_before(settings: &Settings, situation: Situation) -> Timestamp {
    let floor = situation.now.saturating_sub(settings.retention_floor);
    let wanted = situation.now.saturating_sub(settings.retention);
    if !situation.pressed {
        return wanted.min(floor);
    }
    let spare = floor.since(situation.oldest);
    situation.oldest.saturating_add(spare / 4).max(wanted).min(floor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
            oldest,
            pressed: false,
        };
        assert_eq!(drop_before(&settings, calm), now.saturating_sub(7 * 24 * HOUR));
        for _ in 0..1000 {
            let next = drop_before(
                &settings,
                Situation {
                    now,
                    oldest,
                    pressed: true,
                },
            );
            assert!(next <= floor && next >= oldest);
            oldest = next;
        }
        assert!(floor.since(oldest) < Duration::from_secs(1));
        let young = Situation {
            now,
            oldest: now.saturating_sub(HOUR),
            pressed: true,
        };
        assert!(
            drop_before(&settings, young) <= floor,
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
            oldest: Timestamp::ZERO,
            pressed: false,
        };
        assert_eq!(drop_before(&settings, situation), now.saturating_sub(24 * HOUR));
    }
}
