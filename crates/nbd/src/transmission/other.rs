//! Requests of the less frequent kinds.

use volume::{Device, Error, Hole};

use crate::events::{RequestKind, RequestSummary};
use crate::protocol::numbers::ErrorCode;
use crate::protocol::{Command, ContextSelection, Rejection, ReplyTo, Request};
use crate::transmission::round::{Executor, REPLIES_SIZE, summary};
use crate::transmission::status;

impl Executor {
    /// Executes a request of the less frequent kinds.
    pub(super) fn run_other(&mut self, request: &Request<'_>, to: &ReplyTo) {
        let device = &self.connection.device;
        let offset = request.offset;
        let (result, durable) = match request.command {
            Command::WriteZeroes { length, durable, hole } => (zero(device.as_ref(), offset, length, hole), durable),
            Command::Trim { length: 0, durable } => (Ok(()), durable),
            Command::Trim { length, durable } => (device.trim(offset, length), durable),
            Command::Cache { length } => (device.prefetch(offset, length), false),
            Command::BlockStatus {
                length,
                single,
                contexts,
            } => {
                return self.block_status(to, length, single, contexts);
            }
            // All others were dealt with before.
            _ => (Ok(()), false),
        };
        match result {
            Ok(()) if durable => self.flushes.push(*to),
            Ok(()) => to.success(&mut self.out),
            Err(error) => self.fail(to, summary(request), &error),
        }
    }

    fn block_status(&mut self, to: &ReplyTo, length: u64, single: bool, contexts: ContextSelection<'_>) {
        let contexts = match status::select(&self.contexts, contexts) {
            Ok(contexts) if length > 0 => contexts,
            Ok(_) => {
                return self.reject(
                    to,
                    Rejection {
                        code: ErrorCode::Invalid,
                        message: "status of nothing",
                    },
                );
            }
            Err(rejection) => return self.reject(to, rejection),
        };
        let device = self.connection.device.as_ref();
        if let Err(error) = status::describe(device, to, length, single, &contexts, &mut self.out) {
            let summary = RequestSummary {
                kind: RequestKind::BlockStatus,
                offset: to.offset,
                length,
            };
            self.fail(to, summary, &error);
        }
        if self.out.len() >= REPLIES_SIZE {
            self.send();
        }
    }
}

fn zero(device: &dyn Device, offset: u64, length: u64, hole: Hole) -> Result<(), Error> {
    if length == 0 {
        Ok(())
    } else {
        device.zero(offset, length, hole)
    }
}
