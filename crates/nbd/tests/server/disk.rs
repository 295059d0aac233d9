//! A disk that behaves as a test wants it to.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use volume::{Device, Error, Extent, Hole, Wait, WriteRequest};

use crate::memory::MemoryDisk;

/// A disk in memory with switches.
pub(crate) struct TestDisk {
    pub(crate) memory: MemoryDisk,
    read_only: bool,
    /// Whether reads would have to wait for the disk below.
    pub(crate) cold: AtomicBool,
    /// Whether a flush takes a while.
    pub(crate) slow_flushes: AtomicBool,
    /// Whether the next operation panics.
    pub(crate) panics: AtomicBool,
    /// Reads that could wait for the disk.
    pub(crate) patient_reads: AtomicU64,
    /// Batches written by workers.
    pub(crate) batches_of_workers: AtomicU64,
    /// Writes that were followed by no [`Device::settle`] yet, and those that were.
    pub(crate) unsettled: AtomicU64,
    pub(crate) settled: AtomicU64,
    /// Who holds this keeps the disk from settling.
    pub(crate) settling: Mutex<()>,
    /// The size told to clients, where it differs from the real one.
    pub(crate) told_size: AtomicU64,
    /// The most bytes described at once, if not 0; and how often a description was asked for.
    pub(crate) described_max: AtomicU64,
    pub(crate) descriptions: AtomicU64,
    /// Makes the error of every operation from now on.
    pub(crate) failure: Mutex<Option<fn() -> Error>>,
    /// Reads and flushes that may wait do so while this is closed.
    gate: Mutex<Gate>,
    changed: Condvar,
}

#[derive(Default)]
struct Gate {
    closed: bool,
    waiting: usize,
}

impl TestDisk {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            memory: MemoryDisk::new(size),
            read_only: false,
            cold: AtomicBool::new(false),
            slow_flushes: AtomicBool::new(false),
            panics: AtomicBool::new(false),
            patient_reads: AtomicU64::new(0),
            batches_of_workers: AtomicU64::new(0),
            unsettled: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            settling: Mutex::new(()),
            told_size: AtomicU64::new(0),
            described_max: AtomicU64::new(0),
            descriptions: AtomicU64::new(0),
            failure: Mutex::new(None),
            gate: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn read_only(size: usize) -> Self {
        Self {
            read_only: true,
            ..Self::new(size)
        }
    }

    pub(crate) fn fail_with(&self, failure: fn() -> Error) {
        *self.failure.lock().unwrap() = Some(failure);
    }

    pub(crate) fn close_gate(&self) {
        self.gate.lock().unwrap().closed = true;
    }

    pub(crate) fn open_gate(&self) {
        self.gate.lock().unwrap().closed = false;
        self.changed.notify_all();
    }

    /// Waits until `count` operations wait at the gate.
    pub(crate) fn wait_for_waiting(&self, count: usize) {
        let gate = self.gate.lock().unwrap();
        let (gate, timeout) = self
            .changed
            .wait_timeout_while(gate, Duration::from_secs(10), |gate| gate.waiting < count)
            .unwrap();
        assert!(!timeout.timed_out(), "only {} of {count} operations wait", gate.waiting);
    }

    fn pass_gate(&self) {
        let mut gate = self.gate.lock().unwrap();
        gate.waiting += 1;
        self.changed.notify_all();
        while gate.closed {
            gate = self.changed.wait(gate).unwrap();
        }
        gate.waiting -= 1;
    }

    fn check(&self) -> Result<(), Error> {
        assert!(!self.panics.swap(false, SeqCst), "a defect made for a test");
        self.failure.lock().unwrap().map_or(Ok(()), |failure| Err(failure()))
    }
}

impl Device for TestDisk {
    fn size_bytes(&self) -> u64 {
        match self.told_size.load(SeqCst) {
            0 => self.memory.size_bytes(),
            size => size,
        }
    }

    fn is_read_only(&self) -> bool {
        self.read_only
    }

    fn read(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<(), Error> {
        match wait {
            Wait::Never if self.cold.load(SeqCst) => return Err(Error::WouldBlock),
            Wait::Never => {}
            Wait::Allowed => {
                self.patient_reads.fetch_add(1, SeqCst);
                self.pass_gate();
            }
        }
        self.check()?;
        self.memory.read(offset, buffer, wait)
    }

    fn write(&self, writes: &[WriteRequest<'_>]) -> Result<(), Error> {
        if std::thread::current().name() == Some("nbd-worker") {
            self.batches_of_workers.fetch_add(1, SeqCst);
        }
        self.check()?;
        self.memory.write(writes)
    }

    fn write_unsettled(&self, writes: &[WriteRequest<'_>]) -> Result<(), Error> {
        self.write(writes)?;
        self.unsettled.fetch_add(writes.len() as u64, SeqCst);
        Ok(())
    }

    fn settle(&self) {
        let _settling = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        self.settled.fetch_add(self.unsettled.swap(0, SeqCst), SeqCst);
    }

    fn zero(&self, offset: u64, length: u64, hole: Hole) -> Result<(), Error> {
        self.check()?;
        self.memory.zero(offset, length, hole)
    }

    fn trim(&self, offset: u64, length: u64) -> Result<(), Error> {
        self.check()?;
        self.memory.trim(offset, length)
    }

    fn flush(&self) -> Result<(), Error> {
        self.pass_gate();
        if self.slow_flushes.load(SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.check()?;
        self.memory.flush()
    }

    fn prefetch(&self, offset: u64, length: u64) -> Result<(), Error> {
        self.check()?;
        self.memory.prefetch(offset, length)
    }

    fn extents(&self, offset: u64, length: u64, limit: usize) -> Result<Vec<Extent>, Error> {
        self.check()?;
        self.descriptions.fetch_add(1, SeqCst);
        let length = match self.described_max.load(SeqCst) {
            0 => length,
            most => length.min(most),
        };
        self.memory.extents(offset, length, limit)
    }
}
