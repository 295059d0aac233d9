//! Tells the log why exports were refused. Many clients don't show their user what the server says, so the log is where
//! the reason is looked for.
//!
//! What is refused is named by clients, who may ask for anything as often as they like: in a minute every reason is
//! told once, and a few reasons in all.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// For how long a reason that was told isn't told again.
const WINDOW: Duration = Duration::from_secs(60);
/// Reasons told in a window.
const TOLD_MAX: usize = 10;
/// Characters of a name that are told.
const NAME_CHARS_MAX: usize = 100;

/// Which refusals are told.
#[derive(Debug, Default)]
pub(super) struct Refused {
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    end: Option<Instant>,
    told: BTreeSet<String>,
    left_out: u64,
}

impl Refused {
    /// The line for a refusal, if it is to be told.
    pub(super) fn line(&self, name: &str, reason: &str, now: Instant) -> Option<String> {
        let shown: String = name
            .chars()
            .take(NAME_CHARS_MAX)
            .flat_map(char::escape_default)
            .collect();
        let line = format!("a client asked for export `{shown}` and was refused: {reason}");
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = 0;
        if window.end.is_none_or(|end| now >= end) {
            before = window.left_out;
            *window = Window {
                end: Some(now + WINDOW),
                ..Window::default()
            };
        }
        if window.told.len() >= TOLD_MAX || !window.told.insert(line.clone()) {
            window.left_out += 1;
            return None;
        }
        let more = if before == 0 {
            String::new()
        } else {
            format!(" (refusals before this that weren't told: {before})")
        };
        Some(line + &more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_once_a_minute_and_repetitions_are_counted() {
        let refused = Refused::default();
        let start = Instant::now();
        let line = "a client asked for export `x` and was refused: no";
        assert_eq!(refused.line("x", "no", start).as_deref(), Some(line));
        for _ in 0..3 {
            assert_eq!(refused.line("x", "no", start + WINDOW / 2), None);
        }
        assert!(refused.line("y", "no", start + WINDOW / 2).is_some());
        assert_eq!(
            refused.line("x", "no", start + WINDOW),
            Some(format!("{line} (refusals before this that weren't told: 3)"))
        );
    }

    #[test]
    fn a_flood_of_names_is_a_few_lines_without_control_characters() {
        let refused = Refused::default();
        let now = Instant::now();
        let told = (0..1000).filter_map(|index| refused.line(&format!("{index}\n\u{1b}[2J"), "no", now));
        let told: Vec<String> = told.collect();
        assert_eq!(told.len(), TOLD_MAX);
        assert!(told.iter().all(|line| !line.contains(['\n', '\u{1b}'])), "{told:?}");
        let long = Refused::default().line(&"x".repeat(4096), "no", now);
        assert!(long.unwrap().len() < 200);
    }
}
