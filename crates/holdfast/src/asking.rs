//! Asking another Holdfast privately: over HTTP, what `exposure::oblivious` says byte by byte.

use std::path::Path;
use std::time::Duration;

use exposure::address::Identity;
use exposure::oblivious::{
    AskedBreach, Asking, ENTRY_BYTES, POINT_BYTES, Parameters, PublicKey, Salt, Seed, open_entries, read_breaches,
};
use ring::rand::SystemRandom;
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use crate::failure::{Failure, FailureCode};
use crate::web;

/// Up to this size the whole list is downloaded without being asked to, in bytes.
pub const WHOLE_BYTES_MAX: u64 = 4 << 20;
/// A request that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// The largest replies that are read, in bytes.
const PARAMETERS_BYTES_MAX: u64 = 64 << 10;
const BREACHES_BYTES_MAX: u64 = 64 << 20;
const ENTRIES_BYTES_MAX: u64 = 64 << 20;

/// A server that is asked.
pub struct Server {
    /// Without a slash at its end.
    url: String,
    agent: Agent,
}

/// What is wanted of an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// About whom: at most 16.
    pub identities: &'a [Identity],
    /// The whole list, however large.
    pub whole: bool,
    /// The fewest people to be hidden among: where a bucket has fewer, the whole list is fetched.
    pub hidden_among: u64,
    /// The key that the server must have, if it is known.
    pub key: Option<PublicKey>,
}

/// What came of it.
#[derive(Debug)]
pub struct Answered {
    /// The breaches of each identity.
    pub breaches: Vec<Vec<AskedBreach>>,
    /// What the server said of itself.
    pub parameters: Parameters,
    /// The points that it was sent, 32 bytes each.
    pub points: Vec<u8>,
    /// The prefixes that it was told, one for each identity; none if the whole list was fetched.
    pub prefixes: Vec<String>,
}

/// Why a request brought nothing.
enum Missed {
    /// The list or the key was made anew since the parameters were read.
    Stale,
    Failed(Failure),
}

impl From<Failure> for Missed {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<exposure::Error> for Missed {
    fn from(error: exposure::Error) -> Self {
        Self::Failed(Failure::new(FailureCode::Failure, error.to_string()))
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Server {
    /// The server at `url`: `https://HOST[:PORT]`, or the address of its page. `authorities` is a PEM file of those to trust instead of
    /// this machine's.
    ///
    /// # Errors
    /// When the URL isn't one, when it has no TLS and isn't this machine or `without_tls`, or when there is no authority to trust.
    pub fn new(url: &str, authorities: Option<&Path>, without_tls: bool) -> Result<Self, Failure> {
        let (is_tls, host) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(host), _) => (true, host),
            (None, Some(host)) => (false, host),
            (None, None) => {
                let failure = Failure::usage(format!("`{url}` is no address of a server"));
                return Err(failure.hint("give https://HOST[:PORT]"));
            }
        };
        if !is_tls && !without_tls && !is_this_machine(host) {
            return Err(Failure::refused(format!(
                "`{url}` has no TLS: whoever is on the way could change what the server says"
            ))
            .hint("give its https address, or `--without-tls`"));
        }
        let agent = match authorities {
            None => web::agent(url, "exposure ask", PATIENCE, 0),
            Some(file) => web::agent_trusting(url, PATIENCE, 0, || trusted_file(file)),
        }?;
        let url = url.trim_end_matches('/');
        let url = url.strip_suffix("/private").unwrap_or(url).to_owned();
        Ok(Self { url, agent })
    }

    /// Asks. When the list is made anew in the middle of it, once more.
    ///
    /// # Errors
    /// When the server can't be reached, refuses, or sends what doesn't fit together.
    pub fn ask(&self, wanted: &Wanted<'_>) -> Result<Answered, Failure> {
        let changes =
            || Failure::refused("the server made its list anew twice while it was asked").hint("ask again later");
        self.ask_once(wanted)
            .or_else(|missed| match missed {
                Missed::Stale => self.ask_once(wanted),
                failed @ Missed::Failed(_) => Err(failed),
            })
            .map_err(|missed| match missed {
                Missed::Stale => changes(),
                Missed::Failed(failure) => failure,
            })
    }

    fn ask_once(&self, wanted: &Wanted<'_>) -> Result<Answered, Missed> {
        let parameters = Parameters::read(&self.get("parameters", PARAMETERS_BYTES_MAX)?)?;
        let not_understood = exposure::Error::Protocol {
            what: "the server's parameters can't be understood",
        };
        let (Some(key), Some(salt)) = (parameters.public_key(), parameters.salt()) else {
            return Err(not_understood.into());
        };
        if wanted.key.is_some_and(|wanted| wanted != key) {
            let message = format!("the server has another key than the one given: `{}`", key.to_hex());
            return Err(Failure::refused(message)
                .hint("ask whoever runs it whether the key was changed")
                .into());
        }
        let (asking, points) = Asking::about(wanted.identities, &SystemRandom::new())?;
        let path = format!("evaluate/{}", parameters.public_key);
        let reply = self.post(&path, &points)?;
        let seeds = asking.finish(&reply, &key)?;
        let list = read_breaches(&self.get(&format!("breaches/{}", parameters.index), BREACHES_BYTES_MAX)?)?;
        let enough = parameters.hides() && u64::from(parameters.fewest) >= wanted.hidden_among;
        let (places, prefixes) = if wanted.whole || !enough || parameters.bytes <= WHOLE_BYTES_MAX {
            (self.search_whole(&parameters, &seeds, &salt)?, Vec::new())
        } else {
            self.search_buckets(&parameters, wanted.identities, &seeds, &salt)?
        };
        let breaches = places
            .iter()
            .map(|places| {
                places
                    .iter()
                    .map(|place| list.get(usize::from(*place)).cloned())
                    .collect()
            })
            .collect::<Option<Vec<Vec<AskedBreach>>>>()
            .ok_or(exposure::Error::Protocol {
                what: "the answer names a breach that is not in the list",
            })?;
        Ok(Answered {
            breaches,
            parameters,
            points,
            prefixes,
        })
    }

    /// Goes through everything that the server has, part by part. Nobody's entries are spread over two parts.
    fn search_whole(&self, parameters: &Parameters, seeds: &[Seed], salt: &Salt) -> Result<Vec<Vec<u16>>, Missed> {
        let mut places = vec![Vec::new(); seeds.len()];
        let mut bytes = 0;
        for part in 0..parameters.parts {
            let entries = self.get(&format!("index/{}/{part}", parameters.index), ENTRIES_BYTES_MAX)?;
            bytes += entries.len() as u64;
            for (seed, places) in seeds.iter().zip(&mut places) {
                places.extend(open_entries(&entries, seed, salt)?);
            }
        }
        // A list that lacks a piece would say of everybody in it that they are in no breach.
        if bytes != parameters.bytes {
            return Err(exposure::Error::Protocol {
                what: "the server sent less or more than its list has",
            }
            .into());
        }
        Ok(places)
    }

    fn search_buckets(
        &self,
        parameters: &Parameters,
        identities: &[Identity],
        seeds: &[Seed],
        salt: &Salt,
    ) -> Result<(Vec<Vec<u16>>, Vec<String>), Missed> {
        let mut places = Vec::with_capacity(seeds.len());
        let mut prefixes = Vec::with_capacity(seeds.len());
        for (identity, seed) in identities.iter().zip(seeds) {
            let prefix = parameters.prefix(*identity);
            let entries = self.get(&format!("bucket/{}/{prefix}", parameters.index), ENTRIES_BYTES_MAX)?;
            if ((entries.len() / ENTRY_BYTES) as u64) < u64::from(parameters.fewest) {
                return Err(exposure::Error::Protocol {
                    what: "the server's bucket has fewer people than it promised",
                }
                .into());
            }
            places.push(open_entries(&entries, seed, salt)?);
            prefixes.push(prefix);
        }
        Ok((places, prefixes))
    }

    fn get(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>, Missed> {
        let sent = self.agent.get(format!("{}/private/v1/{path}", self.url)).call();
        self.received(sent, bytes_max)
    }

    fn post(&self, path: &str, body: &[u8]) -> Result<Vec<u8>, Missed> {
        let sent = self
            .agent
            .post(format!("{}/private/v1/{path}", self.url))
            .content_type("application/octet-stream")
            .send(body);
        self.received(sent, (body.len() + 2 * POINT_BYTES) as u64)
    }

    fn received(
        &self,
        sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
        bytes_max: u64,
    ) -> Result<Vec<u8>, Missed> {
        let failed = |what: String| Failure::new(FailureCode::Failure, format!("`{}`: {what}", self.url));
        let mut reply = sent.map_err(|error| failed(error.to_string()))?;
        let status = reply.status().as_u16();
        let limit = if status == 200 { bytes_max } else { PARAMETERS_BYTES_MAX };
        let body = reply
            .body_mut()
            .with_config()
            .limit(limit)
            .read_to_vec()
            .map_err(|error| failed(error.to_string()))?;
        match status {
            200 => Ok(body),
            410 => Err(Missed::Stale),
            404 => Err(failed("it doesn't answer private questions".to_owned())
                .hint("the server must be `holdfast exposure serve`; give its address without a path")
                .into()),
            _ => Err(failed(format!("it answered with status {status}{}", said(&body))).into()),
        }
    }
}

/// What the server says is wrong, on one line and without what could steer a terminal.
fn said(body: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let message = value
        .get("message")
        .and_then(|message| message.as_str())
        .unwrap_or_default();
    let message: String = message
        .chars()
        .filter(|character| !character.is_control())
        .take(300)
        .collect();
    if message.is_empty() {
        message
    } else {
        format!(": {message}")
    }
}

/// Whether a request for `host`, with port and path, stays on this machine.
fn is_this_machine(host: &str) -> bool {
    let host = host.split('/').next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost"
        || name == "[::1]"
        || name
            .parse()
            .is_ok_and(|address: std::net::Ipv4Addr| address.is_loopback())
}

/// The authorities in a PEM file.
pub(crate) fn trusted_file(file: &Path) -> Result<RootCerts, Failure> {
    let pem = std::fs::read(file).map_err(|error| Failure::io(format!("can't read `{}`", file.display()), &error))?;
    let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(Failure::usage(format!("`{}` has no certificate", file.display())));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_only_this_machine_is_asked() {
        for url in [
            "http://localhost:80",
            "http://127.0.0.1:8471/",
            "http://[::1]:1/private/",
            "http://127.9.9.9",
        ] {
            let server = Server::new(url, None, false).unwrap();
            assert!(
                !server.url.ends_with('/') && !server.url.contains("private"),
                "{}",
                server.url
            );
        }
        for url in [
            "http://example.com",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com/",
        ] {
            let failure = Server::new(url, None, false).unwrap_err();
            assert_eq!(failure.code, FailureCode::Refused, "{url}");
            assert!(Server::new(url, None, true).is_ok());
        }
        assert_eq!(
            Server::new("example.com", None, false).unwrap_err().code,
            FailureCode::Usage
        );
    }

    #[test]
    fn what_a_server_says_can_not_steer_the_terminal() {
        let body = serde_json::json!({ "message": format!("a\u{1b}[2Jb\n{}", "x".repeat(1000)) }).to_string();
        let text = said(body.as_bytes());
        assert!(text.starts_with(": a[2Jbxx") && text.len() <= 302, "{text}");
        assert_eq!(said(b"<html>"), "");
    }
}
