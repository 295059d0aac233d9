//! TLS settings. Certificates are X.509 in PEM files; pre-shared keys aren't supported by rustls.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::error::Error;

/// Whether clients can or must use TLS.
#[derive(Clone, Debug, Default)]
pub enum Tls {
    /// No TLS.
    #[default]
    Off,
    /// A client may use TLS.
    Allowed(TlsIdentity),
    /// A client that doesn't use TLS learns nothing and can do nothing.
    Required(TlsIdentity),
}

/// The server's certificate, and whose clients it trusts.
#[derive(Clone, Debug)]
pub struct TlsIdentity {
    config: Arc<ServerConfig>,
}

impl TlsIdentity {
    /// Reads the server's certificate (with those between it and the root) and private key. With `client_authority`,
    /// clients must show a certificate that is signed by one in that file.
    ///
    /// # Errors
    ///
    /// A file can't be read or isn't what it should be, or key and certificate don't match.
    pub fn load(certificate: &Path, key: &Path, client_authority: Option<&Path>) -> Result<Self, Error> {
        let broken = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::Certificate { path, source }
        };
        let chain = certificates(certificate)?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(broken(key))?;
        let authorities = client_authority.map(certificates).transpose()?;
        Self::new(chain, key, authorities)
    }

    /// Uses certificates and a key from memory.
    ///
    /// # Errors
    ///
    /// Key and certificate don't match, or can't be used.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        client_authorities: Option<Vec<CertificateDer<'static>>>,
    ) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(Error::Tls)?;
        let builder = match client_authorities {
            None => builder.with_no_client_auth(),
            Some(authorities) => {
                let mut roots = RootCertStore::empty();
                for authority in authorities {
                    roots.add(authority).map_err(Error::Tls)?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .map_err(Error::ClientAuthority)?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(chain, key).map_err(Error::Tls)?;
        // Connections are few and long: there is nothing to gain from resuming sessions.
        config.send_tls13_tickets = 0;
        Ok(Self {
            config: Arc::new(config),
        })
    }

    /// What other listeners of the same program encrypt with.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let broken = |source| Error::Certificate {
        path: PathBuf::from(path),
        source,
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(broken)?
        .collect::<Result<_, _>>()
        .map_err(broken)?;
    if certificates.is_empty() {
        return Err(Error::NoCertificate { path: path.to_owned() });
    }
    Ok(certificates)
}
