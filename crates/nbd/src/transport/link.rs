//! A byte stream in both directions, plain or encrypted.
//!
//! With TLS, the state of the encryption is behind a lock, which is held while bytes are encrypted or decrypted but
//! never while the socket is waited for. Only one thread sends at a time (the caller sees to it), so that encrypted
//! bytes leave in the order in which they were made.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};

use rustls::{ServerConfig, ServerConnection};

use super::socket::{Patience, Socket};
use crate::sync::lock;

/// Room for encrypted bytes that have arrived.
const CIPHERTEXT_SIZE: usize = 128 << 10;
/// At most so many bytes are encrypted before they are sent.
const SEALED_SIZE_MAX: usize = 64 << 10;

/// A socket, with or without TLS.
pub(crate) struct Link {
    socket: Arc<Socket>,
    tls: Option<Mutex<ServerConnection>>,
}

/// Encrypted bytes that have arrived and weren't decrypted yet. Unused without TLS.
#[derive(Default)]
pub(crate) struct TlsInbox {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

/// What became of bytes to be sent.
pub(crate) enum Sent {
    /// They are sent.
    All,
    /// The client doesn't take more now.
    Stalled(Rest),
}

/// What couldn't be sent yet.
#[derive(Default)]
pub(crate) struct Rest {
    /// Bytes for the socket as they are.
    sealed: Vec<u8>,
    /// Bytes that must be encrypted after those.
    plain: Vec<u8>,
}

impl Rest {
    /// How many bytes it holds.
    pub(crate) fn len(&self) -> usize {
        self.sealed.len() + self.plain.len()
    }
}

impl Link {
    pub(crate) fn new(socket: Arc<Socket>) -> Self {
        Self { socket, tls: None }
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Does the TLS handshake. `before_io` is called before each operation on the socket, to set its timeouts.
    pub(crate) fn start_tls(
        &mut self,
        config: Arc<ServerConfig>,
        inbox: &mut TlsInbox,
        before_io: impl Fn() -> io::Result<()>,
    ) -> io::Result<()> {
        let mut tls = ServerConnection::new(config).map_err(tls_error)?;
        tls.set_buffer_limit(Some(SEALED_SIZE_MAX));
        let mut sealed = Vec::new();
        loop {
            take_sealed(&mut tls, &mut sealed)?;
            before_io()?;
            send_all(&self.socket, &sealed)?;
            sealed.clear();
            if !tls.is_handshaking() {
                break;
            }
            before_io()?;
            if inbox.receive(&self.socket)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            while tls.is_handshaking() && !inbox.is_empty() {
                if let Err(error) = inbox.feed(&mut tls) {
                    // The client is told by an alert, as far as it still listens.
                    let _ = take_sealed(&mut tls, &mut sealed).and_then(|()| send_all(&self.socket, &sealed));
                    return Err(error);
                }
            }
        }
        self.tls = Some(Mutex::new(tls));
        Ok(())
    }

    /// Receives at least one byte; 0 at the end of the stream. With `all`, `into` is filled if that is possible
    /// without further ado.
    pub(crate) fn receive(&self, inbox: &mut TlsInbox, into: &mut [u8], all: bool) -> io::Result<usize> {
        let Some(tls) = &self.tls else {
            return self.socket.receive(into, all);
        };
        loop {
            if let Some(length) = inbox.decrypt(&mut lock(tls), into)? {
                return Ok(length);
            }
            if inbox.receive(&self.socket)? == 0 {
                return Ok(0);
            }
        }
    }

    /// Whether TLS itself has something to say, such as an answer to a change of keys.
    pub(crate) fn wants_to_send(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| lock(tls).wants_write())
    }

    /// Sends all of `bytes`, or as much as the client takes where `patience` forbids to wait.
    pub(crate) fn send(&self, bytes: &[u8], patience: Patience) -> io::Result<Sent> {
        self.send_rest(Vec::new(), bytes, patience)
    }

    /// Sends what couldn't be sent before.
    pub(crate) fn resume(&self, rest: Rest, patience: Patience) -> io::Result<Sent> {
        self.send_rest(rest.sealed, &rest.plain, patience)
    }

    fn send_rest(&self, mut sealed: Vec<u8>, mut plain: &[u8], patience: Patience) -> io::Result<Sent> {
        let unsent = push(&self.socket, &sealed, patience)?;
        if unsent > 0 {
            return Ok(Sent::Stalled(Rest {
                sealed: tail(&sealed, unsent),
                plain: plain.to_vec(),
            }));
        }
        let Some(tls) = &self.tls else {
            return Ok(match push(&self.socket, plain, patience)? {
                0 => Sent::All,
                unsent => Sent::Stalled(Rest {
                    sealed: tail(plain, unsent),
                    plain: Vec::new(),
                }),
            });
        };
        loop {
            sealed.clear();
            {
                let mut tls = lock(tls);
                let taken = if plain.is_empty() {
                    0
                } else {
                    tls.writer().write(plain)?
                };
                plain = plain.get(taken..).unwrap_or_default();
                take_sealed(&mut tls, &mut sealed)?;
            }
            if sealed.is_empty() {
                return Ok(Sent::All);
            }
            let unsent = push(&self.socket, &sealed, patience)?;
            if unsent > 0 {
                return Ok(Sent::Stalled(Rest {
                    sealed: tail(&sealed, unsent),
                    plain: plain.to_vec(),
                }));
            }
        }
    }

    /// Ends TLS, if it is in use, and then the connection.
    pub(crate) fn close(&self) {
        if let Some(tls) = &self.tls {
            lock(tls).send_close_notify();
            // The client may be gone, or not read any more: then it doesn't matter to it.
            let _ = self.send(&[], Patience::Never);
        }
        self.socket.shut_down();
    }
}

impl TlsInbox {
    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Receives encrypted bytes; only when there are none left.
    fn receive(&mut self, socket: &Socket) -> io::Result<usize> {
        self.bytes.resize(CIPHERTEXT_SIZE, 0);
        self.start = 0;
        self.end = 0;
        self.end = socket.receive(&mut self.bytes, false)?;
        Ok(self.end)
    }

    /// Passes a part of the bytes to the decryption.
    fn feed(&mut self, tls: &mut ServerConnection) -> io::Result<()> {
        let mut window = self.bytes.get(self.start..self.end).unwrap_or_default();
        self.start += tls.read_tls(&mut window)?;
        tls.process_new_packets().map_err(tls_error)?;
        Ok(())
    }

    /// Decrypts into `into`. `None` when more must be received first; 0 after the client's goodbye.
    fn decrypt(&mut self, tls: &mut ServerConnection, into: &mut [u8]) -> io::Result<Option<usize>> {
        let mut filled = 0;
        loop {
            let room = into.get_mut(filled..).unwrap_or_default();
            match tls.reader().read(room) {
                Ok(0) => return Ok(Some(filled)),
                Ok(length) => filled += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.is_empty() {
                        return Ok((filled > 0).then_some(filled));
                    }
                    self.feed(tls)?;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Sends as much of `bytes` as possible and says how many are left, which isn't 0 only if `patience` forbids to wait.
fn push(socket: &Socket, bytes: &[u8], patience: Patience) -> io::Result<usize> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match socket.send(rest, patience) {
            Ok(length) => rest = rest.get(length..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && patience == Patience::Never => break,
            Err(error) => return Err(error),
        }
    }
    Ok(rest.len())
}

fn send_all(socket: &Socket, bytes: &[u8]) -> io::Result<()> {
    push(socket, bytes, Patience::Wait).map(|_| ())
}

fn take_sealed(tls: &mut ServerConnection, sealed: &mut Vec<u8>) -> io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(sealed)?;
    }
    Ok(())
}

/// The last `length` bytes.
fn tail(bytes: &[u8], length: usize) -> Vec<u8> {
    bytes.get(bytes.len() - length..).unwrap_or_default().to_vec()
}

fn tls_error(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
