//! A session from beginning to end: lines in, one JSON object a line out.

use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use guard::{Fence, SharedModel};
use nbd::Server;
use serde_json::{Value, json};
use volume::{Clock as _, Moment, Sequence, Timestamp};

use super::answers::{LabPast, investigate_into, keep_good};
use super::clock::LabClock;
use super::disk::{Disk, Wanted, parse_size, socket};
use super::guarded::{Guarded, rolled_back};
use super::lines::{Line, parse};
use super::recorder::Tape;
use super::served::{Exports, disconnect_all, drain, recorded, serve};
use crate::Failure;
use crate::replayed::load_model;
use crate::trace::Event;

/// After so long without writes a guard has noted which moment is the newest.
const GUARD_SETTLES: Duration = Duration::from_secs(3);

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
    /// Put the disk under guard, instead of recording it: `refuse`, `pause`, `divert` or `alert`.
    #[arg(long, value_name = "FENCE")]
    guard: Option<Fence>,
    /// The model that the guard asks; the one that this version ships if not given.
    #[arg(long, value_name = "FILE", requires = "guard")]
    model: Option<PathBuf>,
    /// Delete the volume at the end.
    #[arg(long)]
    discard: bool,
}

struct Session {
    disk: Disk,
    tape: Arc<Tape>,
    guarded: Option<Guarded>,
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
    let guarded = match arguments.guard {
        Some(fence) => Some(Guarded::start(&disk, fence, shared_model(arguments.model.as_deref())?)?),
        None => None,
    };
    let exports = Arc::new(Exports {
        volume: Arc::clone(disk.volume()),
        attach: match &guarded {
            Some(guarded) => Box::new(guarded.attacher()),
            None => Box::new(recorded(disk.volume(), clock, Arc::clone(&tape))),
        },
        xts_seed: arguments.xts,
    });
    let socket = socket(&arguments.folder);
    let server = serve(exports, &socket)?;
    let session = Session {
        disk,
        tape,
        guarded,
        server,
    };
    session.answer(json!({"ready": true, "socket": socket, "volume": arguments.volume,
        "size": session.disk.volume().size_bytes(), "sequence": session.sequence()}));
    session.obey();
    session.end(arguments.discard)
}

fn shared_model(path: Option<&Path>) -> Result<SharedModel, Failure> {
    Ok(SharedModel::parse(load_model(path)?.as_bytes())?)
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
        match line {
            Line::Trace { path, description } => self.begin_trace(&path, description),
            Line::TraceEnd => match self.tape.end()? {
                Some(records) => Ok(json!({"records": records})),
                None => Err("there is no trace to end".into()),
            },
            Line::Mark(text) => self.mark(text),
            Line::Skip(duration) => self.skip(duration),
            Line::Moment => Ok(json!({"sequence": self.sequence()})),
            Line::Rollback(sequence) => self.roll_back(&Moment::After(Sequence(sequence))),
            Line::Investigate { from, folder } => investigate_into(&self.past(), Sequence(from), &folder),
            Line::KeepGood { from, folder } => self.keep_good(Sequence(from), &folder),
            Line::GuardStatus => Ok(self.guarded()?.status()),
            Line::GuardSet(fence) => self.guarded()?.set(fence),
            Line::RestoreBeforeAttack => self.roll_back(&self.guarded()?.before_attack()?),
            Line::Release(how) => self.guarded()?.release(how),
            Line::Announce { reason, duration } => self.guarded()?.announce(&reason, duration),
            Line::AnnounceEnd => self.guarded()?.end_announcement(),
            Line::Stop => Ok(json!({})),
        }
    }

    /// A guard ticks every second of a pause, and looks at files. What it sees of one are the first seconds after the last write, and the end.
    fn skip(&self, duration: Duration) -> Result<Value, Failure> {
        let first = duration.min(GUARD_SETTLES);
        for part in [first, duration - first] {
            match &self.guarded {
                Some(guarded) => guarded.leap(self.disk.clock(), part)?,
                None => self.disk.clock().skip(part)?,
            }
        }
        Ok(json!({"skipped": duration.as_secs_f64()}))
    }

    fn guarded(&self) -> Result<&Guarded, Failure> {
        let guarded = self.guarded.as_ref();
        guarded.ok_or_else(|| "the disk isn't guarded: start the session with --guard".into())
    }

    fn begin_trace(&self, path: &Path, description: Value) -> Result<Value, Failure> {
        if self.guarded.is_some() {
            return Err("a guarded disk isn't recorded: start the session without --guard".into());
        }
        if self.tape.is_recording() {
            return Err(format!("`{}` can't be begun: end the trace before it first", path.display()).into());
        }
        self.tape.begin(path, self.disk.volume().size_bytes(), description)?;
        Ok(json!({"trace": path}))
    }

    /// Marks the trace; under guard the answer tells what has passed until now.
    fn mark(&self, text: String) -> Result<Value, Failure> {
        if let Some(guarded) = &self.guarded {
            return Ok(json!({"mark": text, "meter": guarded.meter()}));
        }
        if !self.tape.is_recording() {
            return Err("there is no trace to mark: begin one first".into());
        }
        self.tape.note(Event::Mark(text.clone()));
        Ok(json!({"mark": text}))
    }

    fn roll_back(&self, moment: &Moment) -> Result<Value, Failure> {
        let started = Instant::now();
        let report = self.disk.volume().rollback(moment, self.disk.clock().now())?;
        if let Some(guarded) = &self.guarded {
            guarded.rolled_back();
        }
        let took = started.elapsed();
        Ok(rolled_back(&report, disconnect_all(&self.server), took))
    }

    fn past(&self) -> LabPast {
        LabPast::new(self.disk.volume(), self.guarded.as_ref().map(Guarded::guard))
    }

    fn keep_good(&self, from: Sequence, folder: &Path) -> Result<Value, Failure> {
        let answer = keep_good(&self.past(), from, folder, self.disk.clock().now())?;
        if let Some(guarded) = &self.guarded {
            guarded.rolled_back();
        }
        disconnect_all(&self.server);
        Ok(answer)
    }

    fn end(self, is_discarded: bool) -> Result<(), Failure> {
        drain(&self.server);
        drop(self.server);
        if let Some(guarded) = self.guarded {
            guarded.stop();
        }
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

pub(super) fn print(answer: &Value) {
    let mut out = std::io::stdout().lock();
    // If whoever steers doesn't listen any more, the end of its input follows.
    let _ = writeln!(out, "{answer}").and_then(|()| out.flush());
}
