//! Which files of a disk lost their content, found out by a process of its own for the guards: whatever a disk's bytes do to a parser, the
//! daemon goes on serving. The same program, started under the name `holdfast-lost-files` with the data folder, the volume and two batches. It asks
//! the daemon for blocks by the control socket, as `holdfast investigate` does, and prints JSON.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use answers::{Lost, Part};
use guard::{Examined, FileExaminer, LostFile};
use serde::{Deserialize, Serialize};
use volume::{Moment, Sequence, Timestamp, Volume};

use crate::child::{self, Limits};
use crate::past::DaemonPast;

/// What the program is called when it is to look for lost files.
const NAME: &str = "holdfast-lost-files";
const LIMITS: Limits = Limits {
    memory_bytes: 2 << 30,
    time: Duration::from_secs(120),
    output_bytes: 8 << 20,
};

/// Examines in another process.
#[derive(Clone, Debug)]
pub struct Apart {
    data: Arc<Path>,
}

/// What the process prints.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Lost(Vec<Lost>),
    Failed(String),
}

impl Apart {
    /// Has volumes of a data folder examined, whose daemon this is.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        Self { data: data.into() }
    }
}

impl FileExaminer for Apart {
    fn examine(&self, volume: &Arc<Volume>, from: Sequence, to: Sequence) -> Result<Examined, String> {
        let started = Instant::now();
        let mut command = child::this_program(NAME);
        let batches = [from, to].map(|sequence| sequence.0.to_string());
        command.arg(&*self.data).arg(volume.name()).args(batches);
        match answer(command)? {
            Answer::Lost(lost) => Ok(Examined {
                lost: lost.into_iter().map(lost_file).collect(),
                took: started.elapsed(),
            }),
            Answer::Failed(reason) => Err(reason),
        }
    }
}

fn answer(command: Command) -> Result<Answer, String> {
    let ended = child::run(command, LIMITS).map_err(|failure| failure.message)?;
    serde_json::from_slice(&ended.output).map_err(|error| {
        format!(
            "the process that looks at the files ended without an answer ({error}): what is on the disk makes the parser fail, or \
             takes too much time or memory"
        )
    })
}

fn lost_file(lost: Lost) -> LostFile {
    LostFile {
        path: lost.path,
        how: lost.how,
        is_replaced: lost.is_replaced,
        since: lost.first_nanos.map(Timestamp::from_unix_nanos),
    }
}

/// Whether this process was started to look for lost files.
#[must_use]
pub fn is_meant() -> bool {
    std::env::args_os().next().is_some_and(|name| name == NAME)
}

/// Looks for lost files, as the arguments say.
#[must_use]
pub fn main() -> ExitCode {
    let answer = look().map_or_else(Answer::Failed, Answer::Lost);
    match serde_json::to_writer(std::io::stdout(), &answer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn look() -> Result<Vec<Lost>, String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, volume, from, to] = arguments.as_slice() else {
        return Err("it takes a data folder, a volume and two batches".to_owned());
    };
    let moment = |text: &String| {
        let sequence = text.parse().map_err(|_| format!("`{text}` is no batch"))?;
        Ok::<_, String>(Moment::After(Sequence(sequence)))
    };
    let past = DaemonPast::new(Path::new(data), volume);
    let part = Part {
        past: &past,
        from: moment(from)?,
        to: moment(to)?,
    };
    answers::lost_files(&part, &mut ()).map_err(|error| error.to_string())
}
