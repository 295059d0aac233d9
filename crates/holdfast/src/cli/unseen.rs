//! A line typed at the terminal that nobody behind the shoulder, and no scrollback, shows: an address, a password.

use std::io::{self, BufRead, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcsetattr};

use crate::failure::Failure;

/// The longest line, in bytes.
const LINE_BYTES_MAX: usize = 1024;
/// Ctrl-C and Ctrl-D.
const CANCEL: [u8; 2] = [0x03, 0x04];
/// Backspace and Delete.
const RUB_OUT: [u8; 2] = [0x08, 0x7f];
/// Ctrl-U.
const CLEAR: u8 = 0x15;

/// Asks for a line on a terminal, without showing it; else reads the lines of standard input, at most `lines_max`, empty ones left out.
///
/// # Errors
/// When nothing was typed, something too long or that is no UTF-8, or when it was cancelled.
pub(super) fn read_lines(prompt: &str, lines_max: usize) -> Result<Vec<String>, Failure> {
    let lines = read_lines_if_any(prompt, lines_max)?;
    if lines.is_empty() {
        return Err(Failure::usage("nothing was typed"));
    }
    Ok(lines)
}

/// The same for a caller that says itself what is missing when nothing was typed.
///
/// # Errors
/// When something too long was typed or that is no UTF-8, or when it was cancelled.
pub(super) fn read_lines_if_any(prompt: &str, lines_max: usize) -> Result<Vec<String>, Failure> {
    let lines = if isatty(io::stdin()) {
        vec![typed(prompt)?]
    } else {
        piped(&mut io::stdin().lock(), lines_max)?
    };
    Ok(lines.into_iter().filter(|line| !line.trim().is_empty()).collect())
}

fn piped(input: &mut dyn BufRead, lines_max: usize) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        let read = (&mut *input)
            .take(LINE_BYTES_MAX as u64 + 1)
            .read_until(b'\n', &mut line)
            .map_err(|error| Failure::io("can't read standard input", &error))?;
        if read == 0 {
            return Ok(lines);
        }
        if lines.len() == lines_max {
            return Err(Failure::usage(format!(
                "standard input has more than {lines_max} lines"
            )));
        }
        lines.push(text(line)?);
    }
}

fn text(mut line: Vec<u8>) -> Result<String, Failure> {
    while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        line.pop();
    }
    if line.len() > LINE_BYTES_MAX {
        return Err(Failure::usage(format!("a line has more than {LINE_BYTES_MAX} bytes")));
    }
    String::from_utf8(line).map_err(|_| Failure::usage("what was typed is no UTF-8"))
}

fn typed(prompt: &str) -> Result<String, Failure> {
    let mut errors = io::stderr().lock();
    let line = {
        // Before the prompt: whoever answers quickly isn't shown either.
        let _quiet = Quiet::begin()?;
        // Without a prompt it can still be typed.
        let _ = write!(errors, "{prompt}: ").and_then(|()| errors.flush());
        keys(&mut io::stdin().lock())
    };
    let _ = writeln!(errors);
    text(line?)
}

/// Reads keys until the line ends.
fn keys(input: &mut dyn Read) -> Result<Vec<u8>, Failure> {
    let mut line = Vec::new();
    let mut key = [0];
    loop {
        let read = input
            .read(&mut key)
            .map_err(|error| Failure::io("can't read from the terminal", &error))?;
        let [byte] = key;
        match byte {
            _ if read == 0 => return Ok(line),
            b'\r' | b'\n' => return Ok(line),
            _ if CANCEL.contains(&byte) => return Err(Failure::usage("cancelled")),
            _ if RUB_OUT.contains(&byte) => {
                // The whole character: its continuation bytes first.
                while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            CLEAR => line.clear(),
            _ if line.len() > LINE_BYTES_MAX => return text(line).map(String::into_bytes),
            _ => line.push(byte),
        }
    }
}

/// The terminal without echo. Signals are keys meanwhile: one that ended the program would leave the terminal without echo.
struct Quiet {
    before: Termios,
}

impl Quiet {
    fn begin() -> Result<Self, Failure> {
        let failed = |error: rustix::io::Errno| Failure::io("can't hide what is typed", &error.into());
        let before = tcgetattr(io::stdin()).map_err(failed)?;
        let mut quiet = before.clone();
        quiet.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet).map_err(failed)?;
        Ok(Self { before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // Nothing else can be done about a terminal that is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bytes: &[u8]) -> Result<String, Failure> {
        keys(&mut &*bytes).and_then(text)
    }

    #[test]
    fn a_line_can_be_corrected_while_it_is_typed() {
        assert_eq!(line(b"ab\x7fc\r").unwrap(), "ac");
        assert_eq!(line("a\u{fc}\u{20ac}\x08\x08b\n".as_bytes()).unwrap(), "ab");
        assert_eq!(line(b"wrong\x15right\nmore").unwrap(), "right");
        assert_eq!(line(b"\x7f\x7fa").unwrap(), "a");
        assert!(line(b"a\x03").is_err() && line(b"a\x04").is_err());
        assert!(line(&[b'a'; LINE_BYTES_MAX + 2]).is_err());
        assert_eq!(line(&[b'a'; LINE_BYTES_MAX]).unwrap().len(), LINE_BYTES_MAX);
    }

    #[test]
    fn what_is_piped_is_bounded() {
        let read = |bytes: &[u8]| piped(&mut &*bytes, 2);
        assert_eq!(read(b"a@b.c\r\nd@e.f").unwrap(), ["a@b.c", "d@e.f"]);
        assert!(read(b"a\nb\nc\n").is_err());
        assert!(read(&[b'a'; LINE_BYTES_MAX + 1]).is_err());
        assert!(read(b"\xff\n").is_err());
    }
}
