//! What can keep a server from serving.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a server could not be started, or not do what it was told. Messages never contain an address of a person, a password or a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address can't be listened on.
    #[error("listen on `{address}`: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Threads of the server could not be started.
    #[error("start the threads of the server: {0}")]
    Threads(io::Error),
    /// A certificate or key can't be read.
    #[error("`{}` has no usable certificate or key: {source}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// A certificate's file is empty.
    #[error("`{}` has no certificate in it; it should hold the server's, then those between it and the root, in PEM", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// Key and certificate can't be used, or don't belong together.
    #[error("the certificate `{}` can't be used with its key: {source}", path.display())]
    Tls {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// What the answers are taken from can't be read.
    #[error(transparent)]
    Exposure(#[from] exposure::Error),
}
