//! A session from beginning to end: lines in, one JSON object a line out.

use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use nbd::Server;
use serde_json::{Value, json};
use volume::{Clock as _, Moment, Sequence, Timestamp};

use super::clock::LabClock;
use super::disk::{Disk, Wanted, parse_size, socket};
use super::lines::{Line, parse};
use super::recorder::Tape;
use super::served::{Exports, disconnect_all, drain, serve};
use crate::Failure;
use crate::trace::Event;

/// What a session is started with.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where the volumes (`data`), the clock and the socket (`nbd.sock`) are or shall be.
    #[arg(long)]
    folder: PathBuf,
    /// Size of a new volume: bytes, or with K, M, G or T behind it.
    #[arg(long, value_parser = parse_size)]
    size: Option<u64>,
    /// The volume's name.
    #[arg(long, default_value = "disk")]
    volume: String,
    /// Make the volume of the newest moment of this one.
    #[arg(long, value_name = "BASE")]
    fork: Option<String>,
    /// Encrypt the disk with keys of this seed; what is recorded is what lies below.
    #[arg(long, value_name = "SEED")]
    xts: Option<u64>,
    /// Where the clock begins at the earliest, in seconds since the Unix epoch; the present if not given.
    #[arg(long, value_name = "SECONDS")]
    clock: Option<u64>,
    /// Delete the volume at the end.
    #[arg(long)]
    discard: bool,
}

struct Session {
    disk: Disk,
    tape: Arc<Tape>,
    server: Server,
}

/// Runs a session until `stop` or the end of the input.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    std::fs::create_dir_all(&arguments.folder)?;
    let start = arguments.clock.map(Timestamp::from_unix_seconds);
    let clock = Arc::new(LabClock::resume(&arguments.folder, start));
    let wanted = Wanted {
        volume: arguments.volume.clone(),
        size_bytes: arguments.size,
        base: arguments.fork.clone(),
    };
    let disk = Disk::open(&arguments.folder, &wanted, Arc::clone(&clock))?;
    let tape = Arc::new(Tape::new(Arc::clone(&clock)));
    let exports = Arc::new(Exports {
        volume: Arc::clone(disk.volume()),
        clock,
        tape: Arc::clone(&tape),
        xts_seed: arguments.xts,
    });
    let socket = socket(&arguments.folder);
    let server = serve(exports, &socket)?;
    let session = Session { disk, tape, server };
    session.answer(json!({"ready": true, "socket": socket, "volume": arguments.volume,
        "size": session.disk.volume().size_bytes(), "sequence": session.sequence()}));
    session.obey();
    session.end(arguments.discard)
}

impl Session {
    /// Answers every line, until one says to stop.
    fn obey(&self) {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if line.trim().is_empty() {
                continue;
            }
            let answer = match parse(&line) {
                Ok(Line::Stop) => return,
                Ok(line) => self.execute(line).map_err(|error| error.to_string()),
                Err(error) => Err(error),
            };
            self.answer(answer.unwrap_or_else(|error| json!({"error": error})));
        }
    }

    fn execute(&self, line: Line) -> Result<Value, Failure> {
        let volume = self.disk.volume();
        match line {
            Line::Trace { path, .. } if self.tape.is_recording() => {
                Err(format!("`{}` can't be begun: end the trace before it first", path.display()).into())
            }
            Line::Trace { path, description } => {
                self.tape.begin(&path, volume.size_bytes(), description)?;
                Ok(json!({"trace": path}))
            }
            Line::TraceEnd => match self.tape.end()? {
                Some(records) => Ok(json!({"records": records})),
                None => Err("there is no trace to end".into()),
            },
            Line::Mark(_) if !self.tape.is_recording() => Err("there is no trace to mark: begin one first".into()),
            Line::Mark(text) => {
                self.tape.note(Event::Mark(text.clone()));
                Ok(json!({"mark": text}))
            }
            Line::Skip(duration) => {
                self.disk.clock().skip(duration)?;
                Ok(json!({"skipped": duration.as_secs_f64()}))
            }
            Line::Moment => Ok(json!({"sequence": self.sequence()})),
            Line::Rollback(sequence) => {
                let moment = Moment::After(Sequence(sequence));
                let report = volume.rollback(&moment, self.disk.clock().now())?;
                let cut = disconnect_all(&self.server);
                Ok(json!({"rolled_back_to": report.to.sequence.0, "from": report.from.sequence.0, "disconnected": cut}))
            }
            Line::Stop => Ok(json!({})),
        }
    }

    fn end(self, is_discarded: bool) -> Result<(), Failure> {
        drain(&self.server);
        drop(self.server);
        let records = self.tape.end()?;
        let time = self.disk.clock().micros();
        self.disk.close(is_discarded)?;
        print(&json!({"ok": true, "stopped": true, "records": records, "time": time}));
        Ok(())
    }

    fn sequence(&self) -> u64 {
        self.disk.volume().newest().sequence.0
    }

    /// Prints an answer, with the time, and whether it went well.
    fn answer(&self, mut answer: Value) {
        if let Some(fields) = answer.as_object_mut() {
            let is_well = !fields.contains_key("error");
            fields.insert("ok".to_owned(), is_well.into());
            fields.insert("time".to_owned(), self.disk.clock().micros().into());
        }
        print(&answer);
    }
}

fn print(answer: &Value) {
    let mut out = std::io::stdout().lock();
    // If whoever steers doesn't listen any more, the end of its input follows.
    let _ = writeln!(out, "{answer}").and_then(|()| out.flush());
}
