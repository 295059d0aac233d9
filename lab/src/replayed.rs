//! `lab replay` and `lab show`: traces as a sentinel judges them, and as they are.
#![expect(clippy::print_stdout, reason = "commands whose output is what they found")]

use std::io::Write as _;
use std::path::{Path, PathBuf};

use sentinel::Model;
use serde_json::{Value, json};

use crate::Failure;
use crate::judge::{Verdict, judge};
use crate::trace::{Event, Record, TraceReader};

/// What is to be replayed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Traces.
    #[arg(required = true)]
    traces: Vec<PathBuf>,
    /// The model that judges; the one that this version ships if not given.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// One JSON object a trace.
    #[arg(long)]
    json: bool,
}

/// A model from a file, or the shipped one.
pub fn load_model(path: Option<&Path>) -> Result<Model<Vec<u8>>, Failure> {
    let Some(path) = path else {
        return Ok(Model::parse(Model::shipped().as_bytes().to_vec())?);
    };
    let bytes = std::fs::read(path).map_err(|error| format!("`{}` can't be read: {error}", path.display()))?;
    Ok(Model::parse(bytes).map_err(|error| format!("`{}` is {error}", path.display()))?)
}

/// Replays traces.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let model = load_model(arguments.model.as_deref())?;
    let mut bad = 0;
    for path in &arguments.traces {
        let verdict = TraceReader::open(path).and_then(|mut reader| judge(&mut reader, &model));
        match verdict {
            Ok(verdict) if arguments.json => println!("{}", with_trace(&verdict, path)),
            Ok(verdict) => println!("{}: {}", path.display(), verdict.to_line()),
            Err(error) => {
                bad += 1;
                eprintln!("lab: `{}`: {error}", path.display());
            }
        }
    }
    match bad {
        0 => Ok(()),
        bad => Err(format!("{bad} of {} traces couldn't be replayed", arguments.traces.len()).into()),
    }
}

fn with_trace(verdict: &Verdict, path: &Path) -> Value {
    let mut object = verdict.to_json();
    if let Some(fields) = object.as_object_mut() {
        fields.insert("trace".to_owned(), path.display().to_string().into());
    }
    object
}

/// Prints a trace's header and records, a line each, with seconds since the start.
pub fn show(path: &Path) -> Result<(), Failure> {
    let reader = TraceReader::open(path)?;
    let header = reader.header().clone();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let line = json!({"volume_bytes": header.volume_bytes, "start": header.start, "description": header.description});
    writeln!(out, "{line}")?;
    for record in reader {
        let record = record?;
        let second = (record.time - header.start) as f64 / 1e6;
        writeln!(out, "{second:.6} {}", told(&record))?;
    }
    Ok(out.flush()?)
}

fn told(record: &Record) -> String {
    match &record.event {
        Event::Read { first, count } => format!("read {first} +{count}"),
        Event::Zero { first, count, stored } => format!("zero {first} +{count} ({stored} stored)"),
        Event::Trim { first, count, stored } => format!("trim {first} +{count} ({stored} stored)"),
        Event::Flush => "flush".to_owned(),
        Event::Mark(text) => format!("mark {text}"),
        Event::Write { first, blocks } => {
            let mut line = format!("write {first} +{}:", blocks.len());
            for block in blocks {
                let former = &block.former;
                let age = former.age_seconds.map_or(String::new(), |age| format!(" {age}s"));
                let stored = match (former.is_stored, former.is_same) {
                    (_, true) => " same",
                    (true, false) => "",
                    (false, false) => " free",
                };
                let (old, new) = (former.class, block.look.class);
                line += &format!(" {old:?}{stored}{age}>{new:?}/{}", block.look.distinct);
            }
            line
        }
    }
}
