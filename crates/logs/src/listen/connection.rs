//! One sender's connection: bytes are read, decrypted, cut into messages, and put into the queue as fast as that takes them.

use std::io::{self, Read};
use std::net::{IpAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, Stream};
use threat::event::Origin;
use threat::input::framing::{Framed, Framing};
use threat::input::{Source, Unreadable};

use super::Way;
use super::datagram::message;
use super::places::{self, Ticket};
use super::queue::{Queue, Sender};

/// Bytes read at a time.
const READ_BYTES: usize = 32 << 10;
/// How long a handshake waits for a sender at a time.
const HANDSHAKE_STEP: Duration = Duration::from_secs(1);

/// Takes messages of one connection until it ends.
pub(super) fn serve(
    mut socket: TcpStream,
    address: IpAddr,
    tls: Option<&Arc<ServerConfig>>,
    ticket: &Ticket,
    queue: &Queue,
) {
    if socket.set_nonblocking(false).is_err() {
        return;
    }
    let (way, transport) = if tls.is_some() {
        (Way::Tls, "tls")
    } else {
        (Way::Tcp, "tcp")
    };
    let mut incoming = Incoming {
        source: format!("syslog {transport} {address}").into(),
        way,
        sender: Sender::Connection(places::sender(address)),
        number: 0,
        framing: Framing::new(queue.limits().message_bytes_max),
        ticket,
        queue,
    };
    match tls {
        None => incoming.receive(&mut socket),
        Some(config) => match shake_hands(&mut socket, config, queue.limits().handshake) {
            Ok(mut session) => incoming.receive(&mut Stream::new(&mut session, &mut socket)),
            Err(_) => queue.drop_for(way, "a connection whose TLS handshake failed"),
        },
    }
}

/// Encrypts a connection. It takes no longer than `patience`, however slowly the sender sends.
fn shake_hands(socket: &mut TcpStream, config: &Arc<ServerConfig>, patience: Duration) -> io::Result<ServerConnection> {
    let mut session = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    let deadline = Instant::now() + patience;
    socket.set_read_timeout(Some(HANDSHAKE_STEP.min(patience)))?;
    socket.set_write_timeout(Some(HANDSHAKE_STEP.min(patience)))?;
    while session.is_handshaking() {
        let step = if session.wants_write() {
            session.write_tls(socket)
        } else {
            session.read_tls(socket)
        };
        match step {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
                ) => {}
            Err(error) => return Err(error),
        }
        if let Err(error) = session.process_new_packets() {
            // The sender is told by an alert, as far as it still listens.
            let _ = session.write_tls(socket);
            return Err(io::Error::other(error));
        }
        if Instant::now() > deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
    socket.set_read_timeout(None)?;
    Ok(session)
}

struct Incoming<'a> {
    source: Source,
    way: Way,
    sender: Sender,
    number: u64,
    framing: Framing,
    ticket: &'a Ticket,
    queue: &'a Queue,
}

impl Incoming<'_> {
    fn receive(&mut self, reader: &mut dyn Read) {
        let mut bytes = vec![0; READ_BYTES];
        let mut found = Vec::new();
        loop {
            let length = match reader.read(&mut bytes) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // What came so far is whole messages and the beginning of one.
                Err(_) => break,
            };
            self.ticket.heard();
            self.framing
                .push(bytes.get(..length).unwrap_or_default(), &mut |frame| found.push(frame));
            if !self.give(&mut found) {
                return;
            }
        }
        self.framing.finish(&mut |frame| found.push(frame));
        self.give(&mut found);
    }

    /// Puts messages into the queue. False: nobody takes them any more.
    fn give(&mut self, found: &mut Vec<Framed>) -> bool {
        for frame in found.drain(..) {
            self.number += 1;
            match frame {
                Ok(text) => {
                    let bytes = text.len();
                    if self
                        .queue
                        .wait_to_put(self.sender, message(text, &self.source, self.number), bytes)
                        .is_err()
                    {
                        return false;
                    }
                }
                Err(refused) => self.queue.unreadable(
                    self.way,
                    &Unreadable {
                        origin: Origin {
                            source: Source::clone(&self.source),
                            record: self.number,
                        },
                        reason: refused.reason,
                        sample: refused.sample,
                    },
                ),
            }
        }
        // Waiting for room is not the sender's silence.
        self.ticket.heard();
        true
    }
}
