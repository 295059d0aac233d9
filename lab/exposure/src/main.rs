//! Figures of the breach monitor's stores: see `lab/exposure/run` and `lab/exposure/ingest`. Each command prints one object of JSON.
#![expect(clippy::print_stdout, reason = "a command whose output is its figures")]

mod breach;
mod cost;
mod hashes;
mod peers;
mod store;

use std::path::PathBuf;
use std::process::ExitCode;

use hashes::Order;

/// What any step can fail with.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("lab-exposure: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<serde_json::Value> {
    let path = |text: &str| PathBuf::from(text);
    match words {
        ["make", "mixed", count, file] => hashes::write(&path(file), count.parse()?, Order::Mixed),
        ["make", "sorted", count, file] => hashes::write(&path(file), count.parse()?, Order::Sorted),
        ["make", "dense", count, file] => hashes::write(&path(file), count.parse()?, Order::Dense),
        ["import", file, folder, memory] => store::import_file(&path(file), &path(folder), memory.parse()?),
        ["make-breach", shape, people, file] => breach::write(&path(file), people.parse()?, breach::Shape::named(shape)?),
        ["import-breach", file, folder] => breach::import(&path(file), &path(folder)),
        ["warm", folder, count] => store::warm(&path(folder), count.parse()?),
        ["cold", folder, count] => store::cold(&path(folder), count.parse()?),
        ["ranges", folder, count] => store::ranges(&path(folder), count.parse()?),
        ["peer", name, count, folder] => peers::measure(name, count.parse()?, &path(folder)),
        _ => Err(
            "make sorted|mixed|dense N FILE, import FILE FOLDER BYTES, warm|cold FOLDER N, ranges FOLDER RANGES, \
                  peer redb|fjall|sqlite N FOLDER, make-breach credentials|logs|table|dump|json N FILE, import-breach FILE FOLDER"
                .into(),
        ),
    }
}
