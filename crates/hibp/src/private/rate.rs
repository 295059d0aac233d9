//! How often one asker may have points evaluated: whoever guesses addresses is slowed down, whoever asks about a few is not.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

/// Askers that are counted one by one in a minute. Those beyond share one count, so that memory is bounded.
const ASKERS_MAX: usize = 65_536;
const MINUTE_S: u64 = 60;

/// Counts of the current minute.
#[derive(Debug)]
pub(super) struct Rate {
    per_minute: u32,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    minute: u64,
    of: HashMap<Option<IpAddr>, u32>,
}

impl Rate {
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            counts: Mutex::default(),
        }
    }

    /// Counts `points` for an asker.
    ///
    /// # Errors
    /// When that is too many: the seconds until it may be tried again.
    pub(super) fn take(&self, asker: IpAddr, points: u32, now_s: u64) -> Result<(), u64> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now_s / MINUTE_S;
        if counts.minute != minute {
            *counts = Counts {
                minute,
                of: HashMap::new(),
            };
        }
        let mut key = Some(household(asker));
        if counts.of.len() >= ASKERS_MAX && !counts.of.contains_key(&key) {
            key = None;
        }
        let count = counts.of.entry(key).or_insert(0);
        let after = count.saturating_add(points);
        if after > self.per_minute {
            return Err(MINUTE_S - now_s % MINUTE_S);
        }
        *count = after;
        Ok(())
    }
}

/// One household or company has a whole /64 of IPv6 addresses.
fn household(asker: IpAddr) -> IpAddr {
    match asker {
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => IpAddr::V4(address),
            None => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        },
        IpAddr::V4(_) => asker,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asker_has_so_many_in_a_minute_and_new_ones_in_the_next() {
        let rate = Rate::new(10);
        let asker = IpAddr::from([192, 0, 2, 1]);
        assert_eq!(rate.take(asker, 9, 120), Ok(()));
        assert_eq!(rate.take(asker, 2, 125), Err(55));
        assert_eq!(rate.take(asker, 1, 125), Ok(()));
        assert_eq!(
            rate.take(IpAddr::from([192, 0, 2, 2]), 10, 125),
            Ok(()),
            "another asker"
        );
        assert_eq!(rate.take(asker, 10, 180), Ok(()));
    }

    #[test]
    fn one_network_is_one_asker() {
        let rate = Rate::new(1);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(rate.take(address("2001:db8::1"), 1, 0), Ok(()));
        assert!(rate.take(address("2001:db8::2:0:0:1"), 1, 0).is_err());
        assert_eq!(rate.take(address("2001:db8:0:1::1"), 1, 0), Ok(()));
        assert_eq!(rate.take(address("192.0.2.1"), 1, 0), Ok(()));
        assert!(rate.take(address("::ffff:192.0.2.1"), 1, 0).is_err());
    }

    #[test]
    fn memory_is_bounded_whoever_asks() {
        let rate = Rate::new(1);
        for number in 0..100_000_u32 {
            let _ = rate.take(IpAddr::from(number.to_be_bytes()), 1, 0);
        }
        assert!(rate.counts.lock().unwrap().of.len() <= ASKERS_MAX + 1);
    }
}
