//! Feeds of leak sites: read from a file or an address, matched, and written down with what is to be told.

use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use exposure::feeds::{FEED_BYTES_MAX, Match, Name, Post};
use exposure::ledger::Ledger;
use ring::digest;

use super::{failed, now, open_ledger};
use crate::config::{ExposureSettings, FeedsSettings};
use crate::desk::exposed;
use crate::failure::{Failure, FailureCode};
use crate::hex::hex;
use crate::log::{Level, Log};
use crate::web;

/// A server that hasn't sent all of a feed after this long is left.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a server may send us elsewhere.
const REDIRECTS: u32 = 3;
/// The longest ETag that is remembered.
const ETAG_BYTES_MAX: usize = 256;

/// What a reading of a feed came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceRead {
    /// Whether the server said that nothing changed since the last reading.
    pub is_unchanged: bool,
    /// Posts in it.
    pub posts: u64,
    /// What looked like a post and couldn't be read as one.
    pub skipped: u64,
    /// Posts that were never seen before.
    pub new: u64,
    /// Posts in which a name was found.
    pub matched: u64,
    /// Posts of which somebody is told for the first time.
    pub told: u64,
}

/// A feed's bytes.
enum Body {
    Unchanged,
    Bytes(Vec<u8>, Option<String>),
}

/// Reads a feed, matches its posts, and writes them down with what is to be told.
///
/// # Errors
/// When it can't be had or isn't a feed; then nothing was written.
pub fn read_source(settings: &FeedsSettings, source: &str, ledger: &mut Ledger) -> Result<SourceRead, Failure> {
    let ours = |error: exposure::Error| failed(&error);
    let looked_for = looked_for(settings);
    // Names that are looked for since the last reading have to be looked for in what didn't change, too.
    let stamp = stamp(settings);
    let known = ledger.feed_etag(source).map_err(ours)?;
    let known = known.as_deref().and_then(|known| known.strip_prefix(&stamp));
    let (bytes, etag) = match body(source, known)? {
        Body::Unchanged => {
            ledger
                .mark_feed_read(source, known.map(|etag| stamp + etag).as_deref(), now())
                .map_err(ours)?;
            return Ok(SourceRead {
                is_unchanged: true,
                ..SourceRead::default()
            });
        }
        Body::Bytes(bytes, etag) => (bytes, etag),
    };
    let feed = exposure::feeds::parse(&bytes)
        .map_err(|error| Failure::new(FailureCode::Damage, format!("`{source}`: {error}")))?;
    drop(bytes);
    let posts: Vec<(Post, Vec<Match>)> = feed
        .posts
        .into_iter()
        .map(|post| {
            let matches = exposure::feeds::matches(&looked_for, &post);
            (post, matches)
        })
        .collect();
    let seen = ledger.see_posts(source, &posts, &settings.tell, now()).map_err(ours)?;
    ledger
        .mark_feed_read(source, etag.map(|etag| stamp + &etag).as_deref(), now())
        .map_err(ours)?;
    Ok(SourceRead {
        is_unchanged: false,
        posts: posts.len() as u64,
        skipped: feed.skipped,
        new: seen.new,
        matched: posts.iter().filter(|(_, matches)| !matches.is_empty()).count() as u64,
        told: seen.told,
    })
}

/// Reads all feeds, for a server: what came of it goes to the log.
pub(super) fn read_all(settings: &ExposureSettings, folder: &Path, log: &Log) {
    for source in &settings.feeds.sources {
        let read = open_ledger(folder).and_then(|mut ledger| read_source(&settings.feeds, source, &mut ledger));
        match read {
            Ok(read) if read.told > 0 => {
                log.write(
                    Level::Critical,
                    "exposure",
                    format!(
                        "{} posts of leak sites may be about us or a supplier; `holdfast exposure feeds list --matched` shows them",
                        read.told
                    ),
                );
                if let Err(error) = exposed::tell(folder, exposed::leak_site(exposed::now(), source, read.told)) {
                    log.write(Level::Error, "ledger", format!("{error}; the posts aren't in it"));
                }
            }
            Ok(read) => log.write(
                Level::Detail,
                "exposure",
                format!("`{source}` was read: {} new posts", read.new),
            ),
            Err(failure) => log.write(
                Level::Warning,
                "exposure",
                format!(
                    "a feed can't be read and is tried again at the next time: {}",
                    failure.with_hint()
                ),
            ),
        }
    }
}

/// The names that are looked for; the configuration was checked, so none is left out.
fn looked_for(settings: &FeedsSettings) -> Vec<Name> {
    let names = settings.names.iter().chain(&settings.suppliers);
    names.filter_map(|name| Name::parse(name)).collect()
}

/// What stands before a remembered ETag: it counts only for the same names.
fn stamp(settings: &FeedsSettings) -> String {
    let mut text = String::new();
    for name in settings.names.iter().chain(&settings.suppliers).chain(&settings.tell) {
        // A `String` takes everything that is written to it.
        let _ = writeln!(text, "{name}");
    }
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    hex(hash.as_ref().get(..8).unwrap_or_default()) + " "
}

fn body(source: &str, etag: Option<&str>) -> Result<Body, Failure> {
    if source.starts_with("http://") || source.starts_with("https://") {
        fetched(source, etag)
    } else {
        let failure = |error: std::io::Error| Failure::io(format!("read the feed `{source}`"), &error);
        let file = std::fs::File::open(source).map_err(failure)?;
        let mut bytes = Vec::new();
        // One byte more than there may be, so that what is too large is told from what just fits.
        file.take(FEED_BYTES_MAX as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(failure)?;
        Ok(Body::Bytes(bytes, None))
    }
}

fn fetched(url: &str, etag: Option<&str>) -> Result<Body, Failure> {
    let failed = |why: String| Failure::new(FailureCode::Failure, format!("the feed `{url}` can't be had: {why}"));
    let agent = web::agent(url, "[exposure.feeds] sources", PATIENCE, REDIRECTS)?;
    let mut request = agent.get(url).header(
        "Accept",
        "application/json, application/rss+xml, application/atom+xml, application/xml",
    );
    if let Some(etag) = etag {
        request = request.header("If-None-Match", etag);
    }
    let mut answer = request.call().map_err(|error| failed(error.to_string()))?;
    match answer.status().as_u16() {
        304 if etag.is_some() => return Ok(Body::Unchanged),
        200 => {}
        status => return Err(failed(format!("the server answered with status {status}"))),
    }
    let etag = answer
        .headers()
        .get("ETag")
        .and_then(|etag| etag.to_str().ok())
        .filter(|etag| etag.len() <= ETAG_BYTES_MAX)
        .map(str::to_owned);
    let bytes = answer
        .body_mut()
        .with_config()
        .limit(FEED_BYTES_MAX as u64)
        .read_to_vec()
        .map_err(|error| failed(error.to_string()))?;
    Ok(Body::Bytes(bytes, etag))
}
