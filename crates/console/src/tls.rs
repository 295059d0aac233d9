//! The console's certificate, read again when its files change.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::Error;
use crate::settings::CertificateFiles;

/// The certificate's files, and what was read from them last.
///
/// Invariant: what is used was usable as a whole; files that can't be used leave it as it was.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: CertificateFiles,
    config: RwLock<Arc<ServerConfig>>,
    /// When the files were changed last, as far as was looked.
    seen: Mutex<Seen>,
}

/// When certificate and key were changed.
type Seen = [Option<SystemTime>; 2];

impl Certificate {
    /// Reads the files.
    pub(crate) fn load(files: &CertificateFiles) -> Result<Self, Error> {
        // Before they are read: a change in between is then noticed, rather than missed.
        let seen = look(files);
        Ok(Self {
            config: RwLock::new(read(files)?),
            files: files.clone(),
            seen: Mutex::new(seen),
        })
    }

    /// Reads the files again; new connections use what is in them.
    pub(crate) fn reload(&self) -> Result<(), Error> {
        let seen = look(&self.files);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        let config = read(&self.files)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// The same if the files have changed since. Whether they had.
    pub(crate) fn reload_if_changed(&self) -> Result<bool, Error> {
        let is_same = *self.seen.lock().unwrap_or_else(PoisonError::into_inner) == look(&self.files);
        if is_same {
            return Ok(false);
        }
        self.reload().map(|()| true)
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn look(files: &CertificateFiles) -> Seen {
    let changed = |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    [changed(&files.certificate), changed(&files.key)]
}

fn read(files: &CertificateFiles) -> Result<Arc<ServerConfig>, Error> {
    let broken = |path: &Path, what: String| Error::Certificate {
        path: path.to_owned(),
        what,
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&files.certificate).and_then(Iterator::collect);
    let chain = chain.map_err(|error| broken(&files.certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(broken(&files.certificate, "it has no certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| broken(&files.key, error.to_string()))?;
    let unusable = |source| Error::Tls {
        path: files.certificate.clone(),
        source,
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
