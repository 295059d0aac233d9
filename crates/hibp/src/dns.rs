//! TXT records, by which the owner of a domain shows that it is theirs.

use std::net::SocketAddr;
use std::time::Duration;

use exposure::ledger::{Domain, TXT_PREFIX};
use exposure::watch::DomainName;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

/// A server that hasn't answered after this long is asked again.
const PATIENCE: Duration = Duration::from_secs(4);
/// How often it is asked.
const ATTEMPTS: usize = 2;
/// However slow it is, there is an answer after this long.
const PATIENCE_MOST: Duration = Duration::from_secs(15);
/// Records that are looked at, at most.
const RECORDS_MAX: usize = 256;
/// Bytes of a record that are looked at, at most.
const RECORD_BYTES_MAX: usize = 1024;

/// Why records couldn't be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DnsError {
    /// Nobody could be asked, or the answer was an error.
    #[error(
        "the DNS server could not be asked for TXT records of `{domain}`: {why}; see whether it is within reach, or name another as `resolver`"
    )]
    Failed {
        /// The domain.
        domain: String,
        /// What went wrong.
        why: String,
    },
    /// No answer came.
    #[error("no DNS server answered about `{domain}` within {} s; see whether it is within reach, or name another as `resolver`", PATIENCE_MOST.as_secs())]
    TimedOut {
        /// The domain.
        domain: String,
    },
}

/// What the TXT records of a domain prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TxtProof {
    /// The record that was asked for is there.
    Proved,
    /// There is no record of this kind.
    None,
    /// There are others of this kind; the first.
    Other(String),
}

/// The values of a domain's TXT records; empty if it has none or doesn't exist. `resolver` is the server that is asked, over UDP and TCP;
/// the system's if `None`.
///
/// # Errors
/// When nobody could be asked, or no answer came in time.
pub async fn txt_records(domain: &DomainName, resolver: Option<SocketAddr>) -> Result<Vec<String>, DnsError> {
    let failed = |why: String| DnsError::Failed {
        domain: domain.to_string(),
        why,
    };
    let resolver = resolver_for(resolver).map_err(|error| failed(error.to_string()))?;
    // A dot at the end: no domain that this machine searches in is added.
    let lookup = resolver.txt_lookup(format!("{domain}."));
    let answer = tokio::time::timeout(PATIENCE_MOST, lookup)
        .await
        .map_err(|_| DnsError::TimedOut {
            domain: domain.to_string(),
        })?;
    match answer {
        Ok(lookup) => {
            let texts = lookup.answers().iter().filter_map(|record| match &record.data {
                RData::TXT(text) => Some(text),
                _ => None,
            });
            Ok(texts
                .take(RECORDS_MAX)
                .map(|text| {
                    let bytes: Vec<u8> = text
                        .txt_data
                        .iter()
                        .flat_map(|part| part.iter().copied())
                        .take(RECORD_BYTES_MAX)
                        .collect();
                    String::from_utf8_lossy(&bytes).into_owned()
                })
                .collect())
        }
        Err(error) if error.is_no_records_found() || error.is_nx_domain() => Ok(Vec::new()),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// The same for a caller without a runtime: it waits.
///
/// # Errors
/// As [`txt_records`].
pub fn txt_records_blocking(domain: &DomainName, resolver: Option<SocketAddr>) -> Result<Vec<String>, DnsError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| DnsError::Failed {
            domain: domain.to_string(),
            why: error.to_string(),
        })?;
    runtime.block_on(txt_records(domain, resolver))
}

/// What records prove about a domain.
#[must_use]
pub fn proof(domain: &Domain, records: &[String]) -> TxtProof {
    let expected = domain.txt_record();
    let mut ours = records.iter().filter(|record| record.trim().starts_with(TXT_PREFIX));
    if ours.clone().any(|record| record.trim() == expected) {
        return TxtProof::Proved;
    }
    ours.next()
        .map_or(TxtProof::None, |record| TxtProof::Other(record.trim().to_owned()))
}

fn resolver_for(server: Option<SocketAddr>) -> Result<TokioResolver, Box<dyn std::error::Error + Send + Sync>> {
    let provider = TokioRuntimeProvider::default();
    let mut builder = match server {
        None => TokioResolver::builder_tokio()?,
        Some(address) => {
            let mut server = NameServerConfig::udp_and_tcp(address.ip());
            for connection in &mut server.connections {
                connection.port = address.port();
            }
            TokioResolver::builder_with_config(ResolverConfig::from_parts(None, Vec::new(), vec![server]), provider)
        }
    };
    let options: &mut ResolverOpts = builder.options_mut();
    options.timeout = PATIENCE;
    options.attempts = ATTEMPTS;
    // What was true a minute ago isn't what is asked.
    options.cache_size = 0;
    Ok(builder.build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_record_that_was_asked_for_proves_anything() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = exposure::ledger::Ledger::open(folder.path()).unwrap();
        let domain = ledger
            .ask_for_domain(&DomainName::parse("example.com").unwrap(), 1, [1; 20])
            .unwrap();
        let records = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let right = domain.txt_record();
        assert_eq!(
            proof(&domain, &records(&["v=spf1 -all", "hibp-verify=old", &right])),
            TxtProof::Proved
        );
        assert_eq!(proof(&domain, &records(&["v=spf1 -all"])), TxtProof::None);
        assert_eq!(
            proof(&domain, &records(&[&right[..20]])),
            TxtProof::Other(right[..20].to_owned())
        );
        assert_eq!(proof(&domain, &records(&[&format!("x {right}")])), TxtProof::None);
    }
}
