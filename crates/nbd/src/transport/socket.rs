//! A connected stream socket.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{
    Timeout, set_socket_keepalive, set_socket_send_buffer_size, set_socket_timeout, set_tcp_keepcnt, set_tcp_keepidle,
    set_tcp_keepintvl, set_tcp_nodelay,
};
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};

use crate::peer::Peer;

/// How much may be sent before the client has read anything; the system may allow less.
const SEND_BUFFER_SIZE: usize = 1 << 20;
/// After this time without a sign of life a TCP peer is asked for one.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// The time between questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Questions without an answer until the connection is given up.
const KEEPALIVE_COUNT: u32 = 4;

/// For so long a receiver looks again before it sleeps, if the client's last request came about as soon. Waking a
/// thread on a processor that went idle costs more than a request.
const LOOK_AGAIN: Duration = Duration::from_micros(50);
/// A client whose request came later than this isn't waited for in that way.
const SOON: Duration = Duration::from_micros(200);

/// A client that sends more than this at once has several requests under way: then it is better to sleep, and to find
/// more of them together.
const LITTLE: usize = 8 << 10;

/// Whether an operation may wait for the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    Wait,
    Never,
}

/// A connected stream socket of any family, and who is at its other end.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    peer: Peer,
    /// Whether the client's last request came soon.
    prompt: AtomicBool,
}

impl Socket {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        let peer = Peer::of(&fd);
        // Each setting only improves matters: where one isn't supported, the connection works without it.
        let _ = rustix::io::ioctl_fionbio(&fd, false);
        if let Peer::Tcp(_) = peer {
            let _ = set_tcp_nodelay(&fd, true);
            let _ = set_socket_keepalive(&fd, true);
            let _ = set_tcp_keepidle(&fd, KEEPALIVE_IDLE);
            let _ = set_tcp_keepintvl(&fd, KEEPALIVE_INTERVAL);
            let _ = set_tcp_keepcnt(&fd, KEEPALIVE_COUNT);
        } else {
            // TCP finds a size by itself, unless it is told one.
            let _ = set_socket_send_buffer_size(&fd, SEND_BUFFER_SIZE);
        }
        Self {
            fd,
            peer,
            prompt: AtomicBool::new(false),
        }
    }

    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Receives what is there, at least one byte; 0 at the end of the stream. With `all`, waits until `into` is full.
    /// Fails with [`io::ErrorKind::WouldBlock`] after the time set by [`Socket::set_receive_timeout`].
    pub(crate) fn receive(&self, into: &mut [u8], all: bool) -> io::Result<usize> {
        let soon = (!all && self.prompt.load(Ordering::Relaxed))
            .then(|| self.receive_soon(into))
            .flatten();
        let started = Instant::now();
        let received = soon.map_or_else(|| self.receive_sleeping(into, all), Ok);
        let little = received.as_ref().is_ok_and(|length| *length <= LITTLE);
        self.prompt.store(little && started.elapsed() < SOON, Ordering::Relaxed);
        received
    }

    /// Looks for bytes again and again for a short while, leaving the processor to others in between. Errors are left
    /// for the receiver that sleeps.
    fn receive_soon(&self, into: &mut [u8]) -> Option<usize> {
        let started = Instant::now();
        while started.elapsed() < LOOK_AGAIN {
            match recv(self.fd.as_fd(), &mut *into, RecvFlags::DONTWAIT) {
                Ok((_, length)) => return Some(length),
                Err(Errno::AGAIN) => std::thread::yield_now(),
                Err(_) => return None,
            }
        }
        None
    }

    fn receive_sleeping(&self, into: &mut [u8], all: bool) -> io::Result<usize> {
        let flags = if all { RecvFlags::WAITALL } else { RecvFlags::empty() };
        loop {
            match recv(self.fd.as_fd(), &mut *into, flags) {
                Ok((_, length)) => return Ok(length),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether there is something to receive.
    pub(crate) fn has_more(&self) -> bool {
        rustix::io::ioctl_fionread(&self.fd).is_ok_and(|length| length > 0)
    }

    /// Sends a part of `bytes`. Fails with [`io::ErrorKind::WouldBlock`] where nothing can be sent in time.
    pub(crate) fn send(&self, bytes: &[u8], patience: Patience) -> io::Result<usize> {
        let flags = match patience {
            Patience::Wait => SendFlags::NOSIGNAL,
            Patience::Never => SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
        };
        loop {
            match send(self.fd.as_fd(), bytes, flags) {
                Ok(length) => return Ok(length),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits until something can be sent, at most until `deadline`.
    pub(crate) fn wait_until_writable(&self, deadline: Instant) -> io::Result<()> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).unwrap_or_default();
            match poll(&mut [PollFd::new(&self.fd, PollFlags::OUT)], Some(&timeout)) {
                Ok(0) if left.is_zero() => return Err(io::ErrorKind::TimedOut.into()),
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(crate) fn set_receive_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        Ok(set_socket_timeout(self.fd.as_fd(), Timeout::Recv, timeout)?)
    }

    pub(crate) fn set_send_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        Ok(set_socket_timeout(self.fd.as_fd(), Timeout::Send, timeout)?)
    }

    /// Makes the stream end after what has arrived.
    pub(crate) fn shut_down_reading(&self) {
        // It fails only where the connection is gone already.
        let _ = shutdown(self.fd.as_fd(), Shutdown::Read);
    }

    /// Ends the connection in both directions, and wakes whoever waits for it.
    pub(crate) fn shut_down(&self) {
        // It fails only where the connection is gone already.
        let _ = shutdown(self.fd.as_fd(), Shutdown::Both);
    }
}
