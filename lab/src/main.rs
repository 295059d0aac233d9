//! The lab's program: see `lab --help`.
#![expect(clippy::print_stdout, reason = "a command whose output is its figures")]

use std::process::ExitCode;

use clap::Parser as _;
use lab::command::Command;

fn main() -> ExitCode {
    match Command::parse().run() {
        Ok(figures) => {
            if !figures.is_empty() {
                println!("{figures}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("lab: {error}");
            ExitCode::FAILURE
        }
    }
}
