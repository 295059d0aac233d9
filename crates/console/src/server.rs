//! The server: accepts, bounds and ends connections.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use respond::Actor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower_service::Service;

use crate::auth::Peer;
use crate::error::Error;
use crate::router::router;
use crate::settings::Settings;
use crate::site::Site;
use crate::state::{Shared, State};
use crate::stream::Impatient;
use crate::tls::Certificate;

/// A pause after the system had no room for another connection.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(100);
/// How often the certificate's files are looked at.
const LOOK_AT_CERTIFICATE_EVERY: Duration = Duration::from_secs(5);
/// How often it is looked whether a certificate of one's own ends soon.
const RENEW_EVERY: Duration = Duration::from_secs(3600);
/// Threads that requests are answered by; what waits for the disk has its own.
const THREADS: usize = 2;

/// A running console. Dropped without [`Server::stop`] it cuts everybody off.
pub struct Server {
    runtime: Runtime,
    inner: Arc<Inner>,
    address: Option<SocketAddr>,
}

/// What every connection needs.
struct Inner {
    state: Shared,
    router: Router,
    certificate: Option<Certificate>,
    /// One permit for each connection that may be open.
    permits: Arc<Semaphore>,
    /// Connections of each address; those of this machine aren't counted.
    addresses: Mutex<HashMap<IpAddr, usize>>,
}

/// Answers at the address in the settings, and at connections that are given to [`Server::adopt`].
///
/// # Errors
/// When the address can't be listened on, the certificate can't be used, or threads can't be started.
pub fn serve(settings: Settings, site: Arc<dyn Site>) -> Result<Server, Error> {
    let certificate = settings.certificate.as_ref().map(Certificate::load).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .thread_name("console")
        .build()
        .map_err(Error::Threads)?;
    let listen = settings.listen;
    let state = Arc::new(State::new(settings, site));
    let inner = Arc::new(Inner {
        router: router(&state),
        permits: Arc::new(Semaphore::new(state.settings.limits.connections)),
        state,
        certificate,
        addresses: Mutex::default(),
    });
    let mut bound = None;
    if let Some(address) = listen {
        let failed = |source| Error::Listen { address, source };
        let listener = runtime.block_on(TcpListener::bind(address)).map_err(failed)?;
        bound = Some(listener.local_addr().map_err(failed)?);
        runtime.spawn(accept(listener, Arc::clone(&inner)));
    }
    if inner.certificate.is_some() {
        runtime.spawn(look_at_certificate(Arc::clone(&inner)));
    }
    Ok(Server {
        runtime,
        inner,
        address: bound,
    })
}

impl Server {
    /// Where it listens: with the port that the system chose where 0 was asked for.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// What its requests share.
    #[must_use]
    pub fn state(&self) -> &Shared {
        &self.inner.state
    }

    /// Answers a connection of the control socket, whose other end is `who` and may do everything.
    ///
    /// # Errors
    /// When the connection can't be taken over.
    pub fn adopt(&self, stream: StdUnixStream, who: Actor) -> Result<(), Error> {
        stream.set_nonblocking(true).map_err(Error::Connection)?;
        let _entered = self.runtime.enter();
        let stream = UnixStream::from_std(stream).map_err(Error::Connection)?;
        let inner = Arc::clone(&self.inner);
        self.runtime.spawn(async move {
            let Ok(permit) = Arc::clone(&inner.permits).acquire_owned().await else {
                return;
            };
            let counted = Counted::new(&inner, None, permit);
            converse(&counted, stream, Peer::Local(who)).await;
        });
        Ok(())
    }

    /// Reads the certificate's files again; new connections use what is in them.
    ///
    /// # Errors
    /// When they can't be used; the certificate in use then stays.
    pub fn reload(&self) -> Result<(), Error> {
        self.inner.certificate.as_ref().map_or(Ok(()), Certificate::reload)
    }

    /// Accepts nobody any more, lets requests that have begun be answered for as long as `patience`, and ends. How many connections
    /// had to be cut off.
    #[must_use]
    pub fn stop(self, patience: Duration) -> usize {
        self.inner.state.stop();
        let most = self.inner.state.settings.limits.connections;
        let all = u32::try_from(most).unwrap_or(u32::MAX);
        let permits = Arc::clone(&self.inner.permits);
        let ended = async { tokio::time::timeout(patience, permits.acquire_many(all)).await.is_ok() };
        let cut = if self.runtime.block_on(ended) {
            0
        } else {
            most - self.inner.permits.available_permits()
        };
        self.runtime.shutdown_timeout(Duration::from_secs(1));
        cut
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// A connection that is open: counted as long as this lives.
struct Counted {
    inner: Arc<Inner>,
    address: Option<IpAddr>,
    _permit: OwnedSemaphorePermit,
}

impl Counted {
    fn new(inner: &Arc<Inner>, address: Option<IpAddr>, permit: OwnedSemaphorePermit) -> Self {
        inner.state.metrics.connections.fetch_add(1, Ordering::Relaxed);
        if let Some(address) = address {
            let mut addresses = inner.addresses.lock().unwrap_or_else(PoisonError::into_inner);
            *addresses.entry(address).or_default() += 1;
        }
        Self {
            inner: Arc::clone(inner),
            address,
            _permit: permit,
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.inner.state.metrics.connections.fetch_sub(1, Ordering::Relaxed);
        let Some(address) = self.address else { return };
        let mut addresses = self.inner.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = addresses.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&address);
            }
        }
    }
}

impl Inner {
    /// Whether an address has as many connections as it may.
    fn is_full(&self, address: IpAddr) -> bool {
        let addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let most = self.state.settings.limits.connections_per_address;
        addresses.get(&address).is_some_and(|count| *count >= most)
    }
}

/// Accepts connections until the server stops. Where too many are open, others wait in the system's queue.
async fn accept(listener: TcpListener, inner: Arc<Inner>) {
    let mut stopping = inner.state.stopping();
    loop {
        let permit = tokio::select! {
            permit = Arc::clone(&inner.permits).acquire_owned() => permit,
            _ = stopping.changed() => return,
        };
        let Ok(permit) = permit else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.changed() => return,
        };
        let Ok((stream, peer)) = accepted else {
            // No room for another file, mostly: connections that end make some.
            tokio::time::sleep(NO_ROOM_PAUSE).await;
            continue;
        };
        let address = peer.ip().to_canonical();
        let counted = (!address.is_loopback()).then_some(address);
        if counted.is_some_and(|address| inner.is_full(address)) {
            inner.state.metrics.cut_off.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        tokio::spawn(connection(Counted::new(&inner, counted, permit), stream, address));
    }
}

/// One connection over a network, from its first byte to its end.
async fn connection(counted: Counted, stream: TcpStream, address: IpAddr) {
    // Answers are written whole: waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let peer = Peer::Network(address);
    let Some(certificate) = &counted.inner.certificate else {
        converse(&counted, stream, peer).await;
        return;
    };
    let patience = counted.inner.state.settings.limits.head_time;
    let handshake = TlsAcceptor::from(certificate.config()).accept(stream);
    // Who fails at the handshake learns why from TLS itself.
    if let Ok(Ok(stream)) = tokio::time::timeout(patience, handshake).await {
        converse(&counted, stream, peer).await;
    }
}

/// Answers requests until the other side or the server ends it.
async fn converse<S>(counted: &Counted, stream: S, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let inner = &counted.inner;
    let limits = inner.state.settings.limits;
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(peer.clone());
        // Routers are always ready.
        inner.router.clone().call(request)
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .max_buf_size(limits.head_bytes)
        .max_headers(limits.headers)
        .header_read_timeout(limits.head_time);
    let stream = Impatient::new(stream, limits.stall_time);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let mut stopping: watch::Receiver<bool> = inner.state.stopping();
    // A client that goes away is no failure, and one that sends no HTTP was told so.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopping.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Takes a new certificate when its files change, and makes one's own anew before it ends.
async fn look_at_certificate(inner: Arc<Inner>) {
    let mut stopping = inner.state.stopping();
    let Some(certificate) = &inner.certificate else { return };
    let mut renew_at = tokio::time::Instant::now();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_AT_CERTIFICATE_EVERY) => {}
            _ = stopping.changed() => return,
        }
        let is_due = tokio::time::Instant::now() >= renew_at;
        if is_due {
            renew_at += RENEW_EVERY;
        }
        let look = || {
            if let Some((own, names)) = inner.state.settings.own_certificate.as_ref().filter(|_| is_due) {
                own.prepare(names, inner.state.site.now())?;
            }
            certificate.reload_if_changed()
        };
        match tokio::task::block_in_place(look) {
            Ok(true) => inner.state.site.log("the console's certificate was read again"),
            Ok(false) => {}
            Err(error) => inner
                .state
                .site
                .log(&format!("the console's certificate is left as it was: {error}")),
        }
    }
}
