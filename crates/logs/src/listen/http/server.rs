//! The server: accepts, bounds and ends connections, and answers.

use std::borrow::Cow;
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, EXPECT, HeaderMap, HeaderValue, RETRY_AFTER,
};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

use super::super::Way;
use super::body::{Form, Parsed, Refused, parse};
use super::tokens::{Token, Tokens};
use super::{
    BODIES_MAX, BODY_BYTES_MAX, BODY_TIME, CONNECTION_TIME, HEAD_TIME, Http, LAST_TIME, RETRY_AFTER_SECONDS, TURN,
};
use crate::Error;
use crate::listen::Limits;
use crate::listen::datagram::message;
use crate::listen::places::sender;
use crate::listen::queue::{Full as QueueFull, Queue, Sender};

/// Threads of the server. What takes long, unpacking and cutting, is done on others.
const THREADS: usize = 2;
/// Bytes of a request's head, and headers in it.
const HEAD_BYTES: usize = 16 << 10;
const HEADERS_MAX: usize = 64;
/// A pause after the system had no room for another connection.
const REST: Duration = Duration::from_millis(100);
/// How long a refused sender may go on sending.
const PASS_TIME: Duration = Duration::from_secs(3);
/// How long connections are waited for at the end.
const END_PATIENCE: Duration = Duration::from_secs(2);

type Reply = Response<Full<Bytes>>;

/// A running server. Dropping it ends all connections.
pub(in crate::listen) struct Server {
    runtime: Option<Runtime>,
    pub(in crate::listen) address: SocketAddr,
}

struct Shared {
    queue: Arc<Queue>,
    tokens: Tokens,
    tls: Option<TlsAcceptor>,
    limits: Limits,
    places: Arc<Semaphore>,
    bodies: Arc<Semaphore>,
    /// Connections of each address.
    addresses: Mutex<HashMap<IpAddr, usize>>,
    /// The number of the newest record. It begins with the milliseconds since 1970, so that none has the same number after a restart.
    number: AtomicU64,
}

impl Server {
    pub(in crate::listen) fn start(http: Http, limits: Limits, queue: Arc<Queue>) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .max_blocking_threads(BODIES_MAX)
            .enable_all()
            .thread_name("logs-http")
            .build()
            .map_err(Error::Thread)?;
        let failed = crate::listen::cannot_listen(http.address);
        let listener = runtime.block_on(TcpListener::bind(http.address)).map_err(&failed)?;
        let address = listener.local_addr().map_err(&failed)?;
        let started = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
        let shared = Arc::new(Shared {
            queue,
            tokens: Tokens::of(http.tokens),
            tls: http.tls.map(TlsAcceptor::from),
            places: Arc::new(Semaphore::new(limits.connections_max)),
            bodies: Arc::new(Semaphore::new(BODIES_MAX)),
            addresses: Mutex::default(),
            number: AtomicU64::new(started),
            limits,
        });
        runtime.spawn(accept(listener, shared));
        Ok(Self {
            runtime: Some(runtime),
            address,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(END_PATIENCE);
        }
    }
}

/// Accepts connections. Where too many are open, others wait in the system's queue.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // The semaphore is never closed.
    while let Ok(permit) = Arc::clone(&shared.places).acquire_owned().await {
        let Ok((stream, peer)) = listener.accept().await else {
            shared
                .queue
                .drop_for(Way::Http, "a connection that the system couldn't give");
            tokio::time::sleep(REST).await;
            continue;
        };
        if let Some(place) = Place::take(&shared, sender(peer.ip()), permit) {
            tokio::spawn(connection(Arc::clone(&shared), stream, peer.ip(), place));
        } else {
            shared
                .queue
                .drop_for(Way::Http, "a connection more than one address may have");
        }
    }
}

/// A connection's place, given back when it is dropped.
struct Place {
    shared: Arc<Shared>,
    address: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn take(shared: &Arc<Shared>, address: IpAddr, permit: OwnedSemaphorePermit) -> Option<Self> {
        let mut addresses = shared.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let count = addresses.entry(address).or_default();
        if *count >= shared.limits.connections_per_address_max {
            return None;
        }
        *count += 1;
        drop(addresses);
        Some(Self {
            shared: Arc::clone(shared),
            address,
            _permit: permit,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut addresses = self.shared.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = addresses.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                addresses.remove(&self.address);
            }
        }
    }
}

async fn connection(shared: Arc<Shared>, stream: TcpStream, address: IpAddr, _place: Place) {
    // Answers are written whole: waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let Some(tls) = shared.tls.clone() else {
        return serve(&shared, stream, address).await;
    };
    match tokio::time::timeout(shared.limits.handshake, tls.accept(stream)).await {
        Ok(Ok(stream)) => serve(&shared, stream, address).await,
        _ => shared
            .queue
            .drop_for(Way::Http, "a connection whose TLS handshake failed"),
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(shared: &Arc<Shared>, stream: S, address: IpAddr) {
    let service = service_fn(|request| {
        let shared = Arc::clone(shared);
        async move { Ok::<_, Infallible>(respond(&shared, request, address).await) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS_MAX);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // A client that goes away is no failure, and one that sends no HTTP was told so.
    if tokio::time::timeout(CONNECTION_TIME, connection.as_mut())
        .await
        .is_err()
    {
        connection.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(LAST_TIME, connection).await;
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Logs,
    Events,
    Raw,
    Health,
}

impl Route {
    fn of(path: &str) -> Option<Self> {
        let path = path.strip_suffix("/1.0").unwrap_or(path);
        match path.trim_end_matches('/') {
            "/v1/logs" => Some(Self::Logs),
            "/services/collector" | "/services/collector/event" => Some(Self::Events),
            "/services/collector/raw" => Some(Self::Raw),
            "/services/collector/health" => Some(Self::Health),
            _ => None,
        }
    }
}

async fn respond(shared: &Arc<Shared>, request: Request<Incoming>, address: IpAddr) -> Reply {
    let (head, body) = request.into_parts();
    let answer = match admit(shared, &head) {
        Ok(admitted) => match take_in(shared, admitted, body, address).await {
            Ok(answer) | Err(answer) => answer,
        },
        Err(answer) => {
            // Who waits to be told to go on sends nothing more.
            if !head.headers.contains_key(EXPECT) {
                pass(body).await;
            }
            answer
        }
    };
    answer.reply()
}

/// A request that is to be taken in.
struct Admitted {
    token: Token,
    form: Form,
    is_packed: bool,
}

/// Looks at a request's head alone.
fn admit(shared: &Shared, head: &Parts) -> Result<Admitted, Answer> {
    let Some(route) = Route::of(head.uri.path()) else {
        return Err(Answer::last(StatusCode::NOT_FOUND, 404, "there is nothing here"));
    };
    if route == Route::Health && head.method == Method::GET {
        return Err(health(shared));
    }
    if route == Route::Health || head.method != Method::POST {
        return Err(Answer::last(StatusCode::METHOD_NOT_ALLOWED, 404, "logs are posted"));
    }
    Ok(Admitted {
        token: holder(shared, &head.headers)?,
        form: form(route, &head.headers)?,
        is_packed: is_packed(&head.headers)?,
    })
}

async fn take_in(shared: &Arc<Shared>, admitted: Admitted, body: Incoming, address: IpAddr) -> Result<Answer, Answer> {
    let Admitted { token, form, is_packed } = admitted;
    let turn = tokio::time::timeout(TURN, Arc::clone(&shared.bodies).acquire_owned()).await;
    let Ok(Ok(turn)) = turn else {
        return Err(Answer {
            is_last: true,
            ..Answer::busy()
        });
    };
    let body = received(body).await?;
    let source = format!("http {} {address}", token.name).into();
    let work = move || {
        let parsed = parse(form, is_packed, &body, &source);
        drop(turn);
        (parsed, source)
    };
    // It fails only where it panics or everything ends.
    let (parsed, source) = tokio::task::spawn_blocking(work).await.map_err(|_| Answer::busy())?;
    match parsed {
        Ok(parsed) => put(shared, &token, &source, parsed),
        Err(refused) => {
            shared.queue.drop_for(Way::Http, "a request whose body can't be read");
            let status = match refused {
                Refused::TooLarge | Refused::TooMany => StatusCode::PAYLOAD_TOO_LARGE,
                _ => StatusCode::BAD_REQUEST,
            };
            let code = if refused == Refused::Empty { 5 } else { 6 };
            Err(Answer::new(status, code, refused.words()))
        }
    }
}

fn health(shared: &Shared) -> Answer {
    if shared.queue.is_full() {
        return Answer::busy();
    }
    Answer::new(StatusCode::OK, 17, "HEC is healthy")
}

/// Whose request it is. Whatever is wrong with a token, the answer is the same.
fn holder(shared: &Shared, headers: &HeaderMap) -> Result<Token, Answer> {
    let presented = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("splunk") || scheme.eq_ignore_ascii_case("bearer"))
        .map_or("", |(_, token)| token.trim());
    match shared.tokens.holder(presented) {
        Ok(Some(token)) => return Ok(token),
        Ok(None) => shared
            .queue
            .drop_for(Way::Http, "a request without a token that is known"),
        Err(_) => shared
            .queue
            .drop_for(Way::Http, "a request while the file of tokens can't be used"),
    }
    Err(Answer::last(StatusCode::UNAUTHORIZED, 3, "Invalid authorization"))
}

fn is_packed(headers: &HeaderMap) -> Result<bool, Answer> {
    let Some(encoding) = headers.get(CONTENT_ENCODING) else {
        return Ok(false);
    };
    match encoding.to_str().unwrap_or_default().trim() {
        "" | "identity" => Ok(false),
        "gzip" | "x-gzip" => Ok(true),
        _ => Err(Answer::last(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            6,
            "only gzip is unpacked: choose it, or none",
        )),
    }
}

fn form(route: Route, headers: &HeaderMap) -> Result<Form, Answer> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match (route, kind) {
        (Route::Events, _) => Ok(Form::Events),
        (Route::Raw, _) | (_, "text/plain") => Ok(Form::Lines),
        (_, "application/x-protobuf" | "multipart/form-data") => Err(Answer::last(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            6,
            "logs are taken as JSON, lines, CSV or EVTX",
        )),
        _ => Ok(Form::Any),
    }
}

/// A body's bytes.
async fn received(mut body: Incoming) -> Result<Vec<u8>, Answer> {
    let mut bytes = Vec::new();
    let deadline = Instant::now() + BODY_TIME;
    loop {
        let frame = match tokio::time::timeout_at(deadline.into(), body.frame()).await {
            Ok(None) => return Ok(bytes),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) => {
                return Err(Answer::last(StatusCode::BAD_REQUEST, 6, "the body can't be received"));
            }
            Err(_) => {
                return Err(Answer::last(StatusCode::REQUEST_TIMEOUT, 6, "the body came too slowly"));
            }
        };
        let data = frame.into_data().unwrap_or_default();
        if bytes.len() + data.len() > BODY_BYTES_MAX {
            drop(bytes);
            pass(body).await;
            let words = format!("a body may have {BODY_BYTES_MAX} bytes: send less at a time");
            return Err(Answer::last(StatusCode::PAYLOAD_TOO_LARGE, 6, words));
        }
        bytes.extend_from_slice(&data);
    }
}

/// Throws away a bounded part of what a sender still sends: one that is cut off while it sends may never read the answer.
async fn pass(mut body: Incoming) {
    let passing = async {
        let mut passed = 0;
        while let Some(Ok(frame)) = body.frame().await {
            passed += frame.into_data().map_or(0, |data| data.len());
            if passed > BODY_BYTES_MAX {
                return;
            }
        }
    };
    // However far that came, the answer is the same.
    let _ = tokio::time::timeout(PASS_TIME, passing).await;
}

/// Has all records of a request wait in the queue, or none.
fn put(shared: &Shared, token: &Token, source: &threat::input::Source, parsed: Parsed) -> Result<Answer, Answer> {
    let Parsed { sent, unreadable } = parsed;
    let (count, unread) = (sent.len(), unreadable.total());
    let first = shared.number.fetch_add(count as u64, Ordering::Relaxed) + 1;
    let now = Timestamp::now();
    let messages = sent
        .into_iter()
        .zip(first..)
        .map(|(sent, number)| {
            let bytes = sent.text.len();
            let mut message = message(sent.text, source, number);
            message.received = sent.time.map_or(now, |time| time.min(now));
            (message, bytes)
        })
        .collect();
    if let Err(QueueFull) = shared.queue.put_all(Sender::Token(token.lane()), messages) {
        return Err(Answer::busy());
    }
    shared.queue.unreadable_all(Way::Http, unreadable);
    Ok(Answer {
        counts: Some((count, unread)),
        ..Answer::new(StatusCode::OK, 0, "Success")
    })
}

/// What a sender is told, in the form that Splunk's collector has; its codes are those that shippers know.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    code: u32,
    text: Cow<'static, str>,
    /// How many records were taken, and how many pieces couldn't be read.
    counts: Option<(usize, u64)>,
    /// Whether no other request can follow on this connection, since not all of this one was read.
    is_last: bool,
}

impl Answer {
    fn new(status: StatusCode, code: u32, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code,
            text: text.into(),
            counts: None,
            is_last: false,
        }
    }

    /// One after which the connection is closed.
    fn last(status: StatusCode, code: u32, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            is_last: true,
            ..Self::new(status, code, text)
        }
    }

    fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, 9, "Server is busy")
    }

    fn reply(self) -> Reply {
        let mut said = serde_json::json!({"text": self.text, "code": self.code});
        if let (Some((taken, unreadable)), Some(said)) = (self.counts, said.as_object_mut()) {
            said.insert("taken".to_owned(), taken.into());
            said.insert("unreadable".to_owned(), unreadable.into());
        }
        let mut reply = Response::new(Full::new(Bytes::from(format!("{said}\n"))));
        *reply.status_mut() = self.status;
        let headers = reply.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        if self.is_last {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        reply
    }
}
