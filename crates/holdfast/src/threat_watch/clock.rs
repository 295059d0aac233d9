//! Times that logs name, as far as they can be: what is learnt expires by them, so that one made-up record of the next century would have everything
//! forgotten and nothing learnt until then.

use jiff::{SignedDuration, Timestamp};

/// How far ahead of this machine's clock a record is believed to be: local times without a zone are up to 14 hours ahead.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// The time that a record names, or the present if that hasn't come yet. Records of the past are believed: logs are read late.
pub(super) fn believed(named: Timestamp, now: Timestamp) -> Timestamp {
    if named.duration_since(now) > AHEAD { now } else { named }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_future_is_now_and_the_past_is_the_past() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = time("2026-03-01T10:00:00Z");
        for (named, expected) in [
            ("2099-01-01T00:00:00Z", "2026-03-01T10:00:00Z"),
            ("9999-12-30T22:00:00Z", "2026-03-01T10:00:00Z"),
            ("2026-03-02T00:00:00Z", "2026-03-02T00:00:00Z"),
            ("2026-03-01T09:59:59Z", "2026-03-01T09:59:59Z"),
            ("-009999-01-02T01:59:59Z", "-009999-01-02T01:59:59Z"),
        ] {
            assert_eq!(believed(time(named), now), time(expected));
        }
    }
}
