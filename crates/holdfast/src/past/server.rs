//! The daemon's side: answers ranges of a moment, and sends lists of changes and readings. It never looks at what the bytes mean.

use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use answers::{Past, PastError, PastMoment};
use files::Disk;
use volume::{Sequence, Timestamp};

use super::protocol::{
    CHANGE_BYTES, FrameHeader, FrameKind, HEADER_BYTES, PAYLOAD_BYTES_MAX, READING_BYTES, REQUEST_BYTES, RangeRequest,
    misunderstood, put_change, put_reading,
};
use super::{LocalPast, failure_of};
use crate::control::{LookReport, Looked, MomentReport, Time};
use crate::failure::{Failure, FailureCode};

/// Connections that look into the past at the same time: the rest of the control socket's are left to commands.
pub(crate) const LOOKS_MAX: usize = 16;
/// A command that neither asks nor takes anything for so long is cut off, since what it looks at is kept for it.
const IDLE: Duration = Duration::from_secs(600);
/// How often a connection that waits looks whether the daemon stops.
const WAKE_EVERY: Duration = Duration::from_millis(250);
/// Records of a list that are sent together.
const RECORDS_TOGETHER: usize = 1024;

/// What a connection was opened for.
pub(crate) enum Look {
    /// A moment.
    Moment(PastMoment),
    /// Changes, listed while they are sent.
    Changes {
        past: LocalPast,
        from: Sequence,
        to: Sequence,
    },
    /// Readings, listed while they are sent.
    Readings {
        past: LocalPast,
        from: Timestamp,
        to: Timestamp,
    },
}

impl Look {
    /// Opens what is asked for.
    pub(crate) fn open(past: LocalPast, what: Looked) -> Result<Self, Failure> {
        Ok(match what {
            Looked::Moment(when) => Self::Moment(past.open_when(&when)?),
            Looked::Changes { from, to } => Self::Changes {
                past,
                from: Sequence(from),
                to: Sequence(to),
            },
            Looked::Readings { from_nanos, to_nanos } => Self::Readings {
                past,
                from: Timestamp::from_unix_nanos(from_nanos),
                to: Timestamp::from_unix_nanos(to_nanos),
            },
        })
    }

    /// What the command is told before anything else.
    pub(crate) fn report(&self) -> LookReport {
        let Self::Moment(moment) = self else {
            return LookReport {
                moment: None,
                size_bytes: 0,
            };
        };
        LookReport {
            moment: Some(MomentReport {
                time: Time(moment.time),
                sequence: moment.sequence.0,
            }),
            size_bytes: moment.disk.size_bytes(),
        }
    }

    /// Serves the connection until its end.
    pub(crate) fn serve(self, socket: &UnixStream, stopping: &AtomicBool) -> io::Result<()> {
        socket.set_read_timeout(Some(WAKE_EVERY))?;
        socket.set_write_timeout(Some(WAKE_EVERY))?;
        let channel = Channel { socket, stopping };
        match self {
            Self::Moment(moment) => serve_moment(&channel, moment.disk.as_ref()),
            Self::Changes { past, from, to } => serve_changes(&channel, &past, from, to),
            Self::Readings { past, from, to } => serve_readings(&channel, &past, from, to),
        }
    }
}

/// A socket whose other side may take its time, but not forever, and not while the daemon stops.
struct Channel<'a> {
    socket: &'a UnixStream,
    stopping: &'a AtomicBool,
}

impl Channel<'_> {
    /// Fills the buffer; false if the other side has closed before its first byte.
    fn receive(&self, buffer: &mut [u8]) -> io::Result<bool> {
        let mut filled = 0;
        while filled < buffer.len() {
            let rest = buffer.get_mut(filled..).unwrap_or_default();
            match self.patiently(|mut socket| socket.read(rest))? {
                0 if filled == 0 => return Ok(false),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                received => filled += received,
            }
        }
        Ok(true)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let sent = self.patiently(|mut socket| socket.write(rest))?;
            rest = rest.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// Calls until something happens other than waiting.
    fn patiently(&self, mut call: impl FnMut(&UnixStream) -> io::Result<usize>) -> io::Result<usize> {
        let since = Instant::now();
        loop {
            match call(self.socket) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if self.stopping.load(Ordering::Relaxed) || since.elapsed() > IDLE {
                        return Err(error);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }
}

/// Answers ranges until the command closes.
fn serve_moment(channel: &Channel<'_>, disk: &dyn Disk) -> io::Result<()> {
    let mut request = [0; REQUEST_BYTES];
    let mut frame = Vec::new();
    while channel.receive(&mut request)? {
        let range = RangeRequest::decode(request).ok_or_else(|| misunderstood("a range that is too long"))?;
        answer_range(disk, range, &mut frame);
        channel.send(&frame)?;
        if channel.stopping.load(Ordering::Relaxed) {
            break;
        }
    }
    Ok(())
}

/// Makes the frame that answers a range.
fn answer_range(disk: &dyn Disk, range: RangeRequest, frame: &mut Vec<u8>) {
    let kind = FrameKind::Bytes;
    frame.clear();
    frame.extend_from_slice(
        &FrameHeader {
            kind,
            length: range.length,
        }
        .encode(),
    );
    frame.resize(HEADER_BYTES + range.length as usize, 0);
    let bytes = frame.get_mut(HEADER_BYTES..).unwrap_or_default();
    match disk.read_at(range.offset, bytes) {
        Ok(()) if is_zero(bytes) => {
            let kind = FrameKind::Zeros;
            frame.clear();
            frame.extend_from_slice(
                &FrameHeader {
                    kind,
                    length: range.length,
                }
                .encode(),
            );
        }
        Ok(()) => {}
        Err(error) => {
            let message = error.to_string();
            let failure = match error.reason {
                Some(reason) => failure_of(reason),
                None => Failure::new(FailureCode::Usage, message),
            };
            failed_frame(&failure, frame);
        }
    }
}

/// Whether all bytes are zero, at the speed of comparing memory.
fn is_zero(bytes: &[u8]) -> bool {
    const ZEROS: [u8; 4096] = [0; 4096];
    bytes
        .chunks(ZEROS.len())
        .all(|chunk| ZEROS.get(..chunk.len()) == Some(chunk))
}

/// The frame of a failure.
fn failed_frame(failure: &Failure, frame: &mut Vec<u8>) {
    // A failure is text and numbers, which JSON has; where it hasn't, the command says that the answer isn't understood.
    let payload = serde_json::to_vec(failure).unwrap_or_default();
    put_frame(FrameKind::Failed, &payload, frame);
}

fn put_frame(kind: FrameKind, payload: &[u8], frame: &mut Vec<u8>) {
    let payload = payload.get(..PAYLOAD_BYTES_MAX).unwrap_or(payload);
    frame.clear();
    let length = payload.len() as u32;
    frame.extend_from_slice(&FrameHeader { kind, length }.encode());
    frame.extend_from_slice(payload);
}

/// Collects records and sends them together.
struct Sender<'a> {
    channel: &'a Channel<'a>,
    kind: FrameKind,
    records: Vec<u8>,
    frame: Vec<u8>,
    /// Why nothing more can be sent.
    ended: Option<io::Error>,
}

impl<'a> Sender<'a> {
    const fn new(channel: &'a Channel<'a>, kind: FrameKind) -> Self {
        Self {
            channel,
            kind,
            records: Vec::new(),
            frame: Vec::new(),
            ended: None,
        }
    }

    /// Sends what was put into `records`, if it is enough. Breaks off when the other side is gone or the daemon stops.
    fn next(&mut self, record_bytes: usize) -> ControlFlow<()> {
        if self.records.len() < RECORDS_TOGETHER * record_bytes {
            return ControlFlow::Continue(());
        }
        if self.channel.stopping.load(Ordering::Relaxed) {
            self.ended = Some(io::ErrorKind::Interrupted.into());
            return ControlFlow::Break(());
        }
        match self.flush() {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.ended = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.records.is_empty() {
            return Ok(());
        }
        put_frame(self.kind, &self.records, &mut self.frame);
        self.records.clear();
        self.channel.send(&self.frame)
    }

    /// Sends the end of the list.
    fn end(mut self, result: Result<Vec<u8>, PastError>) -> io::Result<()> {
        if let Some(error) = self.ended.take() {
            return Err(error);
        }
        self.flush()?;
        match result {
            Ok(payload) => put_frame(FrameKind::End, &payload, &mut self.frame),
            Err(error) => failed_frame(&failure_of(error), &mut self.frame),
        }
        self.channel.send(&self.frame)
    }
}

fn serve_changes(channel: &Channel<'_>, past: &dyn Past, from: Sequence, to: Sequence) -> io::Result<()> {
    let mut sender = Sender::new(channel, FrameKind::Changes);
    let result = past.changes(from, to, &mut |change| {
        put_change(change, &mut sender.records);
        sender.next(CHANGE_BYTES)
    });
    sender.end(result.map(|()| Vec::new()))
}

fn serve_readings(channel: &Channel<'_>, past: &dyn Past, from: Timestamp, to: Timestamp) -> io::Result<()> {
    let mut sender = Sender::new(channel, FrameKind::Readings);
    let result = past.readings(from, to, &mut |reading| {
        put_reading(reading, &mut sender.records);
        sender.next(READING_BYTES)
    });
    let since = |since: Option<Timestamp>| since.map(|since| since.as_unix_nanos().to_le_bytes().to_vec());
    sender.end(result.map(|known| since(known).unwrap_or_default()))
}
