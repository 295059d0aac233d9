//! Candidates in a text, in one pass, and what makes them findings.
//!
//! Digits and `@` are found by a table of bytes, secrets by an automaton of key words. Everything dearer (groups, check digits, words
//! nearby) is done for candidates only.

mod address;
mod chain;
mod checks;
mod context;
mod day;
mod hints;
mod mask;
mod number;
mod phone;
mod schemes;
mod secret;
mod settings;

pub(crate) use context::Context;
pub(crate) use hints::{Hint, last_hint};
pub(crate) use mask::masked;
pub(crate) use secret::is_hash_of_password;

use chain::{at, before};
use number::Place;

use crate::class::Class;

/// How sure a match is by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Certainty {
    /// A check digit passed and nothing else speaks for it: only if nearly the whole column passes.
    OnlyByColumn,
    /// Enough in running text; in a column of a table, only if many of its other values are the same.
    Likely,
    /// Enough.
    Certain,
}

/// Something found, by its place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) class: Class,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) certainty: Certainty,
}

/// Words longer than this are encoded data.
const WORD_BYTES_MAX: usize = 40;
/// Words of capital letters before the first digit that may belong to an identifier: `AB 12 34 56 C`.
const WORDS_BEFORE_MAX: usize = 2;

/// Shows everything that is found in a text, in no particular order and without overlaps but for [`Certainty::OnlyByColumn`].
pub(crate) fn find(text: &str, context: &Context, visit: &mut dyn FnMut(Match)) {
    let mut claimed = Vec::new();
    secret::find(text, &mut |found: Match| {
        claimed.push((found.start, found.end));
        visit(found);
    });
    claimed.sort_unstable();
    Pass {
        place: Place { text, context },
        claimed: &claimed,
        next_claimed: 0,
        done: 0,
    }
    .run(visit);
}

/// The pass over digits and signs.
struct Pass<'a> {
    place: Place<'a>,
    /// Where secrets are, ascending: the digits in them are nothing else.
    claimed: &'a [(usize, usize)],
    next_claimed: usize,
    /// Everything before this position is accounted for.
    done: usize,
}

impl Pass<'_> {
    fn run(&mut self, visit: &mut dyn FnMut(Match)) {
        let bytes = self.place.text.as_bytes();
        let mut position = 0;
        while let Some(skipped) = bytes
            .get(position..)
            .and_then(|rest| rest.iter().position(|byte| byte.is_ascii_digit() || *byte == b'@'))
        {
            position += skipped;
            if let Some(end) = self.claimed_until(position) {
                position = end.max(position + 1);
                self.done = position;
            } else if at(bytes, position) == b'@' {
                position = self.sign(position, visit);
            } else {
                position = self.digit(position, visit);
            }
        }
    }

    /// The end of the secret that a position lies in.
    fn claimed_until(&mut self, position: usize) -> Option<usize> {
        while let Some((start, end)) = self.claimed.get(self.next_claimed) {
            if position < *start {
                return None;
            }
            if position < *end {
                return Some(*end);
            }
            self.next_claimed += 1;
        }
        None
    }

    fn sign(&mut self, position: usize, visit: &mut dyn FnMut(Match)) -> usize {
        match address::find(self.place.text, position) {
            Some((start, end)) if start >= self.done => {
                visit(Match {
                    class: Class::EmailAddress,
                    start,
                    end,
                    certainty: Certainty::Certain,
                });
                self.done = end;
                end
            }
            _ => position + 1,
        }
    }

    /// Looks at the word around a digit. Tells where to go on.
    fn digit(&mut self, position: usize, visit: &mut dyn FnMut(Match)) -> usize {
        let bytes = self.place.text.as_bytes();
        let mut start = position;
        while start > self.done && position - start <= WORD_BYTES_MAX && before(bytes, start).is_ascii_alphanumeric() {
            start -= 1;
        }
        let mut end = position + 1;
        while at(bytes, end).is_ascii_alphanumeric() {
            end += 1;
        }
        if end - start > WORD_BYTES_MAX || is_small_number(bytes, start, end) {
            return end;
        }
        let found = self.number(start, visit).or_else(|| {
            if start != position {
                return None;
            }
            day::find(self.place, start, visit).or_else(|| phone::find(self.place, start, visit))
        });
        match found {
            Some(found_end) => {
                self.done = found_end;
                found_end.max(position + 1)
            }
            None => end,
        }
    }

    /// Tries the word, and the word with capital letters before it.
    fn number(&self, start: usize, visit: &mut dyn FnMut(Match)) -> Option<usize> {
        let found = number::find(self.place, start, visit);
        if found.is_some() {
            return found;
        }
        let bytes = self.place.text.as_bytes();
        let mut earlier = start;
        for _ in 0..WORDS_BEFORE_MAX {
            let Some(end) = earlier
                .checked_sub(1)
                .filter(|end| matches!(at(bytes, *end), b' ' | b'-') && *end > self.done)
            else {
                break;
            };
            let mut word = end;
            while word > self.done && end - word < 6 && before(bytes, word).is_ascii_uppercase() {
                word -= 1;
            }
            if word == end || before(bytes, word).is_ascii_alphanumeric() {
                break;
            }
            earlier = word;
            let found = number::find(self.place, earlier, visit);
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

/// A few digits with nothing joined on: in most texts, most numbers.
fn is_small_number(bytes: &[u8], start: usize, end: usize) -> bool {
    let next = at(bytes, end);
    let is_joined = matches!(
        next,
        b' ' | b'-' | b'.' | b',' | b'/' | b'(' | b')' | b's' | b'n' | b'r' | b't'
    ) || next >= 0x80;
    let is_digits = bytes.get(start..end).unwrap_or_default().iter().all(u8::is_ascii_digit);
    is_digits && end - start < 7 && !is_joined
}
