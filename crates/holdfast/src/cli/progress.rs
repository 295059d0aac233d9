//! Progress of long commands: a bar on a terminal, lines of JSON with `--json`, else nothing.

use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::control::Progress;

/// Lines of JSON are printed at most this often.
const LINES_EVERY: Duration = Duration::from_millis(500);

/// Where progress is shown.
pub(super) enum Shown {
    Nowhere,
    Bar(ProgressBar),
    Lines(Instant),
}

impl Shown {
    /// Progress for a command called `verb` ("importing").
    pub(super) fn new(verb: &'static str, json: bool) -> Self {
        Self::drawn(
            verb,
            json,
            "{msg} {wide_bar} {percent}%  {binary_bytes_per_sec}  {eta} left",
        )
    }

    /// Progress that is counted in things, not in bytes: first changes, then files.
    pub(super) fn counting(verb: &'static str, json: bool) -> Self {
        Self::drawn(verb, json, "{msg} {wide_bar} {human_pos}")
    }

    fn drawn(verb: &'static str, json: bool, template: &str) -> Self {
        if json {
            return Self::Lines(Instant::now());
        }
        if !std::io::stderr().is_terminal() {
            return Self::Nowhere;
        }
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(verb);
        Self::Bar(bar)
    }

    /// Clears what is shown.
    pub(super) fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Shown {
    fn update(&mut self, done: u64, total: u64) -> ControlFlow<()> {
        match self {
            Self::Nowhere => {}
            Self::Bar(bar) => {
                bar.set_length(total);
                bar.set_position(done);
            }
            Self::Lines(last) => {
                if last.elapsed() >= LINES_EVERY {
                    *last = Instant::now();
                    let line = serde_json::json!({ "progress": { "done": done, "total": total } });
                    // The command goes on when nobody reads any more.
                    let _ = writeln!(std::io::stdout().lock(), "{line}");
                }
            }
        }
        ControlFlow::Continue(())
    }
}
