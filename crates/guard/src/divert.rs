//! Diverted writes: a fork takes the volume's place, so that the guest goes on and the volume stays clean.
//!
//! Order of effects of diverting: the gate closes (no write is under way); the volume is forked at its newest batch; that
//! is saved, durably; the gate opens to the fork. A crash before the save leaves a fork that nobody wrote to; after it, the
//! next start goes on with the fork. No write is lost or lands on the volume.
//!
//! Order of effects of keeping: that it has begun is saved; what changed on the fork is copied while the guest goes on,
//! again and again until little is left; the gate closes; the rest is copied and flushed; the end is saved; the gate opens
//! to the volume; the fork is deleted. After a crash before the end is saved, keeping can be repeated, and dropping first
//! returns the volume to the fork's start.

use std::sync::Arc;

use sentinel::Look;
use volume::{
    Attachment, Before, Device, Error, Extent, ExtentKind, Hole, Moment, Observer, Timestamp, Volume, Wait,
    WriteRequest,
};

use crate::gate::Mode;
use crate::guard::Guard;
use crate::locks::{lock, read_lock, write_lock};
use crate::settings::Fence;

/// Forks of one volume that may exist beside each other.
const FORKS_MAX: u32 = 99;
/// Characters of the volume's name in a fork's: the pin that keeps a fork's start is longer yet, and has 64.
const NAME_CHARACTERS_MAX: usize = 44;
/// Bytes copied at a time.
const CHUNK_BYTES: u64 = 1 << 20;
/// Extents looked at together.
const EXTENTS: usize = 1024;
/// Rounds of copying while the guest goes on.
const ROUNDS_MAX: usize = 8;
/// What a round copied is little enough for the next one to be the last, with the gate closed.
const LITTLE_BYTES: u64 = 32 << 20;

/// What a fork's name begins with.
fn base_name(volume: &str) -> String {
    let start: String = volume.chars().take(NAME_CHARACTERS_MAX).collect();
    format!("{start}.diverted")
}

/// Whether a fork may be one that writes to the volume were diverted to.
pub(crate) fn is_fork_name(volume: &str, fork: &str) -> bool {
    let number = fork.strip_prefix(&base_name(volume));
    number.is_some_and(|number| number.is_empty() || number.starts_with('-'))
}

impl Guard {
    /// Forks the volume at this moment and sends all clients there.
    pub(crate) fn divert(&self, because: Option<&str>) -> Result<(), Error> {
        let mut gate = write_lock(&self.gate);
        let fork = self.fork_now()?;
        let name = fork.name().to_owned();
        self.enter_fence(Fence::Divert, Some(name.clone()), because);
        if let Err(error) = self.try_save() {
            // After a crash the guest would be served the volume, without what it wrote to the fork.
            let mut state = lock(&self.state);
            state.fence = None;
            state.counts.fences -= 1;
            state.leftovers.push(name);
            return Err(error);
        }
        gate.mode = Mode::Diverted(Arc::new(fork.attach(Arc::clone(&self.clock))));
        Ok(())
    }

    fn fork_now(&self) -> Result<Arc<Volume>, Error> {
        let base = base_name(&self.name);
        let moment = Moment::After(self.volume.newest().sequence);
        let mut name = base.clone();
        let mut number = 1;
        loop {
            match self.store.fork(&self.name, &moment, &name, self.clock.now()) {
                Err(Error::VolumeExists(_) | Error::PinExists(_)) if number < FORKS_MAX => {
                    number += 1;
                    name = format!("{base}-{number}");
                }
                forked => return forked,
            }
        }
    }

    /// Brings what was diverted into the volume, and clients back to it. Returns the bytes copied.
    pub(crate) fn keep_diverted(&self, fork: &str) -> Result<u64, Error> {
        let source = self.diverted_to(fork)?;
        if let Some(fence) = &mut lock(&self.state).fence {
            fence.keep_begun = true;
        }
        self.try_save()?;
        let line = self.volume.attach(Arc::clone(&self.clock));
        let mut from = source.volume().created();
        let mut copied = 0;
        for _ in 0..ROUNDS_MAX {
            let began = source.volume().newest().time;
            let bytes = copy_changes(&source, &line, from)?;
            copied += bytes;
            from = began;
            if bytes <= LITTLE_BYTES {
                break;
            }
        }
        let mut gate = write_lock(&self.gate);
        self.fit_size(&source)?;
        copied += copy_changes(&source, &line, from)?;
        line.flush()?;
        drop(source);
        self.settle(&mut gate, Some(fork));
        Ok(copied)
    }

    /// Gives up what was diverted, and brings clients that attach from now on back to the volume.
    pub(crate) fn drop_diverted(&self, fork: &str) -> Result<(), Error> {
        let mut gate = write_lock(&self.gate);
        let is_changed = lock(&self.state).fence.as_ref().is_some_and(|fence| fence.keep_begun);
        if is_changed {
            let start = self
                .volume
                .pins()
                .into_iter()
                .find(|pin| pin.fork.as_deref() == Some(fork));
            let start = start.ok_or_else(|| Error::NoSuchPin(format!("fork.{fork}")))?;
            self.volume.rollback(&Moment::Pin(start.name), self.clock.now())?;
        }
        // What clients hold in memory is of the fork.
        gate.era += 1;
        self.settle(&mut gate, Some(fork));
        Ok(())
    }

    /// The fork, also if it couldn't be opened at the start.
    fn diverted_to(&self, fork: &str) -> Result<Arc<Attachment>, Error> {
        if let Some(open) = read_lock(&self.gate).fork() {
            return Ok(open);
        }
        let opened = self.store.volume(fork, self.clock.now())?;
        Ok(Arc::new(opened.attach(Arc::clone(&self.clock))))
    }

    /// The fork may have grown.
    fn fit_size(&self, source: &Attachment) -> Result<(), Error> {
        if source.size_bytes() > self.volume.size_bytes() {
            self.volume.resize(source.size_bytes(), self.clock.now())?;
        }
        Ok(())
    }

    /// Deletes forks that nobody needs any more. One that is still read is tried again.
    pub(crate) fn delete_leftovers(&self) {
        // What is saved must not say that a fork is in use that is gone.
        if lock(&self.saver).is_failing {
            return;
        }
        let leftovers = lock(&self.state).leftovers.clone();
        for fork in leftovers {
            let error = match self.store.delete(&fork, self.clock.now()) {
                Err(Error::VolumeInUse(_)) => continue,
                Ok(()) | Err(Error::NoSuchVolume(_)) => None,
                Err(error) => Some(error),
            };
            lock(&self.state).leftovers.retain(|left| *left != fork);
            if let Some(error) = error {
                self.tell_failure(
                    &format!("deleting the fork `{fork}`, which is of no use any more,"),
                    &error,
                );
            }
        }
    }
}

/// Makes blocks' content classes known to the volume, and nothing else.
struct Classifying;

impl Observer for Classifying {
    fn classify(&mut self, block: &[u8]) -> u8 {
        Look::at(block).class as u8
    }

    fn written(&mut self, _before: Before, _now: Timestamp) {}
}

/// Copies what was changed on `source` at or after `from` (to the second) to `line`. Returns the bytes copied.
fn copy_changes(source: &Attachment, line: &Attachment, from: Timestamp) -> Result<u64, Error> {
    let from = from.as_unix_nanos() / 1_000_000_000;
    let end = source.size_bytes().min(line.size_bytes());
    let mut copy = Copy {
        source,
        line,
        buffers: [vec![0; CHUNK_BYTES as usize], vec![0; CHUNK_BYTES as usize]],
        copied: 0,
    };
    let mut offset = 0;
    while offset < end {
        for extent in source.extents(offset, end - offset, EXTENTS)? {
            let is_changed = |written: Timestamp| written.as_unix_nanos() / 1_000_000_000 >= from;
            if extent.written.is_some_and(is_changed) {
                copy.extent(offset, &extent)?;
            }
            offset += extent.length;
        }
    }
    Ok(copy.copied)
}

struct Copy<'c> {
    source: &'c Attachment,
    line: &'c Attachment,
    buffers: [Vec<u8>; 2],
    copied: u64,
}

impl Copy<'_> {
    fn extent(&mut self, offset: u64, extent: &Extent) -> Result<(), Error> {
        match extent.kind {
            ExtentKind::Hole => return self.line.trim(offset, extent.length),
            ExtentKind::Zero => return self.line.zero(offset, extent.length, Hole::Refused),
            ExtentKind::Data => {}
        }
        let end = offset + extent.length;
        let mut offset = offset;
        while offset < end {
            let length = CHUNK_BYTES.min(end - offset);
            self.chunk(offset, length as usize)?;
            offset += length;
        }
        Ok(())
    }

    /// What is alike needs no copying: a second's other writes, what an attempt that was cut off copied.
    fn chunk(&mut self, offset: u64, length: usize) -> Result<(), Error> {
        let [new, old] = &mut self.buffers;
        let (new, old) = (new.get_mut(..length), old.get_mut(..length));
        let (Some(new), Some(old)) = (new, old) else {
            return Ok(());
        };
        self.source.read(offset, new, Wait::Allowed)?;
        self.line.read(offset, old, Wait::Allowed)?;
        if new != old {
            self.line
                .write_observed(&[WriteRequest { offset, data: new }], &mut Classifying)?;
            self.copied += length as u64;
        }
        Ok(())
    }
}
