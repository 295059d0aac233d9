//! Ransom notes: small new text files that speak of it, or that lie in many folders with the same words.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::finding::Finding;
use super::touched::overview;
use crate::content::Kind;
use crate::disk::{Side, Tree};
use crate::report::What;

/// Notes are short, in bytes.
const NOTE_BYTES_MAX: u64 = 64 << 10;
/// What notes speak of, in lower case.
const PHRASES: &[&str] = &[
    ".onion",
    "bitcoin",
    "monero",
    "decrypt",
    "your files",
    "your data",
    "your network",
    "ransom",
    "private key",
    "unique id",
    "tor browser",
    "have been encrypted",
    "recover your",
    "leak",
];
/// What names of notes contain, in lower case.
const NAMES: &[&str] = &[
    "read",
    "recover",
    "restore",
    "decrypt",
    "how_to",
    "how to",
    "help",
    "ransom",
    "instruction",
];
/// The same text in so many folders is meant for everybody.
const FOLDERS_MIN: usize = 3;

/// Finds notes among the new files.
pub(crate) fn find_notes(after: &Side, tree: &Tree, findings: &mut [Finding]) {
    let mut texts: HashMap<u64, Vec<(usize, usize, bool)>> = HashMap::new();
    for (place, finding) in findings
        .iter()
        .enumerate()
        .filter(|(_, finding)| finding.what == What::Created)
    {
        let new = finding.new.and_then(|new| tree.node(new));
        let Some(new) = new.filter(|new| (1..=NOTE_BYTES_MAX).contains(&new.size_bytes)) else {
            continue;
        };
        let sample = overview(after, new);
        if sample.kind() != Some(Kind::Text) || sample.is_opaque() {
            continue;
        }
        let text = String::from_utf8_lossy(&sample.head).to_lowercase();
        let phrases = PHRASES.iter().filter(|phrase| text.contains(**phrase)).count();
        let name = String::from_utf8_lossy(tree.name(new)).to_lowercase();
        let is_named = NAMES.iter().any(|part| name.contains(part));
        let mut hasher = DefaultHasher::new();
        (&sample.head, new.size_bytes).hash(&mut hasher);
        texts
            .entry(hasher.finish())
            .or_default()
            .push((place, phrases, is_named));
    }
    for copies in texts.into_values() {
        for (place, phrases, is_named) in &copies {
            let is_everywhere = copies.len() >= FOLDERS_MIN;
            let weight = phrases + usize::from(*is_named) + usize::from(is_everywhere);
            let Some(finding) = findings.get_mut(*place).filter(|_| weight >= 2 && *phrases > 0) else {
                continue;
            };
            finding.what = What::Note;
            finding.new_kind = Some(Kind::Text);
            finding
                .evidence
                .push(format!("speaks of {phrases} things that ransom notes speak of"));
            if is_everywhere {
                finding
                    .evidence
                    .push(format!("the same text is in {} places", copies.len()));
            }
        }
    }
}
