//! What is on a disk is parsed by a process of its own, which has nothing: no data folder, no other disk, bounded memory and
//! time. Whatever a disk's bytes do to a parser, the daemon goes on serving.
//!
//! The same program, started under the name `holdfast-examiner`, with a socket for standard input. Over it the parent sends
//! the disk's size (8 bytes) and the request (4 bytes of length, then JSON). The child then asks for bytes (8 bytes of offset, 4
//! of length, at most 1 MiB) and is given one byte, 0 and the bytes or 1 if they can't be read; an offset of all ones says
//! that the report follows (4 bytes of length, then JSON). Integers are little-endian.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drill::{Error, Examiner, Survey, SurveyRequest};
use files::{Disk, ReadFailed};
use rustix::process::{Resource, Rlimit, setrlimit};

/// What the program is called when it is to examine a disk.
const NAME: &str = "holdfast-examiner";
/// The program itself, also when its file was replaced by a newer one.
const PROGRAM: &str = "/proc/self/exe";
/// The most bytes that are asked for at once.
const READ_BYTES_MAX: usize = 1 << 20;
/// The longest request and the longest report.
const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// Memory and processor time of an examination.
const MEMORY_BYTES_MAX: u64 = 2 << 30;
const PROCESSOR_SECONDS_MAX: u64 = 900;
/// An examination that asks for nothing for so long is given up.
const SILENCE_MAX: Duration = Duration::from_secs(120);
/// In the place of an offset: the report follows.
const REPORT: u64 = u64::MAX;

/// Examines in another process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Apart;

impl Examiner for Apart {
    fn examine(&self, disk: Arc<dyn Disk>, request: &SurveyRequest) -> Result<Survey, Error> {
        let failed = |error: io::Error| Error::Examination(format!("the process that examines it: {error}"));
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        ours.set_read_timeout(Some(SILENCE_MAX)).map_err(failed)?;
        ours.set_write_timeout(Some(SILENCE_MAX)).map_err(failed)?;
        let child = Command::new(PROGRAM)
            .arg0(NAME)
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let _child = Reaped(child);
        converse(&ours, &*disk, request).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Error::Examination(
                "the process that examines it ended: what is on the disk makes the parser fail, or takes too much memory"
                    .to_owned(),
            ),
            io::ErrorKind::WouldBlock => Error::Examination("the parser doesn't come to an end".to_owned()),
            _ => failed(error),
        })
    }
}

/// Doesn't outlive its use.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        // One that has ended by itself can't be killed, and is waited for like any other.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The parent's side: answers until the report comes.
fn converse(mut socket: &UnixStream, disk: &dyn Disk, request: &SurveyRequest) -> io::Result<Survey> {
    socket.write_all(&disk.size_bytes().to_le_bytes())?;
    send(socket, request)?;
    let mut buffer = Vec::new();
    loop {
        let offset = u64::from_le_bytes(take(socket)?);
        if offset == REPORT {
            return receive(socket);
        }
        let length = u32::from_le_bytes(take(socket)?) as usize;
        if length > READ_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        buffer.clear();
        buffer.resize(length + 1, 0);
        let bytes = buffer.get_mut(1..).unwrap_or_default();
        if let Err(error) = disk.read_at(offset, bytes) {
            if is_stop(&error) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            buffer.truncate(1);
            buffer.fill(1);
        }
        socket.write_all(&buffer)?;
    }
}

/// Whether a read failed because the drill is to stop: then nobody needs the rest.
fn is_stop(error: &ReadFailed) -> bool {
    let reason = error.reason.as_ref().and_then(|reason| reason.downcast_ref::<Error>());
    matches!(reason, Some(Error::Stopped))
}

fn send(mut socket: &UnixStream, value: &impl serde::Serialize) -> io::Result<()> {
    let bytes = serde_json::to_vec(value)?;
    let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    socket.write_all(&length.to_le_bytes())?;
    socket.write_all(&bytes)
}

fn receive<T: serde::de::DeserializeOwned>(socket: &UnixStream) -> io::Result<T> {
    let length = u32::from_le_bytes(take(socket)?) as usize;
    if length > MESSAGE_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Vec::new();
    let read = socket.take(length as u64).read_to_end(&mut bytes)?;
    if read < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&bytes)?)
}

fn take<const LENGTH: usize>(mut socket: &UnixStream) -> io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    socket.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Whether this process was started to examine a disk.
#[must_use]
pub fn is_meant() -> bool {
    std::env::args_os().next().is_some_and(|name| name == NAME)
}

/// Examines the disk at the other end of standard input.
#[must_use]
pub fn main() -> ExitCode {
    match examine() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn examine() -> io::Result<()> {
    for (resource, most) in [
        (Resource::As, MEMORY_BYTES_MAX),
        (Resource::Cpu, PROCESSOR_SECONDS_MAX),
        (Resource::Core, 0),
        // It has what it needs: nothing more is opened.
        (Resource::Nofile, 8),
    ] {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        setrlimit(resource, limit)?;
    }
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let size_bytes = u64::from_le_bytes(take(&socket)?);
    let request: SurveyRequest = receive(&socket)?;
    let socket = Arc::new(Mutex::new(socket));
    let disk: Arc<dyn Disk> = Arc::new(Asked {
        socket: Arc::clone(&socket),
        size_bytes,
    });
    let report = drill::survey(&disk, &request);
    let mut socket = socket.lock().unwrap_or_else(PoisonError::into_inner);
    socket.write_all(&REPORT.to_le_bytes())?;
    send(&socket, &report)
}

/// The disk at the other end.
struct Asked {
    socket: Arc<Mutex<UnixStream>>,
    size_bytes: u64,
}

impl Disk for Asked {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadFailed> {
        let length = buffer.len() as u64;
        let is_within = offset.checked_add(length).is_some_and(|end| end <= self.size_bytes);
        if !is_within {
            return Err(ReadFailed::outside(offset, length));
        }
        let failed = |reason: io::Error| ReadFailed {
            offset,
            length,
            reason: Some(reason.into()),
        };
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let mut place = offset;
        for piece in buffer.chunks_mut(READ_BYTES_MAX) {
            ask(&mut socket, place, piece).map_err(failed)?;
            place += piece.len() as u64;
        }
        Ok(())
    }
}

fn ask(socket: &mut UnixStream, offset: u64, piece: &mut [u8]) -> io::Result<()> {
    let mut question = offset.to_le_bytes().to_vec();
    question.extend((piece.len() as u32).to_le_bytes());
    socket.write_all(&question)?;
    match take::<1>(socket)? {
        [0] => socket.read_exact(piece),
        _ => Err(io::Error::other("it is damaged")),
    }
}
