//! A small NBD client: the handshake, and reads, writes and flushes one after the other, with simple replies.
//!
//! It talks to the demo's own server over a pair of sockets that nobody else can reach, so that what the guard sees is what a
//! client sends.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use nbd::protocol::numbers::{
    CMD_DISC, CMD_FLUSH, CMD_READ, CMD_WRITE, ErrorCode, FLAG_FIXED_NEWSTYLE, FLAG_NO_ZEROES, MAGIC_GREETING,
    MAGIC_OPTION, MAGIC_REQUEST, MAGIC_SIMPLE_REPLY, OPT_EXPORT_NAME,
};

/// A connection to an export.
#[derive(Debug)]
pub(super) struct Client {
    stream: UnixStream,
    size_bytes: u64,
    cookie: u64,
}

impl Client {
    /// Chooses an export on a connection on which nothing was said yet.
    pub(super) fn new(mut stream: UnixStream, export: &str) -> io::Result<Self> {
        let mut greeting = [0; 18];
        stream.read_exact(&mut greeting)?;
        let expected = [MAGIC_GREETING.to_be_bytes(), MAGIC_OPTION.to_be_bytes()].concat();
        if !greeting.starts_with(&expected) {
            return Err(unexpected("the greeting isn't that of an NBD server"));
        }
        let flags = u32::from(FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES);
        let length = u32::try_from(export.len()).map_err(io::Error::other)?;
        let mut hello = flags.to_be_bytes().to_vec();
        hello.extend(MAGIC_OPTION.to_be_bytes());
        hello.extend(OPT_EXPORT_NAME.to_be_bytes());
        hello.extend(length.to_be_bytes());
        hello.extend(export.as_bytes());
        stream.write_all(&hello)?;
        // Size and transmission flags; the latter are known, since the server is the demo's own.
        let mut size = [0; 8];
        stream.read_exact(&mut size)?;
        stream.read_exact(&mut [0; 2])?;
        Ok(Self {
            stream,
            size_bytes: u64::from_be_bytes(size),
            cookie: 0,
        })
    }

    /// The disk's size in bytes.
    pub(super) const fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Fills `buffer` from byte `offset` on.
    pub(super) fn read(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.send(CMD_READ, offset, buffer.len(), &[])?;
        self.receive()?;
        self.stream.read_exact(buffer)
    }

    /// Writes `data` at byte `offset`. Refused with [`io::ErrorKind::PermissionDenied`] once the disk is fenced.
    pub(super) fn write(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.send(CMD_WRITE, offset, data.len(), data)?;
        self.receive()
    }

    /// Makes what was written durable.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.send(CMD_FLUSH, 0, 0, &[])?;
        self.receive()
    }

    fn send(&mut self, command: u16, offset: u64, length: usize, payload: &[u8]) -> io::Result<()> {
        self.cookie += 1;
        let length = u32::try_from(length).map_err(io::Error::other)?;
        let mut request = Vec::with_capacity(28 + payload.len());
        request.extend(MAGIC_REQUEST.to_be_bytes());
        request.extend(0_u16.to_be_bytes());
        request.extend(command.to_be_bytes());
        request.extend(self.cookie.to_be_bytes());
        request.extend(offset.to_be_bytes());
        request.extend(length.to_be_bytes());
        request.extend(payload);
        self.stream.write_all(&request)
    }

    /// Takes the reply to the request just sent, without its payload.
    fn receive(&mut self) -> io::Result<()> {
        let (mut magic, mut error, mut cookie) = ([0; 4], [0; 4], [0; 8]);
        self.stream.read_exact(&mut magic)?;
        self.stream.read_exact(&mut error)?;
        self.stream.read_exact(&mut cookie)?;
        if magic != MAGIC_SIMPLE_REPLY.to_be_bytes() || cookie != self.cookie.to_be_bytes() {
            return Err(unexpected("the server answered something else than was asked"));
        }
        match u32::from_be_bytes(error) {
            0 => Ok(()),
            code if code == ErrorCode::NotPermitted as u32 => Err(io::ErrorKind::PermissionDenied.into()),
            code if code == ErrorCode::NoSpace as u32 => Err(io::ErrorKind::StorageFull.into()),
            code => Err(io::Error::from_raw_os_error(code.cast_signed())),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // A server that doesn't hear it notices the closed connection.
        let _ = self.send(CMD_DISC, 0, 0, &[]);
    }
}

fn unexpected(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
