//! The end of a fence: the operator releases it, or the disk was returned to a moment of the past.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::event::EventKind;
use crate::gate::{Gate, Mode};
use crate::guard::Guard;
use crate::locks::{lock, write_lock};

/// What becomes of diverted writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Release {
    /// They are brought into the volume.
    Keep,
    /// They are given up: the volume is as it was at the fence, and clients must attach again.
    Drop,
}

/// What a release did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// What became of diverted writes.
    pub how: Release,
    /// The fork that they went to, which is being deleted.
    pub fork: Option<String>,
    /// Bytes that were brought from the fork into the volume.
    pub copied_bytes: u64,
}

impl Guard {
    /// Ends the fence in force, or the episode at hand: what was suspected is ordinary work. Keeping diverted writes takes
    /// as long as copying them does; clients are served meanwhile.
    pub fn release(&self, how: Release) -> Result<Released, Error> {
        let _operation = lock(&self.operations);
        let state = lock(&self.state);
        let (fence, is_suspected) = (state.fence.clone(), state.episode.is_some());
        drop(state);
        let fork = match fence {
            None if !is_suspected => return Err(Error::NotFenced(self.name.clone())),
            fence => fence.and_then(|fence| fence.fork),
        };
        let copied_bytes = match (&fork, how) {
            (Some(fork), Release::Keep) => self.keep_diverted(fork)?,
            (Some(fork), Release::Drop) => self.drop_diverted(fork).map(|()| 0)?,
            (None, Release::Drop) => return Err(Error::NothingDiverted(self.name.clone())),
            (None, Release::Keep) => {
                self.settle(&mut write_lock(&self.gate), None);
                0
            }
        };
        self.delete_leftovers();
        self.tell(EventKind::Released {
            how,
            fork: fork.clone(),
        });
        Ok(Released {
            how,
            fork,
            copied_bytes,
        })
    }

    /// To be called after the disk was returned to a moment of the past: ends a fence in force. Clients that were attached
    /// before are refused writes, by the volume, or here if they were served a fork. The fork is kept.
    pub fn rolled_back(&self) {
        let _operation = lock(&self.operations);
        let mut gate = write_lock(&self.gate);
        let fence = lock(&self.state).fence.clone();
        let fork = fence.as_ref().and_then(|fence| fence.fork.clone());
        if fork.is_some() {
            gate.era += 1;
        }
        self.settle(&mut gate, None);
        drop(gate);
        self.tell(EventKind::RolledBack { fork });
    }

    /// Ends fence and episode: everything suspected is explained. Saved before the gate opens, so that a crash leaves one
    /// or the other, not both.
    pub(crate) fn settle(&self, gate: &mut Gate, leftover: Option<&str>) {
        self.rest();
        let (wall, now) = (self.clock.now(), self.uptime.micros());
        let mut state = lock(&self.state);
        if state.fence.take().is_some() {
            state.counts.released += 1;
        }
        state.episode = None;
        state.since = wall;
        state.rested = now;
        state.leftovers.extend(leftover.map(ToOwned::to_owned));
        drop(state);
        self.save();
        gate.mode = Mode::Open;
        self.arm();
    }
}
