//! What a line on standard input asks for.

use std::path::PathBuf;
use std::time::Duration;

use guard::{Fence, Release};
use serde_json::Value;

/// A line, understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Line {
    /// Begin a trace.
    Trace { path: PathBuf, description: Value },
    /// End the trace.
    TraceEnd,
    /// Write the truth into the trace.
    Mark(String),
    /// Let the clock leap ahead.
    Skip(Duration),
    /// Tell the newest moment.
    Moment,
    /// Go back to a moment.
    Rollback(u64),
    /// Tell how the guard is.
    GuardStatus,
    /// Let the next verdict do something else.
    GuardSet(Fence),
    /// Go back to the moment before what the guard suspects.
    RestoreBeforeAttack,
    /// End the fence.
    Release(Release),
    /// Announce work.
    Announce { reason: String, duration: Duration },
    /// End announced work.
    AnnounceEnd,
    /// Find out what happened to files since a moment, and write reports into a folder.
    Investigate { from: u64, folder: PathBuf },
    /// Return the disk to a moment without losing what was done well since; what is set aside goes into a folder.
    KeepGood { from: u64, folder: PathBuf },
    /// End the session.
    Stop,
}

/// The most that one leap skips: ten years.
const SKIP_SECONDS_MAX: f64 = 10.0 * 365.0 * 86_400.0;

pub(super) const HELP: &str = "expected `trace FILE {JSON}`, `trace end`, `mark TEXT`, `skip SECONDS`, `moment`, \
     `rollback SEQUENCE`, `investigate SEQUENCE DIR`, \
     `keep-good SEQUENCE DIR` or `stop`; under guard also `guard status`, `guard set FENCE`, `restore before-attack`, \
     `release [keep|drop]`, `announce SECONDS REASON`, `announce end`";

pub(super) fn parse(line: &str) -> Result<Line, String> {
    let line = line.trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    match (word, rest) {
        ("trace", "end") => Ok(Line::TraceEnd),
        ("trace", _) => trace(rest),
        ("mark", text) if !text.is_empty() => Ok(Line::Mark(text.to_owned())),
        ("skip", seconds) => match seconds.parse::<f64>() {
            Ok(seconds) if (0.0..=SKIP_SECONDS_MAX).contains(&seconds) => {
                Ok(Line::Skip(Duration::from_secs_f64(seconds)))
            }
            _ => Err(format!(
                "`{seconds}` can't be skipped: expected seconds, at most ten years of them"
            )),
        },
        ("moment", "") => Ok(Line::Moment),
        ("rollback", sequence) => match sequence.trim_start_matches('#').parse() {
            Ok(sequence) => Ok(Line::Rollback(sequence)),
            Err(_) => Err(format!("`{sequence}` is not the number of a moment")),
        },
        ("investigate", rest) => since(rest).map(|(from, folder)| Line::Investigate { from, folder }),
        ("keep-good", rest) => since(rest).map(|(from, folder)| Line::KeepGood { from, folder }),
        ("guard", "status") => Ok(Line::GuardStatus),
        ("guard", rest) => match rest.strip_prefix("set ").map(|fence| fence.trim().parse()) {
            Some(Ok(fence)) => Ok(Line::GuardSet(fence)),
            Some(Err(error)) => Err(format!("{error}")),
            None => Err(format!("`{line}` is not understood: {HELP}")),
        },
        ("restore", "before-attack") => Ok(Line::RestoreBeforeAttack),
        ("release", "" | "keep") => Ok(Line::Release(Release::Keep)),
        ("release", "drop") => Ok(Line::Release(Release::Drop)),
        ("announce", "end") => Ok(Line::AnnounceEnd),
        ("announce", rest) => announce(rest),
        ("stop", "") => Ok(Line::Stop),
        _ => Err(format!("`{line}` is not understood: {HELP}")),
    }
}

/// A moment, then a folder.
fn since(rest: &str) -> Result<(u64, PathBuf), String> {
    let (sequence, folder) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    match sequence.trim_start_matches('#').parse() {
        Ok(from) if !folder.trim().is_empty() => Ok((from, PathBuf::from(folder.trim()))),
        _ => Err(format!(
            "`{rest}` isn't understood: expected the number of a moment and a folder"
        )),
    }
}

fn announce(rest: &str) -> Result<Line, String> {
    let (seconds, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    match seconds.parse() {
        Ok(seconds) => Ok(Line::Announce {
            reason: reason.trim().to_owned(),
            duration: Duration::from_secs(seconds),
        }),
        Err(_) => Err(format!(
            "`{seconds}` is no number of seconds: expected `announce SECONDS REASON`"
        )),
    }
}

/// A file, then a description from the first brace on; without one the description is empty.
fn trace(rest: &str) -> Result<Line, String> {
    let (path, description) = match rest.find('{') {
        Some(at) => rest.split_at(at),
        None => (rest, "{}"),
    };
    let path = path.trim();
    if path.is_empty() {
        return Err(format!("`trace` needs a file: {HELP}"));
    }
    let description =
        serde_json::from_str(description).map_err(|error| format!("the description is no JSON: {error}"))?;
    let path = PathBuf::from(path);
    Ok(Line::Trace { path, description })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lines_are_understood() {
        for (line, expected) in [
            ("trace end", Line::TraceEnd),
            ("mark attack begin", Line::Mark("attack begin".to_owned())),
            ("skip 0.5", Line::Skip(Duration::from_millis(500))),
            (" moment ", Line::Moment),
            ("rollback #12", Line::Rollback(12)),
            ("stop", Line::Stop),
            ("guard status", Line::GuardStatus),
            ("guard set divert", Line::GuardSet(Fence::Divert)),
            ("restore before-attack", Line::RestoreBeforeAttack),
            ("release drop", Line::Release(Release::Drop)),
            ("announce end", Line::AnnounceEnd),
        ] {
            assert_eq!(parse(line), Ok(expected), "{line}");
        }
        let announced = Line::Announce {
            reason: "enabling BitLocker".to_owned(),
            duration: Duration::from_secs(60),
        };
        assert_eq!(parse("announce 60 enabling BitLocker"), Ok(announced));
        let path = PathBuf::from("/tmp/a b.trace");
        let description = json!({"case": "x", "seed": 1});
        let line = "trace /tmp/a b.trace {\"case\": \"x\", \"seed\": 1}";
        assert_eq!(parse(line), Ok(Line::Trace { path, description }));
    }

    #[test]
    fn other_lines_are_refused() {
        for line in [
            "",
            "trace",
            "trace {}",
            "trace a {",
            "mark",
            "skip x",
            "skip -1",
            "skip inf",
            "rollback",
            "go",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
