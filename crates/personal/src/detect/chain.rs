//! Words of letters and digits joined by single separators, as identifiers are written: `4111 1111 1111 1111`, `85.07.30-033.28`.

/// More words than any identifier has.
const WORDS_MAX: usize = 10;
/// More letters and digits than any identifier has.
const COMPACT_MAX: usize = 40;

/// A run of words. Byte positions are those of the text.
#[derive(Debug)]
pub(crate) struct Chain {
    start: usize,
    count: usize,
    /// End of each word in the text.
    ends: [usize; WORDS_MAX],
    /// Letters and digits up to the end of each word.
    compact_ends: [usize; WORDS_MAX],
    /// What stands before each word, after the first: ` `, `-`, `.` or `/`.
    separators: [u8; WORDS_MAX],
    compact: [u8; COMPACT_MAX],
    /// The first word has small letters.
    pub(crate) has_lower_case: bool,
}

/// The first words of a chain, as a layout fits them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fit<'chain> {
    /// Where it ends in the text.
    pub(crate) end: usize,
    /// Its letters, in upper case, and digits.
    pub(crate) compact: &'chain [u8],
}

/// The byte at a position, 0 beyond the end.
pub(crate) fn at(bytes: &[u8], position: usize) -> u8 {
    bytes.get(position).copied().unwrap_or(0)
}

/// The byte before a position, 0 before the beginning.
pub(crate) fn before(bytes: &[u8], position: usize) -> u8 {
    position.checked_sub(1).map_or(0, |previous| at(bytes, previous))
}

/// The length of the separator at a position, and the byte that stands for it. Hard spaces are spaces, dashes are hyphens.
pub(crate) fn separator_at(bytes: &[u8], position: usize) -> Option<(usize, u8)> {
    match at(bytes, position) {
        byte @ (b' ' | b'-' | b'.' | b'/' | b'+') => Some((1, byte)),
        0xc2 if at(bytes, position + 1) == 0xa0 => Some((2, b' ')),
        0xe2 if at(bytes, position + 1) == 0x80 => match at(bytes, position + 2) {
            0x89 | 0xaf => Some((3, b' ')),
            0x90..=0x93 => Some((3, b'-')),
            _ => None,
        },
        _ => None,
    }
}

impl Chain {
    /// The chain that begins at `start`. None if what stands there isn't a word by itself.
    pub(crate) fn at(bytes: &[u8], start: usize) -> Option<Self> {
        let mut chain = Self {
            start,
            count: 0,
            ends: [0; WORDS_MAX],
            compact_ends: [0; WORDS_MAX],
            separators: [0; WORDS_MAX],
            compact: [0; COMPACT_MAX],
            has_lower_case: false,
        };
        let mut position = start;
        let mut separator = 0;
        while chain.push_word(bytes, position, separator) {
            let end = chain.end_of(chain.count.checked_sub(1)?)?;
            let Some((length, byte)) = separator_at(bytes, end) else {
                break;
            };
            separator = byte;
            position = end + length;
        }
        (chain.count > 0).then_some(chain)
    }

    /// Where it begins in the text.
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    fn end_of(&self, word: usize) -> Option<usize> {
        self.ends.get(word).copied()
    }

    /// Adds the word at `position`. False if there is none, or if it can't be a part of an identifier.
    fn push_word(&mut self, bytes: &[u8], position: usize, separator: u8) -> bool {
        let used = self
            .count
            .checked_sub(1)
            .and_then(|last| self.compact_ends.get(last))
            .copied()
            .unwrap_or(0);
        let mut length = 0;
        let mut has_lower_case = false;
        while at(bytes, position + length).is_ascii_alphanumeric() {
            let byte = at(bytes, position + length);
            let Some(slot) = self.compact.get_mut(used + length) else {
                return false;
            };
            *slot = byte.to_ascii_uppercase();
            has_lower_case |= byte.is_ascii_lowercase();
            length += 1;
        }
        let end = position + length;
        let is_joined = at(bytes, end) == b'_' || is_letter_beyond_ascii(bytes, end);
        if length == 0 || is_joined || (has_lower_case && self.count > 0) {
            return false;
        }
        let (Some(end_slot), Some(compact_end), Some(separator_slot)) = (
            self.ends.get_mut(self.count),
            self.compact_ends.get_mut(self.count),
            self.separators.get_mut(self.count),
        ) else {
            return false;
        };
        (*end_slot, *compact_end, *separator_slot) = (end, used + length, separator);
        self.has_lower_case |= has_lower_case;
        self.count += 1;
        true
    }

    /// Length of the first word.
    pub(crate) fn first_length(&self) -> usize {
        self.compact_ends.first().copied().unwrap_or(0)
    }

    /// Fits words of these lengths with one of these separators between them, and nothing joined to the last.
    pub(crate) fn fit(&self, bytes: &[u8], groups: &[u8], separators: &[u8]) -> Option<Fit<'_>> {
        let last = groups.len().checked_sub(1)?;
        if self.count <= last {
            return None;
        }
        let mut total = 0;
        for (word, group) in groups.iter().enumerate() {
            total += usize::from(*group);
            if self.compact_ends.get(word) != Some(&total)
                || (word > 0 && !separators.contains(self.separators.get(word)?))
            {
                return None;
            }
        }
        let end = self.end_of(last)?;
        let uniform = self.separators.get(1..=last).unwrap_or_default();
        let is_uniform = uniform.windows(2).all(|pair| pair.first() == pair.last());
        // Of several allowed separators one is used throughout, unless they are given in order by the layout's own mixture.
        if !is_uniform && !separators.contains(&b'*') {
            return None;
        }
        (!is_joined_behind(bytes, end)).then_some(Fit {
            end,
            compact: self.compact.get(..total)?,
        })
    }

    /// Fits the first words whose letters and digits come to `total`, with single spaces or nothing between them.
    pub(crate) fn fit_total(&self, bytes: &[u8], total: usize) -> Option<Fit<'_>> {
        for word in 0..self.count {
            if word > 0 && !matches!(self.separators.get(word), Some(b' ' | b'-')) {
                return None;
            }
            if self.compact_ends.get(word) == Some(&total) {
                let end = self.end_of(word)?;
                return (!is_joined_behind(bytes, end)).then_some(Fit {
                    end,
                    compact: self.compact.get(..total)?,
                });
            }
        }
        None
    }
}

/// A letter beyond ASCII stands at a position.
pub(crate) fn is_letter_beyond_ascii(bytes: &[u8], position: usize) -> bool {
    // In UTF-8 the letters of Europe's languages begin with these; E2 and C2 are punctuation and spaces.
    matches!(at(bytes, position), 0xc3..=0xdf)
}

/// A number that ends here goes on, and so is a part of something else: a range, a version, a path, an address.
pub(crate) fn is_joined_behind(bytes: &[u8], end: usize) -> bool {
    let next = at(bytes, end + 1);
    match at(bytes, end) {
        b'-' | b'/' | b'\\' => next.is_ascii_alphanumeric(),
        b'.' | b',' => next.is_ascii_digit(),
        b'@' | b'_' | b'%' | b'+' => true,
        _ => is_letter_beyond_ascii(bytes, end),
    }
}

/// A number that begins here has begun before.
pub(crate) fn is_joined_before(bytes: &[u8], start: usize) -> bool {
    let byte = before(bytes, start);
    let earlier = start.checked_sub(2).map_or(0, |position| at(bytes, position));
    match byte {
        b'-' | b'.' | b'/' | b'+' | b'&' | b'~' | b'?' => {
            earlier.is_ascii_alphanumeric() || byte == b'+' || earlier == b'/'
        }
        b':' | b',' => earlier.is_ascii_digit(),
        b'#' | b'$' | b'@' | b'%' | b'_' => true,
        // The end of a letter in UTF-8, or of a currency sign: E2 82 AC and C2 A3.
        0x80..=0xbf => start.checked_sub(2).is_some_and(|position| {
            matches!(at(bytes, position), 0xc3..=0xdf | 0x82)
                || (at(bytes, position) == 0xc2 && (0xa2..=0xa5).contains(&byte))
        }),
        _ => byte.is_ascii_alphanumeric(),
    }
}
