//! Server-sent events over the control socket: a line at a time, bounded, and broken off by a signal.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::control::LineReader;
use crate::failure::{Failure, FailureCode};

/// What is asked. Version 1.0 has the answer come as it is, without lengths of its parts.
const QUESTION: &str = "GET /api/v1/events?kinds=alert.,incident.,action.,threat. HTTP/1.0\r\nHost: holdfast\r\n\r\n";
/// How often it is looked whether a signal came.
const LOOK: Duration = Duration::from_millis(200);
/// The longest line: a record is far shorter.
const LINE_BYTES_MAX: usize = 4 << 20;
/// Lines of headers.
const HEADERS_MAX: usize = 100;

/// The stream.
#[derive(Debug)]
pub(super) struct Stream {
    socket: UnixStream,
    reader: LineReader,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Next {
    Record(Value),
    Interrupted,
    End,
}

enum Line {
    Whole(String),
    Interrupted,
    End,
}

impl Stream {
    /// Asks for records from now on.
    pub(super) fn open(mut socket: UnixStream) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::io("ask the daemon what it tells", &error);
        socket.set_read_timeout(Some(LOOK)).map_err(failed)?;
        socket.write_all(QUESTION.as_bytes()).map_err(failed)?;
        let mut stream = Self {
            socket,
            reader: LineReader::new(LINE_BYTES_MAX),
        };
        stream.pass_headers()?;
        Ok(stream)
    }

    fn pass_headers(&mut self) -> Result<(), Failure> {
        let never = AtomicBool::new(false);
        let mut status = None;
        for _ in 0..HEADERS_MAX {
            let Line::Whole(line) = self.line(&never)? else { break };
            if line.is_empty() {
                let status: String = status.unwrap_or_default();
                if status.split(' ').nth(1) == Some("200") {
                    return Ok(());
                }
                return Err(
                    Failure::refused(format!("the daemon doesn't tell: it answered `{status}`"))
                        .hint("too many may follow already; `holdfast alerts list` shows what was told"),
                );
            }
            status.get_or_insert(line);
        }
        Err(
            Failure::new(FailureCode::Failure, "the daemon's answer isn't understood")
                .hint("command and daemon may be of different versions; restart the daemon"),
        )
    }

    /// Waits for the next record.
    pub(super) fn next(&mut self, interrupted: &AtomicBool) -> Result<Next, Failure> {
        loop {
            match self.line(interrupted)? {
                Line::Interrupted => return Ok(Next::Interrupted),
                Line::End => return Ok(Next::End),
                Line::Whole(line) => {
                    // Comments keep the connection alive; `id` and `event` are in the record, too.
                    if let Some(data) = line.strip_prefix("data:")
                        && let Ok(record) = serde_json::from_str(data)
                    {
                        return Ok(Next::Record(record));
                    }
                }
            }
        }
    }

    fn line(&mut self, interrupted: &AtomicBool) -> Result<Line, Failure> {
        use io::ErrorKind::{ConnectionReset, Interrupted, InvalidData, UnexpectedEof, WouldBlock};
        loop {
            if interrupted.load(Ordering::Relaxed) {
                return Ok(Line::Interrupted);
            }
            match self.reader.next(&self.socket) {
                Ok(Some(line)) => {
                    return Ok(Line::Whole(String::from_utf8_lossy(&line.text).trim_end().to_owned()));
                }
                Ok(None) => return Ok(Line::End),
                Err(error) => match error.kind() {
                    WouldBlock | Interrupted => {}
                    ConnectionReset | UnexpectedEof => return Ok(Line::End),
                    InvalidData => {
                        return Err(Failure::new(
                            FailureCode::Failure,
                            "the daemon's answer isn't understood: a line has no end",
                        ));
                    }
                    _ => return Err(Failure::io("hear what the daemon tells", &error)),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(answer: &'static str) -> Result<Stream, Failure> {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(answer.as_bytes()).unwrap();
        // Its end closes with it.
        Stream::open(ours).inspect(|_| drop(theirs))
    }

    #[test]
    fn records_come_as_lines_and_the_end_is_told() {
        let never = AtomicBool::new(false);
        let mut stream =
            opened("HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n:\n\nid: 7\nevent: a.b\ndata: {\"kind\":\"a.b\"}\n\n").unwrap();
        let Next::Record(record) = stream.next(&never).unwrap() else {
            panic!("a record");
        };
        assert_eq!(record["kind"], "a.b");
        assert!(matches!(stream.next(&never).unwrap(), Next::End));
    }

    #[test]
    fn a_refusal_and_nonsense_are_told() {
        let refused = opened("HTTP/1.0 503 Service Unavailable\r\n\r\n").unwrap_err();
        assert!(refused.message.contains("503"), "{refused}");
        let nonsense: &'static str = Box::leak("x\n".repeat(200).into_boxed_str());
        assert!(opened(nonsense).unwrap_err().message.contains("isn't understood"));
    }

    #[test]
    fn a_signal_ends_the_waiting() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"HTTP/1.0 200 OK\r\n\r\n").unwrap();
        let mut stream = Stream::open(ours).unwrap();
        assert!(matches!(
            stream.next(&AtomicBool::new(true)).unwrap(),
            Next::Interrupted
        ));
    }
}
