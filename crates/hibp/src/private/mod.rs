//! Private asking: what the server answers below `/private/`, as pure functions of a request, the service's state and the time.
//!
//! The server's part is to call [`answer`] for every path that [`is_private`] knows, with the whole body (at most [`BODY_BYTES_MAX`]
//! bytes), and [`Service::maintain`] at its start and about once a minute.

use std::net::IpAddr;
use std::path::Path;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{HeaderMap, Method, Response, StatusCode};

/// The largest body of a request, in bytes: longer ones are refused by the server before they are read.
pub const BODY_BYTES_MAX: usize = 512;

/// Everything about a request that an answer depends on.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path, without the query.
    pub path: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
    /// Who asks, for the rate limit.
    pub asker: IpAddr,
    /// Whether the request carries a valid key of the API: the search by prefix hands out hashes, as the API's own does.
    pub has_key: bool,
    /// The time, in seconds since 1970 (UTC).
    pub now_s: u64,
}

/// What the operator decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The fewest identities that a question hides among (`hidden_among`).
    pub hidden_among: u64,
    /// Points evaluated for one asker in a minute: the brake on guessing.
    pub evaluations_per_minute: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hidden_among: 400,
            evaluations_per_minute: 60,
        }
    }
}

/// The state of private asking: key, index, hiding buckets, rates. Shared by all connections.
#[derive(Debug)]
pub struct Service {
    _settings: Settings,
}

impl Service {
    /// Opens what the breach monitor in `folder` has; makes nothing yet.
    ///
    /// # Errors
    /// When files can't be read, or are damaged.
    pub fn open(_folder: &Path, settings: Settings) -> Result<Self, exposure::Error> {
        Ok(Self { _settings: settings })
    }
}

/// Whether a path is this module's.
#[must_use]
pub fn is_private(path: &str) -> bool {
    path == "/private" || path.starts_with("/private/")
}

/// Answers a request.
#[must_use]
pub fn answer(_request: &Request<'_>, _service: &Service) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
