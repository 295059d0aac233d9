//! The display where there is no terminal: lines of text, or of JSON.

use std::io::{self, Write};

use super::report::{Report, Step};
use super::show::{Live, Scene, Show};
use super::words;

/// Lines of text.
pub(super) struct Lines;

impl Show for Lines {
    fn is_live(&self) -> bool {
        false
    }

    fn scene(&mut self, scene: Scene) {
        // A reader that went away is noticed at the scene's end.
        let _ = print(&format!(
            "\n{}. {}\n   {}\n",
            scene.number(),
            scene.title(),
            scene.meaning()
        ));
    }

    fn live(&mut self, _: &Live<'_>) -> io::Result<()> {
        Ok(())
    }

    fn step(&mut self, _: Scene, step: &Step) -> io::Result<()> {
        words::of_step(step)
            .iter()
            .try_for_each(|line| print(&format!("   {line}\n")))
    }

    fn report(&mut self, report: &Report) -> io::Result<()> {
        print(&format!("\n{}\n", words::of_report(report).join("\n")))
    }
}

/// A JSON object a line.
pub(super) struct Json;

impl Show for Json {
    fn is_live(&self) -> bool {
        false
    }

    fn scene(&mut self, _: Scene) {}

    fn live(&mut self, _: &Live<'_>) -> io::Result<()> {
        Ok(())
    }

    fn step(&mut self, _: Scene, step: &Step) -> io::Result<()> {
        print(&(serde_json::to_string(step)? + "\n"))
    }

    fn report(&mut self, report: &Report) -> io::Result<()> {
        print(&(serde_json::to_string(report)? + "\n"))
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}
