//! Files that pages load: style sheets and scripts, compiled in.
//!
//! Their addresses have a hash of their content, so that browsers may keep them for good and never use an old one.

use std::collections::HashMap;
use std::io::Write;
use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::problem::Refusal;
use crate::state::Shared;

/// How long a browser may keep a file.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// A file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asset {
    /// Its name in `assets/`.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) content_type: &'static str,
    /// Its content.
    pub(crate) content: &'static [u8],
}

struct Served {
    content_type: HeaderValue,
    plain: Bytes,
    compressed: Bytes,
}

struct Table {
    /// Addresses by names.
    paths: HashMap<&'static str, String>,
    /// Files by the last parts of their addresses.
    files: HashMap<String, Served>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table {
        paths: HashMap::new(),
        files: HashMap::new(),
    };
    for asset in crate::pages::ASSETS {
        let hash = ring::digest::digest(&ring::digest::SHA256, asset.content);
        let hash: String = hash.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let (stem, ending) = asset.name.rsplit_once('.').unwrap_or((asset.name, ""));
        let file = format!("{stem}.{hash}.{ending}");
        table.paths.insert(asset.name, format!("/assets/{file}"));
        let served = Served {
            content_type: HeaderValue::from_static(asset.content_type),
            plain: Bytes::from_static(asset.content),
            compressed: compress(asset.content),
        };
        table.files.insert(file, served);
    }
    table
});

fn compress(content: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing into memory doesn't fail.
    let _ = encoder.write_all(content);
    encoder.finish().unwrap_or_default().into()
}

/// The address of a file in `assets/`, with the hash of its content: `/assets/console.1f2e3d4c5b6a.css`. A file that isn't there
/// has the address of nothing.
#[must_use]
pub(crate) fn path(name: &str) -> &'static str {
    TABLE.paths.get(name).map_or("/assets/missing", String::as_str)
}

pub(crate) fn router() -> Router<Shared> {
    Router::new().route("/assets/{file}", get(file))
}

async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(served) = TABLE.files.get(&name) else {
        return Refusal::not_found(format!("there is no file `{name}`")).into_response();
    };
    let takes_gzip = crate::compression::takes_gzip(&headers);
    let body = if takes_gzip { &served.compressed } else { &served.plain };
    let mut response = body.clone().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, served.content_type.clone());
    headers.insert(header::CACHE_CONTROL, KEPT);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if takes_gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}
