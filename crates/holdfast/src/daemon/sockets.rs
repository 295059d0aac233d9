//! The NBD servers: one for local sockets, one for TCP, so that TLS and its rules concern the network only.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use listenfd::ListenFd;
use nbd::{ClientStatus, LateRequests, Limits, Listener, Server, Settings, Tls};

use super::events::LoggedEvents;
use super::exports::Exports;
use crate::config::{Config, Listen, tls};
use crate::control::ClientReport;
use crate::failure::{Failure, FailureCode};
use crate::log::Log;

/// The servers and where they listen.
pub(super) struct Servers {
    local: Server,
    network: Server,
    places: Vec<String>,
    /// The unix socket to be named in examples.
    socket: Option<PathBuf>,
    is_draining: AtomicBool,
}

/// A socket, and whether it is reached over the network.
struct Place {
    listener: Listener,
    is_network: bool,
    path: Option<PathBuf>,
}

/// Starts listening where the configuration or systemd says.
pub(super) fn start(config: &Config, data: &Path, exports: Arc<Exports>, log: &Arc<Log>) -> Result<Servers, Failure> {
    let server = |tls| {
        let events = Arc::new(LoggedEvents::new(Arc::clone(exports.engine()), Arc::clone(log)));
        let limits = Limits {
            clients_max: config.max_clients as usize,
            ..Limits::default()
        };
        Server::new(exports.clone(), events, Settings { limits, tls }).map_err(|error| failure(&error))
    };
    let mut servers = Servers {
        local: server(Tls::Off)?,
        network: server(tls(config)?)?,
        places: Vec::new(),
        socket: None,
        is_draining: AtomicBool::new(false),
    };
    let mut places = inherited()?;
    if places.is_empty() {
        places = config
            .listen
            .iter()
            .map(|listen| open(listen, config, data))
            .collect::<Result<_, _>>()?;
    }
    for place in places {
        servers.places.push(place.listener.address().to_owned());
        servers.socket = servers.socket.or(place.path);
        let server = if place.is_network {
            &servers.network
        } else {
            &servers.local
        };
        server.listen(place.listener).map_err(|error| failure(&error))?;
    }
    Ok(servers)
}

impl Servers {
    /// Where the servers listen.
    pub(super) fn places(&self) -> &[String] {
        &self.places
    }

    /// A unix socket that they listen on.
    pub(super) fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// Whether clients are served: not any more once the servers stop.
    pub(super) fn are_serving(&self) -> bool {
        !self.is_draining.load(Ordering::Relaxed)
    }

    /// Who is connected.
    pub(super) fn clients(&self) -> Vec<ClientReport> {
        self.local
            .clients()
            .iter()
            .chain(&self.network.clients())
            .map(client_report)
            .collect()
    }

    /// Ends the connections to a volume's live disk, so that its clients connect anew.
    pub(super) fn disconnect(&self, export: &str) -> usize {
        let end = |server: &Server| {
            let clients = server
                .clients()
                .into_iter()
                .filter(|client| client.export.as_deref() == Some(export));
            clients.filter(|client| server.disconnect(client.id)).count()
        };
        end(&self.local) + end(&self.network)
    }

    /// Stops, and says how many clients had to be cut off.
    pub(super) fn drain(&self, patience: Duration) -> usize {
        self.is_draining.store(true, Ordering::Relaxed);
        // Clients that reconnect repeat what they asked for, so that a restart of the daemon goes unnoticed.
        let drain = |server: &Server| server.drain(patience, LateRequests::LeaveUnanswered).cut;
        std::thread::scope(|scope| {
            let network = scope.spawn(|| drain(&self.network));
            drain(&self.local) + network.join().unwrap_or(0)
        })
    }
}

fn open(listen: &Listen, config: &Config, data: &Path) -> Result<Place, Failure> {
    match listen {
        Listen::Unix(path) => {
            let path = data.join(path);
            let listener = Listener::unix(&path, config.socket_mode).map_err(|error| failure(&error))?;
            Ok(Place {
                listener,
                is_network: false,
                path: Some(path),
            })
        }
        Listen::Tcp(address) => {
            let listener = Listener::tcp(*address).map_err(|error| failure(&error))?;
            Ok(Place {
                listener,
                is_network: true,
                path: None,
            })
        }
    }
}

/// The sockets that systemd passed.
fn inherited() -> Result<Vec<Place>, Failure> {
    let mut sockets = ListenFd::from_env();
    let mut places = Vec::new();
    for index in 0..sockets.len() {
        if let Ok(Some(listener)) = sockets.take_unix_listener(index) {
            let listener: UnixListener = listener;
            let path = listener
                .local_addr()
                .ok()
                .and_then(|address| address.as_pathname().map(Path::to_owned));
            places.push(Place {
                listener: listener.into(),
                is_network: false,
                path,
            });
            continue;
        }
        let listener = sockets.take_tcp_listener(index).ok().flatten();
        let listener: TcpListener = listener.ok_or_else(|| {
            Failure::refused(format!(
                "inherited socket `{index}` is neither a unix nor a TCP stream socket"
            ))
        })?;
        places.push(Place {
            listener: listener.into(),
            is_network: true,
            path: None,
        });
    }
    Ok(places)
}

fn client_report(client: &ClientStatus) -> ClientReport {
    ClientReport {
        peer: client.peer.to_string(),
        export: client.export.clone(),
        tls: client.tls,
        bytes_read: client.traffic.bytes_read,
        bytes_written: client.traffic.bytes_written,
        errors: client.traffic.errors,
    }
}

fn failure(error: &nbd::Error) -> Failure {
    match error {
        nbd::Error::SocketInUse { .. } => Failure::refused(error.to_string()).hint("choose another with `--listen`"),
        nbd::Error::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
            Failure::refused(error.to_string()).hint("choose another with `--listen`")
        }
        _ => Failure::new(FailureCode::Failure, error.to_string()),
    }
}
