//! What became of a file's content, from a sample of it before and one after.
//!
//! Randomness alone is never evidence: archives, media and files that their owner encrypted are random too. What counts is that a
//! file's own kind is lost, that bytes are random where they weren't, or that nothing is left where programs leave something.

use sentinel::Look;

use super::kind::Kind;
use super::sample::{Sample, is_random};
use super::text;

/// Pieces are compared in units of a cipher's block.
const UNIT_BYTES: usize = 16;
/// Text whose letters tell less of their neighbours than before by this factor has lost its words. Measured on pieces of 4096 bytes: 5.5
/// and more where letters were drawn at random, 4.3 and less between any two texts of the lab's corpus.
const SCRAMBLED_FACTOR: f64 = 5.0;
const SCRAMBLED_BYTES_MIN: usize = 2048;
/// So many more different values in 256 bytes are a step towards random.
const DISTINCT_STEP: u8 = 25;
/// Smaller text files change in all of their bytes without an attack: a counter, a lock.
const SMALL_BYTES: u64 = 64;
/// A file of which so much changed was encrypted as a whole.
const WHOLE_PERCENT: u64 = 85;

/// How the new content came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Written over the old, in the same file.
    InPlace {
        /// The file system's own record of the file (size, times) is the same: nobody wrote through it.
        is_beneath: bool,
        /// Blocks that were changed, and all.
        changed_blocks: u64,
        /// Blocks of the file.
        blocks: u64,
    },
    /// Another file that has taken the old one's place.
    Replaced,
}

/// What became of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is as it was.
    Intact,
    /// It was changed as programs do.
    Changed,
    /// It is gone, with random bytes in its place.
    Encrypted,
    /// A part of it is.
    PartlyEncrypted,
    /// It is gone, with one value in its place.
    Wiped,
    /// The file is empty.
    Truncated,
}

/// A verdict and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    /// Not evidence enough alone: only where many files were damaged at the same time.
    pub(crate) needs_company: bool,
    pub(crate) old_kind: Option<Kind>,
    pub(crate) new_kind: Option<Kind>,
    pub(crate) evidence: Vec<String>,
}

/// What became of one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Same,
    /// One value throughout.
    Emptied,
    /// Random, or random in part, where it wasn't.
    Randomised,
    /// Random bytes dressed as text.
    Dressed,
    /// Text without its words.
    Scrambled,
    /// Nothing left; it may be anything.
    Replaced,
    Edited,
}

#[derive(Clone, Copy, Debug, Default)]
struct Turns {
    compared: usize,
    differing: usize,
    emptied: usize,
    randomised: usize,
    dressed: usize,
    scrambled: usize,
    replaced: usize,
    /// Replaced or random pieces, neither the first nor among the last two.
    in_the_midst: usize,
    head_differs: bool,
    /// Something of the old bytes is where it was.
    some_left: bool,
}

impl Turns {
    const fn strong(&self) -> usize {
        self.randomised + self.dressed + self.scrambled
    }
}

/// Compares two samples of what is, or was, one file's content.
pub(crate) fn judge(old: &Sample, new: &Sample, origin: Origin) -> Judgement {
    let turns = compare(old, new);
    let mut judgement = Judgement {
        verdict: Verdict::Changed,
        needs_company: false,
        old_kind: old.kind(),
        // Random bytes dressed as text are no kind of content.
        new_kind: new
            .kind()
            .filter(|kind| *kind != Kind::Text || !new.is_opaque() || old.is_opaque()),
        evidence: Vec::new(),
    };
    if turns.differing == 0 && !turns.head_differs && old.size_bytes == new.size_bytes {
        judgement.verdict = Verdict::Intact;
        return judgement;
    }
    if new.size_bytes == 0 && old.size_bytes > 0 {
        judgement.verdict = Verdict::Truncated;
        judgement.needs_company = true;
        judgement.evidence.push(format!("{} bytes, now empty", old.size_bytes));
        return judgement;
    }
    if is_wiped(&turns, &judgement) {
        judgement.verdict = Verdict::Wiped;
        judgement.evidence.push(format!(
            "{} of {} pieces looked at hold one value throughout, which they didn't",
            turns.emptied, turns.compared
        ));
        return judgement;
    }
    let evidence = encryption(old, new, origin, &turns, &mut judgement);
    if evidence.is_empty() {
        return judgement;
    }
    judgement.verdict = match origin {
        Origin::InPlace {
            changed_blocks, blocks, ..
        } if changed_blocks.saturating_mul(100) < blocks.saturating_mul(WHOLE_PERCENT) => Verdict::PartlyEncrypted,
        _ => Verdict::Encrypted,
    };
    judgement.evidence = evidence;
    judgement.evidence.push(format!(
        "{:.2} bits of entropy per byte, {:.2} before",
        entropy(new),
        entropy(old)
    ));
    judgement
}

/// Evidence of encryption; empty if there is none.
fn encryption(old: &Sample, new: &Sample, origin: Origin, turns: &Turns, judgement: &mut Judgement) -> Vec<String> {
    let mut evidence = Vec::new();
    let is_same_size = old.size_bytes == new.size_bytes;
    let is_in_place = matches!(origin, Origin::InPlace { .. });
    match (judgement.old_kind, judgement.new_kind) {
        (Some(kind), None) => {
            // A program never destroys the first bytes of its format and leaves the rest.
            let is_damage = turns.strong() > 0
                || new.is_opaque()
                || is_in_place && turns.some_left
                || is_same_size
                || kind == Kind::Text && new.is_broken_text();
            if is_damage {
                evidence.push(format!("was {}, is of no known kind", with_article(kind.name())));
            }
        }
        (Some(Kind::Text), Some(Kind::Text)) => {
            let is_broken = is_in_place && is_same_size && text::is_utf8(&old.head) && !text::is_utf8(&new.head);
            evidence.extend(is_broken.then(|| "was UTF-8, is broken".to_owned()));
            evidence.extend(text_lost(old, turns, is_in_place && is_same_size));
        }
        (Some(kind), Some(_)) => evidence.extend(broken_within(kind, turns, is_in_place, is_same_size, judgement)),
        (None, _) => {
            if turns.strong() * 2 >= turns.differing.max(1) && judgement.new_kind.is_none() {
                evidence.push("random where it wasn't".to_owned());
            } else if is_in_place && is_same_size && turns.replaced == turns.compared && turns.replaced > 0 {
                judgement.needs_company = true;
                evidence.push("random before and after, with nothing left".to_owned());
            }
        }
    }
    if let Origin::InPlace { is_beneath: true, .. } = origin
        && turns.strong() + turns.replaced > 0
    {
        judgement.needs_company = false;
        evidence.push("changed on the disk, but not through the file system: its times are as before".to_owned());
    }
    if !evidence.is_empty() {
        evidence.extend(counted(turns));
    }
    evidence
}

fn text_lost(old: &Sample, turns: &Turns, is_over_the_old: bool) -> Option<String> {
    if turns.strong() > 0 {
        return Some("text that lost its words".to_owned());
    }
    // Whoever edits a text changes its length, or leaves most of it.
    let is_replaced = turns.replaced == turns.compared && turns.replaced > 0;
    (is_over_the_old && is_replaced && old.size_bytes >= SMALL_BYTES)
        .then(|| "nothing of the text is left, at the same size".to_owned())
}

/// The head is as it was: what about the rest?
fn broken_within(
    kind: Kind,
    turns: &Turns,
    is_in_place: bool,
    is_same_size: bool,
    judgement: &mut Judgement,
) -> Option<String> {
    if !is_in_place || judgement.new_kind != Some(kind) || turns.differing == 0 {
        return None;
    }
    if kind.is_written_whole() && is_same_size && !turns.head_differs && turns.in_the_midst > 0 {
        return Some(format!(
            "changed in its midst, though programs write {} as a whole",
            with_article(kind.name())
        ));
    }
    if turns.strong() * 2 > turns.differing {
        // Disks of machines and databases are changed in place, and a guest may well write random bytes.
        judgement.needs_company = true;
        return Some("random where it wasn't".to_owned());
    }
    None
}

fn counted(turns: &Turns) -> Option<String> {
    (turns.strong() > 0).then(|| {
        format!(
            "{} of {} changed pieces looked at became random",
            turns.strong(),
            turns.differing
        )
    })
}

fn with_article(name: &str) -> String {
    match name.chars().next() {
        _ if name == "text" => name.to_owned(),
        Some('a' | 'e' | 'i' | 'o' | 'u' | 'A' | 'E' | 'I' | 'O') => format!("an {name}"),
        _ => format!("a {name}"),
    }
}

/// Programs empty parts of files, but neither their first bytes nor nearly all.
const fn is_wiped(turns: &Turns, judgement: &Judgement) -> bool {
    let is_lost = judgement.old_kind.is_some() && judgement.new_kind.is_none();
    turns.emptied > 0
        && (is_lost && turns.emptied * 10 >= turns.differing * 6 || turns.emptied * 10 >= turns.compared * 9)
}

fn compare(old: &Sample, new: &Sample) -> Turns {
    let mut turns = Turns::default();
    let common = old.head.len().min(new.head.len());
    let head = |sample: &Sample| sample.head.get(..common.min(64)).unwrap_or_default().to_vec();
    turns.head_differs = head(old) != head(new);
    let count = old.pieces.len();
    for (number, (offset, before)) in old.pieces.iter().enumerate() {
        let Some(after) = new.at(*offset) else { continue };
        let length = before.len().min(after.len());
        let (before, after) = (
            before.get(..length).unwrap_or_default(),
            after.get(..length).unwrap_or_default(),
        );
        let (turn, left) = turn_of(before, after);
        turns.compared += 1;
        turns.some_left |= left > 0;
        if turn != Turn::Same {
            turns.differing += 1;
        }
        match turn {
            Turn::Emptied => turns.emptied += 1,
            Turn::Randomised => turns.randomised += 1,
            Turn::Dressed => turns.dressed += 1,
            Turn::Scrambled => turns.scrambled += 1,
            Turn::Replaced => turns.replaced += 1,
            Turn::Same | Turn::Edited => {}
        }
        let is_unrecognisable = matches!(turn, Turn::Randomised | Turn::Replaced | Turn::Emptied);
        if is_unrecognisable && *offset > 0 && number + 2 < count {
            turns.in_the_midst += 1;
        }
    }
    turns
}

/// What became of a piece, and how many per cent of its units are as they were.
fn turn_of(before: &[u8], after: &[u8]) -> (Turn, usize) {
    if before == after {
        return (Turn::Same, 100);
    }
    if is_constant(after) && !is_constant(before) {
        return (Turn::Emptied, 0);
    }
    let (old_units, new_units, left) = differing_units(before, after);
    // What is written to free space takes nothing away: preallocated files, disks of machines.
    if is_constant(before) {
        return (Turn::Edited, left);
    }
    if text::is_piece_of_text(before) {
        return (text_turn(before, after, &new_units, left), left);
    }
    let is_gone = left <= 2;
    let turn = match () {
        () if is_random(after) && !is_random(before) => Turn::Randomised,
        () if is_gone && Look::at(after).distinct >= Look::at(before).distinct.saturating_add(DISTINCT_STEP) => {
            Turn::Randomised
        }
        () if is_gone => Turn::Replaced,
        () if new_units.len() >= 64 && is_random(&new_units) && !is_random(&old_units) => Turn::Randomised,
        () => Turn::Edited,
    };
    (turn, left)
}

fn text_turn(before: &[u8], after: &[u8], new_units: &[u8], left: usize) -> Turn {
    if !text::is_piece_of_text(after) {
        return if is_random(new_units) {
            Turn::Randomised
        } else {
            Turn::Edited
        };
    }
    if text::is_opaque(after) && !text::is_opaque(before) {
        return Turn::Dressed;
    }
    if left > 2 {
        return Turn::Edited;
    }
    let is_long = after.len() >= SCRAMBLED_BYTES_MIN;
    if is_long && text::coherence(after) * SCRAMBLED_FACTOR <= text::coherence(before) {
        Turn::Scrambled
    } else {
        Turn::Replaced
    }
}

fn is_constant(bytes: &[u8]) -> bool {
    bytes
        .first()
        .is_some_and(|first| bytes.iter().all(|byte| byte == first))
}

/// The units that differ, old and new, and how many per cent of those that aren't empty are equal.
fn differing_units(before: &[u8], after: &[u8]) -> (Vec<u8>, Vec<u8>, usize) {
    let (mut old_units, mut new_units) = (Vec::new(), Vec::new());
    let (mut equal, mut count) = (0, 0);
    for (old, new) in before.chunks(UNIT_BYTES).zip(after.chunks(UNIT_BYTES)) {
        if old != new {
            old_units.extend_from_slice(old);
            new_units.extend_from_slice(new);
            count += 1;
        } else if !is_constant(old) {
            equal += 1;
            count += 1;
        }
    }
    (old_units, new_units, equal * 100 / count.max(1))
}

/// Shannon's entropy of all that was read, in bits per byte.
fn entropy(sample: &Sample) -> f64 {
    let mut counts = [0_u64; 256];
    let pieces = sample.pieces.iter().flat_map(|(_, piece)| piece);
    for byte in pieces.chain(&sample.head) {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total = counts.iter().sum::<u64>().max(1) as f64;
    let bits = |count: &u64| {
        let share = *count as f64 / total;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(bits).sum()
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
