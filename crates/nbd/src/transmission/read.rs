//! Reads.

use std::time::Instant;

use volume::{Error, Wait};

use crate::clients::Traffic;
use crate::events::{RequestKind, RequestSummary};
use crate::protocol::{ReadReply, ReplyBuffer, ReplyTo};
use crate::transmission::connection::{Connection, Load};
use crate::transmission::failure::Failure;
use crate::transport::Patience;

/// A worker keeps a buffer of at most this size between jobs.
const SCRATCH_SIZE_KEPT: usize = 1 << 20;

/// A read that isn't answered yet. Its range was checked, and its length is neither zero nor more than a payload may
/// have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingRead {
    pub(super) to: ReplyTo,
    pub(super) length: u32,
    pub(super) unfragmented: bool,
}

/// The memory in which a worker prepares replies.
#[derive(Default)]
pub(crate) struct ReadScratch {
    out: ReplyBuffer,
}

impl PendingRead {
    pub(super) fn summary(&self) -> RequestSummary {
        RequestSummary {
            kind: RequestKind::Read,
            offset: self.to.offset,
            length: u64::from(self.length),
        }
    }

    /// What it weighs until it is answered.
    pub(super) fn load(&self) -> Load {
        Load {
            requests: 1,
            bytes: self.length as usize,
        }
    }

    /// Appends the reply. `false` when that would have to wait for the disk, and `wait` forbids it.
    pub(super) fn answer(
        &self,
        connection: &Connection,
        out: &mut ReplyBuffer,
        traffic: &mut Traffic,
        wait: Wait,
    ) -> bool {
        let reply = ReadReply::begin(out, self.to, self.length);
        match connection.device.read(self.to.offset, reply.data(out), wait) {
            Ok(()) => {
                reply.finish(out, self.unfragmented);
                traffic.bytes_read += u64::from(self.length);
            }
            Err(Error::WouldBlock) if wait == Wait::Never => {
                reply.abandon(out);
                return false;
            }
            Err(error) => {
                reply.abandon(out);
                traffic.errors += 1;
                connection.reporter.failed(self.summary(), &error);
                let failure = Failure::of(&error, RequestKind::Read);
                failure.reply(out, &self.to, self.to.offset, u64::from(self.length));
            }
        }
        true
    }

    /// Answers on a worker.
    pub(crate) fn work(&self, connection: &std::sync::Arc<Connection>, scratch: &mut ReadScratch) {
        let started = Instant::now();
        scratch.out.clear();
        if !connection.is_broken() {
            let mut traffic = Traffic::default();
            self.answer(connection, &mut scratch.out, &mut traffic, Wait::Allowed);
            connection.client.add(&traffic);
            connection.reporter.took(self.summary(), started);
        }
        connection.deliver(scratch.out.filled(), self.load(), Patience::Never);
        scratch.out.clear();
        scratch.out.shrink(SCRATCH_SIZE_KEPT);
    }
}
