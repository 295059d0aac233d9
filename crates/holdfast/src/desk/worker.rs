//! The thread that takes alerts into the ledger, signs the ledger's heads and rolls old alerts up.
//!
//! Invariant: an alert that was taken from the queue is recorded, or kept and tried again. While the ledger can't be written
//! the queue fills, and what doesn't fit is counted.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use respond::alert::NewAlert;
use respond::{Desk, alert, intake};

use super::front::{BATCH, Front};
use super::{heads, sources, time};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::log::{Level, Log};

/// How long the thread waits for an alert before it looks around.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long it waits before it tries again what couldn't be written.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// How often a head is signed, if something changed.
const SIGN_EVERY: Duration = Duration::from_secs(60);
/// How often the ledger is written to, if nothing else is, so that one that can't be written is noticed.
const PROBE_EVERY: Duration = Duration::from_secs(20);
/// How often old alerts are looked for.
const ROLL_UP_EVERY: Duration = Duration::from_secs(600);
/// For how long alerts are kept one by one.
const KEEP: Duration = Duration::from_secs(400 * 86_400);
/// Alerts that are rolled up in one transaction.
const ROLL_UP_MOST: usize = 5000;

/// The thread.
#[derive(Debug)]
pub struct Worker {
    desk: Arc<Desk>,
    thread: JoinHandle<()>,
}

impl Worker {
    /// Opens the ledger in the data folder and begins to take alerts in. If the ledger can't be opened the log says so, and
    /// there is no thread.
    ///
    /// # Errors
    /// When the thread can't be started.
    pub fn start(engine: &Arc<Engine>, log: &Arc<Log>) -> Result<Option<Self>, Failure> {
        let front = engine.front();
        let desk = match Desk::open(&super::folder(engine.data())) {
            Ok(desk) => Arc::new(desk),
            Err(error) => {
                let message = format!("{error}; nothing is noted until the daemon is started again, disks are served");
                log.write(Level::Error, "ledger", &message);
                front.note_problem(Some(message));
                return Ok(None);
            }
        };
        let mut rounds = Rounds {
            engine: Arc::clone(engine),
            front: Arc::clone(front),
            desk: Arc::clone(&desk),
            log: Arc::clone(log),
            waiting: Vec::new(),
            lost: 0,
            sign: None,
            unsigned: None,
            roll_up: Instant::now(),
            probed: None,
            is_sealed: false,
            turn: 0,
        };
        front.set(Arc::clone(&desk));
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || {
                let _living = rounds.front.living();
                while rounds.round() {}
            })
            .map_err(|error| Failure::io("start the thread of the ledger", &error))?;
        Ok(Some(Self { desk, thread }))
    }

    /// Takes in what waits, signs a last head, and ends the thread.
    pub fn stop(self) {
        self.desk.close();
        // A thread that panicked has stopped too.
        let _ = self.thread.join();
    }
}

struct Rounds {
    engine: Arc<Engine>,
    front: Arc<Front>,
    desk: Arc<Desk>,
    log: Arc<Log>,
    /// What was taken from the queue and isn't recorded yet.
    waiting: Vec<NewAlert>,
    lost: u64,
    /// When a head was signed last, or should have been.
    sign: Option<Instant>,
    /// Why it wasn't.
    unsigned: Option<String>,
    roll_up: Instant,
    /// When the ledger was last written to for no other reason.
    probed: Option<Instant>,
    /// Whether secrets of one-time codes are encrypted.
    is_sealed: bool,
    /// Which volumes get the next head.
    turn: u64,
}

impl Rounds {
    /// One round; false once nothing more will come, or nothing more can be done.
    fn round(&mut self) -> bool {
        self.front.beat();
        let is_again = !self.waiting.is_empty();
        let mut is_last = false;
        if is_again {
            std::thread::sleep(TRY_AGAIN);
        } else {
            let taken = self.desk.take(BATCH, LOOK_EVERY);
            self.waiting = taken.alerts;
            self.lost = self.lost.saturating_add(taken.lost);
            is_last = taken.is_last;
        }
        let done = self.take_in().and_then(|()| self.chores(is_last));
        let is_hopeless = done.is_err() && (is_last || (is_again && self.desk.is_closed()));
        self.tell(done);
        if is_hopeless && !self.waiting.is_empty() {
            let message = format!(
                "{} alerts couldn't be written into the ledger and are lost",
                self.waiting.len()
            );
            self.log.write(Level::Error, "ledger", message);
        }
        !(is_last || is_hopeless)
    }

    fn take_in(&mut self) -> Result<(), respond::Error> {
        let now = time(self.engine.now());
        if self.lost > 0 {
            self.waiting.push(sources::lost(now, self.lost));
            self.lost = 0;
        }
        if !self.waiting.is_empty() {
            let alerts = self.waiting.clone();
            // Volumes may have come and gone.
            self.engine.refresh_policies();
            let rules = self.front.rules();
            self.desk.write(|w| intake::take_in(w, now, &rules, alerts))?;
            self.waiting.clear();
        }
        Ok(())
    }

    /// What is due.
    fn chores(&mut self, is_last: bool) -> Result<(), respond::Error> {
        self.desk.look()?;
        let now = time(self.engine.now());
        if self.probed.is_none_or(|probed| probed.elapsed() >= PROBE_EVERY) {
            self.desk.probe()?;
            self.probed = Some(Instant::now());
        }
        if !self.is_sealed {
            self.desk.seal_codes(now)?;
            self.is_sealed = true;
            self.tell_lost_codes()?;
        }
        if is_last || self.sign.is_none_or(|sign| sign.elapsed() >= SIGN_EVERY) {
            self.sign = Some(Instant::now());
            let signed = self.sign(now, is_last);
            self.tell_unsigned(signed);
        }
        if self.roll_up.elapsed() >= ROLL_UP_EVERY {
            self.roll_up = Instant::now();
            let before = now.plus_millis(-i64::try_from(KEEP.as_millis()).unwrap_or(i64::MAX));
            self.desk.write(|w| alert::roll_up(w, now, before, ROLL_UP_MOST))?;
        }
        Ok(())
    }

    /// Signs a head, and keeps it beside the ledger, beside some volumes, and at the end in the log.
    fn sign(&mut self, now: respond::Time, is_last: bool) -> Result<(), respond::Error> {
        let keepers = self.engine.keepers_of_head(self.turn);
        self.compare(now, &keepers)?;
        let Some(signed) = self.desk.sign_head(now)? else {
            return Ok(());
        };
        self.turn = self.turn.wrapping_add(1);
        self.engine.keep_ledger_head(&signed.encode(), &keepers);
        if is_last {
            let head = signed.head;
            let message = format!("the ledger ends with record {}, hash {}", head.sequence, head.hash);
            self.log.info("ledger", message);
        }
        Ok(())
    }

    /// Holds the heads that are about to be replaced against the ledger: if its end was cut off they are what proves it, and once
    /// they are replaced nothing does. Then that is noted first, with the head.
    fn compare(&mut self, now: respond::Time, keepers: &[String]) -> Result<(), respond::Error> {
        for head in heads::replaced(self.engine.data(), keepers) {
            if self.desk.read(|ledger| ledger.contradicts(&head))? {
                self.waiting.push(sources::ledger_cut(now, &head));
            }
        }
        self.take_in()
    }

    /// Tells when people's one-time codes can't be checked any more.
    fn tell_lost_codes(&self) -> Result<(), respond::Error> {
        let lost = self.desk.codes_lost()?;
        if lost > 0 {
            self.log.write(Level::Error, "ledger", super::codes_lost(lost));
        }
        Ok(())
    }

    /// Tells when the ledger can't be written, and when it can again.
    fn tell(&self, done: Result<(), respond::Error>) {
        match done {
            Ok(()) => {
                if self.front.note_problem(None) {
                    self.log.info("ledger", "the ledger is written again");
                }
            }
            Err(error) => {
                let message = error.to_string();
                if self.front.note_problem(Some(message.clone())) {
                    let message = format!("{message}; alerts wait until it can be written, disks are served meanwhile");
                    self.log.write(Level::Error, "ledger", message);
                }
            }
        }
    }

    /// Tells when heads can't be signed, and when they can again: alerts are noted all the same.
    fn tell_unsigned(&mut self, signed: Result<(), respond::Error>) {
        let unsigned = signed.err().map(|error| error.to_string());
        if self.unsigned == unsigned {
            return;
        }
        match &unsigned {
            None => self.log.info("ledger", "heads of the ledger are signed again"),
            Some(why) => {
                let message = format!(
                    "{why}; alerts are noted, but no head of the ledger is signed, without which a cut end doesn't show. It is \
                     tried again every minute"
                );
                self.log.write(Level::Error, "ledger", message);
            }
        }
        self.unsigned = unsigned;
    }
}
