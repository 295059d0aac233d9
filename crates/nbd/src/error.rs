//! What can go wrong with the server itself. What goes wrong with one client is told by [`crate::Event`].

use std::io;
use std::path::PathBuf;

/// An error while a server is set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A socket can't be made or listened on.
    #[error("can't listen on `{address}`: {source}")]
    Listen {
        /// The path or address.
        address: String,
        /// The system's error.
        source: io::Error,
    },
    /// Another process serves on the path.
    #[error("`{}` is in use by a running server", path.display())]
    SocketInUse {
        /// The path of the unix socket.
        path: PathBuf,
    },
    /// What lies at the path of a unix socket is something else, which isn't replaced.
    #[error("`{}` exists and isn't a socket", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// A certificate or key can't be read or isn't one.
    #[error("can't use `{}` for TLS: {source}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// A file of certificates holds none.
    #[error("`{}` holds no certificate", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key can't be used together, or not at all.
    #[error("TLS can't be set up: {0}")]
    Tls(rustls::Error),
    /// The authority that signs client certificates can't be used.
    #[error("client certificates can't be checked: {0}")]
    ClientAuthority(rustls::server::VerifierBuilderError),
    /// A thread can't be started.
    #[error("can't start a thread: {0}")]
    Thread(io::Error),
    /// The server is being stopped.
    #[error("the server is being stopped")]
    Stopping,
}
