//! The server: accepts, bounds and ends connections.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

use crate::answer::{Asked, answer};
use crate::reply::{self, Reply};
use crate::state::State;
use crate::tls::Certificate;
use crate::watched::{Activity, Phase, Watched};
use crate::{Error, Limits, private};

/// How often connections are looked at for taking too long, and the stores for what other processes imported.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// A pause after the system had no room for another connection.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(100);

/// A running server. Dropped without [`Server::stop`] it cuts everybody off.
pub struct Server {
    runtime: Runtime,
    shared: Arc<Shared>,
    stopping: watch::Sender<bool>,
    address: SocketAddr,
}

/// What every connection needs.
struct Shared {
    state: Arc<State>,
    limits: Limits,
    certificate: Option<Arc<Certificate>>,
    /// One permit for each connection that may be open.
    permits: Arc<Semaphore>,
    /// Connections that are open: bounded by the permits.
    open: Mutex<std::collections::HashMap<u64, (Arc<Activity>, AbortHandle)>>,
    next: AtomicU64,
}

impl Server {
    /// Listens on `address` and answers from `state`, by TLS where there is a certificate.
    ///
    /// # Errors
    /// When the address can't be listened on, or threads can't be started.
    pub fn start(
        state: Arc<State>,
        address: SocketAddr,
        certificate: Option<Arc<Certificate>>,
        limits: Limits,
    ) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("hibp")
            .build()
            .map_err(Error::Threads)?;
        let failed = |source| Error::Listen { address, source };
        let listener = runtime.block_on(TcpListener::bind(address)).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let (stopping, stopped) = watch::channel(false);
        let shared = Arc::new(Shared {
            state,
            permits: Arc::new(Semaphore::new(limits.connections)),
            limits,
            certificate,
            open: Mutex::default(),
            next: AtomicU64::new(0),
        });
        runtime.spawn(accept(listener, Arc::clone(&shared), stopped));
        runtime.spawn(sweep(Arc::clone(&shared)));
        Ok(Self {
            runtime,
            shared,
            stopping,
            address: bound,
        })
    }

    /// Where it listens: with the port that the system chose where 0 was asked for.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts nobody any more, lets requests that have begun be answered for as long as `patience`, and ends. How many connections had to be
    /// cut off.
    #[must_use]
    pub fn stop(self, patience: Duration) -> usize {
        // The receivers may be gone already.
        let _ = self.stopping.send(true);
        let all = u32::try_from(self.shared.limits.connections).unwrap_or(u32::MAX);
        let ended = async {
            tokio::time::timeout(patience, self.shared.permits.acquire_many(all))
                .await
                .is_ok()
        };
        let cut = if self.runtime.block_on(ended) {
            0
        } else {
            lock(&self.shared.open).len()
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

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Accepts connections until the server stops. Where too many are open, others wait in the system's queue.
async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    loop {
        let permit = tokio::select! {
            permit = Arc::clone(&shared.permits).acquire_owned() => permit,
            _ = stopped.changed() => return,
        };
        let Ok(permit) = permit else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        let Ok((stream, peer)) = accepted else {
            // No room for another file, mostly: connections that end make some.
            tokio::time::sleep(NO_ROOM_PAUSE).await;
            continue;
        };
        let activity = Arc::new(Activity::new());
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        // Held until the connection is listed, so that it can't end before it is.
        let mut open = lock(&shared.open);
        let task = tokio::spawn(connection(
            Arc::clone(&shared),
            stream,
            peer.ip(),
            Arc::clone(&activity),
            stopped.clone(),
            Listed {
                shared: Arc::clone(&shared),
                number,
                _permit: permit,
            },
        ));
        open.insert(number, (activity, task.abort_handle()));
        shared.state.metrics.connections.fetch_add(1, Ordering::Relaxed);
    }
}

/// A connection's place in the list, left however it ends.
struct Listed {
    shared: Arc<Shared>,
    number: u64,
    _permit: tokio::sync::OwnedSemaphorePermit,
}

impl Drop for Listed {
    fn drop(&mut self) {
        lock(&self.shared.open).remove(&self.number);
        self.shared.state.metrics.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Cuts off who takes too long, and notices imports.
async fn sweep(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for (activity, task) in lock(&shared.open).values() {
            if activity.is_overdue(&shared.limits) {
                shared.state.metrics.overdue.fetch_add(1, Ordering::Relaxed);
                task.abort();
            }
        }
        if let Err(error) = tokio::task::block_in_place(|| shared.state.refresh()) {
            shared.state.report(&error);
        }
    }
}

/// One connection, from its first byte to its end.
async fn connection(
    shared: Arc<Shared>,
    stream: TcpStream,
    asker: IpAddr,
    activity: Arc<Activity>,
    stopped: watch::Receiver<bool>,
    _listed: Listed,
) {
    // Answers are written whole: waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    match &shared.certificate {
        None => serve(&shared, stream, asker, &activity, stopped).await,
        Some(certificate) => {
            // Who fails at the handshake learns why from TLS itself.
            if let Ok(stream) = TlsAcceptor::from(certificate.config()).accept(stream).await {
                serve(&shared, stream, asker, &activity, stopped).await;
            }
        }
    }
}

async fn serve<S>(
    shared: &Arc<Shared>,
    stream: S,
    asker: IpAddr,
    activity: &Arc<Activity>,
    mut stopped: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(|request| {
        activity.begin(Phase::Answering);
        let (shared, activity) = (Arc::clone(shared), Arc::clone(activity));
        async move {
            let reply = respond(&shared, request, asker, &activity).await;
            activity.begin(Phase::Sending);
            Ok::<_, Infallible>(reply)
        }
    });
    let mut builder = http1::Builder::new();
    // Times are kept by the sweep, which also ends connections whose clients have said that no more requests come and take no answer.
    builder
        .half_close(true)
        .max_buf_size(shared.limits.head_bytes)
        .max_headers(shared.limits.headers)
        .header_read_timeout(None);
    let stream = Watched::new(stream, Arc::clone(activity));
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // A client that goes away is no failure, and one that sends no HTTP was told so.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Reads the body, where there is one, and answers.
async fn respond(shared: &Shared, request: Request<Incoming>, asker: IpAddr, activity: &Activity) -> Reply {
    let (parts, body) = request.into_parts();
    let body = if body.is_end_stream() {
        Bytes::new()
    } else {
        let body_bytes = if private::is_private(parts.uri.path()) {
            private::BODY_BYTES_MAX
        } else {
            shared.limits.body_bytes
        };
        let closing = |reply| {
            activity.cut_short();
            closing(reply)
        };
        match Limited::new(body, body_bytes).collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return closing(too_long(body_bytes)),
            Err(_) => return closing(reply::error(StatusCode::BAD_REQUEST, "the body can't be read")),
        }
    };
    let asked = Asked {
        method: &parts.method,
        uri: &parts.uri,
        headers: &parts.headers,
        body: &body,
        asker,
    };
    answer(&shared.state, &asked).await
}

fn too_long(body_bytes: usize) -> Reply {
    reply::error(
        StatusCode::PAYLOAD_TOO_LARGE,
        &format!("a body may have {body_bytes} bytes at most"),
    )
}

/// What is left of the request isn't read, so that no other can follow on this connection.
fn closing(reply: Reply) -> Reply {
    reply::with(reply, CONNECTION, HeaderValue::from_static("close"))
}
