//! The server: listeners, clients, and the end.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clients::{AddError, Client, ClientStatus, Clients, Order};
use crate::error::Error;
use crate::events::{Ending, Event, Refusal, ServerEvents};
use crate::export::ExportProvider;
use crate::handshake::negotiate;
use crate::limits::Limits;
use crate::listener::Listener;
use crate::peer::ClientId;
use crate::sync::lock;
use crate::tls::Tls;
use crate::transmission::serve;
use crate::transport::Socket;
use crate::workers::WorkerPool;

/// How long a listener waits after it failed to accept a client, for instance because of too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// How long connections that were cut have to notice it.
const CUT_TIMEOUT: Duration = Duration::from_secs(1);

/// How a server behaves.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What clients can make it spend.
    pub limits: Limits,
    /// Whether it speaks TLS.
    pub tls: Tls,
}

/// What happens to requests that arrive while the server is being stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateRequests {
    /// They are answered with an error, as the protocol recommends. Clients pass it on to their users.
    Refuse,
    /// They are left unanswered. Clients that reconnect repeat them, and nobody notices that the server was
    /// replaced.
    LeaveUnanswered,
}

/// How stopping went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainReport {
    /// Connections that had to be cut at the deadline, with requests unanswered.
    pub cut: usize,
}

/// An NBD server. It stops when it is dropped, cutting all connections; [`Server::drain`] stops it in good order.
pub struct Server {
    shared: Arc<Shared>,
    listeners: Mutex<Listeners>,
}

struct Shared {
    provider: Arc<dyn ExportProvider>,
    events: Arc<dyn ServerEvents>,
    settings: Settings,
    clients: Clients,
    workers: Arc<WorkerPool>,
}

/// The threads that accept clients. They end when the other end of `wake` is dropped.
struct Listeners {
    wake: Option<(OwnedFd, OwnedFd)>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// A server without listeners.
    ///
    /// # Errors
    ///
    /// The system has no resources left.
    pub fn new(
        provider: Arc<dyn ExportProvider>,
        events: Arc<dyn ServerEvents>,
        settings: Settings,
    ) -> Result<Self, Error> {
        let (awake, waker) = UnixStream::pair().map_err(|source| Error::Listen {
            address: "a pair of sockets".to_owned(),
            source,
        })?;
        let workers = WorkerPool::new(settings.limits.workers_max, settings.limits.jobs_waiting_max);
        let clients = Clients::default();
        let listeners = Listeners {
            wake: Some((awake.into(), waker.into())),
            threads: Vec::new(),
        };
        let shared = Arc::new(Shared {
            provider,
            events,
            settings,
            clients,
            workers,
        });
        Ok(Self {
            shared,
            listeners: Mutex::new(listeners),
        })
    }

    /// Accepts clients from `listener` until the server is stopped.
    ///
    /// # Errors
    ///
    /// The server is being stopped, or no thread can be started.
    pub fn listen(&self, listener: Listener) -> Result<(), Error> {
        let mut listeners = lock(&self.listeners);
        let Some((awake, _)) = &listeners.wake else {
            return Err(Error::Stopping);
        };
        let awake = awake.try_clone().map_err(Error::Thread)?;
        listener.prepare()?;
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new()
            .name("nbd-accept".to_owned())
            .spawn(move || shared.accept_all(&listener, &awake))
            .map_err(Error::Thread)?;
        listeners.threads.push(thread);
        Ok(())
    }

    /// Serves a client that is connected already. It is refused like any other where there are too many.
    pub fn serve(&self, socket: impl Into<OwnedFd>) {
        self.shared.welcome(Socket::new(socket.into()));
    }

    /// All clients, in the order in which they came.
    #[must_use]
    pub fn clients(&self) -> Vec<ClientStatus> {
        self.shared.clients.list()
    }

    /// Ends a connection at once, for instance because its disk is about to be rolled back. Says whether there was
    /// such a connection.
    pub fn disconnect(&self, client: ClientId) -> bool {
        self.shared.clients.kick(client)
    }

    /// Stops: no client is accepted any more, requests in flight are answered, and connections are closed, by force
    /// after `timeout`.
    pub fn drain(&self, timeout: Duration, late: LateRequests) -> DrainReport {
        self.stop_listening();
        self.shared.clients.close(match late {
            LateRequests::Refuse => Order::DrainAndRefuse,
            LateRequests::LeaveUnanswered => Order::DrainAndLeave,
        });
        let cut = self.shared.clients.wait_until_empty(timeout);
        if cut > 0 {
            self.shared.clients.cut();
            self.shared.clients.wait_until_empty(CUT_TIMEOUT);
        }
        self.shared.workers.close();
        DrainReport { cut }
    }

    fn stop_listening(&self) {
        let threads = {
            let mut listeners = lock(&self.listeners);
            listeners.wake = None;
            std::mem::take(&mut listeners.threads)
        };
        for thread in threads {
            // A listener that panicked doesn't listen any more, which is what is wanted.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.drain(Duration::ZERO, LateRequests::LeaveUnanswered);
    }
}

impl Shared {
    fn accept_all(self: &Arc<Self>, listener: &Listener, awake: &OwnedFd) {
        loop {
            match listener.accept(awake.as_fd()) {
                Ok(Some(socket)) => self.welcome(socket),
                Ok(None) => return,
                Err(error) => {
                    self.events.event(&Event::AcceptFailed {
                        address: listener.address(),
                        error: &error,
                    });
                    std::thread::sleep(ACCEPT_PAUSE);
                }
            }
        }
    }

    /// Starts the thread of a client, or turns it away.
    fn welcome(self: &Arc<Self>, socket: Socket) {
        let limits = &self.settings.limits;
        let client = match self.clients.add(socket, limits) {
            Ok(client) => client,
            Err((reason, socket)) => {
                let reason = match reason {
                    AddError::Full => Refusal::TooManyClients {
                        limit: limits.clients_max,
                    },
                    AddError::Closed => Refusal::Stopping,
                };
                return self.events.event(&Event::Refused {
                    peer: socket.peer(),
                    reason,
                });
            }
        };
        let shared = Arc::clone(self);
        let thread_client = Arc::clone(&client);
        let name = format!("nbd-client-{}", client.id.0);
        let spawned = std::thread::Builder::new()
            .name(name)
            .spawn(move || shared.attend(&thread_client));
        if spawned.is_err() {
            client.socket.shut_down();
            self.clients.remove(client.id);
            self.events.event(&Event::Refused {
                peer: client.socket.peer(),
                reason: Refusal::NoThread,
            });
        }
    }

    /// The thread of a client.
    fn attend(self: &Arc<Self>, client: &Arc<Client>) {
        let ending = catch_unwind(AssertUnwindSafe(|| self.converse(client))).unwrap_or(Ending::Panicked);
        client.socket.shut_down();
        let reason = match (ending, client.order()) {
            (Ending::Closed | Ending::Io(_), Order::Kick) => Ending::Kicked,
            (Ending::Closed | Ending::Io(_), Order::MakeWay) => Ending::MadeWay,
            (Ending::Closed | Ending::Io(_), Order::DrainAndRefuse | Order::DrainAndLeave) => Ending::Stopped,
            (ending, _) => ending,
        };
        self.events.event(&Event::Disconnected {
            client: &client.status(),
            reason: &reason,
        });
        self.clients.remove(client.id);
    }

    fn converse(self: &Arc<Self>, client: &Arc<Client>) -> Ending {
        let Settings { limits, tls } = &self.settings;
        let negotiated = match negotiate(client, self.provider.as_ref(), tls, limits) {
            Ok(negotiated) => negotiated,
            Err(ending) => return ending,
        };
        client.set_export(negotiated.export.name.clone());
        self.events.event(&Event::Connected(&client.status()));
        serve(
            negotiated,
            Arc::clone(client),
            Arc::clone(&self.events),
            Arc::clone(&self.workers),
            limits,
        )
    }
}
