//! What a machine's records claim that it is, and when so many claim it that it's believed.
//!
//! Whoever may send a line of syslog can write any host and any program into it. One line hence shows nothing: a machine is taken for a
//! hypervisor or vCenter once lines of two kinds have come in its name for an hour, and not while records of another kind of machine come in
//! it. What is believed stays, so that records of another kind don't take it away.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Tier;

/// Lines that must have come.
const LINES: u32 = 12;
/// Kinds of lines that must be among them.
const KINDS: usize = 2;
/// Seconds between the first and the last, at least.
const SECONDS: i64 = 3_600;
/// Records of another kind of machine from which on it is one: one could be made up to keep a hypervisor from being known.
const OTHERWISE: u32 = 3;
/// Bytes of a kind's name that are kept.
const KIND_BYTES_MAX: usize = 64;

/// What a machine's own records show of what it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    hypervisor: Claim,
    vcenter: Claim,
    /// Records of Windows.
    windows: u32,
    /// Records of Linux' audit.
    audit: u32,
}

/// Lines that claim one thing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    /// Not all of them: as many as it takes.
    kinds: BTreeSet<String>,
    lines: u32,
    first: i64,
    last: i64,
}

/// What one record shows of the machine that it is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign<'a> {
    /// A line of this kind, which such machines write.
    Claims(Tier, &'a str),
    /// Windows wrote it.
    Windows,
    /// Linux' audit wrote it, which vCenter's appliance has and ESXi hasn't.
    Audit,
}

impl Shown {
    /// Takes a sign. Gives the tier that is believed now, if the sign is of one that is.
    pub(super) fn take(&mut self, sign: Sign<'_>, now: i64) -> Option<Tier> {
        let (tier, kind) = match sign {
            Sign::Windows => {
                self.windows = self.windows.saturating_add(1);
                return None;
            }
            Sign::Audit => {
                self.audit = self.audit.saturating_add(1);
                return None;
            }
            Sign::Claims(tier, kind) => (tier, kind),
        };
        let (claim, is_otherwise) = match tier {
            Tier::Hypervisor => (&mut self.hypervisor, self.windows.max(self.audit) >= OTHERWISE),
            Tier::Vcenter => (&mut self.vcenter, self.windows >= OTHERWISE),
            _ => return None,
        };
        claim.take(kind, now);
        (claim.is_believed() && !is_otherwise).then_some(tier)
    }

    /// Takes in what was shown of a machine that turned out to be this one.
    pub(super) fn add(&mut self, other: Self) {
        self.hypervisor.add(other.hypervisor);
        self.vcenter.add(other.vcenter);
        self.windows = self.windows.saturating_add(other.windows);
        self.audit = self.audit.saturating_add(other.audit);
    }
}

impl Claim {
    fn take(&mut self, kind: &str, now: i64) {
        if self.lines == 0 {
            (self.first, self.last) = (now, now);
        }
        (self.first, self.last) = (self.first.min(now), self.last.max(now));
        self.lines = self.lines.saturating_add(1);
        if self.kinds.len() < KINDS {
            let end = kind.floor_char_boundary(KIND_BYTES_MAX);
            self.kinds.insert(kind.get(..end).unwrap_or_default().to_owned());
        }
    }

    fn add(&mut self, other: Self) {
        if other.lines == 0 {
            return;
        }
        if self.lines == 0 {
            *self = other;
            return;
        }
        (self.first, self.last) = (self.first.min(other.first), self.last.max(other.last));
        self.lines = self.lines.saturating_add(other.lines);
        self.kinds.extend(other.kinds);
    }

    fn is_believed(&self) -> bool {
        self.kinds.len() >= KINDS && self.lines >= LINES && self.last - self.first >= SECONDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTD: Sign<'_> = Sign::Claims(Tier::Hypervisor, "hostd");
    const VOBD: Sign<'_> = Sign::Claims(Tier::Hypervisor, "vobd");

    /// The last answer to lines that come so many seconds after each other.
    fn after(shown: &mut Shown, signs: &[Sign<'_>], lines: i64, seconds: i64) -> Option<Tier> {
        let signs = signs.iter().cycle();
        (0..lines)
            .zip(signs)
            .map(|(number, sign)| shown.take(*sign, 1_000 + number * seconds))
            .last()
            .flatten()
    }

    #[test]
    fn a_hypervisor_is_one_by_enough_lines_of_two_kinds_over_an_hour() {
        assert_eq!(
            after(&mut Shown::default(), &[HOSTD, VOBD], 12, 330),
            Some(Tier::Hypervisor)
        );
        for (signs, lines, seconds) in [
            (&[HOSTD][..], 1, 0),
            (&[HOSTD, VOBD], 1_000, 0),
            (&[HOSTD, VOBD], 11, 3_600),
            (&[HOSTD], 1_000, 60),
        ] {
            assert_eq!(after(&mut Shown::default(), signs, lines, seconds), None, "{signs:?}");
        }
    }

    #[test]
    fn what_windows_or_linux_audit_write_of_is_no_hypervisor_but_one_record_shows_nothing() {
        for other in [Sign::Windows, Sign::Audit] {
            let mut shown = Shown::default();
            assert_eq!(shown.take(other, 0), None);
            assert_eq!(after(&mut shown, &[HOSTD, VOBD], 20, 600), Some(Tier::Hypervisor));
            for _ in 0..2 {
                shown.take(other, 20_000);
            }
            assert_eq!(shown.take(HOSTD, 20_000), None);
        }
    }

    #[test]
    fn a_vcenter_may_have_linux_audit() {
        let (event, sso) = (Sign::Claims(Tier::Vcenter, "event"), Sign::Claims(Tier::Vcenter, "sso"));
        let mut shown = Shown::default();
        after(&mut shown, &[Sign::Audit], 10, 1);
        assert_eq!(after(&mut shown, &[event, sso], 20, 600), Some(Tier::Vcenter));
        after(&mut shown, &[Sign::Windows], 3, 1);
        assert_eq!(shown.take(event, 20_000), None);
    }

    #[test]
    fn what_was_shown_under_two_names_counts_together_and_survives_being_saved() {
        let (mut one, mut other) = (Shown::default(), Shown::default());
        assert_eq!(after(&mut one, &[HOSTD], 8, 60), None);
        assert_eq!(after(&mut other, &[VOBD], 8, 600), None);
        one.add(other);
        let text = serde_json::to_string(&one).unwrap();
        let mut back: Shown = serde_json::from_str(&text).unwrap();
        assert_eq!(back, one);
        assert_eq!(back.take(HOSTD, 1_000), Some(Tier::Hypervisor));
    }
}
