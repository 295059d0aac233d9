//! What a block's bytes look like, from a sample of them.
//!
//! Of 256 bytes taken evenly from a block, the number of different values is counted. For random bytes it is
//! 256 (1 - (1 - 1/256)^256) = 162 on average with a standard deviation of 5; for text about 45, for programs 80, for
//! deflated data 160.4. Of one block that tells random from structured; of the average over some hundred blocks, also
//! ciphertext from most compressed data. Counting different values needs one store per byte and no addition that waits
//! for another, which is why it is preferred to an entropy: both order blocks alike.

/// Bytes taken from a block.
const SAMPLE_BYTES: usize = 256;
/// Bytes taken at one place. Short, so that encryption of every other 16 bytes is met in every block.
const PIECE_BYTES: usize = 16;
/// From so many different values on, bytes are taken for random: three standard deviations below the mean.
const RANDOM_DISTINCT: u16 = 147;

/// What kind of bytes a block holds, in the order of the numbers stored in the volume's map. At most 15.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Class {
    /// Nothing is known.
    #[default]
    Unknown = 0,
    /// One value throughout: zeros, as a rule.
    Constant = 1,
    /// ASCII text.
    Text = 2,
    /// Random bytes dressed as text: Base64, hexadecimal.
    Armoured = 3,
    /// Few different values.
    Sparse = 4,
    /// Programs, tables, database pages.
    Structured = 5,
    /// Many different values; text of which a part is random.
    Rich = 6,
    /// Nearly random: media, compressed data with headers, partly encrypted.
    Mixed = 7,
    /// As good as random: compressed or encrypted.
    Random = 8,
}

impl Class {
    /// From the number stored in the map; unknown numbers are [`Class::Unknown`].
    #[must_use]
    pub const fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Constant,
            2 => Self::Text,
            3 => Self::Armoured,
            4 => Self::Sparse,
            5 => Self::Structured,
            6 => Self::Rich,
            7 => Self::Mixed,
            8 => Self::Random,
            _ => Self::Unknown,
        }
    }

    /// How random, from 0 to 5; `None` where nothing is known or one value is all there is.
    #[must_use]
    pub(crate) const fn randomness(self) -> Option<u8> {
        match self {
            Self::Unknown | Self::Constant => None,
            Self::Text | Self::Sparse => Some(1),
            Self::Armoured | Self::Structured => Some(2),
            Self::Rich => Some(3),
            Self::Mixed => Some(4),
            Self::Random => Some(5),
        }
    }
}

/// What a look at a block's bytes showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The kind of bytes.
    pub class: Class,
    /// Different values among the 256 bytes sampled.
    pub distinct: u8,
}

impl Look {
    /// Looks at a block (4096 bytes; any length is looked at as well as it can be).
    #[must_use]
    pub fn at(block: &[u8]) -> Self {
        let mut seen = [0_u8; 256];
        let mut all_bits = 0_u8;
        let mut all_pieces = 0_u128;
        // One array of 256 and an index of a byte: always within.
        let mut note = |byte: &u8| {
            if let Some(slot) = seen.get_mut(usize::from(*byte)) {
                *slot = 1;
            }
        };
        let pieces = SAMPLE_BYTES / PIECE_BYTES;
        let step = (block.len() / pieces).max(PIECE_BYTES);
        for (number, part) in block.chunks(step).take(pieces).enumerate() {
            // Not always at the same place of its part: encryption of every other piece must not be missed.
            let start = (number * 7 % pieces * PIECE_BYTES).min(part.len().saturating_sub(PIECE_BYTES));
            let piece: Option<&[u8; PIECE_BYTES]> = part.get(start..).and_then(<[u8]>::first_chunk);
            // A piece of known length takes half the time.
            if let Some(piece) = piece {
                piece.iter().for_each(&mut note);
                all_pieces |= u128::from_le_bytes(*piece);
            } else {
                part.iter().for_each(&mut note);
                part.iter().for_each(|byte| all_bits |= byte);
            }
        }
        all_pieces.to_le_bytes().iter().for_each(|bits| all_bits |= bits);
        // In sixteens, which the compiler makes vectors of.
        let sixteens = seen.chunks_exact(16).map(|part| part.iter().sum::<u8>());
        let distinct: u16 = sixteens.map(u16::from).sum();
        let class = if all_bits < 0x80 && distinct > 1 {
            ascii_class(&seen, distinct)
        } else {
            class_by_count(distinct)
        };
        Self {
            class,
            distinct: distinct.min(255) as u8,
        }
    }
}

const fn class_by_count(distinct: u16) -> Class {
    match distinct {
        0 => Class::Unknown,
        1 => Class::Constant,
        2..60 => Class::Sparse,
        60..100 => Class::Structured,
        100..130 => Class::Rich,
        130..RANDOM_DISTINCT => Class::Mixed,
        RANDOM_DISTINCT.. => Class::Random,
    }
}

/// Text, or random bytes dressed as text: almost all of the 64 digits of Base64 (or all 16 of hexadecimal), and hardly
/// anything else.
fn ascii_class(seen: &[u8; 256], distinct: u16) -> Class {
    let count = |range: core::ops::RangeInclusive<u8>| -> u16 {
        let part = seen.get(usize::from(*range.start())..=usize::from(*range.end()));
        part.unwrap_or_default().iter().map(|slot| u16::from(*slot)).sum()
    };
    let digits = count(b'0'..=b'9');
    let (upper, lower) = (count(b'A'..=b'Z'), count(b'a'..=b'z'));
    let others = distinct - digits - upper - lower;
    let hex_letters = count(b'A'..=b'F').max(count(b'a'..=b'f'));
    let is_base64 = digits >= 9 && upper >= 23 && lower >= 23 && others <= 5;
    let is_hex = digits == 10 && hex_letters == 6 && upper + lower == 6 && others <= 2;
    match () {
        () if is_base64 || is_hex => Class::Armoured,
        () if seen.first() != Some(&0) => class_by_count(distinct),
        () => Class::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The generator of Steele and others' SplitMix64: random enough, and without a dependency.
    fn noise(seed: u64) -> [u8; 4096] {
        let mut state = seed;
        let mut block = [0; 4096];
        for piece in block.chunks_mut(8) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            piece.copy_from_slice(&(word ^ (word >> 31)).to_le_bytes()[..piece.len()]);
        }
        block
    }

    fn text() -> [u8; 4096] {
        let words = b"The quick brown fox jumps over the lazy dog, and nobody in the office was surprised.\n";
        core::array::from_fn(|index| words[index % words.len()])
    }

    #[test]
    fn random_bytes_look_random() {
        let looks: [Look; 200] = core::array::from_fn(|seed| Look::at(&noise(seed as u64 * 977)));
        let random = looks.iter().filter(|look| look.class == Class::Random).count();
        assert!(random >= 197, "{random} of 200");
        let mean = looks.iter().map(|look| u32::from(look.distinct)).sum::<u32>() / 200;
        assert!((161..=163).contains(&mean), "{mean}");
    }

    #[test]
    fn what_is_not_random_does_not_look_so() {
        assert_eq!(Look::at(&[0; 4096]).class, Class::Constant);
        assert_eq!(Look::at(&[7; 4096]).class, Class::Constant);
        assert_eq!(Look::at(&text()).class, Class::Text);
        assert_eq!(Look::at(&[]).class, Class::Unknown);
        let counter: [u8; 4096] = core::array::from_fn(|index| if index % 4 == 0 { (index / 4) as u8 } else { 0 });
        assert!(Look::at(&counter).class <= Class::Structured);
    }

    #[test]
    fn random_bytes_dressed_as_text_are_told_from_text() {
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let base64: [u8; 4096] = noise(1).map(|byte| digits[usize::from(byte & 63)]);
        assert_eq!(Look::at(&base64).class, Class::Armoured);
        let hex: [u8; 4096] = noise(2).map(|byte| b"0123456789abcdef"[usize::from(byte & 15)]);
        assert_eq!(Look::at(&hex).class, Class::Armoured);
    }

    #[test]
    fn encryption_of_every_other_16_bytes_is_seen() {
        let noise = noise(3);
        let mixed: [u8; 4096] = core::array::from_fn(|index| {
            if index / 16 % 2 == 0 {
                noise[index]
            } else {
                text()[index]
            }
        });
        let (plain, half) = (Look::at(&text()).class, Look::at(&mixed).class);
        assert!(
            half.randomness() >= plain.randomness().map(|level| level + 1),
            "{plain:?} {half:?}"
        );
    }
}
