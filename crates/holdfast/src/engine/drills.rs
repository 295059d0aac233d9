//! Drills: run one, tell how they went, clear up what a crash left of one.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use drill::{Case, DrillResult, History, Options, Source, Trigger, fork_name};
use jiff::ZonedDateTime;
use volume::{Clock, Timestamp, Volume};

use super::failures::failure;
use super::{Engine, read};
use crate::config::DrillSettings;
use crate::control::{DrillListReport, DrillSummary, DrillVolumeReport, Progress, ScheduleReport, Time};
use crate::drills::{DrillEvent, Drills, RunningDrill, next};
use crate::examiner::Apart;
use crate::failure::{Failure, FailureCode};
use crate::log::{Level, Log};

/// What a drill chooses, at most.
const FILES_MAX: u32 = 4000;
const BYTES_MAX: u64 = 64 << 20;
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);
/// How long a drill may take to stop.
pub(super) const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// What is asked of a drill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrillOrder {
    /// The attack; the one after the last if `None`.
    pub case: Option<Case>,
    /// What chooses files, moments and bytes; made up if `None`.
    pub seed: Option<u64>,
    /// Whether every file is compared.
    pub all: bool,
    /// Who asks.
    pub trigger: Trigger,
}

impl Engine {
    /// The drills of the data folder.
    #[must_use]
    pub const fn drills(&self) -> &Drills {
        &self.drills
    }

    /// How drills are set.
    #[must_use]
    pub fn drill_settings(&self) -> DrillSettings {
        read(&self.config).drill.clone()
    }

    /// Tries a volume out on a fork of it.
    pub fn drill(&self, name: &str, order: DrillOrder, progress: &mut dyn Progress) -> Result<DrillResult, Failure> {
        let volume = self.whole_volume(name)?;
        self.check_not_diverted(name)?;
        let fork = fork_name(self.now(), random());
        let running = self.drills.begin(name, &fork).map_err(|other| {
            Failure::refused(format!("a drill runs on `{other}`"))
                .hint("one at a time; `holdfast drill status` shows it")
        })?;
        // No other drill runs, and this one has no fork yet: whatever there is was left.
        self.clear_drills(None);
        let source = self.drill_source(&volume);
        let options = self.drill_options(name, order, &running)?;
        let done = attended(&source, &options, &running.fork, progress);
        drop(running);
        let result = done.map_err(|error| drill_failure(name, &error))?;
        self.drills.note(&result);
        if order.trigger == Trigger::Schedule || result.verdict == drill::Verdict::Failed {
            self.guards.told().drill(&DrillEvent::done(&result, self.now()));
        }
        Ok(result)
    }

    fn drill_source(&self, volume: &Arc<Volume>) -> Source {
        Source {
            store: Arc::clone(&self.store),
            volume: Arc::clone(volume),
            guard: self.guard_of(volume),
            model: self.guards.model().clone(),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            uptime: self.guards.uptime(),
        }
    }

    fn drill_options(&self, name: &str, order: DrillOrder, running: &RunningDrill<'_>) -> Result<Options, Failure> {
        let settings = self.drill_settings();
        let case = match order.case.or(settings.case) {
            Some(case) => case,
            None => {
                let history = History::read(self.drills.folder(), name).map_err(|error| drill_failure(name, &error))?;
                let mut cases = history.results.iter().rev().filter_map(|result| result.attack.as_ref());
                Case::after(cases.next().map(|attack| attack.case))
            }
        };
        Ok(Options {
            case,
            seed: order.seed.unwrap_or_else(random),
            all: order.all,
            trigger: order.trigger,
            bytes_per_second: settings.io_bytes,
            files_max: FILES_MAX,
            bytes_max: BYTES_MAX,
            folder: self.drills.folder().to_owned(),
            stop: Arc::clone(&running.stop),
            moved: Arc::default(),
        })
    }

    /// How the drills went: of one volume, or of all; of each the newest `results`.
    pub(super) fn drill_list(&self, name: Option<&str>, results: usize) -> Result<DrillListReport, Failure> {
        let names = match name {
            Some(name) => vec![self.volume(name)?.name().to_owned()],
            None => self.names()?,
        };
        let settings = self.drill_settings();
        let now = ZonedDateTime::now();
        let coming = settings.at.and_then(|at| next(at, &now));
        let volumes = names.iter().map(|name| self.drills_of(name, results));
        Ok(DrillListReport {
            time: Time(self.now()),
            schedule: ScheduleReport {
                at: settings.at.map(|at| at.strftime("%H:%M").to_string()),
                next: coming.map(|time| Time(unix(&time))),
                case: settings.case,
                overdue_after_seconds: settings.overdue_after.as_secs(),
            },
            running: self.drills.running_on(),
            volumes: volumes.collect::<Result<_, _>>()?,
        })
    }

    fn drills_of(&self, name: &str, results: usize) -> Result<DrillVolumeReport, Failure> {
        let history = History::read(self.drills.folder(), name).map_err(|error| drill_failure(name, &error))?;
        let surplus = history.results.len().saturating_sub(results);
        Ok(DrillVolumeReport {
            volume: name.to_owned(),
            scheduled: self.is_drill_scheduled(name),
            overdue: self.is_drill_overdue(name),
            results: history.results.into_iter().skip(surplus).collect(),
            unreadable: history.unreadable as u64,
        })
    }

    /// Whether the schedule includes a volume.
    #[must_use]
    pub fn is_drill_scheduled(&self, name: &str) -> bool {
        let config = read(&self.config);
        config.drill.at.is_some()
            && config.volume(name).drill
            && !super::guards::is_diverted_name(name)
            && !self.is_drill_fork(name)
    }

    /// Whether a volume is the fork of a drill: of the one that runs, or of one whose fork couldn't be deleted.
    pub(super) fn is_drill_fork(&self, name: &str) -> bool {
        self.drills.is_fork(name) || drill::is_leftover(&self.store, name)
    }

    /// Whether the drill of a volume is missed: the last one, or the volume's beginning, is too long ago.
    #[must_use]
    pub fn is_drill_overdue(&self, name: &str) -> bool {
        if !self.is_drill_scheduled(name) {
            return false;
        }
        let Some(volume) = self.opened(name) else { return false };
        let last = self.drills.last(name).map_or(volume.created(), |last| last.started);
        self.now().since(last) > read(&self.config).drill.overdue_after
    }

    /// What a list of volumes says of drills; `None` where there neither was nor will be one.
    pub(super) fn drill_summary(&self, name: &str) -> Option<DrillSummary> {
        let last = self.drills.last(name);
        if last.is_none() && !self.is_drill_scheduled(name) {
            return None;
        }
        Some(DrillSummary {
            verdict: last.map(|last| last.verdict),
            time: last.map(|last| Time(last.started)),
            overdue: self.is_drill_overdue(name),
        })
    }

    /// Deletes what a drill left that was cut off.
    pub fn clear_drills(&self, log: Option<&Log>) {
        let cleared = drill::clear_leftovers(&self.store, self.drills.folder(), self.now());
        let Some(log) = log else { return };
        match cleared {
            Ok(cleared) => {
                for fork in cleared.deleted {
                    log.info(&fork, "deleted: the fork of a drill that was cut off");
                }
                for (fork, error) in cleared.failed {
                    let message = format!("the fork of a drill that was cut off can't be deleted: {error}");
                    log.write(Level::Warning, &fork, message);
                }
            }
            Err(error) => log.write(Level::Warning, "", format!("looking for what drills left: {error}")),
        }
    }
}

/// Runs a drill in a thread of low priority, and tells progress from this one.
fn attended(
    source: &Source,
    options: &Options,
    fork: &str,
    progress: &mut dyn Progress,
) -> Result<DrillResult, drill::Error> {
    std::thread::scope(|scope| {
        let drill = || {
            // The system may refuse: then the drill is as important as everything else, and still keeps its pace.
            let _ = rustix::process::setpriority_process(None, 19);
            drill::run(source, &Apart, options, fork)
        };
        let thread = std::thread::Builder::new()
            .name("drill".to_owned())
            .spawn_scoped(scope, drill);
        let thread = thread.map_err(|error| drill::Error::NotNow(format!("no thread for it: {error}")))?;
        while !thread.is_finished() {
            std::thread::sleep(TELL_EVERY);
            let (done, total) = options.progress();
            if progress.update(done, total).is_break() {
                options.stop.store(true, Ordering::Relaxed);
            }
        }
        let result = thread.join();
        result.unwrap_or_else(|_| Err(drill::Error::NotNow("the drill panicked; the log has where".to_owned())))
    })
}

fn random() -> u64 {
    let bytes = volume::os_random();
    bytes.first_chunk().copied().map_or(0, u64::from_le_bytes)
}

fn unix(time: &ZonedDateTime) -> Timestamp {
    Timestamp::from_unix_nanos(u64::try_from(time.timestamp().as_nanosecond()).unwrap_or(0))
}

/// Why there was no drill, as a failure.
fn drill_failure(name: &str, error: &drill::Error) -> Failure {
    let message = error.to_string();
    match error {
        drill::Error::Volume(error) => failure(name, error),
        drill::Error::Stopped => Failure::new(FailureCode::Failure, message),
        drill::Error::NotNow(_) => Failure::refused(message),
        drill::Error::CaseImpossible { .. } => Failure::refused(message).hint("`--case` chooses another"),
        drill::Error::UnknownCase(_) => Failure::usage(message),
        _ => Failure::new(FailureCode::Failure, message),
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::config::Config;
    use crate::control::DaemonReport;
    use crate::engine::{DaemonFacts, VOLUMES_NAME};

    struct Daemon;

    impl DaemonFacts for Daemon {
        fn report(&self) -> DaemonReport {
            unreachable!("nobody asks")
        }

        fn serves(&self) -> bool {
            true
        }
    }

    struct Quiet;

    impl Progress for Quiet {
        fn update(&mut self, _done: u64, _total: u64) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }
    }

    const ORDER: DrillOrder = DrillOrder {
        case: None,
        seed: Some(1),
        all: false,
        trigger: Trigger::Command,
    };

    #[test]
    fn a_fork_that_a_drill_left_is_no_volume_and_the_next_drill_deletes_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(VOLUMES_NAME)).unwrap();
        let mut config = Config::default();
        config.drill.at = Some(jiff::civil::time(2, 30, 0, 0));
        let engine = Engine::open(folder.path(), config).unwrap();
        engine.create("disk", 1 << 20).unwrap();
        engine.set_daemon(Arc::new(Daemon));
        let disk = engine.volume("disk").unwrap();
        let newest = volume::Moment::After(disk.newest().sequence);
        let mark = engine.guard_of(&disk).sidecar_for_drill();
        let left = fork_name(engine.now(), 1);
        let forked = engine
            .store
            .fork_with_sidecar("disk", &newest, &left, Some(&mark), engine.now());
        drop(forked.unwrap());
        engine.store.fork("disk", &newest, "drill-mine", engine.now()).unwrap();
        assert_eq!(engine.names().unwrap(), ["disk", "drill-mine"], "listed");
        assert_eq!(
            engine.whole_volume(&left).unwrap_err().code,
            FailureCode::Refused,
            "served"
        );
        assert!(
            engine.is_drill_scheduled("drill-mine") && !engine.is_drill_scheduled(&left),
            "drilled"
        );
        let refused = engine.drill(&left, ORDER, &mut Quiet).unwrap_err();
        assert_eq!(refused.code, FailureCode::Refused, "drilled");
        // A drill that can't begin, because it can't read what earlier ones found.
        std::fs::create_dir_all(engine.drills.folder().join("disk.files")).unwrap();
        engine.drill("disk", ORDER, &mut Quiet).unwrap_err();
        assert_eq!(engine.store.names().unwrap(), ["disk", "drill-mine"], "left");
    }
}
