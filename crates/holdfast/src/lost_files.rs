//! Which files of a disk lost their content, found out by a process of its own for the guards: whatever a disk's bytes do to a parser, the
//! daemon goes on serving. The same program, started under the name `holdfast-lost-files` with the data folder, the volume and two batches. It asks
//! the daemon for blocks by the control socket, as `holdfast investigate` does, and prints JSON.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use answers::{Lost, Part};
use guard::{ExaminationWindow, Examined, Losses, LostFile, Unexamined};
use serde::{Deserialize, Serialize};
use volume::{Moment, Sequence};

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
    data: PathBuf,
}

/// What the process prints.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Losses(answers::Losses),
    NoFileSystem,
    Failed(String),
}

impl Apart {
    /// Has volumes of a data folder examined, whose daemon this is.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        Self { data: data.into() }
    }

    /// Which files of a volume lost their content in a window. Given up, as a failure, once it isn't wanted any more.
    #[must_use]
    pub fn examine(&self, volume: &str, window: &ExaminationWindow, is_wanted: &dyn Fn() -> bool) -> Examined {
        let started = Instant::now();
        let mut command = child::this_program(NAME);
        let batches = [window.from, window.to].map(|sequence| sequence.0.to_string());
        command.arg(&self.data).arg(volume).args(batches);
        let losses = match answer(command, is_wanted) {
            Ok(Answer::Losses(losses)) => Ok(told(losses)),
            Ok(Answer::NoFileSystem) => Err(Unexamined::NoFileSystem),
            Ok(Answer::Failed(reason)) | Err(reason) => Err(Unexamined::Failed(reason)),
        };
        Examined {
            losses,
            took: started.elapsed(),
        }
    }
}

fn answer(command: Command, is_wanted: &dyn Fn() -> bool) -> Result<Answer, String> {
    let ended = child::run_while(command, LIMITS, is_wanted).map_err(|failure| failure.message)?;
    serde_json::from_slice(&ended.output).map_err(|error| {
        format!(
            "the process that looks at the files ended without an answer ({error}): what is on the disk makes the parser fail, or \
             takes too much time or memory"
        )
    })
}

fn told(losses: answers::Losses) -> Losses {
    let lost_file = |lost: Lost| LostFile {
        path: lost.path,
        how: lost.how,
        is_replaced: lost.is_replaced,
        first: lost.first.map(Sequence),
    };
    Losses {
        lost: losses.lost.into_iter().map(lost_file).collect(),
        files: losses.files,
        created: losses.created,
        gone: losses.gone,
        gone_bytes: losses.gone_bytes,
        moved: losses.moved,
        is_contradicted: losses.is_contradicted,
        is_whole: losses.is_whole,
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
    // Where memory is short, this process goes first, and no guest's disk. What can't be set stays as it is.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let answer = look().unwrap_or_else(Answer::Failed);
    match serde_json::to_writer(std::io::stdout(), &answer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn look() -> Result<Answer, String> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [data, volume, from, to] = arguments.as_slice() else {
        return Err("it takes a data folder, a volume and two batches".to_owned());
    };
    let moment = |text: &OsString| {
        let number = text.to_str().and_then(|text| text.parse().ok());
        let number = number.ok_or_else(|| format!("`{}` is no batch", text.display()))?;
        Ok::<_, String>(Moment::After(Sequence(number)))
    };
    let volume = volume.to_str().ok_or("a volume's name is text")?;
    let past = DaemonPast::new(Path::new(data), volume);
    let part = Part {
        past: &past,
        from: moment(from)?,
        to: moment(to)?,
    };
    match answers::lost_files(&part, &mut ()) {
        Ok(losses) => Ok(Answer::Losses(losses)),
        Err(answers::Error::NoFileSystem { .. }) => Ok(Answer::NoFileSystem),
        Err(error) => Err(error.to_string()),
    }
}
