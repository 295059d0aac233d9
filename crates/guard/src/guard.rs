//! A guard: one volume, one sentinel, and what was decided.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use sentinel::{Micros, Sentinel};
use volume::{Attachment, Clock, Sequence, Store, Timestamp, Volume};

use crate::bookmark::adopt;
use crate::error::Error;
use crate::event::{Event, EventKind, Events};
use crate::examine::Examining;
use crate::gate::{Gate, Mode};
use crate::locks::{lock, write_lock};
use crate::model::SharedModel;
use crate::reads::Keeping;
use crate::settings::{Fence, Settings};
use crate::sidecar::Sidecar;
use crate::state::{RestorePoint, State};
use crate::tick::Ticking;
use crate::time::Uptime;
use crate::trail::{Mark, Trail};
use crate::watch::{Suspect, USUAL_PERCENT, Watch};

/// The longest pause between two runs that is counted as one: beyond it, windows have forgotten everything anyway.
const PAUSE_MOST: Duration = Duration::from_secs(30 * 24 * 3600);

/// A volume under watch. One guard a volume; clients attach to it ([`Guard::attach`]).
pub struct Guard {
    pub(crate) name: String,
    pub(crate) store: Arc<Store>,
    pub(crate) volume: Arc<Volume>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) uptime: Arc<dyn Uptime>,
    pub(crate) model: SharedModel,
    pub(crate) events: Arc<dyn Events>,
    pub(crate) operations: Mutex<()>,
    pub(crate) gate: RwLock<Gate>,
    pub(crate) keeping: Mutex<Keeping>,
    /// What examinations of files found so far.
    pub(crate) examining: Mutex<Examining>,
    pub(crate) saver: Mutex<Ticking>,
    pub(crate) state: Mutex<State>,
    pub(crate) watch: Mutex<Watch>,
    is_watching: AtomicBool,
    /// Clients that are attached.
    pub(crate) attached: AtomicUsize,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard")
            .field("volume", &self.name)
            .finish_non_exhaustive()
    }
}

impl Guard {
    /// Puts a volume under watch, where the last run left off. `settings` are the configuration's: a choice made while
    /// running ([`Guard::set`]) stays in force until they change. What can't be remembered is told as an event; the disk
    /// is served in any case.
    pub fn open(
        store: &Arc<Store>,
        volume: Arc<Volume>,
        clock: Arc<dyn Clock>,
        uptime: Arc<dyn Uptime>,
        model: SharedModel,
        settings: Settings,
        events: Arc<dyn Events>,
    ) -> Arc<Self> {
        let (wall, now) = (clock.now(), uptime.micros());
        let mut told = Vec::new();
        let saved = read_saved(store, volume.name(), &mut told);
        let current = model.current();
        let mut watch = Watch::new(Box::new(Sentinel::new()), Trail::default(), Arc::clone(&current), now);
        let mut state = State::new(settings, wall);
        match saved {
            Ok(Some(saved)) => restore(&volume, saved, &mut state, &mut watch, (wall, now), &mut told),
            Ok(None) => {}
            // The fork is known to the volume, too: writes that went there must not be forgotten.
            Err(()) => state.go_on_with(fork_in_use(&volume)),
        }
        // So that they are noted before long.
        watch.is_changed |= adopt(&mut state, &volume.pins(), now);
        if state.configure(settings) {
            told.push(EventKind::SettingsChanged {
                settings,
                overridden: false,
            });
        }
        if state.episode.is_some() && state.fence.is_none() {
            // What was held back stays so, until files had the time to tell.
            watch.files_told = Some((now, Sequence(0)));
        }
        let sequence = volume.newest().sequence.0;
        watch.trail.note(Mark { at: now, sequence });
        watch.sensitivity_percent = state
            .sensitivity
            .map_or(USUAL_PERCENT, |sensitivity| sensitivity.percent);
        let guard = Arc::new(Self {
            name: volume.name().to_owned(),
            store: Arc::clone(store),
            volume,
            clock,
            uptime,
            model,
            events,
            operations: Mutex::new(()),
            gate: RwLock::default(),
            keeping: Mutex::new(Keeping::new()),
            examining: Mutex::default(),
            saver: Mutex::new(Ticking::new(now)),
            state: Mutex::new(state),
            watch: Mutex::new(watch),
            is_watching: AtomicBool::new(false),
            attached: AtomicUsize::new(0),
        });
        told.extend(guard.enforce());
        guard.arm();
        told.into_iter().for_each(|kind| guard.tell(kind));
        guard
    }

    /// The volume's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The volume.
    #[must_use]
    pub const fn volume(&self) -> &Arc<Volume> {
        &self.volume
    }

    /// Where a restore from before the attack returns to: the moment before what is suspected now, or else that before the
    /// newest fence.
    #[must_use]
    pub fn before_attack(&self) -> Option<RestorePoint> {
        lock(&self.state).before_attack()
    }

    /// Changes the settings, until the configuration changes them. Another fence is that of the next verdict; one in force
    /// stays what it is.
    pub fn set(&self, settings: Settings) -> Result<(), Error> {
        let mut state = lock(&self.state);
        if state.fence.is_some() && !settings.enabled {
            return Err(Error::FenceInForce(self.name.clone()));
        }
        if state.settings == settings {
            return Ok(());
        }
        state.settings = settings;
        let overridden = settings != state.configured;
        drop(state);
        self.arm();
        self.save();
        self.tell(EventKind::SettingsChanged { settings, overridden });
        Ok(())
    }

    /// Takes the configuration's settings, which were read again. If they changed, they replace what was set while
    /// running.
    pub fn configure(&self, configured: Settings) {
        if lock(&self.state).configure(configured) {
            self.arm();
            self.save();
            self.tell(EventKind::SettingsChanged {
                settings: configured,
                overridden: false,
            });
        }
    }

    /// Whether requests are shown to the sentinel.
    pub(crate) fn is_watching(&self) -> bool {
        self.is_watching.load(Ordering::Relaxed)
    }

    /// Shows the sentinel a request, and acts if that calls for it.
    pub(crate) fn see(&self, see: impl FnOnce(&mut Watch, Micros)) {
        let now = self.uptime.micros();
        let mut watch = lock(&self.watch);
        let now = watch.time(now);
        watch.is_changed = true;
        see(&mut watch, now);
        let suspect = watch.assess(now);
        let is_mark_due = watch.trail.is_due(now);
        drop(watch);
        if is_mark_due {
            self.mark(false);
        }
        if let Some(suspect) = suspect {
            self.fence(suspect);
        }
    }

    /// Notes which batch is the newest now, unless another thread just did and it isn't asked for `anyway`.
    pub(crate) fn mark(&self, anyway: bool) {
        // Without the lock: this waits for whoever is appending to the log.
        let sequence = self.volume.newest().sequence.0;
        let mut watch = lock(&self.watch);
        let at = watch.time(self.uptime.micros());
        if anyway || watch.trail.is_due(at) {
            watch.trail.note(Mark { at, sequence });
        }
    }

    /// Makes the settings, the fence and announced work take effect on verdicts to come.
    pub(crate) fn arm(&self) {
        let state = lock(&self.state);
        let is_armed = state.settings.enabled
            && state.fence.is_none()
            && state.announcement.is_none()
            && state.settings.fence != Fence::Alert;
        self.is_watching.store(state.settings.enabled, Ordering::Relaxed);
        let mut watch = lock(&self.watch);
        watch.is_armed = is_armed;
        if !state.settings.enabled || state.fence.is_some() {
            watch.forget_files();
        }
    }

    /// Takes everything suspected for explained. What is bookmarked later lies behind this, and behind a rollback that led
    /// to it.
    pub(crate) fn rest(&self) {
        lock(&self.watch).rest(self.uptime.micros());
        self.mark(true);
    }

    /// At a start: closes the gate as the fence in force demands.
    fn enforce(&self) -> Option<EventKind> {
        let fence = lock(&self.state).fence.clone()?;
        let mode = match (&fence.fork, fence.fence) {
            (Some(fork), _) => match self.store.volume(fork, self.clock.now()) {
                Ok(fork) => Mode::Diverted(Arc::new(fork.attach(Arc::clone(&self.clock)))),
                Err(error) => {
                    // The volume isn't what the guest saw last: nothing may be written to it by mistake.
                    self.tell_failure(
                        &format!("opening the fork `{fork}` that writes were diverted to"),
                        &error,
                    );
                    Mode::Refused
                }
            },
            (None, Fence::Pause) => Mode::Paused,
            (None, Fence::Refuse | Fence::Divert) => Mode::Refused,
            (None, Fence::Alert) => Mode::Open,
        };
        write_lock(&self.gate).mode = mode;
        Some(EventKind::StillFenced {
            fence: fence.fence,
            fork: fence.fork,
        })
    }

    /// Someone returned the fork itself to a moment of the past: who attaches from now on knows, all others don't.
    pub(crate) fn renew_stale_fork(&self, gate: &mut Gate) {
        let Some(fork) = gate.fork().filter(|fork| fork.is_stale()) else {
            return;
        };
        let renewed: Attachment = fork.volume().attach(Arc::clone(&self.clock));
        gate.mode = Mode::Diverted(Arc::new(renewed));
        gate.era += 1;
    }

    /// Tells an event with what is known of the episode at hand.
    pub(crate) fn tell(&self, kind: EventKind) {
        self.events.note(&self.event(kind, self.clock.now()));
    }

    /// An event with what is known of the episode at hand.
    pub(crate) fn event(&self, kind: EventKind, time: Timestamp) -> Event {
        let assessments = lock(&self.watch).assessments;
        let state = lock(&self.state).clone();
        let episode = state.episode.unwrap_or_default();
        let is_about_episode = matches!(
            kind,
            EventKind::Bookmarked { .. }
                | EventKind::Fenced { .. }
                | EventKind::Diverted { .. }
                | EventKind::FencedByHand { .. }
                | EventKind::StillFenced { .. }
                | EventKind::WouldFence { .. }
        );
        let episode = if is_about_episode { episode } else { Default::default() };
        let mut counts = state.counts;
        counts.assessments = assessments;
        Event {
            volume: self.name.clone(),
            time,
            kind,
            pin: episode.point.as_ref().map(|point| point.pin.clone()),
            pinned: episode.point.as_ref().map(|point| point.time),
            onset: episode.onset,
            cause: episode.cause.unwrap_or_default(),
            suspicion_percent: is_about_episode.then_some(episode.suspicion_percent),
            reasons: episode.reasons,
            counts,
        }
    }

    pub(crate) fn tell_failure(&self, what: &str, error: &dyn std::fmt::Display) {
        self.tell(EventKind::Failed {
            what: what.to_owned(),
            error: error.to_string(),
        });
    }

    /// Whether a verdict was reached before everything was explained.
    pub(crate) fn is_void(&self, suspect: &Suspect) -> bool {
        lock(&self.watch).generation != suspect.generation
    }
}

/// What the last run left; an error if something is there that can't be used.
fn read_saved(store: &Store, name: &str, told: &mut Vec<EventKind>) -> Result<Option<Sidecar>, ()> {
    let read = store.read_sidecar(name).map_err(|error| error.to_string());
    let parsed = read.and_then(|bytes| {
        let parsed = bytes.map(|bytes| Sidecar::parse(&bytes));
        parsed.transpose().map_err(|error| error.to_string())
    });
    parsed.map_err(|reason| told.push(EventKind::Forgotten { reason }))
}

/// Continues from what the last run left.
fn restore(
    volume: &Volume,
    saved: Sidecar,
    state: &mut State,
    watch: &mut Watch,
    (wall, now): (Timestamp, Micros),
    told: &mut Vec<EventKind>,
) {
    let pause = wall.since(saved.wall).min(PAUSE_MOST);
    let pause = u64::try_from(pause.as_micros()).unwrap_or(0);
    *state = saved.state;
    state.shift(saved.uptime, now, pause);
    let then = now.saturating_sub(pause);
    watch.trail = Trail::restored(&saved.marks, saved.uptime, then, volume.newest().sequence.0);
    watch.zero_since.take_if(|_| state.episode.is_some());
    watch.assessments = state.counts.assessments;
    if let Err(error) = watch.sentinel.restore(now, pause, &saved.sentinel) {
        *watch.sentinel = Sentinel::new();
        let reason = format!("the sentinel's windows: {error}");
        told.push(EventKind::Forgotten { reason });
    }
    let from = saved.model_version;
    let to = watch.model.version();
    if from != to {
        told.push(EventKind::ModelChanged { from, to });
    }
}

/// The fork that writes were diverted to, by the pins of the volume, and the moment that it begins with.
fn fork_in_use(volume: &Volume) -> Option<(String, Timestamp)> {
    let forks = volume.pins().into_iter().rev();
    let mut forks = forks.filter_map(|pin| Some((pin.fork?, pin.time)));
    forks.find(|(fork, _)| crate::divert::is_fork_name(volume.name(), fork))
}
