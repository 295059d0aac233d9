//! Messages by UDP: one in each datagram.

use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use jiff::Timestamp;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use threat::event::Origin;
use threat::input::framing::datagram;
use threat::input::{Body, Record, Source};

use super::places::sender;
use super::queue::{Queue, Sender};
use super::{Message, Way};

/// The largest datagram that there is.
const DATAGRAM_BYTES: usize = 64 << 10;

/// Takes datagrams until `woken` is closed at its other end.
pub(super) fn serve(socket: &UdpSocket, woken: &UnixStream, queue: &Queue) {
    let mut bytes = vec![0; DATAGRAM_BYTES];
    let mut number = 0;
    while wait_for(socket, woken) {
        // An error is one of an earlier datagram's, such as a port that nobody listens on.
        let Ok((length, from)) = socket.recv_from(&mut bytes) else {
            continue;
        };
        number += 1;
        let datagram_bytes = bytes.get(..length).unwrap_or_default();
        if length > queue.limits().message_bytes_max {
            queue.drop_for(Way::Udp, "a message longer than may be");
            continue;
        }
        let Some(text) = datagram(datagram_bytes) else {
            queue.drop_for(Way::Udp, "an empty message");
            continue;
        };
        queue.put_or_drop(
            Sender::Datagrams(sender(from.ip())),
            message(text, &format!("syslog udp {}", from.ip()).into(), number),
            length,
        );
    }
}

/// Waits until there is something at a socket. False: it is to end.
pub(super) fn wait_for(socket: &impl AsFd, woken: &UnixStream) -> bool {
    loop {
        let mut fds = [PollFd::new(woken, PollFlags::IN), PollFd::new(socket, PollFlags::IN)];
        match poll(&mut fds, None) {
            Ok(_) => return fds.first().is_none_or(|woken| woken.revents().is_empty()),
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

/// A message that came in now.
pub(super) fn message(text: String, source: &Source, number: u64) -> Message {
    Message {
        record: Record {
            body: Body::Line(text),
            origin: Origin {
                source: Source::clone(source),
                record: number,
            },
        },
        received: Timestamp::now(),
    }
}
