//! The thread of a connection in transmission: receives, has rounds executed, and ends in good order.

use std::io;
use std::sync::Arc;

use crate::clients::{Client, Order};
use crate::events::{Ending, ServerEvents};
use crate::handshake::Negotiated;
use crate::limits::Limits;
use crate::sync::lock;
use crate::transmission::connection::{Connection, Load};
use crate::transmission::inbox::{IDLE, Inbox};
use crate::transmission::reporter::Reporter;
use crate::transmission::round::{Executor, NextStep};
use crate::transmission::write::{PlacedWrite, WriteJob};
use crate::transport::{Patience, TlsInbox};
use crate::workers::WorkerPool;

/// Where more bytes of a request than this are missing, they are waited for all at once.
const WAIT_FOR_ALL_MIN: usize = 64 << 10;

/// Serves a client until it goes, and says why it went.
pub(crate) fn serve(
    negotiated: Negotiated,
    client: Arc<Client>,
    events: Arc<dyn ServerEvents>,
    workers: Arc<WorkerPool>,
    limits: &Limits,
) -> Ending {
    let Negotiated {
        link,
        tls_inbox,
        export,
        dialect,
        contexts,
    } = negotiated;
    let reporter = Reporter::new(events, client.id, export.name, limits.slow_request);
    let connection = Arc::new(Connection::new(link, export.device, dialect, client, reporter, *limits));
    let executor = Executor::new(Arc::clone(&connection), workers, contexts);
    let mut session = Session {
        connection: Arc::clone(&connection),
        executor,
        inbox: Inbox::new(),
        tls_inbox,
        timed: false,
    };
    let ending = match session.run() {
        Err(ending) => ending,
        Ok(never) => match never {},
    };
    connection.wait_until_idle();
    if connection.is_aborted() {
        return Ending::Panicked;
    }
    connection.link.close();
    ending
}

struct Session {
    connection: Arc<Connection>,
    executor: Executor,
    inbox: Inbox,
    tls_inbox: TlsInbox,
    /// Whether receiving is interrupted after a silence, to give memory back.
    timed: bool,
}

impl Session {
    fn run(&mut self) -> Result<std::convert::Infallible, Ending> {
        let mut needed = self.connection.dialect.request_header_size();
        loop {
            self.receive(needed)?;
            needed = self.execute()?;
        }
    }

    /// Executes everything complete that has arrived, and says how many bytes the next request needs at least.
    fn execute(&mut self) -> Result<usize, Ending> {
        loop {
            match self.connection.client.order() {
                Order::None => {}
                Order::DrainAndRefuse => self.executor.refuses_all = true,
                Order::DrainAndLeave => return Err(Ending::Stopped),
                Order::Kick => return Err(Ending::Kicked),
                Order::MakeWay => return Err(Ending::MadeWay),
            }
            if let Some((length, writes)) = self.executor.take_large_writes(self.inbox.window()) {
                self.hand_over(length, writes);
            }
            let end = self.executor.round(self.inbox.window());
            self.inbox.consume(end.consumed);
            match end.next {
                NextStep::Receive { needed } => return Ok(needed),
                NextStep::Skip { length, to, rejection } => {
                    self.skip(length)?;
                    self.executor.answer_rejected(&to, rejection);
                }
                NextStep::Disconnect => return Err(Ending::Disconnected),
                NextStep::Abandon(violation) => return Err(Ending::Protocol(violation)),
            }
        }
    }

    /// Gives writes to a worker, with the buffer that holds their data.
    fn hand_over(&mut self, length: usize, mut writes: Vec<PlacedWrite>) {
        let spare = lock(&self.connection.flow).spare_inbox();
        let (bytes, start) = self.inbox.detach(length, spare);
        for write in &mut writes {
            write.data = write.data.start + start..write.data.end + start;
        }
        self.connection
            .write_later(WriteJob { bytes, writes }, self.executor.workers());
    }

    /// Receives, so that `needed` bytes from the front of the window fit, and at least one more is there.
    fn receive(&mut self, needed: usize) -> Result<(), Ending> {
        let missing = self.inbox.make_room(needed);
        self.set_timed(self.inbox.is_grown() || self.executor.is_grown())?;
        let all = missing >= WAIT_FOR_ALL_MIN;
        let free = self.inbox.free();
        let into = if all {
            free.get_mut(..missing).unwrap_or_default()
        } else {
            free
        };
        match self.connection.link.receive(&mut self.tls_inbox, into, all) {
            Ok(0) => return Err(Ending::Closed),
            Ok(length) => self.inbox.received(length),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.inbox.shrink();
                self.executor.shrink();
            }
            Err(error) => return Err(Ending::from_io(error)),
        }
        if self.connection.link.wants_to_send() {
            self.connection.deliver(&[], Load::default(), Patience::Wait);
        }
        Ok(())
    }

    fn set_timed(&mut self, timed: bool) -> Result<(), Ending> {
        if self.timed != timed {
            self.timed = timed;
            let timeout = timed.then_some(IDLE);
            self.connection
                .link
                .socket()
                .set_receive_timeout(timeout)
                .map_err(Ending::Io)?;
        }
        Ok(())
    }

    /// Drops `length` bytes, those that have arrived first.
    fn skip(&mut self, length: u64) -> Result<(), Ending> {
        let mut left = length;
        loop {
            let present = self.inbox.window().len() as u64;
            let dropped = present.min(left);
            // The cast loses nothing: that many bytes are in memory.
            self.inbox.consume(dropped as usize);
            left -= dropped;
            if left == 0 {
                return Ok(());
            }
            self.receive(1)?;
        }
    }
}
