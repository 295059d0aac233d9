//! A configuration that takes protection away doesn't do so before that is approved: with approvals on, what a volume had stays in force,
//! over reloads and restarts, until a request for exactly the new settings is approved.

use std::time::Duration;

use guard::Fence;
use respond::approval::{self, Operation, Wish};
use respond::{Actor, Error};
use serde::{Deserialize, Serialize};

use super::{Engine, read};
use crate::config::{Config, VolumeSettings};
use crate::desk;
use crate::span::format_span;

/// What is kept of a volume's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Protection {
    retention_seconds: u64,
    floor_seconds: u64,
    /// Most bytes on disk; older history gives way to newer where they are reached.
    budget_bytes: Option<u64>,
    guard: bool,
    fence: Fence,
}

impl Protection {
    const fn of(settings: &VolumeSettings) -> Self {
        Self {
            retention_seconds: settings.retention.as_secs(),
            floor_seconds: settings.retention_floor.as_secs(),
            budget_bytes: settings.budget_bytes,
            guard: settings.guard,
            fence: settings.fence,
        }
    }

    fn keeps_less_than(&self, before: &Self) -> bool {
        let is_tighter = match (self.budget_bytes, before.budget_bytes) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(now), Some(before)) => now < before,
        };
        self.retention_seconds < before.retention_seconds || self.floor_seconds < before.floor_seconds || is_tighter
    }

    fn is_disarmed_from(&self, before: &Self) -> bool {
        (before.guard && !self.guard) || (before.fence != Fence::Alert && self.fence == Fence::Alert)
    }

    /// As a request for it has it.
    fn keeping(&self) -> String {
        let budget = self
            .budget_bytes
            .map_or_else(|| "no budget".to_owned(), |bytes| format!("budget {bytes}"));
        format!(
            "retention {} s, floor {} s, {budget}",
            self.retention_seconds, self.floor_seconds
        )
    }

    fn guarding(&self) -> String {
        format!("guard {}, fence {}", if self.guard { "on" } else { "off" }, self.fence)
    }

    fn put(&self, settings: &mut VolumeSettings) {
        settings.retention = Duration::from_secs(self.retention_seconds);
        settings.retention_floor = Duration::from_secs(self.floor_seconds);
        settings.budget_bytes = self.budget_bytes;
        settings.guard = self.guard;
        settings.fence = self.fence;
    }
}

impl Engine {
    /// The configuration with what it takes away held back where that needs an approval that isn't there; and what that is, in words.
    pub(super) fn held_back(&self, config: Config) -> (Config, Vec<String>) {
        let kept = match self.approvals_are_on() {
            Ok(false) => return (config, Vec::new()),
            Ok(true) => self
                .read_ledger(approval::all_kept)
                .map_err(|error| desk::failed(&error)),
            Err(failure) => Err(failure),
        };
        let (mut config, mut told, mut changed) = (config, Vec::new(), Vec::new());
        for name in self.names().unwrap_or_default() {
            let known = kept.as_ref().ok().and_then(|kept| kept.get(&subject(&name)));
            let known = known.and_then(|text| serde_json::from_str::<Protection>(text).ok());
            // Of what nothing is kept, what is in force counts.
            let before = known.unwrap_or_else(|| self.protection_of(&name));
            let wanted = Protection::of(config.volume(&name));
            // What can't be known is no leave.
            let unless_approved = |wish: &Wish| match &kept {
                Ok(_) => self.unless_approved(wish),
                Err(failure) => Some(failure.with_hint()),
            };
            let settled = settled(&name, wanted, before, &unless_approved, &mut told);
            if settled != wanted {
                let mut settings = config.volume(&name).clone();
                settled.put(&mut settings);
                config.set_volume(&name, settings);
            }
            if known != Some(settled) {
                changed.push((subject(&name), settled));
            }
        }
        match kept {
            Ok(_) => told.extend(self.keep(&changed).err().map(|error| error.to_string())),
            Err(failure) => told.push(failure.with_hint()),
        }
        (config, told)
    }

    /// Keeps what volumes have of which nothing is kept yet: they are new, or approvals were just turned on.
    ///
    /// # Errors
    /// When the ledger can't be read or written.
    pub fn keep_protections(&self) -> Result<(), Error> {
        let kept = self.read_ledger(approval::all_kept)?;
        let names = self.names().unwrap_or_default().into_iter();
        let new = names.filter(|name| !kept.contains_key(&subject(name)));
        let new: Vec<_> = new.map(|name| (subject(&name), self.protection_of(&name))).collect();
        self.keep(&new)
    }

    /// What a volume has by the configuration in force.
    fn protection_of(&self, name: &str) -> Protection {
        Protection::of(read(&self.config).volume(name))
    }

    /// Uses up the approval of something; what to do where there is none.
    fn unless_approved(&self, wish: &Wish) -> Option<String> {
        let actor = Actor::System("configuration".to_owned());
        self.use_up(&actor, wish).err().map(|failure| failure.with_hint())
    }

    fn keep(&self, protections: &[(String, Protection)]) -> Result<(), Error> {
        if protections.is_empty() {
            return Ok(());
        }
        self.write_ledger(|w| {
            protections.iter().try_for_each(|(subject, protection)| {
                let text = serde_json::to_string(protection).unwrap_or_default();
                approval::keep(w, subject, &text)
            })
        })
    }

    /// What was kept of a volume that is deleted says nothing about another of its name.
    pub(super) fn forget_protection(&self, name: &str) {
        if matches!(self.approvals_are_on(), Ok(true)) {
            // Where this can't be written a new volume of that name keeps as much as this one.
            let _ = self.write_ledger(|w| approval::forget_kept(w, &subject(name)));
        }
    }
}

/// What a volume's protection is kept under.
fn subject(name: &str) -> String {
    format!("volume/{name}")
}

/// The protection that a volume gets; what is held back is told.
fn settled(
    name: &str,
    wanted: Protection,
    before: Protection,
    unless_approved: &dyn Fn(&Wish) -> Option<String>,
    told: &mut Vec<String>,
) -> Protection {
    let mut settled = wanted;
    if wanted.keeps_less_than(&before)
        && let Some(text) = unless_approved(&wish(Operation::ShortenRetention, name, wanted.keeping()))
    {
        let kept = format_span(Duration::from_secs(before.retention_seconds));
        told.push(format!(
            "`{name}` goes on keeping {kept} of the past ({}): {text}",
            before.keeping()
        ));
        settled = Protection {
            guard: wanted.guard,
            fence: wanted.fence,
            ..before
        };
    }
    if wanted.is_disarmed_from(&before)
        && let Some(text) = unless_approved(&wish(Operation::DisarmGuard, name, wanted.guarding()))
    {
        told.push(format!("`{name}` stays guarded ({}): {text}", before.guarding()));
        (settled.guard, settled.fence) = (before.guard, before.fence);
    }
    settled
}

fn wish(operation: Operation, name: &str, detail: String) -> Wish {
    Wish {
        operation,
        subject: name.to_owned(),
        detail,
        because: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protection(retention: u64, budget_bytes: Option<u64>, fence: Fence) -> Protection {
        Protection {
            retention_seconds: retention,
            floor_seconds: 10,
            budget_bytes,
            guard: true,
            fence,
        }
    }

    #[test]
    fn less_is_told_from_more() {
        let before = protection(100, Some(50), Fence::Divert);
        for (now, is_less) in [
            (before, false),
            (protection(99, Some(50), Fence::Divert), true),
            (protection(200, Some(49), Fence::Divert), true),
            (protection(100, None, Fence::Divert), false),
            (protection(101, Some(51), Fence::Divert), false),
        ] {
            assert_eq!(now.keeps_less_than(&before), is_less, "{now:?}");
        }
        assert!(before.keeps_less_than(&protection(100, None, Fence::Divert)));
        assert!(protection(100, Some(50), Fence::Alert).is_disarmed_from(&before));
        assert!(!protection(100, Some(50), Fence::Refuse).is_disarmed_from(&before));
        assert!(Protection { guard: false, ..before }.is_disarmed_from(&before));
    }

    #[test]
    fn what_is_kept_is_put_back_as_it_was() {
        let before = protection(700_000, Some(1 << 30), Fence::Refuse);
        let mut settings = VolumeSettings::default();
        before.put(&mut settings);
        assert_eq!(Protection::of(&settings), before);
        let text = serde_json::to_string(&before).unwrap();
        assert_eq!(serde_json::from_str::<Protection>(&text).unwrap(), before);
    }
}
