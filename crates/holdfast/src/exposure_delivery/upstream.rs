//! Another server with the same API, over HTTP. Answers are kept for a while, and its rate limit is respected.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use exposure::accounts::Breach;
use exposure::address::{Identity, normalise};
use hibp::upstream::{Upstream, UpstreamError};
use serde::Deserialize;
use ureq::Agent;

use crate::config::{UpstreamQuestion, UpstreamSettings};
use crate::failure::{Failure, FailureCode};
use crate::hex::hex;
use crate::web;

/// A server that hasn't answered after this long doesn't answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Bytes of an answer, at most: a range has some hundred accounts, the list of all breaches about 2 MB.
const ANSWER_BYTES_MAX: u64 = 16 << 20;
/// How long an answer about an account, and the list of breaches, is kept.
const ACCOUNT_KEPT: Duration = Duration::from_secs(600);
const BREACHES_KEPT: Duration = Duration::from_secs(3600);
/// Accounts whose answers are kept at most.
const ACCOUNTS_MAX: usize = 10_000;
/// How long nothing is asked when the server says that it is too much, and doesn't say how long.
const BUSY_SECONDS: u64 = 60;
/// The longest that a server may keep us from asking.
const BUSY_SECONDS_MAX: u64 = 3600;
/// Hexadecimal digits of an address's SHA-1 that are sent.
const PREFIX_DIGITS: usize = 6;
/// The longest key that is read.
const KEY_BYTES_MAX: usize = 256;

/// The server that is named in the configuration; `None` if there is none.
///
/// # Errors
/// When its key can't be read.
pub fn upstream(settings: Option<&UpstreamSettings>) -> Result<Option<Arc<dyn Upstream>>, Failure> {
    let Some(settings) = settings else { return Ok(None) };
    let agent = web::agent(&settings.url, "[exposure.upstream] url", PATIENCE, 0)?;
    Ok(Some(Arc::new(OtherServer {
        url: settings.url.clone(),
        ask_by: settings.ask_by,
        key: key(&settings.key_file)?,
        agent,
        known: Mutex::default(),
    })))
}

struct OtherServer {
    url: String,
    ask_by: UpstreamQuestion,
    key: String,
    agent: Agent,
    known: Mutex<Known>,
}

/// What was answered lately.
#[derive(Default)]
struct Known {
    accounts: HashMap<Identity, (Instant, Vec<String>)>,
    breaches: Option<(Instant, Arc<Vec<Breach>>)>,
    /// Until when nothing may be asked.
    busy: Option<Instant>,
}

/// A row of the range search. Names are the API's.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RangeRow {
    hash_suffix: String,
    websites: Vec<String>,
}

/// A row of the search by account.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NameRow {
    name: String,
}

impl Upstream for OtherServer {
    fn breaches_of(&self, account: &str) -> Result<Vec<String>, UpstreamError> {
        let identity = Identity::of(account);
        if let Some((since, names)) = self.locked().accounts.get(&identity)
            && since.elapsed() < ACCOUNT_KEPT
        {
            return Ok(names.clone());
        }
        let names = match self.ask_by {
            UpstreamQuestion::Range => self.by_range(identity)?,
            UpstreamQuestion::Account => self.by_account(account)?,
        };
        let mut known = self.locked();
        if known.accounts.len() >= ACCOUNTS_MAX {
            known.accounts.retain(|_, (since, _)| since.elapsed() < ACCOUNT_KEPT);
        }
        if known.accounts.len() < ACCOUNTS_MAX {
            known.accounts.insert(identity, (Instant::now(), names.clone()));
        }
        Ok(names)
    }

    fn breach(&self, name: &str) -> Result<Option<Breach>, UpstreamError> {
        let breaches = self.breaches()?;
        Ok(breaches
            .iter()
            .find(|breach| breach.name.eq_ignore_ascii_case(name))
            .cloned())
    }
}

impl OtherServer {
    fn locked(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn by_range(&self, identity: Identity) -> Result<Vec<String>, UpstreamError> {
        let hash = hex(&identity.0).to_uppercase();
        let (prefix, suffix) = hash.split_at_checked(PREFIX_DIGITS).unwrap_or_default();
        let Some(body) = self.get(&format!("/breachedaccount/range/{prefix}"))? else {
            return Ok(Vec::new());
        };
        let rows: Vec<RangeRow> = parsed(&body)?;
        let found = rows
            .into_iter()
            .find(|row| row.hash_suffix.eq_ignore_ascii_case(suffix));
        Ok(found.map_or_else(Vec::new, |row| row.websites))
    }

    fn by_account(&self, account: &str) -> Result<Vec<String>, UpstreamError> {
        let account: String = normalise(account)
            .bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect();
        let Some(body) = self.get(&format!(
            "/breachedaccount/{account}?truncateResponse=true&includeUnverified=true"
        ))?
        else {
            return Ok(Vec::new());
        };
        let rows: Vec<NameRow> = parsed(&body)?;
        Ok(rows.into_iter().map(|row| row.name).collect())
    }

    fn breaches(&self) -> Result<Arc<Vec<Breach>>, UpstreamError> {
        if let Some((since, breaches)) = &self.locked().breaches
            && since.elapsed() < BREACHES_KEPT
        {
            return Ok(Arc::clone(breaches));
        }
        let body = self.get("/breaches")?.unwrap_or_else(|| b"[]".to_vec());
        // One breach in a form of tomorrow doesn't hide the others.
        let rows: Vec<serde_json::Value> = parsed(&body)?;
        let breaches: Arc<Vec<Breach>> = Arc::new(
            rows.into_iter()
                .filter_map(|row| serde_json::from_value(row).ok())
                .collect(),
        );
        self.locked().breaches = Some((Instant::now(), Arc::clone(&breaches)));
        Ok(breaches)
    }

    /// The body of an answer; `None` for 404, which the API uses for "in none".
    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, UpstreamError> {
        if let Some(left) = self
            .locked()
            .busy
            .and_then(|until| until.checked_duration_since(Instant::now()))
        {
            return Err(UpstreamError::Busy {
                retry_after_seconds: left.as_secs() + 1,
            });
        }
        let request = self
            .agent
            .get(format!("{}{path}", self.url))
            .header("hibp-api-key", &self.key);
        // What the library says may have the path in it, and the path the account.
        let mut answer = request
            .call()
            .map_err(|error| UpstreamError::Failed { why: described(&error) })?;
        match answer.status().as_u16() {
            200 => {}
            404 => return Ok(None),
            429 | 503 => {
                return Err(self.busy(
                    answer
                        .headers()
                        .get("Retry-After")
                        .and_then(|value| value.to_str().ok()),
                ));
            }
            status => return Err(UpstreamError::Refused { status }),
        }
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        body.map(Some)
            .map_err(|error| UpstreamError::Failed { why: described(&error) })
    }

    fn busy(&self, retry_after: Option<&str>) -> UpstreamError {
        let seconds = retry_after
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(BUSY_SECONDS);
        let retry_after_seconds = seconds.clamp(1, BUSY_SECONDS_MAX);
        self.locked().busy = Some(Instant::now() + Duration::from_secs(retry_after_seconds));
        UpstreamError::Busy { retry_after_seconds }
    }
}

fn parsed<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, UpstreamError> {
    serde_json::from_slice(body).map_err(|_| UpstreamError::Failed {
        why: "it answered something else than breaches".to_owned(),
    })
}

/// What went wrong, in words that have nothing of the request in them.
fn described(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Timeout(_) => "it took too long".to_owned(),
        ureq::Error::HostNotFound => "its name isn't known".to_owned(),
        ureq::Error::BodyExceedsLimit(_) => "its answer is too large".to_owned(),
        ureq::Error::Rustls(error) => format!("TLS failed: {error}"),
        _ => "the request failed".to_owned(),
    }
}

fn key(file: &Path) -> Result<String, Failure> {
    let config =
        |message: String| Failure::new(FailureCode::Config, format!("[exposure.upstream] key_file: {message}"));
    let text =
        std::fs::read_to_string(file).map_err(|error| config(format!("can't read `{}`: {error}", file.display())))?;
    let key = text.trim();
    if key.is_empty() || key.len() > KEY_BYTES_MAX || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(config(format!("`{}` doesn't hold a key", file.display())));
    }
    Ok(key.to_owned())
}
