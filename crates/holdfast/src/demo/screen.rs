//! The display on a terminal: what the scenes found out stays, what goes on is drawn below it, in place.

use std::io::{self, IsTerminal, Write};

use rustix::termios::tcgetwinsize;

use super::picture::{Glyphs, disk_map, gauge, legend, spark};
use super::report::{Report, Step};
use super::show::{Live, Scene, Show};
use super::style::{BOLD, DIM, GREEN, RED, RESET, fitted, painted, wrapped};
use super::words;
use crate::size::format_size;

/// Makes the cursor visible, in the usual colours, on a line of its own.
pub(super) const RESTORE_TERMINAL: &str = "\x1b[0m\x1b[?25h\n";
const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";
/// Wider lines aren't pleasant to read.
const COLUMNS_MOST: usize = 100;
/// The smallest terminal that is drawn on.
const SIZE_LEAST: (usize, usize) = (60, 18);
/// Rows of the map of the disk, and on a low terminal.
const MAP_ROWS: usize = 6;
const MAP_ROWS_LOW: usize = 3;
const MARGIN: &str = "  ";

/// The display.
pub(super) struct Screen {
    glyphs: Glyphs,
    /// Lines drawn last, which the next drawing goes over.
    drawn: usize,
}

impl Screen {
    /// A display on standard output, if that is a terminal that can be drawn on and may be.
    pub(super) fn open() -> Option<Self> {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        if !io::stdout().is_terminal() || is_set("NO_COLOR") || is_dumb {
            return None;
        }
        let (columns, rows) = size()?;
        if columns < SIZE_LEAST.0 || rows < SIZE_LEAST.1 {
            return None;
        }
        let screen = Self {
            glyphs: Glyphs::of_locale(),
            drawn: 0,
        };
        let title = painted(BOLD, "Holdfast: a disk, a day's work, an attack, and the way back");
        print(&format!("{HIDE_CURSOR}\n{MARGIN}{title}\n")).ok()?;
        Some(screen)
    }

    /// Replaces what is drawn by `lines`.
    fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let mut text = self.start_over();
        for line in lines {
            text += line;
            text += "\x1b[K\n";
        }
        // What an earlier, longer drawing left below.
        text += "\x1b[J";
        self.drawn = lines.len();
        print(&text)
    }

    /// Prints lines that stay, in place of what is drawn.
    fn keep(&mut self, lines: &[String]) -> io::Result<()> {
        self.draw(lines)?;
        self.drawn = 0;
        Ok(())
    }

    fn start_over(&self) -> String {
        match self.drawn {
            0 => String::new(),
            lines => format!("\x1b[{lines}A\r"),
        }
    }

    fn panel(&self, live: &Live<'_>) -> Vec<String> {
        let (columns, rows) = size().unwrap_or(SIZE_LEAST);
        let width = columns.clamp(SIZE_LEAST.0, COLUMNS_MOST) - 2 * MARGIN.len();
        let map_rows = if rows >= 24 { MAP_ROWS } else { MAP_ROWS_LOW };
        let glyphs = &self.glyphs;
        let bar_width = width / 3;
        let what = fitted(live.what, width - bar_width - 9);
        let bar = glyphs.bar(live.share, bar_width);
        let percent = (live.share * 100.0) as u32;
        let mut lines = vec![String::new(), format!("{bar} {percent:>3} %  {what}"), String::new()];
        let shown = live.contents.get(..live.contents.len() / 2).unwrap_or_default();
        lines.extend(disk_map(shown, width, map_rows, glyphs));
        lines.push(legend(glyphs));
        lines.push(String::new());
        let spark_width = width.saturating_sub(24).min(48);
        let newest = live.rates.last().copied().unwrap_or_default();
        for (name, newest, rate) in [
            (
                "read",
                newest.read,
                (|rates| rates.read) as fn(&super::show::Rates) -> u64,
            ),
            ("written", newest.written, |rates| rates.written),
        ] {
            let values: Vec<u64> = live.rates.iter().map(rate).collect();
            let line = spark(&values, spark_width, glyphs);
            lines.push(format!("{name:<10}{line} {:>9}/s", format_size(newest)));
        }
        lines.push(mixture(live, glyphs, spark_width));
        lines.push(gauge(live.watch, spark_width, glyphs));
        lines.into_iter().map(|line| format!("{MARGIN}{line}")).collect()
    }
}

/// How much of what was written lately looks random.
fn mixture(live: &Live<'_>, glyphs: &Glyphs, width: usize) -> String {
    let lately = live.rates.iter().rev().take(8);
    let (random, structured) = lately.fold((0, 0), |(random, structured), rates| {
        (random + rates.random, structured + rates.structured)
    });
    let all = random + structured;
    if all == 0 {
        return format!("{:<10}{}", "looks", painted(DIM, "nothing is written"));
    }
    let share = random as f64 / all as f64;
    let percent = (share * 100.0).round();
    format!("{:<10}{} {percent:>3} % random", "looks", glyphs.mixture(share, width))
}

impl Show for Screen {
    fn is_live(&self) -> bool {
        true
    }

    fn scene(&mut self, scene: Scene) {
        let title = painted(BOLD, &format!("{}  {}", scene.number(), scene.title()));
        let mut lines = vec![String::new(), format!("{MARGIN}{title}")];
        let meaning = wrapped(scene.meaning(), text_width());
        lines.extend(meaning.iter().map(|line| format!("{MARGIN}   {}", painted(DIM, line))));
        // A terminal that went away is noticed at the next drawing.
        let _ = self.keep(&lines);
    }

    fn live(&mut self, live: &Live<'_>) -> io::Result<()> {
        let lines = self.panel(live);
        self.draw(&lines)
    }

    fn step(&mut self, _: Scene, step: &Step) -> io::Result<()> {
        let width = text_width();
        let colour = match step {
            Step::Attacked { fenced: false, .. } | Step::Worked { fenced: true, .. } => RED,
            Step::Damaged { files, .. } if *files > 0 => RED,
            Step::Compared { files, identical, .. } if files != identical => RED,
            _ => GREEN,
        };
        let mut lines = Vec::new();
        for (number, told) in words::of_step(step).iter().enumerate() {
            for line in wrapped(told, width) {
                let line = if number == 0 { painted(colour, &line) } else { line };
                lines.push(format!("{MARGIN}   {line}"));
            }
        }
        self.keep(&lines)
    }

    fn report(&mut self, report: &Report) -> io::Result<()> {
        let colour = if report.ok { GREEN } else { RED };
        let width = text_width();
        let mut lines = vec![String::new()];
        for (number, told) in words::of_report(report).iter().enumerate() {
            if told.starts_with(' ') {
                // Commands aren't broken.
                lines.push(format!("{MARGIN}{told}"));
                continue;
            }
            let style = if number == 0 {
                format!("{BOLD}{colour}")
            } else {
                RESET.to_owned()
            };
            lines.extend(
                wrapped(told, width)
                    .iter()
                    .map(|line| format!("{MARGIN}{}", painted(&style, line))),
            );
        }
        lines.push(String::new());
        self.keep(&lines)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = print(&format!("{RESET}{SHOW_CURSOR}"));
    }
}

/// Columns for text below a scene's title.
fn text_width() -> usize {
    let columns = size().map_or(SIZE_LEAST.0, |(columns, _)| columns.min(COLUMNS_MOST));
    columns.saturating_sub(6)
}

/// Columns and rows of the terminal.
fn size() -> Option<(usize, usize)> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    Some((usize::from(size.ws_col), usize::from(size.ws_row)))
}

fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}
