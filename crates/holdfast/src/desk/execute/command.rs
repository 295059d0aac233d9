//! Runs a program of this machine for a policy: no shell, nothing of this process' environment, a time limit for it and all that it
//! started, and a bounded part of what it prints.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::config::CommandSettings;
use crate::failure::{Failure, FailureCode};

/// What is kept of what it prints, in bytes.
const OUTPUT_BYTES_MAX: u64 = 4096;
/// How long it is looked after what it left open, once it ended.
const OUTPUT_PATIENCE: Duration = Duration::from_secs(1);
/// How often it is looked whether it ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Where programs that it calls are found.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; `None` if it was killed.
    pub code: Option<i32>,
    /// The beginning of what it printed, on both ways.
    pub output: String,
}

/// Runs a program until it ends, `is_over` says so, or its time is over.
///
/// # Errors
/// When it can't be started, doesn't end in time, or has to be ended.
pub fn run(
    settings: &CommandSettings,
    environment: &[(&str, String)],
    is_over: &dyn Fn() -> bool,
) -> Result<Ended, Failure> {
    let shown = settings.program.display();
    let mut command = Command::new(&settings.program);
    command
        .args(&settings.arguments)
        .env_clear()
        .env("PATH", PATH)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        // A group of its own, so that what it starts ends with it.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| Failure::io(format!("start `{shown}`"), &error))?;
    let output = [child.stdout.take().map(read), child.stderr.take().map(read)];
    let waited = wait(&mut child, settings.timeout, is_over);
    end_group(&child);
    let code = match waited {
        Ok(code) => code,
        Err(failure) => {
            // It was killed: this reaps it.
            let _ = child.wait();
            return Err(failure);
        }
    };
    let deadline = Instant::now() + OUTPUT_PATIENCE;
    let mut text = String::new();
    for output in output.into_iter().flatten() {
        let left = deadline.saturating_duration_since(Instant::now());
        text += &output.recv_timeout(left).unwrap_or_default();
    }
    Ok(Ended { code, output: text })
}

fn wait(child: &mut Child, timeout: Duration, is_over: &dyn Fn() -> bool) -> Result<Option<i32>, Failure> {
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.code()),
            Ok(None) => {}
            Err(error) => return Err(Failure::io("wait for a command", &error)),
        }
        if began.elapsed() >= timeout {
            let message = format!("it didn't end within {} s and was killed", timeout.as_secs());
            return Err(Failure::new(FailureCode::Failure, message));
        }
        if is_over() {
            return Err(Failure::new(
                FailureCode::Failure,
                "it was killed, because the daemon stops",
            ));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Ends the program and what it started.
fn end_group(child: &Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // Where nothing is left of the group there is nothing to end.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Reads the beginning of what is printed and lets the rest go, from a thread of its own.
fn read(mut from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What can't be read says nothing.
        let _ = from.by_ref().take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
        let _ = std::io::copy(&mut from, &mut std::io::sink());
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, seconds: u64) -> CommandSettings {
        CommandSettings {
            program: "/bin/sh".into(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            timeout: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn a_command_has_only_the_environment_that_it_is_given() {
        let ended = run(
            &shell("env; exit 3", 5),
            &[("HOLDFAST_ACTION_ID", "7".to_owned())],
            &|| false,
        )
        .unwrap();
        assert_eq!(ended.code, Some(3));
        let mut lines: Vec<&str> = ended.output.lines().filter(|line| !line.starts_with("PWD=")).collect();
        lines.sort_unstable();
        lines.retain(|line| !line.starts_with("_=") && !line.starts_with("SHLVL="));
        assert_eq!(lines, ["HOLDFAST_ACTION_ID=7", &format!("PATH={PATH}")]);
    }

    #[test]
    fn a_command_ends_with_all_that_it_started_and_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark");
        let script = format!("(sleep 2; touch {}) & sleep 60", mark.display());
        let began = Instant::now();
        let failure = run(&shell(&script, 1), &[], &|| false).unwrap_err();
        assert_eq!(failure.message, "it didn't end within 1 s and was killed");
        assert!(began.elapsed() < Duration::from_secs(5));
        // One that left something behind ends at once, and so does what it left.
        run(
            &shell(&format!("(sleep 2; touch {}) &", mark.display()), 5),
            &[],
            &|| false,
        )
        .unwrap();
        let stopped = run(&shell("sleep 60", 60), &[], &|| true).unwrap_err();
        assert_eq!(stopped.message, "it was killed, because the daemon stops");
        std::thread::sleep(Duration::from_secs(3));
        assert!(!mark.exists());
    }

    #[test]
    fn a_flood_of_output_is_cut_and_holds_nothing_up() {
        let ended = run(&shell("yes | head -c 10000000", 20), &[], &|| false).unwrap();
        assert_eq!((ended.code, ended.output.len()), (Some(0), 4096));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let missing = CommandSettings {
            program: "/no/such/program".into(),
            ..shell("", 1)
        };
        let failure = run(&missing, &[], &|| false).unwrap_err();
        assert!(
            failure.message.starts_with("start `/no/such/program`: "),
            "{}",
            failure.message
        );
    }
}
