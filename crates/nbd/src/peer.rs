//! Who a client is.

use std::fmt;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{AddressFamily, getpeername};

/// The number of a connection, never used twice by one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// Where a connection comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Peer {
    /// A process on this host.
    Unix {
        /// Its process.
        pid: i32,
        /// Its user.
        uid: u32,
    },
    /// A TCP address.
    Tcp(SocketAddr),
    /// Some other kind of socket.
    Other,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix { pid, uid } => write!(f, "process {pid} of user {uid}"),
            Self::Tcp(address) => address.fmt(f),
            Self::Other => f.write_str("unknown"),
        }
    }
}

impl Peer {
    /// Asks the system who is at the other end.
    pub(crate) fn of(fd: &OwnedFd) -> Self {
        match rustix::net::sockopt::socket_domain(fd.as_fd()) {
            Ok(AddressFamily::UNIX) => match rustix::net::sockopt::socket_peercred(fd.as_fd()) {
                Ok(user) => Self::Unix {
                    pid: user.pid.as_raw_nonzero().get(),
                    uid: user.uid.as_raw(),
                },
                Err(_) => Self::Other,
            },
            Ok(AddressFamily::INET | AddressFamily::INET6) => {
                let address = getpeername(fd.as_fd())
                    .ok()
                    .flatten()
                    .and_then(|address| address.try_into().ok());
                address.map_or(Self::Other, Self::Tcp)
            }
            _ => Self::Other,
        }
    }
}
