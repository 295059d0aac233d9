//! Runs the program in a folder of its own and makes what it prints comparable.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A folder of its own for a test, emptied first, with a data folder in it.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
}

/// What a command did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new(name: &str) -> Self {
        // Unix sockets have short names: the folder can't be the target's.
        let folder = std::env::temp_dir().join(format!("hf-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self { folder }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    /// A command with the data folder of this place, in UTC, without settings of whoever runs the tests.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
        command
            .args(words)
            .env_clear()
            .env("TZ", "UTC")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .env("HOME", &self.folder)
            .env("HOLDFAST_DATA", self.data())
            .env("HOLDFAST_CONFIG", self.path("h.toml"));
        command.current_dir(&self.folder).stdin(Stdio::null());
        if !self.folder.join("h.toml").exists() {
            std::fs::write(self.folder.join("h.toml"), "").unwrap();
        }
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Done {
        let Output { status, stdout, stderr } = self.command(words).output().unwrap();
        Done {
            code: status.code().unwrap_or(-1),
            stdout: self.comparable(&String::from_utf8(stdout).unwrap()),
            stderr: self.comparable(&String::from_utf8(stderr).unwrap()),
        }
    }

    /// Runs a command that succeeds, and tells what it printed.
    pub(crate) fn ok(&self, words: &[&str]) -> String {
        let done = self.run(words);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{words:?}: {done:?}");
        done.stdout
    }

    /// Runs a command that fails, and tells its exit code and what it said.
    pub(crate) fn fails(&self, words: &[&str]) -> (i32, String) {
        let done = self.run(words);
        assert_eq!(done.stdout, "", "{words:?}: {done:?}");
        (done.code, done.stderr)
    }

    pub(crate) fn json(&self, words: &[&str]) -> serde_json::Value {
        let words = [&["--json"], words].concat();
        let output = self.command(&words).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(text.lines().last().unwrap()).unwrap()
    }

    /// Starts the daemon and waits until it answers.
    pub(crate) fn up(&self, words: &[&str]) -> Daemon {
        let mut command = self.command(&[&["up"], words].concat());
        let log = std::fs::File::create(self.folder.join("log")).unwrap();
        let child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let daemon = Daemon {
            child: Some(child),
            log: self.folder.join("log"),
            socket: self.data().join("nbd.sock"),
        };
        let end = Instant::now() + Duration::from_secs(20);
        while UnixStream::connect(self.data().join("holdfast.sock")).is_err() {
            assert!(Instant::now() < end, "{}", daemon.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        daemon
    }

    fn comparable(&self, text: &str) -> String {
        comparable(&text.replace(self.folder.to_str().unwrap(), "FOLDER"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A running daemon; killed when it is dropped.
pub(crate) struct Daemon {
    child: Option<Child>,
    log: PathBuf,
    pub(crate) socket: PathBuf,
}

impl Daemon {
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The lines of the log that contain a text, comparable.
    pub(crate) fn log_lines(&self, text: &str) -> Vec<String> {
        let log = comparable(&self.log());
        log.lines()
            .filter(|line| line.contains(text))
            .map(str::to_owned)
            .collect()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    pub(crate) fn wait_for_log(&self, text: &str) {
        let end = Instant::now() + Duration::from_secs(10);
        while !self.log().contains(text) {
            assert!(Instant::now() < end, "`{text}` is not in the log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Stops the daemon in good order: its exit code and what it printed.
    pub(crate) fn stop(mut self) -> (i32, String) {
        self.signal("TERM");
        let output = self.child.take().unwrap().wait_with_output().unwrap();
        (
            output.status.code().unwrap_or(-1),
            String::from_utf8(output.stdout).unwrap(),
        )
    }

    pub(crate) fn kill(mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub(crate) fn uri(&self, export: &str) -> String {
        format!("nbd+unix:///{export}?socket={}", self.socket.display())
    }

    /// Writes a file's bytes to the start of an export.
    pub(crate) fn write(&self, export: &str, file: &Path) {
        tool("nbdcopy", &["--", file.to_str().unwrap(), &self.uri(export)]);
    }

    /// The bytes of an export.
    pub(crate) fn read(&self, export: &str) -> Vec<u8> {
        let output = Command::new("nbdcopy")
            .args(["--", &self.uri(export), "-"])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{export}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    /// Whether an export can be opened.
    pub(crate) fn serves(&self, export: &str) -> bool {
        let output = Command::new("nbdinfo")
            .args(["--size", &self.uri(export)])
            .output()
            .unwrap();
        output.status.success()
    }
}

impl Daemon {
    /// What a client is told of an export that it can't open. QEMU shows it, libnbd doesn't.
    pub(crate) fn refusal(&self, export: &str) -> String {
        let words = ["info", &self.uri(export)];
        let output = Command::new("qemu-img").args(words).output().unwrap();
        assert!(!output.status.success(), "{export} is served");
        let text = comparable(&String::from_utf8(output.stderr).unwrap());
        let (_, told) = text.split_once("server reported: ").unwrap();
        told.trim_end().to_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs a program of another project.
pub(crate) fn tool(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output();
    let output = output.unwrap_or_else(|error| panic!("`{program}` must be installed: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {words:?}: {text}");
    text
}

/// Sends a line to the control socket and tells the answer.
pub(crate) fn ask_raw(socket: &Path, line: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    // Where the daemon has enough of it, the rest can't be sent and there is no answer.
    let _ = stream.write_all(line.as_bytes());
    let mut answer = String::new();
    let _ = BufReader::new(stream).read_line(&mut answer);
    answer
}

/// Replaces times and process numbers, which differ from run to run.
pub(crate) fn comparable(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if is_shape(rest, "0000-00-00 00:00:00") {
            result += "TIME";
            rest = rest.get(19..).unwrap();
        } else if rest.starts_with("(process ") {
            result += "(process N)";
            rest = rest.split_once(')').unwrap().1;
        } else {
            result.push(first);
            rest = rest.get(first.len_utf8()..).unwrap();
        }
    }
    result
}

/// Whether a text starts like `shape`, in which `0` stands for any digit.
fn is_shape(text: &str, shape: &str) -> bool {
    let mut characters = text.chars();
    shape.chars().all(|expected| {
        let found = characters.next();
        if expected == '0' {
            found.is_some_and(|c| c.is_ascii_digit())
        } else {
            found == Some(expected)
        }
    })
}
