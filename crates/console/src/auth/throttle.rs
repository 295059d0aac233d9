//! Guessing is made slow: after a few failures an account, or an address, has to wait, and twice as long after each further one.
//!
//! Invariant: the table is bounded. When it is full, whoever waits the least is forgotten.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use respond::Time;

/// Failures that cost nothing.
const FREE: u32 = 4;
/// The longest wait of an account: somebody else's guessing can't lock its owner out for longer.
const ACCOUNT_WAIT_MAX_MS: i64 = 5 * 60_000;
/// The longest wait of an address.
const ADDRESS_WAIT_MAX_MS: i64 = 60 * 60_000;
/// Failures an address may have at no cost: many people may come from one.
const ADDRESS_FREE: u32 = 20;
/// Failures older than this are forgotten.
const FORGOTTEN_AFTER_MS: i64 = 24 * 3_600_000;
/// Accounts and addresses that are known.
const KNOWN_MAX: usize = 16_384;

/// Who guesses, or whose password is guessed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// An account by the name that was given, which may not exist.
    Account(String),
    /// An address; of IPv6 the network, since everybody has 2^64 addresses of that.
    Address(IpAddr),
}

impl Subject {
    /// An account, however its name is written.
    pub(crate) fn account(name: &str) -> Self {
        Self::Account(name.chars().take(64).collect::<String>().to_lowercase())
    }

    /// An address, or the network of an IPv6 address.
    pub(crate) fn address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::Address(address.into()),
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                Self::Address(std::net::Ipv6Addr::from_bits(network).into())
            }
        }
    }

    fn wait_ms(&self, failures: u32) -> i64 {
        let (free, most) = match self {
            Self::Account(_) => (FREE, ACCOUNT_WAIT_MAX_MS),
            Self::Address(_) => (ADDRESS_FREE, ADDRESS_WAIT_MAX_MS),
        };
        match failures.checked_sub(free) {
            None | Some(0) => 0,
            Some(beyond) => 1000_i64.saturating_mul(1 << beyond.min(20)).min(most),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Time,
    /// Attempts that have begun and not ended: they count as failed, so that many at once are no way around waiting.
    under_way: u32,
}

impl Failures {
    const fn none(now: Time) -> Self {
        Self {
            count: 0,
            last: now,
            under_way: 0,
        }
    }
}

/// Who failed how often.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<Subject, Failures>>);

impl Throttle {
    /// Begins an attempt, which ends with [`Self::end`]; or milliseconds until these may try again.
    pub(crate) fn begin(&self, now: Time, subjects: &[Subject]) -> Result<(), i64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait_ms = wait_ms(&known, now, subjects);
        if wait_ms > 0 {
            return Err(wait_ms);
        }
        for subject in subjects {
            entry(&mut known, now, subject).under_way += 1;
        }
        Ok(())
    }

    /// An attempt has ended, whatever came of it.
    pub(crate) fn end(&self, subjects: &[Subject]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for subject in subjects {
            // Whoever was forgotten meanwhile has nothing under way either.
            let Some(failures) = known.get_mut(subject) else {
                continue;
            };
            failures.under_way = failures.under_way.saturating_sub(1);
            if failures.count == 0 && failures.under_way == 0 {
                known.remove(subject);
            }
        }
    }

    /// Notes a failure. Whether it is worth a record: the first, and each from which on somebody has to wait twice as long, up to
    /// the longest wait. So a flood of guesses makes a few records.
    pub(crate) fn failed(&self, now: Time, subjects: &[Subject]) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_notable = false;
        for subject in subjects {
            let failures = entry(&mut known, now, subject);
            if now.millis_since(failures.last) > FORGOTTEN_AFTER_MS {
                failures.count = 0;
            }
            failures.count = failures.count.saturating_add(1);
            failures.last = now;
            let longer = subject.wait_ms(failures.count) > subject.wait_ms(failures.count - 1);
            is_notable |= failures.count == 1 || longer;
        }
        is_notable
    }

    /// Forgets the failures of an account whose owner signed in. The address keeps its own: guesses at other accounts may have come
    /// from there.
    pub(crate) fn succeeded(&self, account: &Subject) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(account);
    }
}

/// Milliseconds until these may try again.
fn wait_ms(known: &HashMap<Subject, Failures>, now: Time, subjects: &[Subject]) -> i64 {
    let waits = subjects.iter().filter_map(|subject| {
        let failures = known.get(subject)?;
        let since = if failures.under_way > 0 { now } else { failures.last };
        let count = failures.count.saturating_add(failures.under_way);
        Some(subject.wait_ms(count) - now.millis_since(since))
    });
    waits.max().unwrap_or(0).max(0)
}

/// What is known of a subject, which is known from now on.
fn entry<'k>(known: &'k mut HashMap<Subject, Failures>, now: Time, subject: &Subject) -> &'k mut Failures {
    if known.len() >= KNOWN_MAX && !known.contains_key(subject) {
        make_room(known, now);
    }
    known.entry(subject.clone()).or_insert(Failures::none(now))
}

/// Forgets a quarter: what is old first, then whoever failed the least.
fn make_room(known: &mut HashMap<Subject, Failures>, now: Time) {
    known.retain(|_, failures| now.millis_since(failures.last) <= FORGOTTEN_AFTER_MS);
    let mut counts: Vec<(u32, Time)> = known.values().map(|failures| (failures.count, failures.last)).collect();
    counts.sort_unstable();
    let Some(limit) = counts.get(KNOWN_MAX / 4).copied() else {
        return;
    };
    if known.len() >= KNOWN_MAX {
        known.retain(|_, failures| (failures.count, failures.last) > limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_unix_millis(seconds * 1000)
    }

    impl Throttle {
        fn wait_ms(&self, now: Time, subjects: &[Subject]) -> i64 {
            wait_ms(&self.0.lock().unwrap(), now, subjects)
        }
    }

    #[test]
    fn many_guesses_at_once_are_no_way_around_waiting() {
        let throttle = Throttle::default();
        let account = [Subject::account("ann")];
        let begun = (0..100).filter(|_| throttle.begin(at(0), &account).is_ok()).count();
        assert_eq!(begun, FREE as usize + 1);
        for _ in 0..begun {
            throttle.failed(at(0), &account);
            throttle.end(&account);
        }
        assert_eq!(throttle.begin(at(0), &account), Err(2000));
        assert_eq!(throttle.begin(at(2), &account), Ok(()), "one at a time from now on");
        assert_eq!(throttle.begin(at(2), &account), Err(4000));
        throttle.succeeded(&account[0]);
        throttle.end(&account);
        assert_eq!(throttle.begin(at(2), &account), Ok(()));
        throttle.end(&account);
        assert_eq!(throttle.0.lock().unwrap().len(), 0, "nothing is kept of who came in");
    }

    #[test]
    fn guesses_at_an_account_become_slow_and_its_owner_is_not_locked_out() {
        let throttle = Throttle::default();
        let account = [Subject::account("Ann")];
        for _ in 0..FREE {
            throttle.failed(at(0), &account);
        }
        assert_eq!(throttle.wait_ms(at(0), &account), 0);
        throttle.failed(at(0), &account);
        assert_eq!(throttle.wait_ms(at(0), &[Subject::account("ann")]), 2000);
        throttle.failed(at(0), &account);
        assert_eq!(throttle.wait_ms(at(1), &account), 3000);
        for _ in 0..1000 {
            throttle.failed(at(0), &account);
        }
        assert_eq!(throttle.wait_ms(at(0), &account), ACCOUNT_WAIT_MAX_MS);
        throttle.succeeded(&account[0]);
        assert_eq!(throttle.wait_ms(at(0), &account), 0);
    }

    #[test]
    fn an_address_waits_whichever_accounts_it_tries() {
        let throttle = Throttle::default();
        let address = Subject::address("2001:db8::1".parse().unwrap());
        for number in 0..=ADDRESS_FREE {
            throttle.failed(at(0), &[address.clone(), Subject::account(&number.to_string())]);
        }
        let neighbour = Subject::address("2001:db8::2".parse().unwrap());
        assert_eq!(throttle.wait_ms(at(0), &[neighbour]), 2000);
        let other = Subject::address("2001:db8:0:1::1".parse().unwrap());
        assert_eq!(throttle.wait_ms(at(0), &[other]), 0);
    }

    #[test]
    fn a_flood_of_guesses_makes_few_records_and_takes_bounded_memory() {
        let throttle = Throttle::default();
        let records = (0..10_000)
            .filter(|_| throttle.failed(at(0), &[Subject::account("ann")]))
            .count();
        assert!(records <= 12, "{records}");
        for number in 0..KNOWN_MAX * 2 {
            throttle.failed(at(1), &[Subject::account(&format!("x{number}"))]);
        }
        assert!(throttle.0.lock().unwrap().len() <= KNOWN_MAX);
        assert!(
            throttle.wait_ms(at(1), &[Subject::account("ann")]) > 0,
            "forgotten by flooding"
        );
    }
}
