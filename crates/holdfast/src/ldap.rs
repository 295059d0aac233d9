//! Entries of an LDAP directory, brought over TLS.
//!
//! `ldap3` ends its thread with a panic where an answer is no LDAP: it has a thread of its own, whose end is a failure here. It bounds no message by
//! itself; how many there are, what is kept of them, and how long it may take is bounded here.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use ldap3::adapters::PagedResults;
use ldap3::result::{LdapError as Error, LdapResult};
use ldap3::{LdapConn, LdapConnSettings, Scope, SearchEntry};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use threat::entity::{LDAP_ATTRIBUTES, LDAP_FILTER, LdapEntry};

use crate::failure::{Failure, FailureCode};

/// Entries of a page: what servers give out at once.
const PAGE: i32 = 500;
/// How long an answer may take, and all of them.
const PATIENCE: Duration = Duration::from_secs(60);
const ALL_PATIENCE: Duration = Duration::from_secs(1_800);
/// Entries that wait to be taken in.
const WAITING: usize = 1_000;
/// Domains of a forest.
const DOMAINS_MAX: usize = 1_000;

/// Which directory, and as whom.
pub(crate) struct Server {
    address: Address,
    /// Whether TLS begins within the connection.
    pub(crate) starttls: bool,
    /// A PEM file with the authority of the server's certificate, besides those that this machine trusts.
    pub(crate) authority: Option<PathBuf>,
    /// The distinguished name or user principal name, and its password; nobody without.
    pub(crate) login: Option<(String, String)>,
    /// Below which entry is searched; the directory's own root without.
    pub(crate) base: Option<String>,
}

/// `ldaps://dc01.corp.example:636`
#[derive(Clone, Debug, PartialEq, Eq)]
struct Address {
    url: String,
    is_secure: bool,
    is_here: bool,
}

/// What is told of a directory, in this order.
pub(crate) enum Told {
    /// The entry below which is searched, and the short names of domains by their distinguished names.
    Root(String, Vec<(String, String)>),
    /// One after the other.
    Entry(LdapEntry),
}

impl Server {
    /// A directory at an address.
    ///
    /// # Errors
    /// When it's none, or what is sent could be read on the way.
    pub(crate) fn at(url: &str, starttls: bool) -> Result<Self, Failure> {
        let address = Address::parse(url)?;
        if starttls && address.is_secure {
            return Err(Failure::usage(
                "`ldaps://` begins with TLS: leave `--starttls` out, or write `ldap://`",
            ));
        }
        if !address.is_secure && !starttls && !address.is_here {
            return Err(Failure::refused(format!(
                "`{url}` would send the password and everybody's names in clear"
            ))
            .hint("write `ldaps://`, or add `--starttls`"));
        }
        Ok(Self {
            address,
            starttls,
            authority: None,
            login: None,
            base: None,
        })
    }

    /// Brings what there is.
    ///
    /// # Errors
    /// When it can't be reached, doesn't let us in, or doesn't answer as a directory does; and those of `give`.
    pub(crate) fn read(self, give: &mut dyn FnMut(Told) -> Result<(), Failure>) -> Result<(), Failure> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(WAITING);
        let (ending, ended) = channel();
        let url = self.address.url.clone();
        let no_answer = || {
            Failure::new(
                FailureCode::Failure,
                format!("`{url}` doesn't answer as a directory does"),
            )
            .hint("is it an LDAP server, and the port that of the scheme: 636 for `ldaps`, 389 for `ldap`?")
        };
        let thread = std::thread::Builder::new().name("ldap".to_owned()).spawn(move || {
            let done = bring(&self, &mut |told| sender.send(told).is_ok());
            // Nobody waits any more only after a failure.
            let _ = ending.send(done);
        });
        thread.map_err(|error| Failure::io("start the thread that asks the directory", &error))?;
        let begun = std::time::Instant::now();
        loop {
            let left = ALL_PATIENCE.saturating_sub(begun.elapsed());
            match receiver.recv_timeout(left) {
                Ok(told) => give(told)?,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    return Err(
                        Failure::new(FailureCode::Failure, format!("`{url}` takes longer than half an hour"))
                            .hint("name a part of the directory with `--base`"),
                    );
                }
            }
        }
        // The thread ended; without a word if it panicked.
        ended.recv().unwrap_or_else(|_| Err(no_answer()))
    }
}

impl Address {
    fn parse(url: &str) -> Result<Self, Failure> {
        let wrong = || {
            Failure::usage(format!("`{url}` is no address of a directory"))
                .hint("write `ldaps://dc01.corp.example`, with a port behind a colon if it isn't the usual one")
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let is_secure = match scheme {
            "ldaps" => true,
            "ldap" => false,
            _ => return Err(wrong()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let host = match rest.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once(']').ok_or_else(wrong)?.0,
            None => rest.split(':').next().unwrap_or_default(),
        };
        let is_plain = |character: char| character.is_ascii_alphanumeric() || ".-_:[]".contains(character);
        if host.is_empty() || !rest.chars().all(is_plain) {
            return Err(wrong());
        }
        let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        Ok(Self {
            url: format!("{scheme}://{rest}"),
            is_secure,
            is_here: is_loopback || host == "localhost",
        })
    }
}

/// Asks the directory; false from `give` ends it.
fn bring(server: &Server, give: &mut dyn FnMut(Told) -> bool) -> Result<(), Failure> {
    let url = &server.address.url;
    let failed = |doing: &str, error: &Error| failure(url, doing, error);
    let mut ldap = connect(server)?;
    let root = root(&mut ldap).map_err(|error| failed("read its root", &error))?;
    let base = server.base.clone().or(root.base).ok_or_else(|| {
        Failure::usage(format!("`{url}` doesn't say where its entries are"))
            .hint("name it with `--base DC=corp,DC=example`")
    })?;
    let domains = match root.configuration {
        Some(configuration) => {
            domains(&mut ldap, &configuration).map_err(|error| failed("read its domains", &error))?
        }
        None => Vec::new(),
    };
    if !give(Told::Root(base.clone(), domains)) {
        return Ok(());
    }
    search(&mut ldap, &base, give).map_err(|error| failed("search it", &error))
}

fn connect(server: &Server) -> Result<LdapConn, Failure> {
    let url = &server.address.url;
    let settings = LdapConnSettings::new()
        .set_conn_timeout(PATIENCE)
        .set_starttls(server.starttls)
        .set_config(tls(server.authority.as_deref())?);
    let mut ldap = LdapConn::with_settings(settings, url).map_err(|error| failure(url, "reach it", &error))?;
    if let Some((name, password)) = &server.login {
        let answer = ldap.with_timeout(PATIENCE).simple_bind(name, password);
        answer
            .and_then(LdapResult::success)
            .map_err(|error| failure(url, "sign in", &error))?;
    }
    Ok(ldap)
}

fn search(ldap: &mut LdapConn, base: &str, give: &mut dyn FnMut(Told) -> bool) -> Result<(), Error> {
    let attributes = LDAP_ATTRIBUTES.to_vec();
    let pages = PagedResults::new(PAGE);
    let ldap = ldap.with_timeout(PATIENCE);
    let mut stream = ldap.streaming_search_with(pages, base, Scope::Subtree, LDAP_FILTER, attributes)?;
    while let Some(entry) = stream.next()? {
        // Where other servers have more: they are asked by whoever wants them.
        if entry.is_ref() || entry.is_intermediate() {
            continue;
        }
        if !give(Told::Entry(plain(SearchEntry::construct(entry)))) {
            return Ok(());
        }
    }
    stream.result().success()?;
    Ok(())
}

/// What a directory says of itself.
struct Root {
    base: Option<String>,
    configuration: Option<String>,
}

fn root(ldap: &mut LdapConn) -> Result<Root, Error> {
    let wanted = ["defaultNamingContext", "namingContexts", "configurationNamingContext"];
    let (found, _) = ldap
        .with_timeout(PATIENCE)
        .search("", Scope::Base, "(objectClass=*)", wanted)?
        .success()?;
    let mut root = found.into_iter().next().map(SearchEntry::construct);
    let mut take = |name: &str| -> Option<String> {
        let values = root.as_mut()?.attrs.remove(name)?;
        values.into_iter().find(|value| !value.is_empty())
    };
    Ok(Root {
        base: take("defaultNamingContext").or_else(|| take("namingContexts")),
        configuration: take("configurationNamingContext"),
    })
}

/// The short names of a forest's domains.
fn domains(ldap: &mut LdapConn, configuration: &str) -> Result<Vec<(String, String)>, Error> {
    let found = ldap.with_timeout(PATIENCE).search(
        &format!("CN=Partitions,{configuration}"),
        Scope::OneLevel,
        "(&(objectClass=crossRef)(nETBIOSName=*))",
        ["nCName", "nETBIOSName"],
    )?;
    let (entries, _) = found.success()?;
    let mut domains = Vec::new();
    for entry in entries.into_iter().take(DOMAINS_MAX) {
        let mut attributes = SearchEntry::construct(entry).attrs;
        let mut take = |name: &str| attributes.remove(name)?.into_iter().next();
        domains.extend(take("nCName").zip(take("nETBIOSName")));
    }
    Ok(domains)
}

fn plain(entry: SearchEntry) -> LdapEntry {
    let texts = entry
        .attrs
        .into_iter()
        .map(|(name, values)| (name, values.into_iter().map(String::into_bytes).collect()));
    let mut attributes: Vec<(String, Vec<Vec<u8>>)> = texts.chain(entry.bin_attrs).collect();
    attributes.sort();
    LdapEntry {
        dn: entry.dn,
        attributes,
    }
}

/// Trusts what this machine trusts, and the authority that is named.
fn tls(authority: Option<&Path>) -> Result<Arc<ClientConfig>, Failure> {
    let mut trusted = RootCertStore::empty();
    trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = authority {
        let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let certificates =
            read.map_err(|error| Failure::usage(format!("--ca: `{}` can't be read: {error}", file.display())))?;
        let (added, _) = trusted.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(Failure::usage(format!(
                "--ca: `{}` has no certificate in it",
                file.display()
            )));
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::new(FailureCode::Failure, format!("TLS can't be used: {error}")))?;
    Ok(Arc::new(builder.with_root_certificates(trusted).with_no_client_auth()))
}

fn failure(url: &str, doing: &str, error: &Error) -> Failure {
    let (reason, hint) = match error {
        Error::LdapResult { result } => {
            let said: String = result
                .text
                .chars()
                .filter(|character| !character.is_control())
                .take(200)
                .collect();
            (
                format!("it answers with code {}: {}", result.rc, said.trim()),
                hint_of(result.rc),
            )
        }
        Error::Timeout { .. } => (format!("no answer within {} seconds", PATIENCE.as_secs()), ""),
        other => {
            let text = other.to_string();
            let hint = if text.contains("certificate") {
                "name the authority that signed the server's certificate with `--ca FILE`, and the server as the certificate does"
            } else {
                ""
            };
            (text, hint)
        }
    };
    let failure = Failure::new(FailureCode::Failure, format!("`{url}`: can't {doing}: {reason}"));
    if hint.is_empty() { failure } else { failure.hint(hint) }
}

/// What to do about a code of RFC 4511.
const fn hint_of(code: u32) -> &'static str {
    match code {
        1 | 48 | 50 => "it wants to know who asks: `--bind`, with the name of somebody who may read the directory",
        4 | 11 => {
            "it gives out fewer entries than there are: raise its limit for this account, or name a part with `--base`"
        }
        8 | 13 => "it wants TLS: write `ldaps://`, or add `--starttls`",
        32 => "there is no such entry: `--base` names the one below which is searched",
        49 => "check `--bind` (a distinguished name; Active Directory takes `anna@corp.example`, too) and the password",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart_and_what_is_none_is_refused() {
        let parse = |url: &str| Address::parse(url).map(|address| (address.is_secure, address.is_here));
        assert_eq!(parse("ldaps://dc01.corp.example").unwrap(), (true, false));
        assert_eq!(parse("ldap://127.0.0.1:3890/").unwrap(), (false, true));
        assert_eq!(parse("ldap://[::1]:3890").unwrap(), (false, true));
        assert_eq!(parse("ldap://localhost").unwrap(), (false, true));
        assert_eq!(parse("ldap://127.0.0.1.evil.example").unwrap(), (false, false));
        for wrong in [
            "dc01",
            "ldapi:///run/x",
            "http://dc01",
            "ldap://",
            "ldap://a@b",
            "ldaps://dc01/dc=x?cn",
            "ldap://[::1",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nothing_is_sent_in_clear_to_another_machine() {
        let refused = |url: &str, starttls| Server::at(url, starttls).map(|_| ()).unwrap_err();
        assert_eq!(refused("ldap://dc01.corp.example", false).code, FailureCode::Refused);
        assert_eq!(refused("ldaps://dc01.corp.example", true).code, FailureCode::Usage);
        assert!(Server::at("ldap://dc01.corp.example", true).is_ok());
        assert!(Server::at("ldap://127.0.0.1:3890", false).is_ok());
    }
}
