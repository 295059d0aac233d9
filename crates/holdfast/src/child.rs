//! Work on foreign file systems, in a process of its own: this same program as a command, with limits. Whatever a disk's bytes do to a
//! parser, the daemon goes on serving.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::failure::Failure;
use crate::place::Place;

/// The program itself, also when its file was replaced by a newer one.
const PROGRAM: &str = "/proc/self/exe";
/// How often is looked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How often is asked whether it is still wanted.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// What a command may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Memory, in bytes.
    pub(crate) memory_bytes: u64,
    /// Time, in all.
    pub(crate) time: Duration,
    /// Bytes of what it prints that are read; it ends when it prints more.
    pub(crate) output_bytes: u64,
}

/// What a command printed, and how it ended; `None` if it was ended for taking too long, or because nobody wanted it any more.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) output: Vec<u8>,
    pub(crate) is_cut: bool,
    pub(crate) status: Option<ExitStatus>,
}

/// This program under a name, without surroundings.
pub(crate) fn this_program(name: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg0(name).env_clear();
    command
}

/// `holdfast ARGUMENTS` on the same data folder.
pub(crate) fn holdfast(place: &Place, arguments: &[&str]) -> Command {
    let mut command = this_program("holdfast");
    command.arg("--data").arg(&place.data);
    if let Some(config) = &place.config_file {
        command.arg("--config").arg(config);
    }
    command.args(arguments);
    command
}

/// Runs a command.
pub(crate) fn run(command: Command, limits: Limits) -> Result<Ended, Failure> {
    run_while(command, limits, &|| true)
}

/// Runs a command, for as long as it is wanted.
pub(crate) fn run_while(mut command: Command, limits: Limits, is_wanted: &dyn Fn() -> bool) -> Result<Ended, Failure> {
    let failed = |error: std::io::Error| Failure::io("start a process that looks at the disk", &error);
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let mut child = Reaped(child);
    limit(&child.0, limits).map_err(failed)?;
    let output = child.0.stdout.take();
    let (sender, receiver) = channel();
    let most = limits.output_bytes;
    let reader = std::thread::Builder::new().name("output".to_owned()).spawn(move || {
        let mut bytes = Vec::new();
        // What can't be read any more is the output's end.
        let _ = output.map(|output| output.take(most + 1).read_to_end(&mut bytes));
        // Nobody waits where the time is over.
        let _ = sender.send(bytes);
    });
    let reader = reader.map_err(failed)?;
    let end = Instant::now() + limits.time;
    let output = loop {
        match receiver.recv_timeout(ASK_EVERY) {
            Err(RecvTimeoutError::Timeout) if Instant::now() < end && is_wanted() => {}
            result => break result.ok(),
        }
    };
    let is_cut = output.as_ref().is_none_or(|output| output.len() as u64 > most);
    let mut status = None;
    while !is_cut && status.is_none() && Instant::now() < end {
        status = child.0.try_wait().map_err(failed)?;
        if status.is_none() {
            std::thread::sleep(LOOK_EVERY);
        }
    }
    drop(child);
    let output = output.unwrap_or_default();
    // It ends with the process.
    let _ = reader.join();
    Ok(Ended { output, is_cut, status })
}

fn limit(child: &Child, limits: Limits) -> std::io::Result<()> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    for (resource, most) in [
        (Resource::As, limits.memory_bytes),
        (Resource::Cpu, limits.time.as_secs()),
        (Resource::Core, 0),
    ] {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        prlimit(pid, resource, limit)?;
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_nobody_wants_any_more_is_ended() {
        let limits = Limits {
            memory_bytes: 1 << 30,
            time: Duration::from_secs(600),
            output_bytes: 100,
        };
        let mut command = Command::new("sleep");
        command.arg("600");
        let started = Instant::now();
        let ended = run_while(command, limits, &|| false).unwrap();
        assert!(ended.status.is_none() && ended.output.is_empty());
        assert!(started.elapsed() < limits.time / 2);
        let mut command = Command::new("echo");
        command.arg("done");
        let ended = run(command, limits).unwrap();
        assert!(ended.status.is_some_and(|status| status.success()));
        assert_eq!(ended.output, b"done\n");
    }
}
