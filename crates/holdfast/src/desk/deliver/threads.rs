//! The threads that decide and send.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use respond::alert::{Layer, NewAlert, Severity};
use respond::notice::{NotTaken, NoticeId, Settings, WayChange};
use respond::{Desk, Sequence, Time, notice};
use serde_json::{Map, json};

use super::settle;
use super::text::Sender;
use super::way::Way;
use crate::config::{NoticesSettings, WaySettings};
use crate::desk::time;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::log::{Level, Log};

/// How often it is looked for what became due by the time, or by what a command wrote into the ledger.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the first thread rests after it decided: in a flood it decides about many at once.
const DECIDE_PAUSE: Duration = Duration::from_millis(100);
/// How long a thread waits after the ledger couldn't be read or written.
const LEDGER_PAUSE: Duration = Duration::from_secs(2);
/// Notices that are looked for at once.
const BATCH: usize = 100;
/// How long notices on their way are waited for when the daemon stops.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// The threads, until they are stopped.
pub struct Delivering {
    engine: Arc<Engine>,
    desk: Arc<Desk>,
    log: Arc<Log>,
    on_their_way: OnTheirWay,
    running: Mutex<Running>,
}

/// The threads of one configuration.
struct Running {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads of one configuration share.
struct Shared {
    engine: Arc<Engine>,
    desk: Arc<Desk>,
    log: Arc<Log>,
    settings: Settings,
    on_their_way: OnTheirWay,
    is_stopping: AtomicBool,
    /// How often something was decided: the ways look then.
    decided: Mutex<u64>,
    changed: Condvar,
}

/// Notices that are being sent, by the threads of any configuration: one whose server is silent goes on alone when the configuration is
/// read again, and what it has is not sent a second time meanwhile.
#[derive(Clone, Debug, Default)]
struct OnTheirWay(Arc<Mutex<BTreeSet<NoticeId>>>);

/// The right to send a notice, until it is dropped.
struct Claim<'a> {
    all: &'a OnTheirWay,
    id: NoticeId,
}

impl OnTheirWay {
    /// `None` if somebody is sending it.
    fn claim(&self, id: NoticeId) -> Option<Claim<'_>> {
        let is_new = lock(&self.0).insert(id);
        // Made only then: a claim that is dropped takes the number out.
        if is_new { Some(Claim { all: self, id }) } else { None }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        lock(&self.all.0).remove(&self.id);
    }
}

impl Delivering {
    /// Begins.
    ///
    /// # Errors
    /// When a setting can't be used, or a thread can't be started.
    pub fn start(
        engine: &Arc<Engine>,
        desk: &Arc<Desk>,
        settings: &NoticesSettings,
        log: &Arc<Log>,
    ) -> Result<Self, Failure> {
        let ways = load(settings)?;
        let delivering = Self {
            engine: Arc::clone(engine),
            desk: Arc::clone(desk),
            log: Arc::clone(log),
            on_their_way: OnTheirWay::default(),
            running: Mutex::new(Running::none(engine, desk, log)),
        };
        delivering.run(ways, settings)?;
        Ok(delivering)
    }

    /// Follows a configuration that was read again. Nothing is changed if a setting of it can't be used.
    ///
    /// # Errors
    /// When a setting can't be used, or a thread can't be started.
    pub fn configure(&self, settings: &NoticesSettings) -> Result<(), Failure> {
        let ways = load(settings)?;
        lock(&self.running).stop(STOP_PATIENCE);
        self.run(ways, settings)
    }

    /// Ends the threads. A notice that is on its way is waited for, but not a server that is silent.
    pub fn stop(&self) {
        lock(&self.running).stop(STOP_PATIENCE);
    }

    fn run(&self, ways: Vec<(String, Way)>, settings: &NoticesSettings) -> Result<(), Failure> {
        let mut running = Running::none(&self.engine, &self.desk, &self.log);
        if let Some(shared) = Arc::get_mut(&mut running.shared) {
            shared.settings = settings.who.clone();
            shared.on_their_way = self.on_their_way.clone();
        }
        let now = time(self.engine.now());
        let configured = self.desk.write(|w| notice::configured(w, now, &settings.who));
        if let Err(error) = configured {
            self.log.write(Level::Error, "notices", error.to_string());
        }
        running.spawn("notices".to_owned(), |shared| shared.decide())?;
        for (name, mut way) in ways {
            let thread = format!("notices {name}");
            running.spawn(thread, move |shared| shared.deliver(&name, &mut way))?;
        }
        *lock(&self.running) = running;
        Ok(())
    }
}

/// Whether the secrets of all ways can be read.
///
/// # Errors
/// When a setting can't be used.
pub fn check(settings: &NoticesSettings) -> Result<(), Failure> {
    load(settings).map(drop)
}

/// Reads the secrets of all ways: what can't work is told now, and not to a log later.
fn load(settings: &NoticesSettings) -> Result<Vec<(String, Way)>, Failure> {
    let load = |(name, way): (&String, &WaySettings)| Way::load(name, way).map(|way| (name.clone(), way));
    settings.ways.iter().map(load).collect()
}

impl Running {
    fn none(engine: &Arc<Engine>, desk: &Arc<Desk>, log: &Arc<Log>) -> Self {
        Self {
            shared: Arc::new(Shared {
                engine: Arc::clone(engine),
                desk: Arc::clone(desk),
                log: Arc::clone(log),
                settings: Settings::default(),
                on_their_way: OnTheirWay::default(),
                is_stopping: AtomicBool::new(false),
                decided: Mutex::new(0),
                changed: Condvar::new(),
            }),
            threads: Vec::new(),
        }
    }

    fn spawn(&mut self, name: String, work: impl FnOnce(&Shared) + Send + 'static) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name(name).spawn(move || work(&shared));
        let thread = thread.map_err(|error| Failure::io("start a thread for notices", &error))?;
        self.threads.push(thread);
        Ok(())
    }

    /// One that doesn't end in time goes on alone until its server answers; what it tried is settled then.
    fn stop(&mut self, patience: Duration) {
        self.shared.is_stopping.store(true, Ordering::Relaxed);
        self.shared.changed.notify_all();
        let end = Instant::now() + patience;
        while Instant::now() < end && self.threads.iter().any(|thread| !thread.is_finished()) {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.threads.clear();
    }
}

impl Shared {
    fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    fn now(&self) -> Time {
        time(self.engine.now())
    }

    /// Decides what is told by now, whenever something changed or time has come.
    fn decide(&self) {
        let mut seen = Sequence::default();
        while !self.is_stopping() {
            match self.decide_once() {
                Ok(true) => {
                    *lock(&self.decided) += 1;
                    self.changed.notify_all();
                    std::thread::sleep(DECIDE_PAUSE);
                }
                Ok(false) => seen = self.desk.newest_after(seen, LOOK_EVERY),
                // The thread of the ledger tells what is wrong with it.
                Err(_) => std::thread::sleep(LEDGER_PAUSE),
            }
        }
    }

    /// Whether there was something to decide.
    fn decide_once(&self) -> Result<bool, respond::Error> {
        let now = self.now();
        let next = self.desk.read(|ledger| notice::next(ledger, now))?;
        if next.is_none_or(|next| next > now) {
            return Ok(false);
        }
        self.desk.write(|w| notice::advance(w, now, &self.settings))?;
        Ok(true)
    }

    /// Sends what is due by a way.
    fn deliver(&self, name: &str, way: &mut Way) {
        let sender = Sender::of_this_machine();
        while !self.is_stopping() {
            let decided = *lock(&self.decided);
            match self.deliver_once(name, way, &sender) {
                Ok(true) => {}
                Ok(false) => {
                    way.rest();
                    self.wait(decided);
                }
                Err(_) => std::thread::sleep(LEDGER_PAUSE),
            }
        }
    }

    /// Whether something was sent or tried.
    fn deliver_once(&self, name: &str, way: &mut Way, sender: &Sender) -> Result<bool, respond::Error> {
        let now = self.now();
        let due = self.desk.read(|ledger| notice::due(ledger, now, name, BATCH))?;
        let mut is_tried = false;
        for id in due {
            if self.is_stopping() {
                break;
            }
            let Some(_claim) = self.on_their_way.claim(id) else {
                continue;
            };
            is_tried = true;
            let Some(due) = self.desk.write(|w| notice::attempting(w, id))? else {
                continue;
            };
            let outcome = way.send(&self.desk, &due, sender, self.now());
            let now = self.now();
            let change = self.desk.write(|w| settle(w, now, &due, &outcome))?;
            if let Some(change) = change {
                self.tell(name, &change);
            }
            // The others by this way would fare the same: they wait until it is tried again.
            if matches!(outcome, Err(NotTaken::Down(_))) {
                break;
            }
        }
        Ok(is_tried)
    }

    /// Waits for something that was decided after `decided`, but not for long: commands write into the ledger as well.
    fn wait(&self, decided: u64) {
        let count = lock(&self.decided);
        let is_idle = |count: &mut u64| *count == decided && !self.is_stopping();
        drop(self.changed.wait_timeout_while(count, LOOK_EVERY, is_idle));
    }

    /// News about a way, in the log and as an alert, which travels by the other ways.
    fn tell(&self, name: &str, change: &WayChange) {
        let (level, kind, severity, title, text) = match change {
            WayChange::Fails(why) => (
                Level::Error,
                "way-failing",
                Severity::High,
                format!("Notices by {name} don't arrive"),
                format!(
                    "notices by the way `{name}` don't arrive: {why}. They wait and are tried again for three days. Look at the \
                     server and at [notices]; `holdfast notices test {name}` tries it out"
                ),
            ),
            WayChange::Refuses { recipient, why } => {
                let whom = if recipient.is_empty() {
                    String::new()
                } else {
                    format!(" for {recipient}")
                };
                (
                    Level::Error,
                    "notice-refused",
                    Severity::High,
                    format!("A notice{whom} by {name} was refused"),
                    format!(
                        "a notice{whom} by the way `{name}` was refused: {why}. Nobody got it, and it isn't tried again by itself. \
                         `holdfast notices list --dead` shows it; once the address in [notices] is right, `holdfast notices retry` \
                         sends it"
                    ),
                )
            }
            WayChange::Works => (
                Level::Info,
                "way-works",
                Severity::Informational,
                format!("Notices by {name} arrive again"),
                format!("notices by the way `{name}` arrive again; what waited is being sent"),
            ),
        };
        self.log.write(level, "notices", &text);
        let mut facts = Map::new();
        facts.insert("way".to_owned(), json!(name));
        self.desk.tell(NewAlert {
            time: self.now(),
            layer: Layer::Respond,
            kind: kind.to_owned(),
            severity,
            volume: None,
            host: None,
            identity: None,
            title,
            text,
            facts,
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_sent_by_one_thread_at_a_time() {
        let before = OnTheirWay::default();
        let after = before.clone();
        let held = before.claim(NoticeId(1));
        assert!(held.is_some() && after.claim(NoticeId(1)).is_none());
        assert!(after.claim(NoticeId(2)).is_some());
        drop(held);
        assert!(after.claim(NoticeId(1)).is_some());
    }
}
