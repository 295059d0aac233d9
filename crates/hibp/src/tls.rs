//! The server's certificate, read again on request.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::Error;

/// The certificate's files, and what was read from them last.
///
/// Invariant: what is used was usable as a whole; files that can't be used leave it as it was.
#[derive(Debug)]
pub struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    config: RwLock<Arc<ServerConfig>>,
}

impl Certificate {
    /// Reads a certificate (the server's, then those between it and the root) and its private key from PEM files.
    ///
    /// # Errors
    /// When a file can't be read or isn't what it should be, or key and certificate don't match.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, Error> {
        Ok(Self {
            config: RwLock::new(read(certificate, key)?),
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        })
    }

    /// Reads the files again; new connections use what is in them.
    ///
    /// # Errors
    /// As [`Certificate::load`]; the certificate in use then stays.
    pub fn reload(&self) -> Result<(), Error> {
        let config = read(&self.certificate, &self.key)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, Error> {
    let broken = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Certificate { path, source }
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .map_err(broken(certificate))?
        .collect::<Result<_, _>>()
        .map_err(broken(certificate))?;
    if chain.is_empty() {
        return Err(Error::NoCertificate {
            path: certificate.to_owned(),
        });
    }
    let unusable = |source| Error::Tls {
        path: certificate.to_owned(),
        source,
    };
    let key = PrivateKeyDer::from_pem_file(key).map_err(broken(key))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
