//! A client's handle on a guarded disk.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use sentinel::Clear;
use volume::{Attachment, Device, Error, Extent, Hole, Wait, WriteRequest};

use crate::examine::hints;
use crate::guard::Guard;
use crate::locks::{read_lock, try_lock, write_lock};
use crate::observation::{Observation, blocks_cleared, blocks_read};

/// The live disk under watch, as one client attached to it.
pub struct GuardedDisk {
    guard: Arc<Guard>,
    /// Ends with it, whatever becomes of the write that is shown last.
    _attached: Attached,
    line: Attachment,
    era: u64,
    /// The buffer of the write under way, or of one that wasn't shown to the sentinel yet. A connection's writes come one after the other.
    observation: Mutex<Observation>,
}

impl Guard {
    /// Attaches a client to the disk.
    pub fn attach(self: &Arc<Self>) -> GuardedDisk {
        // Before it is looked at by whoever closes the guard meanwhile.
        let attached = Attached::new(self);
        self.begin_reads();
        let mut gate = write_lock(&self.gate);
        self.renew_stale_fork(&mut gate);
        GuardedDisk {
            guard: Arc::clone(self),
            _attached: attached,
            line: self.volume.attach(Arc::clone(&self.clock)),
            era: gate.era,
            observation: Mutex::default(),
        }
    }
}

impl Drop for GuardedDisk {
    fn drop(&mut self) {
        self.settle();
    }
}

/// A client that counts as attached.
struct Attached(Arc<Guard>);

impl Attached {
    fn new(guard: &Arc<Guard>) -> Self {
        guard.attached.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(guard))
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.0.attached.fetch_sub(1, Ordering::SeqCst);
    }
}

impl std::fmt::Debug for GuardedDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuardedDisk")
            .field("line", &self.line)
            .field("era", &self.era)
            .finish_non_exhaustive()
    }
}

impl GuardedDisk {
    /// The guard.
    #[must_use]
    pub const fn guard(&self) -> &Arc<Guard> {
        &self.guard
    }

    /// Asks the volume, or the fork that takes its place. The gate isn't held meanwhile: a read may be slow, and closing
    /// the gate must not wait for it.
    fn ask<T>(&self, ask: impl FnOnce(&Attachment) -> Result<T, Error>) -> Result<T, Error> {
        let fork = read_lock(&self.guard.gate).fork();
        ask(fork.as_deref().unwrap_or(&self.line))
    }

    /// Shows the sentinel a write that it hasn't seen, and empties the buffer. The gate must not be held.
    fn show(&self, observation: &mut Observation) {
        if observation.is_empty() {
            return;
        }
        // Taken out: what can't be shown isn't shown again.
        let mut shown = std::mem::take(observation);
        shown.look_up(&mut |before, blocks| self.guard.is_same(before, blocks));
        self.guard.see(|watch, now| {
            for (first, blocks) in shown.runs() {
                watch.sentinel.write(now, first, blocks);
                watch.landmarks.change(now, first, blocks.len() as u64);
                watch.hints = watch.hints.saturating_add(hints(blocks));
            }
        });
        shown.begin();
        *observation = shown;
    }

    fn clear(
        &self,
        offset: u64,
        length: u64,
        how: Clear,
        clear: impl FnOnce(&Attachment) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.settle();
        let gate = read_lock(&self.guard.gate);
        let target = gate.for_write(self.era, &self.line)?;
        let is_watching = self.guard.is_watching();
        // Of a range that isn't on the disk nothing is stored; the disk says that itself.
        let stored = match is_watching {
            true => target.volume().stored_blocks(offset, length).unwrap_or(0),
            false => 0,
        };
        clear(target)?;
        drop(gate);
        if is_watching {
            let (first, count) = blocks_cleared(offset, length);
            let touched = blocks_read(offset, length);
            self.guard.see(|watch, now| {
                watch.sentinel.clear(now, first, count, stored, how);
                watch.landmarks.change(now, touched.0, touched.1.into());
                if how == Clear::Zero {
                    watch.hints = watch.hints.saturating_add(u32::try_from(stored).unwrap_or(u32::MAX));
                }
            });
        }
        Ok(())
    }
}

impl Device for GuardedDisk {
    fn size_bytes(&self) -> u64 {
        let fork = read_lock(&self.guard.gate).fork();
        fork.as_deref().unwrap_or(&self.line).size_bytes()
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn read(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<(), Error> {
        // What was written before must not seem to be written after it was read.
        self.settle();
        let length = buffer.len() as u64;
        let fork = read_lock(&self.guard.gate).fork();
        fork.as_deref().unwrap_or(&self.line).read(offset, buffer, wait)?;
        if self.guard.is_watching() && length > 0 {
            let (first, count) = blocks_read(offset, length);
            self.guard
                .see(|watch, now| watch.read(now, first, count, fork.is_some()));
        }
        Ok(())
    }

    fn write(&self, writes: &[WriteRequest<'_>]) -> Result<(), Error> {
        let written = self.write_unsettled(writes);
        self.settle();
        written
    }

    /// Leaves showing the write to the sentinel to [`Device::settle`]: a client that sends one request at a time spends that time on its
    /// next one. A fence that this write calls for closes the gate before the client's next write.
    fn write_unsettled(&self, writes: &[WriteRequest<'_>]) -> Result<(), Error> {
        let mut other = Observation::default();
        // Unless another thread of the connection is using it.
        let mut own = try_lock(&self.observation);
        let is_own = own.is_some();
        let observation = own.as_deref_mut().unwrap_or(&mut other);
        self.show(observation);
        observation.begin();
        let gate = read_lock(&self.guard.gate);
        let target = gate.for_write(self.era, &self.line)?;
        if !self.guard.is_watching() {
            return target.write(writes);
        }
        // Of a write that fails, a part may be on the disk.
        let written = target.write_observed(writes, observation);
        drop(gate);
        if !is_own {
            self.show(observation);
        }
        written
    }

    fn settle(&self) {
        // Whoever uses it shows what it holds.
        if let Some(mut observation) = try_lock(&self.observation) {
            self.show(&mut observation);
        }
    }

    fn zero(&self, offset: u64, length: u64, hole: Hole) -> Result<(), Error> {
        self.clear(offset, length, Clear::Zero, |disk| disk.zero(offset, length, hole))
    }

    fn trim(&self, offset: u64, length: u64) -> Result<(), Error> {
        self.clear(offset, length, Clear::Trim, |disk| disk.trim(offset, length))
    }

    fn flush(&self) -> Result<(), Error> {
        self.settle();
        self.ask(Attachment::flush)?;
        if self.guard.is_watching() {
            self.guard.see(|watch, _| watch.sentinel.flush());
        }
        Ok(())
    }

    fn prefetch(&self, offset: u64, length: u64) -> Result<(), Error> {
        self.ask(|disk| disk.prefetch(offset, length))
    }

    fn extents(&self, offset: u64, length: u64, limit: usize) -> Result<Vec<Extent>, Error> {
        self.ask(|disk| disk.extents(offset, length, limit))
    }
}
