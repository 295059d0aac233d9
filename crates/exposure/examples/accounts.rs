//! How fast breaches are imported and accounts are looked up, and how large they are on the disk: made-up addresses and passwords.
//!
//!   cargo run --release -p exposure --example accounts -- FOLDER [LINES]

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement prints what it measured, and ends if it fails"
)]

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use exposure::accounts::{Accounts, AccountsWriter};
use exposure::address::Identity;
use exposure::ingest::{About, Import, MEMORY_BYTES};

/// Lookups of each kind.
const LOOKUPS: u64 = 200_000;

fn address(number: u64) -> String {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!("{:x}.{number}@mail{}.example.com", mixed >> 52, (mixed >> 40) % 5000)
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("usage: accounts FOLDER [LINES]");
    let lines: u64 = arguments.next().map_or(1_000_000, |lines| lines.parse().unwrap());
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder).unwrap();
    let source = folder.join("source.txt");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&source).unwrap());
    for number in 0..lines {
        writeln!(out, "{}:password{}", address(number), number % 100_000).unwrap();
    }
    out.flush().unwrap();
    let monitor = folder.join("exposure");
    let import = Import {
        paths: vec![source],
        about: About::parse("name = 'Synthetic'").unwrap(),
        memory_bytes: MEMORY_BYTES,
        now: 0,
    };
    let begun = Instant::now();
    let mut read = 0.0;
    let mut writer = AccountsWriter::open(&monitor).unwrap();
    let imported = import
        .run(&mut writer, &mut |_, _| ControlFlow::Continue(()), &mut |_| {
            read = begun.elapsed().as_secs_f64();
            Ok(())
        })
        .unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    let lines_f64 = imported.counts.records as f64;
    println!(
        "{lines} lines: read and sorted in {read:.1} s, loaded in {seconds:.1} s: {:.2} million lines a second",
        lines_f64 / seconds / 1e6
    );
    sizes(&monitor, imported.loaded.accounts);
    lookups(&monitor, lines);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap());
    let begun = Instant::now();
    writer.erase(&[address(lines / 2)], 0).unwrap();
    println!("one person erased in {:.1} s", begun.elapsed().as_secs_f64());
}

fn sizes(monitor: &Path, accounts: u64) {
    for entry in std::fs::read_dir(monitor.join("accounts")).unwrap() {
        let entry = entry.unwrap();
        let bytes = entry.metadata().unwrap().len();
        println!(
            "{}: {:.1} bytes an account",
            entry.file_name().display(),
            bytes as f64 / accounts as f64
        );
    }
}

fn lookups(monitor: &Path, lines: u64) {
    let accounts = Accounts::open(monitor).unwrap();
    for (name, offset) in [("present", 0), ("absent", lines)] {
        let identities: Vec<_> = (0..LOOKUPS)
            .map(|number| Identity::of(&address(offset + number * 7919 % lines)))
            .collect();
        let begun = Instant::now();
        let found = identities
            .iter()
            .filter(|identity| !accounts.breaches_of(**identity).unwrap().is_empty())
            .count();
        println!(
            "{name}: {:.2} us a lookup, {found} of {LOOKUPS} found",
            begun.elapsed().as_secs_f64() * 1e6 / LOOKUPS as f64
        );
    }
    let begun = Instant::now();
    let mut members = 0;
    accounts.domain("mail77.example.com", &mut |_, _| members += 1).unwrap();
    println!(
        "a domain of {members} addresses: {:.0} us",
        begun.elapsed().as_secs_f64() * 1e6
    );
}
