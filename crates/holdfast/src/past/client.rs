//! The command's side: moments, changes and readings of a volume that a daemon has.

use std::io::{self, Cursor, Read, Write};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use answers::{Past, PastError, PastMoment, Reading};
use files::{Disk, ReadFailed};
use volume::{Change, Moment, Sequence, Timestamp};

use super::protocol::{
    CHANGE_BYTES, FrameHeader, FrameKind, PAYLOAD_BYTES_MAX, READING_BYTES, RangeRequest, misunderstood, take_change,
    take_failure, take_reading, take_time,
};
use crate::control::{Client, LookReport, Looked, Progress, Request, Response};
use crate::failure::{Failure, FailureCode};
use crate::when::When;

/// Ranges of one read that are under way at the same time: the daemon reads one while the command copies another.
const RANGES_AHEAD: usize = 4;

/// The past of a volume that a daemon has.
#[derive(Clone, Debug)]
pub struct DaemonPast {
    data: PathBuf,
    name: String,
}

impl DaemonPast {
    pub(crate) fn new(data: &Path, name: &str) -> Self {
        Self {
            data: data.to_owned(),
            name: name.to_owned(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn open_when(&self, when: &When) -> Result<PastMoment, Failure> {
        let (report, socket, pending) = self.look(Looked::Moment(when.clone()))?;
        let moment = report.moment.filter(|_| pending.is_empty());
        let moment = moment.ok_or_else(|| lost(&misunderstood("no moment was opened")))?;
        Ok(PastMoment {
            sequence: Sequence(moment.sequence),
            time: moment.time.0,
            disk: Arc::new(DaemonDisk {
                size_bytes: report.size_bytes,
                link: Mutex::new(Some(socket)),
            }),
        })
    }

    pub(super) fn ask(&self, request: Request, progress: &mut dyn Progress) -> Result<Response, Failure> {
        self.connect()?.execute(request, None, progress)
    }

    fn connect(&self) -> Result<Client, Failure> {
        Client::connect(&self.data)?.ok_or_else(|| lost(&io::ErrorKind::ConnectionRefused.into()))
    }

    /// A new connection that looks at something, and what was received on it already.
    fn look(&self, what: Looked) -> Result<(LookReport, UnixStream, Vec<u8>), Failure> {
        let mut client = self.connect()?;
        let request = Request::Look {
            name: self.name.clone(),
            what,
        };
        match client.execute(request, None, &mut Unseen)? {
            Response::Looking(report) => {
                let (socket, pending) = client.into_parts();
                Ok((report, socket, pending))
            }
            _ => Err(lost(&misunderstood("another answer was expected"))),
        }
    }

    /// Shows every record of a list, and returns the payload at its end.
    fn list(
        &self,
        what: Looked,
        kind: FrameKind,
        record_bytes: usize,
        visit: &mut dyn FnMut(&[u8]) -> io::Result<ControlFlow<()>>,
    ) -> Result<Vec<u8>, Failure> {
        let (_, socket, pending) = self.look(what)?;
        let mut stream = Cursor::new(pending).chain(socket);
        let mut payload = Vec::new();
        loop {
            let header = FrameHeader::read(&mut stream).map_err(|error| lost(&error))?;
            payload.resize(header.length as usize, 0);
            stream.read_exact(&mut payload).map_err(|error| lost(&error))?;
            match header.kind {
                FrameKind::Failed => return Err(take_failure(&payload)),
                FrameKind::End => return Ok(payload),
                found if found == kind => {
                    for record in payload.chunks(record_bytes) {
                        if visit(record).map_err(|error| lost(&error))?.is_break() {
                            return Ok(Vec::new());
                        }
                    }
                }
                _ => return Err(lost(&misunderstood("another kind of list was expected"))),
            }
        }
    }
}

impl Past for DaemonPast {
    fn open(&self, moment: &Moment) -> Result<PastMoment, PastError> {
        let when = match moment {
            // Later than any clock: the newest moment.
            Moment::At(Timestamp::MAX) => When::Now,
            Moment::At(time) => When::AtNanos(time.as_unix_nanos()),
            Moment::After(sequence) => When::Sequence(sequence.0),
            Moment::Pin(name) => When::Pin(name.clone()),
        };
        Ok(self.open_when(&when)?)
    }

    fn changes(
        &self,
        from: Sequence,
        to: Sequence,
        visit: &mut dyn FnMut(&Change) -> ControlFlow<()>,
    ) -> Result<(), PastError> {
        let what = Looked::Changes { from: from.0, to: to.0 };
        self.list(what, FrameKind::Changes, CHANGE_BYTES, &mut |record| {
            let change = take_change(record).ok_or_else(|| misunderstood("a change of an unknown kind"))?;
            Ok(visit(&change))
        })?;
        Ok(())
    }

    fn readings(
        &self,
        from: Timestamp,
        to: Timestamp,
        visit: &mut dyn FnMut(&Reading) -> ControlFlow<()>,
    ) -> Result<Option<Timestamp>, PastError> {
        let what = Looked::Readings {
            from_nanos: from.as_unix_nanos(),
            to_nanos: to.as_unix_nanos(),
        };
        let end = self.list(what, FrameKind::Readings, READING_BYTES, &mut |record| {
            let reading = take_reading(record).ok_or_else(|| misunderstood("a reading that is cut short"))?;
            Ok(visit(&reading))
        })?;
        Ok(take_time(&end))
    }
}

/// A moment that a daemon reads for this process.
struct DaemonDisk {
    size_bytes: u64,
    /// `None` once it failed: what comes behind a failure can't be told apart.
    link: Mutex<Option<UnixStream>>,
}

impl Disk for DaemonDisk {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadFailed> {
        let length = buffer.len() as u64;
        let end = offset.checked_add(length).filter(|end| *end <= self.size_bytes);
        if end.is_none() {
            return Err(ReadFailed::outside(offset, length));
        }
        let failed = |failure: Failure| ReadFailed {
            offset,
            length,
            reason: Some(Box::new(failure)),
        };
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(socket) = link.as_ref() else {
            return Err(failed(lost(&io::ErrorKind::NotConnected.into())));
        };
        match read_ranges(socket, offset, buffer) {
            Ok(None) => Ok(()),
            Ok(Some(failure)) => Err(failed(failure)),
            Err(error) => {
                *link = None;
                Err(failed(lost(&error)))
            }
        }
    }
}

/// Fills the buffer, a few ranges ahead. A range that the daemon can't read is told once all answers have come.
fn read_ranges(mut socket: &UnixStream, offset: u64, buffer: &mut [u8]) -> io::Result<Option<Failure>> {
    let mut asked = offset;
    let end = offset + buffer.len() as u64;
    let mut ask = |mut socket: &UnixStream| {
        let length = (end - asked).min(PAYLOAD_BYTES_MAX as u64) as u32;
        if length == 0 {
            return Ok(());
        }
        let request = RangeRequest { offset: asked, length };
        asked += u64::from(length);
        socket.write_all(&request.encode())
    };
    for _ in 0..RANGES_AHEAD {
        ask(socket)?;
    }
    let mut failure = None;
    for range in buffer.chunks_mut(PAYLOAD_BYTES_MAX) {
        let header = FrameHeader::read(&mut socket)?;
        let is_whole = header.length as usize == range.len();
        match header.kind {
            FrameKind::Bytes if is_whole => socket.read_exact(range)?,
            FrameKind::Zeros if is_whole => range.fill(0),
            FrameKind::Failed => {
                let mut payload = vec![0; header.length as usize];
                socket.read_exact(&mut payload)?;
                failure = failure.or_else(|| Some(take_failure(&payload)));
            }
            _ => return Err(misunderstood("an answer to another range")),
        }
        ask(socket)?;
    }
    Ok(failure)
}

fn lost(error: &io::Error) -> Failure {
    Failure::new(
        FailureCode::Failure,
        format!("the connection to the daemon was lost: {error}"),
    )
    .hint("`holdfast status` shows whether it still runs; then try again")
}

/// Opening a moment tells no progress.
struct Unseen;

impl Progress for Unseen {
    fn update(&mut self, _done: u64, _total: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
