//! Where the scenes are played: keeps their pace, feeds the display, and notices when the demo is to end.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::disk::{ScratchDisk, Watch};
use super::files::Files;
use super::meter::Counts;
use super::report::Step;
use super::show::{Live, Rates, Scene, Show};
use super::stop::Stop;
use crate::failure::Failure;

/// The display is drawn this often.
const DRAW_EVERY: Duration = Duration::from_millis(80);
/// Rates are measured over this, and so many of them are shown.
const RATE_EVERY: Duration = Duration::from_millis(250);
const RATES_SHOWN: usize = 48;
/// The guard is called this often, as the daemon does it.
const TICK_EVERY: Duration = Duration::from_secs(1);
/// While waiting, signals and the cache are looked after this often.
const BREATH: Duration = Duration::from_millis(20);

/// The stage.
pub(super) struct Stage<'a> {
    pub(super) disk: &'a ScratchDisk,
    show: &'a mut dyn Show,
    stop: &'a Stop,
    /// Whether nothing is slowed down for somebody who looks on.
    fast: bool,
    scene: Scene,
    began: Instant,
    /// How long the scene should take.
    length: Duration,
    /// How much of it is done.
    share: f64,
    drawn: Instant,
    ticked: Instant,
    rates: VecDeque<Rates>,
    rated: (Instant, Counts),
    /// The highest suspicion in this scene.
    highest_suspicion_percent: u32,
}

impl<'a> Stage<'a> {
    pub(super) fn new(disk: &'a ScratchDisk, show: &'a mut dyn Show, stop: &'a Stop, fast: bool) -> Self {
        let now = Instant::now();
        Self {
            disk,
            show,
            stop,
            fast,
            scene: Scene::Fill,
            began: now,
            length: Duration::ZERO,
            share: 0.0,
            drawn: now,
            ticked: now,
            rates: VecDeque::new(),
            rated: (now, Counts::default()),
            highest_suspicion_percent: 0,
        }
    }

    /// Begins a scene that should take `length`.
    pub(super) fn begin(&mut self, scene: Scene, length: Duration) {
        (self.scene, self.length, self.began) = (scene, length, Instant::now());
        (self.share, self.highest_suspicion_percent) = (0.0, 0);
        self.rates.clear();
        self.rated = (self.began, self.disk.meter().borrow().counts);
        self.show.scene(scene);
    }

    /// Ends a scene with what it found out.
    pub(super) fn end(&mut self, step: &Step) -> Result<(), Failure> {
        self.show.step(self.scene, step).map_err(|_| {
            self.stop.nobody_looks();
            Failure::refused("nobody reads what the demo shows")
        })
    }

    /// Time since the scene began.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) const fn is_fast(&self) -> bool {
        self.fast
    }

    pub(super) const fn highest_suspicion_percent(&self) -> u32 {
        self.highest_suspicion_percent
    }

    /// `done` of `total` are done, at present `what`. Waits until that is due, and fails if the demo is to end.
    pub(super) fn progress(&mut self, files: Option<&Files>, done: u64, total: u64, what: &str) -> Result<(), Failure> {
        self.share = (done as f64 / total.max(1) as f64).min(1.0);
        let due = self.length.mul_f64(self.share);
        self.wait_until(files, due, what)
    }

    /// Lets whoever looks on look for a while.
    pub(super) fn hold(&mut self, files: Option<&Files>, time: Duration, what: &str) -> Result<(), Failure> {
        let due = self.began.elapsed() + time;
        self.wait_until(files, due, what)
    }

    fn wait_until(&mut self, files: Option<&Files>, due: Duration, what: &str) -> Result<(), Failure> {
        loop {
            self.stop.check()?;
            if let Some(files) = files {
                files.age();
            }
            self.attend(what);
            let elapsed = self.began.elapsed();
            if self.fast || elapsed >= due {
                return Ok(());
            }
            std::thread::sleep(BREATH.min(due - elapsed));
        }
    }

    /// What has to be done now and then.
    fn attend(&mut self, what: &str) {
        let now = Instant::now();
        if now - self.ticked >= TICK_EVERY {
            self.ticked = now;
            self.disk.tick();
        }
        let watch = self.disk.watch();
        self.highest_suspicion_percent = self.highest_suspicion_percent.max(watch.suspicion_percent);
        if !self.show.is_live() || now - self.drawn < DRAW_EVERY {
            return;
        }
        self.drawn = now;
        self.rate(now);
        self.draw(what, &watch);
    }

    fn rate(&mut self, now: Instant) {
        let (then, before) = self.rated;
        let passed = now - then;
        if passed < RATE_EVERY {
            return;
        }
        let counts = self.disk.meter().borrow().counts;
        let per_second = |bytes: u64| (bytes as f64 / passed.as_secs_f64()) as u64;
        self.rates.push_back(Rates {
            read: per_second(counts.read - before.read),
            written: per_second(counts.written - before.written),
            random: counts.random - before.random,
            structured: counts.structured - before.structured,
        });
        if self.rates.len() > RATES_SHOWN {
            self.rates.pop_front();
        }
        self.rated = (now, counts);
    }

    fn draw(&mut self, what: &str, watch: &Watch) {
        let meter = self.disk.meter().borrow();
        let live = Live {
            share: self.share,
            what,
            rates: self.rates.make_contiguous(),
            contents: meter.contents(),
            watch,
        };
        if self.show.live(&live).is_err() {
            self.stop.nobody_looks();
        }
    }
}
