//! Documents made up from the program's own texts: letters, tables, reports, and packed ones.

use std::fmt::Write;

use super::archive;
use super::documents::{Document, Source};
use super::random::Choices;

/// Bytes of a document at least and at most.
const BYTES_LEAST: usize = 16 << 10;
const BYTES_MOST: usize = 512 << 10;
/// Documents of a folder.
const OF_FOLDER: usize = 24;
const SEED: u64 = 20_261_125;

/// Adds made-up documents until there are `files_least` of `bytes_least` in all; `bytes` is what there is already.
pub(super) fn add(documents: &mut Vec<Document>, texts: &str, files_least: usize, bytes_least: u64, bytes: u64) {
    let lines: Vec<&str> = texts.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut choices = Choices::new(SEED);
    let mut missing = bytes_least.saturating_sub(bytes);
    let mut number = 0;
    while missing > 0 {
        let files_missing = files_least.saturating_sub(documents.len()).max(1) as u64;
        let usual = (missing / files_missing) as usize;
        // From half to one and a half of what is usual.
        let length = (usual / 2 + choices.below(usual + 1)).clamp(BYTES_LEAST, BYTES_MOST);
        let document = document(number, length, &lines, &mut choices);
        missing = missing.saturating_sub(document.1.len().max(1) as u64);
        documents.push(Document {
            path: document.0,
            source: Source::Made(document.1),
        });
        number += 1;
    }
}

/// The path and content of a document of about `length` bytes.
fn document(number: usize, length: usize, lines: &[&str], choices: &mut Choices) -> (String, Vec<u8>) {
    let folder = number / OF_FOLDER + 1;
    match number % 4 {
        0 => (
            format!("letters/{folder:02}/letter-{number:04}.txt"),
            letter(length, lines, choices),
        ),
        1 => (
            format!("tables/{folder:02}/table-{number:04}.csv"),
            table(length, choices),
        ),
        2 => (
            format!("reports/{folder:02}/report-{number:04}.md"),
            letter(length, lines, choices),
        ),
        _ => {
            let table = table(length * 2, choices);
            // Compression in memory doesn't fail; if it did, the table would be kept as it is.
            let packed = archive::compress(&table).unwrap_or(table);
            (format!("tables/{folder:02}/table-{number:04}.csv.zst"), packed)
        }
    }
}

fn letter(length: usize, lines: &[&str], choices: &mut Choices) -> Vec<u8> {
    let mut text = String::with_capacity(length + 200);
    while text.len() < length {
        let line = choices
            .of(lines)
            .copied()
            .unwrap_or("the quick brown fox jumps over the lazy dog");
        text += line.trim();
        text.push(if choices.below(5) == 0 { '\n' } else { ' ' });
    }
    text.into_bytes()
}

fn table(length: usize, choices: &mut Choices) -> Vec<u8> {
    let mut text = "number,customer,pieces,price\n".to_owned();
    let mut number = 10_000;
    while text.len() < length {
        number += 1 + choices.below(3);
        let (customer, pieces, cents) = (choices.below(4_000), 1 + choices.below(40), choices.below(100_000));
        // Writing into a string doesn't fail.
        let _ = writeln!(
            text,
            "{number},C{customer:04},{pieces},{}.{:02}",
            cents / 100,
            cents % 100
        );
    }
    text.into_bytes()
}
