//! Text in the form in which names are compared: words in lower case, without accents and legal forms.

/// Words at most that are looked at in one text: a post isn't a book.
const WORDS_MAX: usize = 20_000;

/// Words that say which kind of company it is, and nothing of which company. Dots and slashes in them are gone (`S.p.A.`, `A/S`).
const LEGAL_FORMS: [&str; 70] = [
    "ab",
    "ag",
    "aktiengesellschaft",
    "and",
    "aps",
    "as",
    "asa",
    "bhd",
    "bv",
    "co",
    "company",
    "corp",
    "corporation",
    "cv",
    "dd",
    "doo",
    "eg",
    "ev",
    "gbr",
    "gesmbh",
    "ggmbh",
    "gmbh",
    "inc",
    "incorporated",
    "jsc",
    "kft",
    "kg",
    "kgaa",
    "kk",
    "limited",
    "llc",
    "llp",
    "lp",
    "ltd",
    "ltda",
    "mbh",
    "nv",
    "ohg",
    "ood",
    "oy",
    "oyj",
    "pjsc",
    "plc",
    "private",
    "pte",
    "pty",
    "pvt",
    "sa",
    "sab",
    "sarl",
    "sas",
    "scrl",
    "sdn",
    "se",
    "sl",
    "slu",
    "snc",
    "sp",
    "spa",
    "spol",
    "sprl",
    "srl",
    "sro",
    "tbk",
    "the",
    "ug",
    "und",
    "zoo",
    "zrt",
    "sae",
];

/// A word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// In lower case, accents taken off (`muller`).
    pub(super) plain: String,
    /// In lower case, umlauts written out (`mueller`).
    pub(super) spelt: String,
    /// As it was written.
    pub(super) written: String,
}

impl Word {
    /// Whether two words are the same however their accents are written.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.plain == other.plain || self.spelt == other.spelt || self.plain == other.spelt || self.spelt == other.plain
    }

    fn is_legal_form(&self) -> bool {
        LEGAL_FORMS.contains(&self.plain.as_str())
    }
}

/// The words of a text. Apostrophes and single dots in abbreviations are no ends of words; an ampersand between letters isn't either
/// (`AT&T`), and alone it is `and`.
pub(super) fn words(text: &str) -> Vec<Word> {
    let characters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut word = String::new();
    for (index, &character) in characters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| characters.get(index)).copied();
        let after = characters.get(index + 1).copied();
        if character.is_alphanumeric() || is_mark(character) {
            word.push(character);
        } else if is_inside(character, &word, before, after, characters.get(index + 2).copied()) {
            if character == '&' {
                word.push('&');
            }
        } else {
            push(&mut found, &mut word);
            if character == '&' {
                found.push(word_of("and"));
            }
        }
        if found.len() >= WORDS_MAX {
            return found;
        }
    }
    push(&mut found, &mut word);
    found
}

/// Whether a character that is no letter stands inside a word.
fn is_inside(character: char, word: &str, before: Option<char>, after: Option<char>, next: Option<char>) -> bool {
    let is_letter = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
    match character {
        '\'' | '\u{2019}' | '\u{b4}' | '`' => is_letter(before) && is_letter(after),
        '&' => is_letter(before) && is_letter(after),
        // Initials: a dot (or the slash of `A/S`) behind a single letter, and before one.
        '.' | '/' => {
            let is_initial = word.chars().count() == 1 || is_initials(word);
            is_initial && is_letter(after) && !is_letter(next)
        }
        _ => false,
    }
}

/// Whether what was gathered came from initials; those gather only single letters, so it is short.
fn is_initials(word: &str) -> bool {
    word.chars().count() <= 3 && word.chars().all(char::is_alphabetic)
}

/// Accents that stand behind their letter.
const fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}')
}

fn push(found: &mut Vec<Word>, word: &mut String) {
    if !word.is_empty() {
        found.push(word_of(word));
        word.clear();
    }
}

fn word_of(written: &str) -> Word {
    let (mut plain, mut spelt) = (String::new(), String::new());
    for character in written
        .chars()
        .filter(|character| !is_mark(*character))
        .flat_map(char::to_lowercase)
    {
        let (bare, long) = folded(character);
        if bare.is_empty() {
            plain.push(character);
            spelt.push(character);
        } else {
            plain.push_str(bare);
            spelt.push_str(long);
        }
    }
    Word {
        plain,
        spelt,
        written: written.to_owned(),
    }
}

/// A letter without its accent, and how it is written where there are no accents; nothing for a letter that has none.
const fn folded(letter: char) -> (&'static str, &'static str) {
    match letter {
        '\u{e4}' => ("a", "ae"),
        '\u{f6}' | '\u{f8}' => ("o", "oe"),
        '\u{fc}' => ("u", "ue"),
        '\u{e5}' => ("a", "aa"),
        '\u{df}' => ("ss", "ss"),
        '\u{e6}' => ("ae", "ae"),
        '\u{153}' => ("oe", "oe"),
        '\u{fe}' => ("th", "th"),
        '\u{e0}'..='\u{e3}' | '\u{101}' | '\u{103}' | '\u{105}' => ("a", "a"),
        '\u{e7}' | '\u{107}' | '\u{109}' | '\u{10b}' | '\u{10d}' => ("c", "c"),
        '\u{f0}' | '\u{10f}' | '\u{111}' => ("d", "d"),
        '\u{e8}'..='\u{eb}' | '\u{113}' | '\u{115}' | '\u{117}' | '\u{119}' | '\u{11b}' => ("e", "e"),
        '\u{11d}' | '\u{11f}' | '\u{121}' | '\u{123}' => ("g", "g"),
        '\u{125}' | '\u{127}' => ("h", "h"),
        '\u{ec}'..='\u{ef}' | '\u{129}' | '\u{12b}' | '\u{12d}' | '\u{12f}' | '\u{131}' => ("i", "i"),
        '\u{135}' => ("j", "j"),
        '\u{137}' => ("k", "k"),
        '\u{13a}' | '\u{13c}' | '\u{13e}' | '\u{142}' => ("l", "l"),
        '\u{f1}' | '\u{144}' | '\u{146}' | '\u{148}' => ("n", "n"),
        '\u{f2}'..='\u{f5}' | '\u{14d}' | '\u{14f}' | '\u{151}' => ("o", "o"),
        '\u{155}' | '\u{157}' | '\u{159}' => ("r", "r"),
        '\u{15b}' | '\u{15d}' | '\u{15f}' | '\u{161}' | '\u{219}' => ("s", "s"),
        '\u{163}' | '\u{165}' | '\u{21b}' => ("t", "t"),
        '\u{f9}'..='\u{fb}' | '\u{169}' | '\u{16b}' | '\u{16d}' | '\u{16f}' | '\u{171}' | '\u{173}' => ("u", "u"),
        '\u{175}' => ("w", "w"),
        '\u{fd}' | '\u{ff}' | '\u{177}' => ("y", "y"),
        '\u{17a}' | '\u{17c}' | '\u{17e}' => ("z", "z"),
        _ => ("", ""),
    }
}

/// The words of a name without legal forms before and behind it; empty if there is nothing else.
pub(super) fn core(words: &[Word]) -> &[Word] {
    let mut rest = words;
    while let Some((last, before)) = rest.split_last()
        && last.is_legal_form()
    {
        rest = before;
    }
    while let Some((first, behind)) = rest.split_first()
        && first.is_legal_form()
    {
        rest = behind;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.plain).collect()
    }

    #[test]
    fn words_are_found_whatever_stands_between_them() {
        for (text, expected) in [
            ("Marks & Spencer plc", "marks and spencer plc"),
            ("AT&T Inc.", "at&t inc"),
            ("Sainsbury's", "sainsburys"),
            ("L\u{2019}Or\u{e9}al S.A.", "loreal sa"),
            ("Eni S.p.A.", "eni spa"),
            ("Novo Nordisk A/S", "novo nordisk as"),
            ("Stra\u{df}e-M\u{fc}ller_Gmbh", "strasse muller gmbh"),
            ("Mu\u{308}ller", "muller"),
            ("booking.com", "booking com"),
            ("  ", ""),
            (
                "\u{41c}\u{41e}\u{421}\u{41a}\u{412}\u{410}",
                "\u{43c}\u{43e}\u{441}\u{43a}\u{432}\u{430}",
            ),
        ] {
            assert_eq!(plain(text).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn umlauts_are_the_same_however_they_are_written() {
        let one = |text: &str| words(text).remove(0);
        assert!(one("M\u{fc}ller").is(&one("Mueller")) && one("Muller").is(&one("M\u{fc}ller")));
        assert!(!one("Mueller").is(&one("Muller")));
    }

    #[test]
    fn legal_forms_are_no_part_of_a_name() {
        for (text, expected) in [
            ("The Example Company, Inc.", "example"),
            ("Braun GmbH & Co. KG", "braun"),
            ("Acme Widgets (UK) Ltd", "acme widgets uk"),
            ("S.A. Brasserie", "brasserie"),
            ("Ltd", ""),
        ] {
            let words = words(text);
            let core: Vec<&str> = core(&words).iter().map(|word| word.plain.as_str()).collect();
            assert_eq!(core.join(" "), expected, "{text}");
        }
    }
}
