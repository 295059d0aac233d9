//! Guards: see, set, announce, release, and the return to before an attack.

use std::sync::Arc;
use std::time::Duration;

use guard::{Error, Fence, Guard, Release, RestorePoint, Settings};
use volume::{Moment, Timestamp, Volume};

use super::failures::failure;
use super::{Engine, read};
use crate::config::VolumeSettings;
use crate::control::{
    AfterReport, AnnouncedWork, DivertedWrites, GuardListReport, GuardReport, GuardSummary, ReleaseReport,
    RestoreReport,
};
use crate::failure::{Failure, FailureCode};

impl Engine {
    /// The guard of a volume, opened if need be.
    pub fn guard_of(&self, volume: &Arc<Volume>) -> Arc<Guard> {
        let settings = guard_settings(read(&self.config).volume(volume.name()));
        self.guards.of(volume, settings)
    }

    /// Opens the guards of all volumes that are served, and does what is due; to be called about once a second.
    pub fn tick_guards(&self) {
        for name in self.names().unwrap_or_default() {
            if let Some(volume) = self.opened(&name)
                && !volume.status().poisoned
                && self.import_of(&volume).is_none()
                && !is_diverted_name(&name)
            {
                self.guard_of(&volume);
            }
        }
        // What holds a fork that a guard made keeps it from being deleted.
        self.guards.let_go_of_unused(is_diverted_name);
        self.guards.tick();
    }

    /// What guards told, or should have, when the fences went up that are in force.
    pub fn fences_in_force(&self) -> Vec<guard::Event> {
        let names = self.names().unwrap_or_default();
        let guards = names.iter().filter_map(|name| self.guards.opened(name));
        guards.filter_map(|guard| guard.fence_as_told()).collect()
    }

    /// What a list of volumes says of a guard. Where there never was one, nothing is made up.
    pub(super) fn guard_summary(&self, volume: &Arc<Volume>) -> Option<GuardSummary> {
        Some(GuardSummary::from(&self.known_guard(volume)?.status()))
    }

    /// The guard of a volume, unless there is none and never was.
    fn known_guard(&self, volume: &Arc<Volume>) -> Option<Arc<Guard>> {
        let is_known =
            self.guards.opened(volume.name()).is_some() || !matches!(self.store.read_sidecar(volume.name()), Ok(None));
        is_known.then(|| self.guard_of(volume))
    }

    /// The fenced volume whose clients use this fork in its place, if there is one.
    fn stands_in_for(&self, fork: &str) -> Option<String> {
        if !is_diverted_name(fork) {
            return None;
        }
        let names = self.names().unwrap_or_default();
        let volumes = names
            .iter()
            .filter(|name| *name != fork)
            .filter_map(|name| self.volume(name).ok());
        let mut guards = volumes.filter_map(|volume| self.known_guard(&volume));
        let fenced = guards.find(|guard| diverted_to(guard).as_deref() == Some(fork));
        fenced.map(|guard| guard.name().to_owned())
    }

    /// A fork whose content is a fenced disk's can't be deleted, and a disk that isn't the one in use can't be resized.
    pub(super) fn check_not_diverted(&self, name: &str) -> Result<(), Failure> {
        let guard = self.volume(name).ok().and_then(|volume| self.known_guard(&volume));
        let (message, fenced) = if let Some(fork) = guard.and_then(|guard| diverted_to(&guard)) {
            let message = format!("`{name}` is fenced, and its clients use the fork `{fork}`");
            (message, name.to_owned())
        } else if let Some(fenced) = self.stands_in_for(name) {
            let message = format!("`{name}` holds what was written to `{fenced}` since its fence went up");
            (message, fenced)
        } else {
            return Ok(());
        };
        Err(Failure::refused(message).hint(format!(
            "`holdfast guard release {fenced}` or `holdfast restore {fenced} --before-attack` first; `holdfast guard status \
             {fenced}` tells which"
        )))
    }

    pub(super) fn guard_status(&self, name: Option<&str>) -> Result<GuardListReport, Failure> {
        if let Some(name) = name {
            let volume = self.whole_volume(name)?;
            return Ok(self.guard_list(vec![self.guard_report(&volume)]));
        }
        let of = |name: &String| match self.whole_volume(name) {
            Ok(volume) => self.guard_report(&volume),
            Err(problem) => GuardReport {
                volume: name.clone(),
                problem: Some(problem),
                status: None,
            },
        };
        let names = self.names()?;
        let served = names.iter().filter(|name| self.stands_in_for(name).is_none());
        Ok(self.guard_list(served.map(of).collect()))
    }

    fn guard_list(&self, guards: Vec<GuardReport>) -> GuardListReport {
        GuardListReport {
            watching: self.daemon.get().is_some(),
            guards,
        }
    }

    fn guard_report(&self, volume: &Arc<Volume>) -> GuardReport {
        GuardReport {
            volume: volume.name().to_owned(),
            problem: None,
            status: Some(self.guard_of(volume).status()),
        }
    }

    pub(super) fn guard_set(
        &self,
        name: &str,
        fence: Option<Fence>,
        enabled: Option<bool>,
    ) -> Result<GuardListReport, Failure> {
        let volume = self.whole_volume(name)?;
        let guard = self.guard_of(&volume);
        let before = guard.status().settings;
        let settings = Settings {
            enabled: enabled.unwrap_or(before.enabled),
            fence: fence.unwrap_or(before.fence),
        };
        guard.set(settings).map_err(|error| guard_failure(name, &error))?;
        Ok(self.guard_list(vec![self.guard_report(&volume)]))
    }

    pub(super) fn guard_announce(
        &self,
        names: &[String],
        work: Option<&AnnouncedWork>,
    ) -> Result<GuardListReport, Failure> {
        let names = if names.is_empty() {
            self.served_names()?
        } else {
            names.to_vec()
        };
        let volumes = names
            .iter()
            .map(|name| self.whole_volume(name))
            .collect::<Result<Vec<_>, _>>()?;
        if volumes.is_empty() {
            return Err(Failure::not_found("there are no volumes"));
        }
        let mut none_announced = None;
        for volume in &volumes {
            let guard = self.guard_of(volume);
            let result = match work {
                Some(work) => guard.announce(&work.reason, Duration::from_secs(work.seconds)),
                None => guard.end_announcement(),
            };
            match result {
                // Of all volumes, those are meant on which something was announced.
                Err(error @ Error::NotAnnounced(_)) => none_announced = Some(guard_failure(volume.name(), &error)),
                other => other.map_err(|error| guard_failure(volume.name(), &error))?,
            }
        }
        let guards: Vec<_> = volumes.iter().map(|volume| self.guard_report(volume)).collect();
        match none_announced {
            Some(failure) if volumes.len() == 1 => Err(failure),
            _ => Ok(self.guard_list(guards)),
        }
    }

    pub(super) fn guard_fence(
        &self,
        name: &str,
        how: Option<Fence>,
        because: &str,
    ) -> Result<GuardListReport, Failure> {
        let volume = self.whole_volume(name)?;
        self.check_not_diverted(name)?;
        let guard = self.guard_of(&volume);
        let usual = Some(guard.status().settings.fence).filter(|fence| *fence != Fence::Alert);
        let how = how.or(usual).unwrap_or(Fence::Refuse);
        guard
            .fence_by_hand(how, because)
            .map_err(|error| guard_failure(name, &error))?;
        Ok(self.guard_list(vec![self.guard_report(&volume)]))
    }

    pub(super) fn guard_sensitivity(
        &self,
        name: Option<&str>,
        percent: u32,
        seconds: u64,
    ) -> Result<GuardListReport, Failure> {
        let names = name.map_or_else(|| self.served_names(), |name| Ok(vec![name.to_owned()]))?;
        let mut reports = Vec::new();
        for name in &names {
            let volume = self.whole_volume(name)?;
            let raised = self
                .guard_of(&volume)
                .raise_sensitivity(percent, Duration::from_secs(seconds));
            raised.map_err(|error| guard_failure(name, &error))?;
            reports.push(self.guard_report(&volume));
        }
        Ok(self.guard_list(reports))
    }

    /// The volumes that can be guarded: not those that an import hasn't filled, and no fork that a guard made.
    fn served_names(&self) -> Result<Vec<String>, Failure> {
        let mut names = self.names()?;
        names.retain(|name| {
            self.stands_in_for(name).is_none()
                && self.volume(name).is_ok_and(|volume| self.import_of(&volume).is_none())
        });
        Ok(names)
    }

    pub(super) fn guard_release(&self, name: &str, diverted: Option<DivertedWrites>) -> Result<ReleaseReport, Failure> {
        let volume = self.whole_volume(name)?;
        let guard = self.guard_of(&volume);
        let status = guard.status();
        let diverted_to = status.diverted.map(|diverted| diverted.fork);
        if let (Some(fork), None) = (&diverted_to, diverted) {
            return Err(Failure::refused(format!(
                "writes to `{name}` went to the fork `{fork}` since the fence went up: what shall become of them?"
            ))
            .hint(format!(
                "`holdfast guard release {name} --keep` if it was a false alarm, `--drop` to forget them; \
                 `holdfast restore {name} --before-attack` if it was an attack"
            )));
        }
        let clients = self.clients_of(name);
        let how = match diverted {
            Some(DivertedWrites::Drop) => Release::Drop,
            Some(DivertedWrites::Keep) | None => Release::Keep,
        };
        if let Some(fork) = &diverted_to {
            // A guard of the fork's own would hold on to it.
            self.guards.let_go(fork);
        }
        guard.release(how).map_err(|error| guard_failure(name, &error))?;
        let forgets = diverted == Some(DivertedWrites::Drop);
        Ok(ReleaseReport {
            volume: name.to_owned(),
            kept: diverted_to.is_some() && !forgets,
            clients_refused: if forgets { clients } else { 0 },
            diverted_to,
            before_attack: status.before_attack.map(|point| point.pin),
        })
    }

    pub(super) fn restore_before_attack(&self, name: &str) -> Result<RestoreReport, Failure> {
        let volume = self.whole_volume(name)?;
        let guard = self.guard_of(&volume);
        let Some(point) = guard.before_attack() else {
            return Err(Failure::not_found(format!(
                "the guard of `{name}` has seen nothing suspicious, so there is no moment before it"
            ))
            .hint(format!(
                "`holdfast history {name}` shows when writing went wild; `holdfast restore {name} MOMENT` returns there"
            )));
        };
        let after = self.after(&volume, &guard, point)?;
        let report = self.restore_to(&volume, &Moment::Pin(after.pin.clone()))?;
        Ok(RestoreReport {
            after: Some(after),
            ..report
        })
    }

    /// What was written since a restore point, to the volume and to the fork that took its place.
    fn after(&self, volume: &Volume, guard: &Guard, point: RestorePoint) -> Result<AfterReport, Failure> {
        let now = self.now();
        let since = point.time.saturating_add(Duration::from_nanos(1));
        let mut bytes_written = written_since(volume, since, now)?;
        let diverted_to = diverted_to(guard);
        if let Some(fork) = diverted_to.as_deref().and_then(|fork| self.opened(fork)) {
            bytes_written += written_since(&fork, since, now)?;
        }
        Ok(AfterReport {
            pin: point.pin,
            seconds: now.since(point.time).as_secs(),
            bytes_written,
            diverted_to,
        })
    }

    /// Tells the guard of a volume that it was returned to another moment.
    pub(super) fn tell_guard_of_rollback(&self, volume: &Arc<Volume>) {
        if let Some(guard) = self.known_guard(volume) {
            guard.rolled_back();
        }
    }

    /// Has guards follow a configuration that was read again.
    pub(super) fn configure_guards(&self) {
        for name in self.names().unwrap_or_default() {
            let settings = guard_settings(read(&self.config).volume(&name));
            if let Some(guard) = self.guards.opened(&name) {
                guard.configure(settings);
            }
        }
    }
}

/// The fork that a volume's reads and writes go to.
fn diverted_to(guard: &Guard) -> Option<String> {
    Some(guard.status().diverted?.fork)
}

/// Whether a volume may be a fork that a guard made. Its clients are those of the disk that it stands in for, whose guard
/// watches them; it has a guard of its own only while somebody is attached to it directly.
pub(crate) fn is_diverted_name(name: &str) -> bool {
    name.rsplit_once(".diverted").is_some_and(|(_, rest)| {
        rest.is_empty()
            || rest
                .strip_prefix('-')
                .is_some_and(|number| number.parse::<u32>().is_ok())
    })
}

fn written_since(volume: &Volume, since: Timestamp, now: Timestamp) -> Result<u64, Failure> {
    let span = now.since(since) + Duration::from_secs(1);
    let history = volume
        .history(since, now, span)
        .map_err(|error| failure(volume.name(), &error))?;
    Ok(history.buckets.iter().map(|bucket| bucket.bytes_written).sum())
}

/// The guard's settings from the configuration's.
fn guard_settings(settings: &VolumeSettings) -> Settings {
    Settings {
        enabled: settings.guard,
        fence: settings.fence,
    }
}

/// An error of a guard as a failure.
fn guard_failure(name: &str, error: &Error) -> Failure {
    let message = error.to_string();
    match error {
        Error::Volume(error) => failure(name, error),
        Error::BadDuration { .. }
        | Error::BadReason { .. }
        | Error::UnknownFence(_)
        | Error::StopsNothing
        | Error::BadSensitivity { .. } => Failure::usage(message),
        Error::FenceInForce(_) | Error::Fenced(_) => Failure::new(FailureCode::Refused, message).hint(format!(
            "`holdfast guard status {name}` shows what the guard saw and what to do"
        )),
        _ => Failure::new(FailureCode::Refused, message)
            .hint(format!("`holdfast guard status {name}` shows how the guard is")),
    }
}
