//! What can go wrong with the server itself. What goes wrong with a request is a [`crate::problem::Refusal`].

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the console can't answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address can't be listened on.
    #[error("can't listen on `{address}`: {source}; choose another one: `listen` in [console]")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system gave no threads.
    #[error("can't start the console's threads: {0}")]
    Threads(io::Error),
    /// A connection can't be taken over.
    #[error("can't answer the connection: {0}")]
    Connection(io::Error),
    /// A file of the certificate can't be read or isn't PEM.
    #[error("can't read `{}`: {what}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A certificate can't be used.
    #[error("can't use the certificate `{}`: {source}; the key must be that of the certificate", path.display())]
    Tls {
        /// The certificate.
        path: PathBuf,
        /// What rustls said.
        source: rustls::Error,
    },
    /// A certificate of one's own can't be made.
    #[error("can't make a certificate: {0}")]
    MakeCertificate(#[from] rcgen::Error),
    /// A file can't be written.
    #[error("can't write `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system has no random numbers.
    #[error("the system has no random numbers to make a secret from")]
    NoRandomness,
}
