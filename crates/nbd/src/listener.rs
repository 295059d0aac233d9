//! Sockets that clients connect to.

use std::io;
use std::net::{TcpListener, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with};

use crate::error::Error;
use crate::transport::Socket;

/// A socket that clients connect to: unix, TCP, or any other stream socket that was inherited.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    address: String,
    #[expect(dead_code, reason = "it is only dropped, which removes the socket")]
    file: Option<SocketFile>,
}

/// The path of a unix socket that this process made, and removes again.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Listener {
    /// Makes a unix socket with the permissions `mode` (such as `0o600`). A socket that nobody listens on any more
    /// is replaced. The socket is removed when the listener is dropped.
    ///
    /// # Errors
    ///
    /// The path is in use, or the socket can't be made.
    pub fn unix(path: &Path, mode: u32) -> Result<Self, Error> {
        let failed = |source| Error::Listen {
            address: path.display().to_string(),
            source,
        };
        match std::fs::symlink_metadata(path) {
            Err(_) => {}
            Ok(metadata) if !metadata.file_type().is_socket() => {
                return Err(Error::NotASocket { path: path.to_owned() });
            }
            Ok(_) if UnixStream::connect(path).is_ok() => return Err(Error::SocketInUse { path: path.to_owned() }),
            Ok(_) => {}
        }
        // The socket appears at its path only once its permissions are right.
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(format!(".{}", std::process::id()));
        let temporary = PathBuf::from(temporary);
        let listener = UnixListener::bind(&temporary).map_err(failed)?;
        let prepared = std::fs::set_permissions(&temporary, std::fs::Permissions::from_mode(mode))
            .and_then(|()| std::fs::symlink_metadata(&temporary))
            .and_then(|metadata| std::fs::rename(&temporary, path).map(|()| metadata));
        let metadata = prepared.map_err(|source| {
            // The first error is the one that counts.
            let _ = std::fs::remove_file(&temporary);
            failed(source)
        })?;
        let file = SocketFile {
            path: path.to_owned(),
            device: metadata.dev(),
            inode: metadata.ino(),
        };
        Ok(Self {
            fd: listener.into(),
            address: format!("unix:{}", path.display()),
            file: Some(file),
        })
    }

    /// Makes a TCP socket.
    ///
    /// # Errors
    ///
    /// The address is in use or isn't one of this host.
    pub fn tcp(address: impl ToSocketAddrs + std::fmt::Display) -> Result<Self, Error> {
        let failed = |source| Error::Listen {
            address: address.to_string(),
            source,
        };
        Ok(TcpListener::bind(&address).map_err(failed)?.into())
    }

    /// What the socket is bound to, for people.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Makes accepting not wait for a client that gave up after it was announced.
    pub(crate) fn prepare(&self) -> Result<(), Error> {
        let failed = |errno: Errno| Error::Listen {
            address: self.address.clone(),
            source: errno.into(),
        };
        rustix::io::ioctl_fionbio(&self.fd, true).map_err(failed)
    }

    /// Waits for a client. `Ok(None)` when `wake` became readable or closed.
    pub(crate) fn accept(&self, wake: BorrowedFd<'_>) -> io::Result<Option<Socket>> {
        loop {
            let mut fds = [
                PollFd::from_borrowed_fd(wake, PollFlags::IN),
                PollFd::new(&self.fd, PollFlags::IN),
            ];
            match poll(&mut fds, None) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            if fds.first().is_some_and(|fd| !fd.revents().is_empty()) {
                return Ok(None);
            }
            match accept_with(self.fd.as_fd(), SocketFlags::CLOEXEC) {
                Ok(fd) => return Ok(Some(Socket::new(fd))),
                // The client gave up before it was accepted.
                Err(Errno::INTR | Errno::CONNABORTED | Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        let address = listener
            .local_addr()
            .map_or_else(|_| "tcp".to_owned(), |address| format!("tcp:{address}"));
        Self {
            fd: listener.into(),
            address,
            file: None,
        }
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        let path = listener
            .local_addr()
            .ok()
            .and_then(|address| address.as_pathname().map(Path::to_owned));
        let address = path.map_or_else(|| "unix".to_owned(), |path| format!("unix:{}", path.display()));
        Self {
            fd: listener.into(),
            address,
            file: None,
        }
    }
}

/// Takes any stream socket that listens, such as one of the vsock family.
impl From<OwnedFd> for Listener {
    fn from(fd: OwnedFd) -> Self {
        Self {
            fd,
            address: "inherited".to_owned(),
            file: None,
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = std::fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| metadata.dev() == self.device && metadata.ino() == self.inode);
        if ours {
            // Nothing can be done where it fails; the next server replaces the file.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
