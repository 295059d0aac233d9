//! The command's side of the control socket.

use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::SOCKET_NAME;
use super::line::{LineReader, send};
use super::protocol::{Answer, Envelope, Progress, Request, VERSION};
use super::report::Response;
use crate::failure::Failure;

/// The longest answer that is accepted from a daemon: a long history.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A connection to the daemon.
#[derive(Debug)]
pub struct Client {
    socket: UnixStream,
    reader: LineReader,
}

impl Client {
    /// Connects to the daemon of a data folder; `None` if none runs.
    pub fn connect(data: &Path) -> Result<Option<Self>, Failure> {
        let path = data.join(SOCKET_NAME);
        match UnixStream::connect(&path) {
            Ok(socket) => Ok(Some(Self {
                socket,
                reader: LineReader::new(ANSWER_BYTES_MAX),
            })),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(Failure::refused(format!(
                "you may not talk to the daemon at `{}`",
                path.display()
            ))
            .hint("run the command as the user that runs the daemon, or as root")),
            Err(error) => Err(Failure::io(
                format!("connect to the daemon at `{}`", path.display()),
                &error,
            )),
        }
    }

    /// Gives up the connection: its socket, and what was received behind the last answer.
    pub(crate) fn into_parts(self) -> (UnixStream, Vec<u8>) {
        (self.socket, self.reader.into_pending())
    }

    /// Sends a request and waits for its end.
    pub fn execute(
        &mut self,
        request: Request,
        file: Option<&File>,
        progress: &mut dyn Progress,
    ) -> Result<Response, Failure> {
        let lost = |error: io::Error| {
            Failure::io("the connection to the daemon was lost", &error)
                .hint("`holdfast status` shows whether it still runs; look at its log")
        };
        send(
            &self.socket,
            &Envelope {
                version: VERSION,
                request,
            },
            file,
        )
        .map_err(lost)?;
        loop {
            let line = self.reader.next(&self.socket).map_err(lost)?;
            let line = line.ok_or_else(|| lost(io::ErrorKind::UnexpectedEof.into()))?;
            let answer = serde_json::from_slice(&line.text).map_err(|error| {
                Failure::new(
                    crate::failure::FailureCode::Failure,
                    format!("the daemon's answer isn't understood: {error}"),
                )
                .hint("command and daemon may be of different versions; restart the daemon")
            })?;
            match answer {
                Answer::Progress { done, total } => {
                    if progress.update(done, total).is_break() {
                        return Err(Failure::new(crate::failure::FailureCode::Failure, "interrupted"));
                    }
                }
                Answer::Done(response) => return Ok(*response),
                Answer::Failed(failure) => return Err(failure),
            }
        }
    }
}
