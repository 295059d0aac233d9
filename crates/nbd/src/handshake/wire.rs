//! The byte stream of a handshake, which must be over by a certain time.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use crate::events::Ending;
use crate::protocol::numbers::{FLAG_FIXED_NEWSTYLE, FLAG_NO_ZEROES, MAGIC_GREETING, MAGIC_OPTION};
use crate::protocol::{OptionHeader, OptionReply, encode_option_reply};
use crate::transport::{Link, Patience, Sent, Socket, TlsInbox};

/// The most data of an option that is read. Thirty-two queries of the greatest length fit.
const OPTION_LENGTH_MAX: u32 = 256 << 10;
/// The most data of an option that is skipped with an error; with more the connection is ended.
const OPTION_LENGTH_SKIPPED_MAX: u32 = 1 << 20;

/// What the client said in its greeting.
pub(super) struct ClientFlags {
    pub(super) fixed_newstyle: bool,
    pub(super) no_zeroes: bool,
}

/// The stream, as far as the handshake uses it.
pub(super) struct Wire {
    pub(super) link: Link,
    pub(super) inbox: TlsInbox,
    pub(super) deadline: Instant,
    pub(super) out: Vec<u8>,
}

impl Wire {
    pub(super) fn new(socket: Arc<Socket>, deadline: Instant) -> Self {
        Self {
            link: Link::new(socket),
            inbox: TlsInbox::default(),
            deadline,
            out: Vec::new(),
        }
    }

    pub(super) fn greet(&mut self) -> Result<ClientFlags, Ending> {
        let flags = FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES;
        self.out.extend_from_slice(&MAGIC_GREETING.to_be_bytes());
        self.out.extend_from_slice(&MAGIC_OPTION.to_be_bytes());
        self.out.extend_from_slice(&flags.to_be_bytes());
        self.send()?;
        let mut client_flags = [0; 4];
        self.receive(&mut client_flags)?;
        let client_flags = u32::from_be_bytes(client_flags);
        if client_flags & !u32::from(flags) != 0 {
            return Err(Ending::UnknownClientFlags { flags: client_flags });
        }
        Ok(ClientFlags {
            fixed_newstyle: client_flags & u32::from(FLAG_FIXED_NEWSTYLE) != 0,
            no_zeroes: client_flags & u32::from(FLAG_NO_ZEROES) != 0,
        })
    }

    /// Fills `into`, and takes nothing beyond it from the stream: what follows may have to be decrypted.
    pub(super) fn receive(&mut self, into: &mut [u8]) -> Result<(), Ending> {
        let mut rest = into;
        while !rest.is_empty() {
            arm(self.link.socket(), self.deadline).map_err(handshake_ending)?;
            match self
                .link
                .receive(&mut self.inbox, rest, false)
                .map_err(handshake_ending)?
            {
                0 => return Err(Ending::Closed),
                length => rest = rest.get_mut(length..).unwrap_or_default(),
            }
        }
        Ok(())
    }

    /// Receives the data of an option, or skips it where it is too long.
    pub(super) fn receive_option_data(&mut self, header: OptionHeader) -> Result<Option<Vec<u8>>, Ending> {
        if header.length > OPTION_LENGTH_SKIPPED_MAX {
            return Err(Ending::OptionTooLarge { length: header.length });
        }
        let mut data = vec![0; header.length as usize];
        self.receive(&mut data)?;
        Ok((header.length <= OPTION_LENGTH_MAX).then_some(data))
    }

    pub(super) fn reply(&mut self, option: u32, reply: OptionReply, data: &[&[u8]]) {
        encode_option_reply(&mut self.out, option, reply, data);
    }

    pub(super) fn send(&mut self) -> Result<(), Ending> {
        if self.out.is_empty() {
            return Ok(());
        }
        let mut sent = self.link.send(&self.out, Patience::Never).map_err(handshake_ending)?;
        self.out.clear();
        // A timeout of the socket would start again with every byte that a slow client takes.
        while let Sent::Stalled(rest) = sent {
            self.link
                .socket()
                .wait_until_writable(self.deadline)
                .map_err(handshake_ending)?;
            sent = self.link.resume(rest, Patience::Never).map_err(handshake_ending)?;
        }
        Ok(())
    }
}

/// Lets the next operations on the socket take no longer than until `deadline`.
pub(super) fn arm(socket: &Socket, deadline: Instant) -> io::Result<()> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    socket.set_receive_timeout(Some(left))?;
    socket.set_send_timeout(Some(left))
}

/// Why the handshake ends when the stream fails.
pub(super) fn handshake_ending(error: io::Error) -> Ending {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Ending::HandshakeTimeout,
        _ => Ending::from_io(error),
    }
}
