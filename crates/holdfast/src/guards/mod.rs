//! The guards of a data folder's volumes: one for each that is served, opened when first asked for, closed in good order.
//!
//! A guard holds its volume, so whoever wants to delete or reopen a volume lets its guard go first ([`Guards::let_go`]).

mod model;
mod told;
mod uptime;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use guard::{Events, Guard, READS_KEPT_BYTES, Settings, SharedModel};
use volume::{Clock, Store, Volume};

pub use model::{LoadedModel, load};
pub use told::Told;
pub use uptime::BootTime;

use crate::clock::SteadyClock;
use crate::config::GuardSettings;
use crate::failure::Failure;
use crate::lost_files;
use crate::webhook::Target;

/// A thread that examined files rests for as long as that took, this long at most.
const EXAMINER_RESTS_MOST: Duration = Duration::from_secs(2);

/// Whether the files that `[guard]` names can be used.
pub fn check(settings: &GuardSettings) -> Result<(), Failure> {
    settings
        .webhook
        .as_ref()
        .map(|webhook| Target::load(webhook, "[guard]"))
        .transpose()?;
    settings.model.as_ref().map(load).transpose()?;
    Ok(())
}

/// All guards that are open.
pub struct Guards {
    store: Arc<Store>,
    clock: Arc<SteadyClock>,
    uptime: Arc<BootTime>,
    model: SharedModel,
    told: Arc<Told>,
    /// Most bytes a volume in which is kept what clients read.
    reads_kept_bytes: AtomicU64,
    open: Mutex<BTreeMap<String, Arc<Guard>>>,
    /// Volumes whose files are being examined.
    under_examination: Mutex<BTreeSet<String>>,
    /// Whether no more files are examined, because the daemon stops.
    examines_no_more: AtomicBool,
}

impl Guards {
    /// No guard yet. All will ask the model that is built in until another is set.
    #[must_use]
    pub fn new(store: &Arc<Store>, clock: &Arc<SteadyClock>) -> Self {
        Self {
            store: Arc::clone(store),
            clock: Arc::clone(clock),
            uptime: Arc::default(),
            model: SharedModel::shipped(),
            told: Arc::default(),
            reads_kept_bytes: AtomicU64::new(READS_KEPT_BYTES),
            open: Mutex::default(),
            under_examination: Mutex::default(),
            examines_no_more: AtomicBool::new(false),
        }
    }

    /// Who is told of what guards do.
    #[must_use]
    pub fn told(&self) -> &Told {
        &self.told
    }

    /// The clock that guards measure spans with.
    #[must_use]
    pub fn uptime(&self) -> Arc<dyn guard::Uptime> {
        Arc::clone(&self.uptime) as _
    }

    /// The model that all guards ask.
    #[must_use]
    pub const fn model(&self) -> &SharedModel {
        &self.model
    }

    /// The guard of a volume, opened where the last run left off if it isn't open. `settings` are the configuration's.
    pub fn of(&self, volume: &Arc<Volume>, settings: Settings) -> Arc<Guard> {
        let mut open = self.locked();
        // One that watches an instance whose disk failed is of no use any more.
        let fits = |guard: &&Arc<Guard>| Arc::ptr_eq(guard.volume(), volume);
        if let Some(guard) = open.get(volume.name()).filter(fits) {
            return Arc::clone(guard);
        }
        let guard = Guard::open(
            &self.store,
            Arc::clone(volume),
            Arc::clone(&self.clock) as Arc<dyn Clock>,
            Arc::clone(&self.uptime) as _,
            self.model.clone(),
            settings,
            Arc::clone(&self.told) as Arc<dyn Events>,
        );
        guard.set_reads_kept(self.reads_kept_bytes.load(Ordering::Relaxed));
        open.insert(volume.name().to_owned(), Arc::clone(&guard));
        guard
    }

    /// Has all guards keep what clients read up to so many bytes a volume; 0 for nothing.
    pub fn set_reads_kept(&self, bytes: u64) {
        let open = self.locked();
        self.reads_kept_bytes.store(bytes, Ordering::Relaxed);
        open.values().for_each(|guard| guard.set_reads_kept(bytes));
    }

    /// The guard of a volume, if it is open.
    #[must_use]
    pub fn opened(&self, name: &str) -> Option<Arc<Guard>> {
        self.locked().get(name).cloned()
    }

    /// The guard whose volume's writes go to this fork, if there is one.
    #[must_use]
    pub fn diverting_to(&self, fork: &str) -> Option<Arc<Guard>> {
        let is_it = |guard: &Arc<Guard>| guard.status().diverted.is_some_and(|diverted| diverted.fork == fork);
        self.all().into_iter().find(is_it)
    }

    /// Closes the guard of a volume that is about to be deleted or opened again.
    pub fn let_go(&self, name: &str) {
        let guard = self.locked().remove(name);
        if let Some(guard) = guard {
            guard.close();
        }
    }

    /// Lets the guard of a volume go that is about to be deleted, unless somebody is attached through it.
    pub fn let_go_if_unused(&self, name: &str) {
        let mut open = self.locked();
        let is_unused = open.get(name).is_some_and(|guard| Arc::strong_count(guard) == 1);
        let guard = if is_unused { open.remove(name) } else { None };
        drop(open);
        if let Some(guard) = guard {
            guard.close();
        }
    }

    /// Lets those go of certain names through which nobody is attached.
    pub fn let_go_of_unused(&self, is_meant: impl Fn(&str) -> bool) {
        let names: Vec<String> = self.locked().keys().filter(|name| is_meant(name)).cloned().collect();
        names.iter().for_each(|name| self.let_go_if_unused(name));
    }

    /// Does what is due; to be called about once a second.
    pub fn tick(&self) {
        for guard in self.all() {
            guard.tick();
        }
    }

    /// Has files examined where that is due; to be called some times a second, by threads that nobody waits for. With more than one, a disk
    /// on which it takes long doesn't hold the others up.
    pub fn examine(&self, examiner: &lost_files::Apart) {
        let names: Vec<String> = self.locked().keys().cloned().collect();
        for name in names {
            if self.examines_no_more.load(Ordering::Relaxed) {
                return;
            }
            let Some(_claim) = Claim::on(&self.under_examination, &name) else {
                continue;
            };
            let took = self.examine_one(&name, examiner);
            // However many disks there are, half of the processors' time is left.
            std::thread::sleep(took.min(EXAMINER_RESTS_MOST));
        }
    }

    /// Has the files of a volume examined, if that is due. Returns how long that took.
    fn examine_one(&self, name: &str, examiner: &lost_files::Apart) -> Duration {
        // The guard isn't held meanwhile: what is being looked at can be let go, which ends the look.
        let window = self.opened(name).and_then(|guard| guard.begin_examination());
        let Some(window) = window else {
            return Duration::ZERO;
        };
        let is_wanted = || !self.examines_no_more.load(Ordering::Relaxed) && self.locked().contains_key(name);
        let examined = examiner.examine(name, &window, &is_wanted);
        let took = examined.took;
        let guard = self.opened(name).filter(|_| is_wanted());
        if let Some(guard) = guard {
            guard.end_examination(&window, examined);
        }
        took
    }

    /// Gives up the examinations under way, and begins no other.
    pub fn end_examining(&self) {
        self.examines_no_more.store(true, Ordering::Relaxed);
    }

    /// Closes all guards: what they know is written down.
    pub fn close(&self) {
        let open = std::mem::take(&mut *self.locked());
        for guard in open.values() {
            guard.close();
        }
    }

    fn all(&self) -> Vec<Arc<Guard>> {
        self.locked().values().cloned().collect()
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Guard>>> {
        locked(&self.open)
    }
}

/// A volume whose files one thread examines. Ends however that ends.
struct Claim<'a> {
    claimed: &'a Mutex<BTreeSet<String>>,
    name: &'a str,
}

impl<'a> Claim<'a> {
    /// `None` if another thread has it.
    fn on(claimed: &'a Mutex<BTreeSet<String>>, name: &'a str) -> Option<Self> {
        let is_new = locked(claimed).insert(name.to_owned());
        // Made only if it is one: its end would take the other thread's away.
        is_new.then(|| Self { claimed, name })
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        locked(self.claimed).remove(self.name);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_claimed_once_until_that_ends() {
        let claimed = Mutex::default();
        let first = Claim::on(&claimed, "disk");
        assert!(first.is_some());
        for _ in 0..2 {
            assert!(Claim::on(&claimed, "disk").is_none());
        }
        assert!(Claim::on(&claimed, "other").is_some());
        drop(first);
        assert!(Claim::on(&claimed, "disk").is_some());
        assert!(locked(&claimed).is_empty());
    }
}
