//! The fonts of the paper pack: widths and numbers of glyphs.

use ttf_parser::{Face, GlyphId};

use crate::error::Error;

/// DejaVu Sans, without what Europe's languages don't need: `fonts/README.md`.
const REGULAR: &[u8] = include_bytes!("fonts/DejaVuSans.ttf");
const BOLD: &[u8] = include_bytes!("fonts/DejaVuSans-Bold.ttf");
/// What stands for a character that the font doesn't have.
const REPLACEMENT: char = '\u{fffd}';

/// A style of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Style {
    Regular,
    Bold,
}

impl Style {
    /// All styles.
    pub(super) const ALL: [Self; 2] = [Self::Regular, Self::Bold];

    /// The font's name in the PDF. The six letters tell that it is a part of a font (ISO 32000-1, 9.6.4).
    pub(super) const fn name(self) -> &'static [u8] {
        match self {
            Self::Regular => b"HLDFST+DejaVuSans",
            Self::Bold => b"HLDFSB+DejaVuSans-Bold",
        }
    }

    /// The font's file.
    pub(super) const fn file(self) -> &'static [u8] {
        match self {
            Self::Regular => REGULAR,
            Self::Bold => BOLD,
        }
    }
}

/// A font.
pub(super) struct Font {
    pub(super) style: Style,
    pub(super) face: Face<'static>,
}

/// Both styles.
pub(super) struct Fonts {
    regular: Font,
    bold: Font,
}

impl Fonts {
    /// Reads the fonts that are built in.
    pub(super) fn read() -> Result<Self, Error> {
        Ok(Self {
            regular: Font::read(Style::Regular)?,
            bold: Font::read(Style::Bold)?,
        })
    }

    pub(super) const fn of(&self, style: Style) -> &Font {
        match style {
            Style::Regular => &self.regular,
            Style::Bold => &self.bold,
        }
    }
}

impl Font {
    fn read(style: Style) -> Result<Self, Error> {
        let face = Face::parse(style.file(), 0).map_err(|error| Error::Refused {
            what: format!("the font that is built in can't be read ({error}): this program is damaged"),
        })?;
        Ok(Self { style, face })
    }

    /// A character's glyph, and the character that it shows: another one if the font doesn't have it.
    pub(super) fn glyph(&self, character: char) -> (GlyphId, char) {
        let character = if character == '\u{a0}' { ' ' } else { character };
        match self.face.glyph_index(character) {
            Some(glyph) => (glyph, character),
            None => (self.face.glyph_index(REPLACEMENT).unwrap_or(GlyphId(0)), REPLACEMENT),
        }
    }

    /// A glyph's width, in thousandths of the size.
    pub(super) fn glyph_width(&self, glyph: GlyphId) -> f32 {
        let units = f32::from(self.face.units_per_em().max(1));
        f32::from(self.face.glyph_hor_advance(glyph).unwrap_or(0)) * 1000.0 / units
    }

    /// A text's width, in points.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        let widths = text.chars().map(|character| self.glyph_width(self.glyph(character).0));
        widths.sum::<f32>() * size / 1000.0
    }

    /// Cuts a text into lines that are at most so wide, at blanks where there are some.
    pub(super) fn lines(&self, text: &str, size: f32, width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in text.split('\n') {
            let mut line = String::new();
            for word in paragraph.split(' ') {
                let longer = if line.is_empty() {
                    word.to_owned()
                } else {
                    format!("{line} {word}")
                };
                if self.width(&longer, size) <= width {
                    line = longer;
                    continue;
                }
                if !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                }
                line = self.long_word(word, size, width, &mut lines);
            }
            lines.push(line);
        }
        lines
    }

    /// Cuts a word that is wider than a line; what is left of it begins the next line.
    fn long_word(&self, word: &str, size: f32, width: f32, lines: &mut Vec<String>) -> String {
        let mut part = String::new();
        for character in word.chars() {
            part.push(character);
            if part.chars().count() > 1 && self.width(&part, size) > width {
                part.pop();
                lines.push(std::mem::replace(&mut part, character.to_string()));
            }
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fonts_have_the_letters_of_europes_languages() {
        let fonts = Fonts::read().unwrap();
        let names = "Zo\u{eb} \u{141}ukasz \u{160}t\u{11b}p\u{e1}n \u{de}\u{f3}r O\u{2019}Brien \u{130}nci \u{11e}\u{fc}l \u{218}tefan \u{21a}u\u{21b}u \
                     Gw\u{1e81}n \u{391}\u{3bb}\u{3ad}\u{3be}\u{3b7}\u{3c2} \u{418}\u{432}\u{430}\u{43d} \u{404}\u{432}\u{433}\u{435}\u{43d} \
                     \u{531}\u{580}\u{561}\u{574} \u{10dc}\u{10d8}\u{10dc}\u{10dd} e\u{301} \u{20ac}";
        for style in Style::ALL {
            for character in names.chars() {
                assert_eq!(fonts.of(style).glyph(character).1, character, "{character:?}");
            }
            assert_eq!(fonts.of(style).glyph('\u{4e2d}').1, REPLACEMENT);
        }
    }

    #[test]
    fn no_line_is_wider_than_it_may_be() {
        let fonts = Fonts::read().unwrap();
        let font = fonts.of(Style::Regular);
        let text = format!("a short one {} and more\nnext", "x".repeat(500));
        let lines = font.lines(&text, 10.0, 100.0);
        assert!(lines.iter().all(|line| font.width(line, 10.0) <= 100.0));
        assert_eq!(lines.concat().replace(' ', ""), text.replace([' ', '\n'], ""));
        assert_eq!(lines.last().unwrap(), "next");
    }
}
