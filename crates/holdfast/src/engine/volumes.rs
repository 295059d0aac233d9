//! Volumes as wholes: list, show, create, resize, delete, verify, repair.

use std::sync::Arc;
use std::time::{Duration, Instant};

use volume::{MomentInfo, NoSpace, Volume};

use super::Engine;
use super::failures::failure;
use super::imports::{UNFINISHED, unusable};
use crate::control::{
    DamageReport, ImportReport, LostReport, MomentReport, PinReport, Progress, RepairReport, Response, SettingsReport,
    SpaceReport, Time, VerifyReport, VolumeDetails, VolumeListReport, VolumeReport,
};
use crate::failure::{Failure, FailureCode};
use crate::hex::hex;
use crate::size::format_size;

/// How long a deletion waits for a volume that has no clients to be let go.
const DELETE_PATIENCE: Duration = Duration::from_secs(2);

impl Engine {
    pub(super) fn list(&self) -> Result<VolumeListReport, Failure> {
        let volumes = self.names()?.iter().map(|name| self.report(name)).collect();
        Ok(VolumeListReport { volumes })
    }

    /// A volume, or why it can't be used: one damaged volume doesn't hide the others.
    fn report(&self, name: &str) -> VolumeReport {
        match self.volume(name) {
            Ok(volume) => self.report_open(&volume),
            Err(problem) => VolumeReport {
                name: name.to_owned(),
                problem: Some(problem),
                details: None,
            },
        }
    }

    fn report_open(&self, volume: &Arc<Volume>) -> VolumeReport {
        let status = volume.status();
        let settings = volume.settings();
        let import = self.import_of(volume);
        let refusal = self.refusal(volume);
        let pins = volume.pins();
        let pins = pins.iter().filter(|pin| pin.name != UNFINISHED);
        let mut pins: Vec<PinReport> = pins.map(pin_report).collect();
        pins.sort_by_key(|pin| pin.moment.sequence);
        let details = VolumeDetails {
            size_bytes: status.size_bytes,
            stored_bytes: status.stored_bytes,
            newest: moment_report(status.newest),
            oldest: moment_report(status.oldest),
            clients: self.clients_of(volume.name()),
            views: status.views as u64,
            no_space: refusal.is_some(),
            no_space_in: refusal.map(|why| match why {
                NoSpace::Budget { .. } => SpaceReport::Budget,
                NoSpace::Disk => SpaceReport::Disk,
            }),
            damaged: self.damaged.contains(volume.name()),
            memory_bytes: status.map_bytes as u64,
            import,
            guard: if import.is_none() {
                self.guard_summary(volume)
            } else {
                None
            },
            drill: self.drill_summary(volume.name()),
            pins,
            settings: SettingsReport {
                retention_seconds: settings.retention.as_secs(),
                retention_floor_seconds: settings.retention_floor.as_secs(),
                budget_bytes: settings.budget_bytes,
            },
        };
        let problem = if status.poisoned {
            Some(failure(volume.name(), &volume::Error::Poisoned))
        } else {
            import
                .filter(|import| *import == ImportReport::Unfinished)
                .map(|import| unusable(volume.name(), import))
        };
        VolumeReport {
            name: volume.name().to_owned(),
            problem,
            details: Some(details),
        }
    }

    pub(super) fn show(&self, name: &str) -> Result<VolumeReport, Failure> {
        Ok(self.report_open(&self.volume(name)?))
    }

    /// Makes an empty volume.
    pub fn create(&self, name: &str, size_bytes: u64) -> Result<VolumeReport, Failure> {
        let volume = self
            .store
            .create(name, size_bytes, self.now())
            .map_err(|error| failure(name, &error))?;
        Ok(self.report_open(&volume))
    }

    pub(super) fn resize(&self, name: &str, size_bytes: u64, shrink: bool) -> Result<VolumeReport, Failure> {
        let volume = self.whole_volume(name)?;
        self.check_not_diverted(name)?;
        let before = volume.size_bytes();
        if size_bytes < before && !shrink {
            return Err(Failure::refused(format!(
                "volume `{name}` would shrink from `{}` to `{}`",
                format_size(before),
                format_size(size_bytes)
            ))
            .hint("shrink the file system in it first, then add `--shrink`; what is cut off stays in the past"));
        }
        volume
            .resize(size_bytes, self.now())
            .map_err(|error| failure(name, &error))?;
        Ok(self.report_open(&volume))
    }

    pub(super) fn delete(&self, name: &str) -> Result<Response, Failure> {
        self.check_not_diverted(name)?;
        // Its fork would keep the volume.
        self.drills.stop(Some(name), super::drills::STOP_PATIENCE);
        self.delete_patiently(name).map_err(|error| failure(name, &error))?;
        self.damaged.note(name, false);
        self.drills.forget(name);
        Ok(Response::Deleted {
            deleted: name.to_owned(),
        })
    }

    /// Deletes a volume that nobody uses; background work and other commands may have a hand on it for a moment.
    pub(super) fn delete_patiently(&self, name: &str) -> Result<(), volume::Error> {
        let since = Instant::now();
        loop {
            self.guards.let_go_if_unused(name);
            match self.store.delete(name, self.now()) {
                Err(volume::Error::VolumeInUse(_))
                    if since.elapsed() < DELETE_PATIENCE && self.clients_of(name) == 0 =>
                {
                    std::thread::sleep(Duration::from_millis(20));
                }
                result => return result,
            }
        }
    }

    pub(super) fn verify(&self, name: &str, progress: &mut dyn Progress) -> Result<VerifyReport, Failure> {
        let volume = self.volume(name)?;
        let mut interrupted = false;
        let report = volume.verify(&mut |step| {
            let go_on = progress.update(step.bytes_done, step.bytes);
            interrupted |= go_on.is_break();
            go_on
        });
        let report = report.map_err(|error| failure(name, &error))?;
        if interrupted {
            return Err(Failure::new(FailureCode::Failure, "interrupted"));
        }
        // What was damaged may have expired meanwhile.
        self.damaged
            .note(name, !report.damage.is_empty() || !report.chain_intact);
        Ok(VerifyReport {
            volume: name.to_owned(),
            segments: report.segments as u64,
            payloads: report.payloads,
            bytes: report.bytes,
            chain_intact: report.chain_intact,
            changed_segments: report.changed_segments,
            unchained_segments: report.unchained_segments as u64,
            chain_head: hex(&report.chain_head),
            damage: report.damage.iter().map(damage_report).collect(),
        })
    }

    pub(super) fn repair(&self, name: &str) -> Result<RepairReport, Failure> {
        let (repaired, lost) = match self.volume(name) {
            Ok(_) => (false, Vec::new()),
            Err(failure) if failure.code != FailureCode::Damage => return Err(failure),
            Err(_) => {
                let repaired = self.store.repair(name, self.now());
                (true, repaired.map_err(|error| failure(name, &error))?.lost)
            }
        };
        Ok(RepairReport {
            volume: self.show(name)?,
            repaired,
            lost: lost.iter().map(lost_report).collect(),
        })
    }
}

pub(super) fn moment_report(moment: MomentInfo) -> MomentReport {
    MomentReport {
        time: Time(moment.time),
        sequence: moment.sequence.0,
    }
}

pub(super) fn pin_report(pin: &volume::Pin) -> PinReport {
    PinReport {
        name: pin.name.clone(),
        moment: MomentReport {
            time: Time(pin.time),
            sequence: pin.sequence.0,
        },
        created: Time(pin.created),
        fork: pin.fork.clone(),
    }
}

fn lost_report(lost: &volume::LostBatches) -> LostReport {
    LostReport {
        batches: lost.batches,
        after: moment_report(lost.after),
        before: lost.before.map(moment_report),
    }
}

fn damage_report(damage: &volume::Damage) -> DamageReport {
    DamageReport {
        structure: damage.structure.to_owned(),
        block: damage.block,
        blocks: damage.blocks,
        segment: damage.segment,
        offset: damage.offset,
        written: Time(damage.written),
        moved: damage.moved.map(Time),
        current: damage.current,
        newest_intact: damage.newest_intact.map(moment_report),
        is_first: damage.is_first,
    }
}
