//! Lines of JSON over a unix socket, with open files beside them.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};

/// The longest line that is accepted from a command.
pub const LINE_BYTES_MAX: usize = 64 << 10;
/// Bytes received at a time.
const RECEIVE_BYTES: usize = 16 << 10;

/// A line, and the file that came with it.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) text: Vec<u8>,
    pub(super) file: Option<File>,
}

/// Reads lines.
///
/// Invariant: `pending` holds no more than the limit and one receipt; of all files received since the last line only
/// the newest is kept.
#[derive(Debug)]
pub(crate) struct LineReader {
    limit: usize,
    pending: Vec<u8>,
    file: Option<File>,
}

impl LineReader {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            pending: Vec::new(),
            file: None,
        }
    }

    /// What was received behind the last line.
    pub(super) fn into_pending(self) -> Vec<u8> {
        self.pending
    }

    /// The next line without its end; `None` when the other side has closed.
    pub(crate) fn next(&mut self, socket: &UnixStream) -> io::Result<Option<Line>> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let rest = self.pending.split_off(end + 1);
                let mut text = std::mem::replace(&mut self.pending, rest);
                text.pop();
                return Ok(Some(Line {
                    text,
                    file: self.file.take(),
                }));
            }
            if self.pending.len() > self.limit {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long"));
            }
            if self.receive(socket)? == 0 {
                return if self.pending.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    fn receive(&mut self, socket: &UnixStream) -> io::Result<usize> {
        let mut bytes = [0; RECEIVE_BYTES];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            match recvmsg(
                socket,
                &mut [IoSliceMut::new(&mut bytes)],
                &mut ancillary,
                RecvFlags::CMSG_CLOEXEC,
            ) {
                Ok(received) => break received.bytes,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        };
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(files) = message {
                self.file = files.last().map(|fd: OwnedFd| File::from(fd)).or(self.file.take());
            }
        }
        self.pending
            .extend_from_slice(bytes.get(..received).unwrap_or_default());
        Ok(received)
    }
}

/// Sends a value as a line, with an open file beside it.
pub(super) fn send(socket: &UnixStream, value: &impl serde::Serialize, file: Option<&File>) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    let mut rest = line.as_slice();
    let mut file = file;
    while !rest.is_empty() {
        let fds: Vec<_> = file.iter().map(|file| file.as_fd()).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            ancillary.push(SendAncillaryMessage::ScmRights(&fds));
        }
        match sendmsg(socket, &[IoSlice::new(rest)], &mut ancillary, SendFlags::NOSIGNAL) {
            Ok(sent) => {
                rest = rest.get(sent..).unwrap_or_default();
                file = None;
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek, Write};

    #[test]
    fn lines_arrive_one_by_one_with_their_files() {
        let (a, b) = UnixStream::pair().unwrap();
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(std::env::temp_dir().join(format!("holdfast-line-{}", std::process::id())))
            .unwrap();
        file.write_all(b"content").unwrap();
        file.rewind().unwrap();
        send(&a, &"one", Some(&file)).unwrap();
        send(&a, &"two", None).unwrap();
        drop(a);
        let mut reader = LineReader::new(LINE_BYTES_MAX);
        let one = reader.next(&b).unwrap().unwrap();
        assert_eq!(one.text, b"\"one\"");
        let mut text = String::new();
        one.file.unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "content");
        let two = reader.next(&b).unwrap().unwrap();
        assert_eq!(two.text, b"\"two\"");
        assert!(two.file.is_none());
        assert!(reader.next(&b).unwrap().is_none());
    }

    #[test]
    fn a_line_that_is_too_long_is_an_error() {
        let (a, b) = UnixStream::pair().unwrap();
        let sender = std::thread::spawn(move || {
            let _ = send(&a, &"x".repeat(200_000), None);
        });
        let mut reader = LineReader::new(1000);
        assert_eq!(reader.next(&b).unwrap_err().kind(), io::ErrorKind::InvalidData);
        drop(b);
        sender.join().unwrap();
    }

    #[test]
    fn a_line_that_is_cut_short_is_an_error() {
        let (mut a, b) = UnixStream::pair().unwrap();
        a.write_all(b"{\"version\"").unwrap();
        drop(a);
        let mut reader = LineReader::new(1000);
        assert_eq!(reader.next(&b).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
